// SPDX-License-Identifier: Apache-2.0
// Sessions of `aws login`: the file, the refresh, and what comes of races and refusals. Ids are
// those of the behaviour table.
#include "mock_json.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/file.h>

#include "base/digest.h"

#define SESSION  "arn:aws:sts::222233334444:assumed-role/Admin/me"
#define CONFIG   "[default]\nlogin_session = " SESSION "\nregion = eu-west-1\n"
#define ENDPOINT "AWS_LOGIN_CACHE_DIRECTORY=DIR", "AWS_ENDPOINT_URL_SIGNIN=http://127.0.0.1:PORT/"
#define ANSWER(id)                                                                                 \
    "{\"accessToken\":{\"accessKeyId\":\"" id "\",\"secretAccessKey\":\"S-" id                     \
    "\",\"sessionToken\":\"T-" id "\"},\"tokenType\":\"aws_sigv4\",\"expiresIn\":900,"             \
    "\"refreshToken\":\"R-" id "\"}"

#define MINUTE_MS ((int64_t)60000)

static const char *file_name(void)
{
    static char name[DIGEST_HEX + 6];
    char hex[DIGEST_HEX + 1];
    digest_sha256_hex(SPAN(SESSION), hex);
    (void)snprintf(name, sizeof(name), "%s.json", hex);
    return name;
}

// In JSON, line ends escaped.
static const char *key_text(void)
{
    static char text[1024];
    if (text[0])
        return text;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &pem);
    size_t n = 0;
    for (long i = 0; i < len; i++) {
        if (pem[i] == '\n')
            text[n++] = '\\';
        text[n++] = pem[i] == '\n' ? 'n' : pem[i];
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return text;
}

static void put_session(struct fixture *fx, const char *id, int64_t left_ms, const char *refresh)
{
    char text[2048];
    char until[25];
    clock_format_iso(clock_wall_ms() + left_ms, until);
    (void)snprintf(text, sizeof(text),
                   "{\"accessToken\":{\"accessKeyId\":\"%s\",\"secretAccessKey\":\"S-%s\","
                   "\"sessionToken\":\"T-%s\",\"accountId\":\"222233334444\",\"expiresAt\":\"%s\"},"
                   "\"tokenType\":\"aws_sigv4\",\"refreshToken\":\"%s\",\"idToken\":\"id\","
                   "\"clientId\":\"arn:aws:signin:::devtools/same-device\",\"dpopKey\":\"%s\"}",
                   id, id, id, until, refresh, key_text());
    folder_put(&fx->folder, file_name(), text);
}

static void serve_new(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)m;
    if (!strstr(request, "\"refreshToken\":\"R-OLD\""))
        mock_say_status(c, 400, "", "{\"error\":\"TOKEN_EXPIRED\",\"message\":\"spent\"}");
    else
        mock_say_status(c, 200, "", ANSWER("AK-NEW"));
}

static const struct setup setup = {.env = {ENDPOINT}, .config = CONFIG};

static void assert_file_holds(struct fixture *fx, const char *want)
{
    struct buf b;
    struct file_id id;
    struct err e;
    buf_init(&b);
    assert_int_equal(file_read(folder_at(&fx->folder, file_name()), &b, &id, &e), ST_OK);
    if (!strstr(buf_cstr(&b), want))
        fail_msg("%s is not in the file", want);
    buf_clear(&b);
}

static void L02_session_that_is_valid_is_used_as_it_is(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    put_session(fx, "AK-OLD", 6 * MINUTE_MS, "R-OLD");
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_string_equal(c->access_key, "AK-OLD");
    assert_string_equal(c->session_token, "T-AK-OLD");
    assert_string_equal(c->account_id, "222233334444");
    assert_string_equal(c->provider, "login session [default]");
    assert_int_equal(fx->mock->n_requests, 0);
    fixture_free(fx);
}

static void L03_session_that_has_expired_is_refreshed_with_a_proof(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_string_equal(c->access_key, "AK-NEW");
    assert_string_equal(c->session_token, "T-AK-NEW");
    assert_string_equal(c->account_id, "222233334444");
    assert_true(c->expires_at_ms > clock_wall_ms() + 14 * MINUTE_MS);
    assert_int_equal(fx->mock->n_requests, 1);
    const char *r = fx->mock->last;
    assert_non_null(strstr(r, "POST /v1/token HTTP/1.1\r\n"));
    assert_non_null(strstr(r, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(r, "{\"clientId\":\"arn:aws:signin:::devtools/same-device\","
                              "\"grantType\":\"refresh_token\",\"refreshToken\":\"R-OLD\"}"));
    assert_null(strstr(r, "Authorization"));
    assert_non_null(strcasestr(r, "\r\nDPoP: ey"));
    assert_file_holds(fx, "\"refreshToken\":\"R-AK-NEW\"");
    assert_file_holds(fx, "\"accessKeyId\":\"AK-NEW\"");
    assert_file_holds(fx, "\"idToken\":\"id\"");
    struct stat st;
    assert_int_equal(stat(folder_at(&fx->folder, file_name()), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fixture_free(fx);
}

// With less than five minutes left, but not for a failed refresh's sake.
static void session_near_its_end_is_refreshed_and_serves_where_that_fails(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    put_session(fx, "AK-OLD", 4 * MINUTE_MS, "R-OLD");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-NEW");
    fixture_free(fx);
    fx = fixture_serving(&setup, serve_new, NULL);
    put_session(fx, "AK-OLD", 4 * MINUTE_MS, "R-SPENT");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-OLD");
    assert_int_equal(fx->mock->n_requests, 1);
    fixture_free(fx);
}

static void L04_static_keys_of_the_profile_win(void **state)
{
    (void)state;
    struct setup s = setup;
    s.credentials = FILE_PAIR;
    struct fixture *fx = fixture_serving(&s, serve_new, NULL);
    put_session(fx, "AK-OLD", HOUR_MS, "R-OLD");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    fixture_free(fx);
}

// Identity Center first: its token is missing here, and the session does not step in for it.
static void L05_identity_center_of_the_profile_wins(void **state)
{
    (void)state;
    struct setup s = setup;
    s.config = CONFIG "sso_start_url = https://x.test/start\nsso_region = eu-west-1\n"
                      "sso_account_id = 222233334444\nsso_role_name = Reader\n";
    struct fixture *fx = fixture_serving(&s, serve_new, NULL);
    put_session(fx, "AK-OLD", HOUR_MS, "R-OLD");
    const struct fact *f = resolve(fx, "");
    assert_null(f->value);
    assert_non_null(strstr(f->err.text, "aws sso login"));
    fixture_free(fx);
}

static void serve_status(struct mock *m, struct mock_conn *c, const char *request)
{
    const char *text = m->arg;
    (void)request;
    mock_say_status(c, (int)strtol(text, NULL, 10), "", text + 4);
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *why, *also;
        unsigned n;
    } rows[] = {
        {"400 {\"error\":\"TOKEN_EXPIRED\",\"message\":\"too late\"}", "TOKEN_EXPIRED: too late",
         "run: aws login --profile default", 1},
        {"401 {\"error\":\"USER_CREDENTIALS_CHANGED\"}", "USER_CREDENTIALS_CHANGED",
         "run: aws login --profile default", 1},
        {"403 {\"error\":\"INSUFFICIENT_PERMISSIONS\"}", "lacks signin:CreateOAuth2Token", "", 1},
        {"500 {\"error\":\"server_error\"}", "it answered 500: server_error", "", 3},
        {"200 {}", "accessToken.accessKeyId is missing in the answer", "", 1},
        {"404 <html>", "it answered 404", "/v1/token", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *fx = fixture_serving(&setup, serve_status, (void *)rows[i].answer);
        put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
        const struct fact *f = resolve(fx, "");
        assert_null(f->value);
        if (!strstr(f->err.text, rows[i].why) || !strstr(f->err.text, rows[i].also) ||
            fx->mock->n_requests != rows[i].n)
            fail_msg("%s: %s, %u requests", rows[i].answer, f->err.text, fx->mock->n_requests);
        assert_null(strstr(f->err.text, "R-OLD"));
        assert_file_holds(fx, "\"refreshToken\":\"R-OLD\"");
        fixture_free(fx);
    }
}

static void missing_session_says_the_command_and_is_found_when_it_comes(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    const struct fact *f = resolve(fx, "");
    assert_null(f->value);
    assert_non_null(strstr(f->err.text, ".json: no such file; run: aws login --profile default"));
    put_session(fx, "AK-CAME", HOUR_MS, "R-OLD");
    poll_files(fx);
    for (int i = 0; i < 100 && !fx->fact->value; i++) {
        run_for(fx, 20);
        (void)resolve(fx, "");
    }
    assert_string_equal(creds_of(fx->fact)->access_key, "AK-CAME");
    fixture_free(fx);
}

static void session_that_can_not_be_refreshed_says_what_it_lacks(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    put_session(fx, "AK-OLD", -HOUR_MS, "");
    const struct fact *f = resolve(fx, "");
    assert_null(f->value);
    assert_non_null(strstr(f->err.text, "refreshToken is missing; run: aws login"));
    assert_int_equal(fx->mock->n_requests, 0);
    fixture_free(fx);
}

static void key_that_is_none_is_told(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    folder_put(&fx->folder, file_name(),
               "{\"accessToken\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S-A\","
               "\"sessionToken\":\"T\",\"expiresAt\":\"2020-01-01T00:00:00Z\"},"
               "\"refreshToken\":\"R\",\"clientId\":\"c\",\"dpopKey\":\"S-A\"}");
    const struct fact *f = resolve(fx, "");
    assert_null(f->value);
    assert_non_null(strstr(f->err.text, "no unencrypted P-256 private key"));
    assert_null(strstr(f->err.text, "S-A"));
    fixture_free(fx);
}

// What a tool does that knows nothing of our lock, between our reading and our asking.
static void serve_beaten(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)request;
    put_session(m->arg, "AK-OTHER", 14 * MINUTE_MS, "R-OTHER");
    mock_say_status(c, 400, "", "{\"error\":\"TOKEN_EXPIRED\"}");
}

static void session_that_another_tool_has_refreshed_meanwhile_is_taken(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_beaten, NULL);
    fx->mock->arg = fx;
    put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-OTHER");
    assert_file_holds(fx, "\"refreshToken\":\"R-OTHER\"");
    fixture_free(fx);
}

struct holder {
    struct fixture *fx;
    int lock;
};

static void let_go(void *arg)
{
    struct holder *h = arg;
    put_session(h->fx, "AK-OTHER", 14 * MINUTE_MS, "R-OTHER");
    file_unlock(&h->lock);
}

static void who_comes_second_waits_and_spends_nothing(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
    struct holder h = {.fx = fx};
    struct err e;
    put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
    assert_int_equal(file_lock(folder_at(&fx->folder, file_name()), &h.lock, &e), ST_OK);
    struct timer *t = timer_new(fx->loop, let_go, &h);
    timer_set(t, 150);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-OTHER");
    assert_int_equal(fx->mock->n_requests, 0);
    timer_free(t);
    fixture_free(fx);
}

static void endpoint_follows_the_region_where_it_was_logged_in(void **state)
{
    (void)state;
    struct setup s = {.env = {"AWS_LOGIN_CACHE_DIRECTORY=DIR", "AWS_REGION=cn-north-1"},
                      .config = CONFIG};
    struct fixture *fx = fixture_new(&s);
    put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
    const struct fact *f = resolve(fx, ""); // there is no TLS here, so nothing leaves the machine
    assert_null(f->value);
    assert_non_null(strstr(f->err.text, "https://cn-north-1.signin.amazonaws.cn/v1/token"));
    fixture_free(fx);
}

static void walks_that_are_cut_short_leave_nothing_behind(void **state)
{
    (void)state;
    for (int n = 0; n < 16; n++) {
        struct fixture *fx = fixture_serving(&setup, serve_new, NULL);
        fx->is_chain_first = n % 2;
        put_session(fx, "AK-OLD", -HOUR_MS, "R-OLD");
        facts_warm(fx->facts, FACTS_CREDENTIALS, "");
        for (int i = 0; i < n / 2; i++) {
            loop_post(fx->loop, stop_loop, fx->loop);
            loop_run(fx->loop);
        }
        fixture_free(fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(L02_session_that_is_valid_is_used_as_it_is),
        cmocka_unit_test(L03_session_that_has_expired_is_refreshed_with_a_proof),
        cmocka_unit_test(session_near_its_end_is_refreshed_and_serves_where_that_fails),
        cmocka_unit_test(L04_static_keys_of_the_profile_win),
        cmocka_unit_test(L05_identity_center_of_the_profile_wins),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(missing_session_says_the_command_and_is_found_when_it_comes),
        cmocka_unit_test(session_that_can_not_be_refreshed_says_what_it_lacks),
        cmocka_unit_test(key_that_is_none_is_told),
        cmocka_unit_test(session_that_another_tool_has_refreshed_meanwhile_is_taken),
        cmocka_unit_test(who_comes_second_waits_and_spends_nothing),
        cmocka_unit_test(endpoint_follows_the_region_where_it_was_logged_in),
        cmocka_unit_test(walks_that_are_cut_short_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
