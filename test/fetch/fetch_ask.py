"""fetch_ask.py - eoul-fetch as a program of its own, asked as the daemon asks it (src/fetch/message.h)."""
import contextlib
import os
import re
import socket
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = struct.Struct("=IIIII12x")
FIELD = struct.Struct("=II")
MAGIC = 0x66726f65
FILES, NETWORK, CALENDAR, NOTICE, DONE = 1, 2, 3, 4, 64


def tags():
    """The names in their order, from the one list."""
    with open(os.path.join(HERE, "..", "..", "src", "fetch", "message.h"), encoding="utf-8") as f:
        text = f.read()
    body = text[text.index("#define FETCH_TAG_LIST"):text.index("enum fetch_tag {")]
    return ["NONE"] + re.findall(r"X\(([A-Z_]+)\)", re.sub(r"/\*.*?\*/", "", body, flags=re.S))


TAGS = tags()


class Fetch:
    """One process; `with` ends it."""

    def __init__(self, program, network, loopback=True, **env):
        self.mine, theirs = socket.socketpair()
        self.mine.settimeout(60)
        environment = {"EOUL_FETCH_LOOPBACK": "1", **env} if loopback else dict(env)
        self.process = subprocess.Popen([program], stdin=theirs, stdout=theirs, env=environment)
        theirs.close()
        self.number = 0
        self.send(NETWORK if network else FILES, b"")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mine.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()

    def send(self, kind, body):
        self.number += 1
        self.mine.sendall(HEAD.pack(MAGIC, 1, kind, self.number, len(body)) + body)

    def exactly(self, n):
        got = b""
        while len(got) < n:
            more = self.mine.recv(n - len(got))
            if not more:
                raise EOFError(f"eoul-fetch ended with {self.process.wait(20)}")
            got += more
        return got

    def ask(self, **fields):
        now = int(time.time() * 1e6)
        day = 86400_000_000
        fields = {"KEY": "1 test", "ZONE": "Asia/Seoul", "FROM_AT": now - day, "UNTIL_AT": now + 400 * day, **fields}
        body = b"".join(FIELD.pack(TAGS.index(k), len(v)) + v for k, many in fields.items()
                        for v in (str(one).encode() for one in (many if isinstance(many, list) else [many])))
        self.send(CALENDAR, body)
        _, _, kind, number, length = HEAD.unpack(self.exactly(HEAD.size))
        assert (kind, number) == (DONE, self.number)
        rest, answer = self.exactly(length), {"ISSUES": [], "ITEMS": [], "TICKED": []}
        while rest:
            tag, n = FIELD.unpack(rest[:8])
            value, rest = rest[8:8 + n].decode(), rest[8 + n:]
            if TAGS[tag] in ("ISSUE", "ITEM"):
                answer[TAGS[tag] + "S"].append(value)
            elif TAGS[tag] == "TICKED":
                answer["TICKED"].append(value)
            else:
                answer[TAGS[tag]] = value
        return answer

    def url(self, url, **more):
        return self.ask(KIND="url", URL=url, **more)

    def caldav(self, url, **more):
        return self.ask(KIND="caldav", URL=url, **more)

    def todos(self, url, **more):
        return self.ask(KIND="todos", URL=url, **more)


def stamp(at):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def event(uid, start, hours=1, *more):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", "SUMMARY:kanarienvogel",
                        f"DTSTART:{stamp(start)}", f"DTEND:{stamp(start + hours * 3600)}", *more, "END:VEVENT", ""])


def todo(uid, *lines):
    return "\r\n".join(["BEGIN:VTODO", f"UID:{uid}", "DTSTAMP:20261101T000000Z", *lines, "END:VTODO", ""])


def items_of(answer):
    """{title: (id, begin_at, due_at, takes_us, percent, secret)}"""
    rows = [row.split(" ", 6) for row in answer["ITEMS"]]
    return {row[6]: (row[0], *map(int, row[1:6])) for row in rows}


def calendar(*events):
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n" + "".join(events) + "END:VCALENDAR\r\n"


def busy_of(answer):
    """[(start, hours, word)] in whole seconds."""
    rows = [row.split("/") for row in answer["BUSY"].split(",") if row]
    return [(int(a) // 1000000, (int(b) - int(a)) / 3600e6, word) for a, b, word in rows]
