/* calendars.c - see calendars.h. */
#include "daemon/calendars.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cal/spans.h"
#include "core/core.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/people.h"
#include "store/store.h"

#define TEXT_MAX (64u << 10)                    /* of issues */
#define BUSY_TEXT_MAX (CALENDAR_BUSY_MAX * 48u) /* two instants of 16 digits and a word */

struct source {
    char *name, *place, *self, *trouble, *issues, *marks;
    enum calendar_kind kind;
    usec_t read_at, tried_at, until_at;
    uint32_t events, issues_n;
    struct busy *busy;
    size_t busy_n;
    bool wanted;     /* to be read now */
    uint64_t asked;  /* the number it was asked for with; 0: it is not being read */
    uint32_t fails;  /* in a row */
    usec_t takes_us; /* CALENDAR_TODOS */
    struct list_waiting waiting; /* for being ticked there, as the store has it */
};

struct set { /* of one person, sorted by name */
    struct source *sources[CALENDARS_MAX];
    uint32_t n;
};

struct calendars {
    struct set *sets[CORE_PERSONS_MAX + 1]; /* by person; NULL: none */
    uint64_t asks;
};

/* How often each kind is read.  A file is only looked at unless it has changed. */
static const usec_t every_us[CALENDAR_KINDS] = {
    [CALENDAR_FILE] = 5 * USEC_PER_MIN, [CALENDAR_DIRECTORY] = 5 * USEC_PER_MIN,
    [CALENDAR_URL] = USEC_PER_HOUR, [CALENDAR_CALDAV] = 30 * USEC_PER_MIN,
    [CALENDAR_HOLIDAYS] = USEC_PER_DAY, [CALENDAR_TODOS] = 15 * USEC_PER_MIN,
};
#define AGAIN_US (5 * USEC_PER_MIN)     /* after a failure; doubles */
#define AGAIN_US_MAX (6 * USEC_PER_HOUR)
#define AGAIN_US_MAX_TICKS USEC_PER_HOUR /* where something is to be told */
#define STORED_US USEC_PER_HOUR         /* that it was read and nothing changed is written so often */

/* --- words ---------------------------------------------------------------------------------------- */

static const char *const kind_words[CALENDAR_KINDS] = {
#define X(kind, word) [kind] = word,
    CALENDAR_KIND_LIST(X)
#undef X
};

const char *calendar_kind_word(enum calendar_kind kind)
{
    return kind_words[kind];
}

bool calendar_kind_read(struct str word, enum calendar_kind *ret)
{
    for (unsigned i = 0; i < CALENDAR_KINDS; i++)
        if (str_is(word, kind_words[i])) {
            *ret = (enum calendar_kind)i;
            return true;
        }
    return false;
}

bool calendar_name_ok(struct str name)
{
    return name.len <= CALENDAR_NAME_MAX && config_name_ok(name);
}

/* --- memory --------------------------------------------------------------------------------------- */

static void source_free(struct source *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->place);
    free(s->self);
    free(s->trouble);
    free(s->issues);
    free(s->marks);
    free(s->busy);
    free(s);
}

static char *copy_of(struct str s)
{
    return strndup(s.ptr ? s.ptr : "", s.len);
}

int calendars_create(struct calendars **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : E_NO_MEMORY;
}

void calendars_forget(struct calendars *c)
{
    for (uint32_t no = 0; no <= CORE_PERSONS_MAX; no++) {
        struct set *set = c->sets[no];
        for (uint32_t i = 0; set && i < set->n; i++)
            source_free(set->sources[i]);
        free(set);
        c->sets[no] = NULL;
    }
}

void calendars_destroy(struct calendars *c)
{
    if (c)
        calendars_forget(c);
    free(c);
}

/* Place of the name in the set: where it is, or would be put. */
static uint32_t place_of(const struct set *set, struct str name, bool *ret_there)
{
    uint32_t i = 0;
    *ret_there = false;
    for (; set && i < set->n; i++) {
        struct str there = str_of(set->sources[i]->name);
        size_t len = there.len < name.len ? there.len : name.len;
        int order = len ? memcmp(there.ptr, name.ptr, len) : 0;
        if (order == 0 && there.len == name.len)
            *ret_there = true;
        if (order > 0 || (order == 0 && there.len >= name.len))
            break;
    }
    return i;
}

static void insert(struct set *set, uint32_t at, struct source *s)
{
    assert(set->n < CALENDARS_MAX && at <= set->n);
    for (uint32_t i = set->n++; i > at; i--)
        set->sources[i] = set->sources[i - 1];
    set->sources[at] = s;
}

static void take_out(struct set *set, uint32_t at)
{
    assert(at < set->n);
    set->n--;
    for (uint32_t i = at; i < set->n; i++)
        set->sources[i] = set->sources[i + 1];
}

static struct set *set_of(struct calendars *c, person_no no)
{
    if (!c->sets[no])
        c->sets[no] = calloc(1, sizeof *c->sets[no]);
    return c->sets[no];
}

/* --- store ---------------------------------------------------------------------------------------- */

static int save(struct daemon *d, person_no no, const struct source *s)
{
    struct buf text;
    buf_init(&text, BUSY_TEXT_MAX);
    busy_print(&text, s->busy, s->busy_n);
    const struct store_calendar row = {
        .person = no, .name = str_of(s->name), .kind = str_of(calendar_kind_word(s->kind)),
        .place = str_of(s->place), .self = str_of(s->self), .trouble = str_of(s->trouble),
        .issues = str_of(s->issues), .marks = str_of(s->marks), .busy = buf_look(&text),
        .read_at = s->read_at, .tried_at = s->tried_at, .until_at = s->until_at,
        .events = s->events, .issues_n = s->issues_n, .takes_us = s->takes_us,
    };
    int code = text.failed ? text.failed : store_calendar_put(daemon_store(d), &row);
    buf_finish(&text);
    return code;
}

static int save_times(struct daemon *d, person_no no, const struct source *s)
{
    return store_calendar_tried(daemon_store(d), no, str_of(s->name), s->read_at, s->tried_at,
                                str_of(s->trouble), str_of(s->marks));
}

/* Without the store's word nothing is due: the next change asks again. */
static int look_at_ticks(struct daemon *d, person_no no, struct source *s)
{
    return s->kind == CALENDAR_TODOS ? lists_waiting(d, no, str_of(s->name), &s->waiting) : 0;
}

struct loading {
    struct calendars *c;
    struct err *err;
};

static int row_is_damaged(struct source *s)
{
    free(s->trouble);
    s->trouble = strdup("damaged"); /* set aside: its owner sees it and reads it again */
    s->busy_n = 0;
    return s->trouble ? 0 : E_NO_MEMORY;
}

static int load_row(const struct store_calendar *row, void *data)
{
    struct loading *l = data;
    bool there;
    struct source *s = calloc(1, sizeof *s);
    struct set *set = row->person >= 1 && row->person <= CORE_PERSONS_MAX
                          ? set_of(l->c, (person_no)row->person) : NULL;
    if (!s || !set || set->n == CALENDARS_MAX) {
        free(s);
        return err_set(l->err, E_CORRUPT, "The calendars of the store cannot be read.");
    }
    uint32_t at = place_of(set, row->name, &there);
    *s = (struct source){
        .name = copy_of(row->name), .place = copy_of(row->place), .self = copy_of(row->self),
        .trouble = copy_of(row->trouble), .issues = copy_of(row->issues),
        .marks = copy_of(row->marks), .read_at = row->read_at, .tried_at = row->tried_at,
        .until_at = row->until_at, .events = row->events, .issues_n = row->issues_n,
        .takes_us = row->takes_us,
        .busy = calloc(CALENDAR_BUSY_MAX, sizeof *s->busy),
    };
    int code = s->name && s->place && s->self && s->trouble && s->issues && s->marks && s->busy
                   ? 0 : E_NO_MEMORY;
    if (code == 0 && (!calendar_kind_read(row->kind, &s->kind) ||
                      busy_parse(row->busy, s->busy, CALENDAR_BUSY_MAX, &s->busy_n) < 0))
        code = row_is_damaged(s);
    if (code < 0) {
        source_free(s);
        return code;
    }
    struct busy *fit = s->busy_n ? realloc(s->busy, s->busy_n * sizeof *fit) : NULL;
    if (fit)
        s->busy = fit;
    insert(set, at, s);
    return 0;
}

int calendars_load(struct calendars *c, struct daemon *d, struct err *err)
{
    struct loading l = { c, err };
    int code = store_calendars_each(daemon_store(d), load_row, &l);
    for (uint32_t no = 1; no <= CORE_PERSONS_MAX; no++)
        for (uint32_t i = 0; code == 0 && c->sets[no] && i < c->sets[no]->n; i++)
            code = look_at_ticks(d, (person_no)no, c->sets[no]->sources[i]);
    return code;
}

/* --- changing ------------------------------------------------------------------------------------- */

static int check_place(const struct calendar_change *c, struct err *err)
{
    if (!calendar_name_ok(c->name))
        return err_set(err, E_INVALID,
                       "A calendar's name must be 1 to %d bytes without / : , or control characters.",
                       CALENDAR_NAME_MAX);
    if (c->place.len > CALENDAR_PLACE_MAX || c->self.len > CALENDAR_SELF_MAX)
        return err_set(err, E_TOO_LARGE,
                       "The place of a calendar may have %d bytes, one's own addresses %d.",
                       CALENDAR_PLACE_MAX, CALENDAR_SELF_MAX);
    if (c->takes_us < 0 || c->takes_us > LIST_TAKES_US_MAX)
        return err_set(err, E_INVALID, "A todo takes more than nothing and at most %d hours.",
                       (int)(LIST_TAKES_US_MAX / USEC_PER_HOUR));
    if (c->secrets.url.len > CALENDAR_SECRET_MAX || c->secrets.user.len > 255 ||
        c->secrets.password.len > 1000)
        return err_set(err, E_TOO_LARGE,
                       "An address may have %d bytes, a user's name 255, a password 1000.",
                       CALENDAR_SECRET_MAX);
    return 0;
}

static int check_contents(const struct calendar_change *c, usec_t now_at, struct err *err)
{
    if (c->busy_n > CALENDAR_BUSY_MAX)
        return err_set(err, E_TOO_LARGE, "A calendar may have %d busy times; this one has %zu.",
                       CALENDAR_BUSY_MAX, c->busy_n);
    if (!busy_is_normal(c->busy, c->busy_n) ||
        (c->busy_n && (c->busy[0].from_at < 0 ||
                       c->busy[c->busy_n - 1].until_at > now_at + CALENDAR_AHEAD_US)))
        return err_set(err, E_INVALID,
                       "The busy times must be sorted, must not overlap, and must end within %d days.",
                       (int)(CALENDAR_AHEAD_US / USEC_PER_DAY));
    if (c->until_at <= now_at || c->until_at > now_at + CALENDAR_AHEAD_US)
        return err_set(err, E_INVALID,
                       "A calendar must be known until later than now, and at most %d days ahead.",
                       (int)(CALENDAR_AHEAD_US / USEC_PER_DAY));
    return 0;
}

static void print_issues(struct buf *out, const struct calendar_change *c)
{
    for (size_t i = 0; i < c->listed_n && i < CALENDAR_ISSUES_MAX; i++) {
        const struct calendar_issue *issue = &c->issues[i];
        buf_c(out, cal_issue_word(issue->code));
        buf_char(out, ' ');
        buf_u64(out, issue->line);
        buf_char(out, ' ');
        utf8_clean(out, str_slice(issue->detail, 0, CALENDAR_DETAIL_MAX));
        buf_char(out, '\n');
    }
}

static struct source *source_new(const struct calendar_change *c, usec_t now_at)
{
    struct source *s = calloc(1, sizeof *s);
    struct buf issues;
    buf_init(&issues, TEXT_MAX);
    print_issues(&issues, c);
    if (s)
        *s = (struct source){
            .name = copy_of(c->name), .place = copy_of(c->place), .self = copy_of(c->self),
            .trouble = strdup(""), .issues = copy_of(buf_look(&issues)), .marks = strdup(""),
            .kind = c->kind, .read_at = now_at, .tried_at = now_at, .until_at = c->until_at,
            .events = c->events, .issues_n = c->issues_n, .takes_us = c->takes_us,
            .busy = calloc(c->busy_n ? c->busy_n : 1, sizeof *s->busy), .busy_n = c->busy_n,
        };
    bool whole = s && !issues.failed && s->name && s->place && s->self && s->trouble && s->issues &&
                 s->marks && s->busy;
    buf_finish(&issues);
    if (!whole) {
        source_free(s);
        return NULL;
    }
    if (c->busy_n)
        memcpy(s->busy, c->busy, c->busy_n * sizeof *s->busy);
    return s;
}

static bool same_busy(const struct source *a, const struct source *b)
{
    size_t na = a ? a->busy_n : 0, nb = b ? b->busy_n : 0;
    for (size_t i = 0; na == nb && i < na; i++)
        if (a->busy[i].from_at != b->busy[i].from_at || a->busy[i].until_at != b->busy[i].until_at ||
            a->busy[i].kind != b->busy[i].kind)
            return false;
    return na == nb;
}

/* The new source (NULL: none) in the place of the old; back to the old if the plan cannot take it. */
static int exchange(struct people *p, struct daemon *d, person_no no, uint32_t at,
                    struct source *old, struct source *new, struct err *err)
{
    struct set *set = people_calendars(p)->sets[no];
    assert(old || new);
    bool list_ends = old && old->kind == CALENDAR_TODOS && (!new || new->kind != CALENDAR_TODOS);
    int code = list_ends ? lists_remove(d, no, str_of(old->name), err) : 0;
    if (code < 0)
        return code;
    code = new ? save(d, no, new) : store_calendar_remove(daemon_store(d), no, str_of(old->name));
    if (code < 0)
        return err_set(err, code, "The change could not be stored.");
    if (old)
        take_out(set, at);
    if (new)
        insert(set, at, new);
    if (same_busy(old, new))
        return 0;
    code = people_tell_windows(p, d, no, err);
    if (code == 0)
        return 0;
    if (new)
        take_out(set, at);
    if (old)
        insert(set, at, old);
    (void)(old ? save(d, no, old) : store_calendar_remove(daemon_store(d), no, str_of(new->name)));
    return code;
}

/* Is there room for `n` more stretches in the place of those of `old`? */
static int check_room(const struct set *set, const struct source *old, size_t n, struct err *err)
{
    for (uint32_t i = 0; i < set->n; i++)
        n += set->sources[i] == old ? 0 : set->sources[i]->busy_n;
    if (!old && set->n == CALENDARS_MAX)
        return err_set(err, E_LIMIT, "A person may have %d calendars; remove one first.",
                       CALENDARS_MAX);
    if (n > CALENDAR_PERSON_BUSY_MAX)
        return err_set(err, E_LIMIT,
                       "All calendars of a person together may have %d busy times; these have %zu.",
                       CALENDAR_PERSON_BUSY_MAX, n);
    return 0;
}

static int put(struct people *p, struct daemon *d, person_no no, const struct calendar_change *c,
               struct err *err)
{
    bool there;
    usec_t now_at = daemon_now(d).wall_at;
    int code = check_place(c, err);
    if (code == 0)
        code = check_contents(c, now_at, err);
    if (code < 0)
        return code;
    struct set *set = set_of(people_calendars(p), no);
    struct source *new = set ? source_new(c, now_at) : NULL;
    if (!new)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for another calendar.");
    uint32_t at = place_of(set, c->name, &there);
    struct source *old = there ? set->sources[at] : NULL;
    code = check_room(set, old, new->busy_n, err);
    if (code == 0)
        code = exchange(p, d, no, at, old, new, err);
    source_free(code == 0 ? old : new);
    return code;
}

/* A place to be read by eoul-fetch.  Under a known name the copy there stays until then. */
static int add(struct people *p, struct daemon *d, person_no no, const struct calendar_change *c,
               struct err *err)
{
    bool there;
    struct calendar_change fresh = *c;
    int code = check_place(c, err);
    struct set *set = set_of(people_calendars(p), no);
    if (code < 0 || !set)
        return code < 0 ? code : err_set(err, E_NO_MEMORY,
                                         "There is not enough memory for another calendar.");
    uint32_t at = place_of(set, c->name, &there);
    struct source *old = there ? set->sources[at] : NULL;
    fresh.busy_n = fresh.listed_n = 0;
    if (old && old->kind == c->kind) {
        fresh.busy = old->busy;
        fresh.busy_n = old->busy_n;
        fresh.events = old->events;
        fresh.until_at = old->until_at;
    }
    struct source *new = source_new(&fresh, old ? old->read_at : 0);
    if (!new)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for another calendar.");
    new->wanted = true;
    if (c->kind == CALENDAR_TODOS && !c->takes_us)
        new->takes_us = old && old->takes_us ? old->takes_us : LIST_TAKES_US;
    code = look_at_ticks(d, no, new);
    if (code == 0)
        code = check_room(set, old, new->busy_n, err);
    if (code == 0 && c->secrets.url.len) {
        code = credentials_put(d, no, c->name, &c->secrets);
        if (code < 0)
            err_set(err, code, "The address of the calendar could not be stored.");
    }
    if (code == 0)
        code = exchange(p, d, no, at, old, new, err);
    source_free(code == 0 ? old : new);
    return code;
}

/* --- what came of reading ------------------------------------------------------------------------- */

static int set_text(char **to, struct str text)
{
    char *copy = copy_of(text);
    if (!copy)
        return E_NO_MEMORY;
    free(*to);
    *to = copy;
    return 0;
}

/* Trouble, or nothing new: the copy stays. */
static int note_try(struct daemon *d, person_no no, struct source *s, const struct calendar_change *c)
{
    usec_t now_at = daemon_now(d).wall_at;
    bool again = str_is(c->trouble, s->trouble) && now_at - s->tried_at < STORED_US &&
                 str_is(c->marks, s->marks);
    int code = set_text(&s->trouble, c->trouble);
    if (code == 0 && c->same)
        code = set_text(&s->marks, c->marks);
    s->fails = c->trouble.len ? s->fails + 1 : 0;
    s->read_at = c->same ? now_at : s->read_at;
    s->tried_at = now_at;
    return code < 0 || again ? code : save_times(d, no, s);
}

/* A list: its todos first.  What could not be taken is tried again with the whole list. */
static int read_list(struct daemon *d, const struct calendar_change *c, struct source *s, bool *ret_room,
                     struct err *err)
{
    int code = s->kind == CALENDAR_TODOS && !c->trouble.len ? lists_read(d, c, s->takes_us, ret_room, err) : 0;
    return code < 0 ? code : look_at_ticks(d, c->person, s);
}

static int read_done(struct people *p, struct daemon *d, const struct calendar_change *c,
                     struct err *err)
{
    bool there;
    struct set *set = people_calendars(p)->sets[c->person];
    uint32_t at = place_of(set, c->name, &there);
    struct source *old = there ? set->sources[at] : NULL;
    if (!old || old->asked != c->asked)
        return 0; /* removed or changed meanwhile */
    old->asked = 0;
    bool room = true;
    int code = read_list(d, c, old, &room, err);
    if (code < 0)
        return code;
    if (c->same || c->trouble.len)
        return note_try(d, c->person, old, c);
    struct calendar_change contents = *c;
    contents.kind = old->kind;
    contents.place = str_of(old->place);
    contents.self = str_of(old->self);
    contents.takes_us = old->takes_us;
    code = check_contents(&contents, daemon_now(d).wall_at, err);
    if (code == 0)
        code = check_room(set, old, c->busy_n, err);
    if (code < 0) {
        struct calendar_change refused = *c;
        refused.trouble = STR("too-large");
        return note_try(d, c->person, old, &refused);
    }
    struct source *new = source_new(&contents, daemon_now(d).wall_at);
    code = new ? set_text(&new->marks, room ? c->marks : (struct str){ "", 0 }) : E_NO_MEMORY;
    if (code == 0 && !room)
        code = set_text(&new->trouble, STR("no-room"));
    if (new) {
        new->wanted = old->wanted; /* again, meanwhile */
        new->waiting = old->waiting;
    }
    if (code == 0)
        code = exchange(p, d, c->person, at, old, new, err);
    if (code < 0) { /* not at once again */
        old->fails++;
        old->tried_at = daemon_now(d).wall_at;
    }
    source_free(code == 0 ? old : new);
    return code;
}

void calendars_zone_changed(struct people *p, person_no no)
{
    const struct set *set = people_calendars(p)->sets[no];
    for (uint32_t i = 0; set && i < set->n; i++) {
        set->sources[i]->wanted = true;
        set->sources[i]->marks[0] = '\0';
    }
}

static int want(struct people *p, person_no no, struct str name, struct err *err)
{
    bool there;
    struct set *set = people_calendars(p)->sets[no];
    uint32_t at = place_of(set, name, &there);
    if (!there)
        return err_set(err, E_NOT_FOUND,
                       "There is no calendar \"%.*s\"; \"eoul me calendar list\" names them.",
                       (int)(name.len < 64 ? name.len : 64), name.ptr ? name.ptr : "");
    set->sources[at]->wanted = true;
    return 0;
}

static int remove_one(struct people *p, struct daemon *d, person_no no, struct str name,
                      struct err *err)
{
    bool there;
    struct set *set = people_calendars(p)->sets[no];
    uint32_t at = place_of(set, name, &there);
    if (!there)
        return err_set(err, E_NOT_FOUND,
                       "There is no calendar \"%.*s\"; \"eoul me calendar list\" names them.",
                       (int)(name.len < 64 ? name.len : 64), name.ptr ? name.ptr : "");
    struct source *old = set->sources[at];
    int code = exchange(p, d, no, at, old, NULL, err);
    if (code == 0) {
        credentials_remove(d, no, name);
        source_free(old);
    }
    return code;
}

int calendars_remove_all(struct people *p, struct daemon *d, person_no no, struct err *err)
{
    const struct set *set = people_calendars(p)->sets[no];
    int code = 0;
    while (code == 0 && set && set->n > 0)
        code = remove_one(p, d, no, str_of(set->sources[0]->name), err);
    return code;
}

int calendars_may(const struct people *p, const struct daemon *d, const struct op_peer *peer,
                  person_no no, struct err *err)
{
    struct person person;
    if (!people_get(p, no, &person) || person.uid == (int64_t)peer->uid)
        return 0;
    if (person.uid == -1 && daemon_is_operator(d, peer))
        return 0;
    return err_set(err, E_DENIED,
                   "Hours, calendars and figures belong to their owner: only \"%s\" may see theirs.",
                   person.name);
}

int calendars_change(struct people *p, struct daemon *d, const struct op *op, struct err *err)
{
    const struct calendar_change *c = op->calendar.change;
    if (c->action == CALENDAR_READ)
        return read_done(p, d, c, err);
    bool makes = c->action == CALENDAR_PUT || c->action == CALENDAR_ADD;
    person_no no = op->for_person.len ? people_find_name(p, op->for_person)
                                      : people_find_uid(p, op->peer.uid);
    if (op->for_person.len && !daemon_is_operator(d, &op->peer))
        return err_set(err, E_DENIED, "Only whoever runs this daemon may act for another person.");
    int code = no ? calendars_may(p, d, &op->peer, no, err) : 0;
    if (code == 0 && makes && !no)
        code = op->for_person.len ? people_named(p, d, op->for_person, &no, err)
                                  : people_of_uid(p, d, op->peer.uid, &no, err);
    if (code < 0)
        return code;
    switch (c->action) {
    case CALENDAR_PUT: return put(p, d, no, c, err);
    case CALENDAR_ADD: return add(p, d, no, c, err);
    case CALENDAR_REFRESH: return want(p, no, c->name, err);
    case CALENDAR_REMOVE: return remove_one(p, d, no, c->name, err);
    case CALENDAR_READ: break;
    }
    return E_INTERNAL;
}

/* --- when to read ---------------------------------------------------------------------------------- */

static bool of_network(enum calendar_kind kind)
{
    return kind == CALENDAR_URL || kind == CALENDAR_CALDAV || kind == CALENDAR_TODOS;
}

/* A file is read with the rights of whoever runs the daemon: only for themself, and for people without
 * a Unix user, whom they act for.  Others refresh theirs by the command. */
static bool may_read(const struct people *p, person_no no, const struct source *s)
{
    struct person person;
    if (of_network(s->kind) || s->kind == CALENDAR_HOLIDAYS)
        return true;
    return s->place[0] == '/' && people_get(p, no, &person) &&
           (person.uid == -1 || person.uid == (int64_t)geteuid());
}

static usec_t due_at(const struct source *s)
{
    if (s->wanted)
        return 0;
    if (s->fails == 0 && s->waiting.n)
        return usec_min(s->tried_at + every_us[s->kind], s->waiting.next_at);
    if (s->fails == 0)
        return s->tried_at + every_us[s->kind];
    uint32_t doublings = s->fails - 1 < 8 ? s->fails - 1 : 8;
    return s->tried_at + usec_min(AGAIN_US << doublings, s->waiting.n ? AGAIN_US_MAX_TICKS : AGAIN_US_MAX);
}

bool calendars_due(const struct people *p, bool network, struct calendar_due *ret)
{
    const struct calendars *c = people_calendars(p);
    *ret = (struct calendar_due){ .due_at = USEC_NEVER };
    for (uint32_t no = 1; no <= people_n(p); no++) {
        const struct set *set = c->sets[no];
        for (uint32_t i = 0; set && i < set->n; i++) {
            const struct source *s = set->sources[i];
            if (of_network(s->kind) != network || s->asked || due_at(s) >= ret->due_at ||
                !may_read(p, (person_no)no, s))
                continue;
            *ret = (struct calendar_due){ (person_no)no, s->name, due_at(s) };
        }
    }
    return ret->person != 0;
}

uint64_t calendars_ask(struct people *p, person_no no, const char *name)
{
    bool there;
    struct calendars *c = people_calendars(p);
    uint32_t at = place_of(c->sets[no], str_of(name), &there);
    if (!there)
        return 0;
    struct source *s = c->sets[no]->sources[at];
    s->wanted = false;
    s->asked = ++c->asks;
    return s->asked;
}

void calendars_tick(struct people *p, struct daemon *d, person_no no, const char *name)
{
    bool there;
    struct set *set = people_calendars(p)->sets[no];
    uint32_t at = place_of(set, str_of(name), &there);
    if (!there)
        return;
    set->sources[at]->wanted = true;
    (void)look_at_ticks(d, no, set->sources[at]); /* the store says so itself if it fails */
}

void calendars_ask_again(struct people *p)
{
    struct calendars *c = people_calendars(p);
    for (uint32_t no = 1; no <= people_n(p); no++)
        for (uint32_t i = 0; c->sets[no] && i < c->sets[no]->n; i++)
            c->sets[no]->sources[i]->asked = 0;
}

/* --- looking -------------------------------------------------------------------------------------- */

static const struct set *looked(const struct people *p, person_no no)
{
    const struct calendars *c = people_calendars((struct people *)p);
    return no <= CORE_PERSONS_MAX ? c->sets[no] : NULL;
}

uint32_t calendars_n(const struct people *p, person_no no)
{
    const struct set *set = looked(p, no);
    return set ? set->n : 0;
}

bool calendars_get(const struct people *p, person_no no, uint32_t i, struct calendar *ret)
{
    const struct set *set = looked(p, no);
    if (!set || i >= set->n)
        return false;
    const struct source *s = set->sources[i];
    *ret = (struct calendar){
        .name = s->name, .place = s->place, .self = s->self, .trouble = s->trouble,
        .marks = s->marks, .issues = s->issues, .kind = s->kind, .read_at = s->read_at,
        .tried_at = s->tried_at, .until_at = s->until_at, .events = s->events,
        .issues_n = s->issues_n, .busy = s->busy, .busy_n = s->busy_n,
        .takes_us = s->takes_us, .ticks_n = s->waiting.n, .tick_trouble = s->waiting.trouble,
        .reading = s->wanted || s->asked != 0,
    };
    return true;
}

size_t calendars_busy(const struct calendars *c, person_no no, struct span range, enum cal_busy least,
                      struct span *out, size_t cap)
{
    const struct set *set = no <= CORE_PERSONS_MAX ? c->sets[no] : NULL;
    size_t n = 0;
    for (uint32_t k = 0; set && k < set->n; k++) {
        const struct source *s = set->sources[k];
        for (size_t i = busy_after(s->busy, s->busy_n, range.from_at);
             i < s->busy_n && s->busy[i].from_at < range.until_at; i++) {
            if (s->busy[i].kind < least)
                continue;
            if (n == cap)
                n = spans_squeeze(out, spans_normalise(out, n), cap - cap / 4);
            out[n++] = (struct span){ s->busy[i].from_at, s->busy[i].until_at };
        }
    }
    return spans_normalise(out, n);
}
