#!/bin/bash
# day.sh PROGRAMS_DIR - a working day of a small team on this machine, for real (make run).
#
# Starts a private daemon on the embedded defaults, with four declared GPUs (the sample jobs compute on
# CPUs), in a scratch directory.  Four people with different hours, zones and calendars submit jobs; those due now
# run to their end here, those planned for the night are shown with the time their owner will see them.
# Stops everything it started, unless KEEP=1.
set -eu
programs=$1
here=$(cd "$(dirname "$0")/.." && pwd)
scratch=${EOUL_DAY_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/eoul-day.XXXXXX")}
mkdir -p "$scratch/run" "$scratch/work"
chmod 700 "$scratch" "$scratch/run"
export EOUL_STATE="$scratch/state" EOUL_SOCKET="$scratch/run/socket" EOUL_CONFIG="$scratch/eoul.yaml"
export EOUL_LOCK_DIR="$scratch/lock" PATH="$programs:$PATH"
cat >"$EOUL_CONFIG" <<'Y'
gpus: 4
cpus: 8
Y
export TZ=Asia/Seoul # where most of them are: times read as theirs
train="$programs/examples/train"
text="$here/README.md"

finish() {
    if [ "${KEEP:-0}" = 1 ]; then
        printf '\nLeft running, as asked.  To look around:\n'
        printf '  export EOUL_STATE=%s EOUL_SOCKET=%s EOUL_CONFIG=%s EOUL_LOCK_DIR=%s PATH=%s:$PATH\n' \
            "$EOUL_STATE" "$EOUL_SOCKET" "$EOUL_CONFIG" "$EOUL_LOCK_DIR" "$programs"
        printf '  eoul plan; eoul queue; eoul down --cancel-jobs\n'
    else
        eoul down --cancel-jobs >/dev/null 2>&1 || true
        rm -rf "$scratch"
    fi
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
# Show a command as a person would type it, then run it.
show() {
    printf '$ eoul %s\n' "$*"
    eoul "$@"
}
# Submit for somebody; prints what was typed, gives the id back in $id.
submit() { typed submit "$@"; }
typed() {
    local verb=$1
    shift
    printf '$ eoul %s' "$verb"
    printf ' %q' "$@"
    printf '\n'
    id=$(eoul "$verb" --parsable "$@")
    id=${id%%;*}
    printf '  -> job %s\n' "$id"
}

say "A team of four: Mina has a child, Jun is a night owl, Hana is on leave, Ana lives in Lisbon"
eoul up
for who in mina jun hana; do eoul me --for "$who" zone Asia/Seoul >/dev/null; done
eoul me --for mina hours 'Mon-Fri 09:00-18:00,20:30-22:00' >/dev/null
eoul me --for jun hours 'Mon-Fri 14:00-23:00' >/dev/null
eoul me --for hana hours 'Mon-Fri 09:00-18:00' >/dev/null
eoul me --for ana zone Europe/Lisbon >/dev/null
eoul me --for ana hours 'Mon-Fri 08:30-12:30,14:00-17:30' >/dev/null
# the sample leave begins today, whatever day it is
sed "s/20261125/$(date +%Y%m%d)/; s/20261201/$(date -d '+6 days' +%Y%m%d)/" "$here/examples/calendars/on-leave.ics" \
    >"$scratch/leave.ics"
show me --for mina calendar add "$here/examples/calendars/parent.ics"
show me --for jun calendar add "$here/examples/calendars/night-owl.ics"
show me --for hana calendar add "$scratch/leave.ics"
show me --for mina
show me --for hana

cd "$scratch/work"
say "Their morning: single jobs, a sweep, a chain, one that fails once, one long one"
submit --for mina --gpus=1 --time=10 --job-name=baseline -- "$train" "$text" --steps 2000
first=$id
typed sweep --for mina --gpus=1 --time=10 --param seed=1..4 --max-running 2 --job-name=seeds \
    --output='seed-{seed}.out' --minimize loss -- "$train" "$text" --steps 1200 --seed {seed}
sweep=$id
submit --for mina --gpus=1 --time=5 --dependency="afterok:$sweep" --job-name=compare -- \
    sh -c 'grep -h eoul:result seed-*.out | sort | head -1'
compare=$id
submit --for jun --gpus=1 --time=10 --retry=1:2s --job-name=flaky -- \
    "$train" "$text" --steps 1000 --fail-once "$scratch/work/failed-once"
flaky=$id
cat >eval.sbatch <<'S'
#!/bin/bash
#SBATCH --job-name=eval --output=eval-%j.out
#SBATCH --gpus=1 --ntasks=2 --time=00:05:00
module load cuda/12
srun --label bash -c 'echo "rank $SLURM_PROCID of $SLURM_NTASKS on $SLURMD_NODENAME"'
S
submit --for hana eval.sbatch
script=$id
submit --for ana --gpus=2 --time=10 --job-name=wide -- "$train" "$text" --steps 1500 --hidden 32
wide=$id
submit --for ana --gpus=4 --time=9:00:00 --begin=20:00 --job-name=overnight -- \
    "$train" "$text" --steps 100000000 --checkpoint overnight.ck
night=$id
submit --for jun --gpus=4 --time=2:00:00 --job-name=ablation --dependency="afterok:$night" -- \
    "$train" "$text" --steps 1000
ablation=$id

say "By hand, and not: Mina labels in her evening, the GPUs train in the night, Jun looks the day after"
TRAIN="$train $text" "$here/examples/chain.sh"

say "The plan: GPUs by time, when its owner sees each result, and what is done by hand"
show plan
show gpus
show why "$night"
show why "$ablation"

say "What is due now, to its end"
show run --for mina --gpus=1 --time=10 --job-name=quick -- "$train" "$text" --steps 800
eoul wait "$first" "$sweep" "$compare" "$flaky" "$wide" "$script"
show sweep show "$sweep"
show logs "$compare"
show logs "$script"
show logs "$flaky"
show history

say "A shell with a GPU, used by a script: it stays between the lines, and ends with its input"
printf 'cd "%s"\necho "job $SLURM_JOB_ID sees GPU $CUDA_VISIBLE_DEVICES"\ngrep -h eoul:result seed-*.out | wc -l\nexit 0\n' "$scratch/work" |
    show shell --for mina --gpus=1 --time=5

say "Tonight"
show queue
show why "$night"
eoul plan --svg "$here/plan.svg"
printf '\nThe plan as a picture: %s/plan.svg\n' "$here"
