/* fuzz_output.c - what a job prints, as its supervisor and whoever attaches read it: marks.h and vt.h.
 *
 * The first byte says what is dropped on the way to a terminal and where the output is cut in pieces, the first line
 * behind it is a pattern of --result.  However the bytes come, in one piece or in many, they must say and leave behind
 * the same; results must be as marks_text_sound has them, and what vt_enter writes must bring a fresh terminal where the
 * output left one, and vt_leave back again.
 */
#include <stdlib.h>
#include <string.h>

#include "spec/marks.h"
#include "term/vt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void check_marks(const struct marks *m)
{
    char memory[MARKS_RESULTS_MAX * (MARKS_NAME_MAX + MARKS_VALUE_MAX + 2)];
    struct buf b;
    must(m->done_ppm <= 1000000 || m->done_ppm == MARKS_UNKNOWN);
    must(m->results_n <= MARKS_RESULTS_MAX);
    buf_init_fixed(&b, memory, sizeof memory);
    for (uint32_t i = 0; i < m->results_n; i++) {
        must(m->result[i].name[0] && memchr(m->result[i].value, 0, MARKS_VALUE_MAX));
        for (uint32_t k = 0; k < i; k++)
            must(strcmp(m->result[i].name, m->result[k].name) != 0);
        buf_c(&b, m->result[i].name);
        buf_char(&b, '=');
        buf_c(&b, m->result[i].value);
        buf_char(&b, '\n');
    }
    must(!b.failed && marks_text_sound(buf_look(&b)));
}

static void fuzz_marks(struct str pattern, struct str out, size_t piece)
{
    static struct marks whole, parts;
    marks_init(&whole, pattern);
    marks_init(&parts, pattern);
    marks_feed(&whole, 0, out.ptr, out.len);
    for (size_t at = 0; at < out.len; at += piece)
        marks_feed(&parts, 0, out.ptr + at, out.len - at < piece ? out.len - at : piece);
    marks_end(&whole);
    marks_end(&parts);
    check_marks(&whole);
    must(whole.done_ppm == parts.done_ppm && whole.results_n == parts.results_n && whole.version == parts.version);
    must(memcmp(whole.result, parts.result, sizeof whole.result) == 0);
}

static bool same_modes(const struct vt_modes *a, const struct vt_modes *b)
{
    return a->changed == b->changed && a->top == b->top && a->bottom == b->bottom && a->charset == b->charset &&
           a->cursor_shape == b->cursor_shape && a->other_keys == b->other_keys && a->keys_n == b->keys_n &&
           memcmp(a->keys, b->keys, a->keys_n) == 0;
}

static void fuzz_vt(struct str out, unsigned drop, size_t piece)
{
    static const struct vt_modes fresh;
    struct vt whole, parts, again;
    char *one = malloc(out.len + VT_HELD_MAX), *many = malloc(out.len + VT_HELD_MAX), modes[VT_MODES_MAX];
    size_t n = 0;
    must(one && many);
    vt_init(&whole);
    vt_init(&parts);
    size_t one_n = vt_pass(&whole, out.ptr, out.len, drop, one);
    for (size_t at = 0; at < out.len; at += piece) {
        size_t len = out.len - at < piece ? out.len - at : piece;
        char small[256 + VT_HELD_MAX];
        size_t more = vt_pass(&parts, out.ptr + at, len, drop, small);
        must(more <= len + VT_HELD_MAX && n + more <= out.len + VT_HELD_MAX);
        memcpy(many + n, small, more);
        n += more;
    }
    must(one_n <= out.len && n == one_n && memcmp(one, many, n) == 0);
    must(whole.fed == out.len && same_modes(&whole.modes, &parts.modes));
    vt_init(&again);
    n = vt_enter(&whole.modes, modes);
    must(n <= sizeof modes);
    vt_pass(&again, modes, n, 0, NULL);
    must(vt_is_whole(&again) && same_modes(&again.modes, &whole.modes));
    n = vt_leave(&whole.modes, modes);
    must(n <= sizeof modes);
    vt_pass(&again, modes, n, 0, NULL);
    must(vt_is_whole(&again) && same_modes(&again.modes, &fresh));
    free(one);
    free(many);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str all = { (const char *)data + 1, size - 1 }, pattern = { "", 0 }, out = all;
    const char *end = memchr(all.ptr, '\n', all.len);
    size_t piece = (size_t)(data[0] >> 3) + 1;
    if (end) {
        pattern = (struct str){ all.ptr, (size_t)(end - all.ptr) };
        out = (struct str){ end + 1, all.len - pattern.len - 1 };
    }
    if (marks_pattern_check(pattern, NULL) < 0)
        pattern.len = 0;
    fuzz_marks(pattern, out, piece);
    fuzz_vt(out, data[0] & 7, piece);
    return 0;
}
