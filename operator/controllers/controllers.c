/* SPDX-License-Identifier: Apache-2.0 */
/* The list of controllers: one row per kind that the operator answers for. */
#include "operator/controllers/controllers.h"

#include "operator/controllers/madcluster/madcluster.h"
#include "operator/controllers/statepillar/statepillar.h"

const Controller *const controllers_all[] = {
        &statepillar_controller,
        &madcluster_controller,
        NULL,
};
