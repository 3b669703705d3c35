#!/usr/bin/env python3
"""score.py EOUL_SIM [--seconds 1 | --iterations N] [--seeds 1,2,3] [--from 1] [--until 1000] [OPTIMA]

How often `eoul sim joint` finds the proved optimum of optima.csv in so many seconds of one core (or iterations, which
have no target), and how far it is off on average: `name <TAB> value <TAB> unit <TAB> target <TAB> ok|short` a line.
"""
import argparse
import csv
import json
import os
import subprocess
import tempfile


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("sim")
    parse.add_argument("--seconds", default="1")
    parse.add_argument("--iterations")
    parse.add_argument("--seeds", default="1")
    parse.add_argument("--from", type=int, default=0, dest="since")
    parse.add_argument("--until", type=int, default=10**9)
    parse.add_argument("--verbose", action="store_true")
    parse.add_argument("optima", nargs="?", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "optima.csv"))
    args = parse.parse_args()
    budget = ["--iterations", args.iterations] if args.iterations else ["--seconds", args.seconds]
    runs = hits = 0
    gap = 0.0
    with open(args.optima, encoding="ascii") as lines:
        rows = [row for row in csv.DictReader(line for line in lines if not line.startswith("#")) if row["cost"].isdigit()
                and args.since <= int(row["seed"]) <= args.until]
    for row in rows:
        with tempfile.NamedTemporaryFile("w", suffix=".week") as file:
            subprocess.run([args.sim, "joint", "--make", row["seed"], "--tasks", row["tasks"]], stdout=file, check=True)
            for seed in args.seeds.split(","):
                found = json.loads(subprocess.run([args.sim, "joint", file.name, *budget, "--seed", seed, "--json"],
                                                  capture_output=True, text=True, check=True).stdout)
                off = found["cost"] / int(row["cost"]) - 1 if found["feasible"] else 1.0
                runs += 1
                hits += found["feasible"] and found["cost"] == int(row["cost"])
                gap += off
                if off and args.verbose:
                    print(f"# week {row['seed']} of {row['tasks']} tasks, seed {seed}: {100 * off:.4f} % over", flush=True)
    share, mean = 100.0 * hits / runs, 100.0 * gap / runs
    if args.iterations:
        print(f"joint_optimal_{args.iterations}_iterations\t{share:.1f}\t% of {runs}\t-\t-")
        print(f"joint_gap_{args.iterations}_iterations\t{mean:.4f}\t%\t-\t-")
        return
    print(f"joint_optimal_{args.seconds}s\t{share:.1f}\t% of {runs}\t>= 95\t{'ok' if share >= 95 else 'short'}")
    print(f"joint_gap_{args.seconds}s\t{mean:.4f}\t%\t<= 2\t{'ok' if mean <= 2 else 'short'}")


if __name__ == "__main__":
    main()
