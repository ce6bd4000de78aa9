/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an object's labels fit a label selector, for what the watches of this program ask for: "key=value",
 * "key!=value", "key", "!key", joined by commas. Set-based forms ("in (...)") are not known here and fit nothing.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
#pragma once

#include "lib/base/json.h"

/* `selector` NULL or "" fits all; `labels` may be NULL. */
bool selector_fits(const char *selector, const Json *labels);
