#!/usr/bin/env python3
"""plan.py EOULD EOUL_SIM EOUL_SIM_MUTANT - a live daemon does what its plan says, and can be recomputed.

One GPU, one job that holds it for a moment, two more that wait for it: who is next follows from when
the two owners can look, and from nothing else that differs.  Then the journal that this daemon wrote
is replayed from its first row, and so is one in which every kind of event has happened.
"""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../api"))
from world import World  # noqa: E402

LATE_US = 60_000_000  # between a decision and the job's first instruction, on a busy machine
number = 0


def check(name, passed, detail=""):
    global number
    number += 1
    if not passed and detail:
        print(f"# {detail}")
    print(f"{'ok' if passed else 'not ok'} {number} - {name}", flush=True)
    return passed


def hours_that(present):
    """Look hours that hold now and for the next days, or only some days from now."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    today = time.gmtime().tm_wday
    return "mon-sun 00:00-24:00" if present else f"{days[(today + 3) % 7]} 09:00-10:00"


def order_of_starts(eould, present):
    """Who of the two starts first, and the world, stopped."""
    world = World(eould, config="gpus: 1\ncpus: 4\n")
    for person, there in present.items():
        answer = world.post("/v1/me", {"for": person, "zone": "Etc/UTC", "hours": hours_that(there)})
        assert answer.status == 200, answer.raw
    gate = os.path.join(world.work, "gate")
    os.mkfifo(gate)
    holder = world.submit("sh", "-c", f"read x < {gate}", gpus=1, time="5", output="/dev/null")
    jobs = {p: world.submit("true", gpus=1, time="60", output="/dev/null", for_person=p)
            for p in sorted(present)}
    world.submit("true", hold="yes", output="/dev/null")  # for a core that does not mind holds
    plan = world.get("/v1/plan")
    planned = [row["owner"] for row in plan["rows"] if row["id"] in jobs.values()]
    with open(gate, "w", encoding="utf-8") as f:
        f.write("go\n")
    starts = {}
    for person, job in jobs.items():
        starts[person] = world.wait(job)["attempts"][0]["start_at"]
    world.wait(holder)
    return sorted(starts, key=starts.get), planned, world


def starts_follow_their_rows(state):
    """Every START of the store against the row of the plan that caused it."""
    db = sqlite3.connect(f"file:{state}/eoul.db?mode=ro", uri=True)
    decided = {row[0] for row in db.execute("SELECT wall_at FROM journal WHERE line LIKE 'decide%'")}
    wrong, n = [], 0
    for job, number_of, row_at, decided_at, start_at in db.execute(
            "SELECT job, number, plan_start_at, decided_at, start_at FROM attempt"):
        n += 1
        if row_at != decided_at or decided_at not in decided or not 0 <= start_at - decided_at < LATE_US:
            wrong.append(f"{job}.{number_of}: row {row_at}, decided {decided_at}, started {start_at}")
    db.close()
    return n, wrong


EVENTS = ("settings machine gpu queue person avail submit cancel hold release first requeue set started start_failed ended decide "
          "offer todo_add todo_done todo_drop todo_accept todo_decline todo_snooze todo_move todo_set signal reserve unreserve boost unboost account tariff power").split()


def everything(eould):
    """A world in which each of EVENTS has happened, with a kill in the middle; stopped."""
    config = ("gpus: [{count: 2, watts: 300}]\ncpus: 8\ntariff: kepco-industrial-b-high-a-2\npower_cap: 5 kW\n"
              "accounts: [{name: vision, gpus: 2, gpu_hours: 900, days: 7}]\n")
    world = World(eould, config=config)
    always, hour = "mon-sun 00:00-24:00", 3_600_000_000

    def mode(word):
        with open(os.path.join(world.dir, "eoul.yaml"), "w", encoding="utf-8") as f:
            f.write(config + f"mode: {word}\n")
        assert world.post("/v1/reload").status == 200

    def do(path, **body):
        answer = world.post(path, body)
        assert answer.status == 200, (path, answer.raw)
        return answer
    do("/v1/me", **{"for": "ana"}, zone="Etc/UTC", hours=always, work=always)
    now_at = int(time.time() * 1e6)
    ran = world.submit("true", output="/dev/null")
    world.wait(ran)
    long = world.submit("sleep", "600", gpus=1, time="60", output="/dev/null", requeue="yes")
    world.submit("true", chdir="/nowhere-to-be", output="/dev/null")
    do(f"/v1/jobs/{ran}/requeue")
    kept = do("/v1/reservations", gpus=1, from_at=now_at + hour, until_at=now_at + 2 * hour, name="demo", **{"for": "ana"})["id"]
    other = do("/v1/reservations", gpus=2, from_at=now_at + 3 * hour, until_at=now_at + 4 * hour)["id"]
    boost = do("/v1/boosts", of="ana", reason="demo", until_at=now_at + hour)["id"]
    lifted = do("/v1/boosts", of=str(long), reason="Friday", until_at=now_at + hour)["id"]
    do(f"/v1/boosts/{boost}/remove")
    waits = world.submit("true", gpus=2, time="30", output="/dev/null")
    world.get("/v1/plan")
    mode("area")
    do(f"/v1/reservations/{other}/remove")
    held = world.submit("true", output="/dev/null", hold="yes", gpus=2)
    do(f"/v1/jobs/{held}/set", nice=5, limit_us=60_000_000)
    do(f"/v1/jobs/{held}/release")
    do(f"/v1/jobs/{held}/hold")
    do(f"/v1/jobs/{waits}/first")
    while world.get(f"/v1/jobs/{long}")["state"] != "RUNNING":
        time.sleep(0.05)
    do(f"/v1/jobs/{long}/signal", signal=18, to="tree")
    do(f"/v1/jobs/{long}/requeue")
    todos = [do("/v1/todos", title="label", takes_us=hour, who=["ana"])["id"] for _ in range(5)]
    do(f"/v1/todos/{todos[0]}/accept", **{"for": "ana"})
    do(f"/v1/todos/{todos[0]}/move", at=(now_at // hour + 30) * hour, **{"for": "ana"})
    do(f"/v1/todos/{todos[1]}/snooze", not_before_at=now_at + 20 * hour, **{"for": "ana"})
    do(f"/v1/todos/{todos[2]}/decline", **{"for": "ana"})
    do(f"/v1/todos/{todos[3]}/set", takes_us=2 * hour)
    do(f"/v1/todos/{todos[3]}/done", **{"for": "ana"})
    do(f"/v1/todos/{todos[4]}/drop")
    do("/v1/gpus/1/drain")
    do("/v1/gpus/queue/drain")
    mode("plan")
    world.daemon.kill()
    world.daemon.wait()
    world.start()
    assert [r["id"] for r in world.get("/v1/reservations")["reservations"]] == [kept]
    assert [(b["id"], b["reason"]) for b in world.get("/v1/boosts")["boosts"]] == [(lifted, "Friday")]
    do("/v1/gpus/1/undrain")
    do("/v1/gpus/queue/undrain")
    do(f"/v1/jobs/{long}/cancel")
    world.wait(waits, 25)
    world.close_daemon()
    return world


def replayed(eould, sim, world):
    """The whole journal's text, and what recomputing it says."""
    journal = os.path.join(world.dir, "journal")
    export = subprocess.run([eould, "--state", world.state, "--export-journal", journal, "--whole"],
                            capture_output=True, text=True, check=False)
    replay = subprocess.run([sim, "--replay", journal], capture_output=True, text=True, check=False)
    with open(journal, encoding="utf-8", errors="replace") as f:
        return f.read(), replay.returncode, export.stderr + replay.stdout + replay.stderr


GAPS = "name t\ncurrency KRW\nfrom 2024-01-01\n1-12 daily 8-24 100\n"
DEAR = "name t\ncurrency KRW\nfrom 2024-01-01\n1-12 daily 0-24 100\n"


def tariff(eould, text):
    """A world whose tariff has this text, its notes and what its journal says of the tariff."""
    with tempfile.NamedTemporaryFile("w", suffix=".tariff") as f:
        f.write(text)
        f.flush()
        world = World(eould, config=f"gpus: [{{count: 1, watts: 500}}]\ncpus: 4\ntariff: {f.name}\nperson_hour: 40000\n")
        notes = world.get("/v1/status")["notes"]
        ended = world.wait(world.submit("true", gpus=1, time="5", output="/dev/null"))["state"]
        holder = world.submit("sleep", "60", gpus=1, time="5", output="/dev/null")
        waits = world.submit("true", gpus=1, time="60", output="/dev/null")
        numbers = world.get(f"/v1/jobs/{waits}/why")["numbers"]
        world.post(f"/v1/jobs/{holder}/cancel", {})
    world.close_daemon()
    db = sqlite3.connect(f"file:{world.state}/eoul.db?mode=ro", uri=True)
    lines = [row[0] for row in db.execute("SELECT line FROM journal WHERE line LIKE 'tariff%'")]
    db.close()
    world.close()
    return notes, ended, numbers, lines


def main():
    eould, sim, mutant = map(os.path.abspath, sys.argv[1:])
    print("1..12")
    good = True
    first, planned, world = order_of_starts(eould, {"ana": True, "ben": False})
    good &= check("who can look goes first", first == ["ana", "ben"], f"{first}")
    good &= check("as the plan said", planned == first, f"plan {planned}, starts {first}")
    world.close_daemon()
    n, wrong = starts_follow_their_rows(world.state)
    good &= check("each start is its plan row's", n == 3 and not wrong, f"{n} attempts; {wrong}")

    journal = os.path.join(world.dir, "journal")
    export = subprocess.run([eould, "--state", world.state, "--export-journal", journal, "--whole"],
                            capture_output=True, text=True, check=False)
    replay = subprocess.run([sim, "--replay", journal], capture_output=True, text=True, check=False)
    agreed = re.match(r"(\d+) events, all hashes agree", replay.stdout)
    good &= check("the live journal is recomputed, every hash agrees",
                  replay.returncode == 0 and agreed and int(agreed[1]) > 10,
                  export.stderr + replay.stdout + replay.stderr)
    said = []
    for bug in range(1, 7):
        run = subprocess.run([mutant, "--replay", journal, "--mutant", str(bug)], capture_output=True,
                             text=True, check=False)
        said.append(run.returncode)
    good &= check("a mutated policy does not agree", 1 in said, f"exit codes {said}")
    world.close()

    first, planned, world = order_of_starts(eould, {"ana": False, "ben": True})
    good &= check("changing only the hours changes the start", first == ["ben", "ana"], f"{first}")
    good &= check("and the plan with it", planned == first, f"plan {planned}, starts {first}")
    world.close()

    world = everything(eould)
    text, code, said = replayed(eould, sim, world)
    met = {line.split(" ")[2] for line in text.splitlines() if line.count(" ") >= 2}
    good &= check("every kind of event has happened", set(EVENTS) <= met, f"not met: {sorted(set(EVENTS) - met)}")
    modes = {tuple(field for field in line.split(" ") if field.startswith(("policy=", "defer=")))
             for line in text.splitlines() if " settings " in line}
    good &= check("and the mode was another three times", len(modes) == 3, f"{modes}")
    good &= check("and all of it is recomputed, every hash agrees", code == 0 and "all hashes agree" in said, said)
    world.close()

    notes, ended, numbers, lines = tariff(eould, GAPS)
    good &= check("a tariff with gaps is named, and the rest goes on",
                  any("no price for month 1, mon, 00:00" in n for n in notes) and ended == "COMPLETED"
                  and not lines and "power_mw" not in numbers, f"{notes} {ended} {lines}")
    notes, ended, numbers, lines = tariff(eould, DEAR)
    cost = numbers.get("run_p50_us", 0) / 3.6e9 * 0.5 * 100000
    good &= check("a tariff reaches the plan, and why says the sum",
                  len(lines) == 1 and "hour_milli=40000000" in lines[0] and lines[0].endswith("/100000")
                  and not [n for n in notes if "tariff" in n] and numbers.get("currency") == "KRW"
                  and abs(numbers["now_cost_milli"] - cost) <= 200, f"{notes} {lines} {numbers}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
