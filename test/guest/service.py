"""service.py - eoul under systemd: installed as its manual says, who has which rights, what doctor says, killed parts and a
new version while jobs run."""
import json
import os
import re
import shutil
import time

from machine import (EOUL, FORKS, JOBS_CGROUP, PAYLOAD, UNITS, alive, answers, as_user, become, cancel, eoul, is_there,
                     main_pid, main_process, cgroup_of, home, proc_status, read, run, say, show, state, status, submit,
                     systemctl, until, wait, write)

CONFIG = """cpus: 8
defaults: {output: 24M, output_rate: 2M}
people:
  - {name: Oper, user: oper, role: operator}
"""
GPUS = "gpu GPU-aaaa 1000 Made-up\ngpu GPU-bbbb 1000 Made-up\nminor 0 0\nminor 1 1\n"
PROGRAMS = "/usr/local/libexec/eoul"


def install():
    """As a package does: every file replaced by a new one of its name, none written into."""
    run("cp", "-a", "--remove-destination", f"{PAYLOAD}/system/.", "/")
    run("ldconfig")


def it_is_installed_as_the_manual_says(_):
    """sysusers, tmpfiles and one systemctl enable, and eoul answers; whoever is nobody's user has a job done."""
    install()
    shutil.copy(f"{PAYLOAD}/test/forks", FORKS)
    os.makedirs("/etc/eoul", exist_ok=True)
    write("/etc/eoul/eoul.yaml", CONFIG)
    # Two made-up GPUs, by the driver's library of the tests.
    write("/usr/local/lib/fake_nvml.txt", GPUS)
    shutil.copy(f"{PAYLOAD}/test/libfake_nvml_v3.so", "/usr/local/lib/")
    os.makedirs("/etc/systemd/system/eoul-launcher.service.d", exist_ok=True)
    write("/etc/systemd/system/eoul-launcher.service.d/gpus.conf",
          "[Service]\nEnvironment=EOUL_NVML=/usr/local/lib/libfake_nvml_v3.so EOUL_FAKE_NVML=/usr/local/lib/fake_nvml.txt\n")
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create", check=False)
    systemctl("daemon-reload")
    systemctl("enable", "--now", "eoul-launcher.socket", "eould")
    until(answers)
    assert [systemctl("is-active", unit) for unit in UNITS] == ["active"] * 4, [systemctl("status", u) for u in UNITS]
    until(lambda: status()["counts"]["gpus"] == 2)
    say(f"guards: {status()['guards']}")
    assert set(status()["guards"]) == {"tree", "memory", "pids", "cpu", "gpus"}, status()["guards"]
    for user in ("anna", "bora"):
        job = submit(user, "--output=who", "--", "sh", "-c", "id -un; pwd; cat /proc/self/cgroup")
        assert wait(user, job) == 0
        who, where, cgroup = read(f"{home(user)}/who").split("\n")[:3]
        assert (who, where) == (user, home(user)) and cgroup.startswith("0::/system.slice/eoul-jobs.service/eoul-"), cgroup


def nobody_has_more_rights_than_needed(_):
    """The daemon and its helpers are nobody, shut in as their unit says; root is the launcher alone, with its few rights."""
    daemon, launcher = proc_status(main_pid("eould")), proc_status(main_pid("eoul-launcher"))
    uid = {line.split(":")[0]: line.split(":")[2] for line in read("/etc/passwd").split("\n") if line}
    assert daemon["Uid"].split() == [uid["eoul"]] * 4 and daemon["Groups"].strip() == daemon["Gid"].split()[0], daemon
    assert {daemon[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}, daemon
    assert (daemon["NoNewPrivs"], daemon["Seccomp"]) == ("1", "2"), daemon
    assert launcher["Uid"].split() == ["0"] * 4 and int(launcher["CapBnd"], 16) < 1 << 40, launcher
    assert bin(int(launcher["CapEff"], 16)).count("1") == 11, launcher["CapEff"]
    job = submit("anna", "--", "sleep", "600")
    become("anna", job, "RUNNING")
    until(lambda: main_process(job))
    ours = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        except OSError:
            continue
        if program.startswith("eoul") and program != "eoul":
            ours.setdefault(program, []).append(proc_status(pid))
    roots = [name for name, all_of in ours.items() for p in all_of if "0" in p["Uid"].split()]
    assert roots == ["eoul-launcher"], roots
    supervisor = ours["eoul-supervisor"][0]
    assert supervisor["Uid"].split() == [uid["anna"]] * 4 and supervisor["CapEff"] == "0" * 16, supervisor
    probe = ours["eoul-probe"][0]
    assert probe["Uid"].split() == [uid["eoul-fetch"]] * 4 and probe["Seccomp"] == "2" and probe["CapEff"] == "0" * 16, probe
    assert as_user("anna", "ls", "/var/lib/eoul", check=False).returncode != 0
    assert as_user("anna", "ls", "/var/lib/eoul-launcher/attempts", check=False).returncode != 0
    refused = run(EOUL, "submit", "--", "true", check=False, cwd="/", env={"HOME": "/root", "PATH": "/usr/bin:/bin"})
    assert refused.returncode == 1 and "root" in refused.stderr, refused
    cancel("anna", job)


def checks():
    told = run(EOUL, "doctor", "--json", check=False, cwd="/", env={"HOME": "/root", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
    return told.returncode, [(c["what"], c["grade"], c["sentence"]) for c in json.loads(told.stdout)]


def doctor_says_what_is_wrong(_):
    """A machine as installed has nothing wrong; what is broken on purpose is named, with words that mend it."""
    code, whole = checks()
    bad = [c for c in whole if c[1] == "bad"]
    assert code == 0 and not bad, bad
    for what in ("system", "units", "launcher", "cgroup"):
        grades = [c[1] for c in whole if c[0] == what]
        assert grades and set(grades) == {"ok"}, (what, [c for c in whole if c[0] == what])

    def spoilt(what, word, break_it, mend_it):
        break_it()
        found = checks()[1]
        mend_it()
        named = [c for c in found if c[0] == what and c[1] != "ok" and word in c[2]]
        assert named, (what, word, [c for c in found if c[1] != "ok"])
        return named[0][2]
    said = spoilt("system", "/var/lib/eoul", lambda: os.chmod("/var/lib/eoul", 0o755),
                  lambda: run("systemd-tmpfiles", "--create", check=False))
    assert "systemd-tmpfiles --create" in said and os.stat("/var/lib/eoul").st_mode & 0o7777 == 0o700
    spoilt("launcher", "systemctl start eoul-launcher.socket",
           lambda: systemctl("stop", "eoul-launcher.service", "eoul-launcher.socket"),
           lambda: systemctl("start", "eoul-launcher.socket", "eoul-launcher", "eould"))
    spoilt("units", "systemctl enable", lambda: systemctl("disable", "eould"), lambda: systemctl("enable", "eould"))

    def no_place_for_jobs():
        systemctl("mask", "--runtime", "--now", "eoul-jobs.service")
        systemctl("restart", "eoul-launcher")
        until(answers)
        until(lambda: "memory" not in status()["guards"])

    def place_for_jobs():
        systemctl("unmask", "--runtime", "eoul-jobs.service")
        systemctl("start", "eoul-jobs.service")
        systemctl("restart", "eoul-launcher")
        until(answers)
        until(lambda: "memory" in status()["guards"])
    spoilt("cgroup", "eoul-jobs.service", no_place_for_jobs, place_for_jobs)
    code, whole = checks()
    assert code == 0 and not [c for c in whole if c[0] in ("system", "units", "launcher", "cgroup") and c[1] != "ok"], whole


def ticking(user, name):
    """A job that shows that it lives, and ends with 7 when told; its process."""
    job = submit(user, f"--output={name}.out", "--", "sh", "-c",
                 f"echo $$ >{name}.pid; while ! [ -e {name}.go ]; do sleep 0.2; done; echo done; exit 7")
    return job, int(is_there(f"{home(user)}/{name}.pid"))


def kill_and_await(unit, times):
    """Ends the main process of this unit so often with SIGKILL; how long until eoul answered again, each."""
    took = []
    for _ in range(times):
        old = main_pid(unit)
        begin = time.monotonic()
        os.kill(old, 9)
        until(lambda: main_pid(unit) not in (0, old) and answers())  # pylint: disable=cell-var-from-loop
        took.append(time.monotonic() - begin)
    return took


def kill_at_each_start(unit, times):
    """Ends it so often, each time as soon as it is there: more often in ten seconds than systemd bears by default."""
    begin = time.monotonic()
    for _ in range(times):
        until(lambda: main_pid(unit))
        old = main_pid(unit)
        os.kill(old, 9)
        until(lambda: main_pid(unit) != old)  # pylint: disable=cell-var-from-loop
    took = time.monotonic() - begin
    until(answers)
    return took


def killed_parts_come_back_and_jobs_go_on(_):
    """kill -9 of daemon and launcher: systemd brings them back, the jobs are the same processes, ends are known."""
    anna, pid = ticking("anna", "through")
    waiting = submit("bora", "--dependency=afterany:1", "--hold", "--", "true")
    say(f"daemon back after {max(kill_and_await('eould', 3)):.1f} s, launcher after "
        f"{max(kill_and_await('eoul-launcher', 2)):.1f} s at most")
    say(f"8 times at each start: the daemon in {kill_at_each_start('eould', 8):.1f} s, the launcher in "
        f"{kill_at_each_start('eoul-launcher', 8):.1f} s; both came back")
    assert alive(pid) and state("anna", anna) == "RUNNING" and state("bora", waiting) == "PENDING"
    # One that ends while nobody is there to see it.
    unseen, other = ticking("bora", "unseen")
    systemctl("stop", "eould", "eoul-launcher")
    write(f"{home('bora')}/unseen.go", "", "bora")
    until(lambda: not alive(other))
    systemctl("start", "eould")
    until(answers)
    ended = become("bora", unseen, "FAILED", "COMPLETED", "NODE_FAIL", "CANCELLED")
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 7), ended
    write(f"{home('anna')}/through.go", "", "anna")
    ended = become("anna", anna, "FAILED", "COMPLETED", "NODE_FAIL", "CANCELLED")
    assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("FAILED", 7, 1), ended
    assert read(f"{home('anna')}/through.out") == "done\n"
    eoul("bora", "release", str(waiting))
    assert wait("bora", waiting) == 0
    # A supervisor killed: nobody knows how its job would have ended, and nothing of it stays.
    lost, pid = ticking("anna", "lost")
    supervisor = int(read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[1])
    assert "supervisor" in cgroup_of(supervisor)
    os.kill(supervisor, 9)
    ended = become("anna", lost, "NODE_FAIL")
    assert not alive(pid) and ended["reason"] == "Lost", ended


def an_upgrade_in_place_leaves_jobs_alone(_):
    """New files over the old, services restarted as a package's script does: jobs go on under the new version."""
    job, pid = ticking("anna", "upgrade")
    queued = submit("bora", "--hold", "--", "true")
    before = {name: os.stat(f"{PROGRAMS}/{name}").st_ino for name in ("eoul-launcher", "eoul-supervisor")}
    install()
    assert all(os.stat(f"{PROGRAMS}/{name}").st_ino != inode for name, inode in before.items())
    systemctl("daemon-reload")
    systemctl("restart", "eoul-launcher", "eould")
    until(answers)
    assert re.match(PROGRAMS, os.readlink(f"/proc/{main_pid('eoul-launcher')}/exe"))
    assert "(deleted)" not in os.readlink(f"/proc/{main_pid('eoul-launcher')}/exe")
    assert alive(pid) and state("anna", job) == "RUNNING" and state("bora", queued) == "PENDING"
    assert cgroup_of(pid).startswith("/system.slice/eoul-jobs.service/"), cgroup_of(pid)
    write(f"{home('anna')}/upgrade.go", "", "anna")
    ended = become("anna", job, "FAILED", "NODE_FAIL", "CANCELLED")
    assert (ended["state"], ended["exit_code"]) == ("FAILED", 7), ended
    eoul("bora", "release", str(queued))
    assert wait("bora", queued) == 0 and show("bora", queued)["attempt"] == 1
    until(lambda: not [d for d in os.listdir(JOBS_CGROUP) if d.startswith("eoul-")])
