// SPDX-License-Identifier: Apache-2.0
// Asked with each request's own snapshot of the configuration, so that a reload holds for
// connections that are there already. What the client sent so far is only its head.
#include "front/guard.h"

#include "front/intercept.h"
#include "front/reply.h"
#include "log/log.h"
#include "policy/clients.h"
#include "policy/proxy_auth.h"

static bool is_welcome(const struct request *r)
{
    const struct conn *c = r->conn;
    if (c->is_unix)
        return clients_have_peer(&r->config->listen_peers, c->uid, c->gid);
    return clients_have_address(&r->config->allow_clients,
                                (const struct sockaddr *)&stream_peer(c->stream)->ss);
}

// For [policy] and [identity] sections; the certificate is read only where there are some.
static void describe_client(struct request *r)
{
    const struct conn *c = r->conn;
    r->client = (struct plan_client){.uid = c->uid, .gid = c->gid, .token = r->user};
    if (!c->is_unix)
        r->client.address = (const struct sockaddr *)&stream_peer(c->stream)->ss;
    if (r->config->n_policies || r->config->n_identities)
        r->client.n_names = stream_peer_names(c->stream, &r->arena, &r->client.names);
}

bool guard_admits(struct request *r)
{
    const struct token_set *tokens = r->worker->setup.auth;
    const char *name = NULL;
    bool is_known = true;
    if (!is_welcome(r)) {
        log_warn(r->id, "client-denied: %s is not in %s", r->conn->peer,
                 r->conn->is_unix ? "listen_peers" : "allow_clients");
        r->must_close = true;
        reply_error(r, 403, "client-denied",
                    r->conn->is_unix ? "this user may not use the proxy; see listen_peers"
                                     : "this address may not use the proxy; see allow_clients");
        return false;
    }
    if (r->conn->inside) { // who it is was settled with the CONNECT
        is_known = intercept_user(r->conn, tokens, &name);
        r->must_close = r->must_close || !is_known; // another CONNECT may bring a better token
    } else if (tokens) {
        name = proxy_auth_find(tokens, &r->msg->hdrs);
        is_known = name != NULL;
    }
    if (name)
        r->user = arena_cstr(&r->arena, span_of(name)); // the set may go before the request
    if (!is_known) {
        log_warn(r->id, "auth-required: %s gave no token of proxy_auth_file", r->conn->peer);
        reply_error(r, 407, "auth-required",
                    "a token is needed in Proxy-Authorization: as Bearer, or as the password of "
                    "Basic (http_proxy=http://user:TOKEN@host:port)");
        return false;
    }
    describe_client(r);
    return true;
}

bool guard_is_near(const struct request *r)
{
    return r->conn->is_unix || net_addr_is_loopback(stream_peer(r->conn->stream));
}
