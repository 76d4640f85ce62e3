// SPDX-License-Identifier: Apache-2.0
// The local CA: made once, shown, and given to clients. It may sign for AWS's names and for what
// the configuration's routes name, so it is made with the configuration that the proxy will have.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "ca/ca.h"
#include "command/command.h"
#include "policy/hosts.h"

#define DOMAINS_MAX 4200 // routes, and AWS's suffixes

// What of a route's glob can be a name constraint: the labels behind its last star, without the
// port. NULL: nothing, or an address.
static char *domain_of(const char *glob)
{
    struct span name = span_of(glob);
    size_t star = span_rfind(name, '*');
    if (star < name.len) {
        struct span behind = span_sub(name, star + 1, name.len);
        bool is_label = span_starts(behind, SPAN(".")) && (!star || name.p[star - 1] == '.');
        name = span_sub(behind, span_find(behind, '.') + 1, behind.len);
        if (!is_label && span_find(name, '.') == name.len)
            name = SPAN(""); // my-*.com would be all of com
    }
    name = span_sub(name, 0, span_find(name, ':'));
    struct span last = span_sub(name, span_rfind(name, '.') + 1, name.len);
    uint64_t number = 0;
    if (span_rfind(name, '.') == name.len)
        last = name;
    bool is_name = name.len && name.p[0] != '[' && !span_u64(last, &number);
    return is_name ? xstrndup(name.p, name.len) : NULL;
}

static int init(const struct command_input *in, const char *dir)
{
    const char **v = xcalloc(DOMAINS_MAX, sizeof(*v));
    char **own = xcalloc(in->config->n_routes + (size_t)1, sizeof(*own));
    struct ca_domains domains = {.v = v, .n = hosts_domains(v, DOMAINS_MAX / 2)};
    struct err e = {""};
    unsigned n_own = 0;
    for (unsigned i = 0; i < in->config->n_routes && domains.n < DOMAINS_MAX; i++) {
        const char *glob = in->config->routes[i].glob;
        own[n_own] = domain_of(glob);
        if (own[n_own])
            v[domains.n++] = own[n_own++];
        else
            (void)fprintf(stderr,
                          "sigv4-proxy: ca: [route \"%s\"] names no domain that a CA could be "
                          "limited to, and is left out\n",
                          glob);
    }
    enum status st = ca_create(dir, &domains, clock_wall_ms(), &e);
    for (unsigned i = 0; i < n_own; i++)
        free(own[i]);
    free(own);
    free(v);
    if (st != ST_OK)
        return command_fail("ca", "%s", e.text);
    (void)printf("The local CA is in %s. Give clients %s/" CA_CERT_FILE ", for example:\n"
                 "  sigv4-proxy ca export > ca.pem\n"
                 "  https_proxy=http://127.0.0.1:8080 curl --cacert ca.pem https://...\n"
                 "and start the proxy with connect = intercept. " CA_KEY_FILE
                 " stays where it is: whoever has it can\n"
                 "pretend to be AWS to these clients.\n",
                 dir, dir);
    return 0;
}

static int show(const struct ca *ca, const char *dir)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "folder       %s\n", dir);
    ca_describe(ca, &text);
    (void)fputs(buf_cstr(&text), stdout);
    buf_clear(&text);
    return 0;
}

static int export_pem(const struct ca *ca)
{
    struct buf pem;
    buf_init(&pem);
    ca_pem(ca, &pem);
    (void)fputs(buf_cstr(&pem), stdout);
    buf_clear(&pem);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int run(const struct command_input *in, const char *what, const char *dir)
{
    struct ca *ca = NULL;
    struct err e = {""};
    if (!strcmp(what, "init"))
        return init(in, dir);
    if (ca_open(dir, clock_wall_ms(), &ca, &e) != ST_OK)
        return command_fail("ca", "%s", e.text);
    int rc = !strcmp(what, "show") ? show(ca, dir) : export_pem(ca);
    ca_release(ca);
    return rc;
}

int command_ca(const struct command_input *in)
{
    const char *what = in->n_words ? in->words[0] : "";
    if (strcmp(what, "init") != 0 && strcmp(what, "show") != 0 && strcmp(what, "export") != 0)
        return command_fail("ca", "sigv4-proxy ca init|show|export [--ca-dir DIR]");
    if (!*in->config->ca_dir)
        return command_fail("ca", "there is no home folder; say --ca-dir DIR");
    return run(in, what, in->config->ca_dir);
}
