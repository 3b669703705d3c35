/* environ.c - see environ.h. */
#include "spec/environ.h"

#include <string.h>

#include "spec/value.h"

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
        (!first && c >= '0' && c <= '9');
}

int environ_next(struct str *rest, struct environ_item *ret)
{
    if (rest->len == 0)
        return 0;
    size_t n = 0;
    while (n < rest->len && is_name_char(rest->ptr[n], n == 0))
        n++;
    struct environ_item item = { .name = str_slice(*rest, 0, n) };
    if (n == 0)
        return E_INVALID;
    if (n < rest->len && rest->ptr[n] == '=') {
        item.has_value = true;
        size_t from = ++n;
        char quote = n < rest->len ? rest->ptr[n] : '\0';
        if (quote == '"' || quote == '\'') {
            const char *close = memchr(rest->ptr + n + 1, quote, rest->len - n - 1);
            if (!close)
                return E_INVALID;
            from++;
            n = (size_t)(close - rest->ptr) + 1;
            item.value = str_slice(*rest, from, n - 1);
        } else {
            while (n < rest->len && rest->ptr[n] != ',')
                n++;
            item.value = str_slice(*rest, from, n);
        }
    } else if (str_is_nocase(item.name, "ALL")) {
        item.word = ENVIRON_ALL;
    } else if (str_is_nocase(item.name, "NONE")) {
        item.word = ENVIRON_NONE;
    } else if (str_is_nocase(item.name, "NIL")) {
        item.word = ENVIRON_NIL;
    }
    if (n < rest->len && (rest->ptr[n] != ',' || n + 1 == rest->len))
        return E_INVALID;
    *rest = str_slice(*rest, n + 1, rest->len);
    *ret = item;
    return 1;
}

static bool is_of_enclosing_job(struct str name)
{
    static const char *const prefixes[] = { "SLURM_", "SLURMD_", "EOUL_JOB_" };
    static const char *const names[] = { "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                         "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
                                         "ZE_AFFINITY_MASK", "EOUL_CANARY" };
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (str_starts(name, prefixes[i]))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static struct str find(const char *const *envp, struct str name, bool *ret_found)
{
    for (; *envp; envp++) {
        struct str entry = str_of(*envp);
        ptrdiff_t equals = str_find(entry, '=');
        if (equals > 0 && str_eq(str_slice(entry, 0, (size_t)equals), name)) {
            *ret_found = true;
            return str_slice(entry, (size_t)equals + 1, entry.len);
        }
    }
    *ret_found = false;
    return STR("");
}

static void put(struct buf *out, struct str name, struct str value)
{
    buf_str(out, name);
    buf_char(out, '=');
    buf_str(out, value);
    buf_char(out, '\0');
}

/* Does --export name this variable itself?  Then that is what counts. */
static bool is_listed(struct str list, struct str name)
{
    struct environ_item item;
    while (environ_next(&list, &item) > 0)
        if (item.word == ENVIRON_VARIABLE && str_eq(item.name, name))
            return true;
    return false;
}

static void put_all(struct buf *out, struct str list, const char *const *envp)
{
    for (; *envp; envp++) {
        struct str entry = str_of(*envp);
        ptrdiff_t equals = str_find(entry, '=');
        if (equals <= 0)
            continue; /* not a variable: nothing could name it */
        struct str name = str_slice(entry, 0, (size_t)equals);
        if (!is_of_enclosing_job(name) && !is_listed(list, name))
            put(out, name, str_slice(entry, (size_t)equals + 1, entry.len));
    }
}

static void put_basic(struct buf *out, struct str list, const char *const *envp)
{
    static const char *const names[] = { "HOME", "USER", "LOGNAME", "SHELL", "LANG" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool found;
        struct str value = find(envp, str_of(names[i]), &found);
        if (found && !is_listed(list, str_of(names[i])))
            put(out, str_of(names[i]), value);
    }
    if (!is_listed(list, STR("PATH")))
        put(out, STR("PATH"), STR("/usr/local/bin:/usr/bin:/bin"));
}

int environ_make(struct buf *out, struct str export_env, const char *const *envp, struct err *err)
{
    struct str list = export_env.len > 0 ? export_env : STR("ALL");
    bool all = false;
    bool nil = false;
    struct environ_item item;
    int r;
    for (struct str rest = list; (r = environ_next(&rest, &item)) > 0;) {
        all = all || item.word == ENVIRON_ALL;
        nil = nil || item.word == ENVIRON_NIL;
    }
    if (r < 0)
        return err_set(err, E_INVALID,
                       "\"%s\" is not a list of variables; write for example ALL, NONE or ALL,SEED=3",
                       value_show(list).text);
    if (all)
        put_all(out, list, envp);
    else if (!nil)
        put_basic(out, list, envp);
    for (struct str rest = list; environ_next(&rest, &item) > 0;) {
        bool found = item.has_value;
        struct str value = item.value;
        if (item.word != ENVIRON_VARIABLE)
            continue;
        if (!item.has_value)
            value = find(envp, item.name, &found);
        struct str later = rest; /* the last mention counts */
        if (found && !is_listed(later, item.name))
            put(out, item.name, value);
    }
    if (out->failed == E_TOO_LARGE)
        return err_set(err, E_TOO_LARGE,
                       "the environment is larger than %u bytes; name what the job needs with --export=",
                       ENVIRON_BYTES_MAX);
    return out->failed < 0
        ? err_set(err, out->failed, "there is not enough memory for this request") : 0;
}
