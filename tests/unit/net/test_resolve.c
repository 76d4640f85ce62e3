// SPDX-License-Identifier: Apache-2.0
// The resolver against name servers of our own on loopback, each a thread with a table of answers.
#include "unit/net/dns_rig.h"

#include "net/resolve.h"

// Files of one test: a resolv.conf and a hosts file, and a resolver that reads them.
struct bench {
    struct loop *loop;
    struct resolver *r;
    char conf[64];
    char hosts[64];
    char servers[160];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void new_file(char path[64])
{
    (void)snprintf(path, 64, "/tmp/sigv4-proxy-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd != -1);
    assert_int_equal(close(fd), 0);
}

static void bench_open(struct bench *b, const char *conf, const char *hosts,
                       const struct name_server *s, const struct name_server *second)
{
    struct err e;
    b->loop = rig_loop();
    new_file(b->conf);
    new_file(b->hosts);
    write_file(b->conf, conf);
    write_file(b->hosts, hosts);
    if (s)
        net_addr_format(&s->at, b->servers);
    if (second) {
        char text[NET_ADDR_TEXT];
        net_addr_format(&second->at, text);
        size_t n = strlen(b->servers);
        (void)snprintf(b->servers + n, sizeof(b->servers) - n, ", %s", text);
    }
    const struct resolver_options o = {
        .nameserver = s ? b->servers : NULL, .resolv_conf_path = b->conf, .hosts_path = b->hosts};
    b->r = resolver_new(b->loop, &o, &e);
    assert_non_null(b->r);
}

static void bench_close(struct bench *b)
{
    resolver_free(b->r);
    loop_free(b->loop);
    (void)unlink(b->conf);
    (void)unlink(b->hosts);
}

struct result {
    int n;
    enum status st;
    struct resolve_answer answer;
    char text[128];
    char list[512]; // the addresses, by blanks
};

static void on_done(void *arg, enum status st, const struct resolve_answer *answer,
                    const char *text)
{
    struct result *r = arg;
    r->n++;
    r->st = st;
    r->list[0] = '\0';
    (void)snprintf(r->text, sizeof(r->text), "%s", text ? text : "(null)");
    assert_int_equal(st == ST_OK, answer != NULL);
    if (!answer)
        return;
    r->answer = *answer;
    for (unsigned i = 0; i < answer->n; i++) {
        char one[NET_ADDR_TEXT];
        size_t len = strlen(r->list);
        net_addr_format(&answer->addrs[i], one);
        (void)snprintf(r->list + len, sizeof(r->list) - len, "%s%s", i ? " " : "", one);
    }
}

static void resolve(struct bench *b, const char *name, struct result *out)
{
    memset(out, 0, sizeof(*out));
    assert_non_null(resolve_start(b->r, name, on_done, out));
    assert_int_equal(out->n, 0);
    rig_until(b->loop, &out->n, 1);
}

#define POD "search team.svc.test svc.test test\noptions ndots:5 timeout:0.2 attempts:2\n"

static const struct rule rules[] = {
    {.name = "both.test",
     .addrs = {"10.0.0.1", "10.0.0.2", "fd00::1", "10.0.0.3"},
     .ttls = {60, 30, 45, 90}},
    {.name = "four.test", .addrs = {"10.0.0.4"}, .ttls = {7}},
    {.name = "none.test", .mode = NODATA},
    {.name = "half.test", .type = TYPE_A, .addrs = {"10.0.0.5"}, .ttls = {9}},
    {.name = "half.test", .type = TYPE_AAAA, .mode = SILENT},
    {.name = "lame.test", .type = TYPE_A, .addrs = {"10.0.0.6"}, .ttls = {9}},
    {.name = "lame.test", .type = TYPE_AAAA, .mode = SERVFAIL},
    {.name = "sick.test", .mode = SERVFAIL},
    {.name = "dead.test", .mode = SILENT},
    {.name = "short.svc.test", .addrs = {"10.0.0.7"}, .ttls = {5}},
    {.name = "localhost", .mode = TRUNCATED},
    {.name = "localhost.team.svc.test", .mode = TRUNCATED},
    {.name = NULL},
};

static void a_name_with_a_dot_costs_two_questions_and_no_search(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    resolve(&b, "both.test", &r);
    assert_int_equal(r.st, ST_OK);
    assert_string_equal(r.list, "[fd00::1]:0 10.0.0.1:0 10.0.0.2:0 10.0.0.3:0");
    assert_int_equal(r.answer.ttl_ms, 30000);
    resolve(&b, "no.such.test", &r);
    assert_int_equal(r.st, ST_DECLINED);
    resolve(&b, "none.test.", &r);
    assert_int_equal(r.st, ST_DECLINED);
    resolve(&b, "four.test", &r);
    assert_string_equal(r.list, "10.0.0.4:0");
    assert_int_equal(r.answer.ttl_ms, 7000);
    bench_close(&b);
    dns_stop(&s);
    assert_int_equal(atomic_load(&s.n), 8);
    for (int i = 0; i < 8; i++)
        assert_null(strstr(s.asked[i], "svc"));
}

static void a_single_label_goes_through_the_search_domains(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    resolve(&b, "short", &r);
    assert_int_equal(r.st, ST_OK);
    assert_string_equal(r.list, "10.0.0.7:0");
    bench_close(&b);
    dns_stop(&s);
    assert_int_equal(strncmp(s.asked[0], "short.team.svc.test/", 20), 0);
}

static void one_family_that_fails_or_is_silent_does_not_hold_up_the_other(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, "options timeout:20\n", "", &s, NULL);
    int64_t from = loop_now_ms(b.loop);
    resolve(&b, "half.test", &r);
    assert_string_equal(r.list, "10.0.0.5:0");
    assert_true(loop_now_ms(b.loop) - from < 15000);
    resolve(&b, "lame.test", &r);
    assert_string_equal(r.list, "10.0.0.6:0");
    bench_close(&b);
    dns_stop(&s);
}

static void failing_servers_are_an_error_not_an_answer(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    int64_t from = loop_now_ms(b.loop);
    resolve(&b, "dead.test", &r);
    assert_int_equal(r.st, ST_IO);
    assert_true(strlen(r.text) > 0);
    assert_true(loop_now_ms(b.loop) - from < 4500);
    resolve(&b, "sick.test", &r);
    assert_int_equal(r.st, ST_IO);
    resolve(&b, "four.test", &r); // and it goes on
    assert_int_equal(r.st, ST_OK);
    bench_close(&b);
    dns_stop(&s);
}

static void the_second_server_answers_where_the_first_is_dead(void **state)
{
    (void)state;
    static const struct rule deaf[] = {{.name = "four.test", .mode = SILENT}, {.name = NULL}};
    struct name_server dead;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&dead, deaf);
    dns_start(&s, rules);
    bench_open(&b, POD, "", &dead, &s);
    for (int i = 0; i < 2; i++) {
        resolve(&b, "four.test", &r);
        assert_int_equal(r.st, ST_OK);
    }
    bench_close(&b);
    dns_stop(&s);
    dns_stop(&dead);
    assert_true(atomic_load(&dead.n) > 0);
}

static void a_truncated_answer_is_asked_again_of_the_system(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    resolve(&b, "localhost", &r); // which the system knows without any server
    assert_int_equal(r.st, ST_OK);
    assert_non_null(strstr(r.list, "127.0.0.1:0"));
    memset(&r, 0, sizeof(r)); // cancelled and freed while its thread runs
    struct resolve_query *q = resolve_start(b.r, "localhost", on_done, &r);
    rig_for(b.loop, 1);
    if (!r.n)
        resolve_cancel(q);
    int n = r.n;
    (void)resolve_start(b.r, "localhost", on_done, &r);
    rig_for(b.loop, 1);
    bench_close(&b);
    assert_true(r.n <= n + 1);
    dns_stop(&s);
}

static void the_hosts_file_comes_first_and_without_case(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    dns_start(&s, rules);
    bench_open(&b, POD,
               "# 10.9.9.9 four.test\n10.1.1.1\tFour.test  alias # four.test\nfd00::7 four.test\n",
               &s, NULL);
    resolve(&b, "four.TEST", &r);
    assert_string_equal(r.list, "[fd00::7]:0 10.1.1.1:0");
    resolve(&b, "alias", &r);
    assert_string_equal(r.list, "10.1.1.1:0");
    assert_int_equal(atomic_load(&s.n), 0);
    write_file(b.hosts, "10.2.2.2 four.test\n");
    rig_for(b.loop, 1050);
    resolve(&b, "four.test", &r);
    assert_string_equal(r.list, "10.2.2.2:0");
    assert_int_equal(unlink(b.hosts), 0);
    rig_for(b.loop, 1050);
    resolve(&b, "four.test", &r);
    assert_string_equal(r.list, "10.0.0.4:0");
    bench_close(&b);
    dns_stop(&s);
}

static void a_changed_resolv_conf_is_read_again_and_open_questions_end_well(void **state)
{
    (void)state;
    char text[NET_ADDR_TEXT];
    char conf[128];
    static const struct rule old_rules[] = {{.name = "old.test", .mode = SILENT},
                                            {.name = "four.test", .addrs = {"10.7.7.7"}},
                                            {.name = NULL}};
    struct name_server before;
    struct name_server after;
    struct bench b = {.r = NULL};
    struct result r;
    struct result open = {.n = 0};
    dns_start(&before, old_rules);
    dns_start(&after, rules);
    net_addr_format(&before.at, text);
    (void)snprintf(conf, sizeof(conf), "nameserver %s\noptions timeout:1 attempts:2\n", text);
    bench_open(&b, conf, "", NULL, NULL);
    resolve(&b, "four.test", &r);
    assert_string_equal(r.list, "10.7.7.7:0");
    (void)resolve_start(b.r, "old.test", on_done, &open);
    net_addr_format(&after.at, text);
    (void)snprintf(conf, sizeof(conf), "# changed\nnameserver %s\n", text);
    write_file(b.conf, conf);
    rig_for(b.loop, 1050);
    resolve(&b, "four.test", &r);
    assert_string_equal(r.list, "10.0.0.4:0");
    rig_until(b.loop, &open.n, 1);
    assert_int_equal(open.st, ST_IO);
    bench_close(&b);
    dns_stop(&before);
    dns_stop(&after);
}

static void literals_need_no_server_and_junk_does_not_exist(void **state)
{
    (void)state;
    static const char *const junk[] = {"", ".", "a..test", ".test", "a b.test", "caf\xc3\xa9.test"};
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r;
    char label[80];
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    resolve(&b, "192.0.2.1", &r);
    assert_string_equal(r.list, "192.0.2.1:0");
    resolve(&b, "[2001:db8::1]", &r);
    assert_string_equal(r.list, "[2001:db8::1]:0");
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        resolve(&b, junk[i], &r);
        assert_int_equal(r.st, ST_DECLINED);
    }
    memset(label, 'a', 70);
    memcpy(label + 70, ".test", 6);
    resolve(&b, label, &r);
    assert_int_equal(r.st, ST_DECLINED);
    bench_close(&b);
    dns_stop(&s);
    assert_int_equal(atomic_load(&s.n), 0);
}

static void cancelled_queries_never_answer_and_the_rest_ends_with_the_resolver(void **state)
{
    (void)state;
    struct name_server s;
    struct bench b = {.r = NULL};
    struct result r = {.n = 0};
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    resolve_cancel(resolve_start(b.r, "127.0.0.1", on_done, &r));
    resolve_cancel(resolve_start(b.r, "four.test", on_done, &r));
    struct resolve_query *q = resolve_start(b.r, "both.test", on_done, &r);
    (void)poll(NULL, 0, 5); // both answers are in the socket
    resolve_cancel(q);
    rig_for(b.loop, 30);
    for (int i = 0; i < 200; i++) // more than evdns has in flight at once
        (void)resolve_start(b.r, "dead.test", on_done, &r);
    rig_for(b.loop, 5);
    bench_close(&b);
    assert_int_equal(r.n, 0);
    dns_stop(&s);
}

static struct bench *freed_bench;

static void free_resolver(void *arg, enum status st, const struct resolve_answer *answer,
                          const char *text)
{
    (void)st;
    (void)answer;
    (void)text;
    (*(int *)arg)++;
    resolver_free(freed_bench->r);
    freed_bench->r = NULL;
}

static void the_resolver_may_be_freed_by_an_answer(void **state)
{
    (void)state;
    int n = 0;
    struct name_server s;
    struct bench b = {.r = NULL};
    dns_start(&s, rules);
    bench_open(&b, POD, "", &s, NULL);
    freed_bench = &b;
    (void)resolve_start(b.r, "dead.test", free_resolver, &n);
    (void)resolve_start(b.r, "four.test", free_resolver, &n);
    rig_until(b.loop, &n, 1);
    rig_for(b.loop, 20);
    assert_int_equal(n, 1);
    bench_close(&b);
    dns_stop(&s);
}

static void a_name_server_that_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"dns.test", "1.2.3.4:0", "1.2.3.4:x", "1.2.3.4,",
                                      "[::1]:99999"};
    struct err e;
    struct loop *l = rig_loop();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct resolver_options o = {
            .nameserver = bad[i], .resolv_conf_path = "/nonexistent", .hosts_path = "/nonexistent"};
        assert_null(resolver_new(l, &o, &e));
        assert_non_null(strstr(e.text, "not an address"));
    }
    const struct resolver_options o = {.nameserver = "127.0.0.1, [::1]:5353,::1",
                                       .resolv_conf_path = "/nonexistent"};
    struct resolver *r = resolver_new(l, &o, &e);
    assert_non_null(r);
    resolver_free(r);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_with_a_dot_costs_two_questions_and_no_search),
        cmocka_unit_test(a_single_label_goes_through_the_search_domains),
        cmocka_unit_test(one_family_that_fails_or_is_silent_does_not_hold_up_the_other),
        cmocka_unit_test(failing_servers_are_an_error_not_an_answer),
        cmocka_unit_test(the_second_server_answers_where_the_first_is_dead),
        cmocka_unit_test(a_truncated_answer_is_asked_again_of_the_system),
        cmocka_unit_test(the_hosts_file_comes_first_and_without_case),
        cmocka_unit_test(a_changed_resolv_conf_is_read_again_and_open_questions_end_well),
        cmocka_unit_test(literals_need_no_server_and_junk_does_not_exist),
        cmocka_unit_test(cancelled_queries_never_answer_and_the_rest_ends_with_the_resolver),
        cmocka_unit_test(the_resolver_may_be_freed_by_an_answer),
        cmocka_unit_test(a_name_server_that_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
