#!/bin/bash
# run.sh SECONDS [SEED] - every fuzz target for so many seconds, from its corpus in test/fuzz/corpus/NAME.
# The same seed tries the same inputs in the same order, as far as the seconds reach: a change is judged by
# what it does, and other seeds are for the search (make fuzz SECONDS_EACH=600 FIRST=$RANDOM).
# Ends in "N passed, N failed"; a crashing input is kept under build-fuzz/crashes and named.
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-20} seed=${2:-1} passed=0 failed=0
if [ ! -f build-fuzz/build.ninja ]; then
    CC=clang meson setup build-fuzz -Dfuzz=true -Dtests=false -Db_lundef=false \
        -Db_sanitize=address,undefined >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
    rm -f build-fuzz.log
fi
targets=$(ninja -C build-fuzz -t targets all | sed -n 's|^\(test/fuzz/fuzz_[a-z0-9_]*\): .*|\1|p' | sort)
[ -n "$targets" ] || { echo "no fuzz targets: was build-fuzz made with clang?"; echo "0 passed, 1 failed"; exit 1; }
# shellcheck disable=SC2086 # a list of words
ninja -C build-fuzz --quiet $targets || { echo "0 passed, 1 failed"; exit 1; }
mkdir -p build-fuzz/crashes
for target in $targets; do
    name=${target##*/fuzz_}
    work=build-fuzz/corpus-$name
    mkdir -p "$work"
    seeds=()
    [ -d "test/fuzz/corpus/$name" ] && seeds+=("test/fuzz/corpus/$name")
    log=build-fuzz/$name.log
    if "build-fuzz/$target" -seed="$seed" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=65536 \
        -artifact_prefix="build-fuzz/crashes/$name-" -print_final_stats=1 "$work" "${seeds[@]}" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $name, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, seed $seed"
    else
        failed=$((failed + 1))
        tail -25 "$log"
        echo "failed: $name"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
