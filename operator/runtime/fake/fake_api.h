/* SPDX-License-Identifier: Apache-2.0 */
/* For tests alone: an API server in memory, on loopback, for any kind of object. It knows GET, POST, PUT, DELETE with
 * preconditions, merge patch, server-side apply with ownership of fields (maps by key, every list as a whole), status
 * as a subresource, generations, finalizers, and WATCH of a collection. What others do to objects, and what goes wrong,
 * is said by the test. Safe from every thread. */
#pragma once

#include "lib/kube/cache.h"

typedef struct FakeApi FakeApi;

FakeApi *fake_api_new(void);
/* Accepts NULL. Requests under way end. */
void fake_api_free(FakeApi *api);
/* "http://127.0.0.1:PORT" */
const char *fake_api_url(const FakeApi *api);

/* Paths are those of the API: "/api/v1/namespaces/x/services/a". */
/* Somebody else makes the object. */
void fake_api_make(FakeApi *api, const char *path, const char *json);
/* Somebody else edits it, by a merge patch: what we owned of the fields touched is theirs now. */
void fake_api_edit(FakeApi *api, const char *path, const char *patch);
/* Somebody else removes it, at once. */
void fake_api_remove(FakeApi *api, const char *path);
/* A copy, or NULL; the caller frees it. */
Json *fake_api_get(FakeApi *api, const char *path);
/* Makes the cache hold what there is of its kind, as a watch would. */
void fake_api_feed(FakeApi *api, Cache *cache);

/* The next `count` requests with this method, whose path contains `part`, are answered with the status and a Status
 * object of that reason and message, and do nothing. Status 0 cuts the connection instead; when `after` is true the
 * request is carried out first, so that only its answer is lost. The method of a watch is "WATCH". */
typedef struct FakeFault {
        const char *method, *part;
        int status;
        const char *reason, *message;
        bool after;
        int count;
} FakeFault;
/* One fault at a time; NULL clears it. Copied; its strings are kept by reference. */
void fake_api_fault(FakeApi *api, const FakeFault *fault);

/* Requests since the start or the last clearing, as "METHOD PATH\n" without queries; the caller frees it. */
char *fake_api_log(FakeApi *api);
void fake_api_clear_log(FakeApi *api);
size_t fake_api_requests(FakeApi *api);
/* Blocks until there were so many requests that contain `text` (as "METHOD PATH"); false after ten seconds. */
bool fake_api_await(FakeApi *api, const char *text, size_t count);
