#!/usr/bin/env python3
"""scripts.py EOUL EOULD SCRIPTS: every Slurm script of test/scripts, through a real daemon.

Starts a private eould with declared GPUs, submits all scripts at once, each in a directory of its own, waits
for them and holds what came out against the "#:" remarks in them (test/scripts/README).  Prints TAP.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

LIMIT_S = 60  # one script, its waiting in the queue included


def remarks(path):
    """The "#:" lines of a script: word -> list of rests."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#: "):
                word, _, rest = line[3:].rstrip("\n").partition(" ")
                found.setdefault(word, []).append(rest)
    return found


class Daemon:
    def __init__(self, eould, folder):
        self.state = os.path.join(folder, "state")
        self.socket = os.path.join(folder, "socket")
        os.mkdir(self.state, 0o700)
        config = os.path.join(folder, "eoul.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write("gpus: 4\ncpus: 16\nmemory: 64G\n")
        ready, tell = os.pipe()
        self.log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [eould, "--state", self.state, "--socket", self.socket, "--config", config, "--foreground",
             "--ready-fd", str(tell)], pass_fds=[tell], stdout=self.log, stderr=self.log,
            env=dict(os.environ, EOUL_LOCK_DIR=os.path.join(folder, "lock")))
        os.close(tell)
        if not os.read(ready, 1):
            self.log.seek(0)
            sys.exit("Bail out! eould did not start: " + self.log.read())
        os.close(ready)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class Script:
    def __init__(self, path, folder, eoul, env):
        self.path, self.name, self.eoul = path, os.path.basename(path), eoul
        self.remarks = remarks(path)
        self.env = dict(env, **dict(r.split("=", 1) for r in self.remarks.get("env", [])))
        self.folder = os.path.join(folder, self.name)
        os.mkdir(self.folder)
        self.problems, self.id, self.waiting = [], None, None

    def one(self, word, otherwise):
        return self.remarks.get(word, [otherwise])[0]

    def call(self, *words, **more):
        return subprocess.run([self.eoul, *words], cwd=self.folder, env=self.env, text=True, capture_output=True,
                              timeout=LIMIT_S, check=False, **more)

    def submit(self):
        answer = self.call("submit", "--parsable", *shlex.split(self.one("submit", "")), self.path,
                           *shlex.split(self.one("arguments", "")), stdin=subprocess.DEVNULL)
        refusal = self.one("refused", None)
        if refusal is not None:
            if answer.returncode != 1 and answer.returncode != 2:
                self.problems.append(f"accepted, but {refusal}")
            elif refusal[:1].upper() + refusal[1:] not in answer.stderr:  # it begins the sentence
                self.problems.append(f"refused with {answer.stderr!r} and not {refusal!r}")
            elif len(answer.stderr.strip().splitlines()) != 1:
                self.problems.append(f"more than one sentence: {answer.stderr!r}")
            return
        if answer.returncode != 0 or not answer.stdout.strip().isdigit():
            self.problems.append(f"submit: {answer.returncode} {answer.stdout!r} {answer.stderr!r}")
            return
        self.id = answer.stdout.strip()
        for part in self.remarks.get("warn", []):
            if part not in answer.stderr:
                self.problems.append(f"no warning {part!r} in {answer.stderr!r}")
        if "held" in self.remarks:
            state = json.loads(self.call("show", "--json", self.id).stdout)["state"]
            if state != "PENDING":
                self.problems.append(f"held, but {state}")
            self.call("release", self.id)
        self.waiting = subprocess.Popen([self.eoul, "wait", self.id], cwd=self.folder, env=self.env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def matches(self, what, file):
        if file == "/dev/null":
            return
        try:
            with open(file, encoding="utf-8") as f:
                text = f.read()
        except OSError as error:
            self.problems.append(str(error))
            return
        for regex in self.remarks.get(what, []):
            if not re.search(regex, text, re.M):
                self.problems.append(f"{file} has no line {regex!r} but {text!r}")

    def finish(self):
        if not self.waiting:
            return
        try:
            _, said = self.waiting.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.waiting.kill()
            self.problems.append("does not end: " + self.call("why", self.id).stdout)
            return
        if self.waiting.returncode != int(self.one("exit", "0")):
            self.problems.append(f"exit code {self.waiting.returncode}: {said}")
        tasks = int(self.one("tasks", "0"))
        shown = [self.id]
        if tasks:
            rows = json.loads(self.call("history", "--json", "--all").stdout)["rows"]
            shown = sorted(r["name_id"] for r in rows if r["name_id"].startswith(self.id + "_"))
            if len(shown) != tasks:
                self.problems.append(f"{len(shown)} tasks ended: {shown}")
            whole = json.loads(self.call("show", "--json", self.id).stdout)
            if whole["reason"] != "None" or whole["tasks"] != tasks or whole["state"] != "COMPLETED":
                self.problems.append(f"as a whole: {whole['reason']!r} {whole['tasks']} {whole['state']}")
        for job in shown:
            row = json.loads(self.call("show", "--json", job).stdout)
            self.matches("out", row["stdout"])
            self.matches("err", row["stderr"])


def main():
    eoul, eould, folder = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="eoul-scripts-") as work:
        daemon = Daemon(eould, work)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "LC_"))}
        env.update(EOUL_SOCKET=daemon.socket, EOUL_STATE=daemon.state, LANG="C.UTF-8", LANGUAGE="en")
        try:
            names = sorted(n for n in os.listdir(folder) if n.endswith(".sbatch"))
            scripts = [Script(os.path.join(folder, n), work, eoul, env) for n in names]
            scripts = [s for s in scripts if "parse-only" not in s.remarks]
            print(f"1..{len(scripts)}")
            for script in scripts:
                script.submit()
            for number, script in enumerate(scripts, 1):
                script.finish()
                for problem in script.problems:
                    print(f"# {script.name}: {problem}")
                print(f"{'not ok' if script.problems else 'ok'} {number} - {script.name}", flush=True)
        finally:
            daemon.stop()


main()
