/* SPDX-License-Identifier: MIT */
#include "common/config/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/config_value.h"

#define ENVIRONMENT_PREFIX "DOORBELL_"

/* What reading yields besides the config. */
struct loader {
    struct config *config;
    FILE *faults;
    const char *section; /* the table's; NULL before the first one and in an unknown one */
    bool is_in_section;  /* known or not */
    int line;
    size_t fault_count;
};

static const char *file_name(const struct config *c)
{
    return c->path ? c->path : "doorbell.conf";
}

__attribute__((format(printf, 2, 3))) static void fault_at_line(struct loader *l,
                                                                const char *format, ...)
{
    va_list args;

    l->fault_count++;
    fprintf(l->faults, "%s:%d: ", file_name(l->config), l->line);
    va_start(args, format);
    vfprintf(l->faults, format, args);
    va_end(args);
    fputc('\n', l->faults);
}

static void print_variable(FILE *out, const struct setting *s)
{
    fputs(ENVIRONMENT_PREFIX, out);
    for (const char *p = s->section; *p; p++)
        fputc(toupper((unsigned char)*p), out);
    fputc('_', out);
    for (const char *p = s->name; *p; p++)
        fputc(toupper((unsigned char)*p), out);
}

static void print_origin(const struct config *c, const struct setting *s, FILE *out)
{
    int line = c->lines[s - settings];

    if (line == CONFIG_LINE_ENVIRONMENT)
        print_variable(out, s);
    else if (line == CONFIG_LINE_DEFAULT)
        fprintf(out, "[%s] %s", s->section, s->name);
    else
        fprintf(out, "%s:%d", file_name(c), line);
}

void config_fault(const struct config *c, const void *field, FILE *faults, const char *format, ...)
{
    size_t offset = (size_t)((const char *)field - (const char *)c);
    va_list args;

    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].offset == offset)
            print_origin(c, &settings[i], faults);
    }
    fputs(": ", faults);
    va_start(args, format);
    vfprintf(faults, format, args);
    va_end(args);
    fputc('\n', faults);
}

static void *field_of(struct config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

static void set(struct loader *l, const struct setting *s, struct span value)
{
    const char *why = config_value_set(s, value, field_of(l->config, s));

    if (!why)
        return;
    l->fault_count++;
    config_fault(l->config, field_of(l->config, s), l->faults, "%s: %s", s->name, why);
}

const struct setting *config_next_kept(const struct config *now, const struct config *next,
                                       enum program program, const struct setting *after)
{
    for (size_t i = after ? (size_t)(after - settings) + 1 : 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if ((s->used_by & (unsigned)program) && !s->is_reloadable &&
            !config_value_equal(s, (const char *)now + s->offset, (const char *)next + s->offset))
            return s;
    }
    return NULL;
}

enum err config_keep(const struct config *now, enum program program, struct config *next)
{
    const struct setting *s = NULL;
    enum err e = ERR_NONE;

    while (!e && (s = config_next_kept(now, next, program, s)))
        e = config_value_copy(s, (const char *)now + s->offset, field_of(next, s));
    return e;
}

static const struct setting *find_setting(const char *section, struct span name)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (strcmp(settings[i].section, section) == 0 &&
            span_equal(span_of(settings[i].name), name))
            return &settings[i];
    }
    return NULL;
}

static const char *find_section(struct span name)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (span_equal(span_of(settings[i].section), name))
            return settings[i].section;
    }
    return NULL;
}

/* A name that may be printed and looked up; other bytes are not echoed. */
static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '_' && !islower((unsigned char)s.p[i]) && !isdigit((unsigned char)s.p[i]))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

static void read_section(struct loader *l, struct span line)
{
    struct span name = span_trim(line);

    l->is_in_section = true;
    l->section = NULL;
    if (name.len < 2 || name.p[name.len - 1] != ']') {
        fault_at_line(l, "a section is written [name]");
        return;
    }
    name = (struct span){name.p + 1, name.len - 2};
    if (is_name(name))
        l->section = find_section(name);
    if (!l->section && is_name(name))
        fault_at_line(l, "unknown section [%.*s]", SPAN_ARGS(name));
    else if (!l->section)
        fault_at_line(l, "unknown section");
}

static void read_setting(struct loader *l, struct span line)
{
    struct span value = line;
    struct span name = span_trim(span_cut(&value, '='));
    const struct setting *s;

    if (!value.p || !is_name(name)) {
        fault_at_line(l, "expected name = value, [section] or a comment");
        return;
    }
    if (!l->is_in_section)
        fault_at_line(l, "%.*s comes before the first [section]", SPAN_ARGS(name));
    if (!l->section)
        return; /* said once, at the section */
    s = find_setting(l->section, name);
    if (!s) {
        fault_at_line(l, "unknown setting %.*s in [%s]", SPAN_ARGS(name), l->section);
        return;
    }
    if (l->config->lines[s - settings] != CONFIG_LINE_DEFAULT) {
        fault_at_line(l, "duplicate %s, first set in line %d; remove one", s->name,
                      l->config->lines[s - settings]);
        return;
    }
    l->config->lines[s - settings] = l->line;
    set(l, s, span_trim(value));
}

static void read_line(struct loader *l, struct span line)
{
    if (line.len > CONFIG_LINE_MAX)
        fault_at_line(l, "longer than %d bytes", CONFIG_LINE_MAX);
    else if (line.len > 0 && memchr(line.p, '\0', line.len))
        fault_at_line(l, "contains a NUL byte");
    else if (span_trim(line).len == 0 || line.p[0] == '#' || line.p[0] == ';')
        return;
    else if (line.p[0] == ' ' || line.p[0] == '\t')
        fault_at_line(l, "starts with a blank; lines cannot be continued, remove it");
    else if (line.p[0] == '[')
        read_section(l, line);
    else
        read_setting(l, line);
}

/* Whether `variable` begins with DOORBELL_ and the name of `section`; cuts both off if so. */
static bool cut_section(struct span *variable, const char *section)
{
    struct span rest = *variable;
    size_t len = strlen(section);

    if (!span_starts_with(rest, SPAN(ENVIRONMENT_PREFIX)))
        return false;
    rest.p += sizeof(ENVIRONMENT_PREFIX) - 1;
    rest.len -= sizeof(ENVIRONMENT_PREFIX) - 1;
    if (rest.len <= len || rest.p[len] != '_')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (rest.p[i] != toupper((unsigned char)section[i]))
            return false;
    }
    *variable = (struct span){rest.p + len + 1, rest.len - len - 1};
    return true;
}

static bool equals_upper(struct span upper, const char *lower)
{
    if (upper.len != strlen(lower))
        return false;
    for (size_t i = 0; i < upper.len; i++) {
        if (upper.p[i] != toupper((unsigned char)lower[i]))
            return false;
    }
    return true;
}

static void fault_unknown_variable(struct loader *l, struct span variable)
{
    l->fault_count++;
    for (size_t i = 0; i < variable.len && i < 128; i++) {
        char c = variable.p[i];

        fputc(c == '_' || isalnum((unsigned char)c) ? c : '?', l->faults);
    }
    fputs(": unknown setting\n", l->faults);
}

static void read_variable(struct loader *l, struct span entry)
{
    struct span value = entry;
    struct span variable = span_cut(&value, '=');
    bool is_ours = false;

    if (!value.p)
        return;
    for (size_t i = 0; i < settings_count; i++) {
        struct span name = variable;

        if (!cut_section(&name, settings[i].section))
            continue;
        is_ours = true;
        if (!equals_upper(name, settings[i].name))
            continue;
        l->config->lines[i] = CONFIG_LINE_ENVIRONMENT;
        set(l, &settings[i], span_trim(value));
        return;
    }
    if (is_ours)
        fault_unknown_variable(l, variable);
}

static struct config *config_new(const char *path)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->lines = calloc(settings_count, sizeof(c->lines[0]));
    c->path = path ? strdup(path) : NULL;
    if (!c->lines || (path && !c->path)) {
        config_free(c);
        return NULL;
    }
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < settings_count; i++)
        config_value_free(&settings[i], field_of(c, &settings[i]));
    free(c->lines);
    free(c->path);
    free(c);
}

static bool is_set(const struct config *c, const void *field)
{
    for (size_t i = 0; i < settings_count; i++)
        if ((const char *)c + settings[i].offset == (const char *)field)
            return c->lines[i] != CONFIG_LINE_DEFAULT;
    return false;
}

enum err config_parse(struct span text, const char *path, char *const *environment, FILE *faults,
                      struct config **out)
{
    struct loader l = {.config = config_new(path), .faults = faults};

    if (!l.config)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < settings_count; i++)
        set(&l, &settings[i], span_of(settings[i].fallback));
    while (text.len > 0) {
        l.line++;
        read_line(&l, span_cut(&text, '\n'));
    }
    for (; environment && *environment; environment++)
        read_variable(&l, span_of(*environment));
    if (!is_set(l.config, &l.config->relay.legacy_online_count))
        l.config->relay.legacy_online_count = l.config->relay.legacy_login;
    l.fault_count += config_check(l.config, faults);
    if (l.fault_count > 0) {
        config_free(l.config);
        return ERR_INVALID;
    }
    *out = l.config;
    return ERR_NONE;
}
