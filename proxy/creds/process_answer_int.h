// SPDX-License-Identifier: Apache-2.0
// What a credential_process prints. Pure.
#ifndef CREDS_PROCESS_ANSWER_INT_H
#define CREDS_PROCESS_ANSWER_INT_H

#include "creds/creds_int.h"

NODISCARD enum status process_answer_creds(struct span text, const char *source, struct creds **out,
                                           struct err *e);

#endif
