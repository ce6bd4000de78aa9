/* SPDX-License-Identifier: Apache-2.0 */
/* madbase-gateway. The public API, with its own front for the data path, comes on top of this frame. */
#include <stdlib.h>

#include "lib/program/program.h"

static const char *environment(const char *name) {
        return getenv(name);
}

static void answer_version(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        text_append(&reply->body, "{\"program\":\"madbase-gateway\",\"version\":\"" MADBASE_VERSION "\"}");
        reply->content_type = "application/json";
}

int main(int argc, char **argv) {
        static const ServerRoute routes[] = { { "GET", "/version", answer_version, NULL, false }, { 0 } };
        static const Program program = {
                .name = "madbase-gateway",
                .does = "The public front of the platform. For now it serves its version, health and metrics.",
                .routes = routes,
        };

        return program_main(&program, argc, argv, environment);
}
