/* SPDX-License-Identifier: Apache-2.0 */
/* Small files read whole: kubeconfig, token, PEM. Private to lib/kube. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/text.h"

/* Appends the file's content, at most text->maximum bytes in all. Errors: NOT_FOUND when it is not there or cannot be
 * read, TOO_LARGE. */
bool read_file(const char *file, Text *text, Error *err) MUST_USE;
