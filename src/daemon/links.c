/* links.c - see links.h. */
#include "daemon/links.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/sha256.h"
#include "daemon/calendars.h"
#include "daemon/feeds.h"
#include "daemon/internal.h"

#define KEY_BYTES 32

/* --- pages ------------------------------------------------------------------------------------------ */

int links_open(struct daemon *d, struct str token, person_no *ret)
{
    char hash[SHA256_HEX];
    struct store_link row;
    if (token.len != LINK_TOKEN_TEXT)
        return E_NOT_FOUND;
    feeds_hash(token, hash);
    int code = store_link_find(d->store, str_of(hash), &row);
    if (code == 0)
        *ret = (person_no)row.person;
    store_reset(d->store);
    explicit_bzero(hash, sizeof hash);
    return code;
}

struct walk {
    int (*each)(const struct link *l, void *data);
    void *data;
};

static int walk_one(const struct store_link *row, void *data)
{
    const struct walk *w = data;
    const struct link l = { row->id, (person_no)row->person, row->add_at, row->hash };
    return w->each(&l, w->data);
}

int links_each(struct daemon *d, int (*each)(const struct link *l, void *data), void *data)
{
    struct walk w = { each, data };
    return store_links_each(d->store, walk_one, &w);
}

struct search {
    uint64_t id;      /* wanted; 0: none */
    person_no no;     /* whose are counted; found: whose it is */
    bool found;
    uint32_t n;
    uint64_t ids[LINKS_MAX];
    char hashes[LINKS_MAX][SHA256_HEX]; /* of ids; of the one wanted the first */
};

static int look_at(const struct link *l, void *data)
{
    struct search *s = data;
    if (s->id && l->id == s->id) {
        s->found = true;
        s->no = l->person;
        snprintf(s->hashes[0], sizeof s->hashes[0], "%.*s", STR_ARG(l->hash));
    }
    if (!s->id && l->person == s->no && s->n < LINKS_MAX) {
        snprintf(s->hashes[s->n], sizeof s->hashes[0], "%.*s", STR_ARG(l->hash));
        s->ids[s->n++] = l->id;
    }
    return 0;
}

static int remove_link(struct daemon *d, struct op *op)
{
    struct search s = { .id = op->link.change->id };
    int code = s.id ? links_each(d, look_at, &s) : 0;
    if (code < 0)
        return err_set(&op->err, code, "The links cannot be looked up.");
    if (!s.found)
        return err_set(&op->err, E_NOT_FOUND, "There is no link %llu; \"eoul people list\" names them.",
                       (unsigned long long)s.id);
    code = calendars_may(d->people, d, &op->peer, s.no, &op->err);
    if (code < 0)
        return code;
    code = store_link_remove(d->store, s.id);
    feeds_forget(d, s.hashes[0]);
    return code < 0 ? d->broken = err_set(&op->err, code, "The link could not be written down.") : 0;
}

int links_op(struct daemon *d, struct op *op)
{
    const struct link_change *c = op->link.change;
    struct search s = { 0 };
    if (c->remove)
        return remove_link(d, op);
    int code = people_of_op(d->people, d, op, &s.no, &op->err);
    if (code == 0)
        code = calendars_may(d->people, d, &op->peer, s.no, &op->err);
    if (code == 0 && (code = links_each(d, look_at, &s)) < 0)
        err_set(&op->err, code, "The links cannot be looked up.");
    if (code == 0 && s.n >= LINKS_MAX)
        code = err_set(&op->err, E_TOO_LARGE, "A person has at most %d links; remove one first: \"eoul people "
                                              "revoke N\".", LINKS_MAX);
    if (code < 0)
        return code;
    const struct store_link row = { .person = s.no, .hash = c->hash, .add_at = d->now.wall_at };
    code = store_link_add(d->store, &row);
    return code < 0 ? d->broken = err_set(&op->err, code, "The link could not be written down.") : 0;
}

int links_remove_all(struct daemon *d, person_no no, struct err *err)
{
    struct search s = { .no = no };
    int code = links_each(d, look_at, &s);
    for (uint32_t i = 0; i < s.n && code == 0; i++) {
        code = store_link_remove(d->store, s.ids[i]);
        feeds_forget(d, s.hashes[i]);
    }
    credentials_remove(d, no, str_of(LINKS_KEY));
    return code < 0 ? d->broken = err_set(err, code, "The link could not be written down.") : 0;
}

/* --- answers ------------------------------------------------------------------------------------------ */

static const char *const words[] = {
#define X(action, word) [action] = word,
    TAP_LIST(X)
#undef X
};

const char *tap_word(enum tap_action action)
{
    return action < TAP_COUNT ? words[action] : "?";
}

static int make_key(struct daemon *d, person_no no, char ret[SHA256_HEX])
{
    uint8_t bytes[KEY_BYTES];
    _Static_assert(KEY_BYTES == SHA256_BYTES, "sha256_hex writes it");
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return E_IO;
    sha256_hex(bytes, ret);
    explicit_bzero(bytes, sizeof bytes);
    const struct calendar_secrets secrets = { .url = STR("links"), .password = str_of(ret) };
    return credentials_put(d, no, str_of(LINKS_KEY), &secrets);
}

static int key_of(struct daemon *d, person_no no, bool make, char ret[SHA256_HEX])
{
    struct calendar_secrets secrets = { 0 };
    char memory[CALENDAR_SECRET_MAX + 2048];
    struct buf kept;
    buf_init_fixed(&kept, memory, sizeof memory);
    int code = credentials_get(d, no, str_of(LINKS_KEY), &kept, &secrets);
    if (code == 0 && secrets.password.len == SHA256_HEX - 1)
        snprintf(ret, SHA256_HEX, "%.*s", STR_ARG(secrets.password));
    else if (code == 0)
        code = E_CORRUPT;
    explicit_bzero(memory, sizeof memory);
    return code == E_NOT_FOUND && make ? make_key(d, no, ret) : code;
}

static int write_tap(struct daemon *d, struct tap *t, bool make)
{
    char key[SHA256_HEX], mark[SHA256_HEX];
    uint8_t mac[SHA256_BYTES];
    int code = key_of(d, t->person, make, key);
    if (code < 0)
        return code;
    int len = snprintf(t->text, sizeof t->text, "%u.%s.%u.%" PRId64, t->person, tap_word(t->action), t->subject,
                       t->expire_at / USEC_PER_SEC);
    hmac_sha256(str_of(key), str_of(t->text), mac);
    sha256_hex(mac, mark);
    snprintf(t->text + len, sizeof t->text - (size_t)len, ".%.*s", LINK_TOKEN_TEXT, mark);
    explicit_bzero(key, sizeof key);
    return 0;
}

int taps_sign(struct daemon *d, struct tap *t)
{
    return write_tap(d, t, true);
}

/* Takes as long wherever they differ. */
static bool same(struct str a, struct str b)
{
    unsigned char differs = 0;
    for (size_t i = 0; i < a.len && i < b.len; i++)
        differs |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return a.len == b.len && !differs;
}

static void hash_of(const struct tap *t, char ret[SHA256_HEX])
{
    feeds_hash(str_of(t->text), ret);
}

/* Only what we write ourselves is read: whatever else says the same in other words is not ours. */
int taps_read(struct daemon *d, struct str text, struct tap *ret)
{
    struct str rest = text, part[5];
    struct tap t = { .action = TAP_COUNT };
    uint64_t person, subject, expire;
    char hash[SHA256_HEX];
    for (int i = 0; i < 5; i++)
        if (!str_next(&rest, '.', &part[i]))
            return E_NOT_FOUND;
    for (int i = 0; i < TAP_COUNT; i++)
        if (str_is(part[1], words[i]))
            t.action = (enum tap_action)i;
    if (rest.len || t.action == TAP_COUNT || str_u64(part[0], &person) < 0 || str_u64(part[2], &subject) < 0 ||
        str_u64(part[3], &expire) < 0 || person < 1 || person > people_n(d->people) || subject > UINT32_MAX ||
        expire > INT64_MAX / USEC_PER_SEC)
        return E_NOT_FOUND;
    t.person = (person_no)person;
    t.subject = (uint32_t)subject;
    t.expire_at = (usec_t)expire * USEC_PER_SEC;
    if (write_tap(d, &t, false) < 0 || !same(str_of(t.text), text))
        return E_NOT_FOUND;
    *ret = t;
    if (t.expire_at <= daemon_now(d).wall_at)
        return E_TIMEOUT;
    hash_of(&t, hash);
    int code = store_tap_find(d->store, str_of(hash));
    return code == 0 ? E_EXISTS : code == E_NOT_FOUND ? 0 : code;
}

int taps_check(struct daemon *d, struct op *op)
{
    char hash[SHA256_HEX];
    hash_of(op->tap, hash);
    int code = store_tap_find(d->store, str_of(hash));
    if (code == 0)
        return err_set(&op->err, E_STATE, "This answer has been given already.");
    return code == E_NOT_FOUND ? 0 : err_set(&op->err, code, "The answer cannot be looked up.");
}

int taps_spend(struct daemon *d, struct op *op)
{
    char hash[SHA256_HEX];
    hash_of(op->tap, hash);
    int code = store_taps_expire(d->store, d->now.wall_at);
    if (code == 0)
        code = store_tap_put(d->store, str_of(hash), op->tap->expire_at);
    return code < 0 ? d->broken = err_set(&op->err, code, "The answer could not be written down.") : 0;
}
