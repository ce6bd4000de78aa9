/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that others changed: how often they are put back, and taking them over, as client-go's csaupgrade does it: the
 * one write about managedFields. It changes no value, and carries the version that was read. */
#include "operator/runtime/applied.h"
#include "operator/runtime/run_internal.h"

bool run_may_revert(const RunPass *pass, const char *uid, int64_t now_ms, int64_t *ret_wait_ms) {
        uint64_t packed = 0;
        int64_t since;
        unsigned count;

        /* The beginning of the window and the count share one number. */
        (void)applied_recall(pass->runtime->applied, uid, APPLIED_REVERTS, &packed);
        since = (int64_t)(packed >> 8);
        count = (unsigned)(packed & 0xff);
        if (now_ms - since >= RUN_REVERT_WINDOW_MS) {
                since = now_ms;
                count = 0;
        }
        if (count >= RUN_REVERTS) {
                *ret_wait_ms = since + RUN_REVERT_WINDOW_MS - now_ms;
                return false;
        }
        applied_remember(pass->runtime->applied, uid, APPLIED_REVERTS, (uint64_t)since << 8 | (count + 1));
        return true;
}

static bool is_about_object(const Json *entry) {
        return *json_find_string(entry, "/subresource", "") == '\0';
}

/* Entries of subresources as they are, and all others as one apply entry of ours. */
static Json *merge_entries(const Json *live) {
        Json *entries = json_new_array(), *ours = json_add_object(entries), *fields = json_new_object();
        const Json *entry = json_first(json_find(live, "/metadata/managedFields"));

        for (; entry; entry = json_next(entry)) {
                if (is_about_object(entry))
                        json_merge(fields, json_get(entry, "fieldsV1"));
                else
                        json_add(entries, json_copy(entry));
        }
        json_put_string(ours, "manager", OBJECT_FIELD_MANAGER);
        json_put_string(ours, "operation", "Apply");
        json_put_string(ours, "apiVersion", json_find_string(live, "/apiVersion", ""));
        json_put_string(ours, "fieldsType", "FieldsV1");
        json_put(ours, "fieldsV1", fields);
        return entries;
}

bool run_take_fields(const RunPass *pass, const Action *action) {
        CLEANUP(json_cleanup) Json *live = NULL, *patch = json_new_object();
        Client *client = pass->runtime->client;
        Json *metadata = json_put_object(patch, "metadata");
        Error err = { 0 };

        if (!client_get(client, action->object_kind, action->namespace_, action->name, &live, &err) || !live)
                return false;
        json_put_string(metadata, "resourceVersion", json_find_string(live, "/metadata/resourceVersion", ""));
        json_put(metadata, "managedFields", merge_entries(live));
        if (!client_patch(client, action->object_kind, action->namespace_, action->name, NULL, PATCH_MERGE, patch, NULL,
                    &err)) {
                log_warn(&pass->runtime->log, "%s: %s", run_name(pass, action), err.text);
                return false;
        }
        log_info(&pass->runtime->log, "took over all fields of %s: an edit by hand does not go together with ours",
                run_name(pass, action));
        return true;
}
