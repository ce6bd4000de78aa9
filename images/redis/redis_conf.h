/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of redis-server: defaults, then what the pillar asks for (key redis.conf), then the laws, which
 * nothing overrides. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "settings.h"

/* Writes it to path. `announce` is the address of this member's Service. The port is closed in it. */
bool redis_conf_write(const Settings *settings, const char *announce, const char *path);
/* Sets what key redis.conf says in a running server; what a running server refuses waits for the next start. */
void redis_conf_apply(const Settings *settings, redisContext *context);
/* Appends `text` quoted as Redis' configuration wants it. ret has room for 4 * strlen(text) + 3. */
void redis_conf_quote(const char *text, char *ret);
