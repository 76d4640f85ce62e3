// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ACCESS_LOG_H
#define FRONT_ACCESS_LOG_H

#include "front/request.h"

// Writes the line and counts the request.
void access_log(const struct request *r);

#endif
