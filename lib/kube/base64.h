/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with the standard alphabet and padding (RFC 4648, section 4), as Kubernetes writes it. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/text.h"

/* Appends what `encoded` stands for; line breaks in it are skipped. False with INVALID, and some bytes appended, for
 * anything that is not base64. */
bool base64_decode(const char *encoded, Text *bytes, Error *err) MUST_USE;
void base64_encode(const void *bytes, size_t size, Text *encoded);
