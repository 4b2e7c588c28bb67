/* SPDX-License-Identifier: MIT */
/* What is read is language tags, within the header. */
#include "fcgi-app/http/languages.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/text/language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span accept = {(const char *)data, size};
    struct languages found;

    languages_read(accept, &found);
    if (found.count > LANGUAGES_MAX)
        abort();
    for (size_t i = 0; i < found.count; i++)
        if (!language_is_tag(found.tags[i]) || found.tags[i].p < accept.p ||
            found.tags[i].p + found.tags[i].len > accept.p + accept.len)
            abort();
    return 0;
}
