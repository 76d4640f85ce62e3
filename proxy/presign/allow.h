// SPDX-License-Identifier: Apache-2.0
// Which URLs may be presigned: the rules of presign_allow. Pure.
#ifndef PRESIGN_ALLOW_H
#define PRESIGN_ALLOW_H

#include "presign/presign.h"

// is_near: the caller is on this machine (loopback, an admitted unix peer). Without rules only such
// callers get anything: GET, HEAD and PUT on hosts of S3.
bool presign_is_allowed(const struct presign_plan *p, const struct config_list *rules,
                        bool is_near);

#endif
