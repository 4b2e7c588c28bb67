/* SPDX-License-Identifier: MIT */
/* What parses, written again, parses to the same address. */
#include "common/config/address.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address a, again;
    char text[ADDRESS_TEXT_MAX];

    if (address_parse((struct span){(const char *)data, size}, &a))
        return 0;
    address_format(&a, text);
    if (address_parse(span_of(text), &again) || a.type != again.type || a.port != again.port ||
        a.fd != again.fd || strcmp(a.host, again.host) != 0)
        abort();
    return 0;
}
