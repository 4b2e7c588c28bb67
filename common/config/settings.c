/* SPDX-License-Identifier: MIT */
/* settings.c - the one table of settings. A line added here is parsed, defaulted, overridable by
 * the environment and printed by --help; the
 * sample is generated from it (make sample), and tests/lint/settings checks the man page. */
#include "common/config/config.h"

#include <stddef.h>
#include <string.h>

#define AT(field) offsetof(struct config, field)
#define BOTH (PROGRAM_APP | PROGRAM_RELAY)
#define DAY_S 86400

/* clang-format off */
const struct setting settings[] = {
    /* section, name, type, default, min, max, unit_ms, offset, used by, reloadable, meaning */
    {"auth", "algorithm", SETTING_ALGORITHM, "HS256", 0, 0, 0, AT(auth.algorithm), BOTH, true, "algorithm that signs user tokens: HS256, RS256, ES256 or EdDSA"},
    {"auth", "secret_file", SETTING_PATH, "auth.secret", 0, 0, 0, AT(auth.secret_file), BOTH, true, "key file that signs and verifies user tokens (HS256)"},
    {"auth", "public_key_file", SETTING_LIST, "", 0, 0, 0, AT(auth.public_key_file), BOTH, true, "PEM public key that verifies user tokens (RS256, ES256, EdDSA); two while you rotate it"},
    {"auth", "private_key_file", SETTING_TEXT, "", 0, 0, 0, AT(auth.private_key_file), PROGRAM_APP, true, "PEM private key with which POST /tokens signs (RS256, ES256, EdDSA); empty: it makes none"},
    {"auth", "send_key_file", SETTING_PATH, "send.key", 0, 0, 0, AT(auth.send_key_file), PROGRAM_APP, true, "key file that the site's back ends use to call doorbell-app; keys may have names and purposes"},
    {"auth", "publish_key_file", SETTING_PATH, "publish.key", 0, 0, 0, AT(auth.publish_key_file), BOTH, true, "key file that doorbell-app and the site's back end use to call doorbell-relay"},
    {"auth", "webhook_secret_file", SETTING_TEXT, "", 0, 0, 0, AT(auth.webhook_secret_file), PROGRAM_APP, false, "key file that signs the calls of webhooks; empty: there are no webhooks"},
    {"auth", "origins", SETTING_LIST, "", 0, 0, 0, AT(auth.origins), BOTH, true, "origins of the pages that may use cookies, scheme://host[:port]; empty: only the request's own host"},
    {"auth", "audience", SETTING_TEXT, "", 0, 0, 0, AT(auth.audience), BOTH, true, "value that a token's aud claim must contain; empty: tokens with aud are refused"},
    {"auth", "trust_remote_user", SETTING_BOOL, "no", 0, 0, 0, AT(auth.trust_remote_user), PROGRAM_APP, true, "take the user from REMOTE_USER; only if the web server always sets it"},
    {"auth", "token_ttl_max", SETTING_DURATION, "1d", 1, 366 * DAY_S, 1000, AT(auth.token_ttl_max_s), BOTH, true, "longest lifetime of a token; one that expires further away is refused"},
    {"app", "listen", SETTING_ADDRESS, "unix:/run/doorbell/app.sock", 0, 0, 0, AT(app.listen), PROGRAM_APP, false, "where to accept FastCGI: unix:/path, host:port or fd:N"},
    {"app", "listen_mode", SETTING_MODE, "0660", 0, 0777, 0, AT(app.listen_mode), PROGRAM_APP, false, "mode of the unix socket"},
    {"app", "listen_group", SETTING_TEXT, "", 0, 0, 0, AT(app.listen_group), PROGRAM_APP, false, "group of the unix socket, the web server's; empty: this process's group"},
    {"app", "prefix", SETTING_TEXT, "/doorbell", 0, 0, 0, AT(app.prefix), PROGRAM_APP, true, "path of the API; empty: the root"},
    {"app", "workers", SETTING_INT, "4", 1, 256, 0, AT(app.workers), PROGRAM_APP, false, "requests served at the same time; each worker has a database connection"},
    {"app", "max_connections", SETTING_INT, "1024", 1, 100000, 0, AT(app.max_connections), PROGRAM_APP, false, "connections kept open for web servers, idle ones included"},
    {"app", "read_reserve", SETTING_INT, "0", 0, 255, 0, AT(app.read_reserve), PROGRAM_APP, true, "database connections that are kept for users' reads; 0: half of them"},
    {"app", "queue_timeout", SETTING_DURATION, "5s", 1, 600000, 1, AT(app.queue_timeout_ms), PROGRAM_APP, true, "longest time that a request waits for a worker; then it gets 503"},
    {"app", "user_reads", SETTING_INT, "4", 0, 10000, 0, AT(app.user_reads), PROGRAM_APP, true, "reads of one user at a time, at most half of the workers; 0: no limit"},
    {"app", "user_writes", SETTING_INT, "1", 0, 10000, 0, AT(app.user_writes), PROGRAM_APP, true, "writes of one user at a time; 0: no limit"},
    {"app", "user_queue", SETTING_INT, "8", 0, 10000, 0, AT(app.user_queue), PROGRAM_APP, true, "requests of one user that may wait; more get 429; 0: no limit"},
    {"app", "user_rate", SETTING_INT, "20", 0, 1000000, 0, AT(app.user_rate), PROGRAM_APP, true, "requests of one user per second, over user_burst; more get 429; 0: no limit"},
    {"app", "user_burst", SETTING_INT, "60", 1, 1000000, 0, AT(app.user_burst), PROGRAM_APP, true, "requests of one user at once, before user_rate counts"},
    {"app", "max_body_memory", SETTING_INT, "268435456", 0, 1099511627776, 0, AT(app.max_body_memory), PROGRAM_APP, true, "bytes that all bodies of requests hold together; more get 503; 0: no limit"},
    {"app", "max_reply_memory", SETTING_INT, "268435456", 0, 1099511627776, 0, AT(app.max_reply_memory), PROGRAM_APP, true, "bytes of all replies that web servers are slow to take; the slowest are cut off; 0: no limit"},
    {"app", "check_cache", SETTING_INT, "100000", 0, 10000000, 0, AT(app.check_cache), PROGRAM_APP, true, "users whose last check is remembered, at some 200 bytes each; 0: none"},
    {"app", "seccomp", SETTING_BOOL, "yes", 0, 0, 0, AT(app.seccomp), PROGRAM_APP, false, "refuse itself, once it serves, the system calls that it never needs"},
    {"app", "relay_url", SETTING_TEXT, "http://127.0.0.1:2121", 0, 0, 0, AT(app.relay_url), PROGRAM_APP, true, "the relay's publish listener: http://host:port or unix:/path"},
    {"app", "hit_window", SETTING_DURATION, "5m", 0, DAY_S, 1000, AT(app.hit_window_s), PROGRAM_APP, true, "how long a new message still makes the bell sound"},
    {"app", "backlog_days", SETTING_INT, "7", 0, 3650, 0, AT(app.backlog_days), PROGRAM_APP, true, "how many days of earlier messages to everybody a new user sees"},
    {"app", "default_language", SETTING_TEXT, "en", 0, 0, 0, AT(app.default_language), PROGRAM_APP, true, "language of templates for readers whose own no template has, as en or zh-Hant"},
    {"app", "max_batch", SETTING_INT, "1000", 1, 10000, 0, AT(app.max_batch), PROGRAM_APP, true, "messages in one call of POST /messages/batch; more get 422"},
    {"app", "max_groups", SETTING_INT, "64", 1, 1000, 0, AT(app.max_groups), PROGRAM_APP, true, "groups that one user may join"},
    {"app", "group_ring_max", SETTING_INT, "10000", 0, 1000000, 0, AT(app.group_ring_max), PROGRAM_APP, true, "members up to which a group is rung one by one; larger groups are rung like everybody"},
    {"app", "ring_max_age", SETTING_DURATION, "1m", 1, DAY_S, 1000, AT(app.ring_max_age_s), PROGRAM_APP, true, "age at which undelivered rings become one question to all pages"},
    {"app", "webhook_timeout", SETTING_DURATION, "10s", 1, 300000, 1, AT(app.webhook_timeout_ms), PROGRAM_APP, true, "longest time that a call of a webhook may take; then it is tried again"},
    {"app", "webhook_networks", SETTING_LIST, "", 0, 0, 0, AT(app.webhook_networks), PROGRAM_APP, true, "addresses and networks, beside those of the public internet, that webhooks may lead to"},
    {"app", "webhook_http", SETTING_BOOL, "no", 0, 0, 0, AT(app.webhook_http), PROGRAM_APP, true, "take webhooks without TLS"},
    {"app", "webhook_ca_file", SETTING_TEXT, "", 0, 0, 0, AT(app.webhook_ca_file), PROGRAM_APP, true, "PEM file with the authorities that webhooks' certificates are checked by; empty: the system's"},
    {"database", "url", SETTING_TEXT, "postgresql:///doorbell", 0, 0, 0, AT(database.url), PROGRAM_APP, false, "PostgreSQL connection: a URI or libpq keywords"},
    {"database", "url_file", SETTING_TEXT, "", 0, 0, 0, AT(database.url_file), PROGRAM_APP, false, "file with the url, which has a password; empty: url is used"},
    {"database", "read_url", SETTING_TEXT, "", 0, 0, 0, AT(database.read_url), PROGRAM_APP, false, "standbys of that PostgreSQL, of which lists and messages are read where they are new enough: as url; empty: none"},
    {"database", "read_url_file", SETTING_TEXT, "", 0, 0, 0, AT(database.read_url_file), PROGRAM_APP, false, "file with the read_url, which has a password; empty: read_url is used"},
    {"database", "statement_timeout", SETTING_DURATION, "5s", 1, 600000, 1, AT(database.statement_timeout_ms), PROGRAM_APP, false, "longest time that a statement may run; then the request gets 503"},
    {"database", "lock_timeout", SETTING_DURATION, "2s", 1, 600000, 1, AT(database.lock_timeout_ms), PROGRAM_APP, false, "longest time that a write waits for another; then the request gets 503"},
    {"relay", "listen", SETTING_ADDRESS, "127.0.0.1:2120", 0, 0, 0, AT(relay.listen), PROGRAM_RELAY, false, "where to accept browsers: unix:/path, host:port or fd:N"},
    {"relay", "publish_listen", SETTING_ADDRESS, "127.0.0.1:2121", 0, 0, 0, AT(relay.publish_listen), PROGRAM_RELAY, false, "where to accept publish calls; keep it private"},
    {"relay", "listen_mode", SETTING_MODE, "0660", 0, 0777, 0, AT(relay.listen_mode), PROGRAM_RELAY, false, "mode of the unix sockets"},
    {"relay", "listen_group", SETTING_TEXT, "", 0, 0, 0, AT(relay.listen_group), PROGRAM_RELAY, false, "group of the unix sockets, the web server's; empty: this process's group"},
    {"relay", "seccomp", SETTING_BOOL, "yes", 0, 0, 0, AT(relay.seccomp), PROGRAM_RELAY, false, "refuse itself, once it serves, the system calls that it never needs"},
    {"relay", "trusted_proxies", SETTING_LIST, "127.0.0.1 ::1 unix", 0, 0, 0, AT(relay.trusted_proxies), BOTH, true, "web servers and load balancers whose X-Forwarded-For, -Proto, -Host and Forwarded are believed: addresses, networks, or unix for unix sockets"},
    {"relay", "cluster", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster), PROGRAM_RELAY, false, "the Redis that joins several relays: redis://host:port/db or unix:///path, several by blanks, tried in turn, or its sentinels, sentinel://host:port; empty: this relay is the only one"},
    {"relay", "cluster_user", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster_user), PROGRAM_RELAY, false, "user of that Redis; empty: its default user"},
    {"relay", "cluster_password_file", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster_password_file), PROGRAM_RELAY, false, "file with the password for that Redis; empty: it asks for none"},
    {"relay", "cluster_sentinel_master", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster_sentinel_master), PROGRAM_RELAY, false, "name that the sentinels in cluster know the Redis by, as in their sentinel monitor line"},
    {"relay", "cluster_sentinel_user", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster_sentinel_user), PROGRAM_RELAY, false, "user of the sentinels; empty: their default user"},
    {"relay", "cluster_sentinel_password_file", SETTING_TEXT, "", 0, 0, 0, AT(relay.cluster_sentinel_password_file), PROGRAM_RELAY, false, "file with the password for the sentinels; empty: they ask for none"},
    {"relay", "cluster_prefix", SETTING_TEXT, "doorbell", 0, 0, 0, AT(relay.cluster_prefix), PROGRAM_RELAY, false, "what the names of the channels begin with; each site that shares the Redis has its own"},
    {"relay", "cluster_max_pending", SETTING_INT, "8388608", 65536, 1073741824, 0, AT(relay.cluster_max_pending), PROGRAM_RELAY, true, "bytes that may wait for Redis; more cut this relay off until it has linked again"},
    {"relay", "ping_interval", SETTING_DURATION, "25s", 1000, 25000, 1, AT(relay.ping_interval_ms), PROGRAM_RELAY, true, "time between two pings of a session"},
    {"relay", "login_timeout", SETTING_DURATION, "10s", 10, 3600000, 1, AT(relay.login_timeout_ms), PROGRAM_RELAY, true, "time that a client has to log in"},
    {"relay", "drain_window", SETTING_DURATION, "10s", 0, 600000, 1, AT(relay.drain_window_ms), PROGRAM_RELAY, true, "time over which a stopping relay closes its sessions"},
    {"relay", "pace", SETTING_INT, "1000", 0, 10000000, 0, AT(relay.pace), PROGRAM_RELAY, true, "rings per second of a broadcast; 0: all at once"},
    {"relay", "notify_pace", SETTING_INT, "50000", 0, 10000000, 0, AT(relay.notify_pace), PROGRAM_RELAY, true, "rings per second of a broadcast from which pages compute their number and ask nothing; 0: all at once"},
    {"relay", "check_rate", SETTING_INT, "1000", 1, 10000000, 0, AT(relay.check_rate), PROGRAM_RELAY, true, "checks per second that doorbell-app can take; pages that are rung faster spread theirs by it"},
    {"relay", "max_sessions", SETTING_INT, "100000", 0, 10000000, 0, AT(relay.max_sessions), PROGRAM_RELAY, true, "sessions in all; 0: no limit"},
    {"relay", "max_sessions_per_user", SETTING_INT, "8", 0, 1000000, 0, AT(relay.max_sessions_per_user), PROGRAM_RELAY, true, "sessions of one user; one more closes the oldest; 0: no limit"},
    {"relay", "max_sessions_per_address", SETTING_INT, "0", 0, 10000000, 0, AT(relay.max_sessions_per_address), PROGRAM_RELAY, true, "sessions from one address; behind a web server, set trusted_proxies first; 0: no limit"},
    {"relay", "max_accepts_per_second", SETTING_INT, "2000", 0, 10000000, 0, AT(relay.max_accepts_per_second), PROGRAM_RELAY, true, "new sessions per second of those who bring a good token; 0: no limit"},
    {"relay", "max_accepts_per_user", SETTING_INT, "20", 0, 1000000, 0, AT(relay.max_accepts_per_user), PROGRAM_RELAY, true, "new sessions per second of one user who brings a good token; 0: no limit"},
    {"relay", "max_anonymous_share", SETTING_INT, "10", 1, 100, 0, AT(relay.max_anonymous_share), PROGRAM_RELAY, true, "percent of max_sessions that may be sessions without a login"},
    {"relay", "max_anonymous_per_address", SETTING_INT, "100", 0, 10000000, 0, AT(relay.max_anonymous_per_address), PROGRAM_RELAY, true, "sessions without a login from one address; 0: no limit"},
    {"relay", "max_anonymous_accepts_per_second", SETTING_INT, "2000", 0, 10000000, 0, AT(relay.max_anonymous_accepts_per_second), PROGRAM_RELAY, true, "new sessions per second of those who bring no good token; 0: no limit"},
    {"relay", "max_anonymous_accepts_per_address", SETTING_INT, "50", 0, 10000000, 0, AT(relay.max_anonymous_accepts_per_address), PROGRAM_RELAY, true, "the same of one address; 0: no limit"},
    {"relay", "max_publishes_per_second", SETTING_INT, "5000", 0, 10000000, 0, AT(relay.max_publishes_per_second), PROGRAM_RELAY, true, "publish calls per second; 0: no limit"},
    {"relay", "max_keyless_per_second", SETTING_INT, "1000", 0, 10000000, 0, AT(relay.max_keyless_per_second), PROGRAM_RELAY, true, "calls per second at the publish listener without the key in their head; 0: no limit"},
    {"relay", "max_keyless_body", SETTING_INT, "4096", 1024, 67108864, 0, AT(relay.max_keyless_body), PROGRAM_RELAY, true, "largest body of a publish call that has its key in there, in bytes"},
    {"relay", "max_publishers", SETTING_INT, "256", 0, 100000, 0, AT(relay.max_publishers), PROGRAM_RELAY, true, "connections to the publish listener; one more closes the most idle; 0: no limit"},
    {"relay", "reserved_descriptors", SETTING_INT, "64", 0, 100000, 0, AT(relay.reserved_descriptors), PROGRAM_RELAY, true, "descriptors that clients leave free for publish calls, at most a quarter of all"},
    {"relay", "max_head", SETTING_INT, "32768", 8192, 1048576, 0, AT(relay.max_head), PROGRAM_RELAY, true, "largest head of a request, cookies included, in bytes"},
    {"relay", "max_frame", SETTING_INT, "8192", 128, 1048576, 0, AT(relay.max_frame), PROGRAM_RELAY, true, "largest frame from a client, in bytes"},
    {"relay", "max_publish_body", SETTING_INT, "1048576", 1024, 67108864, 0, AT(relay.max_publish_body), BOTH, true, "largest body of a publish call, in bytes"},
    {"relay", "socketio", SETTING_BOOL, "no", 0, 0, 0, AT(relay.socketio), PROGRAM_RELAY, true, "serve socket.io clients, at socketio_path"},
    {"relay", "socketio_jsonp", SETTING_BOOL, "no", 0, 0, 0, AT(relay.socketio_jsonp), PROGRAM_RELAY, true, "serve them by JSONP too, as browsers of before 2012 need it"},
    {"relay", "socketio_path", SETTING_TEXT, "/socket.io/", 0, 0, 0, AT(relay.socketio_path), PROGRAM_RELAY, true, "path of the socket.io endpoint; starts and ends with /"},
    {"relay", "socketio_ping_interval", SETTING_DURATION, "25s", 1000, 58000, 1, AT(relay.socketio_ping_interval_ms), PROGRAM_RELAY, true, "time between two pings of a socket.io session"},
    {"relay", "socketio_ping_timeout", SETTING_DURATION, "20s", 1000, 58000, 1, AT(relay.socketio_ping_timeout_ms), PROGRAM_RELAY, true, "time that a socket.io client has to reply to a ping"},
    {"relay", "socketio_upgrade_timeout", SETTING_DURATION, "10s", 100, 600000, 1, AT(relay.socketio_upgrade_timeout_ms), PROGRAM_RELAY, true, "time that an upgrade from polling to WebSocket may take"},
    {"relay", "socketio_connect_timeout", SETTING_DURATION, "45s", 100, 600000, 1, AT(relay.socketio_connect_timeout_ms), PROGRAM_RELAY, true, "time that a client of socket.io 3 or later has to send its connect packet"},
    {"relay", "socketio_max_payload", SETTING_INT, "100000", 1024, 10000000, 0, AT(relay.socketio_max_payload), PROGRAM_RELAY, true, "largest message or POST from a socket.io client, in bytes"},
    {"relay", "socketio_max_pending", SETTING_INT, "262144", 4096, 500000, 0, AT(relay.socketio_max_pending), PROGRAM_RELAY, true, "bytes that may wait for a socket.io session; more close it"},
    {"relay", "legacy_publish", SETTING_BOOL, "no", 0, 0, 0, AT(relay.legacy_publish), PROGRAM_RELAY, true, "accept web-msg-sender's publish call without a key, on a loopback or unix listener only"},
    {"relay", "legacy_get", SETTING_BOOL, "no", 0, 0, 0, AT(relay.legacy_get), PROGRAM_RELAY, true, "accept that call by GET, too; any page open on this machine can then make it"},
    {"relay", "legacy_login", SETTING_BOOL, "no", 0, 0, 0, AT(relay.legacy_login), PROGRAM_RELAY, true, "accept a bare user id from a socket.io page as proof; any page can then pose as any user"},
    {"relay", "legacy_anonymous", SETTING_BOOL, "no", 0, 0, 0, AT(relay.legacy_anonymous), PROGRAM_RELAY, true, "let socket.io pages stay without a login, and hear the texts to everybody"},
    {"relay", "legacy_text", SETTING_TEXT, "You have a new message", 0, 0, 0, AT(relay.legacy_text), PROGRAM_RELAY, true, "text that socket.io pages get as new_msg when doorbell-app rings"},
    {"relay", "legacy_online_count", SETTING_BOOL, "no", 0, 0, 0, AT(relay.legacy_online_count), PROGRAM_RELAY, true, "tell socket.io pages how many users and pages are online; default: as legacy_login"},
    {"relay", "legacy_online_format", SETTING_TEXT, "当前<b>{users}</b>人在线，共打开<b>{pages}</b>个页面", 0, 0, 0, AT(relay.legacy_online_format), PROGRAM_RELAY, true, "text of that message (update_online_count); {users} and {pages} are replaced"},
};
/* clang-format on */

const size_t settings_count = sizeof(settings) / sizeof(settings[0]);

void config_print_help(FILE *out, enum program program)
{
    const char *section = "";

    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        if (!(s->used_by & (unsigned)program))
            continue;
        if (strcmp(section, s->section) != 0)
            fprintf(out, "  [%s]\n", s->section);
        section = s->section;
        fprintf(out, "    %s =%s%s\n        %s\n", s->name, s->fallback[0] ? " " : "", s->fallback,
                s->meaning);
    }
}
