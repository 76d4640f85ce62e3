// SPDX-License-Identifier: Apache-2.0
// evdns answers each question exactly once, also a cancelled one, from libevent's own queue; so a
// question's memory is evdns's until then. An evdns_base is freed only outside of that queue, after
// a poll: an answer to one of its own probes that was still queued would use freed memory.
#include "net/dns_int.h"

#include <event2/dns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/hosts_file_int.h"
#include "net/loop_int.h"
#include "net/resolve.h"

// Where resolv.conf says nothing, all servers being dead is known after this time, and each is
// tried twice or more.
#define PATIENCE_MS 4500
#define MIN_TRIES   3
#define DNS_PORT    53
#define CONF_MAX    65536

struct dns_ask {
    struct dns *dns;
    struct evdns_request *request;
    dns_fn fn; // NULL once cancelled
    void *arg;
};

struct dns {
    struct loop *loop;
    struct evdns_base *base;
    struct deferred end;
    unsigned n_asks; // not answered yet
    bool is_retired;
};

static void free_now(void *arg)
{
    struct dns *d = arg;
    evdns_base_free(d->base, 0);
    free(d);
}

static void end_if_idle(struct dns *d)
{
    if (d->is_retired && !d->n_asks)
        loop_defer_next(d->loop, &d->end);
}

static bool add_servers(struct evdns_base *base, const char *list, struct err *e)
{
    struct span rest = span_of(list);
    struct span item;
    while (span_next(&rest, ',', &item)) {
        struct net_addr a;
        item = span_trim(item);
        size_t colon = span_rfind(item, ':');
        uint64_t port = DNS_PORT;
        // One colon, or one behind a bracket, begins a port; others belong to an IPv6 address.
        bool has_port = colon < item.len &&
                        (span_find(item, ':') == colon || (colon > 0 && item.p[colon - 1] == ']'));
        struct span host = has_port ? span_sub(item, 0, colon) : item;
        if ((has_port && (!span_u64(span_sub(item, colon + 1, item.len), &port) || !port ||
                          port > UINT16_MAX)) ||
            net_addr_parse(host, (uint16_t)port, &a) != ST_OK) {
            (void)err_set(e, ST_INVALID, "name server '%.*s': not an address", SPAN_ARG(item));
            return false;
        }
        if (evdns_base_nameserver_sockaddr_add(base, (struct sockaddr *)&a.ss, a.len, 0) != 0) {
            (void)err_set(e, ST_IO, "name server '%.*s': no socket", SPAN_ARG(item));
            return false;
        }
    }
    return true;
}

static void log_message(int is_warning, const char *text)
{
    if (is_warning)
        log_debug("dns", "%s", text);
}

struct timing {
    double timeout_s; // 0: not said
    int attempts;     // of each server, 0: not said
};

static void read_option(struct span word, struct timing *t)
{
    char text[16];
    size_t colon = span_find(word, ':');
    struct span name = span_sub(word, 0, colon);
    struct span value = span_sub(word, colon + 1, sizeof(text) - 1);
    if (!value.len)
        return;
    memcpy(text, value.p, value.len);
    text[value.len] = '\0';
    double n = strtod(text, NULL); // fractions of a second are ours
    if (span_is(name, "timeout") && n > 0)
        t->timeout_s = n < 30 ? n : 30; // glibc's bounds
    else if (span_is(name, "attempts") && n >= 1)
        t->attempts = n < 5 ? (int)n : 5;
}

static struct timing read_timing(const char *resolv_conf_path)
{
    const struct watched_file file = {.path = resolv_conf_path};
    struct timing t = {.attempts = 0};
    struct buf text;
    struct span line;
    struct span word;
    buf_init(&text);
    watched_file_read(&file, CONF_MAX, &text);
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] == '\t')
            text.p[i] = ' ';
    struct span rest = buf_span(&text);
    while (span_next(&rest, '\n', &line)) {
        if (!span_next(&line, ' ', &word) || !span_is(word, "options"))
            continue;
        while (span_next(&line, ' ', &word))
            read_option(word, &t);
    }
    buf_clear(&text);
    return t;
}

// evdns counts tries of all servers together, going round; resolv.conf counts rounds.
static void set_timing(struct evdns_base *base, const char *resolv_conf_path)
{
    char text[32];
    struct timing t = read_timing(resolv_conf_path);
    int n = evdns_base_count_nameservers(base);
    // evdns asks a server that failed for a name of its own choice to see whether it is back. Any
    // answer shows that as well, and where all have failed all are asked: so hardly ever.
    (void)evdns_base_set_option(base, "initial-probe-timeout:", "3600");
    int tries = (t.attempts ? t.attempts : 2) * n;
    if (!t.attempts && tries < MIN_TRIES)
        tries = MIN_TRIES;
    if (t.timeout_s <= 0)
        t.timeout_s = PATIENCE_MS / 1000.0 / (tries ? tries : 1);
    (void)snprintf(text, sizeof(text), "%d", tries);
    (void)evdns_base_set_option(base, "attempts:", text);
    (void)snprintf(text, sizeof(text), "%.3f", t.timeout_s);
    (void)evdns_base_set_option(base, "timeout:", text);
}

struct dns *dns_new(struct loop *l, const char *resolv_conf_path, const char *nameserver,
                    struct err *e)
{
    int what = DNS_OPTION_SEARCH;
    evdns_set_log_fn(log_message);
    struct evdns_base *base = evdns_base_new(l->base, 0);
    if (!base) {
        (void)err_set(e, ST_IO, "DNS: no memory or no random numbers");
        return NULL;
    }
    if (nameserver && !add_servers(base, nameserver, e)) {
        evdns_base_free(base, 0);
        return NULL;
    }
    if (!nameserver)
        what |= DNS_OPTION_NAMESERVERS;
    // A missing or empty file means 127.0.0.1, as for the C library.
    (void)evdns_base_resolv_conf_parse(base, what, resolv_conf_path);
    set_timing(base, resolv_conf_path);
    struct dns *d = xcalloc(1, sizeof(*d));
    d->loop = l;
    d->base = base;
    d->end = (struct deferred){.fn = free_now, .arg = d};
    return d;
}

void dns_retire(struct dns *d)
{
    d->is_retired = true;
    end_if_idle(d);
}

static struct net_addr make_addr(char type, const void *addresses, int i)
{
    struct net_addr a = {.len = 0};
    if (type == DNS_IPv6_AAAA) {
        struct sockaddr_in6 *to = (struct sockaddr_in6 *)&a.ss;
        to->sin6_family = AF_INET6;
        memcpy(&to->sin6_addr, (const char *)addresses + (size_t)i * 16, 16);
        a.len = sizeof(*to);
    } else {
        struct sockaddr_in *to = (struct sockaddr_in *)&a.ss;
        to->sin_family = AF_INET;
        memcpy(&to->sin_addr, (const char *)addresses + (size_t)i * 4, 4);
        a.len = sizeof(*to);
    }
    return a;
}

static enum dns_result result_of(int error)
{
    switch (error) {
    case DNS_ERR_NONE:
        return DNS_ADDRESSES;
    case DNS_ERR_NOTEXIST:
    case DNS_ERR_NODATA:
        return DNS_NOTHING;
    case DNS_ERR_TRUNCATED:
        return DNS_TRUNCATED;
    default:
        return DNS_FAILED;
    }
}

static void on_answer(int error, char type, int count, int ttl, void *addresses, void *arg)
{
    struct dns_ask *a = arg;
    struct dns *d = a->dns;
    struct net_addr addrs[RESOLVE_MAX_ADDRS];
    loop_enter(d->loop);
    d->n_asks--;
    end_if_idle(d);
    struct dns_answer answer = {.result = result_of(error), .addrs = addrs};
    if (answer.result == DNS_FAILED)
        answer.text = evdns_err_to_string(error);
    for (int i = 0; answer.result == DNS_ADDRESSES && i < count && i < RESOLVE_MAX_ADDRS; i++)
        addrs[answer.n++] = make_addr(type, addresses, i);
    if (answer.result == DNS_ADDRESSES && !answer.n)
        answer.result = DNS_NOTHING;
    answer.ttl_ms = ttl > 0 ? (int64_t)ttl * 1000 : 0;
    if (a->fn)
        a->fn(a->arg, &answer);
    free(a);
}

struct dns_ask *dns_ask(struct dns *d, const char *name, bool is_ipv6, bool may_search, dns_fn fn,
                        void *arg)
{
    int flags = may_search ? 0 : DNS_QUERY_NO_SEARCH;
    struct dns_ask *a = xcalloc(1, sizeof(*a));
    a->dns = d;
    a->fn = fn;
    a->arg = arg;
    a->request = is_ipv6 ? evdns_base_resolve_ipv6(d->base, name, flags, on_answer, a)
                         : evdns_base_resolve_ipv4(d->base, name, flags, on_answer, a);
    if (!a->request) {
        free(a);
        return NULL;
    }
    d->n_asks++;
    return a;
}

void dns_ask_cancel(struct dns_ask *a)
{
    a->fn = NULL;
    evdns_cancel_request(a->dns->base, a->request);
}
