/* SPDX-License-Identifier: Apache-2.0 */
/* One server-side apply, or the finding that none is needed.
 * Law: an object is as we want it when it carries the hash of our intent and the fields that we own are those that our
 * last apply left us with. Whoever edits one of our fields takes it from us, so the second half tells; nothing is
 * re-applied on a timer. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/runtime/applied.h"
#include "operator/runtime/caches.h"
#include "operator/runtime/run_internal.h"

/* The object as far as it is known: from the cache or from the server. */
typedef struct Present {
        const Object *object; /* NULL: there is none */
        const Json *live;     /* read from the server in this pass; NULL: the cache was enough */
        bool drifted;         /* carries our intent, but some field of it was taken from us */
} Present;

static bool is_owned(const RunPass *pass, const Action *action) {
        return !action->keep && (!*pass->about->namespace_ || strcmp(pass->about->namespace_, action->namespace_) == 0);
}

Json *run_body(const RunPass *pass, const Action *action) {
        const Object *about = pass->about;
        Json *body = json_adopt(pass->arena, json_copy(action->object));
        Json *owner;

        if (!is_owned(pass, action))
                return body;
        owner = json_add_object(json_put_array(json_get(body, "metadata"), "ownerReferences"));
        json_put_string(owner, "apiVersion", events_about(about, pass->arena).api_version);
        json_put_string(owner, "kind", about->kind->kind);
        json_put_string(owner, "name", about->name);
        json_put_string(owner, "uid", about->uid);
        json_put_bool(owner, "controller", true);
        json_put_bool(owner, "blockOwnerDeletion", true);
        return body;
}

/* The hash of what will be sent, without making it. */
static void hash_intent(const RunPass *pass, const Action *action, char ret_hash[17]) {
        uint64_t hash;

        run_intent_hash(action->object, ret_hash);
        if (!is_owned(pass, action))
                return;
        hash = text_hash_more(text_hash(ret_hash, 16), pass->about->uid, strlen(pass->about->uid));
        (void)snprintf(ret_hash, 17, "%016" PRIx64, hash);
}

/* Reads the object from the server, for when the cache cannot know. */
static bool read_live(const RunPass *pass, const Action *action, Present *present, Error *err) {
        Json *live = NULL;
        Object *object = NULL;

        if (!client_get(pass->runtime->client, action->object_kind, action->namespace_, action->name, &live, err))
                return false;
        present->live = json_adopt(pass->arena, live);
        present->object = NULL;
        if (!live)
                return true;
        if (!object_project(action->object_kind, live, &object, err))
                return error_wrap(err, "%s", run_name(pass, action));
        arena_adopt(pass->arena, object, object_release);
        present->object = object;
        return true;
}

/* Ours is what carries our mark, belongs to us, or is labelled as what our watch asks for. */
static bool is_known(const RunPass *pass, const Action *action, const Present *present) {
        const Object *object = present->object;

        if (object->intent || text_equal(object->owner_uid, pass->about->uid))
                return true;
        return caches_filter(pass->runtime->caches, action->object_kind) &&
               (!present->live || caches_show(pass->runtime->caches, action->object_kind, present->live));
}

static bool check_ours(const RunPass *pass, const Action *action, const Present *present, Error *err) {
        const Object *object = present->object;
        const char *name = run_name(pass, action);

        if (object->deleting)
                return error_set(err, ERROR_CONFLICT, "%s is being deleted; it is made again once it is gone", name);
        if (!is_known(pass, action, present))
                return error_set(err, ERROR_EXISTS, "%s is there and was not made by this operator", name);
        if (!is_owned(pass, action) || !object->owner_uid || strcmp(object->owner_uid, pass->about->uid) == 0)
                return true;
        if (text_equal(object->owner_kind, pass->about->kind->kind) &&
                text_equal(object->owner_name, pass->about->name))
                return error_set(err, ERROR_CONFLICT,
                        "%s still belongs to an earlier %s of this name; it is made again once it is gone", name,
                        pass->about->kind->kind);
        return error_set(err, ERROR_EXISTS, "%s belongs to %s %s", name, object->owner_kind, object->owner_name);
}

/* Whether nothing has to be sent. May read the server once, and notes what it found in `present`. */
static bool is_as_wanted(
        const RunPass *pass, const Action *action, const char *hash, Present *present, bool *ret_wanted, Error *err) {
        Applied *applied = pass->runtime->applied;
        uint64_t fields = 0;

        *ret_wanted = false;
        if (!present->object || !text_equal(present->object->intent, hash))
                return true;
        if (applied_recall(applied, present->object->uid, APPLIED_FIELDS, &fields)) {
                *ret_wanted = fields == present->object->owned_fields;
                present->drifted = !*ret_wanted;
                return true;
        }
        if (!present->live && !read_live(pass, action, present, err))
                return false;
        if (!present->object || !text_equal(present->object->intent, hash))
                return true;
        *ret_wanted = run_owns_all(run_body(pass, action), present->live, OBJECT_FIELD_MANAGER);
        present->drifted = !*ret_wanted;
        if (*ret_wanted)
                applied_remember(applied, present->object->uid, APPLIED_FIELDS, present->object->owned_fields);
        return true;
}

static void tell_applied(const RunPass *pass, const Action *action, const Present *present) {
        const char *name = run_name(pass, action);

        if (!present->drifted) {
                run_tell(pass, "Normal", action->event, "Apply",
                        arena_printf(
                                pass->arena, "%s %s: %s", present->object ? "changed" : "made", name, action->why));
                return;
        }
        run_tell(pass, "Warning", "DriftReverted", "Apply",
                action->field
                        ? arena_printf(pass->arena, "%s was changed by hand and put back; change %s of %s %s instead",
                                  name, action->field, pass->about->kind->kind, pass->about->name)
                        : arena_printf(pass->arena, "%s was changed by hand and put back: %s", name, action->why));
}

static Json *marked_body(const RunPass *pass, const Action *action, const char *hash) {
        Json *body = run_body(pass, action);
        Json *metadata = json_get(body, "metadata"), *notes = json_get(metadata, "annotations");

        if (!notes)
                notes = json_put_object(metadata, "annotations");
        json_put_string(notes, OBJECT_INTENT, hash);
        return body;
}

/* Sends the intent. Where an edit by hand does not go together with it (two items of a list with one name), the server
 * refuses: then all fields become ours first, so that the same apply takes away what we do not want. */
static bool send(const RunPass *pass, const Action *action, const char *hash, const Present *present, Error *err) {
        CLEANUP(json_cleanup) Json *reply = NULL;
        CLEANUP(object_cleanup) Object *after = NULL;
        const Json *body = marked_body(pass, action, hash);
        Client *client = pass->runtime->client;
        bool sent = client_apply(client, body, action->object_kind, NULL, &reply, err);

        if (!sent && err->code == ERROR_INVALID && present->drifted)
                sent = run_take_fields(pass, action) &&
                       client_apply(client, body, action->object_kind, NULL, &reply, err);
        if (!sent)
                return false;
        runtime_wrote(pass->runtime, action->object_kind, reply);
        if (!object_project(action->object_kind, reply, &after, err))
                return error_wrap(err, "%s", run_name(pass, action));
        applied_remember(pass->runtime->applied, after->uid, APPLIED_FIELDS, after->owned_fields);
        if (present->object && text_equal(present->object->resource_version, after->resource_version))
                log_debug(&pass->runtime->log, "%s was as wanted", run_name(pass, action));
        else
                tell_applied(pass, action, present);
        return true;
}

/* Whether putting back has to wait; the pass goes on with what comes next. */
static bool is_postponed(const RunPass *pass, const Action *action, const Present *present) {
        int64_t wait_ms = 0;

        if (!present->drifted || run_may_revert(pass, present->object->uid, clock_now_ms(), &wait_ms))
                return false;
        (void)error_set(pass->postponed, ERROR_THROTTLED,
                "%s is changed again and again by somebody else; it is put back once in a while only",
                run_name(pass, action));
        pass->postponed->retry_after_ms = (uint32_t)wait_ms;
        return true;
}

bool run_apply(const RunPass *pass, const Action *action, Error *err) {
        Cache *cache = runtime_cache(pass->runtime, action->object_kind);
        Present present = { 0 };
        char hash[17];
        bool wanted = false;

        if (!cache)
                return error_set(err, ERROR_BUG, "%s is applied but not watched", action->object_kind->kind);
        hash_intent(pass, action, hash);
        present.object = cache_get_in(cache, pass->arena, action->namespace_, action->name);
        if (!present.object && !read_live(pass, action, &present, err))
                return false;
        if (present.object && !check_ours(pass, action, &present, err))
                return false;
        if (!is_as_wanted(pass, action, hash, &present, &wanted, err))
                return false;
        return wanted || is_postponed(pass, action, &present) || send(pass, action, hash, &present, err);
}
