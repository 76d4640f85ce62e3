// SPDX-License-Identifier: Apache-2.0
// A provider is one file: it looks in one place and answers "here", "not configured: ask the next",
// or "configured, and this is what is wrong with it", which ends the walk: another identity must
// never be used silently.
#ifndef CREDS_CREDS_INT_H
#define CREDS_CREDS_INT_H

#include "creds/creds.h"
#include "creds/profiles_int.h"

#define RETRY_BROKEN_MS    ((int64_t)60000) // configured wrongly; a changed file is noticed earlier
#define RETRY_NOTHING_MS   ((int64_t)30000) // nothing configured
#define RETRY_UNSETTLED_MS ((int64_t)100)   // a file is being written

// snapshot.c. Spans are trimmed, judged and copied; texts of errors never show them.
struct creds_parts {
    struct span access_key, secret_key, session_token; // an empty token is none
    int64_t expires_at_ms;
    const char *provider;
    const char *source;
};
NODISCARD enum status creds_make(const struct creds_parts *p, struct creds **out, struct err *e);
void creds_free(void *creds); // wipes; NULL is fine
bool creds_same(const void *a, const void *b);

// What one walk along the chain is about; lives as long as the walk.
struct creds_query {
    struct loop *loop;
    char *const *envp;
    struct profile_choice choice;
    const struct profiles *profiles;
};

struct provider_answer {
    enum status status;  // ST_OK: creds; ST_DECLINED: not configured; else a failure that is final
    struct creds *creds; // owned
    bool is_odd;         // declined, but looks like a mistake
    int64_t retry_in_ms; // of a failure
    struct err err;      // why it did not serve
};
typedef void (*provider_done_fn)(void *arg, const struct provider_answer *a);

struct provider {
    const char *name;
    bool is_environment; // left out where an option names the profile
    // Calls done once, never before it has returned and not after cancel.
    void *(*start)(const struct creds_query *q, provider_done_fn done, void *arg);
    void (*cancel)(void *op);
};
extern const struct provider provider_env, provider_web_identity, provider_profile,
    provider_container, provider_imds;

// For providers that know at once.
void *provider_answer_later(struct loop *l, const struct provider_answer *a, provider_done_fn done,
                            void *arg);
void provider_cancel_answer(void *op);

void env_look(const struct creds_query *q, struct provider_answer *a);
void profile_look(const struct creds_query *q, struct provider_answer *a);

// Looks whether a file has changed; the chain's timer does so every 2 s.
void creds_chain_poll(struct creds_chain *c);

#endif
