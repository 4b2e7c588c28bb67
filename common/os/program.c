/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getopt_long */
#include "common/os/program.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/os/load.h"
#include "common/os/log.h"

#define CONFIG_PATH DOORBELL_SYSCONFDIR "/doorbell/doorbell.conf"

/* By name only: the value may hold a password. */
static void log_kept(const struct program_start *start, const struct config *first,
                     const struct config *next)
{
    const struct setting *s = NULL;

    while ((s = config_next_kept(first, next, start->program, s)))
        log_warn("reload: [%s] %s stays as it was: it needs a restart", s->section, s->name);
}

/* `first`: what the program was started with, NULL at the start. */
static enum err load(const struct program_start *start, const struct config *first, FILE *faults,
                     struct program_settings *out)
{
    struct program_settings s;
    enum err e = load_config(start->config_path, start->program, faults, &s.config);

    if (e)
        return e;
    if (first) {
        log_kept(start, first, s.config);
        e = config_keep(first, start->program, s.config);
    }
    if (!e)
        e = load_secrets(s.config, start->program, faults, &s.secrets);
    if (e) {
        config_free(s.config);
        return e;
    }
    *out = s;
    return ERR_NONE;
}

/* By the log, which waits for nobody: stderr may. */
static void log_lines(struct span text)
{
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');

        log_error("%.*s", SPAN_ARGS(line));
    }
}

enum err program_reload(const struct program_start *start, const struct config *first,
                        struct program_settings *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *faults = open_memstream(&text, &len);
    enum err e = faults ? load(start, first, faults, out) : ERR_NO_MEMORY;

    if (faults && fclose(faults) == 0)
        log_lines((struct span){text, len});
    free(text);
    if (e)
        log_error("reload: the settings have faults, the old ones stay in force; correct what is "
                  "named above and send SIGHUP again");
    return e;
}

static void print_usage(const struct program_start *start, FILE *out)
{
    fprintf(out,
            "usage: %s [-hnV] [-c file]\n"
            "  -c, --config file  settings (default %s)\n"
            "  -n, --check        check the settings and the keys, and exit\n"
            "  -V, --version      print the version, and exit\n"
            "  -h, --help         print this and all settings, and exit\n",
            start->name, CONFIG_PATH);
}

static int print_help(const struct program_start *start)
{
    print_usage(start, stdout);
    (void)puts("\nSettings, as [section] name = value in the file, or in the environment as "
               "DOORBELL_SECTION_NAME:\n");
    config_print_help(stdout, start->program);
    return EXIT_SUCCESS;
}

static int refuse_usage(const struct program_start *start)
{
    print_usage(start, stderr);
    return PROGRAM_EXIT_USAGE;
}

/* Whether the program is to go on; if not, *status is how it ends. */
static bool read_options(struct program_start *start, int argc, char **argv, bool *is_check,
                         int *status)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'n'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    *status = EXIT_SUCCESS;
    while ((option = getopt_long(argc, argv, "c:nVh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            start->config_path = optarg;
            break;
        case 'n':
            *is_check = true;
            break;
        case 'V':
            printf("%s %s\n", start->name, DOORBELL_VERSION);
            return false;
        case 'h':
            *status = print_help(start);
            return false;
        default:
            *status = refuse_usage(start);
            return false;
        }
    }
    if (optind == argc)
        return true;
    fprintf(stderr, "%s: unexpected argument %s\n", start->name, argv[optind]);
    *status = refuse_usage(start);
    return false;
}

/* Keys are in our memory: it goes into no core file, and no other process of our user, the other
 * program for one, may trace us or read it. The leak checker of sanitizers is such a process. */
static void close_memory(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef DOORBELL_TRACEABLE
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int program_main(enum program program, const char *name, int argc, char **argv,
                 int (*run)(const struct program_start *start, struct program_settings *loaded))
{
    struct program_start start = {program, name, CONFIG_PATH};
    struct program_settings loaded;
    bool is_check = false;
    int status;

    log_bugs();
    close_memory();
    if (!read_options(&start, argc, argv, &is_check, &status))
        return status;
    if (load(&start, NULL, stderr, &loaded))
        return CONFIG_EXIT;
    if (!is_check)
        return run(&start, &loaded);
    secrets_deinit(&loaded.secrets);
    config_free(loaded.config);
    return EXIT_SUCCESS;
}
