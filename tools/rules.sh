#!/bin/sh
# rules.sh - every rule of the simulator's ledger is in doc/simulator.md and has a planted bug that must be
# named by it (`eoul sim mutants`), but "core", which those runs switch off: core_mutant's tests have that.
cd "$(dirname "$0")/.." || exit 1
used=$(sed -n 's/.*\(BREAK([a-z>-]*, \|verdict_break([^,]*, \)"\([a-z-]*\)".*/\2/p' src/sim/*.c | sort -u)
planted=$({ sed -n 's/^    X(MUTANT_[A-Z_]*, "[a-z-]*", "\([a-z-]*\)").*/\1/p' src/core/mutant.h
    sed -n '/^const char \*shell_bug_rule/,/^}/p' src/sim/shell.c | grep -oE '"[a-z-]+"' | tr -d '"'; } | sort -u)
bad=0
[ "$(printf '%s\n' "$used" | wc -l)" -ge 50 ] || { echo "rules.sh: cannot read the rules"; exit 1; }
for rule in $used; do
    grep -q "\`$rule\`" doc/simulator.md || { echo "rules.sh: \"$rule\" is not in doc/simulator.md"; bad=1; }
    [ "$rule" = core ] && continue
    printf '%s\n' "$planted" | grep -qx -e "$rule" || { echo "rules.sh: no planted bug for \"$rule\""; bad=1; }
done
for rule in $planted; do
    printf '%s\n' "$used" | grep -qx -e "$rule" || { echo "rules.sh: there is no rule \"$rule\""; bad=1; }
done
exit $bad
