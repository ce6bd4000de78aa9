/* SPDX-License-Identifier: Apache-2.0 */
/* YAML 1.1 text into JSON trees, by libyaml. Plain scalars become null, bool, number or string as the core schema of
 * YAML 1.2 says (so "yes" and "on" stay strings); anchors work within caps, tags are refused. */
#pragma once

#include "lib/base/json.h"

enum { YAML_MAXIMUM_BYTES = 1024 * 1024, YAML_MAXIMUM_NODES = 100000 };

/* The first document. Errors: PROTOCOL with line and column, TOO_LARGE. The caller frees the tree. */
bool yaml_parse(const char *text, size_t size, Json **ret_json, Error *err) MUST_USE;
/* All documents ("---") as an array. */
bool yaml_parse_all(const char *text, size_t size, Json **ret_array, Error *err) MUST_USE;
