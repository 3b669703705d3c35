/* zone_names.h - what a calendar calls a zone, as names of zone files to try.
 *
 * Calendars name zones in many ways: "Asia/Seoul", "/freeassociation.sourceforge.net/Asia/Seoul",
 * "Korea Standard Time", "ROK".  zone_name_candidate() gives, for k = 0, 1, ..., the IANA names to
 * try in the order that doc/calendars.md explains: the name itself, what remains without a vendor's
 * prefix, the Windows name through the CLDR table (territory 001), old names through the links of
 * tzdata (Debian 13 moved them to a package of their own).  The first that can be loaded is the
 * zone; none means: look at the embedded VTIMEZONE, else tell the owner.  Never UTC by default.
 * Pure; the tables are data from unicode.org (CLDR windowsZones) and IANA (tzdata, backward).
 */
#ifndef EOUL_CAL_ZONE_NAMES_H
#define EOUL_CAL_ZONE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define ZONE_NAME_MAX 64   /* with the NUL; the longest IANA name has 32 */
#define ZONE_CANDIDATES_MAX 16

/* Letters, digits, _ + - in components between single slashes, the first letter a capital; no dots,
 * so no "..". */
bool zone_name_valid(struct str name);

/* Candidate k as a C string; false when there are no more. */
bool zone_name_candidate(struct str name, unsigned k, char ret_name[ZONE_NAME_MAX]);

/* UTC under one of its names ("UTC", "Z", "GMT", "Etc/UTC", "tzone://Microsoft/Utc"). */
bool zone_name_is_utc(struct str name);

#endif
