"""machine.py - this guest, as its tests use it: users, eoul's command line as each of them, services, what a boot leaves to
the next one, and TAP that goes on over boots."""
import json
import os
import pwd
import subprocess
import time
import traceback

from world import Skip, until as until_within

KEPT = "/var/lib/guest-test"
EOUL = "/usr/local/bin/eoul"
PAYLOAD = "/payload"
FORKS = "/usr/local/bin/forks"
UNITS = ("eould.service", "eoul-launcher.service", "eoul-launcher.socket", "eoul-jobs.service")
JOBS_CGROUP = "/sys/fs/cgroup/system.slice/eoul-jobs.service"


def until(what, seconds=240):
    """Emulated, on a machine that does other things besides."""
    return until_within(what, seconds)


def run(*argv, check=True, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **{"timeout": 300, **more})
    assert done.returncode == 0 or not check, (argv, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def home(user):
    return f"/home/{user}"


def as_user(user, *argv, env=None, check=True, **more):
    who = pwd.getpwnam(user)
    return run("setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--init-groups", *argv, check=check,
               cwd=more.pop("cwd", home(user)), **more,
               env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home(user), "LANG": "C.UTF-8", "USER": user,
                    **(env or {})})


def eoul(user, *argv, **more):
    return as_user(user, EOUL, *argv, **more)


def submit(user, *argv, **more):
    return int(eoul(user, "submit", "--parsable", *argv, **more).stdout.split(";")[0])


def show(user, job):
    return json.loads(eoul(user, "show", "--json", str(job)).stdout)


def state(user, job):
    return show(user, job)["state"]


def become(user, job, *states, seconds=240):
    """Wait until it is in one of these states; the job then."""
    last = {}

    def there():
        last.update(show(user, job))
        return last["state"] in states
    try:
        until(there, seconds)
    except AssertionError as why:
        raise AssertionError(f"job {job} is {last.get('state')} ({last.get('reason')}), not {states}: {last}") from why
    return last


def wait(user, job, seconds=300):
    return eoul(user, "wait", str(job), check=False, timeout=seconds).returncode


def cancel(user, *jobs):
    eoul(user, "cancel", *map(str, jobs))


def status():
    return json.loads(eoul("oper", "status", "--json").stdout)


def answers():
    return eoul("oper", "status", "--json", check=False).returncode == 0


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def write(path, text, user=None, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    if user:
        os.chmod(path, mode)
        who = pwd.getpwnam(user)
        os.chown(path, who.pw_uid, who.pw_gid)
    return path


def systemctl(*argv, check=True):
    return run("systemctl", *argv, check=check).stdout.strip()


def main_pid(unit):
    return int(systemctl("show", "-P", "MainPID", unit))


def alive(pid):
    try:
        return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def proc_status(pid):
    return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").split("\n") if ":\t" in line)


def is_there(path, seconds=240):
    until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, seconds)
    return read(path)


def cgroup_of(pid):
    return read(f"/proc/{pid}/cgroup").strip().split("::", 1)[1]


def main_process(job, user="anna"):
    """Number of a process of this job's: any one that knows which job it is."""
    uid = pwd.getpwnam(user).pw_uid
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid and f"EOUL_JOB_ID={job}\0".encode() in open(
                    f"/proc/{pid}/environ", "rb").read():
                return int(pid)
        except OSError:
            continue
    return 0


def times(user, n, *argv):
    """How long n submits take, each as its user feels it, in ms, sorted."""
    took = []
    for _ in range(n):
        begin = time.monotonic()
        eoul(user, "submit", "--hold", *argv, "--", "true")
        took.append((time.monotonic() - begin) * 1000)
    return sorted(took)


def p99(sorted_ms):
    return sorted_ms[min(len(sorted_ms) - 1, len(sorted_ms) * 99 // 100)]


class Kept:
    """What one boot leaves to the next, on disk."""

    def __init__(self):
        os.makedirs(KEPT, exist_ok=True)
        self.path = os.path.join(KEPT, "kept.json")
        self.all = {"boot": 0, "n": 0, "failed": 0}
        if os.path.exists(self.path):
            self.all = json.loads(read(self.path))

    def __getitem__(self, key):
        return self.all[key]

    def __setitem__(self, key, value):
        self.all[key] = value

    def save(self):
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.all, f)
            f.flush()
            os.fsync(f.fileno())
        os.rename(self.path + ".new", self.path)
        fd = os.open(KEPT, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def say(text):
    print("# " + str(text).rstrip("\n").replace("\n", "\n# "), flush=True)


def judge(kept, test):
    """One test: TAP's line of it."""
    kept["n"] += 1
    name, begin = test.__name__.replace("_", " "), time.monotonic()
    try:
        test(kept)
        print(f"ok {kept['n']} - {name}", flush=True)
    except Skip as why:
        print(f"ok {kept['n']} - {name} # SKIP {why}", flush=True)
    except Exception:  # pylint: disable=broad-except
        kept["failed"] += 1
        print(f"not ok {kept['n']} - {name}", flush=True)
        say(traceback.format_exc())
        say(run("journalctl", "-b", "-n", "40", "--no-pager", "-o", "short-monotonic", "-u", "eould", "-u", "eoul-launcher", "-u",
                "eoul-launcher.socket", "-u", "eoul-jobs", check=False).stdout)
        say(run("ps", "-eo", "user,pid,ppid,pcpu,etimes,args", "--sort=-pcpu", check=False).stdout[:1500])
    say(f"{name}: {time.monotonic() - begin:.0f} s")
    kept.save()
