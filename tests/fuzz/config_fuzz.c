/* SPDX-License-Identifier: MIT */
/* The bytes as a file, and its lines as an environment. Faults are told if and only if the config
 * is refused, in printable lines. */
#include "common/config/config.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES_MAX = 16 };

static void check(struct span text, char *const *environment)
{
    struct config *c = NULL;
    char *faults = NULL;
    size_t len;
    FILE *f = open_memstream(&faults, &len);
    enum err e;

    if (!f)
        abort();
    e = config_parse(text, "doorbell.conf", environment, f, &c);
    fclose(f);
    if (!e != (len == 0) || !e != (c != NULL) || (e && faults[len - 1] != '\n'))
        abort();
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)faults[i] < 0x20 && faults[i] != '\n') || faults[i] == 0x7f)
            abort();
    }
    if (!span_is_utf8((struct span){faults, len}))
        abort();
    config_free(c);
    free(faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    char *environment[VARIABLES_MAX + 1] = {NULL};

    check(rest, NULL);
    for (size_t i = 0; i < VARIABLES_MAX && rest.p; i++) {
        struct span line = span_cut(&rest, '\n');

        environment[i] = strndup(line.p ? line.p : "", line.len);
        if (!environment[i])
            abort();
    }
    check((struct span){NULL, 0}, environment);
    for (size_t i = 0; environment[i]; i++)
        free(environment[i]);
    return 0;
}
