#!/usr/bin/env python3
"""todos.py EOULD EOUL SIM - hands-on work in one graph with jobs: planned, answered, ticked; who sees what.

Each test has a daemon of its own (test/api/world.py); jobs and the command line are real ones.
"""
import gc
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip, Tap  # noqa: E402

MIN = 60_000_000
HOUR = 60 * MIN
DAY = 24 * HOUR
EOUL = SIM = EOULD = None
CANARY = "zaunkoenig"
ALWAYS = "Mon-Sun 00:00-24:00"


def now_of(world):
    return world.get("/v1/status")["now_at"]


def person(world, name, **hours):
    answer = world.post("/v1/me", {"for": name, "zone": "Etc/UTC", "hours": ALWAYS, **hours})
    assert answer.status == 200, answer.raw


def todo(world, status=200, **body):
    answer = world.post("/v1/todos", {"takes_us": HOUR, "title": "label", **body})
    assert answer.status == status, answer.raw
    return answer


def do(world, number, word, status=200, **body):
    answer = world.post(f"/v1/todos/{number}/{word}", body)
    assert answer.status == status, answer.raw
    return answer


def inside(pieces, windows):
    return all(any(a <= start and end <= b for a, b, *_ in windows) for start, end in pieces)


def label_train_review(world):
    """A job waits for a todo and a todo for that job; ticking one starts the other."""
    person(world, "anna", work=ALWAYS)
    person(world, "lead", work="Mon-Sun 09:00-10:00")
    label = todo(world, who=["anna"])["id"]
    train = world.submit("/bin/sh", "-c", "exit 0", dependency=f"afterok:{label}", review="lead:20m",
                         job_name="train", gpus=1)
    job = world.get(f"/v1/jobs/{train}")
    assert (job["state"], job["reason"]) == ("PENDING", "Dependency"), job.raw
    shown = world.get(f"/v1/todos/{label}")
    assert shown["person"] == "anna" and len(shown["pieces"]) == 1, shown.raw
    assert job["start_at"] >= shown["pieces"][0][1], "the job is planned behind the todo"
    why = world.get(f"/v1/jobs/{train}/why").raw.decode()
    assert f"todo {label}" in why, why
    [review] = [t for t in world.get("/v1/todos").json["todos"] if t["kind"] == "review"]
    assert review["review_of"] == train and review["title"] == "train" and review["who"] == ["lead"], review
    assert review["waits_for"] == train and review["pieces"][0][0] >= job["end_p50_at"], review
    assert inside(review["pieces"], world.get("/v1/me?for=lead")["offered"]), review
    do(world, label, "done", **{"for": "anna"})
    assert world.wait(train)["state"] == "COMPLETED"
    after = world.get(f"/v1/todos/{review['id']}")
    assert after["wait"] == "None" and after["waits_for"] == 0, after.raw
    assert inside(after["pieces"], world.get("/v1/me?for=lead")["offered"]), after.raw
    do(world, review["id"], "done", **{"for": "lead"})
    assert world.get(f"/v1/todos/{review['id']}")["state"] == "DONE"


def the_sample_chain_has_a_night_inside(world):
    """examples/chain.sh, which `make run` shows: each step in the hours its person offered, before and behind a night."""
    for name in ("mina", "jun"):
        person(world, name)
        world.post("/v1/me", {"for": name, "zone": "Asia/Seoul"})
    env = dict(os.environ, EOUL_SOCKET=world.socket, EOUL_STATE=world.state, LANG="C.UTF-8", TZ="Asia/Seoul",
               PATH=os.path.dirname(EOUL) + ":" + os.environ["PATH"], TRAIN="/bin/true", GPUS="2")
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "COLUMNS"):
        env.pop(name, None)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "chain.sh")
    run = subprocess.run([script], capture_output=True, text=True, env=env, timeout=60, cwd=world.work, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    plan = world.get("/v1/plan")
    rows = {row["id"]: row for row in plan["rows"]}
    label, review = sorted(plan["todos"], key=lambda t: t["from_at"])
    train = rows[review["review_of"]]
    assert (label["person"], review["person"]) == ("mina", "jun"), plan.raw
    assert label["until_at"] <= train["start_at"] < train["end_p50_at"] <= review["from_at"], plan.raw
    for piece in (label, review):
        offered = world.get(f"/v1/me?for={piece['person']}")["offered"]
        assert inside([[piece["from_at"], piece["until_at"]]], offered), (piece, offered)

    def seoul(at):
        return divmod(at + 9 * HOUR, DAY)
    (day, evening), (morning_day, _) = seoul(label["until_at"]), seoul(review["from_at"])
    assert evening >= 20 * HOUR and morning_day > day, "a night between them"
    assert {p["name"] for p in plan["people"]} >= {"mina", "jun"}, "whoever has work by hand has a row"
    queue = world.get("/v1/jobs")["todos"]
    assert [t["id"] for t in queue] == [t["id"] for t in plan["todos"]], queue


def a_review_of_nothing_goes(world):
    person(world, "lead", work=ALWAYS)
    failed = world.submit("/bin/sh", "-c", "exit 3", review="lead:20m")
    world.wait(failed)
    assert world.get("/v1/todos")["todos"] == []
    [gone] = world.get("/v1/todos?ended=5")["todos"]
    assert gone["state"] == "DROPPED" and gone["reason"] == "DependencyNeverSatisfied", gone
    answer = world.post("/v1/jobs", {"jobs": [{"spec": world.spec("/bin/true", review="nobody-here:20m")}]})
    assert answer.status == 404, answer.raw
    again = world.get("/v1/jobs?state=live")["rows_n"]
    assert again == 0, "a refused review leaves no job behind"


def only_what_is_offered(world):
    """Nothing is planned without work hours; marks, leave and calendars take from them."""
    person(world, "anna")
    number = todo(world, who=["anna"], takes_us=10 * MIN)["id"]  # short: midnight may be near
    assert world.get(f"/v1/todos/{number}")["wait"] == "NoOfferedHours"
    person(world, "anna", work=ALWAYS)
    now = now_of(world)
    [[start, _]] = world.get(f"/v1/todos/{number}")["pieces"]
    assert now <= start <= now + 20 * MIN, (start, now)
    until = now + 5 * HOUR
    world.post("/v1/me", {"for": "anna", "away_until_at": until})
    [[start, _]] = world.get(f"/v1/todos/{number}")["pieces"]
    assert start >= until, (start, until)
    world.post("/v1/me", {"for": "anna", "away_until_at": 0})
    event = {"name": "w", "kind": "file", "place": "/w.ics", "until_at": now + 90 * DAY, "events": 1,
             "busy": [[now - HOUR, now + 3 * HOUR, "busy"]], "for": "anna"}
    assert world.post("/v1/me/calendars", event).status == 200
    [[start, _]] = world.get(f"/v1/todos/{number}")["pieces"]
    assert now + 3 * HOUR <= start < now + 3 * HOUR + 20 * MIN, (start - now) / HOUR
    world.post("/v1/me", {"for": "anna", "buffer_us": 30 * MIN})
    [[start, _]] = world.get(f"/v1/todos/{number}")["pieces"]
    assert start >= now + 3 * HOUR + 30 * MIN, "the buffer behind an event"
    # A move by hand wins over the calendar.
    at = now + 2 * HOUR - now % (5 * MIN)
    do(world, number, "move", at=at, **{"for": "anna"})
    assert world.get(f"/v1/todos/{number}")["pieces"] == [[at, at + 10 * MIN]]


def a_day_has_a_cap(world):
    person(world, "anna", work=ALWAYS, cap_us=2 * HOUR)
    for _ in range(4):
        todo(world, who=["anna"], takes_us=90 * MIN, whole=True)
    days = {}
    for one in world.get("/v1/todos?for=anna")["todos"]:
        for start, end in one["pieces"]:
            days[start // DAY] = days.get(start // DAY, 0) + end - start
    assert len(days) == 4 and max(days.values()) <= 2 * HOUR, days
    todo(world, who=["anna"], takes_us=3 * HOUR, whole=True)
    assert [t["wait"] for t in world.get("/v1/todos?for=anna")["todos"]][-1] == "NoRoom"


def all_of_it_survives(world):
    """kill -9 and a start again: the same todos at the same times, and the journal can be recomputed."""
    person(world, "anna", work=ALWAYS)
    first = todo(world, who=["anna"], link="https://labels.example/1")["id"]
    second = todo(world, who=["anna"], after=str(first))["id"]
    job = world.submit("/bin/true", dependency=f"afterok:{second}")
    do(world, first, "move", at=now_of(world) + 3 * HOUR, **{"for": "anna"})

    def seen():
        return [(t["id"], t["pieces"], t["waits_for"], t["title"], t["link"])
                for t in world.get("/v1/todos?for=anna")["todos"]]
    before = seen()
    world.daemon.kill()
    world.daemon.wait()
    gc.collect()
    world.start()
    assert seen() == before, (seen(), before)
    do(world, first, "done", **{"for": "anna"})
    do(world, second, "drop", **{"for": "anna"})
    assert world.get(f"/v1/jobs/{job}")["reason"] == "DependencyNeverSatisfied"
    # A number that is over can still be waited for.
    assert world.wait(world.submit("/bin/true", dependency=f"afterok:{first}"))["state"] == "COMPLETED"
    world.close_daemon()
    journal = os.path.join(world.dir, "journal")
    env = dict(os.environ, EOUL_STATE=world.state, EOUL_LOCK_DIR=os.path.join(world.dir, "locks"))
    run = subprocess.run([EOULD, "--export-journal", journal, "--whole"], capture_output=True, text=True, env=env,
                         check=False)
    assert run.returncode == 0, run.stderr
    with open(journal, encoding="utf-8") as f:
        text = f.read()
    assert "todo_add" in text and "offer " in text
    run = subprocess.run([SIM, "--replay", journal], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    world.start()


def who_sees_and_may(world):
    """Titles and links are for who asks and who is asked; others see a number and a quarter of an hour."""
    if os.getuid() != 0:
        raise Skip("another Unix user needs root")
    person(world, "anna", work=ALWAYS)
    mine = todo(world, title=f"{CANARY} letter", link=f"https://{CANARY}.example/", who=["anna"])["id"]
    world.submit("/bin/true", dependency=f"afterok:{mine}")
    calls = [["GET", f"/v1/todos/{mine}", None], ["GET", "/v1/todos", None], ["GET", "/v1/plan", None],
             ["GET", "/v1/people", None], ["GET", "/v1/jobs", None], ["GET", f"/v1/jobs/{mine + 1}", None],
             ["GET", f"/v1/jobs/{mine + 1}/why", None],
             ["POST", f"/v1/todos/{mine}/done", {}], ["POST", f"/v1/todos/{mine}/drop", {}],
             ["GET", "/v1/todos?for=anna", None]]
    answers = world.as_nobody(calls)
    for call, (status, text) in zip(calls, answers):
        assert CANARY not in text, (call, text)
    assert [status for status, _ in answers[:7]] == [200] * 7, answers
    assert [status for status, _ in answers[7:]] == [403] * 3, answers
    told = json.loads(answers[0][1])
    assert told["private"] and set(told) == {"id", "kind", "state", "private", "done_at", "now_at"}, told
    assert told["done_at"] % (15 * MIN) == 0, told
    assert json.loads(answers[1][1])["todos"] == [] and json.loads(answers[2][1])["todos"] == []
    assert json.loads(answers[4][1])["todos"] == []


who_sees_and_may.arguments = ("--team", "nogroup")


def canaries_stay_in_the_store(world):
    """A title is in the store, where its people find it again; not in the journal's events or the log."""
    person(world, "anna", work=ALWAYS)
    number = todo(world, title=f"{CANARY} letter", who=["anna"])["id"]
    assert world.get(f"/v1/todos/{number}?for=anna")["title"] == f"{CANARY} letter"
    world.close_daemon()
    assert CANARY not in world.log()
    for base, _, names in os.walk(world.dir):
        for name in names:
            with open(os.path.join(base, name), "rb") as f:
                held = CANARY.encode() in f.read()
            assert not held or name.startswith("eoul.db"), name
    env = dict(os.environ, EOUL_STATE=world.state, EOUL_LOCK_DIR=os.path.join(world.dir, "locks"))
    journal = os.path.join(world.dir, "journal")
    subprocess.run([EOULD, "--export-journal", journal, "--whole"], check=True, env=env)
    with open(journal, encoding="utf-8") as f:
        assert CANARY not in f.read()
    world.start()


def what_one_was_to_look_at_becomes_anothers(world):
    """The plan takes the hours of whoever looks: a reviewer's, and after a handover the other's."""
    now = now_of(world)
    hour = (now // HOUR + 6) % 24  # a look at the earliest in five hours
    world.post("/v1/me", {"hours": ALWAYS, "zone": "Etc/UTC"})
    person(world, "late", hours=f"Mon-Sun {hour:02d}:00-{hour:02d}:30", work=ALWAYS)
    person(world, "anna", work=ALWAYS)

    def seen_in_us(job):
        answer = world.get(f"/v1/jobs/{job}")
        assert answer.status == 200, answer.raw
        return answer["eyes_at"] - now

    run = {"time": "0:10:00"}
    by_late = world.submit("/bin/sleep", "600", reviewer="late", **run)
    running = world.submit("/bin/sleep", "600", **run)
    waiting = world.submit("/bin/sleep", "600", hold="", array="0-2", **run)
    annas = world.submit("/bin/sleep", "600", for_person="anna", **run)
    lates = world.submit("/bin/sleep", "600", for_person="late", reviewer="anna", **run)
    assert seen_in_us(by_late) > 4 * HOUR, "its reviewer looks then, though its owner is here"
    for job in (running, annas, lates):
        assert seen_in_us(job) < 2 * HOUR, job
    alone, both = todo(world, who=["anna"])["id"], todo(world, who=["anna", "late"])["id"]
    assert world.post("/v1/me", {"handover": "nobody-here"}).status == 404
    assert world.post("/v1/me", {"for": "anna", "handover": "anna"}).status == 404
    assert world.post("/v1/me", {"handover": "late"}).status == 200
    assert seen_in_us(running) > 4 * HOUR and seen_in_us(annas) < 2 * HOUR
    assert world.post(f"/v1/jobs/{waiting}/release", {}).status == 200
    assert all(seen_in_us(f"{waiting}_{i}") > 4 * HOUR for i in range(3))
    # Back again from whoever reviews: a job whose owner it is has no reviewer then.
    assert world.post("/v1/me", {"for": "anna", "handover": "late"}).status == 200
    assert seen_in_us(annas) > 4 * HOUR and seen_in_us(lates) > 4 * HOUR
    assert world.get(f"/v1/todos/{alone}?for=late")["who"] == ["late"]
    assert world.get(f"/v1/todos/{both}?for=late")["who"] == ["anna", "late"]
    world.daemon.kill()
    world.daemon.wait()
    world.start()
    assert seen_in_us(running) > 4 * HOUR and seen_in_us(lates) > 4 * HOUR


def the_command_line(world):
    env = dict(os.environ, EOUL_SOCKET=world.socket, EOUL_STATE=world.state, LANG="C.UTF-8", TZ="Etc/UTC")
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "COLUMNS"):
        env.pop(name, None)

    def eoul(*words, status=0):
        run = subprocess.run([EOUL, *words], capture_output=True, text=True, env=env, timeout=60, check=False)
        assert run.returncode == status, (words, run.stdout, run.stderr)
        return run.stdout + run.stderr
    eoul("me", "work", ALWAYS)
    eoul("me", "--for", "anna", "work", ALWAYS)
    assert "stands alone" in eoul("away", "fri", "--handover", "anna", status=2)
    eoul("away", "--handover", "anna")
    out = eoul("todo", "add", "label", "200", "images", "--for", "anna", "--takes", "2h", "--min-chunk", "30m",
               "--by", "now+3h")
    assert out.startswith("Todo 1 (label 200 images): Planned ") and "(anna)" in out, out
    out = eoul("todo", "add", "look", "--takes", "20m", "--after", "1")
    assert out.startswith("Todo 2 (look): It comes after 1, as things stand "), out
    listed = eoul("todo")
    assert "label 200 images" in listed and "look" in listed, listed
    assert "This is" not in eoul("todo", "show", "1", "--as", "anna")
    assert "asked" in eoul("todo", "--as", "anna")
    eoul("todo", "accept", "1", "--as", "anna")
    eoul("todo", "snooze", "1", "2h", "--as", "anna")
    eoul("todo", "move", "1", "now+4h", "--as", "anna")
    eoul("todo", "move", "1", "off", "--as", "anna")
    eoul("todo", "set", "1", "--takes", "1h", "--for", "ada", status=1)
    assert eoul("todo", "done", "1", "--as", "anna").startswith("Todo 1 (label 200 images): It was done "), listed
    assert "Planned" in eoul("todo", "show", "2")
    assert "todo " in eoul("show", "2") and "Planned" in eoul("why", "2")
    eoul("todo", "decline", "2")
    assert "declined" in eoul("todo", "show", "2")
    eoul("todo", "drop", "2")
    assert "DROPPED" in eoul("todo", "list", "--all")
    assert "There is nothing to do by hand." in eoul("todo")


def main():
    global EOUL, SIM, EOULD
    EOULD, EOUL, SIM = (os.path.abspath(p) for p in sys.argv[1:4])
    tests = [label_train_review, the_sample_chain_has_a_night_inside, a_review_of_nothing_goes, only_what_is_offered, a_day_has_a_cap, all_of_it_survives,
             who_sees_and_may, what_one_was_to_look_at_becomes_anothers, canaries_stay_in_the_store, the_command_line]
    only = sys.argv[4:]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests if not only or t.__name__ in only], EOULD)


if __name__ == "__main__":
    sys.exit(main())
