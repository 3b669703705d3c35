#!/bin/sh
# events.sh - doc/events.md lists exactly the states, events and updates of src/core/event.h.
cd "$(dirname "$0")/.." || exit 1
header=src/core/event.h doc=doc/events.md
section() { sed -n "/^## $1/,/^## /p" "$doc" | sed -n 's/^| `\([A-Za-z_]*\)` .*/\1/p' | sort; }
list() { sed -n "/^#define $1(X)/,/[^\\\\]\$/p" "$header" | grep -oE "$2" | sed "$3" | sort; }
bad=0
compare() { # section, words of the header
    theirs=$(section "$1")
    [ -n "$2" ] && [ "$theirs" = "$2" ] && return
    echo "events.sh: \"$1\" in $doc and $header differ:"
    printf '%s\n' "$2" >"${TMPDIR:-/tmp}/events.$$.h"
    printf '%s\n' "$theirs" | diff - "${TMPDIR:-/tmp}/events.$$.h"
    rm -f "${TMPDIR:-/tmp}/events.$$.h"
    bad=1
}
compare "States" "$(list JOB_STATE_LIST 'X\([A-Z_]+, "[A-Z_]+"' 's/.*"\(.*\)"/\1/')"
compare "Events" "$(list EVENT_LIST 'X\([A-Z_]+, [a-z_]+' 's/.*, //')"
compare "Updates" "$(list UPDATE_LIST 'X\([A-Z_]+, "[a-z]+"' 's/.*"\(.*\)"/\1/')"
exit $bad
