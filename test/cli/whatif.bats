#!/usr/bin/env bats
# eoul whatif and eoul sim --trace: a log or the daemon's history in, a table, JSON and a picture out.
bats_require_minimum_version 1.5.0
load fake

# Eight office weeks of three people on four GPUs.
jobs_csv() {
    python3 - <<'PY'
print("submit,runtime,gpus,user,checkpoint")
state = 7
def draw(n):
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return state // 65536 % n
for day in range(56):
    for _ in range(6 if day % 7 < 5 else 0):
        print("%d,%d,%d,%s,%d" % (day * 86400 + 32400 + draw(32400), [300, 2000, 20000, 50000][draw(4)], [1, 1, 2, 4][draw(4)],
                                  "abc"[draw(3)], draw(2)))
PY
}

@test "a trace beside what could be had at best" {
    jobs_csv >jobs.csv
    run "$eoul" sim --trace jobs.csv --gpus 4 --policy easy,srsf --estimates exact --bound 60 --json
    [ "$status" -eq 0 ]
    jq -e '.bound_preemptive_h > 0 and .bound_preemptive_h <= .bound_h * 1.02' <<<"$output"
    # easy interrupts nobody, srsf may: each beside its own, and not below it
    jq -e '. as $all | .policies[0] | (.tte_over_bound - .tte_mean_h / $all.bound_h | fabs) < 1e-4 and .tte_over_bound >= 1' <<<"$output"
    jq -e '. as $all | .policies[1] | (.tte_over_bound - .tte_mean_h / $all.bound_preemptive_h | fabs) < 1e-4 and .tte_over_bound >= 1' <<<"$output"
    run "$eoul" sim --trace jobs.csv --gpus 4 --policy easy --estimates exact --bound 0
    [[ "$output" == *"at best: "*"without interrupting"* && "$output" == *"tte/bound"* ]]
    run "$eoul" sim --trace jobs.csv --gpus 4 --policy easy --estimates exact --closed-loop --bound 0 --json
    jq -e '.results_at_best > 0 and .policies[0].results_over_best <= 1 and (.policies[0] | has("tte_over_bound") | not)' <<<"$output"
}

@test "an option of another verb is named, not passed over" {
    jobs_csv >jobs.csv
    run "$eoul" sim --trace jobs.csv --gpus 4 --family office16
    [ "$status" -eq 2 ] && [[ "$output" == *'--family is of "eoul sim team" and means nothing here.'* ]]
    run "$eoul" sim team --zone Asia/Seoul
    [ "$status" -eq 2 ] && [[ "$output" == *'--zone is of "eoul sim --trace" and means nothing here.'* ]]
    run "$eoul" sim mode --trace jobs.csv --bound 3
    [ "$status" -eq 2 ] && [[ "$output" == *'--bound is of "eoul sim" and means nothing here.'* ]]
    run "$eoul" whatif --from jobs.csv --gpus 4 --bound 3
    [ "$status" -eq 2 ] && [[ "$output" == *'--bound is of "eoul sim" and means nothing here.'* ]]
    printf 'submit,runtime,gpus,user,deadline\n0,3600,2,a,\n100,7200,2,b,\n200,7200,2,b,300\n' >late.csv
    run "$eoul" sim --trace late.csv --gpus 2 --policy easy --estimates exact --bound 9
    [[ "$output" == *"easy: 1 job passed its deadline or never ended, and is not in the means"* ]]
}

@test "a trace under three policies: figures for each, the same twice" {
    jobs_csv >jobs.csv
    run "$eoul" sim --trace jobs.csv --gpus 4 --policy easy,saf,blend --estimates sigma:0.5 --seed 3 --zone Asia/Seoul --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.policies[].policy]' <<<"$output")" = '["easy","saf","blend"]' ]
    for key in jobs tte_mean_h tte_p50_h tte_p95_h delay_mean_h jct_mean_h wait_mean_h utilisation cost_per_kwh off_hours_share jain \
        worst_over_mean preemptions eta_p50_coverage eta_p90_coverage wall_s; do
        [ "$(jq ".policies | all(.$key | type == \"number\")" <<<"$output")" = true ] || { echo "$key"; false; }
    done
    [ "$(jq '.policies | all(.currency == "KRW" and .jobs == 240)' <<<"$output")" = true ]
    first=$(jq 'del(.policies[].wall_s)' <<<"$output")
    [ "$("$eoul" sim --trace jobs.csv --gpus 4 --policy easy,saf,blend --estimates sigma:0.5 --seed 3 --zone Asia/Seoul --json |
        jq 'del(.policies[].wall_s)')" = "$first" ]
    gzip -k jobs.csv
    run "$eoul" sim --trace jobs.csv.gz --gpus 4 --policy saf --closed-loop --json
    [ "$(jq '.policies[0].results_per_person_week > 1' <<<"$output")" = true ]
}

@test "garbage is counted and shown, never dropped in silence" {
    { printf 'submit,runtime,gpus,user\n'; for i in $(seq 20); do echo "$i,-1,1,a"; done; echo '5,60,1,a'; echo '5,60,99,a'; } >bad.csv
    run --separate-stderr "$eoul" sim --trace bad.csv --gpus 4 --policy saf --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.rows, .rows_bad, .jobs, (.bad | length)]' <<<"$output")" = '[22,21,1,10]' ]
    [[ $stderr == "21 rows of 22 cannot be used and are left out; the first of them:"* ]]
    [ "$(wc -l <<<"$stderr")" -eq 11 ]
}

@test "each mistake is one sentence" {
    jobs_csv >jobs.csv
    printf 'submit,runtime,gpus,user\n0,60,2,a\n' >wide.csv
    iconv -f utf-8 -t utf-16 jobs.csv >utf16.csv
    while IFS='|' read -r arguments sentence; do
        run --separate-stderr "$eoul" sim $arguments
        [ "$status" -gt 0 ] || { echo "$arguments"; false; }
        [[ $stderr == *"$sentence"* ]] || { echo "$arguments: $stderr"; false; }
    done <<'END'
--trace nowhere.csv --gpus 4|The trace "nowhere.csv" cannot be opened: No such file or directory.
--trace jobs.csv|How many GPUs are there?
--trace jobs.csv --gpus 4 --zone Atlantis|Atlantis
--trace jobs.csv --gpus 4 --policy best|--policy is not "best" here but some of booked, fifo
--trace jobs.csv --gpsu 4|There is no "--gpsu" here; did you mean --gpus?
--trace jobs.csv --gpus 4 --power-cap|--power-cap needs a value: kW
--trace jobs.csv --gpus 4 --power-cap 6x|A power cap is written as 6 kW
--trace wide.csv --gpus 1|Every job of "wide.csv" is wider than 1 GPUs.
--trace wide.csv --gpus 9 --power-cap 0.1|Every job of "wide.csv" takes more than the power cap.
--trace utf16.csv --gpus 1|"utf16.csv" is no text in UTF-8
--trace jobs.csv --gpus 4 --calendars nowhere|The calendars' directory "nowhere" cannot be opened
--trace jobs.csv --gpus 4 --tariff nowhere|The tariff "nowhere" cannot be opened
--trace jobs.csv --gpus 4 --format swf|has no usable job as swf
--trace jobs.csv --gpus 4 --team x|does not say which team
--trace jobs.csv --gpus 100 --policy booked|needs GPUs with numbers
END
}

@test "sums of a log, worked out by another program: first come, first served" {
    jobs_csv >jobs.csv
    "$eoul" sim --trace jobs.csv --gpus 4 --policy fifo --estimates exact --calendars office --zone Asia/Seoul --watts 250 --json >sums.json
    python3 - <<'PY'
import csv, datetime, heapq, json
zone = datetime.timezone(datetime.timedelta(hours=9))
monday = datetime.datetime(2026, 3, 2, tzinfo=zone).timestamp()
def eyes(t, submit): # Monday to Friday 9 to 18, and half an hour after the submit
    d = datetime.datetime.fromtimestamp(t, zone)
    if submit <= t < submit + 1800 or (d.weekday() < 5 and 9 <= d.hour < 18):
        return t
    day = d.date() + datetime.timedelta(d.hour >= 9)
    while day.weekday() > 4:
        day += datetime.timedelta(1)
    return datetime.datetime(day.year, day.month, day.day, 9, tzinfo=zone).timestamp()
rows = [(monday + float(r["submit"]), float(r["runtime"]), int(r["gpus"])) for r in csv.DictReader(open("jobs.csv"))]
rows.sort(key=lambda r: r[0]) # stable: by line where they came together
free, ends, last = 4, [], 0
seen, floor, wait, jct = 0, 0, 0, 0
for submit, run, gpus in rows:
    at = max(submit, last) # nobody overtakes
    while ends and (ends[0][0] <= at or free < gpus):
        end, n = heapq.heappop(ends)
        free, at = free + n, max(at, end)
    last, free = at, free - gpus
    heapq.heappush(ends, (at + run, gpus))
    seen += eyes(at + run, submit) - submit
    floor += eyes(submit + run, submit) - submit
    wait += at - submit
    jct += at + run - submit
area = sum(r[1] * r[2] for r in rows) / 3600
hours = len(rows) * 3600
said = json.load(open("sums.json"))["policies"][0]
for name, value in (("tte_mean_h", seen / hours), ("delay_mean_h", (seen - floor) / hours), ("wait_mean_h", wait / hours),
                    ("jct_mean_h", jct / hours), ("gpu_h", area), ("kwh", area * .25)):
    assert abs(said[name] - value) <= 1e-5 * value, (name, said[name], value)
assert said["wait_mean_h"] > 1 and said["jobs"] == len(rows)
PY
}

@test "a person's calendar counts: hours and busy times from a folder" {
    mkdir cal
    printf 'submit,runtime,gpus,user\n32400,3600,1,ann\n32400,3600,1,bo\n' >two.csv # Monday 09:00, one hour each
    echo 'Mon-Fri 14:00-15:00' >cal/ann.hours
    printf 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T093000\r\nDTEND:20260302T120000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n' >cal/bo.ics
    run "$eoul" sim --trace two.csv --gpus 2 --policy saf --calendars cal --zone Asia/Seoul --json
    [ "$status" -eq 0 ]
    # both end at 10:00; ann looks at 14:00, bo after the meeting at 12:00: 5 and 3 hours after the submit
    [ "$(jq '.policies[0].tte_mean_h == 4 and .policies[0].jct_mean_h == 1' <<<"$output")" = true ]
}

@test "one job, one user, one GPU" {
    printf 'submit,runtime,gpus,user\n0,3600,1,ann\n' >one.csv
    run "$eoul" sim --trace one.csv --gpus 1 --policy saf --zone UTC
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "1 job of 1 user, 1 GPU, zone UTC, "* ]]
}

@test "whatif on a log: options, goal, picture" {
    jobs_csv >jobs.csv
    run "$eoul" whatif --from jobs.csv --have 4 --gpus +2,8 --policy easy,blend --goal 'mean eyes delay < 100h' --svg picture.svg --zone Asia/Seoul
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "240 jobs of 3 users, 4 GPUs, zone Asia/Seoul, "* ]]
    [[ ${lines[2]} == "GPUs x order"*"GPUs/year" ]]
    [[ ${lines[3]} == "4 x easy "* && ${lines[8]} == "8 x blend "* ]]
    [[ $output == *'The cheapest that reaches "mean eyes delay < 100h": 4 GPUs'* ]]
    python3 - <<'PY'
import xml.etree.ElementTree as tree
texts = [t.text for t in tree.parse("picture.svg").getroot().iter("{http://www.w3.org/2000/svg}text")]
for word in ("until seen h", "delay h", "wait h", "results", "in use", "while away", "kWh/year", "power/year", "GPUs/year"):
    assert word in texts, (word, texts) # every measure of the table is in the picture too
assert any(t.startswith('The cheapest that reaches "mean eyes delay < 100h": 4 GPUs') for t in texts), texts
PY
    run "$eoul" whatif --from jobs.csv --have 4 --gpus +2 --json
    [ "$(jq -c '[.options[] | [.gpus, .policy]]' <<<"$output")" = '[[4,"easy"],[4,"blend"],[6,"easy"],[6,"blend"]]' ]
    [ "$(jq '[.options[].gpu_cost_per_year] == [0, 0, 25000000, 25000000]' <<<"$output")" = true ]
    [ "$(jq '.options | all((.utilisation_by_hour | length == 24) and .off_hours_interruptions == 0)' <<<"$output")" = true ]
    run "$eoul" whatif --from jobs.csv --have 4 --goal 'p91 delay < 4h'
    [ "$status" -eq 2 ]
    [[ $output == *'The goal "p91 delay < 4h" is not understood'* ]]
}

@test "a power cap holds, and its cost is told" {
    jobs_csv >jobs.csv
    for policy in booked easy blend; do
        run --separate-stderr "$eoul" sim --trace jobs.csv --gpus 4 --policy $policy --estimates exact --power-cap 0.7 --watts 200 --zone Asia/Seoul --json
        [ "$status" -eq 0 ]
        # 4 GPUs would take 800 W: such jobs are counted out, the others never are above, by what is booked and by what is drawn
        [ "$(jq '.rows_bad > 0 and .power_cap == "0.7" and .watts_per_gpu == 200' <<<"$output")" = true ]
        [ "$(jq '.policies[0] | .peak_kw <= 0.7 and .peak_kw >= 0.6 and .over_cap_h == 0 and .over_booked == 0' <<<"$output")" = true ]
        run --separate-stderr "$eoul" sim --trace jobs.csv --gpus 4 --policy $policy --estimates exact --zone Asia/Seoul --json
        [ "$(jq ".power_cap == null and (.policies[0] | has(\"peak_kw\") | not)" <<<"$output")" = true ]
    done
    run --separate-stderr "$eoul" whatif --from jobs.csv --have 4 --power-cap '900 W; 600 W Mon-Fri 10:00-18:00' --policy easy --svg cap.svg --zone Asia/Seoul
    [ "$status" -eq 0 ]
    [[ ${lines[1]} == "power cap 900 W; 600 W Mon-Fri 10:00-18:00, a GPU takes 300 W unless the trace says" ]]
    [[ ${lines[2]} == *"peak kW" && ${lines[3]} == "4 x easy "*" 0.90" ]]
    [[ $output =~ 'Under the power cap "900 W; 600 W Mon-Fri 10:00-18:00": seen after '([0-9.]+)' h instead of '([0-9.]+)' h without it' ]]
    [ "$(jq -n "${BASH_REMATCH[1]} > ${BASH_REMATCH[2]}")" = true ]
    grep -q 'peak kW' cap.svg
}

@test "what spreadsheets write is read: semicolons, tabs, CRLF, a byte order mark" {
    jobs_csv >jobs.csv
    sed 's/,/;/g' jobs.csv >semicolon.csv
    tr , '\t' <jobs.csv >tab.csv
    sed 's/$/\r/' jobs.csv >crlf.csv
    { printf '\xef\xbb\xbf'; cat jobs.csv; } >mark.csv
    for file in semicolon tab crlf mark; do
        [ "$("$eoul" sim --trace $file.csv --gpus 4 --policy saf --json | jq -c '[.jobs, .rows_bad, .policies[0].tte_mean_h]')" = \
          "$("$eoul" sim --trace jobs.csv --gpus 4 --policy saf --json | jq -c '[.jobs, .rows_bad, .policies[0].tte_mean_h]')" ]
    done
}

@test "whatif: a goal out of reach names what comes nearest; a picture that cannot be written is told at once" {
    jobs_csv >jobs.csv
    run --separate-stderr "$eoul" whatif --from jobs.csv --have 4 --gpus +4 --policy easy --goal 'results > 1000' --json
    nearest=$(jq '[.options[].goal_value] | max | . * 10 | round / 10' <<<"$output")
    [ "$(jq '.cheapest == null and all(.options[]; .reaches_goal == false)' <<<"$output")" = true ]
    run --separate-stderr "$eoul" whatif --from jobs.csv --have 4 --gpus +4 --policy easy --goal 'results > 1000'
    [[ $output == *'None of these reaches "results > 1000"; nearest to it comes 8 GPUs in the order easy, with '"$nearest."* ]]
    run --separate-stderr "$eoul" whatif --from jobs.csv --have 4 --svg nowhere/x.svg
    [ "$status" -eq 1 ] && [ -z "$output" ]
    [[ $stderr == *'"nowhere/x.svg" cannot be written'* ]]
    head -4 jobs.csv >few.csv
    run "$eoul" whatif --from few.csv --have 4
    [[ $output == *"There are only 3 jobs: nothing can be concluded from so few."* ]]
}

@test "a user who can never look at anything is named, and their results count as they end" {
    printf 'submit,runtime,gpus,user\n2026-03-02T09:00:00,3600,1,ann\n2026-03-02T10:00:00,60,2,bo\n' >two.csv
    mkdir -p hours
    echo none >hours/ann.hours
    run --separate-stderr "$eoul" sim --trace two.csv --gpus 4 --policy fifo,blend --calendars hours --json
    [ "$status" -eq 0 ]
    [[ $stderr == '1 person ("ann") has no hour in which to look at a result; theirs count as seen when they end.'* ]]
    [ "$(jq '[.policies[] | .tte_mean_h == .jct_mean_h] | all' <<<"$output")" = true ]
}

@test "whatif on the sample team: two more GPUs, or the nights, in won" {
    LANG=C.UTF-8 run "$eoul" whatif --from sample --policy booked,blend --gpus +2
    [ "$status" -eq 0 ]
    [[ ${lines[3]} == "16 x booked "* && ${lines[6]} == "18 x blend "* ]]
    [[ $output == *"16 GPUs in the order blend: seen after "*" won "*" a year."* ]]
    [[ $output == *"18 GPUs in the order booked: seen after "*" won more a year."* ]]
    [[ $output == *"More GPUs, or the nights? The order blend on the 16 GPUs there are does more than 18 GPUs in the order booked (seen after "*", for 24,"*" won less a year."* ]]
    LC_ALL=ko_KR.UTF-8 run "$eoul" whatif --from sample --policy booked,blend --gpus +2
    [[ $output == *"밤을 쓸까요? 지금 있는 GPU 16개에서 순서만 바꾸는 쪽(blend)이 GPU를 18개로 늘리는 쪽"*"원 덜 듭니다."* ]]
    # the other answer: with four times the GPUs nobody waits, in whatever order
    LANG=C.UTF-8 run "$eoul" whatif --from sample --policy easy,fifo --gpus 64
    [[ $output == *"More GPUs, or the nights? 64 GPUs in the order easy do more than the order fifo on the 16 there are"*" won more a year."* ]]
    run "$eoul" whatif --from sample --policy booked,blend --gpus +2 --json
    # another order does more than two GPUs, and its price is the electricity's alone
    [ "$(jq '.options | .[1].tte_mean_h < .[2].tte_mean_h and .[1].gpu_cost_per_year == 0 and .[2].gpu_cost_per_year == 25000000' <<<"$output")" = true ]
    first=$(jq '.options[0].tte_mean_h' <<<"$output")
    [ "$("$eoul" whatif --from sample --policy booked --seed 2 --json | jq ".options[0].tte_mean_h != $first")" = true ]
    # its people keep office hours; always there, they see results sooner
    [ "$("$eoul" whatif --from sample --policy booked --calendars always --json | jq ".options[0].tte_mean_h < $first")" = true ]
    run "$eoul" whatif --from sample --team x
    [ "$status" -ne 0 ]
    [[ $output == *"The sample is one team"* ]]
}

@test "whatif on the daemon's own history" {
    fake "$(python3 - <<'PY'
import json
rows = [{"id": i, "name": 'a "b"', "owner": "민지", "state": "COMPLETED", "gpus": 1, "cpus": 1, "submit_at": 1795478700000000 + i * 3600000000,
         "start_at": 1795478700000000 + i * 3600000000, "end_at": 1795478700000000 + (i + 2) * 3600000000, "limit_us": 0} for i in range(1, 30)]
rows.append({"id": 99, "name": "never", "owner": "bo", "state": "CANCELLED", "gpus": 1, "submit_at": 1795478700000000, "start_at": 0,
             "end_at": 1795478700000000})
gpus = [{"gpu": g, "state": "up" if g < 3 else "gone"} for g in range(4)]
print(json.dumps({"GET /v1/jobs": {"rows": rows}, "GET /v1/gpus": {"gpus": gpus, "cpus": 8}}))
PY
)"
    run --separate-stderr "$eoul" whatif --from mine --gpus +1 --policy easy --json
    [ "$status" -eq 0 ]
    [ "$(jq -c '[.jobs, .users, .rows_bad, [.options[].gpus]]' <<<"$output")" = '[29,1,0,[3,4]]' ]
}

@test "whatif on the daemon's own history reckons with what each run took" {
    fake "$(python3 - <<'PY'
import json
rows = [{"id": i, "name": "a", "owner": "ann", "state": "COMPLETED", "gpus": 1, "cpus": 1, "submit_at": 1795514400000000 + i * 3600000000,
         "start_at": 1795514400000000 + i * 3600000000, "end_at": 1795514400000000 + (i + 1) * 3600000000, "limit_us": 0,
         "watts_mw": 100000} for i in range(1, 60)]
print(json.dumps({"GET /v1/jobs": {"rows": rows}, "GET /v1/gpus": {"gpus": [{"gpu": 0, "state": "up"}], "cpus": 8}}))
PY
)"
    "$eoul" whatif --from mine --policy easy --json >took.json
    python3 -c 'print("submit,runtime,gpus,user"); [print(f"{1795514400 + i * 3600},3600,1,ann") for i in range(1, 60)]' >jobs.csv
    "$eoul" whatif --from jobs.csv --have 1 --policy easy --json >full.json
    # 300 W where nothing is known, 100 where they took that
    [ "$(jq -s '(.[1].options[0].kwh_per_year / .[0].options[0].kwh_per_year) | (. > 2.99 and . < 3.01)' took.json full.json)" = true ]
}

@test "whatif on the daemon's own history minds its power cap and its GPUs' power" {
    fake "$(python3 - <<'PY'
import json
rows = [{"id": i, "name": "a", "owner": "ann", "state": "COMPLETED", "gpus": 1, "cpus": 1, "submit_at": 1795514400000000, "start_at": 1795514400000000,
         "end_at": 1795514400000000 + 3600000000, "limit_us": 0} for i in range(1, 9)]
gpus = [{"gpu": g, "state": "up", "full_mw": 450000} for g in range(4)]
print(json.dumps({"GET /v1/jobs": {"rows": rows}, "GET /v1/gpus": {"gpus": gpus, "cpus": 8, "power_cap": "1 kW; 2 kW Sat-Sun 00:00-24:00"}}))
PY
)"
    run --separate-stderr "$eoul" whatif --policy easy --zone UTC --json
    [ "$status" -eq 0 ]
    # two of 450 W at a time, not four
    [ "$(jq -c '[.power_cap, .options[0].peak_kw, .tte_mean_h_without_cap < .options[0].tte_mean_h]' <<<"$output")" = '["1 kW; 2 kW Sat-Sun 00:00-24:00",0.9,true]' ]
    run --separate-stderr "$eoul" whatif --policy easy --power-cap none --json
    [ "$(jq -c '[.power_cap, .tte_mean_h_without_cap]' <<<"$output")" = '[null,null]' ]
}

@test "whatif without any history says so" {
    fake '{"GET /v1/jobs": {"rows": []}, "GET /v1/gpus": {"gpus": [], "cpus": 8}}'
    run "$eoul" whatif
    [ "$status" -eq 1 ]
    [[ $output == *"No job has run to its end yet"*"eoul whatif --from sample"* ]]
    run "$eoul" whatif --from smaple
    [ "$status" -eq 1 ]
    [[ $output == *"After --from comes mine, observed, sample or a file."* ]]
}

@test "whatif mode of a trace asks no daemon for its history" {
    printf 'submit,runtime,gpus,user\n0,3600,1,a\n' >"$BATS_TEST_TMPDIR/short.csv"
    EOUL_STATE=$BATS_TEST_TMPDIR/none run "${EOUL_BIN:-eoul}" whatif mode --trace "$BATS_TEST_TMPDIR/short.csv" --gpus 2
    [[ $output == *"has no job before the end of a whole week"* ]]
}
