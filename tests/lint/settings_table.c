/* SPDX-License-Identifier: MIT */
/* settings_table - the table of settings, for tests/lint/settings and `make sample`. Without an
 * argument: a line each, section, name, default, range, programs, "restart" if a reload does not
 * change it, meaning, separated by tabs. "sample": deploy/doorbell.conf. "check": reads a
 * doorbell.conf from stdin as the programs do, exit 1 if it has faults. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/config.h"

static void print_duration(int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *suffix;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    printf("%" PRId64 "%s", ms / units[i].ms, ms ? units[i].suffix : "");
}

static void print_range(const struct setting *s)
{
    if (s->type == SETTING_INT) {
        printf("%" PRId64 " to %" PRId64, s->min, s->max);
    } else if (s->type == SETTING_DURATION) {
        print_duration(s->min * s->unit_ms);
        printf(" to ");
        print_duration(s->max * s->unit_ms);
    } else {
        printf("-");
    }
}

static void print_setting(const struct setting *s)
{
    static const char *const programs[] = {
        [PROGRAM_APP] = "app", [PROGRAM_RELAY] = "relay", [PROGRAM_APP | PROGRAM_RELAY] = "both"};

    printf("%s\t%s\t%s\t", s->section, s->name, s->fallback);
    print_range(s);
    printf("\t%s\t%s\t%s\n", programs[s->used_by], s->is_reloadable ? "reload" : "restart",
           s->meaning);
}

static void print_sample(void)
{
    const char *section = "";

    puts("# doorbell.conf - settings of doorbell-app and doorbell-relay, see doorbell.conf(5).\n"
         "# Every setting is listed with its default; remove the # in front of one to change it.");
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (strcmp(section, s->section) != 0)
            printf("\n[%s]\n", s->section);
        section = s->section;
        printf("# %s\n#%s =%s%s\n", s->meaning, s->name, s->fallback[0] ? " " : "", s->fallback);
    }
}

static enum err check(FILE *f)
{
    static char text[CONFIG_FILE_MAX];
    struct config *c = NULL;
    enum err e = config_parse((struct span){text, fread(text, 1, sizeof(text), f)}, "doorbell.conf",
                              NULL, stderr, &c);

    config_free(c);
    return e;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "check") == 0)
        return check(stdin) ? EXIT_FAILURE : EXIT_SUCCESS;
    if (argc == 2 && strcmp(argv[1], "sample") == 0) {
        print_sample();
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < settings_count; i++)
        print_setting(&settings[i]);
    return EXIT_SUCCESS;
}
