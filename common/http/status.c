/* SPDX-License-Identifier: MIT */
#include "common/http/status.h"

#include <stddef.h>

/* ERR_INCOMPLETE and ERR_END never leave the layer below the endpoints: should one get here, the
 * request has failed for a reason of ours. */
static const struct status statuses[ERR_COUNT] = {
    [ERR_NONE] = {200, "ok", "done"},
    [ERR_INCOMPLETE] = {503, "unavailable", "the request could not be completed"},
    [ERR_END] = {503, "unavailable", "the request could not be completed"},
    [ERR_MALFORMED] = {400, "malformed", "the request is not of the form that it must have"},
    [ERR_INVALID] = {422, "invalid", "a value is not allowed"},
    [ERR_UNAUTHORIZED] = {401, "unauthorized", "who is asking is not proven"},
    [ERR_REVOKED] = {401, "revoked",
                     "the user's tokens were revoked after this one was issued: log in again"},
    [ERR_UNTIMELY] = {401, "unauthorized", "who is asking is not proven"},
    [ERR_FORBIDDEN] = {403, "forbidden", "this is not allowed"},
    [ERR_ANOTHER_USER] =
        {409, "another_user",
         "another user is logged in than the request is meant for; reload the page"},
    [ERR_NOT_FOUND] = {404, "not_found", "there is no such thing here"},
    [ERR_METHOD] = {405, "method_not_allowed", "the method is not allowed here"},
    [ERR_CONFLICT] = {409, "conflict", "this contradicts what is stored"},
    [ERR_TOO_BIG] = {413, "too_big", "the body is too big"},
    [ERR_UNSUPPORTED] = {415, "unsupported_type",
                         "the body must be JSON, urlencoded or multipart/form-data"},
    [ERR_TOO_MANY] = {429, "too_many", "too many requests"},
    [ERR_UNAVAILABLE] = {503, "unavailable", "the service is not available now; try again"},
    [ERR_NO_MEMORY] = {503, "unavailable", "the service is short of memory; try again"},
};

static const struct {
    int http;
    const char *reason;
    const char *code;
} reasons[] = {
    {200, "OK", "ok"},
    {201, "Created", "ok"},
    {304, "Not Modified", "ok"},
    {400, "Bad Request", "malformed"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {409, "Conflict", "conflict"},
    {411, "Length Required", "length_required"},
    {413, "Payload Too Large", "too_big"},
    {415, "Unsupported Media Type", "unsupported_type"},
    {417, "Expectation Failed", "expectation_failed"},
    {422, "Unprocessable Entity", "invalid"},
    {426, "Upgrade Required", "upgrade_required"},
    {429, "Too Many Requests", "too_many"},
    {431, "Request Header Fields Too Large", "too_big"},
    {500, "Internal Server Error", "unavailable"},
    {503, "Service Unavailable", "unavailable"},
};

const struct status *status_of(enum err e)
{
    return &statuses[e];
}

const char *status_reason(int http)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].http == http)
            return reasons[i].reason;
    return "Unknown";
}

const char *status_code(int http)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].http == http)
            return reasons[i].code;
    return "unavailable";
}
