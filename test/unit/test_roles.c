/* Who may do what: each role with each kind of request, whose job it is, and what is seen of it.
 *
 * Tables and nothing else: what a role may ask for at all, who may touch and see a job that is somebody's, which
 * tickets pass.  Every cell is judged, so that a new kind of request does not build until its row says who may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ticket.h"
#include "daemon/calendars.h"
#include "daemon/internal.h"
#include "spec/spec.h"

/* Numbers that no account has: whoever runs the tests is none of them. */
#define OPER     4000000001u
#define USER     4000000002u
#define VIEWER   4000000003u
#define SHUT_OUT 4000000004u
#define STRANGER 4000000005u
#define OWNER    4000000006u

static struct config_person people[] = {
    { .name = (char[]){ "oper" }, .user = (char[]){ "4000000001" }, .role = (char[]){ "operator" }, .role_is = ROLE_OPERATOR },
    { .name = (char[]){ "4000000002" }, .role_is = ROLE_USER }, /* its name is its number */
    { .name = (char[]){ "viewer" }, .user = (char[]){ "4000000003" }, .role = (char[]){ "viewer" }, .role_is = ROLE_VIEWER },
    { .name = (char[]){ "shut" }, .user = (char[]){ "4000000004" }, .role = (char[]){ "none" }, .role_is = ROLE_NONE },
    { .name = (char[]){ "no such user" }, .role = (char[]){ "operator" }, .role_is = ROLE_OPERATOR },
    { .name = (char[]){ "of no account" } }, /* and no role to lose by it: nothing to say */
    { .name = (char[]){ "4294967295" }, .role = (char[]){ "operator" }, .role_is = ROLE_OPERATOR }, /* no uid */
};
static struct config config = { .people = people, .people_n = sizeof people / sizeof people[0] };

/* What privacy.c asks the people: who a uid is, and whether somebody may see another's hours. */
static bool sees_hours;

person_no people_find_uid(const struct people *p, uid_t uid)
{
    (void)p;
    return uid == OWNER ? 7 : 0;
}

int calendars_may(const struct people *p, const struct daemon *d, const struct op_peer *peer, person_no whose,
                  struct err *err)
{
    (void)p, (void)d, (void)err;
    assert_true(peer && whose);
    return sees_hours ? 0 : E_DENIED;
}

static unsigned logged;

void log_line(const char *what, const char *format, ...)
{
    (void)format;
    assert_string_equal(what, "roles");
    logged++;
}

/* What the linker lets this file answer in the place of libc and of spec/. */
static bool no_memory, no_directory, no_hash;
static uid_t starter;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) { return no_memory ? NULL : __real_calloc(n, size); }
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void) { return starter; }
int __real_getpwnam_r(const char *name, struct passwd *entry, char *memory, size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *memory, size_t size, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *memory, size_t size, struct passwd **found)
{
    return no_directory ? EIO : __real_getpwnam_r(name, entry, memory, size, found);
}
int __real_spec_order_hash(const struct spec *spec, struct str env, uint8_t ret[32]);
int __wrap_spec_order_hash(const struct spec *spec, struct str env, uint8_t ret[32]);
int __wrap_spec_order_hash(const struct spec *spec, struct str env, uint8_t ret[32])
{
    return no_hash ? E_NO_MEMORY : __real_spec_order_hash(spec, env, ret);
}

static void begin(struct daemon *d, bool system, enum config_role others)
{
    struct err err = { 0 };
    config.others = others;
    logged = 0;
    *d = (struct daemon){ .config = &config, .system = system };
    assert_int_equal(roles_load(d, &err), 0);
    assert_int_equal(logged, 2); /* two roles are nobody's, which is said */
}

/* --- role x kind of request ---------------------------------------------------------------------- */

enum { NO, YES };
struct row {
    uint8_t oper, user, viewer, none;
};
#define MAY_OP_SUBMIT      { YES, YES, NO, NO }
#define MAY_OP_CANCEL      { YES, YES, NO, NO }
#define MAY_OP_HOLD        { YES, YES, NO, NO }
#define MAY_OP_RELEASE     { YES, YES, NO, NO }
#define MAY_OP_FIRST       { YES, YES, NO, NO }
#define MAY_OP_REQUEUE     { YES, YES, NO, NO }
#define MAY_OP_SET         { YES, YES, NO, NO }
#define MAY_OP_SIGNAL      { YES, YES, NO, NO }
#define MAY_OP_CODE        { YES, YES, NO, NO }
#define MAY_OP_GPU_DRAIN   { YES, YES, NO, NO } /* a user is refused further on: control.c */
#define MAY_OP_GPU_UNDRAIN { YES, YES, NO, NO }
#define MAY_OP_ME          { YES, YES, YES, NO }
#define MAY_OP_CALENDAR    { YES, YES, NO, NO }
#define MAY_OP_FEED        { YES, YES, NO, NO }
#define MAY_OP_LINK        { YES, YES, NO, NO }
#define MAY_OP_CHANNEL     { YES, YES, NO, NO }
#define MAY_OP_TODO        { YES, YES, NO, NO }
#define MAY_OP_RESERVE     { YES, YES, NO, NO }
#define MAY_OP_BOOST       { YES, YES, NO, NO } /* so is a user here: boost.c */
#define MAY_OP_RELOAD      { YES, YES, NO, NO } /* and here: reload.c */
#define MAY_OP_DOWN        { YES, YES, NO, NO } /* and here */
static const struct row may_ask[] = {
#define X(kind, word) [kind] = MAY_##kind, /* a kind of request that has no row here does not build */
    OP_LIST(X)
#undef X
};

static void asks(const struct daemon *d, uid_t uid, enum op_kind kind, bool may)
{
    struct op op = { .kind = kind, .peer = { .uid = uid } };
    int code = roles_check(d, &op);
    if (code != (may ? 0 : E_DENIED) || (op.err.text[0] != '\0') == may)
        fail_msg("request of kind %d by uid %u: %d, \"%s\"", kind, uid, code, op.err.text);
}

/* What a link is for, whoever gave it has said; it has no uid that could have a role. */
static void asks_by_link(const struct daemon *d)
{
    struct op op = { .kind = OP_RELEASE, .peer = { .uid = (uid_t)-1 }, .by_link = 7 };
    assert_int_equal(roles_check(d, &op), 0);
    op.by_link = 0;
    assert_int_equal(roles_check(d, &op), E_DENIED);
}

static void every_role_and_kind(void **state)
{
    struct daemon d;
    (void)state;
    for (enum op_kind kind = 0; kind < OP_KIND_COUNT; kind++) {
        begin(&d, true, ROLE_USER);
        asks(&d, 0, kind, true); /* root */
        asks(&d, OPER, kind, may_ask[kind].oper);
        asks(&d, USER, kind, may_ask[kind].user);
        asks(&d, VIEWER, kind, may_ask[kind].viewer);
        asks(&d, SHUT_OUT, kind, may_ask[kind].none);
        asks(&d, UINT32_MAX, kind, may_ask[kind].user); /* "4294967295" made nobody an operator */
        roles_forget(&d);
        const bool others[] = { [ROLE_USER] = may_ask[kind].user, [ROLE_OPERATOR] = may_ask[kind].oper,
                                [ROLE_VIEWER] = may_ask[kind].viewer, [ROLE_NONE] = may_ask[kind].none };
        for (enum config_role role = ROLE_USER; role <= ROLE_NONE; role++) { /* of whoever is not named */
            begin(&d, true, role);
            asks(&d, STRANGER, kind, others[role]);
            asks(&d, 0, kind, true);
            asks(&d, geteuid(), kind, true); /* the daemon's own requests, and its unit's reload */
            asks(&d, VIEWER, kind, may_ask[kind].viewer); /* and of nobody who is */
            assert_int_equal(daemon_lets_in(&d, &(struct op_peer){ .uid = STRANGER }), role != ROLE_NONE);
            if (role >= ROLE_VIEWER)
                asks_by_link(&d);
            roles_forget(&d);
        }
        begin(&d, false, ROLE_NONE); /* one user, or a team: roles are not for it */
        asks(&d, SHUT_OUT, kind, true);
        roles_forget(&d);
    }
}

/* Users are looked up by name, the person's own or the account that the configuration names. */
static void an_account_is_found_by_name(void **state)
{
    struct passwd *account;
    struct daemon d;
    (void)state;
    setpwent();
    while ((account = getpwent()) && account->pw_uid == 0)
        ;
    if (!account)
        skip();
    uid_t uid = account->pw_uid;
    struct config_person *p = &people[3];
    struct config_person was = *p;
    p->role_is = ROLE_OPERATOR;
    for (int by = 0; by < 2; by++) {
        p->name = by ? account->pw_name : was.name;
        p->user = by ? NULL : account->pw_name;
        begin(&d, true, ROLE_NONE);
        assert_int_equal(roles_of(&d, uid), ROLE_OPERATOR);
        roles_forget(&d);
    }
    *p = was;
    endpwent();
}

/* A directory of users that does not answer makes nobody an operator; numbers need none. */
static void nobody_by_mistake(void **state)
{
    struct daemon d;
    struct err err = { 0 };
    (void)state;
    no_directory = true;
    begin(&d, true, ROLE_NONE);
    no_directory = false;
    assert_int_equal(roles_of(&d, OPER), ROLE_OPERATOR);
    assert_int_equal(roles_of(&d, STRANGER), ROLE_NONE);
    const struct roles *were = d.roles;
    no_memory = true;
    assert_int_equal(roles_load(&d, &err), E_NO_MEMORY); /* a reload that fails */
    no_memory = false;
    assert_ptr_equal(d.roles, were); /* leaves those there were */
    assert_int_equal(roles_of(&d, OPER), ROLE_OPERATOR);
    roles_forget(&d);
}

/* --- who x whose job ----------------------------------------------------------------------------- */

static void whose_job(void **state)
{
    static const struct {
        uid_t who, whose;
        bool may;
    } table[] = {
        { USER, USER, true },    { USER, VIEWER, false },  { USER, OPER, false },      { USER, 0, false },
        { OPER, OPER, true },    { OPER, USER, true },     { OPER, 0, true },          { 0, USER, true },
        { VIEWER, USER, false }, { VIEWER, VIEWER, true }, { SHUT_OUT, USER, false },  { STRANGER, USER, false },
    };
    struct daemon d;
    (void)state;
    for (int system = 0; system <= 1; system++) {
        begin(&d, system, ROLE_USER);
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
            const struct op_peer peer = { .uid = table[i].who };
            bool may = table[i].may && (system || table[i].who != OPER || table[i].whose == OPER);
            if (daemon_may(&d, &peer, table[i].whose) != may)
                fail_msg("uid %u, a job of uid %u, %s", table[i].who, table[i].whose, system ? "system" : "team");
        }
        const struct op_peer root = { .uid = 0 }, by = { .uid = STRANGER };
        assert_false(daemon_may(&d, &by, USER));
        starter = STRANGER;
        assert_true(daemon_may(&d, &by, USER)); /* whoever started the daemon */
        assert_true(daemon_may(&d, &root, USER)); /* and root, whoever did */
        starter = 0;
        roles_forget(&d);
    }
}

/* --- who sees what ------------------------------------------------------------------------------- */

static void what_is_shown(void **state)
{
    const struct op_peer submitter = { .uid = USER }, owner = { .uid = OWNER }, other = { .uid = STRANGER },
                         viewer = { .uid = VIEWER }, oper = { .uid = OPER }, root = { .uid = 0 };
    struct daemon d;
    (void)state;
    begin(&d, true, ROLE_USER);
    for (enum config_shown shown = SHOWN_FULL; shown <= SHOWN_BUSY; shown++) {
        config.others_jobs = shown;
        assert_int_equal(daemon_shown(&d, NULL, USER, 7), SHOWN_FULL); /* the daemon itself */
        assert_int_equal(daemon_shown(&d, &submitter, USER, 7), SHOWN_FULL);
        assert_int_equal(daemon_shown(&d, &owner, USER, 7), SHOWN_FULL);
        assert_int_equal(daemon_shown(&d, &oper, USER, 7), SHOWN_FULL);
        assert_int_equal(daemon_shown(&d, &root, USER, 7), SHOWN_FULL);
        assert_int_equal(daemon_shown(&d, &other, USER, 7), shown);
        assert_int_equal(daemon_shown(&d, &viewer, USER, 7), shown);
        assert_int_equal(daemon_shown(&d, &owner, USER, 8), shown); /* another person's */
        assert_int_equal(daemon_shown(&d, &other, USER, 0), shown); /* nobody's, and nobody known */
    }
    config.others_jobs = SHOWN_FULL;
    roles_forget(&d);
}

/* When somebody sees a result tells where they are: others get quarters of an hour. */
static void when_it_is_seen(void **state)
{
    const usec_t at = 1000 * HOURS_GRAIN_US + 1, end_at = 999 * HOURS_GRAIN_US, grain = 1001 * HOURS_GRAIN_US;
    const struct op_peer other = { .uid = STRANGER };
    const struct core_job job = { .owner = 7 }, looked_at = { .owner = 7, .reviewer = 3 };
    struct daemon d;
    (void)state;
    begin(&d, true, ROLE_USER);
    for (int sees = 0; sees <= 1; sees++) {
        sees_hours = sees;
        assert_true(daemon_eyes_shown(&d, &other, &job, at, end_at) == (sees ? at : grain));
        assert_true(daemon_eyes_shown(&d, &other, &looked_at, at, end_at) == (sees ? at : grain));
        assert_true(daemon_eyes_shown(&d, NULL, &job, at, end_at) == at);
        assert_true(daemon_eyes_shown(&d, &other, &job, at, at) == at); /* at its end: nobody is away */
        assert_true(daemon_eyes_shown(&d, &other, &job, 0, end_at) == 0);
        assert_true(daemon_eyes_shown(&d, &other, &job, USEC_NEVER, end_at) == USEC_NEVER);
        assert_true(daemon_eyes_shown(&d, &other, &job, grain, end_at) == grain);
    }
    roles_forget(&d);
}

/* --- tickets ------------------------------------------------------------------------------------- */

static const struct str environment = { "PATH=/bin", 10 };

static int shows(const struct ticket *t, struct str env, uid_t uid, uint32_t tasks, size_t text_len)
{
    static char memory[2 * sizeof *t + 1];
    struct buf text;
    struct spec spec;
    struct err err = { 0 };
    const struct op op = { .kind = OP_SUBMIT, .peer = { .uid = uid } };
    spec_init(&spec);
    assert_int_equal(spec_parse(&spec, STR("chdir=/tmp\nargv=/bin/true\n"), &err), 0);
    buf_init_fixed(&text, memory, sizeof memory);
    ticket_print(&text, t);
    spec.ticket = str_slice(buf_look(&text), 0, text_len);
    int code = roles_check_ticket(&op, &spec, env, tasks, &err);
    assert_true((err.text[0] == '\0') == (code == 0));
    spec.ticket = (struct str){ 0 };
    spec_finish(&spec);
    return code;
}

static void only_its_own_ticket(void **state)
{
    const size_t whole = 2 * sizeof(struct ticket);
    struct ticket good = { .magic = TICKET_MAGIC, .version = TICKET_VERSION, .uid = USER, .tasks = 3 };
    struct spec spec;
    struct err err = { 0 };
    (void)state;
    spec_init(&spec);
    assert_int_equal(spec_parse(&spec, STR("chdir=/tmp\nargv=/bin/true\n"), &err), 0);
    assert_int_equal(spec_order_hash(&spec, environment, good.hash), 0);
    spec_finish(&spec);
    assert_int_equal(shows(&good, environment, USER, 3, whole), 0);
    assert_int_equal(shows(&good, environment, USER, 3, 0), E_DENIED);
    assert_int_equal(shows(&good, environment, USER, 3, whole - 2), E_INVALID);
    assert_int_equal(shows(&good, environment, USER, 4, whole), E_DENIED);
    assert_int_equal(shows(&good, environment, OPER, 3, whole), E_DENIED); /* an operator borrows nobody's name */
    assert_int_equal(shows(&good, environment, 0, 3, whole), E_DENIED);
    assert_int_equal(shows(&good, STR("PATH=/tmp"), USER, 3, whole), E_DENIED); /* another environment */
    no_hash = true;
    assert_int_equal(shows(&good, environment, USER, 3, whole), E_NO_MEMORY); /* unproven is refused */
    no_hash = false;
    for (size_t i = 0; i < sizeof good.hash; i++) {
        struct ticket bad = good;
        bad.hash[i] ^= 1;
        assert_int_equal(shows(&bad, environment, USER, 3, whole), E_DENIED);
    }
    struct ticket later = good;
    later.version++;
    assert_int_equal(shows(&later, environment, USER, 3, whole), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_and_kind), cmocka_unit_test(an_account_is_found_by_name), cmocka_unit_test(nobody_by_mistake), cmocka_unit_test(whose_job),       cmocka_unit_test(what_is_shown),
        cmocka_unit_test(when_it_is_seen),     cmocka_unit_test(only_its_own_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
