// SPDX-License-Identifier: Apache-2.0
// Sessions of S3 Express: kind FACTS_S3_SESSIONS, whose values are struct creds. CreateSession is
// asked on control's loop, with the credentials that the key names, and lends keys for one bucket
// and five minutes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
#ifndef CREDS_S3_SESSION_H
#define CREDS_S3_SESSION_H

#include "config/config.h"
#include "creds/creds.h"
#include "net/addr.h"

// Whose session, and how its endpoint is reached. Nothing of it is secret.
struct s3_session_ask {
    uint64_t generation; // of the credentials: with newer ones the session is another
    const char *creds_key;
    struct span region;
    struct span host; // Host field: the bucket's name, with the port where it is sent
    bool is_tls;
    struct span upstream; // dialled
    uint16_t port;
    bool loopback_ok; // as of a plan
    struct span via;  // "host:port" of the proxy in between; empty: none
    unsigned route;   // as of a plan: whose upstream_proxy that is
};
// The fact's key, in the arena.
const char *s3_session_key(const struct s3_session_ask *ask, struct arena *a);
// What it says of credentials; within key.
const char *s3_session_creds_key(const char *key);

// What upstreams are reached with; all borrowed, and of control's loop.
struct s3_sessions_env {
    const struct config *config; // the proxies' tokens
    struct tls_client *tls;
    const char *(*refusal)(bool loopback_ok, const struct net_addr *a); // NULL: may be dialled
};

struct s3_sessions;
// Registers the kind. Where S3 refuses (4xx) the fact is ST_DENIED for five minutes: then the
// credentials sign themselves; where it fails or does not answer, ST_IO for as long as facts do.
struct s3_sessions *s3_sessions_new(struct loop *control, struct facts *f,
                                    const struct s3_sessions_env *env);
// On control's loop, after a reload: sessions are asked for anew, the old ones serve until then.
void s3_sessions_set(struct s3_sessions *s, const struct s3_sessions_env *env);
void s3_sessions_free(struct s3_sessions *s); // NULL is fine; before the facts

#endif
