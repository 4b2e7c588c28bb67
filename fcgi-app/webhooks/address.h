/* SPDX-License-Identifier: MIT */
/* address.h - where a webhook may lead. Its URL comes from whoever may manage categories, and its
 * name from the DNS: neither shall reach what only this host, or its network, can. Pure. */
#ifndef DOORBELL_FCGI_APP_WEBHOOKS_ADDRESS_H
#define DOORBELL_FCGI_APP_WEBHOOKS_ADDRESS_H

#include <stdbool.h>

#include "common/config/config.h"
#include "common/text/ip.h"

/* Whether it is an address of the public internet (RFC 6890), or in one of these networks. */
bool address_is_allowed(const struct ip *ip, const struct config_list *networks);

#endif
