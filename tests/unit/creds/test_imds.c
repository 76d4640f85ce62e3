// SPDX-License-Identifier: Apache-2.0
// Ids are those of the behaviour table.
#include "mock_json.h"

#define ON(path)                                                                                   \
    "AWS_EC2_METADATA_DISABLED=false",                                                             \
        "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:PORT" path
#define NO_V1 "AWS_EC2_METADATA_V1_DISABLED=true"
#define ROLES "/latest/meta-data/iam/security-credentials/"

struct service {
    int token_status;    // 0: tokens; -1: silence
    int list_status;     // 0: roles
    int document_status; // 0: documents
    const char *roles;
    const char *more;    // of the document
    const char *whole;   // in its place
    int64_t lifetime_ms; // of the credentials
    unsigned lost;       // that many requests with a token get 401
    unsigned renamed;    // that many documents are 404
    bool wants_token;
    unsigned n_tokens;
    char said[512]; // the requests: T L D, one letter each
};

static void serve_token(struct service *s, struct mock_conn *c, const char *request)
{
    static char token[32];
    (void)snprintf(token, sizeof(token), "tok-%u", ++s->n_tokens);
    assert_memory_equal(request, "PUT ", 4);
    assert_string_equal(field_of(request, "x-aws-ec2-metadata-token-ttl-seconds"), "21600");
    if (s->token_status == -1)
        c->is_answered = true;
    else if (s->token_status)
        mock_say_status(c, s->token_status, "", "");
    else
        mock_say_status(c, 200, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", token);
}

static void serve_document(struct service *s, struct mock_conn *c, const char *role)
{
    char id[128];
    (void)snprintf(id, sizeof(id), "AK-%.*s", (int)strcspn(role, " "), role);
    if (s->renamed) {
        s->renamed--;
        mock_say_status(c, 404, "", "");
    } else if (s->document_status) {
        mock_say_status(c, s->document_status, "", "");
    } else {
        mock_say_status(c, 200, "",
                        s->whole ? s->whole : document(id, s->lifetime_ms, s->more ? s->more : ""));
    }
}

static void serve(struct mock *m, struct mock_conn *c, const char *request)
{
    struct service *s = m->arg;
    const char *at = strstr(request, ROLES);
    bool is_token = strstr(request, "/latest/api/token ") != NULL;
    const char *role = at ? at + strlen(ROLES) : "";
    (void)snprintf(s->said + strlen(s->said), 2, "%s", is_token ? "T" : *role == ' ' ? "L" : "D");
    const char *token = field_of(request, "x-aws-ec2-metadata-token");
    if (is_token) {
        serve_token(s, c, request);
        return;
    }
    bool is_lost = s->lost && *token;
    s->lost -= is_lost;
    if (is_lost || (s->wants_token && strncmp(token, "tok-", 4) != 0))
        mock_say_status(c, 401, "", "");
    else if (*role != ' ')
        serve_document(s, c, role);
    else if (s->list_status)
        mock_say_status(c, s->list_status, "", "");
    else
        mock_say_status(c, 200, "", s->roles ? s->roles : "R");
}

static const struct {
    const char *id;
    struct service service;
    struct setup setup;
    const char *access_key; // NULL: it fails
    const char *why;
    const char *said;
} rows[] = {
    {"M01", {.wants_token = true}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"M02", {.token_status = 404}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"M03", {.token_status = 403}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"M04", {.token_status = 400}, {{ON("")}, NULL, NULL, NULL}, NULL, "it answered 400", "T"},
    {"M05", {.token_status = 500}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TTTLD"},
    {"M07",
     {.token_status = 404},
     {{ON(""), NO_V1}, NULL, NULL, NULL},
     NULL,
     "it gave none (404), and asking without one (v1) is forbidden",
     "T"},
    {"M08",
     {.token_status = 404},
     {{ON("")}, NULL, "[default]\nec2_metadata_v1_disabled = true\n", NULL},
     NULL,
     "(v1) is forbidden",
     "T"},
    {"M09", {.list_status = 404}, {{ON("")}, NULL, NULL, NULL}, NULL, "no role", "TL"},
    {"empty list", {.roles = "\n"}, {{ON("")}, NULL, NULL, NULL}, NULL, "no role's name", "TLLL"},
    {"a name that is none",
     {.roles = "../x"},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "no role's name",
     "TLLL"},
    {"M10", {.roles = "r1\r\nr2"}, {{ON("")}, NULL, NULL, NULL}, "AK-r1", NULL, "TLD"},
    {"M11",
     {.whole = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no trust\"}"},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "AssumeRoleUnauthorizedAccess: no trust",
     "TLD"},
    {"M12", {.lifetime_ms = -HOUR_MS}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"M14",
     {.whole = "{\"Code\":\"Success\"}"},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "AccessKeyId is missing",
     "TLDDD"},
    {"M15",
     {.whole = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":"
               "\"2999-01-01T00:00:00Z\"}"},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "Token is missing",
     "TLDDD"},
    {"M16",
     {.wants_token = true},
     {{"AWS_EC2_METADATA_DISABLED=TRUE", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:PORT"},
      NULL,
      NULL,
      NULL},
     NULL,
     "AWS_EC2_METADATA_DISABLED is true",
     ""},
    {"M17",
     {.wants_token = true},
     {{"AWS_EC2_METADATA_DISABLED=1", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:PORT"},
      NULL,
      NULL,
      NULL},
     "AK-R",
     NULL,
     "TLD"},
    {"M18",
     {.wants_token = true},
     {{"AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv5"},
      NULL,
      NULL,
      NULL},
     NULL,
     "IPv4 or IPv6, not \"IPv5\"",
     ""},
    {"M18 where an endpoint is said",
     {.wants_token = true},
     {{ON(""), "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv5"}, NULL, NULL, NULL},
     "AK-R",
     NULL,
     "TLD"},
    {"M19", {.wants_token = true}, {{ON("/")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"M21",
     {.wants_token = true},
     {{"AWS_EC2_METADATA_DISABLED=false"},
      NULL,
      "[default]\nec2_metadata_service_endpoint = http://127.0.0.1:PORT\n",
      NULL},
     "AK-R",
     NULL,
     "TLD"},
    {"M22",
     {.document_status = 500},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "it answered 500",
     "TLDDD"},
    {"M23", {.more = "\"Code\":\"Success\","}, {{ON("")}, NULL, NULL, NULL}, "AK-R", NULL, "TLD"},
    {"token lost once",
     {.wants_token = true, .lost = 1},
     {{ON("")}, NULL, NULL, NULL},
     "AK-R",
     NULL,
     "TLTLD"},
    {"token lost again and again",
     {.wants_token = true, .lost = 9},
     {{ON("")}, NULL, NULL, NULL},
     NULL,
     "it answered 401",
     "TLTL"},
    {"role replaced in between",
     {.renamed = 1},
     {{ON("")}, NULL, NULL, NULL},
     "AK-R",
     NULL,
     "TLDLD"},
    {"role gone", {.renamed = 9}, {{ON("")}, NULL, NULL, NULL}, NULL, "it answered 404", "TLDLD"},
    {"role named",
     {.wants_token = true},
     {{ON(""), "AWS_EC2_INSTANCE_PROFILE_NAME=mine"}, NULL, NULL, NULL},
     "AK-mine",
     NULL,
     "TD"},
    {"role named badly",
     {.wants_token = true},
     {{ON(""), "AWS_EC2_INSTANCE_PROFILE_NAME=a/b"}, NULL, NULL, NULL},
     NULL,
     "no role's name",
     ""},
    {"attempts",
     {.document_status = 500},
     {{ON(""), "AWS_METADATA_SERVICE_NUM_ATTEMPTS=1"}, NULL, NULL, NULL},
     NULL,
     "it answered 500",
     "TLD"},
    {"no number",
     {.wants_token = true},
     {{ON(""), "AWS_METADATA_SERVICE_TIMEOUT=soon"}, NULL, NULL, NULL},
     NULL,
     "a number from 1",
     ""},
    {"redirect", {.list_status = 302}, {{ON("")}, NULL, NULL, NULL}, NULL, "it answered 302", "TL"},
    {"file keys come first",
     {.wants_token = true},
     {{ON("")}, FILE_PAIR, NULL, NULL},
     "AK-FILE",
     NULL,
     ""},
};

static void rows_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct service s = rows[i].service;
        if (!s.lifetime_ms)
            s.lifetime_ms = HOUR_MS;
        struct fixture *fx = fixture_serving(&rows[i].setup, serve, &s);
        const struct fact *f = resolve(fx, "");
        const struct creds *c = f->value;
        if (rows[i].access_key && (!c || strcmp(c->access_key, rows[i].access_key) != 0))
            fail_msg("%s: %s", rows[i].id, c ? c->access_key : f->err.text);
        if (rows[i].why && (c || !strstr(f->err.text, rows[i].why)))
            fail_msg("%s: %s", rows[i].id, c ? c->access_key : f->err.text);
        if (strcmp(s.said, rows[i].said) != 0)
            fail_msg("%s: asked for %s", rows[i].id, s.said);
        fixture_free(fx);
    }
}

static void token_and_v1_are_remembered_but_never_the_role(void **state)
{
    (void)state;
    for (int has_tokens = 0; has_tokens < 2; has_tokens++) {
        struct service s = {.lifetime_ms = HOUR_MS, .token_status = has_tokens ? 0 : 404};
        struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
        assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-R");
        s.roles = "other";
        facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
        resolve_until(fx, "AK-other");
        assert_string_equal(s.said, "TLDLD");
        fixture_free(fx);
    }
}

// M06
static void silence_on_the_token_leads_to_v1(void **state)
{
    (void)state;
    struct service s = {.lifetime_ms = HOUR_MS, .token_status = -1};
    struct setup setup = {.env = {ON(""), "AWS_METADATA_SERVICE_NUM_ATTEMPTS=1"}};
    struct fixture *fx = fixture_serving(&setup, serve, &s);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-R");
    assert_string_equal(s.said, "TLD");
    fixture_free(fx);
}

static void silence_on_the_token_where_v1_is_refused_hints_at_the_hop_limit(void **state)
{
    (void)state;
    struct service s = {.wants_token = true, .token_status = -1};
    struct setup setup = {.env = {ON(""), "AWS_METADATA_SERVICE_NUM_ATTEMPTS=1"}};
    struct fixture *fx = fixture_serving(&setup, serve, &s);
    const struct fact *f = resolve(fx, "");
    assert_int_equal(f->status, ST_IO);
    assert_non_null(strstr(f->err.text, "hop limit"));
    fixture_free(fx);
}

static void nobody_there_is_no_credentials_and_no_failure(void **state)
{
    (void)state;
    struct service s = {0};
    struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
    mock_close(fx->mock);
    const struct fact *f = resolve(fx, "");
    assert_int_equal(f->status, ST_DECLINED);
    assert_non_null(strstr(f->err.text, "nobody answers at http://127.0.0.1:"));
    fixture_free(fx);
}

static void outage_is_outlived_beyond_expiry(void **state)
{
    (void)state;
    struct service s = {.lifetime_ms = -HOUR_MS};
    struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
    const struct fact *f = resolve(fx, "");
    const struct creds *c = creds_of(f);
    int64_t in_ms = f->refresh_at_ms - loop_now_ms(fx->loop);
    assert_true(creds_is_usable(c, clock_wall_ms()));
    assert_true(in_ms > 290000 && in_ms <= 600000);
    mock_close(fx->mock);
    uint64_t generation = f->generation;
    facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
    for (int i = 0; i < 100 && !f->err.text[0]; i++) {
        run_for(fx, 50);
        f = resolve(fx, "");
    }
    assert_string_equal(creds_of(f)->access_key, "AK-R");
    assert_int_equal(f->generation, generation);
    assert_non_null(strstr(f->err.text, "role name of http://127.0.0.1:"));
    in_ms = f->refresh_at_ms - loop_now_ms(fx->loop);
    assert_true(in_ms > 200000); // +-20 % of 5 to 10 minutes
    fixture_free(fx);
}

static void assert_ends(struct fixture *fx, const char *why)
{
    for (int i = 0; i < 100 && fx->fact->value; i++) {
        run_for(fx, 50);
        (void)resolve(fx, "");
    }
    if (fx->fact->value)
        fail_msg("%s: still %s", why, fx->fact->err.text);
    if (!strstr(fx->fact->err.text, why))
        fail_msg("%s", fx->fact->err.text);
}

static void what_outlived_its_expiry_ends_where_aws_refuses_it(void **state)
{
    (void)state;
    for (int is_dead = 0; is_dead < 2; is_dead++) {
        struct service s = {.whole = "{\"AccessKeyId\":\"AK-OLD\",\"SecretAccessKey\":\"S\","
                                     "\"Token\":\"T\",\"Expiration\":\"2020-01-01T00:00:00Z\"}"};
        struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
        (void)creds_of(resolve(fx, ""));
        if (is_dead)
            mock_close(fx->mock);
        facts_view_hint(fx->view, FACTS_CREDENTIALS, "", fx->fact->generation);
        assert_ends(fx, is_dead ? "http://127.0.0.1:" : "AWS refuses them");
        // The same keys again are no better, new ones are.
        if (!is_dead) {
            facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
            run_for(fx, 50);
            (void)resolve(fx, "");
            assert_ends(fx, "AWS refuses them");
            s = (struct service){.lifetime_ms = HOUR_MS};
            facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
            for (int i = 0; i < 100 && !fx->fact->value; i++) {
                run_for(fx, 50);
                (void)resolve(fx, "");
            }
            assert_string_equal(creds_of(fx->fact)->access_key, "AK-R");
        }
        fixture_free(fx);
    }
}

// One service that knows nothing of them is no reason to take valid keys away.
static void what_is_valid_goes_on_though_refused(void **state)
{
    (void)state;
    struct service s = {.lifetime_ms = HOUR_MS};
    struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
    (void)creds_of(resolve(fx, ""));
    mock_close(fx->mock);
    facts_view_hint(fx->view, FACTS_CREDENTIALS, "", fx->fact->generation);
    for (int i = 0; i < 100 && !fx->fact->err.text[0]; i++) {
        run_for(fx, 50);
        (void)resolve(fx, "");
    }
    assert_string_equal(creds_of(fx->fact)->access_key, "AK-R");
    fixture_free(fx);
}

static void walks_that_are_cut_short_leave_nothing_behind(void **state)
{
    (void)state;
    for (int n = 0; n < 40; n++) {
        struct service s = {.lifetime_ms = HOUR_MS};
        struct fixture *fx = fixture_serving(&(struct setup){.env = {ON("")}}, serve, &s);
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
        cmocka_unit_test(rows_hold),
        cmocka_unit_test(token_and_v1_are_remembered_but_never_the_role),
        cmocka_unit_test(silence_on_the_token_leads_to_v1),
        cmocka_unit_test(silence_on_the_token_where_v1_is_refused_hints_at_the_hop_limit),
        cmocka_unit_test(nobody_there_is_no_credentials_and_no_failure),
        cmocka_unit_test(outage_is_outlived_beyond_expiry),
        cmocka_unit_test(what_outlived_its_expiry_ends_where_aws_refuses_it),
        cmocka_unit_test(what_is_valid_goes_on_though_refused),
        cmocka_unit_test(walks_that_are_cut_short_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
