#!/bin/sh
# includes.sh - who may include whom, read from the sources.  Each folder of src/ is listed with those it may
# use; a folder that is not listed is a fault, so a new one must be thought about.  Exits 1 on a fault.
cd "$(dirname "$0")/.." || exit 1

allowed() {
    case $1 in
    base) echo "" ;;
    core | schedule | i18n | cal | spec | term | loop) echo "" ;; # base alone; the first are pure
    energy) echo "cal" ;;                  # what a day is to a tariff: its zone, its holidays
    store) echo "client" ;;                # which file systems hold locks (client/place.h)
    draw) echo "i18n" ;;
    brief) echo "cal i18n" ;;              # pure as well: facts in, text out
    feed) echo "cal" ;;                    # the same
    notice) echo "brief cal core i18n" ;;  # the same; of core only event.h
    client) echo "launcher" ;;             # where socket and state live, HTTP to the daemon; of launcher only ticket.h
    supervisor) echo "client engine spec term" ;; # the attempt protocol's records; what output says (spec/marks.h)
    launcher) echo "engine supervisor" ;;
    engine) echo "launcher supervisor" ;;
    probe) echo "" ;;
    observe) echo "client i18n probe" ;;   # of client only where names of users are found
    fetch) echo "cal" ;;
    web) echo "brief cal core daemon draw feed fetch i18n loop notice spec store" ;;
    daemon) echo "brief cal client core draw energy engine feed fetch i18n launcher loop notice probe spec store supervisor web" ;;
    sim) echo "brief cal core daemon draw energy engine i18n notice schedule spec store" ;;
    cli) echo "brief cal client draw feed energy i18n observe spec supervisor term web" ;; # of supervisor only wire.h, of observe the record
    *) echo "?" ;;
    esac
}

bad=0
for dir in src/*/; do
    folder=$(basename "$dir")
    may=$(allowed "$folder")
    if [ "$may" = "?" ]; then
        echo "includes: src/$folder is not in tools/includes.sh; say there whom it may include"
        bad=1
        continue
    fi
    found=$(grep -rnoE '^[[:space:]]*#[[:space:]]*include "[a-z0-9_]+/' "$dir" --include='*.c' --include='*.h')
    for other in $(printf '%s\n' "$found" | sed -n 's/.*include "\([a-z0-9_]*\)\/.*/\1/p' | sort -u); do
        [ "$other" = base ] || [ "$other" = "$folder" ] && continue
        case " $may " in *" $other "*) continue ;; esac
        printf '%s\n' "$found" | grep "include \"$other/" | sed "s/^/includes: $folder may not use $other: /"
        bad=1
    done
done
# The core's inner headers are its own; others see core.h, event.h, mode.h and mutant.h.
inner=$(grep -rnE '#include "core/' src test --include='*.c' --include='*.h' | grep -vE '^src/core/|^test/(unit/test_core|lib/core_)' |
    grep -vE '"core/(core|event|mode|mutant)\.h"')
if [ -n "$inner" ]; then
    printf '%s\n' "$inner" | sed 's/^/includes: inner header of the core: /'
    bad=1
fi
exit $bad
