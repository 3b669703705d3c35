#!/usr/bin/env python3
"""refusals.py EOULD - what is refused by a rule is kept, and explained with numbers that are true.

Each number is worked out here from lists that anybody may ask for, not from the daemon's own words.
"""
import contextlib
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Skip, Tap, until  # noqa: E402

SECOND = 1000000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
CONFIG = "gpus: 2\ncpus: 8\nurgent: 1\nlimits: {queued: 3}\npower_cap: 1 kW\n"


def body(world, *argv, **options):
    return {"jobs": [{"spec": world.spec(*argv, **options), "env": ["PATH=/usr/bin:/bin"]}]}


def refuse(world, path, data, status=None):
    """A request that is refused: the number it is kept under."""
    answer = world.post(path, data)
    assert answer.status >= 400 and (status is None or answer.status == status), answer.raw
    return answer.json["error"].get("refusal")


def why(world, refusal, **more):
    answer = world.get(f"/v1/refusals/{refusal}/why", **more)
    assert answer.status == 200, answer.raw
    return answer


def figures(text):
    """Numbers of a sentence that are counts: not of what was quoted, of times, of dates."""
    text = re.sub(r'"[^"]*"', "", text)
    text = re.sub(r"\d\d:\d\d|\d+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", "", text)
    return [int(n) for n in re.findall(r"(?<![\w.])\d+(?![\w.]*\d)", text)]


def told_as_known(answer):
    """No sentence has a number that "numbers" lacks."""
    numbers = answer["numbers"]
    known = {v for v in numbers.values() if isinstance(v, int)} | {v for v in numbers["now"].values() if isinstance(v, int)}
    known |= {answer["times"], answer["job"]}
    for sentence in answer["sentences"]:
        assert set(figures(sentence)) <= known, (sentence, known)


def waiting(world):
    """Three may wait: how many do, and when enough of them have started."""
    world.submit("sleep", "300", gpus=2, time="1:00:00")
    until(lambda: [r for r in world.get("/v1/jobs")["rows"] if r["state"] == "RUNNING"])
    ids = [world.submit("sleep", "300", gpus=2, time="30") for _ in range(2)]
    refusal = refuse(world, "/v1/jobs", body(world, "true", array="0-1"), 429)
    answer = why(world, refusal)
    pending = [r for r in world.get("/v1/jobs")["rows"] if r["state"] == "PENDING"]
    numbers, now = answer["numbers"], answer["numbers"]["now"]
    assert answer["rule"] == "waiting" and "--array=0-1" in answer["asked"], answer.raw
    assert (numbers["limit"], numbers["used"], numbers["need"]) == (3, len(pending), 2), answer.raw
    assert now["most"] == 3 - len(pending) and not now["passes"] and not now["never"], answer.raw
    starts = sorted(r["start_at"] for r in world.get("/v1/plan")["rows"] if r["state"] == "PENDING")
    assert abs(now["change_at"] - starts[numbers["need"] - now["most"] - 1]) < 5 * SECOND, (now, starts)
    told_as_known(answer)
    world.post(f"/v1/jobs/{ids[1]}/cancel")
    answer = why(world, refusal)
    assert answer["numbers"]["now"]["passes"] and answer["numbers"]["now"]["most"] == 2, answer.raw
    assert world.post("/v1/jobs", body(world, "true", array="0-1", hold="yes")).status == 200  # as it says
    assert why(world, refuse(world, "/v1/jobs", body(world, "true", array="0-8"), 429))["numbers"]["now"]["never"]


def urgent(world):
    first = world.submit("true", urgent="yes")
    submitted = world.get(f"/v1/jobs/{first}")["submit_at"]
    refusal = refuse(world, "/v1/jobs", body(world, "true", urgent="yes"), 429)
    answer = why(world, refusal)
    numbers = answer["numbers"]
    assert answer["rule"] == "urgent" and (numbers["limit"], numbers["used"], numbers["need"]) == (1, 1, 1), answer.raw
    assert numbers["change_at"] == numbers["now"]["change_at"] == submitted + 7 * DAY, (numbers, submitted)
    told_as_known(answer)
    assert world.post("/v1/jobs", body(world, "true")).status == 200  # without --urgent, as it says


def power(world):
    answer = why(world, refuse(world, "/v1/jobs", body(world, "true", gpus=2, watts=1600), 413))
    numbers = answer["numbers"]
    assert answer["rule"] == "power-cap" and (numbers["limit"], numbers["need"]) == (1000, 1600), answer.raw
    assert numbers["now"]["never"] and numbers["now"]["most"] == -1, answer.raw  # 1600 W are of the job, not of a GPU
    assert not any("GPU" in s or "say so with" in s for s in answer["sentences"][1:]), answer.raw
    assert refuse(world, "/v1/jobs", body(world, "true", gpus=1, watts=1600), 413)  # fewer would not have helped
    assert world.post("/v1/jobs", body(world, "true", gpus=2, watts=800)).status == 200


def full_load(world):
    """Nobody said what it takes: what its GPUs do at full load, and so many fit."""
    answer = why(world, refuse(world, "/v1/jobs", body(world, "true", gpus=2), 413))
    numbers = answer["numbers"]
    assert (numbers["limit"], numbers["need"], numbers["now"]["most"]) == (1000, 1400, 1000 * 2 // 1400), answer.raw
    assert any("1 such GPU " in s for s in answer["sentences"]), answer.raw
    assert world.post("/v1/jobs", body(world, "true", gpus=1)).status == 200  # as it says
    sentences = why(world, refuse(world, "/v1/jobs", body(world, "true", gpus=65), 413))["sentences"]
    assert sentences[-1] == "This machine has 2 GPUs.", sentences  # 2 are refused too


full_load.config = "gpus: [{model: Fake, count: 2, watts: 700}]\ncpus: 8\npower_cap: 1 kW\n"


def free_for(reservations, start, length, gpus):
    """The least that is left at any of the instants at which it could change."""
    points = [start] + [r["from_at"] for r in reservations if start <= r["from_at"] < start + length]
    return min(gpus - sum(r["gpus"] for r in reservations if r["from_at"] <= p < r["until_at"]) for p in points)


def reservations(world):
    now = world.get("/v1/status")["now_at"]
    for start, end, gpus in ((2, 5, 1), (4, 7, 1), (8, 9, 2)):
        assert world.post("/v1/reservations", {"gpus": gpus, "from_at": now + start * HOUR, "until_at": now + end * HOUR}).status == 200
    for start, end, gpus in ((3, 5, 2), (6, 7, 2), (1, 9, 1), (4, 6, 1)):
        asked = {"gpus": gpus, "from_at": now + start * HOUR, "until_at": now + end * HOUR}
        answer = why(world, refuse(world, "/v1/reservations", asked, 429))
        numbers, later = answer["numbers"], answer["numbers"]["now"]
        kept = world.get("/v1/reservations")["reservations"]
        length = (end - start) * HOUR
        most = free_for(kept, asked["from_at"], length, 2)
        ends = sorted(r["until_at"] for r in kept if r["until_at"] > asked["from_at"])
        first = next(e for e in ends if free_for(kept, e, length, 2) >= gpus)
        assert numbers["used"] == 2 - most and later["most"] == most and later["change_at"] == first, (answer.raw, most, first)
        told_as_known(answer)
        moved = world.post("/v1/reservations", {"gpus": gpus, "from_at": first, "until_at": first + length})
        assert moved.status == 200, moved.raw  # as it says
        world.post(f"/v1/reservations/{moved['id']}/remove")
    answer = why(world, refuse(world, "/v1/reservations", {"gpus": 3, "until_at": now + HOUR}, 413))
    assert answer["rule"] == "gpus" and answer["numbers"]["now"]["most"] == 2 and answer["numbers"]["now"]["never"]


def of_a_job(world):
    """A refused change is told with the job; what is malformed is not kept."""
    job = world.submit("true")
    world.wait(job)
    refusal = refuse(world, f"/v1/jobs/{job}/set", {"gpus": 1}, 409)
    sentences = world.get(f"/v1/jobs/{job}/why")["sentences"]
    assert any(f"eoul why r{refusal}" in s and f"eoul set {job} --gpus=1" in s for s in sentences), sentences
    kept = world.get("/v1/refusals")["refusals"]
    batch = world.post("/v1/actions", {"action": "hold", "ids": [str(job)]})
    assert len(batch["refused"]) == 1 and world.get("/v1/refusals")["refusals"] == kept, batch.raw
    assert refuse(world, f"/v1/jobs/{job}/hold", {}, 409) == refusal + 1
    assert world.get("/v1/refusals/last/why")["asked"] == f"eoul hold {job}"
    for path, data in (("/v1/jobs", body(world, "true", gpus="many")), ("/v1/jobs/99999/cancel", {}),
                       ("/v1/reservations", {"gpus": 1, "until_at": 5})):
        assert refuse(world, path, data) is None, path
    korean = why(world, refusal, lang="ko")["sentences"]
    assert all(re.search("[가-힣]", s) for s in korean) and "거절" in korean[0], korean
    runs = world.submit("sleep", "300", gpus=1)
    until(lambda: world.get(f"/v1/jobs/{runs}")["state"] == "RUNNING")
    busy = why(world, refuse(world, f"/v1/jobs/{runs}/hold", {}, 409), lang="ko")["sentences"]
    assert all(re.search("[가-힣]", s) for s in busy) and "RUNNING" in busy[1], busy
    missing = world.get("/v1/refusals/r4711/why", lang="ko")
    assert missing.status == 404 and "{" not in missing.message and "r4711" in missing.message, missing.raw


def trial(world):
    """--test-only and a repeated key are refused alike."""
    data = {**body(world, "true", gpus=65), "test": True}
    first = refuse(world, "/v1/jobs", data, 413)
    assert "--test-only" in why(world, first)["asked"]
    keyed = {**body(world, "true", gpus=65), "key": "again"}
    assert refuse(world, "/v1/jobs", keyed) == refuse(world, "/v1/jobs", keyed) != first
    assert world.get("/v1/refusals")["refusals"][0]["times"] == 2


def stored(world):
    """What a daemon that is not there any more left.  A copy is read: while the file itself is open no daemon can start."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("eoul.db", "eoul.db-wal"):
            if os.path.exists(os.path.join(world.state, name)):
                shutil.copy(os.path.join(world.state, name), place)
        with contextlib.closing(sqlite3.connect(os.path.join(place, "eoul.db"))) as db:
            return db.execute("SELECT id, times FROM refusal ORDER BY id").fetchall()


def flood(world):
    """A loop of one refused submit is one row; of different ones, sixteen.  Nobody pays a commit for each."""
    one = [refuse(world, "/v1/jobs", body(world, "true", gpus=65)) for _ in range(300)]
    assert len(set(one)) == 1, set(one)
    assert why(world, one[0])["times"] == 300
    for gpus in range(66, 266):
        refuse(world, "/v1/jobs", body(world, "true", gpus=gpus), 413)
    kept = world.get("/v1/refusals")["refusals"]
    assert len(kept) == 16 and [r["asked"] for r in kept][0].startswith("eoul submit --gpus=265"), kept
    assert world.get(f"/v1/refusals/{one[0]}/why").status == 404
    world.close_daemon()
    assert {r["id"] for r in kept} == {i for i, _ in stored(world)}, stored(world)


def crash(world):
    """End it at once; what it left is looked at before it starts again."""
    world.daemon.kill()
    world.daemon.wait()
    left = stored(world)
    world.start()
    return left


def restart(world):
    refusal = refuse(world, "/v1/jobs", body(world, "true", gpus=65))
    before = why(world, refusal)
    assert crash(world) == [(refusal, 1)]  # it was written before it was told
    for _ in range(5):
        refuse(world, "/v1/jobs", body(world, "true", gpus=65))
    world.close_daemon()
    world.start()
    after = why(world, refusal)
    assert after["times"] == 6 and after["sentences"][1:] == before["sentences"][1:], after.raw
    assert refuse(world, "/v1/jobs", body(world, "true", gpus=66)) > refusal
    assert world.get("/v1/me/data")["refusals"] == world.get("/v1/refusals")["refusals"] != []
    assert world.post("/v1/me", {"forget": True}).status == 200
    assert world.get("/v1/refusals")["refusals"] == [] == world.get("/v1/me/data")["refusals"]
    assert crash(world) == []


def numbers(world):
    """No number is told twice: not after all rows are gone, not after a crash that lost the last second."""
    first = refuse(world, "/v1/jobs", body(world, "true", gpus=65))
    assert world.post("/v1/me", {"forget": True}).status == 200
    world.close_daemon()
    world.start()
    second = refuse(world, "/v1/jobs", body(world, "true", gpus=66))
    assert second == first + 1, (first, second)
    told = [refuse(world, "/v1/jobs", body(world, "true", gpus=gpus)) for gpus in range(67, 167)]
    assert told == list(range(second + 1, second + 101)), told
    crash(world)
    assert refuse(world, "/v1/jobs", body(world, "true", gpus=167)) > told[-1]


def age(world, rows):
    """Their last time, as if they had been refused then."""
    with contextlib.closing(sqlite3.connect(os.path.join(world.state, "eoul.db"))) as db:
        for refusal, at in rows.items():
            db.execute("UPDATE refusal SET at = ?, last_at = ? WHERE id = ?", (at, at, refusal))
        db.commit()


def old(world):
    """Seven days: then it is shown no more, and gone from the store."""
    ids = [refuse(world, "/v1/jobs", body(world, "true", gpus=gpus)) for gpus in (65, 66, 67)]
    world.close_daemon()
    now = int(time.time() * SECOND)
    age(world, {ids[0]: now - 7 * DAY - SECOND, ids[1]: now - 7 * DAY + 4 * SECOND})
    world.start()
    assert [r["id"] for r in world.get("/v1/refusals")["refusals"]] == [ids[2], ids[1]]
    assert world.get(f"/v1/refusals/{ids[0]}/why").status == 404
    until(lambda: [r["id"] for r in world.get("/v1/refusals")["refusals"]] == [ids[2]])
    world.wait(world.submit("true"))  # a turn later than that
    assert crash(world) == [(ids[2], 1)]


def forgetting(world):
    """With one's own name too; what was asked for a sample person goes with that one's."""
    me = world.get("/v1/me")["name"]
    mine = refuse(world, "/v1/jobs", body(world, "true", gpus=65))
    assert world.post("/v1/me", {"for": "ada", "zone": "Europe/Berlin"}).status == 200
    theirs = refuse(world, "/v1/jobs", {**body(world, "true", gpus=65), "for": "ada"})
    assert world.post("/v1/me", {"for": "ada", "forget": True}).status == 200
    assert [r["id"] for r in world.get("/v1/refusals")["refusals"]] == [mine] != [theirs]
    assert world.post("/v1/me", {"for": me, "forget": True}).status == 200
    assert world.get("/v1/refusals")["refusals"] == []


def private(world):
    if os.geteuid() != 0:
        raise Skip("another user is needed: root only")
    mine = refuse(world, "/v1/jobs", body(world, "/opt/secret", gpus=65))
    calls = [["GET", "/v1/refusals", None], ["GET", f"/v1/refusals/{mine}/why", None], ["GET", "/v1/refusals/last/why", None],
             ["POST", "/v1/jobs", body(world, "theirs", gpus=65)], ["GET", "/v1/refusals/last/why", None]]
    said = world.as_nobody(calls)
    assert [status for status, _ in said] == [200, 404, 404, 413, 200] and "secret" not in str(said), said
    assert world.get("/v1/refusals/last/why")["asked"].endswith("/opt/secret")  # an operator's last is the operator's own
    assert "theirs" in why(world, mine + 1)["asked"]


def roles(world):
    """What who one is refuses is told in the reader's language, and --urgent is named only while one is left."""
    if os.geteuid() != 0:
        raise Skip("another user is needed: root only")
    mine = world.submit("sleep", "300")
    now = world.get("/v1/status")["now_at"]
    boost = ["POST", "/v1/boosts", {"of": str(mine), "reason": "demo", "until_at": now + HOUR}]
    said = [json.loads(text) for _, text in world.as_nobody([
        boost, ["POST", "/v1/jobs", body(world, "true")], boost, ["POST", f"/v1/jobs/{mine}/cancel", {}]])]
    first, second, others = (said[i]["error"]["refusal"] for i in (0, 2, 3))
    for refusal in (first, second, others):
        korean = why(world, refusal, lang="ko")["sentences"]
        assert all(re.search("[가-힣]", s) for s in korean), korean
    offered = why(world, second)
    assert any("--urgent" in s for s in offered["sentences"]) and offered["numbers"]["now"]["urgent_used"] == 0, offered.raw
    assert not any("--urgent" in s for s in why(world, others)["sentences"])
    assert world.as_nobody([["POST", "/v1/jobs", body(world, "true", urgent="yes")]])[0][0] == 200
    used = why(world, second)
    assert not any("--urgent" in s for s in used["sentences"]) and used["numbers"]["now"]["urgent_used"] == 1, used.raw


roles.arguments = ("--team", "nogroup")


def stranger(world):
    """Who never changed anything is nobody of the team, and sees and deletes what was refused all the same."""
    if os.geteuid() != 0:
        raise Skip("another user is needed: root only")
    calls = [["POST", "/v1/gpus/queue/drain", {}], ["GET", "/v1/refusals", None], ["GET", "/v1/me/data", None],
             ["POST", "/v1/me", {"forget": True}], ["GET", "/v1/refusals", None], ["GET", "/v1/me/data", None],
             ["POST", "/v1/me", {"forget": True}]]
    said = [(status, json.loads(text)) for status, text in world.as_nobody(calls)]
    assert [status for status, _ in said] == [403, 200, 200, 200, 200, 404, 404], said
    listed, data, after = (said[i][1]["refusals"] for i in (1, 2, 4))
    assert data == listed != [] == after, said


stranger.arguments = ("--team", "nogroup")


private.arguments = ("--team", "nogroup")


def main():
    tests = [("how many may wait", waiting), ("urgent submits", urgent), ("the power cap", power), ("the power cap at full load", full_load),
             ("GPUs reserved for others", reservations), ("changes of a job", of_a_job),
             ("a trial, and a key", trial), ("a flood", flood), ("a restart, and forgetting", restart),
             ("numbers are not given twice", numbers), ("seven days", old), ("forgetting whose", forgetting),
             ("nobody sees another's", private), ("roles", roles), ("who is nobody yet", stranger)]
    for _, test in tests:
        test.config = getattr(test, "config", CONFIG)
    return Tap().run(tests, sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
