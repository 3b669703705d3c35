"""test_night.py NIGHT: tools/night.sh as somebody finds it in the morning, with programs that only say what they should.

What is asked: a step that fails is named with what plays it again, its words are kept, the others go on and the night has
failed; killed in the middle it leaves a report that says where; ended from outside it says so; a good night is one.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

STEPS = "simulated weeks,crash images,rules against"


def programs(build, seeds="exit 0", crash="exit 0"):
    """A build of which every program is a few words of shell."""
    os.makedirs(os.path.join(build, "test/unit"), exist_ok=True)
    for name, script in (("eoul-sim", seeds), ("test/unit/test_crash", crash), ("test/unit/test_calendar_libical", "exit 0")):
        with open(os.path.join(build, name), "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\n{script}\n")
        os.chmod(f.name, 0o755)


def begin(night, build, hours="0.0001"):
    return subprocess.Popen([night, build, hours, "4000"], env={**os.environ, "NIGHT_STEPS": STEPS}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def report(build):
    with open(os.path.join(build, "night/report"), encoding="utf-8") as f:
        return f.read()


def a_failed_seed_is_kept(night, build):
    programs(build, 'echo "seed 4017: gpu-twice at 10:00"; echo "200 seeds, 1 failed"; exit 1')
    run = begin(night, build)
    said = run.communicate()[0]
    assert run.returncode == 1 and said.rstrip().endswith("2 passed, 1 failed"), said
    text = report(build)
    assert text.startswith("The night is over; 1 failed."), text
    assert f"again: {build}/eoul-sim seeds --first 4000 --seeds 200 --jobs 2" in text and "seed 4017: gpu-twice" in text, text
    assert re.search(r"simulated weeks +200 of +100000, 1 of its pieces failed", text) and "crash images" in text, text
    with open(os.path.join(build, "night/simulated-weeks.4000"), encoding="utf-8") as f:
        assert "1 failed" in f.read()


def killed_in_the_middle_it_says_where(night, build):
    programs(build, 'echo "seed 4017: stuck"; exit 1', f"echo on >{build}/on; sleep 3")
    run = begin(night, build)
    while not os.path.exists(f"{build}/on"):
        time.sleep(0.02)
    run.kill()
    run.communicate()
    text = report(build)
    assert 'The night is on; "crash images" is running since' in text and "seed 4017: stuck" in text, text
    assert text.rstrip().endswith("0 passed, 1 failed"), text
    os.unlink(f"{build}/on")
    programs(build)
    again = begin(night, build)
    assert again.wait() == 0 and "seed 4017" in open(f"{build}/night.before/report", encoding="utf-8").read()
    assert report(build).startswith("A good night.")
    again.communicate()


def ended_from_outside_it_says_so(night, build):
    programs(build, crash=f"echo on >{build}/on; exec sleep 20")
    run = begin(night, build)
    while not os.path.exists(f"{build}/on"):
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    said = run.communicate(timeout=15)[0]
    assert run.returncode == 1 and 'ended from outside during "crash images"' in said, said
    assert report(build).rstrip().endswith("1 passed, 1 failed"), report(build)


def main():
    failed = 0
    tests = [a_failed_seed_is_kept, killed_in_the_middle_it_says_where, ended_from_outside_it_says_so]
    print(f"1..{len(tests)}")
    for n, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="eoul-night-") as build:
            try:
                test(sys.argv[1], build)
                print(f"ok {n} - {test.__name__.replace('_', ' ')}")
            except Exception as why:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {n} - {test.__name__}: {type(why).__name__} {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
