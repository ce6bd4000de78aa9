/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets by name: read when first asked for and again once an answer is older than 45 s, never listed, never logged,
 * kept in memory only while somebody asks. Safe from every thread. */
#pragma once

#include "lib/kube/client.h"

typedef struct Secrets Secrets;

enum { SECRETS_REFRESH_MS = 45000 };

Secrets *secrets_new(Client *client);
void secrets_free(Secrets *secrets);
/* The Secret as {"metadata": {"uid", "resourceVersion", "labels"}, "data": {key: decoded text}} in the arena, or NULL
 * when there is none. An answer not older than SECRETS_REFRESH_MS is served from memory. */
bool secrets_get(Secrets *secrets, const char *namespace_, const char *name, Arena *arena, const Json **ret_secret,
        Error *err) MUST_USE;
/* The next secrets_get reads again (after a write, or when a password was refused). */
void secrets_forget(Secrets *secrets, const char *namespace_, const char *name);
