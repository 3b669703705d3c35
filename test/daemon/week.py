#!/usr/bin/env python3
"""week.py EOULD EOUL EOUL_SIM - a live daemon picks the mode of the week.

A history of six weeks is made up in the store of a stopped daemon.  The next one replays it with the real child; then
with children that answer what they are told to, or garbage, or nothing, or die; and with a daemon that dies first.
"""
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../api"))
from world import World, until  # noqa: E402

HOUR, DAY, WEEK = 3600_000_000, 86400_000_000, 7 * 86400_000_000
MONDAY = 345600_000_000  # 5 January 1970
TASKS = 700
CONFIG = "gpus: 2\ncpus: 8\nzone: Etc/UTC\ntariff: kepco-industrial-b-high-a-2\npower_cap: 5 kW\n"
number = 0


def check(name, passed, detail=""):
    global number
    number += 1
    if not passed and detail != "":
        print(f"# {detail}")
    print(f"{'ok' if passed else 'not ok'} {number} - {name}", flush=True)
    return passed


worlds = []


def new_world(config):
    worlds.append(World(eould, config=config))
    return worlds[-1]


def week(world):
    return world.get("/v1/status")["mode_of_week"]


def settings_of(world):
    """Every settings event of the journal, as a dictionary."""
    db = sqlite3.connect(f"file:{world.state}/eoul.db?mode=ro", uri=True)
    lines = [row[0] for row in db.execute("SELECT line FROM journal WHERE line LIKE 'settings %' ORDER BY seq")]
    db.close()
    return [dict(field.split("=") for field in line.split()[1:]) for line in lines]


def children(world):
    """The children that were started, by what this state's log says of them, and those that are still there."""
    with open(os.path.join(world.state, "eould.log"), encoding="utf-8") as f:
        pids = [int(pid) for pid in re.findall(r"state=runs pid=(\d+)", f.read())]
    return pids, [pid for pid in pids if alive(pid)]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def make_history(world, weeks=6):
    """Rows of jobs that ran in those weeks: five people, the long runs of two and the short ones of three."""
    db = sqlite3.connect(f"{world.state}/eoul.db")
    now = int(time.time() * 1e6)
    monday = now - (now - MONDAY) % WEEK
    at, end = monday - weeks * WEEK, now
    luck = 7
    rows = []
    while at < end:
        luck = (luck * 1103515245 + 12345) % 2**31
        at += (10 + luck // 1000 % 60) * 60_000_000
        hour = at % DAY // HOUR
        if (at - MONDAY) % WEEK >= 5 * DAY or not 9 <= hour < 18:
            continue
        owner = 1 + luck // 11 % 5
        run = (5 * HOUR if owner <= 2 else HOUR // 2) * (80 + luck // 7 % 40) // 100
        rows.append((at, at + HOUR // 2, at + HOUR // 2 + run, owner))
    first = db.execute("SELECT min(id) FROM job WHERE start_at = 0").fetchone()[0]
    rows = [row for row in rows if row[2] < now][-TASKS:]
    for i, (submit_at, start_at, end_at, owner) in enumerate(rows):
        db.execute("UPDATE job SET state = 'COMPLETED', reason = 'None', attempts = 1, gpus = 1, owner = ?, submitter = ?, "
                   "submit_at = ?, begin_at = 0, start_at = ?, end_at = ? WHERE id = ?",
                   (owner, owner, submit_at, start_at, end_at, first + i))
    db.commit()
    db.close()
    return rows, monday


def with_history():
    """A stopped daemon's world with that history, and what it is."""
    world = new_world(CONFIG)
    for person in ("ana", "bo", "chul", "dara"):
        answer = world.post("/v1/me", {"for": person, "zone": "Etc/UTC", "hours": "mon-fri 09:00-18:00", "defer": True})
        assert answer.status == 200, answer.raw
    job = world.submit("true", gpus=1, hold="yes", array=f"1-{TASKS}", output="/dev/null", code_clean="yes")
    assert world.post(f"/v1/jobs/{job}/cancel").status == 200
    until(lambda: week(world)["state"] == "too-little")
    world.close_daemon()
    rows, monday = make_history(world)
    db = sqlite3.connect(f"{world.state}/eoul.db")
    db.execute("DELETE FROM meta WHERE key = 'mode'")
    db.commit()
    db.close()
    return world, rows, monday


def own_programs(world, script):
    """The programs of this build, but for eoul-sim."""
    folder = os.path.join(world.dir, "programs")
    os.makedirs(folder, exist_ok=True)
    build = os.path.dirname(os.path.abspath(eould))
    for name in os.listdir(build):
        path = os.path.join(folder, name)
        if name.startswith("eoul-") and name != "eoul-sim" and not os.path.lexists(path):
            os.symlink(os.path.join(build, name), path)
    with open(os.path.join(folder, "eoul-sim"), "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(os.path.join(folder, "eoul-sim"), 0o755)
    os.environ["EOUL_LIBEXEC"] = folder


ANSWER = """while [ $# -gt 0 ]; do [ "$1" = --until ] && u=$2; shift; done
while read -r line; do :; done
echo '{"mode": "MODE", "in_use": "later", "until_at": '$u'000000, "weeks": 4, "results": 200, "seen_h": {"later": 12.4, "plan": 12.9, "area": 11.1}, "by_week": []}'
"""

# Answers with how many weeks it was told of, and how many lines of the history hold what SAID is.
COUNTS = """k=0; n=0; while [ $# -gt 0 ]; do case "$1" in --until) u=$2;; --week) k=$((k + 1));; esac; shift; done
while read -r line; do case "$line" in *"SAID"*) n=$((n + 1));; esac; done
echo '{"mode": "later", "in_use": "later", "until_at": '$u'000000, "weeks": 4, "results": '$((200 + 10 * n + k))', "seen_h": {"later": 1, "plan": 1, "area": 1}, "by_week": []}'
"""


def forget_replay(world):
    """As if no week had been replayed: the next start does."""
    db = sqlite3.connect(f"{world.state}/eoul.db")
    db.execute("DELETE FROM meta WHERE key = 'mode'")
    db.commit()
    db.close()


def replays(world):
    out = os.path.join(world.dir, "journal")
    env = dict(os.environ, EOUL_STATE=world.state)
    subprocess.run([eould, "--export-journal", out, "--state", world.state], env=env, check=True)
    return subprocess.run([sim, "--replay", out], capture_output=True, text=True, check=False)


def real_child():
    world, rows, monday = with_history()
    world.start()
    w = until(lambda: (lambda s: s if s["state"] == "picked" else None)(week(world)))
    recent = [r for r in rows if monday - 4 * WEEK <= r[0] < monday and r[2] <= monday]
    check("the last four whole weeks are replayed by the real child", w["weeks"] == 4 and w["until_at"] == monday and w["weekly"], w)
    check("every result of them counts", w["results"] == len(recent), (w["results"], len(recent)))
    seen = w["seen_us"]
    check("each mode has its mean time until seen", all(HOUR // 2 < seen[m] < 100 * HOUR for m in ("later", "plan", "area"))
          and len(set(seen.values())) == 3, seen)
    best = min(seen, key=seen.get)
    check("the mode is the one in use or the best one", w["mode"] in ("later", best), w)
    for lang, words in (("en_US.UTF-8", "replayed 4 weeks to Sun"), ("ko_KR.UTF-8", "주를 다시 돌림")):
        said = subprocess.run([eoul, "status"], capture_output=True, text=True, check=False,
                              env=dict(os.environ, EOUL_STATE=world.state, EOUL_SOCKET=world.socket, LC_ALL=lang)).stdout
        check(f"eoul status says why ({lang})", words in said and f"{seen['later'] / HOUR:.1f}" in said, said)
    table = subprocess.run([eoul, "whatif", "mode"], capture_output=True, text=True, check=False,
                           env=dict(os.environ, EOUL_STATE=world.state, EOUL_SOCKET=world.socket, LC_ALL="C.UTF-8"))
    check("eoul whatif mode prints the table", table.returncode == 0 and "week to" in table.stdout, table.stderr + table.stdout)
    started = len(children(world)[0])
    world.close_daemon()
    world.start()
    check("a restart does not replay it again", week(world) == w and len(children(world)[0]) == started == 1, week(world))
    world.close()


def another_mode():
    world, _, _ = with_history()
    before = len(settings_of(world))
    own_programs(world, ANSWER.replace("MODE", "area"))
    world.start()
    w = until(lambda: (lambda s: s if s["state"] == "picked" else None)(week(world)))
    check("status has the child's numbers", w["seen_us"] == {"later": 44640_000_000, "plan": 46440_000_000, "area": 39960_000_000}, w)
    ran = world.submit("true", gpus=1, output="/dev/null")
    world.wait(ran)
    os.kill(world.daemon.pid, signal.SIGKILL)
    world.daemon.wait()
    told = settings_of(world)
    check("another mode is told to the core as settings", w["mode"] == "area" and len(told) == before + 1 and
          told[-1]["policy"] == "5" and "defer" not in told[-1], told)
    world.start()
    check("it outlives a killed daemon", week(world)["mode"] == "area" and week(world)["since_at"] == w["since_at"], week(world))
    world.close_daemon()
    check("which is told nothing twice", settings_of(world) == told)
    again = replays(world)
    check("the journal with the change in it can be recomputed", again.returncode == 0, again.stdout + again.stderr)
    world.close()


def picked(world):
    return until(lambda: (lambda s: s if s["state"] == "picked" else None)(week(world)))


def a_week_later():
    """What a week said is kept as sums, and only the week that is new is played; not where the machine is another."""
    world, _, monday = with_history()
    world.start()
    first = picked(world)
    world.close_daemon()
    with sqlite3.connect(f"{world.state}/eoul.db") as db:
        words = db.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()[0].split()
        ends = [int(word) for word in words[11::23]]
        check("the sums of four weeks are kept", ends == [monday - i * WEEK for i in (3, 2, 1, 0)] and len(words) == 11 + 4 * 23, words)
        mean = sum(sum(int(mh) for mh in words[13 + i * 23:20 + i * 23]) for i in range(4)) / first["results"]
        check("which are what was said", abs(mean / 1000 - first["seen_us"]["later"] / HOUR) < 0.01, (mean, first))
        words[4] = str(monday - WEEK)  # as it was a week ago
        earlier = " ".join(words[:11 + 3 * 23])
        db.execute("UPDATE meta SET value = ? WHERE key = 'mode'", (earlier,))
    db.close()
    world.start()
    again = until(lambda: (lambda s: s if s["until_at"] == monday else None)(week(world)))
    check("the real child adds the new one to them", again["seen_us"] == first["seen_us"] and again["results"] == first["results"], (again, first))
    world.close_daemon()
    own_programs(world, COUNTS.replace("SAID", "nothing of the kind"))
    for config, known in ((CONFIG, 3), (CONFIG.replace("5 kW", "4 kW"), 0)):
        with sqlite3.connect(f"{world.state}/eoul.db") as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'mode'", (earlier,))
        db.close()
        with open(os.path.join(world.dir, "eoul.yaml"), "w", encoding="utf-8") as f:
            f.write(config)
        world.start()
        w = until(lambda: (lambda s: s if s["until_at"] == monday else None)(week(world)))
        check(f"the child is told of {known} earlier weeks", w["results"] == 200 + known, w)
        world.close_daemon()
    world.close()


def hours_of_then():
    """What was told of last week's hours is what last week is played by, whatever is said now; older than a week it goes."""
    world, _, monday = with_history()
    now = int(time.time() * 1e6)
    here = now - 3 * DAY
    old = now - 9 * DAY
    with open(os.path.join(world.state, "passed"), "w", encoding="utf-8") as f:
        f.write(f"eoul-passed 1\n1 {old} {now} {old} {old + HOUR} {here} {here + HOUR}\n")
    own_programs(world, COUNTS.replace("SAID", f"{here}/{here + HOUR}"))
    world.start()
    w = picked(world)
    check("hours as they were told then are in the history", w["results"] == 210, w)
    with open(os.path.join(world.state, "passed"), encoding="utf-8") as f:
        line = [line.split() for line in f if line.startswith("1 ")][0]
    check("what is older than a week is not kept", int(line[1]) >= now - 7 * DAY and line[3:5] == [str(here), str(here + HOUR)], line)
    check("nobody but the daemon reads it", os.stat(os.path.join(world.state, "passed")).st_mode & 0o777 == 0o600)
    told = world.get("/v1/me/data?for=ana")["could_look"]
    check("its owner sees what is kept of them", [here, here + HOUR] in told, told)
    world.post("/v1/me", {"for": "ana", "forget": True})
    check("and can have it deleted", world.get("/v1/me/data?for=ana")["could_look"] == [] and
          str(here) not in open(os.path.join(world.state, "passed"), encoding="utf-8").read())
    world.close_daemon()
    for what in ("garbage", "eoul-passed 1\n1 5 4\n", f"eoul-passed 1\n1 {old} {now} {here} {here}\n"):
        with open(os.path.join(world.state, "passed"), "w", encoding="utf-8") as f:
            f.write(what)
        forget_replay(world)
        world.start()
        check("a file that is not understood is as none", picked(world)["results"] == 200, what)
        world.close_daemon()
    world.close()


def what_jobs_met():
    """Of last week is played what happened in it besides: GPUs, reservations, boosts; and what each run took."""
    world, rows, monday = with_history()
    at = monday - 3 * DAY
    with sqlite3.connect(f"{world.state}/eoul.db") as db:
        boot = "boot=1000"
        db.executemany("INSERT INTO met (wall_at, until_at, what, line) VALUES (?, ?, ?, ?)", [
            (at, 0, "gpu 1", f"gpu wall={at} {boot} gpu=1 type=1 state=1"),
            (at, at + HOUR, "reserve 1", f"reserve wall={at} {boot} reservation=1 person=1 gpus=1 from_at={at} until_at={at + HOUR}"),
            (monday - 80 * DAY, monday - 80 * DAY + HOUR, "boost 1", f"boost wall={at} {boot} boost=1 kind=1 target=1 by=1 until_at=5 reason0=1"),
        ])
        db.execute("UPDATE job SET watts_mw = 123000 WHERE start_at > 0")
    db.close()
    own_programs(world, COUNTS.replace("SAID", "gpu=1 type=1 state=1"))
    world.start()
    check("a GPU that was drained is in the history", picked(world)["results"] == 210, week(world))
    for said, n in ((f"reservation=1 person=1", 1), ("boost=1", 0), ("watts_mw=123000", len([r for r in rows if r[2] < monday]))):
        world.close_daemon()
        forget_replay(world)
        own_programs(world, COUNTS.replace("SAID", said))
        world.start()
        check(f"of \"{said}\" it has {n}", picked(world)["results"] == 200 + 10 * n, (said, week(world)))
    until(lambda: world.get("/v1/status") is not None)
    now = world.get("/v1/status")["now_at"]
    said = [world.post("/v1/gpus/1/drain"),
            world.post("/v1/reservations", {"gpus": 1, "name": "kept for mina", "from_at": now + HOUR, "until_at": now + 2 * HOUR}),
            world.post("/v1/boosts", {"of": "ana", "reason": "her paper is due", "until_at": now + HOUR})]
    check("a GPU is drained, one kept, a person put first", [a.status for a in said] == [200] * 3, [a.raw for a in said])
    world.post(f"/v1/boosts/{said[2]['id']}/remove", {})
    world.close_daemon()
    with sqlite3.connect(f"{world.state}/eoul.db") as db:
        new = db.execute("SELECT what, line FROM met WHERE wall_at >= ? ORDER BY seq", (now,)).fetchall()
        old = db.execute("SELECT count(*) FROM met WHERE what = 'boost 1' AND wall_at < ?", (now - 70 * DAY,)).fetchone()[0]
    db.close()
    check("what happens is written down, and goes when it is long over",
          any(what == "gpu 1" and " state=1" in line for what, line in new) and old == 0 and
          {line.split()[0] for _, line in new} >= {"gpu", "reserve", "boost", "unboost"}, (new, old))
    check("but not what it is called, why, or who did it", not any(re.search(r" (name|reason|by)\d?=", line) for _, line in new), new)
    world.close()


def met_too_often():
    """More rows than are kept are read in pieces, the newest of them: clients are answered, and the week has its mode."""
    world, _, monday = with_history()
    at = monday - 50 * DAY
    with sqlite3.connect(f"{world.state}/eoul.db") as db:
        db.executemany("INSERT INTO met (wall_at, until_at, what, line) VALUES (?, 0, ?, ?)", (
            (at + i * 8_000_000, f"gpu {i % 2}", f"gpu wall={at + i * 8_000_000} boot=1000 gpu={i % 2} type=1 state={i // 2 % 2} watts_mw=300000")
            for i in range(400_000)))
    db.close()
    own_programs(world, COUNTS.replace("SAID", "nothing of the kind"))
    world.start()
    worst = 0

    def timed():
        nonlocal worst
        began = time.monotonic()
        w = week(world)
        worst = max(worst, time.monotonic() - began)
        assert w["state"] != "failed", w
        return w["state"] == "picked"

    until(timed)
    check("400,000 rows of what jobs met keep nobody waiting", worst < 0.5, worst)
    print(f"# slowest answer {worst:.3f} s")
    world.close()


def here_long(world):
    """A daemon that was down for days keeps no more of when people were there than one that was up."""
    now = int(time.time() * 1e6)
    with open(os.path.join(world.dir, "eoul.yaml"), "w", encoding="utf-8") as f:
        f.write(CONFIG + "mode: plan\n")
    passed = os.path.join(world.state, "passed")
    world.start()
    assert world.post("/v1/me", {"zone": "Etc/UTC"}).status == 200
    world.close_daemon()
    with open(passed, "w", encoding="utf-8") as f:
        f.write(f"eoul-passed 1\n1 {now - 9 * DAY} {now - 5 * DAY} {now - 9 * DAY} {now - 9 * DAY + HOUR}\n")
    world.start()
    until(lambda: world.get("/v1/status") is not None)
    os.kill(world.daemon.pid, signal.SIGKILL)
    world.daemon.wait()
    left = open(passed, encoding="utf-8").read()
    check("what grew too old meanwhile goes with the first turn", str(now - 9 * DAY) not in left and "\n1 " in left, left)
    world.start()


def fixed():
    world = new_world(CONFIG + "mode: plan\n")
    w = week(world)
    check("eoul.yaml may say the mode for good", w["mode"] == "plan" and not w["weekly"], w)
    with open(os.path.join(world.dir, "eoul.yaml"), "w", encoding="utf-8") as f:
        f.write(CONFIG)
    answer = world.post("/v1/reload")
    w = until(lambda: (lambda s: s if s["state"] == "too-little" else None)(week(world)))
    check("read again without it, the week picks", answer.status == 200 and w["weekly"] and w["mode"] == "later", (answer.raw, w))
    check("without history there is no child", children(world)[0] == [], children(world))
    world.close_daemon()
    told = [s.get("defer", "0") for s in settings_of(world)]
    check("the core heard of both", told == ["0", "1"], told)
    here_long(world)
    world.close()
    world = new_world(CONFIG + "policy: easy\n")
    check("a policy without modes has none", world.get("/v1/status")["mode_of_week"] is None)
    world.close()


BAD = {
    "garbage": "while read -r x; do :; done; echo 'not json'\n",
    "another week": ANSWER.replace("MODE", "area").replace("$u'", "'1'"),
    "a mode there is none": ANSWER.replace("MODE", "best"),
    "endless talk": "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n",
    "a failure": "exit 3\n",
    "a death": "kill -9 $$\n",
    "silence": "exec >&-\nwhile :; do :; done\n",
    "a hang": "while :; do :; done\n",
}


def bad_children():
    world, _, _ = with_history()
    os.environ["EOUL_WEEK_MS"] = "700"
    for tries, (what, script) in enumerate(BAD.items(), 1):
        own_programs(world, script)
        world.start()
        w = until(lambda: (lambda s: s if s["failed"] else None)(week(world)))
        ran = world.submit("true", gpus=1, output="/dev/null")
        world.wait(ran)
        check(f"{what} of the child changes nothing, and is said", w["mode"] == "later" and w["state"] == "none" and
              children(world)[1] == [] and len(children(world)[0]) == tries, (w, children(world)))
        world.close_daemon()
    del os.environ["EOUL_WEEK_MS"]
    own_programs(world, ANSWER.replace("MODE", "plan"))
    world.start()
    w = until(lambda: (lambda s: s if s["state"] == "picked" else None)(week(world)))
    check("the next one that answers is heard", w["mode"] == "plan" and not w["failed"], w)
    world.close()


def daemon_dies():
    world, _, _ = with_history()
    own_programs(world, "while :; do :; done\n")
    world.start()
    pid = until(lambda: children(world)[1])[0]
    until(lambda: "eoul-sim" in open(f"/proc/{pid}/cmdline", encoding="utf-8").read())  # no fork of the daemon any more
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    limits = open(f"/proc/{pid}/limits", encoding="utf-8").read()
    check("the child is the last in line and bounded", nice == 19 and re.search(r"Max cpu time +600 ", limits) and
          re.search(r"Max file size +0 ", limits), (nice, limits))
    check("it has no descriptors but its three", len(os.listdir(f"/proc/{pid}/fd")) <= 4 and
          all("eoul.db" not in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")
              if os.path.lexists(f"/proc/{pid}/fd/{fd}")))
    os.kill(world.daemon.pid, signal.SIGKILL)
    world.daemon.wait()
    check("it dies with a killed daemon", until(lambda: not children(world)[1]))
    world.start()
    second = until(lambda: children(world)[1])
    check("the next daemon has one, and no more", len(second) == 1 and second[0] != pid, second)
    world.close_daemon()
    check("and takes it along when it stops", until(lambda: not children(world)[1]))
    own_programs(world, ANSWER.replace("MODE", "plan"))
    world.start()
    w = until(lambda: (lambda s: s if s["state"] == "picked" else None)(week(world)))
    check("what was interrupted is made again", w["mode"] == "plan", w)
    world.close()


eould, eoul, sim = (os.path.abspath(path) for path in sys.argv[1:4])
try:
    for part in (real_child, another_mode, a_week_later, hours_of_then, what_jobs_met, met_too_often, fixed, bad_children, daemon_dies):
        os.environ.pop("EOUL_LIBEXEC", None)
        part()
finally:  # whatever was found, nothing runs on
    for left in worlds:
        if left.daemon.poll() is None:
            left.close()
print(f"1..{number}")
