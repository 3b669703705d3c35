#!/usr/bin/env python3
"""flood.py PROGRAMS [--jobs N] [--check]: what one user's flood costs another one, on a private daemon for a team.

One user ("nobody") sends N jobs (100,000), over 64 connections at once and in every way there is: one job a request,
a hundred a request, arrays.  Meanwhile another one looks (queue, job, why), submits, and has jobs run.  Then the same
other one beside three hundred slow clients, and beside jobs that print without end.  Each answer is timed, a wait for the
end of a job too.  Prints `name TAB value TAB unit TAB target TAB ok|short` as bench.c does.

--check prints no times: exits 1 if the other one was refused or his jobs did not end.  Needs root, to act as two users;
without it nothing is measured, which is said.
"""
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import World, until  # pylint: disable=wrong-import-position

TARGET_MS = 200
CONNECTIONS = 64
# Who has a limit cannot take every slot; how many may wait is left open, so that all of the flood comes in.
CONFIG = "gpus: 2\ncpus: 8\nlimits:\n  running: 6\n  queued: 0\n"
FLOOD = r"""
import json, sys, threading
sys.path.insert(0, sys.argv[1])
from world import Unix, escape
socket, total = sys.argv[2], int(sys.argv[3])
lock, sent, refused = threading.Lock(), [0], [0]
def spec(*argv, **options):
    return "".join(f"{k}={v}\n" for k, v in options.items()) + "chdir=/tmp\noutput=/dev/null\n" + "".join(f"argv={escape(a)}\n" for a in argv)
ways = [(1, lambda: [spec("/bin/true")]), (100, lambda: [spec("/bin/true")] * 100),
        (100, lambda: [spec("/bin/true", hold="yes")] * 100), (1000, lambda: [spec("/bin/sleep", "0.05", array="1-1000")])]
def one(way):
    n, make = ways[way]
    c = Unix(socket, timeout=300)
    body = json.dumps({"jobs": [{"spec": s, "env": []} for s in make()]})
    while True:
        with lock:
            if sent[0] >= total:
                return
            sent[0] += n
        c.request("POST", "/v1/jobs", body, {"Content-Type": "application/json"})
        r = c.getresponse()
        r.read()
        if r.status != 200:
            refused[0] += n
threads = [threading.Thread(target=one, args=(i % 4,)) for i in range(int(sys.argv[4]))]
for t in threads: t.start()
print("begun", flush=True)
for t in threads: t.join()
print(json.dumps({"sent": sent[0], "refused": refused[0]}), flush=True)
"""


class Other:
    """The user who wants to work."""

    def __init__(self, world):
        self.world, self.took, self.ended_ms, self.refused = world, {}, [], []
        self.long = world.submit("/bin/sh", "-c", "sleep 5; echo there; exit 9", output=f"{world.work}/long.%j")
        until(lambda: world.get(f"/v1/jobs/{self.long}")["state"] == "RUNNING")

    def call(self, name, method, path, body=None):
        start = time.monotonic()
        answer = self.world.call(method, path, body=body)
        self.took.setdefault(name, []).append((time.monotonic() - start) * 1000)
        if answer.status != 200:
            self.refused.append((name, answer.status, answer.raw[:200]))
        return answer

    def once(self):
        w = self.world
        body = {"jobs": [{"spec": w.spec("/bin/true"), "env": ["PATH=/usr/bin:/bin"]}]}
        start = time.monotonic()
        job = self.call("submit", "POST", "/v1/jobs", body)["jobs"][0]["id"]
        self.call("queue", "GET", "/v1/jobs?limit=100")
        self.call("show", "GET", f"/v1/jobs/{job}")
        self.call("why", "GET", f"/v1/jobs/{job}/why")
        ended = w.get(f"/v1/jobs/{job}/wait?timeout_s=25")
        self.ended_ms.append((time.monotonic() - start) * 1000)
        if not ended["ended"] or ended["state"] != "COMPLETED":
            self.refused.append(("job", ended.status, ended.raw[:200]))

    def until(self, over, least, seconds=600):
        end = time.monotonic() + seconds
        n = 0
        while (not over() or n < least) and time.monotonic() < end:
            self.once()
            n += 1

    def end(self):
        """What ran before it all began ends as if nothing had been."""
        until(lambda: self.world.get(f"/v1/jobs/{self.long}")["ended"])
        row = self.world.get(f"/v1/jobs/{self.long}")
        with open(f"{self.world.work}/long.{self.long}", encoding="ascii") as f:
            if row["exit_code"] != 9 or f.read() != "there\n" or len(row["attempts"]) != 1:
                self.refused.append(("the job that ran", row.status, row.raw[:200]))


def p99(values):
    return sorted(values)[int(0.99 * (len(values) - 1))]


def tell(what, other, check):
    if check:
        print(f"# {what}: {len(other.ended_ms)} jobs of the other one ended, {len(other.refused)} refused")
        return
    for name, took in other.took.items():
        value = p99(took)
        print(f"{what}: another's {name}, p99 of {len(took)}\t{value:.3g}\tms\t<={TARGET_MS}\t"
              f"{'ok' if value <= TARGET_MS else 'short'}")
    value = p99(other.ended_ms)
    print(f"{what}: another's job of no length, submit to end, p99\t{value:.3g}\tms\t<=2000\t{'ok' if value <= 2000 else 'short'}",
          flush=True)


def as_nobody(world, code, *words):
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api")
    return subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code,
                             here, world.socket, *map(str, words)], stdout=subprocess.PIPE, text=True)


def flooded(world, jobs):
    other = Other(world)
    flooder = as_nobody(world, FLOOD, jobs, CONNECTIONS)
    assert flooder.stdout.readline().strip() == "begun"
    other.until(lambda: flooder.poll() is not None, 1)
    said = json.loads(flooder.stdout.readline())
    if said["refused"]:
        other.refused.append(("flooder", said["refused"], "the flood did not come in"))
    after = Other(world)
    after.until(lambda: True, 20)  # and with all of it in the queue
    return {f"while {jobs} come in": other, f"while {jobs} wait": after}


def slow_clients(world):
    other = Other(world)
    code = ("import socket, sys, time; s = [socket.socket(socket.AF_UNIX) for _ in range(300)]\n"
            "for i, c in enumerate(s):\n"
            "    c.connect(sys.argv[2])\n"
            "    c.sendall(b'POST /v1/jobs HTTP/1.1\\r\\nHost: e\\r\\nContent-Length: 100000\\r\\n\\r\\n{' if i % 2 else b'GET /v')\n"
            "print('begun', flush=True)\n"
            "while True:\n"
            "    for i, c in enumerate(s):\n"
            "        try: c.send(b' ')\n"
            "        except OSError: pass\n"
            "        time.sleep(0.001)\n")
    slow = as_nobody(world, code)
    slow.stdout.readline()
    other.until(lambda: True, 20)
    slow.kill()
    slow.wait()
    return {"300 slow clients": other}


def log_bombs(world):
    other = Other(world)
    bombs = [world.submit("/usr/bin/yes", "a log bomb", output=f"{world.work}/bomb.{i}", time="10") for i in range(4)]
    until(lambda: all(os.path.exists(f"{world.work}/bomb.{i}") for i in range(4)))
    other.until(lambda: True, 20)
    for job in bombs:
        world.post(f"/v1/jobs/{job}/cancel")
    return {"4 log bombs": other}


def main():
    eould = os.path.join(sys.argv[1], "eould")
    jobs = int(sys.argv[sys.argv.index("--jobs") + 1]) if "--jobs" in sys.argv else 100000
    check = "--check" in sys.argv
    if os.getuid() != 0:
        print("# floods are not measured: acting as two users needs root")
        return 0
    bad = 0
    for play in (lambda w: flooded(w, jobs), slow_clients, log_bombs):
        world = World(eould, config=CONFIG, arguments=["--team", "nogroup"])
        try:
            for path in (world.dir, world.state):
                os.chmod(path, 0o755)
            for what, other in play(world).items():
                other.end()
                tell(what, other, check)
                for line in other.refused[:5]:
                    print("#", *line)
                bad += len(other.refused)
        finally:
            world.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
