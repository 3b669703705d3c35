/* doctor_team.c - see doctor.h: jobs, calendars, channels, Slurm. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "i18n/text.h"

#define CALENDAR_OLD_US (2 * USEC_PER_DAY) /* read every quarter of an hour; over this something is wrong */

static bool has_word(const json_t *list, const char *word)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
        if (strcmp(json_string_value(one), word) == 0)
            return true;
    return false;
}

/* What the kernel keeps jobs to here, as the launcher tried it out when it began. */
void doctor_guards(struct doctor *d, const json_t *status)
{
    const json_t *guards = json_object_get(status, "guards");
    bool is_system = strcmp(json_text(status, "mode"), "system") == 0;
    if (!guards)
        return; /* an older daemon */
    d->guards_said = true;
    if (has_word(guards, "tree"))
        doctor_say(d, GOOD, "cgroup", tr(d->cli->lang, "Each job has a cgroup; its processes cannot get away."));
    else
        doctor_say(d, NOTE, "cgroup", tr(d->cli->lang, "Jobs have no cgroup; their processes are followed by a mark in their "
                                                "environment, which a job could remove. It takes cgroup v2 and the right "
                                                "to make some (Delegate=yes)."));
    if (has_word(guards, "memory") && has_word(guards, "pids") && has_word(guards, "cpu"))
        doctor_say(d, GOOD, "cgroup", tr(d->cli->lang, "Jobs are kept to their memory, processes and share of the CPUs."));
    else if (is_system)
        doctor_say(d, NOTE, "cgroup", tr(d->cli->lang, "Not all of memory, processes and CPUs are limited, so a job can take what "
                                                "others need; \"systemctl start eoul-jobs.service\" and \"systemctl "
                                                "restart eoul-launcher\" do it where the machine runs cgroup v2 alone."));
    else
        doctor_say(d, NOTE, "cgroup", tr(d->cli->lang, "Not all of memory, processes and CPUs are limited, so a job can take what "
                                                "others need; system mode does it (man eould), or an empty cgroup of yours "
                                                "in EOUL_CGROUP."));
    if (has_word(guards, "gpus"))
        doctor_say(d, GOOD, "cgroup", tr(d->cli->lang, "A job can open no NVIDIA GPU but its own."));
    else if (is_system)
        doctor_say(d, NOTE, "cgroup", tr(d->cli->lang, "A job can open GPUs that are not its own: eoul-launcher.service needs cgroup "
                                                "v2, CAP_BPF and CAP_NET_ADMIN to keep it from that."));
    else
        doctor_say(d, NOTE, "cgroup", tr(d->cli->lang, "A job can open GPUs that are not its own; only system mode keeps it from "
                                                "that (man eould)."));
}

static void say_calendar(struct doctor *d, const json_t *c, usec_t now_at)
{
    const char *name = json_text(c, "name"), *kind = json_text(c, "kind");
    usec_t read_at = json_i64(c, "read_at"), age_us = now_at - read_at;
    bool again = strcmp(kind, "file") != 0; /* a file was read once, by whoever gave it */
    char length[64];
    struct buf age;
    buf_init_fixed(&age, length, sizeof length);
    cli_length(d->cli, &age, age_us);
    if (json_text(c, "trouble")[0])
        doctor_say(d, BAD, "calendar", tr(d->cli->lang, "%1$s is not read: %2$s What is planned may be in its owner's busy "
                                                        "time; \"eoul me calendar list\" shows more."),
                   name, json_text(c, "trouble_sentence"));
    else if (read_at <= 0)
        doctor_say(d, NOTE, "calendar", tr(d->cli->lang, "%s has not been read yet."), name);
    else if (again && age_us > CALENDAR_OLD_US)
        doctor_say(d, NOTE, "calendar", tr(d->cli->lang, "%1$s was read %2$s ago; \"eoul me calendar refresh %1$s\" reads it "
                                                         "now."), name, length);
    else
        doctor_say(d, GOOD, "calendar", tr(d->cli->lang, "%1$s was read %2$s ago."), name, length);
}

void doctor_calendars(struct doctor *d)
{
    json_t *answer = NULL, *one;
    size_t i;
    if (cli_call(d->cli, "GET", "/v1/me/calendars", NULL, &answer) < 0)
        return; /* what is wrong there was said of the daemon */
    json_array_foreach(json_object_get(answer, "calendars"), i, one)
        say_calendar(d, one, json_i64(answer, "now_at"));
    if (i == 0)
        doctor_say(d, NOTE, "calendar", tr(d->cli->lang, "You have given no calendar, so results may come while you are busy; "
                                                         "\"eoul me calendar add\" gives one."));
    json_decref(answer);
}

void doctor_notices(struct doctor *d)
{
    json_t *answer = NULL, *one;
    size_t i;
    if (cli_call(d->cli, "GET", "/v1/me/notify", NULL, &answer) < 0)
        return;
    json_array_foreach(json_object_get(answer, "channels"), i, one) {
        if (json_text(one, "trouble")[0])
            doctor_say(d, BAD, "notices", tr(d->cli->lang, "%1$s (%2$s) did not work last: %3$s \"eoul me notify test %1$s\" "
                                                           "tries again."),
                       json_text(one, "name"), json_text(one, "kind"), json_text(one, "trouble_sentence"));
        else
            doctor_say(d, GOOD, "notices", tr(d->cli->lang, "%1$s (%2$s) has had no trouble."), json_text(one, "name"),
                       json_text(one, "kind"));
    }
    if (i == 0)
        doctor_say(d, NOTE, "notices", tr(d->cli->lang, "Nobody tells you when your jobs end, by mail or otherwise; \"eoul me "
                                                        "notify add\" names a way."));
    json_decref(answer);
}

/* The first program of that name in PATH, as its links say; false: there is none. */
static bool program_in_path(const char *name, char *ret, size_t size)
{
    struct str rest = str_of(getenv("PATH")), dir;
    char path[PLACE_PATH_MAX];
    while (str_next(&rest, ':', &dir)) {
        if (dir.len == 0 || (size_t)snprintf(path, sizeof path, "%.*s/%s", STR_ARG(dir), name) >= sizeof path ||
            access(path, X_OK) < 0)
            continue;
        char *real = realpath(path, NULL);
        snprintf(ret, size, "%s", real ? real : path);
        free(real);
        return true;
    }
    return false;
}

void doctor_slurm(struct doctor *d)
{
    static const char *const configurations[] = { "/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf" };
    char sbatch[PLACE_PATH_MAX];
    const char *slurm = NULL;
    for (size_t i = 0; i < sizeof configurations / sizeof configurations[0] && !slurm; i++)
        slurm = access(configurations[i], F_OK) == 0 ? configurations[i] : NULL;
    if (slurm)
        doctor_say(d, NOTE, "slurm", tr(d->cli->lang, "Slurm is set up on this machine too (%s). Two schedulers must not share "
                                                      "GPUs: name those that are eoul's in eoul.yaml (gpus), and take them out "
                                                      "of Slurm."), slurm);
    if (!program_in_path("sbatch", sbatch, sizeof sbatch))
        doctor_say(d, slurm ? NOTE : GOOD, "slurm", tr(d->cli->lang, "No sbatch is in your PATH; jobs of eoul have eoul's own, and "
                                                                     "\"eoul submit\" takes the same scripts."));
    else if (strcmp(strrchr(sbatch, '/') ? strrchr(sbatch, '/') + 1 : sbatch, "eoul") == 0)
        doctor_say(d, GOOD, "slurm", tr(d->cli->lang, "sbatch in your PATH is eoul's."));
    else
        doctor_say(d, NOTE, "slurm", tr(d->cli->lang, "sbatch in your PATH is %s, not eoul's: what calls it does not come here."),
                   sbatch);
}
