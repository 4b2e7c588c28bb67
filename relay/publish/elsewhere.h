/* SPDX-License-Identifier: MIT */
/* elsewhere.h - what a call means for the other relays of the site, and what theirs mean here. Used
 * only where there is a cluster. Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_ELSEWHERE_H
#define DOORBELL_RELAY_PUBLISH_ELSEWHERE_H

#include "relay/publish/api.h"
#include "relay/publish/rings.h"

/* A ring to more users than this goes to all relays once, not once for each user. */
enum { ELSEWHERE_USERS_MAX = 32 };

/* All four answer the call or park it. */

/* A publish call that has rung `sessions` here. */
MUST_USE enum err elsewhere_publish(struct api *api, const struct rings *p, size_t sessions,
                                    struct http_request *req, struct http_response *res);

/* The items of a JSON list of users: who of them is online. */
MUST_USE enum err elsewhere_ask_online(struct api *api, struct span users, const struct told *told,
                                       struct http_request *req, struct http_response *res);

/* The sessions of each user whom *res lists, as items of a JSON list, in place of the answer. */
MUST_USE enum err elsewhere_count(struct api *api, struct http_request *req,
                                  struct http_response *res);

/* A user of whom `sessions` were closed here. */
MUST_USE enum err elsewhere_kick(struct api *api, struct span user, size_t sessions,
                                 struct http_request *req, struct http_response *res);

/* Of a call to web-msg-sender that nobody here has heard: ok or offline. */
MUST_USE enum err elsewhere_ask_old(struct api *api, struct span user, struct http_request *req,
                                    struct http_response *res);

/* The body of a good POST /revocations. */
void elsewhere_revoke(struct api *api, struct span body);

/* A text of web-msg-sender, to all if `user` is empty. */
void elsewhere_text(struct api *api, struct span user, struct span text);

/* What another relay says; to one user if `user` is not empty. */
void elsewhere_receive(struct api *api, struct span user, const struct envelope *e);

/* Answers the call that waits for this. */
void elsewhere_finish(struct api *api, const struct question *one, bool is_partial);

#endif
