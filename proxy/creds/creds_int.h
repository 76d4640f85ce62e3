// SPDX-License-Identifier: Apache-2.0
// A provider is one file: it looks in one place and answers "here", "not configured: ask the next",
// or "configured, and this is what is wrong with it", which ends the walk: another identity must
// never be used silently.
#ifndef CREDS_CREDS_INT_H
#define CREDS_CREDS_INT_H

#include "base/rng.h"
#include "client/fetch.h"
#include "creds/creds.h"
#include "creds/profiles_int.h"
#include "net/child.h"

#define RETRY_BROKEN_MS    ((int64_t)60000) // configured wrongly; a changed file is noticed earlier
#define RETRY_NOTHING_MS   ((int64_t)30000) // nothing configured
#define RETRY_UNSETTLED_MS ((int64_t)100)   // a file is being written
#define RETRY_SOURCE_MS    ((int64_t)2000)  // the source failed and is tried again by itself
#define RETRY_SOON_MS      ((int64_t)0)     // as facts do: 1, 2, 4 .. 30 s
#define POLL_UNDATED_MS    ((int64_t)900000) // credentials without an expiry are asked for again

// snapshot.c. Spans are trimmed, judged and copied; texts of errors never show them.
struct creds_parts {
    struct span access_key, secret_key, session_token; // an empty token is none
    bool is_temporary;                                 // ... which is then an error
    struct span account_id;                            // empty: not known
    int64_t expires_at_ms;
    const char *provider;
    const char *source;
};
NODISCARD enum status creds_make(const struct creds_parts *p, struct creds **out, struct err *e);
void creds_free(void *creds); // wipes; NULL is fine
bool creds_same(const void *a, const void *b);

// With the instance's metadata service, kept from one fetch to the next.
struct imds_session {
    char token[1024];    // secret; empty: none
    char endpoint[256];  // whose
    int64_t until_ms;    // of the token, monotonic
    int64_t v1_until_ms; // there are no tokens here, until then
};

// What providers work with, one a chain.
struct creds_kit {
    struct loop *loop;
    struct facts_view *view; // control's own: addresses, and the sources of roles
    struct fetcher *fetcher;
    struct children *children;
    int64_t process_ms; // how long a credential_process may take
    struct rng rng;
    char session_name[48]; // of roles that name none; the same as long as the process lives
    struct imds_session imds;
};

// What one walk along the chain is about; lives as long as the walk.
struct walk;
struct creds_query {
    struct loop *loop;
    struct creds_kit *kit;
    char *const *envp;
    struct profile_choice choice;
    const struct profiles *profiles;
    const char *region;      // an option; NULL: none
    const char *last_region; // where nothing else names one; NULL: none
    const char *role_arn;    // of a role key, with role_source, its source's key; else NULL
    const char *role_source;
    bool is_source; // reached through source_profile: keys win over a role
    bool is_bare;   // the keys themselves are wanted, not an MFA session that was got with them
    struct walk *walk;
};

struct provider_answer {
    enum status status;  // ST_OK: creds; ST_DECLINED: not configured; else a failure that is final
    struct creds *creds; // owned
    bool is_odd;         // declined, but looks like a mistake
    bool is_fixed;       // asking again before they expire brings nothing new
    int64_t poll_in_ms;  // when to ask again where they don't expire; 0: when a file changes
    int64_t retry_in_ms; // of a failure
    struct err err;      // why it did not serve
    char *detail;        // owned; NULL, or more of it for the log and the terminal, not for clients
};
typedef void (*provider_done_fn)(void *arg, const struct provider_answer *a);

// What is under way; first member of each provider's own.
struct provider_op {
    const struct creds_query *q;
    struct deferred tell;
    struct provider_answer answer;
    provider_done_fn done;
    void *arg;
    void (*clear)(struct provider_op *op); // frees what stands behind it; NULL: nothing
};

struct provider {
    const char *name;
    bool is_environment; // left out where an option names the profile
    // Calls done once, never before it has returned and not after provider_cancel.
    struct provider_op *(*start)(const struct creds_query *q, provider_done_fn done, void *arg);
};
extern const struct provider provider_env, provider_web_identity, provider_profile,
    provider_container, provider_imds, provider_role;

// op.c
// Heap, zeroed, len octets of which the first are the provider_op.
void *provider_op_new(size_t len, const struct creds_query *q, provider_done_fn done, void *arg);
void provider_op_finish(struct provider_op *op, const struct provider_answer *a); // told behind
void provider_op_fail(struct provider_op *op, int64_t retry_in_ms, const struct err *why);
void provider_cancel(struct provider_op *op);
// For providers that know at once.
struct provider_op *provider_answer_later(const struct creds_query *q,
                                          const struct provider_answer *a, provider_done_fn done,
                                          void *arg);

void env_look(const struct creds_query *q, struct provider_answer *a);
void profile_look_keys(const struct creds_query *q, struct provider_answer *a);

// The kinds of credentials that a profile may ask for.
struct provider_op *assume_role_start(const struct creds_query *q, provider_done_fn done,
                                      void *arg);
struct provider_op *web_identity_start(const struct creds_query *q, provider_done_fn done,
                                       void *arg);
struct provider_op *sso_start(const struct creds_query *q, provider_done_fn done, void *arg);
struct provider_op *process_start(const struct creds_query *q, provider_done_fn done, void *arg);
struct provider_op *login_start(const struct creds_query *q, provider_done_fn done, void *arg);

// Looks whether a file has changed; the chain's timer does so every 2 s.
void creds_chain_poll(struct creds_chain *c);

#endif
