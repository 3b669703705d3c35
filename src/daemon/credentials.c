/* credentials.c - what opens a calendar or a channel of notices: its whole address, user and password.
 * And one key a person, with which links of one answer are signed (links.h).
 *
 * One file each in STATE/credentials (0700), mode 0600, and nowhere else: not in the store, a log,
 * an argument or an answer.  The file is named by numbers; a line each: `url`, `user`, `password`,
 * and `person`, the name of whose it is.  Numbers are others' after a restore, names never: what is somebody else's is as
 * if it were not there.  Files of before that line are taken as they are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "daemon/calendars.h"
#include "daemon/internal.h"
#include "daemon/links.h"

#define NAME_MAX_BYTES 40

static void name_of_file(person_no no, struct str name, char ret[NAME_MAX_BYTES])
{
    snprintf(ret, NAME_MAX_BYTES, "%u.%016llx", no,
             (unsigned long long)hash_bytes(1, name.ptr, name.len));
}

static int open_dir(const struct daemon *d)
{
    if (mkdirat(d->state_fd, "credentials", 0700) < 0 && errno != EEXIST)
        return io_from_errno(errno);
    int fd = openat(d->state_fd, "credentials", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? io_from_errno(errno) : fd;
}

static bool one_line(struct str s)
{
    return s.len == 0 || (!memchr(s.ptr, '\n', s.len) && !memchr(s.ptr, '\0', s.len));
}

static void put_line(struct buf *out, const char *word, struct str value)
{
    buf_c(out, word);
    buf_char(out, ' ');
    buf_str(out, value);
    buf_char(out, '\n');
}

int credentials_put(struct daemon *d, person_no no, struct str name,
                    const struct calendar_secrets *secrets)
{
    char file[NAME_MAX_BYTES], memory[CALENDAR_SECRET_MAX + 2048];
    struct buf text;
    if (!one_line(secrets->url) || !one_line(secrets->user) || !one_line(secrets->password))
        return E_INVALID;
    buf_init_fixed(&text, memory, sizeof memory);
    put_line(&text, "url", secrets->url);
    put_line(&text, "user", secrets->user);
    put_line(&text, "password", secrets->password);
    put_line(&text, "person", str_of(people_name(d->people, no)));
    name_of_file(no, name, file);
    int dir = text.failed ? text.failed : open_dir(d);
    int code = dir < 0 ? dir : io_replace_file(dir, file, text.ptr, text.len, 0600);
    explicit_bzero(memory, sizeof memory);
    if (dir >= 0)
        close(dir);
    return code;
}

int credentials_get(struct daemon *d, person_no no, struct str name, struct buf *memory,
                    struct calendar_secrets *ret)
{
    char file[NAME_MAX_BYTES];
    name_of_file(no, name, file);
    *ret = (struct calendar_secrets){ 0 };
    int dir = open_dir(d);
    int code = dir < 0 ? dir : io_read_file(dir, file, memory);
    if (dir >= 0)
        close(dir);
    struct str rest = buf_look(memory), line, word;
    bool others = false;
    while (code == 0 && str_next(&rest, '\n', &line)) {
        if (!str_next(&line, ' ', &word))
            continue;
        if (str_is(word, "url"))
            ret->url = line;
        else if (str_is(word, "user"))
            ret->user = line;
        else if (str_is(word, "password"))
            ret->password = line;
        else if (str_is(word, "person"))
            others = !str_is(line, people_name(d->people, no));
    }
    if (others)
        *ret = (struct calendar_secrets){ 0 };
    return code == 0 && ret->url.len == 0 ? E_NOT_FOUND : code;
}

void credentials_remove(struct daemon *d, person_no no, struct str name)
{
    char file[NAME_MAX_BYTES];
    name_of_file(no, name, file);
    int dir = open_dir(d);
    if (dir >= 0)
        unlinkat(dir, file, 0);
    io_close(&dir);
}

static bool belongs(struct daemon *d, const struct people *p, const char *file)
{
    struct calendar c;
    struct channel channel;
    char wanted[NAME_MAX_BYTES];
    for (uint32_t no = 1; no <= people_n(p); no++)
        for (uint32_t i = 0; calendars_get(p, (person_no)no, i, &c); i++) {
            name_of_file((person_no)no, str_of(c.name), wanted);
            if (strcmp(wanted, file) == 0)
                return true;
        }
    for (uint32_t no = 1; no <= people_n(p); no++)
        for (uint32_t i = 0; notices_channel(d, (person_no)no, i, &channel); i++) {
            char name[CHANNEL_NAME_MAX + 2];
            name_of_file((person_no)no, notices_secret_name(str_of(channel.name), name), wanted);
            if (strcmp(wanted, file) == 0)
                return true;
        }
    for (uint32_t no = 1; no <= people_n(p); no++) {
        name_of_file((person_no)no, str_of(LINKS_KEY), wanted);
        if (strcmp(wanted, file) == 0)
            return true;
    }
    return false;
}

void credentials_sweep(struct daemon *d, const struct people *p)
{
    int fd = open_dir(d);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        io_close(&fd);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.' && !belongs(d, p, e->d_name))
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}
