#!/usr/bin/env python3
"""links.py EOULD EOUL NGINX.CONF - people without an account, through Debian's nginx as doc/nginx.conf sets it up.

What a link opens, what it does not, what its forms do, who may send them; answers tapped out of a notice.
"""
import email
import hashlib
import html.parser
import hmac
import http.client
import json
import os
import queue
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import notices  # noqa: E402
from notices import eoul, files_of, kill, until  # noqa: E402
from world import Skip, Tap  # noqa: E402

CONF = None
WAIT = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Door:
    """A daemon with a door, and a browser before it.  With `proxy`, nginx stands between."""

    def __init__(self, world, proxy=False):
        self.world, self.port, self.nginx = world, free_port(), None
        self.tls = free_port() if proxy else 0
        self.address = f"https://localhost:{self.tls}" if proxy else "https://eoul.example.org"
        world.close_daemon()
        with open(os.path.join(world.dir, "eoul.yaml"), "a", encoding="utf-8") as f:
            f.write(f"feeds: {self.port}\naddress: {self.address}\n")
        world.start()
        if proxy:
            self.start_nginx()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.nginx:
            self.nginx.terminate()
            self.nginx.wait(WAIT)

    def start_nginx(self):
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not nginx or not shutil.which("openssl"):
            raise Skip("nginx or openssl is not installed")
        self.dir = os.path.join(self.world.dir, "nginx")
        os.mkdir(self.dir)
        os.chmod(self.world.dir, 0o711)  # nginx's workers are another user
        key, cert = os.path.join(self.dir, "key.pem"), os.path.join(self.dir, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True,
                       capture_output=True)
        with open(CONF, encoding="utf-8") as f:
            text = f.read()
        for old, new in (("listen 443 ssl", f"listen 127.0.0.1:{self.tls} ssl"),
                         ("server_name eoul.example.org", "server_name localhost"),
                         ("/etc/letsencrypt/live/eoul.example.org/fullchain.pem", cert),
                         ("/etc/letsencrypt/live/eoul.example.org/privkey.pem", key),
                         ("/var/log/nginx/eoul.log", f"{self.dir}/access.log"),
                         ("/var/log/nginx/eoul-error.log", f"{self.dir}/error.log"),
                         ("127.0.0.1:8321", f"127.0.0.1:{self.port}")):
            assert old in text, old
            text = text.replace(old, new)
        paths = "".join(f"{name}_temp_path {self.dir}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f"daemon off;\nworker_processes 1;\npid {self.dir}/pid;\nerror_log {self.dir}/start.log;\n"
                    f"events {{}}\nhttp {{\n{paths}{text}}}\n")
        self.nginx = subprocess.Popen([nginx, "-c", conf, "-p", self.dir], stdin=subprocess.DEVNULL)
        until(self.listens)

    def listens(self):
        assert self.nginx.poll() is None, "nginx ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.tls)) == 0

    def ask(self, path, form=None, **more):
        head = {"Host": self.address[len("https://"):], **{k.replace("_", "-"): v for k, v in more.items()}}
        if self.tls:
            context = ssl.create_default_context(cafile=os.path.join(self.dir, "cert.pem"))
            c = http.client.HTTPSConnection("localhost", self.tls, timeout=WAIT, context=context)
        else:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            head["Content-Type"] = "application/x-www-form-urlencoded"
        c.request("GET" if form is None else "POST", path, body=body, headers=head)
        r = c.getresponse()
        answer = r.status, dict(r.headers), r.read().decode()
        c.close()
        return answer

    def invite(self, who):
        url = eoul(self.world, "people", "invite", who).stdout.strip()
        return re.fullmatch(re.escape(self.address) + r"(/p/[0-9a-f]{40})", url).group(1)


def todo(world, title, who=None, **more):
    body = {"title": title, "takes_us": 3600_000_000, **more}
    if who:
        body["who"] = [who]
    answer = world.post("/v1/todos", body)
    assert answer.status == 200, answer.raw
    return answer["id"]


def todo_is(world, number, person="mina"):
    return world.get(f"/v1/todos/{number}?for={person}")


def team(world):
    world.post("/v1/me", {"hours": "Mon-Sun 00:00-24:00", "zone": "Asia/Seoul", "lang": "en"})
    world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 00:00-24:00", "work": "Mon-Sun 00:00-24:00",
                          "zone": "Asia/Seoul", "lang": "en"})


def an_invitation_opens_that_persons_page_through_nginx(world):
    team(world)
    assert "Nobody can come in by a link yet" in eoul(world, "people", "invite", "mina", status=1).stderr
    with Door(world, proxy=True) as door:
        mine = todo(world, "label <b>200</b> & \"images\"", "mina", link="https://label.example.org/?a=1&b=2")
        other = todo(world, "secret of somebody else")
        run = notices.run_job(world, "/bin/true", job_name="hers", for_person="mina")
        theirs = notices.run_job(world, "/bin/true", job_name="theirs")
        path = door.invite("mina")
        status, head, page = door.ask(path)
        assert status == 200 and head["Content-Type"] == "text/html; charset=utf-8", (status, head)
        assert head["Referrer-Policy"] == "same-origin" and head["Cache-Control"] == "no-store", head
        assert "default-src 'none'" in head["Content-Security-Policy"] and head["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in head["Content-Security-Policy"] and "Set-Cookie" not in head, head
        nonce = re.search(r"style-src 'nonce-([0-9a-f]{32})'", head["Content-Security-Policy"]).group(1)
        assert f'<style nonce="{nonce}">' in page and nonce not in door.ask(path)[2]
        assert "label &lt;b&gt;200&lt;/b&gt; &amp; &quot;images&quot;" in page and "<b>200" not in page, page
        assert 'href="https://label.example.org/?a=1&amp;b=2"' in page and "<script" not in page
        assert "secret of somebody else" not in page and f'value="{other}"' not in page
        assert "theirs" not in page and "hers" in page and "Accept" in page, page
        # The feed of the page: what she has to do and her runs.
        status, head, feed = door.ask(path + "/eoul.ics")
        assert status == 200 and head["Content-Type"] == "text/calendar; charset=utf-8", status
        assert f"UID:todo-{mine}-1." in feed and f"UID:run-{run}." in feed and f"UID:run-{theirs}." not in feed, feed
        assert door.ask(path + "/eoul.ics", If_None_Match=head["ETag"])[0] == 304
        # A feed's own address is told as its subscriber needs it.
        url = eoul(world, "me", "feed", "add", "--name", "phone").stdout.strip()
        assert url.startswith(door.address + "/feeds/") and door.ask(url[len(door.address):])[0] == 200, url
        # Nothing else is there, for nobody.
        for wrong in ("/", "/v1/me", "/v1/status", "/p/", path + "/", path + "/x", path[:-1], path.upper(), path + "/eoul.icz",
                      "/p/../v1/me"):
            assert door.ask(wrong)[0] == 404, wrong
        assert door.ask(path + "/eoul.ics", form={"do": "done"})[0] == 404
        # A reader of Korean reads Korean.
        world.post("/v1/me", {"for": "mina", "lang": "ko"})
        assert "할 일" in door.ask(path)[2]
        # Its token is nowhere but in that address.
        token = path[3:]
        assert door.ask(path, form={"do": "done", "todo": str(mine)})[0] == 303
        shown = eoul(world, "people", "list").stdout + eoul(world, "people", "--json").stdout
        assert "mina" in shown and token not in shown + world.log(), shown
        world.close_daemon()
        door.ask(path)  # nginx finds nobody: what it logs of that has no address either
        files = list(files_of(world.dir))
        assert not [p for p, c in files if token.encode() in c], [p for p, c in files if token.encode() in c]
        assert [p for p, c in files if p.endswith("access.log") and b" GET 200 " in c]
        world.start()


# What a page's reader may be made to run, to click or to overlook, if somebody's words are not only words.
MARKUP = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)' x='",
          "</h2></form></body><svg onload=alert(1)>", "</style><style>*{display:none}</style>", "<!-- ", "]]><![CDATA[",
          "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;b&#62;", "<a href=javascript:alert(1)>x</a>",
          "<form action=https://evil.example.org><button>Accept</button>", "\"/><base href=https://evil.example.org/>",
          "<meta http-equiv=refresh content=0;url=https://evil.example.org>", "%3Cscript%3E", "{{7*7}}${7*7}", "\\u003cscript>"]


class Page(html.parser.HTMLParser):
    """What a browser makes of it: the tags with their attributes, and the words between them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        for name, value in attrs:
            assert not name.startswith("on"), (tag, attrs)
            assert name not in ("href", "action", "src") or not re.match(r"(?i)\s*(javascript|data):|.*evil", value or ""), attrs

    def handle_data(self, data):
        self.words += data


def markup_stays_words(world):
    """In titles, in job names, in what a form says: the page has the same tags as with words that are none."""
    team(world)
    with Door(world) as door:
        path = door.invite("mina")

        def shape(titles, names):
            made = [todo(world, title, "mina", link="https://label.example.org/") for title in titles]
            jobs = [notices.run_job(world, "/bin/true", job_name=name, for_person="mina") for name in names]
            page = Page(door.ask(path)[2])
            for number in made:
                world.post(f"/v1/todos/{number}/cancel", {"for": "mina"})
            return page, jobs
        plain, _ = shape(["plain words"], ["plain"])
        allowed = set(plain.tags)
        for i in range(0, len(MARKUP), 4):
            page, _ = shape(MARKUP[i:i + 4], MARKUP[i:i + 4])
            assert set(page.tags) <= allowed, set(page.tags) - allowed
            for words in MARKUP[i:i + 4]:
                assert page.words.count(words) >= 2, (words, page.words)


def forms_do_what_they_say_and_no_more(world):
    team(world)
    with Door(world) as door:
        path = door.invite("mina")
        one, two, three, four = (todo(world, f"part {i}", "mina") for i in range(4))
        foreign = todo(world, "of somebody else")
        assert door.ask(path, {"do": "accept", "todo": one})[1]["Location"] == "?said=accept"
        assert todo_is(world, one)["accepted"]
        assert "Accepted." in door.ask(path + "?said=accept")[2]
        assert door.ask(path, {"do": "decline", "todo": two})[0] == 303
        assert door.ask(path, {"do": "later", "todo": three, "until": "in 3h"})[0] == 303
        wait = todo_is(world, three)["not_before_at"] - world.get("/v1/status")["now_at"]
        assert 2.9 * 3600e6 < wait <= 3 * 3600e6, wait
        assert door.ask(path, {"do": "done", "todo": four})[0] == 303
        assert todo_is(world, four)["state"] == "DONE" and todo_is(world, four)["ended_by"] == "mina"
        # Refusals are the page with the sentence; nothing was changed.
        for form, status, sentence in (
                ({"do": "done", "todo": foreign}, 403, "is somebody else&#39;s"),
                ({"do": "done", "todo": four}, 409, "is over already"),
                ({"do": "done"}, 400, "named by its number"), ({"do": "burn"}, 400, "could be done"), ({}, 400, "could be done"),
                ({"do": "later", "todo": three, "until": "whenever"}, 400, "whenever"),
                ({"do": "away", "when": "<script>"}, 400, "&lt;script&gt;"),
                ({"do": "hours", "hours": "sometimes", "work": "none"}, 400, "sometimes")):
            got = door.ask(path, form)
            assert got[0] == status and sentence in got[2] and "<script" not in got[2], (form, got[0], got[2][2500:4500])
        assert todo_is(world, foreign, world.get("/v1/me")["name"])["state"] == "OPEN"
        # Being away: what is typed wins over what is chosen.
        assert door.ask(path, {"do": "away", "until": "until tomorrow 9:00", "when": ""})[0] == 303
        me = world.get("/v1/me?for=mina")
        assert me["away_from_at"] and me["away_until_at"] > world.get("/v1/status")["now_at"], me.json
        assert "I am back" in door.ask(path)[2]
        assert door.ask(path, {"do": "back"})[0] == 303 and world.get("/v1/me?for=mina")["away_until_at"] == 0
        assert door.ask(path, {"do": "away", "until": "tomorrow", "when": "for 2h"})[0] == 303
        left = world.get("/v1/me?for=mina")["away_until_at"] - world.get("/v1/status")["now_at"]
        assert 1.9 * 3600e6 < left <= 2 * 3600e6, left
        door.ask(path, {"do": "back"})
        assert door.ask(path, {"do": "hours", "hours": "Mon-Fri 10-16", "work": "Tue 13-15"})[0] == 303
        me = world.get("/v1/me?for=mina")
        assert me["hours"] == "Mon-Fri 10-16" and me["work"] == "Tue 13-15", me.json
        # Killed and started again: the link opens still.
        kill(world)
        world.start()
        assert door.ask(path)[0] == 200


def only_the_page_itself_may_send_its_forms(world):
    team(world)
    with Door(world) as door:
        path, number = door.invite("mina"), todo(world, "label", "mina")
        form = {"do": "done", "todo": number}
        for head, status in (({"Origin": "https://evil.example.org"}, 403), ({"Origin": "null"}, 403),
                             ({"Sec_Fetch_Site": "cross-site"}, 403), ({"Sec_Fetch_Site": "same-site"}, 403),
                             ({"Host": "evil.example.org"}, 421), ({"Host": f"127.0.0.1:{door.port}"}, 421)):
            assert door.ask(path, form, **head)[0] == status, head
        assert door.ask(path, Host="evil.example.org")[0] == 421
        assert todo_is(world, number)["state"] == "OPEN"
        assert door.ask(path, form, Origin=door.address, Sec_Fetch_Site="same-origin")[0] == 303
        assert todo_is(world, number)["state"] == "DONE"


def wrong_addresses_are_counted_by_who_sends_them(world):
    team(world)
    with Door(world) as door:
        path = door.invite("mina")
        for i in range(10):
            assert door.ask(f"/p/{i:040x}", X_Real_IP="192.0.2.1")[0] == 404
        status, head, _ = door.ask(path, X_Real_IP="192.0.2.1")
        assert status == 429 and head["Retry-After"] == "60", (status, head)
        assert door.ask("/t/1.done.1.99999999999." + "0" * 40, X_Real_IP="192.0.2.1")[0] == 429
        assert door.ask(path, X_Real_IP="192.0.2.2")[0] == 200 and door.ask(path)[0] == 200


def a_link_is_taken_back(world):
    team(world)
    with Door(world) as door:
        first, second = door.invite("mina"), door.invite("mina")
        assert first != second and door.ask(first)[0] == 200
        links = json.loads(eoul(world, "people", "list", "--json").stdout)["links"]
        assert [link["person"] for link in links] == ["mina", "mina"], links
        eoul(world, "people", "revoke", str(links[0]["id"]))
        assert door.ask(first)[0] == 404 and door.ask(first + "/eoul.ics")[0] == 404 and door.ask(second)[0] == 200
        assert "There is no link" in eoul(world, "people", "revoke", str(links[0]["id"]), status=1).stderr
        for _ in range(3):
            door.invite("mina")
        assert "at most 4 links" in eoul(world, "people", "invite", "mina", status=1).stderr
        assert len(world.get("/v1/me/data?for=mina")["links"]) == 4
        assert world.post("/v1/me", {"for": "mina", "forget": True}).status == 200
        assert door.ask(second)[0] == 404 and "There is no link" in eoul(world, "people").stdout
        for wrong in (["burn"], ["revoke"], ["revoke", "1", "2"]):
            assert eoul(world, "people", *wrong, status=2).stderr.count("\n") == 1


def answers(message):
    return {a["label"].split(" ")[0]: urllib.parse.urlsplit(a["url"]).path for a in json.loads(message)["answers"]}


def a_notice_is_answered_by_a_tap(world):
    team(world)
    with Door(world) as door, notices.Service() as s:
        eoul(world, "me", "--for", "mina", "notify", "add", "webhook", s.url + "/mina")
        number = todo(world, "label 200 images", "mina")
        got = s.next()[2]
        taps = answers(got)
        assert sorted(taps) == ["Accept", "Decline", "Later"], got
        assert all(a["url"].startswith(door.address + "/t/") for a in json.loads(got)["answers"])
        # Looking changes nothing, however often: previews do that.
        for _ in range(3):
            status, head, page = door.ask(taps["Accept"])
            assert status == 200 and "Will you do it?" in page and "label 200 images" in page, page
            assert head["Cache-Control"] == "no-store" and "default-src 'none'" in head["Content-Security-Policy"]
        assert not todo_is(world, number)["accepted"]
        assert door.ask(taps["Accept"], {}, Origin="https://evil.example.org")[0] == 403
        status, _, page = door.ask(taps["Accept"], {"do": "yes"})
        assert status == 200 and "that is noted" in page and todo_is(world, number)["accepted"], page
        # Once.
        status, _, page = door.ask(taps["Accept"], {"do": "yes"})
        assert status == 410 and "given already" in page, (status, page)
        kill(world)
        world.start()
        assert door.ask(taps["Accept"])[0] == 410
        assert door.ask(taps["Later"], {"until": "in 1h"})[0] == 200 and todo_is(world, number)["not_before_at"] > 0
        # Another's signature, another todo, another person, another time: not ours.
        mark = taps["Decline"]
        person, action, subject, until_s, mac = mark[len("/t/"):].split(".")
        for wrong in (f"{person}.done.{subject}.{until_s}.{mac}", f"{person}.{action}.{int(subject) + 1}.{until_s}.{mac}",
                      f"1.{action}.{subject}.{until_s}.{mac}", f"{person}.{action}.{subject}.{int(until_s) + 1}.{mac}",
                      f"{person}.{action}.0{subject}.{until_s}.{mac}", mark[len("/t/"):-1], mark[len("/t/"):] + ".x"):
            assert door.ask("/t/" + wrong, {"do": "yes"}, X_Real_IP=wrong)[0] == 404, wrong
        # Signed well, and over.
        [key] = [c for p, c in files_of(world.dir) if os.path.basename(os.path.dirname(p)) == "credentials" and
                 b"url links\n" in c]
        key = re.search(rb"password ([0-9a-f]{64})\n", key).group(1)
        past = f"{person}.{action}.{subject}.{int(time.time()) - 1}"
        past += "." + hmac.new(key, past.encode(), hashlib.sha256).hexdigest()[:40]
        status, _, page = door.ask("/t/" + past, {"do": "yes"})
        assert status == 410 and "has expired" in page, (status, page)
        assert todo_is(world, number)["state"] == "OPEN"
        for p, c in files_of(world.dir):
            assert mac.encode() not in c, p
        assert mac not in world.log()
        # A key that another had under this number, before a restore, signs nothing.
        [path] = [p for p, c in files_of(world.dir) if os.path.basename(os.path.dirname(p)) == "credentials" and b"url links\n" in c]
        with open(path, "rb") as f:
            kept = f.read()
        assert b"\nperson mina\n" in kept and door.ask(mark)[0] != 404
        for name, status in ((b"jun", 404), (b"mina", door.ask(mark)[0])):
            with open(path, "wb") as f:
                f.write(kept.replace(b"\nperson mina\n", b"\nperson " + name + b"\n"))
            assert door.ask(mark, X_Real_IP="before")[0] == status, name
        # A new key closes what stands in old messages.
        assert world.post("/v1/me", {"for": "mina", "forget": True}).status == 200
        assert door.ask(mark, {"do": "yes"})[0] == 404


def a_mail_carries_answers_too(world):
    """What a mail program shows of the mail has the links; each opens, answers once, and says so the second time."""
    team(world)
    with Door(world) as door, socketserver.ThreadingTCPServer(("127.0.0.1", 0), notices.Mail) as s:
        s.got, s.daemon_threads = queue.Queue(), True
        threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True).start()
        secrets = notices.secrets(world, url=f"smtp://127.0.0.1:{s.server_address[1]}/mina@example.org",
                                  user="bot@example.org", password="geheim")
        eoul(world, "me", "--for", "mina", "notify", "add", "smtp", "--secrets", secrets)
        number = todo(world, "label 200 images", "mina")
        mail = email.message_from_string(s.got.get(timeout=WAIT)["mail"])
        s.shutdown()
        text = mail.get_payload(decode=True).decode()
        assert mail.get_content_type() == "text/plain" and "label 200 images" in text, text
        links = re.findall(re.escape(door.address) + r"(/t/\S+)", text)
        assert len(links) == 3 and len(set(links)) == 3, text
        taps = {path.split(".")[1]: path for path in links}
        assert set(taps) == {"accept", "decline", "later"}, taps
        status, _, page = door.ask(taps["accept"])
        assert status == 200 and "label 200 images" in page and not todo_is(world, number)["accepted"], page
        status, _, page = door.ask(taps["accept"], {"do": "yes"})
        assert status == 200 and todo_is(world, number)["accepted"], page
        status, _, page = door.ask(taps["accept"], {"do": "yes"})
        assert status == 410 and "given already" in page, (status, page)
        assert door.ask(taps["accept"])[0] == 410
        assert door.ask(taps["later"], {"until": "in 1h"})[0] == 200 and todo_is(world, number)["not_before_at"] > 0


def a_held_job_is_let_run_by_its_owner_only(world):
    west = time.gmtime().tm_hour - 12  # between 12 and 13 o'clock there: a day of look hours began a little ago
    zone = f"Etc/GMT{west:+d}" if west else "UTC"
    with Door(world) as door, notices.Service() as s:
        world.post("/v1/me", {"for": "mina", "hours": "Mon-Sun 11:30-18:00", "zone": zone, "lang": "en"})
        job = world.submit("/bin/true", hold="", for_person="mina", job_name="night run")
        other = world.submit("/bin/true", hold="", job_name="of others")
        eoul(world, "me", "--for", "mina", "notify", "add", "webhook", s.url + "/b", "--brief", "morning")
        got = s.next()[2]
        taps = answers(got)
        assert "Let" in taps and "I" in taps and "of others" not in got, got
        assert "night run" in door.ask(taps["Let"])[2]
        assert world.get(f"/v1/jobs/{job}")["state"] == "PENDING"
        assert door.ask(taps["Let"], {"do": "yes"})[0] == 200
        world.wait(job)
        assert world.get(f"/v1/jobs/{other}")["reason"] == "JobHeldUser"
        assert door.ask(taps["I"], {"until": "for 2h"})[0] == 200
        assert world.get("/v1/me?for=mina")["away_until_at"] > 0


def main():
    global CONF  # pylint: disable=global-statement
    eould, notices.EOUL, CONF = (os.path.abspath(p) for p in sys.argv[1:4])
    if not os.path.exists(os.path.join(os.path.dirname(eould), "eoul-fetch")):
        print("1..0 # SKIP eoul-fetch was not built")
        return 0
    os.environ["EOUL_FETCH_LOOPBACK"] = "1"
    tests = [an_invitation_opens_that_persons_page_through_nginx, markup_stays_words, forms_do_what_they_say_and_no_more,
             only_the_page_itself_may_send_its_forms, wrong_addresses_are_counted_by_who_sends_them, a_link_is_taken_back,
             a_notice_is_answered_by_a_tap, a_mail_carries_answers_too, a_held_job_is_let_run_by_its_owner_only]
    only = sys.argv[4:]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests if not only or t.__name__ in only], eould)


if __name__ == "__main__":
    sys.exit(main())
