/* SPDX-License-Identifier: MIT */
/* What decodes encodes back to the same characters, and any bytes, encoded, decode to themselves.
 */
#include "common/text/base64url.h"

#include <stdlib.h>

#include "tests/unit/common/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {(const char *)data, size};
    char *bytes = malloc(BASE64URL_DECODED_MAX(2 * size + 4));
    struct buf text;
    size_t len;

    if (!bytes)
        return 0;
    buf_init(&text, 2 * size + 4);
    if (base64url_decode(in, bytes, &len) == ERR_NONE &&
        (forge_base64url(&text, (struct span){bytes, len}) || !span_equal(buf_span(&text), in)))
        abort();
    buf_reset(&text);
    if (forge_base64url(&text, in) || base64url_decode(buf_span(&text), bytes, &len) ||
        !span_equal((struct span){bytes, len}, in))
        abort();
    buf_deinit(&text);
    free(bytes);
    return 0;
}
