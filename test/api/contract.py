#!/usr/bin/env python3
"""contract.py EOULD API.YAML - every path of doc/api.yaml against a running daemon.

Every path and method of the document is called (a path without an example below is a failure); every
field of every answer must be documented and of its type; what is not documented is refused.
"""
import os
import re
import sys
import time

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Tap  # noqa: E402


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.doc = yaml.safe_load(f)

    def resolve(self, node):
        while "$ref" in node:
            at = self.doc
            for part in node["$ref"].lstrip("#/").split("/"):
                at = at[part]
            node = at
        return node

    def properties(self, schema):
        """All named fields of an object, those of allOf together."""
        schema = self.resolve(schema)
        fields = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            fields.update(self.properties(part))
        return fields

    def check(self, schema, value, where, seen):
        schema = self.resolve(schema)
        if "oneOf" in schema:
            types = {self.resolve(s)["type"] for s in schema["oneOf"]}
            assert type_of(value) in types, f"{where} is {value!r}, wanted {types}"
            return
        kind = schema.get("type", "object")
        assert type_of(value) == kind, f"{where} is {value!r}, wanted {kind}"
        if kind == "array":
            for i, item in enumerate(value):
                self.check(schema["items"], item, f"{where}[{i}]", seen)
        elif kind == "object":
            fields = self.properties(schema)
            for name, item in value.items():
                if name in fields:
                    seen.add((id(fields[name]), name))
                    self.check(fields[name], item, f"{where}.{name}", seen)
                elif "additionalProperties" in schema:
                    self.check(schema["additionalProperties"], item, f"{where}.{name}", seen)
                else:
                    raise AssertionError(f"{where}.{name} is not documented")
            for name in schema.get("required", []):
                assert name in value, f"{where}.{name} is missing"

    def responses(self, path, method):
        return self.doc["paths"][path][method]["responses"]

    def answer(self, path, method, answer, seen):
        documented = self.responses(path, method)
        response = documented.get(str(answer.status)) or documented.get("default")
        assert response, f"{method} {path}: {answer.status} is not documented: {answer.raw[:200]}"
        content = self.resolve(response)["content"]
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in content, f"{method} {path} answers {kind}"
        if answer.json is not None:
            self.check(content[kind]["schema"], answer.json, f"{method} {path}", seen)


def type_of(value):
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", str: "string", list: "array", dict: "object", float: "number"}[type(value)]


def day(world):
    """Something of everything: ended, failed, running, waiting, an array, a chain; their ids."""
    ids = {"ok": world.submit("/bin/echo", "hello", job_name="hello")}
    world.wait(ids["ok"])
    ids["failed"] = world.submit("/bin/sh", "-c", "exit 3")
    world.wait(ids["failed"])
    ids["long"] = world.submit("/bin/sleep", "300", job_name="long", gpus=2, pty="yes", account="vision")
    ids["waiting"] = world.submit("/bin/true", gpus=1)
    assert world.post("/v1/me", {"for": "ada", "zone": "Europe/Berlin"}).status == 200
    ids["held"] = world.submit("/bin/true", hold="yes", reviewer="ada", canary="10m")
    ids["array"] = world.submit("/bin/true", array="1-5", gpus=1)
    ids["sweep"] = world.submit("/bin/sh", "-c", "echo eoul:progress 0.5; echo eoul:result loss={lr}; exit {code}",
                                param=["lr=1,2", "code=0,7"], array="0-3")
    for i in range(4):
        world.wait(ids["sweep"] + i)
    ids["after"] = world.submit("/bin/true", dependency=f"afterok:{ids['waiting']}")
    world.get(f"/v1/jobs/{ids['long']}/wait?version=0")
    ids["last"] = world.submit("/bin/true", hold="yes")
    lifted = {"of": str(ids["waiting"]), "reason": "camera-ready", "until_at": int(time.time() * 1e6) + HOUR}
    assert world.post("/v1/boosts", lifted).status == 200
    return ids


def calendar(name):
    now = int(time.time() * 1e6)
    return {"name": name, "kind": "file", "place": "/home/me/work.ics", "until_at": now + 400 * 86400_000_000,
            "events": 2, "not_understood_n": 1, "not_understood": [["unknown-zone", 12, "Mars/Olympus"]],
            "busy": [[now, now + 3600_000_000, "busy"], [now + 7200_000_000, now + 9000_000_000, "away"]]}


HOUR, DAY = 3600_000_000, 86400_000_000


def examples(ids, copy):
    """(path of the document, method) -> calls: (real path, body, expected status)."""
    spec = "chdir=/tmp\nargv=/bin/true\n"
    job = [f"/v1/jobs/{ids[n]}" for n in ("ok", "failed", "long", "waiting", "held", "array", "after")]
    job.append(f"/v1/jobs/{ids['array']}_3")
    now, todo = int(time.time() * 1e6), int(ids["last"]) + 2  # one more is submitted; then come todos
    actions = [("hold", "waiting"), ("release", "waiting"), ("first", "waiting"), ("requeue", "failed"),
               ("cancel", "after")]
    return {
        ("/v1/status", "get"): [("/v1/status", None, 200)],
        ("/v1/jobs", "get"): [("/v1/jobs" + q, None, 200) for q in
                              ("", "?state=live", "?state=pending&all=1", "?state=running", "?brief=1&limit=0",
                               "?state=ended", "?limit=0", "?limit=1")] +
                             [(f"/v1/jobs?state=ended&after={ids['failed']}", None, 200),
                              ("/v1/jobs?state=sleepy", None, 400), ("/v1/jobs?limit=x", None, 400),
                              ("/v1/jobs?owner=nobody-here", None, 404), ("/v1/jobs?account=vision", None, 200),
                              ("/v1/jobs?account=audio", None, 404)],
        ("/v1/jobs", "post"): [("/v1/jobs", {"jobs": [{"spec": spec}]}, 200),
                               ("/v1/jobs", {"jobs": [{"spec": spec}, {"spec": "hold=yes\n" + spec}], "test": True}, 200),
                               ("/v1/jobs", {"jobs": [{"spec": "deadline=2001-01-01\n" + spec}], "test": True}, 400),
                               ("/v1/jobs", {"jobs": []}, 400), ("/v1/jobs", {}, 400),
                               ("/v1/jobs", {"jobs": [{"spec": "gpus=x\nargv=true\n"}]}, 400)],
        ("/v1/jobs/{id}", "get"): [(p, None, 200) for p in job] +
                                  [("/v1/jobs/99999", None, 404), ("/v1/jobs/x", None, 400),
                                   ("/v1/jobs/..%2f..%2fetc", None, 404)],
        ("/v1/jobs/{id}/why", "get"): [(p + q, None, 200) for p in job for q in ("/why", "/why?zone=Asia%2FSeoul", "/why?zone=Nowhere")] +
                                      [("/v1/jobs/99999/why", None, 404)],
        ("/v1/jobs/{id}/wait", "get"): [(f"/v1/jobs/{ids['ok']}/wait", None, 200),
                                        (f"/v1/jobs/{ids['long']}/wait?timeout_s=0", None, 200),
                                        (f"/v1/jobs/{ids['array']}/wait?version=1", None, 200),
                                        ("/v1/jobs/1/wait?timeout_s=9999", None, 400)],
        ("/v1/jobs/{id}/tail", "get"): [(f"/v1/jobs/{ids['ok']}/tail", None, 200),
                                        (f"/v1/jobs/{ids['waiting']}/tail?bytes=10", None, 200),
                                        (f"/v1/jobs/{ids['array']}/tail", None, 400)],
        ("/v1/jobs/{id}/attach", "post"):
            [(f"/v1/jobs/{ids['waiting']}/attach", {"meet": "eoul-nobody"}, 409),
             (f"/v1/jobs/{ids['long']}/attach", {"meet": "eoul-nobody-listens-here"}, 503),
             (f"/v1/jobs/{ids['long']}/attach", {"meet": "with blank"}, 400), (f"/v1/jobs/{ids['long']}/attach", {}, 400),
             (f"/v1/jobs/{ids['array']}/attach", {"meet": "eoul-nobody"}, 400),
             ("/v1/jobs/99999/attach", {"meet": "eoul-nobody"}, 404)],
        ("/v1/jobs/{id}/{action}", "post"):
            [(f"/v1/jobs/{ids[n]}/{a}", {}, 200) for a, n in actions] +
            [(f"/v1/jobs/{ids['waiting']}/set", {"nice": 5, "limit_us": 3600000000}, 200),
             (f"/v1/jobs/{ids['waiting']}/set", {}, 400),
             (f"/v1/jobs/{ids['waiting']}/set", {"nice": "5"}, 400),
             (f"/v1/jobs/{ids['waiting']}/set", {"colour": 5}, 400),
             (f"/v1/jobs/{ids['waiting']}/explode", {}, 404),
             (f"/v1/jobs/{ids['sweep']}/requeue", {"only": "failed"}, 200),
             (f"/v1/jobs/{ids['ok']}/requeue", {"only": "failed"}, 409),
             (f"/v1/jobs/{ids['ok']}/requeue", {"only": "luck"}, 400),
             (f"/v1/jobs/{ids['long']}/signal", {"signal": 23}, 200),
             (f"/v1/jobs/{ids['long']}/signal", {"signal": 23, "to": "main"}, 200),
             (f"/v1/jobs/{ids['waiting']}/signal", {"signal": 10}, 409),
             (f"/v1/jobs/{ids['long']}/signal", {"signal": 65}, 400), (f"/v1/jobs/{ids['long']}/signal", {}, 400),
             (f"/v1/jobs/{ids['long']}/signal", {"signal": 10, "to": "all"}, 400),
             (f"/v1/jobs/{ids['long']}/code", {"code": "0123abcd"}, 200),
             (f"/v1/jobs/{ids['long']}/code", {"code": "with blank"}, 400),
             (f"/v1/jobs/{ids['ok']}/code", {"code": "0123abcd"}, 409),
             (f"/v1/jobs/{ids['ok']}/cancel", {}, 409), ("/v1/jobs/99999/hold", {}, 404)],
        ("/v1/actions", "post"):
            [("/v1/actions", {"action": "hold", "ids": [str(ids["waiting"]), "99999"]}, 200),
             ("/v1/actions", {"action": "release", "ids": [str(ids["waiting"])]}, 200),
             ("/v1/actions", {"action": "hold", "ids": []}, 400), ("/v1/actions", {"action": "fly", "ids": ["1"]}, 404),
             ("/v1/actions", {"action": "signal", "ids": ["1"]}, 400),
             ("/v1/actions", {"action": "hold", "ids": ["1"] * 1001}, 413)],
        ("/v1/sweeps/{id}", "get"):
            [(f"/v1/sweeps/{ids['sweep']}", None, 200), (f"/v1/sweeps/{ids['sweep']}?after=1&limit=2", None, 200),
             (f"/v1/sweeps/{ids['array']}", None, 200), (f"/v1/sweeps/{ids['ok']}", None, 400),
             ("/v1/sweeps/99999", None, 404)],
        ("/v1/gpus", "get"): [("/v1/gpus", None, 200)],
        ("/v1/gpus/{gpu}/{action}", "post"): [("/v1/gpus/1/drain", {}, 200),
                                              ("/v1/gpus/1/undrain", {}, 200),
                                              ("/v1/gpus/queue/drain", {}, 200),
                                              ("/v1/gpus/queue/undrain", {}, 200),
                                              ("/v1/gpus/77/drain", {}, 404),
                                              ("/v1/gpus/1/polish", {}, 404)],
        ("/v1/people", "get"): [("/v1/people", None, 200)],
        ("/v1/me", "get"): [("/v1/me", None, 200), ("/v1/me?for=nobody-here", None, 404)],
        ("/v1/me", "post"): [("/v1/me", {"hours": "Mon-Fri 08:00-20:00", "lang": "ko"}, 200),
                             ("/v1/me", {"for": "ada", "zone": "Europe/Berlin"}, 200),
                             ("/v1/me", {"work": "Mon-Sun 00:00-24:00", "focus": "Mon 9-11", "cap_us": 4 * HOUR,
                                         "buffer_us": HOUR // 6, "defer": True}, 200),
                             ("/v1/me", {"for": "ada", "work": "Mon-Sun 00:00-24:00"}, 200),
                             ("/v1/me", {"away_from_at": now + 9 * DAY, "away_until_at": now + 10 * DAY,
                                         "deputy": "ada"}, 200),
                             ("/v1/me", {"away_from_at": now + 9 * DAY, "away_until_at": now + 10 * DAY,
                                         "deputy": "nobody-here"}, 404),
                             ("/v1/me", {"cap_us": 0}, 400), ("/v1/me", {"work": "sometimes"}, 400),
                             ("/v1/me", {"zone": "Mars/Olympus"}, 400), ("/v1/me", {"age": 3}, 400)],
        ("/v1/todos", "post"): [("/v1/todos", {"title": "label", "who": ["ada"], "takes_us": 2 * HOUR,
                                               "link": "https://labels.example/1", "deadline_at": now + 9 * DAY,
                                               "before": str(ids["held"])}, 200),
                                ("/v1/todos", {"title": "look", "takes_us": HOUR // 3, "after": str(ids["waiting"]),
                                               "whole": True, "not_before_at": now + HOUR}, 200),
                                ("/v1/todos", {"title": "either", "who": ["ada", "bo"], "takes_us": 2 * HOUR,
                                               "for": "ada"}, 404),
                                ("/v1/todos", {"title": "meet", "takes_us": HOUR, "at": now + DAY}, 200),
                                ("/v1/todos", {"title": "", "takes_us": HOUR}, 400),
                                ("/v1/todos", {"title": "x"}, 400), ("/v1/todos", {"takes_us": HOUR}, 400),
                                ("/v1/todos", {"title": "x", "takes_us": HOUR, "link": "javascript:alert(1)"}, 400),
                                ("/v1/todos", {"title": "x", "takes_us": HOUR, "whole": 1}, 400),
                                ("/v1/todos", {"title": "x", "takes_us": HOUR, "after": "99999"}, 404),
                                ("/v1/todos", {"title": "x", "takes_us": HOUR, "before": str(ids["long"])}, 409)],
        ("/v1/todos", "get"): [("/v1/todos", None, 200), ("/v1/todos?for=ada&ended=5", None, 200),
                               ("/v1/todos?for=nobody-here", None, 404)],
        ("/v1/plan", "get"): [("/v1/plan", None, 200), ("/v1/plan?limit=2", None, 200)],
        ("/v1/todos/{id}", "get"): [(f"/v1/todos/{todo}", None, 200), (f"/v1/todos/{todo + 1}?for=ada", None, 200),
                                    ("/v1/todos/99999", None, 404), ("/v1/todos/x", None, 400),
                                    (f"/v1/todos/{ids['ok']}", None, 404)],
        ("/v1/todos/{id}/{action}", "post"):
            [(f"/v1/todos/{todo}/{word}", {"for": "ada", **more}, 200) for word, more in
             (("accept", {}), ("move", {"at": now + DAY}), ("move", {"at": 0}),
              ("snooze", {"not_before_at": now + HOUR}), ("set", {"takes_us": HOUR}), ("done", {}))] +
            [(f"/v1/todos/{todo}/done", {"for": "ada"}, 409), (f"/v1/todos/{todo + 1}/done", {"for": "ada"}, 403),
             (f"/v1/todos/{todo + 1}/polish", {}, 404), (f"/v1/todos/{todo + 1}/set", {}, 400),
             (f"/v1/todos/{todo + 1}/snooze", {"not_before_at": 5}, 400),
             (f"/v1/todos/{todo + 2}/decline", {}, 200), (f"/v1/todos/{todo + 1}/drop", {}, 200),
             (f"/v1/todos/99999/done", {}, 404)],
        ("/v1/boosts", "get"): [("/v1/boosts", None, 200)],
        ("/v1/boosts", "post"): [
            ("/v1/boosts", {"of": "ada", "reason": "demo", "until_at": now + HOUR}, 200),
            ("/v1/boosts", {"of": "ada", "reason": "demo", "until_at": now + HOUR}, 409),
            ("/v1/boosts", {"of": "ada", "reason": "  ", "until_at": now + HOUR}, 400),
            ("/v1/boosts", {"of": "ada", "reason": "x" * 97, "until_at": now + HOUR}, 400),
            ("/v1/boosts", {"of": "ada", "reason": "demo", "until_at": 5}, 400),
            ("/v1/boosts", {"of": "ada", "reason": "demo"}, 400),
            ("/v1/boosts", {"of": "nobody-at-all", "reason": "demo", "until_at": now + HOUR}, 404),
            ("/v1/boosts", {"of": "999999", "reason": "demo", "until_at": now + HOUR}, 404)],
        ("/v1/boosts/{id}/{action}", "post"): [
            ("/v1/boosts/1/polish", {}, 404), ("/v1/boosts/1/remove", {}, 200), ("/v1/boosts/1/remove", {}, 404),
            ("/v1/boosts/x/remove", {}, 404)],
        ("/v1/refusals", "get"): [("/v1/refusals", None, 200), ("/v1/refusals?for=nobody-here", None, 404)],
        ("/v1/refusals/{id}/why", "get"): [("/v1/refusals/last/why", None, 200), ("/v1/refusals/r1/why?zone=Asia/Seoul", None, 200),
                                           ("/v1/refusals/1/why", None, 200), ("/v1/refusals/99999/why", None, 404),
                                           ("/v1/refusals/x/why", None, 404)],
        ("/v1/reservations", "get"): [("/v1/reservations", None, 200)],
        ("/v1/reservations", "post"): [
            ("/v1/reservations", {"gpus": 1, "from_at": now + DAY, "until_at": now + DAY + HOUR, "name": "demo", "for": "ada"}, 200),
            ("/v1/reservations", {"gpus": 1, "until_at": now + HOUR}, 200),
            ("/v1/reservations", {"gpus": 99, "until_at": now + HOUR}, 400), ("/v1/reservations", {"gpus": 1}, 400),
            ("/v1/reservations", {"gpus": 1, "until_at": 5}, 400),
            ("/v1/reservations", {"gpus": 1, "until_at": now + HOUR, "name": "x" * 40}, 400),
            ("/v1/reservations", {"gpus": 1, "until_at": now + HOUR, "model": "Abacus"}, 404)],
        ("/v1/reservations/{id}/{action}", "post"): [
            ("/v1/reservations/1/polish", {}, 404), ("/v1/reservations/2/remove", {}, 200),
            ("/v1/reservations/2/remove", {}, 404), ("/v1/reservations/x/remove", {}, 404)],
        ("/v1/me/data", "get"): [("/v1/me/data", None, 200), ("/v1/me/data?for=ada", None, 200),
                                 ("/v1/me/data?for=nobody-here", None, 404)],
        ("/v1/me/habit", "get"): [("/v1/me/habit", None, 200), ("/v1/me/habit?for=nobody-here", None, 404)],
        ("/v1/links", "get"): [("/v1/links", None, 200)],
        ("/v1/links", "post"): [("/v1/links", {}, 409), ("/v1/links", {"name": "x"}, 400)],
        ("/v1/links/{id}/{action}", "post"): [("/v1/links/9/remove", {}, 404), ("/v1/links/x/remove", {}, 400),
                                              ("/v1/links/9/polish", {}, 404)],
        ("/v1/me/feeds", "get"): [("/v1/me/feeds", None, 200), ("/v1/me/feeds?for=nobody-here", None, 404)],
        ("/v1/me/feeds", "post"): [("/v1/me/feeds", {"name": "phone"}, 409), ("/v1/me/feeds", {}, 400)],
        ("/v1/me/feeds/{name}/{action}", "post"): [("/v1/me/feeds/phone/remove", {}, 404),
                                                   ("/v1/me/feeds/phone/polish", {}, 404)],
        ("/v1/me/notify", "get"): [("/v1/me/notify", None, 200), ("/v1/me/notify?for=ada", None, 200),
                                   ("/v1/me/notify?timeout_s=60&name=hook", None, 200), ("/v1/me/notify?timeout_s=601", None, 400),
                                   ("/v1/me/notify?for=nobody-here", None, 404)],
        ("/v1/me/notify", "post"): [
            ("/v1/me/notify", {"name": "hook", "kind": "webhook", "address": "https://x.example/s"}, 200),
            ("/v1/me/notify", {"name": "hook", "kind": "ntfy", "address": "https://x.example/s", "secret": "k", "brief": "morning",
                               "user": "u", "page": "job-failed,job-held", "for": "ada"}, 200),
            ("/v1/me/notify", {"name": "hook", "kind": "pigeon", "address": "https://x.example/s"}, 400),
            ("/v1/me/notify", {"name": "hook", "kind": "slack", "address": "https://x.example/\ns"}, 400),
            ("/v1/me/notify", {"name": "hook", "kind": "slack", "address": "https://x.example/" + "s" * 3000}, 413)],
        ("/v1/me/notify/{name}/{action}", "post"): [
            ("/v1/me/notify/hook/polish", {}, 404), ("/v1/me/notify/none/test", {}, 404),
            ("/v1/me/notify/hook/remove", {"for": "ada"}, 200)],
        ("/v1/me/calendars", "get"): [("/v1/me/calendars", None, 200), ("/v1/me/calendars?for=ada", None, 200),
                                      ("/v1/me/calendars?timeout_s=60&name=work", None, 200),
                                      ("/v1/me/calendars?timeout_s=60&name=" + "x" * 65, None, 404),
                                      ("/v1/me/calendars?for=nobody-here", None, 404)],
        ("/v1/me/calendars", "post"): [("/v1/me/calendars", calendar("work"), 200),
                                       ("/v1/me/calendars", {**calendar("work"), "for": "ada"}, 200),
                                       ("/v1/me/calendars", calendar("a/b"), 400),
                                       ("/v1/me/calendars", {**calendar("x"), "busy": [[3, 2, "busy"]]}, 400),
                                       ("/v1/me/calendars", {**calendar("x"), "busy": [[1, 2, "bored"]]}, 400),
                                       ("/v1/me/calendars", {**calendar("x"), "busy": [[1, 2]] * 20000}, 413),
                                       ("/v1/me/calendars", {**calendar("x"), "kind": "stone"}, 400),
                                       ("/v1/me/calendars", {**calendar("x"), "until_at": 5}, 400),
                                       ("/v1/me/calendars", {"name": "x"}, 400),
                                       ("/v1/me/calendars", {"name": "dir", "kind": "directory", "place": "/nowhere"}, 200),
                                       ("/v1/me/calendars", {"name": "x", "kind": "directory", "place": "here"}, 400),
                                       ("/v1/me/calendars", {"name": "x", "kind": "url", "url": "ftp://example.org/"}, 400),
                                       ("/v1/me/calendars", {"name": "x", "kind": "url"}, 400)],
        ("/v1/me/calendars/{name}/{action}", "post"):
            [("/v1/me/calendars/work/polish", {}, 404), ("/v1/me/calendars/work/refresh", {}, 200), ("/v1/me/calendars/%2e%2e/remove", {}, 404),
             ("/v1/me/calendars/work/remove", {}, 200), ("/v1/me/calendars/work/remove", {}, 404)],
        ("/v1/backup", "post"): [("/v1/backup", {"path": copy}, 200),
                                 ("/v1/backup", {"path": copy}, 409),
                                 ("/v1/backup", {"path": "copy.db"}, 400), ("/v1/backup", {}, 400)],
        ("/v1/reload", "post"): [("/v1/reload", {}, 200), ("/v1/reload", {"x": 1}, 400)],
        ("/v1/down", "post"): [("/v1/down", {"jobs": "all"}, 400), ("/v1/down", {"jobs": "cancel"}, 200)],
    }


def walk(world, contract):
    seen = set()
    calls = examples(day(world), os.path.join(world.dir, "copy.db"))
    documented = {(p, m) for p, methods in contract.doc["paths"].items() for m in methods}
    assert documented == set(calls), documented ^ set(calls)
    last = [("/v1/down", "post")]
    for key in [k for k in calls if k not in last] + last:
        for path, body, status in calls[key]:
            answer = world.call(key[1].upper(), path, body)
            assert answer.status == status, f"{key[1]} {path}: {answer.status} {answer.raw[:300]}"
            contract.answer(*key, answer, seen)
    return seen


def every_field_was_seen(contract, seen):
    """A documented field that no answer ever has is as wrong as an undocumented one."""
    names = {name for _, name in seen}
    for schema in ("Row", "Job", "Sweep", "Point", "JobList", "Attempt", "Why", "Plan", "PlanRow", "Gpu", "Gpus", "People",
                   "Refusal", "Refusals", "RefusalWhy", "Me", "Todos", "Todo", "PlanTodo", "Calendars", "Status", "Backup", "SubmitAnswer", "Done"):
        missing = set(contract.properties(contract.doc["components"]["schemas"][schema])) - names
        assert not missing, f"no answer has {missing} of {schema}"


def refused(world):
    assert world.get("/v1/nothing").status == 404
    assert world.get("/").status == 404
    assert world.get("/v1/jobs/1/2/3").status == 404
    assert world.get("/v1//jobs").status == 404
    for path, allow in (("/v1/status", "GET"), ("/v1/plan", "GET"), ("/v1/jobs/1/why", None)):
        answer = world.post(path)
        assert answer.status == 405 or allow is None and answer.status == 404, (path, answer.raw)
        if allow:
            assert answer.headers["Allow"] == allow
    answer = world.get("/v1/down")
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert world.call(method, "/v1/jobs").status == 405
    assert world.get("/v1/status?verbose=1").status == 400
    for path in ("/v1/jobs", "/v1/me", "/v1/me/calendars", "/v1/me/calendars/x/remove", "/v1/down", "/v1/gpus/0/drain", "/v1/jobs/1/hold"):
        answer = world.post(path, {"surprise": 1})
        assert answer.status == 400 and "surprise" in answer.message, (path, answer.raw)
        assert world.post(path, b"{nonsense").status == 400
        assert world.post(path, b"[]").status == 400
    assert world.get("/v1/status").status == 200


def no_path_leads_out(world):
    """Logs go by job and stream: nothing in a path is ever a name of a file."""
    job = world.submit("sh", "-c", "echo inside")
    world.wait(job)
    for way in ("..", "../..", "..%2f..%2feoul.db", "%2e%2e%2feoul.db", f"{job}/../../eoul.db", f"{job}%00", "%00",
                "%2fetc%2fpasswd", "etc/passwd"):
        answer = world.get(f"/v1/jobs/{way}/tail")
        assert answer.status in (400, 404), (way, answer.raw)
        assert b"SQLite" not in answer.raw and b"root:" not in answer.raw, (way, answer.raw)
    assert world.get(f"/v1/jobs/{job}/tail").raw.decode().strip() == "inside"


def speaks_korean(world):
    english = world.get("/v1/me?for=nobody-here")
    korean = world.get("/v1/me?for=nobody-here", lang="ko-KR,ko;q=0.9,en;q=0.5")
    assert english.code == korean.code == "not-found"
    assert re.search("[가-힣]", korean.message) and not re.search("[가-힣]", english.message)
    assert re.search("[가-힣]", world.get("/v1/me", lang="ko")["hint"])


def main():
    eould, api = sys.argv[1:3]
    contract = Contract(api)
    seen = set()

    def every_path(world):
        seen.update(walk(world, contract))
    every_path.config = "gpus: 2\ncpus: 8\naccounts: [{name: vision, gpus: 2}]\n"
    tap = Tap()
    return tap.run([
        ("every path is answered as documented", every_path),
        ("every documented field is in some answer", lambda w: every_field_was_seen(contract, seen)),
        ("what is not documented is refused", refused),
             ("no path leads out of the jobs", no_path_leads_out),
        ("refusals and hints speak Korean", speaks_korean),
    ], eould)


if __name__ == "__main__":
    sys.exit(main())
