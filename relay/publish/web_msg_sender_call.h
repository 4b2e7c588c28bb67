/* SPDX-License-Identifier: MIT */
/* web_msg_sender_call.h - web-msg-sender's publish call, made at any path that no other call has:
 * who may make it, what it rings, and the words in which it is answered. Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_WEB_MSG_SENDER_CALL_H
#define DOORBELL_RELAY_PUBLISH_WEB_MSG_SENDER_CALL_H

#include "relay/publish/api.h"

/* As api_refuses(). */
bool web_msg_sender_refuses(struct api *api, const struct http_request *req,
                            struct http_response *res);

/* As the handlers of api.c: an error is answered by the caller. */
MUST_USE enum err web_msg_sender_handle(struct api *api, struct http_request *req,
                                        struct http_response *res);

#endif
