#!/usr/bin/env bats
# The command line with the real daemon: what a person does on the first day.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-real-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    # a box without GPUs whatever this machine has
    mkdir -p "$T/.config/eoul" && echo 'gpus: 0' >"$T/.config/eoul/eoul.yaml"
}

teardown() {
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -n "$pid" ] && ended "$pid"
    fi
    [ -n "${tmux_name:-}" ] && tmux -L "$tmux_name" kill-server 2>/dev/null
    cd / && rm -rf "$T"
}

daemon_pid() { "$eoul" status --json | jq .pid; }

# runs ID: the daemon writes starts down together, some 20 ms after the job began to speak.
runs() { for _ in $(seq 200); do [ "$("$eoul" show --json "$1" 2>/dev/null | jq -r .state)" = RUNNING ] && return; sleep 0.05; done; false; }

@test "run starts the daemon, follows, and gives the job's code; queue and history know it" {
    run --separate-stderr timeout 30 "$eoul" run -- sh -c 'echo out; echo err >&2; exit 4'
    [ "$status" -eq 4 ]
    [ "$output" = $'out\nerr' ]
    [[ $stderr == *"Job 1 failed with exit code 4." ]]
    [ "$("$eoul" history --json | jq -r '.rows[0].state')" = FAILED ]
    run "$eoul" queue
    [[ $output == "0 running, 0 waiting, 0 held"* ]]
    run "$eoul" show 1
    [[ $output == *"exit code 4"* ]]
}

@test "a program that is not there: no exit code is made up, and logs says why it is empty" {
    run --separate-stderr "$eoul" submit -- nosuchprogram
    [ "$status" -eq 0 ]
    [[ $stderr == *'There is no program "nosuchprogram" in PATH now; without it the job will fail at its start.' ]]
    run "$eoul" wait 1
    [[ $output == *'Job 1 could not be started: cannot execute "nosuchprogram": No such file or directory.'* ]]
    run --separate-stderr "$eoul" logs 1
    [ "$status" -eq 0 ] && [ -z "$output" ]
    [[ $stderr == 'eoul: Job 1 could not be started: cannot execute "nosuchprogram": No such file or directory.' ]]
    run "$eoul" history
    [[ ${lines[1]} =~ FAILED\ +-\  ]]
    run "$eoul" show 1
    [[ $output == *'cannot execute "nosuchprogram": No such file or directory'* ]]
    [[ $output != *"exit code"* ]]
    run "$eoul" why 1
    [[ ${lines[0]} == 'It could not be started: cannot execute "nosuchprogram": No such file or directory.' ]]
}

@test "a program that is there is not missed: in PATH, by its path, in the job's PATH, in the job's directory" {
    mkdir -p bin sub
    printf '#!/bin/sh\n' | tee bin/mine sub/here plain >/dev/null
    chmod +x bin/mine sub/here
    quiet() { run --separate-stderr "$eoul" submit --hold "$@"; [ "$status" -eq 0 ]; [ -z "$stderr" ]; }
    quiet -- true
    quiet -- bin/mine
    quiet -- "$PWD/bin/mine"
    quiet --chdir "$PWD/sub" -- ./here
    quiet --export="PATH=$PWD/bin" -- mine
    said() { run --separate-stderr "$eoul" submit --hold "$@"; [ "$status" -eq 0 ]; [ -n "$stderr" ]; }
    said -- ./here
    said -- mine
    said -- ./plain
    [[ $stderr == *'"./plain" may not be executed; "chmod +x ./plain" would allow it.' ]]
}

@test "ten starts at once make one daemon and lose nothing" {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        timeout 30 "$eoul" submit --parsable --hold -- true >"id.$i" 2>"err.$i" &
    done
    wait
    cat err.*
    [ "$(cat id.* | sort -un | wc -l)" -eq 10 ]
    [ "$("$eoul" queue --all --json | jq '[.rows[] | .tasks // 1] | map(if . == 0 then 1 else . end) | add')" -ge 10 ]
    [ "$("$eoul" status --json | jq .counts.held)" -eq 10 ]
}

@test "the daemon is killed while run follows: the job goes on, run too" {
    timeout 60 "$eoul" run -- sh -c 'echo one; while [ -d state ] && [ ! -e go ]; do sleep 0.05; done; echo two; exit 7' >out 2>err &
    follower=$!
    for _ in $(seq 200); do grep -q one out && break; sleep 0.05; done
    kill -9 "$(daemon_pid)"
    "$eoul" up
    touch go
    code=0
    wait "$follower" || code=$?
    [ "$code" -eq 7 ]
    [ "$(cat out)" = $'one\ntwo' ]
}

@test "a cleaned directory of the socket: the next command has the daemon make it again" {
    unset EOUL_STATE
    export XDG_STATE_HOME=$T/xdg
    socket=/tmp/eoul-$(id -u)/socket
    [ ! -e "$socket" ] || skip "a daemon of this user runs on this machine"
    "$eoul" submit --hold -- true
    pid=$(daemon_pid)
    rm -rf "/tmp/eoul-$(id -u)"
    "$eoul" submit --hold -- true
    [ "$(daemon_pid)" = "$pid" ]
    [ "$("$eoul" status --json | jq .counts.held)" -eq 2 ]
    "$eoul" down
    ended "$pid"
}

@test "an array, a dependency, hold, set, first, requeue, cancel" {
    a=$("$eoul" submit --parsable --array 1-3 --wrap 'echo $SLURM_ARRAY_TASK_ID')
    b=$("$eoul" submit --parsable --dependency "afterok:$a" -- true)
    timeout 60 "$eoul" wait "$a" "$b"
    [ "$(cat slurm-"${a}"_*.out | sort | tr '\n' ' ')" = "1 2 3 " ]
    h=$("$eoul" submit --parsable --hold -- sleep 600)
    run "$eoul" why "$h"
    [[ $output == *"eoul release $h"* ]]
    "$eoul" set "$h" --time 30 --nice 5
    [ "$("$eoul" show --json "$h" | jq .limit_us)" -eq 1800000000 ]
    "$eoul" first "$h"
    "$eoul" release "$h"
    run "$eoul" cancel --mine
    [ "$output" = "1 job cancelled." ]
    run timeout 30 "$eoul" wait "$h"
    [ "$status" -ne 0 ]
    f=$("$eoul" submit --parsable -- sh -c 'test -e again')
    run timeout 30 "$eoul" wait "$f"
    [ "$status" -eq 1 ]
    touch again
    run "$eoul" requeue --failed
    [ "$status" -eq 0 ]
    timeout 30 "$eoul" wait "$f"
}

@test "submit --from: all or none" {
    printf 'echo a\n--job-name "둘째 작업" -- echo b\n' >jobs.txt
    [ "$("$eoul" submit --parsable --from jobs.txt | wc -l)" -eq 2 ]
    printf 'echo c\n--gpus 500 -- echo d\n--array 1-9999999 -- x\n' >bad.txt
    before=$("$eoul" history --all --json | jq '.rows | length')
    run "$eoul" submit --from bad.txt
    [ "$status" -ne 0 ]
    [[ $output == *"Nothing was submitted"* ]]
    [ "$("$eoul" history --all --json | jq '.rows | length')" -le $((before + 2)) ]
    [ "$(find . -name 'slurm-*.out' | wc -l)" -le 2 ]
}

@test "down leaves running jobs alone, up finds them" {
    j=$("$eoul" submit --parsable -- sh -c 'while [ -d state ] && [ ! -e go ]; do sleep 0.05; done; echo done')
    runs "$j"
    pid=$(daemon_pid)
    run "$eoul" down
    [ "$output" = "The daemon stops; 1 running job goes on and is found again by the next one." ]
    ended "$pid"
    run "$eoul" queue
    [ "$status" -eq 1 ]
    "$eoul" up
    touch go
    timeout 30 "$eoul" wait "$j"
    [ "$(cat "slurm-$j.out")" = done ]
}

@test "a daemon that cannot start says why" {
    mkdir -m 700 state
    echo 'gpus: [' >"$T/.config/eoul/eoul.yaml"
    run "$eoul" up
    [ "$status" -eq 1 ]
    [ "$(grep -c . <<<"$output")" -eq 1 ]
    [[ $output == "eoul: "*"eoul.yaml"* ]]
    echo 'gpus: 2' >good.yaml
    run "$eoul" up --config good.yaml
    [ "$status" -eq 0 ]
    run "$eoul" config check "$T/.config/eoul/eoul.yaml"
    [ "$status" -eq 1 ]
    run "$eoul" config check good.yaml
    [ "$status" -eq 0 ]
}

@test "on a terminal: progress, Ctrl-C twice cancels, Ctrl-\\ leaves" {
    command -v tmux >/dev/null || skip "tmux is not installed"
    tmux_name=eoul-$$-$RANDOM
    "$eoul" up
    "$eoul" drain
    # without a terminal of its own, as its input is a file
    tmux -L "$tmux_name" new-session -d -x 100 -y 12 "$eoul run -i /dev/null -- sleep 600; echo code \$?; exec sleep 600"
    screen() { tmux -L "$tmux_name" capture-pane -p; }
    until_screen() { for _ in $(seq 100); do screen | grep -q "$1" && return; sleep 0.1; done; screen; false; }
    until_screen '^Job 1 waits'
    "$eoul" undrain
    until_screen '^Job 1 runs'
    tmux -L "$tmux_name" send-keys C-c
    until_screen 'Ctrl-C again cancels job 1'
    runs 1
    tmux -L "$tmux_name" send-keys C-c
    until_screen 'Job 1 was cancelled'
    until_screen 'code 143'
    tmux -L "$tmux_name" kill-server
    tmux_name=eoul-$$-$RANDOM
    tmux -L "$tmux_name" new-session -d -x 100 -y 12 "$eoul run -- sleep 600; echo code \$?; exec sleep 600"
    for _ in $(seq 100); do [ "$("$eoul" show --json 2 | jq .terminal.attached)" = 1 ] && break; sleep 0.05; done
    tmux -L "$tmux_name" send-keys C-\\
    until_screen 'Job 2 goes on'
    until_screen 'code 125'
    runs 2
}

@test "in a script one SIGINT cancels" {
    # a background child of a script ignores SIGINT by default; setsid with the default action does not
    env --default-signal=INT setsid "$eoul" run -- sleep 600 >out 2>err </dev/null &
    follower=$!
    runs 1
    kill -INT "$follower"
    code=0
    wait "$follower" || code=$?
    [ "$code" -eq 143 ]
    [ "$("$eoul" show --json 1 | jq -r .state)" = CANCELLED ]
}

@test "me, away and here change the plan's eyes" {
    "$eoul" up
    "$eoul" me hours Mon-Sun 00:00-24:00
    [ "$("$eoul" me --json | jq -r .hours_from)" = set ]
    "$eoul" me zone Asia/Seoul
    [ "$("$eoul" me --json | jq -r .zone)" = Asia/Seoul ]
    [ "$("$eoul" me --json | jq -r .defer)" = false ]
    [[ $("$eoul" me defer yes) == *"later starts"* ]]
    [ "$("$eoul" me --json | jq -r .defer)" = true ]
    "$eoul" me defer no
    [ "$("$eoul" me --json | jq -r .defer)" = false ]
    run "$eoul" me defer perhaps
    [ "$status" -eq 2 ]
    j=$("$eoul" submit --parsable --begin now+1hour -- true)
    early=$("$eoul" show --json "$j" | jq .eyes_at)
    "$eoul" away for 5h
    late=$("$eoul" show --json "$j" | jq .eyes_at)
    [ "$late" -gt "$early" ]
    "$eoul" away off
    [ "$("$eoul" show --json "$j" | jq .eyes_at)" -lt "$late" ]
}

@test "up --team: a member may submit, the job runs as whoever opened it, an outsider finds nothing" {
    [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "needs root and setpriv"
    group=$(awk -F: '$3 > 100 && $3 < 65000 {print $1; exit}' /etc/group)
    gid=$(getent group "$group" | cut -d: -f3)
    [ ! -e "/tmp/eoul-team-$gid" ] || skip "there is a team of this group already"
    chmod 755 "$T"
    mkdir bin one two
    cp "$(dirname "$eoul")"/eoul* bin/ 2>/dev/null || true
    first=$((20000 + RANDOM)) second=$((60000 + RANDOM))
    chown "$first:$gid" one
    chown "$second:$gid" two
    as() { env -i PATH="$PATH" LANG=C.UTF-8 HOME="$T/$2" setpriv --reuid "$1" --regid "$3" --clear-groups "${@:4}"; }
    as "$first" one "$gid" bin/eoul up --team "$group"
    run as "$second" two "$gid" bin/eoul submit --chdir /tmp --output "$T/one/out" -- id -u
    [ "$status" -eq 0 ]
    [[ $output == *"This is the team's daemon of \"$first\""* ]]
    as "$second" two "$gid" timeout 30 bin/eoul wait 1
    [ "$(cat one/out)" = "$first" ]
    run as $((first + 1)) two 64999 bin/eoul queue
    [ "$status" -eq 1 ]
    [[ $output == "eoul: No eoul daemon of yours runs"* ]]
    pid=$(as "$first" one "$gid" bin/eoul status --json | jq .pid)
    as "$first" one "$gid" bin/eoul down
    ended "$pid"
    rm -rf "/tmp/eoul-team-$gid"
}

@test "reserve: kept, named in why, listed, in the plan, taken back" {
    echo 'gpus: 2' >"$T/.config/eoul/eoul.yaml"
    timeout 60 "$eoul" up >/dev/null
    run "$eoul" reserve
    [ "$output" = "Nothing is reserved." ]
    run "$eoul" reserve --gpus 2 --to 2h --name demo
    [ "$status" -eq 0 ]
    [[ $output == "Reservation 1: 2 GPUs are kept for "* ]]
    [ "$("$eoul" reserve --json | jq -c '.reservations[] | [.id, .name, .gpus, .mine, .active]')" = '[1,"demo",2,true,true]' ]
    run "$eoul" reserve --gpus 1 --from '+1h' --to 2h
    [ "$status" -ne 0 ]
    run "$eoul" plan --ascii
    [[ $output == *RESERVATION*demo* ]]
    timeout 60 "$eoul" run --gpus=1 -- true # its owner's own job uses it
    [[ "$("$eoul" reserve --list)" == *demo* ]]
    run "$eoul" reserve --cancel 1
    [ "$output" = "Reservation 1 is taken back." ]
    run "$eoul" reserve remove 1 # as it was said before
    [ "$status" -eq 1 ]
    run "$eoul" reserve --gpus 3 --to 2h
    [[ $output == *"There are only 2 such GPUs to reserve."* ]]
    [[ $output == *'What would change that: "eoul why r'* ]]
    run "$eoul" reserve --gpus 3 --to 4h
    name=$("$eoul" me --json | jq -r .name)
    run "$eoul" why --for "$name" # each with its times
    [ "$status" -eq 0 ]
    [ "$(grep -c 'eoul reserve --gpus=3 (.* - .*)' <<<"$output")" -eq 2 ]
    run "$eoul" why --for nobody-at-all
    [ "$status" -eq 1 ] && [[ $output == *'Nobody of the team is called "nobody-at-all".'* ]]
    run "$eoul" hold 1 # what it says is all there is
    [ "$output" = "eoul: Job 1 is already over." ]
}

@test "boost: who, why and until when, for the boosted and the passed; kept by a restart, over at its end" {
    "$eoul" submit --hold -- true
    "$eoul" drain >/dev/null
    "$eoul" submit -- true
    "$eoul" submit --array=1-3 -- true
    run "$eoul" boost 3 --until 2h --reason '  '
    [ "$status" -eq 1 ]
    [[ $output == *'Say why: a boost has a reason'* ]]
    run "$eoul" boost nobody --until 2h --reason demo
    [[ $output == *'There is neither a job nor a person "nobody"'* ]]
    run "$eoul" boost 3 --until 2h --reason '데모 on Friday'
    [[ $output == "Boost 1: job 3 by $(id -un) until "*": 데모 on Friday" ]]
    run "$eoul" why 2
    [[ $output == *"$(id -un) put job 3 before it until "*": 데모 on Friday."* ]]
    run "$eoul" why 3_2
    [[ $output == *"$(id -un) put it before others until "*": 데모 on Friday."* ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" why 3_2
    [[ $output == *'이 작업을 우선 처리하도록 정했습니다. 이유: 데모 on Friday.'* ]]
    run "$eoul" show 3
    [[ $output == *"boosted"*"by $(id -un) until "*"데모 on Friday"* ]]
    kill -9 "$("$eoul" status --json | jq .pid)"
    "$eoul" up >/dev/null
    run "$eoul" status
    [[ $output == *"boosted      job 3 by $(id -un) until "*": 데모 on Friday"* ]]
    [ "$("$eoul" boost --json | jq -c '.boosts[] | [.id, .kind, .of]')" = '[1,"array","3"]' ]
    [ "$("$eoul" plan --json | jq -c '[.rows[] | select(.state == "PENDING") | .id][0:4]')" = '[3,4,5,2]' ]
    run "$eoul" boost --cancel 1
    [ "$output" = "Boost 1 is over." ]
    run "$eoul" boost --list
    [ "$output" = "Nothing is boosted." ]
    "$eoul" boost 2 --until 1s --reason soon
    until [ "$("$eoul" boost --list)" = "Nothing is boosted." ]; do :; done
    run "$eoul" why 2
    [[ $output != *soon* ]]
}

@test "why: what a start failed of, and what one rested on, afterwards and in the reader's language" {
    printf 'gpus: 0\ncpus: 1\n' >"$T/.config/eoul/eoul.yaml"
    "$eoul" submit --chdir /no/such -- true
    "$eoul" wait 1 || true
    run "$eoul" why 1
    [[ ${lines[0]} == 'It could not be started: cannot enter the working directory "/no/such": No such file or directory.' ]]
    [[ ${lines[1]} == *'"eoul requeue 1" runs it again.' ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" why 1
    [[ ${lines[0]} == '시작하지 못했습니다: 작업 디렉터리 "/no/such"에 들어갈 수 없습니다: 그런 파일이나 디렉터리가 없습니다.' ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" show 1
    [[ $output == *'작업 디렉터리 "/no/such"에 들어갈 수 없습니다: 그런'* ]]
    "$eoul" submit -- sh -c 'until [ -e go ]; do :; done' # the only CPU
    "$eoul" submit --begin now+90minutes -- true
    "$eoul" submit -- true
    run "$eoul" why 4
    [[ ${lines[0]} == 'It is next in line and needs 1 CPU; 0 are free now.' ]]
    touch go
    "$eoul" wait 2
    "$eoul" wait 4
    run "$eoul" why 4
    [[ ${lines[0]} == 'It ended well ('* ]]
    [[ $output == *'When it started it was expected to end around '*'; there was too little history to give odds.'* ]]
    [ "$("$eoul" why --json 4 | jq '.numbers | .passed == 0 and .expected_of_n < 30 and .ready_at <= .start_at')" = true ]
    run "$eoul" submit --deadline 2020-01-01 -- true
    [ "$status" -eq 1 ]
    [[ $output == 'eoul: --deadline=2020-01-01 lies in the past; give a time ahead.' ]]
}

@test "accounts: members, GPUs at once, who holds them; a lowered quota stops nothing; without accounts as ever" {
    me=$(id -un)
    "$eoul" submit --account=anything --hold -- true
    "$eoul" down >/dev/null
    printf 'gpus: 3\ncpus: 8\naccounts:\n- {name: vision, members: ["%s"], gpus: 2}\n- {name: closed, members: [somebody]}\n- {name: open}\n' \
        "$me" >"$T/.config/eoul/eoul.yaml"
    "$eoul" up >/dev/null
    run "$eoul" submit --account=visoin -- true
    [ "$status" -eq 1 ]
    [[ $output == *'There is no account "visoin"; there are: vision, closed, open.'* ]]
    run "$eoul" submit -A closed -- true
    [ "$status" -eq 1 ]
    [[ $output == *"Account \"closed\" has no member $me, who may use: vision, open."* ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" submit -A closed -- true
    [[ $output == *'"closed" 계정의 구성원에 '* ]]
    first=$("$eoul" submit --json --gpus=1 -- sleep 300 | jq '.jobs[0].id')   # vision: the first that names its owner
    second=$("$eoul" submit --json --gpus=1 -A vision -- sleep 300 | jq '.jobs[0].id')
    third=$("$eoul" submit --json --gpus=1 -A vision -- sleep 300 | jq '.jobs[0].id')
    until [ "$("$eoul" status --json | jq -c '.accounts[0] | [.account, .gpus, .gpus_max]')" = '["vision",2,2]' ]; do :; done
    other=$("$eoul" submit --json --gpus=1 -A open -- sleep 300 | jq '.jobs[0].id') # a GPU is free, and not kept for the third
    until [ "$("$eoul" show --json "$other" | jq -r .state)" = RUNNING ]; do :; done
    [ "$("$eoul" show --json "$third" | jq -c '[.state, .reason, .account]')" = '["PENDING","AssocGrpGRES","vision"]' ]
    run "$eoul" why "$third"
    [[ $output == *"Account vision has 2 of its 2 GPUs in use; this job needs 1."*"Room is expected when job "* ]]
    run "$eoul" status
    [[ $output == *"accounts     vision, 2 of 2 GPUs"* ]]
    # less than it has, and hours: what runs goes on
    "$eoul" down >/dev/null
    printf 'gpus: 3\ncpus: 8\naccounts:\n- {name: vision, gpus: 1, gpu_hours: 100, days: 7}\n' >"$T/.config/eoul/eoul.yaml"
    "$eoul" up >/dev/null
    [ "$("$eoul" show --json "$first" | jq -r .state)$("$eoul" show --json "$second" | jq -r .state)" = RUNNINGRUNNING ]
    run "$eoul" why "$third"
    [[ $output == *"Account vision has 2 of its 1 GPU in use"* ]]
    [ "$("$eoul" status --json | jq -c '.accounts[0] | [.gpus, .gpus_max, .gpu_hours_max, .days]')" = '[2,1,100,7]' ]
    "$eoul" cancel "$first" "$second" >/dev/null
    until [ "$("$eoul" show --json "$third" | jq -r .state)" = RUNNING ]; do :; done
}

@test "--urgent: twice in seven days, then a sentence; status tells everybody" {
    "$eoul" submit --hold -- true
    "$eoul" drain >/dev/null
    "$eoul" submit --urgent -- true
    "$eoul" submit --urgent --array=1-3 -- true
    run "$eoul" submit --urgent -- true
    [ "$status" -eq 1 ]
    [[ $output == *'This person has used --urgent 2 times in seven days'* ]]
    [[ $output == *'Without --urgent the job is taken.'* ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" submit --urgent -- true
    [ "$status" -eq 1 ]
    [[ $output == *'--urgent를 2번 모두 썼습니다'* ]]
    "$eoul" submit -- true
    run "$eoul" why 2
    [[ $output == *'It is urgent: of the jobs that wait, only those over their age'* ]]
    run "$eoul" status
    [[ $output == *"urgent       $(id -un): 2 of 2 in seven days, one more from "* ]]
    [ "$("$eoul" status --json | jq -c '[.urgent_allowed, .urgent[0].used]')" = '[2,2]' ]
    "$eoul" down >/dev/null
    "$eoul" up >/dev/null
    [ "$("$eoul" status --json | jq '.urgent[0].used')" -eq 2 ]
    # a team may say otherwise
    "$eoul" down >/dev/null
    printf 'gpus: 0\nhalf_life: 1h\n' >"$T/.config/eoul/eoul.yaml"
    run "$eoul" config check
    [ "$status" -ne 0 ]
    printf 'gpus: 0\nurgent: 9\n' >"$T/.config/eoul/eoul.yaml"
    run "$eoul" config check
    [ "$status" -ne 0 ]
    printf 'gpus: 0\nurgent: 3\nhalf_life: 14d\n' >"$T/.config/eoul/eoul.yaml"
    "$eoul" up >/dev/null
    "$eoul" submit --urgent -- true
    run "$eoul" submit --urgent -- true
    [ "$status" -eq 1 ]
}

@test "slips that were taken without a word are said: a begin that is over, nights, clear text" {
    "$eoul" up >/dev/null
    run --separate-stderr "$eoul" submit --begin yesterday -- true
    [ "$status" -eq 0 ]
    [[ $stderr == *"--begin=yesterday lies in the past; the job may start at once." ]]
    for still in now today now+1hour; do
        run --separate-stderr "$eoul" submit --begin "$still" -- true
        [[ $stderr != *past* ]]
    done
    "$eoul" submit --hold -- true
    LC_ALL=ko_KR.UTF-8 run --separate-stderr "$eoul" set 5 --begin 2020-01-01
    [[ $stderr == *"--begin=2020-01-01은(는) 이미 지난 때이므로"* ]]
    run --separate-stderr "$eoul" me hours 'Mon-Fri 18:00-09:00'
    [ "$status" -eq 0 ]
    [[ $output == *"look hours"*"18:00-09:00"* && $stderr == *"18:00-09:00 lasts until the next morning." ]]
    run --separate-stderr "$eoul" me hours 'Mon-Fri 09:00-18:00'
    [ -z "$stderr" ]
    run "$eoul" me notify add ntfy http://ntfy.sh/topic
    [ "$status" -ne 0 ]
    [[ $output == *"The address must begin with https://: what goes to http:// anybody on the way can read." ]]
    run "$eoul" me notify add kakaowork here
    [[ $output == *'as in "eoul me notify add kakaowork 1234567 --secrets FILE".' ]]
}

@test "the wrong keyboard: nothing, too much, the other verb's word, clear text, an inner name" {
    "$eoul" up >/dev/null
    "$eoul" submit --hold -- true
    run "$eoul" submit ''
    [ "$output" = "eoul: The name of the script is empty." ]
    run "$eoul" submit </dev/null
    [ "$output" = "eoul: There is no script on standard input; write eoul submit FILE, or eoul submit -- COMMAND." ]
    run "$eoul" submit --gpus 99999999999 -- true
    [[ $output == *'"99999999999" is more GPUs than any machine has.' ]]
    run "$eoul" reserve --gpus 1 --until 2h
    [[ $output == *'has no option --until; did you mean --to?' ]]
    run "$eoul" set 1 --at-once -3
    [ "$output" = "eoul: --at-once: it can be from 0 to 2147483647." ]
    LC_ALL=ko_KR.UTF-8 run "$eoul" set 1 --nice 99999999999
    [[ $output == 'eoul: --nice: -2147483647부터 2147483647까지 쓸 수 있습니다.' ]]
    run "$eoul" me cap 0
    [[ $output == *"has no unit; write for example '30m' or '2h'." ]]
    run "$eoul" me calendar add http://x.example/c.ics
    [ "$status" -ne 0 ]
    run "$eoul" me calendar
    [[ $output == "There is no calendar yet"* ]]
    run "$eoul" restore nosuch
    [[ $output == *'is up; "eoul down" stops it, then restore again.' ]]
}
