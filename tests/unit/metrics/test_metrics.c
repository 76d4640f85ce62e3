// SPDX-License-Identifier: Apache-2.0
// The registry lives as long as the process: each test looks at differences, or at labels of its
// own.
#include "unit/test.h"

#include <pthread.h>

#include "metrics/metrics.h"

static bool renders(const char *line)
{
    struct buf out;
    buf_init(&out);
    metrics_render(&out);
    bool has = strstr(buf_cstr(&out), line) != NULL;
    buf_clear(&out);
    return has;
}

static long long sample(const char *name)
{
    struct buf out;
    buf_init(&out);
    metrics_render(&out);
    char want[128];
    (void)snprintf(want, sizeof(want), "\n%s ", name);
    const char *at = strstr(buf_cstr(&out), want);
    long long value = at ? atoll(at + strlen(want)) : -1;
    buf_clear(&out);
    return value;
}

static void *count_on_thread(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        metrics_inc(METRIC_ATTEMPTS);
        metrics_observe_ms(METRIC_TIME_TOTAL, 3);
        metrics_request(SPAN("threads"), 200, METRIC_RELAYED);
    }
    metrics_add(METRIC_UPSTREAM_IDLE, *(int *)arg);
    metrics_thread_end();
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[8];
    int plus = 3;
    int64_t attempts = metrics_sum(METRIC_ATTEMPTS);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_on_thread, &plus), 0);
    assert_true(sample("sigv4_proxy_attempts_total") >= attempts); // a scrape meanwhile
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metrics_sum(METRIC_ATTEMPTS) - attempts, 80000);
    assert_true(renders("sigv4_proxy_requests_total{service=\"threads\",status=\"2xx\","
                        "outcome=\"relayed\"} 80000\n"));
    assert_int_equal(metrics_sum(METRIC_UPSTREAM_IDLE), 24);
    metrics_add(METRIC_UPSTREAM_IDLE, -24); // another thread's units
    assert_int_equal(metrics_sum(METRIC_UPSTREAM_IDLE), 0);
    assert_true(renders("sigv4_proxy_upstream_connections_idle 0\n"));
}

static void histogram_buckets_are_cumulative(void **state)
{
    (void)state;
    metrics_observe_ms(METRIC_TIME_CONNECT, 0);
    metrics_observe_ms(METRIC_TIME_CONNECT, 5); // a bound belongs to its bucket
    metrics_observe_ms(METRIC_TIME_CONNECT, 6);
    metrics_observe_ms(METRIC_TIME_CONNECT, -1);
    metrics_observe_ms(METRIC_TIME_CONNECT, 1000000);
    assert_true(renders("sigv4_proxy_connect_seconds_bucket{le=\"0.001\"} 2\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_bucket{le=\"0.005\"} 3\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_bucket{le=\"0.01\"} 4\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_bucket{le=\"300\"} 4\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_bucket{le=\"+Inf\"} 5\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_count 5\n"));
    assert_true(renders("sigv4_proxy_connect_seconds_sum 1000.011\n"));
}

static void odd_status_has_no_class(void **state)
{
    (void)state;
    metrics_request(SPAN("odd"), 0, METRIC_BROKEN);
    metrics_request(SPAN("odd"), 600, METRIC_BROKEN);
    metrics_request(SPAN("odd"), 599, METRIC_ANSWERED);
    assert_true(renders("{service=\"odd\",status=\"none\",outcome=\"broken\"} 2\n"));
    assert_true(renders("{service=\"odd\",status=\"5xx\",outcome=\"answered\"} 1\n"));
}

static void labels_are_escaped(void **state)
{
    (void)state;
    metrics_count(METRIC_CREDS_FAILURES, SPAN("a\"b\\c\nd\xff"));
    assert_true(renders("credentials_failures_total{provider=\"a\\\"b\\\\c\\nd?\"} 1\n"));
}

static void too_many_labels_become_other(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 500; i++) {
        (void)snprintf(name, sizeof(name), "code-%d", i);
        metrics_count(METRIC_ERRORS, span_of(name));
    }
    assert_true(renders("errors_total{code=\"code-0\"} 1\n"));
    assert_false(renders("code-499"));
    assert_true(renders("errors_total{code=\"other\"} 437\n"));
}

static void samples_of_the_moment_have_the_same_form(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out);
    metrics_family(&out, "spool_bytes", "gauge", "Octets.");
    metrics_sample(&out, "spool_bytes", NULL, 5368709120.0);
    metrics_sample(&out, "spool_bytes", "a=\"b\"", 0.25);
    assert_string_equal(buf_cstr(&out), "# HELP sigv4_proxy_spool_bytes Octets.\n"
                                        "# TYPE sigv4_proxy_spool_bytes gauge\n"
                                        "sigv4_proxy_spool_bytes 5368709120\n"
                                        "sigv4_proxy_spool_bytes{a=\"b\"} 0.25\n");
    buf_clear(&out);
}

static void page_lists_each_family(void **state)
{
    (void)state;
    static char page[1 << 18];
    struct buf out;
    struct span rest;
    struct span line;
    FILE *f = fopen(SOURCE_DIR "/docs/operations.md", "re");
    assert_non_null(f);
    page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
    (void)fclose(f);
    buf_init(&out);
    metrics_render(&out);
    rest = buf_span(&out);
    while (span_next(&rest, '\n', &line)) {
        char name[128];
        if (!span_starts(line, SPAN("# TYPE ")))
            continue;
        line = span_sub(line, 7, line.len);
        (void)snprintf(name, sizeof(name), "`%.*s`", (int)span_find(line, ' '), line.p);
        if (!strstr(page, name))
            fail_msg("docs/operations.md has no row for %s", name);
    }
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(histogram_buckets_are_cumulative),
        cmocka_unit_test(odd_status_has_no_class),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(too_many_labels_become_other),
        cmocka_unit_test(samples_of_the_moment_have_the_same_form),
        cmocka_unit_test(page_lists_each_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
