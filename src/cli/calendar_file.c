/* calendar_file.c - see calendar_file.h. */
#include "cli/calendar_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cal/expand.h"

int calendar_file_read(const char *path, char **ret, size_t *ret_len, struct err *err)
{
    struct stat st;
    size_t len = 0;
    int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        int code = errno == ENOENT ? E_NOT_FOUND : E_IO;
        if (fd >= 0)
            close(fd);
        return err_set(err, code,
                       "The calendar '%s' cannot be read; give the name of an .ics file.", path);
    }
    char *bytes = malloc(CAL_BYTES_MAX + 1);
    ssize_t n = 1;
    while (bytes && n != 0 && len <= CAL_BYTES_MAX) {
        n = read(fd, bytes + len, CAL_BYTES_MAX + 1 - len);
        if (n < 0 && errno != EINTR)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (bytes == NULL || n < 0) {
        free(bytes);
        return err_set(err, bytes ? E_IO : E_NO_MEMORY,
                       "The calendar '%s' cannot be read; give the name of an .ics file.", path);
    }
    *ret = bytes;
    *ret_len = len;
    return 0;
}
