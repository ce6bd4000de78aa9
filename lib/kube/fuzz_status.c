/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a server says when it refuses: an Error with a code and a printable start comes of it. Also what plugins
 * answer, and kubeconfig files. The first byte picks which. */
#include <stdlib.h>
#include <string.h>

#include "lib/kube/credentials_internal.h"
#include "lib/kube/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int STATUSES[] = { 302, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504 };

static void fuzz_reply(int status, const char *bytes, size_t size) {
        CLEANUP(http_response_done) HttpResponse response = { .status = status };
        Error err = { 0 };
        text_append_bytes(&response.body, bytes, size);
        if (http_error(&response, "cannot get Pod", &err) || err.code == ERROR_NONE || err.http_status != status ||
                strncmp(err.text, "cannot get Pod: ", 16) != 0)
                abort();
        if (err.code == ERROR_THROTTLED && status == 429 && err.retry_after_ms == 0)
                abort();
}

static void fuzz_answer(const char *bytes, size_t size) {
        CLEANUP(exec_answer_done) ExecAnswer answer = { 0 };
        if (exec_parse_answer("client.authentication.k8s.io/v1", bytes, size, 0, &answer, NULL) && !answer.token &&
                (!answer.client_cert_pem || !answer.client_key_pem))
                abort();
}

static void fuzz_config(const char *bytes, size_t size) {
        CLEANUP(arena_done) Arena arena = { 0 };
        KubeConfig config = { 0 };
        if (kube_config_parse(bytes, size, "folder/file", NULL, &arena, &config, NULL) &&
                (!config.server || !config.namespace_))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        const char *bytes = (const char *)data + 1;
        switch (data[0] % 4) {
        case 0:
                fuzz_answer(bytes, size - 1);
                break;
        case 1:
                fuzz_config(bytes, size - 1);
                break;
        default:
                fuzz_reply(STATUSES[data[0] / 4 % ARRAY_LEN(STATUSES)], bytes, size - 1);
                break;
        }
        return 0;
}
