// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "http/hdrs.h"

struct fixture {
    struct arena a;
    struct hdrs h;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    arena_init(&f->a);
    hdrs_init(&f->h);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_clear(&f->a);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *name, const char *value)
{
    hdrs_add(&f->h, &f->a, span_of(name), span_of(value));
}

// "name=value;" of all fields in order
static void assert_fields(const struct hdrs *h, const char *want)
{
    char got[1024] = "";
    size_t n = 0;
    for (unsigned i = 0; i < h->n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s=%.*s;", SPAN_ARG(h->v[i].name),
                              SPAN_ARG(h->v[i].value));
    assert_string_equal(got, want);
}

static void look_up_ignores_case_and_keeps_the_spelling(void **state)
{
    struct fixture *f = *state;
    add(f, "X-Amz-Meta-A", "1");
    add(f, "hOsT", "h");
    assert_span(hdrs_get(&f->h, SPAN("x-amz-meta-a")), "1");
    assert_span(hdrs_find(&f->h, SPAN("HOST"))->name, "hOsT");
    assert_null(hdrs_find(&f->h, SPAN("hos")));
    assert_null(hdrs_get(&f->h, SPAN("absent")).p);
}

static void an_empty_value_differs_from_an_absent_field(void **state)
{
    struct fixture *f = *state;
    add(f, "A", "");
    assert_non_null(hdrs_get(&f->h, SPAN("a")).p);
    assert_int_equal(hdrs_get(&f->h, SPAN("a")).len, 0);
}

static void fields_survive_growth_in_order(void **state)
{
    struct fixture *f = *state;
    char name[8];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        hdrs_add(&f->h, &f->a, arena_dup(&f->a, span_of(name)), SPAN("v"));
    }
    assert_int_equal(f->h.n, 100);
    assert_span(f->h.v[0].name, "n0");
    assert_span(f->h.v[99].name, "n99");
}

static void remove_and_set_touch_every_field_of_the_name(void **state)
{
    struct fixture *f = *state;
    add(f, "a", "1");
    add(f, "b", "2");
    add(f, "A", "3");
    add(f, "c", "4");
    assert_int_equal(hdrs_count(&f->h, SPAN("A")), 2);
    hdrs_set(&f->h, &f->a, SPAN("A"), SPAN("5"));
    assert_fields(&f->h, "A=5;b=2;c=4;");
    hdrs_set(&f->h, &f->a, SPAN("d"), SPAN("6"));
    assert_int_equal(hdrs_remove(&f->h, SPAN("B")), 1);
    assert_int_equal(hdrs_remove(&f->h, SPAN("B")), 0);
    assert_fields(&f->h, "A=5;c=4;d=6;");
}

static void strip_removes_hop_by_hop_fields_and_what_connection_names(void **state)
{
    struct fixture *f = *state;
    add(f, "Host", "h");
    add(f, "Connection", "close , X-A,,x-b");
    add(f, "connection", "X-D");
    add(f, "X-A", "1");
    add(f, "X-B", "2");
    add(f, "X-C", "3");
    add(f, "X-d", "4");
    add(f, "Keep-Alive", "timeout=5");
    add(f, "Proxy-Authorization", "Basic secret");
    add(f, "Proxy-Connection", "keep-alive");
    add(f, "Proxy-Authenticate", "Basic");
    add(f, "TE", "trailers");
    add(f, "Trailer", "X-T");
    add(f, "Transfer-Encoding", "chunked");
    add(f, "Upgrade", "h2c");
    add(f, "HTTP2-Settings", "AAMAAABk");
    add(f, "Accept", "*/*");
    hdrs_strip_hop(&f->h);
    assert_fields(&f->h, "Host=h;X-C=3;Accept=*/*;");
}

static void strip_never_drops_what_frames_or_routes(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "Host, Content-Length, content-type, X-Amz-Date, Authorization");
    add(f, "Host", "h");
    add(f, "Content-Length", "75");
    add(f, "Content-Type", "t");
    add(f, "X-Amz-Date", "20200101T000000Z");
    add(f, "Authorization", "x");
    hdrs_strip_hop(&f->h);
    assert_fields(&f->h, "Host=h;Content-Length=75;Content-Type=t;");
}

static void tokens_are_found_over_several_fields_without_case(void **state)
{
    struct fixture *f = *state;
    add(f, "Connection", "x, Keep-Alive");
    add(f, "Connection", "\tCLOSE ");
    assert_true(hdrs_has_token(&f->h, SPAN("connection"), SPAN("close")));
    assert_true(hdrs_has_token(&f->h, SPAN("connection"), SPAN("keep-alive")));
    assert_false(hdrs_has_token(&f->h, SPAN("connection"), SPAN("keep")));
    assert_false(hdrs_has_token(&f->h, SPAN("te"), SPAN("close")));
}

static void values_with_control_octets_are_no_values(void **state)
{
    (void)state;
    assert_true(hdrs_value_ok(SPAN("")));
    assert_true(hdrs_value_ok((struct span){.p = NULL, .len = 0}));
    assert_true(hdrs_value_ok(SPAN("a\tb \xc3\xa9")));
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool is_control = (c < 0x20 && c != '\t') || c == 0x7f;
        assert_int_equal(hdrs_value_ok(span_from(text, 3)), !is_control);
    }
}

static void names_are_tokens(void **state)
{
    (void)state;
    const char *tchars = "!#$%&'*+-.^_`|~";
    assert_false(hdrs_name_ok(SPAN("")));
    for (int c = 0; c < 256; c++) {
        char text[1] = {(char)c};
        bool is_token = c && (strchr(tchars, c) || (c >= '0' && c <= '9') ||
                              (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        assert_int_equal(hdrs_name_ok(span_from(text, 1)), is_token);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(look_up_ignores_case_and_keeps_the_spelling),
        T(an_empty_value_differs_from_an_absent_field),
        T(fields_survive_growth_in_order),
        T(remove_and_set_touch_every_field_of_the_name),
        T(strip_removes_hop_by_hop_fields_and_what_connection_names),
        T(strip_never_drops_what_frames_or_routes),
        T(tokens_are_found_over_several_fields_without_case),
        cmocka_unit_test(values_with_control_octets_are_no_values),
        cmocka_unit_test(names_are_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
