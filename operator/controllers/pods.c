/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the conditions and container states that kinds.h keeps of a pod. */
#include "operator/controllers/pods.h"

#include <string.h>

#include "operator/controllers/kinds.h"

/* By the word that Kubernetes has for it. */
static const struct {
        const char *reason;
        PodTrouble trouble;
} troubles[] = {
        { "ErrImagePull",
                { "its image cannot be pulled", "Correct the image's name or give access to its registry", true } },
        { "ImagePullBackOff",
                { "its image cannot be pulled", "Correct the image's name or give access to its registry", true } },
        { "ErrImageNeverPull",
                { "its image is not on the node", "Load the image on every node, or change the pull policy", true } },
        { "InvalidImageName", { "its image's name cannot be read", "Correct the image's name", true } },
        { "CreateContainerConfigError",
                { "its container lacks a ConfigMap, Secret or key",
                        "The operator makes what it owns again within a minute; kubectl describe pod names the rest",
                        false } },
        { "CreateContainerError", { "its container cannot be made", "kubectl describe pod says why", true } },
        { "RunContainerError", { "its container cannot be started", "kubectl describe pod says why", true } },
        { "CrashLoopBackOff",
                { "its container ends again and again", "Its log says why: kubectl logs --previous", true } },
};

static bool trouble_of(const char *waiting, PodTrouble *ret_trouble) {
        for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
                if (text_equal(waiting, troubles[i].reason)) {
                        *ret_trouble = troubles[i].trouble;
                        return true;
                }
        return false;
}

bool pods_trouble(const Object *pod, Arena *arena, PodTrouble *ret_trouble) {
        if (pod->deleting) {
                *ret_trouble = (PodTrouble){ "it is to end",
                        "It shuts down in its own time; a lost node must come back or be removed", false };
                return true;
        }
        if (text_equal(object_value(pod, POD_SCHEDULED), "False")) {
                *ret_trouble = (PodTrouble){ "no node takes it",
                        arena_printf(arena, "Add a node, free room, or ask for less. The scheduler says: %s",
                                object_value(pod, POD_SCHEDULED_MESSAGE)),
                        true };
                return true;
        }
        if (!trouble_of(object_value(pod, POD_WAITING_INIT), ret_trouble) &&
                !trouble_of(object_value(pod, POD_WAITING), ret_trouble))
                return false;
        if (text_equal(object_value(pod, POD_ENDED), "OOMKilled")) {
                ret_trouble->what = "it needs more memory; it was killed for want of it";
                ret_trouble->unblock = "Raise the memory in its resources, or choose a larger plan";
        }
        return true;
}

int pods_explain(Plan *plan, const Object *const *pods) {
        int count = 0;

        for (; *pods; pods++) {
                PodTrouble trouble = { "it is starting", "Wait until its readiness probe passes", false };
                if ((*pods)->deleting || text_equal(object_value(*pods, POD_READY), "True"))
                        continue;
                (void)pods_trouble(*pods, plan->arena, &trouble);
                Wait *wait = plan_wait(
                        plan, arena_printf(plan->arena, "pod %s: %s", (*pods)->name, trouble.what), trouble.unblock);
                wait->kind = "Pod";
                wait->name = (*pods)->name;
                wait->warning = trouble.warning;
                count++;
        }
        return count;
}
