// SPDX-License-Identifier: Apache-2.0
#include "unit/mock.h"

#include "client/fetch.h"
#include "net/resolve.h"

struct fixture {
    struct loop *loop;
    struct facts *facts;
    struct facts_view *view;
    struct fetcher *fetcher;
    struct mock *mock;
    struct timer *limit;
    const char *script; // what the mock says; NULL: nothing
    char url[128];
    // the outcome
    int calls;
    enum fetch_fail fail;
    int status;
    char text[256], field[64];
    struct buf body;
};

static void serve(struct mock *m, struct mock_conn *c, const char *request)
{
    struct fixture *f = m->arg;
    (void)request;
    if (f->script)
        mock_say(c, f->script);
}

static void on_limit(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

// "pair.test" has one loopback address and one that is not; "one.test" has only the first.
static void resolve(void *arg, const char *key, struct facts_flight *flight);

struct answer_later {
    struct deferred deferred;
    struct facts_flight *flight;
    char name[64];
};

static void tell(void *arg)
{
    struct answer_later *l = arg;
    struct facts_flight *flight = l->flight;
    struct fact_result r = {.status = ST_OK, .free_value = free, .ttl_ms = 60000};
    struct resolve_answer *a = xcalloc(1, sizeof(*a));
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1"), 0, &a->addrs[a->n++]), ST_OK);
    if (!strcmp(l->name, "pair.test"))
        assert_int_equal(net_addr_parse(SPAN("192.0.2.1"), 0, &a->addrs[a->n++]), ST_OK);
    r.value = a;
    r.refresh_in_ms = 60000;
    free(l);
    facts_answer(flight, &r);
}

static struct loop *resolving_loop;

static void resolve(void *arg, const char *key, struct facts_flight *flight)
{
    struct answer_later *l = xcalloc(1, sizeof(*l));
    (void)arg;
    l->flight = flight;
    (void)snprintf(l->name, sizeof(l->name), "%s", key);
    l->deferred.fn = tell;
    l->deferred.arg = l;
    loop_defer(resolving_loop, &l->deferred);
}

static void resolve_cancel_nothing(void *arg, struct facts_flight *flight)
{
    (void)arg;
    (void)flight;
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));
    struct err e;
    f->loop = loop_new("test", &e);
    assert_non_null(f->loop);
    resolving_loop = f->loop;
    f->facts = facts_new(f->loop, 1);
    facts_set_kind(f->facts, FACTS_ADDRESSES,
                   &(struct facts_kind){
                       .name = "addresses", .fetch = resolve, .cancel = resolve_cancel_nothing});
    f->view = facts_view_new(f->facts, f->loop);
    f->fetcher = fetcher_new(&(struct fetcher_options){.loop = f->loop, .facts = f->view});
    f->mock = mock_new(f->loop, serve, f);
    f->limit = timer_new(f->loop, on_limit, f);
    buf_init(&f->body);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/a/b?c=d", f->mock->port);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fetcher_free(f->fetcher);
    mock_free(f->mock);
    timer_free(f->limit);
    facts_view_free(f->view);
    facts_free(f->facts);
    loop_free(f->loop);
    buf_clear(&f->body);
    free(f);
    return 0;
}

static void on_done(void *arg, const struct fetch_answer *a)
{
    struct fixture *f = arg;
    f->calls++;
    f->fail = a->fail;
    f->status = a->status;
    (void)snprintf(f->text, sizeof(f->text), "%s", a->text);
    (void)snprintf(f->field, sizeof(f->field), "%.*s", SPAN_ARG(fetch_answer_field(a, "x-mock")));
    buf_reset(&f->body);
    buf_add_span(&f->body, a->body);
    loop_stop(f->loop);
}

static struct fetch *start(struct fixture *f, struct fetch_request r)
{
    if (!r.method)
        r.method = "GET";
    if (!r.url)
        r.url = f->url;
    if (!r.timeout_ms)
        r.timeout_ms = 5000;
    r.connect_timeout_ms = 2000;
    int before = f->calls;
    struct fetch *x = fetch_start(f->fetcher, &r, on_done, f);
    assert_int_equal(f->calls, before); // never before it has returned
    return x;
}

static void get(struct fixture *f, struct fetch_request r)
{
    int before = f->calls;
    (void)start(f, r);
    loop_run(f->loop);
    assert_int_equal(f->calls, before + 1);
}

static void idle(struct fixture *f, int ms)
{
    timer_set(f->limit, ms);
    loop_run(f->loop);
}

static void a_whole_answer_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 201 Yes\r\nContent-Length: 5\r\nX-Mock: one\r\n\r\nhello";
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_OK);
    assert_int_equal(f->status, 201);
    assert_span(buf_span(&f->body), "hello");
    assert_string_equal(f->field, "one");
    idle(f, 20);
    assert_int_equal(f->calls, 1);
}

static void the_request_says_what_was_asked_and_no_more(void **state)
{
    struct fixture *f = *state;
    char want[256];
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    get(f, (struct fetch_request){.fields = {{"X-Token", SPAN("t")}}, .n_fields = 1});
    (void)snprintf(want, sizeof(want),
                   "GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: sigv4-proxy\r\n"
                   "Connection: close\r\nX-Token: t\r\n\r\n",
                   f->mock->port);
    assert_string_equal(f->mock->last, want);
    get(f, (struct fetch_request){.method = "POST", .body = SPAN("a=b")});
    assert_non_null(strstr(f->mock->last, "Content-Length: 3\r\n\r\na=b"));
    get(f, (struct fetch_request){.method = "PUT"});
    assert_non_null(strstr(f->mock->last, "Content-Length: 0\r\n\r\n"));
    assert_int_equal(f->mock->n_conns, 3); // a connection of its own each
}

static void chunked_and_closed_answers_are_read(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    get(f, (struct fetch_request){0});
    assert_span(buf_span(&f->body), "abc");
    f->script = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    get(f, (struct fetch_request){0});
    assert_span(buf_span(&f->body), "until the end");
}

static void redirects_are_answers_like_others(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_OK);
    assert_int_equal(f->status, 302);
    assert_int_equal(f->mock->n_requests, 1);
}

static void an_answer_over_64_kib_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    buf_init(&b);
    buf_add_str(&b, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
    for (size_t i = 0; i < FETCH_ANSWER_MAX; i++)
        buf_add_char(&b, 'x');
    f->script = buf_cstr(&b);
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_OK);
    assert_int_equal(f->body.len, FETCH_ANSWER_MAX);
    buf_clear(&b);
    buf_add_str(&b, "HTTP/1.1 200 OK\r\n\r\n");
    for (size_t i = 0; i <= FETCH_ANSWER_MAX; i++)
        buf_add_char(&b, 'x');
    f->script = buf_cstr(&b);
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_BROKEN);
    assert_string_equal(f->text, "its answer is larger than 64 KiB");
    buf_clear(&b);
}

static void broken_answers_are_told_apart_from_silence(void **state)
{
    struct fixture *f = *state;
    f->script = "";
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_BROKEN);
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_BROKEN);
    f->script = "SSH-2.0-OpenSSH\r\n\r\n";
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_BROKEN);
    f->script = NULL;
    get(f, (struct fetch_request){.timeout_ms = 30});
    assert_int_equal(f->fail, FETCH_TIMEOUT);
    mock_close(f->mock);
    get(f, (struct fetch_request){0});
    assert_int_equal(f->fail, FETCH_UNREACHED);
}

static void a_cancelled_fetch_tells_nothing(void **state)
{
    struct fixture *f = *state;
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    fetch_cancel(start(f, (struct fetch_request){0}));
    struct fetch *dialled = start(f, (struct fetch_request){0});
    f->script = NULL;
    idle(f, 30);
    assert_int_equal(f->mock->n_requests, 1);
    fetch_cancel(dialled);
    fetch_cancel(start(f, (struct fetch_request){.url = "ftp://x/"}));
    idle(f, 30);
    assert_int_equal(f->calls, 0);
}

static void what_can_not_be_asked_is_refused_without_a_connection(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {"ftp://127.0.0.1/",     "http://u:p@127.0.0.1/", "127.0.0.1",
                                       "http://127.0.0.1/a b", "https://127.0.0.1/",    "http://"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        get(f, (struct fetch_request){.url = urls[i]});
        assert_int_equal(f->fail, FETCH_INVALID);
    }
    get(f, (struct fetch_request){.fields = {{"X-Token", SPAN("a\r\nb: c")}}, .n_fields = 1});
    assert_int_equal(f->fail, FETCH_INVALID);
    assert_string_equal(f->text, "a control character in X-Token");
    assert_int_equal(f->mock->n_conns, 0);
}

static const char *only_loopback(const void *arg, const struct net_addr *a)
{
    (void)arg;
    return net_addr_is_loopback(a) ? NULL : "public";
}

static void a_strict_rule_wants_every_address_of_the_name(void **state)
{
    struct fixture *f = *state;
    char one[64], pair[64];
    (void)snprintf(one, sizeof(one), "http://one.test:%u/", f->mock->port);
    (void)snprintf(pair, sizeof(pair), "http://pair.test:%u/", f->mock->port);
    f->script = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    get(f, (struct fetch_request){.url = one, .refusal = only_loopback, .is_strict = true});
    assert_int_equal(f->fail, FETCH_OK);
    get(f, (struct fetch_request){.url = pair, .refusal = only_loopback, .is_strict = true});
    assert_int_equal(f->fail, FETCH_REFUSED);
    assert_string_equal(f->text, "it has an address that must not be dialled (public)");
    get(f, (struct fetch_request){.url = pair, .refusal = only_loopback});
    assert_int_equal(f->fail, FETCH_OK);
    get(f, (struct fetch_request){.url = "http://192.0.2.1/", .refusal = only_loopback});
    assert_int_equal(f->fail, FETCH_REFUSED);
    assert_int_equal(f->mock->n_requests, 2);
}

int main(void)
{
#define FETCH_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        FETCH_TEST(a_whole_answer_is_told_once),
        FETCH_TEST(the_request_says_what_was_asked_and_no_more),
        FETCH_TEST(chunked_and_closed_answers_are_read),
        FETCH_TEST(redirects_are_answers_like_others),
        FETCH_TEST(an_answer_over_64_kib_is_refused),
        FETCH_TEST(broken_answers_are_told_apart_from_silence),
        FETCH_TEST(a_cancelled_fetch_tells_nothing),
        FETCH_TEST(what_can_not_be_asked_is_refused_without_a_connection),
        FETCH_TEST(a_strict_rule_wants_every_address_of_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
