/* answers.c - which answers a notice can be tapped with; see notices.h and links.h.
 *
 * What is asked of its reader: accept, decline, done, later; a held job: let it run; a brief also says where to
 * be away.  Few, the nearest first: a message is read on a phone.
 */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "daemon/internal.h"
#include "daemon/links.h"

#define TODOS_ASKED 2u       /* of one message, with up to three answers each */
#define JOBS_ASKED 2u
#define TITLE_SHOWN 40u      /* bytes of a name in a label */

static const char *label_of(enum tap_action action)
{
    static const char *const texts[TAP_COUNT] = {
        [TAP_DONE] = N_("Done"), [TAP_SNOOZE] = N_("Later"), [TAP_ACCEPT] = N_("Accept"),
        [TAP_DECLINE] = N_("Decline"), [TAP_RELEASE] = N_("Let it run"), [TAP_AWAY] = N_("I am away") };
    return texts[action];
}

/* At most `max` bytes of whole characters. */
static struct str shorten(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_slice(s, 0, max);
}

static void add(struct daemon *d, struct answers *a, enum tap_action action, uint32_t subject, struct str name)
{
    struct tap tap = { .person = a->no, .action = action, .subject = subject,
                       .expire_at = a->now_at / USEC_PER_DAY * USEC_PER_DAY + TAP_US };
    if (a->n == NOTICE_ANSWERS_MAX || taps_sign(d, &tap) < 0)
        return;
    struct buf label;
    buf_init_fixed(&label, a->labels[a->n], sizeof a->labels[0]);
    buf_c(&label, tr(a->lang, label_of(action)));
    if (subject) {
        buf_printf(&label, " %u ", subject);
        utf8_clean(&label, shorten(name, TITLE_SHOWN));
    }
    buf_char(&label, '\0');
    if (label.failed)
        return;
    snprintf(a->urls[a->n], sizeof a->urls[0], "%s/t/%s", d->config->address, tap.text);
    a->at[a->n] = (struct notice_answer){ a->labels[a->n], a->urls[a->n] };
    a->n++;
}

void answers_begin(struct daemon *d, struct answers *a, person_no no, enum lang lang, usec_t now_at)
{
    *a = (struct answers){ .no = no, .lang = lang, .now_at = now_at,
                           .possible = d->config->address && d->config->feeds_port };
}

static bool asked_of(const struct core_todo *t, person_no no)
{
    for (uint32_t i = 0; i < t->who_n; i++)
        if (t->who[i] == no)
            return true;
    return false;
}

void answers_todo(struct daemon *d, struct answers *a, job_id id, bool asked)
{
    struct core_todo t;
    struct todo_info info;
    if (!a->possible || a->todos_n == TODOS_ASKED || !core_todo_get(d->core, id, &t) || !asked_of(&t, a->no))
        return;
    a->todos_n++;
    char memory[TODO_TITLE_MAX + 1];
    struct str name = { "", 0 };
    if (todos_get(d, id, a->no, &info, NULL) == 0) {
        snprintf(memory, sizeof memory, "%.*s", STR_ARG(str_slice(info.title, 0, TODO_TITLE_MAX)));
        name = str_of(memory);
    }
    store_reset(d->store);
    if (asked && !(t.flags & TODO_ACCEPTED)) {
        add(d, a, TAP_ACCEPT, id, name);
        add(d, a, TAP_DECLINE, id, name);
    } else {
        add(d, a, TAP_DONE, id, name);
    }
    add(d, a, TAP_SNOOZE, id, name);
}

void answers_held(struct daemon *d, struct answers *a, job_id id)
{
    struct core_job job;
    struct job_info info;
    if (!a->possible || a->jobs_n == JOBS_ASKED || !core_job_get(d->core, id, &job) || job.state != JOB_PENDING ||
        !daemon_job_info(d, id, &info) || info.owner != a->no)
        return;
    a->jobs_n++;
    add(d, a, TAP_RELEASE, id, str_of(info.name));
}

/* Their work by hand of the coming day, their held jobs, and being away. */
void answers_brief(struct daemon *d, struct answers *a)
{
    struct core_todo t;
    struct core_job job;
    for (job_id id = 0; a->possible && core_todo_after(d->core, id, &t); id = t.id)
        if (t.next_who == a->no && t.next_from_at < a->now_at + USEC_PER_DAY)
            answers_todo(d, a, t.id, false);
    for (job_id id = 0; a->possible && a->jobs_n < JOBS_ASKED && core_job_after(d->core, id, &job); id = job.id)
        if (job.owner == a->no && job.state == JOB_PENDING && job.flags & JOB_HELD)
            answers_held(d, a, job.id);
    if (a->possible)
        add(d, a, TAP_AWAY, 0, (struct str){ "", 0 });
}
