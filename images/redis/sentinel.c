/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a Sentinel: configuration, the search for a master to watch, passwords and parameters. */
#include "sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "call.h"
#include "child.h"
#include "clock.h"
#include "log.h"
#include "rotation.h"
#include "sentinel_conf.h"

enum { FILES_MS = 1000, SEARCH_MS = 500, STOP_SECONDS = 5 };

/* How often Sentinel reads INFO, instead of each 10 s: a replica that it has not met yet is lost to it when the master
 * goes, and a master that claims to be a replica counts as down only after two such turns. */
static const char INFO_PERIOD_MS[] = "2000";

typedef struct Watch {
        Settings settings; /* with the passwords to show to others */
        uint64_t fingerprint;
        Rotation password, sentinel_password;
        char address[SETTINGS_ADDRESS_MAX];
        pid_t child;
        redisContext *local;
        bool watching;
        int64_t next_files, next_search;
} Watch;

static bool connected(Watch *watch) {
        if (watch->local && !watch->local->err)
                return true;
        call_free(&watch->local);
        const Rotation *password = &watch->sentinel_password;
        watch->local = call_connect("127.0.0.1", SETTINGS_SENTINEL_PORT, password->current, CALL_MS);
        if (!watch->local && password->old[0])
                watch->local = call_connect("127.0.0.1", SETTINGS_SENTINEL_PORT, password->old, CALL_MS);
        if (watch->local)
                CALL_DONE(watch->local, "SENTINEL", "DEBUG", "INFO-PERIOD", INFO_PERIOD_MS);
        return watch->local != NULL;
}

/* Sets quorum, password and parameters of the group in the running Sentinel. */
static void set_all(Watch *watch) {
        const Settings *settings = &watch->settings;
        char quorum[16];
        snprintf(quorum, sizeof quorum, "%u", settings->quorum);
        CALL_DONE(watch->local, "SENTINEL", "SET", settings->group, "auth-pass", settings->password);
        CALL_DONE(watch->local, "SENTINEL", "SET", settings->group, "quorum", quorum);
        SentinelParameter parameters[SENTINEL_PARAMETERS_MAX];
        size_t n = sentinel_conf_parameters(settings, parameters);
        for (size_t i = 0; i < n; i++)
                if (!CALL_DONE(
                            watch->local, "SENTINEL", "SET", settings->group, parameters[i].key, parameters[i].value))
                        LOG_ERROR("parameter %s %s refused", parameters[i].key, parameters[i].value);
}

/* The master to watch: whom another Sentinel names, else the only member that leads. False when it is not clear. */
static bool find_master(const Settings *settings, char ret[SETTINGS_ADDRESS_MAX]) {
        Knowledge knowledge = { 0 };
        ask_all(settings, &knowledge);
        const SentinelAnswer *best = NULL;
        for (size_t i = 0; i < settings->n_sentinels; i++) {
                const SentinelAnswer *answer = &knowledge.sentinels[i];
                if (answer->reachable && answer->master[0] && (!best || answer->epoch > best->epoch))
                        best = answer;
        }
        if (best) {
                memcpy(ret, best->master, sizeof best->master);
                return true;
        }
        size_t reachable = 0, masters = 0;
        for (size_t i = 0; i < settings->n_redis; i++) {
                reachable += knowledge.peers[i].phase != PHASE_UNREACHABLE;
                if (knowledge.peers[i].phase == PHASE_MASTER && masters++ == 0)
                        memcpy(ret, knowledge.addresses[i], SETTINGS_ADDRESS_MAX);
        }
        return masters == 1 && reachable > settings->n_redis / 2;
}

static void search(Watch *watch) {
        const Settings *settings = &watch->settings;
        REPLY known = CALL(watch->local, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings->group);
        if (!known || known->type == REDIS_REPLY_ERROR)
                return;
        watch->watching = known->type == REDIS_REPLY_ARRAY;
        char address[SETTINGS_ADDRESS_MAX], port[8], quorum[16];
        if (watch->watching || !find_master(settings, address))
                return;
        snprintf(port, sizeof port, "%d", SETTINGS_REDIS_PORT);
        snprintf(quorum, sizeof quorum, "%u", settings->quorum);
        if (!CALL_DONE(watch->local, "SENTINEL", "MONITOR", settings->group, address, port, quorum))
                return;
        set_all(watch);
        watch->watching = true;
        LOG_INFO("watching %s as master of %s", address, settings->group);
}

static bool accept_passwords(Watch *watch) {
        char current[SETTINGS_PASSWORD_MAX + 1], old[SETTINGS_PASSWORD_MAX + 1];
        snprintf(current, sizeof current, ">%s", watch->sentinel_password.current);
        snprintf(old, sizeof old, ">%s", watch->sentinel_password.old);
        return watch->sentinel_password.old[0]
                       ? CALL_DONE(watch->local, "ACL", "SETUSER", "default", "resetpass", current, old)
                       : CALL_DONE(watch->local, "ACL", "SETUSER", "default", "resetpass", current);
}

static void rotate(Watch *watch) {
        int64_t now = clock_ms();
        const char *to_redis = rotation_outgoing(&watch->password, now);
        const char *to_sentinels = rotation_outgoing(&watch->sentinel_password, now);
        if (strcmp(watch->settings.password, to_redis) != 0) {
                memcpy(watch->settings.password, to_redis, sizeof watch->settings.password);
                CALL_DONE(watch->local, "SENTINEL", "SET", watch->settings.group, "auth-pass", to_redis);
                LOG_INFO("the new password is used towards Redis");
        }
        if (strcmp(watch->settings.sentinel_password, to_sentinels) != 0) {
                memcpy(watch->settings.sentinel_password, to_sentinels, sizeof watch->settings.sentinel_password);
                CALL_DONE(watch->local, "SENTINEL", "CONFIG", "SET", "sentinel-pass", to_sentinels);
                LOG_INFO("the new password is used towards the other Sentinels");
        }
        rotation_forget(&watch->password, now);
        if (rotation_forget(&watch->sentinel_password, now))
                accept_passwords(watch);
}

static void look_at_files(Watch *watch) {
        uint64_t fingerprint = settings_fingerprint(&watch->settings);
        if (fingerprint != watch->fingerprint) {
                Settings read;
                char why[128];
                watch->fingerprint = fingerprint;
                if (!settings_read(&watch->settings, &read, why, sizeof why)) {
                        LOG_ERROR("mounted files refused, the old ones stay: %s", why);
                        return;
                }
                rotation_offer(&watch->password, read.password, clock_ms());
                if (rotation_offer(&watch->sentinel_password, read.sentinel_password, clock_ms()))
                        accept_passwords(watch);
                memcpy(read.password, watch->settings.password, sizeof read.password);
                memcpy(read.sentinel_password, watch->settings.sentinel_password, sizeof read.sentinel_password);
                watch->settings = read;
                if (watch->watching)
                        set_all(watch);
                LOG_INFO("mounted files changed: taken over");
        }
        rotate(watch);
}

static int loop(Watch *watch) {
        for (int code;; usleep(100 * 1000)) {
                if (child_ended(watch->child, &code)) {
                        LOG_ERROR("the Sentinel ended with %d", code);
                        return code ? code : 1;
                }
                if (child_stopping()) {
                        child_stop(watch->child, STOP_SECONDS);
                        return 0;
                }
                int64_t now = clock_ms();
                if (now < watch->next_files && (watch->watching || now < watch->next_search))
                        continue;
                if (!connected(watch))
                        continue;
                if (!watch->watching && now >= watch->next_search) {
                        search(watch);
                        watch->next_search = clock_ms() + SEARCH_MS;
                }
                if (now >= watch->next_files) {
                        look_at_files(watch);
                        watch->next_files = clock_ms() + FILES_MS;
                }
        }
}

static bool prepare(Settings *settings, Watch *watch) {
        char why[128], told[128] = "";
        for (;; usleep(500 * 1000)) {
                if (child_stopping())
                        return false;
                if (settings_read(settings, settings, why, sizeof why)) {
                        if (settings_own_address(settings, watch->address))
                                return true;
                        snprintf(why, sizeof why, "key sentinels does not name %.64s, or it has no address",
                                settings->pod);
                }
                if (strcmp(told, why) != 0)
                        LOG_ERROR("cannot start yet: %s", why);
                memcpy(told, why, sizeof told);
        }
}

int sentinel_run(Settings *settings) {
        Watch watch = { 0 };
        char folder[300], conf[320];
        if (!prepare(settings, &watch))
                return 0;
        watch.settings = *settings;
        watch.fingerprint = settings_fingerprint(settings);
        rotation_offer(&watch.password, settings->password, clock_ms());
        rotation_offer(&watch.sentinel_password, settings->sentinel_password, clock_ms());
        snprintf(folder, sizeof folder, "%s/sentinel", settings->data);
        snprintf(conf, sizeof conf, "%s/sentinel.conf", folder);
        if ((mkdir(folder, 0700) != 0 && access(folder, W_OK) != 0) ||
                !sentinel_conf_write(settings, watch.address, folder)) {
                LOG_ERROR("%s cannot be written", conf);
                return 1;
        }
        watch.child = child_start((const char *const[]){ "redis-server", conf, "--sentinel", NULL });
        int code = watch.child > 0 ? loop(&watch) : 1;
        call_free(&watch.local);
        return code;
}
