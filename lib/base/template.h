/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes objects as YAML manifests with holes: "${name}" as a whole scalar takes a string, number, bool or subtree;
 * a string with holes inside ("${name}-pg") takes strings and numbers. A hole whose value is absent drops its key or
 * list member; "$${" stands for "${"; keys have no holes. No conditions, no loops: C computes the subtree. Filling
 * happens on the tree, so a value can never change the structure. A Template is parsed once and is read-only
 * afterwards: any thread may render it. */
#pragma once

#include "lib/base/json.h"

typedef struct Template Template;

typedef enum HoleType { HOLE_END_MARK, HOLE_STRING, HOLE_INT, HOLE_BOOL, HOLE_TREE, HOLE_ABSENT } HoleType;

typedef struct Hole {
        const char *name;
        HoleType type;
        const char *string;
        int64_t number;
        Json *tree; /* owned by the hole until render takes it; a tree used by two holes of one name is copied */
} Hole;

#define HOLE_END ((Hole){ .type = HOLE_END_MARK })
Hole hole_string(const char *name, const char *value); /* NULL: absent */
Hole hole_int(const char *name, int64_t value);
Hole hole_bool(const char *name, bool value);
Hole hole_tree(const char *name, Json *taken); /* NULL: absent */
Hole hole_absent(const char *name);

/* Parses the manifest (one YAML document). Errors: PROTOCOL with the line. `name` is for messages. */
bool template_new(const char *name, const char *yaml, Template **ret_template, Error *err) MUST_USE;
void template_free(Template *template);
/* A filled copy, adopted by the arena. A hole without a value, or a value without a hole, is ERROR_BUG: one test
 * renders every template. `holes` ends with HOLE_END; its trees are taken in every case. */
bool template_render(const Template *template, Arena *arena, const Hole *holes, Json **ret_json, Error *err) MUST_USE;
/* Text with holes (strings and numbers only): for configuration files inside ConfigMaps. ret_text lives in the arena.
 * Trees are taken and refused. A "${" that begins no hole is PROTOCOL, everything else that does not fit is BUG. */
bool template_text(
        const char *name, const char *text, Arena *arena, const Hole *holes, char **ret_text, Error *err) MUST_USE;
