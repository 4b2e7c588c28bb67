/* SPDX-License-Identifier: MIT */
/* A line is the host of a sentinel's answer, the rest its port: what is taken is taken as it is,
 * and has nothing that means something to those who connect, resolve, or read the log. */
#include "relay/cluster/sentinel.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span port = {(const char *)data, size};
    struct span host = span_cut(&port, '\n');
    struct address a;
    int64_t n;

    if (sentinel_parse_master(host, port, &a))
        return 0;
    if (a.type != ADDRESS_TCP || !span_equal(span_of(a.host), host) || host.len == 0 ||
        span_has_control(host) || strpbrk(a.host, " /@[]%\"\\'") || a.host[0] == '-')
        abort();
    if (span_parse_int(port, &n) || n != a.port || n == 0)
        abort();
    return 0;
}
