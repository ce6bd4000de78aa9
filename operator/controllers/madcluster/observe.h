/* SPDX-License-Identifier: Apache-2.0 */
/* The first step of a reconcile, apart from madcluster.h so that the pure part needs no caches. */
#pragma once

#include "operator/controllers/madcluster/madcluster.h"

/* False when the MadCluster is gone. */
bool cluster_observe(Runtime *runtime, const char *namespace_, const char *name, Arena *arena, ClusterView *ret_view);
