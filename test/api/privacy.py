#!/usr/bin/env python3
"""privacy.py EOULD EOUL api.yaml - what one user learns of another one's jobs, under each `others_jobs`.

Somebody's jobs carry canaries: SECRET where no policy ever lets another user look (arguments, environment,
directory, output, values of a sweep), NAME where only `full` does, OWNER in their person's name.  Then another
Unix user calls every route that doc/api.yaml knows, reads their feed, and runs the command line and the Slurm
front ends; no answer may hold a canary that the policy hides.  A route that has no line here fails the test.
"""
import http.client
import os
import shutil
import socket
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Skip, Tap, World, until  # noqa: E402  pylint: disable=wrong-import-position

SECRET, NAME, OWNER = "cnrysecret7c1f", "cnryname5b2e", "cnryowner9d04"
HIDDEN = {"full": [SECRET], "no-names": [SECRET, NAME], "busy-only": [SECRET, NAME, OWNER]}
HOUR = 3600 * 1000 * 1000
OTHER = 65534  # nobody


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare(world):
    """Everything that can be there of somebody's: ids by what they are."""
    place = os.path.join(world.work, SECRET)
    os.mkdir(place)
    os.chmod(world.work, 0o755)

    def submit(*argv, **options):
        answer = world.post("/v1/jobs", {"jobs": [{
            "spec": world.spec(*argv, chdir=place, comment=SECRET, output=f"{SECRET}-%j", **options),
            "env": ["PATH=/usr/bin:/bin", f"TOKEN={SECRET}"]}]})
        assert answer.status == 200, answer.raw
        return answer["jobs"][0]["id"]
    say = f"echo {SECRET}; echo eoul: {NAME}loss=0.5; "
    ids = {"ended": submit("sh", "-c", say + "exit 3", job_name=NAME + "-ended")}
    world.wait(ids["ended"])
    ids["broken"] = submit("/nonexistent/" + SECRET, job_name=NAME + "-broken")
    world.wait(ids["broken"])
    ids["running"] = submit("sh", "-c", say + "exec sleep 300", job_name=NAME + "-running", gpus=2)
    until(lambda: SECRET in world.get(f"/v1/jobs/{ids['running']}/tail").raw.decode())
    ids["waiting"] = submit("true", job_name=NAME + "-waiting", gpus=2)
    ids["array"] = submit("sh", "-c", say, f"{{{NAME}rate}}", job_name=NAME + "-sweep", gpus=1,
                          array="0-1", param=f"{NAME}rate={SECRET}1,{SECRET}2", minimize=f"{NAME}loss")
    now = world.get("/v1/status")["now_at"]
    kept = world.post("/v1/reservations", {"gpus": 2, "name": NAME, "from_at": now + 30 * HOUR, "until_at": now + 40 * HOUR})
    assert kept.status == 200, kept.raw
    ids["reserved"] = kept["id"]
    refused = world.post("/v1/jobs", {"jobs": [{"spec": world.spec("/opt/" + SECRET, gpus=65, job_name=NAME), "env": []}]})
    assert refused.json["error"]["refusal"] == 1, refused.raw
    assert SECRET in world.get("/v1/refusals/1/why")["asked"]
    lifted = world.post("/v1/boosts", {"of": OWNER, "reason": "demo", "until_at": now + HOUR})
    assert lifted.status == 200, lifted.raw
    ids["boosted"] = lifted["id"]
    ids["now"] = now
    own = world.spec("true", chdir="/", gpus=2, dependency=f"afterany:{ids['running']}", job_name="mine", time="12:00:00")
    [[status, text]] = world.as_nobody([["POST", "/v1/jobs", {"jobs": [{"spec": own, "env": []}]}]])
    assert status == 200, text
    ids["own"] = yaml.safe_load(text)["jobs"][0]["id"]
    return ids


def questions(ids):
    """(path of api.yaml, method): the calls that are tried."""
    their = [ids[key] for key in ("ended", "broken", "running", "waiting", "array")]
    jobs = [str(i) for i in their] + [f"{ids['array']}_0"]
    acts = ("cancel", "hold", "release", "requeue", "first")
    own_spec = f"chdir=/\ndependency=afterok:{ids['ended']}\nargv=true\n"
    return {
        ("/v1/status", "get"): ["/v1/status"],
        ("/v1/jobs", "get"): ["/v1/jobs" + q for q in (
            "", "?all=1", "?brief=1", "?state=running", "?state=pending&all=1", "?state=ended", "?state=ended&limit=1",
            f"?owner={OWNER}", f"?state=ended&owner={OWNER}", "?owner=nobody", f"?state=ended&after={ids['broken']}")],
        ("/v1/jobs", "post"): [("/v1/jobs", {"jobs": [{"spec": own_spec, "env": []}]}),
                               ("/v1/jobs", {"jobs": [{"spec": own_spec, "env": []}], "test": True}),
                               ("/v1/jobs", {"jobs": [{"spec": own_spec, "env": []}], "for": OWNER})],
        ("/v1/jobs/{id}", "get"): [f"/v1/jobs/{i}" for i in jobs],
        ("/v1/jobs/{id}/why", "get"): [f"/v1/jobs/{i}/why" for i in jobs + [ids["own"]]],
        ("/v1/jobs/{id}/wait", "get"): [f"/v1/jobs/{i}/wait?timeout_s=0{v}" for i in jobs for v in ("", "&version=1")],
        ("/v1/jobs/{id}/tail", "get"): [f"/v1/jobs/{i}/tail" for i in jobs],
        ("/v1/jobs/{id}/attach", "post"): [(f"/v1/jobs/{i}/attach", {"meet": "here"}) for i in jobs],
        ("/v1/jobs/{id}/{action}", "post"):
            [(f"/v1/jobs/{i}/{a}", {}) for i in jobs for a in acts] +
            [(f"/v1/jobs/{i}/{a}", body) for i in jobs for a, body in
             (("set", {"nice": 1}), ("signal", {"signal": 15}), ("code", {"code": "x"}))],
        ("/v1/actions", "post"): [("/v1/actions", {"action": a, "ids": jobs}) for a in acts],
        ("/v1/sweeps/{id}", "get"): [f"/v1/sweeps/{ids['array']}", f"/v1/sweeps/{ids['array']}?after=1&limit=1"],
        ("/v1/plan", "get"): ["/v1/plan", "/v1/plan?limit=0"],
        ("/v1/gpus", "get"): ["/v1/gpus"],
        ("/v1/gpus/{gpu}/{action}", "post"): [("/v1/gpus/0/drain", {}), ("/v1/gpus/queue/drain", {})],
        ("/v1/me", "get"): ["/v1/me", f"/v1/me?for={OWNER}"],
        ("/v1/me", "post"): [("/v1/me", {"zone": "Asia/Seoul"}), ("/v1/me", {"for": OWNER, "hours": "none"})],
        ("/v1/me/data", "get"): ["/v1/me/data", f"/v1/me/data?for={OWNER}"],
        ("/v1/me/habit", "get"): ["/v1/me/habit", f"/v1/me/habit?for={OWNER}"],
        ("/v1/me/calendars", "get"): ["/v1/me/calendars", f"/v1/me/calendars?for={OWNER}"],
        ("/v1/me/calendars", "post"): [("/v1/me/calendars", {"name": "x", "for": OWNER})],
        ("/v1/me/calendars/{name}/{action}", "post"): [("/v1/me/calendars/x/remove", {"for": OWNER})],
        ("/v1/me/feeds", "get"): ["/v1/me/feeds", f"/v1/me/feeds?for={OWNER}"],
        ("/v1/me/feeds", "post"): [("/v1/me/feeds", {"name": "x", "for": OWNER})],
        ("/v1/me/feeds/{name}/{action}", "post"): [("/v1/me/feeds/x/remove", {"for": OWNER})],
        ("/v1/me/notify", "get"): ["/v1/me/notify", f"/v1/me/notify?for={OWNER}"],
        ("/v1/me/notify", "post"): [("/v1/me/notify", {"name": "x", "kind": "webhook", "address": "https://x.example/",
                                                       "for": OWNER})],
        ("/v1/me/notify/{name}/{action}", "post"): [("/v1/me/notify/x/test", {"for": OWNER})],
        ("/v1/links", "get"): ["/v1/links"],
        ("/v1/links", "post"): [("/v1/links", {"for": OWNER})],
        ("/v1/links/{id}/{action}", "post"): [("/v1/links/1/remove", {})],
        ("/v1/todos", "get"): ["/v1/todos?ended=100", f"/v1/todos?for={OWNER}"],
        ("/v1/todos", "post"): [("/v1/todos", {"title": "see", "takes_us": HOUR, "after": str(ids["running"])})],
        ("/v1/todos/{id}", "get"): [f"/v1/todos/{i}" for i in jobs],
        ("/v1/todos/{id}/{action}", "post"): [(f"/v1/todos/{ids['running']}/done", {})],
        ("/v1/reservations", "get"): ["/v1/reservations"],
        ("/v1/reservations", "post"): [("/v1/reservations", {"gpus": 2, "from_at": ids["now"] + 35 * HOUR,
                                                             "until_at": ids["now"] + 36 * HOUR})],
        ("/v1/reservations/{id}/{action}", "post"): [(f"/v1/reservations/{ids['reserved']}/remove", {})],
        ("/v1/boosts", "get"): ["/v1/boosts"],
        ("/v1/boosts", "post"): [("/v1/boosts", {"of": str(ids["waiting"]), "reason": "mine", "until_at": ids["now"] + HOUR})],
        ("/v1/boosts/{id}/{action}", "post"): [(f"/v1/boosts/{ids['boosted']}/remove", {})],
        ("/v1/refusals", "get"): ["/v1/refusals", f"/v1/refusals?for={OWNER}"],
        ("/v1/refusals/{id}/why", "get"): [f"/v1/refusals/{i}/why" for i in (1, 2, "last")],
        ("/v1/people", "get"): ["/v1/people"],
        ("/v1/backup", "post"): [("/v1/backup", {"path": "/tmp/never"})],
        ("/v1/reload", "post"): [("/v1/reload", {})],
        ("/v1/down", "post"): [("/v1/down", {})],
    }


TEAM = "/v1/people"  # who is in the team is no secret of a job


def every_route(world, policy, ids, api):
    with open(api, encoding="utf-8") as f:
        documented = {(p, m) for p, methods in yaml.safe_load(f)["paths"].items() for m in methods}
    asked = questions(ids)
    assert documented == set(asked), documented ^ set(asked)
    calls = [[method.upper(), *((path, None) if isinstance(path, str) else path)]
             for (_, method), paths in asked.items() for path in paths]
    said = {}
    for (method, path, body), (status, text) in zip(calls, world.as_nobody(calls)):
        said.setdefault(path, (status, text))  # a GET comes before the POST to the same place
        assert status < 500, (method, path, body, status, text)
        for canary in HIDDEN[policy]:
            text = text.replace(f'"by":"{OWNER}"', "").replace(f"{OWNER} put ", "")  # who boosts gives their name
            text = text.replace(f"Operators are: {OWNER}.", "")  # whom to ask
            assert path == TEAM or canary not in text, (policy, method, path, body, text)
    names, owners = [NAME in said["/v1/jobs"][1]], [OWNER in said["/v1/jobs"][1]]
    for path in ("/v1/plan", f"/v1/jobs?state=ended&after={ids['broken']}", f"/v1/jobs/{ids['running']}",
                 f"/v1/jobs/{ids['array']}", f"/v1/jobs/{ids['running']}/wait?timeout_s=0", f"/v1/jobs/{ids['own']}/why",
                 f"/v1/sweeps/{ids['array']}", "/v1/reservations"):
        names.append(NAME in said[path][1])
        owners += [OWNER in said[path][1]] if "sweeps" not in path and "own" not in path else []
    # The test can fail: what is shown is seen, by the same calls.
    assert all(names) if policy == "full" else not any(names), (policy, names)
    if policy == "busy-only":
        for kind in ("", "/why", "/wait?timeout_s=0"):
            status, text = said[f"/v1/jobs/{ids['running']}{kind}"]
            assert status == 403 and "somebody else" in text, (kind, status, text)
        rows = yaml.safe_load(said["/v1/jobs"][1])["rows"]
        busy = next(row for row in rows if row["id"] == ids["running"])
        assert busy["gpu_list"] == [0, 1] and busy["state"] == "RUNNING" and busy["end_p50_at"] and not busy["owner"], busy
        assert yaml.safe_load(said["/v1/jobs?state=ended"][1])["rows_n"] == 0, said["/v1/jobs?state=ended"]
    assert world.post(f"/v1/boosts/{ids['boosted']}/remove", {}).status == 200
    mine = yaml.safe_load(world.as_nobody([["GET", f"/v1/jobs/{ids['own']}", None]])[0][1])
    assert mine["name"] == "mine" and mine["owner"] == "nobody", mine


def hours_and_figures_are_ones_own(world, ids):
    """Of hours others learn quarters of an hour: not the user beside them, not whoever runs the daemon."""
    minute = 60 * 1000 * 1000
    mine = {"hours": "Mon-Sun 03:17-04:23", "work": "Mon-Sun 05:29-06:31", "cap_us": 77 * minute, "buffer_us": 13 * minute}
    look = [[path for path in paths if isinstance(path, str)] for (_, method), paths in questions(ids).items() if method == "get"]
    look = [path for paths in look for path in paths]

    def marks(me):
        me = yaml.safe_load(me)
        found = ["03:17", "04:23", "05:29", "06:31", f'"cap_us":{mine["cap_us"]}', f'"buffer_us":{mine["buffer_us"]}']
        edges = {str(edge) for span in me["look"] + me["offered"] for edge in span[:2]}
        assert len(edges) > 20 and me["forecasts"]["moved"] == 0, me
        return found + sorted(edges)

    [[status, _], [_, theirs]] = world.as_nobody([["POST", "/v1/me", mine], ["GET", "/v1/me", None]])
    assert status == 200
    answers = [(path, world.get(path.replace(OWNER, "nobody")).raw.decode()) for path in look]
    seen = [(path, mark, text) for path, text in answers for mark in marks(theirs) if mark in text]
    assert not seen, seen[0]
    assert [text for path, text in answers if path == f"/v1/me/data?for={OWNER}" and '"error"' in text], answers
    world.post("/v1/me", mine)
    own = marks(world.get("/v1/me").raw.decode())
    world.as_nobody([["POST", "/v1/me", {"hours": "Mon-Sun 00:00-24:00", "work": "none", "cap_us": 60 * minute, "buffer_us": 0}]])
    answers = list(zip(look, world.as_nobody([["GET", path, None] for path in look])))
    seen = [(path, mark, text) for path, (_, text) in answers for mark in own if mark in text]
    assert not seen, seen[0]


def their_own_feed(world, policy, port):
    [[status, text]] = world.as_nobody([["POST", "/v1/me/feeds", {"name": "phone"}]])
    assert status == 200, text
    address = yaml.safe_load(text)["path"]
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    c.request("GET", address)
    answer = c.getresponse()
    text = answer.read().decode()
    assert answer.status == 200 and "BEGIN:VCALENDAR" in text, text
    for canary in HIDDEN[policy]:
        assert canary not in text, text


def front_ends(world, policy, ids, eoul):
    """The same by the command line and in Slurm's words; and the journal, which is the daemon's alone."""
    programs = os.path.join(world.dir, "programs")
    os.mkdir(programs)
    os.chmod(programs, 0o755)
    eoul, eould = (shutil.copy(program, programs) for program in (eoul, world.eould))  # where the other may go
    for word in ("squeue", "sacct", "scontrol", "sinfo", "seff", "sprio"):
        os.symlink(eoul, os.path.join(programs, word))
    running, array = str(ids["running"]), str(ids["array"])
    lines = [["eoul", "queue"], ["eoul", "queue", "--all"], ["eoul", "queue", "--json"], ["eoul", "queue", "-u", OWNER],
             ["eoul", "history"], ["eoul", "history", "--json"], ["eoul", "plan"], ["eoul", "plan", "--svg", "-"],
             ["eoul", "plan", "--html", "-"], ["eoul", "plan", "--json"], ["eoul", "gpus"], ["eoul", "show", running],
             ["eoul", "show", array], ["eoul", "show", "--json", running], ["eoul", "why", running],
             ["eoul", "why", str(ids["own"])], ["eoul", "logs", running], ["eoul", "wait", str(ids["ended"])],
             ["eoul", "cancel", running], ["eoul", "attach", running], ["eoul", "reserve"], ["eoul", "boost"], ["eoul", "brief"],
             ["eoul", "todo"], ["eoul", "status"], ["eoul", "doctor"], ["squeue"], ["squeue", "-o", "%i %j %u %k %Z %o"],
             ["squeue", "--json"], ["sacct", "-a"], ["sacct", "-a", "-P", "-o", "JobID,JobName,User,WorkDir"],
             ["scontrol", "show", "job", running], ["scontrol", "show", "job"], ["sinfo"], ["seff", str(ids["ended"])]]
    shown = ""
    for line in lines:
        program = [eoul] if line[0] == "eoul" else [os.path.join(programs, line[0])]
        run = subprocess.run(["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", *program, *line[1:]],
                             capture_output=True, text=True, check=False, timeout=60, cwd="/",
                             env={"EOUL_SOCKET": world.socket, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/"})
        assert 0 <= run.returncode < 126, (line, run)
        shown += run.stdout + run.stderr if OWNER not in line else ""
        for canary in HIDDEN[policy] if OWNER not in line else HIDDEN[policy][:2]:  # what was asked with is said again
            assert canary not in run.stdout + run.stderr, (policy, line, run.stdout, run.stderr)
    assert running in shown and "mine" in shown and (NAME in shown) == (policy == "full"), shown
    assert (OWNER in shown) == (policy != "busy-only"), shown
    export = subprocess.run(["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", eould,
                             "--export-journal", "-"], capture_output=True, text=True, check=False, timeout=60, cwd="/",
                            env={"EOUL_STATE": world.state, "PATH": "/usr/bin:/bin"})
    assert 0 < export.returncode < 126 and not export.stdout, export


def main():
    eould, eoul, api = sys.argv[1:]
    tap = Tap()
    if os.geteuid() != 0:
        print("1..0 # SKIP looking as another Unix user needs root")
        return 0
    for policy in HIDDEN:
        world = None
        try:
            port = free_port()
            world = World(eould, arguments=["--team", "nogroup"],
                          config=f"gpus: 2\ncpus: 8\nothers_jobs: {policy}\nfeeds: {port}\n"
                                 f"people:\n  - {{name: {OWNER}, user: root}}\n")
            os.chmod(world.dir, 0o755)
            ids = prepare(world)
            for name, test in (("every route", lambda: every_route(world, policy, ids, api)),
                               ("their own feed", lambda: their_own_feed(world, policy, port)),
                               ("hours and figures are one's own", lambda: hours_and_figures_are_ones_own(world, ids)),
                               ("front ends", lambda: front_ends(world, policy, ids, eoul))):
                try:
                    test()
                    tap.ok(True, f"{policy}: {name}")
                except Skip as why:
                    tap.ok(True, f"{policy}: {name} # SKIP {why}")
        except Exception:  # pylint: disable=broad-except
            import traceback
            tap.ok(False, policy, traceback.format_exc() + (world.log() if world else ""))
        finally:
            if world:
                world.close()
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
