#!/bin/bash
# night.sh BUILD HOURS [FIRST] - everything for so many hours on two cores, with seeds from FIRST that CI does not use.
#
# First each check once, with a limit of its own, so that one that hangs does not take the night; then the parts, each with
# a share of the time that is left (a tenth of the whole at least), in pieces with seeds of their own until that is used
# up.  What fails is named with the command that plays it again, and the others go on.
#
# BUILD/night/report is what to read in the morning.  It is written anew after each step and each piece that fails, so it
# is there and true when this script, or the machine, was killed in the middle; then its first line names what was
# running.  BUILD/night/NAME.SEED are the whole words of what failed; the night before this one is BUILD/night.before.
# Ended by SIGTERM or SIGINT it says so and counts as failed.  NIGHT_STEPS=NAME,... does only those, by the first words of
# their names.  Exits 1 if anything failed.  The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1 total=$(awk "BEGIN { print int($2 * 3600) }") first=${3:-1000000}
begin=$SECONDS passed=0 failed=0 table="" failures="" running=""
night=$build/night
rm -rf "$night.before"
[ ! -e "$night" ] || mv "$night" "$night.before" || exit 1
mkdir -p "$night" || exit 1
since=$(date '+%Y-%m-%d %H:%M') commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)

report() { # HOW IT STANDS
    printf '%s\n\n' "$1" >"$night/report.new"
    if [ -n "$failures" ]; then
        printf 'What failed, and how to see it again:\n%s\n' "$failures" >>"$night/report.new"
    fi
    printf '%sbegun %s, seeds from %s, commit %s, %d minutes on %d cores\n%d passed, %d failed\n' "$table" "$since" "$first" \
        "$commit" $(((SECONDS - begin) / 60)) "$(nproc)" "$passed" "$failed" >>"$night/report.new"
    mv "$night/report.new" "$night/report"
}

# Only what it started, by its number: the step that runs is a process of this script's own session or its child.
stopped() {
    trap '' TERM INT
    [ -z "${step_pid:-}" ] || kill "$step_pid" 2>/dev/null
    failed=$((failed + 1))
    report "The night was ended from outside during \"$running\"; what was done until then:"
    cat "$night/report"
    exit 1
}
trap stopped TERM INT

wanted_step() { # NAME
    local one
    [ -n "${NIGHT_STEPS:-}" ] || return 0
    local IFS=,
    for one in $NIGHT_STEPS; do
        [[ $1 = "$one"* ]] && return 0
    done
    return 1
}

# done_or_named NAME LOG MINUTES COMMAND...: 0 if it ended well; else it is among the failures.
done_or_named() {
    local name=$1 log=$2 minutes=$3 status
    shift 3
    running=$name
    report "The night is on; \"$name\" is running since $(date +%H:%M).  If nothing runs, it was killed there."
    timeout --kill-after=60 $((minutes * 60)) "$@" >"$log" 2>&1 &
    step_pid=$!
    wait "$step_pid"
    status=$?
    step_pid=""
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    [ "$status" -ne 124 ] && [ "$status" -ne 137 ] || echo "stopped after $minutes minutes" >>"$log"
    failures+=$(printf '%s (%s)\n    again: %s\n' "$name" "$log" "$*"
        grep -E '^not ok|\[  FAILED|(FAIL|TIMEOUT) +[0-9.]+s|[Ee]rror:|^seed [0-9]+|^round [0-9]+|^failed:|Test unit written to' "$log" | head -12 |
            sed 's/^/    /'
        tail -3 "$log" | sed 's/^/    | /')$'\n'
    echo "failed: $name; again: $*"
    tail -15 "$log"
    return 1
}

# part NAME SHARE WANTED PER COMMAND...: pieces of PER each, for SHARE thousandths of what is left; "@" in the command is
# the piece's first seed.
part() {
    local name=$1 share=$2 wanted=$3 per=$4 n=0 seed=$first until log bad=0
    shift 4
    wanted_step "$name" || return 0
    until=$((SECONDS + left * share / 1000))
    while :; do
        log=$night/${name// /-}.$seed
        if done_or_named "$name" "$log" 60 "${@//@/$seed}"; then
            rm -f "$log"
        else
            bad=$((bad + 1))
        fi
        n=$((n + per))
        seed=$((seed + per))
        [ "$SECONDS" -ge "$until" ] && break
        [ "$n" -ge "$wanted" ] && break
    done
    table+=$(printf '%-34s %9d of %9d%s' "$name" "$n" "$wanted" "$([ "$bad" -eq 0 ] || echo ", $bad of its pieces failed")")$'\n'
    echo "$name: $n of $wanted, $((SECONDS - begin)) s since the beginning"
}

once() { # NAME MINUTES COMMAND...
    local name=$1 minutes=$2 log=$night/${1// /-} from=$SECONDS how=good
    shift 2
    wanted_step "$name" || return 0
    done_or_named "$name" "$log" "$minutes" "$@" || how=failed
    table+=$(printf '%-34s %s, %d s: %s' "$name" "$how" $((SECONDS - from)) "$(tail -1 "$log")")$'\n'
    echo "$name: $how, $((SECONDS - begin)) s since the beginning"
}

once "tests" 40 make --no-print-directory test
once "sanitizers" 80 make --no-print-directory asan
once "threads" 20 make --no-print-directory tsan
once "valgrind" 60 make --no-print-directory valgrind
once "coverage" 60 make --no-print-directory coverage
once "defences switched off" 90 make --no-print-directory defences
once "tidy" 60 make --no-print-directory tidy
once "a whole machine" 90 test/guest/guest.sh "$build" # skips where there is no qemu
once "every call fails once" 180 \
    python3 test/sweep/sweep.py "$build/test/sweep" 1 "$first" --all malloc,write,fsync,fork,open,rename,mkdir
left=$((total - (SECONDS - begin)))
[ "$left" -ge $((total / 10)) ] || left=$((total / 10))
part "simulated weeks" 260 100000 200 "$build/eoul-sim" seeds --first @ --seeds 200 --jobs 2
part "kill rounds" 310 100000 50 python3 test/torture/torture.py "$build" 50 @
part "failed calls" 70 200000 50 python3 test/sweep/sweep.py "$build/test/sweep" 50 @
part "crash images" 60 100000 2000 env EOUL_CRASH_IMAGES=2000 EOUL_SEED=@ "$build/test/unit/test_crash"
part "rules against libical" 20 800000 8000 env EOUL_RULES_SEED=@ "$build/test/unit/test_calendar_libical"
targets=(test/fuzz/fuzz_*.c)
seconds=$((left * 270 / 1000 / ${#targets[@]}))
[ "$seconds" -gt 1920 ] && seconds=1920
[ "$seconds" -lt 5 ] && seconds=5
once "fuzz, $seconds s a target" $((seconds * 15 / 60 + 15)) test/fuzz/run.sh "$seconds" "$first"
running=""
if [ "$failed" -eq 0 ]; then
    report "A good night."
else
    report "The night is over; $failed failed."
fi
echo
cat "$night/report"
[ "$failed" -eq 0 ]
