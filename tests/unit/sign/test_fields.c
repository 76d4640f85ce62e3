// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/sign_int.h"

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

static enum status prepare(const struct sign_field *v, unsigned n, enum sign_select select,
                           struct signed_fields *out)
{
    struct sign_request r = {
        .host = SPAN("h.example"), .fields = v, .n_fields = n, .select = select};
    struct err e;
    return signed_fields_make(&r, NULL, 0, &a, out, &e);
}

static struct span block(const struct sign_field *v, unsigned n)
{
    struct signed_fields f;
    assert_int_equal(prepare(v, n, SIGN_GIVEN, &f), ST_OK);
    char *p = arena_alloc(&a, f.values_len);
    size_t len = (size_t)(signed_fields_write(p, &f) - p);
    assert_true(len <= f.values_len);
    return span_from(p, len);
}

static struct span names(const struct sign_field *v, unsigned n, enum sign_select select)
{
    struct signed_fields f;
    assert_int_equal(prepare(v, n, select, &f), ST_OK);
    char *p = arena_alloc(&a, f.names_len);
    size_t len = (size_t)(signed_fields_write_names(p, &f) - p);
    assert_true(len <= f.names_len);
    return span_from(p, len);
}

#define FIELD(name_, value_)                                                                       \
    {                                                                                              \
        SPAN(name_), SPAN(value_)                                                                  \
    }
#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

static void minimal_list_is_type_md5_and_amz(void **state)
{
    (void)state;
    const struct sign_field v[] = {
        FIELD("X-Amz-Acl", "x"),   FIELD("Content-Type", "x"),
        FIELD("CONTENT-MD5", "x"), FIELD("Content-Encoding", "x"),
        FIELD("Range", "x"),       FIELD("X-Amzn-Trace-Id", "x"),
        FIELD("Date", "x"),        FIELD("x-amz-meta-a", "x"),
        FIELD("X-Amz", "x"),       FIELD("X-Forwarded-Proto", "x"),
    };
    assert_span(names(v, COUNT(v), SIGN_MINIMAL),
                "content-md5;content-type;host;x-amz-acl;x-amz-meta-a");
}

static void all_leaves_out_what_hops_touch(void **state)
{
    (void)state;
    const struct sign_field v[] = {
        FIELD("Accept", "x"),     FIELD("User-Agent", "x"), FIELD("Via", "x"),
        FIELD("Connection", "x"), FIELD("Range", "x"),      FIELD("X-Forwarded-For", "x"),
        FIELD("TE", "x"),         FIELD("Expect", "x"),     FIELD("Content-Length", "1"),
    };
    assert_span(names(v, COUNT(v), SIGN_ALL), "accept;host;range");
}

static void own_fields_and_host_of_the_client_are_never_taken(void **state)
{
    (void)state;
    const struct sign_field v[] = {
        FIELD("Host", "evil"),
        FIELD("authorization", "x"),
        FIELD("X-Amz-Date", "x"),
        FIELD("X-AMZ-SECURITY-TOKEN", "x"),
        FIELD("x-amz-content-sha256", "x"),
        FIELD("X-Amz-Region-Set", "x"),
        FIELD("x-amz-s3session-token", "x"),
        FIELD("X-Amz-Dated", "x"),
    };
    assert_span(block(v, COUNT(v)), "host:h.example\nx-amz-dated:x\n");
    for (unsigned i = 1; i < 7; i++)
        assert_true(sign_owns_field(v[i].name));
    assert_false(sign_owns_field(v[7].name));
    assert_false(sign_owns_field(v[0].name));
}

static void white_space_is_stripped_and_collapsed(void **state)
{
    (void)state;
    const struct sign_field v[] = {
        FIELD("A", "  x \t y  "), FIELD("B", "\"a   b\""),     FIELD("C", " \t "),
        FIELD("D", ""),           FIELD("E", "a\n  b\r\n\tc"), FIELD("F", "\xa0 \xa0"),
    };
    assert_span(block(v, COUNT(v)),
                "a:x y\nb:\"a b\"\nc:\nd:\ne:a b c\nf:\xa0 \xa0\nhost:h.example\n");
}

static void repeated_names_join_in_arrival_order(void **state)
{
    (void)state;
    const struct sign_field v[] = {
        FIELD("X-B", "2"),
        FIELD("x-a", "z"),
        FIELD("x-b", ""),
        FIELD("X-b", " 1, 0 "),
    };
    assert_span(block(v, COUNT(v)), "host:h.example\nx-a:z\nx-b:2,,1, 0\n");
    assert_span(names(v, COUNT(v), SIGN_GIVEN), "host;x-a;x-b");
}

static void control_octet_in_a_signed_value_is_refused(void **state)
{
    (void)state;
    struct signed_fields f;
    const struct sign_field bad[] = {
        FIELD("x-amz-a", "a\nb"),  FIELD("x-amz-a", "a\rb"),   FIELD("x-amz-a", "a\0b"),
        FIELD("x-amz-a", "\x7f"),  FIELD("x-amz-a", "a\vb"),   FIELD("x-amz-a", "a\n"),
        FIELD("x-amz-a", "a\r\n"), FIELD("x-amz-a", "a\r\nb"),
    };
    for (unsigned i = 0; i < COUNT(bad); i++)
        assert_int_equal(prepare(&bad[i], 1, SIGN_MINIMAL, &f), ST_INVALID);
    const struct sign_field unsigned_one = FIELD("X-A", "a\vb");
    assert_int_equal(prepare(&unsigned_one, 1, SIGN_MINIMAL, &f), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_list_is_type_md5_and_amz),
        cmocka_unit_test(all_leaves_out_what_hops_touch),
        cmocka_unit_test(own_fields_and_host_of_the_client_are_never_taken),
        cmocka_unit_test(white_space_is_stripped_and_collapsed),
        cmocka_unit_test(repeated_names_join_in_arrival_order),
        cmocka_unit_test(control_octet_in_a_signed_value_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
