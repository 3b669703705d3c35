/* todo_text.c - see todo_text.h. */
#include "cli/todo_text.h"

#include <string.h>

#include "cal/format.h"
#include "i18n/text.h"
#include "i18n/width.h"

#define LABEL_COLUMNS 14
#define TEXT_BYTES 2048

static enum cal_language language(const struct cli *cli)
{
    return cli->lang == LANG_KO ? CAL_KOREAN : CAL_ENGLISH;
}

void todo_name(struct cli *cli, struct buf *out, const json_t *todo)
{
    const char *title = json_text(todo, "title");
    int64_t job = json_i64(todo, "review_of");
    if (job == 0) {
        cli_clean(out, title);
        return;
    }
    char memory[TEXT_BYTES];
    struct buf name;
    buf_init_fixed(&name, memory, sizeof memory);
    cli_clean(&name, title);
    buf_printf(out, tr(cli->lang, "look at job %1$lld (%2$s)"), (long long)job,
               name.failed || !name.ptr ? "?" : name.ptr);
}

static struct span piece(const json_t *todo, size_t i)
{
    const json_t *one = json_array_get(json_object_get(todo, "pieces"), i);
    return (struct span){ json_integer_value(json_array_get(one, 0)),
                          json_integer_value(json_array_get(one, 1)) };
}

void todo_when(struct cli *cli, struct buf *out, const json_t *todo)
{
    size_t n = json_array_size(json_object_get(todo, "pieces"));
    if (n == 0) {
        buf_char(out, '-');
        return;
    }
    cal_format_range(out, cli_zone(cli), language(cli), CAL_SHORT, piece(todo, 0), cli->now_at);
    if (n == 1)
        return;
    char memory[128];
    struct buf until;
    buf_init_fixed(&until, memory, sizeof memory);
    cli_when(cli, &until, piece(todo, n - 1).until_at);
    buf_printf(out, trn(cli->lang, ", then %1$llu more piece until %2$s",
                        ", then %1$llu more pieces until %2$s", n - 1),
               (unsigned long long)(n - 1), until.ptr ? until.ptr : "?");
}

/* "kim", "kim or lee" */
static void people(struct cli *cli, struct buf *out, const json_t *todo)
{
    const json_t *who = json_object_get(todo, "who");
    size_t i;
    json_t *name;
    json_array_foreach(who, i, name)
    {
        if (i)
            buf_c(out, tr(cli->lang, " or "));
        cli_clean(out, json_string_value(name));
    }
}

static void planned(struct cli *cli, struct buf *out, const json_t *todo, const char *when)
{
    char memory[TEXT_BYTES];
    struct buf name;
    buf_init_fixed(&name, memory, sizeof memory);
    cli_clean(&name, json_text(todo, "person"));
    const char *person = name.failed || !name.ptr ? "?" : name.ptr;
    int64_t waits_for = json_i64(todo, "waits_for");
    if (waits_for > 0)
        buf_printf(out, tr(cli->lang, "It comes after %1$lld, as things stand %2$s (%3$s)."),
                   (long long)waits_for, when, person);
    else if (json_is_true(json_object_get(todo, "under_way")))
        buf_printf(out, tr(cli->lang, "Its time is now: %1$s (%2$s)."), when, person);
    else
        buf_printf(out, tr(cli->lang, "Planned %1$s (%2$s)."), when, person);
}

static const char *why_not(struct cli *cli, const json_t *todo)
{
    const char *wait = json_text(todo, "wait");
    if (strcmp(wait, "DependencyNeverSatisfied") == 0)
        return tr(cli->lang, "What it waits for can never come; drop it.");
    if (strcmp(wait, "Dependency") == 0)
        return tr(cli->lang, "When what it waits for will be there is not known yet.");
    if (strcmp(wait, "Declined") == 0)
        return tr(cli->lang, "Everybody who was asked declined; ask somebody else with \"eoul todo "
                             "set NUMBER --for PERSON\".");
    if (strcmp(wait, "Acceptance") == 0)
        return tr(cli->lang, "It is asked for at a time that is not offered, so it waits for a yes.");
    if (strcmp(wait, "NoRoom") == 0)
        return tr(cli->lang, "No offered time takes it: allow pieces (--min-chunk), offer more hours "
                             "(\"eoul me work\") or raise the daily cap (\"eoul me cap\").");
    if (!json_is_true(json_object_get(todo, "mine")))
        return tr(cli->lang, "Who is asked offers no work hours for it yet; their \"eoul me work\" does.");
    return tr(cli->lang, "No work hours are offered for it; \"eoul me work 'Mon-Fri 13:00-18:00'\" "
                         "offers some.");
}

void todo_sentence(struct cli *cli, struct buf *out, const json_t *todo)
{
    char memory[TEXT_BYTES];
    struct buf when;
    const char *state = json_text(todo, "state");
    buf_init_fixed(&when, memory, sizeof memory);
    if (json_is_true(json_object_get(todo, "private"))) {
        cli_when(cli, &when, json_i64(todo, "done_at"));
        buf_printf(out, tr(cli->lang, "This is somebody's hands-on work, expected to be done by %s."),
                   when.ptr ? when.ptr : "-");
        return;
    }
    if (strcmp(state, "OPEN") != 0) {
        cli_when(cli, &when, json_i64(todo, "end_at"));
        buf_printf(out, strcmp(state, "DONE") == 0 ? tr(cli->lang, "It was done %s.")
                                                   : tr(cli->lang, "It was dropped %s."),
                   when.ptr ? when.ptr : "-");
        return;
    }
    todo_when(cli, &when, todo);
    if (json_array_size(json_object_get(todo, "pieces")) > 0)
        planned(cli, out, todo, when.ptr ? when.ptr : "-");
    else
        buf_c(out, why_not(cli, todo));
}

/* --- all of it ------------------------------------------------------------------------------------ */

static void line(struct cli *cli, const char *label, struct str value)
{
    width_cell(&cli->out, str_of(label), LABEL_COLUMNS, WIDTH_LEFT);
    buf_char(&cli->out, ' ');
    buf_str(&cli->out, value);
    buf_char(&cli->out, '\n');
}

static void text_line(struct cli *cli, const char *label, const char *foreign)
{
    char memory[TEXT_BYTES];
    struct buf text;
    if (!foreign[0])
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_clean(&text, foreign);
    line(cli, label, buf_look(&text));
}

static void when_line(struct cli *cli, const char *label, usec_t at)
{
    char memory[128];
    struct buf text;
    if (at <= 0 || at == USEC_NEVER)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    text_when(&text, cli->lang, at, zone_offset_s(cli_zone(cli), at / USEC_PER_SEC), TEXT_FULL);
    line(cli, label, buf_look(&text));
}

static void length_line(struct cli *cli, const char *label, usec_t length_us)
{
    char memory[96];
    struct buf text;
    if (length_us <= 0)
        return;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_length(cli, &text, length_us);
    line(cli, label, buf_look(&text));
}

void todo_put(struct cli *cli, const json_t *todo)
{
    char memory[TEXT_BYTES];
    struct buf text;
    bool open = strcmp(json_text(todo, "state"), "OPEN") == 0;
    buf_init_fixed(&text, memory, sizeof memory);
    cli_zone(cli);
    buf_printf(&text, "%lld", (long long)json_i64(todo, "id"));
    line(cli, tr(cli->lang, "todo"), buf_look(&text));
    if (!json_is_true(json_object_get(todo, "private"))) {
        buf_clear(&text);
        todo_name(cli, &text, todo);
        line(cli, tr(cli->lang, "what"), buf_look(&text));
        text_line(cli, tr(cli->lang, "link"), json_text(todo, "link"));
        buf_clear(&text);
        people(cli, &text, todo);
        if (open && text.len > 0) {
            if (!json_is_true(json_object_get(todo, "accepted")))
                buf_c(&text, tr(cli->lang, " (asked, no answer yet)"));
            line(cli, tr(cli->lang, "for"), buf_look(&text));
        }
        text_line(cli, tr(cli->lang, "asked by"), json_text(todo, "asked_by"));
        length_line(cli, tr(cli->lang, "takes"), json_i64(todo, "takes_us"));
        if (open && json_i64(todo, "left_us") != json_i64(todo, "takes_us"))
            length_line(cli, tr(cli->lang, "still needs"), json_i64(todo, "left_us"));
        if (open && json_i64(todo, "min_chunk_us") < json_i64(todo, "takes_us"))
            length_line(cli, tr(cli->lang, "least piece"), json_i64(todo, "min_chunk_us"));
        when_line(cli, tr(cli->lang, "not before"), json_i64(todo, "not_before_at"));
        when_line(cli, tr(cli->lang, "deadline"), json_i64(todo, "deadline_at"));
        when_line(cli, tr(cli->lang, "moved to"), json_i64(todo, "pinned_at"));
    }
    buf_clear(&text);
    todo_sentence(cli, &text, todo);
    buf_str(&cli->out, buf_look(&text));
    buf_char(&cli->out, '\n');
}

int todo_instead(struct cli *cli, const char *id, bool show, int refusal)
{
    char path[64];
    json_t *todo = NULL;
    struct err first = cli->err;
    uint64_t n;
    if (refusal != E_NOT_FOUND || str_u64(str_of(id), &n) < 0)
        return refusal;
    snprintf(path, sizeof path, "/v1/todos/%.40s", id);
    if (cli_call(cli, "GET", path, NULL, &todo) < 0) {
        cli->err = first;
        return refusal;
    }
    if (show) {
        todo_put(cli, todo);
    } else {
        todo_sentence(cli, &cli->out, todo);
        buf_char(&cli->out, '\n');
    }
    json_decref(todo);
    return 0;
}
