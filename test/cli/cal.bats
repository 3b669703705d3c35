#!/usr/bin/env bats
# eoul cal: expand and rrule, for people and for programs, without a daemon.
load fake

calendar() { printf 'BEGIN:VCALENDAR\r\n%bEND:VCALENDAR\r\n' "$1" >a.ics; }
expand() { run "$eoul" cal expand a.ics --from 2026-11-01 --to 2026-12-01 --zone Asia/Seoul "$@"; }

weekly='BEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Canary4711\r\nDTSTART;TZID=Europe/Berlin:20261124T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=9\r\nEND:VEVENT\r\n'

@test "people read their own zone, and no titles" {
    calendar "$weekly"
    expand
    [ "$status" -eq 0 ]
    [ "$output" = 'Tue 24 Nov 2026 17:00-18:00  busy  a' ]
}

@test "Korean" {
    calendar "$weekly"
    LANGUAGE=ko expand
    [ "$output" = '2026년 11월 24일 (화) 17:00~18:00  일정 있음  a' ]
}

@test "programs get one object on one line" {
    calendar "$weekly"
    expand --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output != *Canary4711* ]]
    python3 - "$output" <<'PY'
import json, sys
o = json.loads(sys.argv[1])
assert o["window"] == ["2026-11-01", "2026-12-01"] and o["count"] == 1 and o["not_understood"] == [], o
assert o["occurrences"] == [["20261124T080000Z", "20261124T090000Z", "utc", "a", "", ""]], o
PY
}

@test "what was not understood is said, and cannot move a cursor" {
    calendar 'BEGIN:VEVENT\r\nUID:\033[2Ja\r\nDTSTART;TZID=Nowhere:20261124T090000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n'
    expand
    [ "$status" -eq 0 ]
    [[ $output == *'line 2: The time zone of the event is not known'* ]]
    [[ $output != *$'\033'* ]]
}

@test "declined by the owner is free" {
    calendar 'BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20261124T000000Z\r\nDURATION:PT1H\r\nATTENDEE;PARTSTAT=DECLINED:mailto:me@example.org\r\nEND:VEVENT\r\n'
    expand --self me@example.org
    [[ $output == *'  free  a' ]]
}

@test "a calendar from a pipe" {
    calendar "$weekly"
    run bash -c "'$eoul' cal expand - --from 2026-11-01 --to 2026-12-01 --zone UTC <a.ics"
    [ "$output" = 'Tue 24 Nov 2026 08:00-09:00  busy  a' ]
}

@test "bad input is one sentence" {
    printf 'Dear diary\n' >a.ics
    expand
    [ "$status" -eq 1 ]
    [ "$output" = 'eoul: This is not a calendar: there is no line BEGIN:VCALENDAR; give an .ics file.' ]
    run "$eoul" cal expand nothing.ics --from 2026-11-01 --to 2026-12-01
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    run "$eoul" cal expand . --from 2026-11-01 --to 2026-12-01
    [ "$status" -eq 1 ]
    run timeout 10 "$eoul" cal expand /dev/zero --from 2026-11-01 --to 2026-12-01
    [ "$output" = 'eoul: A calendar can have at most 8 MB; this one is larger.' ]
    run "$eoul" cal expand a.ics --from 2026-12-01 --to 2026-11-01
    [ "$status" -eq 2 ]
    run "$eoul" cal expand a.ics --from 2026-11-01 --to 2026-12-01 --zone Atlantis
    [ "$status" -eq 1 ]
    run "$eoul" cal explode a.ics
    [ "$status" -eq 2 ]
}

@test "a rule and its first times" {
    run "$eoul" cal rrule 'FREQ=MONTHLY;BYDAY=2TU' --dtstart 20261110T090000 --count 3
    [ "$status" -eq 0 ]
    [ "$output" = $'20261110T090000\n20261208T090000\n20270112T090000' ]
    run "$eoul" cal rrule 'FREQ=DAILY;COUNT=2' --dtstart 20261110 --json
    [ "$output" = '["20261110","20261111"]' ]
    run "$eoul" cal rrule 'FREQ=SOMETIMES' --dtstart 20261110
    [ "$status" -eq 1 ]
    [ "$output" = "eoul: 'FREQ=SOMETIMES' cannot be part of a recurrence rule." ]
    run "$eoul" cal rrule 'FREQ=SECONDLY;INTERVAL=2;BYSECOND=1' --dtstart 20261110T090000
    [ "$status" -eq 1 ]
}

@test "a rule in its zone: times that do not exist are skipped, UNTIL is an instant" {
    run "$eoul" cal rrule 'FREQ=DAILY;COUNT=3' --dtstart 'TZID=America/New_York:20260307T023000'
    [ "$output" = $'20260307T023000\n20260309T023000\n20260310T023000' ]
    run "$eoul" cal rrule 'RRULE:FREQ=DAILY;UNTIL=20261111T000000Z' --dtstart 'DTSTART;TZID=Asia/Seoul:20261109T090000'
    [ "$output" = $'20261109T090000\n20261110T090000\n20261111T090000' ]
    run "$eoul" cal rrule 'FREQ=DAILY' --dtstart 'DTSTART;VALUE=DATE:20261110' --count 2
    [ "$output" = $'20261110\n20261111' ]
    run "$eoul" cal rrule 'FREQ=DAILY' --dtstart 'TZID=Mars/Olympus:20261110T090000'
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
}
