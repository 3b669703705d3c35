#!/usr/bin/env bats
# Projects and settings with the real daemon: quotas, who counts where, a changed eoul.yaml without a stop.
bats_require_minimum_version 1.5.0

setup() {
    T=$(mktemp -d /tmp/eoul-accounts-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    me=$(id -un)
    export EOUL_STATE=$T/state HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    mkdir -p "$T/.config/eoul"
    yaml=$T/.config/eoul/eoul.yaml
    printf 'gpus: 2\ncpus: 4\n' >"$yaml"
}

teardown() {
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -n "$pid" ] && timeout 20 tail --pid="$pid" -f /dev/null
    fi
    cd / && rm -rf "$T"
}

comes_true() { for _ in $(seq 200); do "$@" && return; sleep 0.05; done; false; }
is_state() { [ "$("$eoul" show --json "$1" | jq -r .state)" = "$2" ]; }

@test "a changed eoul.yaml holds after reload, without a stop" {
    printf 'gpus: 2\ncpus: 4\naccounts: [{name: vision, gpus: 1}]\n' >"$yaml"
    "$eoul" up >/dev/null
    pid=$("$eoul" status --json | jq .pid)
    "$eoul" submit --account vision --gpus 1 -- sleep 100
    comes_true is_state 1 RUNNING
    "$eoul" submit --account vision --gpus 1 -- sleep 100
    [ "$("$eoul" show --json 2 | jq -r .reason)" = AssocGrpGRES ]
    run "$eoul" reload
    [ "$output" = "$yaml has been read again; nothing that can change now is otherwise." ]
    # more for the project, another project, somebody new, limits, another policy, less CPUs
    printf 'gpus: 2\ncpus: 3\npolicy: fifo\nlimits: {queued: 1}\npeople: [{name: kim, zone: Europe/Berlin}]\n' >"$yaml"
    printf 'accounts: [{name: vision, gpus: 2}, {name: audio, gpus: 1, members: [kim]}]\n' >>"$yaml"
    run "$eoul" reload
    [ "$output" = "$yaml holds from now on; changed: cpus, policy, limits, people, accounts." ]
    comes_true is_state 2 RUNNING
    [ "$("$eoul" status --json | jq -c '[.pid, .policy, (.accounts | map(.account))]')" = "[$pid,\"fifo\",[\"vision\",\"audio\"]]" ]
    [ "$("$eoul" status --json | jq '.accounts[0].gpus_max')" -eq 2 ]
    run "$eoul" submit --account audio -- true
    [[ $output == *"Account \"audio\" has no member $me, who may use: vision."* ]]
    run "$eoul" submit --cpus-per-task 4 -- true
    [[ $output == *"It asks for more than this machine has at present"* ]]
    run "$eoul" submit -- true
    [ "$status" -eq 1 ]
    # the next start knows the same
    "$eoul" down >/dev/null
    timeout 20 tail --pid="$pid" -f /dev/null
    "$eoul" up >/dev/null
    run "$eoul" reload
    [[ $output == *"nothing that can change now is otherwise." ]]
}

@test "a file that is wrong changes nothing; what holds from a start on is named; SIGHUP does the same" {
    "$eoul" up >/dev/null
    for wrong in 'gpus: 2\ncpus: 4\nlimits: {queue: 1}\n' 'gpus: 2\ncpus: 4\nlimits: {queued: 1}\ntariff: /nowhere\n' 'limits: {queued: 1}\nlimits: {}\n'; do
        printf "$wrong" >"$yaml"
        run "$eoul" reload
        [ "$status" -ne 0 ]
        [ "${#lines[@]}" -eq 1 ]
    done
    [[ $output == *eoul.yaml* ]]
    "$eoul" submit --hold -- true
    "$eoul" submit --hold -- true
    printf 'gpus: 4\ncpus: 4\nfeeds: 18087\nlimits: {queued: 2}\n' >"$yaml"
    run "$eoul" reload
    [ "${lines[0]}" = "$yaml holds from now on; changed: limits." ]
    [ "${lines[1]}" = 'At the next start of the daemon: gpus, feeds ("eoul down", then "eoul up"; running jobs go on).' ]
    [ "$("$eoul" gpus --json | jq '.gpus | length')" -eq 2 ]
    run "$eoul" submit --hold -- true
    [ "$status" -eq 1 ]
    # said as long as it is so, and in Korean
    LC_ALL=ko_KR.UTF-8 run "$eoul" reload
    [ "${lines[0]}" = "$yaml 파일을 다시 읽었습니다. 지금 바꿀 수 있는 설정은 그대로입니다." ]
    [[ ${lines[1]} == '데몬을 다음에 시작할 때 적용됩니다: gpus, feeds ('* ]]
    printf 'gpus: 2\ncpus: 4\n' >"$yaml"
    kill -HUP "$("$eoul" status --json | jq .pid)"
    takes_more() { "$eoul" submit --hold -- true 2>/dev/null; }
    comes_true takes_more
    grep -q 'reload changed=limits' "$T/state/eould.log"
    echo 'gpus: many' >"$yaml"
    kill -HUP "$("$eoul" status --json | jq .pid)"
    comes_true grep -q 'reload error=.*gpus' "$T/state/eould.log"
    # a file that nobody needs may go
    rm "$yaml"
    run "$eoul" reload
    [ "$status" -eq 0 ]
}

@test "for which project: live and ended, in every list, by Slurm's names too, and in what one may have" {
    printf 'gpus: 2\ncpus: 4\nlimits: {gpus: 2}\naccounts: [{name: vision, gpus: 2, gpu_hours: 9}, {name: audio, members: [kim], gpus: 1}]\n' >"$yaml"
    "$eoul" up >/dev/null
    "$eoul" submit -- true
    run "$eoul" wait 1
    run "$eoul" history
    [[ $output != *ACCOUNT* ]] # nobody has one
    "$eoul" submit --account vision --job-name seen -- true
    run "$eoul" wait 2
    "$eoul" submit --account vision --hold -- true
    run "$eoul" history
    [[ ${lines[0]} == *"OWNER  ACCOUNT  STATE"* ]]
    [[ ${lines[1]} =~ $me\ +vision\ +COMPLETED ]]
    [[ ${lines[2]} =~ $me\ +COMPLETED ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" queue
    [[ $output == *계정* && $output == *vision* ]]
    [ "$("$eoul" history --json | jq -c '[.rows[].account]')" = '["vision",null]' ]
    [ "$("$eoul" history --account vision --json | jq -c '[.rows_n, .rows[0].id]')" = '[1,2]' ]
    [ "$("$eoul" queue -A vision --json | jq -c '[.rows[].id]')" = '[3]' ]
    [ "$("$eoul" queue -A audio --json | jq -c '[.rows[].id]')" = '[]' ]
    run "$eoul" queue --account vison
    [ "$status" -ne 0 ]
    [ "$output" = 'eoul: There is no account "vison"; there are: vision, audio.' ]
    run "$eoul" show 2
    [[ $output =~ account\ +vision ]]
    slurm=$(dirname "$eoul")/slurm
    [ "$("$slurm/sacct" -n -P -o JobID,Account,AllocTRES -A vision)" = $'2|vision|billing=1,cpu=1,node=1\n3|vision|billing=1,cpu=1,node=1' ]
    [ "$("$slurm/squeue" -h -o '%i %a')" = '3 vision' ]
    [ -z "$("$slurm/squeue" -h -A audio -o '%i %a')" ]
    [[ $("$slurm/scontrol" show job 2) == *"Account=vision QOS"* ]]
    run "$eoul" me
    [[ $output =~ quotas\ +$me,\ 0\ of\ 2\ GPUs ]]
    [[ $output == *"vision, 0 of 2 GPUs, 0 of 9 GPU-hours in 30 days"* && $output != *audio* ]]
    # its name stays with what it did when the project is over
    printf 'gpus: 2\ncpus: 4\n' >"$yaml"
    "$eoul" reload
    [ "$("$eoul" history --account vision --json | jq -c '[.rows[].account]')" = '["vision"]' ]
    run "$eoul" submit --account vision -- true
    [ "$status" -eq 0 ] # without accounts it is for the record
}

@test "an account is boosted, by its name with account: before it" {
    printf 'gpus: 0\ncpus: 1\naccounts: [{name: vision}]\n' >"$yaml"
    "$eoul" up >/dev/null
    "$eoul" submit -- sleep 100
    comes_true is_state 1 RUNNING
    "$eoul" submit --job-name other -- true
    "$eoul" submit --account vision -- true
    run "$eoul" boost vision --reason demo --until 2h
    [ "$status" -ne 0 ]
    [[ $output == *'for the account of that name write account:vision.' ]]
    run "$eoul" boost account:vison --reason demo --until 2h
    [[ $output == *'There is no account "vison"; there are: vision.' ]]
    run "$eoul" boost account:vision --reason demo --until 2h
    [[ $output == "Boost 1: account vision by $me until "*": demo" ]]
    [ "$("$eoul" boost --json | jq -c '.boosts[] | [.kind, .of]')" = '["account","vision"]' ]
    [ "$("$eoul" plan --json | jq -c '[.rows[].id]')" = '[1,3,2]' ]
    run "$eoul" why 2
    [[ $output == *"put what is for account vision before it until "*": demo."* ]]
    run "$eoul" why 3
    [[ $output == *"put it before others until "* ]]
    [ "$("$eoul" show 3 --json | jq -r .boost.of)" = vision ]
}
