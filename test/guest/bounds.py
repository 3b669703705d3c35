"""bounds.py - what the kernel keeps a job to, tried by jobs that mean no good: memory, processes, output, devices, others'
files, ways out of its cgroup; changed code; full disks."""
import os
import pwd
import shutil
import stat
import time

from service import CONFIG
from machine import (EOUL, FORKS, JOBS_CGROUP, alive, answers, as_user, become, cancel, cgroup_of, eoul, home, is_there,
                     main_process, p99, read, run, say, show, state, submit, systemctl, times, until, wait, write)

SUBMITS = 20       # of each measure: its p99 is the worst of them
BOUND_MIB, RATE_MIB = 24, 2  # of a job's output: service.CONFIG
PIDS = 16384       # of a job: src/daemon/request.c
MOST_MS = 200      # RELIABILITY.md, on a real machine
GRACE_S = 600      # of the fork bomb: so long that nobody takes it for what ended it
MOST_TIMES = 5     # here, emulated and on a busy machine: times what the quiet guest needs
EPERM, ENXIO = "Operation not permitted", "No such device or address"


def neighbour(user="bora"):
    job = submit(user, "--output=neighbour-%j", "--", "sh", "-c", "echo begun; exec sleep 600")
    is_there(f"{home(user)}/neighbour-{job}")
    return job


def job_cgroup(job, user="anna"):
    """Of a running job: .../job, where its limits are."""
    return "/sys/fs/cgroup" + cgroup_of(until(lambda: main_process(job, user)))


def gone(cgroup):
    until(lambda: not os.path.exists(cgroup) or "populated 0" in read(f"{cgroup}/cgroup.events"))


def memory_beyond_its_limit_ends_the_job_alone(_):
    """Over --mem a job is killed as a whole, is OUT_OF_MEMORY and says why; within it, and beside it, nothing happens."""
    other = neighbour()
    within = submit("anna", "--mem=96M", "--output=within", "--", FORKS, "memory", "32")
    assert is_there(f"{home('anna')}/within") == "taken\n"
    assert read(f"{job_cgroup(within)}/memory.max").strip() == str(96 << 20)
    # The shell around it and a second process go too: half a job is no use.
    over = submit("anna", "--mem=64M", "--output=over", "--", "sh", "-c",
                  f"sleep 600 & echo $! >beside.pid; {FORKS} memory 256; echo lived on")
    beside = int(is_there(f"{home('anna')}/beside.pid"))
    ended = become("anna", over, "OUT_OF_MEMORY", "FAILED", "COMPLETED", "CANCELLED")
    assert ended["state"] == "OUT_OF_MEMORY" and ended["attempts"][-1]["cause"] == "oom", ended
    assert wait("anna", over) != 0 and read(f"{home('anna')}/over") == "" and not alive(beside)
    told = eoul("anna", "show", str(over)).stdout + eoul("anna", "why", str(over), check=False).stdout
    say(" / ".join(line.strip() for line in told.split("\n") if "mem" in line.lower()))
    assert "OUT_OF_MEMORY" in told and "memory" in told.lower(), told
    assert state("anna", within) == state("bora", other) == "RUNNING"
    cancel("anna", within)
    cancel("bora", other)
    become("anna", within, "CANCELLED")


def out_of_memory_is_retried_by_its_own_rule(_):
    """--retry oom=1: once more after an out-of-memory kill, not after another failure; the same id, restarts counted."""
    job = submit("anna", "--mem=48M", "--retry=oom=1:1s", "--open-mode=append", "--output=again", "--", "sh", "-c",
                 f"echo restart ${{SLURM_RESTART_COUNT:-0}}; exec {FORKS} memory 200")
    until(lambda: show("anna", job)["attempt"] == 2)
    ended = become("anna", job, "OUT_OF_MEMORY", "FAILED")
    assert [a["cause"] for a in ended["attempts"]] == ["oom", "oom"] and ended["state"] == "OUT_OF_MEMORY", ended
    assert read(f"{home('anna')}/again") == "restart 0\nrestart 1\n", read(f"{home('anna')}/again")
    plain = submit("anna", "--retry=oom=1:1s", "--", "false")
    assert wait("anna", plain) == 1 and show("anna", plain)["attempt"] == 1


def compare(what, quiet, loaded):
    say(f"submits by another user, {SUBMITS} each, p50 and p99 in ms: quiet {quiet[len(quiet) // 2]:.0f} {p99(quiet):.0f}, "
        f"{what} {loaded[len(loaded) // 2]:.0f} {p99(loaded):.0f}")
    assert p99(loaded) <= max(MOST_MS, MOST_TIMES * p99(quiet)), (what, p99(quiet), p99(loaded))


def bombs_gone(uid_of):
    uid = pwd.getpwnam(uid_of).pw_uid
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid and os.readlink(f"/proc/{pid}/exe") == FORKS:
                left.append(pid)
        except OSError:
            continue
    return not left


def a_fork_bomb_takes_nothing_from_others(_):
    """It ends at pids.max; another user's submits stay quick and jobs run; cancel ends all of it, and not after its grace."""
    write("/etc/eoul/eoul.yaml", CONFIG.replace("defaults: {", f"defaults: {{grace: {GRACE_S}s, "))
    systemctl("restart", "eould")
    until(answers)
    other = neighbour()
    quiet = times("bora", SUBMITS)
    job = submit("anna", "--", FORKS, "bomb")
    cgroup = job_cgroup(job)
    assert read(f"{cgroup}/pids.max").strip() == str(PIDS)
    most = 1500  # an emulated machine takes many minutes to fork as often as that
    write(f"{cgroup}/pids.max", str(most))
    full = until(lambda: int(read(f"{cgroup}/pids.current")) >= most or "max 0" not in read(f"{cgroup}/pids.events"), 400)
    say(f"{read(f'{cgroup}/pids.current').strip()} of {most} processes, memory {int(read(f'{cgroup}/memory.current')) >> 20} MiB")
    assert full
    loaded = times("bora", SUBMITS)
    begin = time.monotonic()
    ran = submit("bora", "--", "sh", "-c", "exit 5")
    assert wait("bora", ran) == 5
    say(f"a job of another user's, from submit to end known: {time.monotonic() - begin:.1f} s")
    assert state("bora", other) == "RUNNING"
    begin = time.monotonic()
    cancel("anna", job)
    become("anna", job, "CANCELLED")
    gone(cgroup)
    took = time.monotonic() - begin
    say(f"cancelled and gone in {took:.1f} s, with a grace of {GRACE_S} s")
    assert took < GRACE_S / 4
    assert bombs_gone("anna")
    write("/etc/eoul/eoul.yaml", CONFIG)
    systemctl("restart", "eould")
    until(answers)
    cancel("bora", other)
    compare("beside a fork bomb", quiet, loaded)


def a_log_bomb_is_bounded(_):
    """Output without end is slowed to its rate and cut off at its bound, which is said; others' submits stay quick."""
    quiet = times("bora", SUBMITS)
    job = submit("anna", "--output=bomb", "--", "yes", "a log bomb of a line that is not so short")
    path = f"{home('anna')}/bomb"
    is_there(path)
    begin, before = time.monotonic(), os.path.getsize(path)
    loaded = times("bora", SUBMITS)
    rate = (os.path.getsize(path) - before) / (time.monotonic() - begin) / (1 << 20)
    until(lambda: os.path.getsize(path) >= BOUND_MIB << 20)
    cancel("anna", job)
    ended = become("anna", job, "CANCELLED")
    last = ended["attempts"][-1]
    say(f"{rate:.1f} MiB/s were written, {os.path.getsize(path) >> 20} MiB kept, {last['output_lost'] >> 20} MiB left out")
    assert os.path.getsize(path) < (BOUND_MIB << 20) + 1000 and last["output_lost"] > 0 and rate < 2 * RATE_MIB, (rate, last)
    os.unlink(path)
    compare("beside a log bomb", quiet, loaded)


def may_open(user, nodes, *options):
    job = submit(user, *options, "--output=opens-%j", "--", "sh", "-c",
                 "for node; do cat $node 2>&1 | sed 's/.*: //'; done", "sh", *nodes, env={"LC_ALL": "C"})
    assert wait(user, job) == 0
    return read(f"{home(user)}/opens-{job}").split("\n")[:-1]


def other_gpus_do_not_open(_):
    """A job opens the nodes of the GPUs it has and of no other, before and after the launcher was restarted."""
    nodes = [f"/dev/nvidia{minor}" for minor in (0, 1)] + ["/dev/nvidiactl"]
    for node, minor in zip(nodes, (0, 1, 255)):
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(195, minor))
        os.chmod(node, 0o666)
    assert may_open("anna", nodes) == [EPERM, EPERM, ENXIO]
    holder = submit("bora", "--gpus=1", "--", "sleep", "600")
    held = until(lambda: show("bora", holder)["gpu_list"])
    systemctl("restart", "eoul-launcher")
    until(answers)
    mine = may_open("anna", nodes, "--gpus=1")
    assert mine == ([EPERM, ENXIO, ENXIO] if held == [0] else [ENXIO, EPERM, ENXIO]), (held, mine)
    cancel("bora", holder)
    become("bora", holder, "CANCELLED")
    assert may_open("anna", nodes, "--gpus=2") == [ENXIO] * 3
    # A set-uid program opens no more than its job, and a node made anew is no other device.
    shutil.copy("/bin/cat", "/usr/local/bin/root-cat")
    os.chmod("/usr/local/bin/root-cat", 0o4755)
    job = submit("anna", "--output=root-opens", "--", "sh", "-c", "root-cat /dev/nvidia0 2>&1 | sed 's/.*: //'")
    assert wait("anna", job) == 0 and read(f"{home('anna')}/root-opens") == EPERM + "\n"
    os.unlink("/usr/local/bin/root-cat")


def anothers_files_are_shut(_):
    """B, and B's job, read neither A's job's files and environment nor its output, script and arguments."""
    script = write(f"{home('anna')}/secret.sh", "#!/bin/sh\necho canary-output\nexec sleep 600\n", "anna", 0o700)
    job = submit("anna", "--output=secret.out", script, "canary-argument", env={"CANARY": "canary-environment"})
    is_there(f"{home('anna')}/secret.out")
    pid = until(lambda: main_process(job))
    cgroup = job_cgroup(job)
    tries = "; ".join([f"cat {home('anna')}/secret.out {script}", f"cat /proc/{pid}/environ", f"ls -l /proc/{pid}/fd /proc/{pid}/cwd/",
                       f"cat /var/lib/eoul-launcher/attempts/{job}.1/* /var/lib/eoul-launcher/scripts/{job}.1/script",
                       f"echo 0 >{cgroup}/cgroup.procs", f"echo 1 >{cgroup}/cgroup.kill",
                       f"echo 1 >{JOBS_CGROUP}/cgroup.kill", f"kill -9 {pid}", f"{EOUL} tail {job}", f"{EOUL} show {job}",
                       f"{EOUL} show --json {job}"])
    theirs = submit("bora", "--output=spy", "--", "sh", "-c", f"({tries}) 2>&1; exit 0")
    assert wait("bora", theirs) == 0
    found = read(f"{home('bora')}/spy")
    assert "canary" not in found, [line for line in found.split("\n") if "canary" in line]
    assert "Permission denied" in found and "Operation not permitted" in found, found
    assert alive(pid) and state("anna", job) == "RUNNING"
    cancel("anna", job)


def nobody_leaves_a_job(_):
    """Who left like a daemon, and who became root by a set-uid program, is still in the job's cgroup and ends with it."""
    shutil.copy(FORKS, "/usr/local/bin/root-forks")
    os.chmod("/usr/local/bin/root-forks", 0o4755)
    for end in ("by itself", "by cancel"):
        for name in ("plain", "root"):
            if os.path.exists(f"/tmp/{name}.pid"):
                os.unlink(f"/tmp/{name}.pid")
        stay = "" if end == "by itself" else "; exec sleep 600"
        job = submit("anna", "--", "sh", "-c", f"{FORKS} daemon /tmp/plain.pid; root-forks daemon /tmp/root.pid; "
                     f"while ! [ -s /tmp/plain.pid -a -s /tmp/root.pid ]; do sleep 0.1; done{stay}")
        pids = [int(is_there(f"/tmp/{name}.pid")) for name in ("plain", "root")]
        if stay:
            assert os.stat(f"/proc/{pids[1]}").st_uid == 0 and all(cgroup_of(p).endswith("/job") for p in pids)
            cancel("anna", job)
        become("anna", job, "COMPLETED", "CANCELLED")
        until(lambda: not any(alive(p) for p in pids))  # pylint: disable=cell-var-from-loop
        assert state("anna", job) == ("CANCELLED" if stay else "COMPLETED")
    # One that goes up into its supervisor's or its outer cgroup, as far as its rights go, is found there.
    job = submit("anna", "--output=up", "--", "sh", "-c",
                 "c=/sys/fs/cgroup$(sed s/^0:://p -n /proc/self/cgroup); cd $c; (echo 0 >../cgroup.procs || echo 0 "
                 f">../supervisor/cgroup.procs || echo 0 >../../cgroup.procs; {FORKS} daemon /tmp/up.pid); cat /proc/self/cgroup")
    pid = int(is_there("/tmp/up.pid"))
    become("anna", job, "COMPLETED", "FAILED", "NODE_FAIL")
    until(lambda: not alive(pid))
    os.unlink("/usr/local/bin/root-forks")


def changed_code_is_told(_):
    """A start more than ten seconds after the submit looks at its code: of changed code its log and show say so."""
    where = f"{home('anna')}/code"
    as_user("anna", "mkdir", "-p", where)
    for line in ("init -q .", "config user.name a", "config user.email a@b"):
        as_user("anna", "git", *line.split(), cwd=where)
    write(f"{where}/run.sh", "echo one\n", "anna")
    as_user("anna", "git", "add", ".", cwd=where)
    as_user("anna", "git", "commit", "-qm", "one", cwd=where)
    same = [submit("anna", "--hold", "--output=same-%j", "--", "sh", "run.sh", cwd=where) for _ in range(2)]
    time.sleep(11)  # what counts as late
    for job in same:
        eoul("anna", "release", str(job))
        assert wait("anna", job) == 0
        assert read(f"{where}/same-{job}") == "one\n", read(f"{where}/same-{job}")
    changed = [submit("anna", "--hold", "--output=changed-%j", "--", "sh", "run.sh", cwd=where) for _ in range(4)]
    write(f"{where}/run.sh", "echo two\n", "anna")
    time.sleep(11)
    for job in changed:
        eoul("anna", "release", str(job))
    for job in changed:
        assert wait("anna", job) == 0
        lines = read(f"{where}/changed-{job}").split("\n")
        assert lines[-2] == "two" and f"The code of job {job} changed after its submit" in lines[0], lines
        assert "code changed" in eoul("anna", "show", str(job)).stdout, eoul("anna", "show", str(job)).stdout


def small_disk(path, mib, user):
    os.makedirs(path, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "small", path)
    who = pwd.getpwnam(user)
    os.chown(path, who.pw_uid, who.pw_gid)


def fill(path):
    with open(path, "wb") as f:
        try:
            while True:
                f.write(bytes(65536))
                f.flush()
        except OSError:
            pass


def a_full_disk_of_logs(_):
    """A job whose output finds no room goes on to its own end; what is missing is marked and counted, others notice nothing."""
    where = f"{home('anna')}/small"
    small_disk(where, 2, "anna")
    job = submit("anna", f"--output={where}/out", "--", "sh", "-c",
                 "yes filler | head -c 4000000; while ! [ -e go ]; do sleep 0.2; done; echo the end; exit 9")
    until(lambda: os.path.exists(f"{where}/out") and os.path.getsize(f"{where}/out") > 1900000)
    other = submit("bora", "--", "sh", "-c", "exit 4")
    assert wait("bora", other) == 4
    os.truncate(f"{where}/out", 0)
    write(f"{home('anna')}/go", "", "anna")
    ended = become("anna", job, "FAILED", "COMPLETED")
    assert ended["exit_code"] == 9, ended
    last = ended["attempts"][-1]
    assert last["output_lost"] > 0 and last["output_bytes"] >= 4000000, last
    text = read(f"{where}/out").replace("\0", "")
    say(f"lost {last['output_lost']} of {last['output_bytes']} bytes; the log ends: {text[-160:]!r}")
    assert text.rstrip().endswith("the end") and "eoul" in text, text[-400:]
    run("umount", where)
    os.unlink(f"{home('anna')}/go")


def a_full_disk_of_state(_):
    """With the daemon's disk full a submit is refused in a sentence, running jobs end as they ended, and room mends it."""
    systemctl("stop", "eould")
    run("cp", "-a", "/var/lib/eoul", "/mnt/state")
    small_disk("/var/lib/eoul", 24, "eoul")
    run("cp", "-a", "/mnt/state/.", "/var/lib/eoul/")
    systemctl("start", "eould")
    until(answers)
    try:
        on_a_full_disk()
    finally:  # what was learnt on the small disk is the state from now on
        systemctl("stop", "eould")
        run("rm", "-rf", "/mnt/state", "/var/lib/eoul/filler")
        run("cp", "-a", "/var/lib/eoul", "/mnt/state")
        run("umount", "/var/lib/eoul")
        run("cp", "-a", "/mnt/state/.", "/var/lib/eoul/")
        systemctl("start", "eould")
        until(answers)


def on_a_full_disk():
    job = submit("anna", "--", "sh", "-c", "while ! [ -e full.go ]; do sleep 0.2; done; exit 6")
    become("anna", job, "RUNNING")
    fill("/var/lib/eoul/filler")
    refused = until(lambda: (lambda r: r if r.returncode else None)(eoul("bora", "submit", "--hold", "--", "true", check=False)))
    say(refused.stderr)
    assert refused.stderr.count("\n") == 1 and ("full" in refused.stderr or "room" in refused.stderr), refused.stderr
    write(f"{home('anna')}/full.go", "", "anna")
    ended = become("anna", job, "FAILED", "COMPLETED", "NODE_FAIL")
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 6), ended
    os.unlink("/var/lib/eoul/filler")
    until(lambda: eoul("bora", "submit", "--", "true", check=False).returncode == 0)
    systemctl("restart", "eould")
    until(answers)
    assert show("anna", job)["exit_code"] == 6
