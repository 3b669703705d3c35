/* attach.c - attaching to a running job: whose it is is checked here, the rest is daemon/attach.c. */
#include <string.h>

#include "web/internal.h"
#include "web/jobs_detail.h"

#define MEET_NAME_MAX 64 /* ours have 37 characters */

static int check_name(struct call *c, struct str name)
{
    bool right = name.len > 0 && name.len <= MEET_NAME_MAX;
    for (size_t i = 0; right && i < name.len; i++)
        right = name.ptr[i] > ' ' && name.ptr[i] <= '~';
    return right ? 0
                 : err_set(&c->err, E_INVALID,
                           "\"meet\" must be the name of an abstract socket: 1 to %u printable ASCII "
                           "characters without blanks.",
                           MEET_NAME_MAX);
}

/* Only who may see its output may type into it; in system mode, where a job is its user's own, nobody but that user, not
 * even an operator: the supervisor would refuse it (supervisor/peers.h). */
static int check_whose(struct call *c, job_id id)
{
    struct detail_request request = { 0 };
    struct daemon_status status;
    daemon_status(c->web->daemon, &status);
    int code = detail_request_get(c->web->daemon, id, &request, &c->err);
    bool may = strcmp(status.mode, "system") == 0 ? c->peer.uid == request.uid || c->peer.uid == 0
                                                  : daemon_may(c->web->daemon, &c->peer, request.uid);
    if (code == 0 && !may)
        code = err_set(&c->err, E_DENIED, "Job %u is somebody else's; only its submitter may attach to it.", id);
    return code;
}

void attach_job(struct call *c)
{
    struct json_in_field f[] = { { "meet", JSON_IN_STR, true, NULL } };
    struct job_ref ref = { 0 };
    json_t *body = NULL;
    struct buf b;
    struct json_out j;
    int code = json_in_parse(c->r->body, &body, &c->err);
    if (code == 0)
        code = json_in_object(body, "request", f, 1, &c->err);
    if (code == 0)
        code = check_name(c, json_in_str(&f[0]));
    if (code == 0)
        code = daemon_job_find(c->web->daemon, c->part[0], &ref, &c->err);
    if (code == 0 && ref.whole_array)
        code = err_set(&c->err, E_INVALID, "Job %u is an array; name one of its tasks, such as %u_1.", ref.id,
                       ref.id);
    if (code == 0)
        code = check_whose(c, ref.id);
    if (code == 0)
        code = daemon_introduce(c->web->daemon, ref.id, c->peer.uid, json_in_str(&f[0]), &c->err);
    json_decref(body);
    if (code < 0) {
        web_reply_error(c->web, c->r, &c->err, -1);
        return;
    }
    web_start(&b, &j);
    out_put_u64(&j, "id", ref.id);
    out_end(&j);
    web_reply_json(c->web, c->r, &b);
}
