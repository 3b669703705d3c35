/* collect.h - busy times, or todos, of one or several streams, put together.
 *
 * Each stream is read by itself (cal/expand.h, cal/vtodo.h), so nothing of one can change the meaning of
 * another; of each only stretches, counts and line numbers stay, or its todo.
 */
#ifndef EOUL_FETCH_COLLECT_H
#define EOUL_FETCH_COLLECT_H

#include "cal/busy.h"
#include "cal/vtodo.h"
#include "cal/zone_load.h"
#include "fetch/message.h"
#include "fetch/trouble.h"

#define COLLECT_PARTS_MAX 100000u /* 2.4 MB; more are put together before they are at an end */

struct collect_issue {
    enum cal_issue_code code;
    uint32_t line;
    char detail[CALENDAR_DETAIL_MAX + 1];
};

struct collected { /* of one stream, to be kept: a CalDAV resource */
    struct busy *busy;
    uint32_t busy_n;
    uint32_t events, issues_n;
    struct collect_issue issue; /* the first, if issues_n */
    struct vtodo *todo;         /* an open one; NULL: none */
    uint64_t todo_id;           /* of one that is open or done; else 0 */
};

struct collect_ticked {
    uint64_t id;
    enum trouble trouble;       /* NONE: it is done there, or gone */
    long detail;
};

struct collect {
    bool todos; /* todos are wanted, not busy times */
    struct cal_settings settings;
    struct zone zone;
    struct zone_cache zones;
    void *memory;               /* of the reader */
    struct busy *parts, *room;
    size_t parts_n;
    bool squeezed;
    uint32_t events, issues_n, listed_n;
    struct collect_issue issues[CALENDAR_ISSUES_MAX];
    const struct vtodo **open;  /* lent: of what was added */
    size_t open_n;
    uint64_t *over;
    size_t over_n;
    struct collect_ticked ticked[FETCH_TICKS_MAX];
    unsigned ticked_n;
};

/* The settings of an ask; E_NO_MEMORY, or E_INVALID for a zone that is not there. */
int collect_begin(struct collect *c, struct str ask);
void collect_finish(struct collect *c); /* accepts a zeroed one */
/* One whole stream: TROUBLE_NONE, NO_CALENDAR, TOO_LARGE, MEMORY. */
enum trouble collect_stream(struct collect *c, struct str bytes);
/* Public holidays: days away, known no further than the list says.  TROUBLE_NONE, OVER, NO_CALENDAR. */
enum trouble collect_holidays(struct collect *c, struct str text);
/* One stream that is kept; collect_add puts kept ones together, which must live as long as `c`. */
enum trouble collect_one(struct collect *c, struct str bytes, struct collected *ret);
enum trouble collect_add(struct collect *c, const struct collected *one); /* NONE, MEMORY */
void collected_finish(struct collected *one);
/* The fields of an answer; those of TICKED are apart, as they go with "the same" too. */
void collect_answer(struct collect *c, struct buf *out);
void collect_answer_ticked(const struct collect *c, struct buf *out);

#endif
