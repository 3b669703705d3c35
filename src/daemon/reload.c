/* reload.c - eoul.yaml read again without a stop: `eoul reload`, SIGHUP, `systemctl reload eould`.
 *
 * All of the file holds or nothing of it does: it is checked as at a start, then people, accounts, limits, prices and the
 * rest are told to the core in this turn.  If one of them is refused, everything since is taken back (state_mark) and the
 * configuration of before holds.  GPUs, and the port and address of feeds, are of the start: they are locks, numbers and a
 * socket that others hold; what the file says of them now is answered as "at the next start".
 *
 * The configuration of the start lives as long as the daemon (those settings point into it); the one before this turn's
 * lives until the turn is committed, so that a turn that is rolled back goes back to it.
 */
#include <string.h>
#include <unistd.h>

#include "daemon/internal.h"

int reload_read(struct daemon *d, struct config **ret, struct err *err)
{
    bool missing = !d->config_named && (!d->config_path[0] || access(d->config_path, F_OK) < 0);
    return missing ? config_defaults(ret, err) : config_load(d->config_path, ret, err);
}

/* What no event of the core would refuse, but what a start would not stand, or go on without. */
static int check(struct daemon *d, const struct config *next, struct err *err)
{
    int code = tariffs_check(d, next, err);
    if (code == 0)
        code = accounts_check(d, next, err);
    if (code == 0)
        code = people_check(d->people, next, err);
    return code;
}

static int tell(struct daemon *d, const struct config *config, struct err *err)
{
    int code = gpus_tell_settings(d, err);
    if (code == 0)
        code = accounts_tell(d, err);
    if (code == 0)
        code = people_configure(d->people, d, config, err);
    if (code == 0)
        code = tariffs_refresh(d, err);
    if (code == 0 && d->system)
        code = roles_load(d, err);
    return code;
}

static void forget(struct daemon *d, struct config *c)
{
    if (c != d->config_start)
        config_destroy(c);
}

/* As it was: the core and the rows are, what was read out of them is not. */
static int back(struct daemon *d, struct config *was)
{
    struct err err = { 0 };
    int code = state_back(d);
    d->config = was;
    people_use(d->people, was); /* whatever comes next: nobody looks at what is given up */
    people_forget(d->people);
    week_rolled_back(d);
    if (code == 0)
        code = tell(d, was, &err);
    return code;
}

/* next holds from here on, or what held before. */
static int take(struct daemon *d, struct config *next, struct err *err)
{
    struct config *was = d->config;
    int code = state_mark(d, err);
    if (code < 0)
        return code;
    d->config = next;
    code = tell(d, next, err);
    if (code < 0 && !d->broken) {
        if (back(d, was) < 0)
            d->broken = code;
        return code;
    }
    (void)state_unmark(d);
    if (d->config_before)
        forget(d, was);
    else
        d->config_before = was;
    return code;
}

int reload_op(struct daemon *d, struct op *op)
{
    struct config *next = NULL;
    if (!daemon_is_operator(d, &op->peer))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "Only whoever runs this daemon may have it read its settings again."),
                           (struct err_rule){ .rule = REFUSED_OPERATOR });
    if (d->disk_full)
        return err_set(&op->err, E_NO_SPACE, "The disk that holds %s is full; nothing was changed. Free some space and "
                       "try again.", d->place.state);
    int code = reload_read(d, &next, &op->err);
    if (code == 0)
        code = check(d, next, &op->err);
    if (code < 0)
        goto out;
    op->reload.at_start = config_differ(d->config_start, next) & config_at_start();
    config_keep_start(next, d->config_start);
    op->reload.changed = config_differ(d->config, next);
    code = take(d, next, &op->err);
    if (code == 0)
        return 0;
out:
    if (d->config != next)
        config_destroy(next);
    return code;
}

void reload_committed(struct daemon *d)
{
    if (d->config_before)
        forget(d, d->config_before);
    d->config_before = NULL;
}

void reload_rolled_back(struct daemon *d)
{
    struct config *not_to_be = d->config;
    if (!d->config_before)
        return;
    d->config = d->config_before;
    d->config_before = NULL;
    struct core_counts n = core_count(d->core);
    people_use(d->people, d->config);
    accounts_load(d);
    d->cpus = n.cpus_n;
    d->mem_mib = n.mem_mib;
    if (d->system && roles_load(d, NULL) < 0)
        log_line("roles", "error=\"out of memory\"");
    forget(d, not_to_be);
}

void reload_finish(struct daemon *d)
{
    reload_committed(d);
    if (d->config_start && d->config_start != d->config)
        config_destroy(d->config_start);
    config_destroy(d->config);
    d->config = d->config_start = NULL;
}

/* --- asked for by a signal ----------------------------------------------------------------------- */

static void log_words(const char *what, uint64_t settings)
{
    char memory[512];
    struct buf words;
    buf_init_fixed(&words, memory, sizeof memory - 1);
    for (uint32_t i = 0; config_setting(i); i++)
        if (settings >> i & 1)
            buf_printf(&words, "%s%s", words.len ? "," : "", config_setting(i));
    buf_char(&words, '\0');
    if (words.len > 1)
        log_line("reload", "%s=%s", what, memory);
}

static void signal_done(struct op *op, void *context)
{
    struct daemon *d = context;
    d->reload_asked = false;
    if (op->result < 0)
        log_line("reload", "error=\"%s\"", op->err.text);
    else
        log_line("reload", "file=%s", d->config_path);
    if (op->result == 0) {
        log_words("changed", op->reload.changed);
        log_words("at_next_start", op->reload.at_start);
    }
}

void reload_by_signal(struct daemon *d)
{
    if (d->reload_asked)
        return;
    d->reload_wanted = (struct op){ .kind = OP_RELOAD, .peer = { .uid = geteuid(), .gid = getegid(), .pid = getpid() },
                                    .done = signal_done, .context = d };
    int code = daemon_enqueue(d, &d->reload_wanted);
    d->reload_asked = code == 0;
    if (code < 0)
        log_line("reload", "error=\"%s\"", err_word(code));
}
