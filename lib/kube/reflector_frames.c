/* SPDX-License-Identifier: Apache-2.0 */
/* What a watch brings: objects, bookmarks, errors. While state is replayed, events go to a side store and say nothing
 * about versions, since they come in no order; from its end on they go to the cache in order of versions. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/kube/reflector.h"

static const char *const TYPES[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };

static void count_event(const Reflector *reflector, const char *type) {
        const char *label = "unknown";
        for (size_t i = 0; i < ARRAY_LEN(TYPES); i++)
                if (!strcmp(TYPES[i], type))
                        label = TYPES[i];
        metric_add(reflector->events, (const char *const[]){ reflector->resource, label }, 1);
}

static bool put_side(Reflector *reflector, Object *object, Error *err) {
        if (reflector->side.size >= REFLECTOR_MAXIMUM_OBJECTS) {
                object_unref(object);
                return error_set(err, ERROR_TOO_LARGE, "there are more than %d %s", REFLECTOR_MAXIMUM_OBJECTS,
                        reflector->resource);
        }
        object_unref(hashmap_put(&reflector->side, object->key, object));
        return true;
}

bool reflector_keep_item(void *context, const Json *item, Error *err) {
        Reflector *reflector = context;
        Object *object = NULL;
        return object_project(reflector->kind, item, &object, err) && put_side(reflector, object, err);
}

void reflector_drop_side(Reflector *reflector) {
        size_t at = 0;
        Object *object;
        while ((object = hashmap_next(&reflector->side, &at)))
                object_unref(object);
        hashmap_done(&reflector->side);
}

static void set_version(Reflector *reflector, const char *version) {
        if (text_equal(reflector->version, version) && reflector->version)
                return;
        free(reflector->version);
        reflector->version = alloc_string(version);
}

void reflector_deliver(Reflector *reflector, const char *version) {
        size_t at = 0, count = 0;
        Object **objects = alloc_zero((reflector->side.size + 1) * sizeof(Object *));
        Object *object;
        while ((object = hashmap_next(&reflector->side, &at)))
                objects[count++] = object;
        hashmap_done(&reflector->side);
        set_version(reflector, version);
        reflector->version_unusable = false;
        reflector->full_list = false;
        reflector->listed_ms = reflector->now_ms;
        reflector->lists++;
        cache_replace(reflector->cache, reflector->scope, objects, count, version);
        free(objects);
}

/* As if the version had expired: the state is listed again. */
static bool regress(const Reflector *reflector, const char *version, Error *err) {
        static const char REASON[] = "Regression";
        (void)error_set(err, ERROR_EXPIRED, "the watch of %s went from resourceVersion %s back to %s",
                reflector->resource, reflector->version, version);
        if (err)
                memcpy(err->reason, REASON, sizeof REASON);
        return false;
}

static bool take_bookmark(Reflector *reflector, const Json *object, Error *err) {
        const char *version = json_find_string(object, "/metadata/resourceVersion", "");
        if (!*version)
                return error_set(err, ERROR_PROTOCOL, "a bookmark of %s has no resourceVersion", reflector->resource);
        reflector->stream_bookmarks++;
        reflector->bookmark_seen = true;
        if (reflector->replaying) {
                const char *end = json_find_string(object, "/metadata/annotations/k8s.io~1initial-events-end", "");
                if (strcmp(end, "true") != 0)
                        return true;
                reflector->replaying = false;
                reflector->phase = PHASE_FOLLOW;
                reflector->state = WATCH_LIVE;
                reflector_deliver(reflector, version);
                return true;
        }
        if (version_compare(version, reflector->version) == VERSION_OLDER)
                return regress(reflector, version, err);
        set_version(reflector, version);
        cache_set_version(reflector->cache, reflector->scope, version);
        return true;
}

/* An object of the replayed state. A deletion may stand in it too: of what was replayed a moment ago. */
static bool take_replayed(Reflector *reflector, Object *object, bool deleted, Error *err) {
        if (!deleted)
                return put_side(reflector, object, err);
        object_unref(hashmap_remove(&reflector->side, object->key));
        object_unref(object);
        return true;
}

static bool take_object(Reflector *reflector, const Json *json, bool deleted, Error *err) {
        Object *object = NULL;
        if (!object_project(reflector->kind, json, &object, err))
                return false;
        reflector->stream_events++;
        if (reflector->replaying)
                return take_replayed(reflector, object, deleted, err);
        VersionOrder order = version_compare(object->resource_version, reflector->version);
        if (order == VERSION_OLDER || order == VERSION_SAME) {
                (void)regress(reflector, object->resource_version, err);
                object_unref(object);
                return false;
        }
        set_version(reflector, object->resource_version);
        if (deleted)
                cache_remove(reflector->cache, reflector->scope, object);
        else
                cache_apply(reflector->cache, reflector->scope, object);
        return true;
}

/* The Status of an ERROR event as if it had come by HTTP. */
static bool take_error(const Reflector *reflector, const Json *status, Error *err) {
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(text_done) Text what = { 0 };
        int64_t code = json_int(json_get(status, "code"), 500);
        response.status = code >= 400 && code <= 599 ? (int)code : 500;
        json_append(status, &response.body);
        text_printf(&what, "the watch of %s ended", reflector->resource);
        return http_error(&response, text_string(&what), err);
}

static bool take_frame(void *context, const char *bytes, size_t size, Error *err) {
        Reflector *reflector = context;
        CLEANUP(json_cleanup) Json *frame = NULL;
        if (!json_parse(bytes, size, &frame, err))
                return false;
        const char *type = json_string(json_get(frame, "type"), "");
        const Json *object = json_get(frame, "object");
        count_event(reflector, type);
        if (!strcmp(type, "BOOKMARK"))
                return take_bookmark(reflector, object, err);
        if (!strcmp(type, "ERROR"))
                return take_error(reflector, object, err);
        if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
                return take_object(reflector, object, false, err);
        if (!strcmp(type, "DELETED"))
                return take_object(reflector, object, true, err);
        /* A type of a later Kubernetes: what it says about objects comes by the known ones too. */
        return true;
}

void reflector_start_frames(Reflector *reflector) {
        json_stream_done(&reflector->frames);
        reflector->frames =
                (JsonStream){ .mode = JSON_STREAM_DOCUMENTS, .on_document = take_frame, .context = reflector };
        reflector->stream_events = reflector->stream_bookmarks = 0;
}

bool reflector_feed(Reflector *reflector, int64_t now_ms, const char *bytes, size_t size, Error *err) {
        reflector->now_ms = now_ms;
        if (reflector->phase == PHASE_PAGE)
                return list_reader_feed(&reflector->reader, bytes, size, err);
        return json_stream_feed(&reflector->frames, bytes, size, err);
}
