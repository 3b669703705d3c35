#!/usr/bin/env python3
"""lists.py EOULD EOUL - todos of a CalDAV list as a person's own, and ticked there: radicale, xandikos, and a
server that refuses.

Each test has a daemon of its own (test/api/world.py) with the real eoul-fetch; the command line is the real one.
"""
import contextlib
import gc
import hashlib
import hmac
import json
import os
import re
import sqlite3
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("../api", "../fetch", "."):
    sys.path.insert(0, os.path.join(HERE, folder))
import caldav  # noqa: E402
import links  # noqa: E402
import notices  # noqa: E402
import servers  # noqa: E402
from fetch_ask import calendar, stamp, todo  # noqa: E402
from notices import eoul, files_of, kill  # noqa: E402
from world import Skip, Tap, until  # noqa: E402

MIN = 60_000_000
HOUR = 60 * MIN
DAY = 24 * HOUR
ME = ("me", "--for", "mina", "calendar")
CANARY = "kanarienvogel"


class Listed:
    """A daemon that may reach loopback, and mina with a list called "home" on `server`."""

    def __init__(self, world, make):
        if not os.path.exists(os.path.join(os.path.dirname(world.eould), "eoul-fetch")):
            raise Skip("eoul-fetch was not built")
        self.world, self.make = world, make
        self.folder = tempfile.TemporaryDirectory(prefix="eoul-lists-")
        self.server = make(self.folder.name)
        self.port = self.server.base.rsplit(":", 1)[1]

    def __enter__(self):
        self.world.close_daemon()
        os.environ["EOUL_FETCH_LOOPBACK"] = "1"
        self.world.start()
        self.world.post("/v1/me", {"for": "mina", "zone": "Asia/Seoul", "hours": "Mon-Sun 00:00-24:00",
                                   "work": "Mon-Sun 00:00-24:00", "cap_us": 20 * HOUR, "lang": "en"})
        self.world.post("/v1/me", {"for": "jun", "zone": "Asia/Seoul", "hours": "Mon-Sun 00:00-24:00"})
        return self

    def __exit__(self, *_):
        os.environ.pop("EOUL_FETCH_LOOPBACK", None)
        self.server.__exit__()
        self.folder.cleanup()

    def add(self, *more, status=0):
        said = f"url {self.server.base}{self.server.collection}\nuser {servers.USER}\npassword {servers.PASSWORD}\n"
        return eoul(self.world, *ME, "add", "--todos", "--secrets", "-", "--name", "home", *more, stdin=said, status=status)

    def refresh(self, status=0):
        return eoul(self.world, *ME, "refresh", "home", status=status).stdout

    def down(self):
        self.server.__exit__()

    def up(self):
        """At the same address, with what it had."""
        real, servers.free_port = servers.free_port, lambda: int(self.port)
        try:
            self.server = self.make(self.folder.name, again=True)
        finally:
            servers.free_port = real


def todos(world, person="mina"):
    """{title: todo} of what is open."""
    return {t["title"]: t for t in world.get(f"/v1/todos?for={person}")["todos"] if t["state"] == "OPEN" and not t.get("private")}


def shown(world):
    [one] = world.get("/v1/me/calendars?for=mina")["calendars"]
    return one


def at(world, days):
    now = world.get("/v1/status")["now_at"]
    return now - now % DAY + days * DAY


def a_list_is_read_and_followed(world):
    """What is open there is mina's; done, deleted, moved and renamed there, it is so here."""
    with Listed(world, servers.radicale) as l:
        due = at(world, 5)

        def due_line(when):
            return "DUE:" + stamp(when // 1_000_000)
        long = "이미지 200장에 레이블 붙이기"
        folded = "SUMMARY:" + long[:9] + "\r\n " + long[9:]
        l.server.put("a.ics", calendar(todo("a", folded, due_line(due), "PRIORITY:1")))
        l.server.put("b.ics", calendar(todo("b", "SUMMARY:read the paper", "ESTIMATED-DURATION:PT2H", "PERCENT-COMPLETE:50")))
        l.server.put("c.ics", calendar(todo("c", "SUMMARY:call the vendor")))
        l.server.put("d.ics", calendar(todo("d", "SUMMARY:go home")))
        l.server.put("p.ics", calendar(todo("p", f"SUMMARY:{CANARY}", "CLASS:PRIVATE")))
        l.server.put("r.ics", calendar(todo("r", "SUMMARY:water", "DTSTART:20261101T000000Z", "RRULE:FREQ=DAILY")))
        out = l.add("--takes", "45m").stdout
        assert "home line 4: The todo repeats" in out, out
        assert shown(world)["events"] == 5 and shown(world)["takes_us"] == 45 * MIN and shown(world)["ticks_n"] == 0, shown(world)
        mine = todos(world)
        assert set(mine) == {long, "read the paper", "call the vendor", "go home", "A private todo"}, mine
        label = mine[long]
        assert label["deadline_at"] == due and label["takes_us"] == 45 * MIN and label["mine"] and label["accepted"], label
        assert mine["read the paper"]["takes_us"] == HOUR and all(t["pieces"] for t in mine.values()), mine
        assert not todos(world, "jun"), todos(world, "jun")
        for path in ("/v1/todos?for=jun", "/v1/plan", "/v1/people"):
            assert long not in world.get(path).raw.decode(), path
        # Moved by hand: a pin, whatever the list says of its end.
        pin = at(world, 2) + 3 * HOUR
        assert world.post(f"/v1/todos/{label['id']}/move", {"for": "mina", "at": pin}).status == 200
        l.server.put("a.ics", calendar(todo("a", "SUMMARY:renamed", due_line(due - DAY))))
        l.server.put("b.ics", calendar(todo("b", "SUMMARY:read the paper", "ESTIMATED-DURATION:PT8H")))
        l.server.put("c.ics", calendar(todo("c", "SUMMARY:call the vendor", "STATUS:COMPLETED")))
        l.server.delete("d.ics")
        l.server.put("e.ics", calendar(todo("e", "SUMMARY:new")))
        l.refresh(status=0)
        now = todos(world)
        assert set(now) == {"renamed", "read the paper", "A private todo", "new"}, now
        assert now["renamed"]["id"] == label["id"] and now["renamed"]["deadline_at"] == due - DAY, now
        assert now["renamed"]["pinned_at"] == pin and now["renamed"]["pieces"][0][0] == pin, now["renamed"]
        assert now["read the paper"]["takes_us"] == 8 * HOUR, now
        ended = {mine[title]["id"]: state for title, state in (("call the vendor", "DONE"), ("go home", "DROPPED"))}
        for number, state in ended.items():
            assert world.get(f"/v1/todos/{number}?for=mina")["state"] == state, number
        # What was changed here stays while the list does not change it.
        world.post(f"/v1/todos/{now['new']['id']}/set", {"for": "mina", "takes_us": 3 * HOUR})
        l.server.put("e.ics", calendar(todo("e", "SUMMARY:new too")))
        l.refresh()
        assert todos(world)["new too"]["takes_us"] == 3 * HOUR
        # Dropped here: it stays away while it is there, and comes back as what it is then.
        world.post(f"/v1/todos/{now['new']['id']}/drop", {"for": "mina"})
        l.server.put("e.ics", calendar(todo("e", "SUMMARY:new again")))
        l.refresh()
        assert "new again" not in todos(world) and "COMPLETED" not in l.server.get("e.ics")
        l.server.delete("e.ics")
        l.refresh()
        l.server.put("e.ics", calendar(todo("e", "SUMMARY:new again")))
        l.refresh()
        assert "new again" in todos(world)
        # What it was called stands nowhere, the password in its file only.
        world.close_daemon()
        for where, content in files_of(world.dir):
            assert CANARY.encode() not in content, where
            assert servers.PASSWORD.encode() not in content or os.sep + "credentials" + os.sep in where, where
        gc.collect()
        world.start()
        assert set(todos(world)) == {"renamed", "read the paper", "A private todo", "new again"}
        eoul(world, *ME, "remove", "home")
        assert not todos(world)


def tick(world, make):
    with Listed(world, make) as l:
        for name in ("one", "two", "three"):
            l.server.put(f"{name}.ics", calendar(todo(name, f"SUMMARY:{name}", "SEQUENCE:7", "X-KEPT;A=\"b;c\":d")))
        l.add()
        mine = todos(world)
        number = mine["one"]["id"]
        eoul(world, "todo", "done", str(number), "--as", "mina")
        until(lambda: shown(world)["ticks_n"] == 0)
        text = l.server.get("one.ics")
        for line in ("STATUS:COMPLETED", "PERCENT-COMPLETE:100", "SEQUENCE:8", "X-KEPT;A=\"b;c\":d", "SUMMARY:one"):
            assert line in text.replace("\r\n ", ""), (line, text)
        # As a phone's button does it, and both at once.
        for name in ("two", "three"):
            assert world.post(f"/v1/todos/{mine[name]['id']}/done", {"for": "mina"}).status == 200
        until(lambda: shown(world)["ticks_n"] == 0)
        assert all("STATUS:COMPLETED" in l.server.get(f"{name}.ics") for name in ("two", "three"))
        l.refresh()
        assert not todos(world)
        # Opened again over there: another todo here.
        l.server.put("one.ics", calendar(todo("one", "SUMMARY:one", "STATUS:NEEDS-ACTION", "SEQUENCE:9")))
        l.refresh()
        assert todos(world)["one"]["id"] != number


def done_here_is_ticked_in_radicale(world):
    tick(world, servers.radicale)


def done_here_is_ticked_in_xandikos(world):
    tick(world, servers.xandikos)


def a_phones_page_and_a_tapped_answer_tick_too(world):
    with Listed(world, servers.radicale) as l, links.Door(world) as door, notices.Service() as s:
        for name in ("page", "tapped"):
            l.server.put(f"{name}.ics", calendar(todo(name, f"SUMMARY:{name}")))
        l.add()
        mine = todos(world)
        page = door.invite("mina")
        assert "tapped" in door.ask(page)[2]
        assert door.ask(page, {"do": "done", "todo": mine["page"]["id"]})[0] == 303
        # A key is made with the first notice that has answers; with it, the answer of a brief.
        eoul(world, "me", "--for", "mina", "notify", "add", "webhook", s.url + "/mina")
        links.todo(world, "asked", "mina")
        person = links.answers(s.next()[2])["Accept"][len("/t/"):].split(".")[0]
        [key] = [re.search(rb"url links\n.*password ([0-9a-f]{64})\n", c, re.S).group(1)
                 for p, c in files_of(world.dir) if os.path.basename(os.path.dirname(p)) == "credentials" and b"url links\n" in c]
        said = f"{person}.done.{mine['tapped']['id']}.{int(time.time()) + 3600}"
        said += "." + hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:40]
        status, _, text = door.ask("/t/" + said, {"do": "yes"})
        assert status == 200, text
        until(lambda: shown(world)["ticks_n"] == 0)
        assert all("STATUS:COMPLETED" in l.server.get(f"{name}.ics") for name in ("page", "tapped"))
        assert door.ask("/t/" + said, {"do": "yes"})[0] == 410


def a_tick_waits_for_its_server(world):
    """The server is down, the daemon is killed: the tick is not lost, and the list says that it waits."""
    with Listed(world, servers.radicale) as l:
        l.server.put("one.ics", calendar(todo("one", "SUMMARY:one")))
        l.server.put("two.ics", calendar(todo("two", "SUMMARY:two")))
        l.add()
        mine = todos(world)
        l.down()
        world.post(f"/v1/todos/{mine['one']['id']}/done", {"for": "mina"})
        until(lambda: shown(world)["trouble"])
        out = eoul(world, *ME, "list").stdout
        assert "home: 1 todo that is done here is not ticked there yet." in out and "The server does not answer." in out, out
        kill(world)
        world.start()
        assert shown(world)["ticks_n"] == 1
        # Done while it tries, and the other one is done over there meanwhile.
        world.post(f"/v1/todos/{mine['two']['id']}/done", {"for": "mina"})
        until(lambda: shown(world)["ticks_n"] == 2 and not shown(world)["reading"])
        kill(world)
        l.up()
        l.server.put("two.ics", calendar(todo("two", "SUMMARY:two", "STATUS:COMPLETED", "X-BY:phone")))
        world.start()
        until(lambda: shown(world)["ticks_n"] == 0 and not shown(world)["trouble"])
        assert "STATUS:COMPLETED" in l.server.get("one.ics")
        assert "X-BY:phone" in l.server.get("two.ics") and "PERCENT-COMPLETE" not in l.server.get("two.ics")
        l.refresh()
        assert not todos(world)


class Refusing(caldav.Made):
    """caldav.py's list of one todo, as a server of this test."""

    def __init__(self, store):
        super().__init__(store)
        store.server, self.collection = self, "/c/"


def a_tick_that_is_refused_is_told(world):
    store = caldav.List()
    with Listed(world, lambda folder: Refusing(store)) as l:
        store.refuse = 403
        l.add()
        number = todos(world)["t"]["id"]
        world.post(f"/v1/todos/{number}/done", {"for": "mina"})
        until(lambda: shown(world)["tick_trouble"])
        one = shown(world)
        assert one["tick_trouble"] == "http 403" and one["ticks_n"] == 1 and one["trouble"] == "", one
        out = eoul(world, *ME, "list").stdout
        assert "home: 1 todo that is done here is not ticked there yet. The server refused the request. (http 403)" in out, out
        assert "t" not in todos(world)
        puts = sum(1 for method, *_ in store.server.asked if method == "PUT")
        kill(world)  # its back-off is kept: the list is read, the tick is not tried
        world.start()
        assert shown(world)["tick_trouble"] == "http 403"
        assert sum(1 for method, *_ in store.server.asked if method == "PUT") == puts
        store.refuse = None
        l.refresh()  # asked for: now
        until(lambda: shown(world)["ticks_n"] == 0)
        assert "STATUS:COMPLETED" in store.items["t.ics"]


def what_cannot_be_is_said(world):
    with Listed(world, lambda folder: Refusing(caldav.List())) as l:
        for arguments, said, status in (
                (["add", "x.ics", "--todos"], "CalDAV", 2), (["add", "holidays:KR", "--todos"], "CalDAV", 2),
                (["add", l.server.base + "/c/", "--takes", "30m"], "--todos", 2),
                (["add", l.server.base + "/c/", "--todos", "--takes", "soon"], "soon", 2),
                (["add", l.server.base + "/c/", "--todos", "--takes", "999h"], "400", 1)):
            run = eoul(world, *ME, *arguments, status=status)
            assert said in run.stderr and run.stderr.count("\n") == 1, (arguments, run.stderr)
        for body in ({"kind": "todos", "busy": []}, {"kind": "caldav", "url": "https://x.example/", "takes_us": 5},
                     {"kind": "todos", "url": "https://x.example/", "takes_us": -5}, {"kind": "todos"}):
            assert world.post("/v1/me/calendars", {"name": "x", "for": "mina", **body}).status == 400, body
        assert world.get("/v1/me/calendars?for=mina")["calendars"] == []
        # A list that becomes a calendar, or goes, takes its todos along; `me data delete` too.
        l.add()
        assert todos(world)
        eoul(world, *ME, "add", l.server.base + "/c/", "--caldav", "--name", "home")
        assert not todos(world) and shown(world)["kind"] == "caldav"
        l.add()
        assert todos(world)
        assert json.loads(eoul(world, "me", "--for", "mina", "data", "--json").stdout)["calendars"][0]["takes_us"] == 30 * MIN
        eoul(world, "me", "--for", "mina", "data", "delete")
        assert not todos(world)
    world.close_daemon()
    with contextlib.closing(sqlite3.connect(os.path.join(world.state, "eoul.db"))) as db:
        assert db.execute("SELECT count(*) FROM listed").fetchone() == (0,)
    world.start()


def main():
    eould, notices.EOUL = (os.path.abspath(p) for p in sys.argv[1:3])
    tests = [a_list_is_read_and_followed, done_here_is_ticked_in_radicale, done_here_is_ticked_in_xandikos,
             a_phones_page_and_a_tapped_answer_tick_too, a_tick_waits_for_its_server, a_tick_that_is_refused_is_told, what_cannot_be_is_said]
    only = sys.argv[3:]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests if not only or t.__name__ in only], eould)


if __name__ == "__main__":
    sys.exit(main())
