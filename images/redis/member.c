/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a Redis member. The law: a closed port until judge says what this member is; after that Sentinel alone
 * changes its role, but that a member which follows another than most Sentinels name puts that right by itself. */
#include "member.h"

#include <signal.h>
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
#include "member_port.h"
#include "redis_conf.h"

enum {
        LOOK_MS = 200,         /* between looks at Redis */
        FILES_MS = 1000,       /* between looks at the mounted files */
        DURABLE_MS = 1000,     /* between witnesses that survive a power cut */
        DECIDE_MS = 250,       /* between decisions while the port is closed */
        WAITED_MS = 5000,      /* after loading: members that have not answered are taken as gone */
        NAMED_MS = 2000,       /* between questions to the Sentinels, of a master or of a replica without link */
        NAMED_CALM_MS = 10000, /* of a replica in step */
        STOP_SECONDS = 25,     /* for redis-server to end */
        CATCH_UP_MS = 3000,    /* for replicas, when a master stops */
};

/* What INFO told last. */
typedef struct Look {
        bool answered, loading, master, linked, log_current;
        char id[POSITION_ID + 1], following[SETTINGS_ADDRESS_MAX]; /* following: the master's address, "" as master */
        long long offset;
} Look;

typedef struct Seat {
        Settings settings; /* with the passwords to show to others */
        MemberState *state;
        uint64_t fingerprint;
        Rotation password, sentinel_password;
        char address[SETTINGS_ADDRESS_MAX];
        char data[300], socket[300];
        pid_t child;
        redisContext *local;
        Look look;
        Position position;
        bool open, relinked; /* relinked: a copy from the master may still be on its way to the disk */
        Judgement judgement;
        char following[SETTINGS_ADDRESS_MAX];
        int64_t loaded_ms, next_look, next_files, next_durable, next_decision, next_named;
} Seat;

static void tell(Seat *seat) {
        MemberState *state = seat->state;
        pthread_mutex_lock(&state->lock);
        state->settings = seat->settings;
        state->password = seat->password;
        state->phase = !seat->open         ? (seat->loaded_ms ? PHASE_CLOSED : PHASE_LOADING)
                       : seat->look.master ? PHASE_MASTER
                                           : PHASE_REPLICA;
        state->position = seat->position;
        state->linked = seat->open && seat->look.linked;
        if (seat->look.answered)
                state->seen_ms = clock_ms();
        memcpy(state->why, seat->judgement.why, sizeof state->why);
        pthread_mutex_unlock(&state->lock);
}

static bool connected(Seat *seat) {
        if (seat->local && !seat->local->err)
                return true;
        call_free(&seat->local);
        seat->local = call_connect_unix(seat->socket, seat->password.current, CALL_MS);
        if (!seat->local && seat->password.old[0])
                seat->local = call_connect_unix(seat->socket, seat->password.old, CALL_MS);
        return seat->local != NULL;
}

/* Reads INFO. What the append-only file does not hold yet does not count as this member's position. */
static void look(Seat *seat) {
        seat->look.answered = false;
        REPLY reply = connected(seat) ? CALL(seat->local, "INFO", "persistence", "replication") : NULL;
        if (!reply || reply->type == REDIS_REPLY_ERROR)
                return;
        const char *info = reply->str;
        char role[16] = "", link[16] = "", status[16] = "";
        Look now = { .answered = true, .loading = call_info_number(info, "loading", 1) != 0 };
        call_info(info, "role", role, sizeof role);
        call_info(info, "master_link_status", link, sizeof link);
        call_info(info, "aof_last_bgrewrite_status", status, sizeof status);
        call_info(info, "master_replid", now.id, sizeof now.id);
        call_info(info, "master_host", now.following, sizeof now.following);
        now.master = strcmp(role, "master") == 0;
        now.linked = !now.master && strcmp(link, "up") == 0 && !call_info_number(info, "master_sync_in_progress", 1);
        now.offset = call_info_number(info, now.master ? "master_repl_offset" : "slave_repl_offset", 0);
        now.log_current = !call_info_number(info, "aof_rewrite_in_progress", 1) &&
                          !call_info_number(info, "aof_rewrite_scheduled", 1) && strcmp(status, "ok") == 0;
        seat->look = now;
        if (!now.loading && !seat->loaded_ms)
                seat->loaded_ms = clock_ms();
}

/* Moves the position along with what Redis holds, and writes the witness. */
static void keep_witness(Seat *seat) {
        const Look *now = &seat->look;
        if (!now->answered || now->loading)
                return;
        if (!now->master && !now->linked)
                seat->relinked = true;
        if (!(now->master ? seat->open : now->linked))
                return;
        if (seat->relinked && !now->log_current)
                return;
        seat->relinked = false;
        Position before = seat->position;
        bool other = position_move(&seat->position, now->id, now->offset);
        if (!other && before.offset == seat->position.offset)
                return;
        bool durable = other || clock_ms() >= seat->next_durable;
        if (durable)
                seat->next_durable = clock_ms() + DURABLE_MS;
        if (!position_save(seat->data, &seat->position, durable))
                LOG_ERROR("the witness cannot be written to %s", seat->data);
}

static bool open_port(Seat *seat) {
        char port[8];
        snprintf(port, sizeof port, "%d", SETTINGS_REDIS_PORT);
        seat->open = CALL_DONE(seat->local, "CONFIG", "SET", "port", port);
        return seat->open;
}

static bool follow(Seat *seat, const char *address) {
        char port[8];
        snprintf(port, sizeof port, "%d", SETTINGS_REDIS_PORT);
        if (strcmp(seat->following, address) == 0)
                return true;
        if (!CALL_DONE(seat->local, "REPLICAOF", address, port))
                return false;
        memcpy(seat->following, address, strlen(address) + 1);
        seat->look.linked = false;
        seat->relinked = true;
        return true;
}

static bool follow_nobody(Seat *seat) {
        if (!seat->following[0])
                return true;
        seat->following[0] = 0;
        seat->look.linked = false;
        return CALL_DONE(seat->local, "REPLICAOF", "NO", "ONE");
}

/* As master: the new replication id goes into the history before anybody can write. */
static void lead(Seat *seat) {
        if (!follow_nobody(seat))
                return;
        look(seat);
        if (!seat->look.answered || !seat->look.master)
                return;
        position_move(&seat->position, seat->look.id, seat->look.offset);
        if (!position_save(seat->data, &seat->position, true)) {
                LOG_ERROR("the witness cannot be written to %s: this member does not lead", seat->data);
                return;
        }
        seat->relinked = false;
        if (open_port(seat))
                LOG_INFO("open as master: %s", seat->judgement.why);
}

static void decide(Seat *seat) {
        Knowledge knowledge = { 0 };
        ask_all(&seat->settings, &knowledge);
        size_t self = seat->settings.self;
        knowledge.peers[self] = (Peer){ .phase = PHASE_CLOSED, .position = seat->position };
        memcpy(knowledge.addresses[self], seat->address, sizeof seat->address);
        knowledge.waited = clock_ms() - seat->loaded_ms > WAITED_MS;
        Judgement judgement = judge(&knowledge);
        if (strcmp(judgement.why, seat->judgement.why) != 0)
                LOG_INFO("%s%s", judgement.verdict == VERDICT_HOLD ? "holding back: " : "", judgement.why);
        seat->judgement = judgement;
        const char *master = knowledge.addresses[judgement.master];
        switch (judgement.verdict) {
        case VERDICT_LEAD:
                lead(seat);
                break;
        case VERDICT_FOLLOW:
                if (master[0] && follow(seat, master) && seat->look.linked && open_port(seat))
                        LOG_INFO("open as replica: in step with %s", master);
                break;
        case VERDICT_STAND:
                if (master[0] && follow(seat, master) && open_port(seat))
                        LOG_INFO("open as replica: %s", judgement.why);
                break;
        case VERDICT_HOLD:
        default:
                follow_nobody(seat);
        }
}

static bool leads(const Settings *settings, const char *address) {
        CONTEXT peer = call_connect(address, SETTINGS_REDIS_PORT, settings->password, CALL_MS);
        REPLY role = peer ? CALL(peer, "ROLE") : NULL;
        return role && role->elements && role->element[0]->str && strcmp(role->element[0]->str, "master") == 0;
}

/* An open member that does not follow whom most Sentinels name: a master that was away while another was promoted and
 * would take writes until Sentinel turns it round, or a replica that the Sentinels had not met before its master went.
 * It follows the one that is named, as soon as that one leads. */
static void mind_the_named(Seat *seat) {
        Knowledge knowledge = { 0 };
        ask_sentinels(&seat->settings, &knowledge);
        for (size_t i = 0; i < seat->settings.n_redis; i++)
                settings_address(&seat->settings.redis[i], knowledge.addresses[i]);
        bool was_master = seat->look.master;
        size_t named = judge_leader_of_open(&knowledge);
        if (named >= seat->settings.n_redis)
                return;
        const char *master = knowledge.addresses[named];
        if (strcmp(seat->look.following, master) == 0 || !leads(&seat->settings, master))
                return;
        LOG_INFO("following %s: the Sentinels name it", seat->settings.redis[named].name);
        seat->following[0] = 0;
        if (follow(seat, master) && was_master)
                CALL_DONE(seat->local, "CLIENT", "KILL", "TYPE", "NORMAL");
}

/* Accepts the current password, and the old one beside it while there is one. */
static bool accept_passwords(Seat *seat) {
        char current[SETTINGS_PASSWORD_MAX + 1], old[SETTINGS_PASSWORD_MAX + 1];
        snprintf(current, sizeof current, ">%s", seat->password.current);
        snprintf(old, sizeof old, ">%s", seat->password.old);
        return seat->password.old[0] ? CALL_DONE(seat->local, "ACL", "SETUSER", "default", "resetpass", current, old)
                                     : CALL_DONE(seat->local, "ACL", "SETUSER", "default", "resetpass", current);
}

static void rotate(Seat *seat) {
        int64_t now = clock_ms();
        const char *outgoing = rotation_outgoing(&seat->password, now);
        if (strcmp(seat->settings.password, outgoing) != 0) {
                memcpy(seat->settings.password, outgoing, sizeof seat->settings.password);
                CALL_DONE(seat->local, "CONFIG", "SET", "masterauth", outgoing);
                LOG_INFO("the new password is used towards the other members");
        }
        memcpy(seat->settings.sentinel_password, rotation_outgoing(&seat->sentinel_password, now),
                sizeof seat->settings.sentinel_password);
        rotation_forget(&seat->sentinel_password, now);
        if (rotation_forget(&seat->password, now) && accept_passwords(seat))
                LOG_INFO("the old password is no longer accepted");
}

static void look_at_files(Seat *seat) {
        uint64_t fingerprint = settings_fingerprint(&seat->settings);
        if (fingerprint != seat->fingerprint) {
                Settings read;
                char why[128];
                if (!settings_read(&seat->settings, &read, why, sizeof why)) {
                        LOG_ERROR("mounted files refused, the old ones stay: %s", why);
                } else {
                        bool other = rotation_offer(&seat->password, read.password, clock_ms());
                        rotation_offer(&seat->sentinel_password, read.sentinel_password, clock_ms());
                        memcpy(read.password, seat->settings.password, sizeof read.password);
                        seat->settings = read;
                        if (other && accept_passwords(seat))
                                LOG_INFO("a new password is accepted");
                        redis_conf_apply(&seat->settings, seat->local);
                        LOG_INFO("mounted files changed: taken over");
                }
                seat->fingerprint = fingerprint;
        }
        rotate(seat);
}

/* A master's last words: no more writes, the replicas have them all, the witness tells exactly how far it is. */
static void last_words(Seat *seat) {
        look(seat);
        if (!seat->look.answered || !seat->open)
                return;
        if (seat->look.master && CALL_DONE(seat->local, "CLIENT", "PAUSE", "30000", "WRITE")) {
                int64_t end = clock_ms() + CATCH_UP_MS;
                for (bool level = false; !level && clock_ms() < end; usleep(20 * 1000)) {
                        REPLY role = CALL(seat->local, "ROLE");
                        level = true;
                        for (size_t i = 0; role && role->elements == 3 && i < role->element[2]->elements; i++) {
                                const redisReply *replica = role->element[2]->element[i];
                                level &= strtoll(replica->element[2]->str, NULL, 10) >= role->element[1]->integer;
                        }
                }
                CALL_DONE(seat->local, "CONFIG", "SET", "shutdown-timeout", "0");
                look(seat);
        }
        seat->next_durable = 0;
        keep_witness(seat);
}

static int stop(Seat *seat) {
        LOG_INFO("stopping");
        last_words(seat);
        child_stop(seat->child, STOP_SECONDS);
        return 0;
}

static int loop(Seat *seat) {
        for (int code;; usleep(50 * 1000)) {
                if (child_ended(seat->child, &code)) {
                        LOG_ERROR("redis-server ended with %d", code);
                        return code ? code : 1;
                }
                if (child_stopping())
                        return stop(seat);
                int64_t now = clock_ms();
                if (now < seat->next_look)
                        continue;
                seat->next_look = now + LOOK_MS;
                look(seat);
                keep_witness(seat);
                tell(seat);
                if (!seat->look.answered || seat->look.loading)
                        continue;
                if (now >= seat->next_files) {
                        seat->next_files = now + FILES_MS;
                        look_at_files(seat);
                }
                if (!seat->open && now >= seat->next_decision) {
                        decide(seat);
                        seat->next_decision = clock_ms() + DECIDE_MS;
                        tell(seat);
                }
                if (seat->open && now >= seat->next_named && seat->settings.n_redis > 1) {
                        seat->next_named = now + (seat->look.linked ? NAMED_CALM_MS : NAMED_MS);
                        mind_the_named(seat);
                }
        }
}

/* Waits for files and the own address; false when stopped meanwhile. */
static bool prepare(Settings *settings, Seat *seat) {
        char why[128], told[128] = "";
        for (;; usleep(500 * 1000)) {
                if (child_stopping())
                        return false;
                if (!settings_read(settings, settings, why, sizeof why))
                        ;
                else if (settings->self == settings->n_redis)
                        snprintf(why, sizeof why, "key members of the ConfigMap does not name %.64s", settings->pod);
                else if (!settings_own_address(settings, seat->address))
                        snprintf(why, sizeof why, "the address of Service %.64s is not known", settings->pod);
                else
                        return true;
                if (strcmp(told, why) != 0)
                        LOG_ERROR("cannot start yet: %s", why);
                memcpy(told, why, sizeof told);
        }
}

int member_run(Settings *settings) {
        static MemberState state = { .lock = PTHREAD_MUTEX_INITIALIZER };
        Seat seat = { .state = &state };
        char conf[300];
        if (!prepare(settings, &seat))
                return 0;
        seat.settings = *settings;
        seat.fingerprint = settings_fingerprint(settings);
        rotation_offer(&seat.password, settings->password, clock_ms());
        rotation_offer(&seat.sentinel_password, settings->sentinel_password, clock_ms());
        snprintf(seat.data, sizeof seat.data, "%s/redis", settings->data);
        snprintf(seat.socket, sizeof seat.socket, "%s/redis.sock", settings->run);
        snprintf(conf, sizeof conf, "%s/redis.conf", settings->run);
        if ((mkdir(seat.data, 0700) != 0 && access(seat.data, W_OK) != 0) ||
                !redis_conf_write(settings, seat.address, conf)) {
                LOG_ERROR("%s or %s cannot be written", seat.data, conf);
                return 1;
        }
        seat.position = position_load(seat.data);
        tell(&seat);
        if (!member_port_start(&state)) {
                LOG_ERROR("port %d cannot be opened", SETTINGS_MEMBER_PORT);
                return 1;
        }
        unlink(seat.socket);
        seat.child = child_start((const char *const[]){ "redis-server", conf, NULL });
        int code = seat.child > 0 ? loop(&seat) : 1;
        call_free(&seat.local);
        return code;
}
