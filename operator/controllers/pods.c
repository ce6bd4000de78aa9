/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the conditions and container states that kinds.h keeps of a pod. */
#include "operator/controllers/pods.h"

#include <string.h>

#include "operator/controllers/kinds.h"

static const struct {
        const char *reason, *what, *unblock;
} troubles[] = {
        { "ErrImagePull", "its image cannot be pulled", "Correct the image name or give access to the registry" },
        { "ImagePullBackOff", "its image cannot be pulled", "Correct the image name or give access to the registry" },
        { "ErrImageNeverPull", "its image is not on the node", "Load the image or allow pulling it" },
        { "InvalidImageName", "its image name cannot be read", "Correct the image name" },
        { "CrashLoopBackOff", "its container keeps ending", "Read its log: kubectl logs --previous" },
        { "CreateContainerConfigError", "its container lacks a ConfigMap, Secret or key",
                "See kubectl describe pod; a lost Secret is made again within a minute" },
        { "CreateContainerError", "its container cannot be made", "See kubectl describe pod" },
        { "RunContainerError", "its container cannot be started", "See kubectl describe pod" },
};

static Wait *add(Plan *plan, const Object *pod, const char *what, const char *unblock, bool warning) {
        Wait *wait = plan_wait(plan, arena_printf(plan->arena, "pod %s: %s", pod->name, what), unblock);

        wait->kind = "Pod";
        wait->name = pod->name;
        wait->warning = warning;
        return wait;
}

static void explain(Plan *plan, const Object *pod) {
        const char *waiting = object_value(pod, POD_WAITING);

        if (!waiting[0])
                waiting = object_value(pod, POD_WAITING_INIT);
        if (!strcmp(object_value(pod, POD_SCHEDULED), "False")) {
                add(plan, pod,
                        arena_printf(plan->arena, "no node takes it: %s", object_value(pod, POD_SCHEDULED_MESSAGE)),
                        "Add a node, free room, or ask for less", true);
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
                if (strcmp(waiting, troubles[i].reason) != 0)
                        continue;
                add(plan, pod, troubles[i].what, troubles[i].unblock, true);
                return;
        }
        add(plan, pod, "it is starting", "Wait until its readiness probe passes", false);
}

int pods_explain(Plan *plan, const Object *const *pods) {
        int count = 0;

        for (; *pods; pods++) {
                if ((*pods)->deleting || !strcmp(object_value(*pods, POD_READY), "True"))
                        continue;
                explain(plan, *pods);
                count++;
        }
        return count;
}
