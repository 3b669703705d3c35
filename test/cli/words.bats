#!/usr/bin/env bats
# What is wrong is said in one sentence, in both languages, with the right exit code; help knows every option.
load fake

# Lines of usage.txt: exit code | arguments | English | Korean
@test "every wrong verb, option and value gets its sentence" {
    while IFS='|' read -r code arguments english korean; do
        [[ -z $code || $code == '#'* ]] && continue
        eval "set -- $arguments"
        LANGUAGE=en run "$eoul" "$@" </dev/null
        [ "$output" = "$english" ] || { echo "eoul $arguments"; echo "said: $output"; echo "want: $english"; false; }
        [ "$status" -eq "$code" ] || { echo "eoul $arguments: $status, not $code"; false; }
        LANGUAGE=ko run "$eoul" "$@" </dev/null
        [ "$output" = "$korean" ] || { echo "eoul $arguments"; echo "said: $output"; echo "want: $korean"; false; }
    done <"$BATS_TEST_DIRNAME/usage.txt"
}

@test "no daemon: verbs that need one say how to start it, none is started" {
    for verb in queue history plan gpus me status down 'show 1' 'why 1' 'wait 1' 'cancel 1' 'logs 1' 'away fri' 'drain queue'; do
        # shellcheck disable=SC2086
        run "$eoul" $verb
        [ "$output" = 'eoul: No eoul daemon of yours runs; "eoul up" starts one, and so does the first "eoul run" or "eoul submit".' ]
        [ "$status" -eq "$([[ $verb == wait* ]] && echo 125 || echo 1)" ]
    done
    [ ! -e "$T/state" ]
}

@test "a place that is not ours is refused" {
    unset EOUL_SOCKET
    mkdir -m 755 state
    EOUL_STATE=$T/state run "$eoul" queue
    [ "$status" -eq 1 ]
    [[ $output == *"is open to other users (mode 755)"*"chmod 700"* ]]
    chmod 700 state
    ln -s state link
    EOUL_STATE=$T/link run "$eoul" queue
    [[ $output == *"is not a directory"* ]]
}

@test "help of every verb: examples, usage, every option; nothing undocumented" {
    run "$eoul" help
    [ "$status" -eq 0 ]
    verbs=$(grep -E '^  [a-z]+ ' <<<"$output" | awk '$1 != "eoul" {print $1}')
    [ "$(wc -l <<<"$verbs")" -ge 25 ]
    for verb in $verbs; do
        run "$eoul" help "$verb"
        [ "$status" -eq 0 ]
        [[ $output == *"eoul $verb"* ]]
        grep -q "^Usage: eoul $verb" <<<"$output"
        LANGUAGE=ko run "$eoul" help "$verb"
        grep -q '^쓰는 법: ' <<<"$output"
        [[ $verb == sim || $verb == whatif ]] || [ "$("$eoul" "$verb" --help)" = "$("$eoul" help "$verb")" ]
    done
}

@test "completion knows verbs and options, and bash can read it" {
    "$eoul" completion >c.bash
    bash -n c.bash
    complete_words() { bash -c "source c.bash; COMP_WORDS=(eoul $1); COMP_CWORD=$2; _eoul; echo \${COMPREPLY[*]}"; }
    [ "$(complete_words 'histo' 1)" = history ]
    [[ " $(complete_words 'submit --gp' 2) " == *" --gpus "* ]]
    [[ " $(complete_words 'queue --' 2) " == *" --waiting "* ]]
}

@test "odd answers of a daemon are survived" {
    fake '{"GET /v1/jobs/1": {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"a\""}, "GET /v1/jobs/2": {"raw": "SSH-2.0-nonsense\r\n\r\n"},
           "GET /v1/jobs/3": {"body_text": "<html>"}, "GET /v1/jobs/4": {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"},
           "GET /v1/jobs/5": {"status": 500, "body": {}}, "GET /v1/jobs/6": {"chunked": true, "body": {"id": 6, "state": "COMPLETED"}},
           "GET /v1/jobs/7": {"close": true, "body": {"id": 7, "state": "COMPLETED"}}, "GET /v1/jobs/8": {"body": [1]},
           "GET /v1/jobs/9": {"status": 403, "body": {"error": {"code": "denied", "message": "no\u001b[2Jway"}}}}'
    for id in 1 2 3 4 5 8 9; do
        run timeout 10 "$eoul" show $id
        [ "$status" -eq 1 ]
        [ "$(grep -c . <<<"$output")" -eq 1 ]
        [[ $output == "eoul: "* && $output != *$'\e'* ]]
    done
    run "$eoul" show 6 7
    [ "$status" -eq 0 ]
    [ "$(grep -c COMPLETED <<<"$output")" -eq 2 ]
}

@test "doctor: a line a check, JSON, the exit code" {
    fake '{"GET /v1/status": {"version": "0.0.1", "pid": 7, "notes": ["Something."]}, "GET /v1/gpus": {"source": "none", "cpus": 4, "gpus": []}}'
    run "$eoul" doctor
    [[ $output == *"eould 0.0.1 answers (process 7)."* ]]
    [[ $output == *"note daemon   Something."* ]]
    [[ $output == *"and this is eoul"* ]]
    mkdir -m 755 state
    run "$eoul" doctor --json
    [ "$status" -eq 1 ]
    [ "$(jq -r '.[] | select(.what == "state") | .grade' <<<"$output")" = bad ]
}
