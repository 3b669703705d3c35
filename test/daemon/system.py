"""system.py EOULD LAUNCHER SUPERVISOR EOUL FETCH DENY - system mode with two made-up users, as root.

Launcher and daemon are started by hand as their units would: the launcher as root, the daemon as a user of its own.
What is asked: whose rights a job has, who may touch it, and what a daemon in wrong hands can still do.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "api"))
from world import Skip, Tap, Unix, until  # noqa: E402  pylint: disable=wrong-import-position

ANNA, BORA, OPER, VIEW, NONE, DAEMON, HELPER, GROUP = 61001, 61002, 61003, 61004, 61005, 61010, 61011, 61500
FAILED, LAUNCHED, STAGE_DIRECTORY, STAGE_TICKET = 66, 65, 1, 16
EPERM, EBADMSG, EALREADY, EKEYREJECTED = 1, 74, 114, 129


def as_user(uid, *argv, groups=(), env=None, **more):
    who = [f"--groups={','.join(map(str, groups))}"] if groups else ["--clear-groups"]
    return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", *who, *argv], env=env, text=True,
                          capture_output=True, check=False, timeout=120, **more)


class System:
    """A machine: places, programs, launcher and daemon."""

    def __init__(self, programs, passwd_users=""):
        self.dir = tempfile.mkdtemp(prefix="eoul-sys-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        at = self.at
        for name, uid, mode in (("lib", 0, 0o755), ("bin", 0, 0o755), ("daemon", DAEMON, 0o700),
                                ("helper", HELPER, 0o700), ("run", DAEMON, 0o755), ("locks", 0, 0o1777),
                                ("run-launcher", 0, 0o755), ("state", 0, 0o711)):
            os.mkdir(at(name))
            os.chown(at(name), uid, uid)
            os.chmod(at(name), mode)
        for uid in (ANNA, BORA, OPER, VIEW, NONE):
            os.mkdir(at(f"home-{uid}"))
            os.chown(at(f"home-{uid}"), uid, uid)
            os.chmod(at(f"home-{uid}"), 0o700)
        self.programs = programs
        for program in programs:
            shutil.copy(program, at("bin"))
        os.chmod(at("bin/eoul-supervisor"), 0o711)  # as installed: who cannot read it cannot trace it
        with open(at("eoul.yaml"), "w", encoding="utf-8") as f:
            f.write("cpus: 4\n" + passwd_users)
        self.env = {"PATH": "/usr/bin:/bin", "EOUL_SOCKET": at("run/socket"), "EOUL_LAUNCHER": at("run-launcher/socket"),
                    "EOUL_LOCK_DIR": at("locks"), "EOUL_HURRY": "1", "LANG": "C.UTF-8", "EOUL_LIBEXEC": at("bin")}
        self.launcher = self.daemon = None
        self.wrap = []

    def at(self, name):
        return os.path.join(self.dir, name)

    def start_launcher(self, **env):
        log = open(self.at("launcher.log"), "ab")
        self.launcher = subprocess.Popen(
            [*self.wrap, self.at("bin/eoul-launcher"), self.at("bin"), "--system", "--state", self.at("state"), "--socket",
             self.at("run-launcher/socket"), "--daemon", self.at("daemon"), "--helper", self.at("helper")],
            env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        until(lambda: self.launcher.poll() is not None or os.path.exists(self.at("run-launcher/socket")))
        assert self.launcher.poll() is None, self.log()

    def start_launcher_as_systemd(self):
        """With its socket at descriptor 3, which waits in accept(), as systemd's do."""
        self.stop("launcher")
        path = self.at("run-launcher/socket")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, open(self.at("launcher.log"), "ab") as log:
            listener.bind(path)
            os.chmod(path, 0o666)
            listener.listen(16)
            self.launcher = subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                [self.at("bin/eoul-launcher"), self.at("bin"), "--system", "--activated", "--state", self.at("state"),
                 "--socket", path, "--daemon", self.at("daemon"), "--helper", self.at("helper")], env=self.env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=(3,), preexec_fn=lambda: os.dup2(listener.fileno(), 3))

    def start_daemon(self):
        read, write = os.pipe()
        log = open(self.at("daemon.log"), "ab")
        self.daemon = subprocess.Popen(
            ["setpriv", f"--reuid={DAEMON}", f"--regid={DAEMON}", "--clear-groups", self.at("bin/eould"), "--system",
             "--state", self.at("daemon"), "--socket", self.at("run/socket"), "--config", self.at("eoul.yaml"),
             "--foreground", "--ready-fd", str(write)],
            env=self.env, pass_fds=[write], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        os.close(write)
        with os.fdopen(read) as ready:
            said = ready.readline().strip()
        assert said == "ok", (said, self.log())

    def start(self):
        self.start_launcher()
        self.start_daemon()
        return self

    def log(self):
        text = f"launcher {self.launcher and self.launcher.poll()}, daemon {self.daemon and self.daemon.poll()}\n"
        for name in ("launcher.log", "daemon.log"):
            with contextlib.suppress(OSError), open(self.at(name), encoding="utf-8", errors="replace") as f:
                text += f"--- {name}\n{f.read()[-3000:]}"
        return text

    def eoul(self, uid, *argv, groups=(), env=None, stdin=None):
        home = self.at(f"home-{uid}")
        return as_user(uid, self.at("bin/eoul"), *argv, groups=groups, cwd=home, input=stdin,
                       env={**self.env, "HOME": home, **(env or {})})

    def submit(self, uid, *argv, **more):
        run = self.eoul(uid, "submit", "--parsable", *argv, **more)
        assert run.returncode == 0, (run.stderr, self.log())
        return int(run.stdout.split(";")[0])

    def show(self, uid, job):
        run = self.eoul(uid, "show", "--json", str(job))
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def ended(self, uid, job):
        run = self.eoul(uid, "wait", str(job))
        return run.returncode

    def api(self, uid, method, path, body=None):
        run = as_user(uid, sys.executable, os.path.join(HERE, "..", "api", "call_as.py"), self.env["EOUL_SOCKET"],
                      input=json.dumps([[method, path, body]]), env=self.env)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)[0]

    def file(self, uid, name):
        return os.path.join(self.at(f"home-{uid}"), name)

    def read(self, uid, name):
        with open(self.file(uid, name), encoding="utf-8") as f:
            return f.read()

    def stop(self, which):
        program = getattr(self, which)
        if program and program.poll() is None:
            program.kill()
            program.wait()

    def close(self):
        self.stop("daemon")
        self.stop("launcher")
        for pid in filter(str.isdigit, os.listdir("/proc")):  # supervisors and jobs of these made-up users
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/environ", "rb") as f:
                    ours = self.dir.encode() in f.read()
                if ours and os.stat(f"/proc/{pid}").st_uid in (ANNA, BORA, HELPER, 0) and int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)


# --- what is promised to users ---------------------------------------------------------------------------


def runs_as_its_submitter(s):
    """User, groups, directory, environment, script and array are the submitter's; root's environment is not there."""
    for uid in (ANNA, BORA):
        job = s.submit(uid, "--output=out-%j", "--", "sh", "-c", "id -u; id -g; id -G; umask; pwd; echo $MINE; env >env",
                       groups=(uid, GROUP), env={"MINE": f"of {uid}", "LD_PRELOAD": "/nonexistent.so"})
        assert s.ended(uid, job) == 0, s.log()
        said = s.read(uid, f"out-{job}").split("\n")
        lines = [line for line in said if "ERROR: ld.so" not in line]
        assert lines[0] == lines[1] == str(uid), said
        assert set(lines[2].split()) == {str(uid), str(GROUP)}, said
        assert lines[4] == s.at(f"home-{uid}") and lines[5] == f"of {uid}", said
        assert os.stat(s.file(uid, f"out-{job}")).st_uid == uid
        assert "EOUL_FAULT" not in s.read(uid, "env")
    script = s.file(ANNA, "train.sbatch")
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n#SBATCH --output=task-%a\n#SBATCH --array=3,5,7%1\n"
                "echo $SLURM_ARRAY_TASK_ID $0 $1; id -u; ls -l /proc/$$/fd | wc -l\n")
    job = s.submit(ANNA, script, "word")
    assert s.ended(ANNA, job) == 0, s.log()
    for index in (3, 5, 7):
        words = s.read(ANNA, f"task-{index}").split()
        assert words[0] == str(index) and words[2] == "word" and words[3] == str(ANNA), words
    code = s.submit(ANNA, "--", "sh", "-c", "exit 7")
    assert s.ended(ANNA, code) == 7


def who_may_what(s):
    """Nobody touches another's job but an operator; a viewer looks; whoever has no role has no way in."""
    job = s.submit(ANNA, "--", "sleep", "300")
    for verb in ("cancel", "hold", "requeue"):
        run = s.eoul(BORA, verb, str(job))
        assert run.returncode == 1 and "somebody else" in run.stderr, (verb, run.stderr)
    assert s.eoul(VIEW, "queue").returncode == 0 and str(job) in s.eoul(VIEW, "queue", "--all").stdout
    refused = s.eoul(VIEW, "submit", "--", "true")
    assert refused.returncode == 1 and "look" in refused.stderr, refused.stderr
    assert s.eoul(VIEW, "cancel", str(job)).returncode == 1
    assert s.eoul(NONE, "queue").returncode == 1
    assert s.api(BORA, "POST", "/v1/gpus/queue/drain", {})[0] == 403
    assert s.api(BORA, "POST", "/v1/down", {})[0] == 403
    secret = s.api(BORA, "GET", f"/v1/jobs/{job}")
    assert secret[0] == 200 and not {"argv", "cwd", "spec"} & set(json.loads(secret[1])), secret
    assert s.api(BORA, "GET", f"/v1/jobs/{job}/tail")[0] == 403
    assert s.eoul(OPER, "cancel", str(job)).returncode == 0
    assert until(lambda: s.show(ANNA, job)["state"] == "CANCELLED")
    root = subprocess.run([s.at("bin/eoul"), "submit", "--", "true"], env={**s.env, "HOME": "/"}, cwd="/", text=True,
                          capture_output=True, check=False)
    assert root.returncode == 1 and "root" in root.stderr, root.stderr


def shut_doors(s):
    """A job finds no way to its attempt's files, to another's, to the daemon's or into its supervisor."""
    places = [s.at("state/attempts"), s.at("state/spent"), s.at("daemon"), s.at(f"home-{BORA}")]
    tries = "; ".join(f"ls {p} && echo IN {p}" for p in places) + f"; cat {s.at('state/key')} && echo READ it"
    tries += "; ls /proc/$PPID/fd && echo FD; cat /proc/$PPID/environ && echo ENV; head -c1 /proc/$PPID/mem && echo MEM"
    job = s.submit(ANNA, "--output=doors", "--", "sh", "-c", tries + "; ls /proc/self/fd | tr '\\n' ' '; exit 0")
    assert s.ended(ANNA, job) == 0, s.log()
    said = s.read(ANNA, "doors")
    for word in ("IN ", "READ ", "\nFD", "\nENV", "\nMEM"):
        assert word not in said, said
    link = s.file(ANNA, "link")
    os.symlink(s.file(BORA, "theirs"), link)
    job = s.submit(ANNA, f"--output={link}", "--", "echo", "over the fence")
    assert s.ended(ANNA, job) != 0 and not os.path.exists(s.file(BORA, "theirs"))


def doctor_knows_the_system(s):
    """What is amiss in a made-up installation is named with its mending, as a user and as root, in Korean too."""
    root, state = s.at("doctor"), s.at("doctor/var/lib/eoul")
    for path, uid, mode in (("var/lib/eoul", DAEMON, 0o700), ("var/lib/eoul-fetch", HELPER, 0o700),
                            ("var/lib/eoul-launcher", 0, 0o711), ("run/eoul", DAEMON, 0o755),
                            ("run/eoul-launcher", 0, 0o755), ("etc/eoul", 0, 0o755),
                            ("usr/lib/systemd/system", 0, 0o755),
                            ("etc/systemd/system/multi-user.target.wants", 0, 0o755),
                            ("etc/systemd/system/sockets.target.wants", 0, 0o755)):
        os.makedirs(os.path.join(root, path))
        os.chown(os.path.join(root, path), uid, 0)
        os.chmod(os.path.join(root, path), mode)
    units = [os.path.join(root, "usr/lib/systemd/system", unit) for unit in
             ("eould.service", "eoul-launcher.service", "eoul-launcher.socket", "eoul-jobs.service")]
    files = [*units, os.path.join(root, "etc/systemd/system/multi-user.target.wants/eould.service"),
             os.path.join(root, "etc/systemd/system/sockets.target.wants/eoul-launcher.socket"),
             os.path.join(root, "etc/eoul/eoul.yaml"), os.path.join(root, "var/lib/eoul-launcher/key")]
    for path in files:
        with open(path, "w", encoding="ascii"):
            pass
        os.chmod(path, 0o600)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(os.path.join(root, "run/eoul-launcher/socket"))
    os.chmod(os.path.join(root, "run/eoul-launcher/socket"), 0o666)
    listener.listen(16)

    def checks(uid, lang="en"):
        env = {"EOUL_DOCTOR_ROOT": root, "LANGUAGE": lang, "LANG": "C.UTF-8"}
        run = s.eoul(uid, "doctor", "--json", env=env) if uid else subprocess.run(
            [s.at("bin/eoul"), "doctor", "--json"], env={**s.env, "HOME": "/", **env}, cwd="/", text=True,
            capture_output=True, check=False)
        assert run.returncode in (0, 1), run.stderr
        return [(c["what"], c["grade"], c["sentence"]) for c in json.loads(run.stdout)]

    def of(what, found):
        return [grade for name, grade, _ in found if name == what]
    whole = checks(0)
    assert of("system", whole) == ["ok"] and of("units", whole) == ["ok"] and of("launcher", whole) == ["ok", "ok"], whole
    assert [c for c in whole if c[0] == "calendar"] and [c for c in whole if c[0] == "notices"], whole
    guards = json.loads(s.api(ANNA, "GET", "/v1/status")[1])["guards"]
    assert of("cgroup", whole) == ["ok" if guard in guards else "note" for guard in ("tree", "memory", "gpus")], whole
    user = checks(ANNA)
    assert of("system", user) == ["ok", "note"] and of("launcher", user) == ["ok"], user
    breaks = [
        (lambda: os.chmod(state, 0o755), lambda: os.chmod(state, 0o700), "system", "bad", "0755"),
        (lambda: os.chown(state, 0, 0), lambda: os.chown(state, DAEMON, 0), "system", "bad", "user 0"),
        (lambda: os.rename(state, state + "x"), lambda: os.rename(state + "x", state), "system", "bad", "not there"),
        (lambda: os.chmod(files[6], 0o666), lambda: os.chmod(files[6], 0o600), "system", "bad", "eoul.yaml"),
        (lambda: os.chmod(files[7], 0o644), lambda: os.chmod(files[7], 0o600), "launcher", "bad", "signs"),
        (lambda: os.rename(units[3], units[3] + "x"), lambda: os.rename(units[3] + "x", units[3]), "units", "note",
         "eoul-jobs.service"),
        (lambda: os.rename(files[4], files[4] + "x"), lambda: os.rename(files[4] + "x", files[4]), "units", "note", "enable"),
        (listener.close, lambda: None, "launcher", "bad", "does not answer")]
    for spoil, mend, what, grade, word in breaks:
        spoil()
        found = [c for c in checks(0) if c[0] == what and c[1] == grade]
        assert found and word in " ".join(c[2] for c in found), (what, word, checks(0))
        mend()
    assert any("가" <= letter <= "힣" for c in checks(0, "ko") if c[0] == "launcher" and c[1] == "bad" for letter in c[2])


SPEAK = """
import array, os, socket, struct, sys
path, kind, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.settimeout(20)
c.connect(path)
fds = [0, 1, 2, os.memfd_create("words")]
os.write(fds[3], "".join(w + chr(0) for w in words).encode())
c.sendmsg([struct.pack("=4Iqq", 0x6C756F65, 1, kind, 0, 24, 80) + bytes(384)],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
while True:
    words = c.recv(4096)
    if not words:
        break
    kind, arg = struct.unpack_from("=I", words, 8)[0], struct.unpack_from("=q", words, 16)[0]
    if kind in (5, 7, 9, 10):  # attached, refused, a step began, it is over
        print(kind, arg)
    if kind in (5, 7, 10):
        break
"""
ATTACHED, REFUSED, STEP_STARTED, ATTACH, STEP = 5, 7, 9, 68, 70


def nobody_acts_in_anothers_job(s):
    """Steps (srun --jobid) and terminals are the submitter's own: an operator has none in others' jobs, and neither has
    whoever took the daemon over and speaks to the supervisor itself."""
    os.mkdir(s.at("bin/slurm"))
    os.symlink("../eoul", s.at("bin/slurm/srun"))
    job = s.submit(ANNA, "--", "sleep", "300")
    assert until(lambda: s.show(ANNA, job)["state"] == "RUNNING")

    def srun(uid):
        home = s.at(f"home-{uid}")
        return as_user(uid, s.at("bin/slurm/srun"), f"--jobid={job}", "sh", "-c", "id -u; pwd; exit 3", cwd=home,
                       env={**s.env, "HOME": home})
    own = srun(ANNA)
    assert own.returncode == 3 and own.stdout.split() == [str(ANNA), s.at(f"home-{ANNA}")], own
    for uid in (BORA, OPER, VIEW):
        other = srun(uid)
        assert other.returncode == 125 and not other.stdout and "somebody else" in other.stderr, (uid, other)
        assert s.api(uid, "POST", f"/v1/jobs/{job}/attach", {"meet": "here"})[0] == 403, uid
    ctl, evil = s.at(f"state/attempts/{job}.1/ctl"), s.file(ANNA, "evil")
    words = ["/bin/sh", "sh", "-c", f"id >{evil}"]

    def speak(uid, *ask):
        return as_user(uid, sys.executable, "-c", SPEAK, ctl, *map(str, ask)).stdout.split()
    assert speak(DAEMON, STEP, *words) == [str(REFUSED), str(EPERM)]
    assert speak(DAEMON, ATTACH) == [str(REFUSED), str(EPERM)]
    assert not os.path.exists(evil) and s.show(ANNA, job)["state"] == "RUNNING"
    root = subprocess.run([sys.executable, "-c", SPEAK, ctl, str(STEP), *words], capture_output=True, text=True, check=False)
    assert root.stdout.split()[0] == str(STEP_STARTED), root  # the same record, by somebody who may
    assert until(lambda: os.path.exists(evil))
    assert s.eoul(OPER, "cancel", str(job)).returncode == 0  # what an operator is for
    assert until(lambda: s.show(ANNA, job)["state"] == "CANCELLED")


def a_batch_has_steps(s):
    """A batch script's srun is a step of its own job, with its user's rights."""
    script = s.file(ANNA, "steps.sbatch")
    os.makedirs(s.at("bin/slurm"), exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink("../eoul", s.at("bin/slurm/srun"))
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n#SBATCH --output=steps-%j\nsrun sh -c 'echo step; id -u; exit 4'\necho ended $?\n")
    job = s.submit(ANNA, script)
    assert s.ended(ANNA, job) == 0, s.log()
    said = s.read(ANNA, f"steps-{job}")
    assert said.startswith(f"step\n{ANNA}\n") and said.endswith("ended 4\n"), said


def drive(s, *lines):
    """Start again with a made-up driver of two GPUs that plays these lines."""
    s.stop("daemon")
    s.stop("launcher")
    with open(s.at("nvml"), "w", encoding="utf-8") as f:
        f.write("\n".join(["gpu GPU-aaaa 1000 Made-up", "gpu GPU-bbbb 1000 Made-up", *lines, ""]))
    build = os.path.dirname(s.programs[0])
    for part in ("eoul-probe", "test/lib/libfake_nvml_v3.so"):
        shutil.copy(os.path.join(build, part), s.at("bin"))
    s.start_launcher(EOUL_NVML=s.at("bin/libfake_nvml_v3.so"), EOUL_FAKE_NVML=s.at("nvml"))
    s.start_daemon()


def the_probe_is_shut_in(s):
    """A driver's library in wrong hands runs as the helper, and reaches no program, socket, file or process."""
    if "EOUL_COVERAGE" in os.environ:
        raise Skip("this build counts, so it is not shut in")
    drive(s, f"mischief {s.at('eoul.yaml')}")  # anybody may read that
    model = json.loads(s.api(ANNA, "GET", "/v1/gpus")[1])["gpus"][0]["model"]
    did = dict(zip(model.split()[::2], map(int, model.split()[1::2])))
    readable = did.pop("read")
    assert did.pop("write") in (13, 27) and did.pop("make") in (1, 13), model
    assert did == {"exec": 1, "socket": 1, "device": 0, "kill": 1}, model
    if readable == 0:
        raise Skip("this kernel has no Landlock: what everybody may read, the probe may")
    assert readable == 13, model


def opens(s, uid, nodes, *options):
    """Which of the nodes a job of this user may open, as the kernel says it."""
    job = s.submit(uid, *options, "--output=opens-%j", "--", "sh", "-c",
                   "for node; do cat $node 2>&1 | sed 's/.*: //'; done; true", "sh", *nodes, env={"LC_ALL": "C"})
    assert s.ended(uid, job) == 0, s.log()
    return s.read(uid, f"opens-{job}").split("\n")[:-1]


def other_gpus_do_not_open(s):
    """Where the device filter holds, a job opens its own GPUs' nodes and no other; where not, the daemon says so."""
    nodes = [s.at(f"nvidia{minor}") for minor in (7, 4, 255)]
    try:
        for node, minor in zip(nodes, (7, 4, 255)):
            os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(195, minor))
            os.chmod(node, 0o666)
    except OSError as why:
        raise Skip(f"no device node can be made here ({why})") from why
    drive(s, "minor 0 7", "minor 1 4")
    gpus = json.loads(s.api(ANNA, "GET", "/v1/gpus")[1])
    assert gpus["source"] == "nvml" and len(gpus["gpus"]) == 2, gpus
    guards = json.loads(s.api(ANNA, "GET", "/v1/status")[1])["guards"]
    free, shut = "No such device or address", "Operation not permitted"
    if "gpus" not in guards:
        assert opens(s, ANNA, nodes) == [free] * 3
        raise Skip(f"no device filter may be attached here; the daemon says what holds: {guards}")
    assert opens(s, ANNA, nodes) == [shut, shut, free]
    assert opens(s, ANNA, nodes, "--gpus=2") == [free] * 3
    holder = s.submit(BORA, "--gpus=1", "--", "sleep", "300")
    held = until(lambda: s.show(BORA, holder)["gpu_list"])
    mine = opens(s, ANNA, nodes, "--gpus=1")
    assert mine == ([shut, free, free] if held == [0] else [free, shut, free]), (held, mine)
    assert s.eoul(BORA, "cancel", str(holder)).returncode == 0


def nobody_notices_a_restart(s):
    """Launcher and daemon killed while a job runs: both come back, and the job's end is known."""
    job = s.submit(ANNA, "--", "sh", "-c", "touch begun; while ! [ -e go ]; do sleep 0.1; done; exit 3")
    until(lambda: os.path.exists(s.file(ANNA, "begun")))
    s.stop("daemon")
    s.stop("launcher")
    s.start()
    assert s.show(ANNA, job)["state"] == "RUNNING"
    s.stop("launcher")  # the daemon notices and starts itself again
    s.start_launcher()
    until(lambda: s.eoul(ANNA, "status").returncode == 0)
    with open(s.file(ANNA, "go"), "w", encoding="utf-8"):
        pass
    assert until(lambda: s.show(ANNA, job)["state"] == "FAILED") and s.show(ANNA, job)["exit_code"] == 3
    later = s.submit(BORA, "--", "true")
    assert s.ended(BORA, later) == 0, s.log()


def who_became_root_ends_with_its_job(s):
    """A set-uid program makes a process of a job root, which its supervisor may not signal: its cgroup ends it."""
    if "tree" not in json.loads(s.api(ANNA, "GET", "/v1/status")[1])["guards"]:
        raise Skip("no cgroup may be made here, so nothing ends who cleared every mark")
    become = s.at("bin/become")
    shutil.copy(shutil.which("setpriv"), become)
    os.chmod(become, 0o4755)
    job = s.submit(ANNA, "--", "sh", "-c", f"setsid {become} --reuid=0 --regid=0 --clear-groups env -i sh -c "
                   "'echo $$ >root.pid; exec sleep 300 <&- >&- 2>&-' & until [ -s root.pid ]; do sleep 0.1; done; sleep 300")
    until(lambda: os.path.exists(s.file(ANNA, "root.pid")) and s.read(ANNA, "root.pid"))
    pid = int(s.read(ANNA, "root.pid"))
    if os.stat(f"/proc/{pid}").st_uid != 0:
        raise Skip("set-uid programs are nobody else here")
    assert s.eoul(ANNA, "cancel", str(job)).returncode == 0
    assert until(lambda: s.show(ANNA, job)["state"] == "CANCELLED")
    assert until(lambda: not os.path.exists(f"/proc/{pid}"), 5)


def a_script_waits_for_its_launcher(s):
    """The launcher, slow to close the file it made for a script, and killed at that moment, does not fail the job."""
    s.stop("daemon")
    s.stop("launcher")
    with open(s.at("token"), "w", encoding="ascii"):
        pass
    s.start_launcher(EOUL_FAULT=f"spawned~400@{s.at('token')}")
    s.start_daemon()
    script = s.file(ANNA, "slow.sh")
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nexit 9\n")
    job = s.submit(ANNA, script)
    until(lambda: s.launcher.poll() is not None)
    s.start_launcher()
    until(lambda: s.eoul(ANNA, "status").returncode == 0)
    assert s.ended(ANNA, job) == 9, (s.show(ANNA, job)["attempts"], s.log())


def a_socket_of_systemd_does(s):
    """The launcher takes its socket from systemd and stands still for nobody."""
    s.stop("daemon")
    s.start_launcher_as_systemd()
    s.start_daemon()
    job = s.submit(ANNA, "--", "sh", "-c", "exit 4")
    assert s.ended(ANNA, job) == 4, s.log()


# --- what a daemon in wrong hands may not ---------------------------------------------------------------------


def stored(s, uid, job):
    """Ticket and text of a job, as the daemon has them."""
    spec = s.show(uid, job)["spec"]
    ticket = next(line for line in spec.split("\n") if line.startswith("ticket="))[7:]
    return ticket, spec


def facts(job, **other):
    f = {"job": job, "array_job": 0, "array_index": 0, "attempt": 1, "restarts": 0, "canary_us": 0, "cpus": 1, "start_at": 1, "limit_us": 0,
         "grace_us": 1000000, "looks": 0, "gpu_words": 0, "gpu_n": 0, **other}
    return " ".join(str(v) for v in f.values()) + " "


def take_over(s, asks):
    s.stop("daemon")
    run = as_user(DAEMON, sys.executable, os.path.join(HERE, "taken_over.py"), s.env["EOUL_LAUNCHER"],
                  input=json.dumps(asks), env=s.env)
    assert run.returncode == 0, (run.stderr, s.log())
    return json.loads(run.stdout)


def a_daemon_taken_over(s):
    """With the daemon's own rights: nothing can be started that its user did not ask for, nor twice."""
    env = {"HOME": s.at(f"home-{ANNA}")}
    held = s.submit(ANNA, "--hold", "--output=/dev/null", "--", "sh", "-c", "echo ran >>witness", env=env)
    ticket, spec = stored(s, ANNA, held)
    order = [["order", spec], ["facts", facts(held)]]
    s.stop("daemon")
    with contextlib.closing(sqlite3.connect(s.at("daemon/eoul.db"))) as store:
        block = store.execute("SELECT block FROM env").fetchone()[0]
    with_env = order + [["env", v] for v in block.decode().split("\0") if v]
    evil = [["argv", "sh"], ["argv", "-c"], ["argv", "id -u >evil"], ["cwd", s.at(f"home-{ANNA}")]]
    raw = bytearray.fromhex(ticket)

    def altered(at):
        other = bytearray(raw)
        other[at] ^= 1
        return other.hex()

    def ask(job, request, ticket=ticket, attempt=1, task=0):
        return {"job": job, "attempt": attempt, "task": task, "ticket": ticket, "request": request}

    bora = bytearray(raw)
    bora[8:16] = BORA.to_bytes(4, "little") * 2
    answers = take_over(s, [
        ask(900, evil, ticket=None),                  # no ticket at all
        ask(901, evil, ticket=bytes(368).hex()),      # an empty one
        ask(902, evil, ticket=os.urandom(368).hex()), # a made-up one
        ask(903, with_env, ticket=bora.hex()),        # for somebody who submitted nothing
        *[ask(910 + i, with_env, ticket=altered(at)) for i, at in enumerate((8, 16, 24, 40, 72, 90, 340, 367))],
        ask(held, evil),                              # a true ticket, another program
        ask(held, with_env, attempt=1),               # the same attempt again: used up, though it did not run
        ask(held + 1, with_env, attempt=2),           # the ticket for another job
        ask(held, with_env, attempt=3, task=1),       # a task that there is not
        ask(held, [["order", spec.replace("witness", "evil")]] + with_env[1:], attempt=4),
        ask(held, with_env + [["env", "LD_PRELOAD=/tmp/evil.so"]], attempt=5),
        ask(held, with_env + evil, attempt=6),
        ask(held, [["order", spec], ["facts", facts(held, attempt=7)]] + with_env[2:], attempt=7),
        ask(held, [["order", spec], ["facts", facts(held, attempt=7)]] + with_env[2:], attempt=7),
    ])
    for a in answers[:12]:
        assert (a["type"], a["stage"], a["error"]) == (FAILED, STAGE_TICKET, EBADMSG), (answers.index(a), a)
    assert answers[12]["failed"] == [STAGE_TICKET, EKEYREJECTED], answers[12]
    assert (answers[13]["stage"], answers[13]["error"]) == (STAGE_TICKET, EALREADY), answers[13]
    assert (answers[14]["stage"], answers[14]["error"]) == (STAGE_TICKET, EPERM), answers[14]
    assert (answers[15]["stage"], answers[15]["error"]) == (STAGE_TICKET, EPERM), answers[15]
    assert answers[16]["failed"] == [STAGE_TICKET, EKEYREJECTED], answers[16]
    assert answers[17]["failed"] == [STAGE_TICKET, EKEYREJECTED], answers[17]
    assert answers[18]["failed"][0] != 0, answers[18]
    assert not os.path.exists(s.file(ANNA, "evil"))
    # And that all this was not refused for another reason: what she asked for does run, once.
    assert answers[19]["type"] == LAUNCHED and "failed" not in answers[19], answers[19]
    assert (answers[20]["stage"], answers[20]["error"]) == (STAGE_TICKET, EALREADY), answers[20]
    assert s.read(ANNA, "witness") == "ran\n"


def only_with_a_ticket(s):
    """The daemon, in good hands, takes no job without its submitter's ticket for just this."""
    job = s.submit(ANNA, "--hold", "--", "true")
    ticket, spec = stored(s, ANNA, job)
    bare = "".join(line + "\n" for line in spec.split("\n") if line and not line.startswith("ticket="))
    env = ["PATH=/usr/bin:/bin"]
    for who, text in ((ANNA, bare), (BORA, spec), (ANNA, spec), (ANNA, bare + f"ticket={ticket[:-1]}0\n"),
                      (ANNA, bare + "ticket=00\n")):
        status, said = s.api(who, "POST", "/v1/jobs", {"jobs": [{"spec": text, "env": env}]})
        assert status in (400, 403) and "ticket" in said, (status, said)


def rights_are_dropped_or_nothing_runs(programs, deny):
    """Each call that drops rights fails, or only says that it worked: then nothing is executed."""
    for call in ("setgroups", "setresgid", "setresuid"):
        for error in ("1", "0"):
            s = System(programs)
            try:
                s.wrap = [deny, call, error]
                s.start()
                job = s.submit(ANNA, "--", "sh", "-c", f"id -u >{s.at('locks')}/ran", groups=(ANNA, GROUP))
                assert s.ended(ANNA, job) != 0, (call, error)
                assert not os.path.exists(s.at("locks/ran")), (call, error)
            finally:
                s.close()


ROLES = "".join(f"  - {{name: uid{uid}, user: '{uid}', role: {role}}}\n"
                for uid, role in ((OPER, "operator"), (VIEW, "viewer"), (NONE, "none")))


def main():
    *programs, deny = sys.argv[1:]
    tap = Tap()
    if os.geteuid() != 0:
        print("1..0 # SKIP system mode starts jobs as other users, which only root can; run this test as root")
        return 0
    tests = [runs_as_its_submitter, who_may_what, shut_doors, nobody_acts_in_anothers_job, a_batch_has_steps,
             doctor_knows_the_system, other_gpus_do_not_open, the_probe_is_shut_in, nobody_notices_a_restart,
             a_script_waits_for_its_launcher, a_socket_of_systemd_does, who_became_root_ends_with_its_job, only_with_a_ticket,
             a_daemon_taken_over]
    only = os.environ.get("ONLY")
    for test in [t for t in tests if not only or t.__name__ in only.split(",")]:
        s = System(programs, "people:\n" + ROLES)
        try:
            s.start()
            test(s)
            tap.ok(True, test.__name__.replace("_", " "))
        except Skip as why:
            tap.ok(True, f"{test.__name__} # SKIP {why}")
        except Exception:  # pylint: disable=broad-except
            import traceback
            tap.ok(False, test.__name__, traceback.format_exc() + s.log())
        finally:
            s.close()
    if not only or "rights" in only:
        try:
            rights_are_dropped_or_nothing_runs(programs, deny)
            tap.ok(True, "rights are dropped or nothing runs")
        except Exception:  # pylint: disable=broad-except
            import traceback
            tap.ok(False, "rights are dropped or nothing runs", traceback.format_exc())
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
