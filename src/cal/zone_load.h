/* zone_load.h - zones from the system's files: the one part of cal/ that does I/O.
 *
 * A library of its own (cal_zones), so that the pure part cannot reach a file.  Names are checked
 * (zone_name_valid: no dots, so no way out of the directory) and opened relative to the directory;
 * only regular files up to ZONE_FILE_MAX are read.  TZ is neither read nor set.
 *
 * A struct zone_cache remembers what was loaded, and what was not found; whoever calls
 * zone_cache_init calls zone_cache_finish.  Zones it returns live until then.
 */
#ifndef EOUL_CAL_ZONE_LOAD_H
#define EOUL_CAL_ZONE_LOAD_H

#include "base/err.h"
#include "base/str.h"
#include "cal/tzif.h"
#include "cal/zone_names.h"

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_CACHE_MAX                                                                             \
    1024 /* names remembered: more than there are zones; about 8 MB if all are used */

/* Load any name a person or calendar may use (zone_names.h).  ret_name, if not NULL, takes the IANA
 * name under which it was found. */
int zone_load(struct str name, struct zone *ret, char ret_name[ZONE_NAME_MAX], struct err *err);

/* The system's zone: /etc/localtime.  ret_name is empty if the link does not tell it; no file means
 * UTC. */
int zone_load_system(struct zone *ret, char ret_name[ZONE_NAME_MAX], struct err *err);

struct zone_cache {
    struct zone_cache_entry *first;
    unsigned n;
};

void zone_cache_init(struct zone_cache *cache);
void zone_cache_finish(struct zone_cache *cache);

/* NULL if there is no such zone. Has the shape of expand's zone finder: cache is a struct
 * zone_cache. */
const struct zone *zone_cache_find(void *cache, struct str name);

#endif
