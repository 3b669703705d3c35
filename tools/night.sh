#!/bin/bash
# night.sh BUILD HOURS [FIRST] - everything for so many hours on two cores, with seeds from FIRST that CI does not use.
#
# Each part has a share of the time and runs in pieces, each with seeds of its own, until that is used up, so the
# table at the end says how much was done and how much the full table wants.  A piece that fails is named with its
# seed and the others go on.  Exits 1 if anything failed.  The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1 total=$(awk "BEGIN { print int($2 * 3600) }") first=${3:-1000000}
begin=$SECONDS passed=0 failed=0 table=""
logs=$(mktemp -d)

# part NAME SHARE WANTED PER COMMAND...: pieces of PER each, for SHARE thousandths of the time; "@" in the command is
# the piece's first seed.
part() {
    local name=$1 share=$2 wanted=$3 per=$4 n=0 seed=$first until log
    shift 4
    until=$((SECONDS + total * share / 1000))
    while :; do
        log=$logs/${name// /-}.$seed
        if "${@//@/$seed}" >"$log" 2>&1; then
            passed=$((passed + 1))
            rm -f "$log"
        else
            failed=$((failed + 1))
            echo "failed: $name from seed $seed; its words are in $log:"
            tail -15 "$log"
        fi
        n=$((n + per))
        seed=$((seed + per))
        [ "$SECONDS" -ge "$until" ] && break
        [ "$n" -ge "$wanted" ] && break
    done
    table+=$(printf '%-28s %9d of %9d' "$name" "$n" "$wanted")$'\n'
    echo "$name: $n of $wanted, $((SECONDS - begin)) s since the beginning"
}

once() { # NAME COMMAND...
    local name=$1 log
    shift
    log=$logs/${name// /-}
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "$name: good, $((SECONDS - begin)) s since the beginning"
        tail -1 "$log"
    else
        failed=$((failed + 1))
        echo "failed: $name; its words are in $log:"
        tail -25 "$log"
    fi
}

if [ "${NIGHT_ONLY_PARTS:-}" != yes ]; then # the parts alone: a try of this script
    once "tests" make --no-print-directory test
    once "sanitizers" make --no-print-directory asan
    once "threads" make --no-print-directory tsan
    once "valgrind" make --no-print-directory valgrind
    once "coverage" make --no-print-directory coverage
    once "tidy" make --no-print-directory tidy
    once "a whole machine" test/guest/guest.sh "$build" # skips where there is no qemu
    once "every call but malloc fails once" python3 test/sweep/sweep.py "$build/test/sweep" 1 "$first" --all write,fsync,fork,open,rename,mkdir
fi
part "simulated weeks" 250 100000 200 "$build/eoul-sim" seeds --first @ --seeds 200 --jobs 2
part "kill rounds" 300 100000 50 python3 test/torture/torture.py "$build" 50 @
part "failed calls" 60 200000 50 python3 test/sweep/sweep.py "$build/test/sweep" 50 @
part "crash images" 60 100000 2000 env EOUL_CRASH_IMAGES=2000 EOUL_SEED=@ "$build/test/unit/test_crash"
part "rules against libical" 20 800000 8000 env EOUL_RULES_SEED=@ "$build/test/unit/test_calendar_libical"
seconds=$(((total - (SECONDS - begin)) / 12))
[ "$seconds" -gt 1920 ] && seconds=1920
[ "$seconds" -lt 5 ] && seconds=5
[ "${NIGHT_ONLY_PARTS:-}" = yes ] || once "fuzz, $seconds s a target" test/fuzz/run.sh "$seconds" "$first"
echo
printf '%s' "$table"
echo "seeds from $first, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $(((SECONDS - begin) / 60)) minutes on $(nproc) cores"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
