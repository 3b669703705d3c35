#!/usr/bin/env bats
# The plan as a picture, GPUs, people.
load fake

answers() { cat "$BATS_TEST_DIRNAME/plan.json"; }

no_line_wider_than() {
    python3 -c 'import sys, unicodedata
for line in sys.stdin.read().split("\n"):
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert width <= int(sys.argv[1]), (width, line)' "$1" <<<"$output"
}

@test "plan at 80 and 120 columns, in Korean, in ASCII, for another zone" {
    fake "$(answers)"
    COLUMNS=80 run "$eoul" plan
    [ "$status" -eq 0 ]
    same plan-80
    no_line_wider_than 80
    COLUMNS=120 LANGUAGE=ko run "$eoul" plan
    same plan-120-ko
    no_line_wider_than 120
    COLUMNS=80 run "$eoul" plan --ascii
    same plan-80-ascii
    ! LC_ALL=C grep -qP '\xe2[\x94-\x96]' <<<"$output"
    COLUMNS=80 LANG=C run "$eoul" plan
    ! LC_ALL=C grep -qP '\xe2[\x94-\x96]' <<<"$output"
    COLUMNS=80 TZ=Europe/Berlin run "$eoul" plan
    same plan-80-berlin
}

@test "the picture has a bar for each piece of work by hand, in its person's lane" {
    fake "$(answers)"
    "$eoul" plan --svg - >plan.svg
    python3 - plan.svg <<'P'
import sys, xml.etree.ElementTree as tree
svg = {"s": "http://www.w3.org/2000/svg"}
root = tree.parse(sys.argv[1]).getroot()
lanes = {t.text: int(t.get("y")) for t in root.findall("s:text", svg) if t.get("class") == "lane"}
bars = {g.find("s:title", svg).text.split("  ")[0]: g.find("s:rect", svg) for g in root.findall("s:g", svg) if g.find("s:title", svg) is not None}
for number, person in (("20", "서준"), ("21", "minji")):
    assert abs(int(bars[number].get("y")) + 12 - lanes[person]) < 12, (number, bars[number].attrib, lanes)
    assert bars[number].get("fill").startswith("#")
assert "22" not in bars, "nobody's lane"
labels = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
assert "todo" in labels, labels
P
}

@test "the picture has a reservation on as many GPUs as it keeps, of its model, where others' work is not" {
    fake "$(answers | jq '."GET /v1/plan" |= (.reservations = [{"id": 1, "name": "<demo>", "person": "서준", "mine": false, "gpus": 2, "model": "",
        "from_at": (.now_at + 7200000000), "until_at": (.now_at + 21600000000), "active": false},
        {"id": 2, "name": "", "person": "", "mine": false, "gpus": 64, "model": .gpus[0].model,
        "from_at": (.now_at + 86400000000), "until_at": (.now_at + 90000000000), "active": false}])')"
    "$eoul" plan --svg - >plan.svg
    "$eoul" plan --html - >plan.html
    cp plan.svg "${PICTURE_TO:-/dev/null}"
    grep -q '&lt;demo&gt;' plan.html
    python3 - plan.svg <<'P'
import sys, xml.etree.ElementTree as tree
svg = {"s": "http://www.w3.org/2000/svg"}
root = tree.parse(sys.argv[1]).getroot()
kept = [(g.find("s:title", svg).text, r) for g in root.findall("s:g", svg) for r in g.findall("s:rect", svg) if r.get("class") == "kept"]
first = [r for title, r in kept if "<demo>  서준" in title and title.startswith("2 GPUs are kept")]
assert len(first) == 2 and len({r.get("y") for r in first}) == 2, kept
assert 180 * 1080 / 2880 < int(first[0].get("width")) < 260 * 1080 / 2880, first[0].attrib # four hours of 48
second = [r for title, r in kept if title.startswith("64 GPUs are kept")]
assert 0 < len(second) < 64 and len(second) == len({r.get("y") for r in second}), len(second) # no more than there are
labels = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
assert "reserved" in labels and "<demo>" in labels, labels
P
}

@test "plan of a machine at rest, without GPUs" {
    fake '{"GET /v1/plan": {"number": 1, "now_at": 1795510920000000, "gpus": [], "rows": [], "people": []}}'
    COLUMNS=80 run "$eoul" plan
    [ "$status" -eq 0 ]
    same plan-empty
}

@test "gpus" {
    fake "$(answers)"
    run "$eoul" gpus
    same gpus
    run "$eoul" gpus --json
    [ "$(jq '.gpus | length' <<<"$output")" -eq 3 ]
    run "$eoul" drain 1
    [ "$status" -eq 0 ]
    run "$eoul" undrain queue
    [ "$output" = "The queue is open again." ]
    run "$eoul" undrain
    [ "$output" = "The queue is open again." ]
    run "$eoul" drain 'a/../b'
    [ "$status" -eq 1 ]
    [[ $(tail -1 requests.log) == "POST /v1/gpus/a%2F..%2Fb/drain "* ]]
}

me='{"name":"minji","lang":"ko","zone":"Asia/Seoul","hours":"Mon-Fri 09:00-18:00","hours_from":"default","now_at":1795478700000000,
     "look":[[1795478400000000,1795510800000000],[1795564800000000,1795597200000000]]}'

@test "me shows and changes; what is wrong is said before the daemon is asked" {
    fake "{\"GET /v1/me\": $me, \"POST /v1/me\": $me}"
    run "$eoul" me
    same me
    run "$eoul" me hours Mon-Fri 10-16, 20-22 --for alex
    [ "$status" -eq 0 ]
    [ "$(tail -1 requests.log | cut -d' ' -f4- | jq -cS .)" = '{"for":"alex","hours":"Mon-Fri 10-16, 20-22"}' ]
    asked=$(wc -l <requests.log)
    for wrong in 'hours Mon-Fri 25-30' 'zone Moon/Base' 'lang xx' 'shoes 42' 'hours'; do
        # shellcheck disable=SC2086
        run "$eoul" me $wrong
        [ "$status" -eq 2 ]
        [ "$(grep -c . <<<"$output")" -eq 1 ]
    done
    [ "$(wc -l <requests.log)" -eq "$asked" ]
}

@test "away and here say instants" {
    fake "{\"GET /v1/me\": $me, \"POST /v1/me\": $me}"
    now=$(date +%s)
    "$eoul" away until 2033-05-18 12:33
    [[ $(tail -1 requests.log) == *'"away_until_at":1999999980000000'* ]]
    "$eoul" here 2h
    until=$(tail -1 requests.log | cut -d' ' -f4- | jq .here_until_at)
    [ $((until / 1000000 - now)) -ge 7195 ]
    [ $((until / 1000000 - now)) -le 7260 ]
    "$eoul" away off
    [ "$(tail -1 requests.log | cut -d' ' -f4- | jq -cS .)" = '{"away_from_at":0,"away_until_at":0}' ]
    "$eoul" here off
    [ "$(tail -1 requests.log | cut -d' ' -f4- | jq -c .)" = '{"here_until_at":0}' ]
    run "$eoul" away someday
    [ "$status" -eq 2 ]
    run "$eoul" away
    [ "$status" -eq 2 ]
}

week='{"name":"minji","lang":"ko","zone":"Asia/Seoul","now_at":1795478700000000,
       "look":[[1795478400000000,1795510800000000]],"offered":[[1795490000000000,1795504400000000,false],[1795564800000000,1795575600000000,true]]}'
todos='{"now_at":1795478700000000,"todos":[{"id":12,"title":"이미지 라벨링","mine":true,"state":"OPEN","review_of":0,
        "pieces":[[1795490400000000,1795497600000000]]},{"id":13,"title":"not mine","mine":false,"state":"OPEN","pieces":[[1795497600000000,1795501200000000]]}]}'

@test "me week draws seven days that fit eighty columns, in line in Korean too" {
    fake "{\"GET /v1/me\": $week, \"GET /v1/todos\": $todos}"
    run "$eoul" me week --lang ko
    same week
    run "$eoul" me week --ascii
    [ "$status" -eq 0 ]
    [ "$(sed -n 2,8p <<<"$output" | awk '{print length($0)}' | sort -u)" = 79 ]
    [[ "$output" == *"######"* && "$output" == *"+++++++++"* && "$output" != *"not mine"* ]]
}
