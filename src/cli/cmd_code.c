/* cmd_code.c - `eoul code-check`: run by a job's supervisor just before a late start, in the job's place.
 *
 * The state of the code was recorded at submit (code.h).  If it is another now, the job's log gets a line about
 * it and the daemon is told, so that `eoul show` says so too.  It never keeps the job from running: without a
 * daemon, without git, or with nothing recorded it says nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/code.h"

static int run_code_check(struct cli *cli, struct args *args)
{
    const char *id = getenv("EOUL_JOB_ID");
    char path[64], then[128];
    json_t *job = NULL, *answer = NULL;
    struct spec spec;
    (void)args;
    if (!id || cli_check_id(cli, id) < 0)
        return 0;
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    if (cli_call(cli, "GET", path, NULL, &job) < 0)
        return 0;
    spec_init(&spec);
    int code = spec_parse(&spec, str_of(json_text(job, "spec")), &cli->err);
    snprintf(then, sizeof then, "%.*s", STR_ARG(spec.code));
    spec.code = (struct str){0};
    if (code == 0)
        code_record(cli, &spec);
    if (code == 0 && then[0] && !str_is(spec.code, then)) {
        cli_say(cli, tr(cli->lang, "The code of job %s changed after its submit, and runs as it is now; with --snapshot it "
                                   "would run as it was."), id);
        snprintf(path, sizeof path, "/v1/jobs/%s/code", id);
        json_t *body = json_pack("{s:s%}", "code", spec.code.len ? spec.code.ptr : "", spec.code.len);
        if (cli_call(cli, "POST", path, body, &answer) < 0)
            err_clear(&cli->err);
        json_decref(body);
        json_decref(answer);
    }
    spec_finish(&spec);
    json_decref(job);
    return 0;
}

const struct cmd cmd_code_check = {
    .name = "code-check",
    .group = "keep",
    .flags = CMD_NEEDS_DAEMON | CMD_HIDDEN,
    .run = run_code_check,
    .summary = N_("Say whether the code of the job it runs in changed since the submit."),
    .examples = (const char *const[]){"eoul code-check", N_("what a late start does by itself"), NULL},
};
