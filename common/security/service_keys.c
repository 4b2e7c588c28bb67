/* SPDX-License-Identifier: MIT */
/* A file with names is read line by line into the section that is open. What a section must have as
 * a whole is checked at the end. */
#include "common/security/service_keys.h"

#include <string.h>

static const struct {
    const char *name;
    enum purpose purpose;
} purposes[] = {
    {"send", PURPOSE_SEND},       {"send:group", PURPOSE_SEND_GROUP},
    {"manage", PURPOSE_MANAGE},   {"statistics", PURPOSE_STATISTICS},
    {"metrics", PURPOSE_METRICS},
};

enum { PURPOSES_COUNT = sizeof(purposes) / sizeof(purposes[0]) };

const char *purpose_name(enum purpose purpose)
{
    size_t i = 0;

    while (i + 1 < PURPOSES_COUNT && purposes[i].purpose != purpose)
        i++;
    return purposes[i].name;
}

struct file_reader {
    struct service_keys *out;
    size_t line;
    size_t section_lines[SERVICE_KEYS_MAX];
};

static unsigned find_purpose(struct span name)
{
    for (size_t i = 0; i < PURPOSES_COUNT; i++)
        if (span_equal(name, span_of(purposes[i].name)))
            return purposes[i].purpose;
    return 0;
}

static bool has_names(const struct service_keys *s)
{
    struct span rest = owned_span(&s->file);

    while (rest.p) {
        struct span line = span_cut(&rest, '\n');

        if (line.len < KEY_MIN && span_starts_with(span_trim(line), SPAN("[")))
            return true;
    }
    return false;
}

static bool is_key_name(struct span s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    for (size_t i = 0; i < s.len; i++)
        if (!memchr(allowed, s.p[i], sizeof(allowed) - 1))
            return false;
    return s.len > 0 && s.len <= SERVICE_KEY_NAME_MAX;
}

/* What a header of HTTP carries unchanged. */
static bool is_printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

static const char *open_section(struct file_reader *r, struct span line)
{
    struct service_keys *s = r->out;
    struct span name = {line.p + 1, line.len - 1};

    if (name.len > 0 && name.p[name.len - 1] == ']')
        name.len--;
    else
        name.len = 0;
    if (!is_key_name(name))
        return "a section is [name], with 1 to 24 letters, digits, dots, hyphens or underscores";
    for (size_t i = 0; i < s->count; i++)
        if (span_equal(s->named[i].name, name))
            return "the name is used twice; give each key a name of its own";
    if (s->count == SERVICE_KEYS_MAX)
        return "there are more than 16 names; remove those that are not used";
    r->section_lines[s->count] = r->line;
    s->named[s->count++].name = name;
    return NULL;
}

static const char *add_purposes(struct service_keys *s, struct service_key *k, struct span words)
{
    (void)s;
    if (k->purposes)
        return "the section has two \"may\" lines; put all purposes on one";
    while (words.p) {
        struct span word = span_trim(span_cut(&words, ' '));
        unsigned purpose = find_purpose(word);

        if (word.len == 0)
            continue;
        if (!purpose)
            return "\"may\" takes send, send:group, manage, statistics and metrics";
        k->purposes |= purpose;
    }
    return k->purposes ? NULL : "\"may\" is empty; say what the key may do";
}

static const char *set_group(struct service_keys *s, struct service_key *k, struct span name)
{
    (void)s;
    if (k->group.len > 0)
        return "the section has two groups; make a section and a key for each";
    if (name.len == 0 || name.len > SERVICE_KEY_GROUP_MAX || !span_is_utf8(name))
        return "a group is named by 1 to 255 bytes of UTF-8";
    k->group = name;
    return NULL;
}

static const char *add_key(struct service_keys *s, struct service_key *k, struct span key)
{
    if (k->count == KEYRING_MAX)
        return "the section has more than two keys; keep the new and the old key";
    if (key.len < KEY_MIN)
        return "the key is shorter than 32 bytes; openssl rand -hex 32 makes one";
    if (key.len > KEY_MAX)
        return "the key is longer than 4096 bytes";
    if (!is_printable(key))
        return "the key has other characters than printable ASCII without blanks; openssl rand "
               "-hex 32 makes one";
    if (service_keys_find(s, key))
        return "the key is in the file twice; generate a new one";
    k->keys[k->count++] = key;
    return NULL;
}

static const char *read_setting(struct service_keys *s, struct span line)
{
    static const struct {
        const char *name;
        const char *(*read)(struct service_keys *s, struct service_key *k, struct span value);
    } settings[] = {{"may", add_purposes}, {"group", set_group}, {"key", add_key}};
    struct span value = line;
    struct span name = span_trim(span_cut(&value, '='));

    if (s->count == 0)
        return "a [name] must come first: whose key this is";
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (value.p && span_equal(name, span_of(settings[i].name)))
            return settings[i].read(s, &s->named[s->count - 1], span_trim(value));
    return "a line is \"[name]\", \"may = ...\", \"group = ...\", \"key = ...\" or a # comment";
}

static const char *read_line(struct file_reader *r, struct span line)
{
    if (span_has_control(line))
        return "the line has a control character; use blanks for tabs, and no CR at its end";
    line = span_trim(line);
    if (line.len == 0 || line.p[0] == '#' || line.p[0] == ';')
        return NULL;
    return line.p[0] == '[' ? open_section(r, line) : read_setting(r->out, line);
}

static const char *check_section(const struct service_key *k)
{
    if (!k->purposes)
        return "the section has no line \"may = ...\"; say what the key may do";
    if (k->count == 0)
        return "the section has no line \"key = ...\"; openssl rand -hex 32 makes a key";
    if (k->group.len > 0 &&
        (k->purposes & (PURPOSE_SEND | PURPOSE_SEND_GROUP)) != PURPOSE_SEND_GROUP)
        return "the section has a group; that needs send:group in its \"may\" line, and no send";
    return NULL;
}

static const char *read_named(struct file_reader *r)
{
    struct span rest = owned_span(&r->out->file);
    const char *fault = NULL;

    while (rest.p && !fault) {
        r->line++;
        fault = read_line(r, span_cut(&rest, '\n'));
    }
    for (size_t i = 0; i < r->out->count && !fault; i++) {
        r->line = r->section_lines[i];
        fault = check_section(&r->out->named[i]);
    }
    return fault;
}

static const char *read_plain(struct service_keys *s)
{
    struct keyring ring;
    const char *why;

    if (s->file.len > KEYRING_FILE_MAX) {
        owned_deinit(&s->file);
        return "is too big for one or two keys";
    }
    if (keyring_init(&ring, &s->file, &why))
        return why;
    s->file = ring.file;
    s->named[0] = (struct service_key){.count = ring.count, .purposes = PURPOSE_ALL};
    memcpy(s->named[0].keys, ring.keys, sizeof(ring.keys));
    s->count = 1;
    return NULL;
}

enum err service_keys_init(struct service_keys *s, struct owned *file, const char **why,
                           size_t *line)
{
    struct service_keys read = {.file = *file};
    struct file_reader reader = {.out = &read};
    const char *fault;

    *file = (struct owned){0};
    fault = has_names(&read) ? read_named(&reader) : read_plain(&read);
    if (fault) {
        service_keys_deinit(&read);
        *why = fault;
        *line = reader.line;
        return ERR_INVALID;
    }
    *s = read;
    return ERR_NONE;
}

void service_keys_deinit(struct service_keys *s)
{
    owned_deinit(&s->file);
    *s = (struct service_keys){0};
}

const struct service_key *service_keys_find(const struct service_keys *s, struct span key)
{
    const struct service_key *found = NULL;

    /* Every key is compared, so that the time does not tell which one it was. */
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->named[i].count; j++)
            found = span_equal_secret(s->named[i].keys[j], key) ? &s->named[i] : found;
    return found;
}

bool service_keys_overlap(const struct service_keys *s, const struct keyring *ring)
{
    bool is_shared = false;

    for (size_t i = 0; i < ring->count; i++)
        is_shared |= service_keys_find(s, ring->keys[i]) != NULL;
    return is_shared;
}
