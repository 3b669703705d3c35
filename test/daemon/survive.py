"""survive.py EOULD - what the daemon promises when it is killed, starved or shut out of its disk.

Jobs write their own witness: one line each, appended by the job itself, so that a job that ran twice
or never cannot be talked away by the daemon's records.
"""
import contextlib
import fcntl
import glob
import http.client
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Skip, Tap, World, until  # pylint: disable=wrong-import-position

GONE = (OSError, http.client.HTTPException)


def reap(world):
    world.daemon.wait(20)
    return world.daemon.returncode


def restart(world, fault=None, signo=signal.SIGKILL):
    """Kill (unless it is dead already) and start again."""
    if world.daemon.poll() is None:
        world.daemon.send_signal(signo)
        reap(world)
    start(world, fault)


def start(world, fault):
    os.environ.pop("EOUL_FAULT", None)
    if fault:
        os.environ["EOUL_FAULT"] = fault
    try:
        world.start()
    except RuntimeError:
        if not fault:
            raise
        start(world, None)  # the point lies before "ok": die there, then start without it
    finally:
        os.environ.pop("EOUL_FAULT", None)


def alive(world):
    return world.daemon.poll() is None


def stubborn_submit(world, key, *argv, **options):
    """As a client does: the same key again until there is an answer."""
    for _ in range(10):
        try:
            return world.submit(*argv, key=key, **options)
        except GONE:
            if world.daemon.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    world.daemon.wait(5)
            if not alive(world):
                start(world, None)
    raise AssertionError("no answer after ten tries")


def witness(world):
    path = os.path.join(world.work, "witness")
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as f:
        return f.read().split()


def mark(world, name, more=""):
    return ("sh", "-c", f"echo {name} >> {world.work}/witness; {more}")


def finished(world, job, seconds=30):
    for _ in range(10):
        try:
            return world.wait(job, seconds)
        except GONE:
            until(lambda: not alive(world))
            start(world, None)
    raise AssertionError("it does not stay up")


POINTS = ["commit-before", "commit-after", "act-before", "act-after", "start-before", "start-after"]


def killed_at(point, count):
    def test(world):
        restart(world, f"{point}:{count}", signal.SIGTERM)
        ids = {}
        for i in range(4):
            ids[f"k{i}"] = stubborn_submit(world, f"k{i}", *mark(world, f"w{i}"))
        for key, job in ids.items():
            ended = finished(world, job)
            assert ended["state"] == "COMPLETED", ended.raw
            assert stubborn_submit(world, key, *mark(world, f"w{key[1:]}")) == job
        assert len(set(ids.values())) == 4, ids
        assert sorted(witness(world)) == ["w0", "w1", "w2", "w3"], witness(world)
        if not alive(world):
            start(world, None)
    return test


def killed_while_an_array_runs(world):
    job = world.submit(*mark(world, "$SLURM_ARRAY_TASK_ID", "sleep 0.05"), array="1-60")
    for _ in range(6):
        time.sleep(0.1)  # any moment will do
        restart(world)
    ended = finished(world, job, 60)
    assert ended["ended"], ended.raw
    assert sorted(map(int, witness(world))) == list(range(1, 61)), witness(world)


def killed_at_a_snapshot(world):
    """The snapshot of a clean stop is interrupted: the journal has it all anyway."""
    jobs = [world.submit(*mark(world, f"s{i}")) for i in range(3)]
    for job in jobs:
        world.wait(job)
    restart(world, "snapshot:1", signal.SIGTERM)
    world.submit(*mark(world, "s3"))
    world.daemon.send_signal(signal.SIGTERM)
    assert reap(world) == -signal.SIGKILL
    start(world, None)
    until(lambda: len(witness(world)) == 4)
    assert world.get(f"/v1/jobs/{jobs[0]}")["state"] == "COMPLETED"


def killed_in_recovery(world):
    job = world.submit(*mark(world, "r", "sleep 1; exit 7"))
    until(lambda: witness(world))
    restart(world, "recover:1")
    ended = finished(world, job)
    assert ended["exit_code"] == 7 and ended["state"] == "FAILED", ended.raw
    assert witness(world) == ["r"]


def ends_while_nobody_listens(world):
    job = world.submit(*mark(world, "x", "sleep 0.3; exit 5"))
    until(lambda: world.get(f"/v1/jobs/{job}")["state"] == "RUNNING")
    world.daemon.send_signal(signal.SIGKILL)
    reap(world)
    time.sleep(1)
    before = time.time()
    start(world, None)
    ended = finished(world, job)
    assert ended["exit_code"] == 5, ended.raw
    assert ended["end_at"] < (before - 0.2) * 1e6, "the end is when it ended, not when it was read"
    assert ended["attempts"][0]["state"] == "ENDED"


def number(pid):
    """A process of ours with this very number, which was another's."""
    for _ in range(200):
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as f:
            f.write(str(pid - 1))
        stranger = subprocess.Popen(["sleep", "60"])
        if stranger.pid == pid:
            return stranger
        stranger.kill()
        stranger.wait()
    raise Skip("the kernel does not give this number out again")


def numbers_given_out_again(world):
    """Supervisor and job are dead, and strangers have their process numbers: the job is lost, the strangers live."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        raise Skip("only root can choose the next process number")
    job = world.submit("sh", "-c", f"echo $$ $PPID >{world.work}/pids; exec sleep 300", retry="0")
    pids = until(lambda: os.path.exists(f"{world.work}/pids") and open(f"{world.work}/pids", encoding="ascii").read().split())
    until(lambda: world.get(f"/v1/jobs/{job}")["state"] == "RUNNING")
    world.daemon.send_signal(signal.SIGKILL)
    reap(world)
    os.kill(int(pids[1]), signal.SIGKILL)  # the command dies with it
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    strangers = [number(int(pid)) for pid in pids]
    try:
        start(world, None)
        lost = until(lambda: (lambda j: j if j["ended"] else None)(world.get(f"/v1/jobs/{job}")), 20)
        assert (lost["state"], lost["reason"]) == ("NODE_FAIL", "Lost"), lost.raw
        assert [s.poll() for s in strangers] == [None, None]
    finally:
        for stranger in strangers:
            stranger.kill()
            stranger.wait()


def jobs_survive_a_stop(world):
    job = world.submit(*mark(world, "x", "sleep 1; exit 3"))
    until(lambda: witness(world))
    restart(world, None, signal.SIGTERM)
    assert world.get(f"/v1/jobs/{job}")["state"] == "RUNNING"
    assert finished(world, job)["exit_code"] == 3


def cancelled_and_killed(world):
    """A cancel is on disk, the daemon dies before it acts: the job is stopped after the restart."""
    job = world.submit("sleep", "60")
    until(lambda: world.get(f"/v1/jobs/{job}")["state"] == "RUNNING")
    restart(world, "stop-before")
    with contextlib.suppress(*GONE):
        world.post(f"/v1/jobs/{job}/cancel")
    until(lambda: not alive(world))
    start(world, None)
    assert finished(world, job)["state"] == "CANCELLED"


def second_daemon_is_refused(world):
    read, write = os.pipe()
    env = dict(os.environ, EOUL_STATE=world.state, EOUL_LOCK_DIR=os.path.join(world.dir, "locks"))
    second = subprocess.run([world.eould, "--ready-fd", str(write)], pass_fds=[write], env=env,
                            capture_output=True, text=True, timeout=20, check=False)
    os.close(write)
    with os.fdopen(read) as ready:
        assert ready.readline().strip() == f"other {world.daemon.pid}"
    assert second.returncode == 3, second
    assert str(world.daemon.pid) in second.stderr, second.stderr
    assert world.get("/v1/status").status == 200


def open_in_another_program(world):
    """Somebody's sqlite3 on the store is no other daemon: who starts one is told so at once, and by "eoul up", too."""
    world.close_daemon()
    read, write = os.pipe()
    env = dict(os.environ, EOUL_STATE=world.state, EOUL_LOCK_DIR=os.path.join(world.dir, "locks"), LANG="C.UTF-8")
    said = f"Another program has {world.state}/eoul.db open (sqlite3?); close it and try again."
    with contextlib.closing(sqlite3.connect(f"{world.state}/eoul.db")) as db:
        assert db.execute("SELECT count(*) FROM job").fetchall()
        eould = subprocess.run([world.eould, "--ready-fd", str(write)], pass_fds=[write], env=env, capture_output=True, text=True,
                               timeout=20, check=False)
        os.close(write)
        with os.fdopen(read) as ready:
            assert ready.readline().strip() == said
        assert eould.returncode == 1, eould
        up = subprocess.run([os.path.join(os.path.dirname(world.eould), "eoul"), "up"], env=env, capture_output=True, text=True,
                            timeout=10, check=False)
        assert up.returncode == 1 and said in up.stderr, up
    world.start()


def socket_is_made_again(world):
    job = world.submit("sleep", "60")
    os.unlink(world.socket)
    until(lambda: os.path.exists(world.socket))
    assert world.get(f"/v1/jobs/{job}").status == 200


def directory_is_made_again(world):
    """A cleaned /tmp: the whole runtime directory goes, jobs and daemon stay."""
    run = os.path.join(world.dir, "run")
    world.arguments = ["--socket", os.path.join(run, "socket")]
    restart(world, None, signal.SIGTERM)
    world.socket = os.path.join(run, "socket")
    job = world.submit("sleep", "60")
    pid = world.daemon.pid
    for _ in range(2):
        shutil.rmtree(run)
        until(lambda: os.path.exists(world.socket))
        answer = world.get(f"/v1/jobs/{job}")
        assert answer.status == 200 and answer["state"] in ("RUNNING", "CONFIGURING"), answer.raw
        assert world.get("/v1/status")["pid"] == pid


def launcher_dies(world):
    """The engine is down: the daemon starts itself again, jobs do not notice."""
    job = world.submit(*mark(world, "x", "sleep 1; exit 4"))
    until(lambda: witness(world))
    pid = world.daemon.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        children = [int(p) for p in f.read().split()]
    launcher = [p for p in children if "launcher" in os.readlink(f"/proc/{p}/exe")]
    assert len(launcher) == 1, children
    os.kill(launcher[0], signal.SIGKILL)
    ended = until(lambda: tries(lambda: world.wait(job)))
    assert ended["exit_code"] == 4, ended.raw
    again = until(lambda: tries(lambda: world.submit(*mark(world, "y"))))
    assert world.wait(again)["state"] == "COMPLETED"
    assert world.daemon.pid == pid and sorted(witness(world)) == ["x", "y"]


def tries(what):
    try:
        return what()
    except GONE:
        return None


def stopped_with_the_machine(world):
    """The machine goes down under jobs nobody asked to stop (eoul-jobs.service signals the supervisors): each is told,
    and is run again or lost as it said; it was not cancelled, and it did not fail by itself."""
    tidy = "trap 'echo told >>$0.told; exit 0' TERM; echo $PPID >$0.pid; while :; do sleep 0.05; done"
    jobs = {name: world.submit("sh", "-c", tidy, f"{world.work}/{name}", **({"requeue": "yes"} if name == "again" else {}))
            for name in ("once", "again")}
    for name in jobs:
        path = f"{world.work}/{name}.pid"
        until(lambda: os.path.exists(path) and os.path.getsize(path))  # pylint: disable=cell-var-from-loop
        with open(path, encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGURG)
    assert until(lambda: world.get(f"/v1/jobs/{jobs['again']}")["attempt"] == 2)
    lost = until(lambda: (lambda j: j if j["ended"] else None)(world.get(f"/v1/jobs/{jobs['once']}")))
    assert (lost["state"], lost["reason"], lost["attempt"]) == ("NODE_FAIL", "Lost", 1), lost.raw
    again = world.get(f"/v1/jobs/{jobs['again']}")
    assert again["attempts"][0]["cause"] == "lost" and not again["ended"], again.raw
    for name in jobs:
        assert os.path.exists(f"{world.work}/{name}.told"), name
    world.post(f"/v1/jobs/{jobs['again']}/cancel", {})
    assert until(lambda: world.get(f"/v1/jobs/{jobs['again']}")["state"] == "CANCELLED")


def too_many_open_files(world):
    """Connections take all descriptors: others are told so, nobody hangs, jobs go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.environ["EOUL_KEEP_NOFILE"] = "1"
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        restart(world, None, signal.SIGTERM)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        del os.environ["EOUL_KEEP_NOFILE"]
    patient = world.connection()  # in before the crowd
    assert world.get("/v1/status", connection=patient).status == 200
    crowd = []
    for _ in range(100):
        s = socket.socket(socket.AF_UNIX)
        s.connect(world.socket)
        s.setblocking(False)
        crowd.append(s)
    told = until(lambda: any(peek(s) for s in crowd))
    assert told
    body = {"jobs": [{"spec": world.spec(*mark(world, "x")), "env": ["PATH=/usr/bin:/bin"]}]}
    answer = world.post("/v1/jobs", body, connection=patient)
    assert answer.status == 200, answer.raw
    for s in crowd:
        s.close()
    job = answer["jobs"][0]["id"]
    assert world.get(f"/v1/jobs/{job}/wait?timeout_s=20", connection=patient)["state"] == "COMPLETED"
    assert witness(world) == ["x"]
    assert world.get("/v1/status").status == 200


def peek(s):
    try:
        return b" 503 " in s.recv(200, socket.MSG_PEEK)
    except (BlockingIOError, ConnectionResetError):
        return False


def full_disk(world):
    """Submits are refused in a sentence, endings are recorded, and afterwards all goes on."""
    if os.geteuid() != 0:
        raise Skip("only root can mount a small disk")
    world.daemon.send_signal(signal.SIGTERM)
    reap(world)
    small = os.path.join(world.dir, "small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m,mode=0700", "none", small],
                      capture_output=True, check=False).returncode != 0:
        start(world, None)
        raise Skip("a tmpfs cannot be mounted here")
    try:
        on_a_small_disk(world, small)
    finally:
        with open(os.path.join(world.work, "go"), "wb"):
            pass  # whatever failed, the job ends
        world.daemon.send_signal(signal.SIGTERM)
        reap(world)
        subprocess.run(["umount", "-l", small], check=True)
        world.state = os.path.join(world.dir, "state")
        world.socket = os.path.join(world.state, "socket")
        world.arguments = []
        start(world, None)


def on_a_small_disk(world, small):
    world.state = small
    world.socket = os.path.join(small, "socket")
    world.arguments = []
    start(world, None)
    running = world.submit(*mark(world, "a", f"while [ ! -e {world.work}/go ]; do sleep 0.05; done; exit 6"))
    waiting = world.submit(*mark(world, "b"), hold="yes", key="asked-once")
    until(lambda: witness(world) == ["a"])
    filler = fill(small)
    big = {"jobs": [{"spec": world.spec("true", comment="x" * 4000), "env": ["A=" + str(i) + "x" * 60000]}
                    for i in range(100)]}  # more than the log has room for
    refused = world.post("/v1/jobs", big)
    assert refused.status == 507 and "full" in refused.message, refused.raw
    refused = world.post("/v1/jobs", big, lang="ko")
    assert refused.status == 507, refused.raw
    assert any("full" in note for note in world.get("/v1/status")["notes"])
    # Whoever lost the answer to an earlier submit is not told that there is no such job.
    assert world.submit(*mark(world, "b"), hold="yes", key="asked-once") == waiting
    assert world.post("/v1/jobs", {**big, "key": "asked-never"}).status == 507
    with open(os.path.join(world.work, "go"), "wb"):
        pass
    assert finished(world, running)["exit_code"] == 6
    assert world.get(f"/v1/jobs/{waiting}")["state"] == "PENDING"
    os.unlink(filler)
    restart(world)
    world.daemon.send_signal(signal.SIGKILL)
    reap(world)
    fill(small)
    start(world, None)  # it starts on a full disk, too, at the cost of its ballast
    assert world.post("/v1/jobs", big).status == 507
    os.unlink(filler)
    restart(world)  # acknowledged and ended survive; the ballast is made again
    assert world.get(f"/v1/jobs/{running}")["exit_code"] == 6
    assert world.post("/v1/jobs/%d/release" % waiting).status == 200
    assert finished(world, waiting)["state"] == "COMPLETED"
    assert sorted(witness(world)) == ["a", "b"]


def fill(directory):
    path = os.path.join(directory, "filler")
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 4096)
    return path


def table_of(world):
    rows = world.get("/v1/jobs?limit=0")["rows"]
    return [(r["id"], r["state"], r["reason"], r.get("position")) for r in rows]


def the_same_after_a_restart(world):
    busy = world.submit("sleep", "60", cpus_per_task=8)
    until(lambda: world.get(f"/v1/jobs/{busy}")["state"] == "RUNNING")
    world.submit("true", array="1-50%3", nice=5)
    first = world.submit("true", hold="yes")
    world.submit("true", dependency=f"afterok:{first}")
    world.submit("true", begin="now+1days")
    world.post(f"/v1/jobs/{first}/set", {"nice": 7})
    for signo in (signal.SIGKILL, signal.SIGTERM):
        before = table_of(world)
        restart(world, None, signo)
        assert table_of(world) == before
    assert subprocess.run([world.eould, "--check", "--state", world.state], capture_output=True,
                          check=False, timeout=20).returncode == 3  # it is in use


def divergence_is_noticed(world):
    job = world.submit("sleep", "60", hold="yes")
    world.submit("sleep", "61", hold="yes")
    world.daemon.send_signal(signal.SIGKILL)
    reap(world)
    db = sqlite3.connect(os.path.join(world.state, "eoul.db"))
    seq, = db.execute("SELECT max(seq) FROM journal").fetchone()
    db.execute("UPDATE journal SET hash = hash + 1 WHERE seq = ?", (seq,))
    db.commit()
    db.close()
    for leftover in glob.glob(os.path.join(world.state, "eoul.db-*")):
        os.unlink(leftover)
    try:
        world.start()
        raise AssertionError("it started")
    except RuntimeError as why:
        assert f"row {seq} " in str(why) and "--accept-divergence" in str(why), why
    world.arguments = ["--accept-divergence"]
    start(world, None)
    assert world.get(f"/v1/jobs/{job}")["state"] == "PENDING"
    restart(world, None, signal.SIGTERM)  # it took a snapshot: no doubt is left
    world.arguments = []
    restart(world)
    assert world.get(f"/v1/jobs/{job}")["state"] == "PENDING"


def exported_journal(world):
    jobs = [world.submit(*mark(world, f"e{i}")) for i in range(3)]
    for job in jobs:
        world.wait(job)
    status = world.get("/v1/status")["journal"]
    world.daemon.send_signal(signal.SIGKILL)
    reap(world)
    out = subprocess.run([world.eould, "--export-journal", "-", "--whole", "--state", world.state],
                         capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    assert out[0] == "eoul-journal 1"
    assert out[1].split()[0] == "1" and out[1].split()[2] == "settings", out[1]
    last = [line for line in out if line.startswith(f"{status['seq']} ")]
    assert len(last) == 1 and int(last[0].split()[1], 16) == hash_number(status["hash"]), (last, status)
    start(world, None)


def hash_number(value):
    return int(value, 16) if isinstance(value, str) else value


def foreign_gpu(world):
    """Somebody outside holds the lock of a GPU: no job gets it until the lock is free."""
    locks = os.path.join(world.dir, "locks")
    with open(os.path.join(locks, "declared-0"), "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        both = world.submit(*mark(world, "both"), gpus=2)
        one = world.submit(*mark(world, "one"), gpus=1)
        until(lambda: any(g["state"] == "foreign" for g in world.get("/v1/gpus")["gpus"]))
        assert world.wait(one)["state"] == "COMPLETED"
        assert world.get(f"/v1/jobs/{both}")["state"] == "PENDING"
        assert witness(world) == ["one"]
    assert world.wait(both, 30)["state"] == "COMPLETED"  # closing the file is noticed
    assert sorted(witness(world)) == ["both", "one"]


def gpus_are_named(world):
    out = os.path.join(world.work, "env")
    with_gpu = world.submit("sh", "-c", f"echo $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER > {out}", gpus=2)
    assert world.wait(with_gpu)["state"] == "COMPLETED"
    with open(out, encoding="ascii") as f:
        assert f.read().split() == ["0,1", "PCI_BUS_ID"]
    without = world.submit("sh", "-c", f"echo \"[$CUDA_VISIBLE_DEVICES]\" > {out}")
    assert world.wait(without)["state"] == "COMPLETED"
    with open(out, encoding="ascii") as f:
        assert f.read().split()[0] == "[]"


def scenario(world, *lines):
    """Start again with a made-up driver that plays these lines."""
    here = os.path.dirname(os.path.abspath(world.eould))
    library = os.path.join(here, "test", "lib", "libfake_nvml_v3.so")
    path = os.path.join(world.dir, "scenario")
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(line + "\n" for line in lines))
    with open(os.path.join(world.dir, "eoul.yaml"), "w", encoding="ascii") as f:
        f.write("cpus: 8\n")
    os.environ.update(EOUL_NVML=library, EOUL_FAKE_NVML=path)
    try:
        restart(world, None, signal.SIGTERM)
    finally:
        del os.environ["EOUL_NVML"], os.environ["EOUL_FAKE_NVML"]
    return path


TWO = ("gpu GPU-aaaa 80000 NVIDIA H100 80GB HBM3", "gpu GPU-bbbb 80000 NVIDIA H100 80GB HBM3")


def change_version(world, eould):
    """Killed, and another version of the programs takes its place; jobs know nothing of it."""
    world.daemon.kill()
    world.daemon.wait()
    world.eould = eould
    world.start()


def a_supervisor_of_the_version_before(world):
    """A job begun under this version of the attempt protocol ends under the next one: adopted, its output and its end
    known, and it obeys; a script, an array and one that ended while nobody was there."""
    this, following = world.eould, os.path.join(os.path.dirname(os.path.abspath(world.eould)), "test", "next", "eould")
    go = os.path.join(world.work, "go")
    slow = world.submit("sh", "-c", f"echo before; while ! test -e {go}; do sleep 0.05; done; echo after; exit 7")
    unseen = world.submit("sh", "-c", "sleep 1; echo unseen; exit 3")
    stopped = world.submit("sleep", "300")
    array = world.submit("sh", "-c", f"while ! test -e {go}; do sleep 0.05; done", array="0-2")
    ids = [str(slow), str(unseen), str(stopped)] + [f"{array}_{i}" for i in range(3)]
    until(lambda: all(world.get(f"/v1/jobs/{i}")["state"] == "RUNNING" for i in ids))
    world.daemon.kill()
    world.daemon.wait()
    time.sleep(1.5)  # one ends while nobody is there
    world.eould = following
    world.start()
    with open(go, "w", encoding="ascii"):
        pass
    ended = world.wait(slow)
    assert ended["state"] == "FAILED" and ended["exit_code"] == 7 and ended["attempt"] == 1, ended.raw
    assert world.get(f"/v1/jobs/{slow}/tail").raw == b"before\nafter\n"
    ended = world.wait(unseen)
    assert ended["exit_code"] == 3 and ended["attempt"] == 1, ended.raw
    assert world.post(f"/v1/jobs/{stopped}/cancel", {}).status == 200
    assert world.wait(stopped)["state"] == "CANCELLED"
    for i in range(3):
        assert world.wait(f"{array}_{i}")["state"] == "COMPLETED"
    assert not [n for n in world.get("/v1/status")["notes"] if "newer" in n]
    assert world.wait(world.submit("true"))["state"] == "COMPLETED"
    change_version(world, this)


def a_supervisor_of_a_later_version(world):
    """Somebody went back: what the later version started is neither claimed nor killed nor called lost; it is said; and
    the later version finds it again."""
    this, following = world.eould, os.path.join(os.path.dirname(os.path.abspath(world.eould)), "test", "next", "eould")
    change_version(world, following)
    go = os.path.join(world.work, "go")
    job = world.submit("sh", "-c", f"while ! test -e {go}; do sleep 0.05; done; exit 5")
    over = world.submit("sh", "-c", "sleep 1; exit 4")
    until(lambda: all(world.get(f"/v1/jobs/{i}")["state"] == "RUNNING" for i in (job, over)))
    world.daemon.kill()
    world.daemon.wait()
    time.sleep(1.5)
    world.eould = this
    world.start()
    note = until(lambda: [n for n in world.get("/v1/status")["notes"] if "newer" in n])
    assert note[0].startswith("2 jobs "), note
    for i in (job, over):
        assert world.get(f"/v1/jobs/{i}")["state"] == "RUNNING"
    assert world.wait(world.submit("true"))["state"] == "COMPLETED"  # its own work goes on
    change_version(world, following)
    with open(go, "w", encoding="ascii"):
        pass
    assert world.wait(job)["exit_code"] == 5 and world.wait(over)["exit_code"] == 4
    assert world.get(f"/v1/jobs/{job}")["attempt"] == 1
    change_version(world, this)


def probes_of(world):
    """Processes of eoul-probe whose daemon is this world's."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                if f.read().strip() != "eoul-probe":
                    continue
            with open(f"/proc/{pid}/environ", "rb") as f:
                if world.dir.encode() in f.read():
                    found.append(int(pid))
    return found


def a_driver_that_hangs(world):
    """The driver's library never comes back, from the first call or later: the daemon answers, and starts jobs."""
    path = scenario(world, *TWO)
    assert world.get("/v1/gpus")["source"] == "nvml"
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(line + "\n" for line in (*TWO, "power 0 100", "hang power")))
    for pid in probes_of(world):
        os.kill(pid, signal.SIGKILL)
    job = world.submit("true", gpus=1)
    slowest = 0
    while not world.get(f"/v1/jobs/{job}")["ended"]:
        start = time.monotonic()
        assert world.get("/v1/status").status == 200
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.05)
    assert world.get(f"/v1/jobs/{job}")["state"] == "COMPLETED" and slowest < 1, slowest
    start = time.monotonic()
    scenario(world, *TWO, "hang init")
    assert time.monotonic() - start < 60, "it waited for a driver that hangs"
    assert world.wait(world.submit("true"))["state"] == "COMPLETED"


def gpus_by_the_driver(world):
    """Detected, numbered for good, named to jobs by UUID; a stranger's process is seen before a start."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        path = scenario(world, *TWO)
        answer = world.get("/v1/gpus")
        assert answer["source"] == "nvml", answer.raw
        known = {g["uuid"]: g["gpu"] for g in answer["gpus"] if g["state"] == "up"}
        assert set(known) == {"GPU-aaaa", "GPU-bbbb"}, answer.raw
        out = os.path.join(world.work, "env")
        job = world.submit("sh", "-c", f"echo $CUDA_VISIBLE_DEVICES > {out}", gpus="h100:2")
        assert world.wait(job)["state"] == "COMPLETED"
        with open(out, encoding="ascii") as f:
            assert set(f.read().strip().split(",")) == set(known)
        scenario(world, *TWO, f"process 0 {stranger.pid} 500")
        both = world.submit(*mark(world, "both"), gpus=2)
        one = world.submit(*mark(world, "one"), gpus=1)
        assert world.wait(one)["state"] == "COMPLETED"
        foreign = [g["uuid"] for g in world.get("/v1/gpus")["gpus"] if g["state"] == "foreign"]
        assert foreign == ["GPU-aaaa"], foreign
        assert world.get(f"/v1/jobs/{both}")["state"] == "PENDING"
        scenario(world, *reversed(TWO))  # the indices are swapped, the numbers are not
        assert {g["uuid"]: g["gpu"] for g in world.get("/v1/gpus")["gpus"]
                if g["state"] == "up"} == known
        assert world.wait(both)["state"] == "COMPLETED"
        assert path and sorted(witness(world)) == ["both", "one"]
    finally:
        stranger.kill()
        stranger.wait()


def requeue_of_ended_jobs(world):
    job = world.submit("sh", "-c", f"[ -e {world.work}/ok$SLURM_ARRAY_TASK_ID ]", array="1-3")
    with open(os.path.join(world.work, "ok2"), "wb"):
        pass
    world.wait(job)
    states = {t: world.get(f"/v1/jobs/{job}_{t}")["state"] for t in (1, 2, 3)}
    assert states == {1: "FAILED", 2: "COMPLETED", 3: "FAILED"}, states
    for t in (1, 3):
        with open(os.path.join(world.work, f"ok{t}"), "wb"):
            pass
        assert world.post(f"/v1/jobs/{job}_{t}/requeue")["changed"] == 1
    restart(world)
    for t in (1, 3):
        ended = finished(world, f"{job}_{t}")
        assert ended["state"] == "COMPLETED", ended.raw
        assert [a["number"] for a in ended["attempts"]] == [1, 2]


def aftercorr(world):
    first = world.submit("sh", "-c", "[ $SLURM_ARRAY_TASK_ID != 2 ]", array="1-3", hold="yes")
    second = world.submit(*mark(world, "$SLURM_ARRAY_TASK_ID"), array="1-3",
                          dependency=f"aftercorr:{first}")
    assert world.get(f"/v1/jobs/{second}_1")["reason"] == "Dependency"
    world.post(f"/v1/jobs/{first}/release")
    world.wait(f"{second}_1")
    world.wait(f"{second}_3")
    assert world.get(f"/v1/jobs/{second}_2")["reason"] == "DependencyNeverSatisfied"
    assert sorted(witness(world)) == ["1", "3"]


def many_or_none(world):
    good = {"spec": world.spec("true", hold="yes"), "env": ["A=1"]}
    for wrong in ("no-such-option=1\n", "not key and value\n"):
        refused = world.post("/v1/jobs", {"jobs": [good, good, {"spec": wrong}]})
        assert refused.status in (400, 500), refused.raw
        assert refused["error"]["item"] == 2, refused.raw
    assert world.get("/v1/jobs")["rows"] == []
    restart(world)
    answer = world.post("/v1/jobs", {"jobs": [good, good]})
    assert [j["id"] for j in answer["jobs"]] == [1, 2], "a refused call uses up no ids"


def a_silent_run_wakes_nobody(world):
    """While a job says nothing the daemon sleeps: its file tells when it is written, and is not looked at."""
    job = world.submit("/bin/sleep", "300")
    until(lambda: world.get(f"/v1/jobs/{job}")["state"] == "RUNNING")

    def wakings():
        with open(f"/proc/{world.daemon.pid}/status", encoding="utf-8") as f:
            return next(line for line in f if line.startswith("voluntary_ctxt_switches"))

    last, since, begun = wakings(), time.monotonic(), time.monotonic()
    while time.monotonic() - since < 4:
        assert time.monotonic() - begun < 50, "it wakes up again and again"
        time.sleep(0.1)
        if (now := wakings()) != last:
            last, since = now, time.monotonic()
    world.post(f"/v1/jobs/{job}/cancel", {})


TESTS = [(f"killed at {point}, pass {count}", killed_at(point, count))
         for point in POINTS for count in (2, 3, 5)]
TESTS += [(f.__name__.replace("_", " "), f) for f in (
    killed_while_an_array_runs, killed_at_a_snapshot, killed_in_recovery, ends_while_nobody_listens,
    numbers_given_out_again, jobs_survive_a_stop, cancelled_and_killed, second_daemon_is_refused,
    open_in_another_program, socket_is_made_again, directory_is_made_again, launcher_dies, stopped_with_the_machine, too_many_open_files, full_disk, the_same_after_a_restart,
    divergence_is_noticed, exported_journal, foreign_gpu, gpus_are_named, gpus_by_the_driver, a_driver_that_hangs,
    a_supervisor_of_the_version_before, a_supervisor_of_a_later_version, requeue_of_ended_jobs,
    aftercorr, many_or_none, a_silent_run_wakes_nobody)]

if __name__ == "__main__":
    chosen = [t for t in TESTS if len(sys.argv) < 3 or sys.argv[2] in t[0]]
    sys.exit(Tap().run(chosen, sys.argv[1]))
