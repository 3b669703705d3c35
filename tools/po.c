/* po.c - the catalogue compiler and its check.
 *
 *     po compile po/ko.po OUT.c       the catalogue as C (src/i18n/catalogue.h)
 *     po check po/ko.po DIR...        every sentence in the source has its translation, and back
 *
 * A small dialect of gettext's format: one string a line (so that two people appending entries can be
 * merged line by line, see .gitattributes), `msgid`, `msgid_plural`, `msgstr`, `msgstr[0]`, comments.
 * The same entry twice is accepted, the same msgid with two translations is not.
 *
 * check reads C the way a person skims it: comments are skipped, and in calls of the functions in
 * `calls` below the string literals of the named arguments are collected, also from `a ? "x" : "y"`
 * and with PRIu64 and its kin between them.  A literal inside a further call in that argument belongs
 * to that call.  It reports every sentence without translation, every translation nobody uses, and
 * every pair whose % specifiers differ, every {은} in what err_set() fills in; what is missing is printed as entries to fill in.  A translation
 * may reorder with %2$s, but not across a %.*s.  Built for the build machine; no other file depends on it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENTRIES_MAX 20000       /* far above any catalogue of this size of program */
#define FILE_MAX    (16u << 20)
#define STRING_MAX  4096        /* one sentence */
#define ARGS_MAX    9           /* arguments of one format */
#define DEPTH_MAX   64          /* parentheses in one call */

static const struct {
    const char *name;
    unsigned args; /* bit i: argument i is a sentence */
    int plural;    /* the argument that is the plural of the one before; 0: none */
    bool plain;    /* shown as it is filled in: no {은} */
} calls[] = {
    { "tr", 1u << 1, 0, false },    { "trn", 1u << 1 | 1u << 2, 2, false }, { "N_", 1u << 0, 0, false },
    { "tr_en", 1u << 0, 0, false }, { "tr_ko", 1u << 0, 0, false },         { "err_set", 1u << 2, 0, true },
    { "err_wrap", 1u << 1, 0, true },
};

struct entry {
    char *id;
    char *plural;
    char *str;
    unsigned line;
    bool used;
};

static struct entry entries[ENTRIES_MAX];
static size_t entries_n;
static unsigned problems;

static void problem(const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void problem(const char *file, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", file, line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    problems++;
}

static void die(const char *what, const char *name)
{
    fprintf(stderr, "po: %s: %s\n", what, name);
    exit(1);
}

static void *must(void *memory)
{
    if (!memory)
        die("out of memory", "");
    return memory;
}

static char *read_file(const char *name)
{
    FILE *f = fopen(name, "rb");
    if (!f)
        die(strerror(errno), name);
    struct stat st;
    if (fstat(fileno(f), &st) < 0 || st.st_size > (off_t)FILE_MAX)
        die("too large", name);
    size_t size = (size_t)st.st_size;
    char *text = must(malloc(size + 1));
    if (fread(text, 1, size, f) != size)
        die("cannot be read whole", name);
    fclose(f);
    text[size] = '\0';
    return text;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* Append the literal that starts at the quote *at to out; *at moves behind it. */
static bool add_literal(const char **at, char *out, size_t *len)
{
    const char *p = *at + 1;
    for (; *p != '"'; p++) {
        char c = *p;
        if (c == '\0' || c == '\n' || *len + 1 >= STRING_MAX)
            return false;
        if (c == '\\') {
            p++;
            switch (*p) {
            case 'n': c = '\n'; break;
            case 't': c = '\t'; break;
            case 'r': c = '\r'; break;
            case 'a': c = '\a'; break;
            case '"': case '\\': case '\'': case '?': c = *p; break;
            case '\n': continue;
            default: {
                char *end;
                long value = *p == 'x' ? strtol(p + 1, &end, 16) : strtol(p, &end, 8);
                if (end == p || value < 0 || value > 255)
                    return false;
                c = (char)value;
                p = end - 1;
            }
            }
        }
        out[(*len)++] = c;
    }
    out[*len] = '\0';
    *at = p + 1;
    return true;
}

static void put_literal(FILE *f, const char *text, const char *end)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", f);
        else if (*text == '\t')
            fputs("\\t", f);
        else if (*text == '"' || *text == '\\')
            fprintf(f, "\\%c", *text);
        else
            fputc(*text, f);
    }
    fputs(end, f);
}

/* --- formats ---------------------------------------------------------------------------------- */

/* What each argument of a printf format is, as "lu", "s", ...: "" where unused.  False: not a format
 * we allow. */
static bool format_args(const char *text, char args[ARGS_MAX][4])
{
    memset(args, 0, ARGS_MAX * 4);
    int next = 0;
    bool numbered = false;
    for (const char *p = text; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (*p == '%')
            continue;
        size_t digits = strspn(p, "0123456789");
        int position = -1;
        if (digits > 0 && p[digits] == '$') {
            position = (int)strtol(p, NULL, 10) - 1;
            p += digits + 1;
            numbered = true;
        }
        p += strspn(p, "-+#0'");
        for (int part = 0; part < 2; part++) { /* width, precision */
            if (part == 1 && *p != '.')
                break;
            if (part == 1)
                p++;
            if (*p == '*') {
                if (next >= ARGS_MAX || numbered)
                    return false;
                memcpy(args[next++], "*", 2);
                p++;
            } else {
                p += strspn(p, "0123456789");
            }
        }
        char type[4] = "";
        size_t n = strspn(p, "hlzjtL");
        if (n > 2 || !p[n] || !strchr("diouxXcsfeg", p[n])) {
            if (n == 0 && position < 0 && (*p == ' ' || !*p || (unsigned char)*p >= 0x80)) {
                p--;
                continue; /* "100 % of": a percent sign in prose */
            }
            return false;
        }
        memcpy(type, p, n + 1);
        if (type[n] == 'i')
            type[n] = 'd';
        p += n;
        if (position < 0)
            position = next++;
        if (position >= ARGS_MAX || (args[position][0] && strcmp(args[position], type) != 0))
            return false;
        memcpy(args[position], type, sizeof type);
    }
    return !(numbered && next > 0);
}

static const char *format_difference(const char *id, const char *str)
{
    char a[ARGS_MAX][4];
    char b[ARGS_MAX][4];
    bool a_ok = format_args(id, a);
    bool b_ok = format_args(str, b);
    if (!a_ok)
        return b_ok ? "the English is no format that this tool knows" : NULL;
    if (!b_ok)
        return "the translation's % specifiers cannot be read (all numbered, or none)";
    return memcmp(a, b, sizeof a) != 0 ? "the % specifiers of English and translation differ" : NULL;
}

/* --- the catalogue ---------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static void keep(const char *file, struct entry *e)
{
    if (!e->id)
        return;
    if (!e->str) {
        problem(file, e->line, "msgid without msgstr");
    } else if (e->id[0] != '\0') {
        if (entries_n == ENTRIES_MAX)
            die("too many entries", file);
        if (e->str[0] == '\0')
            problem(file, e->line, "empty translation of \"%s\"", e->id);
        entries[entries_n++] = *e;
        memset(e, 0, sizeof *e);
        return;
    }
    free(e->id);
    free(e->plural);
    free(e->str);
    memset(e, 0, sizeof *e);
}

static void read_line(const char *file, unsigned number, const char *line, struct entry *e)
{
    static const char *const words[] = { "msgid ", "msgid_plural ", "msgstr ", "msgstr[0] " };
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(line, words[i], strlen(words[i])) != 0)
            continue;
        const char *at = line + strlen(words[i]);
        char text[STRING_MAX] = "";
        size_t len = 0;
        if (*at != '"' || !add_literal(&at, text, &len) || at[strspn(at, " \r")] != '\n')
            break;
        if (i == 0) {
            keep(file, e);
            e->line = number;
        }
        char **slot = i == 0 ? &e->id : i == 1 ? &e->plural : &e->str;
        if (!e->id && i > 0)
            break;
        if (*slot) {
            problem(file, number, "a second %sfor one msgid", words[i]);
            return;
        }
        *slot = must(strdup(text));
        return;
    }
    problem(file, number, "not understood; one string a line: msgid \"...\" or msgstr \"...\"");
}

static void read_catalogue(const char *file)
{
    char *text = read_file(file);
    struct entry e = { 0 };
    unsigned number = 0;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (!end)
            die("no newline at the end", file);
        number++;
        if (*line != '#' && *line != '\n' && *line != '\r')
            read_line(file, number, line, &e);
        line = end + 1;
    }
    keep(file, &e);
    free(text);
    qsort(entries, entries_n, sizeof entries[0], by_id);
    size_t n = 0;
    for (size_t i = 0; i < entries_n; i++) {
        if (n > 0 && strcmp(entries[n - 1].id, entries[i].id) == 0) {
            if (strcmp(entries[n - 1].str, entries[i].str) != 0)
                problem(file, entries[i].line, "a second, different translation of \"%s\"",
                        entries[i].id);
            free(entries[i].id);
            free(entries[i].plural);
            free(entries[i].str);
        } else {
            entries[n++] = entries[i];
        }
    }
    entries_n = n;
}

static void compile(const char *name)
{
    FILE *f = fopen(name, "w");
    if (!f)
        die(strerror(errno), name);
    fputs("/* Made by tools/po.c from po/ko.po. */\n#include \"i18n/catalogue.h\"\n\n"
          "const char catalogue_ko_text[] =\n", f);
    for (size_t i = 0; i < entries_n; i++) {
        fputs("    ", f);
        put_literal(f, entries[i].id, "\\0\"");
        fputs("\n    ", f);
        put_literal(f, entries[i].str, "\\0\"");
        fputc('\n', f);
    }
    fputs("    \"\";\n\nconst struct catalogue_entry catalogue_ko[] = {\n", f);
    size_t at = 0;
    for (size_t i = 0; i < entries_n; i++) {
        size_t str = at + strlen(entries[i].id) + 1;
        fprintf(f, "    { %zu, %zu },\n", at, str);
        at = str + strlen(entries[i].str) + 1;
    }
    fprintf(f, "    { %zu, %zu },\n};\nconst size_t catalogue_ko_n = %zu;\n", at, at, entries_n);
    if (fclose(f) != 0)
        die(strerror(errno), name);
}

/* "%s" and "--%s: %s" say nothing in any language. */
static bool has_words(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '%') {
            p += strspn(p, "%-+#0'123456789$.*hlzjt");
            if (!*p)
                return false;
        } else if (isalpha((unsigned char)*p) || (unsigned char)*p >= 0x80) {
            return true;
        }
    }
    return false;
}

/* --- the source ------------------------------------------------------------------------------- */

/* What picks {은} or {는} is particle.c, which err_set() does not call. */
static bool has_particle(const char *text)
{
    static const char *const markers[] = { "{은}", "{이}", "{을}", "{으로}", "{과}" };
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++)
        if (strstr(text, markers[i]))
            return true;
    return false;
}

static void meet(const char *file, unsigned line, const char *id, const char *one, bool plain)
{
    struct entry key = { .id = (char *)(one ? one : id) };
    struct entry *e = bsearch(&key, entries, entries_n, sizeof entries[0], by_id);
    if (!has_words(id))
        return;
    if (!e) {
        problem(file, line, "no Korean in po/ko.po for this sentence; append there:");
        fputs("msgid ", stdout);
        put_literal(stdout, one ? one : id, "\"\n");
        if (one) {
            fputs("msgid_plural ", stdout);
            put_literal(stdout, id, "\"\n");
        }
        fputs(one ? "msgstr[0] \"\"\n\n" : "msgstr \"\"\n\n", stdout);
        return;
    }
    e->used = true;
    if (one && (!e->plural || strcmp(e->plural, id) != 0))
        problem(file, line, "po/ko.po has no msgid_plural \"%s\" for \"%s\"", id, one);
    if (plain && has_particle(e->str))
        problem(file, line, "a marker such as {은} would be shown as it stands, in the Korean of \"%s\"", id);
    const char *why = format_difference(id, e->str);
    if (why)
        problem(file, line, "%s: \"%s\"", why, id);
}

/* Step over blanks and comments. */
static const char *skip(const char *p, unsigned *line)
{
    for (;;) {
        if (*p == '\n')
            (*line)++;
        if (isspace((unsigned char)*p) || (*p == '\\' && p[1] == '\n')) {
            p++;
        } else if (p[0] == '/' && p[1] == '*') {
            for (p += 2; *p && !(p[0] == '*' && p[1] == '/'); p++)
                if (*p == '\n')
                    (*line)++;
            p += *p ? 2 : 0;
        } else if (p[0] == '/' && p[1] == '/') {
            p += strcspn(p, "\n");
        } else {
            return p;
        }
    }
}

static const char *skip_quoted(const char *p)
{
    char quote = *p++;
    while (*p && *p != quote && *p != '\n')
        p += *p == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
}

static const char *pri(const char *word, size_t len)
{
    static const char *const map[][2] = {
        { "PRIu64", "lu" }, { "PRId64", "ld" }, { "PRIi64", "ld" }, { "PRIx64", "lx" },
        { "PRIu32", "u" },  { "PRId32", "d" },  { "PRIx32", "x" },
    };
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (len == 6 && strncmp(word, map[i][0], 6) == 0)
            return map[i][1];
    return NULL;
}

/* Read the arguments behind the '(' at p and meet the sentences in them. */
static void read_call(const char *file, unsigned line, const char *p, unsigned which, int plural, bool plain)
{
    bool is_call[DEPTH_MAX] = { true };
    int depth = 1;
    unsigned arg = 0;
    bool after_word = false;
    char one[STRING_MAX] = "";
    p++;
    while (depth > 0) {
        p = skip(p, &line);
        if (*p == '\0' || arg >= 8)
            return;
        bool wanted = arg < 8 && (which & 1u << arg);
        for (int i = 1; i < depth; i++)
            wanted = wanted && !is_call[i];
        if (*p == '"' && wanted) {
            char text[STRING_MAX] = "";
            size_t len = 0;
            unsigned at = line;
            for (;;) {
                if (*p == '"') {
                    if (!add_literal(&p, text, &len)) {
                        problem(file, line, "this literal cannot be read");
                        return;
                    }
                } else {
                    size_t n = strspn(p, "PRIiuxd0123456789");
                    const char *type = pri(p, n);
                    if (!type)
                        break;
                    len += (size_t)snprintf(text + len, sizeof text - len, "%s", type);
                    p += n;
                }
                p = skip(p, &line);
            }
            bool is_plural = plural > 0 && (int)arg == plural;
            meet(file, at, text, is_plural ? one : NULL, plain);
            if (!is_plural)
                memcpy(one, text, sizeof one);
            after_word = false;
        } else if (*p == '"' || *p == '\'') {
            p = skip_quoted(p);
            after_word = false;
        } else if (isalpha((unsigned char)*p) || *p == '_') {
            while (isalnum((unsigned char)*p) || *p == '_')
                p++;
            after_word = true;
        } else {
            if (*p == '(' && depth < DEPTH_MAX)
                is_call[depth++] = after_word;
            else if (*p == ')')
                depth--;
            else if (*p == ',' && depth == 1)
                arg++;
            after_word = false;
            p++;
        }
    }
}

static void read_source(const char *file)
{
    char *text = read_file(file);
    unsigned line = 1;
    for (const char *p = skip(text, &line); *p; p = skip(p, &line)) {
        if (*p == '"' || *p == '\'') {
            p = skip_quoted(p);
        } else if (isalpha((unsigned char)*p) || *p == '_') {
            const char *word = p;
            while (isalnum((unsigned char)*p) || *p == '_')
                p++;
            size_t len = (size_t)(p - word);
            unsigned behind = line;
            const char *open = skip(p, &behind);
            for (size_t i = 0; *open == '(' && i < sizeof calls / sizeof calls[0]; i++)
                if (strlen(calls[i].name) == len && strncmp(word, calls[i].name, len) == 0)
                    read_call(file, behind, open, calls[i].args, calls[i].plural, calls[i].plain);
        } else {
            p++;
        }
    }
    free(text);
}

static void read_tree(const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);
    if (n < 0)
        die(strerror(errno), dir);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        size_t len = strlen(name);
        char path[4096];
        struct stat st;
        int written = snprintf(path, sizeof path, "%s/%s", dir, name);
        if (name[0] != '.' && written < (int)sizeof path && lstat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                read_tree(path);
            else if (len > 2 && name[len - 2] == '.' && strchr("ch", name[len - 1]))
                read_source(path);
        }
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    bool checking = argc >= 4 && strcmp(argv[1], "check") == 0;
    if (!checking && !(argc == 4 && strcmp(argv[1], "compile") == 0)) {
        fprintf(stderr, "usage: po compile FILE.po OUT.c | po check FILE.po DIR...\n");
        return 2;
    }
    read_catalogue(argv[2]);
    if (checking) {
        for (int i = 3; i < argc; i++)
            read_tree(argv[i]);
        for (size_t i = 0; i < entries_n; i++)
            if (!entries[i].used)
                problem(argv[2], entries[i].line, "nobody says \"%s\" any more", entries[i].id);
        fprintf(stderr, "%zu sentences, %u problems\n", entries_n, problems);
    } else if (problems == 0) {
        compile(argv[3]);
    }
    for (size_t i = 0; i < entries_n; i++) {
        free(entries[i].id);
        free(entries[i].plural);
        free(entries[i].str);
    }
    return problems > 0;
}
