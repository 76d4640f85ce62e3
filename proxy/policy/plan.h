// SPDX-License-Identifier: Apache-2.0
// Request head in, plan out: may it be forwarded, where to, signed how, and what of the body is
// needed first. Made once a request, immutable; `explain` prints the same plan. Pure.
#ifndef POLICY_PLAN_H
#define POLICY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "config/config.h"
#include "http/msg.h"
#include "http/uri.h"
#include "policy/clients.h"

enum plan_kind {
    PLAN_DENY = 0, // answer status/code/message
    PLAN_FORWARD,
    PLAN_TUNNEL,    // CONNECT
    PLAN_INTERCEPT, // CONNECT: answered here, in the upstream's name; what comes is planned anew
    PLAN_ANSWER,    // answered here without an upstream: OPTIONS * with Max-Forwards 0 (status, no
                    // body)
};

enum plan_body {
    PLAN_BODY_NONE = 0, // no body comes
    PLAN_BODY_STREAM,   // goes on while it comes (length known, or chunked is fine upstream)
    PLAN_BODY_LENGTH,   // held until its length is known (S3 refuses chunked)
    PLAN_BODY_HASH,     // held until it is hashed
};

enum plan_sign {
    PLAN_SIGN_HEADER = 0,
    PLAN_SIGN_QUERY,
    PLAN_SIGN_REDIRECT, // answered with a presigned URL; nothing is sent to the upstream
};

enum plan_payload {
    PLAN_PAYLOAD_HASH = 0,
    PLAN_PAYLOAD_UNSIGNED,
    PLAN_PAYLOAD_CLIENT,  // the client's hash, which the server checks
    PLAN_PAYLOAD_CHUNKED, // STREAMING-AWS4-HMAC-SHA256-PAYLOAD, with -TRAILER where one streams on
    PLAN_PAYLOAD_TRAILER, // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};

#define PLAN_ACTIONS_MAX 10
#define PLAN_ACTION_TEXT 400 // of all of them, as action_text writes them

// What of AWS's the request asks for, where that can be told: all of needs.
struct plan_action {
    struct span service;                 // as it is signed; empty: none
    struct span needs[PLAN_ACTIONS_MAX]; // "GetObject"; "A|B": two names of one
    unsigned n;                          // 0: can't be told
    bool is_over;                        // there are more
    bool is_in_body;                     // ... before the form in the body is read
};

// A body that may be a form with Action=.
enum plan_form_state {
    PLAN_FORM_AHEAD = 0, // it has not been read
    PLAN_FORM_HERE,      // all of it
    PLAN_FORM_LOST,      // too long, or unreadable
};
struct plan_form {
    enum plan_form_state state;
    struct span text; // with PLAN_FORM_HERE
};

struct plan {
    enum plan_kind kind;
    // PLAN_DENY, PLAN_ANSWER
    int status;
    const char *code;    // "host-denied", ...
    const char *message; // one line: what happened, what to do; never echoes query or secrets
    // where to
    struct uri_authority upstream; // dialled; port filled in; also SNI and verified name
    // Where has_via is set it is reached through an HTTP proxy, by CONNECT:
    struct uri_authority via; // that one, with its port
    struct span via_userinfo; // secret; borrowed from the configuration; empty: none
    bool has_via;
    bool is_tls;
    bool loopback_ok;   // a route's upstream or --host names a loopback literal or localhost
    bool link_local_ok; // vpc-lattice-svcs: 169.254.171.0/24 and fd00:ec2:80::/64
    // what is sent
    struct span host; // Host field
    struct span path; // raw, as received (sign_target_make rewrites it where it is signed)
    struct span query;
    struct span raw_target; // origin-form of what came, for unsigned pass-through
    // signing
    bool is_signed;
    bool signs_all; // all fields but those that hops change
    bool is_sigv4a;
    bool is_s3_family;
    enum plan_sign sign;
    enum plan_payload payload;
    int64_t expires_s; // of a signature in the query
    struct span service;
    struct span region;        // SigV4A: the region set
    struct span client_hash;   // with PLAN_PAYLOAD_CLIENT: the client's 64 hex digits
    struct span expected_hash; // a client's x-amz-content-sha256 that the hashed body must match;
                               // empty: none
    bool send_payload_header;
    bool strips_presign; // the client's presign parameters go before the query is signed
    // The client's body is aws-chunked: it is decoded and checked before anything else is done with
    // it. A body that streams keeps its trailer; to one that was held the trailer becomes fields.
    bool is_framed;
    struct span framing; // its STREAMING-...
    struct span trailer; // x-amz-trailer's names: checksums, each once
    bool has_data_len;
    uint64_t data_len; // of the body without framing
    enum plan_body body;
    // [policy] sections wait for the form in the body: a plan is made anew with plan_input.form,
    // and its verdict counts.
    bool wants_form;
    bool is_object;         // of S3, says the path
    bool is_bucket_created; // S3's CreateBucket: the body says where
    bool upgrades;          // asks for a websocket, and may: a 101 is relayed
    const char *creds_key;  // of the fact, as plan_creds_key says, or of the identity
    // S3 Express: signed with a session of the bucket at host, which those credentials get, where
    // there is one to be had.
    bool wants_session;
    const char *identity; // name of the [identity] section that the client has; NULL: none
    struct plan_action action;
    // S3's bucket where the host belongs to a region of S3; empty: none. Its requests may have to
    // go to another region: then a plan is made anew with plan_input.bucket_region.
    struct span bucket;
    // deadlines, ms
    int64_t connect_timeout, tls_timeout, first_byte_timeout, idle_timeout, total_timeout;
    struct config_retry retry; // RETRY_MODE_OFF where nothing of AWS answers; list borrowed
    // The route's rate_limit; interval 0: none. All routes with that name take turns together.
    struct config_rate rate;
    struct span rate_name;
    uint64_t rate_queue;
    int64_t rate_wait;
    unsigned route; // number of the route in the configuration from 1; 0: none
    // which rule made it, for explain and debug lines
    const char *rule_host, *rule_scope, *rule_policy;
};

struct plan_input {
    const struct msg *msg;
    const struct config *config;
    const struct plan_client *client; // for [policy] sections; NULL: nobody that they name
    struct span default_region; // region resolution of the credentials spec (never empty: us-east-1
                                // at last)
    struct span own_pseudonym;  // Via name of this process, for loop detection; empty: off
    struct span bucket_region;  // learned for the bucket; empty: nothing is known
    // A URL is to be presigned for somebody else: the signature goes into the query whatever the
    // route says, an older one goes, and service and region may be named (empty: not).
    bool is_presign;
    bool is_inside_tls; // came through an intercepted tunnel with TLS in it
    struct span service, region;
    struct plan_form form;
};
// Whose credentials sign: "", "profile=NAME", "role=ARN" or "role=ARN profile=NAME"; of identities
// "only-profile=NAME" too, which is the profile and nothing else of the chain. route NULL:
// where no route says. Clients that an [identity] section names have theirs instead.
const char *plan_creds_key(const struct config *config, const struct config_route *route,
                           struct arena *a);
// Whether any request's credentials have that key or rest on it; also true of keys that
// plan_creds_key does not make.
bool plan_uses_creds(const struct config *config, const char *key, struct arena *a);
// Marks of a browser's page, which may not use the proxy.
bool plan_is_from_page(const struct hdrs *h);
// All memory from the arena; spans may point into msg.
void plan_make(const struct plan_input *in, struct arena *a, struct plan *out);

#endif
