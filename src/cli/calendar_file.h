/* calendar_file.h - the bytes of an .ics file, within the reader's limit. */
#ifndef EOUL_CLI_CALENDAR_FILE_H
#define EOUL_CLI_CALENDAR_FILE_H

#include <stddef.h>

#include "base/err.h"

/* "-" is standard input.  The caller frees *ret.  A file over CAL_BYTES_MAX is cut one byte behind it:
 * cal_expand then refuses it with its own sentence. */
int calendar_file_read(const char *path, char **ret, size_t *ret_len, struct err *err);

#endif
