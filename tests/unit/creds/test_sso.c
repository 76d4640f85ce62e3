// SPDX-License-Identifier: Apache-2.0
// IAM Identity Center: the token's file, its renewal, the portal. Ids are those of the behaviour
// table.
#include "mock_json.h"
#include "mock_sts.h"

#include <sys/file.h>

#include "base/digest.h"

#define MINUTE_MS ((int64_t)60000)
#define ENDPOINTS                                                                                  \
    "HOME=DIR", "AWS_ENDPOINT_URL_SSO=http://127.0.0.1:PORT/portal/",                              \
        "AWS_ENDPOINT_URL_SSO_OIDC=http://127.0.0.1:PORT/oidc"
#define ROLE    "sso_account_id = 222233334444\nsso_role_name = Reader+1\n"
#define SESSION "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x.test/start\n"
#define CONFIG  "[default]\nsso_session = work\n" ROLE SESSION
#define LEGACY  "[default]\nsso_start_url = https://x.test/start\nsso_region = eu-west-1\n" ROLE

static const struct setup with_session = {.env = {ENDPOINTS}, .config = CONFIG};
static const struct setup legacy = {.env = {ENDPOINTS}, .config = LEGACY};

static const char *cache_name(const char *of)
{
    static char name[80];
    char hex[DIGEST_SHA1_HEX + 1];
    digest_sha1_hex(span_of(of), hex);
    (void)snprintf(name, sizeof(name), ".aws/sso/cache/%s.json", hex);
    return name;
}

static void put_file(struct fixture *fx, const char *of, const char *text)
{
    struct err e;
    (void)mkdir(folder_at(&fx->folder, ".aws"), 0700);
    (void)mkdir(folder_at(&fx->folder, ".aws/sso"), 0700);
    (void)mkdir(folder_at(&fx->folder, ".aws/sso/cache"), 0700);
    assert_int_equal(file_replace(folder_at(&fx->folder, cache_name(of)), span_of(text), &e),
                     ST_OK);
}

// more: further members, with a comma in front.
static void put_token(struct fixture *fx, const char *of, int64_t left_ms, const char *more)
{
    char text[1024];
    char until[25];
    clock_format_iso(clock_wall_ms() + left_ms, until);
    memcpy(until + 19, "Z", 2);
    (void)snprintf(text, sizeof(text),
                   "{\"startUrl\":\"https://x.test/start\",\"region\":\"eu-west-1\","
                   "\"accessToken\":\"TOKEN-OLD\",\"expiresAt\":\"%s\"%s}",
                   until, more);
    put_file(fx, of, text);
}

#define RENEWABLE_WITH(refresh)                                                                    \
    ",\"clientId\":\"C\",\"clientSecret\":\"CS\",\"registrationExpiresAt\":\"2999-01-01T00:00:00Z" \
    "\",\"refreshToken\":\"" refresh "\",\"of\":\"another tool\""
#define RENEWABLE RENEWABLE_WITH("R-OLD")

// Where the folders are made under DIR, the fixture's own end would not remove them.
static void done(struct fixture *fx)
{
    static const char *const names[] = {"work", "https://x.test/start"};
    for (size_t i = 0; i < 2; i++)
        (void)unlink(folder_at(&fx->folder, cache_name(names[i])));
    (void)chmod(folder_at(&fx->folder, ".aws/sso/cache"), 0700);
    (void)rmdir(folder_at(&fx->folder, ".aws/sso/cache"));
    (void)rmdir(folder_at(&fx->folder, ".aws/sso"));
    fixture_free(fx);
}

// "AK-" and the token that was shown. A token of "TOKEN-DENIED" or the like gets that status.
static void serve_portal(struct mock *m, struct mock_conn *c, const char *request)
{
    char body[400];
    int64_t until_ms = clock_wall_ms() + HOUR_MS;
    const char *token = field_of(request, "x-amz-sso_bearer_token");
    (void)m;
    if (strstr(request, "GET /portal/federation/credentials?role_name=Reader%2B1&account_id="
                        "222233334444 HTTP/1.1\r\n") != request) {
        mock_say_status(c, 400, "", "{\"message\":\"another request was expected\"}");
        return;
    }
    (void)snprintf(body, sizeof(body),
                   "{\"roleCredentials\":{\"accessKeyId\":\"AK-%s\",\"secretAccessKey\":\"S\","
                   "\"sessionToken\":\"T\",\"expiration\":%lld}}",
                   token, (long long)until_ms);
    mock_say_status(c, 200, "", body);
}

static void serve_both(struct mock *m, struct mock_conn *c, const char *request)
{
    if (strncmp(request, "POST /oidc/token HTTP/1.1\r\n", 27) != 0)
        serve_portal(m, c, request);
    else if (strstr(request, "\"refreshToken\":\"R-OLD\""))
        mock_say_status(c, 200, "",
                        "{\"accessToken\":\"TOKEN-NEW\",\"tokenType\":\"Bearer\",\"expiresIn\":"
                        "28800,\"refreshToken\":\"R-NEW\"}");
    else if (strstr(request, "\"refreshToken\":\"R-DOWN\""))
        mock_say_status(c, 503, "", "");
    else
        mock_say_status(c, 400, "",
                        "{\"error\":\"invalid_grant\",\"error_description\":\"spent\"}");
}

static void assert_file_holds(struct fixture *fx, const char *of, const char *want)
{
    struct buf b;
    struct file_id id;
    struct err e;
    buf_init(&b);
    assert_int_equal(file_read(folder_at(&fx->folder, cache_name(of)), &b, &id, &e), ST_OK);
    if (!strstr(buf_cstr(&b), want))
        fail_msg("%s is not in the file", want);
    buf_clear(&b);
}

static void assert_why(const struct fact *f, const char *why)
{
    assert_int_not_equal(f->status, ST_OK);
    if (!strstr(f->err.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, f->err.text);
}

// ---- tokens that are valid

static void S01_token_of_the_session_gets_the_role_s_credentials(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", HOUR_MS, RENEWABLE);
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_string_equal(c->access_key, "AK-TOKEN-OLD");
    assert_string_equal(c->secret_key, "S");
    assert_string_equal(c->session_token, "T");
    assert_string_equal(c->account_id, "222233334444");
    assert_string_equal(c->provider, "SSO [default]");
    assert_in_range(c->expires_at_ms, clock_wall_ms() + HOUR_MS - MINUTE_MS,
                    clock_wall_ms() + HOUR_MS);
    assert_int_equal(fx->mock->n_requests, 1);
    assert_null(strcasestr(fx->mock->last, "\r\nauthorization:"));
    done(fx);
}

static void S05_older_form_has_its_file_named_by_the_start_url(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&legacy, serve_both, NULL);
    put_token(fx, "https://x.test/start", 2 * MINUTE_MS, RENEWABLE);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    assert_int_equal(fx->mock->n_requests, 1); // never renewed, however near its end
    done(fx);
}

static void time_as_old_clis_wrote_it_is_read(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&legacy, serve_both, NULL);
    put_file(fx, "https://x.test/start",
             "{\"accessToken\":\"TOKEN-OLD\",\"expiresAt\":\"2999-01-01T00:00:00UTC\"}");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    done(fx);
}

static void it_may_be_the_source_of_a_role(void **state)
{
    (void)state;
    struct setup s = with_session;
    s.config = "[profile b]\nsso_session = work\n" ROLE SESSION
               "[profile a]\nrole_arn = arn:aws:iam::222233334444:role/deny\nsource_profile = b\n";
    s.option = "a";
    struct fixture *fx = fixture_serving(&s, serve_both, NULL);
    put_token(fx, "work", HOUR_MS, RENEWABLE);
    assert_string_equal(creds_of(resolve(fx, "source=b"))->access_key, "AK-TOKEN-OLD");
    done(fx);
}

// ---- renewal

static void S02_expired_token_is_renewed_and_written_back(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    struct stat st;
    put_token(fx, "work", -HOUR_MS, RENEWABLE);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-NEW");
    assert_int_equal(fx->mock->n_requests, 2);
    assert_file_holds(fx, "work", "\"accessToken\":\"TOKEN-NEW\"");
    assert_file_holds(fx, "work", "\"refreshToken\":\"R-NEW\"");
    assert_file_holds(fx, "work", "\"of\":\"another tool\"");
    assert_file_holds(fx, "work", "\"startUrl\":\"https://x.test/start\"");
    assert_int_equal(stat(folder_at(&fx->folder, cache_name("work")), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    poll_files(fx); // our own writing is no change
    assert_int_equal(fx->mock->n_requests, 2);
    done(fx);
}

static void request_for_a_new_token_is_unsigned_json(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", -HOUR_MS, RENEWABLE_WITH("R-SPENT"));
    (void)resolve(fx, "");
    assert_int_equal(fx->mock->n_requests, 1);
    assert_non_null(strstr(fx->mock->last, "Content-Type: application/json\r\n"));
    assert_null(strcasestr(fx->mock->last, "\r\nauthorization:"));
    assert_non_null(strstr(fx->mock->last,
                           "{\"grantType\":\"refresh_token\",\"clientId\":\"C\",\"clientSecret\":"
                           "\"CS\",\"refreshToken\":\"R-SPENT\"}"));
    done(fx);
}

static void token_near_its_end_is_renewed_and_serves_where_that_fails(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", 14 * MINUTE_MS, RENEWABLE);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-NEW");
    done(fx);
    fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", 14 * MINUTE_MS, RENEWABLE_WITH("R-SPENT"));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    assert_int_equal(fx->mock->n_requests, 2);
    done(fx);
    fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", 14 * MINUTE_MS, "");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    assert_int_equal(fx->mock->n_requests, 1);
    done(fx);
}

static void refresh_token_stays_where_none_is_given(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", -HOUR_MS, RENEWABLE_WITH("R-DOWN"));
    assert_why(resolve(fx, ""), "it answered 503");
    assert_null(strstr(fx->fact->err.text, "aws sso login")); // it may pass by itself
    assert_int_equal(fx->mock->n_requests, 3);
    assert_file_holds(fx, "work", "\"refreshToken\":\"R-DOWN\"");
    done(fx);
}

static void two_profiles_of_a_session_spend_one_refresh_token(void **state)
{
    (void)state;
    struct setup s = with_session;
    s.config = CONFIG "[profile other]\nsso_session = work\n" ROLE;
    struct fixture *fx = fixture_serving(&s, serve_both, NULL);
    put_token(fx, "work", -HOUR_MS, RENEWABLE);
    fact_release(facts_view_peek(fx->view, FACTS_CREDENTIALS, "profile=other"));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-NEW");
    assert_string_equal(creds_of(resolve(fx, "profile=other"))->access_key, "AK-TOKEN-NEW");
    assert_int_equal(fx->mock->n_requests, 3);
    done(fx);
}

static void folder_that_cannot_be_written_spends_no_refresh_token(void **state)
{
    (void)state;
    if (geteuid() == 0)
        return; // who may write everywhere
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", -HOUR_MS, RENEWABLE);
    assert_int_equal(chmod(folder_at(&fx->folder, ".aws/sso/cache"), 0500), 0);
    assert_why(resolve(fx, ""), "can't be written");
    assert_int_equal(fx->mock->n_requests, 0);
    done(fx);
}

// ---- a new login

static void S03_expired_token_that_cannot_be_renewed_names_the_command(void **state)
{
    (void)state;
    static const struct {
        const char *more, *why;
    } lacking[] = {
        {"", "and can't be renewed: it has no refreshToken"},
        {",\"clientId\":\"C\",\"clientSecret\":\"CS\",\"refreshToken\":\"R\"",
         "and can't be renewed: it has no registrationExpiresAt"},
        {",\"clientId\":\"C\",\"clientSecret\":\"CS\",\"refreshToken\":\"R\","
         "\"registrationExpiresAt\":\"2020-01-01T00:00:00Z\"",
         "and can't be renewed; run: "},
    };
    for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
        struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
        put_token(fx, "work", -HOUR_MS, lacking[i].more);
        const struct fact *f = resolve(fx, "");
        assert_why(f, "SSO of profile default: the token has expired, at ");
        assert_why(f, lacking[i].why);
        assert_why(f, "; run: aws sso login --sso-session work");
        assert_true(f->refresh_at_ms - loop_now_ms(fx->loop) > 40000); // remembered for a minute
        assert_int_equal(fx->mock->n_requests, 0);
        done(fx);
    }
    struct fixture *fx = fixture_serving(&legacy, serve_both, NULL);
    put_token(fx, "https://x.test/start", -HOUR_MS, RENEWABLE);
    assert_why(resolve(fx, ""), "; run: aws sso login --profile default");
    assert_int_equal(fx->mock->n_requests, 0);
    done(fx);
}

static void S04_missing_token_names_the_command_and_a_login_is_noticed(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    assert_why(resolve(fx, ""), "no such file; run: aws sso login --sso-session work");
    put_token(fx, "work", HOUR_MS, "");
    poll_files(fx);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    done(fx);
}

static void spent_refresh_token_names_the_command(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
    put_token(fx, "work", -HOUR_MS, RENEWABLE_WITH("R-SPENT"));
    const struct fact *f = resolve(fx, "");
    assert_why(f, "it answered 400: invalid_grant: spent; run: aws sso login --sso-session work");
    assert_null(strstr(f->err.text, "R-SPENT"));
    assert_int_equal(fx->mock->n_requests, 1);
    done(fx);
}

static void serve_status(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)request;
    mock_say_status(c, *(const int *)m->arg, "", "{\"message\":\"because of the mock\"}");
}

static void S09_portal_that_knows_the_token_no_more_is_asked_once(void **state)
{
    (void)state;
    static const struct {
        int status;
        unsigned n;
        const char *why;
    } cases[] = {{401, 1, "it answered 401: because of the mock; run: aws sso login"},
                 {403, 1, "role Reader+1 in account 222233334444: it answered 403: because"},
                 {404, 1, "it answered 404"},
                 {429, 3, "it answered 429"},
                 {500, 3, "it answered 500"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *fx = fixture_serving(&with_session, serve_status, (void *)&cases[i].status);
        put_token(fx, "work", HOUR_MS, RENEWABLE);
        assert_why(resolve(fx, ""), cases[i].why);
        assert_int_equal(fx->mock->n_requests, cases[i].n);
        if (cases[i].status != 401)
            assert_null(strstr(fx->fact->err.text, "aws sso login"));
        done(fx);
    }
}

// ---- settings and files that are wrong

static const struct {
    const char *config, *why;
} wrong[] = {
    // S06
    {"[default]\nsso_session = nowhere\n" ROLE SESSION,
     "there is no section [sso-session nowhere]"},
    // S08
    {"[default]\nsso_session = work\nsso_region = us-east-1\n" ROLE SESSION,
     "sso_region is \"us-east-1\" in the profile and \"eu-west-1\" in [sso-session work]"},
    {"[default]\nsso_session = work\nsso_start_url = https://y.test\n" ROLE SESSION,
     "sso_start_url is \"https://y.test\" in the profile"},
    {"[default]\nsso_session = work\nsso_role_name = R\n" SESSION,
     "sso_account_id is missing in the profile"},
    {"[default]\nsso_session = work\nsso_account_id = 1\n" SESSION,
     "sso_role_name is missing in the profile"},
    {"[default]\nsso_session = work\n" SESSION, "sso_account_id is missing in the profile"},
    {"[default]\n" ROLE, "sso_start_url is missing in the profile"},
    {"[default]\nsso_start_url = https://x.test/start\n" ROLE,
     "sso_region is missing in the profile"},
    {"[default]\nsso_session = work\n" ROLE "[sso-session work]\nsso_region = eu-west-1\n",
     "sso_start_url is missing in [sso-session work]"},
    {"[default]\nsso_session = work\n" ROLE
     "[sso-session work]\nsso_start_url = https://x.test/start\n",
     "sso_region is missing in [sso-session work]"},
    {"[default]\nsso_start_url = https://x.test/start\nsso_region = evil.test/\n" ROLE,
     "sso_region is no region's name"},
};

static void settings_that_are_wrong_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct setup s = with_session;
        s.config = wrong[i].config;
        struct fixture *fx = fixture_serving(&s, serve_both, NULL);
        const struct fact *f = resolve(fx, "");
        assert_why(f, "SSO of profile default: ");
        assert_why(f, wrong[i].why);
        assert_int_equal(fx->mock->n_requests, 0);
        done(fx);
    }
}

static void same_setting_in_profile_and_session_is_fine(void **state)
{
    (void)state;
    struct setup s = with_session;
    s.config = "[default]\nsso_session = work\nsso_region = eu-west-1\n" ROLE SESSION;
    struct fixture *fx = fixture_serving(&s, serve_both, NULL);
    put_token(fx, "work", HOUR_MS, "");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-TOKEN-OLD");
    done(fx);
}

static void S07_static_keys_win(void **state)
{
    (void)state;
    struct setup s = with_session;
    s.credentials = FILE_PAIR;
    struct fixture *fx = fixture_serving(&s, serve_both, NULL);
    put_token(fx, "work", HOUR_MS, "");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    assert_int_equal(fx->mock->n_requests, 0);
    done(fx);
}

// A session for other tools beside another kind of credentials.
static void session_without_a_role_lets_others_serve(void **state)
{
    (void)state;
    struct setup s = with_session;
    s.config = "[default]\nsso_session = work\ncredential_process = no-such-tool\n" SESSION;
    struct fixture *fx = fixture_serving(&s, serve_both, NULL);
    assert_why(resolve(fx, ""), "credential_process of profile default");
    done(fx);
}

static void file_that_holds_no_token_is_told_without_showing_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } files[] = {
        {"SECRET", "not JSON"},
        {"[\"SECRET\"]", "not a JSON object"},
        {"{\"expiresAt\":\"2999-01-01T00:00:00Z\"}", "accessToken is missing"},
        {"{\"accessToken\":\"SECRET\"}", "expiresAt is missing"},
        {"{\"accessToken\":\"SECRET\",\"expiresAt\":\"soon\"}", "expiresAt is not a time"},
        {"{\"accessToken\":\"SECRET\\r\\nX: y\",\"expiresAt\":\"2999-01-01T00:00:00Z\"}",
         "accessToken has a character"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct fixture *fx = fixture_serving(&with_session, serve_both, NULL);
        put_file(fx, "work", files[i].text);
        const struct fact *f = resolve(fx, "");
        assert_why(f, files[i].why);
        assert_null(strstr(f->err.text, "SECRET"));
        done(fx);
    }
}

static void serve_text(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)request;
    mock_say_status(c, 200, "", m->arg);
}

static void answer_that_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } answers[] = {
        {"{}", "roleCredentials.accessKeyId is missing"},
        {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\",\"expiration\":1}}",
         "roleCredentials.sessionToken is missing"},
        {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\",\"sessionToken\":"
         "\" \",\"expiration\":1}}",
         "the session token is empty"},
        {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\",\"sessionToken\":"
         "\"T\",\"expiration\":\"2999-01-01T00:00:00Z\"}}",
         "roleCredentials.expiration is no time"},
        {"{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\",\"sessionToken\":"
         "\"T\",\"expiration\":1000}}",
         "have expired, at 1970-01-01T00:00:01"},
        {"hello", "not JSON"},
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct fixture *fx = fixture_serving(&with_session, serve_text, (void *)answers[i].text);
        put_token(fx, "work", HOUR_MS, "");
        assert_why(resolve(fx, ""), answers[i].why);
        done(fx);
    }
}

static void serve_silence(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)m;
    (void)request;
    c->is_answered = true;
}

static void waiting_for_it_can_be_given_up_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct fixture *fx = fixture_serving(&with_session, serve_silence, NULL);
        put_token(fx, "work", i & 2 ? HOUR_MS : -HOUR_MS, RENEWABLE);
        fx->is_chain_first = i & 1;
        fact_release(facts_view_peek(fx->view, FACTS_CREDENTIALS, ""));
        run_for(fx, i * 4);
        done(fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(S01_token_of_the_session_gets_the_role_s_credentials),
        cmocka_unit_test(S05_older_form_has_its_file_named_by_the_start_url),
        cmocka_unit_test(time_as_old_clis_wrote_it_is_read),
        cmocka_unit_test(it_may_be_the_source_of_a_role),
        cmocka_unit_test(S02_expired_token_is_renewed_and_written_back),
        cmocka_unit_test(request_for_a_new_token_is_unsigned_json),
        cmocka_unit_test(token_near_its_end_is_renewed_and_serves_where_that_fails),
        cmocka_unit_test(refresh_token_stays_where_none_is_given),
        cmocka_unit_test(two_profiles_of_a_session_spend_one_refresh_token),
        cmocka_unit_test(folder_that_cannot_be_written_spends_no_refresh_token),
        cmocka_unit_test(S03_expired_token_that_cannot_be_renewed_names_the_command),
        cmocka_unit_test(S04_missing_token_names_the_command_and_a_login_is_noticed),
        cmocka_unit_test(spent_refresh_token_names_the_command),
        cmocka_unit_test(S09_portal_that_knows_the_token_no_more_is_asked_once),
        cmocka_unit_test(settings_that_are_wrong_are_named),
        cmocka_unit_test(same_setting_in_profile_and_session_is_fine),
        cmocka_unit_test(S07_static_keys_win),
        cmocka_unit_test(session_without_a_role_lets_others_serve),
        cmocka_unit_test(file_that_holds_no_token_is_told_without_showing_it),
        cmocka_unit_test(answer_that_is_none_is_refused),
        cmocka_unit_test(waiting_for_it_can_be_given_up_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
