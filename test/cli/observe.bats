#!/usr/bin/env bats
# eoul observe with a made-up driver and real processes: who is recorded, what stays, what a kill costs.
bats_require_minimum_version 1.5.0

setup() {
    T=$(mktemp -d /tmp/eoul-observe-XXXXXX)
    cd "$T" || return 1
    chmod 755 "$T"
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    export EOUL_OBSERVE=$T/record EOUL_FAKE_NVML=$T/driver EOUL_NVML=${FAKE_NVML:?the made-up driver}
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    started=()
    driver
}

teardown() {
    "$eoul" observe stop >/dev/null 2>&1
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; done
    cd / && rm -rf "$T"
}

# Two GPUs; the lines given are what runs on them.
driver() {
    { printf 'gpu GPU-a 80000 NVIDIA H100\ngpu GPU-b 80000 NVIDIA H100\npower 0 300000\npower 1 200000\n'
      for line in "$@"; do echo "$line"; done; } >driver
}

# A command line of its own, nobody's child (children of one script are one run); its process is $work.
work() {
    work=$( (setsid "$@" sleep 600 3>&- 2>/dev/null >/dev/null & echo $!) )
    started+=("$work")
    until [ "$(cat /proc/$work/comm 2>/dev/null)" = sleep ]; do sleep 0.02; done
}

end() { kill "$1"; }

# Until the recorder's file has what is asked for (a pattern in a file of the record).
until_record() {
    for _ in $(seq 600); do
        grep -qs -- "$2" record/$1 && return
        sleep 0.05
    done
    echo "never: $2"; cat record/$1 record/open record/about
    false
}

recorder() { "$eoul" observe status --json | jq .; }

@test "a run of somebody who agreed is recorded; what-if and the simulator read it" {
    work; one=$work
    driver "process 0 $one 1000" "process 1 $one 1000"
    run "$eoul" observe start --every 1s
    [ "$status" -eq 0 ]
    [[ $output == "2 GPUs are looked at every 1 s. Nobody is recorded who has not agreed"* ]]
    [ "$(recorder | jq -c '[.running, .gpus, .people, .agreed]')" = '[true,2,0,false]' ]
    run "$eoul" observe show
    [[ $output == "No run of yours has been recorded to its end yet." ]]
    run "$eoul" observe join
    [[ $output == *"\"eoul observe leave\" deletes it."* ]]
    until_record open "^$(id -u) $one "
    end "$one"
    until_record "runs/$(id -u)" ',2,"'
    run "$eoul" observe show --csv
    [ "${lines[0]}" = "submit,runtime,gpus,user,command,watts,run" ]
    [[ ${lines[1]} == *",2,\"$(id -un)\",\"sleep\",500,"* ]]
    [ "${#lines[@]}" -eq 2 ]
    "$eoul" observe show --csv >jobs.csv
    [ "$("$eoul" sim --trace jobs.csv --format csv --gpus 2 --policy saf --json | jq -c '[.jobs, .rows_bad]')" = '[1,0]' ]
    run --separate-stderr "$eoul" whatif --from observed --gpus +1 --policy easy --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.jobs, [.options[].gpus]]' <<<"$output")" = '[1,[2,3]]' ]
    [ "$("$eoul" observe show --json | jq -c '[.rows[] | [.gpus, .command]]')" = '[[2,"sleep"]]' ]
    [ "$(recorder | jq '.weeks[0].recorded_gpu_s >= 2')" = true ]
    run "$eoul" observe stop
    [ "$status" -eq 0 ]
    [ "$(recorder | jq .running)" = false ]
    run "$eoul" observe stop
    [ "$status" -eq 1 ]
    [[ $output == "eoul: Nothing is recorded now." ]]
}

@test "of those who have not agreed nothing is kept but their part of the sum" {
    work; one=$work
    driver "process 0 $one 1000"
    "$eoul" observe start --every 1s
    for _ in $(seq 600); do
        [ "$(recorder | jq '.weeks[0].others_gpu_s')" -ge 2 ] && break
        sleep 0.1
    done
    end "$one"
    sleep 2.2 # a look after its end
    "$eoul" observe stop
    [ "$(recorder | jq -c '.weeks[0] | [.recorded_gpu_s, .others_gpu_s >= 2]')" = '[0,true]' ]
    [ -z "$(ls record/runs)" ]
    ! grep -rqs -e sleep -e " $one " record
}

@test "kill -9 at any time loses nothing and writes nothing twice" {
    work; one=$work; work; two=$work
    driver "process 0 $one 1000" "process 1 $two 1000"
    "$eoul" observe start --every 1s
    "$eoul" observe join
    until_record open " $one " && until_record open " $two "
    kill -9 "$(recorder | jq .pid 2>/dev/null | grep -v null || sed -n 's/^pid //p' record/about)"
    end "$one"
    [ "$(recorder | jq .running)" = false ]
    printf '1795691584,5,1,"x' >>"record/runs/$(id -u)" # a torn line, as after a power failure
    "$eoul" observe start --every 1s
    until_record "runs/$(id -u)" "\-$one-"
    until_record open " $two "
    cp record/open before
    end "$two"
    until_record "runs/$(id -u)" "\-$two-"
    kill -9 "$(sed -n 's/^pid //p' record/about)"
    cp before record/open # killed after the row was written, before it was struck out
    "$eoul" observe start --every 1s
    "$eoul" observe stop
    cat "record/runs/$(id -u)" before
    [ "$(grep -c "\-$one-" "record/runs/$(id -u)")" -eq 1 ]
    [ "$(grep -c "\-$two-" "record/runs/$(id -u)")" -eq 1 ]
    [ "$("$eoul" observe show --json | jq '.rows | length')" -eq 2 ]
    ! grep -q '"x' "record/runs/$(id -u)"
}

@test "whoever leaves is deleted, what runs included" {
    work; one=$work; work; two=$work
    driver "process 0 $one 1000" "process 1 $two 1000"
    "$eoul" observe start --every 1s
    "$eoul" observe join
    until_record open " $two "
    end "$one"
    until_record "runs/$(id -u)" "\-$one-"
    run "$eoul" observe leave
    [[ $output == *"deleted at the next look, within 1 s." ]]
    for _ in $(seq 600); do
        [ ! -e "record/runs/$(id -u)" ] && ! grep -q " $two " record/open && break
        sleep 0.05
    done
    [ ! -e "record/runs/$(id -u)" ]
    ! grep -q " $two " record/open
}

@test "a probe that dies is started again, and what runs goes on" {
    work; one=$work
    driver "process 0 $one 1000"
    "$eoul" observe start --every 1s
    "$eoul" observe join
    until_record open " $one "
    probe=$(pgrep -P "$(sed -n 's/^pid //p' record/about)")
    kill -9 "$probe"
    before=$(recorder | jq .last_look_at)
    for _ in $(seq 600); do
        [ "$(recorder | jq .last_look_at)" -gt "$before" ] && break
        sleep 0.1
    done
    [ "$(recorder | jq .running)" = true ]
    grep -q " $one " record/open
    end "$one"
    until_record "runs/$(id -u)" "\-$one-"
}

@test "each mistake is one sentence" {
    while IFS='|' read -r arguments code sentence; do
        run "$eoul" observe $arguments
        [ "$status" -eq "$code" ] || { echo "$arguments: $status"; false; }
        [[ $output == *"$sentence"* ]] || { echo "$arguments: $output"; false; }
        [ "${#lines[@]}" -eq 1 ]
    done <<'END'
status|1|Nobody records the use of GPUs here; "eoul observe start" begins to.
join|1|Nobody records the use of GPUs here
stop|1|Nobody records the use of GPUs here
dance|2|Write "eoul observe start", "stop", "status", "show", "join" or "leave".
start --every 0s|2|Write "eoul observe start [--every 30s]", from 1s to 1h.
start --every 2h|2|Write "eoul observe start [--every 30s]", from 1s to 1h.
END
    EOUL_NVML=/nowhere run "$eoul" observe start
    [ "$status" -eq 1 ]
    [[ $output == "eoul observe: No GPU can be seen here (/nowhere: "* ]]
    "$eoul" observe start --every 1s
    run "$eoul" observe start
    [ "$status" -eq 1 ]
    [[ $output == 'eoul observe: You are recording already; "eoul observe status" tells more.' ]]
    run "$eoul" whatif --from observed
    [ "$status" -eq 1 ]
    [[ $output == "eoul: No run has been recorded to its end yet"* ]]
}

@test "status tells of a recorder, with a daemon or without; in Korean too" {
    run "$eoul" status
    [[ $output != *record* ]]
    "$eoul" observe start --every 1s
    run "$eoul" status
    [[ $output == *"$(id -un) records the use of this machine's GPUs, of those who agreed."* ]]
    [[ $output == *"You are not in it"* ]]
    LANG=ko_KR.UTF-8 run "$eoul" observe
    [[ $output == *"동의"* ]]
}

@test "others can agree, read theirs and nothing else, and stop nothing" {
    [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "another user is needed, so root"
    setpriv --reuid 64999 --regid 64999 --clear-groups test -x "$eoul" || skip "the program is not everybody's to run"
    other() { setpriv --reuid 64999 --regid 64999 --clear-groups "$@"; }
    work setpriv --reuid 64999 --regid 64999 --clear-groups; theirs=$work; work; mine=$work
    driver "process 0 $theirs 1000" "process 1 $mine 1000"
    "$eoul" observe start --every 1s
    other "$eoul" observe join
    "$eoul" observe join
    until_record open "^64999 $theirs " && until_record open "^0 $mine "
    end "$theirs"; end "$mine"
    until_record runs/64999 "\-$theirs-" && until_record runs/0 "\-$mine-"
    run other cat record/runs/0
    [ "$status" -ne 0 ]
    run other "$eoul" observe show --csv
    [ "$status" -eq 1 ]
    [[ $output == *"Only root can read everybody's rows"* ]]
    run other "$eoul" observe stop
    [[ $output == *"Only root, who records, can stop that"* ]] || { echo "$output"; false; }
    run other "$eoul" observe start
    [[ $output == *"root records the use of this machine's GPUs already"* ]]
    run other "$eoul" observe show --json # by an access list, where the file system has them
    [ "$status" -ne 0 ] || [ "$(jq '.rows | length' <<<"$output")" -eq 1 ]
    run other rm -f record/consent/0
    [ -e record/consent/0 ]
    run "$eoul" observe show --csv
    [ "${#lines[@]}" -eq 3 ]
    [[ $output == *',"64999","sleep",'* ]]
}
