/* SPDX-License-Identifier: Apache-2.0 */
/* The controllers of the operator, in the order in which they start. */
#pragma once

#include "operator/runtime/controller.h"

/* NULL-terminated. */
extern const Controller *const controllers_all[];
