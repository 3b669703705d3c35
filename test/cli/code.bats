#!/usr/bin/env bats
# The code a job runs: recorded at submit, frozen with --snapshot, taken away when no job needs it.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-code-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8 GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    mkdir -p "$T/.config/eoul" && printf 'gpus: 0\n' >"$T/.config/eoul/eoul.yaml"
    command -v git >/dev/null || skip "git is not installed"
}

teardown() {
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -z "$pid" ] || ended "$pid"
    fi
    cd / && rm -rf "$T"
}

repository() {
    mkdir -p repo/sub && cd repo || return 1
    git init -q . && echo 'echo committed' >sub/run.sh && echo '*.big' >.gitignore && git add . && git commit -qm one
}

code_of() { "$eoul" show "$1" --json | jq -r .spec | sed -n 's/^code=//p'; }
spec_has() { "$eoul" show "$1" --json | jq -r .spec | grep -q "$2"; }
trees() { ls "$T/state/snapshots" 2>/dev/null | wc -l; }

@test "the commit is recorded, what differs from it too, and that nothing does" {
    repository
    "$eoul" submit --hold -- sh sub/run.sh
    [ "$(code_of 1)" = "$(git rev-parse HEAD)" ]
    spec_has 1 '^code-clean'
    echo 'echo changed' >sub/run.sh
    "$eoul" submit --hold -- sh sub/run.sh
    [[ $(code_of 2) == "$(git rev-parse HEAD)+"* ]]
    ! spec_has 2 '^code-clean'
    mkdir ../plain && cd ../plain && echo 'echo a' >x.sh
    "$eoul" submit --hold -- sh x.sh
    first=$(code_of 3)
    echo 'echo b' >x.sh
    "$eoul" submit --hold -- sh x.sh
    [[ $first == files+* && $(code_of 4) == files+* && $first != "$(code_of 4)" ]]
}

@test "--snapshot: the tree as it was, uncommitted and unknown files too; output where it was meant; gone after the last job" {
    repository
    echo 'echo "frozen $(cat ../new.txt)"; git rev-parse --is-inside-work-tree; pwd' >sub/run.sh
    echo one >new.txt
    echo x >huge.big
    cd sub
    run "$eoul" submit --snapshot --hold --array=1-2 --output='o-%a.txt' -- sh run.sh
    [ "$status" -eq 0 ]
    [ "$(git -C "$T/repo" status --porcelain | sort | tr '\n' ' ')" = " M sub/run.sh ?? new.txt " ] # untouched
    git -C "$T/repo" stash list | grep . && false
    echo 'echo too late' >run.sh
    echo two >../new.txt
    [ "$(trees)" -eq 1 ]
    [ ! -e "$T"/state/snapshots/*/tree/huge.big ]
    "$eoul" release 1
    timeout 30 "$eoul" wait 1
    [ "$(sed -n 1p o-1.txt)" = "frozen one" ]
    [ "$(sed -n 2p o-2.txt)" = true ]
    [[ $(sed -n 3p o-1.txt) == "$T/state/snapshots/"*/tree/sub ]]
    for _ in $(seq 200); do [ "$(trees)" -eq 0 ] && break; sleep 0.05; done
    [ "$(trees)" -eq 0 ]
}

@test "without git a copy; a daemon killed in between takes it away later; too large is refused and leaves nothing" {
    mkdir -p plain/deep && cd plain
    echo 'cat deep/a' >run.sh && echo inside >deep/a && ln -s deep/a link && mkfifo pipe
    "$eoul" submit --snapshot --hold -- sh run.sh
    echo changed >deep/a
    kill -9 "$("$eoul" status --json | jq .pid)"
    "$eoul" up
    "$eoul" release 1
    timeout 30 "$eoul" wait 1
    [ "$(cat slurm-1.out)" = inside ]
    for _ in $(seq 200); do [ "$(trees)" -eq 0 ] && break; sleep 0.05; done
    [ "$(trees)" -eq 0 ]
    truncate -s 600M big
    run "$eoul" submit --snapshot -- true
    [ "$status" -eq 1 ]
    [[ $output == "eoul: The snapshot would hold more than 512 MiB or 50000 files;"* ]]
    for _ in $(seq 200); do [ "$(trees)" -eq 0 ] && break; "$eoul" run -- true; sleep 0.05; done
    [ "$(trees)" -eq 0 ]
    rm big
    run "$eoul" submit --snapshot --dependency=afterok:99 -- true # refused by the daemon
    [ "$status" -eq 1 ]
    for _ in $(seq 200); do [ "$(trees)" -eq 0 ] && break; "$eoul" run -- true; sleep 0.05; done
    [ "$(trees)" -eq 0 ]
}

# Until it counts as a late start for those who hurry: half a second after the submit.
late() { for _ in $(seq 100); do [ "$("$eoul" show "$1" --json | jq '(now * 1e6 - .submit_at) > 600000')" = true ] && return; sleep 0.1; done; false; }

@test "a late start says in its log and in show that the code changed since the submit; another says nothing" {
    export EOUL_HURRY=1
    repository
    printf '#!/bin/sh\nsh sub/run.sh\n' >job.sh && git add job.sh && git commit -qm two
    "$eoul" submit --hold --output=one.out job.sh
    "$eoul" submit --hold --output=two.out -- sh sub/run.sh
    "$eoul" submit --hold --output=three.out --snapshot -- sh sub/run.sh
    late 3
    "$eoul" release 2
    timeout 60 "$eoul" wait -q 2
    [ "$(cat two.out)" = committed ] # nothing changed: nothing is said
    echo 'echo changed' >sub/run.sh
    "$eoul" release 1 && "$eoul" release 3
    timeout 60 "$eoul" wait -q 1 3
    cat one.out
    grep -q 'eoul: The code of job 1 changed after its submit, and runs as it is now' one.out
    [ "$(tail -1 one.out)" = changed ]
    "$eoul" show 1 | grep -q 'Its code changed between the submit (.*) and this start (.*+.*)'
    [ "$(cat three.out)" = committed ]
    # who starts at once runs what was submitted
    "$eoul" submit --output=four.out -- sh sub/run.sh
    timeout 60 "$eoul" wait -q 4
    [ "$(cat four.out)" = changed ]
    # without git: the files that the command names; a daemon that is away keeps no job from running
    mkdir ../plain && cd ../plain && echo 'echo a' >x.sh
    "$eoul" submit --hold --output=five.out -- sh x.sh
    late 5
    echo 'echo b' >x.sh
    "$eoul" release 5
    timeout 60 "$eoul" wait -q 5
    grep -q 'The code of job 5 changed' five.out && [ "$(tail -1 five.out)" = b ]
}
