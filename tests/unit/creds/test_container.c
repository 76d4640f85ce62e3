// SPDX-License-Identifier: Apache-2.0
// Ids are those of the behaviour table.
#include "mock_json.h"

#define FULL(path) "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:PORT" path
#define IMDS                                                                                       \
    "AWS_EC2_METADATA_DISABLED=false",                                                             \
        "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:PORT/imds"

// What the path begins with tells how it is answered; the key tells the Authorization.
static void serve(struct mock *m, struct mock_conn *c, const char *request)
{
    const char *path = strchr(request, ' ') + 1;
    char id[300];
    (void)snprintf(id, sizeof(id), "AK-%s", field_of(request, "authorization"));
    for (char *p = id; *p; p++)
        if (*p == ' ')
            *p = '_';
    assert_string_equal(field_of(request, "accept"), "application/json");
    if (!strncmp(path, "/none", 5))
        mock_say_status(c, 404, "", "{\"code\":\"NotFound\",\"message\":\"no such role\"}");
    else if (!strncmp(path, "/once", 5) && m->n_requests == 1)
        mock_say_status(c, 500, "", "oops");
    else if (!strncmp(path, "/junk", 5))
        mock_say_status(c, 200, "", "<html>");
    else if (!strncmp(path, "/move", 5))
        mock_say_status(c, 302, "Location: http://127.0.0.1:1/\r\n", "");
    else if (!strncmp(path, "/undated", 8))
        mock_say_status(c, 200, "", document(id, 0, ""));
    else if (!strncmp(path, "/old", 4))
        mock_say_status(c, 200, "", document(id, -1000, ""));
    else if (!strncmp(path, "/12", 3))
        mock_say_status(c, 200, "", document(id, HOUR_MS / 5, ""));
    else if (!strncmp(path, "/8", 2))
        mock_say_status(c, 200, "", document(id, HOUR_MS / 60 * 8, ""));
    else if (!strncmp(path, "/bare", 5))
        mock_say_status(c, 200, "", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\"}");
    else
        mock_say_status(c, 200, "", document(id, HOUR_MS, ""));
}

static const struct {
    const char *id;
    struct setup setup;
    const char *access_key; // NULL: it fails
    const char *why;
    unsigned n_requests;
} rows[] = {
    {"C01", {{FULL("/c?x=1")}, NULL, NULL, NULL}, "AK-", NULL, 1},
    {"token",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=Basic abc"}, NULL, NULL, NULL},
     "AK-Basic_abc",
     NULL,
     1},
    {"C03",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=variable",
       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/good"},
      NULL,
      NULL,
      NULL},
     "AK-of-file",
     NULL,
     1},
    {"C04",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/lf"}, NULL, NULL, NULL},
     "AK-with-lf",
     NULL,
     1},
    {"line break in the token",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/bad"}, NULL, NULL, NULL},
     NULL,
     "line break or a control octet in the token",
     0},
    {"line break in the variable",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=a\r\nX: y"}, NULL, NULL, NULL},
     NULL,
     "line break or a control octet in the token",
     0},
    {"token of 1 MiB",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/huge"}, NULL, NULL, NULL},
     NULL,
     "it holds no token of up to 16384 octets",
     0},
    {"C05",
     {{FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN=variable",
       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/none"},
      NULL,
      NULL,
      NULL},
     NULL,
     "/none: no such file",
     0},
    {"C06",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.7/"}, NULL, NULL, NULL},
     NULL,
     "over plain http from loopback",
     0},
    {"a number that is 192.0.2.7",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[::ffff:192.0.2.7]/"}, NULL, NULL, NULL},
     NULL,
     "over plain http from loopback",
     0},
    {"loopback in IPv6's clothes",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[::ffff:127.0.0.1]:PORT/c"}, NULL, NULL, NULL},
     "AK-",
     NULL,
     1},
    {"user in the URL",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1@192.0.2.7/"}, NULL, NULL, NULL},
     NULL,
     "AWS_CONTAINER_CREDENTIALS_FULL_URI",
     0},
    {"no URL",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=ftp://x/"}, NULL, NULL, NULL},
     NULL,
     "AWS_CONTAINER_CREDENTIALS_FULL_URI",
     0},
    {"relative wins, also when it is broken",
     {{FULL("/c"), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@127.0.0.1/"}, NULL, NULL, NULL},
     NULL,
     "does not begin with /",
     0},
    {"C08",
     {{FULL("/none"), IMDS}, NULL, NULL, NULL},
     NULL,
     "it answered 404: NotFound: no such role",
     1},
    {"C09", {{FULL("/once")}, NULL, NULL, NULL}, "AK-", NULL, 2},
    {"no JSON", {{FULL("/junk")}, NULL, NULL, NULL}, NULL, "is not JSON", 3},
    {"redirect", {{FULL("/move")}, NULL, NULL, NULL}, NULL, "it answered 302", 1},
    {"C11", {{FULL("/bare")}, NULL, NULL, NULL}, NULL, "Token is missing", 1},
    {"C12", {{FULL("/undated")}, NULL, NULL, NULL}, "AK-", NULL, 1},
    {"C15",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI="}, NULL, NULL, NULL},
     NULL,
     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
     0},
    {"C16", {{FULL("/old")}, NULL, NULL, NULL}, NULL, "have expired", 1},
    {"C17", {{FULL("/c")}, FILE_PAIR, NULL, NULL}, "AK-FILE", NULL, 0},
    {"C18",
     {{FULL("/c"), "AWS_PROFILE=p"}, NULL, "[profile p]\nregion = eu-west-1\n", NULL},
     "AK-",
     NULL,
     1},
};

static void rows_hold(void **state)
{
    static char huge[1048576];
    (void)state;
    memset(huge, 'x', sizeof(huge) - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *fx = fixture_serving(&rows[i].setup, serve, NULL);
        folder_put(&fx->folder, "good", "of-file");
        folder_put(&fx->folder, "lf", "with-lf\r\n");
        folder_put(&fx->folder, "bad", "a\nb");
        folder_put(&fx->folder, "huge", huge);
        const struct fact *f = resolve(fx, "");
        const struct creds *c = f->value;
        if (rows[i].access_key && (!c || strcmp(c->access_key, rows[i].access_key) != 0))
            fail_msg("%s: %s", rows[i].id, c ? c->access_key : f->err.text);
        if (rows[i].why && (c || !strstr(f->err.text, rows[i].why)))
            fail_msg("%s: %s", rows[i].id, c ? c->access_key : f->err.text);
        if (fx->mock->n_requests != rows[i].n_requests)
            fail_msg("%s: %u requests", rows[i].id, fx->mock->n_requests);
        fixture_free(fx);
    }
}

static void token_file_is_read_at_each_fetch(void **state)
{
    (void)state;
    struct setup s = {.env = {FULL("/c"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=DIR/token"}};
    struct fixture *fx = fixture_serving(&s, serve, NULL);
    folder_put(&fx->folder, "token", "one");
    uint64_t first = resolve(fx, "")->generation;
    assert_string_equal(creds_of(fx->fact)->access_key, "AK-one");
    folder_put(&fx->folder, "token", "two.two");
    poll_files(fx);
    resolve_until(fx, "AK-two.two");
    assert_true(fx->fact->generation > first);
    fixture_free(fx);
}

static void undated_credentials_are_asked_for_again_in_a_quarter_of_an_hour(void **state)
{
    (void)state;
    struct setup s = {.env = {FULL("/undated")}};
    struct fixture *fx = fixture_serving(&s, serve, NULL);
    const struct fact *f = resolve(fx, "");
    assert_true(f->expires_at_ms == INT64_MAX);
    int64_t in_ms = f->refresh_at_ms - loop_now_ms(fx->loop);
    assert_true(in_ms > 890000 && in_ms <= POLL_UNDATED_MS);
    fixture_free(fx);
}

static void keys_outlive_a_dead_endpoint_while_they_live(void **state)
{
    (void)state;
    static const char *const paths[] = {FULL("/12"), FULL("/8")}; // T01, T02: minutes
    for (int i = 0; i < 2; i++) {
        struct setup s = {.env = {paths[i]}};
        struct fixture *fx = fixture_serving(&s, serve, NULL);
        uint64_t generation = resolve(fx, "")->generation;
        mock_close(fx->mock);
        facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
        for (int n = 0; n < 200 && !fx->fact->err.text[0]; n++) {
            run_for(fx, 25);
            (void)resolve(fx, "");
        }
        assert_true(fx->fact->err.text[0] != '\0');
        assert_string_equal(creds_of(fx->fact)->access_key, "AK-");
        assert_int_equal(fx->fact->generation, generation);
        fixture_free(fx);
    }
}

static void clock_that_jumps_makes_keys_be_asked_for_again(void **state)
{
    (void)state;
    static const int64_t jumps_ms[] = {24 * HOUR_MS, -24 * HOUR_MS, 30000};
    for (int i = 0; i < 3; i++) {
        struct setup s = {.env = {FULL("/c")}};
        struct fixture *fx = fixture_serving(&s, serve, NULL);
        (void)resolve(fx, "");
        fx->chain->wall_ahead_ms -= jumps_ms[i];
        creds_chain_poll(fx->chain);
        for (int n = 0; n < 100 && fx->mock->n_requests < 2 && i < 2; n++)
            run_for(fx, 25);
        assert_int_equal(fx->mock->n_requests, i < 2 ? 2 : 1);
        fixture_free(fx);
    }
}

static void source_is_told_without_the_query(void **state)
{
    (void)state;
    struct setup s = {.env = {FULL("/c?secret=1")}};
    struct fixture *fx = fixture_serving(&s, serve, NULL);
    char *expected = fixture_text(fx, "container credentials of http://127.0.0.1:PORT/c");
    assert_string_equal(creds_of(resolve(fx, ""))->source, expected);
    free(expected);
    fixture_free(fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold),
        cmocka_unit_test(token_file_is_read_at_each_fetch),
        cmocka_unit_test(undated_credentials_are_asked_for_again_in_a_quarter_of_an_hour),
        cmocka_unit_test(keys_outlive_a_dead_endpoint_while_they_live),
        cmocka_unit_test(clock_that_jumps_makes_keys_be_asked_for_again),
        cmocka_unit_test(source_is_told_without_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
