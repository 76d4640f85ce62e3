// SPDX-License-Identifier: Apache-2.0
// How the files of this room share one request: plan.c runs the steps in order, each either goes on
// or answers by plan_deny().
#ifndef POLICY_PLAN_INT_H
#define POLICY_PLAN_INT_H

#include <stdbool.h>

#include "policy/hosts.h"
#include "policy/plan.h"

// Who lets this host in.
enum plan_admitted {
    ADMITTED_NOT = 0,
    ADMITTED_ROUTE,
    ADMITTED_BUILT_IN,
    ADMITTED_UNSIGNED, // unsigned_hosts
    ADMITTED_ALIAS,    // with --host: a name that only means "you there"
    ADMITTED_NAME,     // AWS's, of a service that only --name tells, or what comes inside a tunnel
    ADMITTED_TOKEN,    // AWS's, takes the Bearer token that the client sends
};

struct plan_ctx {
    const struct plan_input *in;
    const struct msg *msg;
    const struct config *config;
    struct arena *a;
    struct plan *out;
    struct uri uri;
    struct uri_authority asked; // whom the client named: absolute target, Host, or CONNECT's target
    bool asked_https;           // ... by an https:// target
    const struct config_route *route;
    struct hosts_answer host; // what the name that was asked for says by itself
    enum plan_admitted admitted;
    bool has_upstream;          // a route's upstream or --host stands in for what was asked
    struct uri_authority named; // ... that one
    bool named_https;
    bool intercepts; // a CONNECT that is not tunnelled
    bool is_passed;  // goes through untouched: signed by somebody else
    bool keeps_auth; // a token of the client's own goes through untouched
};

// Answers and returns false, for `return plan_deny(...)`. The text is one line and holds nothing
// from the query or a field's value.
bool plan_deny(struct plan_ctx *c, int status, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

// admit.c: who may ask for what.
bool admit_marks(struct plan_ctx *c);   // browsers, loops
bool admit_host(struct plan_ctx *c);    // the host is named by a rule
bool admit_address(struct plan_ctx *c); // literals: asked for, and upstream
bool admit_connect(struct plan_ctx *c);

// route.c: which rule, and where to.
bool route_find(struct plan_ctx *c);
void route_upstream(struct plan_ctx *c);
bool route_host_field(struct plan_ctx *c);
void route_path_style(struct plan_ctx *c); // dotted buckets
bool route_is_loopback(const struct uri_authority *h);
// "host" or "host:port" as a glob would match it.
struct span route_name(const struct plan_ctx *c);

// upstream_proxy.c: through which proxy the upstream is reached.
bool upstream_proxy_find(struct plan_ctx *c);

// redirect.c: buckets that are in another region than the host says.
void redirect_host(struct plan_ctx *c);
void redirect_find_bucket(struct plan_ctx *c);

// scope.c: service and region.
// Where the host is AWS's own and its name leaves a choice of services, the client's signature may
// choose; it never adds one.
void scope_settle(struct plan_ctx *c);
bool scope_find(struct plan_ctx *c);
bool scope_is_s3_family(struct span service);

// s3_session.c: S3 Express. Whether a session of the bucket's signs; host and scope are known.
bool s3_session_is_wanted(const struct plan_ctx *c);

// grant.c: what a client's own credentials mean.
bool grant_find(struct plan_ctx *c); // signatures, in the URL or a field
bool grant_read_token(struct plan_ctx *c);
// Names are compared decoded, without regard to case.
bool grant_has_parameter(struct span query, const char *name);
struct span grant_credential(const struct plan_ctx *c); // of a presigned URL; raw

// operations.c: what is known of single operations, by service and path of the plan.
bool operation_takes_unsigned(const struct plan *p, struct span method); // body is not signed
bool operation_is_duplex(const struct plan *p, struct span method);      // needs HTTP/2

// policies.c: who may do that. Once everything else of the plan is known.
bool policies_allow(struct plan_ctx *c);

// upgrade.c: websockets.
bool upgrade_choose(struct plan_ctx *c);
bool upgrade_wants_query(const struct plan_ctx *c); // where the route does not say how to sign

// payload.c: how the body is signed.
bool payload_choose(struct plan_ctx *c);

#endif
