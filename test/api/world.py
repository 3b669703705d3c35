"""world.py - a daemon of its own for a test, and a client for its socket.

Each world has its own state directory and socket under a directory of mkdtemp, and ends with its
daemon and jobs gone.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def until(what, seconds=90):
    """Wait for a fact that no event tells a test about; what it was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"did not come true within {seconds} s")


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("eoul", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.raw = status, headers, body
        json_type = headers.get("Content-Type", "").startswith("application/json")
        self.json = json.loads(body) if json_type else None

    def __getitem__(self, key):
        return self.json[key]

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def message(self):
        return self.json["error"]["message"]


CONFIG = "gpus: 2\ncpus: 8\n"


class World:
    def __init__(self, eould, config=CONFIG, arguments=(), descriptors=0):
        self.eould, self.arguments, self.descriptors = eould, list(arguments), descriptors
        self.dir = tempfile.mkdtemp(prefix="eoul-api-")
        self.state = os.path.join(self.dir, "state")
        self.work = os.path.join(self.dir, "work")
        self.socket = os.path.join(self.state, "socket")
        os.mkdir(self.work)
        with open(os.path.join(self.dir, "eoul.yaml"), "w", encoding="utf-8") as f:
            f.write(config)
        self.start()

    def start(self):
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        read, write = os.pipe()
        env = dict(os.environ, EOUL_STATE=self.state, EOUL_LOCK_DIR=os.path.join(self.dir, "locks"))
        env.pop("EOUL_SOCKET", None)
        log = open(os.path.join(self.dir, "log"), "ab")
        few = ["prlimit", f"--nofile={self.descriptors}"] if self.descriptors else []
        self.daemon = subprocess.Popen(
            [*few, self.eould, "--ready-fd", str(write), "--config", os.path.join(self.dir, "eoul.yaml"),
             *self.arguments],
            pass_fds=[write], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        os.close(write)
        with os.fdopen(read) as ready:
            said = ready.readline().strip()
        if said != "ok":
            self.daemon.wait()
            raise RuntimeError(f"eould did not start: {said!r}\n{self.log()}")

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def connection(self):
        return Unix(self.socket)

    def call(self, method, path, body=None, lang="en", connection=None):
        c = connection or self.connection()
        headers = {"Accept-Language": lang}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        c.request(method, path, body=data, headers=headers)
        r = c.getresponse()
        answer = Answer(r.status, r.headers, r.read())
        if not connection:
            c.close()
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None else body, **more)

    def spec(self, *argv, **options):
        lines = [f"{k.replace('_', '-')}={escape(str(v))}" for k, values in options.items()
                 for v in (values if isinstance(values, list) else [values])]
        lines += [f"chdir={self.work}"] if "chdir" not in options else []
        return "".join(line + "\n" for line in lines + [f"argv={escape(a)}" for a in argv])

    def submit(self, *argv, key=None, for_person=None, **options):
        body = {"jobs": [{"spec": self.spec(*argv, **options), "env": ["PATH=/usr/bin:/bin"]}]}
        if key:
            body["key"] = key
        if for_person:
            body["for"] = for_person
        answer = self.post("/v1/jobs", body)
        if answer.status != 200:
            raise AssertionError(answer.raw)
        return answer["jobs"][0]["id"]

    def as_nobody(self, calls):
        """The same calls by another Unix user; root only."""
        for path, mode in ((self.dir, 0o755), (self.state, 0o755)):
            os.chmod(path, mode)
        here = os.path.dirname(os.path.abspath(__file__))
        run = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable,
             os.path.join(here, "call_as.py"), self.socket],
            input=json.dumps(calls), capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def wait(self, job, seconds=20):
        answer = self.get(f"/v1/jobs/{job}/wait?timeout_s={seconds}")
        assert answer.status == 200 and answer["ended"], answer.raw
        return answer

    def close_daemon(self):
        """Stop it and keep what it wrote."""
        if self.daemon.poll() is None:
            try:
                self.post("/v1/down", {"jobs": "cancel"})
                self.daemon.wait(10)
            except (OSError, subprocess.TimeoutExpired, http.client.HTTPException):
                self.daemon.send_signal(signal.SIGKILL)
                self.daemon.wait()

    def close(self):
        self.close_daemon()
        log = self.log()
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.daemon.returncode != 0:
            raise RuntimeError(f"eould ended with {self.daemon.returncode}\n{log}")


def escape(value):
    """A value of the canonical text (src/spec/spec.h)."""
    for plain, escaped in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(plain, escaped)
    return value


class Skip(Exception):
    """This cannot be tried here; the text says why."""


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, why=""):
        self.n += 1
        self.failed += not good
        print(("ok" if good else "not ok"), self.n, "-", name, flush=True)
        if not good and why:
            print("#", str(why).replace("\n", "\n# "), flush=True)

    def run(self, tests, eould):
        import traceback
        for name, test in tests:
            world = None
            try:
                world = World(eould, getattr(test, "config", CONFIG), arguments=getattr(test, "arguments", ()),
                              descriptors=getattr(test, "descriptors", 0))
                test(world)
                last, world = world, None
                last.close()
                self.ok(True, name)
            except Skip as why:
                self.ok(True, f"{name} # SKIP {why}")
            except Exception:  # pylint: disable=broad-except
                self.ok(False, name, traceback.format_exc() + (world.log() if world else ""))
            finally:
                if world:
                    with contextlib.suppress(RuntimeError):
                        world.close()
        print(f"1..{self.n}")
        return 1 if self.failed else 0
