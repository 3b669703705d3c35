#!/usr/bin/env python3
"""coverage.py BUILD [SINCE] - how much of our own code the tests that ran in BUILD went through, and whether that is enough.

BUILD is made by `make coverage`: not optimized, so that a branch is what the source says and not what inlining made of
it.  SINCE is when that began, in seconds since 1970, to say how long it took.

What counts.  Every line and branch under src/.  A source that is part of several programs counts once, with what any of
them did.  Not counted is what cannot happen, by two rules and no list:
  - a line that is nothing but an assertion or abort(): that it never fails is the point of it;
  - in a switch over an enumeration (-Wswitch keeps it whole; it has no default) the two ways of the values that there are
    not, its X_COUNT and whatever lies outside, with the line of that case and the one behind the switch.
The simulator's ledger has words that only a broken core makes it say; the build around a core with planted bugs says
them, so its src/sim counts, its src/core does not.

What is not seen.  gcov writes at exit() and, by test/lib/coverage.c, at _exit(); what a process counted that was killed by
a signal is lost, and so is src/*/sandbox.c, which this build leaves out: launcher, supervisor and the daemon are better
covered than this says.

What is enough: ENOUGH for all of it, everything for WHOLE.  Exits 1 below; --show FILE prints what a file lacks.  The last line
is `lines N.N %, branches N.N %`.
"""
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

ENOUGH = (90.0, 85.0)  # lines and branches, per cent
LOWEST = 10  # files named
WORTH = 40  # lines; a shorter file is not named among the lowest
# The state machine, and who may do what: nothing of these may go untried.
WHOLE = """
src/client/ticket.c
src/core/change.c
src/core/core.c
src/core/each.h
src/core/event.c
src/core/job.c
src/core/retry.c
src/core/signal.c
src/core/submit.c
src/daemon/privacy.c
src/daemon/roles.c
src/launcher/ticket.c
""".split()
SWITCH = re.compile(r"^(\s*)switch \(.*\) \{$")
NO_VALUE = re.compile(r"^\s*case .*\b[A-Z_]+_COUNT: break;$")
ASSERTION = re.compile(r"^\s*(case \w+: |default: )?(assert\(.*\);|abort\(\);)\s*(/\*.*\*/)?\s*$")


def assertions(name):
    """Numbers of the lines of a source that are nothing but an assertion."""
    with open(name, encoding="utf-8") as source:
        return {n for n, line in enumerate(source, 1) if ASSERTION.match(line)}


def switches(name):
    """Of each switch without a default: (its line, how many ways of it no value has, the lines that only they reach)."""
    with open(name, encoding="utf-8") as source:
        text = [""] + source.read().splitlines()
    for n, line in enumerate(text):
        found = SWITCH.match(line)
        if not found:
            continue
        end = next(i for i in range(n + 1, len(text)) if text[i] == found.group(1) + "}")
        if any(re.match(r"^\s*default:", other) for other in text[n:end]):
            continue
        counts = [i for i in range(n, end) if NO_VALUE.match(text[i])]
        yield n, 1 + len(counts), [*counts, *range(end + 1, min(end + 3, len(text)))]


def without_the_impossible(name, lines):
    for at in assertions(name) & lines.keys():
        del lines[at]
    for at, ways, only in switches(name):
        count, branches = lines.get(at, (0, []))
        if count == 0:
            continue  # never came there: all of it is missing
        for _ in range(min(ways, branches.count(0))):
            branches.remove(0)
        for line in only:
            if line in lines and lines[line][0] == 0:
                del lines[line]


def read(path):
    """What one object went through: {source: {line: (count, [counts of branches])}}."""
    run = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path], cwd=os.path.dirname(path),
                         capture_output=True, text=True, check=False)
    found = {}
    for text in run.stdout.splitlines():
        if not text.startswith("{"):
            continue
        data = json.loads(text)
        for file in data["files"]:
            name = os.path.relpath(os.path.join(data["current_working_directory"], file["file"]))
            if not name.startswith("src/") or ("mutant" in path and not name.startswith("src/sim/")):
                continue
            lines = found.setdefault(name, {})
            for line in file["lines"]:
                count, branches = lines.get(line["line_number"], (0, []))
                # A line of several functions (a macro's, an inline one's) stands here once for each.
                lines[line["line_number"]] = (count + line["count"], branches + [b["count"] for b in line["branches"]])
    return found


def counted(objects):
    """{source: {line: (count, [counts of branches])}} over all objects."""
    total = collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # The real build first: where another has other branches in a line, the real one's stand.
        for found in pool.map(read, sorted(objects, key=lambda path: ("mutant" in path, path))):
            for name, lines in found.items():
                for at, (count, branches) in lines.items():
                    have, old = total[name].get(at, (0, branches and [0] * len(branches)))
                    if len(old) == len(branches):
                        old = [a + b for a, b in zip(old, branches)]
                    total[name][at] = (have + count, old)
    for name, lines in total.items():
        without_the_impossible(name, lines)
    return total


def figures(lines):
    """Lines gone through, lines, branches taken, branches."""
    return [sum(count > 0 for count, _ in lines.values()), len(lines),
            sum(n > 0 for _, branches in lines.values() for n in branches),
            sum(len(branches) for _, branches in lines.values())]


def share(part, whole):
    return 100 * part / whole if whole else 100.0


def lacks(lines):
    """What was not gone through, a line each."""
    for at, (count, branches) in sorted(lines.items()):
        never = [str(i) for i, n in enumerate(branches) if n == 0]
        if count == 0 or never:
            yield f"{at}: {'never reached' if count == 0 else f'{len(never)} of {len(branches)} branches not taken'}"


def table(title, rows):
    print(f"{title:32} {'lines':>7} {'of':>7} {'%':>6}  {'branches':>8} {'of':>7} {'%':>6}")
    for name, (a, b, c, d) in rows:
        print(f"{name:32} {a:7} {b:7} {share(a, b):6.1f}  {c:8} {d:7} {share(c, d):6.1f}")


def show(files, wanted):
    for name in wanted:
        with open(name, encoding="utf-8") as source:
            text = source.read().splitlines()
        for line in lacks(files.get(name, {})):
            print(f"{name}:{line}  {text[int(line.split(':')[0]) - 1].strip()}")
    return 0


def main():
    build = os.path.abspath(sys.argv[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    objects = [os.path.join(where, file) for where, _, files in os.walk(build) for file in files
               if file.endswith(".gcno") and "/test/next/" not in where and "/test/mutant/" not in where]
    for path in objects:
        data = path.removesuffix("gcno") + "gcda"
        if os.path.exists(data) and os.path.getsize(data) == 0:
            os.unlink(data)  # made beforehand, and nobody came
    files = counted(objects)
    if not any(count for lines in files.values() for count, _ in lines.values()):
        print(f"coverage: nothing in {build}; was it made by `make coverage`, and did tests run?")
        return 1
    if sys.argv[2:3] == ["--show"]:
        return show(files, sys.argv[3:])
    each = {name: figures(lines) for name, lines in files.items()}
    folders = collections.defaultdict(lambda: [0, 0, 0, 0])
    for name, row in each.items():
        for who in (name.split("/")[1], "all"):
            folders[who] = [a + b for a, b in zip(folders[who], row)]
    everything = folders.pop("all")
    table("folder", sorted(folders.items()) + [("all", everything)])
    worst = sorted((row for row in each.items() if row[1][1] >= WORTH),
                   key=lambda row: share(row[1][0], row[1][1]) + share(row[1][2], row[1][3]))
    table(f"the {LOWEST} lowest", worst[:LOWEST])
    whole = [figures(files.get(name, {0: (0, [])})) for name in WHOLE]
    table("state machine, authorisation", zip(WHOLE, whole))
    gaps = [f"{name}:{line}" for name in WHOLE for line in lacks(files.get(name, {0: (0, [])}))]
    for gap in gaps:
        print(f"must not be missed: {gap}")
    a, b, c, d = everything
    got = (share(a, b), share(c, d))
    bad = [f"{what} {have:.1f} % of {want:.0f} %" for what, have, want in zip(("lines", "branches"), got, ENOUGH)
           if have < want]
    if bad:
        print("too little: " + ", ".join(bad))
    if len(sys.argv) > 2:
        print(f"took {(time.time() - int(sys.argv[2])) / 60:.0f} minutes")
    print(f"lines {got[0]:.1f} %, branches {got[1]:.1f} %")
    return 1 if bad or gaps else 0


if __name__ == "__main__":
    sys.exit(main())
