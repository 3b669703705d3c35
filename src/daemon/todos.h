/* todos.h - hands-on work as people say it: titles and names become events and rows.
 *
 * The core plans todos by number; what they are called, where their links lead and who was asked
 * stands in the store.  Who may what: anybody asks anybody (declining costs nothing); who was asked
 * answers for it; who asked, and who was asked, may change or finish it.  Titles are for those
 * people; others see that there is a number, and when it is expected to be done.
 *
 * Changing works only inside a turn of the daemon; looking any time.
 */
#ifndef EOUL_DAEMON_TODOS_H
#define EOUL_DAEMON_TODOS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/usec.h"
#include "core/core.h"

struct daemon;
struct op;
struct op_peer;

#define TODO_TITLE_MAX 200              /* bytes: a line of a terminal, in Korean too */
#define TODO_LINK_MAX  1000
#define TODO_WHOLE_US  USEC_PER_HOUR    /* shorter ones stay in one piece unless said otherwise */
#define TODO_CHUNK_US  (30 * USEC_PER_MIN) /* the least piece of longer ones, likewise */

/* X(action, word) */
#define TODO_ACTION_LIST(X) \
    X(TODO_DO_ADD, "add") X(TODO_DO_DONE, "done") X(TODO_DO_DROP, "drop") \
    X(TODO_DO_ACCEPT, "accept") X(TODO_DO_DECLINE, "decline") X(TODO_DO_SNOOZE, "snooze") \
    X(TODO_DO_MOVE, "move") X(TODO_DO_SET, "set")
enum todo_action {
#define X(action, word) action,
    TODO_ACTION_LIST(X)
#undef X
    TODO_ACTION_COUNT
};
const char *todo_action_word(enum todo_action action);
bool todo_action_read(struct str word, enum todo_action *ret);

struct todo_change { /* OP_TODO */
    enum todo_action action;
    struct str id;              /* all but ADD: "12" */
    /* ADD */
    struct str title, link;
    struct str after, before;   /* numbers separated by commas: "12,13_2" */
    struct str who[TODO_WHO_MAX];
    uint32_t who_n;             /* 0: oneself.  SET: 0 or 1 */
    bool whole;                 /* in one piece */
    usec_t takes_us, min_chunk_us; /* 0: not said */
    usec_t not_before_at, deadline_at, at_at;
    bool has_deadline, has_not_before; /* SET: said; the rest of SET by its value */
    /* SNOOZE: not_before_at; MOVE: at_at, 0: free again */
};

/* OP_TODO: op->todo.change of op->for_person or the peer.  *op->todo.ret_id is its number.  Refusals
 * change nothing. */
int todos_op(struct daemon *d, struct op *op);
/* After a submit with --review: somebody is to look at its result. */
int todos_review(struct daemon *d, job_id job, bool array, const char *name, person_no asker,
                 person_no who, usec_t takes_us, job_id *ret, struct err *err);
/* One of a person's own that stands in a list of theirs (lists.h). */
int todos_add_own(struct daemon *d, person_no no, struct str title, usec_t takes_us, usec_t not_before_at,
                  usec_t deadline_at, job_id *ret, struct err *err);
/* Open todos that `from` alone is asked for are asked of `to` from now on.  Adds to *changed. */
int todos_handover(struct daemon *d, person_no from, person_no to, uint32_t *changed, struct err *err);
/* UPDATE_TODO of this turn. */
int todos_ended(struct daemon *d, const struct core_update *u);

struct todo_info {  /* text lives until the next call on the store */
    job_id id;
    person_no asker;
    struct str title, link, state, reason;
    job_id review_of;
    usec_t takes_us, add_at, end_at;
    person_no end_by;
    bool asked;     /* the person of the call was asked */
};
/* Live or ended; `no` is who looks.  E_NOT_FOUND with a sentence. */
int todos_get(struct daemon *d, job_id id, person_no no, struct todo_info *ret, struct err *err);
/* May this person see what it is called?  Asked, asking, or once asked. */
bool todos_may_see(const struct todo_info *info, person_no no);

/* "12" as a todo's number; E_INVALID with a sentence. */
int todos_number(struct str text, job_id *ret, struct err *err);

#endif
