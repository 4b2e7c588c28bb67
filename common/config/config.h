/* SPDX-License-Identifier: MIT */
/* config.h - doorbell.conf: one table of settings for both programs. Parser, environment, --help,
 * the sample, the man page's check all walk that table. A loaded config is const; a reload builds a
 * new one and swaps it. */
#ifndef DOORBELL_COMMON_CONFIG_H
#define DOORBELL_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/address.h"

enum {
    CONFIG_LINE_MAX = 4096,
    CONFIG_FILE_MAX = 256 * 1024,
    CONFIG_EXIT = 78 /* EX_CONFIG of sysexits.h */
};

/* In place of a line number, for a value that comes from no line. */
enum config_line { CONFIG_LINE_DEFAULT = 0, CONFIG_LINE_ENVIRONMENT = -1 };

enum program { PROGRAM_APP = 1, PROGRAM_RELAY = 2 };

enum token_algorithm { TOKEN_HS256, TOKEN_RS256, TOKEN_ES256, TOKEN_EDDSA, TOKEN_ALGORITHMS };

/* As settings and tokens spell them (RFC 7518 3.1, RFC 8037 3.1). */
extern const char *const token_algorithm_names[TOKEN_ALGORITHMS];

/* A blank-separated list; the last item is followed by NULL. */
struct config_list {
    char **items;
    size_t count;
};

struct config_auth {
    enum token_algorithm algorithm;
    char *secret_file;
    struct config_list public_key_file;
    char *private_key_file; /* empty: tokens are verified only */
    char *send_key_file;
    char *publish_key_file;
    char *webhook_secret_file; /* empty: no webhooks */
    struct config_list origins;
    char *audience; /* empty: a token with `aud` is refused */
    bool trust_remote_user;
    int64_t token_ttl_max_s;
};

struct config_app {
    struct address listen;
    mode_t listen_mode;
    char *listen_group;
    char *prefix; /* starts with '/', does not end with it; empty for the root */
    int64_t workers;
    int64_t max_connections;
    int64_t read_reserve;
    int64_t queue_timeout_ms;
    int64_t user_reads, user_writes, user_queue, user_rate, user_burst;
    int64_t max_body_memory, max_reply_memory; /* bytes */
    int64_t check_cache;
    bool seccomp;
    char *relay_url; /* http://host:port or unix:/path */
    int64_t hit_window_s;
    int64_t backlog_days;
    int64_t max_groups;
    char *default_language;
    int64_t max_batch; /* messages */
    int64_t group_ring_max;
    int64_t ring_max_age_s;
    int64_t webhook_timeout_ms;
    struct config_list webhook_networks;
    bool webhook_http;
    char *webhook_ca_file; /* empty: the system's */
};

struct config_database {
    char *url;      /* in force, also where it comes from url_file */
    char *url_file; /* empty: none */
    char *read_url; /* of standbys, in force as url; empty: none */
    char *read_url_file;
    int64_t statement_timeout_ms;
    int64_t lock_timeout_ms;
};

/* What a socket.io page can be told at once, one text or all to everybody, takes such a part of
 * socketio_max_pending, so that nobody is closed for what waits already. */
enum { CONFIG_TEXTS_SHARE = 2 };

struct config_relay {
    struct address listen;
    struct address publish_listen;
    mode_t listen_mode;
    char *listen_group;
    bool seccomp;
    struct config_list trusted_proxies; /* networks, and "unix" */
    char *cluster;                      /* empty: no other relays; see redis_url.h */
    char *cluster_user;
    char *cluster_password_file;   /* empty: none */
    char *cluster_sentinel_master; /* empty: no sentinels */
    char *cluster_sentinel_user;
    char *cluster_sentinel_password_file; /* empty: none */
    char *cluster_prefix;
    int64_t cluster_max_pending;
    int64_t ping_interval_ms;
    int64_t login_timeout_ms;
    int64_t drain_window_ms;
    int64_t pace;        /* rings per second of a broadcast; 0: all at once */
    int64_t notify_pace; /* the same of one with a step */
    int64_t check_rate;  /* checks per second that the app can answer; spreads rings if pace is 0 */
    int64_t max_sessions;
    int64_t max_sessions_per_user;
    int64_t max_sessions_per_address;
    int64_t max_accepts_per_second; /* with a good token */
    int64_t max_accepts_per_user;
    int64_t max_anonymous_share; /* percent of max_sessions */
    int64_t max_anonymous_per_address;
    int64_t max_anonymous_accepts_per_second;
    int64_t max_anonymous_accepts_per_address;
    int64_t max_publishes_per_second;
    int64_t max_keyless_per_second;
    int64_t max_keyless_body; /* bytes of a call whose key is not in its head */
    int64_t max_publishers;   /* connections */
    int64_t reserved_descriptors;
    int64_t max_head;  /* bytes of the head of a request */
    int64_t max_frame; /* bytes of one frame from a client */
    int64_t max_publish_body;
    bool socketio;
    bool socketio_jsonp;
    char *socketio_path; /* begins and ends with '/' */
    int64_t socketio_ping_interval_ms;
    int64_t socketio_ping_timeout_ms;
    int64_t socketio_upgrade_timeout_ms;
    int64_t socketio_connect_timeout_ms;
    int64_t socketio_max_payload; /* bytes of one request of a client */
    int64_t socketio_max_pending; /* bytes that wait for one session */
    bool legacy_publish;
    bool legacy_get;
    bool legacy_login;
    bool legacy_anonymous;
    char *legacy_text;
    bool legacy_online_count; /* unless it is set, as legacy_login */
    char *legacy_online_format;
};

struct config {
    struct config_auth auth;
    struct config_app app;
    struct config_database database;
    struct config_relay relay;
    char *path; /* the file read, or NULL */
    int *lines; /* by setting: the line that set it, or one of enum config_line */
};

enum setting_type {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_LIST,
    SETTING_BOOL,     /* yes or no */
    SETTING_INT,      /* min to max */
    SETTING_DURATION, /* 250ms, 2s, 5m, 1h, 1d; a bare number is seconds */
    SETTING_MODE,     /* octal */
    SETTING_ADDRESS,
    SETTING_ALGORITHM,
};

struct setting {
    const char *section;
    const char *name;
    enum setting_type type;
    const char *fallback; /* the default, as it would be written */
    int64_t min, max;     /* SETTING_INT; SETTING_DURATION in its field's unit */
    int64_t unit_ms;      /* SETTING_DURATION: what one of the field's unit is, 1 or 1000 */
    size_t offset;        /* into struct config */
    unsigned used_by;     /* enum program, or both */
    bool is_reloadable;
    const char *meaning; /* one line for --help */
};

extern const struct setting settings[];
extern const size_t settings_count;

/* From the bytes of a file, then from the variables DOORBELL_<SECTION>_<NAME> of `environment`,
 * which is like environ. `path` (may be NULL) names the file in faults. Checks every setting, and
 * the rules between them that need no other file. Each fault is written to `faults` as one line
 * "file:line: what"; with one or more, ERR_INVALID. A variable of a section that does not exist is
 * not ours. Caller owns *out. */
MUST_USE enum err config_parse(struct span text, const char *path, char *const *environment,
                               FILE *faults, struct config **out);
void config_free(struct config *c);

/* What a read_url looks like, or nothing: libpq may still refuse it. */
bool config_is_read_url(struct span s);

/* The settings of `program` that need a restart and differ between `now` and `next`: the first one
 * after `after` in the table (NULL: of all), or NULL if there are no more. */
const struct setting *config_next_kept(const struct config *now, const struct config *next,
                                       enum program program, const struct setting *after);

/* Makes those settings say in *next what they do in `now`. */
MUST_USE enum err config_keep(const struct config *now, enum program program, struct config *next);

/* Writes one line "where: message" to `faults` about the setting whose value is at `field` of *c;
 * where is "doorbell.conf:12", "DOORBELL_APP_WORKERS" or "[app] workers". */
void config_fault(const struct config *c, const void *field, FILE *faults, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The settings that `program` uses, for --help. */
void config_print_help(FILE *out, enum program program);

#endif
