/* SPDX-License-Identifier: MIT */
/* endpoints.h - the handlers of the routes. When one is called, the caller is proven to be whom the
 * route asks for, and the body is decoded. On failure the worker writes the error. */
#ifndef DOORBELL_FCGI_APP_ENDPOINTS_ENDPOINTS_H
#define DOORBELL_FCGI_APP_ENDPOINTS_ENDPOINTS_H

#include "common/bytes/err.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/server/worker.h"
#include "fcgi-app/store/inbox.h"
#include "fcgi-app/store/marks.h"

#define ENDPOINT(name)                                                                             \
    MUST_USE enum err name(struct worker *w, const struct request *req, struct response *res)

ENDPOINT(send_message);
ENDPOINT(check_unread);
ENDPOINT(list_messages);
ENDPOINT(show_message);
ENDPOINT(mark_message_read);
ENDPOINT(mark_message_unread);
ENDPOINT(archive_message);
ENDPOINT(acknowledge_message);
ENDPOINT(remove_message);
ENDPOINT(mark_many_read);
ENDPOINT(mark_many_unread);
ENDPOINT(mark_seen);
ENDPOINT(show_preferences);
ENDPOINT(change_preferences);
ENDPOINT(show_sent);
ENDPOINT(recall_sent);
ENDPOINT(list_members);
ENDPOINT(change_members);
ENDPOINT(add_member);
ENDPOINT(remove_member);
ENDPOINT(export_user);
ENDPOINT(erase_user);
ENDPOINT(make_token);
ENDPOINT(list_categories);
ENDPOINT(change_category);
ENDPOINT(remove_category);
ENDPOINT(show_health);
ENDPOINT(show_metrics);

/* The user of a request, for the store. */
struct reader endpoint_reader(const struct worker *w, const struct request *req);

/* The reply to a change of a user's state. */
MUST_USE enum err endpoint_counts(const struct request *req, struct response *res,
                                  const struct counts *counts, bool has_changed);

/* Ends a reply, an object that has members already, with the user whom it is about. */
MUST_USE enum err endpoint_close(const struct request *req, struct response *res);

/* Replies with `json`, such an object of the database's, and the user. */
MUST_USE enum err endpoint_json(const struct request *req, struct response *res, struct span json);

/* The `limit` of the query, from 1 to `max`. */
MUST_USE enum err endpoint_limit(const struct request *req, struct response *res, int64_t fallback,
                                 int64_t max, int64_t *limit);

#undef ENDPOINT

#endif
