// SPDX-License-Identifier: Apache-2.0
// What commands ask besides credentials: who they are, an MFA session, the instance. On the chain's
// loop; done comes once, never before the call has returned.
#ifndef CREDS_ASK_H
#define CREDS_ASK_H

#include "creds/creds.h"

struct creds_asked {
    enum status status; // ST_OK; ST_DENIED: refused; ST_IO: no answer, or none that can be used
    struct err err;
    // STS GetCallerIdentity
    const char *account, *arn, *user_id;
    const char *endpoint; // that was asked, also where it failed
    // creds_mfa_login
    const char *path; // of the session
    int64_t expires_at_ms;
    // creds_ask_instance; NULL: not told
    const char *instance_id, *zone, *instance_region, *role;
};
// What a points to lives until it returns.
typedef void (*creds_asked_fn)(void *arg, const struct creds_asked *a);

// signer lives until done.
void creds_ask_identity(struct creds_chain *c, const struct creds *signer, creds_asked_fn done,
                        void *arg);

// Of the instance metadata service: some seconds where nobody answers.
void creds_ask_instance(struct creds_chain *c, creds_asked_fn done, void *arg);

// How an MFA session is got for a profile.
struct creds_mfa {
    const char *profile;
    const char *serial;
    const char *key; // of the fact with the keys to get it with
    bool is_shaded;  // the environment's keys come first, so nobody will use the session
};
// All in the arena. serial: an option; NULL: the profile's mfa_serial.
NODISCARD enum status creds_mfa_plan(const struct creds_env *env, const char *serial,
                                     struct arena *a, struct creds_mfa *out, struct err *e);
bool creds_is_mfa_code(const char *code); // six digits
#define CREDS_MFA_LEAST_S ((int64_t)900)
#define CREDS_MFA_MOST_S  ((int64_t)129600)
// Asks STS for the session and keeps it. m, keys and code live until done.
struct creds_mfa_ask {
    const struct creds_mfa *m;
    const struct creds *keys;
    const char *code;
    int64_t duration_s; // 0: as long as STS does by itself
};
void creds_mfa_login(struct creds_chain *c, const struct creds_mfa_ask *ask, creds_asked_fn done,
                     void *arg);

#endif
