/* SPDX-License-Identifier: Apache-2.0 */
/* The five Secrets of a pillar are made once, by a call that draws passwords and certificates, and never overwritten: a
 * plan holds no secret. An edited one is told and left alone. */
#include "operator/controllers/statepillar/draft.h"

void pillar_plan_secrets(const View *view, Plan *plan) {
        if (*view->missing_secrets) {
                Json *args = json_new_object();
                json_put_string(args, "missing", view->missing_secrets);
                json_put(args, "labels", draft_labels(view, SET_POSTGRES));
                draft_call(plan, "secrets", args,
                        arena_printf(plan->arena, "passwords and certificates are needed: %s", view->missing_secrets))
                        ->event = "SecretsMade";
        }
        if (*view->odd_secrets) {
                Wait *wait = plan_wait(plan,
                        arena_printf(
                                plan->arena, "Secret %s to fit the other Secrets of the pillar", view->odd_secrets),
                        "Put the former value back, or delete the Secret: it is then made again");
                wait->kind = "Secret";
                wait->name = view->odd_secrets;
                wait->warning = true;
        }
}
