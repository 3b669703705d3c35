/* table.h - lists of cases in test/tables/: one per line, "left => right".
 *
 * Blank lines and lines that start with # are skipped; blanks around the parts do not count.  A line
 * without => is a setting ("zone Asia/Seoul"), given with right.ptr NULL.  The folder is
 * $EOUL_TABLES, set by meson.
 */
#ifndef EOUL_TEST_TABLE_H
#define EOUL_TEST_TABLE_H

#include "base/str.h"

/* Calls each() for every case; aborts the test if the file is missing or has fewer than `least` cases. */
void table_each(const char *file, unsigned least,
                void (*each)(void *data, unsigned line, struct str left, struct str right), void *data);

#endif
