#!/usr/bin/env python3
"""calendars.py EOULD EOUL - calendars through the command line into the plan, and what is kept of them.

Each test has a daemon of its own (test/api/world.py); the command line is the real one.
"""
import contextlib
import datetime
import gc
import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip, Tap, until  # noqa: E402

DAY = 86400_000_000
HOUR = 3600_000_000
EOUL = None
CANARY = "kanarienvogel"  # in titles, places, people; must be nowhere


def eoul(world, *arguments, status=0, stdin=None):
    env = dict(os.environ, EOUL_SOCKET=world.socket, EOUL_STATE=world.state, LANG="C.UTF-8", TZ="Asia/Seoul")
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "COLUMNS"):
        env.pop(name, None)
    run = subprocess.run([EOUL, *arguments], capture_output=True, text=True, env=env, input=stdin,
                         cwd=world.work, timeout=60, check=False)
    assert run.returncode == status, (arguments, run.returncode, run.stdout, run.stderr)
    return run


def stamp(at):
    return datetime.datetime.fromtimestamp(at / 1e6, datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def event(uid, start, end, *more):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}@{CANARY}.example", "DTSTAMP:20261101T000000Z",
                        f"SUMMARY:{CANARY} with the doctor", f"LOCATION:{CANARY} clinic",
                        f"DESCRIPTION:{CANARY}", f"ORGANIZER;CN={CANARY}:mailto:{CANARY}@example.org",
                        f"DTSTART:{start}", f"DTEND:{end}", *more, "END:VEVENT", ""])


def write(world, name, *events):
    path = os.path.join(world.work, name)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n" + "".join(events) + "END:VCALENDAR\r\n")
    return path


def look(world, person):
    return world.get(f"/v1/me?for={person}")["look"]


def open_at(windows, at):
    return any(start <= at < end for start, end in windows)


def busy_times_leave_the_plan(world):
    """Look hours minus busy: a result is seen after the appointment, and sooner once it is gone."""
    world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00", "zone": "Asia/Seoul"})
    now = world.get("/v1/status")["now_at"]
    job = world.submit("/bin/sleep", "300", for_person="mina", time="5")
    world.get(f"/v1/jobs/{job}/wait?version=0&timeout_s=5")
    seen_before = world.get(f"/v1/jobs/{job}")["eyes_at"]
    from_at, until_at = now - HOUR - now % 1000_000, now + 5 * HOUR - now % 1000_000
    write(world, "work.ics", event("a", stamp(from_at), stamp(until_at)))
    out = eoul(world, "me", "--for", "mina", "calendar", "add", "work.ics").stdout
    assert re.search(r"^work +\S*/work\.ics +\d+s +1 +1 +0$", out, re.M), out
    assert not open_at(look(world, "mina"), now + HOUR) and open_at(look(world, "mina"), until_at)
    assert world.get(f"/v1/jobs/{job}")["eyes_at"] == until_at
    assert seen_before < until_at
    # The file changes; refresh reads it again, and the plan follows.
    write(world, "work.ics", event("a", stamp(from_at), stamp(until_at)),
          event("b", stamp(until_at), stamp(until_at + HOUR)))
    eoul(world, "me", "--for", "mina", "calendar", "refresh")
    assert world.get(f"/v1/jobs/{job}")["eyes_at"] == until_at + HOUR
    # One that cannot be read any more keeps its copy.
    os.unlink(os.path.join(world.work, "work.ics"))
    run = eoul(world, "me", "--for", "mina", "calendar", "refresh", "work", status=1)
    assert "work.ics" in run.stderr, run.stderr
    assert world.get(f"/v1/jobs/{job}")["eyes_at"] == until_at + HOUR
    eoul(world, "me", "--for", "mina", "calendar", "remove", "work")
    assert world.get(f"/v1/jobs/{job}")["eyes_at"] < until_at
    assert "no calendar yet" in eoul(world, "me", "--for", "mina", "calendar", "list").stdout


def what_is_not_understood_is_said(world):
    path = write(world, "odd.ics",
                 event("a", "20261201T010000Z", "20261201T020000Z", "RRULE:FREQ=SOMETIMES"),
                 event("b", "20261201T020000", "20261201T030000").replace(
                     "DTSTART:", "DTSTART;TZID=Mars/Olympus:"))
    run = eoul(world, "me", "calendar", "add", path, "--name", "odd times")
    assert "odd times line 4: The recurrence rule cannot be read" in run.stdout, run.stdout
    assert "(Mars/Olympus)" in run.stdout, run.stdout
    [one] = json.loads(eoul(world, "me", "calendar", "list", "--json").stdout)["calendars"]
    assert one["not_understood_n"] == 2 and one["events"] == 2, one
    assert [n["what"] for n in one["not_understood"]] == ["bad-rule", "unknown-zone"], one
    # What is no calendar is refused, and what was there stays.
    with open(path, "w", encoding="utf-8") as f:
        f.write("Dear all, ...\n")
    run = eoul(world, "me", "calendar", "add", path, "--name", "odd times", status=1)
    assert run.stderr.startswith("eoul: ") and run.stderr.count("\n") == 1, run.stderr
    [again] = json.loads(eoul(world, "me", "calendar", "list", "--json").stdout)["calendars"]
    assert again["read_at"] == one["read_at"]
    for wrong in (["add"], ["add", "/nonexistent.ics"], ["remove", "nobody's"], ["refresh", "nobody's"],
                  ["add", "-"], ["polish"], ["add", "/"]):
        run = eoul(world, "me", "calendar", *wrong, status=2 if wrong in (["add"], ["add", "-"], ["polish"]) else 1,
                   stdin="")
        assert run.stderr.startswith("eoul: ") and run.stderr.count("\n") == 1, (wrong, run.stderr)


def files_of(directory):
    for base, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(base, name)
            if not os.path.islink(path) and os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, f.read()


def memory_of(pid):
    """What a core dump of the process would hold: its writable memory."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "w" not in rights or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            memory.seek(start)
            yield memory.read(end - start)


def titles_are_kept_nowhere(world):
    """Not in the store, the log, an answer, the daemon's memory or a command line."""
    now = world.get("/v1/status")["now_at"]
    path = write(world, "private.ics",
                 event("a", stamp(now), stamp(now + HOUR), "RRULE:FREQ=DAILY"),
                 event("b", "20261201T010000", "20261201T020000",
                       f"RRULE:FREQ=SOMETIMES;X={CANARY}").replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:"))
    os.chmod(world.work, 0o700)
    run = eoul(world, "me", "--for", "mina", "calendar", "add", path)
    assert "private" in run.stdout and CANARY not in run.stdout + run.stderr
    eoul(world, "me", "--for", "mina", "calendar", "refresh")
    answers = [world.get(p).raw.decode() for p in (
        "/v1/status", "/v1/plan", "/v1/people", "/v1/me", "/v1/me?for=mina", "/v1/me/calendars?for=mina", "/v1/jobs")]
    assert "Mars/Olympus" in answers[5], answers[5]  # it was read
    for answer in answers:
        assert CANARY not in answer, answer
    for argv in subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout.splitlines():
        assert "eould" not in argv or CANARY not in argv, argv
    needle = CANARY.encode()
    with_zone = 0
    for block in memory_of(world.daemon.pid):
        assert needle not in block
        with_zone += b"Mars/Olympus" in block
    assert with_zone, "the memory of the daemon was not read"
    world.close_daemon()
    seen = b"".join(text for where, text in files_of(world.dir) if not where.startswith(world.work))
    assert b"Mars/Olympus" in seen, "the store was not read"
    for where, text in files_of(world.dir):
        assert where.startswith(world.work) or needle not in text, where
    gc.collect()
    world.start()
    assert world.get("/v1/me/calendars?for=mina")["calendars"][0]["not_understood_n"] == 2


def others_see_quarters_of_an_hour(world):
    """What the plan shows of somebody else has the grain of a quarter of an hour."""
    world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00", "zone": "Asia/Seoul"})
    now = world.get("/v1/status")["now_at"]
    start = now - now % DAY + DAY + 2 * HOUR + 7 * 60_000_000
    path = write(world, "w.ics", event("a", stamp(start), stamp(start + 50 * 60_000_000)))
    eoul(world, "me", "--for", "mina", "calendar", "add", path)
    world.submit("/bin/true", hold="yes", for_person="mina")
    [shown] = [p["look"] for p in world.get("/v1/plan")["people"] if p["name"] == "mina"]
    edges = [edge for window in shown[1:-1] for edge in window] + [shown[0][1]]
    assert edges and all(edge % (15 * 60_000_000) == 0 for edge in edges), shown
    assert not open_at(shown, start) and not open_at(shown, start - 60_000_000)
    assert [w for w in look(world, "mina") if w[1] == start], "the owner sees the minute"
    if os.getuid() != 0:
        return
    # Another Unix user: every answer there is about others, and whatever speaks for mina.
    calls = [["GET", path, None] for path in ("/v1/plan", "/v1/people", "/v1/jobs", "/v1/jobs/1", "/v1/jobs/1/why", "/v1/gpus",
                                              "/v1/status", "/v1/todos", "/v1/me", "/v1/me/calendars", "/v1/me/notify")]
    own = [["GET", f"{path}?for=mina", None] for path in ("/v1/me", "/v1/me/calendars", "/v1/me/data", "/v1/me/notify", "/v1/todos")]
    answers = world.as_nobody(calls + own)
    for (method, path, _), (status, text) in zip(calls + own, answers):
        assert CANARY not in text and "w.ics" not in text, (method, path, text)
        assert status == (403 if "for=" in path else 200), (path, status, text)
    [theirs] = [p for p in json.loads(answers[0][1])["people"] if p["name"] == "mina"]
    assert set(theirs) == {"name", "zone", "look"}, theirs
    assert all(edge % (15 * 60_000_000) == 0 for window in theirs["look"] for edge in window), theirs
    [known] = [p for p in json.loads(answers[1][1])["people"] if p["name"] == "mina"]
    assert set(known) == {"name", "zone", "me", "present"}, known


others_see_quarters_of_an_hour.arguments = ("--team", "nogroup")


def all_of_it_is_shown_and_deleted(world):
    """`eoul me data`: what is stored, whole; and after `delete` neither the store nor a file has it."""
    now = world.get("/v1/status")["now_at"]
    path = write(world, "w.ics", event("a", stamp(now + DAY), stamp(now + DAY + HOUR)))
    me = ["me", "--for", "mina"]
    eoul(world, *me, "hours", "Mon-Fri 11:11-17:17")
    eoul(world, *me, "calendar", "add", path, "--name", "lichtwark")
    eoul(world, "away", "--for", "mina", "until", "now+3h")
    for title in ("grauammer", "goldammer"):
        world.post("/v1/todos", {"title": title, "takes_us": HOUR, "for": "mina", "link": f"https://{title}.example/"})
    world.post("/v1/todos/1/done", {"for": "mina"})
    data = json.loads(eoul(world, *me, "data", "--json").stdout)
    assert data["me"]["hours"] == "Mon-Fri 11:11-17:17" and len(data["me"]["leaves"]) == 1, data
    [calendar] = data["calendars"]
    second = 1000_000
    assert calendar["busy"] == [[(now + DAY) // second * second, (now + DAY + HOUR) // second * second, "busy"]], calendar
    assert {(t["title"], t["state"]) for t in data["todos"]} == {("grauammer", "DONE"), ("goldammer", "OPEN")}, data
    assert data["kept"]["journal_us"] == 7 * DAY
    shown = eoul(world, *me, "data").stdout
    for word in ("Mon-Fri 11:11-17:17", "lichtwark", "1 stretch of time", "grauammer", "https://goldammer.example/"):
        assert word in shown, (word, shown)
    # It is nobody else's: not of a person with a Unix user of their own, not for another user.
    if os.getuid() == 0:
        for status, text in world.as_nobody([["GET", "/v1/me/data?for=mina", None], ["POST", "/v1/me", {"forget": True, "for": "mina"}]]):
            assert status == 403 and "lichtwark" not in text, text
    out = eoul(world, *me, "data", "delete").stdout
    assert out.startswith("Deleted: "), out
    data = json.loads(eoul(world, *me, "data", "--json").stdout)
    assert data["me"]["hours_from"] == "default" and data["me"]["leaves"] == [] and data["calendars"] == [], data
    assert {(t["title"], t["state"]) for t in data["todos"]} == {("", "DONE"), ("goldammer", "OPEN")}, data
    world.close_daemon()
    for where, text in files_of(world.state):
        for word in (b"lichtwark", b"grauammer", b"11:11-17:17"):
            assert word not in text or os.sep + "copies" + os.sep in where, (where, word)
    gc.collect()
    os.chmod(world.state, 0o700)
    world.start()
    assert world.get("/v1/me?for=mina")["hours_from"] == "default"


all_of_it_is_shown_and_deleted.arguments = ("--team", "nogroup")


def presence_is_gone_after_a_week(world):
    """When somebody could look and when they were away: no row older than seven days tells of it."""
    world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00"})
    world.post("/v1/me", {"for": "mina", "away_until_at": world.get("/v1/status")["now_at"] + 3 * HOUR})
    world.close_daemon()
    store = os.path.join(world.state, "eoul.db")

    def journal():
        with contextlib.closing(sqlite3.connect(store)) as db:
            return db.execute("SELECT wall_at, line FROM journal ORDER BY seq").fetchall()
    before = journal()
    assert any(line.startswith("avail ") for _, line in before), before
    with contextlib.closing(sqlite3.connect(store)) as db:  # a week goes by
        for table in ("journal", "snapshot"):
            db.execute(f"UPDATE {table} SET wall_at = wall_at - ?", (7 * DAY,))
        db.commit()
    gc.collect()
    copies = {"eoul.db.v3": 8, "eoul.db.replaced": 8, "eoul.db.v9": 6}
    for name, days in copies.items():  # what a migration and a restore leave tells of it too
        path = os.path.join(world.state, name)
        shutil.copy(store, path)
        os.utime(path, times=(time.time() - days * 86400,) * 2)
    world.start()
    world.get("/v1/status")
    world.get("/v1/me?for=mina")
    until(lambda: not os.path.exists(os.path.join(world.state, "eoul.db.replaced")))
    left = [name for name in copies if os.path.exists(os.path.join(world.state, name))]
    assert left == ["eoul.db.v9"], left
    now = world.get("/v1/status")["now_at"]
    world.close_daemon()
    after = journal()
    assert after and all(wall_at > now - 7 * DAY for wall_at, _ in after), [wall_at - now for wall_at, _ in after]
    gc.collect()
    world.start()


def sample_calendars(world):
    """Those of examples/ are understood without rest, and mean what their README says."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "calendars")
    for person, name in (("mina", "on-leave"), ("jun", "night-owl"), ("sora", "parent")):
        world.post("/v1/me", {"for": person, "zone": "Asia/Seoul", "hours": "Mon-Sun 07:00-23:30"})
        eoul(world, "me", "--for", person, "calendar", "add", os.path.join(here, name + ".ics"))
        [c] = world.get(f"/v1/me/calendars?for={person}")["calendars"]
        assert c["not_understood_n"] == 0 and c["busy_n"] > 50, c
    seoul = datetime.timezone(datetime.timedelta(hours=9))
    now = world.get("/v1/status")["now_at"]
    day = datetime.datetime.fromtimestamp(now / 1e6, seoul).replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() != 1:  # the next Tuesday but one
        day += datetime.timedelta(days=1)

    def at(hour, minute=0):
        return int((day + datetime.timedelta(hours=hour, minutes=minute)).timestamp() * 1e6)
    if at(16) > now:
        assert not open_at(look(world, "jun"), at(11)) and open_at(look(world, "jun"), at(12))
        assert open_at(look(world, "sora"), at(15)) and not open_at(look(world, "sora"), at(16))
        assert open_at(look(world, "sora"), at(21))


def places_are_read_by_eoul_fetch(world):
    """A folder, holidays and a secret address; trouble keeps the copy, the secret is in its file only."""
    if not os.path.exists(os.path.join(os.path.dirname(world.eould), "eoul-fetch")):
        raise Skip("eoul-fetch was not built")
    now = world.get("/v1/status")["now_at"]
    text = write(world, "feed.txt", event("a", stamp(now + DAY), stamp(now + DAY + HOUR)))
    secret = "geheim4711"

    class Feed(http.server.BaseHTTPRequestHandler):
        broken = False

        def do_GET(self):  # pylint: disable=invalid-name
            ok = not Feed.broken and self.path == f"/{secret}.ics" and "Authorization" in self.headers
            with open(text, "rb") as f:
                body = f.read() if ok else b"no"
            self.send_response(200 if ok else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.close_daemon()
    os.environ["EOUL_FETCH_LOOPBACK"] = "1"
    try:
        world.start()
        os.mkdir(os.path.join(world.work, "vdir"))
        write(world, "vdir/one.ics", event("b", stamp(now + 3 * DAY), stamp(now + 3 * DAY + HOUR)))
        me = ["me", "--for", "mina", "calendar"]
        eoul(world, *me, "add", "vdir")
        eoul(world, *me, "add", "holidays:KR")
        url = f"http://127.0.0.1:{server.server_port}/{secret}.ics"
        eoul(world, *me, "add", "--secrets", "-", "--name", "feed", stdin=f"url {url}\nuser mina\npassword {secret}\n")

        def look_at(name):
            return next(c for c in world.get("/v1/me/calendars?for=mina")["calendars"] if c["name"] == name)
        for name in ("vdir", "feed"):
            assert look_at(name)["trouble"] == "" and look_at(name)["busy_n"] == 1, look_at(name)
        assert look_at("holidays-KR")["events"] > 50
        good = look_at("feed")
        Feed.broken = True
        out = eoul(world, *me, "refresh", "feed", status=1).stdout
        assert "The server refused the request. (http 503)" in out, out
        bad = look_at("feed")
        assert bad["busy_n"] == 1 and bad["read_at"] == good["read_at"] and bad["trouble"] == "http 503", bad
        Feed.broken = False
        eoul(world, *me, "refresh", "feed")
        assert look_at("feed")["trouble"] == ""
        args = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert secret not in args
        assert secret not in world.get("/v1/me/calendars?for=mina").raw.decode()
        for where, content in files_of(world.dir):
            inside = secret.encode() in content
            assert not inside or os.sep + "credentials" + os.sep in where, where
            assert not inside or os.stat(where).st_mode & 0o777 == 0o600, where
        eoul(world, *me, "remove", "feed")
        assert not any(secret.encode() in content for _, content in files_of(world.dir))
    finally:
        del os.environ["EOUL_FETCH_LOOPBACK"]
        server.shutdown()
        server.server_close()


def a_deputy_looks_while_somebody_is_away(world):
    """Results of somebody who is away are seen by their deputy, in the deputy's hours; without one, at their return."""
    now = world.get("/v1/status")["now_at"]
    back = now + 3 * DAY
    world.post("/v1/me", {"zone": "Etc/UTC", "hours": "Mon-Sun 00:00-24:00"})
    world.post("/v1/me", {"for": "ada", "zone": "Etc/UTC", "hours": "Mon-Sun 00:00-24:00"})
    world.post("/v1/me", {"away_from_at": now, "away_until_at": back})
    world.submit("/bin/sleep", "3600", time="120", output="/dev/null", begin="now+2h")

    def seen():
        [row] = world.get("/v1/plan")["rows"]
        return row["end_p50_at"], row["eyes_at"]

    end, eyes = seen()
    assert end < back <= eyes, (end, eyes, back)
    world.post("/v1/me", {"here_until_at": now + HOUR})  # back, and away again
    world.post("/v1/me", {"away_from_at": now, "away_until_at": back, "deputy": "ada"})
    end, eyes = seen()
    assert end <= eyes < end + HOUR, (end, eyes)
    # A deputy who is not there either helps nobody.
    world.post("/v1/me", {"for": "ada", "away_from_at": now, "away_until_at": back + HOUR})
    end, eyes = seen()
    assert eyes >= back, (eyes, back)


def main():
    global EOUL
    eould, EOUL = (os.path.abspath(p) for p in sys.argv[1:3])
    tests = [busy_times_leave_the_plan, what_is_not_understood_is_said, titles_are_kept_nowhere,
             others_see_quarters_of_an_hour, all_of_it_is_shown_and_deleted, presence_is_gone_after_a_week,
             sample_calendars, a_deputy_looks_while_somebody_is_away,
             places_are_read_by_eoul_fetch]
    only = sys.argv[3:]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests if not only or t.__name__ in only], eould)


if __name__ == "__main__":
    sys.exit(main())
