/* SPDX-License-Identifier: Apache-2.0 */
/* One cache per kind. Law: a kind is watched once; where one controller wants all objects and another some, all are
 * watched. */
#include "operator/runtime/caches.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "operator/runtime/selector.h"

static CachesRow *find_row(const Caches *caches, const Kind *kind) {
        for (size_t i = 0; i < caches->count; i++)
                if (caches->rows[i].kind == kind)
                        return &caches->rows[i];
        return NULL;
}

static bool merge(CachesRow *row, const Watched *watched, Error *err) {
        const char *name = row->kind->kind;

        if (row->selector && watched->label_selector && strcmp(row->selector, watched->label_selector) != 0)
                return error_set(err, ERROR_BUG, "%s is watched with two selectors: \"%s\" and \"%s\"", name,
                        row->selector, watched->label_selector);
        if (!text_equal(row->namespace_, watched->namespace_))
                return error_set(err, ERROR_BUG, "%s is watched in two places", name);
        if (row->label_path != SIZE_MAX && watched->label_path != SIZE_MAX && row->label_path != watched->label_path)
                return error_set(err, ERROR_BUG, "%s is watched with two label paths", name);
        if (!watched->label_selector)
                row->selector = NULL;
        if (row->label_path == SIZE_MAX)
                row->label_path = watched->label_path;
        return true;
}

static bool add(Caches *caches, const Watched *watched, Error *err) {
        CachesRow *row = find_row(caches, watched->kind);

        if (row)
                return merge(row, watched, err);
        caches->rows = alloc_grow(caches->rows, (caches->count + 1) * sizeof(*caches->rows));
        caches->rows[caches->count++] = (CachesRow){ .kind = watched->kind,
                .selector = watched->label_selector,
                .namespace_ = watched->namespace_,
                .label_path = watched->label_path };
        return true;
}

static bool add_controller(Caches *caches, const Controller *controller, Error *err) {
        const Watched own = { .kind = controller->kind, .label_path = SIZE_MAX };

        if (!add(caches, &own, err))
                return false;
        for (const Watched *watched = controller->watches; watched && watched->kind; watched++)
                if (!add(caches, watched, err))
                        return false;
        return true;
}

bool caches_new(const Controller *const *controllers, Caches **ret_caches, Error *err) {
        Caches *caches = alloc_zero(sizeof(*caches));

        for (; *controllers; controllers++)
                if (!add_controller(caches, *controllers, err)) {
                        caches_free(caches);
                        return false;
                }
        for (size_t i = 0; i < caches->count; i++)
                caches->rows[i].cache = cache_new(caches->rows[i].kind, caches->rows[i].label_path);
        *ret_caches = caches;
        return true;
}

void caches_free(Caches *caches) {
        if (!caches)
                return;
        for (size_t i = 0; i < caches->count; i++)
                if (caches->rows[i].cache)
                        cache_free(caches->rows[i].cache);
        free(caches->rows);
        free(caches);
}

Cache *caches_find(const Caches *caches, const Kind *kind) {
        const CachesRow *row = find_row(caches, kind);

        return row ? row->cache : NULL;
}

bool caches_show(const Caches *caches, const Kind *kind, const Json *object) {
        const CachesRow *row = find_row(caches, kind);

        if (!row)
                return false;
        if (row->namespace_ && !text_equal(row->namespace_, json_find_string(object, "/metadata/namespace", "")))
                return false;
        return selector_fits(row->selector, json_find(object, "/metadata/labels"));
}

bool caches_filter(const Caches *caches, const Kind *kind) {
        const CachesRow *row = find_row(caches, kind);

        return row && row->selector;
}

void caches_watch(const Caches *caches, Watch *watch, const char *const *namespaces) {
        for (size_t i = 0; i < caches->count; i++) {
                const CachesRow *row = &caches->rows[i];

                if (row->namespace_)
                        watch_add(watch, row->cache, row->namespace_, row->selector);
                else if (!namespaces || row->kind->cluster_scoped)
                        watch_add(watch, row->cache, "", row->selector);
                else
                        for (const char *const *namespace_ = namespaces; *namespace_; namespace_++)
                                watch_add(watch, row->cache, *namespace_, row->selector);
        }
}

bool caches_synced(const Caches *caches, const Kind **ret_kind) {
        for (size_t i = 0; i < caches->count; i++)
                if (!cache_synced(caches->rows[i].cache)) {
                        *ret_kind = caches->rows[i].kind;
                        return false;
                }
        return true;
}
