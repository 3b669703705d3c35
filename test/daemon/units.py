"""units.py DIR - what systemd says about the units in DIR: how much of the machine each is exposed to.

`systemd-analyze security --offline` rates a unit from 0 (shut in) to 10.  The daemon may have 1.5 at most; the launcher,
whose settings every job inherits, 6.5.  The units must also be right in themselves, and whatever is restarted must be
so for ever: by default systemd gives up for good after five deaths in ten seconds.
"""
import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from world import Tap  # noqa: E402  pylint: disable=wrong-import-position

LIMITS = {"eould.service": 1.5, "eoul-launcher.service": 6.5,
          "eoul-jobs.service": 10}  # does nothing: only that systemd understands it


def comes_back(tap, where, unit):
    """No number of deaths is the last; who was killed is back at once, who refused to run is asked again in 5 s."""
    read = configparser.RawConfigParser(strict=False, interpolation=None)
    read.optionxform = str
    read.read(os.path.join(where, unit))
    if unit.endswith(".socket"):
        tap.ok(read.get("Socket", "TriggerLimitIntervalSec", fallback="") == "0", f"{unit} may be asked for any number of starts")
        return
    tap.ok(read.get("Service", "Restart") == "always" and read.get("Unit", "StartLimitIntervalSec", fallback="") == "0",
           f"{unit} comes back however often it dies")
    with tempfile.TemporaryDirectory() as fake:
        with open(os.path.join(fake, "sleep"), "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho slept $1\n")
        os.chmod(f.name, 0o755)
        said = [subprocess.run(shlex.split(read.get("Service", "ExecStopPost", fallback="true")), capture_output=True, text=True, check=False,
                               env={"PATH": f"{fake}:/usr/bin:/bin", "EXIT_CODE": code, "EXIT_STATUS": status}).stdout
                for code, status in (("killed", "KILL"), ("dumped", "SEGV"), ("exited", "70"), ("exited", "0"), ("exited", "1"))]
    tap.ok(said == ["", "", "", "", "slept 5\n"], f"{unit} is back at once, but rests when it refused", str(said))


def main():
    where = sys.argv[1]
    if not shutil.which("systemd-analyze"):
        print("1..0 # SKIP systemd-analyze is not here (Debian: package systemd), so nobody can rate the units")
        return 0
    tap = Tap()
    for unit, limit in LIMITS.items():
        run = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(where, unit)],
                             capture_output=True, text=True, check=False)
        found = re.search(r"exposure level for \S+: ([0-9.]+)", run.stdout)
        tap.ok(bool(found) and float(found[1]) <= limit,
               f"{unit} has {found[1] if found else 'no'} of at most {limit}", run.stdout[-2000:] + run.stderr)
        wrong = [line for line in run.stderr.split("\n") if unit in line and ("Unknown" in line or "Failed to parse" in line)]
        tap.ok(not wrong, f"{unit} is understood", "\n".join(wrong))
    for unit in ("eould.service", "eoul-launcher.service", "eoul-launcher.socket"):
        comes_back(tap, where, unit)
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
