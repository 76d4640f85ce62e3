// SPDX-License-Identifier: Apache-2.0
// The standard AWS credential chain as a user of facts: kind FACTS_CREDENTIALS, key "" for the
// chain as it stands or "profile=NAME".
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#ifndef CREDS_CREDS_H
#define CREDS_CREDS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"
#include "facts/facts.h"
#include "net/loop.h"

// One triple, immutable; the value of a FACTS_CREDENTIALS fact. Secret: wiped when freed.
struct creds {
    char *access_key;
    char *secret_key;
    char *session_token;   // NULL: none
    int64_t expires_at_ms; // wall clock; INT64_MAX: never
    char *provider;        // "environment", "credentials file [legacy]"
    char *source;          // what a person reads: provider and where
};

// What the chain reads instead of getenv and fixed paths, copied at start.
struct creds_env {
    char *const *envp;   // the process environment, borrowed
    const char *profile; // --profile / `profile`; NULL: none said
};

struct creds_chain;
// On control's loop. Registers the kind with facts.
struct creds_chain *creds_chain_new(struct loop *control, struct facts *f,
                                    const struct creds_env *env);
void creds_chain_free(struct creds_chain *c);
// Region of the environment or the selected profile (spec: AWS_REGION, AWS_DEFAULT_REGION,
// profile), synchronous, at start and on reload; an empty string where nothing names one. source
// says where from. Heap strings.
NODISCARD enum status creds_region(const struct creds_env *env, char **region, char **source);

#endif
