/* SPDX-License-Identifier: MIT */
#include "common/config/config_value.h"

#include <stdlib.h>
#include <string.h>

static const char *set_text(const struct setting *s, struct span text, void *field)
{
    char *copy;

    if (s->type == SETTING_PATH && text.len == 0)
        return "must not be empty";
    copy = malloc(text.len + 1);
    if (!copy)
        return err_text(ERR_NO_MEMORY);
    if (text.len > 0)
        memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    free(*(char **)field);
    *(char **)field = copy;
    return NULL;
}

/* The next item of a blank-separated list; empty at the end. */
static struct span next_item(struct span *rest)
{
    struct span item;

    *rest = span_trim(*rest);
    item = (struct span){rest->p, 0};
    while (item.len < rest->len && item.p[item.len] != ' ' && item.p[item.len] != '\t')
        item.len++;
    rest->p = item.len > 0 ? rest->p + item.len : rest->p;
    rest->len -= item.len;
    return item;
}

static const char *set_list(const struct setting *s, struct span text, void *field)
{
    struct config_list *list = field;
    struct span rest = text;
    size_t count = 0;
    char **items;
    char *copy;

    (void)s;
    while (next_item(&rest).len > 0)
        count++;
    /* One block: the pointers, then the texts, each with its NUL. */
    items = malloc((count + 1) * sizeof(items[0]) + text.len + 1);
    if (!items)
        return err_text(ERR_NO_MEMORY);
    copy = (char *)(items + count + 1);
    rest = text;
    for (size_t i = 0; i < count; i++) {
        struct span item = next_item(&rest);

        items[i] = memcpy(copy, item.p, item.len);
        items[i][item.len] = '\0';
        copy += item.len + 1;
    }
    items[count] = NULL;
    free(list->items);
    *list = (struct config_list){items, count};
    return NULL;
}

static const char *set_bool(const struct setting *s, struct span text, void *field)
{
    bool is_yes = span_equal(text, SPAN("yes"));

    (void)s;
    if (!is_yes && !span_equal(text, SPAN("no")))
        return "must be yes or no";
    *(bool *)field = is_yes;
    return NULL;
}

static const char *set_int(const struct setting *s, struct span text, void *field)
{
    int64_t n;

    if (span_parse_int(text, &n))
        return "must be a whole number";
    if (n < s->min)
        return "is too small";
    if (n > s->max)
        return "is too big";
    *(int64_t *)field = n;
    return NULL;
}

static const struct {
    const char *suffix; /* the longer one of two that end alike comes first */
    int64_t ms;
} duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {"", 1000},
};

static bool cut_suffix(struct span *text, struct span suffix)
{
    if (text->len < suffix.len ||
        !span_equal((struct span){text->p + text->len - suffix.len, suffix.len}, suffix))
        return false;
    text->len -= suffix.len;
    return true;
}

static const char *set_duration(const struct setting *s, struct span text, void *field)
{
    static const char form[] = "must be a number followed by ms, s, m, h or d";
    size_t unit = 0;
    int64_t n;

    while (!cut_suffix(&text, span_of(duration_units[unit].suffix)))
        unit++; /* the last one always fits */
    if (span_parse_int(text, &n) || text.p[0] == '-')
        return form;
    if (n > INT64_MAX / duration_units[unit].ms)
        return "is too long";
    n *= duration_units[unit].ms;
    if (n % s->unit_ms != 0)
        return "must be whole seconds";
    n /= s->unit_ms;
    if (n < s->min)
        return "is too short";
    if (n > s->max)
        return "is too long";
    *(int64_t *)field = n;
    return NULL;
}

static const char *set_mode(const struct setting *s, struct span text, void *field)
{
    int64_t mode = 0;

    if (text.len == 0 || text.len > 4)
        return "must be an octal mode such as 0660";
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '7')
            return "must be an octal mode such as 0660";
        mode = mode * 8 + (text.p[i] - '0');
    }
    if (mode > s->max)
        return "must be at most 0777";
    *(mode_t *)field = (mode_t)mode;
    return NULL;
}

static const char *set_address(const struct setting *s, struct span text, void *field)
{
    (void)s;
    switch (address_parse(text, field)) {
    case ERR_NONE:
        return NULL;
    case ERR_TOO_BIG:
        return "the path or host is too long";
    default:
        return "must be unix:/path, host:port, [v6]:port or fd:N";
    }
}

const char *const token_algorithm_names[TOKEN_ALGORITHMS] = {
    [TOKEN_HS256] = "HS256",
    [TOKEN_RS256] = "RS256",
    [TOKEN_ES256] = "ES256",
    [TOKEN_EDDSA] = "EdDSA",
};

static const char *set_algorithm(const struct setting *s, struct span text, void *field)
{
    (void)s;
    for (enum token_algorithm i = TOKEN_HS256; i < TOKEN_ALGORITHMS; i++) {
        if (!span_equal(text, span_of(token_algorithm_names[i])))
            continue;
        *(enum token_algorithm *)field = i;
        return NULL;
    }
    return "must be HS256, RS256, ES256 or EdDSA";
}

static bool is_printable(struct span text, bool may_have_tabs)
{
    for (size_t i = 0; i < text.len; i++) {
        struct span c = {text.p + i, 1};

        if (span_has_control(c) && !(may_have_tabs && text.p[i] == '\t'))
            return false;
    }
    return span_is_utf8(text);
}

const char *config_value_set(const struct setting *s, struct span text, void *field)
{
    static const char *(*const setters[])(const struct setting *, struct span, void *) = {
        [SETTING_TEXT] = set_text,
        [SETTING_PATH] = set_text,
        [SETTING_LIST] = set_list,
        [SETTING_BOOL] = set_bool,
        [SETTING_INT] = set_int,
        [SETTING_DURATION] = set_duration,
        [SETTING_MODE] = set_mode,
        [SETTING_ADDRESS] = set_address,
        [SETTING_ALGORITHM] = set_algorithm,
    };

    if (text.len > CONFIG_LINE_MAX)
        return "is too long";
    if (!is_printable(text, s->type == SETTING_LIST))
        return "must be UTF-8 without control characters; a CR means the file has DOS line ends";
    return setters[s->type](s, text, field);
}

static bool is_same_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b) == 0;
}

static bool is_same_list(const void *a, const void *b)
{
    const struct config_list *x = a;
    const struct config_list *y = b;

    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        if (strcmp(x->items[i], y->items[i]) != 0)
            return false;
    }
    return true;
}

static bool is_same_bool(const void *a, const void *b)
{
    return *(const bool *)a == *(const bool *)b;
}

static bool is_same_int(const void *a, const void *b)
{
    return *(const int64_t *)a == *(const int64_t *)b;
}

static bool is_same_mode(const void *a, const void *b)
{
    return *(const mode_t *)a == *(const mode_t *)b;
}

static bool is_same_address(const void *a, const void *b)
{
    return address_equal(a, b);
}

static bool is_same_algorithm(const void *a, const void *b)
{
    return *(const enum token_algorithm *)a == *(const enum token_algorithm *)b;
}

bool config_value_equal(const struct setting *s, const void *a, const void *b)
{
    static bool (*const comparers[])(const void *, const void *) = {
        [SETTING_TEXT] = is_same_text,
        [SETTING_PATH] = is_same_text,
        [SETTING_LIST] = is_same_list,
        [SETTING_BOOL] = is_same_bool,
        [SETTING_INT] = is_same_int,
        [SETTING_DURATION] = is_same_int,
        [SETTING_MODE] = is_same_mode,
        [SETTING_ADDRESS] = is_same_address,
        [SETTING_ALGORITHM] = is_same_algorithm,
    };

    return comparers[s->type](a, b);
}

enum err config_value_copy(const struct setting *s, const void *from, void *to)
{
    static const size_t sizes[] = {
        [SETTING_BOOL] = sizeof(bool),
        [SETTING_INT] = sizeof(int64_t),
        [SETTING_DURATION] = sizeof(int64_t),
        [SETTING_MODE] = sizeof(mode_t),
        [SETTING_ADDRESS] = sizeof(struct address),
        [SETTING_ALGORITHM] = sizeof(enum token_algorithm),
    };

    if (s->type == SETTING_TEXT || s->type == SETTING_PATH)
        return set_text(s, span_of(*(char *const *)from), to) ? ERR_NO_MEMORY : ERR_NONE;
    if (s->type == SETTING_LIST)
        return ERR_UNSUPPORTED;
    memcpy(to, from, sizes[s->type]);
    return ERR_NONE;
}

void config_value_free(const struct setting *s, void *field)
{
    if (s->type == SETTING_TEXT || s->type == SETTING_PATH)
        free(*(char **)field);
    if (s->type == SETTING_LIST)
        free(((struct config_list *)field)->items);
}
