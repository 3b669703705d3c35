#!/usr/bin/env bats
# Jobs with a terminal: shell, run and attach, seen through tmux.
bats_require_minimum_version 1.5.0
load ended

setup() {
    command -v tmux >/dev/null || skip "tmux is not installed"
    T=$(mktemp -d /tmp/eoul-shell-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/locks HOME=$T TZ=Asia/Seoul LANG=C.UTF-8 SHELL=/bin/sh PS1='ready> ' TMUX_TMPDIR=$T
    unset EOUL_SOCKET EOUL_DETACH_KEY ENV TMUX LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    mkdir -p "$T/.config/eoul" && echo 'gpus: 0' >"$T/.config/eoul/eoul.yaml"
    names=()
}

teardown() {
    [ -n "${T:-}" ] || return 0
    for name in "${names[@]}"; do tmux -L "$name" kill-server 2>/dev/null; done
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -n "$pid" ] && ended "$pid"
    fi
    cd / && rm -rf "$T"
}

# window NAME COLUMNSxROWS COMMAND: a terminal of its own; behind the command it says its code and its modes.
window() {
    names+=("$1")
    tmux -L "$1" -f /dev/null new-session -d -x "${2%x*}" -y "${2#*x}" \
        "$3; echo code \$?; stty -a | grep -o ' -*icanon'; exec sleep 600"
}
screen() { tmux -L "$1" capture-pane -p; }
# sees NAME PATTERN
sees() { for _ in $(seq 150); do screen "$1" | grep -qE -- "$2" && return; sleep 0.1; done; screen "$1"; false; }
keys() { tmux -L "$1" send-keys "${@:2}"; }
types() { tmux -L "$1" send-keys -l "$2"; tmux -L "$1" send-keys Enter; }
# strikes NAME KEY PATTERN [WORDS]: the key, and then the words, until the screen has it: struck before the program is in
# front, the key is the shell's.
strikes() {
    for _ in $(seq 50); do
        keys "$1" "$2"
        [ -z "$4" ] || types "$1" "$4"
        for _ in 1 2 3 4 5; do
            sleep 0.1
            screen "$1" | grep -qE -- "$3" && return
        done
    done
    screen "$1"
    false
}
state() { "$eoul" show --json "$1" | jq -r .state; }
running() { for _ in $(seq 150); do [ "$(state "$1" 2>/dev/null)" = RUNNING ] && return; sleep 0.1; done; false; }

@test "a shell: typed into, left with its key, come back to from a window of another size, ended with its code" {
    window one 80x12 "$eoul shell"
    sees one 'This is job 1; Ctrl-\\ leaves it running'
    sees one '^ready>'
    types one 'echo I am $((40 + 2)) in $SLURM_JOB_ID; stty size'
    sees one '^I am 42 in 1'
    sees one '^12 80'
    keys one 'C-\'
    sees one 'Job 1 goes on; "eoul attach 1" comes back to it.'
    sees one '^code 0'
    sees one '^ icanon'
    [ "$(state 1)" = RUNNING ]
    [ "$("$eoul" show --json 1 | jq -c .pty,.terminal.attached)" = $'true\n0' ]
    window two 100x20 "$eoul attach 1"
    sees two '^I am 42 in 1'
    types two 'stty size'
    sees two '^20 100'
    # a second one at once: both see the same, the window follows who typed last
    window three 60x9 "$eoul attach 1"
    sees three '^20 100'
    types three 'stty size; echo from three'
    sees two '^9 60'
    sees two '^from three'
    [ "$("$eoul" show --json 1 | jq .terminal.attached)" = 2 ]
    # and a window that is drawn larger
    tmux -L three resize-window -x 70 -y 14
    types three 'stty size'
    sees three '^14 70'
    types three 'exit 5'
    sees two '^code 5'
    sees three '^code 5'
    sees three '^ icanon'
    [ "$(state 1)" = FAILED ]
    [ ! -e slurm-1.out ]
}

@test "Ctrl-C and Ctrl-Z are the job's; its jobs are controlled in it" {
    window one 80x20 "$eoul shell"
    sees one '^ready>'
    types one 'cat'
    types one 'echo back'
    sees one '^echo back'
    keys one C-c
    sees one '\^C'
    types one 'echo status $?'
    sees one '^status 130'
    types one 'sleep 500'
    strikes one C-z '[Ss]topped|Suspended'
    types one 'echo meanwhile; fg'
    sees one '^meanwhile'
    strikes one C-c '^back again' 'echo back again'
    types one 'exit'
    sees one '^code'
}

@test "the daemon is killed and comes back while one types" {
    window one 80x12 "$eoul shell"
    sees one '^ready>'
    kill -9 "$("$eoul" status --json | jq .pid)"
    types one 'echo still $((1 + 1)) here'
    sees one '^still 2 here'
    "$eoul" up
    types one 'echo after'
    sees one '^after'
    [ "$(state 1)" = RUNNING ]
    keys one 'C-\'
    sees one '^code 0'
    window two 80x12 "$eoul attach 1"
    sees two '^after'
    # and dead at the end: the supervisor's word is the exit code
    kill -9 "$("$eoul" status --json | jq .pid)"
    types two 'exit 7'
    sees two '^code 7'
    "$eoul" up
    "$eoul" wait --quiet 1 || [ $? -eq 7 ]
}

@test "the terminal is killed: the job goes on" {
    window one 80x12 "$eoul shell"
    sees one '^ready>'
    types one 'echo before'
    sees one '^before'
    tmux -L one kill-server
    for _ in $(seq 100); do [ "$("$eoul" show --json 1 | jq .terminal.attached)" = 0 ] && break; sleep 0.1; done
    [ "$("$eoul" show --json 1 | jq -c .state,.terminal.attached)" = $'"RUNNING"\n0' ]
    window two 80x12 "$eoul attach --detach-key 'ctrl-b d' 1"
    sees two 'Ctrl-B d leaves it'
    sees two '^before'
    keys two C-b
    keys two d
    sees two '^code 0'
    sees two '^ icanon'
}

@test "a signal gives the terminal back; a stopped client goes on" {
    window one 80x14 "$eoul shell"
    sees one '^ready>'
    client=$(pgrep -P "$(tmux -L one display -p '#{pane_pid}')" -f shell)
    kill -TERM "$client"
    sees one '^code 0'
    sees one '^ icanon'
    window two 80x14 "$eoul attach 1"
    sees two '^ready>'
    client=$(pgrep -P "$(tmux -L two display -p '#{pane_pid}')" -f attach)
    kill -TSTP "$client"
    for _ in $(seq 100); do [[ $(cut -d' ' -f3 "/proc/$client/stat") == T ]] && break; sleep 0.05; done
    stty -a <"$(tmux -L two display -p '#{pane_tty}')" | grep -q ' icanon'
    kill -CONT "$client"
    types two 'echo goes on'
    sees two '^goes on'
}

@test "run in a terminal has one; what was typed before its start is its input; with files it has none" {
    "$eoul" up
    "$eoul" drain
    window one 90x12 "$eoul run -- sh -c 'test -t 0 && test -t 1 && read a && echo read=\$a; exit 3'"
    sees one 'Job 1 waits'
    types one early
    "$eoul" undrain
    sees one '^read=early'
    sees one 'failed with exit code 3'
    sees one '^code 3'
    sees one '^ icanon'
    grep -q read=early slurm-1.out
    window two 90x12 "$eoul run --input /dev/null -- sh -c 'test -t 1 || echo plain'"
    sees two '^plain'
    sees two '^code 0'
}

@test "a pipe is the input of run and of a shell" {
    seq 100000 >numbers
    [ "$(timeout 60 "$eoul" run -- sh -c 'sha256sum' <numbers)" = "$(sha256sum <numbers)" ]
    [ "$(printf 'echo one\nexit 4\n' | { timeout 30 "$eoul" shell; echo "code $?"; } 2>/dev/null)" = $'one\ncode 4' ]
    # who does not read it is not in its way
    [ "$(yes | timeout 30 "$eoul" run -- sh -c 'echo done')" = done ]
}

@test "attach: a batch job is followed, a waiting one awaited, what cannot be attached is said" {
    "$eoul" submit --parsable -- sh -c 'echo hello; while [ ! -e go ]; do sleep 0.05; done; echo bye'
    timeout 30 "$eoul" attach 1 >out 2>err </dev/null &
    follower=$!
    for _ in $(seq 200); do grep -q hello out && break; sleep 0.05; done
    touch go
    wait "$follower"
    [ "$(cat out)" = $'hello\nbye' ]
    [[ $(cat err) == *'Job 1 has no terminal; this is its output'* ]]
    run "$eoul" attach 1
    [ "$status" -eq 125 ]
    [[ $output == *'Job 1 is over; "eoul logs 1"'* ]]
    run "$eoul" attach 99
    [ "$status" -eq 125 ]
    run "$eoul" attach --detach-key nonsense 1
    [ "$status" -eq 125 ]
    [[ $output == *--detach-key* ]]
    "$eoul" drain
    window one 90x12 "$eoul shell"
    sees one 'Job 2 waits'
    window two 90x12 "$eoul attach 2"
    sees two 'Job 2 waits'
    "$eoul" undrain
    sees two '^ready>'
    types two 'echo both'
    sees one '^both'
    run "$eoul" attach 2 </dev/null
    [[ $output == *'this is none to join to it'* ]]
    [ "$("$eoul" queue --json | jq '.rows[0].idle_us')" = 0 ]
}

@test "nobody else may attach" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to be two users"
    window one 80x12 "$eoul shell"
    sees one '^ready>'
    # who asks is the kernel's word (test/api asks as another user); where one waits is, too: the name alone is
    # not enough
    setpriv --reuid=65534 --regid=65534 --clear-groups /usr/bin/python3 -c '
import socket, sys
meet = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
meet.bind("\0eoul-test-of-a-thief")
meet.listen()
print("ready", flush=True)
meet.settimeout(10)
c, _ = meet.accept()
print(len(c.recv(4096)))' >thief &
    thief=$!
    for _ in $(seq 100); do grep -q ready thief && break; sleep 0.05; done
    run curl -s --unix-socket "$T/state/socket" -H 'Content-Type: application/json' -d '{"meet": "eoul-test-of-a-thief"}' http://eoul/v1/jobs/1/attach
    [[ $output == *"Nobody of yours waits"* ]]
    wait "$thief" || true
    [ "$(tail -1 thief)" = 0 ]
    [ "$("$eoul" show --json 1 | jq .terminal.attached)" = 1 ]
}

@test "salloc: Slurm's words, an allocation with a shell, srun in it; srun --pty outside" {
    export PATH=$(dirname "$eoul")/slurm:$PATH
    window one 100x20 "salloc -n 2"
    sees one 'salloc: Granted job allocation 1'
    sees one '^ready>'
    types one 'srun -l sh -c "echo rank \$SLURM_PROCID of \$SLURM_NTASKS" | sort'
    sees one '^0: rank 0 of 2'
    sees one '^1: rank 1 of 2'
    types one 'exit 3'
    sees one 'salloc: Relinquishing job allocation 1'
    sees one '^code 3'
    sees one '^ icanon'
    window two 100x20 "srun --pty sh"
    sees two '^ready>'
    types two 'tty; stty size; echo $SLURM_JOB_ID'
    sees two '^/dev/pts/'
    sees two '^20 100'
    sees two '^2$'
    types two 'exit'
    sees two '^code 0'
    run --separate-stderr timeout 60 salloc -n 1 sh -c 'echo in $SLURM_JOB_ID' </dev/null
    [ "$output" = 'in 3' ]
    [[ $stderr == *'salloc: Granted job allocation 3'*'salloc: Relinquishing job allocation 3'* ]]
    "$eoul" drain queue
    window three 100x20 "salloc true"
    sees three 'salloc: job 4 queued and waiting for resources'
    "$eoul" undrain queue
    sees three 'salloc: job 4 has been allocated resources'
    sees three 'salloc: Granted job allocation 4'
    sees three '^code 0'
}

@test "srun --jobid: a step inside a running job, with its ranks, its exit code, a terminal, and its end" {
    export PATH=$(dirname "$eoul")/slurm:$PATH
    mkdir elsewhere && mkfifo gate
    sbatch -n 2 -D elsewhere -o "$T/out.txt" --wrap 'touch here; read -r line <> "$HOME/gate"; echo "told $line"'
    running 1
    sees_file() { for _ in $(seq 300); do [ -e "$1" ] && return; sleep 0.1; done; false; }
    sees_file elsewhere/here
    run --separate-stderr timeout 60 srun --jobid=1 -l sh -c 'echo "$SLURM_JOB_ID $SLURM_PROCID of $SLURM_NTASKS"; pwd'
    [ "$status" -eq 0 ]
    [ "$(LC_ALL=C sort <<<"$output")" = "$(printf '0: %s\n0: 1 0 of 2\n1: %s\n1: 1 1 of 2' "$T/elsewhere" "$T/elsewhere")" ]
    run timeout 60 srun --jobid 1 -n 1 sh -c 'exit 7'
    [ "$status" -eq 7 ]
    [ "$(echo piped | timeout 60 srun --jobid 1 -n 1 cat)" = piped ]
    window one 90x15 "srun --jobid 1 --pty -n 1 sh"
    sees one '^ready>'
    types one 'tty; stty size; echo $((40 + 2)) $SLURM_JOB_ID'
    sees one '^/dev/pts/'
    sees one '^15 90'
    sees one '^42 1'
    types one 'sleep 600'
    keys one C-c
    types one 'echo still $((1 + 1)) here; exit 9'
    sees one '^still 2 here'
    sees one '^code 9'
    sees one '^ icanon'
    # a client that is told to end takes its step along; one whose job ends goes with it
    srun --jobid 1 -n 1 sh -c 'echo $$ >pid; exec sleep 600' &
    client=$!
    sees_file elsewhere/pid
    kill -TERM "$client"
    status=0; wait "$client" || status=$?
    [ "$status" -eq 143 ]
    ended "$(cat elsewhere/pid)"
    srun --jobid 1 -n 1 sh -c 'echo $$ >killed; exec sleep 600' &
    client=$!
    sees_file elsewhere/killed
    kill -KILL "$client"
    ended "$(cat elsewhere/killed)"
    srun --jobid 1 -n 1 sh -c 'echo $$ >last; exec sleep 600' &
    client=$!
    sees_file elsewhere/last
    "$eoul" cancel 1
    status=0; ended "$client"; wait "$client" || status=$?
    [ "$status" -gt 0 ]
    ended "$(cat elsewhere/last)"
    timeout 60 "$eoul" wait -q 1 || true
    run srun --jobid 1 true
    [ "$status" -ne 0 ]
    [[ $output == 'srun: Job 1 '* ]]
    run srun --jobid 1 -n 1
    [[ $output == 'srun: There is nothing to run in job 1;'* ]]
}
