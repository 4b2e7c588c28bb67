/* SPDX-License-Identifier: MIT */
/* endpoint.h - the handlers of the routes, and what they share. When a handler is called, the
 * caller is proven to be whom the route asks for, and the body is decoded. On failure the worker
 * writes the error. */
#ifndef DOORBELL_FCGI_APP_ENDPOINTS_ENDPOINT_H
#define DOORBELL_FCGI_APP_ENDPOINTS_ENDPOINT_H

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/store/inbox.h"
#include "fcgi-app/store/marks.h"

struct health_cache;
struct metrics;

/* What a handler works with. All of it is borrowed, and stays in force until the reply is out. */
struct endpoint {
    struct store *store;
    const struct config *config;
    const struct secrets *secrets;
    const struct metrics *metrics;
    struct health_cache *health;
};

#define ENDPOINT(name)                                                                             \
    MUST_USE enum err name(const struct endpoint *ep, const struct request *req,                   \
                           struct response *res)

ENDPOINT(endpoint_send_message);
ENDPOINT(endpoint_send_batch);
ENDPOINT(endpoint_check_unread);
ENDPOINT(endpoint_list_messages);
ENDPOINT(endpoint_show_message);
ENDPOINT(endpoint_mark_message_read);
ENDPOINT(endpoint_mark_message_unread);
ENDPOINT(endpoint_archive_message);
ENDPOINT(endpoint_acknowledge_message);
ENDPOINT(endpoint_remove_message);
ENDPOINT(endpoint_mark_many_read);
ENDPOINT(endpoint_mark_many_unread);
ENDPOINT(endpoint_archive_many);
ENDPOINT(endpoint_remove_many);
ENDPOINT(endpoint_mark_seen);
ENDPOINT(endpoint_show_broadcast);
ENDPOINT(endpoint_show_preferences);
ENDPOINT(endpoint_change_preferences);
ENDPOINT(endpoint_show_sent);
ENDPOINT(endpoint_explain_message);
ENDPOINT(endpoint_recall_sent);
ENDPOINT(endpoint_recall_many);
ENDPOINT(endpoint_list_members);
ENDPOINT(endpoint_change_members);
ENDPOINT(endpoint_add_member);
ENDPOINT(endpoint_remove_member);
ENDPOINT(endpoint_export_user);
ENDPOINT(endpoint_erase_user);
ENDPOINT(endpoint_revoke_tokens);
ENDPOINT(endpoint_make_token);
ENDPOINT(endpoint_list_categories);
ENDPOINT(endpoint_change_category);
ENDPOINT(endpoint_remove_category);
ENDPOINT(endpoint_list_webhook_calls);
ENDPOINT(endpoint_retry_webhook_call);
ENDPOINT(endpoint_show_health);
ENDPOINT(endpoint_show_metrics);

/* Whether it is a check of all together, which the checker can answer. */
bool endpoint_is_plain_check(const struct request *req);

/* The reply to a check. */
MUST_USE enum err endpoint_reply_unread(const struct request *req, struct response *res,
                                        const struct unread *u);

/* Whether a decoded send is to a group or to everybody. */
bool endpoint_is_broadcast(const struct request *req);

/* The same of a decoded batch: whether one of its messages is. */
bool endpoint_is_batch_broadcast(const struct request *req);

/* Refuses a call whose key is not for it: tells the caller and the log which purpose is missing,
 * the first of `needed`. */
MUST_USE enum err endpoint_refuse_key(const struct request *req, struct response *res,
                                      unsigned needed);

/* The one refusal of a message to everybody, so that nobody learns why. Returns ERR_NOT_FOUND. */
MUST_USE enum err endpoint_deny_broadcast(struct response *res);

/* The user of a request, for the store. */
struct reader endpoint_reader(const struct endpoint *ep, const struct request *req);

/* In which language the user of a request reads: *out borrows from the request and its arena. */
MUST_USE enum err endpoint_reading(const struct endpoint *ep, const struct request *req,
                                   struct reading *out);

/* The reply to a change of a user's state. */
MUST_USE enum err endpoint_counts(const struct request *req, struct response *res,
                                  const struct counts *counts, bool has_changed);

/* Ends a reply, an object that has members already, with the epoch (0: none), and the user whom it
 * is about. */
MUST_USE enum err endpoint_close(const struct request *req, struct response *res, int64_t epoch);

/* Replies with such an object of the database's. */
MUST_USE enum err endpoint_json(const struct request *req, struct response *res,
                                const struct inbox_json *j);

/* The `user` of the query, of a call for the site. ERR_NOT_FOUND if it can be nobody's id. */
MUST_USE enum err endpoint_query_user(const struct request *req, struct response *res,
                                      const char **user);

/* A parameter of the query that is 1 or 0, as which an absent one counts. */
MUST_USE enum err endpoint_flag(const struct request *req, struct response *res, const char *name,
                                bool *out);

/* The `limit` of the query, from 1 to `max`. */
MUST_USE enum err endpoint_limit(const struct request *req, struct response *res, int64_t fallback,
                                 int64_t max, int64_t *limit);

#undef ENDPOINT

#endif
