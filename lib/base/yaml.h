/* SPDX-License-Identifier: Apache-2.0 */
/* YAML 1.1 text into JSON trees, by libyaml. Plain scalars become null, bool, number or string as the core schema of
 * YAML 1.2 says (so "yes" and "on" stay strings); anchors work within caps. Refused, with line and column: tags, merge
 * keys, a key that stands twice, keys that are lists or maps, NUL bytes, and numbers that JSON cannot hold or that
 * YAML 1.1 and 1.2 read in two ways ("0644": write 420, 0o644 or "0644"). */
#pragma once

#include "lib/base/json.h"

enum { YAML_MAXIMUM_BYTES = 1024 * 1024, YAML_MAXIMUM_NODES = 100000 };

/* The first document. Errors: PROTOCOL with line and column, also when there is none; TOO_LARGE. The caller frees the
 * tree. */
bool yaml_parse(const char *text, size_t size, Json **ret_json, Error *err) MUST_USE;
/* All documents ("---") as an array, which is empty when there are none. */
bool yaml_parse_all(const char *text, size_t size, Json **ret_array, Error *err) MUST_USE;
