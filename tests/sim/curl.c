/* SPDX-License-Identifier: MIT */
/* curl.c - what relay_client needs of libcurl, by a network that the simulator has:
 *
 *     call URL BODY   in return: ADDRESS STATUS BODY of the answer, or nothing: there is none
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The macros that check types would be in the way. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

#include "tests/sim/wire.h"

static const char *url, *body;
static size_t body_len;
static curl_write_callback write_reply;
static void *write_context;
static char address[64];
static long status;

CURLcode curl_global_init(long flags)
{
    (void)flags;
    return CURLE_OK;
}

void curl_global_cleanup(void)
{
}

CURL *curl_easy_init(void)
{
    return address;
}

void curl_easy_cleanup(CURL *curl)
{
    (void)curl;
}

void curl_easy_reset(CURL *curl)
{
    (void)curl;
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    static struct curl_slist one;

    (void)list;
    (void)text;
    return &one;
}

void curl_slist_free_all(struct curl_slist *list)
{
    (void)list;
}

const char *curl_easy_strerror(CURLcode code)
{
    return code == CURLE_OK ? "no error" : "no answer";
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list args;

    (void)curl;
    va_start(args, option);
    if (option == CURLOPT_URL)
        url = va_arg(args, const char *);
    else if (option == CURLOPT_POSTFIELDS)
        body = va_arg(args, const char *);
    else if (option == CURLOPT_POSTFIELDSIZE_LARGE)
        body_len = (size_t)va_arg(args, curl_off_t);
    else if (option == CURLOPT_WRITEFUNCTION)
        write_reply = va_arg(args, curl_write_callback);
    else if (option == CURLOPT_WRITEDATA)
        write_context = va_arg(args, void *);
    va_end(args);
    return CURLE_OK;
}

CURLcode curl_easy_perform(CURL *curl)
{
    struct wire_line line;

    (void)curl;
    wire_say("call\t%s\t%.*s", url, (int)body_len, body);
    wire_flush();
    wire_hear(&line);
    if (line.count != 3)
        return CURLE_COULDNT_CONNECT;
    (void)snprintf(address, sizeof(address), "%s", line.fields[0]);
    status = strtol(line.fields[1], NULL, 10);
    if (line.fields[2][0] != '\0')
        (void)write_reply(line.fields[2], 1, strlen(line.fields[2]), write_context);
    return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list args;

    (void)curl;
    va_start(args, info);
    if (info == CURLINFO_PRIMARY_IP)
        *va_arg(args, char **) = address;
    else if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(args, long *) = status;
    va_end(args);
    return CURLE_OK;
}

/* One clock is all there is here: no reply tells its own. */
CURLHcode curl_easy_header(CURL *curl, const char *name, size_t index, unsigned origin, int request,
                           struct curl_header **out)
{
    (void)curl;
    (void)name;
    (void)index;
    (void)origin;
    (void)request;
    (void)out;
    return CURLHE_MISSING;
}

time_t curl_getdate(const char *text, const time_t *unused)
{
    (void)text;
    (void)unused;
    return -1;
}
