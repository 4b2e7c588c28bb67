/* SPDX-License-Identifier: MIT */
/* config_check.c - the rules between settings, and those of a value that are more than its type. */
#include "common/config/config_value.h"

#include <string.h>

#include "common/config/redis_url.h"
#include "common/text/ip.h"
#include "common/text/language.h"

struct check {
    const struct config *config;
    FILE *faults;
    size_t fault_count;
};

#define FAULT_AT(check, setting, ...)                                                              \
    ((check)->fault_count++, config_fault((check)->config, setting, (check)->faults, __VA_ARGS__))
#define FAULT(check, field, ...) FAULT_AT(check, &(check)->config->field, __VA_ARGS__)

static bool has_only(struct span s, const char *set)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\0' || !strchr(set, s.p[i]))
            return false;
    }
    return s.len > 0;
}

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_port(struct span s)
{
    int64_t n;

    return has_only(s, DIGITS) && span_parse_int(s, &n) == ERR_NONE && n >= 1 && n <= 65535;
}

/* Empty, :port or :*. */
static bool is_port_suffix(struct span s, bool may_be_any)
{
    struct span port = {s.p + 1, s.len - 1};

    return s.len == 0 ||
           (s.p[0] == ':' && (is_port(port) || (may_be_any && span_equal(port, SPAN("*")))));
}

/* A host, which may be [v6], and perhaps a port. */
static bool is_authority(struct span s, bool may_be_any_port)
{
    struct span rest = s;
    struct span host;

    if (span_starts_with(s, SPAN("["))) {
        host = span_cut(&rest, ']');
        return rest.p &&
               has_only((struct span){host.p + 1, host.len - 1}, DIGITS "abcdefABCDEF:.") &&
               is_port_suffix(rest, may_be_any_port);
    }
    host = span_cut(&rest, ':');
    return has_only(host, LETTERS DIGITS ".-_") &&
           is_port_suffix((struct span){s.p + host.len, s.len - host.len}, may_be_any_port);
}

static bool is_origin(struct span s)
{
    const char *colon = strstr(s.p, "://"); /* an item of a list ends with NUL */
    size_t scheme_len = colon ? (size_t)(colon - s.p) : 0;

    return colon && has_only((struct span){s.p, scheme_len}, LETTERS DIGITS "+.-") &&
           is_authority((struct span){colon + 3, s.len - scheme_len - 3}, true);
}

static bool has_duplicate(const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(list->items[i], list->items[j]) == 0)
                return true;
        }
    }
    return false;
}

static void check_auth(struct check *check)
{
    const struct config_auth *auth = &check->config->auth;
    size_t keys = auth->public_key_file.count;

    for (size_t i = 0; i < auth->origins.count; i++) {
        if (!is_origin(span_of(auth->origins.items[i])))
            FAULT(check, auth.origins,
                  "origins: %s must be scheme://host, scheme://host:port or scheme://host:*",
                  auth->origins.items[i]);
    }
    if (has_duplicate(&auth->origins))
        FAULT(check, auth.origins, "origins: duplicate entry; remove one");
    if (has_duplicate(&auth->public_key_file))
        FAULT(check, auth.public_key_file, "public_key_file: duplicate entry; remove one");
    if (keys > 2)
        FAULT(check, auth.public_key_file, "public_key_file: at most two files are allowed");
    if (auth->algorithm == TOKEN_HS256 && keys > 0)
        FAULT(check, auth.public_key_file,
              "public_key_file: must be empty with algorithm = HS256, which uses secret_file");
    if (auth->algorithm == TOKEN_HS256 && auth->private_key_file[0])
        FAULT(check, auth.private_key_file,
              "private_key_file: must be empty with algorithm = HS256, which uses secret_file");
    if (auth->algorithm != TOKEN_HS256 && keys == 0)
        FAULT(check, auth.public_key_file,
              "public_key_file: RS256, ES256 and EdDSA need a PEM file with the public key");
}

static bool is_prefix(struct span s)
{
    if (s.len == 0)
        return true;
    if (s.p[0] != '/' || s.p[s.len - 1] == '/' || strstr(s.p, "//"))
        return false;
    return has_only(s, LETTERS DIGITS "/._~-");
}

static bool is_relay_url(struct span s)
{
    struct address a;

    if (span_starts_with(s, SPAN("unix:")))
        return address_parse(s, &a) == ERR_NONE;
    return span_starts_with(s, SPAN("http://")) &&
           is_authority((struct span){s.p + 7, s.len - 7}, false);
}

/* A URI, or keywords. The value may hold a password: no fault repeats it. */
static bool is_conninfo(struct span s)
{
    return span_starts_with(s, SPAN("postgresql://")) || span_starts_with(s, SPAN("postgres://")) ||
           (s.len > 1 && s.p[0] != '=' && strchr(s.p, '=') && !strstr(s.p, "://"));
}

bool config_is_read_url(struct span s)
{
    return s.len == 0 || is_conninfo(s);
}

static void check_app(struct check *check)
{
    const struct config *c = check->config;

    if (!is_prefix(span_of(c->app.prefix)))
        FAULT(check, app.prefix,
              "prefix: must be empty or a path such as /doorbell, without a / at the end");
    if (!is_relay_url(span_of(c->app.relay_url)))
        FAULT(check, app.relay_url, "relay_url: must be http://host:port or unix:/path");
    if (!language_is_tag(span_of(c->app.default_language)))
        FAULT(check, app.default_language,
              "default_language: must be a language tag such as en or zh-Hant");
    if (c->database.url[0] == '\0')
        FAULT(check, database.url, "url: must not be empty");
    if (!config_is_read_url(span_of(c->database.read_url)))
        FAULT(check, database.read_url,
              "read_url: must be postgresql://host,host/database or keywords of libpq such as "
              "host=a,b dbname=c; leave it empty to read the primary alone");
}

/* Port 0 is another one each time. */
static bool is_any_port(const struct address *a)
{
    return a->type == ADDRESS_TCP && a->port == 0;
}

/* `list` is the field of the setting `name`. */
static void check_networks(struct check *check, const struct config_list *list, const char *name,
                           bool takes_unix)
{
    const char *what = takes_unix ? "an address, a network such as 10.0.0.0/8, or unix"
                                  : "an address or a network such as 10.0.0.0/8";
    struct ip_network network;

    for (size_t i = 0; i < list->count; i++) {
        struct span item = span_of(list->items[i]);

        if (!(takes_unix && span_equal(item, SPAN("unix"))) && ip_network_parse(item, &network))
            FAULT_AT(check, list, "%s: %s must be %s", name, list->items[i], what);
    }
    if (has_duplicate(list))
        FAULT_AT(check, list, "%s: duplicate entry; remove one", name);
}

static bool is_socketio_path(struct span s)
{
    return s.len > 2 && s.p[0] == '/' && s.p[s.len - 1] == '/' && !strstr(s.p, "//") &&
           has_only(s, LETTERS DIGITS "/._~-");
}

/* As a packet a text is at most six times as long, as with &quot; for one character. */
static bool fits_a_page(const struct config_relay *relay, const char *text)
{
    enum { GROWTH = 6, AROUND_IT = 128 };

    return (int64_t)strlen(text) * GROWTH + AROUND_IT <=
           relay->socketio_max_pending / CONFIG_TEXTS_SHARE;
}

static void check_socketio(struct check *check)
{
    const struct config_relay *relay = &check->config->relay;

    if (!is_socketio_path(span_of(relay->socketio_path)))
        FAULT(check, relay.socketio_path,
              "socketio_path: must be a path such as /socket.io/, with a / at both ends");
    /* Both ends are to know within 60 s that the other one is gone. */
    if (relay->socketio_ping_interval_ms + relay->socketio_ping_timeout_ms > 59000)
        FAULT(check, relay.socketio_ping_timeout_ms,
              "socketio_ping_timeout: socketio_ping_interval and this must add up to 59s or less");
    if (!fits_a_page(relay, relay->legacy_text))
        FAULT(check, relay.legacy_text,
              "legacy_text: is too long; shorten it or raise socketio_max_pending");
    if (!fits_a_page(relay, relay->legacy_online_format))
        FAULT(check, relay.legacy_online_format,
              "legacy_online_format: is too long; shorten it or raise socketio_max_pending");
}

static void check_switches(struct check *check)
{
    const struct config_relay *relay = &check->config->relay;

    if (relay->legacy_get && !relay->legacy_publish)
        FAULT(check, relay.legacy_get, "legacy_get: needs legacy_publish = yes");
    if (relay->socketio)
        return;
    if (relay->socketio_jsonp)
        FAULT(check, relay.socketio_jsonp, "socketio_jsonp: needs socketio = yes");
    if (relay->legacy_login)
        FAULT(check, relay.legacy_login, "legacy_login: needs socketio = yes");
    if (relay->legacy_anonymous)
        FAULT(check, relay.legacy_anonymous, "legacy_anonymous: needs socketio = yes");
}

static void check_relay(struct check *check)
{
    const struct config_relay *relay = &check->config->relay;

    if (address_equal(&relay->listen, &relay->publish_listen) && !is_any_port(&relay->listen))
        FAULT(check, relay.publish_listen, "publish_listen: must differ from listen");
}

static bool is_channel_prefix(struct span s)
{
    return s.len <= 64 && has_only(s, LETTERS DIGITS "._:-");
}

/* As Redis Sentinel has it, which sets no length. */
static bool is_master_name(struct span s)
{
    return s.len <= 64 && has_only(s, LETTERS DIGITS "._-");
}

static void check_sentinels(struct check *check, bool are_sentinels)
{
    const struct config_relay *relay = &check->config->relay;
    const char *master = relay->cluster_sentinel_master;

    if (are_sentinels && !master[0])
        FAULT(check, relay.cluster,
              "cluster: sentinels need cluster_sentinel_master, the name that they know Redis by");
    if (!are_sentinels && master[0])
        FAULT(check, relay.cluster_sentinel_master,
              "cluster_sentinel_master: needs sentinel://host:port in cluster");
    if (master[0] && !is_master_name(span_of(master)))
        FAULT(check, relay.cluster_sentinel_master,
              "cluster_sentinel_master: must be 1 to 64 letters, digits and ._-");
    if (relay->cluster_sentinel_user[0] && !relay->cluster_sentinel_password_file[0])
        FAULT(check, relay.cluster_sentinel_user,
              "cluster_sentinel_user: needs cluster_sentinel_password_file");
    if (!are_sentinels && relay->cluster_sentinel_password_file[0])
        FAULT(check, relay.cluster_sentinel_password_file,
              "cluster_sentinel_password_file: needs sentinel://host:port in cluster");
}

static void check_cluster(struct check *check)
{
    const struct config_relay *relay = &check->config->relay;
    struct redis_urls urls;
    const char *why;

    if (redis_urls_parse(span_of(relay->cluster), &urls, &why))
        FAULT(check, relay.cluster, "cluster: %s", why);
    else
        check_sentinels(check, urls.are_sentinels);
    if (relay->cluster_max_pending < 2 * relay->max_publish_body)
        FAULT(check, relay.cluster_max_pending,
              "cluster_max_pending: must be twice max_publish_body or more");
    if (!is_channel_prefix(span_of(relay->cluster_prefix)))
        FAULT(check, relay.cluster_prefix,
              "cluster_prefix: must be 1 to 64 letters, digits and ._:-");
    if (relay->cluster_user[0] && !relay->cluster_password_file[0])
        FAULT(check, relay.cluster_user, "cluster_user: needs cluster_password_file");
    if (!relay->cluster[0] && relay->cluster_password_file[0])
        FAULT(check, relay.cluster_password_file,
              "cluster_password_file: needs cluster, the address of the Redis");
}

size_t config_check(const struct config *c, FILE *faults)
{
    struct check check = {.config = c, .faults = faults};

    check_auth(&check);
    check_app(&check);
    check_relay(&check);
    check_switches(&check);
    check_socketio(&check);
    check_networks(&check, &c->relay.trusted_proxies, "trusted_proxies", true);
    check_networks(&check, &c->app.webhook_networks, "webhook_networks", false);
    check_cluster(&check);
    return check.fault_count;
}
