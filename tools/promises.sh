#!/bin/bash
# promises.sh - every test that doc/promises.md and doc/threat.md name exists, and so does every rule; the
# launcher, root in system mode, stays small enough to be read.
cd "$(dirname "$0")/.." || exit 1
bad=0
while read -r file name; do
    if [ ! -f "$file" ]; then
        echo "promises.sh: there is no $file"
        bad=1
    elif [ -n "$name" ] && ! grep -qF -e "$name" "$file"; then
        echo "promises.sh: $file has no \"$name\""
        bad=1
    fi
done < <(cat doc/promises.md doc/threat.md 2>/dev/null | grep -oE '`(test|src|tools)/[a-z_/]+\.[a-z]+( [^`]+)?`' | tr -d '`' | sort -u)
while read -r rule; do
    grep -q "\"$rule\"" src/core/mutant.h src/sim/shell.c || { echo "promises.sh: there is no rule \"$rule\""; bad=1; }
done < <(grep -oE '[Rr]ules? (`[a-z-]+`(, )?)+' doc/promises.md | grep -oE '`[a-z-]+`' | tr -d '`' | sort -u)
lines=$(cat src/launcher/*.[ch] | wc -l)
[ "$lines" -le 1500 ] || { echo "promises.sh: src/launcher has $lines lines; 1,500 are the limit"; bad=1; }
exit $bad
