/* todo_text.h - a todo in words: its name, when it is its turn, why it has no time. */
#ifndef EOUL_CLI_TODO_TEXT_H
#define EOUL_CLI_TODO_TEXT_H

#include "cli/cli.h"

/* "label 200 images", "look at job 12 (train)"; clean. */
void todo_name(struct cli *cli, struct buf *out, const json_t *todo);
/* "Thu 14:00-16:00", "10:00-10:20, then 3 more pieces until Fri 11:00"; "-" without a time. */
void todo_when(struct cli *cli, struct buf *out, const json_t *todo);
/* One sentence without a newline: when it is planned, or why it has no time. */
void todo_sentence(struct cli *cli, struct buf *out, const json_t *todo);
/* What is no job may be a todo: after a refusal, its lines (show) or its sentence.  0, or the refusal. */
int todo_instead(struct cli *cli, const char *id, bool show, int refusal);
/* `eoul show 12` of a todo: lines of labels and values, then the sentence. */
void todo_put(struct cli *cli, const json_t *todo);

#endif
