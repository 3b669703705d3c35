/* catalogue.h - what tools/po.c makes of po/ko.po: one text, and where in it each msgid and its
 * translation begin.  Offsets instead of pointers: nothing to relocate when the program starts. */
#ifndef EOUL_I18N_CATALOGUE_H
#define EOUL_I18N_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

struct catalogue_entry {
    uint32_t id;
    uint32_t str;
};

extern const char catalogue_ko_text[];
extern const struct catalogue_entry catalogue_ko[]; /* sorted by msgid, bytewise */
extern const size_t catalogue_ko_n;

#endif
