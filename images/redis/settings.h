/* SPDX-License-Identifier: Apache-2.0 */
/* What the pod was given: its name, the members of the pillar, the addresses, the passwords. The law: files are read
 * anew each time, and a change is seen by a fingerprint; a name that cannot be resolved is no error here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SETTINGS_MEMBERS_MAX = 16,
        SETTINGS_NAME_MAX = 128,
        SETTINGS_ADDRESS_MAX = 64,
        SETTINGS_PASSWORD_MAX = 512,
        SETTINGS_FILE_MAX = 256 * 1024,
        SETTINGS_REDIS_PORT = 6379,
        SETTINGS_SENTINEL_PORT = 26379,
        SETTINGS_MEMBER_PORT = 16379, /* where members ask each other for their position */
};

typedef struct Member {
        char name[SETTINGS_NAME_MAX];       /* of its Service, e.g. prod-redis-0 */
        char address[SETTINGS_ADDRESS_MAX]; /* its Service's, or "" when the pillar did not record it */
} Member;

typedef struct Settings {
        char pod[SETTINGS_NAME_MAX];
        char config[256], secrets[256], run[256], data[256]; /* folders, set by main */
        Member redis[SETTINGS_MEMBERS_MAX];
        size_t n_redis, self; /* self: index in redis; n_redis when this pod is none of them */
        Member sentinels[SETTINGS_MEMBERS_MAX];
        size_t n_sentinels;
        char group[SETTINGS_NAME_MAX];
        unsigned quorum;
        char password[SETTINGS_PASSWORD_MAX], sentinel_password[SETTINGS_PASSWORD_MAX];
        char rescue[SETTINGS_NAME_MAX]; /* a member that may lead though others are gone; usually "" */
} Settings;

/* Reads everything from the folders of `from`, for its pod; ret may be from. False with a sentence in why (of size
 * why_size) when something needed is missing: ret is as it was then. */
bool settings_read(const Settings *from, Settings *ret, char *why, size_t why_size);
/* A number that changes when a mounted file changes. */
uint64_t settings_fingerprint(const Settings *settings);
/* Reads a whole file of at most SETTINGS_FILE_MAX bytes; NULL when it is not there or too large. The caller frees. */
char *settings_file(const char *folder, const char *name);
/* The address of a member: as recorded, else by name. Blocks for some seconds at most. False when unknown. */
bool settings_address(const Member *member, char ret[SETTINGS_ADDRESS_MAX]);
/* This pod's own announced address. */
bool settings_own_address(const Settings *settings, char ret[SETTINGS_ADDRESS_MAX]);
