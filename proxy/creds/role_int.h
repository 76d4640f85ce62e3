// SPDX-License-Identifier: Apache-2.0
// What is said of a role that is to be assumed.
#ifndef CREDS_ROLE_INT_H
#define CREDS_ROLE_INT_H

#include "base/err.h"
#include "base/status.h"

struct role {
    const char *arn;
    const char *session_name;
    const char *external_id; // NULL: none
    const char *duration;    // seconds; NULL: STS's default, or ours
    const char *source_key;  // key of the fact it is assumed with
    const char *source_name; // the same for people
    const char *mfa_serial;  // NULL: none; else the source's MFA session signs
    const char *mfa_profile; // whose session will do as well; NULL: only the role's own profile's
};
// Whether STS may take it: lengths, characters, numbers.
NODISCARD enum status role_check(const struct role *r, struct err *e);

#endif
