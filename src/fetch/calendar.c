/* calendar.c - see calendar.h. */
#include "fetch/calendar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "cal/holiday.h"
#include "fetch/caldav.h"
#include "fetch/collect.h"
#include "fetch/http.h"

#define PATH_BYTES_MAX 4096
#define MARKS_MAX 400 /* two headers of a server */
#define SUFFIX ".ics"

struct job { /* one ask on its way */
    struct str ask;
    struct collect collect;
    struct http *http;
    struct caldav *caldav;
    char marks[MARKS_MAX];
    bool same;
    long detail;
};

/* --- files -------------------------------------------------------------------------------------------- */

static enum trouble trouble_of_errno(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return TROUBLE_NOT_FOUND;
    case EACCES:
    case EPERM: return TROUBLE_DENIED;
    case ENOMEM: return TROUBLE_MEMORY;
    default: return TROUBLE_IO;
    }
}

static bool path_of(struct str s, char ret[PATH_BYTES_MAX])
{
    return s.len > 0 && s.len < PATH_BYTES_MAX && s.ptr[0] == '/' && !memchr(s.ptr, '\0', s.len) &&
           snprintf(ret, PATH_BYTES_MAX, "%.*s", STR_ARG(s)) > 0;
}

/* All bytes of a regular file, at most one more than the reader takes. */
static enum trouble read_fd(int fd, struct buf *out)
{
    for (;;) {
        void *to = buf_reserve(out, 64u << 10);
        ssize_t n = to ? read(fd, to, 64u << 10) : -1;
        if (!to)
            return out->failed == E_NO_MEMORY ? TROUBLE_MEMORY : TROUBLE_TOO_LARGE;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return TROUBLE_IO;
        if (n == 0)
            return TROUBLE_NONE;
        buf_added(out, (size_t)n);
    }
}

static enum trouble open_file(int dir, const char *name, int *ret_fd, struct stat *ret_st)
{
    /* Without waiting: what is no file (a pipe, a terminal) must not hold us up. */
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return trouble_of_errno(errno);
    if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
        close(fd);
        return TROUBLE_NOT_FOUND;
    }
    *ret_fd = fd;
    return TROUBLE_NONE;
}

static uint64_t mark_of(uint64_t hash, const struct stat *st)
{
    hash = hash_mix(hash, (uint64_t)st->st_size);
    hash = hash_mix(hash, (uint64_t)st->st_mtim.tv_sec);
    hash = hash_mix(hash, (uint64_t)st->st_mtim.tv_nsec);
    return hash_mix(hash, (uint64_t)st->st_ino);
}

static void set_mark(struct job *j, const char *what, uint64_t hash)
{
    snprintf(j->marks, sizeof j->marks, "%s %016llx", what, (unsigned long long)hash);
    j->same = str_is(fetch_get(j->ask, FETCH_MARKS_TAG), j->marks);
}

static enum trouble read_file(struct job *j, const char *path)
{
    struct stat st;
    struct buf bytes;
    int fd = -1;
    enum trouble t = open_file(AT_FDCWD, path, &fd, &st);
    if (t != TROUBLE_NONE)
        return t;
    set_mark(j, "file", mark_of(1, &st));
    buf_init(&bytes, CAL_BYTES_MAX + (64u << 10));
    if (!j->same)
        t = read_fd(fd, &bytes);
    close(fd);
    if (t == TROUBLE_NONE && !j->same)
        t = collect_stream(&j->collect, buf_look(&bytes));
    buf_finish(&bytes);
    return t;
}

/* --- directories --------------------------------------------------------------------------------------- */

struct names {
    char **at;
    unsigned n;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_calendar(const char *name)
{
    struct str s = str_of(name);
    return s.len > sizeof SUFFIX - 1 && name[0] != '.' &&
           str_is_nocase(str_slice(s, s.len - (sizeof SUFFIX - 1), s.len), SUFFIX);
}

static enum trouble list_names(DIR *dir, struct names *ret)
{
    errno = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (!is_calendar(e->d_name))
            continue;
        if (ret->n == DIRECTORY_FILES_MAX)
            return TROUBLE_TOO_LARGE;
        ret->at[ret->n] = strdup(e->d_name);
        if (!ret->at[ret->n++])
            return TROUBLE_MEMORY;
    }
    if (errno)
        return TROUBLE_IO;
    qsort(ret->at, ret->n, sizeof(char *), by_name);
    return TROUBLE_NONE;
}

static enum trouble mark_directory(struct job *j, int dir, const struct names *names)
{
    uint64_t hash = 1, bytes = 0;
    struct stat st;
    for (unsigned i = 0; i < names->n; i++) {
        if (fstatat(dir, names->at[i], &st, 0) < 0)
            continue; /* gone meanwhile: another mark next time */
        hash = mark_of(hash_bytes(hash, names->at[i], strlen(names->at[i])), &st);
        bytes += (uint64_t)st.st_size;
    }
    set_mark(j, "directory", hash);
    return bytes > DIRECTORY_BYTES_MAX ? TROUBLE_TOO_LARGE : TROUBLE_NONE;
}

/* One bad file does not spoil the others; it is said. */
static enum trouble read_names(struct job *j, int dir, const struct names *names)
{
    struct buf bytes;
    buf_init(&bytes, CAL_BYTES_MAX + (64u << 10));
    for (unsigned i = 0; i < names->n; i++) {
        struct stat st;
        int fd = -1;
        enum trouble t = open_file(dir, names->at[i], &fd, &st);
        buf_clear(&bytes);
        if (t == TROUBLE_NONE)
            t = read_fd(fd, &bytes);
        io_close(&fd);
        if (t == TROUBLE_NONE)
            t = collect_stream(&j->collect, buf_look(&bytes));
        if (t == TROUBLE_MEMORY) {
            buf_finish(&bytes);
            return t;
        }
        if (t != TROUBLE_NONE) {
            const struct collected odd = { .events = 1, .issues_n = 1,
                                           .issue = { .code = CAL_ISSUE_FILE } };
            collect_add(&j->collect, &odd);
            bytes.failed = 0;
        }
    }
    buf_finish(&bytes);
    return TROUBLE_NONE;
}

static enum trouble read_directory(struct job *j, const char *path)
{
    struct names names = { calloc(DIRECTORY_FILES_MAX, sizeof *names.at), 0 };
    DIR *dir = names.at ? opendir(path) : NULL;
    enum trouble t = !names.at ? TROUBLE_MEMORY : dir ? list_names(dir, &names) : trouble_of_errno(errno);
    if (t == TROUBLE_NONE)
        t = mark_directory(j, dirfd(dir), &names);
    if (t == TROUBLE_NONE && !j->same)
        t = read_names(j, dirfd(dir), &names);
    for (unsigned i = 0; i < names.n; i++)
        free(names.at[i]);
    free(names.at);
    if (dir)
        closedir(dir);
    return t;
}

/* --- holidays ------------------------------------------------------------------------------------------- */

#define HOLIDAYS_DIR "/etc/eoul/holidays"

extern const char holidays_kr[]; /* holidays/KR.txt, as it was when this was built */

/* The list of the machine, which may be newer than ours; tests name another directory. */
static enum trouble read_holidays(struct job *j, struct str country)
{
    char path[PATH_BYTES_MAX];
    struct stat st;
    struct buf text;
    int fd = -1;
    const char *dir = getenv("EOUL_FETCH_HOLIDAYS");
    if (country.len != 2 || country.ptr[0] < 'A' || country.ptr[0] > 'Z' || country.ptr[1] < 'A' ||
        country.ptr[1] > 'Z')
        return TROUBLE_NOT_FOUND;
    snprintf(path, sizeof path, "%s/%.2s.txt", dir ? dir : HOLIDAYS_DIR, country.ptr);
    enum trouble t = open_file(AT_FDCWD, path, &fd, &st);
    if (t == TROUBLE_NOT_FOUND && str_is(country, "KR"))
        return collect_holidays(&j->collect, str_of(holidays_kr));
    buf_init(&text, HOLIDAY_FILE_MAX + (64u << 10));
    if (t == TROUBLE_NONE)
        t = read_fd(fd, &text);
    io_close(&fd);
    if (t == TROUBLE_NONE)
        t = collect_holidays(&j->collect, buf_look(&text));
    buf_finish(&text);
    return t;
}

/* --- addresses ------------------------------------------------------------------------------------------ */

/* A stream that breaks off is half a calendar: what is missing must not become free time. */
static bool is_whole(struct str bytes)
{
    struct str last = str_trim(bytes);
    size_t len = sizeof "END:VCALENDAR" - 1;
    return last.len >= len && str_is_nocase(str_slice(last, last.len - len, last.len), "END:VCALENDAR");
}

/* Marks of a URL: "ETAG\nLAST-MODIFIED". */
static void split_marks(struct str marks, char etag[256], char modified[64])
{
    struct str line = { "", 0 };
    etag[0] = modified[0] = '\0';
    if (str_next(&marks, '\n', &line) && line.len < 256)
        snprintf(etag, 256, "%.*s", STR_ARG(line));
    if (marks.len < 64)
        snprintf(modified, 64, "%.*s", STR_ARG(marks));
}

static enum trouble read_url(struct job *j)
{
    char url[HTTP_URL_MAX], user[256], password[1024], etag[256], modified[64];
    struct str given = fetch_get(j->ask, FETCH_URL_TAG), who = fetch_get(j->ask, FETCH_USER_TAG);
    struct str secret = fetch_get(j->ask, FETCH_PASSWORD_TAG);
    struct http_answer answer;
    if (given.len >= sizeof url || who.len >= sizeof user || secret.len >= sizeof password ||
        memchr(given.ptr, '\0', given.len))
        return TROUBLE_URL;
    snprintf(url, sizeof url, "%.*s", STR_ARG(given));
    snprintf(user, sizeof user, "%.*s", STR_ARG(who));
    snprintf(password, sizeof password, "%.*s", STR_ARG(secret));
    split_marks(fetch_get(j->ask, FETCH_MARKS_TAG), etag, modified);
    const struct http_ask ask = { .method = "GET", .url = url, .user = user[0] ? user : NULL,
                                  .password = password, .etag = etag, .last_modified = modified,
                                  .out_max = CAL_BYTES_MAX };
    enum trouble t = http_do(j->http, &ask, &answer, &j->detail);
    explicit_bzero(password, sizeof password);
    if (t == TROUBLE_NONE && answer.status != 200 && answer.status != 304) {
        j->detail = answer.status;
        t = answer.status == 401 ? TROUBLE_LOGIN : TROUBLE_HTTP;
    }
    j->same = t == TROUBLE_NONE && answer.status == 304;
    if (t == TROUBLE_NONE && !j->same)
        t = collect_stream(&j->collect, buf_look(&answer.body));
    if (t == TROUBLE_NONE && !j->same && !is_whole(buf_look(&answer.body)))
        t = TROUBLE_IO;
    if (t == TROUBLE_NONE && j->same)
        snprintf(j->marks, sizeof j->marks, "%s\n%s", etag, modified);
    else if (t == TROUBLE_NONE)
        snprintf(j->marks, sizeof j->marks, "%s\n%s", answer.etag, answer.last_modified);
    http_answer_finish(&answer);
    return t;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static enum trouble read_any(struct job *j)
{
    char path[PATH_BYTES_MAX];
    struct str kind = fetch_get(j->ask, FETCH_KIND_TAG);
    bool local = path_of(fetch_get(j->ask, FETCH_URL_TAG), path);
    if (str_is(kind, "file") && !j->http)
        return local ? read_file(j, path) : TROUBLE_NOT_FOUND;
    if (str_is(kind, "directory") && !j->http)
        return local ? read_directory(j, path) : TROUBLE_NOT_FOUND;
    if (str_is(kind, "holidays") && !j->http)
        return read_holidays(j, fetch_get(j->ask, FETCH_URL_TAG));
    if (str_is(kind, "url") && j->http)
        return read_url(j);
    if ((str_is(kind, "caldav") || str_is(kind, "todos")) && j->http)
        return caldav_read(j->caldav, j->http, j->ask, &j->collect, &j->same, j->marks, &j->detail);
    return TROUBLE_PROTOCOL;
}

static void put_trouble(struct buf *out, enum trouble t, long detail)
{
    char memory[64];
    struct buf text;
    buf_init_fixed(&text, memory, sizeof memory);
    buf_c(&text, trouble_word(t));
    if (detail) {
        buf_char(&text, ' ');
        buf_i64(&text, detail);
    }
    fetch_field(out, FETCH_TROUBLE_TAG, buf_look(&text));
}

void calendar_read(struct str ask, struct http *http, struct caldav *caldav, struct buf *out)
{
    struct job j = { .ask = ask, .http = http, .caldav = caldav };
    int code = collect_begin(&j.collect, ask);
    enum trouble t = code == E_NO_MEMORY ? TROUBLE_MEMORY : code < 0 ? TROUBLE_PROTOCOL : read_any(&j);
    if (t != TROUBLE_NONE) {
        put_trouble(out, t, j.detail);
    } else {
        fetch_field(out, FETCH_MARKS_TAG, str_of(j.marks));
        if (j.same)
            fetch_field(out, FETCH_SAME_TAG, STR("1"));
        else
            collect_answer(&j.collect, out);
        collect_answer_ticked(&j.collect, out);
    }
    collect_finish(&j.collect);
}
