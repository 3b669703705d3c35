/* stoprule.c - see stoprule.h. */
#include "daemon/stoprule.h"

#include <stdlib.h>

#include "spec/marks.h"

static int by_worst(double x, uint32_t a, double y, uint32_t b, bool maximize)
{
    bool x_nan = x != x, y_nan = y != y;
    if (x_nan != y_nan)
        return x_nan ? -1 : 1;
    if (!x_nan && x != y)
        return (x > y) != maximize ? -1 : 1;
    return a > b ? -1 : a < b;
}

static int smaller_better(const void *a, const void *b)
{
    const struct stop_point *x = a, *y = b;
    return by_worst(x->value, x->job, y->value, y->job, false);
}

static int larger_better(const void *a, const void *b)
{
    const struct stop_point *x = a, *y = b;
    return by_worst(x->value, x->job, y->value, y->job, true);
}

uint32_t stoprule_worst(struct stop_point *points, uint32_t n, uint32_t share_ppm, bool maximize)
{
    if (n < STOPRULE_LEAST)
        return 0;
    qsort(points, n, sizeof *points, maximize ? larger_better : smaller_better);
    return (uint32_t)((uint64_t)n * share_ppm / 1000000);
}

bool stoprule_value(struct str text, struct str name, struct str *ret_text, double *ret)
{
    struct str line;
    while (str_next(&text, '\n', &line)) {
        ptrdiff_t equals = str_find(line, '=');
        if (equals <= 0 || (name.len && !str_eq(name, str_slice(line, 0, (size_t)equals))))
            continue;
        *ret_text = str_slice(line, (size_t)equals + 1, line.len);
        struct str bare = *ret_text;
        if (bare.len > 0 && (bare.ptr[0] == '-' || bare.ptr[0] == '+'))
            bare = str_slice(bare, 1, bare.len);
        *ret = __builtin_nan("");
        return str_is_nocase(bare, "nan") || marks_number(*ret_text, ret);
    }
    return false;
}
