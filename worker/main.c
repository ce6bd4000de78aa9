/* SPDX-License-Identifier: Apache-2.0 */
/* madbase-worker. Functions and realtime come on top of this frame. */
#include <stdlib.h>

#include "lib/program/program.h"

static const char *environment(const char *name) {
        return getenv(name);
}

static void answer_version(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        text_append(&reply->body, "{\"program\":\"madbase-worker\",\"version\":\"" MADBASE_VERSION "\"}");
        reply->content_type = "application/json";
}

int main(int argc, char **argv) {
        static const ServerRoute routes[] = { { "GET", "/version", answer_version, NULL, false }, { 0 } };
        static const Program program = {
                .name = "madbase-worker",
                .does = "Runs functions and realtime. For now it serves its version, health and metrics.",
                .routes = routes,
        };

        return program_main(&program, argc, argv, environment);
}
