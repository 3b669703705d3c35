/* roles.c - what each Unix user may do, and with whose jobs; roles are system mode's.
 *
 *     operator   everything, others' jobs included; but no script is changed and nobody's name is borrowed:
 *                tickets are for that (launcher/ticket.h)
 *     user       own jobs, own hours; looks at the rest as far as the daemon shows it to anybody
 *     viewer     looks; changes nothing but own settings
 *     none       has no way in
 *
 * eoul.yaml says who has which; whoever it does not name has the role `others`.  root is an operator, and
 * submits nothing.  Users are looked up by name once, at the start and at a reload.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ticket.h"
#include "daemon/internal.h"
#include "spec/spec.h"

struct role {
    uid_t uid;
    enum config_role role;
};

struct roles {
    enum config_role others;
    uint32_t n;
    struct role at[CONFIG_PEOPLE_MAX];
};

int roles_load(struct daemon *d, struct err *err)
{
    struct roles *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, E_NO_MEMORY, "out of memory");
    roles_forget(d);
    d->roles = r;
    r->others = d->config->others;
    for (uint32_t i = 0; i < d->config->people_n; i++) {
        const struct config_person *p = &d->config->people[i];
        struct passwd entry, *found = NULL;
        char memory[4096];
        uint64_t number;
        const char *login = p->user ? p->user : p->name;
        if (getpwnam_r(login, &entry, memory, sizeof memory, &found) == 0 && found)
            r->at[r->n++] = (struct role){ found->pw_uid, p->role_is };
        else if (str_u64(str_of(login), &number) == 0 && number < UINT32_MAX)
            r->at[r->n++] = (struct role){ (uid_t)number, p->role_is }; /* a user that has no name */
        else if (p->role)
            log_line("roles", "user=%s error=\"there is no such user\"", login);
    }
    return 0;
}

void roles_forget(struct daemon *d)
{
    free(d->roles);
    d->roles = NULL;
}

enum config_role roles_of(const struct daemon *d, uid_t uid)
{
    if (!d->system)
        return ROLE_USER;
    if (uid == 0 || uid == geteuid()) /* what the daemon does by itself, and its unit's ExecReload */
        return ROLE_OPERATOR;
    for (uint32_t i = 0; i < d->roles->n; i++)
        if (d->roles->at[i].uid == uid)
            return d->roles->at[i].role;
    return d->roles->others;
}

bool daemon_is_operator(const struct daemon *d, const struct op_peer *peer)
{
    return peer->uid == geteuid() || peer->uid == 0 || (d->system && roles_of(d, peer->uid) == ROLE_OPERATOR);
}

bool daemon_may(const struct daemon *d, const struct op_peer *peer, uid_t request_uid)
{
    return peer->uid == request_uid || daemon_is_operator(d, peer);
}

bool daemon_lets_in(const struct daemon *d, const struct op_peer *peer)
{
    return !d->system || roles_of(d, peer->uid) != ROLE_NONE;
}

int roles_check(const struct daemon *d, struct op *op)
{
    if (op->by_link) /* whoever gave it said what it is for, and can take it back; there is no uid to have a role */
        return 0;
    enum config_role role = roles_of(d, op->peer.uid);
    if (role == ROLE_NONE || (role == ROLE_VIEWER && op->kind != OP_ME))
        return err_by_rule(&op->err, err_set(&op->err, E_DENIED, "You may look here, but not change anything; an operator can "
                                             "make you a user (eoul.yaml, people, role)."),
                           (struct err_rule){ .rule = REFUSED_ROLE });
    return 0;
}

int roles_check_ticket(const struct op *op, const struct spec *spec, struct str env, uint32_t tasks, struct err *err)
{
    struct ticket t;
    uint8_t hash[32];
    if (spec->ticket.len == 0)
        return err_set(err, E_DENIED, "A job needs a ticket here, which the command line asks the launcher for; "
                       "submit with \"eoul\" on this machine.");
    int code = ticket_read(spec->ticket, &t);
    if (code < 0)
        return err_set(err, code, "The job's ticket is not one of this version; submit it again.");
    code = spec_order_hash(spec, env, hash);
    if (code < 0)
        return err_set(err, code, "There is not enough memory for this request.");
    if (t.uid != op->peer.uid || t.tasks != tasks || memcmp(hash, t.hash, sizeof hash) != 0)
        return err_set(err, E_DENIED, "The job's ticket is for another job or user; submit it again.");
    return 0;
}
