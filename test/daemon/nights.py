"""nights.py EOULD - a job that does not get on any more is found, whatever it goes on printing.

EOUL_STALL_S shortens ten minutes to two seconds; the rest is as it is in life.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip, Tap, until  # pylint: disable=wrong-import-position

# Five steps, and then what hangs: the work sleeps while a helper says every now and then that all is well,
# and redraws a result that changes each time.
STEPS = "for i in 1 2 3 4 5; do echo eoul:progress 0.0$i; sleep 0.7; done; "
HEARTBEAT = "(n=0; while :; do n=$((n+1)); echo alive; echo eoul:result beat=$n; sleep 0.3; done) & "
HANG = STEPS + HEARTBEAT + "exec sleep 600"


def a_job_that_hangs(world):
    def start(script, **options):
        return world.submit("sh", "-c", script, **options)

    def show(job):
        return world.get(f"/v1/jobs/{job}")

    warned = start(HANG)
    again = start("[ $SLURM_RESTART_COUNT ] && exit 0; " + HANG, on_stall="requeue")
    failed = start(HANG, on_stall="fail")
    stubborn = start("trap '' ABRT; " + HANG, on_stall="fail")
    retried = start("[ $SLURM_RESTART_COUNT ] && exit 0; " + HANG, on_stall="fail", retry="1:1s")
    works = start(STEPS + "while :; do :; done", on_stall="fail")  # no step any more, but it computes
    silent = start(HEARTBEAT + "exec sleep 600", on_stall="fail")  # it never said how far it is
    few = start("echo eoul:progress 0.1; " + HEARTBEAT + "exec sleep 600", on_stall="fail")  # nothing to go by

    row = world.wait(again, 90)
    assert row["state"] == "COMPLETED", row.raw
    assert len(show(again)["attempts"]) == 2
    for job, signal in ((failed, 6), (stubborn, 9)):
        row = world.wait(job, 90)
        assert row["state"] == "FAILED" and row["signal"] == signal, row.raw
    row = world.wait(retried, 90)
    assert row["state"] == "COMPLETED", row.raw
    until(lambda: show(warned)["stalled_at"])
    row = show(warned)
    assert row["state"] == "RUNNING"
    now = world.get("/v1/status")["now_at"]
    assert now - 120_000_000 < row["stalled_at"] < now - 1_000_000, (now, row["stalled_at"])
    notes = world.get("/v1/status")["notes"]
    assert any(note.startswith(f"Job {warned} seems to hang") for note in notes), notes
    for job in (works, silent, few):
        row = show(job)
        assert row["state"] == "RUNNING" and row["stalled_at"] == 0, row.raw
        assert not any(note.startswith(f"Job {job} ") for note in notes), notes


def it_gets_on_again(world):
    """A step ends the suspicion."""
    go = os.path.join(world.work, "go")
    job = world.submit("sh", "-c", STEPS + f"while [ ! -e {go} ]; do sleep 0.2; done; "
                       "echo eoul:progress 0.5; exec sleep 600")
    until(lambda: world.get(f"/v1/jobs/{job}")["stalled_at"])
    with open(go, "wb"):
        pass
    until(lambda: not world.get(f"/v1/jobs/{job}")["stalled_at"])
    assert world.get(f"/v1/jobs/{job}")["state"] == "RUNNING"


def a_disk_that_fills(world):
    """It is said while there is time: by the rate at which it goes, and when little is left."""
    if os.geteuid() != 0:
        raise Skip("only root can mount a disk of its own")
    disk = os.path.join(world.dir, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200m", "none", disk], capture_output=True,
                      check=False).returncode != 0:
        raise Skip("a tmpfs cannot be mounted here")
    try:
        def notes(lang="en"):
            return [n for n in world.get("/v1/status", lang=lang)["notes"] if "MiB" in n]
        still = world.submit("sh", "-c", "while :; do echo x; sleep 0.3; done", chdir=disk)
        time.sleep(5)  # two windows: nothing is said of a disk that does not fill
        assert not notes(), notes()
        job = world.submit("sh", "-c", "n=0; while [ $n -lt 60 ]; do n=$((n+1)); fallocate -l $((n*2))M ckpt; "
                           "echo x; sleep 0.1; done; exec sleep 600", chdir=disk)
        said = until(notes)[0]
        assert "is filling up: " in said and "at the present rate" in said, said
        assert any("차고 있습니다" in n for n in notes("ko"))
        world.post(f"/v1/jobs/{job}/cancel")
        world.wait(job, 90)
        with open(os.path.join(disk, "rest"), "wb") as f:
            os.posix_fallocate(f.fileno(), 0, 180 << 20)
        until(lambda: any("left" in n for n in notes()))
        os.truncate(os.path.join(disk, "rest"), 0)
        until(lambda: not notes())
        assert world.get(f"/v1/jobs/{still}")["state"] == "RUNNING"
    finally:
        world.close_daemon()
        subprocess.run(["umount", "-l", disk], check=True)


def a_canary_before_the_night(world):
    """Who waits for the night is tried while there is time to mend it."""
    away = (time.localtime().tm_hour + 12) % 23  # the half hour after a submit is all the presence there is
    world.post("/v1/me", {"hours": f"daily {away:02}:00-{away + 1:02}:00"})
    said = os.path.join(world.work, "said")
    script = f"echo run ${{EOUL_CANARY-no}} ${{SLURM_RESTART_COUNT-no}} >>{said}; echo $EOUL_CANARY; exec sleep 600"

    def show(job):
        return world.get(f"/v1/jobs/{job}")

    busy = world.submit("sleep", "600", gpus=1, time="20")
    until(lambda: show(busy)["state"] == "RUNNING")
    wide = world.submit("sleep", "500", gpus=2, hold="yes")
    world.post(f"/v1/jobs/{wide}/first")
    world.post(f"/v1/jobs/{wide}/release")
    good = world.submit("sh", "-c", script, gpus=1, canary="3s", output="good.out", time="unlimited")
    until(lambda: show(good)["canary"] in ("running", "passed"))
    until(lambda: show(good)["canary"] == "passed")
    row = show(good)
    assert row["state"] == "PENDING", row.raw
    assert [a["canary_us"] for a in row["attempts"]] == [3_000_000], row.raw
    assert row["attempts"][0]["cause"] == "time-limit", row.raw
    assert any("went well" in s for s in world.get(f"/v1/jobs/{good}/why")["sentences"])

    bad = world.submit("sh", "-c", "exit 3", gpus=1, canary="5s")
    until(lambda: show(bad)["canary"] == "failed")
    row = show(bad)
    assert (row["state"], row["reason"]) == ("PENDING", "JobHeldCanary"), row.raw
    assert any(f"eoul release {bad}" in s for s in world.get(f"/v1/jobs/{bad}/why")["sentences"])
    array = world.submit("/nonexistent/program", gpus=1, array="1-4", canary="5s")
    until(lambda: world.get("/v1/jobs?all=1").raw.count(b"JobHeldCanary") >= 2)
    tried = [show(f"{array}_{i}")["attempts"] for i in range(1, 5)]
    assert sorted(len(t) for t in tried) == [0, 0, 0, 1], tried

    for job in (busy, wide):
        world.post(f"/v1/jobs/{job}/cancel")
    until(lambda: show(good)["state"] == "RUNNING")
    with open(said, encoding="utf-8") as f:
        until(lambda: f.seek(0) == 0 and len(f.readlines()) == 2)
        f.seek(0)
        assert f.read() == "run 3 no\nrun no no\n"
    with open(os.path.join(world.work, "good.out"), encoding="utf-8") as f:
        assert f.read() == "\n"  # the file is the run's
    world.post(f"/v1/jobs/{bad}/release")
    row = world.wait(bad)
    assert (row["state"], row["exit_code"]) == ("FAILED", 3), row.raw


def a_canary_by_default(world):
    """Who agreed to later starts has what never succeeded tried, where it may be run twice."""
    def canary(*argv, **options):
        job = world.submit(*argv, gpus=1, hold="yes", **options)
        text = world.get(f"/v1/jobs/{job}").raw
        world.post(f"/v1/jobs/{job}/cancel")
        return json.loads(text).get("canary") == "wanted"

    fresh = {"requeue": "yes", "code_clean": "yes"}
    assert not canary("echo", "a", **fresh)
    world.post("/v1/me", {"defer": True})
    assert canary("echo", "b", **fresh)
    assert not canary("echo", "c", code_clean="yes")           # nobody said that it may run twice
    assert not canary("echo", "d", requeue="yes")              # its code may change: it is not moved
    assert not canary("echo", "e", now="yes", **fresh)
    done = world.submit("true", gpus=1)
    assert world.wait(done)["state"] == "COMPLETED"
    assert not canary("true", **fresh)                         # it has succeeded
    world.post("/v1/me", {"defer": False})


def main():
    os.environ["EOUL_STALL_S"] = "2"
    tests = [a_job_that_hangs, it_gets_on_again, a_disk_that_fills, a_canary_before_the_night, a_canary_by_default]
    return Tap().run([(t.__name__.replace("_", " "), t) for t in tests], sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
