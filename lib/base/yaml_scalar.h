/* SPDX-License-Identifier: Apache-2.0 */
/* What a plain YAML scalar means: the core schema of YAML 1.2. https://yaml.org/spec/1.2.2/#103-core-schema */
#pragma once

#include "lib/base/json.h"

/* null, bool, number or string as a new tree that the caller frees. False for what is a number in YAML and none in
 * JSON (".inf", ".nan", whole numbers past 2^53), and for whole numbers with a leading zero: "0644" is 420 in YAML 1.1
 * and 644 in 1.2. */
bool yaml_scalar(const char *text, Json **ret_json);
