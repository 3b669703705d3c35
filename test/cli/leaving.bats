#!/usr/bin/env bats
# doc/leaving.md, line by line: eoul removed in the middle of a run.  The job goes on.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-leaving-XXXXXX)
    mkdir -p "$T/bin" "$T/libexec/eoul" "$T/taken" "$T/.config/eoul"
    built=$(dirname "${EOUL_BIN:?path of eoul}") # and put as `make install` does
    cp "$built/eoul" "$built/eould" "$T/bin"
    cp "$built/eoul-launcher" "$built/eoul-supervisor" "$built/eoul-probe" "$T/libexec/eoul"
    export PATH=$T/bin:$PATH EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET EOUL_CONFIG LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS XDG_STATE_HOME XDG_CONFIG_HOME
    echo 'gpus: 1' >"$T/.config/eoul/eoul.yaml"
    cd "$T/taken" || return 1
}

teardown() {
    touch "$T/go"
    [ -n "${supervisor:-}" ] && ended "$supervisor"
    if [ -S "$T/state/socket" ]; then
        pid=$(eoul status --json | jq .pid)
        eoul down --cancel-jobs >/dev/null 2>&1
        [ -n "$pid" ] && ended "$pid"
    fi
    cd / && rm -rf "$T"
}

# The commands under a heading of the page.
page() { sed -n "/^## $1/,/^## /s/^    //p" "$BATS_TEST_DIRNAME/../../doc/leaving.md"; }

@test "what the page says, while a job runs and another waits" {
    out=$T/job.out
    j=$(eoul submit --parsable --gpus=1 --output="$out" -- \
        sh -c "echo \$PPID begun; while [ ! -e '$T/go' ]; do sleep 0.05; done; echo ended")
    w=$(eoul submit --parsable --gpus=1 --job-name=waits -- true)
    d=$(eoul submit --parsable --gpus=0 -- sh -c 'exit 3')
    timeout 20 eoul wait "$d" || true
    timeout 20 sh -c "until grep -q begun '$out'; do sleep 0.05; done"
    read -r supervisor _ <"$out"

    lines=$(page "Take what it knows")
    [ "$(wc -l <<<"$lines")" -ge 5 ]
    timeout 60 bash -euo pipefail -c "$lines"
    jq -e ".rows | map(select(.id == $d and .exit_code == 3)) | length == 1" history.json
    jq -e ".rows | map(.id) | (index($j) != null) and (index($w) != null)" queue.json
    [ "$(head -c 15 store.db)" = "SQLite format 3" ]
    [ "$(head -1 journal.txt)" = "eoul-journal 1" ]
    grep -q "submit .*job=$w " journal.txt

    state=$T/state
    rm -f "$T/.config/eoul/"* # --no-boot needs no daemon, and no machine with systemd
    timeout 20 bash -c "state='$state'; $(page "Remove it" | grep -v no-boot)"
    rm -r "$T/bin" "$T/libexec"
    [ ! -e "$T/state" ]
    [ ! -e "$T/.config/eoul" ]

    kill -0 "$supervisor"
    touch "$T/go"
    ended "$supervisor"
    [ "$(cat "$out")" = "$supervisor begun"$'\nended' ]
}
