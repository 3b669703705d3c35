#!/bin/bash
# threads.sh BUILD - which of our programs can begin a thread: eoul-probe alone, for the driver's events (make tsan).
# Libraries may have theirs (libcurl's resolver in eoul-fetch); no code of ours runs in them.
build=$1 bad=0
for program in eould eoul eoul-launcher eoul-supervisor eoul-fetch eoul-sim; do
    [ -e "$build/$program" ] || continue
    if nm "$build/$program" | grep -qE ' [A-Za-z] (pthread_create|thrd_create)(@|$)'; then
        echo "threads.sh: $program begins threads"
        bad=1
    fi
done
nm "$build/eoul-probe" | grep -q pthread_create || { echo "threads.sh: eoul-probe begins none any more: say so here and in doc/architecture.md"; bad=1; }
exit $bad
