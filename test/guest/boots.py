"""boots.py - what becomes of jobs over a restart of the machine in order, and over one cut off in the middle."""
import os

from machine import (UNITS, answers, as_user, become, cancel, eoul, home, is_there, read, run, say, show, state, submit, systemctl,
                     until, wait)

WORDS = "echo $$ restart ${SLURM_RESTART_COUNT:-0} >>%s.log; while ! [ -e boots.go ]; do sleep 0.2; done; exit 3"


def running(user, name, *options):
    job = submit(user, *options, f"--output={name}.out", "--open-mode=append", "--", "sh", "-c", WORDS % name)
    is_there(f"{home(user)}/{name}.log")
    return job


def prepare(kept, name):
    """One of each kind; and a job of many held ones, as late as possible: each was answered."""
    kept[name] = {
        "again": running("anna", f"{name}-again", "--requeue"), "once": running("bora", f"{name}-once"),
        "node": running("anna", f"{name}-node", "--retry=node=1:1s"),
        "queued": submit("bora", "--begin=now+1hours", "--", "true"),
        "tidy": submit("anna", f"--output={name}-tidy.out", "--", "sh", "-c",
                       f"trap 'echo told >{name}-tidy.log; sync; exit 0' TERM; echo begun; while :; do sleep 0.2; done"),
    }
    is_there(f"{home('anna')}/{name}-tidy.out")
    kept[name]["after"] = submit("anna", f"--dependency=afterany:{kept[name]['again']}", "--", "true")
    kept[name]["held"] = [submit("bora", "--hold", f"--comment={name}", "--", "true") for _ in range(10)]
    kept[name]["code"] = {}


def judge_all(kept, name):
    jobs = kept[name]
    until(answers)
    assert [systemctl("is-active", unit) for unit in UNITS] == ["active"] * 4
    # It was allowed to run again: the same job, counted; who was not is lost, and says so.
    again = become("anna", jobs["again"], "RUNNING")
    assert again["attempt"] == 2, again
    until(lambda: read(f"{home('anna')}/{name}-again.log").count("\n") == 2)
    assert read(f"{home('anna')}/{name}-again.log").split("\n")[1].endswith("restart 1")
    once = become("bora", jobs["once"], "NODE_FAIL", "CANCELLED", "FAILED", "COMPLETED")
    say(f"without --requeue: {once['state']} ({once['reason']}), {once['attempts'][-1]}")
    assert (once["state"], once["attempt"]) == ("NODE_FAIL", 1), once
    assert read(f"{home('bora')}/{name}-once.log").count("\n") == 1
    node = become("anna", jobs["node"], "RUNNING")
    assert node["attempt"] == 2, node
    for job in [jobs["queued"], *jobs["held"]]:
        assert state("bora", job) == "PENDING", (job, show("bora", job))
    assert state("anna", jobs["after"]) == "PENDING"
    newest = submit("anna", "--hold", "--", "true")
    assert newest > max(jobs["held"]), (newest, jobs)  # no number is given out again
    for user in ("anna", "bora"):
        with open(f"{home(user)}/boots.go", "w", encoding="ascii"):
            pass
    ended = become("anna", jobs["again"], "FAILED")
    assert ended["exit_code"] == 3 and wait("anna", jobs["after"]) == 0
    become("anna", jobs["node"], "FAILED")
    for user in ("anna", "bora"):
        os.unlink(f"{home(user)}/boots.go")
    cancel("bora", jobs["queued"], *jobs["held"])


def before_a_restart(kept):
    """Jobs run and wait when the machine is told to restart."""
    prepare(kept, "restart")


def after_a_restart(kept):
    """eoul is back by itself; what ran was told, and is run again or lost as it said; what waited still waits."""
    judge_all(kept, "restart")
    assert os.path.exists(f"{home('anna')}/restart-tidy.log"), "the job was not told that the machine stops"
    say(f"who ended well when told: {show('anna', kept['restart']['tidy'])['state']}")


def before_a_cut(kept):
    """Jobs run and wait when the machine is cut off."""
    prepare(kept, "cut")


def after_a_cut(kept):
    """Every job that was answered is there; what ran is run again or lost as it said, once; none is done twice."""
    judge_all(kept, "cut")
    say(f"a store looked through: {eoul('oper', 'status').stdout.strip().split(chr(10))[0]}")
    run("systemctl", "stop", "eould")
    checked = as_user("eoul", "/usr/local/bin/eould", "--system", "--check", check=False, cwd="/")
    say(checked.stdout + checked.stderr)
    assert checked.returncode == 0, checked
    run("systemctl", "start", "eould")
    until(answers)
