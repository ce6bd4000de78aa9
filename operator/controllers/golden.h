/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases of a plan, for tests: testdata/CASE.yaml holds `objects` as Kubernetes shows them (and what else the
 * kind wants to see), testdata/CASE.plan.json the plan that follows. With UPDATE_GOLDEN=1 the second is written anew.
 */
#pragma once

#include "lib/base/json.h"
#include "lib/kube/object.h"

/* The whole case file; fails the test with the reason when it cannot be read. Adopted by the arena. */
Json *golden_case(Arena *arena, const char *name);
/* The objects of one kind among "objects" as the cache would hold them, NULL-terminated, in the arena. Missing uid and
 * resourceVersion are filled in. */
const Object *const *golden_objects(Arena *arena, const Json *golden, const Kind *kind);
/* Compares with testdata/NAME.plan.json and fails the test with the first line that differs. */
void golden_expect(const char *name, const Json *plan);
