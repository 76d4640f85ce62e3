// SPDX-License-Identifier: Apache-2.0
// The table itself, and the typed access to one field.
#include "unit/test.h"

#include "config/config.h"
#include "config/options_int.h"

static const struct option *row(const char *key)
{
    const struct option *o = option_find(span_of(key));
    assert_non_null(o);
    return o;
}

static void refused(const char *key, const char *text, const char *want)
{
    uint64_t field[4] = {0};
    struct err e = {""};
    assert_int_equal(value_set(row(key), span_of(text), field, &e), ST_INVALID);
    assert_string_equal(e.text, want);
    for (int i = 0; i < 4; i++)
        assert_int_equal(field[i], 0);
}

static uint64_t size_of(const char *text)
{
    uint64_t n = UINT64_MAX;
    assert_int_equal(value_set(row("body_max"), span_of(text), &n, NULL), ST_OK);
    return n;
}

static int64_t time_of(const char *text)
{
    int64_t n = -1;
    assert_int_equal(value_set(row("idle_timeout"), span_of(text), &n, NULL), ST_OK);
    return n;
}

static void sizes_take_k_m_g_or_bytes(void **state)
{
    (void)state;
    assert_int_equal(size_of("64k"), 65536);
    assert_int_equal(size_of("16m"), 16777216);
    assert_int_equal(size_of("5g"), 5368709120);
    assert_int_equal(size_of("5G"), 5368709120);
    assert_int_equal(size_of("1000"), 1000);
    assert_int_equal(size_of("0"), 0);
}

static void times_take_ms_s_m_h_or_seconds(void **state)
{
    (void)state;
    assert_int_equal(time_of("500ms"), 500);
    assert_int_equal(time_of("30s"), 30000);
    assert_int_equal(time_of("15m"), 900000);
    assert_int_equal(time_of("24h"), 86400000);
    assert_int_equal(time_of("7"), 7000);
}

static void times_take_parts_with_the_larger_unit_first(void **state)
{
    (void)state;
    static const char *const wrong[] = {"30s1m", "1m1m", "1m30", "1m 30s", "1m-1s", "ms", "1.5h"};
    assert_int_equal(time_of("1m30s"), 90000);
    assert_int_equal(time_of("1h0m0s"), 3600000);
    assert_int_equal(time_of("2h3m4s5ms"), 7384005);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err e = {""};
        int64_t n = 0;
        assert_int_equal(value_set(row("idle_timeout"), span_of(wrong[i]), &n, &e), ST_INVALID);
        assert_non_null(strstr(e.text, "is not a time"));
    }
    refused("idle_timeout", "23h60m1s",
            "\"23h60m1s\" is out of bounds, must be between 1ms and 24h");
    refused("body_max", "1g5k",
            "\"1g5k\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)");
}

static void wrong_numbers_are_named_with_what_is_wanted(void **state)
{
    (void)state;
    refused("body_max", "64q",
            "\"64q\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)");
    refused("body_max", "-1", "\"-1\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)");
    refused("body_max", "1.5g",
            "\"1.5g\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)");
    refused("idle_timeout", "5d",
            "\"5d\" is not a time (as in 500ms, 30s, 15m, 36h; a bare number is seconds)");
    refused("idle_timeout", "5 s",
            "\"5 s\" is not a time (as in 500ms, 30s, 15m, 36h; a bare number is seconds)");
    refused("max_fields", "10k", "\"10k\" is not a number");
    refused("workers", "many", "\"many\" is not a number or auto");
    refused("workers", "", "a value is missing");
}

static void numbers_out_of_bounds_are_refused_without_wrapping(void **state)
{
    (void)state;
    refused("workers", "0", "\"0\" is out of bounds, must be between 1 and 64");
    refused("workers", "65", "\"65\" is out of bounds, must be between 1 and 64");
    refused("workers", "4294967297", "\"4294967297\" is out of bounds, must be between 1 and 64");
    refused("max_field", "2m", "\"2m\" is out of bounds, must be between 512 and 1m");
    refused("max_field", "17179869184g",
            "\"17179869184g\" is out of bounds, must be between 512 and 1m");
    refused("max_field", "18446744073709551616",
            "\"18446744073709551616\" is out of bounds, must be between 512 and 1m");
    refused("idle_timeout", "0", "\"0\" is out of bounds, must be between 1ms and 24h");
    refused("idle_timeout", "25h", "\"25h\" is out of bounds, must be between 1ms and 24h");
}

static void booleans_take_the_usual_words(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"yes", "no"}, {"true", "FALSE"}, {"On", "off"}, {"1", "0"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        bool is_on = false;
        assert_int_equal(value_set(row("via"), span_of(words[i][0]), &is_on, NULL), ST_OK);
        assert_true(is_on);
        assert_int_equal(value_set(row("via"), span_of(words[i][1]), &is_on, NULL), ST_OK);
        assert_false(is_on);
    }
    refused("via", "2", "\"2\" is not yes or no");
}

static void words_are_refused_with_the_nearest(void **state)
{
    (void)state;
    unsigned level = 0;
    assert_int_equal(value_set(row("log_level"), SPAN("debug"), &level, NULL), ST_OK);
    assert_int_equal(level, 3);
    refused("connect", "tunel",
            "\"tunel\" is not one of tunnel|intercept|deny; did you mean \"tunnel\"?");
    refused("connect", "peek", "\"peek\" is not one of tunnel|intercept|deny");
    refused("retry_mode", "adaptive", "\"adaptive\" is not one of standard|off");
}

static void lists_append_and_keep_the_old_on_failure(void **state)
{
    (void)state;
    struct config_list l = {NULL, 0};
    struct buf b;
    buf_init(&b);
    assert_int_equal(value_set(row("unsigned_hosts"), SPAN("A.test ,*.b.test"), &l, NULL), ST_OK);
    assert_int_equal(value_set(row("unsigned_hosts"), SPAN("c.test"), &l, NULL), ST_OK);
    assert_int_equal(value_set(row("unsigned_hosts"), SPAN("d.test,,e"), &l, NULL), ST_INVALID);
    assert_int_equal(value_set(row("unsigned_hosts"), SPAN("d.test,e f"), &l, NULL), ST_INVALID);
    value_format(row("unsigned_hosts"), &l, &b);
    assert_string_equal(buf_cstr(&b), "a.test, *.b.test, c.test");
    value_clear(row("unsigned_hosts"), &l);
    assert_null(l.v);
    buf_clear(&b);
}

static void check_says(option_check_fn check, const char *text, const char *want)
{
    struct err e = {""};
    char *copy = strdup(text);
    assert_non_null(copy);
    enum status st = check(copy, &e);
    if (st == ST_OK)
        assert_string_equal(copy, want);
    else
        assert_string_equal(e.text, want);
    free(copy);
}

static void listen_wants_a_literal_address_and_a_port(void **state)
{
    (void)state;
    check_says(check_listen, "127.0.0.1:8080", "127.0.0.1:8080");
    check_says(check_listen, "[::1]:0", "[::1]:0");
    check_says(check_listen, ":8080", ":8080");
    check_says(check_listen, "LocalHost:80", "127.0.0.1:80");
    check_says(check_listen, "8080",
               "\"8080\" has no address; write 127.0.0.1:8080, or :8080 for all interfaces");
    check_says(check_listen, "unix:/run/x", "unix:/run/x");
    check_says(check_listen, "unix:run/x", "\"unix:run/x\" is not unix:/PATH");
    check_says(check_listen, "127.0.0.1", "\"127.0.0.1\" is not ADDR:PORT");
    check_says(check_listen, "::1:80", "\"::1:80\" is not ADDR:PORT");
    check_says(check_listen, "127.0.0.1:65536",
               "\"127.0.0.1:65536\": the port must be between 0 and 65535");
    check_says(check_listen, "127.0.0.1:", "\"127.0.0.1:\": the port must be between 0 and 65535");
    check_says(check_listen, "example.com:80",
               "\"example.com:80\": the address must be a literal, as 127.0.0.1 or [::1]");
    check_says(check_listen, "127.1:80",
               "\"127.1:80\": the address must be a literal, as 127.0.0.1 or [::1]");
    check_says(check_admin, "off", "off");
    check_says(check_admin, "of", "\"of\" is not ADDR:PORT");
}

static void hosts_are_lowered_and_odd_spellings_refused(void **state)
{
    (void)state;
    check_says(check_host, "S3.Example.com:443", "s3.example.com:443");
    check_says(check_host, "[2001:db8::1]:9000", "[2001:db8::1]:9000");
    check_says(check_host, "10.0.0.7", "10.0.0.7");
    check_says(check_host, "my_bucket.test", "my_bucket.test");
    check_says(check_host, "10.0.7", "\"10.0.7\" is not HOST[:PORT]");
    check_says(check_host, "2130706433", "\"2130706433\" is not HOST[:PORT]");
    check_says(check_host, "0x7f000001", "\"0x7f000001\" is not HOST[:PORT]");
    check_says(check_host, "a..b", "\"a..b\" is not HOST[:PORT]");
    check_says(check_host, "a.b.", "\"a.b.\" is not HOST[:PORT]");
    check_says(check_host, "user@a", "\"user@a\" is not HOST[:PORT]");
    check_says(check_host, "a:0", "\"a:0\" is not HOST[:PORT]");
    check_says(check_host, "a:", "\"a:\" is not HOST[:PORT]");
    check_says(check_host, "a/b", "\"a/b\" is not HOST[:PORT]");
    check_says(check_host, "[::1", "\"[::1\" is not HOST[:PORT]");
    check_says(check_host, "https://a",
               "\"https://a\" has a scheme; write only HOST[:PORT] here, and upstream_url_scheme "
               "for the scheme");
    check_says(check_sign_host, "upstream", "upstream");
}

static void upstreams_are_a_scheme_and_an_authority(void **state)
{
    (void)state;
    check_says(check_upstream, "HTTP://127.0.0.1:9000", "http://127.0.0.1:9000");
    check_says(check_upstream, "https://a.test", "https://a.test");
    check_says(check_upstream, "a.test", "\"a.test\" must begin with https:// or http://");
    check_says(check_upstream, "ftp://a", "\"ftp://a\" must begin with https:// or http://");
    check_says(check_upstream, "https://", "\"https://\" is not http(s)://HOST[:PORT]");
    check_says(check_upstream, "https://a:99999",
               "\"https://a:99999\" is not http(s)://HOST[:PORT]");
    check_says(check_upstream, "https://a?b", "\"https://a?b\" is not http(s)://HOST[:PORT]");
    check_says(check_upstream, "https://u:p@a", "\"https://u:p@a\" is not http(s)://HOST[:PORT]");
    check_says(check_upstream, "https://a/",
               "\"https://a/\" has a path; only a host and a port may follow https://");
}

static void texts_can_be_written_into_a_file(void **state)
{
    (void)state;
    check_says(check_text, "/etc/a#b.pem", "/etc/a#b.pem");
    check_says(check_text, "dev #1", "the value holds \" #\", which begins a comment");
    check_says(check_text, ";x", "the value holds \" ;\", which begins a comment");
    check_says(check_text, "a\nb", "the value holds a control octet");
    check_says(check_text, "\"a\"", "values stand without quotes");
    check_says(check_folder, "tmp", "\"tmp\" is not an absolute path");
    check_says(check_glob, "*.S3.test:9000", "*.s3.test:9000");
    check_says(check_glob, "https://a",
               "\"https://a\" has a scheme; a glob matches HOST or HOST:PORT");
    check_says(check_glob, "a/b", "\"a/b\": a host has no '/'");
    check_says(check_glob, "", "a glob has 1 to 255 characters");
    check_says(check_scope, "us-east-1/s3",
               "\"us-east-1/s3\": only letters, digits, '-', '_' and '.' are taken");
    check_says(check_nameserver, "10.0.0.2, [::1]:53,fe80::1", "10.0.0.2, [::1]:53,fe80::1");
    check_says(check_nameserver, "dns.test",
               "\"dns.test\" is not ADDR[:PORT] with a literal address");
    check_says(check_nameserver, "1.1.1.1:0",
               "\"1.1.1.1:0\" is not ADDR[:PORT] with a literal address");
}

static void secrets_are_masked(void **state)
{
    (void)state;
    struct option o = *row("profile");
    char *value = strdup("hunter2");
    struct buf b;
    buf_init(&b);
    o.is_secret = true;
    value_format(&o, &value, &b);
    assert_string_equal(buf_cstr(&b), "********");
    value_clear(&o, &value);
    assert_null(value);
    buf_clear(&b);
}

// A key is one word for a person, a flag, a variable and a file: no two rows may share it, and none
// may look like a Kubernetes service link (SIGV4_PROXY_SERVICE_..., SIGV4_PROXY_PORT...).
static void rows_have_unique_keys_and_a_default_or_an_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        assert_ptr_equal(option_find(span_of(o->key)), o);
        assert_non_null(o->help);
        assert_true(o->def != NULL || o->example != NULL);
        assert_true(o->in_route || option_is_general(o));
        assert_true(strncmp(o->key, "service_", 8) != 0 && strncmp(o->key, "port", 4) != 0);
        if (strncmp(o->key, "no_", 3) == 0) // no flag may be the denial of another one
            assert_null(option_find(span_of(o->key + 3)));
        if (o->type == OPT_STRING || o->type == OPT_LIST)
            assert_non_null(o->check);
    }
    assert_null(option_find(SPAN("regio")));
    assert_null(option_find(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_take_k_m_g_or_bytes),
        cmocka_unit_test(times_take_ms_s_m_h_or_seconds),
        cmocka_unit_test(times_take_parts_with_the_larger_unit_first),
        cmocka_unit_test(wrong_numbers_are_named_with_what_is_wanted),
        cmocka_unit_test(numbers_out_of_bounds_are_refused_without_wrapping),
        cmocka_unit_test(booleans_take_the_usual_words),
        cmocka_unit_test(words_are_refused_with_the_nearest),
        cmocka_unit_test(lists_append_and_keep_the_old_on_failure),
        cmocka_unit_test(listen_wants_a_literal_address_and_a_port),
        cmocka_unit_test(hosts_are_lowered_and_odd_spellings_refused),
        cmocka_unit_test(upstreams_are_a_scheme_and_an_authority),
        cmocka_unit_test(texts_can_be_written_into_a_file),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(rows_have_unique_keys_and_a_default_or_an_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
