// SPDX-License-Identifier: Apache-2.0
// A query asks for both families at once and is done when both have answered, or a moment after the
// first addresses came: some servers never answer for the other family. Literals and names from the
// hosts file need no server but take the same way back (deferred), so callers see one timing.
#include "net/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "net/dns_int.h"
#include "net/hosts_file_int.h"
#include "net/resolve_int.h"

#define CHECK_FILES_MS  1000
#define OTHER_FAMILY_MS 500
#define HOSTS_MAX       (4u << 20)
#define HOSTS_TTL_MS    5000
#define LITERAL_TTL_MS  3600000
#define SYSTEM_TTL_MS   60000 // getaddrinfo does not tell

enum family { V4 = 0, V6 };

struct half {
    struct resolve_query *query; // back from evdns's argument
    struct dns_ask *ask;         // NULL once answered
    enum dns_result result;
    const char *text;
};

struct resolve_query {
    LIST_ENTRY(resolve_query) link;
    struct resolver *resolver;
    resolve_done_fn done;
    void *arg;
    struct deferred finish;
    struct timer *patience; // NULL until the first addresses are there
    struct half halves[2];  // by enum family
    struct system_lookup *system;
    struct resolve_set set;
    int64_t ttl_ms;
    enum status st;
    const char *text;
    char name[]; // without a trailing dot
};
LIST_HEAD(query_list, resolve_query);

struct resolver {
    struct loop *loop; // borrowed
    struct dns *dns;
    char *nameserver; // NULL for none
    char *resolv_path;
    char *hosts_path;
    struct watched_file resolv_file;
    struct watched_file hosts_file;
    int64_t checked_ms;
    struct buf hosts;
    struct query_list queries;
};

void resolve_set_add(struct resolve_set *set, const struct net_addr *a)
{
    if (a->ss.ss_family == AF_INET6 && set->n_v6 < RESOLVE_MAX_ADDRS)
        set->v6[set->n_v6++] = *a;
    else if (a->ss.ss_family == AF_INET && set->n_v4 < RESOLVE_MAX_ADDRS)
        set->v4[set->n_v4++] = *a;
}

void resolve_set_answer(const struct resolve_set *set, struct resolve_answer *out)
{
    unsigned i4 = 0;
    unsigned i6 = 0;
    out->n = 0;
    while (out->n < RESOLVE_MAX_ADDRS && (i4 < set->n_v4 || i6 < set->n_v6)) {
        if (i6 < set->n_v6)
            out->addrs[out->n++] = set->v6[i6++];
        if (i4 < set->n_v4 && out->n < RESOLVE_MAX_ADDRS)
            out->addrs[out->n++] = set->v4[i4++];
    }
}

static void let_go(struct resolve_query *q)
{
    for (int i = 0; i < 2; i++)
        if (q->halves[i].ask)
            dns_ask_cancel(q->halves[i].ask);
    if (q->system)
        system_lookup_cancel(q->system);
    timer_free(q->patience);
    loop_undefer(q->resolver->loop, &q->finish);
    LIST_REMOVE(q, link);
}

static void finish(void *arg)
{
    struct resolve_query *q = arg;
    struct resolve_answer answer = {.ttl_ms = q->ttl_ms};
    let_go(q);
    resolve_set_answer(&q->set, &answer);
    q->done(q->arg, q->st, q->st == ST_OK ? &answer : NULL, q->text);
    free(q);
}

static void finish_later(struct resolve_query *q, enum status st, const char *text)
{
    q->st = st;
    q->text = text;
    loop_defer(q->resolver->loop, &q->finish);
}

static void decide(struct resolve_query *q)
{
    const struct half *v4 = &q->halves[V4];
    const struct half *v6 = &q->halves[V6];
    const struct half *bad = v4->result == DNS_FAILED ? v4 : v6;
    if (q->set.n_v4 || q->set.n_v6)
        finish_later(q, ST_OK, "");
    else if (bad->result == DNS_FAILED)
        finish_later(q, ST_IO, bad->text);
    else
        finish_later(q, ST_DECLINED, "no such name");
}

static void on_system_answer(void *arg, enum status st, const struct resolve_set *set)
{
    struct resolve_query *q = arg;
    q->system = NULL;
    if (st != ST_OK && (q->set.n_v4 || q->set.n_v6)) { // the other family's answer was small
        finish_later(q, ST_OK, "");
        return;
    }
    q->set = *set;
    q->ttl_ms = SYSTEM_TTL_MS;
    if (st == ST_OK && !set->n_v4 && !set->n_v6)
        st = ST_DECLINED;
    finish_later(q, st, st == ST_OK ? "" : st == ST_IO ? "name servers failed" : "no such name");
}

static void on_patience_end(void *arg)
{
    struct resolve_query *q = arg;
    decide(q);
}

// Absolute, so that the system's resolver does not go through search domains either.
static void ask_system(struct resolve_query *q)
{
    struct buf name;
    buf_init(&name);
    buf_add_str(&name, q->name);
    if (strchr(q->name, '.'))
        buf_add_char(&name, '.');
    q->system = system_lookup_start(q->resolver->loop, buf_cstr(&name), on_system_answer, q);
    buf_clear(&name);
    if (!q->system)
        finish_later(q, ST_IO, "too many large answers at once");
}

static void on_half(void *arg, const struct dns_answer *answer)
{
    struct half *h = arg;
    struct resolve_query *q = h->query;
    struct half *other = &q->halves[h == &q->halves[V4] ? V6 : V4];
    h->ask = NULL;
    h->result = answer->result;
    h->text = answer->text;
    if (answer->result == DNS_ADDRESSES && (!q->ttl_ms || answer->ttl_ms < q->ttl_ms))
        q->ttl_ms = answer->ttl_ms;
    for (unsigned i = 0; i < answer->n; i++)
        resolve_set_add(&q->set, &answer->addrs[i]);
    if (q->finish.is_queued || q->system)
        return;
    if (answer->result == DNS_TRUNCATED) {
        ask_system(q); // for both families
        return;
    }
    if (!other->ask) {
        decide(q);
    } else if (answer->n) {
        q->patience = timer_new(q->resolver->loop, on_patience_end, q);
        timer_set(q->patience, OTHER_FAMILY_MS);
    }
}

static bool is_name(const char *name)
{
    struct span rest = span_of(name);
    struct span label;
    if (!rest.len || rest.len > 253)
        return false;
    while (span_next(&rest, '.', &label)) {
        if (!label.len || label.len > 63)
            return false;
        for (size_t i = 0; i < label.len; i++)
            if ((unsigned char)label.p[i] <= ' ' || (unsigned char)label.p[i] >= 0x7f)
                return false;
    }
    return true;
}

static void ask_servers(struct resolve_query *q)
{
    bool may_search = strchr(q->name, '.') == NULL;
    for (int i = 0; i < 2; i++) {
        struct half *h = &q->halves[i];
        h->query = q;
        h->result = DNS_FAILED;
        h->text = "can't be asked for";
        h->ask = dns_ask(q->resolver->dns, q->name, i == V6, may_search, on_half, h);
    }
    if (!q->halves[V4].ask && !q->halves[V6].ask)
        decide(q);
}

// Stat is cheap but not free: at most once a second, and only when somebody asks.
static void check_files(struct resolver *r)
{
    int64_t now = loop_now_ms(r->loop);
    if (r->dns && now - r->checked_ms < CHECK_FILES_MS)
        return;
    r->checked_ms = now;
    if (watched_file_changed(&r->hosts_file))
        watched_file_read(&r->hosts_file, HOSTS_MAX, &r->hosts);
    if (!watched_file_changed(&r->resolv_file))
        return;
    struct dns *fresh = dns_new(r->loop, r->resolv_path, r->nameserver, NULL);
    if (!fresh)
        return;
    dns_retire(r->dns);
    r->dns = fresh;
}

struct resolve_query *resolve_start(struct resolver *r, const char *name, resolve_done_fn done,
                                    void *arg)
{
    size_t len = strlen(name);
    struct net_addr literal;
    struct net_addr found[RESOLVE_MAX_ADDRS];
    check_files(r);
    if (len > 1 && name[len - 1] == '.')
        len--;
    struct resolve_query *q = xcalloc(1, sizeof(*q) + len + 1);
    memcpy(q->name, name, len);
    q->resolver = r;
    q->done = done;
    q->arg = arg;
    q->finish = (struct deferred){.fn = finish, .arg = q};
    LIST_INSERT_HEAD(&r->queries, q, link);
    struct span s = span_from(q->name, len);
    if (net_addr_parse(s, 0, &literal) == ST_OK) {
        resolve_set_add(&q->set, &literal);
        q->ttl_ms = LITERAL_TTL_MS;
        finish_later(q, ST_OK, "");
        return q;
    }
    if (!is_name(q->name)) {
        finish_later(q, ST_DECLINED, "not a host name");
        return q;
    }
    unsigned n = hosts_find(buf_span(&r->hosts), s, found, RESOLVE_MAX_ADDRS);
    for (unsigned i = 0; i < n; i++)
        resolve_set_add(&q->set, &found[i]);
    q->ttl_ms = n ? HOSTS_TTL_MS : 0;
    if (n)
        finish_later(q, ST_OK, "");
    else
        ask_servers(q);
    return q;
}

void resolve_cancel(struct resolve_query *q)
{
    let_go(q);
    free(q);
}

struct resolver *resolver_new(struct loop *l, const struct resolver_options *o, struct err *e)
{
    struct resolver *r = xcalloc(1, sizeof(*r));
    r->loop = l;
    r->nameserver = o->nameserver ? xstrdup(o->nameserver) : NULL;
    r->resolv_path = xstrdup(o->resolv_conf_path ? o->resolv_conf_path : "/etc/resolv.conf");
    r->hosts_path = xstrdup(o->hosts_path ? o->hosts_path : "/etc/hosts");
    r->resolv_file.path = r->resolv_path;
    r->hosts_file.path = r->hosts_path;
    buf_init(&r->hosts);
    LIST_INIT(&r->queries);
    (void)watched_file_changed(&r->resolv_file);
    if (watched_file_changed(&r->hosts_file))
        watched_file_read(&r->hosts_file, HOSTS_MAX, &r->hosts);
    r->checked_ms = loop_now_ms(l);
    r->dns = dns_new(l, r->resolv_path, r->nameserver, e);
    if (!r->dns) {
        resolver_free(r);
        return NULL;
    }
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    for (struct resolve_query *q = LIST_FIRST(&r->queries); q;) {
        struct resolve_query *next = LIST_NEXT(q, link);
        resolve_cancel(q);
        q = next;
    }
    if (r->dns)
        dns_retire(r->dns);
    buf_clear(&r->hosts);
    free(r->nameserver);
    free(r->resolv_path);
    free(r->hosts_path);
    free(r);
}
