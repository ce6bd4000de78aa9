/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps and compares the two hashes of rollout.h. */
#include "operator/controllers/rollout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "operator/controllers/kinds.h"

enum { HASH_TEXT = 17 };

static void hash_text(const char *text, char ret_hash[HASH_TEXT]) {
        (void)snprintf(ret_hash, HASH_TEXT, "%016" PRIx64, text_hash(text, strlen(text)));
}

static Json *template_notes(Json *workload) {
        Json *metadata = json_find(workload, "/spec/template/metadata");
        Json *notes = json_get(metadata, "annotations");

        return notes ? notes : json_put_object(metadata, "annotations");
}

void rollout_stamp(Json *workload, const char *roll) {
        char *text = json_print(json_find(workload, "/spec/template"));
        char hash[HASH_TEXT];
        Json *notes = template_notes(workload);

        hash_text(text, hash);
        free(text);
        json_put_string(notes, KINDS_NOTE_TEMPLATE, hash);
        hash_text(roll, hash);
        json_put_string(notes, KINDS_NOTE_ROLL, hash);
}

Rollout rollout_judge(const Json *workload, const Object *const *pods) {
        const Json *notes = json_find(workload, "/spec/template/metadata/annotations");
        const char *roll = json_string(json_get(notes, KINDS_NOTE_ROLL), "");
        const char *template = json_string(json_get(notes, KINDS_NOTE_TEMPLATE), "");
        Rollout judged = { 0 };

        for (; *pods; pods++) {
                if (!text_equal(object_value(*pods, POD_ROLL), roll))
                        judged.rolling = true;
                else if (!text_equal(object_value(*pods, POD_TEMPLATE), template))
                        judged.pending = true;
        }
        return judged;
}

void rollout_hold(Json *deployment, Rollout judged) {
        if (judged.pending && !judged.rolling)
                json_put_bool(json_get(deployment, "spec"), "paused", true);
}
