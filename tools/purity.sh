#!/bin/sh
# purity.sh BUILD - what may the core, and the search for schedules, call?  Asks the linker: every symbol
# that libcore.a leaves undefined must be defined in it, be memcpy and its like, come from the compiler, or
# be one of base_pure's that do not allocate; the same for libschedule.a.  Prints each offender; exits 1 if
# there is one.
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
bad=0

memory='memcpy|memset|memmove|memcmp'
# Asserts stay on in release; the stack protector, fortify and 128-bit division come from the compiler.
compiler='__assert_fail|__stack_chk_fail|__(memcpy|memset|memmove)_chk|_GLOBAL_OFFSET_TABLE_'
compiler="$compiler"'|__u?(div|mod)ti3|__popcountdi2'
# Text views, numbers into a buf the caller made, mixing, luck.  buf_init, buf_printf and maps are not here.
pure='str_[a-z0-9_]+|hash_[a-z0-9_]+|prng_[a-z0-9_]+|buf_(add|str|c|char|u64|i64|hex64|look)'
# err_set formats a refusal's sentence into the caller's struct err: the one thing of base's impure half.
exceptions='err_set'
# Under the sanitizers the compiler adds calls of its own.
sanitizers='__asan_[a-z0-9_]+|__ubsan_[a-z0-9_]+|__gcov_[a-z0-9_]+|__start_[a-z_]+|__stop_[a-z_]+'

look_at() { # part of the tree, how many symbols it has at least
    part=$1
    library=$build/src/$part/lib$part.a
    [ -f "$library" ] || { echo "purity: $library is not built"; exit 1; }
    defined=$(nm "$library" 2>/dev/null | awk '$2 ~ /^[TtDdRrBbVW]$/ { print $3 }' | sort -u)
    undefined=$(nm -u "$library" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u)
    for symbol in $undefined; do
        printf '%s\n' "$symbol" | grep -qxE "$memory|$compiler|$pure|$exceptions|$sanitizers" && continue
        printf '%s\n' "$defined" | grep -qxF "$symbol" && continue
        echo "purity: the $part calls $symbol"
        bad=1
    done
    [ "$(printf '%s\n' "$defined" | grep -c .)" -gt "$2" ] || { echo "purity: nm saw nothing"; exit 1; }

    # No mutable globals: .data and .bss are empty (tables of pointers live in .data.rel.ro).
    if ! printf '%s\n' "$undefined" | grep -qE '__asan|__ubsan|__gcov'; then # counters are globals
        if objdump -h "$library" 2>/dev/null | awk '($2 == ".data" || $2 == ".bss") && $3 !~ /^0+$/ { print; n++ }
                                                    END { exit n == 0 }'; then
            echo "purity: the $part has a mutable global (.data or .bss is not empty)"
            bad=1
        fi
    fi
    # No floating point: no register of it is touched by arithmetic.
    if grep -nwE 'float|double' "src/$part"/*.[ch] | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|//|/\*)|/\*.*(float|double).*\*/|^[^:]+:[0-9]+: \*'; then
        echo "purity: the $part uses floating point"
        bad=1
    fi
}
look_at core 50
look_at schedule 15
exit $bad
