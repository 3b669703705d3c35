#!/usr/bin/env python3
"""plan.py PROGRAMS_DIR [--seeds N] [--first S] [--weeks W] [--data DIR] [--only PART,...] [--jobs N] [--seconds S,S] [--minutes N]

The planner's figures on made-up teams and real logs, beside their targets and beside a bound that no order can beat.
Every line is `name TAB value TAB unit TAB target TAB ok|short|-`; ratios are means over seeds of the seeds' ratios, with half
the width of the 95 % interval in the unit column.  `<= x` is met when the mean is; a `short` is reported, not hidden.
Lines without a target are there to be read.  "agreed" is with everybody's starts moved where that costs nobody anything
(--set defer=2); nobody's are before they have said so.  Only where a line says "mode of the week" is it picked by replay, with
everybody agreed; elsewhere blend is the same in all weeks.

The parts, one after another; --only names those wanted:

    exact sigma checkpoint   office16 at load .5, .7, .85, run times known exactly, roughly, and from history
    weekly                   the mode of the week, on teams, on KTH-SP2 and where there is nothing to gain
    price fair               what a kWh costs with a tariff in the plan; how evenly waiting is spread
    closed                   closed loop: results per person-week
    power                    under a power cap, flat and lower by day, beside a bound that prices watts, too
    families sessions        other teams; people who are there when their calendar does not say so
    controls misstate        where there is nothing to gain; what wrong hours bring their teller
    logs eta                 KTH-SP2 and Philly; forecasts
    joint psplib anytime     proved and published optima; what more tries bring
    hours speed              interruptions outside somebody's hours; processor time
"""
import argparse
import concurrent.futures
import csv
import glob
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SCORE = os.path.join(HERE, "..", "joint", "score.py")
AGREED = ("--set", "defer=2")
FIXED = ("--mode", "later", "--agreed", "nobody")
WEEKLY = ("--mode", "weekly", "--agreed", "everybody")
BOUND_STEPS = {"office64": "100"}


class Bench:
    def __init__(self, args):
        self.args = args
        self.sim = os.path.join(args.programs, "eoul-sim")
        self.short = 0
        self.pool = concurrent.futures.ThreadPoolExecutor(args.jobs)
        self.bounds = {}

    def run(self, *options):
        """A future of the parsed JSON of one eoul-sim call."""
        def call():
            p = subprocess.run([self.sim, *options, "--json"], capture_output=True, text=True, check=False)
            if p.returncode != 0:
                raise RuntimeError(" ".join(options) + ": " + p.stderr.strip())
            return json.loads(p.stdout)
        return self.pool.submit(call)

    def team(self, *options, family="office16", loads=".5,.7,.85", weeks=None, seeds=None, eta=False):
        a = self.args
        return self.run("team", "--family", family, "--load", loads, "--weeks", str(weeks or a.weeks), "--seeds",
                        str(seeds or a.seeds), "--seed", str(a.first), *([] if eta else ["--no-eta"]), *mode(options), *options)

    def bound(self, family="office16", loads=".5,.7,.85", *options):
        """The bounds of these teams: of jobs and people alone, so the same for all estimates and policies."""
        key = (family, loads, options)
        if key not in self.bounds:
            self.bounds[key] = self.team("--estimates", "exact", "--checkpoint", "over:4h", "--policy", "saf,blend", "--bound",
                                         BOUND_STEPS.get(family, "400"), *options, family=family, loads=loads)
        return self.bounds[key]

    def line(self, name, value, unit, target=None):
        """target: None, ("<=", x) or (">=", x) or ("in", low, high)"""
        if target is None:
            said, verdict = "-", "-"
        elif target[0] == "in":
            said = "%g..%g" % target[1:]
            verdict = "ok" if target[1] <= value <= target[2] else "short"
        else:
            said = "%s %g" % target
            verdict = "ok" if (value <= target[1] if target[0] == "<=" else value >= target[1]) else "short"
        self.short += verdict == "short"
        print("%s\t%.4g\t%s\t%s\t%s" % (name, value, unit, said, verdict), flush=True)

    def ratio(self, name, ratio, target=None):
        self.line(name, ratio["mean"], "x +-%.3f" % ratio["half_width_95"], target)

    def ratios(self, name, over, under, target=None):
        """Of two lists, seed by seed."""
        values = [a / b for a, b in zip(over, under)]
        self.ratio(name, {"mean": mean(values), "half_width_95": spread(values)}, target)


def mode(options):
    return () if "--mode" in options else FIXED


def policies(result):
    return {p["policy"]: p for p in result["policies"]}


def le(x):
    return None if x is None else ("<=", x)


def ge(x):
    return None if x is None else (">=", x)


def mean(values):
    return sum(values) / len(values)


def spread(values):
    m = mean(values)
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}.get(len(values), 2.0)
    return t * (sum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values)) ** .5 if len(values) > 1 else 0.0


def preempts(word, options):
    """Does this policy interrupt somebody here?  Only then may it be put beside the bound with interrupting."""
    some = options[options.index("--checkpoint") + 1] != "none" if "--checkpoint" in options else True
    return some and (word in ("blend", "srsf", "las") or word.endswith("-p"))


def over_bound(b, name, p, bound, preemptive, target=None):
    b.ratios("%s over the bound" % name, p["tte_mean_h_by_seed"],
             bound["bound_preemptive_h_by_seed" if preemptive else "bound_h_by_seed"], target)


def office(b, name, options, words, wanted, bound_targets=None, family="office16", loads=".5,.7,.85", extra=()):
    """Hours of each policy and its distance from the bound; `wanted`: {policy: {"tte_over_saf": targets by load or None}}."""
    r = b.team(*options, *extra, "--policy", words, family=family, loads=loads)
    bounds = b.bound(family, loads, *extra)

    def show():
        for i, (result, bound) in enumerate(zip(r.result(), bounds.result())):
            by = policies(result)
            head = "%s load %.2f" % (name, result["load"])
            for word, p in by.items():
                preemptive = preempts(word, options)
                b.line("%s %s time until seen" % (head, word), p["tte_mean_h"], "h")
                over_bound(b, "%s %s" % (head, word), p, bound, preemptive,
                           le(bound_targets[i]) if bound_targets and word == "blend" else None)
            for word, keys in wanted.items():
                for key, targets in keys.items():
                    b.ratio("%s %s %s" % (head, word, key), by[word][key], le(targets[i]) if targets else None)
    return show


EXACT = {"tte_over_saf": [.87, .86, .88], "delay_over_saf": [.50, .60, .73], "tte_over_easy": [.69, .58, .49],
         "tte_over_sjf": [.87, .84, .89]}
SIGMA = {"tte_over_saf": [.93, .92, .93], "tte_over_easy": [.76, .65, .56], "delay_over_saf": None}


def part_exact(b):
    options = ("--estimates", "exact", "--checkpoint", "none")
    yield office(b, "office16 exact, agreed", (*options, *AGREED), "easy,sjf,saf,blend", {"blend": EXACT})
    yield office(b, "office16 exact", options, "easy,sjf,saf,blend", {"blend": EXACT})


def part_sigma(b):
    for estimates, name in (("sigma:0.5", "sigma .5"), ("history", "own history"), ("sigma:1", "sigma 1")):
        options = ("--estimates", estimates, "--checkpoint", "none")
        wanted = SIGMA if estimates == "sigma:0.5" else dict.fromkeys(SIGMA)
        yield office(b, "office16 %s, agreed" % name, (*options, *AGREED), "easy,saf,blend", {"blend": wanted})
        yield office(b, "office16 %s" % name, options, "easy,sjf,saf,blend", {"blend": wanted})


def part_checkpoint(b):
    for share, targets in ((".3", [.85, .82, .80]), (".6", [.82, .78, .74]), ("over:4h", [.81, .75, .71])):
        for agreed in ((), AGREED) if share != "over:4h" else ((),):
            yield office(b, "office16 sigma .5, checkpoint %s%s" % (share, ", agreed" if agreed else ""),
                         ("--estimates", "sigma:0.5", "--checkpoint", share, *agreed), "easy,saf,srsf,blend",
                         {"blend": {"tte_over_saf": targets, "tte_over_srsf": [1.0] * 3, "tte_over_easy": None}})
    for share in ("over:4h", "all"):
        yield office(b, "office16 exact, checkpoint %s" % share, ("--estimates", "exact", "--checkpoint", share),
                     "easy,saf,srsf,las,blend", {"blend": {"tte_over_saf": None, "tte_over_srsf": [1.0] * 3}}, [1.06, 1.10, 1.18])


def part_price(b):
    for estimates, name in (("exact", "exact"), ("sigma:0.5", "sigma .5")):
        options = ("--estimates", estimates, "--checkpoint", "none", *AGREED, "--policy", "saf,blend")
        without, tariff = b.team(*options), b.team(*options, "--person-hour", "30000")

        def show(without=without, tariff=tariff, name=name):
            for i, (plain, told) in enumerate(zip(without.result(), tariff.result())):
                head = "office16 %s, agreed, tariff in the plan, load %.2f" % (name, told["load"])
                p, q = policies(told)["blend"], policies(plain)["blend"]
                b.ratio(head + " price_over_saf", p["price_over_saf"], le([.93, .96, .98][i]))
                b.ratio(head + " tte_over_saf", p["tte_over_saf"])
                b.ratios(head + " time until seen by that without tariff", p["tte_mean_h_by_seed"], q["tte_mean_h_by_seed"],
                         le(1.0) if name == "exact" else None)
        yield show


def part_fair(b):
    for estimates, checkpoint, name in (("exact", "none", "exact, agreed"), ("history", "none", "own history, agreed"),
                                        ("sigma:0.5", "over:4h", "sigma .5, checkpoint over:4h")):
        r = b.team("--estimates", estimates, "--checkpoint", checkpoint, "--policy", "saf,srsf,blend", *AGREED)

        def show(r=r, name=name):
            for result in r.result():
                for word, p in policies(result).items():
                    head = "office16 %s load %.2f %s" % (name, result["load"], word)
                    own = word == "blend"
                    b.line(head + " Jain's index of delays", p["jain"], "", ge(.85) if own else None)
                    b.line(head + " worst delay of a person by the mean", p["worst_over_mean"], "x", le(3) if own else None)
        yield show


def part_closed(b):
    def lines(name, result, word, target=None):
        p = policies(result)[word]
        b.line("%s %s results" % (name, word), p["results_per_person_week"], "a person-week")
        b.ratio("%s %s results_over_easy" % (name, word), p["results_over_easy"], ge(target))
        b.ratio("%s %s results by those if nobody ever waited" % (name, word), p["results_over_best"])

    for estimates, target in (("exact", 1.23), ("sigma:0.5", 1.19)):
        r = b.team("--closed-loop", "--estimates", estimates, "--checkpoint", "none", "--policy", "easy,saf,blend", "--bound", "0", loads="1.5")

        def show(r=r, estimates=estimates, target=target):
            lines("closed loop, 16 GPUs, %s" % estimates, r.result()[0], "saf")
            lines("closed loop, 16 GPUs, %s" % estimates, r.result()[0], "blend", target)
        yield show
    for gpus, checkpoint, target in (("16", "over:4h", 1.26), ("16", "all", 1.26), ("24", "over:4h", 1.30), ("24", "all", 1.30),
                                     ("12", "all", None)):
        options = ("--closed-loop", "--estimates", "sigma:0.5", "--checkpoint", checkpoint, "--gpus", gpus, "--people", "12")
        r = b.team(*options, "--policy", "easy,saf,srsf,blend", "--bound", "0", loads="1.5")
        plain = b.team(*options, "--policy", "blend", "--set", "half_life_us=0", loads="1.5")

        def show2(r=r, plain=plain, gpus=gpus, checkpoint=checkpoint, target=target):
            name = "closed loop, %s GPUs, sigma .5, checkpoint %s" % (gpus, checkpoint)
            for word in ("saf", "srsf", "blend"):
                lines(name, r.result()[0], word, target if word == "blend" else None)
            for word in ("saf", "blend"):
                b.line("%s %s fewest results of a person by the mean" % (name, word),
                       policies(r.result()[0])[word]["results_worst_over_mean"], "x",
                       ge(.70) if gpus != "24" and word == "blend" else None)
                b.line("%s %s least share of own results if nobody ever waited, by the team's" % (name, word),
                       policies(r.result()[0])[word]["results_worst_share"], "x")
            b.line(name + " fewest results of a person by the mean if nobody ever waited",
                   mean(r.result()[0]["worst_over_mean_at_best_by_seed"]), "x")
            b.ratios(name + " blend results by those without the fair weight",
                     policies(r.result()[0])["blend"]["results_per_person_week_by_seed"],
                     policies(plain.result()[0])["blend"]["results_per_person_week_by_seed"], ge(.99))
        yield show2


def part_power(b):
    """Teams whose scripts take 40 to 100 % of their GPUs' power, under the family's cap of 170 W a GPU; with 3.2 kW that fall to 2.4
    by day only exact, because what runs when a cap falls goes on and the bound holds for plans that never draw more."""
    by_day = ("--power-cap", "3.2 kW; 2.4 kW Mon-Fri 10:00-18:00")
    for cap, cap_name in (((), "2.72 kW"), (by_day, "3.2 kW, 2.4 by day")):
        bounds = b.team("--estimates", "exact", "--checkpoint", "over:4h", "--policy", "saf,blend", "--bound", "400", *cap, family="capped",
                        loads=".5,.7")
        for estimates, checkpoint in (("exact", "none"), ("exact", "over:4h")) + ((("sigma:0.5", "none"), ("sigma:0.5", "over:4h"),
                                                                                   ("history", "none")) if not cap else ()):
            r = b.team("--estimates", estimates, "--checkpoint", checkpoint, "--policy", "easy,saf,srsf,blend", *AGREED, *cap, family="capped",
                       loads=".5,.7")

            def show(r=r, bounds=bounds, cap_name=cap_name, estimates=estimates, checkpoint=checkpoint):
                for result, bound in zip(r.result(), bounds.result()):
                    by = policies(result)
                    head = "capped %s, load %.2f %s, checkpoint %s, agreed" % (cap_name, result["load"], estimates, checkpoint)
                    for word, p in by.items():
                        b.line("%s %s time until seen" % (head, word), p["tte_mean_h"], "h")
                        if estimates != "history": # there the plan does not know the watts
                            over_bound(b, "%s %s" % (head, word), p, bound, word in ("srsf", "blend") and checkpoint != "none")
                    b.ratio(head + " blend tte_over_saf", by["blend"]["tte_over_saf"], le(1.0))
                    b.ratio(head + " blend tte_over_easy", by["blend"]["tte_over_easy"])
                    if checkpoint != "none":
                        b.ratio(head + " blend tte_over_srsf", by["blend"]["tte_over_srsf"], le(1.0))
                    b.line(head + " starts beyond the cap by the plan's own figures", sum(p["over_booked"] for p in by.values()), "", le(0))
                    b.line(head + " hours beyond the cap as drawn", sum(p["over_cap_h"] for p in by.values()), "h of all policies and seeds",
                           le(0) if estimates == "exact" else None)
            yield show


def part_families(b):
    for family, load in (("office16", ".3"), ("office16", ".95"), ("office64", ".7"), ("leave", ".7"), ("zones", ".7"),
                         ("sweeps", ".7"), ("deadline", ".7"), ("long", ".7"), ("overload", "1.1")):
        for estimates in ("sigma:0.5",) if family == "office64" else ("sigma:0.5", "exact"):
            r = b.team("--estimates", estimates, "--checkpoint", "over:4h", "--policy", "easy,saf,srsf,blend,blend-np", *AGREED,
                       family=family, loads=load)
            bounds = b.bound(family, load)

            def show(r=r, bounds=bounds, family=family, load=load, estimates=estimates):
                by, name = policies(r.result()[0]), "%s load %s %s, agreed" % (family, load, estimates)
                for word in ("easy", "saf", "srsf", "blend-np", "blend"):
                    b.line("%s %s time until seen" % (name, word), by[word]["tte_mean_h"], "h")
                    over_bound(b, "%s %s" % (name, word), by[word], bounds.result()[0], word in ("srsf", "blend"))
                for word in ("blend-np", "blend"):
                    b.ratio("%s %s tte_over_saf" % (name, word), by[word]["tte_over_saf"])
                b.ratio("%s blend tte_over_srsf" % name, by["blend"]["tte_over_srsf"], le(1.0))
                fair = float(load) <= .85
                b.line("%s blend Jain's index of delays" % name, by["blend"]["jain"], "", ge(.85) if fair else None)
                b.line("%s blend worst delay of a person by the mean" % name, by["blend"]["worst_over_mean"], "x",
                       le(3) if fair else None)
            yield show


def part_sessions(b):
    """Presence truth differs from calendar: they are there after each submit too, which the policies do not know."""
    for checkpoint in ("none", "over:4h"):
        yield office(b, "office16 sigma .5, agreed, checkpoint %s, there after each submit" % checkpoint,
                     ("--estimates", "sigma:0.5", "--checkpoint", checkpoint, *AGREED), "easy,saf,blend",
                     {"blend": {"tte_over_saf": None, "delay_over_saf": None, "tte_over_easy": None}}, extra=("--presence", "sessions"))


def part_misstate(b):
    """What one person gains by saying other hours than theirs, all others honest (src/sim/misstate.h)."""
    told = b.run("team", "--family", "office16", "--load", ".5,.7,.85", "--weeks", "4", "--seeds", str(b.args.seeds), "--seed",
                 str(b.args.first), *FIXED, "--policy", "blend", "--misstate", "6")

    def show():
        for result in told.result():
            ways = ("narrower", "wider", "mornings", "always")
            for how in ways:
                gain = result[how]
                b.line("misstated hours load %.2f %s gain" % (result["load"], how), 100 * gain["gain"],
                       "%% +-%.2f, most %.1f" % (196 * gain["standard_error"], 100 * gain["most"]))
            sure = max(result[how]["gain"] - 1.96 * result[how]["standard_error"] for how in ways)
            b.line("misstated hours load %.2f gain beyond chance" % result["load"], 100 * sure, "%", ("<=", 2))
    yield show


def part_controls(b):
    """Twice the seeds: paired, so that an interval says something about one per cent."""
    cases = (("everybody always there", "always", ".85", "exact", "none", 1.01),
             ("everybody always there", "always", ".85", "history", "none", 1.01),
             ("everybody always there", "always", ".85", "sigma:0.5", "over:4h", 1.00),
             ("nothing queues", "office16", ".1", "exact", "none", 1.01),
             ("hopeless forecasts", "office16", ".7", "sigma:3", "none", 1.01),
             ("hopeless forecasts", "office16", ".85", "sigma:3", "none", 1.01),
             ("hopeless forecasts", "office16", ".85", "sigma:3", "over:4h", 1.00))
    for name, family, load, estimates, checkpoint, most in cases:
        options = ("--estimates", estimates, "--checkpoint", checkpoint, "--policy", "saf,blend")
        for agreed in (False, True):
            r = b.team(*options, *(AGREED if agreed else ()), family=family, loads=load, seeds=2 * b.args.seeds)

            def show(r=r, name=name, load=load, estimates=estimates, checkpoint=checkpoint, most=most, agreed=agreed):
                head = "control: %s, load %s, %s, checkpoint %s%s" % (name, load, estimates, checkpoint, ", agreed" if agreed else "")
                b.ratio(head + " tte_over_saf", policies(r.result()[0])["blend"]["tte_over_saf"], le(most))
            yield show


def part_weekly(b):
    for estimates, name, wanted in (("exact", "exact", EXACT), ("sigma:0.5", "sigma .5", None), ("history", "own history", None)):
        yield office(b, "office16 %s, mode of the week" % name, ("--estimates", estimates, "--checkpoint", "none", *WEEKLY),
                     "easy,sjf,saf,blend", {"blend": wanted or {"tte_over_saf": None, "tte_over_easy": None}})
    yield office(b, "office16 sigma .5, checkpoint over:4h, mode of the week",
                 ("--estimates", "sigma:0.5", "--checkpoint", "over:4h", *WEEKLY), "easy,saf,srsf,blend",
                 {"blend": {"tte_over_saf": None, "tte_over_srsf": [1.0] * 3}})
    for family, load, estimates, most in (("always", ".85", "exact", 1.01), ("office16", ".7", "sigma:3", 1.01)):
        r = b.team("--estimates", estimates, "--checkpoint", "none", "--policy", "saf,blend", *WEEKLY, family=family, loads=load,
                   seeds=2 * b.args.seeds)

        def show(r=r, family=family, load=load, estimates=estimates, most=most):
            b.ratio("control: %s, load %s, %s, mode of the week tte_over_saf" % (family, load, estimates),
                    policies(r.result()[0])["blend"]["tte_over_saf"], le(most))
        yield show
    if os.path.exists(kth_of(b)):
        for estimates, easy, saf in (("limit", .80, .93), ("exact", .74, .90)):
            yield kth(b, estimates + ", mode of the week", ("--estimates", estimates, "--checkpoint", "none", *WEEKLY),
                      "easy,saf,blend", {("blend", "easy"): easy, ("blend", "saf"): saf})


def log_ratio(b, name, runs, over, under, key="tte_mean_h", target=None):
    b.ratios("%s %s/%s %s" % (name, over, under, key), [policies(r)[over][key] for r in runs], [policies(r)[under][key] for r in runs],
             target)


def shaken(b, path, *options):
    a = b.args
    return [b.run("--trace", path, "--shake", "0.1", "--seed", str(s), "--no-eta", *mode(options), *options)
            for s in range(a.first, a.first + a.seeds)]


def kth_of(b):
    return os.path.join(b.args.data, "swf", "KTH-SP2-1996-2.swf.gz")


def log_bounds(b, name, words, runs, bounds, preemptive):
    """Hours and how far they are from what could be had; the bounds are of the same shaken jobs and hours, whatever the estimates."""
    for word in words.split(","):
        hours = [policies(r)[word]["tte_mean_h"] for r in runs]
        b.line("%s %s time until seen" % (name, word), mean(hours), "h")
        kind = "bound_preemptive_h" if preemptive and preempts(word, ()) else "bound_h"
        b.ratios("%s %s over the bound" % (name, word), hours, [r.result()[kind] for r in bounds])


def kth_bounds(b, *options):
    """One run a seed for all of KTH's rows of the same hours."""
    key = ("kth", *options)
    if key not in b.bounds:
        b.bounds[key] = shaken(b, kth_of(b), "--calendars", "infer", "--estimates", "exact", "--policy", "saf", "--bound", "400", *options)
    return b.bounds[key]


def kth(b, name, options, words, targets):
    """targets: {(over, under): most or None}"""
    futures = shaken(b, kth_of(b), "--calendars", "infer", *options, "--policy", words)
    bounds = kth_bounds(b, *(("--presence", "sessions") if "sessions" in options else ()))

    def show():
        runs = [r.result() for r in futures]
        log_bounds(b, "KTH-SP2 " + name, words, runs, bounds, options[options.index("--checkpoint") + 1] != "none")
        for (over, under), most in targets.items():
            log_ratio(b, "KTH-SP2 %s" % name, runs, over, under, target=le(most))
    return show


def part_logs(b):
    if os.path.exists(kth_of(b)):
        for estimates, easy, saf in (("limit", .80, .93), ("exact", .74, .90)):
            for agreed in ((), AGREED):
                yield kth(b, estimates + (", agreed" if agreed else ""), ("--estimates", estimates, "--checkpoint", "none", *agreed),
                          "easy,saf,blend", {("blend", "easy"): easy, ("blend", "saf"): saf})
        yield kth(b, "history", ("--estimates", "history", "--checkpoint", "none"), "easy,saf,blend",
                  {("blend", "easy"): None, ("blend", "saf"): None})
        for estimates, saf in (("limit", .82), ("exact", None)):
            yield kth(b, estimates + ", all checkpoint", ("--estimates", estimates, "--checkpoint", "all"), "saf,srsf,blend",
                      {("blend", "saf"): saf, ("blend", "srsf"): 1.0})
        yield kth(b, "limit, there after each submit",
                  ("--estimates", "limit", "--checkpoint", "none", "--presence", "sessions"), "easy,saf,blend",
                  {("blend", "easy"): None, ("blend", "saf"): None})
    philly = os.path.join(b.args.data, "gpu-traces", "philly_jobs_2017-09-04_to_10-22.csv.gz")
    if os.path.exists(philly):
        for team, gpus in (("11cb48", "32"), ("6c71a0", "256"), ("103959", "16"), ("ee9e8c", "128")):
            options = ("--team", team, "--gpus", gpus, "--estimates", "sigma:0.5")
            r = shaken(b, philly, *options, "--calendars", "always", "--checkpoint", "none", "--policy", "saf,blend")
            o = shaken(b, philly, *options, "--calendars", "office", "--checkpoint", "over:4h", "--policy", "saf,srsf,blend,blend-np")

            exact = ("--team", team, "--gpus", gpus, "--estimates", "exact", "--policy", "saf", "--bound", "400")
            r_bound = shaken(b, philly, *exact, "--calendars", "always")
            o_bound = shaken(b, philly, *exact, "--calendars", "office")

            def show_v(r=r, o=o, team=team, gpus=gpus, r_bound=r_bound, o_bound=o_bound):
                runs, hours = [x.result() for x in r], [x.result() for x in o]
                name = "Philly %s, %s GPUs" % (team, gpus)
                log_bounds(b, name + " always there", "saf,blend", runs, r_bound, False)
                log_bounds(b, name + " office hours", "saf,blend-np,srsf,blend", hours, o_bound, True)
                log_ratio(b, name + " always there", runs, "blend", "saf", target=le(1.01))
                log_ratio(b, name + " office hours", hours, "blend-np", "saf", target=le(1.02))
                log_ratio(b, name + " office hours, > 4 h checkpoint", hours, "blend", "saf", target=le(1.00))
            yield show_v


def part_eta(b):
    r = b.team("--estimates", "history", "--checkpoint", "none", "--policy", "blend", loads=".5,.85", eta=True)
    k = b.run("--trace", kth_of(b), "--calendars", "infer", "--estimates", "history", *FIXED, "--policy", "blend") if os.path.exists(kth_of(b)) else None

    def show():
        cases = [("office16 load %.2f" % x["load"], policies(x)["blend"]) for x in r.result()]
        if k:
            cases.append(("KTH-SP2", policies(k.result())["blend"]))
        for name, p in cases:
            b.line("%s ended by the P10 of its submit" % name, p["eta_p10_coverage"], "")
            b.line("%s ended by the P50 of its submit" % name, p["eta_p50_coverage"], "", ("in", .45, .55))
            b.line("%s ended by the P90 of its submit" % name, p["eta_p90_coverage"], "", ("in", .87, .93))
            if p["eta_users"]:
                name_users = "%s ended by the P90, of people with 200 jobs looked at" % name
                b.line(name_users + ": least", p["eta_p90_least"], "of %d people" % p["eta_users"], ge(.80))
                b.line(name_users + ": most", p["eta_p90_most"], "of %d people" % p["eta_users"], le(.97))
                b.line(name_users + ": 80 to 97 %", p["eta_users_well"] / p["eta_users"], "of %d people" % p["eta_users"])
            b.line("%s ran no longer than its P50" % name, p["run_p50_coverage"], "of %d jobs" % p["pinball_jobs"])
            b.line("%s ran no longer than its P90" % name, p["run_p90_coverage"], "of %d jobs" % p["pinball_jobs"])
            b.line("%s log-pinball of P90" % name, p["pinball_p90"], "")
            b.line("%s log-pinball of P50" % name, p["pinball_p50"], "%.3f with the last two runs" % p["pinball_last_two"])
            b.line("%s log-pinball of P50 by that of the last two runs" % name, p["pinball_p50"] / p["pinball_last_two"], "x", le(.75))
            if name == "KTH-SP2": # where the prototype's last two runs came to more than ours do (doc/planner.md, "The table")
                b.line("KTH-SP2 log-pinball of P50 by that of the prototype's last two runs", p["pinball_p50"] / .857, "x")
    yield show


def passed_on(b, *command):
    """Lines of a program that prints them as this one does."""
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        b.short += line.endswith("\tshort")
        print(line, flush=True)


def part_joint(b):
    yield lambda: passed_on(b, sys.executable, SCORE, b.sim, "--seconds", "1", "--seeds", str(b.args.first))


def critical_path(path):
    """Length of the longest chain of a PSPLIB file: what no number of machines makes shorter."""
    with open(path, encoding="latin-1") as file:
        text = file.read()
    after, length = {}, {}
    for row in text.split("PRECEDENCE RELATIONS:")[1].split("REQUESTS/DURATIONS")[0].splitlines():
        n = row.split()
        if n and n[0].isdigit():
            after[int(n[0])] = [int(x) for x in n[3:]]
    for row in text.split("REQUESTS/DURATIONS:")[1].split("RESOURCEAVAILABILITIES")[0].splitlines():
        n = row.split()
        if len(n) > 3 and n[0].isdigit():
            length[int(n[0])] = int(n[2])
    longest = {}
    for job in sorted(after, reverse=True):
        longest[job] = length[job] + max((longest[s] for s in after[job]), default=0)
    return longest[min(longest)]


def part_psplib(b):
    folder = os.path.join(b.args.data, "rcpsp")
    if not os.path.exists(os.path.join(folder, "psplib_best.csv")):
        return
    with open(os.path.join(folder, "psplib_best.csv"), encoding="ascii") as file:
        best = {row["file"]: (row["set"], int(row["ub"])) for row in csv.DictReader(file)}
    files = [f for f in sorted(glob.glob(os.path.join(folder, "psplib", "*.sm"))) if os.path.basename(f) in best]

    def show(seconds):
        gaps, over, least = {}, {}, {}
        for path in files:
            found = json.loads(subprocess.run([b.sim, "rcpsp", path, "--seconds", seconds, "--seed", str(b.args.first), "--json"],
                                              capture_output=True, text=True, check=True).stdout)
            if not found["feasible"]:
                raise RuntimeError(path + ": no schedule that the referee finds right")
            name, ub = best[os.path.basename(path)]
            gaps.setdefault(name, []).append(100 * (found["makespan"] / ub - 1))
            path_length = critical_path(path)
            over.setdefault(name, []).append(100 * (found["makespan"] / path_length - 1))
            least.setdefault(name, []).append(100 * (ub / path_length - 1))
        for name in sorted(gaps, key=lambda n: int(n[1:])):
            at_1 = float(seconds) == 1
            b.line("PSPLIB %s in %s s: mean gap to best known" % (name, seconds), mean(gaps[name]), "%% of %d" % len(gaps[name]),
                   le({"j30": .1, "j60": 1, "j120": 3}.get(name)) if at_1 else None)
            b.line("PSPLIB %s in %s s: over the critical path" % (name, seconds), mean(over[name]),
                   "%% of %d; best known %.1f" % (len(over[name]), mean(least[name])), le({"j120": 33}.get(name)) if at_1 else None)
    for seconds in b.args.seconds.split(","):
        yield lambda seconds=seconds: show(seconds)


def part_anytime(b):
    """The objective by the number of tries: of a decision's search, of the search for a whole week, and of PSPLIB's."""
    runs = [(n, b.team("--estimates", "exact", "--checkpoint", "none", "--policy", "saf,blend", "--set", "search_moves=%d" % n, *AGREED,
                       loads=".7", weeks=min(b.args.weeks, 6))) for n in (0, 10, 100, 1000, 10000)]

    def show():
        for n, r in runs:
            b.ratio("anytime: %d moves a decision, agreed, load .7, blend tte_over_saf" % n, policies(r.result()[0])["blend"]["tte_over_saf"])
        for n in (1, 10, 100, 1000, 10000):
            passed_on(b, sys.executable, SCORE, b.sim, "--iterations", str(n), "--seeds", str(b.args.first))
    yield show


def part_hours(b):
    """Simulated weeks with faults, judged by the clock on everybody's wall (doc/simulator.md, notice-hours)."""
    def show():
        p = subprocess.run([b.sim, "seeds", "--first", str(b.args.first), "--seeds", "50"], capture_output=True, text=True, check=False)
        n = re.search(r"(\d+) seeds, (\d+) failed", p.stdout)
        if not n:
            raise RuntimeError("eoul-sim seeds: " + p.stdout + p.stderr)
        b.line("weeks in which somebody was interrupted outside their hours", p.stdout.count(" notice-hours:"), "of %s" % n.group(1), le(0))
    yield show


def part_speed(b):
    """One after the other, on one core, user time: other work on the machine must not count."""
    def timed(*options):
        before = os.times()
        subprocess.run([b.sim, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        after = os.times()
        return after.children_user - before.children_user + after.children_system - before.children_system

    def show():
        six = "easy,sjf,saf,srsf,las,blend"
        for estimates in ("exact", "sigma:0.5", "history"):
            b.line("a year of 16 GPUs under six policies, %s" % estimates,
                   timed("team", "--weeks", "52", "--load", ".7", "--estimates", estimates, "--checkpoint", ".3", "--policy", six), "s CPU", le(20))
        philly = os.path.join(b.args.data, "gpu-traces", "philly_jobs_2017-09-04_to_10-22.csv.gz")
        if os.path.exists(philly):
            for gpus in ("2490", "1000", "400", "64"):
                b.line("37,973 Philly jobs under EASY, %s GPUs" % gpus,
                       timed("--trace", philly, "--gpus", gpus, "--policy", "easy", "--estimates", "exact", "--no-eta"), "s CPU", le(1))
    yield show


PARTS = {"exact": part_exact, "sigma": part_sigma, "checkpoint": part_checkpoint, "weekly": part_weekly,
         "price": part_price, "fair": part_fair, "closed": part_closed, "power": part_power, "families": part_families, "sessions": part_sessions, "controls": part_controls,
         "misstate": part_misstate, "logs": part_logs, "eta": part_eta, "joint": part_joint, "psplib": part_psplib,
         "anytime": part_anytime, "hours": part_hours, "speed": part_speed}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("programs")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--weeks", type=int, default=10)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--seconds", default="0.1,1,10")
    p.add_argument("--data", default=os.path.join(HERE, "..", "..", "..", "shared", "data"))
    p.add_argument("--only", default=",".join(PARTS))
    p.add_argument("--minutes", type=float, default=240, help="what has not begun by then is named and left out")
    b = Bench(p.parse_args())
    begin = time.time()
    print("# seeds %d to %d, %d weeks" % (b.args.first, b.args.first + b.args.seeds - 1, b.args.weeks))
    left_out = []
    for name in b.args.only.split(","):
        if time.time() - begin > 60 * b.args.minutes:
            left_out.append(name)
            continue
        begun, before = time.time(), os.times()
        for show in list(PARTS[name](b)):
            show()
        after = os.times()
        print("# %s: %.0f s, %.0f of processor time" % (name, time.time() - begun, after.children_user - before.children_user), flush=True)
    if left_out:
        print("# not begun within %g minutes: %s" % (b.args.minutes, ", ".join(left_out)))
    print("# %.0f s, %d short" % (time.time() - begin, b.short))
    return 0


if __name__ == "__main__":
    sys.exit(main())
