/* caldav.c - see caldav.h. */
#include "fetch/caldav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/map.h"
#include "fetch/dav.h"
#include "fetch/tick.h"

#define ROUNDS_MAX 64 /* of a sync that is cut into pieces: 20,000 resources */
#define MARKS_MAX 64

struct resource {
    char *href;         /* as the server writes it; NULL: gone, the place is free */
    char etag[128];
    bool wanted;        /* its contents are to be asked for */
    struct collected kept;
};

struct collection {
    char url[HTTP_URL_MAX];
    char token[DAV_TOKEN_MAX];
    struct resource *at;
    uint32_t n, size;
    struct map by_href;
};

struct calendar {
    char *key;          /* who, where, with which zone: all that its meaning depends on */
    struct span window;
    struct collection collections[CALDAV_COLLECTIONS_MAX];
    unsigned n;
    uint32_t busy_n;
    uint64_t serial;    /* of the last answer */
    uint64_t used;
};

struct caldav {
    struct calendar *at[CALDAV_REMEMBERED_MAX];
    uint64_t clock;
};

/* --- memory ------------------------------------------------------------------------------------------ */

static void collection_finish(struct collection *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        free(c->at[i].href);
        collected_finish(&c->at[i].kept);
    }
    free(c->at);
    map_finish(&c->by_href);
    *c = (struct collection){ 0 };
}

static void calendar_forget(struct calendar *k)
{
    for (unsigned i = 0; i < k->n; i++)
        collection_finish(&k->collections[i]);
    k->n = 0;
    k->busy_n = 0;
}

static void calendar_free(struct calendar *k)
{
    if (!k)
        return;
    calendar_forget(k);
    free(k->key);
    free(k);
}

struct caldav *caldav_new(void)
{
    return calloc(1, sizeof(struct caldav));
}

void caldav_free(struct caldav *all)
{
    for (unsigned i = 0; all && i < CALDAV_REMEMBERED_MAX; i++)
        calendar_free(all->at[i]);
    free(all);
}

static void key_of(struct buf *out, struct str ask)
{
    static const enum fetch_tag tags[] = { FETCH_KIND_TAG, FETCH_KEY_TAG, FETCH_URL_TAG, FETCH_USER_TAG, FETCH_ZONE_TAG,
                                           FETCH_SELF_TAG };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        buf_str(out, fetch_get(ask, tags[i]));
        buf_char(out, '\n');
    }
}

/* What is remembered of it, or a new one in the place of the one that was not asked for longest. */
static struct calendar *remembered(struct caldav *all, struct str ask)
{
    struct buf key;
    unsigned place = 0;
    buf_init(&key, 64u << 10);
    key_of(&key, ask);
    for (unsigned i = 0; !key.failed && i < CALDAV_REMEMBERED_MAX; i++) {
        if (all->at[i] && str_is(buf_look(&key), all->at[i]->key)) {
            buf_finish(&key);
            all->at[i]->used = ++all->clock;
            return all->at[i];
        }
        if (all->at[place] && (!all->at[i] || all->at[i]->used < all->at[place]->used))
            place = i;
    }
    struct calendar *k = key.failed ? NULL : calloc(1, sizeof *k);
    if (k) {
        k->key = strndup(key.ptr, key.len);
        k->used = ++all->clock;
        calendar_free(all->at[place]);
        all->at[place] = k;
    }
    buf_finish(&key);
    return k && k->key ? k : NULL;
}

/* --- asking ------------------------------------------------------------------------------------------ */

struct asking {
    struct http *h;
    char home[HTTP_URL_MAX]; /* where user and password belong */
    char user[256], password[1024];
    struct collect *collect;
    struct calendar *k;
    long *detail;
};

static enum trouble ask_server(struct asking *a, const char *method, const char *url, const char *depth,
                               struct str body, struct http_answer *ret)
{
    const struct http_ask ask = {
        .method = method, .url = url, .user = a->user[0] ? a->user : NULL, .password = a->password,
        .home = a->home, .body = body, .depth = depth,
    };
    enum trouble t = http_do(a->h, &ask, ret, a->detail);
    if (t == TROUBLE_NONE && ret->status == 401)
        t = TROUBLE_LOGIN;
    return t;
}

static enum trouble refused(struct asking *a, long status)
{
    *a->detail = status;
    return status == 404 || status == 410 ? TROUBLE_NO_COLLECTION : TROUBLE_HTTP;
}

/* --- finding ----------------------------------------------------------------------------------------- */

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
#define XML_SPACES " xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\""

static const char find_body[] = XML_HEAD
    "<D:propfind" XML_SPACES "><D:prop><D:resourcetype/><D:current-user-principal/>"
    "<C:calendar-home-set/><C:supported-calendar-component-set/></D:prop></D:propfind>";

struct finding {
    struct asking *a;
    const char *base;
    bool list;           /* take every calendar, else look at the first resource only */
    bool here;           /* the address itself is a calendar */
    bool gone;           /* a multi-status that says 404 of it: xandikos */
    char principal[HTTP_URL_MAX], home[HTTP_URL_MAX];
};

static bool add_collection(struct calendar *k, const char *url)
{
    for (unsigned i = 0; i < k->n; i++)
        if (strcmp(k->collections[i].url, url) == 0)
            return true;
    if (k->n == CALDAV_COLLECTIONS_MAX)
        return false;
    snprintf(k->collections[k->n++].url, HTTP_URL_MAX, "%s", url);
    return true;
}

static int found(const struct dav_resource *r, void *data)
{
    struct finding *f = data;
    char url[HTTP_URL_MAX];
    f->gone = f->gone || r->status == 404;
    bool fits = !r->components_said || (f->a->collect->todos ? r->todos : r->events);
    if (r->calendar && fits && http_join(f->base, r->href, url)) {
        if (f->list)
            (void)add_collection(f->a->k, url);
        else
            f->here = true;
    }
    if (r->principal.len && !f->principal[0])
        (void)http_join(f->base, r->principal, f->principal);
    if (r->home.len && !f->home[0])
        (void)http_join(f->base, r->home, f->home);
    return 0;
}

/* One PROPFIND; *ret_status is 207 if it went well. */
static enum trouble find_at(struct asking *a, const char *url, bool list, struct finding *ret,
                            char ret_url[HTTP_URL_MAX], long *ret_status)
{
    struct http_answer answer;
    struct dav_answer dav;
    enum trouble t = ask_server(a, "PROPFIND", url, list ? "1" : "0",
                                (struct str){ find_body, sizeof find_body - 1 }, &answer);
    *ret = (struct finding){ .a = a, .base = answer.url, .list = list };
    *ret_status = answer.status;
    if (t == TROUBLE_NONE && answer.status == 207)
        t = dav_read(buf_look(&answer.body), found, ret, &dav);
    if (ret->gone && !list)
        *ret_status = 404;
    memcpy(ret_url, answer.url, HTTP_URL_MAX);
    ret->base = NULL;
    http_answer_finish(&answer);
    return t;
}

static enum trouble list_home(struct asking *a, const char *url)
{
    struct finding f;
    char where[HTTP_URL_MAX];
    long status;
    enum trouble t = find_at(a, url, true, &f, where, &status);
    if (t == TROUBLE_NONE && status != 207)
        t = refused(a, status);
    return t == TROUBLE_NONE && a->k->n == 0 ? TROUBLE_NO_COLLECTION : t;
}

/* From the principal or home that an address named to the calendars. */
static enum trouble follow(struct asking *a, struct finding *f)
{
    char where[HTTP_URL_MAX], principal[HTTP_URL_MAX];
    long status;
    if (f->home[0])
        return list_home(a, f->home);
    memcpy(principal, f->principal, sizeof principal);
    enum trouble t = find_at(a, principal, false, f, where, &status);
    if (t == TROUBLE_NONE && status != 207)
        return refused(a, status);
    if (t == TROUBLE_NONE && !f->home[0])
        return TROUBLE_NO_COLLECTION;
    return t == TROUBLE_NONE ? list_home(a, f->home) : t;
}

static enum trouble discover(struct asking *a)
{
    struct finding f;
    char where[HTTP_URL_MAX], well_known[HTTP_URL_MAX];
    long status;
    enum trouble t = find_at(a, a->home, false, &f, where, &status);
    if (t != TROUBLE_NONE)
        return t;
    if (status == 207 && f.here)
        return add_collection(a->k, where) ? TROUBLE_NONE : TROUBLE_MEMORY;
    if (status == 207 && (f.home[0] || f.principal[0]))
        return follow(a, &f);
    long first_status = status;
    char root[HTTP_URL_MAX];
    if (!http_join(a->home, STR("/.well-known/caldav"), well_known) ||
        !http_join(a->home, STR("/"), root))
        return refused(a, first_status);
    if (first_status != 207 && strcmp(root, a->home) != 0 &&
        strncmp(root, a->home, strlen(a->home)) != 0) /* a path was named: do not read another one */
        return refused(a, first_status);
    t = find_at(a, well_known, false, &f, where, &status);
    if (t == TROUBLE_NONE && status == 207 && f.here)
        return add_collection(a->k, where) ? TROUBLE_NONE : TROUBLE_MEMORY;
    if (t == TROUBLE_NONE && status == 207 && (f.home[0] || f.principal[0]))
        return follow(a, &f);
    if (first_status == 207) /* a plain folder: whatever calendars lie in it */
        return list_home(a, a->home);
    return t == TROUBLE_LOGIN ? t : refused(a, first_status);
}

/* --- what changed ------------------------------------------------------------------------------------- */

struct syncing {
    struct asking *a;
    struct collection *c;
    bool more;     /* 507: the rest comes with the new token */
    bool changed;
    bool full;     /* the limits are reached */
};

static uint64_t key_of_href(struct str href)
{
    uint64_t hash = hash_bytes(1, href.ptr, href.len);
    return hash ? hash : 1;
}

static struct resource *resource_at(struct collection *c, struct str href)
{
    uint32_t i;
    if (!map_get(&c->by_href, key_of_href(href), &i) || !c->at[i].href ||
        !str_is(href, c->at[i].href))
        return NULL;
    return &c->at[i];
}

static struct resource *resource_new(struct collection *c, struct str href)
{
    uint32_t i;
    if (map_get(&c->by_href, key_of_href(href), &i) && c->at[i].href)
        return NULL; /* two names with one hash: nobody's accident */
    if (c->n == c->size) {
        uint32_t size = c->size ? c->size * 2 : 64;
        struct resource *bigger = c->n < CALDAV_RESOURCES_MAX
                                      ? reallocarray(c->at, size, sizeof *bigger) : NULL;
        if (!bigger)
            return NULL;
        c->at = bigger;
        c->size = size;
    }
    struct resource *r = &c->at[c->n];
    *r = (struct resource){ .href = strndup(href.ptr, href.len) };
    if (!r->href || map_set(&c->by_href, key_of_href(href), c->n) < 0) {
        free(r->href);
        return NULL;
    }
    c->n++;
    return r;
}

static void drop(struct calendar *k, struct collection *c, struct resource *r)
{
    map_remove(&c->by_href, key_of_href(str_of(r->href)));
    k->busy_n -= r->kept.busy_n;
    free(r->href);
    collected_finish(&r->kept);
    *r = (struct resource){ 0 };
}

/* One line of a sync or of a list of ETags. */
static int changed(const struct dav_resource *d, void *data)
{
    struct syncing *s = data;
    char url[HTTP_URL_MAX];
    if (d->status == 507) {
        s->more = true;
        return 0;
    }
    if (d->href.ptr[d->href.len - 1] == '/' || !http_join(s->c->url, d->href, url) ||
        strcmp(url, s->c->url) == 0)
        return 0; /* the collection itself, or one inside it */
    struct resource *r = resource_at(s->c, d->href);
    if (d->status == 404 || d->status == 410) {
        s->changed = s->changed || r;
        if (r)
            drop(s->a->k, s->c, r);
        return 0;
    }
    if (r && d->etag.len && str_is(d->etag, r->etag))
        return 0;
    if (!r)
        r = resource_new(s->c, d->href);
    if (!r) {
        s->full = true;
        return E_NO_MEMORY;
    }
    r->wanted = s->changed = true;
    return 0;
}

static enum trouble sync_once(struct asking *a, struct syncing *s, bool *ret_from_start, bool *ret_none)
{
    struct buf body;
    struct http_answer answer;
    struct dav_answer dav = { 0 };
    buf_init(&body, DAV_TOKEN_MAX * 8);
    buf_c(&body, XML_HEAD "<D:sync-collection" XML_SPACES "><D:sync-token>");
    dav_escape(&body, str_of(s->c->token));
    buf_c(&body, "</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
                 "</D:sync-collection>");
    enum trouble t = ask_server(a, "REPORT", s->c->url, "0", buf_look(&body), &answer);
    s->more = *ret_from_start = *ret_none = false;
    if (t == TROUBLE_NONE && answer.status == 207)
        t = dav_read(buf_look(&answer.body), changed, s, &dav);
    else if (t == TROUBLE_NONE && answer.body.len)
        (void)dav_read(buf_look(&answer.body), changed, s, &dav); /* why not: <D:error> */
    if (t == TROUBLE_NONE && answer.status == 207 && dav.sync_token[0]) {
        memcpy(s->c->token, dav.sync_token, sizeof s->c->token);
    } else if (t == TROUBLE_NONE && answer.status != 207) {
        *ret_from_start = s->c->token[0] && (answer.status == 403 || answer.status == 409 ||
                                             answer.status == 410 || dav.wants_valid_token);
        *ret_none = !*ret_from_start;
        *a->detail = answer.status;
    } else if (t == TROUBLE_NONE) {
        *ret_none = true; /* no token: it cannot be told next time what changed */
    }
    buf_finish(&body);
    http_answer_finish(&answer);
    return t;
}

static void forget_resources(struct calendar *k, struct collection *c)
{
    char url[HTTP_URL_MAX];
    memcpy(url, c->url, sizeof url);
    for (uint32_t i = 0; i < c->n; i++)
        k->busy_n -= c->at[i].kept.busy_n;
    collection_finish(c);
    memcpy(c->url, url, sizeof url);
}

/* Without sync: every ETag, compared with those that are known. */
static enum trouble list_etags(struct asking *a, struct syncing *s)
{
    static const char body[] = XML_HEAD
        "<D:propfind" XML_SPACES "><D:prop><D:getetag/></D:prop></D:propfind>";
    struct http_answer answer;
    struct dav_answer dav;
    forget_resources(a->k, s->c);
    s->changed = true;
    enum trouble t = ask_server(a, "PROPFIND", s->c->url, "1", STR(body), &answer);
    if (t == TROUBLE_NONE && answer.status != 207)
        t = refused(a, answer.status);
    if (t == TROUBLE_NONE)
        t = dav_read(buf_look(&answer.body), changed, s, &dav);
    http_answer_finish(&answer);
    return t;
}

static enum trouble sync_collection(struct asking *a, struct syncing *s)
{
    bool from_start, none;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        enum trouble t = sync_once(a, s, &from_start, &none);
        if (t != TROUBLE_NONE)
            return s->full ? TROUBLE_TOO_LARGE : t;
        if (none)
            return list_etags(a, s);
        if (from_start) {
            forget_resources(a->k, s->c);
            s->changed = true;
        } else if (!s->more) {
            return TROUBLE_NONE;
        }
    }
    return TROUBLE_PROTOCOL;
}

/* --- contents ----------------------------------------------------------------------------------------- */

static int contents(const struct dav_resource *d, void *data)
{
    struct syncing *s = data;
    struct calendar *k = s->a->k;
    struct collected now;
    struct resource *r = resource_at(s->c, d->href);
    if (!r || !r->wanted)
        return 0;
    r->wanted = false;
    if (d->status == 404 || d->status == 410 || d->data.len == 0) {
        drop(k, s->c, r); /* gone between the two questions */
        return 0;
    }
    enum trouble t = collect_one(s->a->collect, d->data, &now);
    if (t == TROUBLE_MEMORY)
        return E_NO_MEMORY;
    if (t != TROUBLE_NONE) /* one bad resource does not spoil the others, and is said */
        now = (struct collected){ .events = 1, .issues_n = 1, .issue = { .code = CAL_ISSUE_FILE } };
    k->busy_n += now.busy_n - r->kept.busy_n;
    collected_finish(&r->kept);
    r->kept = now;
    snprintf(r->etag, sizeof r->etag, "%.*s", (int)(d->etag.len < sizeof r->etag ? d->etag.len : 0),
             d->etag.ptr);
    s->full = k->busy_n > CALDAV_BUSY_MAX;
    return s->full ? E_TOO_LARGE : 0;
}

static enum trouble get_batch(struct asking *a, struct syncing *s, uint32_t *at)
{
    struct buf body;
    struct http_answer answer;
    struct dav_answer dav;
    unsigned n = 0;
    uint32_t first = *at;
    buf_init(&body, CALDAV_BATCH * (DAV_HREF_MAX * 5 + 32) + 1024);
    buf_c(&body, XML_HEAD "<C:calendar-multiget" XML_SPACES
                          "><D:prop><D:getetag/><C:calendar-data/></D:prop>");
    for (; *at < s->c->n && n < CALDAV_BATCH; ++*at) {
        if (!s->c->at[*at].wanted)
            continue;
        buf_c(&body, "<D:href>");
        dav_escape(&body, str_of(s->c->at[*at].href));
        buf_c(&body, "</D:href>");
        n++;
    }
    buf_c(&body, "</C:calendar-multiget>");
    if (n == 0) {
        buf_finish(&body);
        return TROUBLE_NONE;
    }
    enum trouble t = body.failed ? TROUBLE_MEMORY
                                 : ask_server(a, "REPORT", s->c->url, "1", buf_look(&body), &answer);
    if (!body.failed) {
        if (t == TROUBLE_NONE && answer.status != 207)
            t = refused(a, answer.status);
        if (t == TROUBLE_NONE)
            t = dav_read(buf_look(&answer.body), contents, s, &dav);
        http_answer_finish(&answer);
    }
    buf_finish(&body);
    for (uint32_t i = first; t == TROUBLE_NONE && i < *at; i++)
        if (s->c->at[i].wanted)
            t = TROUBLE_PROTOCOL; /* asked for and not answered: silence is not "free" */
    return s->full ? TROUBLE_TOO_LARGE : t;
}

static enum trouble read_collection(struct asking *a, struct collection *c, bool *changed_something)
{
    struct syncing s = { .a = a, .c = c };
    enum trouble t = sync_collection(a, &s);
    for (uint32_t at = 0; t == TROUBLE_NONE && at < c->n;)
        t = get_batch(a, &s, &at);
    *changed_something = *changed_something || s.changed;
    if (t != TROUBLE_NONE)
        forget_resources(a->k, c); /* half read: from the start next time */
    return t;
}

/* --- all of it ---------------------------------------------------------------------------------------- */

static bool copy(char *to, size_t size, struct str s)
{
    return s.len < size && !memchr(s.ptr, '\0', s.len) &&
           snprintf(to, size, "%.*s", STR_ARG(s)) >= 0;
}

static enum trouble asking_begin(struct asking *a, struct str ask)
{
    char url[HTTP_URL_MAX];
    if (!copy(url, sizeof url, fetch_get(ask, FETCH_URL_TAG)) || !http_url_ok(url, a->home) ||
        !copy(a->user, sizeof a->user, fetch_get(ask, FETCH_USER_TAG)) ||
        !copy(a->password, sizeof a->password, fetch_get(ask, FETCH_PASSWORD_TAG)))
        return TROUBLE_URL;
    return TROUBLE_NONE;
}

/* --- ticks -------------------------------------------------------------------------------------------- */

static const struct resource *resource_of_todo(const struct calendar *k, uint64_t id, char ret_url[HTTP_URL_MAX])
{
    for (unsigned i = 0; i < k->n; i++)
        for (uint32_t n = 0; n < k->collections[i].n; n++) {
            const struct resource *r = &k->collections[i].at[n];
            if (r->href && r->kept.todo_id == id && http_join(k->collections[i].url, str_of(r->href), ret_url))
                return r;
        }
    return NULL;
}

/* Of what the network or the login is to blame for, the others would have the same. */
static bool spoils_all(enum trouble t)
{
    return t != TROUBLE_NONE && t != TROUBLE_HTTP && t != TROUBLE_NO_CALENDAR && t != TROUBLE_PROTOCOL &&
           t != TROUBLE_TOO_LARGE && t != TROUBLE_URL;
}

/* Each TICK of the ask; *ret_wrote: something has changed there. */
static enum trouble tick_all(struct asking *a, struct str ask, bool *ret_wrote)
{
    struct str rest = ask, value, id_text;
    enum fetch_tag tag;
    struct collect *c = a->collect;
    while (fetch_next(&rest, &tag, &value)) {
        char url[HTTP_URL_MAX];
        struct collect_ticked one = { 0 };
        int64_t done_at = 0;
        if (tag != FETCH_TICK_TAG)
            continue;
        if (c->ticked_n == FETCH_TICKS_MAX || !str_next(&value, ' ', &id_text) || !fetch_id(id_text, &one.id) ||
            str_i64(value, &done_at) < 0)
            return TROUBLE_PROTOCOL;
        const struct resource *r = resource_of_todo(a->k, one.id, url);
        if (r && r->kept.todo) { /* else it is over or gone there */
            const struct http_ask like = { .user = a->user[0] ? a->user : NULL, .password = a->password,
                                           .home = a->home, .url = url };
            one.trouble = tick_resource(a->h, &like, done_at, c->memory, &one.detail);
            *ret_wrote = true;
        }
        if (spoils_all(one.trouble)) {
            *a->detail = one.detail;
            return one.trouble;
        }
        c->ticked[c->ticked_n++] = one;
    }
    return TROUBLE_NONE;
}

static enum trouble read_all(struct asking *a, bool *changed_something)
{
    enum trouble t = TROUBLE_NONE;
    for (unsigned i = 0; t == TROUBLE_NONE && i < a->k->n; i++)
        t = read_collection(a, &a->k->collections[i], changed_something);
    return t;
}

enum trouble caldav_read(struct caldav *all, struct http *h, struct str ask, struct collect *c,
                         bool *ret_same, char *ret_marks, long *detail)
{
    struct calendar *k = remembered(all, ask);
    struct asking a = { .h = h, .collect = c, .k = k, .detail = detail };
    bool changed_something = false;
    *ret_same = false;
    if (!k)
        return TROUBLE_MEMORY;
    enum trouble t = asking_begin(&a, ask);
    if (t == TROUBLE_NONE && (k->n == 0 || c->settings.window.from_at - k->window.from_at >
                                               CALDAV_DAYS * USEC_PER_DAY ||
                              c->settings.window.from_at < k->window.from_at)) {
        calendar_forget(k);
        k->window = c->settings.window;
        changed_something = true;
        t = discover(&a);
    }
    c->settings.window = k->window;
    bool wrote = false;
    if (t == TROUBLE_NONE)
        t = read_all(&a, &changed_something);
    if (t == TROUBLE_NONE)
        t = tick_all(&a, ask, &wrote);
    if (t == TROUBLE_NONE && wrote) /* so that the answer has what is there now */
        t = read_all(&a, &changed_something);
    if (t != TROUBLE_NONE) {
        calendar_forget(k);
        return t;
    }
    char before[MARKS_MAX];
    snprintf(before, sizeof before, "sync %ld %llu", (long)getpid(), (unsigned long long)k->serial);
    *ret_same = !changed_something && str_is(fetch_get(ask, FETCH_MARKS_TAG), before);
    if (changed_something)
        k->serial = ++all->clock;
    snprintf(ret_marks, MARKS_MAX, "sync %ld %llu", (long)getpid(), (unsigned long long)k->serial);
    for (unsigned i = 0; i < k->n && !*ret_same; i++)
        for (uint32_t r = 0; t == TROUBLE_NONE && r < k->collections[i].n; r++)
            if (k->collections[i].at[r].href)
                t = collect_add(c, &k->collections[i].at[r].kept);
    return t;
}
