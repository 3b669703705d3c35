"""off.py SOURCE SCRATCH [NAME...]: each defence of doc/threat.md is switched off once, and the test named there must fail.

In a copy of the tree below SCRATCH, as root.  A row is a place in the source, what stands there without the defence, what
to build, and the test; where that place no longer reads so, the row fails and wants to be written anew.  There is no row
where two defences stand for each other and neither is missed alone: what leaves a job is found by descent and by its
mark; descriptors are close-on-exec from birth; a secret's file has mode 0600 by the umask, too.
`make defences`, and part of `make night`.  Last line: `N defences, N unnoticed`.
"""
import filecmp
import json
import os
import re
import shutil
import subprocess
import sys

LIMIT_S = 300  # of a test; one that hangs without the defence has noticed, too
DAEMON = ["eould", "eoul", "eoul-launcher", "eoul-supervisor", "eoul-fetch", "eoul-probe"]

# name, file, what stands there, what stands there without the defence, targets, test, {more environment} or arguments
ROWS = [
    ("who asks is what the kernel says", "src/daemon/socket.c", "{ .uid = cred.uid, .gid", "{ .uid = geteuid(), .gid",
     DAEMON, "daemon-system", {"ONLY": "who_may_what"}),
    ("roles", "src/daemon/roles.c", "if (role == ROLE_NONE || (role", "if (role == ROLE_NONE && (role",
     ["test/unit/test_roles"], "roles", {}),
    ("a submit has its own ticket", "src/daemon/roles.c", "if (t.uid != op->peer.uid || t.tasks", "if (t.tasks",
     ["test/unit/test_roles"], "roles", {}),
    ("a ticket's signature", "src/launcher/ticket.c", "if (differs || t->magic", "if ((differs && !t->magic) || t->magic",
     DAEMON, "daemon-system", {"ONLY": "a_daemon_taken_over"}),
    ("rights are looked at after they were dropped", "src/launcher/spawn.c", "static bool drop(const struct spawn_user *u)\n{",
     "static bool drop(const struct spawn_user *u)\n{\n    if (u->uid)\n        return setgroups(u->groups_n, u->groups) + setresgid(u->gid, "
     "u->gid, u->gid) +\n            setresuid(u->uid, u->uid, u->uid) < 9;", DAEMON, "daemon-system", {"ONLY": "rights"}),
    ("what was used of a ticket is shut", "src/launcher/system.c", 'own_directory(fd, "spent", 0700, 0)',
     'own_directory(fd, "spent", 0755, 0)', DAEMON, "daemon-system", {"ONLY": "shut_doors"}),
    ("a log bomb", "src/supervisor/output.c", "if (o->rate == 0)", "if (o->rate != 1)", DAEMON + ["test/unit/test_engine"],
     "engine", {}),
    ("a memory bomb", "src/supervisor/guard.c", 'r = put_u64(dir_fd, "memory.max", b->mem_bytes);', "r = 0;",
     ["test/unit/test_guard"], "guard", {}),
    ("others' GPUs", "src/supervisor/guard.c", "if (!(guards & GUARD_GPUS) || !b->gpus_known)", "if (guards || !b->gpus_known)",
     ["test/unit/test_guard"], "guard", {}),
    ("a form's origin", "src/web/door.c", "if (r->is_post && ((origin.ptr", "if (r->is_post && r->more_n > 9 && ((origin.ptr",
     DAEMON, "daemon-links", {}),
    ("the door's name", "src/web/door.c", 'if (!str_is_nocase(host, d->address + sizeof "https://" - 1)) {', "if (!host.ptr) {",
     DAEMON, "daemon-links", {}),
    ("markup", "src/web/form.c", """case '<': buf_c(out, "&lt;"); break;""", """case '<': buf_c(out, "<"); break;""",
     DAEMON, "daemon-links", {}),
    ("guessed links", "src/web/door.c", "if (!m || m->n < DOOR_MISSES_MAX)", "if (!m || m->n < UINT32_MAX)",
     DAEMON, "daemon-links", {}),
    ("inner addresses", "src/fetch/address.c", "if ((a ^ inner4[i].base) >> (32 - inner4[i].bits) == 0)",
     "if ((a ^ inner4[i].base) >> (32 - inner4[i].bits) == 0 && loopback)", ["test/unit/test_fetch"], "fetch", {}),
    ("what is too large", "src/fetch/http.c", "if (got <= HTTP_IN_MAX)", "if (got >= 0)", ["eoul-fetch"], "fetch-limits", {}),
    ("packed twice", "src/fetch/http.c", "x->layers > 1 || !plain_packing(value)", "!plain_packing(value)", ["eoul-fetch"],
     "fetch-limits", {}),
    ("rules without an end", "src/cal/rrule.c", "if (it->steps_left < 0)", "if (it->steps_left < INT64_MIN / 2)",
     ["test/unit/test_calendar"], "calendar", {}),
    ("the reader is shut in", "src/fetch/sandbox.c", "bool calls = callfilter_set(network ? CALLS_OUTSIDE : 0);",
     "bool calls = network || files >= 0;", ["eoul-fetch"], "fetch-limits", {}),
    ("the probe is shut in", "src/probe/sandbox.c", "return callfilter_set(CALLS_DEVICES) && files ? 0 : 1;",
     "return files ? 0 : 1;", ["eoul-probe", "test/unit/test_probe"], "probe", {}),
    ("foreign words on a terminal", "src/cli/screen.c", "utf8_clean(out, str_of(foreign));", "buf_c(out, foreign);",
     DAEMON, "cli_words", {}),
    ("loose modes", "src/store/open.c", "    if (st.st_uid != geteuid() || (st.st_mode & 077)) {", "    if (st.st_uid != geteuid()) {",
     ["test/unit/test_store"], "store", {}),
    ("two daemons", "src/store/open.c", "flock(fd, LOCK_EX | LOCK_NB)", "flock(fd, LOCK_SH | LOCK_NB)", DAEMON,
     "daemon-survives", ["second"]),
    ("a newer store", "src/store/open.c", "big_endian(header + HEADER_USER_VERSION) > known)",
     "big_endian(header + HEADER_USER_VERSION) > known + 1000)", ["test/unit/test_store"], "store", {}),
    ("an old backup", "src/daemon/backup.c", "code = hold(d, j.id, err);", "code = 0;", DAEMON, "cli_backup", {}),
    ("a full disk and a known key", "src/daemon/submit.c", ": known_key(d, op);", ": d->disk_full ? 0 : known_key(d, op);",
     DAEMON, "daemon-survives", ["full"]),
]


def run(argv, limit_s=None, **more):
    try:
        return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, timeout=limit_s, **more)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(argv, 124, (late.stdout or b"").decode(errors="replace"), "")


def copy(source, scratch):
    """What differs from an earlier run's copy, so that only that is built again."""
    tree = os.path.join(scratch, "tree")
    for name in run(["git", "-C", source, "ls-files", "-z"]).stdout.split("\0"):
        old, new = os.path.join(source, name), os.path.join(tree, name)
        if not name or not os.path.isfile(old) or (os.path.exists(new) and filecmp.cmp(old, new, shallow=False)):
            continue
        os.makedirs(os.path.dirname(new), exist_ok=True)
        shutil.copy2(old, new)
        os.utime(new)
    return tree


def targets_of(build, rows):
    """What these rows build, and what their tests run besides."""
    all_of = re.findall(r"^(\S+): ", run(["ninja", "-C", build, "-t", "targets", "all"]).stdout, re.M)
    return sorted({target for row in rows for target in row[4]} |
                  {t for t in all_of if re.fullmatch(r"test/lib/(deny|lib\w+\.so)|slurm-links\.stamp|test/torture/witness", t)})


def tests_of(build):
    found = json.loads(run(["meson", "introspect", "--tests", build]).stdout)
    return {t["name"]: t for t in found}


def test_fails(build, tests, name, more):
    """(has it failed, its last words)"""
    test = tests[name]
    done = run(test["cmd"] + (more if isinstance(more, list) else []), LIMIT_S, cwd=test["workdir"] or build,
               env={**os.environ, **test["env"], **(more if isinstance(more, dict) else {})})
    text = done.stdout + done.stderr
    if done.returncode == 77 or re.search(r"^1\.\.0 # SKIP", text, re.M):
        return None, text.strip().split("\n")[-1]
    named = re.findall(r"^not ok[^\n]*|^\[  FAILED  \] [a-z]\w+", text, re.M)
    return done.returncode != 0, (named or text.strip().split("\n"))[0][:100]


def try_row(tree, build, tests, row):
    name, file, there, without, targets, test, more = row
    path = os.path.join(tree, file)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if text.count(there) != 1:
        return False, f"{file} has {text.count(there)} times: {there}"
    try:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(there, without))
        made = run(["ninja", "-C", build, "--quiet", *targets])
        if made.returncode:
            return False, "does not build: " + "".join(re.findall(r"error: [^\n]*", made.stdout)[:1])
        noticed, words = test_fails(build, tests, test, more)
        return noticed, f"{test}: {words}" if noticed else f"{test} is content"
    finally:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        run(["ninja", "-C", build, "--quiet", *targets])


def main():
    source, scratch, *only = sys.argv[1:]
    scratch = os.path.abspath(scratch)
    os.makedirs(scratch, exist_ok=True)
    tree, build = copy(os.path.abspath(source), scratch), os.path.join(scratch, "build")
    ready = os.path.exists(os.path.join(build, "build.ninja"))
    made = run(["true"] if ready else ["meson", "setup", build, tree, "-Dtests=true"])
    chosen = [row for row in ROWS if not only or any(word in row[0] for word in only)]
    made = made if made.returncode else run(["ninja", "-C", build, "--quiet", *targets_of(build, chosen)])
    if made.returncode:
        print(made.stdout[-2000:] + made.stderr[-2000:])
        return 1
    tests, bad, n = tests_of(build), 0, 0
    for row in sorted(chosen, key=lambda row: row[4] == DAEMON):  # those that are built soon first
        noticed, words = try_row(tree, build, tests, row)
        n += 1
        bad += noticed is False
        print(f"{'ok' if noticed else 'skipped' if noticed is None else 'UNNOTICED'}: {row[0]}: {words}", flush=True)
    print(f"{n} defences, {bad} unnoticed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
