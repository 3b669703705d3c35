#!/usr/bin/env python3
"""analyze.py BUILD - gcc's static analyzer over every file of src/; prints what it finds, exits 1 if anything.

Leaks are left to LeakSanitizer (make asan): of lists that are reached through a pointer to a pointer this analyzer
says that they leak.  With EOUL_ANALYZER err_set() shows that it returns the code it is given (base/err.h).
"""
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys

FLAGS = ["-fanalyzer", "-O1", "-Werror", "-DEOUL_ANALYZER", "-Wno-unused-value", "-Wno-analyzer-malloc-leak",
         "-Wno-analyzer-file-leak", "-fdiagnostics-color=never", "-fdiagnostics-path-format=separate-events"]
WITH_VALUE = {"-o", "-MQ", "-MF"}
LEFT_OUT = {"-c", "-MD"}


def arguments(command):
    """The options of a compile command, without compiler, cache, outputs and dependency files."""
    words = [word for word in shlex.split(command) if os.path.basename(word) not in ("ccache", "cc", "gcc", "clang")]
    kept, skip = [], False
    for word in words:
        if not skip and word not in WITH_VALUE and word not in LEFT_OUT:
            kept.append(word)
        skip = not skip and word in WITH_VALUE
    return kept


def analyze(entry):
    done = subprocess.run(["gcc", *arguments(entry["command"]), "-c", "-o", os.devnull, *FLAGS], cwd=entry["directory"],
                          capture_output=True, text=True)
    return done.returncode, done.stderr


def main():
    build = sys.argv[1]
    if not shutil.which("gcc"):
        sys.exit("gcc is not installed")
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    once = {e["file"]: e for e in entries if os.path.relpath(os.path.join(e["directory"], e["file"])).startswith("src/")}
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, words in pool.map(analyze, once.values()):
            if code != 0:
                bad += 1
                print(words)
    print(f"gcc -fanalyzer: {len(once)} files, {bad} with findings")
    return bad > 0 or not once


if __name__ == "__main__":
    sys.exit(main())
