/* accounts.c - see accounts.h. */
#include "daemon/accounts.h"

#include <string.h>

#include "daemon/internal.h"

#define TEXT_MAX (ACCOUNTS_MAX * (CONFIG_NAME_MAX + 1) + 1)

const char *daemon_account_name(const struct daemon *d, uint32_t account)
{
    return account >= 1 && account <= d->accounts.n ? d->accounts.names[account] : "";
}

static uint32_t number_of(const struct accounts *a, struct str name)
{
    for (uint32_t i = 1; i <= a->n; i++)
        if (str_is(name, a->names[i]))
            return i;
    return 0;
}

uint32_t daemon_account_find(const struct daemon *d, struct str name) { return number_of(&d->accounts, name); }

static void add(struct accounts *a, struct str name)
{
    if (name.len == 0 || name.len > CONFIG_NAME_MAX || a->n == ACCOUNTS_MAX)
        return;
    memcpy(a->names[++a->n], name.ptr, name.len);
    a->names[a->n][name.len] = '\0';
}

/* A name a line: none has a line feed in it. */
void accounts_load(struct daemon *d)
{
    char memory[TEXT_MAX];
    struct buf text;
    struct str rest, name;
    d->accounts.n = 0;
    buf_init_fixed(&text, memory, sizeof memory);
    if (store_meta_get(d->store, "accounts", &text) < 0)
        return;
    rest = buf_look(&text);
    while (rest.len && str_next(&rest, '\n', &name))
        add(&d->accounts, name);
}

static int save(struct daemon *d, struct err *err)
{
    char memory[TEXT_MAX];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    for (uint32_t i = 1; i <= d->accounts.n; i++) {
        buf_c(&text, d->accounts.names[i]);
        buf_char(&text, '\n');
    }
    int code = store_meta_put(d->store, "accounts", buf_look(&text));
    return code < 0 ? err_set(err, code, "The names of the accounts could not be written down.") : 0;
}

static const struct config_account *configured(const struct daemon *d, struct str name)
{
    for (uint32_t i = 0; i < d->config->accounts_n; i++)
        if (str_is(name, d->config->accounts[i].name))
            return &d->config->accounts[i];
    return NULL;
}

static int too_many(struct str name, struct err *err)
{
    return err_set(err, E_TOO_LARGE, "There have been %d accounts already; \"%.*s\" is one too many.", ACCOUNTS_MAX,
                   STR_ARG(name));
}

int accounts_check(const struct daemon *d, const struct config *config, struct err *err)
{
    uint32_t n = d->accounts.n;
    for (uint32_t i = 0; i < config->accounts_n; i++)
        if (!number_of(&d->accounts, str_of(config->accounts[i].name)) && n++ == ACCOUNTS_MAX)
            return too_many(str_of(config->accounts[i].name), err);
    return 0;
}

int accounts_tell(struct daemon *d, struct err *err)
{
    accounts_load(d);
    uint32_t known = d->accounts.n;
    for (uint32_t i = 0; i < d->config->accounts_n; i++) {
        struct str name = str_of(d->config->accounts[i].name);
        if (number_of(&d->accounts, name))
            continue;
        if (d->accounts.n == ACCOUNTS_MAX)
            return too_many(name, err);
        add(&d->accounts, name);
    }
    int code = d->accounts.n > known ? save(d, err) : 0;
    for (uint32_t i = 1; i <= d->accounts.n && code == 0; i++) {
        const struct config_account *a = configured(d, str_of(d->accounts.names[i]));
        struct core_quota was = core_account_quota(d->core, i);
        struct core_event ev = { .kind = EVENT_ACCOUNT, .account = { .account = i } };
        if (a) {
            ev.account.gpus_max = a->gpus;
            ev.account.quota_hours = a->gpu_hours;
            ev.account.quota_days = !a->gpu_hours ? 0 : a->days ? a->days : CONFIG_QUOTA_DAYS;
        }
        if (was.gpus_max != ev.account.gpus_max || was.hours != ev.account.quota_hours || was.days != ev.account.quota_days)
            code = daemon_event(d, &ev, err);
    }
    return code;
}

static bool is_member(const struct config_account *a, const char *person)
{
    for (uint32_t i = 0; i < a->members_count; i++)
        if (strcmp(a->members[i], person) == 0)
            return true;
    return a->members_count == 0;
}

bool daemon_account_may(const struct daemon *d, uint32_t account, const char *person)
{
    const struct config_account *a = configured(d, str_of(daemon_account_name(d, account)));
    return a && is_member(a, person);
}

void daemon_accounts_of(const struct daemon *d, const char *person, struct buf *out)
{
    for (uint32_t i = 0; i < d->config->accounts_n; i++)
        if (!person || is_member(&d->config->accounts[i], person))
            buf_printf(out, "%s%s", out->len ? ", " : "", d->config->accounts[i].name);
}

int daemon_account_refuse(const struct daemon *d, struct str name, struct err *err)
{
    char memory[ERR_TEXT_MAX / 2];
    struct buf names;
    struct str shown = str_slice(name, 0, CONFIG_NAME_MAX);
    buf_init_fixed(&names, memory, sizeof memory - 1);
    daemon_accounts_of(d, NULL, &names);
    if (d->config->accounts_n == 0)
        return err_set(err, E_NOT_FOUND, "There is no account \"%.*s\"; none is configured.", STR_ARG(shown));
    struct str all = names.failed ? STR("...") : buf_look(&names);
    return err_set(err, E_NOT_FOUND, "There is no account \"%.*s\"; there are: %.*s.", STR_ARG(shown), STR_ARG(all));
}

int accounts_of_submit(const struct daemon *d, struct str name, person_no owner, uint32_t *ret, struct err *err)
{
    const char *person = people_name(d->people, owner);
    char memory[ERR_TEXT_MAX / 2];
    struct buf names;
    *ret = 0;
    if (d->config->accounts_n == 0)
        return 0;
    for (uint32_t i = 0; i < d->config->accounts_n && name.len == 0; i++) /* Slurm's DefaultAccount */
        if (d->config->accounts[i].members_count && is_member(&d->config->accounts[i], person))
            name = str_of(d->config->accounts[i].name);
    if (name.len == 0)
        return 0;
    buf_init_fixed(&names, memory, sizeof memory - 1);
    const struct config_account *a = configured(d, name);
    if (!a)
        return daemon_account_refuse(d, name, err);
    daemon_accounts_of(d, person, &names);
    struct str all = names.failed ? STR("...") : buf_look(&names);
    if (!is_member(a, person)) {
        int code = all.len ? err_set(err, E_DENIED, "Account \"%s\" has no member %s, who may use: %.*s.", a->name, person,
                                     STR_ARG(all))
                           : err_set(err, E_DENIED, "Account \"%s\" has no member %s, nor has any other.", a->name, person);
        return err_by_rule(err, code, (struct err_rule){ .rule = REFUSED_ACCOUNT, .need = number_of(&d->accounts, name) });
    }
    *ret = number_of(&d->accounts, name);
    return 0;
}
