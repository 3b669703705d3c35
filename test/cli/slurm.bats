#!/usr/bin/env bats
# Slurm's commands by the names of the links, with the real daemon: outside jobs, and inside them.
bats_require_minimum_version 1.5.0
load ended

setup() {
    T=$(mktemp -d /tmp/eoul-slurm-XXXXXX)
    cd "$T" || return 1
    eoul=${EOUL_BIN:?path of eoul}
    export EOUL_STATE=$T/state EOUL_LOCK_DIR=$T/lock HOME=$T TZ=Asia/Seoul LANG=C.UTF-8
    unset EOUL_SOCKET LC_ALL LC_MESSAGES LC_CTYPE LANGUAGE COLUMNS NO_COLOR XDG_STATE_HOME XDG_CONFIG_HOME
    unset "${!SLURM_@}"
    mkdir -p "$T/.config/eoul" && printf 'gpus: 4\ncpus: 8\n' >"$T/.config/eoul/eoul.yaml"
    PATH=$(dirname "$eoul")/slurm:$PATH
    host=$(hostname -s)
}

teardown() {
    if [ -S "$T/state/socket" ]; then
        pid=$("$eoul" status --json | jq .pid) 2>/dev/null
        "$eoul" down --cancel-jobs >/dev/null 2>&1
        [ -z "$pid" ] || ended "$pid"
    fi
    cd / && rm -rf "$T"
}

# job NAME <<script: submit it, wait, and its output is in NAME.out.
job() {
    cat >"$1.sbatch"
    sbatch --parsable --output "$1.out" "$1.sbatch" >"$1.id"
    timeout 60 "$eoul" wait -q "$(cat "$1.id")" || true
}

@test "sbatch says what programs look for; squeue, sacct, scontrol and scancel speak of the job as Slurm does" {
    printf '#!/bin/bash\n#SBATCH -J train -t 1:30:00 --gpus=2\nsleep 60\n' >a.sh
    run sbatch a.sh
    [ "$output" = "Submitted batch job 1" ]
    run sbatch --hold --wrap 'exit 3'
    [ "$output" = "Submitted batch job 2" ]
    sbatch --hold --array 0-3%2 -J arr --wrap true
    until [ "$(squeue -h -j 1 -o %t)" = R ]; do sleep 0.05; done
    run squeue -h -o '%i|%j|%T|%t|%l|%b|%R|%D|%C|%P' -j 1
    [ "$output" = "1|train|RUNNING|R|1:30:00|gres:gpu:2|$host|1|1|eoul" ]
    run squeue -h -o '%i %t %r' -t PD
    [ "$output" = $'2 PD JobHeldUser\n3_[0-3] PD JobHeldUser' ]
    [ "$(squeue -h -r -n arr -o %i | tr '\n' ' ')" = "3_0 3_1 3_2 3_3 " ]
    run squeue -j 1 -O 'jobid:6,name:.8,state:12'
    [ "$output" = $'JOBID     NAMESTATE       \n1        trainRUNNING     ' ]
    run squeue
    [[ ${lines[0]} == "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)" ]]
    run scontrol show job 1
    [[ $output == *"JobState=RUNNING Reason=None"* && $output == *"TimeLimit=1:30:00"* && $output == *"WorkDir=$T"* ]]
    scontrol update JobId=2 TimeLimit=7 Nice=5
    [ "$(squeue -h -j 2 -o %l)" = 7:00 ]
    scontrol release 2
    "$eoul" wait -q 2 || true
    run sacct -X -n -P -j 2 -o JobID,State,ExitCode,JobName
    [ "$output" = "2|FAILED|3:0|wrap" ]
    run sacct -o JobID,State,NodeList --parsable2 -j 1 -j 2
    [ "$output" = $'JobID|State|NodeList\n'"2|FAILED|$host"$'\n'"1|RUNNING|$host" ]
    run scancel 1
    [ "$status" -eq 0 ] && [ -z "$output" ]
    "$eoul" wait -q 1 || true
    [ "$(sacct -n -P -j 1 -o State)" = CANCELLED ]
    scancel --name arr
    [ -z "$(squeue -h)" ]
    run seff 1
    [[ $output == *"Job Wall-clock time: 00:0"* ]]
    [ "$(sinfo -h -o '%P %a %D %t %G')" = "eoul* up 1 idle gpu:4" ]
}

@test "names of hosts" {
    run scontrol show hostnames 'gpu[01-03,7]-a,login'
    [ "$output" = $'gpu01-a\ngpu02-a\ngpu03-a\ngpu7-a\nlogin' ]
    run scontrol show hostnames 'gpu[1-'
    [ "$status" -eq 1 ]
    run scontrol show hostnames 'gpu[1-99999999]'
    [ "$status" -eq 1 ]
}

@test "inside a job: srun's ranks, their numbers, GPUs and exit codes; scontrol and sbatch; no modules" {
    job in <<'S'
#!/bin/bash
#SBATCH --ntasks=3 --gpus=3
module load cuda/12
srun sh -c 'echo "rank $SLURM_PROCID of $SLURM_NTASKS $SLURM_LOCALID"' | sort
srun -n 3 --gpus-per-task=1 sh -c 'echo "gpu $SLURM_PROCID $CUDA_VISIBLE_DEVICES"' | sort
srun -l -n 2 sh -c 'echo a; echo b >&2' 2>&1 | sort
echo data | srun -n1 cat
srun -n 2 sh -c 'exit $((SLURM_PROCID + 4))'; echo "code $?"
srun -n 1 sh -c 'kill -9 $$'; echo "code $?"
srun -n 2 -K sh -c '[ $SLURM_PROCID = 0 ] && exit 9; sleep 600'; echo "code $?"
srun -n 2 -o 'r%t.txt' sh -c 'echo $SLURM_PROCID'; cat r0.txt r1.txt
srun nosuchprogram; echo "code $?"
scontrol show hostnames "$SLURM_JOB_NODELIST"
sbatch --parsable --hold --wrap true
S
    cat in.out
    grep -q "no environment modules on this machine; 'module load cuda/12' was passed over" in.out
    grep -q '^rank 0 of 3 0$' in.out && grep -q '^rank 2 of 3 2$' in.out
    [ "$(grep '^gpu ' in.out | tr '\n' ' ')" = "gpu 0 0 gpu 1 1 gpu 2 2 " ]
    [ "$(grep -c '^[01]: [ab]$' in.out)" -eq 4 ]
    grep -qx data in.out
    grep -q 'task 1: Exited with exit code 5' in.out
    [ "$(grep '^code' in.out | tr '\n' ' ')" = "code 5 code 137 code 143 code 127 " ]
    [ "$(grep -x '[01]' in.out | tr '\n' ' ')" = "0 1 " ]
    grep -qx "$host" in.out
    tail -1 in.out | grep -qx 2
}

@test "srun outside a job is a job; what has no meaning is refused in a sentence" {
    run --separate-stderr timeout 30 srun -n1 --job-name=x sh -c 'echo hi; exit 4'
    [ "$output" = hi ] && [ "$status" -eq 4 ]
    run squeue -o %y
    [ "$status" -eq 2 ]
    [[ $output == 'squeue: The format "%y" is not understood;'* ]]
    run scancel
    [ "$status" -eq 2 ]
    run scontrol update JobId=1 Colour=red
    [[ $output == 'scontrol: "Colour=red" cannot be changed here;'* ]]
    run scontrol show reservation
    [ "$status" -eq 1 ]
    SLURM_JOB_ID=1 run srun -N 2 true
    [[ $output == 'srun: --nodes=2: there is one machine here.'* ]]
    [[ $(sbatch --version) == "slurm "* ]]
}

@test "scancel --signal: to what a script started, to the script alone, to all; recorded, and KILL cancels" {
    cat >listens.sh <<'S'
#!/bin/bash
trap 'echo script USR1' USR1
trap 'echo script USR2' USR2
bash -c 'trap "echo child USR1" USR1; trap "echo child USR2" USR2; echo ready; while :; do read -t 0.1 <> <(:); done' &
while :; do wait; done
S
    sbatch -o out.txt listens.sh
    said() { for _ in $(seq 600); do grep -qx "$1" out.txt 2>/dev/null && return; sleep 0.1; done; cat out.txt; false; }
    said ready
    run scancel -s USR1 1
    [ "$status" -eq 0 ] && [ -z "$output" ]
    said 'child USR1'
    run scancel --batch --signal=SIGUSR2 1
    [ "$status" -eq 0 ]
    said 'script USR2'
    [ "$(grep -c . out.txt)" -eq 3 ] # neither the script's USR1 nor the child's USR2
    run "$eoul" cancel --full --signal 10 1
    [ "$output" = 'The signal was sent to 1 job.' ]
    said 'script USR1'
    grep -q 'what=signal job=1 attempt=1 signal=10 code=sent' state/log* state/*/log* 2>/dev/null || grep -rq 'job=1 attempt=1 signal=10 code=sent' state
    [ "$("$eoul" show --json 1 | jq -r .state)" = RUNNING ]
    sbatch --hold --wrap true
    run scancel -s INT 2
    [ "$status" -eq 1 ]
    [ "$output" = 'scancel: Job 2 does not run now, so there is nothing to send a signal to.' ]
    run scancel -s NOISE 1
    [[ $output == 'scancel: There is no signal "NOISE": write a name such as USR1 or INT'* ]]
    run "$eoul" cancel --batch 1
    [[ $output == 'eoul: --batch and --full say whom a signal is for'* ]]
    sbatch --hold --array 0-9 --wrap true
    scancel '3_[0-2,7]'
    [ "$(squeue -h -r -j 3 -o %i | tr '\n' ' ')" = "3_3 3_4 3_5 3_6 3_8 3_9 " ]
    run scancel '3_[3-'
    [ "$output" = 'scancel: "3_[3-" names no tasks; write for example 12_3 or 12_[0-3,7].' ]
    scancel --me -s KILL -t R
    timeout 60 "$eoul" wait -q 1 || true
    [ "$("$eoul" show --json 1 | jq -r .state)" = CANCELLED ]
    [ "$("$eoul" show --json 2 | jq -r .state)" = PENDING ]
}

@test "--test-only: checked as a submit is, when it would start is said, nothing is submitted" {
    printf '#!/bin/bash\n#SBATCH -n 2\nsleep 1\n' >a.sh
    run --separate-stderr sbatch --test-only a.sh
    [ "$status" -eq 0 ] && [ -z "$output" ]
    [[ $stderr == "sbatch: Job 1 to start at 2"*T*" using 2 processors on nodes $host in partition eoul" ]]
    run --separate-stderr srun --test-only -n 1 true
    [[ $stderr == "srun: Job 1 to start at 2"* ]]
    run "$eoul" submit --test-only --gpus=1 a.sh
    [[ $output == 'It would start now, and be done about '*$'\nNothing was submitted.' ]]
    run "$eoul" submit --test-only --begin=now+2hours a.sh
    [[ $output == 'It would start about '* ]]
    run "$eoul" submit --test-only --gpus=64 a.sh
    [ "$status" -eq 0 ]
    [[ $output == 'It would wait (BadConstraints), and its start cannot be planned.'* ]]
    run "$eoul" submit --test-only --dependency=afterok:77 a.sh
    [ "$status" -eq 1 ]
    run "$eoul" run --test-only -- touch ran
    [[ $output == 'It would start now'* ]] && [ ! -e ran ]
    [ "$("$eoul" submit --test-only --json a.sh | jq '.jobs[0].forecast.cpus')" = 2 ]
    printf -- '-- true\n--hold -- false\n' >many.txt
    run "$eoul" submit --test-only --from many.txt
    [ "${#lines[@]}" -eq 3 ] && [[ ${lines[1]} == '2: It would wait (JobHeldUser)'* ]]
    [ -z "$(squeue -h)" ] && [ "$(sbatch --parsable --hold a.sh)" = 1 ] # the number is nobody's
    # the numbers are those of the plan, behind a job that has all GPUs
    scancel 1 # it never runs: a run would be history, and expectations would move with the clock
    sbatch --exclusive -t 60 --wrap 'sleep 3600'
    for _ in $(seq 600); do [ "$("$eoul" show --json 2 | jq -r .state)" = RUNNING ] && break; sleep 0.1; done
    at=$("$eoul" submit --test-only --json --gpus=1 a.sh | jq '.jobs[0].forecast.start_at / 1e6 | floor')
    sbatch --gpus=1 a.sh
    planned=$("$eoul" show --json 3 | jq '.start_at / 1e6 | floor')
    [ "$at" -gt 0 ] && [ "$((at > planned ? at - planned : planned - at))" -le 120 ]
}

# has FILE NAME=VALUE...: the lines of a saved environment.  lacks FILE NAME...
has() { for v in "${@:2}"; do grep -qx -- "$v" "$1" || { echo "no $v in:"; grep -E 'SLURM|CUDA|TMPDIR' "$1"; return 1; }; done; }
lacks() { for v in "${@:2}"; do ! grep -q -- "^$v=" "$1" || { grep -- "^$v=" "$1"; return 1; }; done; }

@test "what a job is told: each variable where it was asked for, and only there" {
    saves() { sbatch -o /dev/null "$@" --wrap 'env >"$SLURM_JOB_NAME.$SLURM_JOB_ID.env"'; }
    me=$(id -un)
    saves -J plain --parsable >id
    timeout 60 "$eoul" wait -q "$(cat id)"
    has plain.1.env SLURM_JOB_ID=1 SLURM_JOBID=1 SLURM_JOB_NAME=plain "SLURM_JOB_USER=$me" "SLURM_JOB_UID=$(id -u)" \
        "SLURM_JOB_GID=$(id -g)" SLURM_JOB_PARTITION=eoul "SLURM_JOB_NODELIST=$host" "SLURM_NODELIST=$host" \
        "SLURMD_NODENAME=$host" SLURM_NNODES=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0 \
        SLURM_GTIDS=0 "SLURM_SUBMIT_DIR=$T" "SLURM_SUBMIT_HOST=$host" SLURM_CLUSTER_NAME=eoul SLURM_CPUS_ON_NODE=1 \
        SLURM_JOB_CPUS_PER_NODE=1 SLURM_TASKS_PER_NODE=1 SLURM_PRIO_PROCESS=0 ENVIRONMENT=BATCH "HOSTNAME=$host" \
        CUDA_VISIBLE_DEVICES= "TMPDIR=${TMPDIR:-/tmp}"
    grep -qE '^SLURM_JOB_START_TIME=[0-9]{10}$' plain.1.env
    lacks plain.1.env SLURM_NTASKS SLURM_NPROCS SLURM_CPUS_PER_TASK SLURM_NTASKS_PER_NODE SLURM_GPUS SLURM_GPUS_ON_NODE \
        SLURM_JOB_GPUS SLURM_JOB_END_TIME SLURM_RESTART_COUNT SLURM_MEM_PER_NODE SLURM_ARRAY_JOB_ID \
        SLURM_ARRAY_TASK_ID SLURM_JOB_ACCOUNT SLURM_JOB_QOS SLURM_EXPORT_ENV SLURM_OPEN_MODE SLURM_OVERCOMMIT
    saves -J tasks -n 3 -c 2 -t 5 --mem=100M --parsable >id
    timeout 60 "$eoul" wait -q "$(cat id)"
    has tasks.2.env SLURM_NTASKS=3 SLURM_NPROCS=3 SLURM_CPUS_PER_TASK=2 SLURM_CPUS_ON_NODE=6 SLURM_TASKS_PER_NODE=3 \
        SLURM_MEM_PER_NODE=100
    start=$(sed -n 's/^SLURM_JOB_START_TIME=//p' tasks.2.env)
    has tasks.2.env "SLURM_JOB_END_TIME=$((start + 300))"
    saves -J gpus --gpus-per-node=2 --ntasks-per-node=2 -A vision --qos=night --comment=why --parsable >id
    timeout 60 "$eoul" wait -q "$(cat id)"
    has gpus.3.env SLURM_GPUS_PER_NODE=2 SLURM_GPUS_ON_NODE=2 SLURM_JOB_GPUS=0,1 CUDA_VISIBLE_DEVICES=0,1 \
        SLURM_NTASKS_PER_NODE=2 SLURM_NTASKS=2 SLURM_JOB_ACCOUNT=vision SLURM_JOB_QOS=night SLURM_JOB_COMMENT=why
    lacks gpus.3.env SLURM_GPUS SLURM_CPUS_PER_TASK
    saves -J array -a 3-7:2 --parsable >id
    timeout 60 "$eoul" wait -q "$(cat id)"
    n=$(cat id)
    has array.$((n + 1)).env "SLURM_JOB_ID=$((n + 1))" "SLURM_ARRAY_JOB_ID=$n" SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_COUNT=3 \
        SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=2
    # a second attempt knows that it is one
    id=$(sbatch --parsable -J again --retry=1:1s -o /dev/null --wrap 'env >again.$SLURM_RESTART_COUNT.env; [ -n "$SLURM_RESTART_COUNT" ]')
    timeout 60 "$eoul" wait -q "$id"
    has again.1.env SLURM_RESTART_COUNT=1 "SLURM_JOB_ID=$id"
    lacks again..env SLURM_RESTART_COUNT
    # a job submitted from a job begins with its own
    sbatch --wait -J outer -n 4 --gpus=1 -o /dev/null --wrap 'sbatch --wait -J inner -o /dev/null --wrap "env >inner.env"'
    has inner.env SLURM_JOB_NAME=inner SLURM_CPUS_ON_NODE=1 CUDA_VISIBLE_DEVICES=
    lacks inner.env SLURM_NTASKS SLURM_GPUS SLURM_JOB_GPUS
}

# What is wrong with a file or a wish is one sentence, and nothing is started for it.  (They take some milliseconds; the
# bound here is one against hanging.)
@test "bad input: ten megabytes, CR LF, NUL, a byte order mark, unknown, contradictory and endless things" {
    says() { # CODE SENTENCE ARGUMENTS...
        run timeout 60 "$eoul" "${@:3}"
        [ "$status" -eq "$1" ] && [ "$output" = "eoul: $2" ] || { echo "${*:3}: $status"; echo "$output"; false; }
    }
    head -c 10485760 /dev/zero | tr '\0' x >big.sh
    says 1 'The script "big.sh" is larger than the 4 MiB a script may have; start a program from a short one.' submit big.sh
    printf '#!/bin/bash\r\n#SBATCH -t 5\r\ntrue\r\n' >a.sh
    says 1 'Line 1 of the script ends as on Windows (CR LF), which shells misread; convert it with: sed -i '"'s/\\r\$//' FILE." submit a.sh
    printf '#!/bin/bash\necho \0\n' >a.sh
    says 1 'Line 2 of the script holds a NUL byte; it is not a text file.' submit a.sh
    printf '\xef\xbb\xbf#!/bin/bash\n' >a.sh
    run "$eoul" submit a.sh
    [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == 'eoul: The script begins with a byte order mark, so its first line'* ]]
    printf '#!/bin/bash\n#SBATCH --colour=red\ntrue\n' >a.sh
    says 2 'Line 2: there is no option --colour; see eoul help submit.' submit a.sh || says 1 'Line 2: there is no option --colour; see eoul help submit.' submit a.sh
    printf '#!/bin/bash\n#SBATCH --mem=4G --mem-per-cpu=1G\ntrue\n' >a.sh
    says 1 '--mem and --mem-per-cpu contradict each other; give one of them.' submit a.sh
    says 1 '--param and --array contradict each other; give one of them.' submit --array=1-5 --param a=1,2 -- true {a}
    printf '#!/bin/bash\n#SBATCH -a 0-999999\ntrue\n' >a.sh
    says 1 'Line 2: --array=0-999999: it asks for 1000000 tasks; an array can have at most 100000.' submit a.sh
    says 1 'The sweep has 1000000000 points; at most 100000 are possible, so give fewer values, or draw some with --random=20.' \
        sweep --param a=1..1000000000 -- true {a}
    says 2 'There is no script "sleep" here; for the command of that name write two dashes before it: -- sleep.' submit sleep 5
    [ ! -e state/socket ]
    # a calendar without an end, and one that never comes to its second occurrence
    event() { printf 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20261101T090000Z\r\nDTEND:20261101T100000Z\r\nRRULE:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n' "$1"; }
    event FREQ=SECONDLY >endless.ics
    run --separate-stderr timeout 60 "$eoul" cal expand endless.ics --from 2026-11-01 --to 2027-11-01
    [ "$status" -eq 0 ] && [ "$stderr" = 'eoul: line 4: The event recurs too often to be followed; only the first occurrence counts. (a)' ]
    event 'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30' >never.ics
    run timeout 60 "$eoul" cal expand never.ics --from 2026-11-01 --to 2027-11-01
    [ "$status" -eq 0 ] && [ "${#lines[@]}" -eq 1 ]
    says 1 'A calendar can have at most 8 MB; this one is larger.' cal expand big.sh --from 2026-11-01 --to 2026-11-02
}

@test "an output directory that is missing is said at the submit, where somebody reads it" {
    run --separate-stderr sbatch --hold -o logs/%x-%j.out --wrap true
    [ "$status" -eq 0 ]
    [ "$stderr" = 'sbatch: --output=logs/%x-%j.out: there is no directory "logs/" yet; without it the job will fail at its start.' ]
    mkdir logs
    run --separate-stderr sbatch --hold -o logs/%x-%j.out -e "$T/errs/e" --wrap true
    [ "$stderr" = "sbatch: --error=$T/errs/e: there is no directory \"$T/errs/\" yet; without it the job will fail at its start." ]
    run --separate-stderr sbatch --hold -o %x/o.out -e /dev/null --wrap true
    [ -z "$stderr" ] # nobody knows yet
}

# facebookincubator/submitit, submitit/slurm/slurm.py: SlurmInfoWatcher._make_command, SlurmJob._interrupt, cancel;
# nextflow-io/nextflow, executor/SlurmExecutor.groovy: getSubmitCommandLine, queueStatusCommand, getKillCommand;
# Lightning-AI/pytorch-lightning, trainer/connectors/signal_connector.py: _slurm_sigusr_handler_fn.
@test "the command lines that submitit, Nextflow and Lightning run" {
    me=$(id -un)
    cat >submission_file_1.sh <<'S'
#!/bin/bash
#SBATCH --signal=USR2@90
bash -c 'trap "echo told to end" TERM; trap "echo told to save; exit 0" USR2; echo ready; while :; do read -t 0.1 <> <(:); done'
S
    [[ $(sbatch submission_file_1.sh) =~ ^Submitted\ batch\ job\ 1$ ]]
    for _ in $(seq 600); do grep -q ready slurm-1.out 2>/dev/null && break; sleep 0.1; done
    # a job speaks before its start is written down; submitit asks again too
    until [ "$(squeue -h -j 1 -o %t)" = R ]; do sleep 0.05; done
    [ "$(sacct -o JobID,State,NodeList --parsable2 -j 1)" = $'JobID|State|NodeList\n'"1|RUNNING|$host" ]
    scancel 1 --signal SIGTERM
    for _ in $(seq 600); do grep -q 'to end' slurm-1.out && break; sleep 0.1; done
    scancel 1 --signal SIGUSR2
    timeout 60 "$eoul" wait -q 1
    [ "$(cat slurm-1.out)" = $'ready\ntold to end\ntold to save' ]
    mkdir work && printf '#!/bin/bash\n#SBATCH -J nf-A\n#SBATCH -o %s/work/.command.log\n#SBATCH --no-requeue\n#SBATCH --signal B:USR2@30\n#SBATCH -p long\nsleep 600\n' "$T" >work/.command.run
    (cd work && sbatch .command.run 2>/dev/null) | grep -qx 'Submitted batch job 2'
    until [ "$(squeue --noheader -o '%i %t' -t all -p long -u "$me" | grep '^2 ')" = '2 R' ]; do sleep 0.1; done
    scancel 2 1 || true # Nextflow kills what it still thinks is there
    timeout 60 "$eoul" wait -q 2 || true
    [ "$(squeue --noheader -o '%i %t' -t all -u "$me" | grep '^2 ')" = '2 CA' ]
    cat >train.sh <<'S'
#!/bin/bash
[ -n "$SLURM_RESTART_COUNT" ] && exit 0
scontrol requeue "$SLURM_JOB_ID"
sleep 600
S
    sbatch --requeue train.sh
    timeout 60 "$eoul" wait -q 3
    [ "$("$eoul" show --json 3 | jq -c '[.state, (.attempts | length)]')" = '["COMPLETED",2]' ]
}
