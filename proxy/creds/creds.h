// SPDX-License-Identifier: Apache-2.0
// The standard AWS credential chain as a user of facts: kind FACTS_CREDENTIALS. Keys:
//   ""                        the chain as it stands
//   "profile=NAME"            the chain with that profile selected
//   "role=ARN"                that role, assumed with ""
//   "role=ARN profile=NAME"   that role, assumed with "profile=NAME"
// and, for sources of roles only, "source=NAME" and "provider=NAME"; for MFA sessions "keys=NAME",
// which is the source without such a session.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#ifndef CREDS_CREDS_H
#define CREDS_CREDS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"
#include "facts/facts.h"
#include "net/child.h"
#include "net/loop.h"
#include "net/tls.h"

// One triple, immutable; the value of a FACTS_CREDENTIALS fact. Secret: wiped when freed.
struct creds {
    char *access_key;
    char *secret_key;
    char *session_token;   // NULL: none
    int64_t expires_at_ms; // wall clock; INT64_MAX: never
    bool outlives_expiry;  // still worth signing with when nothing newer can be had
    char *account_id;      // NULL: not known
    char *provider;        // "environment", "credentials file [legacy]"
    char *source;          // what a person reads: provider and where
};
// May be signed with at this moment.
bool creds_is_usable(const struct creds *c, int64_t wall_ms);

// What one provider of a walk along the chain said: ST_OK, ST_DECLINED (not configured) or why it
// failed, which ends the walk.
typedef void (*creds_tell_fn)(void *arg, const char *provider, enum status st, const char *text);

// What the chain reads instead of getenv and fixed paths, copied at start.
struct creds_env {
    char *const *envp;       // the process environment, borrowed
    const char *profile;     // --profile / `profile`; NULL: none said
    const char *region;      // --region / `region`; NULL: none said
    const char *last_region; // for endpoints, where nothing names one; NULL: none
    bool ask_instance;       // creds_region: `imds_region`
    struct tls_client *tls;  // of the loop, verifying, borrowed; NULL: https endpoints are refused
    struct spawner *spawner; // runs commands, borrowed; NULL: none can be run
    creds_tell_fn tell;      // NULL, or told of each step of a walk
    void *tell_arg;
};

// The chain's providers in their order, for telling which were not asked; NULL behind the last.
const char *creds_provider_name(unsigned i);

// The region where nothing names one, as in the SDKs.
#define CREDS_LAST_REGION "us-east-1"
// What creds_region says of where it found none, and of the instance's.
#define CREDS_REGION_NONE     "nothing names one"
#define CREDS_REGION_INSTANCE "instance metadata"

struct creds_chain;
// On control's loop. Registers the kind with facts.
struct creds_chain *creds_chain_new(struct loop *control, struct facts *f,
                                    const struct creds_env *env);
// On control's loop, after a reload: walks that begin from now on go by profile, region and tls of
// env (the rest of it stays as it was).
void creds_chain_set(struct creds_chain *c, const struct creds_env *env);
void creds_chain_free(struct creds_chain *c);
// Region of the environment or the selected profile (AWS_REGION, AWS_DEFAULT_REGION, profile), else
// of the instance where env asks for that (blocks for a second at most), else CREDS_LAST_REGION:
// never empty. source says where from. Heap strings.
void creds_region(const struct creds_env *env, char **region, char **source);

// Settings of the selected profile that are not about credentials, as creds_region. Fills in value
// and where, heap strings; both NULL where the profile does not say.
struct creds_setting {
    const char *key; // lower case
    char *value;
    char *where; // "profile x in /home/u/.aws/config: max_attempts"
};
void creds_profile_settings(const struct creds_env *env, struct creds_setting *v, unsigned n);

const char *creds_xml_version(void); // "expat_2.5.0"
const char *creds_json_version(void);

// The user's home folder: HOME, or what the record of users says; "" where there is none. Heap.
char *creds_home(char *const *envp);

#endif
