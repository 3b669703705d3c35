#!/bin/bash
# run.sh - the models of this folder through Spin: as they are they have no error, and with each fault that they name Spin
# finds one.  A search that ends at its bound of depth or memory has failed.  The last line is `N passed, N failed`.
cd "$(dirname "$0")" || exit 1
here=$PWD passed=0 failed=0
command -v spin >/dev/null || { echo "spin is not installed"; echo "0 passed, 1 failed"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# errors MODEL [NAME]: how many errors a whole search finds, and how many states it saw.
errors() {
    spin -a ${2:+-D"$2"} "$here/$1.pml" >spin.out 2>&1 && gcc -w -O2 -DSAFETY -DMEMLIM=2048 -o pan pan.c >>spin.out 2>&1 || {
        cat spin.out
        return 1
    }
    timeout 300 ./pan -m100000 >pan.out 2>&1 || return 1
    grep -q 'max search depth too small\|out of memory' pan.out && { cat pan.out; return 1; }
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.out
}

# said WANTED MODEL [NAME]: WANTED is "none" or "some".
said() {
    local n states
    n=$(errors "$2" "${3:-}")
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.out)
    local good=no
    case $1 in
    none) [ "$n" = 0 ] && good=yes ;;
    some) [ "${n:-0}" -gt 0 ] && grep -q 'assertion violated' pan.out && good=yes ;;
    esac
    if [ "$good" = yes ]; then
        passed=$((passed + 1))
        echo "ok: $2${3:+ with $3}: $1, $states states"
    else
        failed=$((failed + 1))
        echo "failed: $2${3:+ with $3}: wanted $1, found ${n:-no answer}"
        grep -E '^pan:|errors:' pan.out
    fi
}

said none attempt
for fault in NO_CLAIM NO_SYNC EARLY EXIT_FIRST; do said some attempt $fault; done
said none submit
for fault in EARLY NO_KEY GUESSED AGAIN; do said some submit $fault; done
said none upgrade
for fault in NO_COPY PIECEMEAL BLIND TOUCHES; do said some upgrade $fault; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
