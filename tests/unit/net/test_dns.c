// SPDX-License-Identifier: Apache-2.0
#include "unit/net/dns_rig.h"

#include "net/dns_int.h"

struct heard {
    int n;
    enum dns_result result;
    unsigned addrs;
};

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct heard *h = arg;
    h->n++;
    h->result = answer->result;
    h->addrs = answer->n;
    assert_int_equal(answer->result == DNS_FAILED, answer->text != NULL);
}

static const struct rule rules[] = {
    {.name = "dead.test", .mode = SILENT},
    {.name = "four.test", .addrs = {"10.0.0.4"}, .ttls = {7}},
    {.name = NULL},
};

static struct dns *open_dns(struct loop *l, const struct name_server *s)
{
    char text[NET_ADDR_TEXT];
    struct err e;
    net_addr_format(&s->at, text);
    struct dns *d = dns_new(l, "/nonexistent", text, &e);
    assert_non_null(d);
    return d;
}

static void a_dead_server_is_given_up_after_three_tries_within_five_seconds(void **state)
{
    (void)state;
    struct heard h = {.n = 0};
    struct name_server s;
    struct loop *l = rig_loop();
    dns_start(&s, rules);
    struct dns *d = open_dns(l, &s);
    int64_t from = loop_now_ms(l);
    assert_non_null(dns_ask(d, "dead.test", false, false, on_answer, &h));
    rig_until(l, &h.n, 1);
    int64_t took = loop_now_ms(l) - from;
    assert_int_equal(h.result, DNS_FAILED);
    assert_true(took > 3000 && took < 9000); // five seconds and a busy machine's delay
    assert_int_equal(atomic_load(&s.n), 3);
    dns_retire(d);
    loop_free(l);
    dns_stop(&s);
}

static void one_that_is_retired_answers_what_was_asked(void **state)
{
    (void)state;
    struct heard h = {.n = 0};
    struct heard never = {.n = 0};
    struct name_server s;
    struct loop *l = rig_loop();
    dns_start(&s, rules);
    struct dns *d = open_dns(l, &s);
    assert_non_null(dns_ask(d, "four.test", false, false, on_answer, &h));
    struct dns_ask *a = dns_ask(d, "four.test", true, false, on_answer, &never);
    dns_retire(d);
    dns_ask_cancel(a);
    rig_until(l, &h.n, 1);
    assert_int_equal(h.result, DNS_ADDRESSES);
    assert_int_equal(h.addrs, 1);
    loop_free(l);
    assert_int_equal(never.n, 0);
    dns_stop(&s);
}

static void a_name_that_is_too_long_is_not_asked_for(void **state)
{
    (void)state;
    char name[300];
    struct heard h = {.n = 0};
    struct name_server s;
    struct loop *l = rig_loop();
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    dns_start(&s, rules);
    struct dns *d = open_dns(l, &s);
    assert_null(dns_ask(d, name, false, false, on_answer, &h));
    dns_retire(d);
    loop_free(l);
    dns_stop(&s);
    assert_int_equal(h.n + atomic_load(&s.n), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_server_is_given_up_after_three_tries_within_five_seconds),
        cmocka_unit_test(one_that_is_retired_answers_what_was_asked),
        cmocka_unit_test(a_name_that_is_too_long_is_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
