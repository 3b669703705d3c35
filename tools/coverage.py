#!/usr/bin/env python3
"""coverage.py BUILD - how much of our own code the tests that ran in BUILD went through, by folder and in all.

BUILD was made with -Db_coverage=true.  A source that is part of several programs counts once, with what any of them did.
Branches that only an assertion or a compiler's own check can take count like others.  What a process did that was
killed, or left by _exit, is not written down by gcov, so launcher, supervisor and the daemon under SIGKILL are
better covered than this says.  The last line is `lines N.N %, branches N.N %`.
"""
import collections
import concurrent.futures
import json
import os
import subprocess
import sys


def read(path):
    """What one object went through: {source: ({line: count}, {(line, branch): count})}."""
    run = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path], cwd=os.path.dirname(path),
                         capture_output=True, text=True, check=False)
    found = {}
    for text in run.stdout.splitlines():
        if not text.startswith("{"):
            continue
        data = json.loads(text)
        for file in data["files"]:
            name = os.path.relpath(os.path.join(data["current_working_directory"], file["file"]))
            if not name.startswith("src/"):
                continue
            lines, branches = found.setdefault(name, ({}, {}))
            for line in file["lines"]:
                n = line["line_number"]
                lines[n] = lines.get(n, 0) + line["count"]
                for i, branch in enumerate(line["branches"]):
                    branches[n, i] = branches.get((n, i), 0) + branch["count"]
    return found


def main():
    build = os.path.abspath(sys.argv[1])
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    objects = [os.path.join(where, file) for where, _, files in os.walk(build) for file in files
               if file.endswith(".gcno") and "mutant" not in where and "/test/" not in where]
    lines, branches = collections.defaultdict(dict), collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(read, objects):
            for name, (l, b) in found.items():
                for at, n in l.items():
                    lines[name][at] = lines[name].get(at, 0) + n
                for at, n in b.items():
                    branches[name][at] = branches[name].get(at, 0) + n
    if not lines:
        print(f"coverage: nothing in {build}; was it made with -Db_coverage=true, and did tests run?")
        return 1
    folders = collections.defaultdict(lambda: [0, 0, 0, 0])
    for name, table in lines.items():
        for who in (name.split("/")[1], "all"):
            f = folders[who]
            f[0] += sum(n > 0 for n in table.values())
            f[1] += len(table)
            f[2] += sum(n > 0 for n in branches[name].values())
            f[3] += len(branches[name])
    share = lambda part, whole: 100 * part / whole if whole else 100
    print(f"{'folder':12} {'lines':>7} {'of':>7} {'%':>6}  {'branches':>8} {'of':>7} {'%':>6}")
    for who in sorted(f for f in folders if f != "all") + ["all"]:
        a, b, c, d = folders[who]
        print(f"{who:12} {a:7} {b:7} {share(a, b):6.1f}  {c:8} {d:7} {share(c, d):6.1f}")
    a, b, c, d = folders["all"]
    print(f"lines {share(a, b):.1f} %, branches {share(c, d):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
