/* SPDX-License-Identifier: MIT */
/* paths.h - the default places of the configuration and the keys, in the Makefile's SYSCONFDIR. */
#ifndef DOORBELL_COMMON_PATHS_H
#define DOORBELL_COMMON_PATHS_H

#define PATHS_FOLDER DOORBELL_SYSCONFDIR "/doorbell"
#define PATHS_CONFIG PATHS_FOLDER "/doorbell.conf"

#endif
