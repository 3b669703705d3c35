#!/bin/sh
# bench.sh PROGRAMS_DIR - every figure of `make bench`: the decisions alone, then the whole product on
# a private daemon with 8 CPU slots and no GPU, in a scratch directory that is removed afterwards.
set -eu
programs=$1
scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/eoul-bench.XXXXXX")
export EOUL_STATE="$scratch/state" EOUL_SOCKET="$scratch/run/socket" EOUL_CONFIG="$scratch/eoul.yaml"
export EOUL_LOCK_DIR="$scratch/lock" LC_ALL=C.UTF-8 LANGUAGE=en
mkdir -p "$scratch/run"
chmod 700 "$scratch/run"
printf 'cpus: 8\nlimits:\n  queued: 0\n' >"$EOUL_CONFIG"
trap '"$programs/eoul" down --cancel-jobs >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT INT TERM

for part in core cal; do
    [ -x "$programs/test/bench/bench_$part" ] && "$programs/test/bench/bench_$part" 2>/dev/null
done
"$programs/test/bench/bench" "$programs" "$scratch"
python3 "$(dirname "$0")/flood.py" "$programs"
