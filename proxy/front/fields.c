// SPDX-License-Identifier: Apache-2.0
// What the configuration does to the fields of a request that is signed. Copies are taken of what
// the client sent, so that a field can be stripped and still reach the upstream under another name.
#include "front/fields.h"

static void copy_under_other_name(struct request *r, struct span name, struct hdrs *out)
{
    const struct hdrs *sent = &r->msg->hdrs;
    struct hdrs end_to_end;
    hdrs_copy_end_to_end(sent, &r->arena, 0, &end_to_end);
    struct span other = arena_spanf(&r->arena, "X-Original-%.*s", SPAN_ARG(name));
    (void)hdrs_remove(out, other); // the client must not pretend to be us
    for (unsigned i = 0; i < end_to_end.n; i++)
        if (span_ieq(end_to_end.v[i].name, name))
            hdrs_add(out, &r->arena, other, end_to_end.v[i].value);
}

void fields_apply(struct request *r, struct hdrs *out)
{
    const struct config *c = r->config;
    for (unsigned i = 0; i < c->strip.n; i++)
        if (!span_iis(SPAN("host"), c->strip.v[i]))
            (void)hdrs_remove(out, span_of(c->strip.v[i]));
    for (unsigned i = 0; i < c->duplicate_headers.n; i++)
        copy_under_other_name(r, span_of(c->duplicate_headers.v[i]), out);
    for (unsigned i = 0; i < c->custom_headers.n; i++) {
        struct span item = span_of(c->custom_headers.v[i]);
        size_t eq = span_find(item, '=');
        hdrs_set(out, &r->arena, span_sub(item, 0, eq), span_sub(item, eq + 1, item.len));
    }
}
