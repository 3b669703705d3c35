/* wants.h - what the options of sim, team and whatif take, for whoever has mistyped one. */
#ifndef EOUL_SIM_WANTS_H
#define EOUL_SIM_WANTS_H

#include "base/err.h"
#include "i18n/tr.h"

/* One sentence about an option that was refused; value NULL: there was none.  Keeps what *err says already.  Returns
 * err's code. */
int wants_complain(const char *name, const char *value, enum lang lang, struct err *err);
/* One sentence about an option that another verb takes and this one does not.  Returns err's code. */
int wants_elsewhere(const char *name, const char *verb, struct err *err);

#endif
