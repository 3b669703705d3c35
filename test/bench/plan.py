#!/usr/bin/env python3
"""plan.py PROGRAMS_DIR [--seeds N] [--first S] [--weeks W] [--data DIR] [--only PART,...] [--jobs N]

The planner's figures on made-up teams and real logs, beside their targets and beside a bound that no order can beat.
Every line is `name TAB value TAB unit TAB target TAB ok|short|-`; ratios are means over seeds of the seeds' ratios, with half
the width of the 95 % interval in the unit column.  `<= x` is met when the mean is; a `short` is reported, not hidden.
Lines without a target are there to be read.  Parts: office exact sigma checkpoint closed families controls misstate logs
eta anytime speed.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, args):
        self.args = args
        self.sim = os.path.join(args.programs, "eoul-sim")
        self.short = 0
        self.pool = concurrent.futures.ThreadPoolExecutor(args.jobs)

    def run(self, *options):
        """A future of the parsed JSON of one eoul-sim call."""
        def call():
            p = subprocess.run([self.sim, *options, "--json"], capture_output=True, text=True, check=False)
            if p.returncode != 0:
                raise RuntimeError(" ".join(options) + ": " + p.stderr.strip())
            return json.loads(p.stdout)
        return self.pool.submit(call)

    def team(self, *options, family="office16", loads=".5,.7,.85", weeks=None):
        a = self.args
        return self.run("team", "--family", family, "--load", loads, "--weeks", str(weeks or a.weeks), "--seeds", str(a.seeds),
                        "--seed", str(a.first), "--no-eta", *options)

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

    def ratio(self, name, ratio, target=None, half=True):
        self.line(name, ratio["mean"], "x +-%.3f" % ratio["half_width_95"], target)


def policies(result):
    return {p["policy"]: p for p in result["policies"]}


def le(x):
    return None if x is None else ("<=", x)


def ge(x):
    return None if x is None else (">=", x)


def load_lines(b, name, results, peers, bound=True):
    """peers: {policy: {"tte_over_saf": [targets by load], ...}}"""
    for i, result in enumerate(results):
        by = policies(result)
        head = "%s load %.2f" % (name, result["load"])
        for word, p in by.items():
            b.line("%s %s time until seen" % (head, word), p["tte_mean_h"], "h")
        for word, wanted in peers.items():
            for key, targets in wanted.items():
                b.ratio("%s %s %s" % (head, word, key), by[word][key], le(targets[i]) if targets else None)
            if bound:
                b.ratio("%s %s tte_over_bound" % (head, word), by[word]["tte_over_bound"])


def part_exact(b):
    r = b.team("--estimates", "exact", "--checkpoint", "none", "--policy", "easy,sjf,saf,blend", "--bound", "400")
    yield lambda: load_lines(b, "office16 exact", r.result(), {"blend": {
        "tte_over_saf": [.87, .86, .88], "delay_over_saf": [.50, .60, .73], "tte_over_easy": [.69, .58, .49],
        "tte_over_sjf": [.87, .84, .89], "price_over_saf": [.93, .96, .98]}, "saf": {}})
    later = b.team("--estimates", "exact", "--checkpoint", "none", "--policy", "saf,blend", "--set", "defer=2")
    yield lambda: load_lines(b, "office16 exact, everybody agreed to later starts", later.result(), {"blend": {
        "tte_over_saf": [.87, .86, .88], "delay_over_saf": [.50, .60, .73], "price_over_saf": [.93, .96, .98]}}, bound=False)


def part_sigma(b):
    later = b.team("--estimates", "sigma:0.5", "--checkpoint", "none", "--policy", "saf,blend", "--set", "defer=2")
    yield lambda: load_lines(b, "office16 sigma .5, everybody agreed to later starts", later.result(), {"blend": {
        "tte_over_saf": [.93, .92, .93], "delay_over_saf": None}}, bound=False)
    r = b.team("--estimates", "sigma:0.5", "--checkpoint", "none", "--policy", "easy,sjf,saf,blend", "--bound", "400")
    yield lambda: load_lines(b, "office16 sigma .5", r.result(), {"blend": {
        "tte_over_saf": [.93, .92, .93], "tte_over_easy": [.76, .65, .56], "delay_over_saf": None}, "saf": {}})
    h = b.team("--estimates", "history", "--checkpoint", "none", "--policy", "easy,sjf,saf,blend", "--bound", "400")
    yield lambda: load_lines(b, "office16 history", h.result(), {"blend": {
        "tte_over_saf": None, "tte_over_easy": None, "delay_over_saf": None}, "saf": {}})
    s = b.team("--estimates", "sigma:1", "--checkpoint", "none", "--policy", "easy,saf,blend", "--bound", "400")
    yield lambda: load_lines(b, "office16 sigma 1", s.result(), {"blend": {"tte_over_saf": None, "tte_over_easy": None}})


def part_checkpoint(b):
    for share, targets in ((".3", [.85, .82, .80]), (".6", [.82, .78, .74]), ("over:4h", [.81, .75, .71])):
        r = b.team("--estimates", "sigma:0.5", "--checkpoint", share, "--policy", "easy,saf,srsf,blend", "--bound", "400")
        yield lambda r=r, share=share, targets=targets: load_lines(
            b, "office16 sigma .5 checkpoint %s" % share, r.result(),
            {"blend": {"tte_over_saf": targets, "tte_over_srsf": [1.0] * 3, "tte_over_easy": None}, "srsf": {"tte_over_saf": None}})
    e = b.team("--estimates", "exact", "--checkpoint", "all", "--policy", "easy,saf,srsf,las,blend", "--bound", "400")

    def exact():
        load_lines(b, "office16 exact, all checkpoint", e.result(),
                   {"blend": {"tte_over_saf": None, "tte_over_srsf": [1.0] * 3}, "srsf": {}, "las": {}}, bound=False)
        for i, result in enumerate(e.result()):
            for word in ("srsf", "blend"):
                b.ratio("office16 exact, all checkpoint load %.2f %s tte_over_bound" % (result["load"], word),
                        policies(result)[word]["tte_over_bound"], le([1.06, 1.10, 1.18][i]) if word == "blend" else None)
    yield exact


def part_closed(b):
    def lines(name, results, word, target, worst=False):
        p = policies(results[0])[word]
        b.line("%s %s results" % (name, word), p["results_per_person_week"], "a person-week")
        b.ratio("%s %s results_over_easy" % (name, word), p["results_over_easy"], ge(target))
        if worst:
            b.line("%s %s fewest results of a person by the mean" % (name, word), p["results_worst_over_mean"], "x", ge(.70))
    for estimates, target in (("exact", 1.23), ("sigma:0.5", 1.19)):
        r = b.team("--closed-loop", "--estimates", estimates, "--checkpoint", "none", "--policy", "easy,saf,blend", loads="1.5")

        def show(r=r, estimates=estimates, target=target):
            lines("closed loop 16 GPUs %s" % estimates, r.result(), "saf", None)
            lines("closed loop 16 GPUs %s" % estimates, r.result(), "blend", target)
        yield show
    for gpus, target in (("16", 1.26), ("24", 1.30)):
        r = b.team("--closed-loop", "--estimates", "sigma:0.5", "--checkpoint", "all", "--policy", "easy,saf,srsf,blend", "--gpus",
                   gpus, "--people", "12", loads="1.5")

        def show2(r=r, gpus=gpus, target=target):
            for word in ("saf", "srsf"):
                lines("closed loop %s GPUs sigma .5, all checkpoint" % gpus, r.result(), word, None)
            lines("closed loop %s GPUs sigma .5, all checkpoint" % gpus, r.result(), "blend", target, gpus == "16")
        yield show2


def part_families(b):
    for family in ("office64", "leave", "zones", "sweeps", "deadline", "long", "overload"):
        loads = "1.1" if family == "overload" else ".7"
        r = b.team("--estimates", "sigma:0.5", "--checkpoint", "over:4h", "--policy", "easy,saf,srsf,blend,blend-np", "--bound",
                   "200" if family != "office64" else "100", family=family, loads=loads)

        def show(r=r, family=family):
            by = policies(r.result()[0])
            for word in ("easy", "saf", "srsf", "blend-np", "blend"):
                p = by[word]
                b.line("%s sigma .5 %s time until seen" % (family, word), p["tte_mean_h"], "h")
                b.ratio("%s sigma .5 %s tte_over_bound" % (family, word), p["tte_over_bound"])
            for word in ("blend-np", "blend"):
                b.ratio("%s sigma .5 %s tte_over_saf" % (family, word), by[word]["tte_over_saf"])
            fair = family != "overload"
            b.line("%s sigma .5 blend Jain's index of delays" % family, by["blend"]["jain"], "", ge(.85) if fair else None)
            b.line("%s sigma .5 blend worst delay of a person by the mean" % family, by["blend"]["worst_over_mean"], "x",
                   le(3) if fair else None)
        yield show


def part_misstate(b):
    """What one person gains by saying other hours than theirs, all others honest (src/sim/misstate.h)."""
    told = b.run("team", "--family", "office16", "--load", ".5,.7,.85", "--weeks", "4", "--seeds", str(b.args.seeds), "--seed",
                 str(b.args.first), "--policy", "blend", "--misstate", "6")

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
    r = b.team("--estimates", "exact", "--checkpoint", "none", "--policy", "saf,blend", family="always", loads=".85")
    yield lambda: b.ratio("always there exact blend tte_over_saf", policies(r.result()[0])["blend"]["tte_over_saf"], le(1.01))
    s = b.team("--estimates", "sigma:0.5", "--checkpoint", "over:4h", "--policy", "saf,blend", family="always", loads=".85")
    yield lambda: b.ratio("always there sigma .5 preemptive blend tte_over_saf",
                          policies(s.result()[0])["blend"]["tte_over_saf"], le(1.00))


def mean(values):
    return sum(values) / len(values)


def spread(values):
    m = mean(values)
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}.get(len(values), 2.0)
    return t * (sum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values)) ** .5 if len(values) > 1 else 0.0


def log_ratio(b, name, runs, over, under, key="tte_mean_h", target=None):
    values = [policies(r)[over][key] / policies(r)[under][key] for r in runs]
    b.ratio("%s %s/%s %s" % (name, over, under, key), {"mean": mean(values), "half_width_95": spread(values)}, target)


def shaken(b, path, *options):
    a = b.args
    return [b.run("--trace", path, "--shake", "0.1", "--seed", str(s), "--no-eta", *options)
            for s in range(a.first, a.first + a.seeds)]


def part_logs(b):
    data = b.args.data
    kth = os.path.join(data, "swf", "KTH-SP2-1996-2.swf.gz")
    if os.path.exists(kth):
        for estimates, easy, saf in (("limit", .80, .93), ("exact", .74, .90)):
            np = shaken(b, kth, "--calendars", "infer", "--estimates", estimates, "--checkpoint", "none", "--policy", "easy,saf,blend")

            def show(np=np, estimates=estimates, easy=easy, saf=saf):
                runs = [r.result() for r in np]
                for word in ("easy", "saf", "blend"):
                    b.line("KTH-SP2 %s %s time until seen" % (estimates, word), mean([policies(r)[word]["tte_mean_h"] for r in runs]), "h")
                log_ratio(b, "KTH-SP2 %s" % estimates, runs, "blend", "easy", target=le(easy))
                log_ratio(b, "KTH-SP2 %s" % estimates, runs, "blend", "saf", target=le(saf))
            yield show
        p = shaken(b, kth, "--calendars", "infer", "--estimates", "limit", "--checkpoint", "all", "--policy", "saf,srsf,blend")

        def show_p(p=p):
            runs = [r.result() for r in p]
            log_ratio(b, "KTH-SP2 limit, all checkpoint", runs, "blend", "saf", target=le(.82))
            log_ratio(b, "KTH-SP2 limit, all checkpoint", runs, "blend", "srsf", target=le(1.0))
        yield show_p
    philly = os.path.join(data, "gpu-traces", "philly_jobs_2017-09-04_to_10-22.csv.gz")
    if os.path.exists(philly):
        for team, gpus in (("11cb48", "32"), ("6c71a0", "256"), ("103959", "16"), ("ee9e8c", "128")):
            r = shaken(b, philly, "--team", team, "--gpus", gpus, "--calendars", "always", "--estimates", "sigma:0.5", "--checkpoint", "none", "--policy", "saf,blend")
            o = shaken(b, philly, "--team", team, "--gpus", gpus, "--calendars", "office", "--estimates", "sigma:0.5", "--checkpoint", "over:4h", "--policy", "saf,srsf,blend,blend-np")

            def show_v(r=r, o=o, team=team, gpus=gpus):
                runs, office = [x.result() for x in r], [x.result() for x in o]
                name = "Philly %s, %s GPUs" % (team, gpus)
                b.line("%s saf time until seen" % name, mean([policies(x)["saf"]["tte_mean_h"] for x in runs]), "h")
                log_ratio(b, name + " always there", runs, "blend", "saf", target=le(1.02))
                log_ratio(b, name + " office hours", office, "blend-np", "saf", target=le(1.02))
                log_ratio(b, name + " office hours, > 4 h checkpoint", office, "blend", "saf", target=le(1.00))
            yield show_v


def part_eta(b):
    a = b.args
    r = b.run("team", "--load", ".5,.85", "--weeks", str(a.weeks), "--seeds", str(a.seeds), "--seed", str(a.first), "--estimates", "history",
              "--checkpoint", "none", "--policy", "blend")
    kth = os.path.join(a.data, "swf", "KTH-SP2-1996-2.swf.gz")
    k = b.run("--trace", kth, "--calendars", "infer", "--estimates", "history", "--policy", "blend") if os.path.exists(kth) else None

    def show():
        cases = [("office16 load %.2f" % x["load"], policies(x)["blend"]) for x in r.result()]
        if k:
            cases.append(("KTH-SP2", policies(k.result())["blend"]))
        for name, p in cases:
            b.line("%s ended by the P50 of its submit" % name, p["eta_p50_coverage"], "", ("in", .45, .55))
            b.line("%s ended by the P90 of its submit" % name, p["eta_p90_coverage"], "", ("in", .87, .93))
    yield show


def part_anytime(b):
    """The objective by the number of moves a decision may try; needs a core whose settings name them."""
    probe = subprocess.run([b.sim, "team", "--weeks", "2", "--set", "search_moves=0", "--policy", "saf"], capture_output=True, check=False)
    if probe.returncode != 0:
        return
    runs = [(n, b.team("--estimates", "exact", "--checkpoint", "none", "--policy", "saf,blend", "--set", "search_moves=%d" % n, loads=".7"))
            for n in (0, 10, 100, 1000)]

    def show():
        for n, r in runs:
            b.ratio("anytime %d moves blend tte_over_saf" % n, policies(r.result()[0])["blend"]["tte_over_saf"])
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


PARTS = {"exact": part_exact, "sigma": part_sigma, "checkpoint": part_checkpoint, "closed": part_closed, "families": part_families,
         "controls": part_controls, "misstate": part_misstate, "logs": part_logs, "eta": part_eta, "anytime": part_anytime, "speed": part_speed}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("programs")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--weeks", type=int, default=12)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--data", default=os.path.join(HERE, "..", "..", "..", "shared", "data"))
    p.add_argument("--only", default=",".join(PARTS))
    b = Bench(p.parse_args())
    begin = time.time()
    print("# seeds %d to %d, %d weeks" % (b.args.first, b.args.first + b.args.seeds - 1, b.args.weeks))
    for name in b.args.only.split(","):
        for show in list(PARTS[name](b)):
            show()
    print("# %.0f s, %d short" % (time.time() - begin, b.short))
    return 0


if __name__ == "__main__":
    sys.exit(main())
