#!/usr/bin/env python3
"""test_calendar_data.py CAL DOC DATA: the reader against a collection of real calendars.

CAL is the program `cal` (test/lib/cal_main.c), DOC is doc/calendars.md, DATA a folder with ical/ in it
(calendars, expected occurrences by an independent implementation, rules with their instances, inputs that
broke other readers).  $EOUL_DATA overrides DATA.  Where we differ from the expectation, doc/calendars.md
says so, with how many occurrences on each side, and why; this test fails when a difference is not in that
table, and when one in the table is gone.  Without the data it is skipped (exit 77).
"""
import collections
import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time

SECONDS_MAX = 5  # of one run, start of the program and a loaded machine included

problems = []
slowest = (0, "")


def run(arguments):
    global slowest
    began = time.monotonic()
    try:
        p = subprocess.run(arguments, capture_output=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        problems.append(f"{arguments[2]}: still busy after {SECONDS_MAX} s")
        return None
    slowest = max(slowest, (time.monotonic() - began, arguments[2]))
    if p.returncode not in (0, 1):
        problems.append(f"{arguments[2]}: exit {p.returncode}: {p.stderr[-300:]!r}")
        return None
    return p


def expand(cal, path, window):
    p = run([cal, "expand", path, "--from", window[0], "--to", window[1], "--zone", "UTC", "--json"])
    return json.loads(p.stdout) if p and p.returncode == 0 else None


def documented(doc):
    """{file: (missing, extra)} from the table in doc/calendars.md."""
    rows = re.findall(r"^\| `(calendars/[^`]+)` \| (\d+) \| (\d+) \|", open(doc, encoding="utf-8").read(), re.M)
    return {name: (int(missing), int(extra)) for name, missing, extra in rows}


def compare_calendars(cal, doc, data):
    allowed = documented(doc)
    agreed = wanted = same = refused = 0
    with gzip.open(os.path.join(data, "expected_occurrences.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        name, path = row["file"], os.path.join(data, row["file"])
        if "oracle_error" in row:
            refused += 1  # the other implementation gave up: only survival is asked
            expand(cal, path, ["1990-01-01", "2030-01-01"])
            continue
        got = expand(cal, path, row["window"])
        listed = len(row["occurrences"])
        ours = [tuple(o) for o in got["occurrences"]] if got else []
        theirs = collections.Counter(tuple(o) for o in row["occurrences"])
        if row["count"] > listed:  # only the first ones are listed
            if len(ours) != row["count"]:
                problems.append(f"{name}: {len(ours)} occurrences, {row['count']} expected")
            ours = ours[:listed]
        ours = collections.Counter(ours)
        missing, extra = sum((theirs - ours).values()), sum((ours - theirs).values())
        unlisted = row["count"] - listed
        agreed += sum((theirs & ours).values()) + (unlisted if not missing and not extra else 0)
        wanted += row["count"]
        same += not missing and not extra
        if (missing, extra) != allowed.pop(name, (0, 0)):
            problems.append(f"{name}: {missing} missing, {extra} more than expected, not as in {doc}\n"
                            f"    missing {sorted((theirs - ours).elements())[:3]}\n"
                            f"    extra   {sorted((ours - theirs).elements())[:3]}")
    for name in allowed:
        problems.append(f"{doc} speaks of {name}, which is not among the calendars")
    print(f"calendars: {same} of {len(rows) - refused} agree, {agreed} of {wanted} occurrences; "
          f"{refused} more were refused by the other implementation")


def survive_everything(cal, data):
    """Every calendar, whatever is in it, ends with a result or a sentence."""
    n = 0
    for folder, _, names in os.walk(data):
        for name in names:
            if name.endswith(".ics"):
                expand(cal, os.path.join(folder, name), ["1990-01-01", "2035-01-01"])
                n += 1
    archive = os.path.join(data, "fuzz_icalendar.tar.gz")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if not member.isfile():
                continue
            path = os.path.join(folder, f"{n}.ics")
            with open(path, "wb") as out:
                out.write(tar.extractfile(member).read())
            expand(cal, path, ["1990-01-01", "2035-01-01"])
            n += 1
    print(f"survived: {n} files, the slowest {slowest[0] * 1000:.0f} ms ({os.path.basename(slowest[1])})")


def compare_rules(cal, data):
    case, n, good = {}, 0, 0
    with open(os.path.join(data, "rrule", "libical_cases_a.txt"), encoding="utf-8") as lines:
        for line in list(lines) + ["\n"]:
            line = line.strip()
            if line and not line.startswith("#"):
                key, _, value = line.partition(":")
                case[key] = value
            elif not line and "INSTANCES" in case:
                wanted = case["INSTANCES"].split(",")
                p = run([cal, "rrule", case["RRULE"], "--dtstart", case["DTSTART"],
                         "--count", str(len(wanted) + 5)])
                got = p.stdout.decode().split() if p else []
                n, good = n + 1, good + (got == wanted)
                if got != wanted:
                    problems.append(f"{case['RRULE']} from {case['DTSTART']}: {got[:10]}, not {wanted[:10]}")
            if not line:
                case = {}
    lunar = run([cal, "rrule", "RSCALE=DANGI;FREQ=YEARLY;BYMONTHDAY=8;BYMONTH=4", "--dtstart", "20131025"])
    if lunar and lunar.returncode != 1:
        problems.append("RSCALE=DANGI was not refused")
    print(f"rules: {good} of {n} agree")


def holidays(cal, data):
    """The days of the .csv are the days of the .ics beside it."""
    folder, n = os.path.join(data, "kr-holidays"), 0
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        table = os.path.join(folder, name[:-4] + ".csv")
        if not name.endswith(".ics") or not os.path.exists(table):
            continue
        days = set(re.findall(r"\d{4}-\d{2}-\d{2}", open(table, encoding="utf-8").read()))
        got = expand(cal, os.path.join(folder, name), ["2020-01-01", "2031-01-01"])
        ours = {f"{o[0][:4]}-{o[0][4:6]}-{o[0][6:8]}" for o in got["occurrences"]} if got else set()
        n += 1
        if ours != days:
            problems.append(f"{name}: {sorted(ours ^ days)[:5]} on one side only")
    print(f"holidays: {n} calendars agree with their tables" if not problems else "holidays: see below")


def main():
    cal, doc, data = sys.argv[1:4]
    data = os.path.join(os.environ.get("EOUL_DATA", data), "ical")
    if not os.path.exists(os.path.join(data, "expected_occurrences.jsonl.gz")):
        print(f"skipped: there are no calendars in {data}; set EOUL_DATA to a folder with ical/ in it")
        return 77
    compare_calendars(cal, doc, data)
    compare_rules(cal, data)
    holidays(cal, data)
    survive_everything(cal, data)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
