/* accounts.h - projects: `--account`, their members and quotas (eoul.yaml, accounts; core/quota.h).
 *
 * The core knows an account by a number that stays its own: names are kept in the store in the order of their numbers,
 * and one that is no longer configured keeps its place, without a quota.  Without accounts in eoul.yaml `--account` is
 * kept for the record and counts for nothing. */
#ifndef EOUL_DAEMON_ACCOUNTS_H
#define EOUL_DAEMON_ACCOUNTS_H

#include "base/err.h"
#include "base/str.h"
#include "core/core.h"
#include "daemon/config.h"

struct daemon;

struct accounts {
    uint32_t n;
    char names[ACCOUNTS_MAX + 1][CONFIG_NAME_MAX + 1]; /* by number, from 1 */
};

/* Numbers for those that are new, and quotas for those whose changed; in the first turn and at a reload. */
int accounts_tell(struct daemon *d, struct err *err);
/* The names as they are stored: at the start, and when a turn has gone back. */
void accounts_load(struct daemon *d);
/* Is there a number for each that this configuration names? */
int accounts_check(const struct daemon *d, const struct config *config, struct err *err);
/* The account a submit is for: the one it names, or the first that names its owner as a member; *ret 0: none.
 * E_NOT_FOUND, E_DENIED with a sentence. */
int accounts_of_submit(const struct daemon *d, struct str name, person_no owner, uint32_t *ret, struct err *err);
/* Its name; "" for 0. */
uint32_t daemon_account_find(const struct daemon *d, struct str name); /* 0: there never was one of that name */
int daemon_account_refuse(const struct daemon *d, struct str name, struct err *err); /* E_NOT_FOUND, with those there are */
void daemon_accounts_of(const struct daemon *d, const char *person, struct buf *out); /* names of those that are open to them */
bool daemon_account_may(const struct daemon *d, uint32_t account, const char *person); /* is it open to them? */
const char *daemon_account_name(const struct daemon *d, uint32_t account);

#endif
