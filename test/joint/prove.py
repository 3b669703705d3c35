#!/usr/bin/env python3
"""prove.py EOUL_SIM [--tasks 8,12] [--seeds 1-20] [--limit SECONDS] >> optima.csv

The cheapest plan of made-up weeks (`eoul sim joint --make SEED --tasks N`), proved by CBC, a mixed integer
solver that knows nothing of eoul's search.  A line for each week: seed, tasks, cost in 1/60000 won or
"open" where CBC was stopped, what was proved at least, CBC's seconds.  Run by hand, never by a test: the
result is optima.csv beside this file.  Needs Debian's coinor-cbc.

The file is read here anew.  Variables are y(i,t): task i has started by step t.  Then a link is y(j,t) <=
y(i,s) for the last start s from which i has ended by t, and who runs at t is a difference of two y:
sparse, and as tight as the time-indexed relaxation (Pritsker, Watters and Wolfe 1969).  A start that
alone would cost more than a known plan allows, all others at their cheapest, is left out; that plan
comes from eoul's search, so CBC's work is to show that none is cheaper, or to find it.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

NEVER = None


def read(text):
    """A week as a dictionary; the format is described in src/sim/joint.h."""
    week = {"people": {}, "tasks": [], "links": []}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "steps":
            week["steps"], week["minutes"] = int(words[1]), int(words[3])
            for name in ("gpus", "watts", "price"):
                week[name] = [0] * week["steps"]
        elif words[0] in ("gpus", "watts", "price"):
            since, until = (int(words[3]), int(words[5])) if len(words) > 2 else (0, week["steps"])
            for t in range(since, until):
                week[words[0]][t] = int(words[1])
        elif words[0] == "person":
            person = week["people"][words[1]] = {"look": set(), "work": set()}
            into = None
            for word in words[2:]:
                if word in person:
                    into = person[word]
                else:
                    since, until = word.split("-")
                    into.update(range(int(since), int(until)))
        elif words[0] in ("job", "todo"):
            task = {"todo": words[0] == "todo", "whole": "whole" in words, "gpus": 0, "watts": 0}
            for key, value in zip(words[2::2], words[3::2]):
                if key != "whole":
                    task[key] = value if key == "owner" else int(value)
            week["tasks"].append(task)
        elif words[0] == "link":
            week["links"].append((int(words[1]) - 1, int(words[2]) - 1))
    return week


def ends_and_costs(week, task):
    """For each start: (end, cost) or NEVER."""
    steps, minutes = week["steps"], week["minutes"]
    person = week["people"][task["owner"]]
    rows = []
    for start in range(steps + 1):
        end, left = start, task["length"]
        if task["todo"]:
            if start not in person["work"]:
                rows.append(NEVER)
                continue
            while left and end < steps:
                if end in person["work"]:
                    left -= 1
                elif task["whole"]:
                    break
                end += 1
        else:
            end, left = start + left, 0
        if left or end > steps or start < task["release"]:
            rows.append(NEVER)
            continue
        seen = end
        while not task["todo"] and seen < steps and seen not in person["look"]:
            seen += 1
        cost = (seen - task["release"]) * task["wait"] * 1000 * minutes
        cost += sum(week["price"][start:end]) * task["watts"] * minutes
        rows.append((end, cost))
    return rows


def narrow(week, rows, known):
    """Leave out starts that links forbid or that would cost more than the known plan."""
    order, seen = [], set()
    while len(order) < len(rows):
        for i in range(len(rows)):
            if i not in seen and all(b in seen for b, a in week["links"] if a == i):
                seen.add(i)
                order.append(i)
    while True:
        before = sum(row is not NEVER for table in rows for row in table)
        for i in order:
            for j in [a for b, a in week["links"] if b == i]:
                earliest = min(row[0] for row in rows[i] if row)
                rows[j] = [row if s >= earliest else NEVER for s, row in enumerate(rows[j])]
        for j in reversed(order):
            for i in [b for b, a in week["links"] if a == j]:
                latest = max(s for s, row in enumerate(rows[j]) if row)
                rows[i] = [row if row and row[0] <= latest else NEVER for row in rows[i]]
        least = [min(row[1] for row in table if row) for table in rows]
        spare = known - sum(least)
        for i, table in enumerate(rows):
            rows[i] = [row if row and row[1] - least[i] <= spare else NEVER for row in table]
        if sum(row is not NEVER for table in rows for row in table) == before:
            return least


class Model:
    """Rows and columns, written in CPLEX's LP format."""

    def __init__(self, week, rows, least):
        self.week, self.rows, self.least = week, rows, least
        self.first = [min(s for s, row in enumerate(table) if row) for table in rows]
        self.last = [max(s for s, row in enumerate(table) if row) for table in rows]
        self.unit = math.gcd(*(row[1] - least[i] for i, table in enumerate(rows) for row in table if row)) or 1

    def started(self, i, t):
        """y(i,t) as (name or None, constant)."""
        if t < self.first[i]:
            return None, 0
        if t >= self.last[i]:
            return None, 1
        while self.rows[i][t] is NEVER:
            t -= 1
        return f"y{i}_{t}", 0

    def add(self, terms, i, t, factor):
        name, constant = self.started(i, t)
        if name:
            terms[name] = terms.get(name, 0) + factor
        return constant * factor

    def row(self, out, terms, constant, limit):
        terms = {name: factor for name, factor in terms.items() if factor}
        if terms:
            text = " ".join(f"{factor:+d} {name}" for name, factor in terms.items())
            out.write(f" {text} <= {limit - constant}\n")
        elif constant > limit:
            sys.exit("the model has no solution")

    def write(self, path):
        week, rows = self.week, self.rows
        objective, constant = {}, 0
        for i, table in enumerate(rows):
            starts = [s for s, row in enumerate(table) if row]
            for s in starts:
                factor = (table[s][1] - self.least[i]) // self.unit
                constant += self.add(objective, i, s, factor)
                constant += self.add(objective, i, s - 1, -factor)
        with open(path, "w", encoding="ascii") as out:
            text = " ".join(f"{factor:+d} {name}" for name, factor in objective.items() if factor)
            out.write(f"Minimize\n obj: {text or '0 x'}\nSubject To\n")
            self.links(out)
            for t in range(week["steps"]):
                self.room(out, t)
            out.write("Binary\n")
            for i, table in enumerate(rows):
                for s in range(self.first[i], self.last[i]):
                    if table[s]:
                        out.write(f" y{i}_{s}\n")
            out.write("End\n")
        return constant

    def links(self, out):
        for i, table in enumerate(self.rows):  # started by s: started by every later step
            starts = [s for s in range(self.first[i], self.last[i]) if table[s]]
            for a, b in zip(starts, starts[1:]):
                out.write(f" + y{i}_{a} - y{i}_{b} <= 0\n")
        for i, j in self.week["links"]:
            for t in (s for s, row in enumerate(self.rows[j]) if row):
                done = [s for s, row in enumerate(self.rows[i]) if row and row[0] <= t]
                terms = {}
                constant = self.add(terms, j, t, 1)
                constant += self.add(terms, i, done[-1] if done else -1, -1)
                self.row(out, terms, constant, 0)

    def room(self, out, t):
        week = self.week
        for need, limit in [("gpus", week["gpus"][t]), ("watts", week["watts"][t])] + [(p, 1) for p in week["people"]]:
            terms, constant, most = {}, 0, 0
            for i, task in enumerate(week["tasks"]):
                amount = task[need] if need in task else int(task["todo"] and task["owner"] == need)
                running = [s for s in range(max(0, t - week["steps"]), t + 1)
                           if self.rows[i][s] and self.rows[i][s][0] > t]
                if not amount or not running:
                    continue
                most += amount
                constant += self.add(terms, i, t, amount)
                constant += self.add(terms, i, running[0] - 1, -amount)
            if most > limit:
                self.row(out, terms, constant, limit)


def prove(week, known, limit):
    """(cost or None, proved at least, seconds)."""
    rows = [ends_and_costs(week, task) for task in week["tasks"]]
    least = narrow(week, rows, known)
    if known == sum(least):
        return known, known, 0.0
    model = Model(week, rows, least)
    with tempfile.TemporaryDirectory() as folder:
        path, answer = os.path.join(folder, "week.lp"), os.path.join(folder, "answer")
        constant = model.write(path)
        begin = time.monotonic()
        # Costs are whole multiples of the unit, so a gap below one is none.
        log = subprocess.run(["cbc", path, "-allowableGap", "0.9", "-ratioGap", "0", "-increment", "0.99", "-seconds",
                              str(limit), "-solve", "-solution", answer], capture_output=True, text=True, check=False).stdout
        took = time.monotonic() - begin
        with open(answer, encoding="ascii") as lines:
            status = lines.readline()
    value = float(status.split()[-1])
    base = sum(least)
    if status.startswith("Optimal"):
        cost = base + (round(value) + constant) * model.unit
        return cost, cost, took
    bounds = [float(line.split()[2]) for line in log.splitlines() if line.startswith("Lower bound:")]
    return None, base + (math.ceil(bounds[-1] - 1e-6) + constant) * model.unit if bounds else base, took


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("sim")
    parse.add_argument("--tasks", default="8,12,16,20,25")
    parse.add_argument("--seeds", default="1-12")
    parse.add_argument("--limit", type=int, default=60)
    args = parse.parse_args()
    since, until = (int(n) for n in args.seeds.split("-"))
    for tasks in args.tasks.split(","):
        for seed in range(since, until + 1):
            text = subprocess.run([args.sim, "joint", "--make", str(seed), "--tasks", tasks], capture_output=True,
                                  text=True, check=True).stdout
            with tempfile.NamedTemporaryFile("w", suffix=".week") as file:
                file.write(text)
                file.flush()
                found = json.loads(subprocess.run([args.sim, "joint", file.name, "--seconds", "3", "--json"],
                                                  capture_output=True, text=True, check=True).stdout)
            if not found["feasible"]:
                print(f"{seed},{tasks},none,,", flush=True)
                continue
            cost, bound, took = prove(read(text), found["cost"], args.limit)
            if cost is not None and cost > found["cost"]:
                sys.exit(f"seed {seed}, {tasks} tasks: the model finds {cost}, but there is a plan for {found['cost']}")
            print(f"{seed},{tasks},{'open' if cost is None else cost},{bound},{took:.1f}", flush=True)
            print(f"  # eoul {found['cost']} {'same' if cost == found['cost'] else 'DIFFERENT'}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
