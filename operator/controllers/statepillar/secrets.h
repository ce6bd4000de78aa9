/* SPDX-License-Identifier: Apache-2.0 */
/* The five Secrets of a pillar: read by name, made once, never overwritten. Passwords leave this module only inside the
 * reconcile's arena, for the prober and for calls. */
#pragma once

#include "operator/controllers/statepillar/statepillar.h"

enum { PILLAR_PASSWORD_LENGTH = 32, PILLAR_CA_DAYS = 3650, PILLAR_LEAF_DAYS = 3650 };

typedef struct PillarSecrets {
        const char *missing; /* names with commas of Secrets that are not there or lack a key; "" */
        const char *odd;     /* name of a Secret that does not fit the others; "" */
        const char *redis_password, *sentinel_password, *rest_password, *ca; /* NULL: not there */
} PillarSecrets;

/* Errors: those of secrets_get. */
bool pillar_secrets_read(Runtime *runtime, const char *namespace_, const char *name, Arena *arena,
        PillarSecrets *ret_secrets, Error *err) MUST_USE;
/* The call "secrets": makes what is missing. args: {"labels"}. */
bool call_secrets(Runtime *runtime, const Object *about, const Json *args, Error *err);
/* The call "delete-records": the Secrets, and the ConfigMaps that Patroni made. */
bool call_delete_records(Runtime *runtime, const Object *about, const Json *args, Error *err);
