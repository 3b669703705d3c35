#!/usr/bin/env python3
"""caldav.py EOUL-FETCH - CalDAV: two real servers, and one that does what servers may do.

radicale and xandikos are Debian's; where one is not installed its tests are skipped, and say so.
"""
import hashlib
import http.server
import os
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fetch_ask import Fetch, busy_of, calendar, event, items_of, stamp, todo  # noqa: E402
import servers  # noqa: E402
from servers import PASSWORD, USER, Skip  # noqa: E402

NOW = int(time.time()) // 3600 * 3600
LOGIN = {"USER": USER, "PASSWORD": PASSWORD}


def at(hour, length=1):
    return (NOW + hour * 3600, length, "busy")


def sync(program, folder, make):
    """What is put, changed and deleted there is so here, and only that is asked for."""
    with make(folder) as server, Fetch(program, True) as fetch:
        for i in range(250):  # more than one batch
            server.put(f"e{i}.ics", calendar(event(f"e{i}", NOW + (i + 1) * 7200)))
        url = server.base + server.collection
        first = fetch.caldav(url, **LOGIN)
        assert busy_of(first) == [at(2 * (i + 1)) for i in range(250)] and first["EVENTS"] == "250", first
        same = fetch.caldav(url, MARKS=first["MARKS"], **LOGIN)
        assert same.get("SAME") == "1" and same["MARKS"] == first["MARKS"], same
        # Moved, removed, new, recurring with an exception and a moved one.
        server.put("e0.ics", calendar(event("e0", NOW + 3600 * 3)))
        server.delete("e1.ics")
        day = NOW + 100 * 86400
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(day + 86400))
        moved = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(day + 2 * 86400))
        server.put("series.ics", calendar(
            event("s", day, 1, "RRULE:FREQ=DAILY;COUNT=4", f"EXDATE:{stamp}"),
            event("s", day + 2 * 86400 + 7200, 1, f"RECURRENCE-ID:{moved}")))
        mark = len(server.text())
        after = fetch.caldav(url, MARKS=first["MARKS"], **LOGIN)
        hours = [3] + [2 * (i + 1) for i in range(2, 250)] + [2400, 2400 + 50, 2400 + 72]
        assert busy_of(after) == [at(h) for h in hours], after
        assert after["ISSUES_N"] == "0" and after["MARKS"] != first["MARKS"], after
        log = server.text()[mark:]
        assert len(re.findall(r"REPORT|report", log)) <= 8, log  # a sync and a multiget, as each server logs them
        # What is remembered belongs to this process: another one reads all of it, and is not told "the same".
        with Fetch(program, True) as other:
            again = other.caldav(url, MARKS=after["MARKS"], **LOGIN)
            assert busy_of(again) == busy_of(after), again
        # Found from the server's name alone, from the home, and by the well-known address.
        for start in ("/", server.home, "/.well-known/caldav"):
            got = fetch.caldav(server.base + start, KEY="2 other", **LOGIN)
            assert busy_of(got) == busy_of(after), (start, got)
        if server.has_login:
            got = fetch.caldav(url, KEY="3 wrong", USER=USER, PASSWORD="wrong")
            assert got["TROUBLE"].split()[0] == "login", got
            assert fetch.caldav(url, KEY="4 nobody")["TROUBLE"].split()[0] == "login"
        got = fetch.caldav(server.base + server.home + "no-such-calendar/", KEY="5 none", **LOGIN)
        assert got["TROUBLE"].split()[0] in ("no-collection", "http"), got


def radicale_syncs(program, folder):
    sync(program, folder, servers.radicale)


def xandikos_syncs(program, folder):
    sync(program, folder, servers.xandikos)


def a_server_that_goes_and_comes(program, folder):
    """Trouble while it is down; all of it when it is back, from the start if it forgot its tokens."""
    with Fetch(program, True) as fetch:
        with servers.radicale(folder) as server:
            server.put("a.ics", calendar(event("a", NOW + 3600)))
            url, port = server.base + server.collection, server.base.rsplit(":", 1)[1]
            first = fetch.caldav(url, **LOGIN)
            assert busy_of(first) == [at(1)], first
        down = fetch.caldav(url, MARKS=first["MARKS"], **LOGIN)
        assert down["TROUBLE"].startswith("no-connection") and "BUSY" not in down, down
        real, servers.free_port = servers.free_port, lambda: int(port)
        try:
            with tempfile.TemporaryDirectory(prefix="eoul-fetch-") as fresh, servers.radicale(fresh) as server:
                server.put("b.ics", calendar(event("b", NOW + 7200)))
                assert busy_of(fetch.caldav(url, MARKS=first["MARKS"], **LOGIN)) == [at(2)]
        finally:
            servers.free_port = real


SECOND = 1000_000
# As a phone writes it: folded inside a character, an alarm, an own zone, names nobody else knows.
LABEL = ("BEGIN:VTIMEZONE\r\nTZID:Mars\r\nLAST-MODIFIED:20200101T000000Z\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
         "TZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
         todo("label@x", "SUMMARY;LANGUAGE=ko:\uc774\ubbf8\uc9c0 200\uc7a5 \ub808\ube14\r\n \ub9c1\, \uc624\ub298",
              "DUE;TZID=Mars:20271130T180000", "X-UNKNOWN;A=\"b:c\":d;e", "SEQUENCE:2", "STATUS:NEEDS-ACTION",
              "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT15M\r\nEND:VALARM"))
TITLE = "\uc774\ubbf8\uc9c0 200\uc7a5 \ub808\ube14\ub9c1, \uc624\ub298"


def lines_of(text):
    """Unfolded, for what a server that writes a calendar anew keeps."""
    return sorted(re.sub(r"\r?\n[ \t]", "", text).splitlines())


def tick(program, folder, make):
    """What is open comes with its times; ticking writes it there, and nothing else of it."""
    with make(folder) as server, Fetch(program, True) as fetch:
        url = server.base + server.collection
        server.put("label.ics", calendar(LABEL))
        server.put("read.ics", calendar(todo("read@x", "SUMMARY:read", "DTSTART:20271101T000000Z",
                                             "DUE;VALUE=DATE:20271102", "ESTIMATED-DURATION:PT2H", "PERCENT-COMPLETE:50")))
        server.put("over.ics", calendar(todo("over@x", "SUMMARY:over", "STATUS:COMPLETED")))
        server.put("dropped.ics", calendar(todo("dropped@x", "SUMMARY:dropped", "STATUS:CANCELLED")))
        server.put("daily.ics", calendar(todo("daily@x", "SUMMARY:daily", "DTSTART:20271101T000000Z", "RRULE:FREQ=DAILY")))
        server.put("private.ics", calendar(todo("private@x", "SUMMARY:kanarienvogel", "CLASS:PRIVATE")))
        server.put("event.ics", calendar(event("event", NOW + 3600)))
        first = fetch.todos(url, **LOGIN)
        items = items_of(first)
        assert set(items) == {TITLE, "read", ""} and items[""][5] == 1, first
        label, read = items[TITLE], items["read"]
        assert label[1:] == (0, 1827565200 * SECOND, 0, 0, 0), label
        assert read[1:] == (1825027200 * SECOND, 1825167600 * SECOND, 7200 * SECOND, 50, 0), read
        assert [i.split()[0] for i in first["ISSUES"]] == ["repeats"] and first["EVENTS"] == "3", first
        assert len(first["OVER"].split(",")) == 1 and first["BUSY"] == "", first
        assert "kanarienvogel" not in str(first)
        same = fetch.todos(url, MARKS=first["MARKS"], **LOGIN)
        assert same["SAME"] == "1" and not same["TICKED"], same
        # Ticked there; a second time, and one that is not there any more, are no trouble.
        before = server.get("label.ics")
        server.delete("read.ics")
        done_at = 1795483800 * SECOND
        got = fetch.todos(url, MARKS=first["MARKS"], TICK=[f"{label[0]} {done_at}", f"{read[0]} {done_at}"], **LOGIN)
        assert got["TICKED"] == [label[0], read[0]] and set(items_of(got)) == {""}, got
        assert label[0] in got["OVER"].split(","), got
        after = server.get("label.ics")
        gone = [line for line in lines_of(before) if line not in lines_of(after)]
        new = [line for line in lines_of(after) if line not in lines_of(before)]
        assert sorted(re.sub(r":.*", "", line) for line in gone) == ["DTSTAMP", "SEQUENCE", "STATUS"], (before, after)
        assert {"STATUS:COMPLETED", "COMPLETED:20261124T013000Z", "PERCENT-COMPLETE:100", "SEQUENCE:3"} < set(new), new
        assert sorted(re.sub(r":.*", "", line) for line in new) == [
            "COMPLETED", "DTSTAMP", "LAST-MODIFIED", "PERCENT-COMPLETE", "SEQUENCE", "STATUS"], new
        again = fetch.todos(url, MARKS=got["MARKS"], TICK=f"{label[0]} {done_at}", **LOGIN)
        assert again["TICKED"] == [label[0]] and again["SAME"] == "1", again
        assert server.get("label.ics") == after
        # Done there: told among those that are over.  Open again there: it is back.
        server.put("private.ics", calendar(todo("private@x", "SUMMARY:kanarienvogel", "STATUS:COMPLETED")))
        server.put("label.ics", calendar(LABEL))
        got = fetch.todos(url, MARKS=again["MARKS"], **LOGIN)
        assert set(items_of(got)) == {TITLE} and items[""][0] in got["OVER"].split(","), got
        # The same list as a calendar has its event, and no todo takes time.
        assert busy_of(fetch.caldav(url, **LOGIN)) == [at(1)]


def radicale_is_ticked(program, folder):
    tick(program, folder, servers.radicale)


def xandikos_is_ticked(program, folder):
    tick(program, folder, servers.xandikos)


# --- a server of our own ------------------------------------------------------------------------------------

class Made(http.server.ThreadingHTTPServer):
    """Answers are functions of (method, path, body); everything asked is kept."""
    daemon_threads = True

    def __init__(self, answer):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.asked.append((self.command, self.path, body, dict(self.headers)))
                status, text, *headers = outer.answer(self.command, self.path, body)
                data = text.encode()
                self.send_response(status)
                for header in headers:
                    self.send_header(*header)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PROPFIND = do_REPORT = do_GET = do_PUT = serve  # noqa: N815

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.asked = answer, []
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


MULTI = ('<?xml version="1.0"?><q:multistatus xmlns:q="DAV:" xmlns:k="urn:ietf:params:xml:ns:caldav">{}'
         "</q:multistatus>")


def one(href, props, status="200 OK"):
    return (f"<q:response><q:href>{href}</q:href><q:propstat><q:prop>{props}</q:prop>"
            f"<q:status>HTTP/1.1 {status}</q:status></q:propstat></q:response>")


IS_CALENDAR = one("/c/", "<q:resourcetype><q:collection/><k:calendar/></q:resourcetype>")


def data_of(name, text):
    return one(f"/c/{name}", f'<q:getetag>"{len(text)}"</q:getetag><k:calendar-data>{text}</k:calendar-data>')


class Store:
    """A collection; `sync` is how it answers a sync with this token."""

    def __init__(self):
        self.items = {"a.ics": calendar(event("a", NOW + 3600)), "b.ics": calendar(event("b", NOW + 7200))}
        self.sync = None
        self.lose = ()

    def __call__(self, method, path, body):
        if method == "PROPFIND" and "getetag" in body:
            return 207, MULTI.format("".join(one(f"/c/{n}", f'<q:getetag>"{len(t)}"</q:getetag>')
                                             for n, t in self.items.items()))
        if method == "PROPFIND":
            return 207, MULTI.format(IS_CALENDAR)
        if "calendar-multiget" in body:
            wanted = re.findall(r"<D:href>([^<]*)</D:href>", body)
            return 207, MULTI.format("".join(
                data_of(n[3:], self.items[n[3:]]) if n[3:] in self.items else
                f"<q:response><q:href>{n}</q:href><q:status>HTTP/1.1 404 Not Found</q:status></q:response>"
                for n in wanted if n not in self.lose))
        return self.sync(re.search(r"<D:sync-token>(.*?)</D:sync-token>", body).group(1))

    def all(self, token):
        return 207, MULTI.format("".join(one(f"/c/{n}", f'<q:getetag>"{len(t)}"</q:getetag>')
                                         for n, t in self.items.items()) + f"<q:sync-token>{token}</q:sync-token>")


def tokens(program, _):
    store = Store()
    store.sync = lambda token: store.all("one") if not token else \
        (403, '<?xml version="1.0"?><d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>')
    with Made(store) as server, Fetch(program, True) as fetch:
        url = server.base + "/c/"
        first = fetch.caldav(url)
        assert busy_of(first) == [(NOW + 3600, 2, "busy")], first
        store.items.pop("a.ics")
        # The token is not known any more: from the start, and what is gone is gone.
        second = fetch.caldav(url, MARKS=first["MARKS"])
        assert busy_of(second) == [at(2)], second
        # A 404 in a sync is a deletion; absolute addresses are the same as relative ones.
        store.sync = lambda token: (207, MULTI.format(
            "<q:response><q:href>/c/b.ics</q:href><q:status>HTTP/1.1 404 Not Found</q:status></q:response>"
            f"<q:sync-token>two&amp;&lt;</q:sync-token>"))
        third = fetch.caldav(url, MARKS=second["MARKS"])
        assert third["BUSY"] == "" and third["EVENTS"] == "0", third
        seen = []
        store.sync = lambda token: (seen.append(token), (207, MULTI.format("<q:sync-token>x</q:sync-token>")))[1]
        assert fetch.caldav(url, MARKS=third["MARKS"])["SAME"] == "1"
        assert seen == ["two&amp;&lt;"], seen


def cut_into_pieces(program, _):
    """507 for the collection: the rest comes with the token."""
    store = Store()
    store.items = {f"{i}.ics": calendar(event(str(i), NOW + i * 7200)) for i in range(9)}

    def piece(token):
        n = int(token or 0)
        rows = "".join(one(f"/c/{i}.ics", f'<q:getetag>"{i}"</q:getetag>') for i in range(n, min(n + 2, 9)))
        more = ("<q:response><q:href>/c/</q:href><q:status>HTTP/1.1 507 Insufficient Storage</q:status></q:response>"
                if n + 2 < 9 else "")
        return 207, MULTI.format(rows + more + f"<q:sync-token>{n + 2}</q:sync-token>")
    store.sync = piece
    with Made(store) as server, Fetch(program, True) as fetch:
        assert fetch.caldav(server.base + "/c/")["EVENTS"] == "9"
    store.sync = lambda token: (207, MULTI.format(
        "<q:response><q:href>/c/</q:href><q:status>HTTP/1.1 507 More</q:status></q:response><q:sync-token>1</q:sync-token>"))
    with Made(store) as server, Fetch(program, True) as fetch:  # without end
        assert fetch.caldav(server.base + "/c/")["TROUBLE"].startswith("protocol")


def without_sync(program, _):
    for status in (400, 405, 501, 415):
        store = Store()
        store.sync = lambda token, s=status: (s, "no")
        with Made(store) as server, Fetch(program, True) as fetch:
            first = fetch.caldav(server.base + "/c/")
            assert busy_of(first) == [(NOW + 3600, 2, "busy")], (status, first)
            store.items["c.ics"] = calendar(event("c", NOW + 5 * 3600))
            assert busy_of(fetch.caldav(server.base + "/c/", MARKS=first["MARKS"]))[-1] == at(5)


def silence_is_not_free(program, _):
    """Half an answer, one bad resource, events that vanish between two questions."""
    store = Store()
    store.sync = lambda token: store.all("one")
    store.lose = ("/c/b.ics",)
    with Made(store) as server, Fetch(program, True) as fetch:
        assert fetch.caldav(server.base + "/c/")["TROUBLE"].startswith("protocol")
        store.lose = ()
        assert fetch.caldav(server.base + "/c/")["EVENTS"] == "2"
    store.items["bad.ics"] = "this is no calendar"
    with Made(store) as server, Fetch(program, True) as fetch:
        got = fetch.caldav(server.base + "/c/")
        assert busy_of(got) == [(NOW + 3600, 2, "busy")] and got["ISSUES"] == ["no-calendar 0 "], got
    for status, text in ((207, "<q:multistatus"), (207, "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), (500, "oops"),
                         (207, "<html>hotel login</html>"), (200, "hello"), (301, "")):
        with Made(lambda m, p, b, s=status, t=text: (s, t)) as server, Fetch(program, True) as fetch:
            got = fetch.caldav(server.base + "/c/")
            assert "TROUBLE" in got and "BUSY" not in got, (status, text, got)


class List(Store):
    """One todo, whose bytes have an ETag; `before_put` is called before each PUT is looked at."""

    def __init__(self):
        super().__init__()
        self.items = {"t.ics": calendar(todo("t", "SUMMARY:t", "X-A:b"))}
        self.sync = lambda token: self.all("one")
        self.before_put, self.refuse, self.etag = (lambda: None), None, True

    def tag(self):
        return '"' + hashlib.sha1(self.items["t.ics"].encode()).hexdigest() + '"'

    def all(self, token):
        return 207, MULTI.format(one("/c/t.ics", f"<q:getetag>{self.tag()}</q:getetag>") + f"<q:sync-token>{token}</q:sync-token>")

    def __call__(self, method, path, body):
        if method == "GET":
            return (200, self.items["t.ics"], *([("ETag", self.tag())] if self.etag else []))
        if method == "PUT":
            self.before_put()
            given = self.server.asked[-1][3].get("If-Match")
            if self.refuse or given != self.tag():
                return self.refuse or 412, "no"
            self.items["t.ics"] = body
            return 204, ""
        if "calendar-multiget" in body:
            return 207, MULTI.format(one("/c/t.ics", f"<q:getetag>{self.tag()}</q:getetag><k:calendar-data>"
                                                     f"{self.items['t.ics']}</k:calendar-data>"))
        return super().__call__(method, path, body)


def a_tick_never_writes_over(program, _):
    """Changed between reading and writing: read and written once more.  Always changed, refused, or no ETag: it waits."""
    store = List()
    with Made(store) as server, Fetch(program, True) as fetch:
        store.server = server
        url = server.base + "/c/"
        [(id_, *_)] = items_of(fetch.todos(url)).values()

        def puts():
            return sum(1 for method, *_ in server.asked if method == "PUT")

        def change(name):
            def now():
                store.items["t.ics"] = calendar(todo("t", f"SUMMARY:{name} {puts()}", "X-A:b"))
            return now
        store.before_put = change("moved")
        got = fetch.todos(url, TICK=f"{id_} 1795483800000000")
        assert got["TICKED"] == [f"{id_} http 412"] and puts() == 2, got
        assert "COMPLETED" not in store.items["t.ics"] and list(items_of(got)) == ["moved 2"], got

        def once():
            change("once")()
            store.before_put = lambda: None
        store.before_put = once
        got = fetch.todos(url, TICK=f"{id_} 1795483800000000")
        assert got["TICKED"] == [id_] and puts() == 4 and got["OVER"] == id_, got
        assert "SUMMARY:once 3\r\nX-A:b\r\n" in store.items["t.ics"] and "STATUS:COMPLETED" in store.items["t.ics"]
        for refuse in (403, 500, 301):
            store.items["t.ics"], store.refuse = calendar(todo("t", "SUMMARY:t")), refuse
            assert fetch.todos(url, TICK=f"{id_} 1")["TICKED"] == [f"{id_} http {refuse}"]
        store.refuse, store.etag, n = None, False, puts()
        got = fetch.todos(url, TICK=f"{id_} 1")
        assert got["TICKED"] == [f"{id_} protocol"] and puts() == n, got
        assert all("Accept-Encoding" not in head for method, _, _, head in server.asked if method == "GET")  # another ETag
        store.etag = True
        assert fetch.todos(url, TICK="1234567890abcdef 1")["TICKED"] == ["1234567890abcdef"] and puts() == n
        for wrong in ("x 1", f"{id_}", f"{id_} y", f"{id_[:-1]} 1"):
            assert fetch.todos(url, TICK=wrong)["TROUBLE"] == "protocol", wrong


def many_todos(program, _):
    """Of more than a person can have, those that are due first; the rest is said."""
    store = Store()
    store.items = {f"{i}.ics": calendar(todo(str(i), f"SUMMARY:{i}", *([f"DUE:{stamp(NOW + (300 - i) * 3600)}"] if i else [])))
                   for i in range(250)}
    store.sync = lambda token: store.all("one")
    with Made(store) as server, Fetch(program, True) as fetch:
        got = fetch.todos(server.base + "/c/")
        assert [row.split(" ", 6)[6] for row in got["ITEMS"]] == [str(i) for i in range(249, 49, -1)], got
        assert got["ISSUES"] == ["too-many-todos 0 "] and got["ISSUES_N"] == "1" and got["EVENTS"] == "250", got


def elsewhere(program, _):
    """A server that points to inner addresses, or asks for the password of another host."""
    for href in ("https://169.254.169.254/home/", "https://[::ffff:10.0.0.1]/", "file:///etc/", "http://10.1.2.3/"):
        text = MULTI.format(one("/", f"<k:calendar-home-set><q:href>{href}</q:href></k:calendar-home-set>"))
        with Made(lambda m, p, b, t=text: (207, t)) as server, Fetch(program, True) as fetch:
            got = fetch.caldav(server.base + "/", **LOGIN)
            assert got["TROUBLE"].split()[0] in ("inner-address", "bad-address"), (href, got)
    with Made(Store()) as thief:
        text = MULTI.format(one("/", f"<k:calendar-home-set><q:href>{thief.base}/</q:href></k:calendar-home-set>"))
        thief.answer = lambda m, p, b: (401, "")
        with Made(lambda m, p, b: (207, text)) as server, Fetch(program, True) as fetch:
            assert fetch.caldav(server.base + "/", **LOGIN)["TROUBLE"].startswith("login")
            assert all("Authorization" in h for _, _, _, h in server.asked)
        assert thief.asked and not any("Authorization" in h for _, _, _, h in thief.asked)


def main():
    program = os.path.abspath(sys.argv[1])
    tests = [radicale_syncs, xandikos_syncs, a_server_that_goes_and_comes, radicale_is_ticked, xandikos_is_ticked,
             a_tick_never_writes_over, many_todos, tokens, cut_into_pieces, without_sync,
             silence_is_not_free, elsewhere]
    only, failed, n = sys.argv[2:], 0, 0
    for test in tests:
        if only and test.__name__ not in only:
            continue
        n += 1
        name = test.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="eoul-fetch-") as folder:
            try:
                test(program, folder)
                print(f"ok {n} - {name}", flush=True)
            except Skip as why:
                print(f"ok {n} - {name} # SKIP {why}", flush=True)
            except Exception:  # pylint: disable=broad-except
                import traceback
                failed += 1
                print(f"not ok {n} - {name}\n# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print(f"1..{n}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
