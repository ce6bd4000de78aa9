/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors. Law: what is not understood fits nothing. */
#include "operator/runtime/selector.h"

#include <string.h>

enum { TERM_MAXIMUM = 512 };

static bool term_fits(char *term, const Json *labels) {
        char *equals = strchr(term, '=');
        const char *value;
        bool negated = false;

        if (strchr(term, '('))
                return false;
        if (!equals) {
                negated = *term == '!';
                return (json_get(labels, term + (negated ? 1 : 0)) != NULL) != negated;
        }
        value = equals + 1;
        if (*value == '=')
                value++;
        if (equals > term && equals[-1] == '!') {
                negated = true;
                equals--;
        }
        *equals = '\0';
        /* "key!=value" fits objects without the key, too. */
        return text_equal(json_string(json_get(labels, term), NULL), value) != negated &&
               (negated || json_get(labels, term) != NULL);
}

bool selector_fits(const char *selector, const Json *labels) {
        while (selector && *selector) {
                size_t length = strcspn(selector, ",");
                char term[TERM_MAXIMUM];

                if (length >= sizeof(term))
                        return false;
                memcpy(term, selector, length);
                term[length] = '\0';
                if (!term_fits(term, labels))
                        return false;
                selector += length + (selector[length] == ',' ? 1 : 0);
        }
        return true;
}
