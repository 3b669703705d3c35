/* option_table.c - see option.h: the rows.
 *
 * Their order is the order of the canonical text and of `eoul help submit`.  A row may move; its name
 * may not change, because stored jobs are read back by it.
 */
#include "spec/option.h"

#include <stddef.h>

#include "spec/value.h"

#define AT(field) offsetof(struct spec, field)

enum { G_NONE, G_PROGRAM, G_MEM, G_GPUS, G_CPUS, G_REQUEUE };

/* Reasons that several rows share. */
#define ONE_MACHINE  N_("there is one machine here, so there is nothing to place")
#define ONE_QUEUE    N_("there is one queue here; it is kept for the record")
#define NO_LAYOUT    N_("CPUs are given out one by one here, without regard to sockets and cores")
#define NO_BINDING   N_("processes are not bound to CPUs, memory or GPUs here")
#define NO_KNOBS     N_("clocks and power of CPUs and GPUs are not set per job here")
#define NO_PROFILE   N_("accounting is the same for all jobs here")
#define NO_CONTAINER N_("eoul does not start containers; start it in the script, for example with apptainer exec")
#define NO_STAGING   N_("there is no burst buffer here; copy the data in the script")
#define NO_OTHERS    N_("a job runs as the person who submits it")

const struct option_def option_table[] = {
#define OK(name, alias, letter, arg, kind, group, number, field, env, value, help) \
    { name, alias, letter, arg, kind, OPTION_OK, group, number, AT(field), env, value, help },
    OK("job-name", NULL, 'J', OPTION_ARG, VALUE_NAME, G_NONE, 0, job_name, "SBATCH_JOB_NAME",
       "train", N_("the name it is listed under"))
    OK("chdir", "workdir", 'D', OPTION_ARG, VALUE_TEXT, G_NONE, 0, chdir, NULL,
       "DIR", N_("the directory it runs in (default: the present one)"))
    OK("output", NULL, 'o', OPTION_ARG, VALUE_TEXT, G_NONE, 0, output, "SBATCH_OUTPUT",
       "run-%j.log", N_("where its output goes; %j is the job, %A_%a the array and its index"))
    OK("error", NULL, 'e', OPTION_ARG, VALUE_TEXT, G_NONE, 0, error, "SBATCH_ERROR",
       "run-%j.err", N_("where its errors go (default: with the output)"))
    OK("input", NULL, 'i', OPTION_ARG, VALUE_TEXT, G_NONE, 0, input, "SBATCH_INPUT",
       "FILE", N_("what it reads (default: /dev/null)"))
    OK("open-mode", NULL, 0, OPTION_ARG, VALUE_OPEN_MODE, G_NONE, 0, open_mode, "SBATCH_OPEN_MODE",
       "append", N_("append to the output file or truncate it (default)"))
    OK("export", NULL, 0, OPTION_ARG, VALUE_EXPORT, G_NONE, 0, export_env, "SBATCH_EXPORT",
       "ALL,SEED=3", N_("variables it gets: ALL (default), NONE, or a list"))
    OK("time", NULL, 't', OPTION_ARG, VALUE_TIME, G_NONE, 0, time_us, "SBATCH_TIMELIMIT",
       "8:00:00", N_("time limit: minutes, HH:MM:SS or D-HH:MM:SS"))
    OK("time-min", NULL, 0, OPTION_ARG, VALUE_TIME, G_NONE, 0, time_min_us, NULL,
       "1:00:00", N_("the shortest time limit it could live with"))
    OK("gpus", NULL, 'G', OPTION_ARG, VALUE_GPUS, G_GPUS, 0, gpus, "SBATCH_GPUS",
       "2", N_("GPUs for the whole job, with a type if it matters: 2 or a100:2"))
    OK("gres", NULL, 0, OPTION_ARG, VALUE_GRES, G_GPUS, 0, gres_gpus, "SBATCH_GRES",
       "gpu:2", N_("GPUs as Slurm scripts ask for them: gpu:2 or gpu:a100:2"))
    OK("gpus-per-node", NULL, 0, OPTION_ARG, VALUE_GPUS, G_GPUS, 0, gpus_per_node,
       "SBATCH_GPUS_PER_NODE", "2", N_("GPUs per machine: here the same as --gpus"))
    OK("gpus-per-task", NULL, 0, OPTION_ARG, VALUE_GPUS, G_GPUS, 0, gpus_per_task,
       "SBATCH_GPUS_PER_TASK", "1", N_("GPUs for each of --ntasks"))
    OK("cpus-per-task", NULL, 'c', OPTION_ARG, VALUE_COUNT, G_CPUS, SPEC_CPUS_MAX, cpus_per_task,
       NULL, "8", N_("CPUs for each task (default: 1)"))
    OK("cpus-per-gpu", NULL, 0, OPTION_ARG, VALUE_COUNT, G_CPUS, SPEC_CPUS_MAX, cpus_per_gpu,
       "SBATCH_CPUS_PER_GPU", "8", N_("CPUs for each GPU"))
    OK("mincpus", NULL, 0, OPTION_ARG, VALUE_COUNT, G_NONE, SPEC_CPUS_MAX, mincpus, NULL,
       "8", N_("at least so many CPUs"))
    OK("ntasks", "tasks", 'n', OPTION_ARG, VALUE_COUNT, G_NONE, SPEC_CPUS_MAX, ntasks, NULL,
       "4", N_("processes that srun starts inside the job"))
    OK("ntasks-per-node", "tasks-per-node", 0, OPTION_ARG, VALUE_COUNT, G_NONE, SPEC_CPUS_MAX,
       ntasks_per_node, NULL, "4", N_("processes per machine: here the same as --ntasks"))
    OK("ntasks-per-gpu", NULL, 0, OPTION_ARG, VALUE_COUNT, G_NONE, SPEC_CPUS_MAX, ntasks_per_gpu,
       NULL, "1", N_("processes for each GPU"))
    OK("nodes", NULL, 'N', OPTION_ARG, VALUE_NODES, G_NONE, 1000000, nodes, NULL,
       "1", N_("machines; eoul's local engine has one"))
    OK("mem", NULL, 0, OPTION_ARG, VALUE_MIB, G_MEM, 0, mem_mib, "SBATCH_MEM_PER_NODE",
       "64G", N_("memory of the job (MiB without a unit; 0: all)"))
    OK("mem-per-cpu", NULL, 0, OPTION_ARG, VALUE_MIB, G_MEM, 0, mem_per_cpu_mib,
       "SBATCH_MEM_PER_CPU", "4G", N_("memory for each CPU"))
    OK("mem-per-gpu", NULL, 0, OPTION_ARG, VALUE_MIB, G_MEM, 0, mem_per_gpu_mib,
       "SBATCH_MEM_PER_GPU", "64G", N_("memory for each GPU"))
    OK("exclusive", NULL, 0, OPTION_MAY_ARG, VALUE_EXCLUSIVE, G_NONE, 0, exclusive,
       "SBATCH_EXCLUSIVE", "user", N_("the whole machine for itself"))
    OK("overcommit", NULL, 'O', OPTION_NO_ARG, VALUE_FLAG, G_NONE, 0, overcommit,
       "SBATCH_OVERCOMMIT", NULL, N_("more processes than CPUs: all share one"))
    OK("array", NULL, 'a', OPTION_ARG, VALUE_ARRAY, G_NONE, 0, array, "SBATCH_ARRAY_INX",
       "0-9%4", N_("many tasks with an index each; %4 means four at once"))
    OK("dependency", NULL, 'd', OPTION_ARG, VALUE_DEPS, G_NONE, 0, deps, NULL,
       "afterok:12", N_("wait for other jobs: afterok, afternotok, afterany, after, singleton"))
    OK("kill-on-invalid-dep", NULL, 0, OPTION_ARG, VALUE_YES_NO, G_NONE, 0, kill_on_invalid_dep,
       NULL, "yes", N_("cancel it when what it waits for can no longer happen"))
    OK("begin", NULL, 'b', OPTION_ARG, VALUE_BEGIN, G_NONE, 0, begin, NULL,
       "22:00", N_("not before: 22:00, tomorrow, now+2hours, 2026-11-24T09:00"))
    OK("deadline", NULL, 0, OPTION_ARG, VALUE_TEXT, G_NONE, 0, deadline, NULL,
       "fri 9:00", N_("give up when it cannot end by then"))
    OK("nice", NULL, 0, OPTION_MAY_ARG, VALUE_NICE, G_NONE, 0, nice, NULL,
       "100", N_("larger: later among one's own jobs"))
    OK("hold", NULL, 'H', OPTION_NO_ARG, VALUE_FLAG, G_NONE, 0, hold, NULL,
       NULL, N_("wait until it is released"))
    OK("requeue", NULL, 0, OPTION_NO_ARG, VALUE_CHOICE, G_REQUEUE, SPEC_REQUEUE_YES, requeue,
       "SBATCH_REQUEUE", NULL, N_("it may run again if nobody knows how it ended"))
    OK("no-requeue", NULL, 0, OPTION_NO_ARG, VALUE_CHOICE, G_REQUEUE, SPEC_REQUEUE_NO, requeue,
       "SBATCH_NO_REQUEUE", NULL, N_("never run it again by itself"))
    OK("signal", NULL, 0, OPTION_ARG, VALUE_SIGNAL, G_NONE, 0, signal, "SBATCH_SIGNAL",
       "USR1@120", N_("a signal so many seconds before its time limit"))
    OK("mail-type", NULL, 0, OPTION_ARG, VALUE_MAIL, G_NONE, 0, mail_type, NULL,
       "END,FAIL", N_("when to tell you: BEGIN, END, FAIL, REQUEUE, TIME_LIMIT, ALL, NONE"))
    OK("mail-user", NULL, 0, OPTION_ARG, VALUE_TEXT, G_NONE, 0, mail_user, NULL,
       "minji@example.org", N_("whom to tell"))
    OK("comment", NULL, 0, OPTION_ARG, VALUE_TEXT, G_NONE, 0, comment, "SBATCH_COMMENT",
       "TEXT", N_("a remark kept with the job"))
    OK("account", NULL, 'A', OPTION_ARG, VALUE_NAME, G_NONE, 0, account, "SBATCH_ACCOUNT",
       "PROJECT", N_("the project it counts for"))
#undef OK

#define OWN(name, arg, kind, number, field, value, help) \
    { name, NULL, 0, arg, kind, OPTION_OWN, G_NONE, number, AT(field), NULL, value, help },
    OWN("preempt", OPTION_ARG, VALUE_PREEMPT, 0, preempt, "never",
        N_("may it be stopped for others: never (default), requeue, checkpoint"))
    OWN("on-stall", OPTION_ARG, VALUE_ON_STALL, 0, on_stall, "requeue",
        N_("when it makes no more steps and idles: warn (default), requeue, fail"))
    OWN("review", OPTION_ARG, VALUE_REVIEW, 0, review, "minji:20m",
        N_("who must look at the result, and for how long"))
    OWN("reviewer", OPTION_ARG, VALUE_NAME, 0, reviewer, "minji",
        N_("who will look at the result instead of you: the plan goes by their hours"))
    OWN("canary", OPTION_MAY_ARG, VALUE_LENGTH, 600, canary_us, "10m",
        N_("if it waits, try it for so long (10m) while you are there; what fails then is held, not run at night"))
    OWN("flex", OPTION_ARG, VALUE_LENGTH, 0, flex_us, "6h",
        N_("the result may come so much later if that helps others"))
    OWN("now", OPTION_NO_ARG, VALUE_FLAG, 0, now, NULL, N_("never move its start later"))
    OWN("watts", OPTION_ARG, VALUE_COUNT, 1000000, watts, "1200",
        N_("what it takes of the power cap, in W, all its GPUs together"))
    OWN("urgent", OPTION_NO_ARG, VALUE_FLAG, 0, urgent, NULL,
        N_("before all that is not urgent; a few times in seven days for each person"))
    OWN("snapshot", OPTION_NO_ARG, VALUE_FLAG, 0, snapshot, NULL,
        N_("run the code as it is now, whatever changes until the start"))
    OWN("retry", OPTION_ARG, VALUE_RETRY, 1000, retry, "3:10m",
        N_("run it again when it fails, so often, after so long; or by cause: 75=5,oom=0,node=3"))
    OWN("param", OPTION_ARG, VALUE_LIST, 64, params, "lr=1e-3,1e-4",
        N_("a sweep over these values; {lr} in the command stands for one; once for each parameter"))
    OWN("grid", OPTION_NO_ARG, VALUE_FLAG, 0, grid, NULL,
        N_("every combination of the parameters (default)"))
    OWN("random", OPTION_ARG, VALUE_COUNT, SPEC_ARRAY_MAX, random, "20",
        N_("so many points drawn instead of the grid"))
    OWN("random-seed", OPTION_ARG, VALUE_NUMBER, UINT32_MAX, random_seed, "7",
        N_("draw the same points again"))
    OWN("max-running", OPTION_ARG, VALUE_COUNT, SPEC_ARRAY_MAX, max_running, "4",
        N_("at most so many tasks of the sweep or array at once"))
    OWN("minimize", OPTION_ARG, VALUE_NAME, 0, minimize, "loss",
        N_("the result by which points are compared: the smaller the better"))
    OWN("maximize", OPTION_ARG, VALUE_NAME, 0, maximize, "acc",
        N_("the result by which points are compared: the larger the better"))
    OWN("result", OPTION_ARG, VALUE_RESULT, 0, result, "'val_loss: {loss}'",
        N_("a line of the output that holds results, besides \"eoul:result loss=0.12\""))
    OWN("stop-worst", OPTION_ARG, VALUE_SHARE, 0, stop_worst_ppm, "0.5",
        N_("give up this share of the points, those with the worst results ..."))
    OWN("after", OPTION_ARG, VALUE_AFTER, 0, after, "10%",
        N_("... judged when they have come so far: a part of their run, or a time"))
    OWN("hold-after", OPTION_ARG, VALUE_NUMBER, SPEC_ARRAY_MAX, hold_after, "3",
        N_("hold what waits of an array after so many equal failures in a row (sweeps: 3; 0: never)"))
#undef OWN

#define REQUEST(name, letter, arg, kind, field, env, value, help) \
    { name, NULL, letter, arg, kind, OPTION_REQUEST, G_NONE, 0, AT(field), env, value, help },
    REQUEST("for", 0, OPTION_ARG, VALUE_NAME, for_person, NULL, "minji",
            N_("act for this person (personal mode only)"))
    REQUEST("key", 0, OPTION_ARG, VALUE_NAME, key, NULL, "TEXT",
            N_("the same key again gives the same job again"))
    REQUEST("wait", 'W', OPTION_NO_ARG, VALUE_FLAG, wait, "SBATCH_WAIT", NULL,
            N_("return when it has ended, with its exit code"))
    REQUEST("parsable", 0, OPTION_NO_ARG, VALUE_FLAG, parsable, NULL, NULL,
            N_("print only the number of the job"))
    REQUEST("test-only", 0, OPTION_NO_ARG, VALUE_FLAG, test_only, NULL, NULL,
            N_("check it and say when it would start; submit nothing"))
    REQUEST("quiet", 'Q', OPTION_NO_ARG, VALUE_FLAG, quiet, NULL, NULL, N_("say less"))
    REQUEST("verbose", 'v', OPTION_NO_ARG, VALUE_FLAG, verbose, NULL, NULL, N_("say more"))
    { "wrap", NULL, 0, OPTION_ARG, VALUE_WRAP, OPTION_REQUEST, G_PROGRAM, 0, 0, NULL,
      "COMMAND", N_("run this shell command instead of a script") },
#undef REQUEST

/* Kept for the record (SLURM_JOB_PARTITION and the like), but nothing follows from them. */
#define KEPT(name, letter, field, env, help) \
    { name, NULL, letter, OPTION_ARG, VALUE_TEXT, OPTION_HINT, G_NONE, 0, AT(field), env, "NAME", help },
    KEPT("partition", 'p', partition, "SBATCH_PARTITION", ONE_QUEUE)
    KEPT("qos", 'q', qos, "SBATCH_QOS", ONE_QUEUE)
    KEPT("constraint", 'C', constraint, "SBATCH_CONSTRAINT", ONE_MACHINE)
    KEPT("reservation", 0, reservation, "SBATCH_RESERVATION",
         N_("there is no reservation of that name here; it is kept for the record"))
#undef KEPT

#define HINT(name, letter, arg, help) \
    { name, NULL, letter, arg, VALUE_NONE, OPTION_HINT, G_NONE, 0, 0, NULL, "VALUE", help },
    HINT("acctg-freq", 0, OPTION_ARG, NO_PROFILE)
    HINT("batch", 0, OPTION_ARG, ONE_MACHINE)
    HINT("cluster-constraint", 0, OPTION_ARG, ONE_MACHINE)
    HINT("clusters", 'M', OPTION_ARG, ONE_MACHINE)
    HINT("consolidate-segments", 0, OPTION_NO_ARG, ONE_MACHINE)
    HINT("contiguous", 0, OPTION_NO_ARG, ONE_MACHINE)
    HINT("core-spec", 'S', OPTION_ARG, NO_LAYOUT)
    HINT("cores-per-socket", 0, OPTION_ARG, NO_LAYOUT)
    HINT("cpu-bind", 0, OPTION_ARG, NO_BINDING)
    HINT("cpu-freq", 0, OPTION_ARG, NO_KNOBS)
    HINT("delay-boot", 0, OPTION_ARG, ONE_MACHINE)
    HINT("distribution", 'm', OPTION_ARG, ONE_MACHINE)
    HINT("exclude", 'x', OPTION_ARG, ONE_MACHINE)
    HINT("extra", 0, OPTION_ARG, NO_PROFILE)
    HINT("extra-node-info", 'B', OPTION_ARG, NO_LAYOUT)
    HINT("get-user-env", 0, OPTION_MAY_ARG, N_("the environment is taken from where you submit"))
    HINT("gpu-bind", 0, OPTION_ARG, NO_BINDING)
    HINT("gpu-freq", 0, OPTION_ARG, NO_KNOBS)
    HINT("gres-flags", 0, OPTION_ARG, NO_BINDING)
    HINT("hint", 0, OPTION_ARG, NO_LAYOUT)
    HINT("ignore-pbs", 0, OPTION_NO_ARG, N_("#PBS lines are never read"))
    HINT("mcs-label", 0, OPTION_ARG, NO_PROFILE)
    HINT("mem-bind", 0, OPTION_ARG, NO_BINDING)
    HINT("network", 0, OPTION_ARG, ONE_MACHINE)
    HINT("no-kill", 'k', OPTION_MAY_ARG, ONE_MACHINE)
    HINT("nodefile", 'F', OPTION_ARG, ONE_MACHINE)
    HINT("nodelist", 'w', OPTION_ARG, ONE_MACHINE)
    HINT("ntasks-per-core", 0, OPTION_ARG, NO_LAYOUT)
    HINT("ntasks-per-socket", 0, OPTION_ARG, NO_LAYOUT)
    HINT("oversubscribe", 's', OPTION_NO_ARG,
         N_("CPUs, memory and GPUs are never given to two jobs at once"))
    HINT("power", 0, OPTION_ARG, NO_KNOBS)
    HINT("prefer", 0, OPTION_ARG, ONE_MACHINE)
    HINT("priority", 0, OPTION_ARG, N_("the plan decides the order; see --nice and --urgent"))
    HINT("profile", 0, OPTION_ARG, NO_PROFILE)
    HINT("propagate", 0, OPTION_MAY_ARG, N_("all limits of your shell are passed on"))
    HINT("segment", 0, OPTION_ARG, ONE_MACHINE)
    HINT("sockets-per-node", 0, OPTION_ARG, NO_LAYOUT)
    HINT("spread-job", 0, OPTION_NO_ARG, ONE_MACHINE)
    HINT("stepmgr", 0, OPTION_NO_ARG, ONE_MACHINE)
    HINT("switches", 0, OPTION_ARG, ONE_MACHINE)
    HINT("thread-spec", 0, OPTION_ARG, NO_LAYOUT)
    HINT("threads-per-core", 0, OPTION_ARG, NO_LAYOUT)
    HINT("tmp", 0, OPTION_ARG, N_("space for temporary files is not given out here"))
    HINT("tres-bind", 0, OPTION_ARG, NO_BINDING)
    HINT("use-min-nodes", 0, OPTION_NO_ARG, ONE_MACHINE)
    HINT("wait-all-nodes", 0, OPTION_ARG, ONE_MACHINE)
    HINT("wckey", 0, OPTION_ARG, NO_PROFILE)
    HINT("x11", 0, OPTION_MAY_ARG, N_("the job runs on this machine; its DISPLAY is passed on"))
#undef HINT

#define REFUSED(name, letter, arg, help) \
    { name, NULL, letter, arg, VALUE_NONE, OPTION_REFUSED, G_NONE, 0, 0, NULL, "VALUE", help },
    REFUSED("bb", 0, OPTION_ARG, NO_STAGING)
    REFUSED("bbf", 0, OPTION_ARG, NO_STAGING)
    REFUSED("container", 0, OPTION_ARG, NO_CONTAINER)
    REFUSED("container-id", 0, OPTION_ARG, NO_CONTAINER)
    REFUSED("container-image", 0, OPTION_ARG, NO_CONTAINER)
    REFUSED("container-mounts", 0, OPTION_ARG, NO_CONTAINER)
    REFUSED("export-file", 0, OPTION_ARG,
            N_("variables are not read from a file here; name them with --export or set them in the script"))
    REFUSED("gid", 0, OPTION_ARG, NO_OTHERS)
    REFUSED("gpus-per-socket", 0, OPTION_ARG,
            N_("sockets are not counted here; say how many GPUs with --gpus"))
    REFUSED("licenses", 'L', OPTION_ARG,
            N_("licences are not counted here, so too many jobs could use them at once"))
    REFUSED("reboot", 0, OPTION_NO_ARG, N_("jobs do not restart the machine here"))
    REFUSED("tres-per-task", 0, OPTION_ARG,
            N_("say what each task needs with --cpus-per-task and --gpus-per-task"))
    REFUSED("uid", 0, OPTION_ARG, NO_OTHERS)
#undef REFUSED

#define CAPTURED(name, kind, number, field) \
    { name, NULL, 0, OPTION_ARG, kind, OPTION_CAPTURED, G_NONE, number, AT(field), NULL, NULL, NULL },
    CAPTURED("submit-dir", VALUE_TEXT, 0, submit_dir)
    CAPTURED("submit-host", VALUE_NAME, 0, submit_host)
    CAPTURED("umask", VALUE_OCTAL, 0, umask)
    CAPTURED("rlimit", VALUE_LIST, 32, rlimits)
    CAPTURED("code", VALUE_TEXT, 0, code)
    CAPTURED("code-clean", VALUE_FLAG, 0, code_clean)
    CAPTURED("pty", VALUE_FLAG, 0, pty)
    CAPTURED("rows", VALUE_NUMBER, 65535, rows)
    CAPTURED("columns", VALUE_NUMBER, 65535, columns)
    CAPTURED("feed", VALUE_FLAG, 0, feed)
    CAPTURED("meet", VALUE_NAME, 0, meet)
    CAPTURED("ticket", VALUE_TEXT, 0, ticket)
    CAPTURED("wrapped", VALUE_FLAG, 0, wrapped)
    CAPTURED("script-name", VALUE_TEXT, 0, script_name)
    CAPTURED("argv", VALUE_LIST, SPEC_ARGV_MAX, argv)
    CAPTURED("script", VALUE_BYTES, 0, script)
#undef CAPTURED
};
const uint32_t option_table_n = sizeof option_table / sizeof option_table[0];
_Static_assert(sizeof option_table / sizeof option_table[0] <= SPEC_OPTIONS_MAX,
               "spec.source has a byte for each row");
