/* SPDX-License-Identifier: MIT */
/* http.c - one request head in, one response out. A head is searched for its end, then cut line by
 * line; a line that is not exactly of the grammar fails the request. What says where a request ends
 * is looked at once, in note_framing(): two opinions about that are how requests are smuggled. */
#include "relay/http/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/http/bearer.h"
#include "common/http/cookie.h"
#include "common/http/status.h"

/* RFC 7230 3.2.6 */
static bool is_token(struct span s)
{
    static const char others[] = "!#$%&'*+.^_`|~";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool is_usual =
            ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '-';

        if (!is_usual && (c == 0 || !memchr(others, c, sizeof(others) - 1)))
            return false;
    }
    return s.len > 0;
}

/* Blanks, tabs and everything visible; what is over 0x7f passes as it is. */
static bool is_field_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_visible(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

/* RFC 9112 3.2.2: a target with the host in it, which counts instead of the Host field. */
static bool cut_authority(struct span *target, struct span *host)
{
    struct span rest = *target;
    struct span scheme = span_cut(&rest, ':');
    size_t n = 0;

    if ((!span_equal_nocase(scheme, SPAN("http")) && !span_equal_nocase(scheme, SPAN("https"))) ||
        !span_starts_with(rest, SPAN("//")))
        return false;
    rest = (struct span){rest.p + 2, rest.len - 2};
    while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    *host = (struct span){rest.p, n};
    *target = (struct span){rest.p + n, rest.len - n};
    return n > 0 && !memchr(host->p, '@', n);
}

static bool read_target(struct span target, struct http_request *req)
{
    if (target.len == 0 || !is_visible(target))
        return false;
    if (target.p[0] != '/' && !cut_authority(&target, &req->host))
        return false;
    req->path = span_cut(&target, '?');
    req->query = target;
    if (req->path.len == 0)
        req->path = SPAN("/");
    return req->path.p[0] == '/';
}

static enum http_method method_of(struct span s)
{
    if (span_equal(s, SPAN("GET")))
        return HTTP_GET;
    if (span_equal(s, SPAN("HEAD")))
        return HTTP_HEAD;
    if (span_equal(s, SPAN("POST")))
        return HTTP_POST;
    if (span_equal(s, SPAN("OPTIONS")))
        return HTTP_OPTIONS;
    return HTTP_OTHER;
}

static enum err decode_request_line(struct span line, struct http_request *req)
{
    struct span method = span_cut(&line, ' ');
    struct span target = span_cut(&line, ' ');

    if (!is_token(method) || !read_target(target, req))
        return ERR_MALFORMED;
    if (span_equal(line, SPAN("HTTP/1.0")))
        req->is_http_1_0 = true;
    else if (!span_equal(line, SPAN("HTTP/1.1")))
        return ERR_MALFORMED;
    req->method = method_of(method);
    return ERR_NONE;
}

static enum err decode_header(struct span line, struct http_request *req)
{
    struct http_header *h = &req->headers[req->header_count];
    const char *colon = memchr(line.p, ':', line.len);

    if (!colon)
        return ERR_MALFORMED;
    h->name = (struct span){line.p, (size_t)(colon - line.p)};
    h->value = span_trim((struct span){colon + 1, line.len - h->name.len - 1});
    /* No blank before the colon, and no folded line, which would begin with one: RFC 7230 3.2.4. */
    if (!is_token(h->name) || !is_field_value(h->value))
        return ERR_MALFORMED;
    req->header_count++;
    return ERR_NONE;
}

/* Digits only: a sign, a blank or a list is how requests are smuggled. */
static enum err decode_length(struct span value, size_t *out)
{
    int64_t n;

    if (value.len == 0 || value.p[0] == '-' || span_parse_int(value, &n))
        return ERR_MALFORMED;
    *out = (size_t)n;
    return ERR_NONE;
}

static enum err note_framing(struct http_request *req)
{
    struct span connection = SPAN("Connection");
    struct span length, host, coding;
    enum err length_e = http_find_header(req, SPAN("Content-Length"), &length);
    enum err host_e = http_find_header(req, SPAN("Host"), &host);

    if (length_e == ERR_INVALID || host_e == ERR_INVALID || (host_e && !req->is_http_1_0))
        return ERR_MALFORMED;
    req->framing.has_length = length_e == ERR_NONE;
    if (req->framing.has_length && decode_length(length, &req->content_length))
        return ERR_MALFORMED;
    if (!req->host.p)
        req->host = host;
    req->framing.has_transfer_encoding =
        http_find_header(req, SPAN("Transfer-Encoding"), &coding) != ERR_NOT_FOUND;
    req->framing.is_chunked =
        span_equal_nocase(coding, SPAN("chunked")) && !req->framing.has_length && !req->is_http_1_0;
    req->framing.expects_continue =
        !req->is_http_1_0 &&
        span_equal_nocase(http_header(req, SPAN("Expect")), SPAN("100-continue"));
    req->keeps_alive = req->is_http_1_0 ? http_list_has(req, connection, SPAN("keep-alive"))
                                        : !http_list_has(req, connection, SPAN("close"));
    return ERR_NONE;
}

/* Cuts the next line, which must end by CR LF. */
static enum err next_line(struct span *rest, struct span *line)
{
    *line = span_cut(rest, '\n');
    if (line->len == 0 || line->p[line->len - 1] != '\r')
        return ERR_MALFORMED;
    line->len--;
    return ERR_NONE;
}

static enum err find_head(struct span in, size_t max, struct span *head)
{
    static const char end[] = "\r\n\r\n";

    for (size_t i = 0; i < in.len && i < max;) {
        const char *cr = memchr(in.p + i, '\r', in.len - i);

        if (!cr)
            break;
        i = (size_t)(cr - in.p);
        if (in.len - i >= 4 && i + 4 <= max && memcmp(cr, end, 4) == 0) {
            *head = (struct span){in.p, i + 4};
            return ERR_NONE;
        }
        i++;
    }
    return in.len >= max ? ERR_TOO_BIG : ERR_INCOMPLETE;
}

static enum err decode_lines(struct span rest, struct http_request *out)
{
    struct span line;

    if (next_line(&rest, &line))
        return ERR_MALFORMED;
    if (line.len > HTTP_LINE_MAX)
        return ERR_TOO_BIG;
    if (decode_request_line(line, out))
        return ERR_MALFORMED;
    while (rest.len > 0) {
        if (out->header_count == HTTP_HEADERS_MAX)
            return ERR_TOO_BIG;
        if (next_line(&rest, &line) || decode_header(line, out))
            return ERR_MALFORMED;
    }
    return ERR_NONE;
}

enum err http_decode_head(struct span in, size_t max, struct http_request *out)
{
    /* RFC 9112 2.2: some clients send an empty line after a body. */
    size_t skipped = span_starts_with(in, SPAN("\r\n")) ? 2 : 0;
    struct span head = {in.p + skipped, in.len - skipped};
    enum err e = find_head(head, max - skipped, &head), lines_e, framing_e;

    if (e == ERR_INCOMPLETE)
        return e;
    /* Not the headers, which are two KiB and have a count. */
    memset(out, 0, offsetof(struct http_request, headers));
    out->head_len = skipped + head.len;
    lines_e = decode_lines((struct span){head.p, e ? max - skipped : head.len - 2}, out);
    framing_e = note_framing(out);
    if (!e)
        e = lines_e;
    return e ? e : framing_e;
}

int http_refuse_body(const struct http_request *req, size_t body_max, bool takes_chunks)
{
    bool is_chunked = takes_chunks && req->framing.is_chunked;
    struct span ignored;

    if (req->framing.has_transfer_encoding && !is_chunked)
        return 411;
    if (!req->framing.has_length && !is_chunked && req->method == HTTP_POST)
        return 411;
    if (req->content_length > body_max)
        return 413;
    if (!req->framing.expects_continue &&
        http_find_header(req, SPAN("Expect"), &ignored) != ERR_NOT_FOUND)
        return 417;
    return 0;
}

enum err http_find_header(const struct http_request *req, struct span name, struct span *out)
{
    enum err e = ERR_NOT_FOUND;

    *out = (struct span){NULL, 0};
    for (size_t i = 0; i < req->header_count; i++) {
        if (!span_equal_nocase(req->headers[i].name, name))
            continue;
        if (!e) {
            *out = (struct span){NULL, 0};
            return ERR_INVALID;
        }
        *out = req->headers[i].value;
        e = ERR_NONE;
    }
    return e;
}

struct span http_header(const struct http_request *req, struct span name)
{
    struct span value;

    return http_find_header(req, name, &value) ? (struct span){NULL, 0} : value;
}

bool http_list_has(const struct http_request *req, struct span name, struct span token)
{
    for (size_t i = 0; i < req->header_count; i++) {
        struct span list = req->headers[i].value;

        if (!span_equal_nocase(req->headers[i].name, name))
            continue;
        while (list.p)
            if (span_equal_nocase(span_trim(span_cut(&list, ',')), token))
                return true;
    }
    return false;
}

struct span http_token(const struct http_request *req)
{
    struct cookies cookies = {0};

    for (size_t i = 0; i < req->header_count; i++)
        if (span_equal_nocase(req->headers[i].name, SPAN("Cookie")))
            cookies_read(req->headers[i].value, &cookies);
    return cookies_token(&cookies);
}

struct span http_bearer(const struct http_request *req)
{
    struct span key = {NULL, 0};

    (void)bearer_read(http_header(req, SPAN("Authorization")), &key);
    return key;
}

/* RFC 9110, 6.6.1: the app sees by it that the clocks differ. */
static enum err append_date(struct buf *out, int64_t unix_s)
{
    char line[48];
    time_t t = (time_t)unix_s;
    struct tm utc;
    size_t len = 0;

    if (gmtime_r(&t, &utc))
        len = strftime(line, sizeof(line), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return buf_append(out, (struct span){line, len});
}

void http_add_lines(struct http_response *res, const char *format, ...)
{
    va_list args;
    size_t len;
    int n;

    if (res->headers != res->lines)
        snprintf(res->lines, sizeof(res->lines), "%s", res->headers);
    res->headers = res->lines;
    len = strlen(res->lines);
    va_start(args, format);
    n = vsnprintf(res->lines + len, sizeof(res->lines) - len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(res->lines) - len)
        res->lines[len] = '\0';
}

enum err http_encode_response(struct buf *out, const struct http_response *res, bool keep_alive,
                              int64_t unix_s)
{
    enum err e;

    if ((e = buf_append(out, SPAN("HTTP/1.1 "))) || (e = buf_append_int(out, res->status)) ||
        (e = buf_append_char(out, ' ')) ||
        (e = buf_append(out, span_of(status_reason(res->status)))) ||
        (e = buf_append(out, SPAN("\r\nContent-Type: "))) ||
        (e = buf_append(out, span_of(res->content_type))) ||
        (e = buf_append(out, SPAN("\r\nContent-Length: "))) ||
        (e = buf_append_int(out, (int64_t)res->body.len)) ||
        (e = buf_append(out, SPAN("\r\nCache-Control: no-store\r\n"))) ||
        (e = append_date(out, unix_s)) || (e = buf_append(out, span_of(res->headers))) ||
        (!keep_alive && (e = buf_append(out, SPAN("Connection: close\r\n")))) ||
        (e = buf_append(out, SPAN("\r\n"))))
        return e;
    return res->is_head ? ERR_NONE : buf_append(out, buf_span(&res->body));
}
