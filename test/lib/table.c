/* table.c - see table.h. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_each(const char *file, unsigned least,
                void (*each)(void *data, unsigned line, struct str left, struct str right), void *data)
{
    char path[4096], text[4096];
    unsigned line = 0, cases = 0;
    const char *folder = getenv("EOUL_TABLES");
    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "test/tables", file);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        fprintf(stderr, "%s cannot be read: run the tests through meson, or set EOUL_TABLES\n", path);
        abort();
    }
    while (fgets(text, sizeof(text), f)) {
        struct str left = str_trim(str_of(text)), right = { 0 };
        line++;
        if (left.len == 0 || left.ptr[0] == '#')
            continue;
        char *arrow = strstr(text, "=>");
        if (arrow) {
            right = str_trim(str_of(arrow + 2));
            left = str_trim((struct str){ text, (size_t)(arrow - text) });
            cases++;
        }
        each(data, line, left, right);
    }
    fclose(f);
    if (cases < least) {
        fprintf(stderr, "%s has %u cases; there were %u\n", path, cases, least);
        abort();
    }
}
