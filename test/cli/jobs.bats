#!/usr/bin/env bats
# What the verbs about jobs ask of the daemon and make of its answers.
load fake

answers() { cat "$BATS_TEST_DIRNAME/jobs.json"; }

@test "queue at 80 columns fits, cuts the name, cleans it" {
    fake "$(answers)"
    COLUMNS=80 run "$eoul" queue
    [ "$status" -eq 0 ]
    same queue-80
    python3 -c 'import sys, unicodedata
for line in sys.stdin.read().split("\n"):
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert width <= 80, (width, line)' <<<"$output"
    [[ $output != *$'\e'* ]]
}

@test "queue at 130 columns and without a terminal says the reason; Korean" {
    fake "$(answers)"
    COLUMNS=130 run "$eoul" queue
    same queue-130
    run "$eoul" queue
    same queue-pipe
    LANGUAGE=ko COLUMNS=100 run "$eoul" queue
    same queue-ko
    [ "$(request 1)" = "GET /v1/jobs?state=live&limit=20&brief=1 en " ]
    [ "$(request 3)" = "GET /v1/jobs?state=live&limit=20&brief=1 ko " ]
}

@test "queue shows my work by hand and what I asked others for, a row each" {
    fake '{"GET /v1/me": {"name": "minji", "zone": "Asia/Seoul"}, "GET /v1/jobs": {"now_at": 1795478700000000,
      "counts": {"running": 0, "pending": 0, "held": 0}, "rows_n": 0, "rows": [], "todos": [
      {"id": 20, "title": "이미지 200장 라벨링", "review_of": 0, "person": "서준", "under_way": true, "part": 1, "parts": 2, "from_at": 1795478400000000, "until_at": 1795482000000000},
      {"id": 20, "title": "이미지 200장 라벨링", "review_of": 0, "person": "서준", "under_way": false, "part": 2, "parts": 2, "from_at": 1795564800000000, "until_at": 1795568400000000},
      {"id": 21, "title": "train", "review_of": 12, "person": "minji", "under_way": false, "part": 1, "parts": 1, "from_at": 1795569000000000, "until_at": 1795570200000000}]}}'
    COLUMNS=80 run "$eoul" queue
    same queue-todos
    COLUMNS=120 LANGUAGE=ko run "$eoul" queue
    same queue-todos-ko
    run "$eoul" queue --waiting
    [[ $output != *"look at job"* ]]
    run "$eoul" queue --json
    [ "$(jq '.todos | length' <<<"$output")" -eq 3 ]
}

@test "queue in ASCII has nothing else" {
    fake "$(answers | sed 's/언어모델 미세조정 실험 둘째 판/a-rather-long-name-for-a-job/; s/서준/seojun/g')"
    COLUMNS=80 LANG=C run "$eoul" queue
    [ "$status" -eq 0 ]
    ! LC_ALL=C grep -P '[\x80-\xff]' <<<"$(grep -v evil <<<"$output")"
    same queue-ascii
}

@test "queue asks for what its options say" {
    fake "$(answers)"
    "$eoul" queue --all --owner 'a b&c'
    [ "$(request 1)" = "GET /v1/jobs?state=live&limit=0&owner=a%20b%26c&brief=1 en " ]
    "$eoul" queue --waiting -n 3 --me
    [ "$(request 2)" = "GET /v1/me en " ]
    [ "$(request 3)" = "GET /v1/jobs?state=pending&limit=3&owner=minji&brief=1 en " ]
    run "$eoul" queue --json
    [ "$(jq -r '.rows[1].owner' <<<"$output")" = 서준 ]
}

@test "history, show and why" {
    fake "$(answers)"
    run "$eoul" history
    same history
    run "$eoul" show 12
    same show
    LANGUAGE=ko run "$eoul" show 12
    same show-ko
    run "$eoul" why 12
    [ "$output" = $'It waits for 2 GPUs.\nThey are free about 13:40.' ]
    run "$eoul" show --json 12
    [ "$(jq .version <<<"$output")" = 3 ]
}

@test "cancel does what it can and says what it cannot" {
    fake "$(answers)"
    run "$eoul" cancel 12 99
    [ "$status" -eq 1 ]
    [[ $output == *"99/cancel"*"1 job cancelled."* ]]
    run "$eoul" cancel --json 12
    [ "$output" = '{"changed":1}' ]
    run "$eoul" hold 12
    [ "$output" = '1 job held; "eoul release" lets it go.' ]
}

@test "set sends numbers in the units of the API" {
    fake "$(answers)"
    run "$eoul" set 12 --time 1:30:00 --mem 2G --nice -5 --gpus 3
    [ "$output" = "1 job changed." ]
    [ "$(request 1 | cut -d' ' -f4- | jq -cS .)" = '{"gpus":3,"limit_us":5400000000,"mem_mib":2048,"nice":-5}' ]
    run "$eoul" set 12
    [ "$status" -eq 2 ]
    run "$eoul" set 12 --time soon
    [ "$status" -eq 2 ]
    [[ $output == "eoul: --time: "* ]]
}

@test "submit sends the command, its place and the environment" {
    fake "$(answers)"
    MARK='a b' run "$eoul" submit --gpus 2 --time 60 -- python train.py --lr 0.1
    [ "$output" = "Job 12 is in the queue." ]
    body=$(request 1 | cut -d' ' -f4-)
    spec=$(jq -r '.jobs[0].spec' <<<"$body")
    grep -qx 'argv=--lr' <<<"$spec"
    grep -qx "chdir=$T" <<<"$spec"
    grep -qx 'gpus=2' <<<"$spec"
    grep -q '^rlimit=nofile:' <<<"$spec"
    [ "$(jq -r '.jobs[0].env[] | select(startswith("MARK="))' <<<"$body")" = "MARK=a b" ]
    [[ $(jq -r .key <<<"$body") =~ ^[0-9a-f]{32}$ ]]
    run "$eoul" submit --parsable --key mine -- true
    [ "$output" = 12 ]
    [ "$(request 2 | cut -d' ' -f4- | jq -r .key)" = mine ]
}

@test "submit reads a script with its directives, from a file and from standard input" {
    fake "$(answers)"
    printf '#!/bin/sh\n#SBATCH --job-name=x --gpus 4\necho hi\n' >train.sbatch
    "$eoul" submit --gpus 1 train.sbatch arg1
    spec=$(request 1 | cut -d' ' -f4- | jq -r '.jobs[0].spec')
    grep -qx 'job-name=x' <<<"$spec"
    grep -qx 'gpus=1' <<<"$spec"
    grep -qx 'argv=arg1' <<<"$spec"
    "$eoul" submit <train.sbatch
    grep -q '^script=' <<<"$(request 2 | cut -d' ' -f4- | jq -r '.jobs[0].spec')"
    run "$eoul" submit missing.sbatch
    [ "$status" -eq 1 ]
    [ "$output" = 'eoul: The script "missing.sbatch" cannot be opened: No such file or directory.' ]
}

@test "submit --from: many in one call, the environment once" {
    fake "$(answers)"
    printf 'echo a\n--gpus 2 --job-name "my job" -- python x.py "a  b"\n# a remark\n\n--wrap "echo $HOME | cat"\n' >jobs.txt
    "$eoul" submit --gpus 1 --from jobs.txt
    body=$(request 1 | cut -d' ' -f4-)
    [ "$(jq '.jobs | length' <<<"$body")" -eq 3 ]
    [ "$(jq '[.jobs[] | has("env")] | map(if . then 1 else 0 end) | add' <<<"$body")" -eq 1 ]
    grep -qx 'gpus=1' <<<"$(jq -r '.jobs[0].spec' <<<"$body")"
    grep -qx 'gpus=2' <<<"$(jq -r '.jobs[1].spec' <<<"$body")"
    grep -qx 'argv=a  b' <<<"$(jq -r '.jobs[1].spec' <<<"$body")"
    grep -qx 'job-name=my job' <<<"$(jq -r '.jobs[1].spec' <<<"$body")"
}

@test "submit --from: a bad line is named and nothing is sent" {
    fake "$(answers)"
    printf 'echo a\n--time soon -- python x.py\n' >jobs.txt
    run "$eoul" submit --from jobs.txt
    [ "$status" -ne 0 ]
    [[ $output == *'line 2 of "jobs.txt"'* ]]
    [ ! -e requests.log ]
    run "$eoul" submit --from - <<<'echo "unclosed'
    [[ $output == *'line 1 of "-": a quote (") is not closed.' ]]
}

@test "submit is repeated under its key when the connection breaks" {
    fake '{"POST /v1/jobs": [{"drop": true}, {"body": {"jobs": [{"id": 7, "tasks": 1}], "again": true}}]}'
    run "$eoul" submit --parsable -- true
    [ "$status" -eq 0 ]
    [ "$output" = 7 ]
    [ "$(request 1)" = "$(request 2)" ]
}

job() { printf '{"id":5,"name_id":"5","state":"%s","version":%d,"stdout":"%s/out","stderr":"%s/err"%s}' "$1" "$2" "$T" "$T" "$3"; }

@test "run follows both streams to the end and gives the job's own code" {
    printf 'early\n' >out
    fake "{\"POST /v1/jobs\": {\"jobs\": [{\"id\": 5, \"tasks\": 1}]}, \"GET /v1/jobs/5\": $(job PENDING 1),
        \"GET /v1/jobs/5/wait\": [{\"body\": $(job RUNNING 2)},
        {\"touch\": {\"path\": \"$T/err\", \"text\": \"oh\"}, \"body\": $(job RUNNING 3)},
        {\"touch\": {\"path\": \"$T/out\", \"text\": \"late\\n\"}, \"body\": $(job FAILED 4 ',"exit_code":3')}]}"
    "$eoul" run -- true >stdout 2>stderr && false
    "$eoul" run -- true >/dev/null 2>&1 || code=$?
    [ "$(cat stdout)" = $'early\nlate' ]
    [[ $(cat stderr) == oh*"Job 5 failed with exit code 3." ]]
    [ "$code" -eq 3 ]
    [ "$(request 4)" = "GET /v1/jobs/5/wait?version=2&timeout_s=60 en " ]
}

@test "run and wait: signals are 128 and more, eoul's own failures 125" {
    fake "{\"POST /v1/jobs\": {\"jobs\": [{\"id\": 5, \"tasks\": 1}]}, \"GET /v1/jobs/5\": $(job TIMEOUT 1 ',"signal":15')}"
    run "$eoul" run -- true
    [ "$status" -eq 143 ]
    run "$eoul" wait 5
    [ "$status" -eq 143 ]
    [ "$output" = "Job 5 was ended at its time limit." ]
    run "$eoul" wait 6
    [ "$status" -eq 125 ]
    run "$eoul" run --no-such-option
    [ "$status" -eq 125 ]
}

@test "run outlives a restart of the daemon" {
    fake "{\"POST /v1/jobs\": {\"jobs\": [{\"id\": 5, \"tasks\": 1}]}, \"GET /v1/jobs/5\": $(job RUNNING 1),
        \"GET /v1/jobs/5/wait\": [{\"drop\": true}, {\"drop\": true}, {\"body\": $(job COMPLETED 2)}]}"
    printf 'all\n' >out
    run "$eoul" run -- true
    [ "$status" -eq 0 ]
    [ "$output" = all ]
}

@test "logs: the last lines, one stream, and a job that has not started" {
    seq 100 >out
    printf 'bad\n' >err
    fake "{\"GET /v1/jobs/5\": $(job COMPLETED 1), \"GET /v1/jobs/6\": $(job PENDING 1)}"
    [ "$("$eoul" logs -o 5 | wc -l)" -eq 100 ]
    [ "$("$eoul" logs -o -n 2 5)" = $'99\n100' ]
    [ "$("$eoul" logs -o -n 0 5)" = "" ]
    [ "$("$eoul" logs -e 5)" = bad ]
    run "$eoul" logs 6
    [ "$status" -eq 1 ]
    [[ $output == *"has not started"* ]]
}
