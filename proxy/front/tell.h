// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_TELL_H
#define FRONT_TELL_H

#include "front/request.h"
#include "sign/sign.h"

// What was signed is kept for an explanation; log_signing_process shows it, without what may be
// secret.
void tell_signing(struct request *r, const struct sign_result *res);
// An upstream's answer of 400 and above, on its way to the client: log_failed_requests shows the
// beginning of its body, and refusals of a signature or a permission are explained.
void tell_failure_head(struct request *r, const struct msg *m);
void tell_failure_body(struct request *r, struct span data);
void tell_failure_end(struct request *r);

#endif
