#!/usr/bin/env python3
"""tests.py BUILD [meson test arguments]: run the tests, count every case, say it in one line.

Meson counts programs; a person wants cases.  cmocka's and TAP's own counts are read from the log;
a program that prints neither is one case.  Exit 77 of a program is a skip and says why in its output.
A program that failed is tried a second time, alone: on a machine that stood still for a while many a
wait runs out.  One that passes then is named, so that it can be mended, and counts as passed; more than
MAY_RETRY of them are no accident and stay failed.  The last line is `N passed, N failed, N skipped`.
"""
import json
import os
import re
import subprocess
import sys

MAY_RETRY = 3


def count(test):
    """(passed, failed, skipped) of one program's output."""
    out = test.get("stdout") or ""
    cmocka = re.findall(r"^\[==========\] (\d+) test\(s\) run\.$", out, re.M)
    tap = re.findall(r"^(not )?ok \d+\b(.*)$", out, re.M)
    both = out + (test.get("stderr") or "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    failed = has_failed(test)
    if cmocka:
        run = sum(map(int, cmocka))
        bad = sum(map(int, re.findall(r"^\[  FAILED  \] (\d+) test\(s\), listed below", both, re.M)))
        skipped = sum(map(int, re.findall(r"^\[  SKIPPED \] (\d+) test\(s\)", both, re.M)))
        bad = max(bad, 1) if failed else bad
        return max(run - bad - skipped, 0), bad, skipped
    if tap:
        skipped = sum("# skip" in rest.lower() for _, rest in tap)
        bad = sum(bool(no) for no, _ in tap)
        bad = max(bad, 1) if failed else bad
        return len(tap) - skipped - sum(bool(no) for no, _ in tap), bad, skipped
    return (0, 1, 0) if failed else (1, 0, 0)


def has_failed(test):
    return test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP")


def run(build, processes, extra):
    """(exit status, the programs' records) of one `meson test`."""
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    done = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                           "--num-processes", str(processes), *extra], check=False)
    if not os.path.exists(log):
        return done.returncode, []
    with open(log, encoding="utf-8", errors="replace") as lines:
        return done.returncode, [json.loads(line) for line in lines]


def bare(name):
    """A record's name as meson takes it: `suite / name` is written there, `name` is asked for."""
    return name.rsplit(" / ", 1)[-1]


def retried(build, extra, tests):
    """The records with those of a second try in the place of failed ones, where that passed."""
    bad = [bare(test["name"]) for test in tests if has_failed(test)]
    if not bad or len(bad) > MAY_RETRY:
        return tests
    print(f"trying again, alone: {' '.join(bad)}", flush=True)
    second = {bare(test["name"]): test for test in run(build, 1, [*extra, *bad])[1]}
    for name in bad:
        if second.get(name, {}).get("result") == "OK":
            print(f"passed at the second try only: {name}")
        else:
            second.pop(name, None)
    return [second.get(bare(test["name"]), test) for test in tests]


def main():
    build, extra = sys.argv[1], sys.argv[2:]
    # one more than there are cores: many a test waits for something to happen
    status, tests = run(build, (os.cpu_count() or 2) + 1, extra)
    passed = failed = skipped = 0
    if status != 0 and not any(map(has_failed, tests)):
        failed = 1  # meson itself failed: nothing may look green
    tests = retried(build, extra, tests)
    for test in tests:
        p, f, s = count(test)
        passed, failed, skipped = passed + p, failed + f, skipped + s
        if test["result"] == "SKIP":
            why = (test.get("stdout") or "").strip().splitlines()
            print(f"skipped: {test['name']}: {why[-1] if why else 'no reason given'}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
