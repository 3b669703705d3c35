#!/usr/bin/env python3
"""sweep.py PROGRAMS RUNS FIRST [--all KIND,... | --one PROGRAM:KIND:K[@PLACE]]: the k-th call fails, in real processes.

PROGRAMS is the directory of programs linked with fail.c.  A first run in which nothing fails counts the calls each
program makes of each kind: malloc, write, fsync, fork, open, rename, mkdir.  Then each run (its number is its seed) plays
the same working day with one of these calls failing, once: start the daemon, add a calendar, submit, hold, release,
cancel, refresh, back up, list, stop, start again, wait.  A tenth as many runs besides have no call that fails, but a wall
clock that is set three times meanwhile, by years and to the hours of summer time.  --all takes every k of these kinds
instead of RUNS drawn ones; of malloc, which is called tens of thousands of times, it takes every place in the programs
and their libraries that calls it, and of each the 1st, 8th, 64th, 512th, ... call.

What must be true, whichever call it was:
  answer    a verb that does not work says why, and works when it is tried again; a clock that was set by days is told of
  crash     no program of ours dies of a signal that only a bug sends; the daemon may end itself, and comes back.  The C
            library's own look-ups of users die of a failed malloc (glibc 2.36, nss_database.c): all else must be true then
  lost      every acknowledged job ends as it was meant to, with its evidence; at most one, and only for a call that
            failed in launcher or supervisor, ends otherwise, and then its state and reason say so
  doubled   no attempt starts twice, no GPU is held by two
  kept      exit codes and output are there; what "eoul backup" called a backup is one
  hang      everything above within its time

Last line: `N runs, N failed`; also of one that is ended early (SIGTERM, after the run it is at), which says where.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "torture"))
from torture import Round  # pylint: disable=wrong-import-position

KINDS = ["malloc", "write", "fsync", "fork", "open", "rename", "mkdir"]
PROGRAMS = ["eould", "eoul-launcher", "eoul-supervisor", "eoul", "eoul-fetch"]
ERRORS = {"malloc": 12, "write": 28, "fsync": 5, "fork": 11, "open": 24, "rename": 28, "mkdir": 28}
SHEET = struct.Struct("<16s16sIiQIIQ40QqQ")  # struct sheet in fail.c
SITE, SITES_MAX = struct.Struct("<QQ"), 4096  # struct site, which follow
ADDR_NO_RANDOMIZE = 0x0040000
PROGRAM_AT = 0x555555554000  # where Linux puts a program then
YEAR_S = 365 * 86400
SPRING, AUTUMN = 1774745995, 1792889995  # 2026-03-29 and 2026-10-25, five seconds before Berlin's clocks change
JUMPS_S = [YEAR_S, -YEAR_S, 9 * YEAR_S, 3600, -3600, 1, 0, lambda now: SPRING - now, lambda now: AUTUMN - now,
           lambda now: AUTUMN + 3600 - now]  # years; an hour; a second; what the clock is; the changes of the hour
CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//eoul//sweep//EN\r
BEGIN:VEVENT\r
UID:one@example.org\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260105T010000Z\r
DTEND:20260105T020000Z\r
RRULE:FREQ=WEEKLY\r
END:VEVENT\r
END:VCALENDAR\r
"""


class Problem(Exception):
    """What must be true is not."""


class Run(Round):
    def __init__(self, programs, seed, what=None):
        super().__init__(programs, seed, ["none"])
        self.what = what  # (program, kind, k) or None
        program, kind, k, *place = what if what and what[0] != "clock" else ("", "malloc", 0)
        (self.dir / "fail").write_bytes(SHEET.pack(program.encode(), b"", KINDS.index(kind), ERRORS[kind], k, 0, 0, 0,
                                                   *[0] * 41, *(place or [0])) + bytes(SITE.size * SITES_MAX))
        self.env["EOUL_FAIL"] = str(self.dir / "fail")
        if self.luck.random() < 0.5:
            self.env["EOUL_REEXEC"] = "1"
        (self.dir / "folder").mkdir()
        for file in ("work.ics", "folder/more.ics"):
            (self.dir / file).write_text(CALENDAR)
        self.jumps = self.luck.sample(JUMPS_S, 3) if what and what[0] == "clock" else [0] * 3
        if what and what[0] == "clock":
            self.env["TZ"] = "Europe/Berlin"
            with open(self.dir / "eoul.yaml", "a", encoding="ascii") as f:
                f.write("retention: {jobs: 3650d, logs: 3650d}\n")  # what ended while the clock was years behind is old
        self.says = {}  # number -> (exit code, line of output) of jobs that print
        self.witness = pathlib.Path(programs).parent / "torture" / "witness"

    def sheet(self):
        rows = SHEET.unpack_from((self.dir / "fail").read_bytes())
        made = {(p, k): rows[8 + i * 8 + j] for i, p in enumerate(PROGRAMS) for j, k in enumerate(KINDS)}
        return {"crashed": rows[1].rstrip(b"\0").decode(), "hit": rows[5], "signal": rows[6], "caller": rows[7], "made": made}

    def places(self):
        """(program, key, calls) of each place that called malloc."""
        rows = SITE.iter_unpack((self.dir / "fail").read_bytes()[SHEET.size:])
        return sorted((PROGRAMS[(key >> 56) - 1], key, made) for key, made in rows if key)

    def disarm(self):
        """What is asked in order to judge does not fail any more."""
        with open(self.dir / "fail", "r+b") as f:
            f.seek(40)  # k
            f.write(bytes(8))

    def jump(self):
        """The wall clock is set, to another year or to just before the hour that summer time leaves out or repeats."""
        to = self.jumps.pop()
        if callable(to):
            to = to(time.time())
        with open(self.dir / "fail", "r+b") as f:
            f.seek(SHEET.size - 16)  # shift_s
            f.write(struct.pack("<q", int(to)))
        return int(to)

    def jump_is_told(self, by_s):
        """A clock that is suddenly days off is not believed, and whoever asks is told so."""
        said = self.verb("status")
        if abs(by_s) > 2 * 86400 and not re.search(f"The clock is [0-9]+ days {'ahead' if by_s > 0 else 'behind'}", said):
            raise Problem(f"answer: the clock was set by {by_s} s, and status says {said!r}")

    def show(self, job):
        return super().show(job) or super().show(job)  # the first may have been the call that fails

    def up(self):
        for _ in range(3):
            done = self.eoul("up")
            if done.returncode == 0 and self.alive():
                return
        raise Problem(f"answer: it does not start: {done.stderr.strip()}")

    def verb(self, *words, fine=()):
        """A verb works, or says why not and works the next time (or is found done)."""
        tries, until = 0, time.monotonic() + 90
        while tries < 3:
            tries += 1
            try:
                done = self.eoul(*words, timeout=60)
            except subprocess.TimeoutExpired as late:
                raise Problem(f"hang: eoul {' '.join(map(str, words))}") from late
            if done.returncode == 0 or any(word in done.stderr for word in fine):
                return done.stdout
            if done.returncode > 0 and not (done.stderr + done.stdout).strip():
                raise Problem(f"answer: eoul {' '.join(map(str, words))} ended with {done.returncode} without a word")
            if "is full" in done.stderr and time.monotonic() < until:
                tries -= 1  # as it was told; the daemon looks now and then whether there is room again
                time.sleep(0.2)
            if not self.alive():
                self.up()
        raise Problem(f"answer: eoul {' '.join(map(str, words))}: {done.returncode} {done.stderr.strip()}")

    def submit_line(self, *argv, options=()):
        key = f"k{self.luck.getrandbits(60):x}"
        said = self.verb("submit", "--parsable", "--key", key, "--retry=0", *options, "--", *argv)
        if not re.match(r"\d+", said):
            raise Problem(f"answer: submit printed {said!r}")
        return int(re.match(r"\d+", said).group())

    def witnesses(self, *options):
        return self.submit_line(self.witness, self.dir / "evidence", self.luck.choice([0, 20]),
                                options=("--gpus=1", "--output=/dev/null", *options))

    def day(self):
        self.up()
        self.verb("me", "calendar", "add", self.dir / "work.ics", fine=("already",))
        self.verb("me", "calendar", "add", self.dir / "folder", fine=("already",))  # which eoul-fetch reads
        first = self.witnesses("--array=0-2")
        self.acked.update({f"{first}_{i}": first + i for i in range(3)})
        for code in (0, 7):
            out = self.dir / f"out.{code}"
            number = self.submit_line("sh", "-c", f"echo said {code}; exit {code}", options=(f"--output={out}",))
            self.says[number] = (code, out)
        self.jump_is_told(self.jump())
        held, unwanted = self.witnesses("--hold"), self.witnesses("--hold")
        self.acked[str(held)] = held
        self.verb("cancel", unwanted, fine=("already over",))
        self.verb("me", "calendar", "refresh")
        for verb in ("queue", "plan", "gpus", "history"):
            self.verb(verb, "--json")
        self.verb("why", held)
        self.jump()
        self.verb("backup", self.dir / "backup.db", fine=("exists", "is there already"))
        self.verb("down", fine=("not running", "No daemon"))
        self.up()
        self.jump()
        self.verb("release", held, fine=("not held", "already over", "cannot be done to it now"))
        self.acked.update({str(n): n for n in self.says})
        self.wait_quiet()
        self.disarm()
        self.check_rest(unwanted)

    def check_rest(self, unwanted):
        row = self.show(unwanted)
        if not row or row.get("state") != "CANCELLED" or (self.dir / "evidence" / f"job.{unwanted}").exists():
            raise Problem(f"lost: cancelled job {unwanted} is {row and row.get('state')}, or ran")
        with contextlib.closing(sqlite3.connect(self.dir / "backup.db")) as copy:
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Problem("kept: the backup is damaged")

    def honest(self, number, row):
        """A job that could not be carried out: its row says so, and it was the one call that failed."""
        near = self.what and self.what[0] in ("eoul-launcher", "eoul-supervisor") and self.sheet()["hit"]
        said = row.get("state") in ("NODE_FAIL", "FAILED", "LAUNCH_FAILED") and row.get("reason")
        if near and said:
            self.harmed.append(number)
            return True
        return False

    def judge_run(self):
        self.harmed = []
        for job, number in self.acked.items():
            row = self.show(job)
            if row is None or job in self.left:
                raise Problem(f"lost: job {job} {'is not known' if row is None else 'never ended: ' + str(row.get('state'))}")
            if number in self.says:
                self.judge_says(number, row)
            else:
                self.judge_witness(number, row)
        if len(self.harmed) > 1:
            raise Problem(f"lost: one call failed and {len(self.harmed)} jobs with it")
        sheet = self.sheet()
        if sheet["crashed"] and not self.is_libc(sheet):
            raise Problem(f"crash: {sheet['crashed']} died of signal {sheet['signal']}")

    def is_libc(self, sheet):
        """The call that failed was the C library's own."""
        return self.what[1] == "malloc" and library_of(self.programs, self.what[0], sheet["caller"] + PROGRAM_AT)[0].startswith("libc.so")

    def judge_says(self, number, row):
        code, out = self.says[number]
        wanted = "COMPLETED" if code == 0 else "FAILED"
        text = out.read_text() if out.exists() else ""
        if row["state"] == wanted and row.get("exit_code", 0) == code and row["attempts"][-1]["state"] == "ENDED":
            if text == f"said {code}\n" or self.what[:2] == ("eoul-supervisor", "write") and "missing" in text:
                return
            raise Problem(f"kept: job {number} is {wanted} and its output is {text!r}")
        if not self.honest(number, row):
            raise Problem(f"lost: job {number} is {row['state']} {row.get('exit_code')} {row.get('reason')}")

    def judge_witness(self, number, row):
        file = self.dir / "evidence" / f"job.{number}"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        starts = [line for line in lines if line[0] == "start"]
        ran = [a for a in row["attempts"] if a["state"] != "NEVER_STARTED"]
        if len(starts) > 1 or len(starts) > len(ran) or any(line[0] == "doubled" for line in lines):
            raise Problem(f"doubled: job {number}: {lines}, {len(ran)} attempts")
        ended = any(line[0] == "end" for line in lines)
        if row["state"] == "COMPLETED" and ended:
            return
        if row["state"] == "COMPLETED" or not self.honest(number, row):
            raise Problem(f"lost: job {number} is {row['state']} {row.get('reason')}, on disk {lines}")


def play(programs, seed, what):
    """(problem or "", sheet) of one day."""
    run = Run(programs, seed, what)
    try:
        run.day()
        run.judge_run()
        return "", {**run.sheet(), "places": run.places()}
    except (Problem, RuntimeError, OSError, KeyError, ValueError, subprocess.TimeoutExpired, sqlite3.Error) as problem:
        sheet = run.sheet()
        log = run.dir / "state/eould.log"
        tail = log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []
        died = f"; {sheet['crashed']} died of signal {sheet['signal']}" if sheet["crashed"] else ""
        return f"{problem}{died} (called at {sheet['caller']:#x})\n    " + "\n    ".join(tail), sheet
    finally:
        run.clean()


def draw(luck, made):
    """Each program and kind alike, whatever their numbers: fork and rename are where it hurts."""
    counting = "EOUL_COVERAGE" in os.environ  # gcov asks for memory too, and does not look whether it got any
    program, kind = luck.choice([pair for pair, n in made.items() if n and not (counting and pair[1] == "malloc")])
    return program, kind, luck.randint(1, made[program, kind])


def library_of(programs, program, key):
    """Where a place is: ("libc.so.6", offset), or ("", offset) in the program itself; as it is loaded without a lottery."""
    traced = subprocess.run([f"{programs}/{program}"], env={"LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True, text=True,
                            check=False).stdout
    begins = sorted((int(at, 16), name) for name, at in re.findall(r"(\S+)(?: => \S+)? \(0x([0-9a-f]+)\)", traced))
    caller = key & (1 << 56) - 1
    below = [(caller - at, name) for at, name in begins if at <= caller]
    return (below[-1][1], below[-1][0]) if below else ("", caller - PROGRAM_AT)


def named(what, programs):
    program, kind, k, *place = what
    if not place:
        return f"{program}, {kind} number {k}"
    library, offset = library_of(programs, program, place[0])
    return f"{program}, {kind} number {k} of those from {place[0]:#x}, {library or 'its own'} {offset:#x}"


def main():
    import random
    programs, runs, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    option = sys.argv[4] if len(sys.argv) > 4 else ""
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)  # for what is begun from here on
    problem, sheet = play(programs, first, None)
    if problem or not sheet["made"]["eould", "fsync"]:
        print(f"nothing fails, and yet: {problem or 'no call was counted'}\n1 runs, 1 failed")
        return 1
    made = sheet["made"]
    print("calls: " + ", ".join(f"{p} {k} {n}" for (p, k), n in made.items() if n) +
          f"; malloc from {len(sheet['places'])} places", flush=True)
    if option == "--all":
        kinds = sys.argv[5].split(",")
        todo = [(first, (p, k, i)) for (p, k), n in made.items() if k in kinds and k != "malloc" for i in range(1, n + 1)]
        if "malloc" in kinds:
            todo += [(first, (p, "malloc", 8 ** i, place)) for p, place, n in sheet["places"] for i in range(9) if 8 ** i <= n]
    elif option == "--one":
        program, kind, k = sys.argv[5].split(":")
        k, _, place = k.partition("@")
        todo = [(first, (program, kind, int(k), *([int(place, 16)] if place else [])))]
    else:
        todo = [(seed, draw(random.Random(seed), made)) for seed in range(first, first + runs)]
    failed, hits, done, stop = 0, 0, 0, []
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    todo += [(seed, ("clock", "jumps", 0)) for seed in range(first, first + max(1, runs // 10))]
    for seed, what in todo:
        if stop:
            print(f"stopped before {named(what, programs)}, with {len(todo) - done} runs to come")
            break
        done += 1
        problem, sheet = play(programs, seed, what)
        hits += sheet["hit"]
        if problem:
            failed += 1
            print(f"seed {seed}, {named(what, programs)}: {problem}", flush=True)
    print(f"{done / (time.monotonic() - started):.1f} runs/s, {hits} of {done} calls were reached")
    print(f"{done} runs, {failed} failed")
    return 1 if failed or (hits == 0 and done > 2) else 0


if __name__ == "__main__":
    sys.exit(main())
