/* SPDX-License-Identifier: MIT */
/* address_limit.h - how many sessions come from one address. An IPv6 network of 64 bits counts as
 * one address, since a household gets at least that; a peer without an address is not counted. Pure
 * but for malloc. */
#ifndef DOORBELL_RELAY_ACCESS_ADDRESS_LIMIT_H
#define DOORBELL_RELAY_ACCESS_ADDRESS_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/text/ip.h"

struct address_limit;

struct address_limit *address_limit_new(void); /* NULL: out of memory */
void address_limit_free(struct address_limit *c);

/* ERR_NO_MEMORY: nothing is counted. */
MUST_USE enum err address_limit_add(struct address_limit *c, const struct ip *ip);
void address_limit_remove(struct address_limit *c, const struct ip *ip, bool is_proven);

/* One of the sessions from there has become a user's: it is anonymous no more. */
void address_limit_prove(struct address_limit *c, const struct ip *ip);

size_t address_limit_count(const struct address_limit *c, const struct ip *ip);
size_t address_limit_anonymous(const struct address_limit *c, const struct ip *ip);

/* What counts as one address with this one. */
struct ip address_limit_place(const struct ip *ip);

#endif
