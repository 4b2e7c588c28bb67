/* SPDX-License-Identifier: MIT */
/* What parses with names, written again, parses to the same keys; every key is found. */
#include "common/security/service_keys.h"

#include <stdlib.h>

#include "common/bytes/buf.h"

enum { TEXT_MAX = 2 * SERVICE_KEYS_FILE_MAX };

static enum err parse(struct span text, struct service_keys *out)
{
    struct owned file;
    const char *why;
    size_t line;

    if (owned_copy(&file, text))
        abort();
    return service_keys_init(out, &file, &why, &line);
}

static void write_key(const struct service_key *k, struct buf *out)
{
    enum err e = buf_printf(out, "[%.*s]\nmay =", SPAN_ARGS(k->name));

    for (unsigned bit = 1; bit <= PURPOSE_ALL && !e; bit *= 2)
        if (k->purposes & bit)
            e = buf_printf(out, " %s", purpose_name((enum purpose)bit));
    if (!e && k->group.len > 0)
        e = buf_printf(out, "\ngroup = %.*s", SPAN_ARGS(k->group));
    for (size_t i = 0; i < k->count && !e; i++)
        e = buf_printf(out, "\nkey = %.*s", SPAN_ARGS(k->keys[i]));
    if (e || buf_append(out, SPAN("\n")))
        abort();
}

static void check_same(const struct service_key *a, const struct service_key *b)
{
    if (a->purposes != b->purposes || !a->purposes || a->count != b->count ||
        !span_equal(a->name, b->name) || !span_equal(a->group, b->group))
        abort();
    for (size_t i = 0; i < a->count; i++)
        if (!span_equal(a->keys[i], b->keys[i]))
            abort();
}

static void check_found(const struct service_keys *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->named[i].count; j++)
            if (service_keys_find(s, s->named[i].keys[j]) != &s->named[i])
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct service_keys s, again;
    struct buf text;

    if (size > SERVICE_KEYS_FILE_MAX || parse((struct span){(const char *)data, size}, &s))
        return 0;
    check_found(&s);
    if (s.named[0].name.len > 0) {
        buf_init(&text, TEXT_MAX);
        for (size_t i = 0; i < s.count; i++)
            write_key(&s.named[i], &text);
        if (parse(buf_span(&text), &again) || again.count != s.count)
            abort();
        for (size_t i = 0; i < s.count; i++)
            check_same(&s.named[i], &again.named[i]);
        service_keys_deinit(&again);
        buf_deinit(&text);
    }
    service_keys_deinit(&s);
    return 0;
}
