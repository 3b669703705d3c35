#!/usr/bin/env python3
"""compare.py EOUL EOULD SOURCE: the same scripts and options through eoul and through a real Slurm.

Starts a throw-away Slurm (munged, slurmctld, slurmd; Debian 12's packages slurm-wlm, slurm-wlm-basic-plugins and
munge) and a private eould with the same resources, all in one temporary directory and on free ports, and compares
    - what jobs are told: every SLURM_*, *_VISIBLE_DEVICES, ENVIRONMENT, HOSTNAME and TMPDIR, for many options
    - what is refused: each line of test/tables/lint.txt that lint calls refused, or finds nothing in
    - what scripts print: test/scripts, where both accept them
Needs root and the packages; skips and says so without them.  Prints TAP.
"""
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

OPTIONS = [
    "", "-n 2 -c 2 --mem=1G -t 10", "--gpus=2 --cpus-per-gpu=1 --mem-per-gpu=128M", "--gres=gpu:2",
    "--gpus-per-node=2 --ntasks-per-node=2", "--gpus-per-task=1 -n 2", "--array=0-4:2",
    "-n 4 -O --exclusive --nodes=1", "-d singleton --open-mode=append", "--export=FOO=1 --mem-per-cpu=100M",
    "--ntasks-per-gpu=2 --gpus=1", "-c 3 --nice=5", "-J 'a name' -p main --requeue",
]
# Of newer versions, of this Slurm's own set-up, or named after the cluster.
NOT_COMPARED = re.compile(r"SLURM_(CONF|WORKING_CLUSTER|NODE_ALIASES|TASK_PID|CLUSTER_NAME|JOB_PARTITION|JOB_START_TIME|"
                          r"JOB_END_TIME|JOB_COMMENT|JOB_ID|JOBID|ARRAY_JOB_ID|GET_USER_ENV|JOB_GPUS)$|CUDA_DEVICE_ORDER$|"
                          r"(CUDA|ROCR)_VISIBLE_DEVICES$|GPU_DEVICE_ORDINAL$|ZE_AFFINITY_MASK$")
# Slurm finds these wrong for reasons of its set-up (no such node), not of its reading.
NOT_READ_ALIKE = ("--nodelist=",)
PRINTS_ELSE = {"09-days", "11-zero-days", "34-signal", "36-account-qos", "59-accelerate"}  # 22.05 differs; see doc/slurm.md


def skip(why):
    print("1..0 # skip " + why)
    sys.exit(0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Slurm:
    """The recipe: no systemd, no cgroups, GPUs that are links to /dev/null."""

    def __init__(self, top):
        self.top, self.host = top, socket.gethostname().split(".")[0]
        os.chmod(top, 0o755)
        for name in ("state", "spool", "log", "dev", "munge"):
            os.mkdir(f"{top}/{name}", 0o755)
        for i in range(8):
            os.symlink("/dev/null", f"{top}/dev/gpu{i}")
        with open(f"{top}/munge/key", "wb") as key:
            key.write(os.urandom(1024))
        os.chmod(f"{top}/munge/key", 0o400)
        shutil.chown(f"{top}/munge", "munge", "munge")
        shutil.chown(f"{top}/munge/key", "munge", "munge")
        conf = {
            "ClusterName": "local", "SlurmctldHost": f"{self.host}(127.0.0.1)", "SlurmUser": "root", "SlurmdUser": "root",
            "SlurmctldPort": free_port(), "SlurmdPort": free_port(), "SlurmctldPidFile": f"{top}/slurmctld.pid",
            "SlurmdPidFile": f"{top}/slurmd.pid", "SlurmctldLogFile": f"{top}/log/ctld", "SlurmdLogFile": f"{top}/log/d",
            "StateSaveLocation": f"{top}/state", "SlurmdSpoolDir": f"{top}/spool", "AuthType": "auth/munge",
            "AuthInfo": f"socket={top}/munge/socket", "CredType": "cred/munge", "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none", "JobAcctGatherType": "jobacct_gather/linux", "SwitchType": "switch/none",
            "MpiDefault": "none", "MailProg": "/bin/true", "ReturnToService": 2, "SlurmdParameters": "config_overrides",
            "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_Core", "SchedulerType": "sched/backfill",
            "SchedulerParameters": "batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1",
            "PriorityType": "priority/basic", "GresTypes": "gpu", "MaxArraySize": 100001, "MinJobAge": 300, "KillWait": 2,
            "AccountingStorageType": "accounting_storage/none", "JobCompType": "jobcomp/none",
        }
        with open(f"{top}/slurm.conf", "w", encoding="utf-8") as f:
            f.writelines(f"{k}={v}\n" for k, v in conf.items())
            f.write(f"NodeName={self.host} NodeAddr=127.0.0.1 CPUs=64 Boards=1 SocketsPerBoard=1 CoresPerSocket=64 "
                    "ThreadsPerCore=1 RealMemory=16000 Gres=gpu:8 State=UNKNOWN\n"
                    f"PartitionName=main Nodes={self.host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO\n")
        with open(f"{top}/gres.conf", "w", encoding="utf-8") as f:
            f.write(f"NodeName={self.host} Name=gpu File={top}/dev/gpu[0-7]\n")
        with open(f"{top}/cgroup.conf", "w", encoding="utf-8") as f:
            f.write("CgroupAutomount=no\nCgroupPlugin=cgroup/v1\n")
        self.env = dict(os.environ, SLURM_CONF=f"{top}/slurm.conf")

    def start(self):
        m = f"{self.top}/munge"
        self.call("setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups", "/usr/sbin/munged",
                  f"--key-file={m}/key", f"--socket={m}/socket", f"--pid-file={m}/munged.pid",
                  f"--log-file={m}/log", f"--seed-file={m}/seed", check=True)
        self.call("slurmctld", "-c", check=True)
        self.call("slurmd", check=True)
        for _ in range(200):  # nothing to wait on: sinfo is the only sign
            if self.call("timeout", "1", "sinfo", "-h", "-o", "%T").stdout.strip() == "idle":
                return
            time.sleep(0.05)
        sys.exit("Bail out! Slurm did not become idle")

    def stop(self):
        for name in ("slurmd.pid", "slurmctld.pid", "munge/munged.pid"):
            try:
                with open(f"{self.top}/{name}", encoding="ascii") as f:
                    pid = int(f.read())
                fd = os.pidfd_open(pid)
                os.kill(pid, 15)
                if not select.select([fd], [], [], 10)[0]:
                    os.kill(pid, 9)
                os.close(fd)
            except (OSError, ValueError):
                pass

    def call(self, *words, check=False, cwd=None, env=None):
        return subprocess.run(words, env=dict(self.env, **(env or {})), cwd=cwd, text=True, capture_output=True,
                              timeout=60, check=check, stdin=subprocess.DEVNULL)


class Eoul:
    def __init__(self, eoul, eould, top):
        self.eoul = eoul
        os.mkdir(f"{top}/state", 0o700)
        with open(f"{top}/eoul.yaml", "w", encoding="utf-8") as f:
            f.write("gpus: 8\ncpus: 64\nmemory: 16000M\n")
        ready, tell = os.pipe()
        self.log = open(f"{top}/log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [eould, "--state", f"{top}/state", "--socket", f"{top}/socket", "--config", f"{top}/eoul.yaml",
             "--foreground", "--ready-fd", str(tell)], pass_fds=[tell], stdout=self.log, stderr=self.log,
            env=dict(os.environ, EOUL_LOCK_DIR=f"{top}/lock"))
        os.close(tell)
        if not os.read(ready, 1):
            sys.exit("Bail out! eould did not start")
        os.close(ready)
        self.env = dict(os.environ, EOUL_SOCKET=f"{top}/socket", EOUL_STATE=f"{top}/state",
                        LANG="C.UTF-8", LANGUAGE="en")

    def call(self, *words, cwd=None, env=None):
        return subprocess.run([self.eoul, *words], env=dict(self.env, **(env or {})), cwd=cwd, text=True,
                              capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class Tap:
    def __init__(self):
        self.number = 0

    def say(self, name, problems):
        self.number += 1
        for problem in problems:
            print("# " + problem.replace("\n", " / "))
        print(f"{'not ok' if problems else 'ok'} {self.number} - {name}", flush=True)


def read_env(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        pairs = (line.rstrip("\n").split("=", 1) for line in f if "=" in line)
        return {k: v for k, v in pairs if re.match(r"SLURM|ENVIRONMENT$|TMPDIR$|HOSTNAME$|.*_VISIBLE_DEVICES$", k)
                and not NOT_COMPARED.match(k)}


def drain(slurm, eoul, ids):
    for job in ids:
        eoul.call("wait", job)
    for _ in range(300):  # squeue has no way to wait
        if not slurm.call("squeue", "-h").stdout.strip():
            return
        time.sleep(0.1)


def compare_environments(tap, slurm, eoul, work):
    script = f"{work}/env.sh"
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/bin/bash\nenv | sort\n")
    ids = []
    for number, options in enumerate(OPTIONS):
        words = shlex.split(options)
        a = slurm.call("sbatch", "--parsable", "-o", f"{work}/slurm{number}-%a", *words, script, cwd=work)
        b = eoul.call("submit", "--parsable", "-o", f"{work}/eoul{number}-%a", *words, script, cwd=work)
        if a.returncode or b.returncode:
            tap.say(f"environment of {options!r}", [f"slurm: {a.stderr}", f"eoul: {b.stderr}"])
        ids.append(b.stdout.strip())
    drain(slurm, eoul, ids)
    for number, options in enumerate(OPTIONS):
        which = "4" if "--array" in options else "4294967294"
        try:
            theirs, ours = read_env(f"{work}/slurm{number}-{which}"), read_env(f"{work}/eoul{number}-{which}")
            tap.say(f"environment of {options!r}",
                    [f"{k}: slurm {theirs.get(k)!r}, eoul {ours.get(k)!r}" for k in sorted(set(theirs) | set(ours))
                     if theirs.get(k) != ours.get(k)])
        except OSError as error:
            tap.say(f"environment of {options!r}", [str(error)])


def compare_lint(tap, slurm, work, table):
    with open(table, encoding="utf-8") as f:
        lines = [line.rstrip("\n").split(" => ", 1) for line in f if line.startswith("> ") and " => " in line]
    problems = []
    for left, right in lines:
        if any(part in left for part in NOT_READ_ALIKE):
            continue
        refused = bool(re.search(r"(^| ;; )\d+ refused: ", right))
        if not refused and right.strip() != "nothing":
            continue
        text = left[2:].strip() if not left.startswith(">   ") else left[2:]
        with open(f"{work}/lint.sh", "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text.replace("\\n", "\n").replace("\\\\", "\\") + "\ntrue\n")
        a = slurm.call("sbatch", "--test-only", "lint.sh", cwd=work)
        if (a.returncode != 0) != refused:
            problems.append(f"{left}: slurm {a.returncode} {a.stderr}, lint {right}")
    tap.say("sbatch refuses what lint calls refused, and nothing that lint is silent about", problems)


def remarks(path):
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#: "):
                word, _, rest = line[3:].rstrip("\n").partition(" ")
                found.setdefault(word, []).append(rest)
    return found


def compare_scripts(tap, slurm, work, folder):
    """The remarks in the scripts are what eoul does (test/cli/scripts.py); here they must be what Slurm does."""
    sent = []
    for name in sorted(os.listdir(folder)):
        said = remarks(f"{folder}/{name}") if name.endswith(".sbatch") else {}
        if not said or "parse-only" in said or "refused" in said or name[:-7] in PRINTS_ELSE or "warn" in said or "submit" in said:
            continue
        home = f"{work}/{name}"
        os.mkdir(home)
        env = dict(r.split("=", 1) for r in said.get("env", []))
        a = slurm.call("sbatch", "--parsable", "-o", f"{home}/out-%a", f"{folder}/{name}",
                       *shlex.split(said.get("arguments", [""])[0]), cwd=home, env=env)
        if a.returncode:
            tap.say(name, [a.stderr])
            continue
        if "held" in said:
            slurm.call("scontrol", "release", a.stdout.strip())
        sent.append((name, home, said))
    for _ in range(600):
        if not slurm.call("squeue", "-h").stdout.strip():
            break
        time.sleep(0.1)
    for name, home, said in sent:
        texts = [open(f"{home}/{f}", encoding="utf-8").read() for f in os.listdir(home) if f.startswith("out-")]
        problems = [f"slurm printed {t!r}, not {r!r}" for t in texts for r in said.get("out", []) if not re.search(r, t, re.M)]
        if len(texts) != int(said.get("tasks", ["1"])[0]):
            problems.append(f"{len(texts)} outputs")
        tap.say(name + " prints the same in Slurm", problems)


def main():
    eoul_program, eould_program, source = map(os.path.abspath, sys.argv[1:])
    if os.geteuid() != 0:
        skip("starting a Slurm needs root")
    for program in ("sbatch", "slurmctld", "slurmd", "munged", "setpriv"):
        if not shutil.which(program):
            skip(f"{program} is not installed (slurm-wlm, slurm-wlm-basic-plugins, munge)")
    with tempfile.TemporaryDirectory(prefix="eoul-slurm-") as top:
        for name in ("slurm", "eoul", "work"):
            os.mkdir(f"{top}/{name}")
        os.chmod(top, 0o755)
        slurm = Slurm(f"{top}/slurm")
        eoul = Eoul(eoul_program, eould_program, f"{top}/eoul")
        tap = Tap()
        try:
            slurm.start()
            compare_environments(tap, slurm, eoul, f"{top}/work")
            compare_lint(tap, slurm, f"{top}/work", f"{source}/test/tables/lint.txt")
            compare_scripts(tap, slurm, f"{top}/work", f"{source}/test/scripts")
            print(f"1..{tap.number}")
        finally:
            eoul.stop()
            slurm.stop()


main()
