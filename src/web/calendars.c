/* calendars.c - a person's calendars: to look at, to put in, to take out.
 *
 * What comes in is what the reader of a calendar (the command line) found: when its owner is busy, not
 * why; or where the daemon is to have it read.  Of an address only scheme and host are shown and stored in
 * the open; the rest opens the calendar.  Only the owner sees any of it; others see the plan.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/calendars.h"
#include "fetch/trouble.h"
#include "web/internal.h"

#define ISSUE_FIELDS 3 /* [word, line, detail] */

/* --- out ------------------------------------------------------------------------------------------ */

/* "WORD LINE DETAIL" a line, with the sentence of each word. */
static void put_issues(struct json_out *j, struct str lines, enum lang lang)
{
    struct str line, word, number;
    out_key(j, "not_understood");
    out_array(j);
    while (str_next(&lines, '\n', &line)) {
        enum cal_issue_code code;
        uint64_t at = 0;
        if (!str_next(&line, ' ', &word) || !str_next(&line, ' ', &number) ||
            str_u64(number, &at) < 0 || !cal_issue_read(word, &code))
            continue;
        out_object(j);
        out_put_str(j, "what", word);
        out_put_u64(j, "line", at);
        out_put_clean(j, "detail", line);
        out_put_c(j, "sentence", tr(lang, cal_issue_text(code)));
        out_end(j);
    }
    out_end(j);
}

/* [[from_at, until_at, "busy"], ...] */
static void put_busy(struct json_out *j, const struct calendar *c)
{
    out_key(j, "busy");
    out_array(j);
    for (size_t i = 0; i < c->busy_n; i++) {
        out_array(j);
        out_i64(j, c->busy[i].from_at);
        out_i64(j, c->busy[i].until_at);
        out_c(j, cal_busy_word(c->busy[i].kind));
        out_end(j);
    }
    out_end(j);
}

static void put_calendar(struct json_out *j, const struct calendar *c, enum lang lang, bool busy)
{
    out_object(j);
    out_put_clean(j, "name", str_of(c->name));
    out_put_c(j, "kind", calendar_kind_word(c->kind));
    out_put_clean(j, "place", str_of(c->place));
    out_put_clean(j, "self", str_of(c->self));
    out_put_at(j, "read_at", c->read_at);
    out_put_at(j, "tried_at", c->tried_at);
    out_put_c(j, "trouble", c->trouble);
    out_put_c(j, "trouble_sentence",
              tr(lang, trouble_sentence(trouble_read(str_of(c->trouble), NULL))));
    if (c->kind == CALENDAR_TODOS) {
        out_put_i64(j, "takes_us", c->takes_us);
        out_put_u64(j, "ticks_n", c->ticks_n);
        out_put_c(j, "tick_trouble", c->tick_trouble);
        out_put_c(j, "tick_trouble_sentence",
                  tr(lang, trouble_sentence(trouble_read(str_of(c->tick_trouble), NULL))));
    }
    out_put_bool(j, "reading", c->reading);
    out_put_at(j, "until_at", c->until_at);
    out_put_u64(j, "events", c->events);
    out_put_u64(j, "busy_n", c->busy_n);
    out_put_u64(j, "not_understood_n", c->issues_n);
    put_issues(j, str_of(c->issues), lang);
    if (busy)
        put_busy(j, c);
    out_end(j);
}

void calendars_write(struct json_out *j, const struct web *web, person_no no, enum lang lang, bool busy)
{
    const struct people *people = daemon_people(web->daemon);
    struct calendar c;
    out_key(j, "calendars");
    out_array(j);
    for (uint32_t i = 0; calendars_get(people, no, i, &c); i++)
        put_calendar(j, &c, lang, busy);
    out_end(j);
}

static void reply(struct web *web, struct http_request *r, person_no no)
{
    struct buf b;
    struct json_out j;
    web_start(&b, &j);
    out_put_at(&j, "now_at", daemon_now(web->daemon).wall_at);
    calendars_write(&j, web, no, r->lang, false);
    out_end(&j);
    web_reply_json(web, r, &b);
}

static bool busy(struct web *web, person_no no, struct str name)
{
    struct calendar c;
    for (uint32_t i = 0; calendars_get(daemon_people(web->daemon), no, i, &c); i++)
        if (c.reading && (name.len == 0 || str_is(name, c.name)))
            return true;
    return false;
}

void calendars_list(struct call *c)
{
    static const struct hold_kind kind = { busy, reply };
    holds_reply(c, &kind);
}

static void answer_calendars(struct web_op *o)
{
    const struct people *people = daemon_people(o->web->daemon);
    if (o->op.result < 0) {
        op_refuse(o, -1);
        return;
    }
    reply(o->web, o->r, o->op.for_person.len ? people_find_name(people, o->op.for_person)
                                             : people_find_uid(people, o->op.peer.uid));
    op_free(o);
}

/* --- in ------------------------------------------------------------------------------------------- */

static int take_busy(const json_t *list, struct busy **ret, size_t *ret_n, struct err *err)
{
    size_t n = json_array_size(list);
    *ret_n = 0;
    if (n == 0)
        return 0;
    if (n > CALENDAR_BUSY_MAX)
        return err_set(err, E_TOO_LARGE, "A calendar may have %d busy times; this one has %zu.",
                       CALENDAR_BUSY_MAX, n);
    *ret = calloc(n, sizeof **ret);
    if (!*ret)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for this request.");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *from = json_array_get(one, 0), *until = json_array_get(one, 1);
        const json_t *word = json_array_get(one, 2);
        if (json_array_size(one) != 3 || !json_is_integer(from) || !json_is_integer(until) ||
            !json_is_string(word) || !cal_busy_read(str_of(json_string_value(word)), &(*ret)[i].kind))
            return err_set(err, E_INVALID,
                           "Number %zu of \"busy\" must be [from, until, \"present\", \"tentative\", "
                           "\"busy\" or \"away\"].", i);
        (*ret)[i].from_at = json_integer_value(from);
        (*ret)[i].until_at = json_integer_value(until);
    }
    *ret_n = n;
    return 0;
}

static int take_issues(const json_t *list, struct calendar_issue *to, size_t *ret_n, struct err *err)
{
    size_t n = json_array_size(list);
    *ret_n = n < CALENDAR_ISSUES_MAX ? n : CALENDAR_ISSUES_MAX;
    for (size_t i = 0; i < *ret_n; i++) {
        const json_t *one = json_array_get(list, i);
        const json_t *word = json_array_get(one, 0), *line = json_array_get(one, 1);
        const json_t *detail = json_array_get(one, 2);
        if (json_array_size(one) != ISSUE_FIELDS || !json_is_string(word) ||
            !json_is_integer(line) || json_integer_value(line) < 0 ||
            json_integer_value(line) > UINT32_MAX || !json_is_string(detail) ||
            !cal_issue_read(str_of(json_string_value(word)), &to[i].code))
            return err_set(err, E_INVALID,
                           "Number %zu of \"not_understood\" must be [word, line, detail].", i);
        to[i].line = (uint32_t)json_integer_value(line);
        to[i].detail = str_of(json_string_value(detail));
    }
    return 0;
}

static int take_count(const struct json_in_field *field, uint32_t *ret, struct err *err)
{
    int64_t n = json_in_int(field, 0);
    if (n < 0 || n > UINT32_MAX)
        return err_set(err, E_INVALID, "\"%s\" must be a number of things, from 0.", field->name);
    *ret = (uint32_t)n;
    return 0;
}

/* What a list may show of an address: a secret may be anywhere behind the host's name. */
/* In the clear nothing is read but from this machine: tests, and what passes a calendar on. */
static int shown_place(struct web_op *o, struct str url, struct err *err)
{
    struct str rest = url, scheme, nothing, host;
    bool parts = str_next(&rest, ':', &scheme) && str_next(&rest, '/', &nothing) &&
                 str_next(&rest, '/', &nothing) && str_next(&rest, '/', &host);
    bool known = parts && (str_is_nocase(scheme, "https") || str_is_nocase(scheme, "http") ||
                           str_is_nocase(scheme, "webcal"));
    if (!known || host.len == 0 || host.len > 255 || str_find(host, '@') >= 0 ||
        str_find(host, '?') >= 0 || str_find(host, '#') >= 0 || (str_is_nocase(scheme, "http") && !str_is_loopback(host)))
        return err_set(err, E_INVALID,
                       "The address must begin with https:// and may name port 443 or 8443 only; a user "
                       "and a password do not belong in it.");
    int n = snprintf(o->place, sizeof o->place, "%.*s://%.*s/%s", STR_ARG(scheme), STR_ARG(host),
                     rest.len ? "..." : "");
    o->calendar.place = (struct str){ o->place, (size_t)n };
    return 0;
}

enum put_field { PUT_FOR, PUT_NAME, PUT_KIND, PUT_PLACE, PUT_SELF, PUT_UNTIL, PUT_EVENTS, PUT_ISSUES_N,
                 PUT_ISSUES, PUT_BUSY, PUT_URL, PUT_USER, PUT_PASSWORD, PUT_TAKES, PUT_FIELDS };

/* What was read elsewhere. */
static int take_contents(struct web_op *o, const struct json_in_field *f, struct err *err)
{
    struct calendar_change *to = &o->calendar;
    to->until_at = json_in_int(&f[PUT_UNTIL], 0);
    o->issues = calloc(CALENDAR_ISSUES_MAX, sizeof *o->issues);
    if (!o->issues)
        return err_set(err, E_NO_MEMORY, "There is not enough memory for this request.");
    int code = take_count(&f[PUT_EVENTS], &to->events, err);
    if (code == 0)
        code = take_count(&f[PUT_ISSUES_N], &to->issues_n, err);
    if (code == 0)
        code = take_issues(f[PUT_ISSUES].value, o->issues, &to->listed_n, err);
    if (code == 0)
        code = take_busy(f[PUT_BUSY].value, &o->busy, &to->busy_n, err);
    to->issues = o->issues;
    to->busy = o->busy;
    return code;
}

/* Where the daemon is to read it. */
static int take_address(struct web_op *o, const struct json_in_field *f, struct err *err)
{
    struct calendar_change *to = &o->calendar;
    bool network = to->kind == CALENDAR_URL || to->kind == CALENDAR_CALDAV || to->kind == CALENDAR_TODOS;
    to->takes_us = json_in_int(&f[PUT_TAKES], 0);
    if (f[PUT_TAKES].value && to->kind != CALENDAR_TODOS)
        return err_set(err, E_INVALID, "\"takes_us\" is for a list of todos.");
    to->action = CALENDAR_ADD;
    if (to->kind == CALENDAR_HOLIDAYS && to->place.len == 2)
        return 0; /* a country; whether there is a list of it, eoul-fetch sees */
    if (!network && to->place.len && to->place.ptr[0] == '/')
        return 0;
    if (!network)
        return err_set(err, E_INVALID, "The place of a file or directory is a whole path from /.");
    to->secrets = (struct calendar_secrets){ json_in_str(&f[PUT_URL]), json_in_str(&f[PUT_USER]),
                                             json_in_str(&f[PUT_PASSWORD]) };
    for (int i = PUT_URL; i <= PUT_PASSWORD; i++)
        if (json_in_str(&f[i]).len && memchr(json_in_str(&f[i]).ptr, '\n', json_in_str(&f[i]).len))
            return err_set(err, E_INVALID, "\"%s\" must be one line.", f[i].name);
    return shown_place(o, to->secrets.url, err);
}

static int take_put(struct web_op *o, const struct json_in_field *f, struct err *err)
{
    struct calendar_change *to = &o->calendar;
    *to = (struct calendar_change){ .action = CALENDAR_PUT, .name = json_in_str(&f[PUT_NAME]),
                                    .place = json_in_str(&f[PUT_PLACE]),
                                    .self = json_in_str(&f[PUT_SELF]) };
    if (!calendar_kind_read(json_in_str(&f[PUT_KIND]), &to->kind))
        return err_set(err, E_INVALID,
                       "The kind of a calendar must be \"file\", \"directory\", \"url\", \"caldav\", "
                       "\"holidays\" or \"todos\".");
    if (to->kind == CALENDAR_TODOS && f[PUT_BUSY].value)
        return err_set(err, E_INVALID, "A list of todos is read by the daemon; it has no \"busy\".");
    return f[PUT_BUSY].value ? take_contents(o, f, err) : take_address(o, f, err);
}

void calendars_put(struct call *c)
{
    struct json_in_field f[PUT_FIELDS] = {
        [PUT_FOR] = { "for", JSON_IN_STR, false, NULL }, [PUT_NAME] = { "name", JSON_IN_STR, true, NULL },
        [PUT_KIND] = { "kind", JSON_IN_STR, true, NULL },
        [PUT_PLACE] = { "place", JSON_IN_STR, false, NULL },
        [PUT_SELF] = { "self", JSON_IN_STR, false, NULL },
        [PUT_UNTIL] = { "until_at", JSON_IN_INT, false, NULL },
        [PUT_EVENTS] = { "events", JSON_IN_INT, false, NULL },
        [PUT_ISSUES_N] = { "not_understood_n", JSON_IN_INT, false, NULL },
        [PUT_ISSUES] = { "not_understood", JSON_IN_ARRAY, false, NULL },
        [PUT_BUSY] = { "busy", JSON_IN_ARRAY, false, NULL },
        [PUT_URL] = { "url", JSON_IN_STR, false, NULL }, [PUT_USER] = { "user", JSON_IN_STR, false, NULL },
        [PUT_PASSWORD] = { "password", JSON_IN_STR, false, NULL },
        [PUT_TAKES] = { "takes_us", JSON_IN_INT, false, NULL },
    };
    struct web_op *o = op_new(c, OP_CALENDAR, answer_calendars);
    int code = o ? json_in_parse(c->r->body, &o->body, &c->err) : E_NO_MEMORY;
    if (code == 0)
        code = json_in_object(o->body, "request", f, PUT_FIELDS, &c->err);
    if (code == 0)
        code = op_take_for(c, o, &f[PUT_FOR]);
    if (code == 0)
        code = take_put(o, f, &c->err);
    if (code < 0) {
        op_refuse_call(c, o, -1);
        return;
    }
    o->op.calendar.change = &o->calendar;
    op_enqueue(o);
}

void calendars_action(struct call *c)
{
    bool removes;
    struct web_op *o = op_remove_or(c, OP_CALENDAR, "refresh", answer_calendars, &removes);
    if (!o)
        return;
    o->calendar = (struct calendar_change){ .action = removes ? CALENDAR_REMOVE : CALENDAR_REFRESH,
                                            .name = c->part[0] };
    o->op.calendar.change = &o->calendar;
    op_enqueue(o);
}
