#!/usr/bin/env bats
# Sweeps with the real daemon: points, results, the stop rule, held neighbours, reruns, retries by cause.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-sweep-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    mkdir -p "$T/.config/eoul" && echo 'gpus: 0' >"$T/.config/eoul/eoul.yaml"
}

teardown() {
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -n "$pid" ] && ended "$pid"
    fi
    cd / && rm -rf "$T"
}

daemon_pid() { "$eoul" status --json | jq .pid; }
# points ID FILTER: jq over the sweep
points() { "$eoul" sweep show "$1" --json | jq -r "$2"; }
# until_true SECONDS COMMAND...: asked again until it succeeds
until_true() {
    local tries=$(($1 * 10))
    shift
    for _ in $(seq "$tries"); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    "$@"
}
lines_are() { [ "$(wc -l <"$2")" -eq "$1" ]; }
is() { [ "$(points "$1" "$2")" = "$3" ]; }

@test "a grid: values in arguments, name, output, environment; quoting; results and their order" {
    mkdir out
    id=$("$eoul" sweep --parsable --param lr=1e-3,1e-4 --param "opt='a b',c;d" --job-name 'train-{lr}' \
        --output 'out/{lr}-%a.log' --export 'ALL,TAG=t-{lr}' --minimize loss -- \
        sh -c 'echo "[$1] [{opt}] $SLURM_JOB_NAME $TAG $EOUL_PARAM_opt ${lr} {{lr}} {print}"; echo eoul:result loss=0.$2' \
        x {opt} '{lr}' 2>err) || { cat err; false; }
    "$eoul" wait -q "$id"
    [ "$(cat out/1e-3-0.log)" = $'[a b] [a b] train-1e-3 t-1e-3 a b  {lr} {print}\neoul:result loss=0.1e-3' ]
    [ "$(head -1 out/1e-4-3.log)" = '[c;d] [c;d] train-1e-4 t-1e-4 c;d  {lr} {print}' ]
    is "$id" '[.rows[] | .point.lr + "/" + .point.opt + "=" + .results.loss] | join(" ")' \
        '1e-3/a b=0.1e-3 1e-3/c;d=0.1e-3 1e-4/a b=0.1e-4 1e-4/c;d=0.1e-4'
    run "$eoul" sweep show "$id"
    [[ ${lines[0]} == "Sweep $id, train-{lr}, 4 points: 4 done." ]]
    [[ ${lines[1]} =~ ^JOB\ +lr\ +opt\ +loss\ +STATE ]]
    [[ ${lines[2]} =~ ^${id}_2\ +1e-4\ +a\ b\ +0.1e-4\ +COMPLETED ]]
    run "$eoul" sweep show "$id" --by index
    [[ ${lines[2]} =~ ^${id}_0\ +1e-3 ]]
    run "$eoul" sweep show "$id" --by colour
    [ "$status" -eq 2 ]
    run "$eoul" logs "${id}_3"
    [[ $output == *"loss=0.1e-4" ]]
    run "$eoul" show "${id}_3"
    [[ $output == *"point"*"lr=1e-4 opt=c;d"* && $output == *"results"*"loss=0.1e-4"* ]]
}

@test "drawn points: the same seed draws the same, none twice; at most so many at once; a script has its variables" {
    cat >job.sh <<'EOF'
#!/bin/sh
#SBATCH --job-name=drawn
touch "running.$EOUL_PARAM_a"; ls running.* | wc -l >>counts; echo "$1 $EOUL_PARAM_a ${a}"; sleep 0.2; rm "running.$EOUL_PARAM_a"
EOF
    run --separate-stderr "$eoul" sweep --param a=1..1000 --random 6 --random-seed 11 --test-only job.sh
    first=$output
    [ "${#lines[@]}" -eq 7 ]
    run --separate-stderr "$eoul" sweep --param a=1..1000 --random 6 --random-seed 11 --test-only job.sh
    [ "$output" = "$first" ]
    run --separate-stderr "$eoul" sweep --param a=1..1000 --random 6 --random-seed 12 --test-only job.sh
    [ "$output" != "$first" ]
    id=$("$eoul" sweep --parsable --param a=1..1000 --random 6 --random-seed 11 --max-running 2 job.sh 'a is {a}' 2>/dev/null)
    "$eoul" wait -q "$id"
    [ "$(sort -n counts | tail -1)" -le 2 ]
    [ "$(cat slurm-"$id"_*.out | sort | awk '{print $3}')" = "$(awk 'NR>1{print $2}' <<<"$first" | sort)" ]
    grep -qx 'a is \([0-9]*\) \1 ' slurm-"$id"_0.out
    is "$id" '[.rows[].point.a] | unique | length' 6
}

@test "too many points are one sentence at once; wrong parameters too" {
    run timeout 60 "$eoul" sweep --param a=1..1000 --param b=1..1000 --param c=1..1000 -- true {a} {b} {c}
    [ "$status" -eq 1 ]
    [ "$output" = "eoul: The sweep has 1000000000 points; at most 100000 are possible, so give fewer values, or draw some with --random=20." ]
    run "$eoul" sweep -- true
    [ "$status" -eq 2 ]
    [[ $output == *"A sweep needs parameters"* ]]
    run "$eoul" sweep --param a=1,2 --array 0-1 -- true
    [ "$status" -eq 1 ]
    run "$eoul" sweep --param a=1,, -- true
    [[ $output == *"a value is missing between two commas"* ]]
    run "$eoul" sweep --test-only --param a=1,2 -- true {a} --seed={seed} {b} 'x{c}' '{d e}'
    [ "$status" -eq 0 ]
    [ "$(grep -c 'none of the parameters' <<<"$output")" -eq 2 ]
    [[ $output == *'{seed} in the command is none of the parameters and stays as it is; did you forget --param seed=...?'* ]]
    LANG=ko_KR.UTF-8 run "$eoul" sweep --param a=1..1000000000 -- true {a}
    [[ $output == *"조합이 1000000000개입니다"* ]]
    [ ! -e state/socket ] # nobody was started for it
    id=$("$eoul" submit --parsable --hold -- true)
    run "$eoul" sweep show "$id"
    [ "$output" = "eoul: Job $id is no sweep and no array." ]
}

@test "a result survives a log bomb behind it, a killed daemon, and the end" {
    cat >bomb.sh <<'EOF'
#!/bin/sh
echo "eoul:result loss=0.25 note=first"; echo "eoul:progress 0.3"
head -c 3000000 /dev/zero | tr '\0' 'x'; yes 'noise 1/2 of nothing' | head -n 200000
echo >done.$1; while [ ! -e go ]; do sleep 0.05; done
printf 'val: 7\nlast words without a newline eoul:result loss=0.125'
EOF
    chmod +x bomb.sh
    id=$("$eoul" sweep --parsable --param a=1,2 --result 'val: {val}' --output 'big-{a}' -- ./bomb.sh {a})
    until_true 20 [ -e done.1 -a -e done.2 ]
    until_true 10 is "$id" '[.rows[] | .results.loss + " " + (.done_ppm|tostring)] | unique | join(",")' '0.25 300000'
    kill -9 "$(daemon_pid)"
    "$eoul" up
    until_true 10 is "$id" '[.rows[] | .results.loss + " " + (.done_ppm|tostring)] | unique | join(",")' '0.25 300000'
    touch go
    "$eoul" wait -q "$id"
    is "$id" '.rows[1].results | "\(.loss) \(.note) \(.val)"' '0.125 first 7'
    kill -9 "$(daemon_pid)"
    "$eoul" up
    is "$id" '.rows[0].results | "\(.loss) \(.note) \(.val)"' '0.125 first 7'
    [ "$("$eoul" show "${id}_0" --json | jq -r .results.val)" = 7 ]
}

@test "the stop rule: the worse half is given up at its mark, and that is no failure" {
    cat >train.sh <<'EOF'
#!/bin/sh
echo "eoul:result loss=$1"
for i in 1 2 3 4; do echo "step $i/10"; sleep 1; done
EOF
    chmod +x train.sh
    # two at a time: 1 and 2 set the measure, then nan and 5 are the worse half of four, then 4 of six
    id=$("$eoul" sweep --parsable --param loss=1,2,5,nan,4,3 --max-running 2 --minimize loss \
        --stop-worst 0.5 --after 10% -- ./train.sh {loss})
    "$eoul" wait -q "$id" # 0: nothing has failed
    next=$("$eoul" submit --parsable --dependency "afterok:$id" -- true)
    "$eoul" wait -q "$next"
    is "$id" '[.rows[] | select(.reason == "SweepStopRule") | .point.loss] | join(" ")' '5 nan 4'
    is "$id" '"\(.given_up) \(.states.COMPLETED) \(.states.CANCELLED)"' '3 3 3'
    run "$eoul" sweep show "$id"
    [[ $output == *"given up by the stop rule."* ]]
    [[ ${lines[2]} =~ _0\ +1\ +1\ +COMPLETED ]] # the best first
    job=$(points "$id" '[.rows[] | select(.reason == "SweepStopRule")][0].name_id')
    run "$eoul" why "$job"
    [[ $output == *"The stop rule of its sweep gave it up for better points"* ]]
}

@test "equal failures hold the rest; release, rerun --failed: only what failed runs again" {
    cat >try.sh <<'EOF'
#!/bin/sh
echo "$1 $SLURM_RESTART_COUNT $PWD" >>"runs.$1"
[ -e mended ] && exit 0
exit $(($1 < 3 ? 0 : 5))
EOF
    chmod +x try.sh
    id=$("$eoul" sweep --parsable --param n=1..12 --max-running 1 -- ./try.sh {n})
    until_true 30 is "$id" '.held_failures' 7
    is "$id" '"\(.states.COMPLETED) \(.states.FAILED) \(.states.PENDING)"' "2 3 7"
    run "$eoul" why "${id}_11"
    [[ $output == *"because 3 tasks of its array failed alike in a row"* ]]
    run "$eoul" sweep show "$id"
    [[ $output == *"7 points are held: 3 failed alike in a row."* && $output == *"FAILED code 5"* ]]
    touch mended
    run "$eoul" sweep rerun "$id"
    [ "$status" -eq 2 ]
    run "$eoul" sweep rerun "$id" --failed
    [ "$output" = "3 points run again." ]
    until_true 20 is "$id" '.states.COMPLETED' 5
    is "$id" '.held_failures' 7
    [ "$(cat runs.1)" = "1  $T" ] # what went well was not run again
    [ "$(cat runs.4)" = "4  $T"$'\n'"4 1 $T" ]
    run "$eoul" sweep rerun "$id" --failed
    [ "$output" = "eoul: Nothing of job $id has failed." ]
    [ "$status" -eq 1 ]
    "$eoul" release "$id" >/dev/null
    "$eoul" wait -q "$id"
    is "$id" '.states.COMPLETED' 12
    [ "$(cat runs.*| wc -l)" -eq 15 ]
}

@test "an array can have its waiting tasks held as well; 0 never holds" {
    id=$("$eoul" submit --parsable --array 1-6%1 --hold-after 2 -- false)
    until_true 20 is "$id" '.held_failures' 4
    "$eoul" cancel "$id" >/dev/null
    id=$("$eoul" sweep --parsable --param a=1..6 --max-running 1 --hold-after 0 -- false {a})
    until_true 20 is "$id" '.states.FAILED' 6
}

@test "retries by cause: the same id and directory, SLURM_RESTART_COUNT, growing waits" {
    cat >flaky.sh <<'EOF'
#!/bin/sh
echo "$(date +%s%N) $SLURM_JOB_ID ${SLURM_RESTART_COUNT:-0} $PWD" >>"tries.$1"
case $1 in
code) exit 75 ;;
other) exit 74 ;;
signal) kill -KILL $$ ;;
esac
EOF
    chmod +x flaky.sh
    code=$("$eoul" submit --parsable --retry 75=2,signal=1:1s -- ./flaky.sh code)
    other=$("$eoul" submit --parsable --retry 75=2,signal=1:1s -- ./flaky.sh other)
    signal=$("$eoul" submit --parsable --retry 75=2,signal=1:1s -- ./flaky.sh signal)
    run "$eoul" wait -q "$code"
    [ "$status" -eq 75 ]
    run "$eoul" wait -q "$other" "$signal"
    [ "$status" -eq 74 ]
    [ "$(awk '{print $2, $3, $4}' tries.code)" = "$code 0 $T"$'\n'"$code 1 $T"$'\n'"$code 2 $T" ]
    [ "$(wc -l <tries.other)" -eq 1 ]
    [ "$(wc -l <tries.signal)" -eq 2 ]
    awk '{t[NR]=$1} END {exit !(t[2]-t[1] >= 1e9 && t[3]-t[2] >= 2e9)}' tries.code
    # A run that is lost with its supervisor is paid by its own rule.
    lost=$("$eoul" submit --parsable --retry node=1:1s -- sh -c 'echo x >>lost; [ "${SLURM_RESTART_COUNT:-0}" = 1 ] || exec sleep 1000')
    until_true 20 [ -s lost ]
    supervisor=$(od -A n -t u4 -j $((512 + 16 + 16 + 40 + 4)) -N 4 "state/attempts/$lost.1/lock" | tr -d ' ')
    kill -9 "$supervisor"
    until_true 30 lines_are 2 lost
    "$eoul" wait -q "$lost"
    [ "$("$eoul" show "$lost" --json | jq -r '[.attempts[].state] | join(" ")')" = "LOST ENDED" ]
}
