/* SPDX-License-Identifier: MIT */
/* dispatch.h - all that is decided about a request before its handler runs. First the parameters:
 * whether path and method exist, who the caller is, and how long the body may be; then the body, as
 * it arrives. In that order, so that no body is read for a caller who has proved nothing, and no
 * worker sees a request that is not whole. */
#ifndef DOORBELL_FCGI_APP_JOBS_DISPATCH_H
#define DOORBELL_FCGI_APP_JOBS_DISPATCH_H

#include "common/bytes/err.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/jobs/job.h"

/* Of a job whose exchange has begun. After a failure the job's reply is due. */
MUST_USE enum err dispatch_params(struct jobs *jobs, struct job *job);

/* `body_len` bytes of the body have come by now, and are in the exchange. ERR_TOO_BIG,
 * ERR_MALFORMED: it is longer than it may be. */
MUST_USE enum err dispatch_body(struct job *job, uint64_t body_len);

/* Which share of the program the request takes. */
enum share_kind dispatch_share(const struct job *job);

/* Decodes the body, all of which has come; once. */
MUST_USE enum err dispatch_decode(struct job *job);

/* For a request whose parameters are over a limit, and not there: what is wrong. */
MUST_USE enum err dispatch_refuse(struct job *job);

#endif
