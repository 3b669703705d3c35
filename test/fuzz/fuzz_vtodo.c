/* fuzz_vtodo.c - a CalDAV resource as a todo, and its bytes ticked.
 *
 * What is open can be ticked and is done afterwards, and only then; the same UID keeps its number; every
 * line but the six that a tick writes stands in the result as it was, in its order, byte for byte.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "cal/ics.h"
#include "cal/vtodo.h"

#define NOW_AT (1795483800 * USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static bool written(struct str name)
{
    static const char *const names[] = { "STATUS", "COMPLETED", "PERCENT-COMPLETE", "LAST-MODIFIED", "DTSTAMP",
                                         "SEQUENCE" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is_nocase(name, names[i]))
            return true;
    return false;
}

/* The next line that a tick leaves alone. */
static bool next_kept(struct ics_reader *r, struct ics_line *line)
{
    while (ics_next(r, line))
        if (!written(line->name))
            return true;
    return false;
}

static void check_kept(struct str before, struct str after)
{
    static char scratch[2][ICS_LINE_MAX];
    struct ics_reader a, b;
    struct ics_line x, y;
    ics_begin(&a, before, scratch[0], ICS_LINE_MAX);
    ics_begin(&b, after, scratch[1], ICS_LINE_MAX);
    while (next_kept(&a, &x)) {
        must(next_kept(&b, &y));
        must(str_eq(x.name, y.name) && str_eq(x.params, y.params) && str_eq(x.value, y.value));
    }
    must(!next_kept(&b, &y));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char memory[CAL_MEMORY];
    struct str bytes = { (const char *)data, size };
    struct zone seoul;
    struct vtodo todo, again;
    struct buf out, twice;
    must(tzif_parse_posix(STR("KST-9"), &seoul, NULL) == 0);
    const struct cal_settings settings = { .window = { 0, NOW_AT }, .zone = &seoul };
    int code = vtodo_read(bytes, &settings, memory, sizeof memory, &todo);
    must(utf8_valid(str_of(todo.title)) && strchr(todo.title, '\n') == NULL);
    must(utf8_valid(str_of(todo.detail)) && todo.percent >= 0 && todo.percent < 100 && todo.takes_us >= 0);
    must(todo.state == VTODO_OPEN || todo.title[0] == '\0');
    buf_init(&out, size + 4096);
    buf_init(&twice, size + 8192);
    int ticks = vtodo_tick(bytes, NOW_AT, NOW_AT, memory, sizeof memory, &out);
    if (code == 0)
        must((todo.state == VTODO_OPEN) == (ticks == 0));
    if (ticks == 0 && code == 0) {
        must(out.failed == 0);
        must(vtodo_read(buf_look(&out), &settings, memory, sizeof memory, &again) == 0);
        must(again.state == VTODO_DONE && again.id == todo.id);
        must(vtodo_tick(buf_look(&out), NOW_AT, NOW_AT, memory, sizeof memory, &twice) == E_STATE);
        check_kept(bytes, buf_look(&out));
    }
    buf_finish(&out);
    buf_finish(&twice);
    return 0;
}
