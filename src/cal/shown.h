/* shown.h - foreign text as a sentence may quote it: one line, printable, short. */
#ifndef EOUL_CAL_SHOWN_H
#define EOUL_CAL_SHOWN_H

#include "base/str.h"

#define SHOWN_CHARACTERS 40

struct shown {
    int len; /* for "%.*s" */
    char text[SHOWN_CHARACTERS * 4 + 1];
};

/* Blanks around it are dropped, and what is too long is cut between characters. */
struct shown shown(struct str foreign);

#define SHOWN_ARG(s) (s).len, (s).text

#endif
