"""inside.py - what system mode promises, asked of a whole machine: run as root in the guest of guest.sh, once each boot.

First boot: eoul is installed as its manual says, then everything that needs systemd as process 1, the controllers of cgroup
v2, or a disk that is really full.  The machine is then restarted in order, and after that cut off in the middle of a
write; each time the next boot asks what became of the jobs.
"""
import os
import signal
import sys

import boots
import bounds
import service
from machine import Kept, PAYLOAD, judge, read, run, say

FIRST = [service.it_is_installed_as_the_manual_says, service.nobody_has_more_rights_than_needed,
         service.doctor_says_what_is_wrong, service.killed_parts_come_back_and_jobs_go_on,
         service.an_upgrade_in_place_leaves_jobs_alone,
         bounds.memory_beyond_its_limit_ends_the_job_alone, bounds.out_of_memory_is_retried_by_its_own_rule,
         bounds.a_fork_bomb_takes_nothing_from_others, bounds.a_log_bomb_is_bounded, bounds.other_gpus_do_not_open,
         bounds.anothers_files_are_shut, bounds.nobody_leaves_a_job, bounds.changed_code_is_told,
         bounds.a_full_disk_of_logs, bounds.a_full_disk_of_state]
BEFORE_RESTART, AFTER_RESTART = [boots.before_a_restart], [boots.after_a_restart]
BEFORE_CUT, AFTER_CUT = [boots.before_a_cut], [boots.after_a_cut]


def chosen(tests):
    only = read(f"{PAYLOAD}/test/only").strip().split(",") if os.path.exists(f"{PAYLOAD}/test/only") else None
    return [t for t in tests if not only or t.__name__ in only or t is FIRST[0]], only


def again(kept, how):
    kept.save()
    print("# boot again", flush=True)
    if how == "restart":
        run("systemctl", "--no-block", "reboot")
    else:  # as if the current had gone: nothing more is written, nobody is asked
        with open("/proc/sysrq-trigger", "w", encoding="ascii") as f:
            f.write("b")
    signal.pause()


def main():
    kept = Kept()
    boot = kept["boot"]
    kept["boot"] = boot + 1
    kept.save()
    say(f"boot {boot + 1}: Linux {os.uname().release}, {run('systemctl', '--version').stdout.split(chr(10))[0]}, "
        f"{os.cpu_count()} processors, up {read('/proc/uptime').split()[0]} s")
    if boot == 0:
        tests, only = chosen(FIRST)
        for test in tests:
            judge(kept, test)
        wants_boots = not only or "boots" in only
        if wants_boots:
            for test in BEFORE_RESTART:
                judge(kept, test)
            again(kept, "restart")
    elif boot == 1:
        for test in AFTER_RESTART + BEFORE_CUT:
            judge(kept, test)
        again(kept, "cut")
    elif boot == 2:
        for test in AFTER_CUT:
            judge(kept, test)
    print(f"1..{kept['n']}", flush=True)
    run("systemctl", "--no-block", "poweroff", "--force")
    return 0


if __name__ == "__main__":
    sys.exit(main())
