// SPDX-License-Identifier: Apache-2.0
// Requests that ask to go on in another protocol (RFC 9110 7.8). Only where the route says so, and
// only for a websocket: what comes behind the 101 is not looked into, so the request must be one
// that has no body and no second reading.
#include "policy/plan_int.h"

// Upgrade says nothing unless Connection names it, and nothing in HTTP/1.0.
static bool asks(const struct plan_ctx *c)
{
    const struct hdrs *h = &c->msg->hdrs;
    return c->msg->minor == 1 && hdrs_find(h, SPAN("Upgrade")) &&
           hdrs_has_token(h, SPAN("Connection"), SPAN("upgrade"));
}

bool upgrade_choose(struct plan_ctx *c)
{
    const struct msg *m = c->msg;
    if (!c->route || !c->route->upgrade || c->in->is_presign || !asks(c))
        return true;
    struct span to = hdrs_get(&m->hdrs, SPAN("Upgrade"));
    bool is_one = hdrs_count(&m->hdrs, SPAN("Upgrade")) == 1;
    if (is_one && span_iis(to, "h2c")) // an offer of Java's HttpClient, which does without
        return true;
    if (!is_one || !span_iis(to, "websocket"))
        return plan_deny(c, 501, "not-implemented",
                         "the request asks for an upgrade to something else than websocket alone; "
                         "ask without Upgrade");
    if (!span_is(m->method, "GET"))
        return plan_deny(c, 400, "bad-request", "only GET can ask for a websocket");
    if (m->framing == MSG_CHUNKED || m->length)
        return plan_deny(c, 400, "bad-request", "a request for a websocket has no body");
    c->out->upgrades = true;
    return true;
}

// AWS IoT documents its websockets with the signature in the URL and no other form.
bool upgrade_wants_query(const struct plan_ctx *c)
{
    return c->out->upgrades && span_is(c->out->service, "iotdevicegateway");
}
