/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on Kubernetes objects, by kind and name. Blocking, each with a deadline; safe from every thread. Objects go
 * in and come out as JSON trees; the caller frees what comes out. Errors are those of http_error: NOT_FOUND, CONFLICT,
 * EXISTS, FORBIDDEN, INVALID, THROTTLED, UNAVAILABLE, ... */
#pragma once

#include "lib/kube/http.h"
#include "lib/kube/object.h"

typedef struct Client Client;

Client *client_new(Http *http);
void client_free(Client *client);
Http *client_http(Client *client);

/* Called after every write that the server took (2xx), with its verb ("create", "apply", "patch", "replace", "delete"),
 * kind and reply (of a deletion: the object or a Status); for read-your-writes and for the audit of effects. Dry runs
 * are no writes. At most one; set before the first request. */
typedef void ClientWriteHook(void *context, const char *verb, const Kind *kind, const Json *reply);
void client_set_write_hook(Client *client, ClientWriteHook *hook, void *context);
/* Asked before every write; false (with STOPPED) refuses it. This is where leadership is checked. */
typedef bool ClientWriteGuard(void *context, Error *err);
void client_set_write_guard(Client *client, ClientWriteGuard *guard, void *context);

/* A consistent read (quorum). A missing object is not an error: *ret_json is NULL then. A missing type is NOT_FOUND. */
bool client_get(Client *client, const Kind *kind, const char *namespace_, const char *name, Json **ret_json,
        Error *err) MUST_USE;

typedef struct ListOptions {
        const char *label_selector; /* NULL: all */
        const char *field_selector;
        const char *resource_version; /* NULL: most recent; else not older than it */
        int page;                     /* objects per page; 0: 500; negative: all in one */
} ListOptions;
/* Calls on_item per object, in pages, parsed one at a time; the tree is valid during the call. `namespace_` NULL means
 * all; `options` and `ret_version` may be NULL. *ret_version (freed by the caller) is the list's resourceVersion.
 * EXPIRED when a page's token ran out: what came so far is then of an old state; start over. */
bool client_list(Client *client, const Kind *kind, const char *namespace_, const ListOptions *options,
        bool (*on_item)(void *context, const Json *item, Error *err), void *context, char **ret_version,
        Error *err) MUST_USE;

/* POST. EXISTS when the name is taken. ret_json may be NULL (also below). */
bool client_create(Client *client, const Kind *kind, const Json *object, Json **ret_json, Error *err) MUST_USE;

typedef struct ApplyOptions {
        const char *manager;     /* NULL: OBJECT_FIELD_MANAGER */
        const char *subresource; /* NULL, "status", "scale" */
        bool dry_run;
        bool no_force; /* conflicts with other managers then are errors */
} ApplyOptions;
/* Server-side apply of the manager's whole intent, strict field validation, forced. `object` has apiVersion, kind and
 * metadata.name; metadata.uid in it forbids making the object anew (CONFLICT then). `options` may be NULL.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
bool client_apply(Client *client, const Json *object, const Kind *kind, const ApplyOptions *options, Json **ret_json,
        Error *err) MUST_USE;

typedef enum PatchType { PATCH_MERGE, PATCH_JSON, PATCH_STRATEGIC } PatchType;
bool client_patch(Client *client, const Kind *kind, const char *namespace_, const char *name, const char *subresource,
        PatchType type, const Json *patch, Json **ret_json, Error *err) MUST_USE;
/* PUT with the resourceVersion that the object carries; CONFLICT when it is not the newest. */
bool client_replace(Client *client, const Kind *kind, const Json *object, Json **ret_json, Error *err) MUST_USE;

typedef struct DeleteOptions {
        const char *uid; /* preconditions; NULL: none */
        const char *resource_version;
        const char *propagation; /* NULL: "Background" */
        int64_t grace_seconds;   /* 0 or less: the object's own */
        bool at_once;            /* no grace at all: a pod's node is not asked */
} DeleteOptions;
/* Gone already (404) or another UID (409 on the precondition) is success with *ret_deleted false; true means that the
 * server took the deletion, which finalizers and grace may still hold up. CONFLICT when the object has the UID but not
 * the resourceVersion. `options` and `ret_deleted` may be NULL. */
bool client_delete(Client *client, const Kind *kind, const char *namespace_, const char *name,
        const DeleteOptions *options, bool *ret_deleted, Error *err) MUST_USE;

/* Path of a collection or object: "/apis/apps/v1/namespaces/x/statefulsets/y", names escaped. `namespace_`, `name` and
 * `subresource` may be NULL. */
void client_path(const Kind *kind, const char *namespace_, const char *name, const char *subresource, Text *path);
