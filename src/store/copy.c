/* copy.c - the whole store as one file, while it is in use; see store.h.
 *
 * SQLite's backup API over the one connection there is: what the connection writes between two steps
 * goes into the copy as well, so a copy in steps is the store as it is at its last step.  It grows
 * under another name and is renamed when it is on disk: under PATH there is a whole copy or none.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "store/internal.h"

#define COPY_SUFFIX ".part"

struct store_copy {
    sqlite3 *to;
    sqlite3_backup *backup;
    bool replace;
    char path[PATH_MAX];
    char part[PATH_MAX];
};

static int say(struct err *err, const char *path, int rc)
{
    return err_set(err, (rc & 0xff) == SQLITE_FULL ? E_NO_SPACE : E_IO, "cannot write the copy %s: %s",
                   path, sqlite3_errstr(rc));
}

static int open_part(struct store_copy *c, struct err *err)
{
    int fd = open(c->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, io_from_errno(errno), "cannot write the copy %s: %s", c->path,
                       strerror(errno));
    io_close(&fd);
    return 0;
}

int store_copy_create(struct store *s, const char *path, bool replace, struct store_copy **ret,
                      struct err *err)
{
    if (strlen(path) + sizeof COPY_SUFFIX > PATH_MAX)
        return err_set(err, E_TOO_LARGE, "The path of the copy is too long.");
    if (!replace && access(path, F_OK) == 0)
        return err_set(err, E_EXISTS, "%s is there already; name a file that is not.", path);
    struct store_copy *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, E_NO_MEMORY, "out of memory");
    c->replace = replace;
    snprintf(c->path, sizeof c->path, "%s", path);
    snprintf(c->part, sizeof c->part, "%s" COPY_SUFFIX, path);
    int code = open_part(c, err);
    if (code < 0) {
        free(c);
        return code;
    }
    store_reset(s);
    int rc = sqlite3_open_v2(c->part, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc == SQLITE_OK) {
        c->backup = sqlite3_backup_init(c->to, "main", s->db, "main");
        rc = c->backup ? SQLITE_OK : sqlite3_errcode(c->to);
    }
    if (rc != SQLITE_OK) {
        code = say(err, c->path, rc);
        store_copy_destroy(c);
        return code;
    }
    *ret = c;
    return 0;
}

/* The name, on disk; or, where nothing had it before, not there. */
static int publish(struct store_copy *c, struct err *err)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", c->path);
    int r = renameat2(AT_FDCWD, c->part, AT_FDCWD, c->path, c->replace ? 0 : RENAME_NOREPLACE);
    int fd = r < 0 ? -1 : open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0)
        c->part[0] = '\0';
    if (r < 0 || fd < 0 || fsync(fd) < 0) {
        int error = errno;
        if (r == 0 && !c->replace)
            unlink(c->path); /* it might not be there after a power cut: asked again, it is written again */
        r = err_set(err, io_from_errno(error), "cannot write the copy %s: %s", c->path, strerror(error));
    }
    io_close(&fd);
    return r;
}

int store_copy_step(struct store_copy *c, int pages, struct err *err)
{
    int rc = sqlite3_backup_step(c->backup, pages);
    if (rc == SQLITE_OK)
        return 0;
    if (rc == SQLITE_DONE)
        rc = sqlite3_backup_finish(c->backup); /* the last sync is in it */
    else
        sqlite3_backup_finish(c->backup);
    c->backup = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_close(c->to);
    if (rc != SQLITE_OK)
        return say(err, c->path, rc);
    c->to = NULL;
    int code = publish(c, err);
    return code < 0 ? code : 1;
}

void store_copy_destroy(struct store_copy *c)
{
    if (!c)
        return;
    if (c->backup)
        sqlite3_backup_finish(c->backup);
    sqlite3_close(c->to);
    if (c->part[0])
        unlink(c->part);
    free(c);
}

int store_backup(struct store *s, const char *path, bool replace, struct err *err)
{
    struct store_copy *c = NULL;
    int code = store_copy_create(s, path, replace, &c, err);
    while (code == 0)
        code = store_copy_step(c, STORE_COPY_PAGES, err);
    store_copy_destroy(c);
    return code < 0 ? code : 0;
}
