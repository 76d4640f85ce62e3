// SPDX-License-Identifier: Apache-2.0
#include "command/once.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "client/dial.h"
#include "log/log.h"
#include "net/resolve.h"
#include "net/tls.h"

#define PATIENCE_MS 120000 // the providers' own deadlines come first

struct once {
    struct loop *loop;
    struct facts *facts;
    struct resolver *resolver;
    struct addresses *addresses;
    struct tls_trust *trust;
    struct tls_client *tls;
    struct creds_chain *chain;
    struct facts_view *view;
    struct fact *answer;
};

char *once_region(const struct command_input *in, char **source)
{
    struct creds_env env = {
        .envp = in->envp, .profile = in->config->profile, .ask_instance = in->config->imds_region};
    char *region = NULL;
    char *from = NULL;
    creds_region(&env, &region, &from);
    if (source)
        *source = from;
    else
        free(from);
    return region;
}

static enum status open_all(struct once *o, const struct command_input *in, creds_tell_fn tell,
                            void *arg, struct err *e)
{
    const struct config *c = in->config;
    struct creds_env env = {.envp = in->envp,
                            .profile = c->profile,
                            .region = c->region,
                            .spawner = in->spawner,
                            .tell = tell,
                            .tell_arg = arg};
    struct resolver_options dns = {.nameserver = c->nameserver};
    struct rng rng;
    rng_seed_kernel(&rng);
    o->loop = loop_new("command", e);
    if (!o->loop)
        return ST_IO;
    o->facts = facts_new(o->loop, rng_u64(&rng));
    o->resolver = resolver_new(o->loop, &dns, e);
    if (!o->resolver)
        return ST_IO;
    o->addresses = addresses_new(o->facts, o->resolver);
    enum status st = tls_trust_load(c->ca_bundle, &o->trust, e);
    if (st != ST_OK)
        return st;
    o->tls = tls_client_new(o->trust, true, e);
    if (!o->tls)
        return ST_IO;
    env.tls = o->tls;
    char *source = NULL;
    char *region = c->imds_region ? once_region(in, &source) : NULL;
    if (region && !strcmp(source, CREDS_REGION_INSTANCE))
        env.last_region = region;
    o->chain = creds_chain_new(o->loop, o->facts, &env);
    free(region);
    free(source);
    o->view = facts_view_new(o->facts, o->loop);
    return ST_OK;
}

struct once *once_open(const struct command_input *in, creds_tell_fn tell, void *arg, struct err *e)
{
    struct once *o = xcalloc(1, sizeof(*o));
    log_set_level(in->config->log_level > LOG_INFO ? LOG_DEBUG : LOG_ERROR);
    if (open_all(o, in, tell, arg, e) == ST_OK)
        return o;
    once_close(o);
    return NULL;
}

static void on_fact(void *arg, struct fact *f)
{
    struct once *o = arg;
    o->answer = f;
    loop_stop(o->loop);
}

struct fact *once_credentials(struct once *o, const char *key)
{
    o->answer = NULL;
    (void)facts_view_get(o->view, FACTS_CREDENTIALS, key, PATIENCE_MS, on_fact, o);
    while (!o->answer)
        loop_run(o->loop);
    return o->answer;
}

struct creds_chain *once_chain(struct once *o)
{
    return o->chain;
}

void once_run(struct once *o)
{
    loop_run(o->loop);
}

void once_wake(struct once *o)
{
    loop_stop(o->loop);
}

void once_close(struct once *o)
{
    if (!o)
        return;
    if (o->view)
        facts_view_free(o->view);
    if (o->chain)
        creds_chain_free(o->chain);
    if (o->facts)
        facts_free(o->facts);
    addresses_free(o->addresses);
    if (o->resolver)
        resolver_free(o->resolver);
    tls_client_free(o->tls);
    tls_trust_release(o->trust);
    if (o->loop)
        loop_free(o->loop);
    free(o);
}
