#!/bin/bash
# hardening.sh BUILD - what meson.build asks of the compiler is in what was built: programs are position independent, their
# relocations read-only and bound at the start, no stack is executable; our own code has the stack protector, and
# calls the C library's checked functions where the compiler knows a size.
# Control-flow protection is not asked for here: the linker drops its mark where the system's own start files lack it.
build=$1 bad=0
wants() { # WHOSE WHAT COMMAND...
    local whose=$1 what=$2
    shift 2
    "$@" >/dev/null || { echo "hardening.sh: $whose: $what"; bad=1; }
}
has() { readelf -W "$1" "$2" | grep -Eq "$3"; }
hasnt() { ! has "$@"; }
calls() { nm -u "$1" 2>/dev/null | grep -Eq "$2"; }
for program in eoul eould eoul-launcher eoul-supervisor eoul-fetch eoul-probe eoul-observe eoul-sim; do
    file=$build/$program
    [ -f "$file" ] || { echo "hardening.sh: there is no $file"; bad=1; continue; }
    wants "$program" "is not position independent" has -h "$file" 'Type: +DYN'
    wants "$program" "binds calls late" has -d "$file" 'BIND_NOW'
    wants "$program" "has no read-only relocations" has -l "$file" 'GNU_RELRO'
    wants "$program" "has an executable stack" hasnt -l "$file" 'GNU_STACK.* RWE'
done
# Of the archives, not the programs: those that are linked statically have the C library's own calls in them.
archives=$(find "$build/src" -name '*.a' 2>/dev/null)
[ -n "$archives" ] || { echo "hardening.sh: there is no archive below $build/src"; bad=1; }
for archive in $archives; do
    wants "$archive" "has no stack protector" calls "$archive" '__stack_chk_fail$'
    calls "$archive" '__v?snprintf_chk$' && checked=yes
done
[ "${checked:-no}" = yes ] || { echo "hardening.sh: no call of the C library is a checked one"; bad=1; }
exit $bad
