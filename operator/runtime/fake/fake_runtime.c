/* SPDX-License-Identifier: Apache-2.0 */
/* A Runtime for tests. */
#include "operator/runtime/fake/fake_runtime.h"

#include <stdlib.h>

#include "lib/base/clock.h"

static void wake_nobody(void *context, const char *key) {
        (void)context;
        (void)key;
}

static void remember_nothing(FakeRuntime *fake) {
        fake->runtime.applied = applied_new();
        fake->runtime.freshness = freshness_new(clock_now_ms, wake_nobody, NULL);
        fake->runtime.secrets = secrets_new(fake->client);
}

static void forget(FakeRuntime *fake) {
        applied_free(fake->runtime.applied);
        freshness_free(fake->runtime.freshness);
        secrets_free(fake->runtime.secrets);
}

void fake_runtime_start(FakeRuntime *fake, const Controller *const *controllers) {
        Error err = { 0 };

        *fake = (FakeRuntime){ .api = fake_api_new(), .metrics = metrics_new() };
        fake->config.server = fake_api_url(fake->api);
        fake->settings.namespace_ = "system";
        if (!http_new(&fake->config, NULL, &fake->http, &err) || !caches_new(controllers, &fake->caches, &err)) {
                (void)fprintf(stderr, "%s\n", err.text);
                abort();
        }
        fake->client = client_new(fake->http);
        for (size_t i = 0; i < fake->caches->count; i++)
                cache_add_scope(fake->caches->rows[i].cache, "");
        fake->runtime = (Runtime){ .settings = &fake->settings,
                .client = fake->client,
                .metrics = fake->metrics,
                .caches = fake->caches,
                .key = "x/one",
                .log = { .component = "test", .namespace_ = "x", .name = "one", .reconcile_id = "test" } };
        remember_nothing(fake);
        fake_runtime_see(fake);
}

void fake_runtime_stop(FakeRuntime *fake) {
        forget(fake);
        caches_free(fake->caches);
        client_free(fake->client);
        http_free(fake->http);
        metrics_free(fake->metrics);
        fake_api_free(fake->api);
}

void fake_runtime_see(FakeRuntime *fake) {
        for (size_t i = 0; i < fake->caches->count; i++)
                fake_api_feed(fake->api, fake->caches->rows[i].cache);
}

void fake_runtime_restart(FakeRuntime *fake) {
        forget(fake);
        remember_nothing(fake);
}
