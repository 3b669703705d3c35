"""servers.py - real CalDAV servers on loopback, from Debian's packages: radicale and xandikos."""
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip  # noqa: E402

USER, PASSWORD = "mina", "kanarien-9"


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as s:
        return s.getsockname()[1]


class Server:
    """`with` ends it.  `collection` is a calendar, `home` where calendars of mina are, `base` the server."""

    def __init__(self, command, folder, port):
        self.base, self.log_path = f"http://127.0.0.1:{port}", os.path.join(folder, "server.log")
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        cwd=folder, env=dict(os.environ, HOME=folder, PYTHONDONTWRITEBYTECODE="1"))
        end = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise RuntimeError("the server did not start: " + self.text()[-2000:])
            time.sleep(0.05)

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def call(self, method, path, body=None, kind="text/calendar; charset=utf-8"):
        import base64
        request = urllib.request.Request(self.base + path, data=body.encode() if body else None, method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        request.add_header("Content-Type", kind)
        with self.opener.open(request, timeout=20) as answer:
            return answer.status

    def get(self, name):
        import base64
        request = urllib.request.Request(self.base + self.collection + name)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        with self.opener.open(request, timeout=20) as answer:
            return answer.read().decode()

    def put(self, name, text):
        assert self.call("PUT", self.collection + name, text) in (200, 201, 204)

    def delete(self, name):
        assert self.call("DELETE", self.collection + name) in (200, 204)


def radicale(folder, again=False):
    """`again`: with what an earlier one left in the folder."""
    if not shutil.which("radicale"):
        raise Skip("radicale is not installed")
    port, users = free_port(), os.path.join(folder, "users")
    with open(users, "w", encoding="utf-8") as f:
        f.write(f"{USER}:{PASSWORD}\n")
    config = os.path.join(folder, "radicale.conf")
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {users}\n"
                f"htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {folder}/collections\n"
                "[logging]\nlevel = info\n")
    server = Server(["radicale", "-C", config], folder, port)
    server.home, server.collection, server.has_login = "/mina/", "/mina/work/", True
    if not again:
        server.call("MKCALENDAR", server.collection)
    return server


def xandikos(folder):
    if not shutil.which("xandikos"):
        raise Skip("xandikos is not installed")
    port, data = free_port(), os.path.join(folder, "data")
    os.mkdir(data)
    server = Server(["xandikos", "-d", data, "-l", "127.0.0.1", "-p", str(port), "--defaults",
                     "--current-user-principal", "/mina"], folder, port)
    server.home, server.collection, server.has_login = "/mina/calendars/", "/mina/calendars/calendar/", False
    return server
