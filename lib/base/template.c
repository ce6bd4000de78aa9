/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and texts with holes. Law: a manifest is parsed before it is filled, so that no value changes its shape. */
#include "lib/base/template.h"

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/template_holes.h"
#include "lib/base/yaml.h"

/* As text the manifests take a quarter of what they take as trees, and reading JSON costs no more than copying a tree.
 */
struct Template {
        char *name;
        char *json;
        size_t size;
};

typedef struct Rendering {
        HoleSet set;
        Json **trees; /* in the arena: per hole, the tree that no place has taken yet */
} Rendering;

/* Holes stand in values only, and each is well formed. */
static bool check_node(const Json *json, Error *err) {
        const char *at = json_string(json, "");
        const char *key = json_key(json);
        Piece piece = piece_next(&at);

        if (key && strstr(key, "${"))
                return error_set(err, ERROR_PROTOCOL, "the key \"%s\" holds a hole; holes stand in values only", key);
        while (piece.type == PIECE_LITERAL || piece.type == PIECE_HOLE)
                piece = piece_next(&at);
        if (piece.type == PIECE_BROKEN)
                return error_set(err, ERROR_PROTOCOL, "\"%.40s\" is no hole; \"$${\" stands for \"${\"", piece.text);
        for (const Json *child = json_first(json); child; child = json_next(child))
                if (!check_node(child, err))
                        return false;
        return true;
}

bool template_new(const char *name, const char *yaml, Template **ret_template, Error *err) {
        CLEANUP(json_cleanup) Json *tree = NULL;
        Template *template;

        if (!yaml_parse(yaml, strlen(yaml), &tree, err) || !check_node(tree, err))
                return error_wrap(err, "template %s", name);
        template = alloc_zero(sizeof(*template));
        template->name = alloc_string(name);
        template->json = json_print(tree);
        template->size = strlen(template->json);
        *ret_template = template;
        return true;
}

void template_free(Template *template) {
        if (!template)
                return;
        free(template->json);
        free(template->name);
        free(template);
}

/* A new node with the hole's value; NULL when it is absent. The first place takes a tree, further ones get copies. */
static Json *value_of(Rendering *rendering, const Hole *hole) {
        size_t index = (size_t)(hole - rendering->set.holes);

        switch (hole->type) {
        case HOLE_STRING:
                return json_new_string(hole->string);
        case HOLE_INT:
                return json_new_int(hole->number);
        case HOLE_BOOL:
                return json_new_bool(hole->number != 0);
        case HOLE_TREE:
                return rendering->trees[index] ? TAKE(rendering->trees[index]) : json_copy(hole->tree);
        default:
                return NULL;
        }
}

/* The value for a string of the template; ret_value is NULL where it is absent. */
static bool fill_string(Rendering *rendering, const char *text, Json **ret_value, Error *err) {
        CLEANUP(text_done) Text filled = { 0 };
        const char *at = text;
        Piece piece = piece_next(&at);
        const Hole *hole;
        bool absent;

        if (piece.type == PIECE_HOLE && !*at) {
                hole = hole_set_find(&rendering->set, piece, err);
                if (!hole)
                        return false;
                *ret_value = value_of(rendering, hole);
                return true;
        }
        if (!hole_set_fill(&rendering->set, text, &filled, &absent, err))
                return false;
        *ret_value = absent ? NULL : json_new_string(text_string(&filled));
        return true;
}

static bool fill_children(Rendering *rendering, Json *parent, Error *err) {
        Json *next;

        for (Json *child = json_first(parent); child; child = next) {
                const char *text = json_string(child, NULL);
                Json *value;

                next = json_next(child);
                if (!text) {
                        if (!fill_children(rendering, child, err))
                                return false;
                        continue;
                }
                if (!strstr(text, "${"))
                        continue;
                if (!fill_string(rendering, text, &value, err))
                        return false;
                if (value)
                        json_replace(parent, child, value);
                else
                        json_free(json_detach(parent, child));
        }
        return true;
}

bool template_render(const Template *template, Arena *arena, const Hole *holes, Json **ret_json, Error *err) {
        Rendering rendering = { .set = hole_set(template->name, holes, arena) };
        CLEANUP(json_cleanup) Json *holder = json_new_array();
        Json *tree = NULL;
        bool filled;

        rendering.trees = arena_alloc(arena, rendering.set.count * sizeof(Json *));
        for (size_t i = 0; i < rendering.set.count; i++)
                rendering.trees[i] = holes[i].type == HOLE_TREE ? holes[i].tree : NULL;
        filled = json_parse(template->json, template->size, &tree, err);
        /* The root has a parent while it is filled: it may be a hole itself. */
        if (filled)
                json_add(holder, tree);
        filled = filled && fill_children(&rendering, holder, err) && hole_set_check(&rendering.set, err);
        for (size_t i = 0; i < rendering.set.count; i++)
                json_free(rendering.trees[i]);
        if (!filled)
                return false;
        if (!json_first(holder))
                return error_set(err, ERROR_BUG, "template %s: the value of the whole is absent", template->name);
        *ret_json = json_adopt(arena, json_detach(holder, json_first(holder)));
        return true;
}

bool template_text(const char *name, const char *text, Arena *arena, const Hole *holes, char **ret_text, Error *err) {
        CLEANUP(text_done) Text filled = { 0 };
        HoleSet set = hole_set(name, holes, arena);
        bool absent = false;
        bool good = hole_set_fill(&set, text, &filled, &absent, err) && hole_set_check(&set, err);

        for (size_t i = 0; i < set.count; i++)
                if (holes[i].type == HOLE_TREE)
                        json_free(holes[i].tree);
        if (!good)
                return false;
        if (absent)
                return error_set(err, ERROR_BUG, "template %s: a text has no place for an absent value", name);
        *ret_text = arena_string(arena, text_string(&filled));
        return true;
}
