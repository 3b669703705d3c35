#!/usr/bin/env python3
"""notices.py EOULD EOUL - what happened reaches its owner where they want it, and only when they can look.

Every channel is tried against a server on loopback that keeps what arrives; nothing is waited for by
sleeping: the server's queue is.
"""
import base64
import email
import email.header
import hashlib
import hmac
import http.client
import http.server
import json
import os
import queue
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip, Tap, until  # noqa: E402

EOUL = None
CANARY = "kanarienvogel"   # in a private event
SECRET = "geheimnis-4711"  # in addresses and keys
WAIT = 60


class Service:
    """An HTTP server that keeps what it gets; `answers` are (status, headers, body), the last one stays."""

    def __init__(self, *answers):
        self.got, self.release = queue.Queue(), threading.Event()
        self.answers = list(answers) or [(200, {}, "{}")]
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.got.put((self.path, dict(self.headers), body))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if answer == "later":
                    outer.release.wait(WAIT)
                    answer = (200, {}, "{}")
                if answer == "hang":
                    outer.release.wait(WAIT)
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def next(self):
        return self.got.get(timeout=WAIT)

    def nothing_more(self):
        assert self.got.empty(), self.got.get()


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs: EHLO, AUTH PLAIN, MAIL, RCPT, DATA, QUIT."""

    def line(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        said = {}
        self.line("220 test")
        while True:
            command = self.rfile.readline().decode().rstrip()
            word = command.split(" ")[0].upper()
            if word in ("EHLO", "HELO"):
                self.line("250-test")
                self.line("250 AUTH PLAIN")
            elif word == "AUTH":
                blob = command.split(" ")[2] if len(command.split(" ")) > 2 else None
                if blob is None:
                    self.line("334 ")
                    blob = self.rfile.readline().decode().strip()
                said["auth"] = base64.b64decode(blob).decode().split("\0")[1:]
                self.line("235 ok")
            elif word == "MAIL":
                said["from"] = command
                self.line("250 ok")
            elif word == "RCPT":
                said["to"] = command
                self.line("250 ok")
            elif word == "DATA":
                self.line("354 go on")
                lines = []
                while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(line[1:] if line.startswith("..") else line)
                said["mail"] = "\r\n".join(lines)
                self.server.got.put(said)
                self.line("250 taken")
            elif word == "QUIT" or not word:
                self.line("221 bye")
                return
            else:
                self.line("502 what?")


def eoul(world, *arguments, status=0, stdin=None):
    env = dict(os.environ, EOUL_SOCKET=world.socket, EOUL_STATE=world.state, LANG="C.UTF-8", TZ="Asia/Seoul")
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "COLUMNS"):
        env.pop(name, None)
    run = subprocess.run([EOUL, *arguments], capture_output=True, text=True, env=env, input=stdin,
                         cwd=world.work, timeout=100, check=False)
    assert run.returncode == status, (arguments, run.returncode, run.stdout, run.stderr)
    return run


def present(world):
    world.post("/v1/me", {"hours": "Mon-Sun 00:00-24:00", "zone": "Asia/Seoul", "lang": "en"})


def away(world):
    now = world.get("/v1/status")["now_at"]
    world.post("/v1/me", {"away_until_at": now + 5 * 3600_000_000})


def back(world):
    world.post("/v1/me", {"away_until_at": 0})


def secrets(world, **lines):
    path = os.path.join(world.work, "secrets.txt")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f"{name} {value}\n" for name, value in lines.items())
    os.chmod(path, 0o600)
    return path


def run_job(world, *argv, **more):
    job = world.submit(*argv, **more)
    world.get(f"/v1/jobs/{job}/wait?timeout_s=30")
    return job


def channels(world):
    return {c["name"]: c for c in json.loads(eoul(world, "me", "notify", "list", "--json").stdout)["channels"]}


def an_answer_waits_until_the_notice_is_through(world):
    present(world)
    with Service("later") as s:
        eoul(world, "me", "notify", "add", "webhook", "--secrets", secrets(world, url=f"{s.url}/x"))
        world.post("/v1/me/notify/webhook/test", {})
        s.next()  # it is there, and not answered
        held = []
        waiting = threading.Thread(target=lambda: held.append(world.get("/v1/me/notify?timeout_s=60&name=webhook")))
        waiting.start()
        for _ in range(20):  # others are answered meanwhile, and so is who asks for another channel
            world.get("/v1/me/notify?timeout_s=60&name=other")
        s.release.set()
        waiting.join(WAIT)
        one = held[0]["channels"][0]
        assert not one["sending"] and (one["waiting"] == 0 or one["next_at"] > held[0]["now_at"]), one
        # Nothing is under way: an answer that could wait comes at once.
        assert world.get("/v1/me/notify?timeout_s=600")["channels"][0]["name"] == "webhook"
        eoul(world, "me", "notify", "remove", "webhook")


def each_channel_hears_what_it_expects(world):
    present(world)
    name = "<b>&*_@everyone_* `x`"
    with Service() as s:
        for kind, address in (("webhook", f"{s.url}/hook/{SECRET}"), ("ntfy", f"{s.url}/{SECRET}"),
                              ("slack", f"{s.url}/services/{SECRET}"), ("discord", f"{s.url}/api/{SECRET}"),
                              ("teams", f"{s.url}/flow?sig={SECRET}"), ("kakaowork", f"{s.url}/v1/messages.send#1234")):
            eoul(world, "me", "notify", "add", kind, "--secrets", secrets(world, url=address, password=SECRET))
        assert eoul(world, "me", "notify", "test", "ntfy").stdout == "It arrived.\n"
        path, head, body = s.next()
        assert path == "/" and json.loads(body)["topic"] == SECRET and json.loads(body)["priority"] == 5, body
        assert head["Authorization"] == f"Bearer {SECRET}" and head["Content-Type"].startswith("application/json")
        job = run_job(world, "/bin/sh", "-c", "exit 3", job_name=name)
        got = {path.split("?")[0]: (head, json.loads(body), body) for path, head, body in (s.next() for _ in range(6))}
        title = f"Failed: {job} {name}"
        head, hook, raw = got[f"/hook/{SECRET}"]
        assert hook["title"] == title and "exit code 3" in hook["text"] and not hook["page"], hook
        at, v1 = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", head["X-Eoul-Signature"]).groups()
        assert hmac.new(SECRET.encode(), f"{at}.{raw}".encode(), hashlib.sha256).hexdigest() == v1
        assert head["X-Eoul-Delivery"] == hook["id"] and "Authorization" not in head
        assert got["/"][1]["title"] == title and got["/"][1]["priority"] == 3
        slack = got[f"/services/{SECRET}"][1]
        assert "&lt;b&gt;&amp;*_@everyone" in slack["text"] and slack["mrkdwn"] is False, slack
        discord = got[f"/api/{SECRET}"][1]
        assert r"\<b\>&\*\_\@everyone\_\* \`x\`" in discord["content"], discord
        assert discord["allowed_mentions"] == {"parse": []} and len(discord["content"]) <= 2000
        card = got["/flow"][1]["attachments"][0]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive" and card["content"]["type"] == "AdaptiveCard"
        assert card["content"]["body"][0]["inlines"][0]["text"] == title, card
        kakao = got["/v1/messages.send"]
        assert kakao[1]["conversation_id"] == "1234" and kakao[1]["text"].startswith(title + "\n"), kakao
        assert kakao[0]["Authorization"] == f"Bearer {SECRET}"
        s.nothing_more()
        shown = eoul(world, "me", "notify", "list").stdout
        assert SECRET not in shown and f"teams {s.url}/..." in shown, shown


def mail_is_a_mail(world):
    present(world)
    world.post("/v1/me", {"lang": "ko"})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as s:
        s.got, s.daemon_threads = queue.Queue(), True
        threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True).start()
        eoul(world, "me", "notify", "add", "smtp", "--secrets",
             secrets(world, url=f"smtp://127.0.0.1:{s.server_address[1]}/mina@example.org",
                     user="bot@example.org", password=SECRET))
        job = run_job(world, "/bin/true", job_name="아주 긴 이름의 학습 작업 " * 4)
        said = s.got.get(timeout=WAIT)
        s.shutdown()
    assert said["auth"] == ["bot@example.org", SECRET], said
    assert "<bot@example.org>" in said["from"] and "<mina@example.org>" in said["to"], said
    mail = email.message_from_string(said["mail"])
    subject = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
    assert f"{job} 아주 긴 이름의 학습 작업" in subject, subject
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"] and mail["Date"].endswith("+0000")
    assert max(len(line.encode()) for line in said["mail"].split("\r\n")) <= 998
    assert "아주 긴 이름" in mail.get_payload(decode=True).decode()


def program(world, name, text):
    path = os.path.join(world.work, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def a_command_gets_what_a_web_hook_gets(world):
    present(world)
    got = os.path.join(world.work, "got")
    good = program(world, "good", f"cat >{got}.new; pwd >{got}.where; echo \"$#\" >>{got}.where; env >{got}.env; "
                                  f"echo noise; echo noise >&2; mv {got}.new {got}\n")
    eoul(world, "me", "notify", "add", "command", good, "--name", "good")
    assert f"good: command {good}\n" in eoul(world, "me", "notify", "list").stdout
    job = run_job(world, "/bin/sh", "-c", "exit 3", job_name="$(touch x); '\"")
    until(lambda: os.path.exists(got) and channels(world)["good"]["waiting"] == 0)
    with open(got, encoding="utf-8") as f:
        message = json.load(f)
    assert message["title"] == f"Failed: {job} $(touch x); '\"" and not message["page"] and message["id"], message
    with open(got + ".where", encoding="utf-8") as f:
        assert f.read() == "/\n0\n"
    with open(got + ".env", encoding="utf-8") as f:
        names = {line.split("=")[0] for line in f}
    assert not [n for n in names if n.startswith("EOUL")] and "HOME" in names, names
    # Its exit status says whether it was delivered; what it cannot do is said.
    eoul(world, "me", "notify", "add", "command", program(world, "bad", "exit 3\n"), "--name", "bad")
    assert eoul(world, "me", "notify", "test", "bad", status=1).stdout == "The command ended with status 3.\n"
    eoul(world, "me", "notify", "add", "command", os.path.join(world.work, "nowhere"), "--name", "gone")
    assert eoul(world, "me", "notify", "test", "gone", status=1).stdout == "The command ended with status 127.\n"
    for wrong in ("bin/tell", "tell", "/", "/a b"):
        assert eoul(world, "me", "notify", "add", "command", wrong, "--name", "x", status=1).stderr.count("\n") == 1, wrong
    # A web hook after a command: the process that ran it is another one.
    with Service() as s:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/w")
        assert eoul(world, "me", "notify", "test", "webhook").stdout == "It arrived.\n"
        s.next()
        assert eoul(world, "me", "notify", "test", "good").stdout == "It arrived.\n"


def a_command_that_hangs_is_ended_with_its_children(world):
    present(world)
    pids = os.path.join(world.work, "pids")
    eoul(world, "me", "notify", "add", "command",
         program(world, "hangs", f"sleep 1000 &\necho $$ $! >{pids}.new; mv {pids}.new {pids}; wait\n"))
    world.post("/v1/me/notify/command/test", {})
    until(lambda: os.path.exists(pids))
    with open(pids, encoding="utf-8") as f:
        both = [int(p) for p in f.read().split()]
    until(lambda: channels(world)["command"]["trouble"] == "hung")
    assert len(both) == 2
    until(lambda: not [p for p in both if is_alive(p)])


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def what_happens_at_night_is_one_digest_in_the_morning(world):
    present(world)
    with Service() as s:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/a")
        eoul(world, "me", "notify", "add", "webhook", s.url + "/page", "--name", "pager", "--page", "job-failed")
        away(world)
        run_job(world, "/bin/true", job_name="good")
        bad = run_job(world, "/bin/false", job_name="bad")
        run_job(world, "/bin/true", job_name="sweep", array="0-9")
        path, _, body = s.next()  # the failure, on the one channel that asked for it at any time
        assert path == "/page" and json.loads(body)["page"] and json.loads(body)["title"] == f"Failed: {bad} bad", body
        for _ in range(20):
            world.get("/v1/status")
        s.nothing_more()
        waiting = channels(world)
        now = world.get("/v1/status")["now_at"]
        assert waiting["webhook"]["waiting"] == 12 and waiting["pager"]["waiting"] == 11, waiting
        assert waiting["webhook"]["next_at"] > now + 4 * 3600_000_000, waiting
        # Killed meanwhile: what waits is on disk.
        kill(world)
        world.start()
        s.nothing_more()
        back(world)
        got = {path: json.loads(body) for path, _, body in (s.next(), s.next())}
        assert got["/a"]["title"] == "eoul: 1 failed, 11 done, 0 other", got
        assert "(10 tasks of the array)" in got["/a"]["text"] and "bad: failed (exit code 1)" in got["/a"]["text"], got
        assert got["/page"]["title"] == "eoul: 0 failed, 11 done, 0 other", got
        until(lambda: all(c["waiting"] == 0 for c in channels(world).values()))
        s.nothing_more()


def kill(world):
    world.daemon.kill()
    world.daemon.wait()


def a_service_that_says_later_is_asked_later(world):
    present(world)
    with Service((429, {"Retry-After": "1"}, ""), (200, {}, "")) as s, \
            Service((200, {}, '{"success":false,"error":{"code":"invalid_authentication"}}')) as kakao:
        eoul(world, "me", "notify", "add", "slack", s.url + "/x")
        run_job(world, "/bin/true", job_name="one")
        first, second = s.next(), s.next()
        assert first[2] == second[2], (first, second)
        until(lambda: channels(world)["slack"]["waiting"] == 0 and not channels(world)["slack"]["trouble"])
        s.nothing_more()
        eoul(world, "me", "notify", "add", "kakaowork", "--secrets",
             secrets(world, url=kakao.url + "/v1/messages.send#99", password=SECRET))
        assert eoul(world, "me", "notify", "test", "kakaowork", status=1).stdout == \
            "The service refused it with status 200.\n"


def a_service_that_hangs_holds_nobody_up(world):
    present(world)
    with Service("hang") as hangs, Service() as s:
        eoul(world, "me", "notify", "add", "webhook", hangs.url + "/h", "--name", "hangs")
        eoul(world, "me", "notify", "add", "webhook", s.url + "/s", "--name", "well")
        run_job(world, "/bin/true", job_name="one")
        hangs.next()
        started = time.monotonic()
        for _ in range(50):
            world.get("/v1/status")
        run_job(world, "/bin/true", job_name="two")
        assert time.monotonic() - started < 10  # the service is given fifteen seconds
        hangs.release.set()                      # it hangs up without an answer: the other's turn
        text = ""
        while "two" not in text:
            text += s.next()[2]
        assert channels(world)["hangs"]["waiting"] == 2


def what_ends_while_another_is_under_way_is_told_once(world):
    present(world)
    with Service("later", (200, {}, "{}")) as s:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/x")
        go = os.path.join(world.work, "go")
        job = world.submit("/bin/sh", "-c", f"[ $SLURM_ARRAY_TASK_ID = 1 ] || while [ ! -e {go} ]; do sleep 0.05; done",
                           array="1-2", job_name="two")
        first = json.loads(s.next()[2])  # task 1: it is there, and not answered
        with open(go, "w", encoding="utf-8"):
            pass
        until(lambda: channels(world)["webhook"]["waiting"] == 2)
        s.release.set()
        second = json.loads(s.next()[2])
        for one, task in ((first, f"{job}_1"), (second, f"{job}_2")):
            assert one["title"] == f"Done: {task} two", (first, second)
        until(lambda: channels(world)["webhook"]["waiting"] == 0)
        s.nothing_more()


def a_service_that_refuses_a_brief_is_not_asked_for_others_sooner(world):
    present(world)
    west = time.gmtime().tm_hour - 12
    world.post("/v1/me", {"hours": "Mon-Sun 11:30-18:00", "zone": f"Etc/GMT{west:+d}" if west else "UTC"})
    with Service((429, {"Retry-After": "3000"}, "")) as s, Service() as other:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/b", "--brief", "morning", "--page", "job-done")
        s.next()
        until(lambda: channels(world)["webhook"]["trouble"] == "status 429")
        # Another person's service that works is not held up by it, brief and all.
        world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 11:30-18:00", "zone": f"Etc/GMT{west:+d}" if west else "UTC"})
        eoul(world, "me", "--for", "mina", "notify", "add", "webhook", other.url + "/m", "--brief", "morning")
        assert "good morning" in json.loads(other.next()[2])["title"]
        run_job(world, "/bin/true")
        until(lambda: channels(world)["webhook"]["waiting"] == 1)
        assert channels(world)["webhook"]["next_at"] > world.get("/v1/status")["now_at"] + 2000 * 1000_000
        s.nothing_more()


def whoever_looks_for_the_owner_is_told_too(world):
    present(world)
    world.post("/v1/me", {"for": "lee", "hours": "Mon-Sun 00:00-24:00", "zone": "Asia/Seoul", "lang": "en"})
    with Service() as s:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/owner")
        eoul(world, "me", "--for", "lee", "notify", "add", "webhook", s.url + "/lee")
        held = world.submit("/bin/true", reviewer="lee", hold="yes")
        assert world.get(f"/v1/jobs/{held}")["reviewer"] == "lee"
        assert re.search(r"^looked at by +lee$", eoul(world, "show", str(held)).stdout, re.M)
        looked = run_job(world, "/bin/true", job_name="looked", reviewer="lee")
        got = {path: json.loads(body)["title"] for path, _, body in (s.next(), s.next())}
        assert got == {"/owner": f"Done: {looked} looked", "/lee": f"Done: {looked} looked"}, got
        own = run_job(world, "/bin/true", job_name="own")
        path, _, body = s.next()
        assert path == "/owner" and json.loads(body)["title"] == f"Done: {own} own", (path, body)
        s.nothing_more()


def todos_are_told_to_whom_they_are_asked_of(world):
    present(world)
    with Service() as s:
        world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00"})
        eoul(world, "me", "--for", "mina", "notify", "add", "webhook", s.url + "/mina")
        eoul(world, "me", "notify", "add", "webhook", s.url + "/me")
        todo = world.post("/v1/todos", {"title": "label 200 images", "takes_us": 3600_000_000, "who": ["mina"]})["id"]
        path, _, body = s.next()
        assert path == "/mina" and json.loads(body)["title"] == f"Asked of you: {todo} label 200 images", body
        world.post(f"/v1/todos/{todo}/done", {"for": "mina"})
        path, _, body = s.next()
        assert path == "/me" and json.loads(body)["title"] == f"Todo done: {todo} label 200 images", body
        s.nothing_more()


def files_of(directory):
    for base, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(base, name)
            if not os.path.islink(path) and os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, f.read()


def secrets_and_private_titles_are_nowhere_else(world):
    present(world)
    now = world.get("/v1/status")["now_at"]
    stamps = [time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now / 1e6 + more)) for more in (7200, 10800)]
    with open(os.path.join(world.work, "private.ics"), "w", encoding="utf-8") as f:
        f.write("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261101T000000Z\r\n"
                f"SUMMARY:{CANARY}\r\nDTSTART:{stamps[0]}\r\nDTEND:{stamps[1]}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    eoul(world, "me", "calendar", "add", "private.ics")
    os.unlink(os.path.join(world.work, "private.ics"))
    with Service() as s:
        eoul(world, "me", "notify", "add", "webhook", "--secrets",
             secrets(world, url=f"{s.url}/{SECRET}", user="me", password=SECRET + "x"))
        os.unlink(os.path.join(world.work, "secrets.txt"))
        run_job(world, "/bin/true")
        _, head, body = s.next()
        until(lambda: channels(world)["webhook"]["waiting"] == 0)
        texts = [body, json.dumps(head), world.log()] + [world.get(p).raw.decode() for p in (
            "/v1/me", "/v1/me/notify", "/v1/plan", "/v1/people", "/v1/todos", "/v1/me/calendars")]
        for what in ("me", "brief", "brief --morning", "me notify"):
            texts.append(eoul(world, *what.split()).stdout)
        assert not any(CANARY in t or SECRET in t for t in texts)
        for path, content in files_of(world.dir):
            assert CANARY.encode() not in content, path
            assert SECRET.encode() not in content or os.path.basename(os.path.dirname(path)) == "credentials", path
        held = [p for p, c in files_of(world.dir) if SECRET.encode() in c]
        assert len(held) == 1 and os.stat(held[0]).st_mode & 0o777 == 0o600, held
        # It survives a start's tidying, and goes with the channel.
        kill(world)
        world.start()
        assert eoul(world, "me", "notify", "test", "webhook").stdout == "It arrived.\n"
        eoul(world, "me", "notify", "remove", "webhook")
        assert not [p for p, c in files_of(world.dir) if SECRET.encode() in c]


def a_feed_is_written_when_something_changed(world):
    present(world)
    world.post("/v1/me", {"work": "Mon-Sun 00:00-24:00"})
    todo = world.post("/v1/todos", {"title": "label, 200; images", "takes_us": 3600_000_000})["id"]
    run_job(world, "/bin/true", job_name="train")
    feed = os.path.join(world.work, "mina.ics")
    eoul(world, "me", "feed", "--file", "mina.ics")
    with open(feed, encoding="utf-8", newline="") as f:
        text = f.read()
    assert os.stat(feed).st_mode & 0o777 == 0o600
    assert "SUMMARY:label\\, 200\\; images\r\n" in text and "train: done\r\n" in text, text
    day = time.strftime("%Y-%m-%d", time.gmtime())
    expanded = eoul(world, "cal", "expand", feed, "--from", day, "--to", "2099-01-01", "--json").stdout
    assert f"todo-{todo}-1." in expanded, expanded
    before = os.stat(feed).st_mtime_ns, os.stat(feed).st_ino
    world.post("/v1/todos/%d/done" % todo)
    os.chmod(feed, 0o644)
    eoul(world, "me", "feed", "--file", "mina.ics")
    with open(feed, encoding="utf-8", newline="") as f:
        text = f.read()
    assert text.count("STATUS:CANCELLED") == 1 and "SEQUENCE:1\r\n" in text, text
    assert os.stat(feed).st_mode & 0o777 == 0o644 and os.stat(feed).st_ino != before[1]
    before = os.stat(feed).st_mtime_ns, os.stat(feed).st_ino
    eoul(world, "me", "feed", "--file", "mina.ics")
    assert before == (os.stat(feed).st_mtime_ns, os.stat(feed).st_ino)
    eoul(world, "me", "feed", "--busy", "--file", "busy.ics")
    with open(os.path.join(world.work, "busy.ics"), encoding="utf-8") as f:
        busy = f.read()
    assert "label" not in busy and "train" not in busy, busy
    with open(os.path.join(world.work, "own.ics"), "w", encoding="utf-8") as f:
        f.write("BEGIN:VCALENDAR\r\nPRODID:somebody\r\nEND:VCALENDAR\r\n")
    assert "no feed of eoul" in eoul(world, "me", "feed", "--file", "own.ics", status=1).stderr
    assert eoul(world, "me", "feed", "burn", status=2).stderr.count("\n") == 1


def read_feed(port, path, etag=None, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    c.request(method, path, headers={"If-None-Match": etag} if etag else {})
    answer = c.getresponse()
    body = answer.read().decode()
    c.close()
    return answer.status, dict(answer.headers), body


def a_feed_is_served_to_whoever_has_its_address(world):
    present(world)
    world.post("/v1/me", {"work": "Mon-Sun 00:00-24:00"})
    assert "serves no feeds" in eoul(world, "me", "feed", "add", status=1).stderr
    port = served(world)
    todo = world.post("/v1/todos", {"title": "label 200 images", "takes_us": 3600_000_000})["id"]
    run_job(world, "/bin/true", job_name="train")
    url = eoul(world, "me", "feed", "add", "--name", "phone").stdout.strip()
    path = re.fullmatch(rf"http://127\.0\.0\.1:{port}(/feeds/([0-9a-f]{{40}})\.ics)", url).group(1)
    token = path[7:47]
    again = eoul(world, "me", "feed", "add", "--name", "phone", status=1).stderr
    assert 'There is a feed "phone" already' in again, again
    busy = eoul(world, "me", "feed", "add", "--name", "team", "--busy", "--json").stdout
    status, head, body = read_feed(port, path)
    assert status == 200 and head["Content-Type"] == "text/calendar; charset=utf-8", (status, head)
    assert f"UID:todo-{todo}-1." in body and "train: done" in body and "REFRESH-INTERVAL" in body, body
    eoul(world, "me", "feed", "--file", "own.ics")  # the command makes the same events
    with open(os.path.join(world.work, "own.ics"), encoding="utf-8") as f:
        wanted = "UID:.*|DTSTART:.*|SUMMARY:.*"
        assert (one := sorted(re.findall(wanted, f.read()))) == \
            (two := sorted(re.findall(wanted, body.replace("\r", "")))), (one, two)
    assert read_feed(port, path, head["ETag"])[0] == 304
    # Killed and started again: the same bytes.
    kill(world)
    world.start()
    assert read_feed(port, path, head["ETag"]) [0] == 304
    world.post(f"/v1/todos/{todo}/done")
    status, later, changed = read_feed(port, path, head["ETag"])
    assert status == 200 and later["ETag"] != head["ETag"] and "STATUS:CANCELLED" in changed
    status, _, shown = read_feed(port, json.loads(busy)["path"])
    assert status == 200 and "label" not in shown and "train" not in shown
    for wrong in ("/", "/v1/status", "/v1/me", "/feeds/", "/feeds/.ics", path[:-5] + ("1" if path[-5] == "0" else "0") + ".ics", path[:-4], "/feeds/../v1/me",
                  path.upper(), "/feeds/" + "0" * 40 + ".ics", "/feeds/" + "9" * 3000 + ".ics"):
        assert read_feed(port, wrong)[0] == 404, wrong
    assert read_feed(port, path, method="POST")[0] == 404
    # Its token is nowhere, and removing it closes it.
    assert token not in eoul(world, "me", "feed", "list").stdout and token not in world.log()
    assert not [p for p, c in files_of(world.dir) if token.encode() in c]
    eoul(world, "me", "feed", "remove", "phone")
    assert read_feed(port, path)[0] == 404
    assert eoul(world, "me", "feed", "list").stdout.startswith("team")
    assert [f["name"] for f in world.get("/v1/me/data")["feeds"]] == ["team"]
    assert world.post("/v1/me", {"forget": True}).status == 200
    assert "There is no feed" in eoul(world, "me", "feed", "list").stdout
    assert read_feed(port, json.loads(busy)["path"])[0] == 404


VDIRSYNCER = """[general]
status_path = "{home}/status/"
[pair eoul]
a = "feed"
b = "local"
collections = null
[storage feed]
type = "http"
url = "{url}"
[storage local]
type = "filesystem"
path = "{home}/cal/"
fileext = ".ics"
"""
KHAL = """[calendars]
[[eoul]]
path = {home}/cal/
[sqlite]
path = {home}/khal.db
[locale]
local_timezone = UTC
default_timezone = UTC
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%dT%H:%M
longdatetimeformat = %Y-%m-%dT%H:%M
"""


def served(world):
    """The daemon again with a port for feeds."""
    with socketserver.TCPServer(("127.0.0.1", 0), None) as probe:
        port = probe.server_address[1]
    world.close_daemon()
    with open(os.path.join(world.dir, "eoul.yaml"), "a", encoding="utf-8") as f:
        f.write(f"feeds: {port}\n")
    world.start()
    return port


def events_of(feed):
    """What a feed says: begin and end to the minute, title."""
    events, one = set(), {}
    for line in feed.replace("\r", "").replace("\n ", "").split("\n"):
        name, _, value = line.partition(":")
        if name == "END" and value == "VEVENT":
            if one["STATUS"] != "CANCELLED":
                stamps = (f"{v[:4]}-{v[4:6]}-{v[6:8]}T{v[9:11]}:{v[11:13]}" for v in (one["DTSTART"], one["DTEND"]))
                events.add((*stamps, re.sub(r"\\(.)", r"\1", one["SUMMARY"])))
            one = {}
        one[name] = value
    return events


def a_feed_is_read_by_vdirsyncer_and_khal(world):
    if not shutil.which("khal") or not shutil.which("vdirsyncer"):
        raise Skip("khal or vdirsyncer is not installed")
    present(world)
    world.post("/v1/me", {"work": "Mon-Sun 00:00-24:00"})
    port, home = served(world), os.path.join(world.dir, "home")
    for i in range(3):
        world.post("/v1/todos", {"title": f"label, 200; images\\{i} \uc774\ubbf8\uc9c0 " + "long " * (20 * i),
                                 "takes_us": (i + 1) * 1800_000_000})
    run_job(world, "/bin/true", job_name="train")
    path = urllib.parse.urlsplit(eoul(world, "me", "feed", "add", "--name", "phone").stdout.strip()).path
    os.makedirs(os.path.join(home, "cal"))
    env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=os.path.join(home, "config"), LANG="C.UTF-8", TZ="UTC")
    for name, text in (("vdirsyncer", VDIRSYNCER), ("khal", KHAL)):
        with open(os.path.join(home, name + ".conf"), "w", encoding="utf-8") as f:
            f.write(text.format(home=home, url=f"http://127.0.0.1:{port}{path}"))

    def program(name, *arguments):
        run = subprocess.run([name, "-c", os.path.join(home, name + ".conf"), *arguments], env=env, capture_output=True,
                             text=True, timeout=100, check=False)
        assert run.returncode == 0, (name, arguments, run.stdout, run.stderr)
        return run.stdout

    program("vdirsyncer", "discover")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    for changed in (False, True):
        if changed:
            world.post("/v1/todos", {"title": "one more", "takes_us": 3600_000_000})
        program("vdirsyncer", "sync")
        feed = events_of(read_feed(port, path)[2])
        shown = program("khal", "list", "--once", "--day-format", "", "--format",
                        "{start-long}|{end-long}|{title}", day, "40d")
        khal = {tuple(line.split("|")) for line in shown.splitlines() if line.strip()}
        assert len(feed) >= 3 + changed and feed == khal, (sorted(feed - khal), sorted(khal - feed))


def memory_of(pid):
    """Everything a core dump of this process would hold."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "w" in rights and "[v" not in line:
                start, end = (int(x, 16) for x in span.split("-"))
                try:
                    memory.seek(start)
                    yield memory.read(end - start)
                except (OSError, ValueError):
                    pass


def below(pid):
    """It and its children, theirs too."""
    parents = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as f:
                parents.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
        except (OSError, ValueError):
            pass
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def a_private_title_is_in_no_memory_argument_or_feed_of_others(world):
    present(world)
    world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00", "work": "Mon-Sun 00:00-24:00"})
    port = served(world)
    folder, begin = os.path.join(world.work, "cal"), time.time() + 7200
    os.mkdir(folder)
    event = "".join(f"{line}\r\n" for line in (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1@" + CANARY, "DTSTAMP:20261101T000000Z",
        f"SUMMARY:{CANARY}", f"DESCRIPTION:{CANARY}", f"LOCATION:{CANARY}", f"ATTENDEE;CN={CANARY}:mailto:{CANARY}@example.org",
        time.strftime("DTSTART:%Y%m%dT%H%M%SZ", time.gmtime(begin)),
        time.strftime("DTEND:%Y%m%dT%H%M%SZ", time.gmtime(begin + 3600)), "END:VEVENT", "END:VCALENDAR"))
    for path in (os.path.join(folder, "a.ics"), os.path.join(world.work, "file.ics")):
        with open(path, "w", encoding="utf-8") as f:
            f.write(event)
    eoul(world, "me", "calendar", "add", "file.ics")                       # read by the command
    eoul(world, "me", "--for", "mina", "calendar", "add", folder)          # read by eoul-fetch
    assert all(c["events"] == 1 for w in ("", "?for=mina") for c in world.get("/v1/me/calendars" + w)["calendars"])
    world.submit("/bin/sleep", "600", job_name="sichtbarerjob")
    todo = world.post("/v1/todos", {"title": "hers", "takes_us": 600_000_000, "who": ["mina"]})["id"]
    feeds = [json.loads(eoul(world, "me", *who, "feed", "add", "--json").stdout)["path"] for who in ((), ("--for", "mina"))]
    texts = [read_feed(port, path)[2] for path in feeds]
    assert f"todo-{todo}-" in texts[1] and not [t for t in texts if CANARY in t], texts
    programs = below(world.daemon.pid)
    names = []
    for pid in programs:
        with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/environ", "rb") as env:
            command = line.read()
            names.append(os.path.basename(command.split(b"\0")[0]))
            assert CANARY.encode() not in command + env.read(), command
        with open(f"/proc/{pid}/limits", encoding="utf-8") as f:
            if names[-1] == b"eoul-fetch":  # it has read the event: it leaves no core
                assert "EOUL_COVERAGE" in os.environ or re.search(r"Max core file size +0 +0 ", f.read())
    assert b"eoul-fetch" in names and b"eoul-launcher" in names, names
    memory = list(memory_of(world.daemon.pid))
    assert [m for m in memory if b"sichtbarerjob" in m], "the scan of memory sees nothing"
    assert not [m for m in memory if CANARY.encode() in m]


def briefs_come_at_the_begin_and_the_end_of_a_day(world):
    # A zone in which it is between 12 and 13 o'clock, so that a day of look hours began a little ago.
    west = time.gmtime().tm_hour - 12
    zone = f"Etc/GMT{west:+d}" if west else "UTC"
    world.post("/v1/me", {"hours": "Mon-Sun 11:30-18:00", "zone": zone, "lang": "en"})
    with Service((503, {"Retry-After": "1"}, ""), (200, {}, "")) as s:
        bad = run_job(world, "/bin/sh", "-c", "echo one; echo out of luck; exit 4", job_name="train")
        world.get(f"/v1/jobs/{bad}/tail")
        eoul(world, "me", "notify", "add", "webhook", s.url + "/b", "--brief", "morning,evening")
        assert channels(world)["webhook"]["brief"] == "morning,evening"
        first, again = s.next(), s.next()
        assert json.loads(first[2])["id"] == json.loads(again[2])["id"]
        morning = json.loads(again[2])
        assert morning["title"] == "eoul: good morning" and "Look first at\n  %d train" % bad in morning["text"], morning
        assert "    | out of luck\n" in morning["text"]
        end = time.gmtime(time.time() + 20 * 60)
        world.post("/v1/me", {"hours": f"Mon-Sun 11:30-{(end.tm_hour - west) % 24:02d}:{end.tm_min:02d}"})
        evening = json.loads(s.next()[2])
        assert evening["title"] == "eoul: before you go" and "You stop looking" in evening["text"], evening
        assert "train: failed" in evening["text"] and "eoul requeue" in evening["text"], evening
        run_job(world, "/bin/true")
        assert json.loads(s.next()[2])["title"].startswith("Done:")
        # Killed between the answer and its commit it would tell it again, as it should.
        until(lambda: channels(world)["webhook"]["waiting"] == 0 and not channels(world)["webhook"]["sending"])
        kill(world)
        world.start()
        world.get("/v1/status")
        s.nothing_more()  # each is told once


def a_job_that_hangs_is_told(world):
    """Where its owner looks: a notice, the reason, the morning's brief; and no more once it gets on."""
    os.environ["EOUL_STALL_S"] = "2"
    try:
        kill(world)
        world.start()
    finally:
        del os.environ["EOUL_STALL_S"]
    present(world)
    go = os.path.join(world.work, "go")
    steps = "for i in 1 2 3 4 5; do echo eoul:progress 0.0$i; sleep 0.7; done; "
    with Service() as s:
        eoul(world, "me", "notify", "add", "webhook", s.url + "/h", "--page", "job-stalled")
        job = world.submit("sh", "-c", steps + f"while [ ! -e {go} ]; do sleep 0.2; done; echo eoul:progress 0.5; "
                           "exec sleep 600", job_name="train")
        notice = json.loads(s.next()[2])
        assert notice["title"] == f"Seems to hang: {job} train" and f"eoul requeue {job}" in notice["text"], notice
        why = world.get(f"/v1/jobs/{job}/why")
        assert any(line.startswith("It seems to hang: no step since ") for line in why["sentences"]), why.raw
        assert why["numbers"]["stalled_at"] == world.get(f"/v1/jobs/{job}")["stalled_at"]
        assert not any(line.startswith("It should end") for line in why["sentences"]), why.raw
        assert "seems to hang since" in eoul(world, "brief", "--morning").stdout
        evening = json.loads(eoul(world, "brief", "--evening", "--json").stdout)
        assert {"id": str(job), "why": "stalled"} in evening["decide"], evening
        with open(go, "wb"):
            pass
        until(lambda: not world.get(f"/v1/jobs/{job}")["stalled_at"])
        assert "seems to hang" not in eoul(world, "brief", "--morning").stdout
        assert not any("hang" in line for line in world.get(f"/v1/jobs/{job}/why")["sentences"])
        s.nothing_more()


def what_is_wrong_is_said(world):
    for wrong, what in (
            (["add", "pigeon", "https://x.example/"], "webhook, ntfy, slack"),
            (["add", "ntfy", "https://ntfy.sh/"], "https://SERVER/TOPIC"),
            (["add", "slack", "ftp://x.example/"], "https://"),
            (["add", "slack", "https://me:pass@x.example/"], "without a user"),
            (["add", "smtp", "smtps://mail.example/nobody"], "smtps://SERVER/ME@EXAMPLE.ORG"),
            (["add", "kakaowork", "12"], "key of a bot"),
            (["add", "webhook", "https://x.example/", "--page", "birthdays"], "job-failed"),
            (["add", "webhook", "https://x.example/", "--brief", "noon"], "morning,evening"),
            (["add", "webhook", "https://x.example/", "--name", "a/b"], "called by"),
            (["test", "nothing"], "notify list"), (["remove", "nothing"], "notify list")):
        run = eoul(world, "me", "notify", *wrong, status=1)
        assert run.stderr.count("\n") == 1 and what in run.stderr, (wrong, run.stderr)
    assert eoul(world, "me", "notify", "add", status=2).stderr.count("\n") == 1
    for i in range(8):
        eoul(world, "me", "notify", "add", "webhook", "https://x.example/", "--name", f"c{i}")
    assert "at most 8" in eoul(world, "me", "notify", "add", "webhook", "https://x.example/", status=1).stderr
    # An inner address is not asked.
    eoul(world, "me", "notify", "add", "webhook", "https://10.0.0.1/x", "--name", "c0")
    assert "inner network" in eoul(world, "me", "notify", "test", "c0", status=1).stdout


def main():
    global EOUL  # pylint: disable=global-statement
    eould, EOUL = (os.path.abspath(p) for p in sys.argv[1:3])
    if not os.path.exists(os.path.join(os.path.dirname(eould), "eoul-fetch")):
        print("1..0 # SKIP eoul-fetch was not built")
        return 0
    os.environ["EOUL_FETCH_LOOPBACK"] = "1"
    tests = [an_answer_waits_until_the_notice_is_through, each_channel_hears_what_it_expects, mail_is_a_mail,
             a_command_gets_what_a_web_hook_gets, a_command_that_hangs_is_ended_with_its_children,
             what_happens_at_night_is_one_digest_in_the_morning, a_service_that_says_later_is_asked_later,
             a_service_that_hangs_holds_nobody_up, what_ends_while_another_is_under_way_is_told_once,
             a_service_that_refuses_a_brief_is_not_asked_for_others_sooner,
             whoever_looks_for_the_owner_is_told_too, todos_are_told_to_whom_they_are_asked_of,
             secrets_and_private_titles_are_nowhere_else, a_feed_is_written_when_something_changed,
             a_feed_is_served_to_whoever_has_its_address, a_feed_is_read_by_vdirsyncer_and_khal,
             a_private_title_is_in_no_memory_argument_or_feed_of_others,
             briefs_come_at_the_begin_and_the_end_of_a_day, a_job_that_hangs_is_told, what_is_wrong_is_said]
    only = sys.argv[3:]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests if not only or t.__name__ in only], eould)


if __name__ == "__main__":
    sys.exit(main())
