// SPDX-License-Identifier: Apache-2.0
// Roles, assumed with other credentials or with a token. Ids are those of the behaviour table.
#include "mock_sts.h"

#define STS           "AWS_ENDPOINT_URL_STS=http://127.0.0.1:PORT", "AWS_REGION=eu-west-1"
#define ROLE(name)    "role_arn = arn:aws:iam::222233334444:role/" name "\n"
#define SOURCE(name)  "source_profile = " name "\n"
#define WEB_ENV(name) ("AWS_ROLE_ARN=arn:aws:iam::222233334444:role/" name)

static const struct {
    const char *id;
    struct setup setup;
    const char *key;        // of the fact
    const char *access_key; // NULL: it fails
    const char *why;        // part of the reason then
    unsigned n_requests;
} rows[] = {
    {"A01",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("R1") SOURCE("b"), NULL},
     "",
     "AS-R1-via-AKB",
     NULL,
     1},
    {"A02",
     {{STS},
      "[b]\n" PAIR("AKB"),
      "[default]\n" ROLE("R2") SOURCE("m") "[profile m]\n" ROLE("R1") SOURCE("b"),
      NULL},
     "",
     "AS-R2-via-AS-R1-via-AKB",
     NULL,
     2},
    {"A03",
     {{STS},
      NULL,
      "[profile a]\n" ROLE("R1") SOURCE("b") "[profile b]\n" ROLE("R2") SOURCE("a"),
      "a"},
     "",
     NULL,
     "profile a: source_profile leads back to where it was: a -> b -> a",
     0},
    {"a loop that the selected profile is not in",
     {{STS},
      NULL,
      "[profile a]\n" ROLE("R") SOURCE("b") "[profile b]\n" ROLE("R")
          SOURCE("c") "[profile c]\n" ROLE("R") SOURCE("b"),
      "a"},
     "",
     NULL,
     "a -> b -> c -> b",
     0},
    {"A04",
     {{STS}, "[a]\n" PAIR("AKA"), "[profile a]\n" ROLE("R1") SOURCE("a"), "a"},
     "",
     "AS-R1-via-AKA",
     NULL,
     1},
    {"A05",
     {{STS}, NULL, "[profile a]\n" ROLE("R1") SOURCE("a"), "a"},
     "",
     NULL,
     "leads back to where it was: a -> a",
     0},
    {"A07",
     {{STS}, NULL, "[default]\n" ROLE("R1"), NULL},
     "",
     NULL,
     "role_arn wants a source_profile, a credential_source or a web_identity_token_file",
     0},
    {"A08",
     {{STS, ENV_PAIR},
      "[b]\n" PAIR("AKB"),
      "[profile a]\n" ROLE("R1") SOURCE("b") "credential_source = Environment\n",
      "a"},
     "",
     NULL,
     "source_profile and credential_source are both set",
     0},
    {"A09",
     {{STS, ENV_PAIR, "AWS_PROFILE=a"},
      NULL,
      "[profile a]\n" ROLE("R1") "credential_source = Environment\n",
      NULL},
     "",
     "AK-ENV",
     NULL,
     0},
    {"A10",
     {{STS, ENV_PAIR}, NULL, "[profile a]\n" ROLE("R1") "credential_source = Environment\n", "a"},
     "",
     "AS-R1-via-AK-ENV",
     NULL,
     1},
    {"A11",
     {{STS, ENV_PAIR}, NULL, "[profile a]\n" ROLE("R1") "credential_source = environment\n", "a"},
     "",
     "AS-R1-via-AK-ENV",
     NULL,
     1},
    {"credential_source that gives nothing",
     {{STS}, NULL, "[profile a]\n" ROLE("R1") "credential_source = Environment\n", "a"},
     "",
     NULL,
     "credential_source Environment: environment: AWS_ACCESS_KEY_ID is not set",
     0},
    {"credential_source unknown",
     {{STS}, NULL, "[profile a]\n" ROLE("R1") "credential_source = Moon\n", "a"},
     "",
     NULL,
     "not \"Moon\"",
     0},
    {"A12",
     {{STS},
      "[default]\n" PAIR("AKD") "[b]\n" PAIR("AKB"),
      "[default]\n" ROLE("R1") SOURCE("b"),
      NULL},
     "",
     "AS-R1-via-AKB",
     NULL,
     1},
    {"keys win in a source",
     {{STS},
      "[b]\n" PAIR("AKB") ROLE("R9") SOURCE("c") "[c]\n" PAIR("AKC"),
      "[default]\n" ROLE("R1") SOURCE("b"),
      NULL},
     "",
     "AS-R1-via-AKB",
     NULL,
     1},
    {"environment is not asked for a source",
     {{STS, ENV_PAIR},
      NULL,
      "[profile a]\n" ROLE("R1") SOURCE("b") "[profile b]\nregion = x\n",
      "a"},
     "",
     NULL,
     "source_profile b: shared files: profile b has no credentials",
     0},
    {"source_profile that is missing",
     {{STS}, NULL, "[profile a]\n" ROLE("R1") SOURCE("nope"), "a"},
     "",
     NULL,
     "profile nope: neither in ",
     0},
    {"A17 web identity as the source",
     {{STS},
      NULL,
      "[profile a]\n" ROLE("R2")
          SOURCE("w") "[profile w]\n" ROLE("R1") "web_identity_token_file = DIR/token\n",
      "a"},
     "",
     "AS-R2-via-WI-R1-via-tok.en",
     NULL,
     2},
    {"A19",
     {{STS},
      "[b]\n" PAIR("AKB"),
      "[default]\n" ROLE("R1") SOURCE("b") "duration_seconds = 1h\n",
      NULL},
     "",
     NULL,
     "duration_seconds is a number from 900 to 43200, not \"1h\"",
     0},
    {"session name",
     {{STS},
      "[b]\n" PAIR("AKB"),
      "[default]\n" ROLE("R1") SOURCE("b") "role_session_name = a b\n",
      NULL},
     "",
     NULL,
     "role_session_name has 2 to 64",
     0},
    {"access denied",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("deny") SOURCE("b"), NULL},
     "",
     NULL,
     "AssumeRole at http://127.0.0.1:",
     1},
    {"access denied, and why",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("deny") SOURCE("b"), NULL},
     "",
     NULL,
     ": AccessDenied: because of <mock>",
     1},
    {"throttled once",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("once-Throttling") SOURCE("b"), NULL},
     "",
     "AS-once-Throttling-via-AKB",
     NULL,
     2},
    {"down",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("down") SOURCE("b"), NULL},
     "",
     NULL,
     "ServiceUnavailable",
     3},
    {"expired already",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("old") SOURCE("b"), NULL},
     "",
     NULL,
     "have expired",
     1},
    {"no token",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("bare") SOURCE("b"), NULL},
     "",
     NULL,
     "STS answered without a session token",
     1},
    {"no XML",
     {{STS}, "[b]\n" PAIR("AKB"), "[default]\n" ROLE("html") SOURCE("b"), NULL},
     "",
     NULL,
     "is not the XML that was expected",
     3},
    {"route's role",
     {{STS, ENV_PAIR}, NULL, NULL, NULL},
     "role=arn:aws:iam::222233334444:role/RR",
     "AS-RR-via-AK-ENV",
     NULL,
     1},
    {"route's role with a profile",
     {{STS, ENV_PAIR}, "[p]\n" PAIR("AKP"), NULL, NULL},
     "role=arn:aws:iam::222233334444:role/RR profile=p",
     "AS-RR-via-AKP",
     NULL,
     1},
    {"route's role with a role",
     {{STS}, "[b]\n" PAIR("AKB"), "[profile p]\n" ROLE("R1") SOURCE("b"), NULL},
     "role=arn:aws:iam::222233334444:role/RR profile=p",
     "AS-RR-via-AS-R1-via-AKB",
     NULL,
     2},
    {"W01",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"}, NULL, NULL, NULL},
     "",
     "WI-WR-via-tok.en",
     NULL,
     1},
    {"W02",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"}, FILE_PAIR, NULL, NULL},
     "",
     "WI-WR-via-tok.en",
     NULL,
     1},
    {"W03",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/none"}, FILE_PAIR, NULL, NULL},
     "",
     NULL,
     "/none: no such file",
     0},
    {"W04",
     {{STS, "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"}, FILE_PAIR, NULL, NULL},
     "",
     NULL,
     "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not",
     0},
    {"W07",
     {{STS, WEB_ENV("once-IDPCommunicationError"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"},
      NULL,
      NULL,
      NULL},
     "",
     "WI-once-IDPCommunicationError-via-tok.en",
     NULL,
     2},
    {"token expired once",
     {{STS, WEB_ENV("once-ExpiredTokenException"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"},
      NULL,
      NULL,
      NULL},
     "",
     "WI-once-ExpiredTokenException-via-tok.en",
     NULL,
     2},
    {"token expired",
     {{STS, WEB_ENV("always-ExpiredTokenException"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"},
      NULL,
      NULL,
      NULL},
     "",
     NULL,
     "ExpiredTokenException",
     2},
    {"W09",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token", "AWS_PROFILE=p"},
      "[p]\n" PAIR("AKP"),
      NULL,
      NULL},
     "",
     "WI-WR-via-tok.en",
     NULL,
     1},
    {"web identity left out for a named profile",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/token"},
      "[p]\n" PAIR("AKP"),
      NULL,
      "p"},
     "",
     "AKP",
     NULL,
     0},
    {"token with a blank in it",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/blank"}, NULL, NULL, NULL},
     "",
     NULL,
     "a blank or a control octet",
     0},
    {"token of 1 MiB",
     {{STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/huge"}, NULL, NULL, NULL},
     "",
     NULL,
     "a token has 4 to 20000 octets",
     0},
};

static void put_tokens(struct fixture *fx)
{
    static char huge[1048576];
    memset(huge, 'x', sizeof(huge) - 1);
    folder_put(&fx->folder, "token", "tok.en\n"); // W06: the line's end is not sent
    folder_put(&fx->folder, "blank", "tok en\n");
    folder_put(&fx->folder, "huge", huge);
}

static void rows_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *fx = fixture_serving(&rows[i].setup, serve_sts, NULL);
        put_tokens(fx);
        const struct fact *f = resolve(fx, rows[i].key);
        const struct creds *c = f->value;
        if (rows[i].access_key && !c)
            fail_msg("%s: %s", rows[i].id, f->err.text);
        if (rows[i].access_key && c && strcmp(c->access_key, rows[i].access_key) != 0)
            fail_msg("%s: got %s", rows[i].id, c->access_key);
        if (!rows[i].access_key && (c || !strstr(f->err.text, rows[i].why)))
            fail_msg("%s: %s", rows[i].id, c ? c->access_key : f->err.text);
        if (fx->mock->n_requests != rows[i].n_requests)
            fail_msg("%s: %u requests", rows[i].id, fx->mock->n_requests);
        assert_null(strstr(f->err.text, "S-A"));
        fixture_free(fx);
    }
}

static void all_that_a_profile_says_of_its_role_is_sent(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(
        &(struct setup){.env = {STS},
                        .credentials = "[b]\n" PAIR("AKB") "aws_session_token = T-b\n",
                        .config = "[default]\n" ROLE("R1")
                            SOURCE("b") "external_id = ex:1\nrole_session_name = me@here\n"
                                        "duration_seconds = 900\n"},
        serve_sts, NULL);
    const struct creds *c = creds_of(resolve(fx, ""));
    const char *r = fx->mock->last;
    assert_non_null(strstr(r, "POST / HTTP/1.1\r\n"));
    assert_non_null(
        strstr(r, "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"));
    assert_non_null(strstr(r, "Action=AssumeRole&Version=2011-06-15&"));
    assert_string_equal(form_value(r, "RoleArn"), "arn%3Aaws%3Aiam%3A%3A222233334444%3Arole%2FR1");
    assert_string_equal(form_value(r, "RoleSessionName"), "me%40here");
    assert_string_equal(form_value(r, "DurationSeconds"), "900");
    assert_string_equal(form_value(r, "ExternalId"), "ex%3A1");
    assert_non_null(strstr(r, "/eu-west-1/sts/aws4_request"));
    assert_non_null(strstr(r, "X-Amz-Security-Token: T-b\r\n"));
    assert_string_equal(c->session_token, "T-sts");
    assert_string_equal(c->account_id, "222233334444");
    assert_string_equal(c->provider, "assumed role [default]");
    assert_non_null(strstr(c->source, "role/R1, assumed with source_profile b"));
    assert_true(c->expires_at_ms > clock_wall_ms() + 3500000);
    fixture_free(fx);
}

static void what_is_not_said_has_defaults_that_stay_the_same(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(&(struct setup){.env = {STS, ENV_PAIR}}, serve_sts, NULL);
    char name[64];
    creds_of(resolve(fx, "role=arn:aws:iam::222233334444:role/R1"));
    assert_string_equal(form_value(fx->mock->last, "DurationSeconds"), "3600");
    assert_string_equal(form_value(fx->mock->last, "ExternalId"), "");
    (void)snprintf(name, sizeof(name), "%s", form_value(fx->mock->last, "RoleSessionName"));
    assert_memory_equal(name, "sigv4-proxy-", 12);
    creds_of(resolve(fx, "role=arn:aws:iam::222233334444:role/R2"));
    assert_string_equal(form_value(fx->mock->last, "RoleSessionName"), name);
    fixture_free(fx);
}

static void web_identity_is_not_signed(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(
        &(struct setup){.env = {STS, ENV_PAIR},
                        .config = "[profile w]\n" ROLE("R1") "web_identity_token_file = DIR/token\n"
                                                             "role_session_name = pod\n",
                        .option = "w"},
        serve_sts, NULL);
    put_tokens(fx);
    creds_of(resolve(fx, ""));
    assert_null(strstr(fx->mock->last, "Authorization"));
    assert_null(strstr(fx->mock->last, "X-Amz-"));
    assert_string_equal(form_value(fx->mock->last, "WebIdentityToken"), "tok.en");
    assert_string_equal(form_value(fx->mock->last, "RoleSessionName"), "pod");
    assert_string_equal(form_value(fx->mock->last, "DurationSeconds"), "");
    fixture_free(fx);
}

static void roles_share_their_source(void **state)
{
    (void)state;
    struct fixture *fx = fixture_serving(
        &(struct setup){.env = {STS},
                        .credentials = "[b]\n" PAIR("AKB"),
                        .config = "[profile m]\n" ROLE("R0") SOURCE("b") "[profile x]\n" ROLE("R1")
                            SOURCE("m") "[profile y]\n" ROLE("R2") SOURCE("m")},
        serve_sts, NULL);
    assert_string_equal(creds_of(resolve(fx, "profile=x"))->access_key, "AS-R1-via-AS-R0-via-AKB");
    assert_string_equal(creds_of(resolve(fx, "profile=y"))->access_key, "AS-R2-via-AS-R0-via-AKB");
    assert_int_equal(fx->mock->n_requests, 3);
    fixture_free(fx);
}

static void file_changes_that_do_not_concern_a_role_ask_for_nothing(void **state)
{
    (void)state;
    struct fixture *fx =
        fixture_serving(&(struct setup){.env = {STS},
                                        .credentials = "[b]\n" PAIR("AKB"),
                                        .config = "[default]\n" ROLE("R1") SOURCE("b")},
                        serve_sts, NULL);
    creds_of(resolve(fx, ""));
    uint64_t first = fx->fact->generation;
    folder_put(&fx->folder, "credentials", "[b]\n" PAIR("AKB") "[other]\n" PAIR("AKO"));
    poll_files(fx);
    run_for(fx, 30);
    assert_int_equal(fx->mock->n_requests, 1);
    assert_int_equal(resolve(fx, "")->generation, first);
    fixture_put(fx, "config", "[default]\n" ROLE("R2") SOURCE("b"));
    poll_files(fx);
    resolve_until(fx, "AS-R2-via-AKB");
    fixture_free(fx);
}

static void corrected_source_ends_the_failure_of_its_role(void **state)
{
    (void)state;
    struct fixture *fx =
        fixture_serving(&(struct setup){.env = {STS},
                                        .credentials = "[b]\naws_access_key_id = AKB\n",
                                        .config = "[default]\n" ROLE("R1") SOURCE("b")},
                        serve_sts, NULL);
    assert_null(resolve(fx, "")->value);
    folder_put(&fx->folder, "credentials", "[b]\n" PAIR("AKB"));
    poll_files(fx);
    run_for(fx, 10);
    for (int i = 0; i < 100 && !fx->fact->value; i++) {
        run_for(fx, 50);
        (void)resolve(fx, "");
    }
    assert_string_equal(creds_of(fx->fact)->access_key, "AS-R1-via-AKB");
    fixture_free(fx);
}

static void token_file_that_appears_ends_the_failure(void **state)
{
    (void)state;
    struct setup s = {.env = {STS, WEB_ENV("WR"), "AWS_WEB_IDENTITY_TOKEN_FILE=DIR/late"}};
    struct fixture *fx = fixture_serving(&s, serve_sts, NULL);
    assert_null(resolve(fx, "")->value);
    folder_put(&fx->folder, "late", "tok.en");
    poll_files(fx);
    for (int i = 0; i < 100 && !fx->fact->value; i++) {
        run_for(fx, 20);
        (void)resolve(fx, "");
    }
    assert_string_equal(creds_of(fx->fact)->access_key, "WI-WR-via-tok.en");
    fixture_free(fx);
}

static void serve_skewed(struct mock *m, struct mock_conn *c, const char *request)
{
    if (m->n_requests == 1)
        sts_error(c, 403, "SignatureDoesNotMatch", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    else if (strstr(request, "X-Amz-Date: 19941106T0849"))
        sts_credentials(c, "AssumeRole", "AK-SKEW", "T", 3600000);
    else
        sts_error(c, 403, "SignatureDoesNotMatch", "");
}

static void wrong_clock_is_corrected_by_the_date_of_the_answer(void **state)
{
    (void)state;
    struct fixture *fx =
        fixture_serving(&(struct setup){.env = {STS, ENV_PAIR}}, serve_skewed, NULL);
    const struct fact *f = resolve(fx, "role=arn:aws:iam::222233334444:role/R1");
    assert_string_equal(creds_of(f)->access_key, "AK-SKEW");
    assert_int_equal(fx->mock->n_requests, 2);
    fixture_free(fx);
}

static void walks_that_are_cut_short_leave_nothing_behind(void **state)
{
    (void)state;
    for (int n = 0; n < 24; n++) {
        struct fixture *fx =
            fixture_serving(&(struct setup){.env = {STS},
                                            .credentials = "[b]\n" PAIR("AKB"),
                                            .config = n % 3 ? "[default]\n" ROLE("slow") SOURCE("b")
                                                            : "[default]\n" ROLE("R1") SOURCE("b")},
                            serve_sts, NULL);
        fx->is_chain_first = n % 2;
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
        cmocka_unit_test(rows_of_the_table),
        cmocka_unit_test(all_that_a_profile_says_of_its_role_is_sent),
        cmocka_unit_test(what_is_not_said_has_defaults_that_stay_the_same),
        cmocka_unit_test(web_identity_is_not_signed),
        cmocka_unit_test(roles_share_their_source),
        cmocka_unit_test(file_changes_that_do_not_concern_a_role_ask_for_nothing),
        cmocka_unit_test(corrected_source_ends_the_failure_of_its_role),
        cmocka_unit_test(token_file_that_appears_ends_the_failure),
        cmocka_unit_test(wrong_clock_is_corrected_by_the_date_of_the_answer),
        cmocka_unit_test(walks_that_are_cut_short_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
