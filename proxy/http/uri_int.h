// SPDX-License-Identifier: Apache-2.0
// The checks of uri.h without a copy and with fixed texts, for the parser of heads.
#ifndef HTTP_URI_INT_H
#define HTTP_URI_INT_H

#include "base/span.h"

// NULL where it is fine, else static text.
const char *uri_why_bad_target(struct span method, struct span target);
const char *uri_why_bad_host(struct span host);

#endif
