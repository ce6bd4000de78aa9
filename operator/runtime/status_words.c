/* SPDX-License-Identifier: Apache-2.0 */
/* What failures are called in status and what people can do about each: two tables. */
#include <string.h>

#include "operator/runtime/status.h"

static const struct {
        const char *reason;  /* CamelCase */
        const char *unblock; /* sentence */
} by_code[ERROR_CODE_COUNT] = {
        [ERROR_NONE] = { "Unknown", "" },
        [ERROR_UNAVAILABLE] = { "Unavailable", "Nothing to do: it is tried again until the other side answers" },
        [ERROR_TIMEOUT] = { "Timeout", "Nothing to do: it is tried again until the other side answers in time" },
        [ERROR_THROTTLED] = { "Throttled", "Nothing to do: it is tried again when the API server takes more" },
        [ERROR_CONFLICT] = { "Conflict", "Nothing to do, unless a finalizer holds the object that is named" },
        [ERROR_NOT_FOUND] = { "NotFound", "Make what is missing; if it is a kind, install its CRD" },
        [ERROR_EXISTS] = { "NameTaken", "Delete or rename the object that has the name" },
        [ERROR_FORBIDDEN] = { "Forbidden", "Allow it in the API server, in the way the message says" },
        [ERROR_UNAUTHORIZED] = { "Unauthorized", "Give the operator valid credentials" },
        [ERROR_INVALID] = { "Invalid", "Change the spec: it is tried again when the object changes" },
        [ERROR_EXPIRED] = { "Expired", "Nothing to do: it is read again" },
        [ERROR_TOO_LARGE] = { "TooLarge", "Make what is named smaller" },
        [ERROR_PROTOCOL] = { "BadAnswer", "Look at the other side: it answered what nobody understands" },
        [ERROR_STOPPED] = { "Stopped", "Nothing to do: another operator goes on" },
        [ERROR_BUG] = { "Bug", "Report this to the makers of the operator" },
};

/* What the API server's own words tell more exactly. The first row that is found wins. */
static const struct {
        ErrorCode code;
        const char *words;
        const char *unblock;
} by_words[] = {
        { ERROR_FORBIDDEN, "NamespaceTerminating", "Nothing to do: the namespace is being deleted" },
        { ERROR_FORBIDDEN, "being terminated", "Nothing to do: the namespace is being deleted" },
        { ERROR_FORBIDDEN, "exceeded quota", "Raise the ResourceQuota that is named, or free some of it" },
        { ERROR_FORBIDDEN, "failed quota", "Give the ResourceQuota what it asks for, or take it away" },
        { ERROR_FORBIDDEN, "violates PodSecurity", "Allow these pods in the namespace's Pod Security level" },
        { ERROR_FORBIDDEN, "ValidatingAdmissionPolicy", "Change what the admission policy forbids, or the policy" },
        { ERROR_FORBIDDEN, "denied the request", "Change what the admission webhook forbids, or the webhook" },
        { ERROR_FORBIDDEN, "cannot ",
                "Grant this right to the operator's ServiceAccount; the roles of its installation hold it" },
        { ERROR_NOT_FOUND, "could not find the requested resource", "Install the CRD of the kind that is named" },
        { ERROR_NOT_FOUND, "namespaces \"", "Make the namespace" },
        { ERROR_THROTTLED, "again and again",
                "Stop who changes it; metadata.managedFields of the object names the manager" },
        { ERROR_INVALID, "field not declared in schema",
                "Install the CRDs of the same release as the operator, on a Kubernetes that knows the field" },
        { ERROR_INVALID, "strict decoding error",
                "Install the CRDs of the same release as the operator: they do not know a field of it" },
};

const char *status_unblock(const Error *failure) {
        for (size_t i = 0; i < ARRAY_LEN(by_words); i++)
                if (failure->code == by_words[i].code && strstr(failure->text, by_words[i].words))
                        return by_words[i].unblock;
        return by_code[failure->code].unblock;
}

const char *status_reason(const Error *failure) {
        return by_code[failure->code].reason;
}

bool status_is_momentary(const Error *failure) {
        if (failure->code == ERROR_CONFLICT)
                /* The server's 409: somebody wrote first. Our own conflicts are things waited for. */
                return failure->http_status != 0;
        return failure->code == ERROR_STOPPED || failure->code == ERROR_EXPIRED;
}
