/* SPDX-License-Identifier: MIT */
#include "relay/http/realip.h"

#include "common/security/forwarded.h"

void realip_resolve(struct http_request *req, const struct config_list *trusted)
{
    struct forwarded fields = {0};
    struct forwarded_source source = {req->peer, req->scheme, req->host};

    for (size_t i = 0; i < req->header_count; i++) {
        enum forwarded_field field = forwarded_field_of(req->headers[i].name);

        if (field < FORWARDED_FIELD_COUNT)
            forwarded_add(&fields, field, req->headers[i].value);
    }
    forwarded_follow(&fields, trusted, &source);
    req->peer = source.peer;
    req->scheme = source.scheme;
    req->host = source.host;
}

bool realip_is_hidden(const struct http_request *req, const struct config_list *trusted)
{
    struct span ignored;

    return http_find_header(req, SPAN("X-Forwarded-For"), &ignored) != ERR_NOT_FOUND &&
           !forwarded_is_trusted(&req->peer, trusted);
}
