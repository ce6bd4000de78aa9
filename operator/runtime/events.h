/* SPDX-License-Identifier: Apache-2.0 */
/* Events (events.k8s.io/v1), sent by one thread from a bounded queue: they never block a reconcile. The same Event
 * again within 6 minutes becomes a series; per object there are at most 25 at once and one more each 5 minutes.
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
#pragma once

#include "lib/kube/client.h"

typedef struct Events Events;

typedef struct EventAbout {
        const char *api_version, *kind, *namespace_, *name, *uid, *resource_version;
} EventAbout;

/* The names of a cached object, as an Event regards it. In the arena, and as long as the object is held. */
EventAbout events_about(const Object *object, Arena *arena);

enum { EVENTS_MAXIMUM_QUEUED = 1000 };

/* `instance` is this process ("madbase-operator-xyz"). Metrics: events_sent_total, events_dropped_total{reason}. */
bool events_start(Client *client, const char *instance, Metrics *metrics, Events **ret_events, Error *err) MUST_USE;
/* Sends what is queued for at most `drain_ms`, then ends; the client's connections are stopped when one of its requests
 * outlasts that. Accepts NULL. */
void events_stop(Events *events, int64_t drain_ms);
/* `type` is "Normal" or "Warning"; reason and action are CamelCase words, `note` a sentence (cut at 1 KiB). Everything
 * is copied. Dropped, and counted, when the queue is full or the object has had too many. A NULL `events` is ignored.
 */
void events_send(Events *events, const EventAbout *about, const char *type, const char *reason, const char *action,
        const char *note);
