// SPDX-License-Identifier: Apache-2.0
// Runs the adversarial corpus beside the tree, where it is there, through the parser alone: what
// must be refused by syntax is refused, what must pass passes, and no cut changes anything. What
// policy or timeouts decide is left to the end-to-end tests.
#include "unit/test.h"

#include "support/h1_trace.h"

#define CORPUS       SOURCE_DIR "/../shared/corpus/"
#define LINE_MAX_LEN 4096

struct test_case {
    char file[256];
    char expected[32];
    char category[32];
    char body[64];
    bool has_body;
    bool is_head;
};

static bool field(const char *line, const char *key, char *out, size_t cap)
{
    char pattern[64];
    (void)snprintf(pattern, sizeof(pattern), "\"%s\": \"", key);
    const char *p = strstr(line, pattern);
    out[0] = '\0';
    if (!p)
        return false;
    p += strlen(pattern);
    size_t len = strcspn(p, "\"");
    assert_true(len < cap);
    memcpy(out, p, len);
    out[len] = '\0';
    return true;
}

static struct buf read_file(const char *name)
{
    char path[1024];
    struct buf b;
    buf_init(&b);
    (void)snprintf(path, sizeof(path), CORPUS "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n = 1; n;) {
        n = fread(buf_reserve(&b, 65536), 1, 65536, f);
        b.len += n;
    }
    (void)fclose(f);
    return b;
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

static void complain(const struct test_case *c, const char *text)
{
    print_error("%s, expected %s, gives:\n%.2000s\n", c->file, c->expected, text);
    fail();
}

// A list of statuses as the manifest writes it, or 400.
static bool has_wanted_status(const char *line, const char *text)
{
    const char *list = strstr(line, "\"status\": [");
    const char *error = strstr(text, "\nERROR ");
    char want[16];
    if (!error)
        return false;
    (void)snprintf(want, sizeof(want), "%.3s", error + 7);
    if (!list)
        return strcmp(want, "400") == 0;
    const char *hit = strstr(list, want);
    return hit && hit < strchr(list, ']');
}

static void check_request(const struct test_case *c, const char *line, struct buf *text)
{
    const char *t = buf_cstr(text);
    bool is_refused = strstr(t, "\nERROR ") && !strstr(t, "\nEND ");
    if (strcmp(c->category, "policy") == 0 || strcmp(c->expected, "either") == 0)
        return;
    if (strcmp(c->expected, "forward-clean") == 0) {
        unsigned want = strstr(line, "\"want_responses\": 2") ? 2 : 1;
        if (strstr(t, "\nERROR ") || count(t, "\nEND ") < want)
            complain(c, t);
        if (c->has_body && !strstr(t, c->body))
            complain(c, t);
    } else if (!is_refused || !has_wanted_status(line, t)) {
        complain(c, t);
    }
}

static void check_response(const struct test_case *c, struct buf *text)
{
    const char *t = buf_cstr(text);
    bool is_refused = strstr(t, "\nERROR 502") && !strstr(t, "\nEND ");
    if (strcmp(c->expected, "forward-clean") == 0) {
        if (!strstr(t, "HEAD   200") || !strstr(t, "\nEND ") || !strstr(t, c->body))
            complain(c, t);
    } else if (strcmp(c->expected, "bad-gateway") == 0 && !strstr(c->file, "101_unasked")) {
        if (!is_refused)
            complain(c, t);
    } else if (strcmp(c->expected, "abort") == 0 && !is_refused) {
        complain(c, t);
    }
}

static void assert_cuts_agree(const struct test_case *c, const struct h1_trace *how, struct span in,
                              struct buf *whole)
{
    for (size_t step = 1; step <= in.len && step<200; step += in.len> 6000 ? 37 : 1) {
        struct buf cut = h1_trace_run(how, in, step, 0);
        if (!span_eq(buf_span(&cut), buf_span(whole))) {
            print_error("cut every %zu:\n%.2000s\n", step, buf_cstr(&cut));
            complain(c, buf_cstr(whole));
        }
        buf_clear(&cut);
    }
}

static void run(const char *manifest, enum h1_kind kind)
{
    char line[LINE_MAX_LEN];
    unsigned ran = 0;
    FILE *f = fopen(manifest, "r");
    if (!f) {
        print_message("no %s, skipped\n", manifest);
        skip();
        return;
    }
    while (fgets(line, sizeof(line), f)) {
        struct test_case c = {0};
        char method[16];
        assert_true(field(line, "file", c.file, sizeof(c.file)));
        assert_true(field(line, "expected", c.expected, sizeof(c.expected)));
        (void)field(line, "category", c.category, sizeof(c.category));
        c.has_body = field(line, "body", c.body, sizeof(c.body));
        c.is_head = field(line, "method", method, sizeof(method)) && strcmp(method, "HEAD") == 0;
        const struct h1_trace how = {.kind = kind, .is_head = c.is_head};
        struct buf in = read_file(c.file);
        struct buf text = h1_trace_run(&how, buf_span(&in), 0, 0);
        if (kind == H1_REQUEST)
            check_request(&c, line, &text);
        else
            check_response(&c, &text);
        assert_cuts_agree(&c, &how, buf_span(&in), &text);
        buf_clear(&text);
        buf_clear(&in);
        ran++;
    }
    (void)fclose(f);
    print_message("%u cases\n", ran);
    assert_true(ran > 0);
}

static void requests_are_taken_or_refused_as_the_manifest_says(void **state)
{
    (void)state;
    run(CORPUS "manifest.jsonl", H1_REQUEST);
}

static void responses_are_taken_or_refused_as_the_manifest_says(void **state)
{
    (void)state;
    run(CORPUS "responses_manifest.jsonl", H1_RESPONSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_taken_or_refused_as_the_manifest_says),
        cmocka_unit_test(responses_are_taken_or_refused_as_the_manifest_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
