/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of cluster_plan, one per question. All pure; objects go into the plan's arena. */
#pragma once

#include "lib/base/template.h"
#include "operator/controllers/madcluster/madcluster.h"

/* A template of objects/ by its file name without ending ("program"), filled. `holes` ends with HOLE_END. */
Json *parts_render(const ClusterView *view, const char *name, const Hole *holes);
/* Labels of everything that belongs to a part; `pillar` is "system", "proxy", "worker" or "state". */
Json *parts_labels(const ClusterView *view, const char *word, const char *pillar);
/* What selects the pods of a part. */
Json *parts_selector(const ClusterView *view, const char *word);
const char *parts_pillar(ClusterPart part);
Json *parts_resources(const ClusterSize *size);
Json *parts_port(const char *name, int port, const char *target);

/* plan_programs.c: Deployments, Services, disruption budgets and the autoscaler. */
void plan_program(const ClusterView *view, ClusterPart part, Plan *plan);
/* plan_metrics.c: VictoriaMetrics and what it scrapes. */
void plan_metrics(const ClusterView *view, Plan *plan);
/* plan_network.c: the zones. */
void plan_network(const ClusterView *view, Plan *plan);
/* plan_status.c: phase, columns, conditions, waits. */
void plan_status(const ClusterView *view, Plan *plan);
