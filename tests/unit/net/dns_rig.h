// SPDX-License-Identifier: Apache-2.0
// A name server on loopback: a thread with a table of answers.
#ifndef TESTS_UNIT_NET_DNS_RIG_H
#define TESTS_UNIT_NET_DNS_RIG_H

#include "unit/net/rig.h"

#include <stdatomic.h>

enum { TYPE_A = 1, TYPE_AAAA = 28 };
enum mode { ANSWER = 0, NXDOMAIN, NODATA, SERVFAIL, TRUNCATED, SILENT };

struct rule {
    const char *name; // lower case; NULL ends the table
    int type;         // 0: both
    enum mode mode;
    const char *addrs[4]; // literals
    uint32_t ttls[4];
};

struct name_server {
    const struct rule *rules; // names that stand nowhere do not exist
    int fd;
    struct net_addr at;
    pthread_t thread;
    atomic_int n;
    char asked[64][260]; // "name/type", read after the thread has ended or all answers are in
};

static inline void dns_put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static inline size_t dns_put_record(unsigned char *p, const char *literal, uint32_t ttl)
{
    struct in6_addr v6;
    struct in_addr v4;
    bool is_v6 = inet_pton(AF_INET6, literal, &v6) == 1;
    dns_put16(p, 0xc00c); // the question's name
    dns_put16(p + 2, is_v6 ? TYPE_AAAA : TYPE_A);
    dns_put16(p + 4, 1);
    dns_put16(p + 6, ttl >> 16);
    dns_put16(p + 8, ttl & 0xffff);
    dns_put16(p + 10, is_v6 ? 16 : 4);
    if (is_v6) {
        memcpy(p + 12, &v6, 16);
        return 28;
    }
    assert_int_equal(inet_pton(AF_INET, literal, &v4), 1);
    memcpy(p + 12, &v4, 4);
    return 16;
}

static inline const struct rule *dns_find_rule(const struct rule *r, const char *name, int type)
{
    for (; r && r->name; r++)
        if (strcmp(r->name, name) == 0 && (!r->type || r->type == type))
            return r;
    return NULL;
}

// Reads the question; returns where it ends.
static inline size_t dns_read_question(const unsigned char *q, char *name, int *type)
{
    size_t at = 12;
    size_t n = 0;
    for (; q[at]; at += q[at] + 1u) {
        for (size_t i = 1; i <= q[at]; i++) {
            unsigned char c = q[at + i];
            name[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
        name[n++] = '.';
    }
    name[n ? n - 1 : 0] = '\0';
    *type = q[at + 1] << 8 | q[at + 2];
    return at + 5;
}

static inline void *dns_serve(void *arg)
{
    struct name_server *s = arg;
    unsigned char p[1500];
    struct sockaddr_storage from;
    for (;;) {
        socklen_t from_len = sizeof(from);
        char name[256];
        int type;
        ssize_t got = recvfrom(s->fd, p, 512, 0, (struct sockaddr *)&from, &from_len);
        if (got < 17)
            return NULL;
        size_t len = dns_read_question(p, name, &type);
        int i = atomic_load(&s->n);
        if (i < 64)
            (void)snprintf(s->asked[i], sizeof(s->asked[i]), "%s/%d", name, type);
        atomic_store(&s->n, i + 1);
        const struct rule *r = dns_find_rule(s->rules, name, type);
        enum mode mode = r ? r->mode : NXDOMAIN;
        if (mode == SILENT)
            continue;
        dns_put16(p + 2, 0x8180u |
                             (mode == NXDOMAIN   ? 3
                              : mode == SERVFAIL ? 2
                                                 : 0) |
                             (mode == TRUNCATED ? 0x200 : 0));
        unsigned n = 0;
        for (int k = 0; mode == ANSWER && k < 4 && r->addrs[k]; k++) {
            if ((strchr(r->addrs[k], ':') != NULL) != (type == TYPE_AAAA))
                continue;
            len += dns_put_record(p + len, r->addrs[k], r->ttls[k]);
            n++;
        }
        dns_put16(p + 6, n);
        dns_put16(p + 8, 0);
        dns_put16(p + 10, 0);
        (void)sendto(s->fd, p, len, 0, (struct sockaddr *)&from, from_len);
    }
}

static inline void dns_start(struct name_server *s, const struct rule *rules)
{
    memset(s, 0, sizeof(*s));
    s->rules = rules;
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1"), 0, &s->at), ST_OK);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&s->at.ss, s->at.len), 0);
    assert_true(listen_address(s->fd, &s->at));
    assert_int_equal(pthread_create(&s->thread, NULL, dns_serve, s), 0);
}

static inline void dns_stop(struct name_server *s)
{
    assert_int_equal(sendto(s->fd, "", 0, 0, (struct sockaddr *)&s->at.ss, s->at.len), 0);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(close(s->fd), 0);
}

#endif
