#!/usr/bin/env python3
"""fetch.py EOUL-FETCH - files, folders and addresses; what is refused, and that limits hold.

Servers are started here on loopback; eoul-fetch is told by a switch for tests that it may connect there.
"""
import contextlib
import gzip
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from fetch_ask import Fetch, busy_of, calendar, event  # noqa: E402
from world import Skip  # noqa: E402

NOW = int(time.time()) // 3600 * 3600
ONE = calendar(event("a", NOW + 3600, 2))
MIB = 1 << 20


class Server(http.server.ThreadingHTTPServer):
    """Each path is a function of the request; what was asked is kept."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, pages, context=None):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                outer.asked.append((self.path, dict(self.headers)))
                page = outer.pages.get(self.path)
                if page is None:
                    self.answer(404, b"no")
                else:
                    with contextlib.suppress(OSError):
                        page(self)

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked = pages, []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.base = f"{'https' if context else 'http'}://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def page(status, body=b"", **headers):
    return lambda r: r.answer(status, body if isinstance(body, bytes) else body.encode(), **headers)


# --- files ------------------------------------------------------------------------------------------------

def files_and_folders(program, folder):
    path = os.path.join(folder, "one.ics")
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(ONE)
    with Fetch(program, False) as fetch:
        first = fetch.ask(KIND="file", URL=path)
        assert busy_of(first) == [(NOW + 3600, 2, "busy")] and first["EVENTS"] == "1", first
        assert "kanarienvogel" not in str(first)
        again = fetch.ask(KIND="file", URL=path, MARKS=first["MARKS"])
        assert again["SAME"] == "1" and "BUSY" not in again, again
        time.sleep(0.01)  # the clock of the file system has to move on
        with open(path, "a", encoding="utf-8") as f:
            f.write("\r\n")
        assert "BUSY" in fetch.ask(KIND="file", URL=path, MARKS=first["MARKS"])
        with open(os.path.join(folder, "two.ics"), "w", encoding="utf-8", newline="") as f:
            f.write(calendar(event("b", NOW + 3 * 3600, 1)))
        with open(os.path.join(folder, "bad.ics"), "w", encoding="utf-8") as f:
            f.write("Dear all,")
        with open(os.path.join(folder, "notes.txt"), "w", encoding="utf-8") as f:
            f.write(calendar(event("c", NOW + 30 * 3600)))
        both = fetch.ask(KIND="directory", URL=folder)
        assert busy_of(both) == [(NOW + 3600, 3, "busy")], both
        assert both["ISSUES_N"] == "1" and both["ISSUES"][0].startswith("no-calendar 0"), both
        assert fetch.ask(KIND="directory", URL=folder, MARKS=both["MARKS"])["SAME"] == "1"
        os.unlink(os.path.join(folder, "two.ics"))
        assert busy_of(fetch.ask(KIND="directory", URL=folder, MARKS=both["MARKS"])) == [(NOW + 3600, 2, "busy")]
        os.mkfifo(os.path.join(folder, "pipe.ics"))
        for kind, url, trouble in (
                ("file", "/nonexistent.ics", "not-found"), ("file", "/dev/zero", "not-found"), ("file", folder, "not-found"),
                ("file", os.path.join(folder, "pipe.ics"), "not-found"), ("file", "one.ics", "not-found"),
                ("file", os.path.join(folder, "bad.ics"), "no-calendar"), ("directory", path, "not-found"),
                ("file", "", "not-found"), ("url", "https://example.org/", "protocol"), ("stone", path, "protocol")):
            got = fetch.ask(KIND=kind, URL=url)
            assert got.get("TROUBLE") == trouble, (kind, url, got)
        big = os.path.join(folder, "big.ics")
        with open(big, "wb") as f:
            f.truncate(9 * MIB)
        assert fetch.ask(KIND="file", URL=big)["TROUBLE"] == "too-large"
        assert fetch.ask(KIND="file", URL=path, ZONE="Mars/Olympus")["TROUBLE"] == "protocol"


def holidays(program, folder):
    """The list built in, one of the machine in its place, and what is none."""
    with Fetch(program, False, EOUL_FETCH_HOLIDAYS=folder) as fetch:
        got = fetch.ask(KIND="holidays", URL="KR", FROM_AT=1793000000000000, UNTIL_AT=1830000000000000)
        assert got["BUSY"] == "1798124400000000/1798210800000000/away", got  # 25 December 2026 in Seoul
        assert got["KNOWN_UNTIL_AT"] == "1798729200000000", got              # and no further than its year
        got = fetch.ask(KIND="holidays", URL="KR", FROM_AT=1759510000000000, UNTIL_AT=1760000000000000)
        assert got["BUSY"] == "1759590000000000/1760000000000000/away", got  # Chuseok 2025, days that touch
        assert fetch.ask(KIND="holidays", URL="KR", FROM_AT=1899000000000000, UNTIL_AT=1899900000000000)["TROUBLE"] == "over"
        for country in ("XX", "../KR", "kr", "K", ""):
            assert fetch.ask(KIND="holidays", URL=country)["TROUBLE"] == "not-found", country
        path = os.path.join(folder, "KR.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write("# newer\nzone Asia/Seoul\nknown 2026-01-01 2099-12-31\n2026-12-28 temporary 임시공휴일\n")
        got = fetch.ask(KIND="holidays", URL="KR", FROM_AT=1793000000000000, UNTIL_AT=1830000000000000)
        assert got["BUSY"] == "1798383600000000/1798470000000000/away", got
        for bad in ("zone Asia/Seoul\n", "known 2026-01-01 2026-12-31\n", "zone A\nknown 2026-01-01 2025-01-01\n",
                    "zone A\nknown 2026-01-01 2026-12-31\n2026-02-30 public x\n", "hello\n", ""):
            with open(path, "w", encoding="utf-8") as f:
                f.write(bad)
            assert fetch.ask(KIND="holidays", URL="KR")["TROUBLE"] == "no-calendar", bad


def each_file_by_itself(program, folder):
    """A zone that one file explains badly does not change what another one means."""
    zone = ("BEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:{0}\r\n"
            "TZOFFSETTO:{0}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n")
    local = time.strftime("%Y%m%dT%H%M%S", time.gmtime(NOW + 10 * 3600))
    for name, offset in (("a", "+0000"), ("b", "+0200")):
        with open(os.path.join(folder, name + ".ics"), "w", encoding="utf-8", newline="") as f:
            f.write(calendar(zone.format(offset), event(name, NOW).replace(
                f"DTSTART:{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(NOW))}", f"DTSTART;TZID=Mine:{local}").replace(
                f"DTEND:{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(NOW + 3600))}", "DURATION:PT1H")))
    with Fetch(program, False) as fetch:
        got = busy_of(fetch.ask(KIND="directory", URL=folder))
        assert got == [(NOW + 8 * 3600, 1, "busy"), (NOW + 10 * 3600, 1, "busy")], got


# --- addresses --------------------------------------------------------------------------------------------

def an_address_is_read_once(program, _):
    def conditional(r):
        if r.headers.get("If-None-Match") == '"v1"' or r.headers.get("If-Modified-Since") == "Wed, 25 Nov 2026 00:00:00 GMT":
            r.answer(304, ETag='"v1"')
        else:
            r.answer(200, ONE.encode(), ETag='"v1"', Last_Modified="Wed, 25 Nov 2026 00:00:00 GMT")
    with Server({"/c.ics": conditional}) as server, Fetch(program, True) as fetch:
        first = fetch.url(server.base + "/c.ics")
        assert busy_of(first) == [(NOW + 3600, 2, "busy")], first
        again = fetch.url(server.base + "/c.ics", MARKS=first["MARKS"])
        assert again["SAME"] == "1" and again["MARKS"] == first["MARKS"], again
        headers = server.asked[1][1]
        assert headers["If-None-Match"] == '"v1"' and headers["If-Modified-Since"].startswith("Wed"), headers
        assert "Authorization" not in headers
        # Marks that somebody bent do not become headers of their own.
        fetch.url(server.base + "/c.ics", MARKS="x\r\nX-Evil: 1\nWed\r\nX-Evil: 2")
        assert not any(name.lower() == "x-evil" for name in server.asked[-1][1]), server.asked[-1]


def packing(program, _):
    many = calendar(*(event(f"u{i}", NOW + i * 7200) for i in range(2000)))
    zeros = gzip.compress(b"\0" * (40 * MIB))
    pages = {
        "/gzip": page(200, gzip.compress(many.encode()), Content_Encoding="gzip"),
        "/deflate": page(200, zlib.compress(ONE.encode()), Content_Encoding="deflate"),
        "/twice": page(200, gzip.compress(gzip.compress(ONE.encode())), Content_Encoding="gzip, gzip"),
        "/layers": page(200, gzip.compress(gzip.compress(ONE.encode())), Content_Encoding="gzip", Content_encoding="gzip"),
        "/br": page(200, b"\x0b\x02\x80", Content_Encoding="br"),
        "/bomb": page(200, zeros, Content_Encoding="gzip"),
        "/nested": page(200, gzip.compress(zeros), Content_Encoding="gzip"),
        "/broken": page(200, gzip.compress(many.encode())[:-5000], Content_Encoding="gzip"),
        "/half": page(200, many[:len(many) // 2]),
    }
    with Server(pages) as server, Fetch(program, True) as fetch:
        assert fetch.url(server.base + "/gzip")["EVENTS"] == "2000"
        assert fetch.url(server.base + "/deflate")["EVENTS"] == "1"
        for path, trouble in (("/twice", "encoding"), ("/layers", "encoding"), ("/br", "encoding"), ("/bomb", "too-large"), ("/nested", "no-calendar")):
            got = fetch.url(server.base + path)
            assert got["TROUBLE"].split()[0] == trouble, (path, got)
        assert "TROUBLE" in fetch.url(server.base + "/broken")
        assert fetch.url(server.base + "/half")["TROUBLE"] == "io"
        assert fetch.url(server.base + "/gzip")["EVENTS"] == "2000"


def sizes(program, _):
    def endless(r):
        r.send_response(200)
        r.send_header("Transfer-Encoding", "chunked")
        r.end_headers()
        block = b"10000\r\n" + b"X" * 65536 + b"\r\n"
        while True:
            r.wfile.write(block)

    def headers(r):
        r.send_response(200)
        for i in range(2000):
            r.send_header(f"X-{i}", "y" * 100)
        r.end_headers()
    filler = calendar(event("a", NOW + 3600)) + "X:" + "y" * (6 * MIB) + "\r\n"
    pages = {"/endless": endless, "/headers": headers, "/six": page(200, filler)}
    with Server(pages) as server, Fetch(program, True) as fetch:
        for path in pages:
            got = fetch.url(server.base + path)
            assert got["TROUBLE"].split()[0] == "too-large", (path, got)


def slow_servers(program, _):
    """Fifteen seconds for a request, however it is drawn out."""
    stop = threading.Event()

    def drip(r):
        r.send_response(200)
        r.send_header("Content-Length", "100000")
        r.end_headers()
        while not stop.wait(0.2):
            r.wfile.write(b"X")
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        with Server({"/drip": drip}) as server, Fetch(program, True) as fetch:
            for url in (server.base + "/drip", f"http://127.0.0.1:{silent.getsockname()[1]}/"):
                began = time.monotonic()
                got = fetch.url(url)
                took = time.monotonic() - began
                assert got["TROUBLE"].split()[0] == "timeout", got
                assert 10 < took < 25, took
            stop.set()
    finally:
        stop.set()
        silent.close()


def statuses(program, _):
    pages = {f"/{s}": page(s, b"no" if s > 204 else b"") for s in (204, 400, 401, 403, 404, 500, 503)}
    pages["/page"] = page(200, b"<html>please log in</html>", Content_Type="text/html")
    pages["/empty"] = page(200, b"")
    pages["/short"] = lambda r: (r.send_response(200), r.send_header("Content-Length", "5000"), r.end_headers(),
                                 r.wfile.write(ONE.encode()), r.wfile.flush(), r.connection.shutdown(socket.SHUT_RDWR))
    with Server(pages) as server, Fetch(program, True) as fetch:
        for path, trouble in (("/204", "http 204"), ("/400", "http 400"), ("/401", "login 401"), ("/403", "http 403"),
                              ("/404", "http 404"), ("/500", "http 500"), ("/503", "http 503"), ("/page", "no-calendar"),
                              ("/empty", "no-calendar"), ("/short", "io 18")):
            got = fetch.url(server.base + path)
            assert got["TROUBLE"] == trouble, (path, got)
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as s:
            port = s.getsockname()[1]
        assert fetch.url(f"http://127.0.0.1:{port}/")["TROUBLE"].startswith("no-connection")


def redirects(program, _):
    other = Server({"/c.ics": page(200, ONE)})
    pages = {"/c.ics": page(200, ONE), "/to": page(302, Location="/c.ics"), "/loop": page(302, Location="/loop"),
             "/other": page(307, Location=other.base + "/c.ics"), "/file": page(302, Location="file:///etc/passwd"),
             "/inner": page(302, Location="https://169.254.169.254/latest/"), "/v4in6": page(301, Location="https://[::ffff:10.0.0.1]/"),
             "/nowhere": page(302)}
    for i in range(7):
        pages[f"/hop{i}"] = page(302, Location=f"/hop{i + 1}")
    pages["/hop7"] = page(200, ONE)
    with other, Server(pages) as server, Fetch(program, True) as fetch:
        secret = {"USER": "mina", "PASSWORD": "kanarien"}
        assert fetch.url(server.base + "/to", **secret)["EVENTS"] == "1"
        assert all("Authorization" in headers for _, headers in server.asked)
        assert fetch.url(server.base + "/other", **secret)["EVENTS"] == "1"
        assert "Authorization" not in other.asked[0][1], "the password went to another host"
        assert fetch.url(server.base + "/hop2")["EVENTS"] == "1"
        for path, trouble in (("/loop", "redirects"), ("/hop0", "redirects"), ("/file", "bad-address"),
                              ("/inner", "inner-address"), ("/v4in6", "inner-address"), ("/nowhere", "http")):
            got = fetch.url(server.base + path)
            assert got["TROUBLE"].split()[0] == trouble, (path, got)


def inner_addresses(program, _):
    """Without the switch for tests nothing of this machine is reached, by whatever name."""
    with Server({"/": page(200, ONE)}) as server, Fetch(program, True, loopback=False) as fetch:
        port = server.server_address[1]
        for url in ("https://127.0.0.1/", "https://localhost/", "https://127.1/", "https://2130706433/", "https://0x7f.1/",
                    "https://0/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
                    "https://169.254.169.254/", "https://10.0.0.1/", "https://192.168.1.1:8443/", "https://[fd00:ec2::254]/"):
            got = fetch.url(url)
            assert got["TROUBLE"].split()[0] in ("inner-address", "no-host"), (url, got)
        for url in (f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", "http://example.org/", "file:///etc/passwd",
                    "https://user:word@example.org/", "ldap://127.0.0.1/", "https://example.org:25/"):
            assert fetch.url(url)["TROUBLE"] == "bad-address", url
            assert fetch.caldav(url)["TROUBLE"] == "bad-address", url
        assert not server.asked
    # With it, loopback and no further.
    with Fetch(program, True) as fetch:
        for url in ("https://10.0.0.1/", "http://10.0.0.1/", "https://169.254.169.254/", "http://[fd00::1]/"):
            assert fetch.url(url)["TROUBLE"].split()[0] in ("inner-address", "bad-address"), url


def certificates(program, folder):
    """Over TLS: nobody's certificate is refused, a trusted one for the right name is taken."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Server({"/c.ics": page(200, ONE)}, context) as server:
        with Fetch(program, True) as fetch:
            assert fetch.url(server.base + "/c.ics")["TROUBLE"].startswith("certificate")
            assert not server.asked
        with Fetch(program, True, EOUL_FETCH_CA=cert) as fetch:
            assert fetch.url(server.base + "/c.ics")["EVENTS"] == "1"
            name = server.base.replace("127.0.0.1", "localhost")
            assert fetch.url(name + "/c.ics")["TROUBLE"].startswith("certificate"), "another name's certificate"


# --- shut in ------------------------------------------------------------------------------------------------

def shut_in(program, folder):
    """What the kernel says about both processes, and what they cannot open."""
    if "EOUL_COVERAGE" in os.environ:
        raise Skip("this build counts, so it is not shut in")
    path = os.path.join(folder, "x.ics")
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(ONE)
    for network in (False, True):
        with Fetch(program, network) as fetch:
            fetch.ask(KIND="file", URL=path)
            with open(f"/proc/{fetch.process.pid}/status", encoding="utf-8") as f:
                status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
            with open(f"/proc/{fetch.process.pid}/limits", encoding="utf-8") as f:
                limits = f.read()
            for name in ("core file size", "file size"):
                assert re.search(f"^Max {name} +0 +0 ", limits, re.M), limits
    with Fetch(program, True) as fetch:
        assert fetch.ask(KIND="file", URL=path)["TROUBLE"] == "protocol"


def nonsense_ends_it(program, _):
    for bytes_in in (b"\0" * 32, b"GET / HTTP/1.1\r\n\r\n" + b" " * 64, os.urandom(64)):
        mine, theirs = socket.socketpair()
        process = subprocess.Popen([program], stdin=theirs, stdout=theirs, env={})
        theirs.close()
        mine.sendall(bytes_in)
        mine.shutdown(socket.SHUT_WR)
        assert process.wait(20) == 1
        mine.close()


def main():
    program = os.path.abspath(sys.argv[1])
    tests = [files_and_folders, holidays, each_file_by_itself, an_address_is_read_once, packing, sizes, statuses, redirects,
             inner_addresses, certificates, shut_in, nonsense_ends_it, slow_servers]
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
