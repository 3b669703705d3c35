/* jobs_detail.h - all about one job or array: the parts of `show` and `wait`. */
#ifndef EOUL_WEB_JOBS_DETAIL_H
#define EOUL_WEB_JOBS_DETAIL_H

#include "base/err.h"
#include "daemon/daemon.h"

struct detail_request { /* what is looked up first: whose is it? */
    uint32_t id;
    uid_t uid;
};
int detail_request_get(struct daemon *d, job_id id, struct detail_request *ret, struct err *err);

#endif
