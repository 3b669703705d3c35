#!/usr/bin/env bats
# eoul brief against answers of a daemon: evening, morning, JSON, what is refused.
load fake

# Thu 26 Nov 2026 17:02 in Seoul; look hours 9-18, the next morning's too.
answers() {
    cat <<'JSON'
{"GET /v1/me": {"name": "kim", "zone": "Asia/Seoul", "lang": "en",
   "look": [[1795680120000000, 1795683600000000], [1795737600000000, 1795770000000000]],
   "looked": [[1795564800000000, 1795597200000000], [1795651200000000, 1795683600000000]]},
 "GET /v1/plan": {"number": 7, "now_at": 1795680120000000,
   "gpus": [{"gpu": 0, "state": "up"}, {"gpu": 1, "state": "up"}, {"gpu": 2, "state": "drained"}],
   "rows": [{"id": 12, "name_id": "12", "name": "train", "owner": "kim", "state": "RUNNING", "reason": "None",
             "gpus": 1, "gpu_list": [0], "start_at": 1795676400000000, "end_p50_at": 1795705200000000,
             "eyes_at": 1795737600000000, "attempt": 1, "limit_us": 0},
            {"id": 14, "name_id": "14", "name": "ev\u001b[31mal", "owner": "kim", "state": "PENDING",
             "reason": "JobHeldUser", "gpus": 1, "gpu_list": [], "start_at": 0, "end_p50_at": 0, "eyes_at": 0,
             "attempt": 0, "limit_us": 3600000000}],
   "people": [], "todos": []},
 "GET /v1/jobs": {"rows": [{"id": 9, "name_id": "9", "name": "prep", "owner": "kim", "state": "FAILED",
             "reason": "NonZeroExitCode", "gpus": 1, "gpu_list": [1], "start_at": 1795662000000000,
             "end_at": 1795665600000000, "exit_code": 3, "attempt": 1},
            {"id": 2, "name_id": "2", "name": "ancient", "owner": "kim", "state": "FAILED",
             "reason": "NonZeroExitCode", "gpus": 1, "gpu_list": [1], "start_at": 1795162000000000,
             "end_at": 1795165600000000, "exit_code": 3, "attempt": 1}], "now_at": 1795680120000000},
 "GET /v1/todos": {"now_at": 1795680120000000, "todos": [
   {"id": 20, "kind": "todo", "state": "OPEN", "private": false, "title": "label", "asked_by": "kim", "mine": true,
    "accepted": true, "wait": "None", "review_of": 0, "pieces": [[1795680900000000, 1795682700000000]]}]}}
JSON
}

@test "evening: what runs, what is empty, what needs a decision; foreign names are cleaned" {
    fake "$(answers)"
    run "$eoul" brief --evening
    [ "$status" -eq 0 ]
    [[ $output == *"You stop looking 18:00 and can look again tomorrow 09:00, 15h later."* ]]
    [[ $output == *"12 train: runs, done about tomorrow 00:00, seen tomorrow 09:00"* ]]
    [[ $output == *"GPU 1: nothing planned"* && $output != *"GPU 2"* ]]
    [[ $output == *"24.0 of 30.0 GPU-hours are still empty."* ]]
    [[ $output == *"14 ev"*"is held; \"eoul release 14\" lets it start"* ]]
    [[ $output == *"9 prep: failed 13:00 (exit code 3)"* && $output != *ancient* ]]
    [[ $output == *"1 GPU is free for up to 15h"* ]]
    [[ $output == *"20 label: planned 17:15"* ]]
    ! LC_ALL=C grep -q $'\x1b' <<<"$output"
    LANGUAGE=ko run "$eoul" brief --evening
    [[ $output == *"비어 있는 GPU 시간: 전체 30.0시간 중 24.0시간"* ]]
    run "$eoul" brief # late in the day
    [[ $output == "You stop looking"* ]]
}

@test "morning: since when, what failed, what to look at first; as JSON too" {
    fake "$(answers)"
    run "$eoul" brief --morning
    [ "$status" -eq 0 ]
    [[ $output == "Since "*": 0 finished, 1 failed, 0 tried again."* ]]
    [[ $output == *"Look first at"*"9 prep: it failed (exit code 3)"* && $output != *ancient* ]]
    run "$eoul" brief --since 30d
    [[ $output == *ancient* ]]
    run "$eoul" brief --morning --json
    python3 -c 'import json, sys; b = json.load(sys.stdin); assert b["brief"] == "morning" and b["first"] == {"id": "9", "why": "failed"}, b' <<<"$output"
    run "$eoul" brief --evening --json
    python3 -c 'import json, sys; b = json.load(sys.stdin); assert b["empty_gpu_us"] == 24 * 3600 * 10**6 and {"id": "14", "why": "held"} in b["decide"] and b["fits"][0]["id"] in ("14", "9"), b' <<<"$output"
}

@test "what makes no sense is refused in a sentence" {
    run "$eoul" brief --evening --morning
    [ "$status" -eq 2 ]
    [ "$output" = "eoul: A brief is of the evening or of the morning; --since is of the morning." ]
    fake "$(answers)"
    run "$eoul" brief --since yesterday
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
}
