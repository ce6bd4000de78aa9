/* SPDX-License-Identifier: Apache-2.0 */
/* For tests alone: a Runtime on a fake API server, with the caches of the given controllers but no watches, workers or
 * threads: the test says when the caches see what the server has. */
#pragma once

#include "operator/runtime/applied.h"
#include "operator/runtime/caches.h"
#include "operator/runtime/fake/fake_api.h"
#include "operator/runtime/freshness.h"

typedef struct FakeRuntime {
        FakeApi *api;
        KubeConfig config;
        Metrics *metrics;
        Http *http;
        Client *client;
        Caches *caches;
        OperatorSettings settings;
        Runtime runtime; /* what a reconcile gets; key is "x/one" */
} FakeRuntime;

/* `controllers` is NULL-terminated. */
void fake_runtime_start(FakeRuntime *fake, const Controller *const *controllers);
void fake_runtime_stop(FakeRuntime *fake);
/* Every cache sees everything the server has. */
void fake_runtime_see(FakeRuntime *fake);
/* As if the process had been restarted: what was remembered of writes is gone. */
void fake_runtime_restart(FakeRuntime *fake);
