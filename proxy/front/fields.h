// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_FIELDS_H
#define FRONT_FIELDS_H

#include "front/request.h"

// strip, duplicate_headers and custom_headers, on what will be signed and sent.
void fields_apply(struct request *r, struct hdrs *out);

#endif
