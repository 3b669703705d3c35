#!/usr/bin/env python3
"""torture.py PROGRAMS ROUNDS FIRST [--mutant | --old OTHER]: kill -9 at named points while an array runs.

Each round (its number is its seed) starts a daemon in which one process of the product kills itself
with SIGKILL at one of the points written FAULT("...") in the source, submits an array of witness jobs
and some single ones while that happens, starts the daemon again when it died, and waits for quiet.
Then it compares three accounts of what happened: what was answered to the client, what eoul says, and
what the jobs themselves left on disk.

lost     an acknowledged job that eoul does not know, never ends, or calls COMPLETED without evidence,
         or one whose evidence says it ended well while eoul says it never ran
doubled  two starts of one attempt, two attempts at once, more starts than attempts, or a GPU found
         held by another job

A job whose supervisor was killed after its claim is honestly LOST (NODE_FAIL): that is no loss.
A round that broke off (it was not quiet in time) says where everything stood; one such round in all is tried once
more, and counts if it breaks off again.
--old OTHER: programs of another build start the daemon and the first jobs; then the daemon stops, or dies, and PROGRAMS
go on beside supervisors of the other build that still run.
Last line: `N rounds, N lost, N doubled`.  --mutant expects programs without the claim and exits 0
only if something was caught.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TASKS = 6
SINGLES = 3
QUIET_S = 40
SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"


def fault_points():
    points = set()
    for file in SOURCE.rglob("*.c"):
        points.update(re.findall(r'\bFAULT\("([a-z0-9-]+)"\)', file.read_text(errors="replace")))
    return sorted(points)


class Round:
    def __init__(self, programs, seed, points, old=None):
        self.programs, self.seed, self.new = old or programs, seed, programs
        self.luck = random.Random(seed)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="eoul-torture-", dir="/tmp"))
        (self.dir / "run").mkdir(mode=0o700)
        (self.dir / "evidence").mkdir()
        (self.dir / "eoul.yaml").write_text("gpus: 3\ncpus: 4\n")
        # The token lets one process of all those that pass the point die, once.
        (self.dir / "token").touch()
        # Half of them linger there, so that a job that was just begun gets to do something.
        self.fault = f"{points[seed % len(points)]}{self.luck.choice(['', '~30'])}@{self.dir}/token"
        self.env = dict(os.environ, EOUL_STATE=str(self.dir / "state"),
                        EOUL_SOCKET=str(self.dir / "run" / "socket"),
                        EOUL_CONFIG=str(self.dir / "eoul.yaml"), EOUL_LOCK_DIR=str(self.dir / "lock"),
                        LC_ALL="C.UTF-8", LANGUAGE="en", PATH=f"{programs}:{os.environ['PATH']}")
        if self.luck.random() < 0.5:
            self.env["EOUL_NO_CGROUP"] = "1"
        self.acked = {}  # jobs that were answered: name as people write it -> number
        self.notes = []

    def eoul(self, *args, fault=False, timeout=30):
        env = dict(self.env, EOUL_FAULT=self.fault) if fault else self.env
        return subprocess.run([f"{self.programs}/eoul", *map(str, args)], env=env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
                              cwd=self.dir)

    def alive(self):
        return self.eoul("status").returncode == 0

    def submit(self, *args, work_ms=None):
        """Submit with a key until it is answered: what a careful client does."""
        key = f"k{self.luck.getrandbits(60):x}"
        work_ms = work_ms or self.luck.choice([0, 3, 20])
        for _ in range(6):
            done = self.eoul("submit", "--parsable", "--key", key, "--gpus=1", "--retry=0",
                             "--output=/dev/null", *args, "--", f"{self.new}/test/torture/witness",
                             self.dir / "evidence", work_ms)
            if done.returncode == 0:
                return int(re.match(r"\d+", done.stdout).group())
            if not self.alive():
                self.eoul("up")
        raise RuntimeError(f"submit was never answered: {done.stderr.strip()}")

    def run(self):
        self.eoul("up", fault=True)  # may die on the way: that is the point
        if not self.alive():
            self.eoul("up")
        first = self.submit(f"--array=0-{TASKS - 1}")
        self.acked.update({f"{first}_{i}": first + i for i in range(TASKS)})
        for _ in range(SINGLES):
            number = self.submit()
            self.acked[str(number)] = number
        if self.new != self.programs:
            self.upgrade()
        elif self.luck.random() < 0.3:
            self.kill_daemon()
        self.wait_quiet()

    def upgrade(self):
        """One job of the other build runs over it all; its end is seen, or not, by the new one."""
        long = self.submit(work_ms=300)
        self.acked[str(long)] = long
        until = time.monotonic() + QUIET_S
        while (self.show(long) or {}).get("state") == "PENDING" and time.monotonic() < until:
            time.sleep(0.02)
        if self.luck.random() < 0.5:
            self.kill_daemon()
        else:
            self.eoul("down")
        if self.luck.random() < 0.5:
            time.sleep(0.4)
        self.programs = self.new
        self.env["PATH"] = f"{self.new}:{os.environ['PATH']}"
        self.eoul("up")

    def kill_daemon(self):
        status = self.eoul("status", "--json")
        if status.returncode == 0:
            os.kill(json.loads(status.stdout)["pid"], signal.SIGKILL)

    def show(self, job):
        done = self.eoul("show", job, "--json")
        if done.returncode == 0:
            return json.loads(done.stdout)
        return None if "running" not in done.stderr and self.alive() else {"ended": False, "down": True}

    def wait_quiet(self):
        until = time.monotonic() + QUIET_S
        left = list(self.acked)
        while left and time.monotonic() < until:
            self.wait(left, until)
            left = [job for job in left if not (self.show(job) or {"ended": True}).get("ended")]
            if left and not self.alive():
                self.eoul("up")
            elif left:
                time.sleep(0.05)  # only after a daemon died under our wait
        self.left = left

    def wait(self, jobs, until):
        """As long as the daemon is there: `eoul wait` bears with one that is away, and nobody else would start it again."""
        waiter = subprocess.Popen([f"{self.programs}/eoul", "wait", *map(str, jobs)], env=self.env, cwd=self.dir,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while time.monotonic() < until + 5:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    waiter.wait(timeout=1)
                    return
                if not self.alive():
                    return
        finally:
            waiter.kill()
            waiter.wait()

    def judge(self):
        lost = doubled = 0
        for job, number in self.acked.items():
            row = self.show(job)
            file = self.dir / "evidence" / f"job.{number}"
            lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
            starts = [line[1] for line in lines if line[0] == "start"]
            ends = [line for line in lines if line[0] == "end"]
            why = None
            if row is None:
                why = "eoul does not know it"
            elif job in self.left:
                why = f"never ended: {row.get('state')}"
            elif row["state"] == "COMPLETED" and len(ends) != 1:
                why = f"COMPLETED with {len(ends)} ends on disk"
            elif row["state"] == "FAILED" and self.fault.startswith("exec-child") and not ends:
                pass  # what was killed is the job itself, and eoul says so
            elif row["state"] not in ("COMPLETED", "NODE_FAIL"):
                why = f"state {row['state']} {row.get('reason')}, {len(starts)} starts on disk"
            elif row["state"] == "NODE_FAIL" and not any(a["state"] == "LOST" for a in row["attempts"]):
                why = "NODE_FAIL without a lost attempt"
            if why:
                lost += 1
                self.notes.append(f"job {job} lost: {why}")
            ran = [a for a in (row or {}).get("attempts", []) if a["state"] != "NEVER_STARTED"]
            if len(starts) != len(set(starts)) or len(starts) > 1 or (row and len(starts) > len(ran)):
                doubled += 1
                self.notes.append(f"job {job} doubled: started {len(starts)} times, {len(ran)} attempts")
            for line in lines:
                if line[0] == "doubled":
                    doubled += 1
                    self.notes.append(f"job {job}: GPU {line[1]} was held by another")
        return lost, doubled

    def clean(self):
        self.eoul("down", "--cancel-jobs")
        self.kill_daemon()
        for proc in pathlib.Path("/proc").glob("[0-9]*"):  # whatever of this round is left
            try:
                if f"EOUL_STATE={self.dir}".encode() in (proc / "environ").read_bytes():
                    os.kill(int(proc.name), signal.SIGKILL)
            except (OSError, PermissionError):
                pass
        shutil.rmtree(self.dir, ignore_errors=True)


def tell(one):
    """Where everything stands in a round that broke off."""
    for words in (("queue", "--all"), ("history",), ("status",)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = one.eoul(*words, timeout=10)
            print(done.stdout + done.stderr, end="")
    with contextlib.suppress(OSError):
        print("\n".join((one.dir / "state/eould.log").read_text(errors="replace").splitlines()[-30:]))
    attempts = one.dir / "state/attempts"
    for path in sorted(attempts.glob("*/*")) if attempts.is_dir() else []:
        print(path.relative_to(attempts), end=" ")
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if one.new in words or "eoul-" in words:
                print(f"\n{path.parent.name}: {words[:150]}", end="")
    print(flush=True)


def played(programs, seed, points, may_repeat, old):
    """(lost, doubled, notes, repeats left) of a round."""
    while True:
        one = Round(programs, seed, points, old)
        try:
            one.run()
            return *one.judge(), one, may_repeat
        except (RuntimeError, subprocess.TimeoutExpired, KeyError, ValueError) as problem:
            one.notes.append(f"round broke off: {problem}")
            if may_repeat == 0:
                return 1, 0, one, may_repeat
            print(f"round {seed} ({one.fault}): {one.notes[-1]}; once more, this is how it stood:", flush=True)
            tell(one)
            may_repeat -= 1
        finally:
            one.clean()


def main():
    programs, rounds, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    mutant = "--mutant" in sys.argv
    points = fault_points()
    print(f"{len(points)} fault points: {' '.join(points)}", flush=True)
    lost = doubled = 0
    may_repeat = 0 if mutant else 1
    old = sys.argv[sys.argv.index("--old") + 1] if "--old" in sys.argv else None
    started = time.monotonic()
    for seed in range(first, first + rounds):
        l, d, one, may_repeat = played(programs, seed, points, may_repeat, old)
        lost, doubled = lost + l, doubled + d
        for line in one.notes:
            print(f"round {seed} ({one.fault}): {line}", flush=True)
        if mutant and (lost or doubled):
            break
    print(f"{rounds / (time.monotonic() - started):.1f} rounds/s")
    print(f"{rounds} rounds, {lost} lost, {doubled} doubled")
    caught = bool(lost or doubled)
    return (0 if caught else 1) if mutant else (1 if caught else 0)


if __name__ == "__main__":
    sys.exit(main())
