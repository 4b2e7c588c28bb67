/* SPDX-License-Identifier: MIT */
#include "relay/access/admission.h"

enum { RATES_MAX = 100000 };

enum err admission_init(struct admission *a)
{
    a->addresses = address_limit_new();
    a->user_rates = rate_table_new(RATES_MAX);
    a->address_rates = rate_table_new(RATES_MAX);
    return a->addresses && a->user_rates && a->address_rates ? ERR_NONE : ERR_NO_MEMORY;
}

void admission_deinit(struct admission *a)
{
    address_limit_free(a->addresses);
    rate_table_free(a->user_rates);
    rate_table_free(a->address_rates);
}

static bool is_reached(int64_t max, size_t count)
{
    return max && (int64_t)count >= max;
}

/* At least one, however few may come. */
static int64_t anonymous_max(const struct config_relay *relay)
{
    int64_t max = relay->max_sessions * relay->max_anonymous_share / 100;

    return relay->max_sessions > 0 && max == 0 ? 1 : max;
}

static int check_proven(struct admission *a, const struct config_relay *relay, struct span user,
                        int64_t now_ms, const char **why)
{
    *why = "too many at a time by this user";
    if (!rate_table_take(a->user_rates, user, relay->max_accepts_per_user, now_ms))
        return 429;
    *why = "too many at a time";
    return token_bucket_take(&a->proven, relay->max_accepts_per_second,
                             relay->max_accepts_per_second, now_ms)
               ? 0
               : 503;
}

static bool is_address_too_fast(struct admission *a, const struct config_relay *relay,
                                const struct ip *peer, int64_t now_ms)
{
    struct ip place = address_limit_place(peer);

    return !ip_is_none(peer) &&
           !rate_table_take(a->address_rates,
                            (struct span){(const char *)place.bytes, sizeof(place.bytes)},
                            relay->max_anonymous_accepts_per_address, now_ms);
}

static int check_anonymous(struct admission *a, const struct config_relay *relay,
                           const struct hub *hub, const struct ip *peer, int64_t now_ms,
                           const char **why)
{
    *why = "too many sessions without a login";
    if (is_reached(anonymous_max(relay), hub_sessions(hub) - hub_pages(hub)))
        return 503;
    *why = "too many sessions without a login from this address";
    if (is_reached(relay->max_anonymous_per_address, address_limit_anonymous(a->addresses, peer)) ||
        is_address_too_fast(a, relay, peer, now_ms))
        return 429;
    *why = "too many at a time without a token";
    return token_bucket_take(&a->anonymous, relay->max_anonymous_accepts_per_second,
                             relay->max_anonymous_accepts_per_second, now_ms)
               ? 0
               : 503;
}

int admission_check(struct admission *a, const struct config_relay *relay, const struct hub *hub,
                    const struct newcomer *who, int64_t now_ms, const char **why)
{
    *why = "restarting";
    if (a->drain_ends_ms)
        return 503;
    *why = "too many sessions";
    if (is_reached(relay->max_sessions, hub_sessions(hub)))
        return 503;
    *why = "too many sessions from this address";
    if (is_reached(relay->max_sessions_per_address, address_limit_count(a->addresses, &who->peer)))
        return 429;
    return who->user.len > 0 ? check_proven(a, relay, who->user, now_ms, why)
                             : check_anonymous(a, relay, hub, &who->peer, now_ms, why);
}
