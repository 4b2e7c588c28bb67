/* SPDX-License-Identifier: MIT */
/* What parses, written again, parses to the same address. */
#include "common/config/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_address(const struct address *a, char *out, size_t size)
{
    if (a->type == ADDRESS_UNIX)
        snprintf(out, size, "unix:%s", a->host);
    else if (a->type == ADDRESS_INHERITED)
        snprintf(out, size, "fd:%d", a->fd);
    else
        snprintf(out, size, strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host, (unsigned)a->port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address a, again;
    char text[320];

    if (address_parse((struct span){(const char *)data, size}, &a))
        return 0;
    write_address(&a, text, sizeof(text));
    if (address_parse(span_of(text), &again) || a.type != again.type || a.port != again.port ||
        a.fd != again.fd || strcmp(a.host, again.host) != 0)
        abort();
    return 0;
}
