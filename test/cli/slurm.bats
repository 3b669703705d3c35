#!/usr/bin/env bats
# Slurm's commands by the names of the links, with the real daemon: outside jobs, and inside them.
bats_require_minimum_version 1.5.0

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
        [ -z "$pid" ] || timeout 20 tail --pid="$pid" -f /dev/null
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
    run scancel -s USR1 1
    [[ $output == 'scancel: A job cannot be sent USR1 from here;'* ]]
    run scontrol update JobId=1 Colour=red
    [[ $output == 'scontrol: "Colour=red" cannot be changed here;'* ]]
    run scontrol show reservation
    [ "$status" -eq 1 ]
    SLURM_JOB_ID=1 run srun -N 2 true
    [[ $output == 'srun: --nodes=2: there is one machine here.'* ]]
    [[ $(sbatch --version) == "slurm "* ]]
}
