#!/usr/bin/env bats
# A copy of the store while the daemon runs, and back again: the past comes back held, no number twice.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-backup-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    mkdir -p "$T/.config/eoul" && printf 'gpus: 0\ncpus: 1\n' >"$T/.config/eoul/eoul.yaml"
}

teardown() {
    stop --cancel-jobs
    cd / && rm -rf "$T"
}

stop() {
    [ -S "$T/state/socket" ] || return 0
    pid=$("$eoul" status --json | jq .pid) 2>/dev/null
    "$eoul" down "$@" >/dev/null 2>&1
    [ -z "$pid" ] || ended "$pid"
}

reason() { "$eoul" show "$1" --json | jq -r '.state + " " + .reason'; }

@test "what waited in the copy comes back held, what ran in it too, and numbers go on" {
    "$eoul" run -- true                                                   # 1: over before the copy
    mkfifo go
    "$eoul" submit --requeue -- sh -c 'echo ran >>witness; read x <go'    # 2: runs in the copy
    "$eoul" submit -- sh -c 'echo again >>witness'                        # 3: waits in the copy
    until [ -s witness ]; do sleep 0.05; done
    run "$eoul" backup copy.db
    [ "$status" -eq 0 ]
    [[ $output == "$T/copy.db holds the whole store ("*" KiB)." ]]
    [ "$(stat -c %a copy.db)" = 600 ]
    echo x >go
    timeout 30 "$eoul" wait 2 3
    for _ in 1 2 3 4; do "$eoul" run -- true; done                        # 4..7: unknown to the copy
    stop
    rm -rf state/attempts/* # as on another machine
    printf 'eoul-passed 1\n1 %s000000 %s000000 %s000000 %s000000\n' $((EPOCHSECONDS - 7200)) $((EPOCHSECONDS - 60)) \
        $((EPOCHSECONDS - 7200)) $((EPOCHSECONDS - 3600)) >state/passed # of whom that number was here
    cp state/passed state/.passed.new
    run "$eoul" restore copy.db
    [ "$status" -eq 0 ]
    [[ $output == "The copy is in place; the store before it is kept as $T/state/eoul.db.replaced."* ]]
    [ ! -e state/passed ] && [ ! -e state/.passed.new ] # numbers are others' in it
    "$eoul" up
    [ "$(reason 1)" = "COMPLETED None" ]
    [ "$(reason 3)" = "PENDING JobHeldAdmin" ]
    # nobody can say how it ended, and its owner lets it run again: it waits, and is held
    [ "$(reason 2)" = "PENDING JobHeldAdmin" ]
    [ "$("$eoul" submit --parsable --hold -- true)" -ge 8 ]
    [ "$(cat witness)" = $'ran\nagain' ]
    # a second start changes nothing; a released one runs, and is not held again
    stop
    "$eoul" up
    [ "$(reason 3)" = "PENDING JobHeldAdmin" ]
    "$eoul" release 3
    timeout 30 "$eoul" wait 3
    [ "$(cat witness)" = $'ran\nagain\nagain' ]
}

@test "refused: a copy over a file, with the daemon up, while a job runs, of something else, a damaged one" {
    mkfifo go
    "$eoul" submit -- sh -c 'echo ran >witness; read x <go'
    until [ -s witness ]; do sleep 0.05; done
    "$eoul" backup copy.db
    run "$eoul" backup copy.db
    [ "$status" -eq 1 ]
    [ "$output" = "eoul: $T/copy.db is there already; name a file that is not." ]
    run "$eoul" backup nowhere/copy.db
    [ "$status" -eq 1 ]
    [ ! -e copy.db.part ]
    run "$eoul" restore copy.db
    [ "$status" -ne 0 ]
    [[ $output == *" is up; \"eoul down\" stops it, then restore again." ]]
    stop
    run "$eoul" restore copy.db
    [ "$status" -eq 1 ]
    [[ $output == "eould: Job 1 runs, and the copy may not know it;"* ]]
    echo x >go
    "$eoul" up
    timeout 30 "$eoul" wait 1
    stop
    sum=$(sqlite_sum)
    run "$eoul" restore missing.db
    [ "$status" -eq 1 ]
    [[ $output == "eould: The copy $T/missing.db cannot be read: No such file or directory." ]]
    echo 'not a store' >text.db
    run "$eoul" restore text.db
    [ "$status" -eq 1 ]
    cp copy.db torn.db && truncate -s 20480 torn.db
    run "$eoul" restore torn.db
    [ "$status" -eq 1 ]
    [ "$sum" = "$(sqlite_sum)" ] # what is there stays as it is
    [ ! -e state/restore ]
    "$eoul" up
    [ "$(reason 1)" = "COMPLETED None" ]
}

sqlite_sum() { sha256sum state/eoul.db; }

@test "copies are made by themselves when something changed, 24 at most, and each can be gone back to" {
    export EOUL_COPY_EVERY_MS=20
    "$eoul" run -- true
    mkdir -p state/copies
    for m in $(seq 10 45); do touch "state/copies/$(date -u -d "-$((m * 10)) minutes" +%Y-%m-%dT%H%M%SZ).db"; done
    "$eoul" submit --hold -- true
    until [ -s "state/copies/$(ls state/copies | tail -1)" ] && [ "$(ls state/copies | wc -l)" -le 25 ]; do sleep 0.05; done
    newest=$(ls state/copies/*.db | tail -1)
    stop
    "$eoul" restore "$newest"
    "$eoul" up
    [ "$(reason 1)" = "COMPLETED None" ]
}

@test "no copy is older than a day, also where nothing changes" {
    export EOUL_COPY_EVERY_MS=20
    "$eoul" run -- true
    until ls state/copies 2>/dev/null | grep -q 'db$'; do sleep 0.05; done
    hour=$(date -u -d '-20 hours' +%Y-%m-%dT%H%M%SZ).db
    old=$(date -u -d '-25 hours' +%Y-%m-%dT%H%M%SZ).db
    touch "state/copies/$hour" "state/copies/$old"
    while [ -e "state/copies/$old" ]; do sleep 0.05; done
    [ -e "state/copies/$hour" ]
    # The last one is made again before it goes.
    for f in state/copies/*.db; do [ "$f" = "state/copies/$hour" ] || rm "$f"; done
    mv "state/copies/$hour" "state/copies/$old"
    while [ -e "state/copies/$old" ]; do sleep 0.05; done
    [ -s "state/copies/$(ls state/copies | tail -1)" ]
}

@test "the answer in Korean" {
    LANGUAGE=ko run "$eoul" restore missing.db
    [ "$output" = "eould: 사본 $T/missing.db 파일을 읽을 수 없습니다: No such file or directory." ]
}
