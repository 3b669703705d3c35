/* joint_referee.c - see joint_referee.h.
 *
 * Lines are scanned with sscanf, and looked up again for every question; slow, and nothing to get wrong.
 */
#include "sim/joint_referee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


struct week {
    char *text;       /* with NULs for line ends */
    size_t len;
    int steps, minutes;
};

/* The next line that begins with `what` and a blank, after `from` (NULL: the first). */
static const char *line_of(const struct week *w, const char *what, const char *from)
{
    const char *end = w->text + w->len;
    for (const char *at = from ? from + strlen(from) + 1 : w->text; at < end; at += strlen(at) + 1) {
        while (*at == ' ')
            at++;
        if (strncmp(at, what, strlen(what)) == 0 && at[strlen(what)] == ' ')
            return at;
    }
    return NULL;
}

/* What the last line "what AMOUNT [from A until B]" that speaks of step t says; 0 if none does. */
static long long amount_at(const struct week *w, const char *what, int t)
{
    long long amount = 0;
    for (const char *at = line_of(w, what, NULL); at; at = line_of(w, what, at)) {
        long long value;
        int from = 0, until = w->steps;
        int n = sscanf(at + strlen(what), "%lld from %d until %d", &value, &from, &until);
        if (n >= 1 && from <= t && t < until)
            amount = value;
    }
    return amount;
}

/* Does this person's line offer step t for `what` ("look" or "work")? */
static bool offers(const struct week *w, const char *person, const char *what, int t)
{
    char name[64], here[16] = "";
    for (const char *at = line_of(w, "person", NULL); at; at = line_of(w, "person", at)) {
        int used = 0, from, until;
        if (sscanf(at, "person %63s%n", name, &used) != 1 || strcmp(name, person) != 0)
            continue;
        for (at += used; *at;) {
            char piece[64];
            if (sscanf(at, "%63s%n", piece, &used) != 1)
                break;
            at += used;
            if (sscanf(piece, "%d-%d", &from, &until) == 2) {
                if (strcmp(here, what) == 0 && from <= t && t < until)
                    return true;
            } else {
                snprintf(here, sizeof(here), "%.15s", piece);
            }
        }
        return false;
    }
    return false;
}

struct line { /* a job or a todo, as its line has it */
    bool todo, whole;
    int length, release, gpus, watts;
    long long wait;
    char owner[64];
    int start, end;
};

static long long value_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

static bool line_read(const struct week *w, uint32_t id, struct line *l)
{
    memset(l, 0, sizeof(*l));
    for (int todo = 0; todo < 2; todo++) {
        const char *what = todo ? "todo" : "job";
        for (const char *at = line_of(w, what, NULL); at; at = line_of(w, what, at)) {
            if ((uint32_t)strtoul(at + strlen(what), NULL, 10) != id)
                continue;
            const char *owner = strstr(at, " owner ");
            l->todo = todo;
            l->whole = strstr(at, " whole") != NULL;
            l->length = (int)value_of(at, " length ");
            l->release = (int)value_of(at, " release ");
            l->gpus = (int)value_of(at, " gpus ");
            l->watts = (int)value_of(at, " watts ");
            l->wait = value_of(at, " wait ");
            return owner && sscanf(owner, " owner %63s", l->owner) == 1;
        }
    }
    return false;
}

/* When it ends if it starts when it does; -1 with a sentence if a rule of its own is broken. */
static int end_of(const struct week *w, uint32_t id, const struct line *l, struct err *err)
{
    int left = l->length, t = l->start;
    if (t < l->release)
        return err_set(err, E_INVALID, "task %u starts at %d, before its release at %d", id, t, l->release);
    if (!l->todo) {
        if (t + l->length > w->steps)
            return err_set(err, E_INVALID, "task %u ends behind the end of time", id);
        return t + l->length;
    }
    for (; left > 0; t++) {
        if (t >= w->steps)
            return err_set(err, E_INVALID, "task %u ends behind the end of time", id);
        if (offers(w, l->owner, "work", t))
            left--;
        else if (l->whole || left == l->length)
            return err_set(err, E_INVALID, "task %u is to be worked on at step %d, which is not offered", id, t);
    }
    return t;
}

static long long cost_of(const struct week *w, const struct line *l)
{
    int seen = l->end;
    long long watts = 0;
    while (!l->todo && seen < w->steps && !offers(w, l->owner, "look", seen))
        seen++;
    for (int t = l->start; t < l->end; t++)
        watts += amount_at(w, "price", t) * l->watts;
    return (long long)(seen - l->release) * l->wait * 1000 * w->minutes + watts * w->minutes;
}

static int judge_step(const struct week *w, const struct line *lines, uint32_t n, int t, struct err *err)
{
    long long gpus = 0, watts = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (t < lines[i].start || t >= lines[i].end)
            continue;
        gpus += lines[i].gpus;
        watts += lines[i].watts;
        for (uint32_t k = 0; k < i && lines[i].todo; k++)
            if (lines[k].todo && t >= lines[k].start && t < lines[k].end &&
                strcmp(lines[k].owner, lines[i].owner) == 0)
                return err_set(err, E_INVALID, "at step %d, %s has tasks %u and %u at once", t,
                               lines[i].owner, k + 1, i + 1);
    }
    if (gpus > amount_at(w, "gpus", t))
        return err_set(err, E_INVALID, "at step %d, %lld GPUs are in use; there are %lld", t, gpus,
                       amount_at(w, "gpus", t));
    if (watts > amount_at(w, "watts", t))
        return err_set(err, E_INVALID, "at step %d, %lld W are in use; the cap is %lld W", t, watts,
                       amount_at(w, "watts", t));
    return 0;
}

static int judge(struct week *w, struct line *lines, const int32_t *start, uint32_t n,
                 int64_t *ret_cost, struct err *err)
{
    const char *first = line_of(w, "steps", NULL);
    struct line more;
    long long cost = 0;
    int r = 0;
    int steps = 0, minutes = 0;
    if (!first || sscanf(first, "steps %d minutes %d", &steps, &minutes) != 2 || steps < 1 || steps > 100000)
        return err_set(err, E_INVALID, "the file does not say how many steps there are");
    w->steps = steps;
    w->minutes = minutes;
    if (line_read(w, n + 1, &more))
        return err_set(err, E_INVALID, "the file has more than %u tasks", n);
    for (uint32_t i = 0; i < n; i++) {
        if (!line_read(w, i + 1, &lines[i]))
            return err_set(err, E_INVALID, "the file has no task %u", i + 1);
        lines[i].start = start[i];
        lines[i].end = end_of(w, i + 1, &lines[i], err);
        if (lines[i].end < 0)
            return lines[i].end;
        cost += cost_of(w, &lines[i]);
    }
    for (const char *at = line_of(w, "link", NULL); at; at = line_of(w, "link", at)) {
        unsigned before, after;
        if (sscanf(at, "link %u %u", &before, &after) != 2 || before < 1 || after < 1 || before > n || after > n)
            return err_set(err, E_INVALID, "the file links a task that is not there");
        if (lines[after - 1].start < lines[before - 1].end)
            return err_set(err, E_INVALID, "task %u starts at %d, before task %u has ended at %d", after,
                           lines[after - 1].start, before, lines[before - 1].end);
    }
    for (int t = 0; t < w->steps && r == 0; t++)
        r = judge_step(w, lines, n, t, err);
    if (r == 0)
        *ret_cost = cost;
    return r;
}

int joint_referee_judge(struct str text, const int32_t *start, uint32_t n, int64_t *ret_cost,
                        struct err *err)
{
    struct week w = { calloc(text.len + 2, 1), text.len, 0, 0 };
    struct line *lines = calloc((size_t)n + 1, sizeof(*lines));
    if (!w.text || !lines)
        abort();
    memcpy(w.text, text.ptr, text.len);
    for (size_t k = 0; k < w.len; k++) {
        if (w.text[k] == '#') /* a comment: as if the line ended */
            while (k < w.len && w.text[k] != '\n')
                w.text[k++] = '\0';
        if (k < w.len && (w.text[k] == '\n' || w.text[k] == '\r'))
            w.text[k] = '\0';
        else if (k < w.len && w.text[k] == '\t')
            w.text[k] = ' ';
    }
    int r = judge(&w, lines, start, n, ret_cost, err);
    free(w.text);
    free(lines);
    return r;
}
