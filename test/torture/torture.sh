#!/bin/sh
# torture.sh PROGRAMS ROUNDS FIRST - kill rounds, and proof that a build without the claim fails them.  A tenth as many
# rounds upgrade in the middle, from other programs of the same source (those of test/sweep) or, with EOUL_OLD, from those
# of an older build.
set -eu
programs=$1 rounds=$2 first=$3
here=$(dirname "$0")

# The same programs beside a launcher and a supervisor that do without the claim.  Copies, because
# each program looks for the others where it really lies.
mutant=$(mktemp -d "${TMPDIR:-/tmp}/eoul-noclaim.XXXXXX")
trap 'rm -rf "$mutant"' EXIT INT TERM
cp "$programs/eoul" "$programs/eould" "$programs/eoul-probe" \
    "$programs/test/mutant/eoul-launcher" "$programs/test/mutant/eoul-supervisor" "$mutant"
mkdir -p "$mutant/test/torture"
cp "$programs/test/torture/witness" "$mutant/test/torture"
echo "a build without the claim (must be caught):"
if ! python3 "$here/torture.py" "$mutant" 100 "$first" --mutant; then
    echo "the build without the claim was not caught: these rounds prove nothing" >&2
    exit 1
fi
old=${EOUL_OLD:-$programs/test/sweep}
if [ -x "$old/eould" ]; then
    echo "upgrades, from $old:"
    python3 "$here/torture.py" "$programs" $((rounds / 10 + 1)) "$first" --old "$old"
fi
python3 "$here/torture.py" "$programs" "$rounds" "$first"
