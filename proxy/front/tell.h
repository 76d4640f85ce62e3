// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_TELL_H
#define FRONT_TELL_H

#include "front/request.h"
#include "sign/sign.h"

// log_signing_process: what was signed, without what may be secret.
void tell_signing(const struct request *r, const struct sign_result *res);
// log_failed_requests: an upstream's answer of 400 and above, with the beginning of its body.
void tell_failure_head(struct request *r, const struct msg *m);
void tell_failure_body(struct request *r, struct span data);
void tell_failure_end(const struct request *r);

#endif
