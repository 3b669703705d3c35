#!/usr/bin/env python3
"""tests.py BUILD [meson test arguments]: run the tests, count every case, say it in one line.

Meson counts programs; a person wants cases.  cmocka's and TAP's own counts are read from the log;
a program that prints neither is one case.  Exit 77 of a program is a skip and says why in its output.
The last line is `N passed, N failed, N skipped`.
"""
import json
import os
import re
import subprocess
import sys


def count(test):
    """(passed, failed, skipped) of one program's output."""
    out = test.get("stdout") or ""
    cmocka = re.findall(r"^\[==========\] (\d+) test\(s\) run\.$", out, re.M)
    tap = re.findall(r"^(not )?ok \d+\b(.*)$", out, re.M)
    both = out + (test.get("stderr") or "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    failed = test["result"] not in ("OK", "EXPECTEDFAIL")
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


def main():
    build, extra = sys.argv[1], sys.argv[2:]
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    # one more than there are cores: many a test waits for something to happen
    run = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                          "--num-processes", str((os.cpu_count() or 2) + 1), *extra], check=False)
    passed = failed = skipped = 0
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                test = json.loads(line)
                p, f, s = count(test)
                passed, failed, skipped = passed + p, failed + f, skipped + s
                if test["result"] == "SKIP":
                    why = (test.get("stdout") or "").strip().splitlines()
                    print(f"skipped: {test['name']}: {why[-1] if why else 'no reason given'}")
    if run.returncode != 0 and failed == 0:
        failed = 1  # meson itself failed: nothing may look green
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
