// SPDX-License-Identifier: Apache-2.0
// Who may do what. Doubt works against the request: a row that is denied by a deny is not allowed
// by the same words in an allow where the request can be read in two ways.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "unit/policy/plan_fixture.h"

#define S3     "http://b.s3.eu-west-1.amazonaws.com"
#define PATHED "http://s3.eu-west-1.amazonaws.com"
#define REST   " HTTP/1.1\r\nHost: x"

struct verdict {
    const char *request;
    bool by_deny;  // the matchers under action = deny deny it
    bool by_allow; // under action = allow, before a deny for the rest, they allow it
};

static bool is_denied(const char *conf, const char *request, const struct plan_client *who)
{
    struct planned p;
    char head[4096];
    (void)snprintf(head, sizeof(head), "%s\r\n\r\n", request);
    planned_make_for(&p, conf, head, who);
    bool is = p.plan.kind == PLAN_DENY;
    if (is && strcmp(p.plan.code, "policy-denied") != 0)
        fail_msg("%s: %s, %s", request, p.plan.code, p.plan.message);
    planned_clear(&p);
    return is;
}

static void judge(const char *matchers, const struct verdict *rows, size_t n,
                  const struct plan_client *who)
{
    unsigned bad = 0;
    char deny[1024];
    char allow[1024];
    (void)snprintf(deny, sizeof(deny),
                   "[policy]\naction = deny\n%s\n[route \"*.s3.test\"]\nservice = s3\n"
                   "[route \"minio.test\"]\nservice = s3\n",
                   matchers);
    (void)snprintf(allow, sizeof(allow),
                   "[policy]\naction = allow\n%s\n[policy]\naction = deny\n"
                   "[route \"*.s3.test\"]\nservice = s3\n[route \"minio.test\"]\nservice = s3\n",
                   matchers);
    for (size_t i = 0; i < n; i++) {
        bool by_deny = is_denied(deny, rows[i].request, who);
        bool by_allow = !is_denied(allow, rows[i].request, who);
        if (by_deny == rows[i].by_deny && by_allow == rows[i].by_allow)
            continue;
        print_error("%s\n%s\n  deny %d, want %d; allow %d, want %d\n", matchers, rows[i].request,
                    by_deny, rows[i].by_deny, by_allow, rows[i].by_allow);
        bad++;
    }
    assert_int_equal(bad, 0);
}
#define JUDGE(matchers, ...)                                                                       \
    do {                                                                                           \
        static const struct verdict rows[] = {__VA_ARGS__};                                        \
        judge(matchers, rows, sizeof(rows) / sizeof(rows[0]), NULL);                               \
    } while (0)

static void host_service_region_and_method_match_by_globs(void **state)
{
    (void)state;
    JUDGE("host = *.s3.*.amazonaws.com", {"GET " S3 "/k" REST, true, true},
          {"GET " PATHED "/b/k" REST, false, false});
    // The port is no way around a deny, and http on 443 is https.
    JUDGE("host = b.s3.eu-west-1.amazonaws.com",
          {"GET http://b.s3.eu-west-1.amazonaws.com:443/k" REST, true, true},
          {"GET http://b.s3.eu-west-1.amazonaws.com:8443/k" REST, true, false});
    JUDGE("host = b.s3.eu-west-1.amazonaws.com:8443",
          {"GET http://b.s3.eu-west-1.amazonaws.com:8443/k" REST, true, true},
          {"GET http://b.s3.eu-west-1.amazonaws.com/k" REST, false, false});
    JUDGE("service = dynamodb, s*", {"GET " S3 "/k" REST, true, true},
          {"POST http://sqs.us-east-1.amazonaws.com/" REST, true, true},
          {"GET http://kinesis.us-east-1.amazonaws.com/" REST, false, false});
    JUDGE("region = eu-*", {"GET " S3 "/k" REST, true, true},
          {"GET http://sqs.us-east-1.amazonaws.com/" REST, false, false});
    JUDGE("method = GET, HEAD", {"GET " S3 "/k" REST, true, true},
          {"HEAD " S3 "/k" REST, true, true}, {"DELETE " S3 "/k" REST, false, false});
    JUDGE("service = s3\nmethod = DELETE", {"DELETE " S3 "/k" REST, true, true},
          {"DELETE http://es.us-east-1.amazonaws.com/" REST, false, false});
}

static void a_path_counts_in_each_of_its_readings(void **state)
{
    (void)state;
    JUDGE("path = /reports/", {"GET " S3 "/reports/a" REST, true, true},
          {"GET " S3 "/%72eports%2Fa" REST, true, true}, {"GET " S3 "/report" REST, false, false},
          {"GET " S3 "/reports/../secret" REST, true, false},
          {"GET " S3 "/x/../reports/a" REST, true, false},
          {"GET " S3 "//reports/a" REST, true, false}, {"GET " S3 "/./reports/a" REST, true, false},
          {"GET " S3 "/reports/%2e%2e/secret" REST, true, false},
          {"GET " S3 "/other/reports/a" REST, false, false},
          {"GET " S3 "/REPORTS/a" REST, false, false});
}

static void a_bucket_stands_in_the_host_or_in_the_path(void **state)
{
    (void)state;
    JUDGE("bucket = b", {"GET " S3 "/k" REST, true, true}, {"GET " PATHED "/b/k" REST, true, true},
          {"GET " PATHED "/%62/k" REST, true, true}, {"GET " PATHED "/b" REST, true, true},
          {"GET " PATHED "/bb/k" REST, false, false}, {"GET " PATHED "/" REST, false, false},
          {"GET http://my.b.s3.eu-west-1.amazonaws.com/b/k" REST, false, false},
          {"GET http://b.s3.test/k" REST, true, true},
          {"GET http://c.s3.test/b/k" REST, false, false},
          {"GET http://minio.test/b/k" REST, true, true},
          // Passed on with the client's own grant.
          {"GET http://minio.test/b/k?X-Amz-Algorithm=x&X-Amz-Signature=y" REST, true, true},
          {"GET http://minio.test/c/k?X-Amz-Algorithm=x&X-Amz-Signature=y" REST, false, false},
          {"GET " S3 "/k?X-Amz-Algorithm=x&X-Amz-Signature=y" REST, true, true},
          {"GET http://sqs.us-east-1.amazonaws.com/b/k" REST, false, false},
          {"GET " PATHED "/arn%3Aaws%3As3%3A1%3A1%3Aaccesspoint%2Fb/k" REST, true, false});
}

static void a_bucket_is_found_in_all_forms_of_s3(void **state)
{
    (void)state;
    JUDGE(
        "bucket = b", {"GET http://b.s3-accelerate.amazonaws.com/k" REST, true, true},
        {"GET http://c.s3-accelerate.amazonaws.com/b/k" REST, false, false},
        {"GET http://b.bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com/k" REST, true, true},
        {"GET http://c.bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com/b/k" REST, false, false},
        {"GET http://bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com/b/k" REST, true, true},
        // An access point's or its alias's bucket is not told, and the path begins with none.
        {"GET http://p-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/b/k" REST, true, false},
        {"GET http://p-1.accesspoint.vpce-0a.s3.us-east-1.vpce.amazonaws.com/b/k" REST, true,
         false},
        {"GET http://p-123456789012.s3-object-lambda.eu-west-1.amazonaws.com/b/k" REST, true,
         false},
        {"GET http://a.mrap.accesspoint.s3-global.amazonaws.com/b/k" REST, true, false},
        {"POST http://123456789012.s3-control.eu-west-1.amazonaws.com/v20180820/jobs" REST, true,
         false},
        {"GET http://p-abc-s3alias.s3.eu-west-1.amazonaws.com/k" REST, true, false},
        {"GET " PATHED "/p-abc-s3alias/k" REST, true, false});
    JUDGE("bucket = b--*",
          {"GET http://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k" REST, true,
           true},
          {"GET http://c--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/b--x/k" REST,
           false, false});
    JUDGE(
        "key = in/",
        {"GET http://p-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/in/k" REST, true, true},
        {"GET http://123456789012.s3-control.eu-west-1.amazonaws.com/in/k" REST, true, false});
}

// S3 goes by the Host field that it gets, not by the name that the client uses.
static void a_bucket_is_that_of_the_name_which_is_sent(void **state)
{
    (void)state;
    static const char hidden[] = "[policy]\naction = deny\nbucket = secret\n[route \"data.test\"]\n"
                                 "upstream = https://secret.s3.eu-west-1.amazonaws.com\n"
                                 "service = s3\nsign_host = upstream\n";
    static const char pathed[] =
        "[policy]\naction = deny\nbucket = secret\n[route \"*.s3.eu-west-1."
        "amazonaws.com\"]\nupstream = http://minio.test:9000\n"
        "service = s3\nsign_host = upstream\n";
    assert_true(is_denied(hidden, "GET http://data.test/reports/k" REST, NULL));
    assert_true(is_denied(pathed, "GET " S3 "/secret/k" REST, NULL));
    assert_false(is_denied(pathed, "GET " S3 "/other/k" REST, NULL));
    static const char dotted[] = "[policy]\naction = deny\nbucket = my.secret\n";
    assert_true(is_denied(dotted, "GET http://my.secret.s3.eu-west-1.amazonaws.com/k" REST, NULL));
}

static void a_key_is_what_follows_the_bucket(void **state)
{
    (void)state;
    JUDGE("key = in/", {"PUT " S3 "/in/k" REST, true, true},
          {"PUT " PATHED "/b/in/k" REST, true, true}, {"PUT " PATHED "/in/k" REST, false, false},
          {"PUT " S3 "/in/../out" REST, true, false}, {"GET " S3 "/?prefix=in/" REST, false, false},
          // The keys of a batch, and those of a form, stand in the body.
          {"POST " S3 "/?delete" REST, true, false}, {"POST " PATHED "/b" REST, true, false},
          {"POST " S3 "/in/k?uploads" REST, true, true});
}

static void a_copy_is_about_its_source_too(void **state)
{
    (void)state;
    JUDGE("bucket = b", {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: /b/other", true, true},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: secret/k", true, false},
          {"PUT " PATHED "/other/k" REST "\r\nX-Amz-Copy-Source: %62/k?versionId=1", true, false},
          {"PUT " PATHED "/other/k" REST "\r\nx-amz-copy-source: c/k", false, false},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: b/k\r\nx-amz-copy-source: c/k", true, false},
          {"PUT " S3 "/k" REST
           "\r\nx-amz-copy-source: arn:aws:s3:eu-west-1:1:accesspoint/p/object/k",
           true, false},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: p-abc-s3alias/k", true, false},
          {"PUT " PATHED "/c/k?X-Amz-Copy-Source=%2Fb%2Fk" REST, true, false},
          {"PUT " PATHED "/c/k?x-amz-copy%2dsource=%252Fb/k" REST, true, false});
    // S3 reads a plus there as a blank.
    JUDGE("key = my files/", {"GET " S3 "/my%20files/k" REST, true, true},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: /b/my%20files/k", true, false},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: /b/my+files/k", true, false},
          {"PUT " S3 "/my%20files/k" REST "\r\nx-amz-copy-source: /b/my%20files/k", true, true},
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: /b/my%2Bfiles/k", false, false});
}

static void a_tunnel_has_a_host_and_no_path(void **state)
{
    (void)state;
    JUDGE("method = CONNECT", {"CONNECT b.s3.eu-west-1.amazonaws.com:443" REST, true, true});
    JUDGE("service = s3\nregion = eu-west-1",
          {"CONNECT b.s3.eu-west-1.amazonaws.com:443" REST, true, true});
    JUDGE("bucket = b", {"CONNECT b.s3.eu-west-1.amazonaws.com:443" REST, true, true},
          {"CONNECT s3.eu-west-1.amazonaws.com:443" REST, false, false});
    JUDGE("path = /", {"CONNECT b.s3.eu-west-1.amazonaws.com:443" REST, false, false});
    JUDGE("key = in/", {"CONNECT b.s3.eu-west-1.amazonaws.com:443" REST, true, false});
}

static void a_set_of_regions_counts_by_its_members(void **state)
{
    (void)state;
    static const char mrap[] = "[policy]\naction = deny\nregion = eu-*\n";
    char conf[256];
    (void)snprintf(conf, sizeof(conf),
                   "%s[route \"m.test\"]\nservice = s3\nregion = us-east-1,eu-west-1\n", mrap);
    assert_true(is_denied(conf, "GET http://m.test/k" REST, NULL));
    assert_true(
        is_denied(mrap, "GET http://a.mrap.accesspoint.s3-global.amazonaws.com/k" REST, NULL));
    assert_true(is_denied("[policy]\naction = allow\nregion = eu-*\n[policy]\naction = deny\n",
                          "GET http://a.mrap.accesspoint.s3-global.amazonaws.com/k" REST, NULL));
}

static void judge_client(const char *entry, const struct plan_client *who, bool want)
{
    char conf[256];
    (void)snprintf(conf, sizeof(conf), "[policy]\naction = deny\nclient = %s\n", entry);
    if (is_denied(conf, "GET " S3 "/k" REST, who) != want)
        fail_msg("client = %s: want %d", entry, want);
}

static void clients_match_by_address_token_certificate_or_user(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET};
    static const char *const names[] = {"batch.example", "spiffe://example/ns/batch"};
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &in.sin_addr), 1);
    struct plan_client tcp = {.address = (struct sockaddr *)&in, .uid = 0};
    struct plan_client token = {.address = (struct sockaddr *)&in, .token = "batch-1"};
    struct plan_client cert = {.address = (struct sockaddr *)&in, .names = names, .n_names = 2};
    struct plan_client local = {.uid = 1000, .gid = 50};
    judge_client("10.0.0.0/8", &tcp, true);
    judge_client("192.168.0.0/16, 10.1.2.3", &tcp, true);
    judge_client("192.168.0.0/16", &tcp, false);
    judge_client("uid:0", &tcp, false); // no unix socket, no user
    judge_client("unix", &tcp, false);
    judge_client("token:*", &tcp, false);
    judge_client("cert:*", &tcp, false);
    judge_client("token:batch-*", &token, true);
    judge_client("token:Batch-*", &token, false);
    judge_client("token:batch", &token, false);
    judge_client("cert:*.example", &cert, true);
    judge_client("cert:spiffe://example/ns/*", &cert, true);
    judge_client("cert:other", &cert, false);
    judge_client("unix", &local, true);
    judge_client("uid:1000", &local, true);
    judge_client("uid:1001", &local, false);
    judge_client("gid:50", &local, true);
    judge_client("127.0.0.0/8, ::/0", &local, false);
    judge_client("0.0.0.0/0", NULL, false);
}

static void the_first_policy_that_matches_decides(void **state)
{
    (void)state;
    static const char conf[] = "[policy \"readers\"]\naction = allow\nmethod = GET\n"
                               "[policy \"rest\"]\naction = deny\nservice = s3\n";
    struct planned p;
    planned_make(&p, conf, "GET " S3 "/k" REST "\r\n\r\n");
    assert_string_equal(p.line, "tls b.s3.eu-west-1.amazonaws.com:443 Host "
                                "b.s3.eu-west-1.amazonaws.com /k s3/eu-west-1 hash+ none");
    assert_string_equal(p.plan.rule_policy, "[policy \"readers\"] in line 1");
    planned_clear(&p);
    planned_make(&p, conf, "PUT " S3 "/k" REST "\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(p.line, "403 policy-denied");
    assert_string_equal(p.plan.rule_policy, "[policy \"rest\"] in line 4");
    planned_clear(&p);
    planned_make(&p, conf, "POST http://sqs.us-east-1.amazonaws.com/" REST "\r\n\r\n");
    assert_int_equal(p.plan.kind, PLAN_FORWARD);
    assert_string_equal(p.plan.rule_policy, "none");
    planned_clear(&p);
}

#define DDB "http://dynamodb.us-east-1.amazonaws.com/"
#define QRY                                                                                        \
    REST "\r\nContent-Length: 2\r\nContent-Type: application/x-amz-json-1.0\r\n"                   \
         "X-Amz-Target: DynamoDB_20120810."
#define IAM  "http://iam.amazonaws.com/"
#define FORM REST "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "

static void actions_match_by_glob_and_doubt_works_against_the_request(void **state)
{
    (void)state;
    JUDGE("aws_action = s3:Get*, dynamodb:query, sts:GetCallerIdentity",
          {"GET " S3 "/k" REST, true, true}, {"PUT " S3 "/k" REST, false, false},
          {"GET " S3 "/k?%61cl" REST, true, false}, {"GET " S3 "/k?newest" REST, true, false},
          {"GET " S3 "/?list-type=2" REST, false, false}, {"POST " DDB QRY "Query", true, true},
          {"POST " DDB QRY "QUERY", true, true}, {"POST " DDB QRY "DeleteTable", false, false},
          {"POST " DDB "?x" QRY "DeleteTable", true, false},
          // A copy reads as well as it writes.
          {"PUT " S3 "/k" REST "\r\nx-amz-copy-source: /b/o", true, false},
          // Another service's request, whatever it does, is none of these.
          {"POST http://sqs.us-east-1.amazonaws.com/" REST, false, false},
          {"POST http://lambda.us-east-1.amazonaws.com/x" REST, false, false},
          {"GET http://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity" REST, true, true},
          {"CONNECT s3.eu-west-1.amazonaws.com:443" REST, true, false},
          {"CONNECT sqs.eu-west-1.amazonaws.com:443" REST, false, false});
    JUDGE("aws_action = s3:*, iam:*", {"GET " S3 "/k?newest" REST, true, true},
          {"POST " IAM FORM "9", true, true}, {"POST " DDB QRY "Query", false, false},
          {"CONNECT s3.eu-west-1.amazonaws.com:443" REST, true, true});
    JUDGE("aws_action = *", {"GET " S3 "/k?newest" REST, true, true},
          {"CONNECT sqs.eu-west-1.amazonaws.com:443" REST, true, true});
    JUDGE("aws_action = s3:PutObject, s3:PutObjectAcl",
          {"PUT " S3 "/k" REST "\r\nx-amz-acl: private", true, true},
          {"PUT " S3 "/k" REST "\r\nx-amz-acl: private\r\nx-amz-tagging: a=b", true, false},
          // Of directory buckets another permission decides; who denies writes means these too.
          {"PUT http://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k" REST, true,
           false});
    JUDGE("aws_action = lambda:Invoke\nmethod = POST",
          {"POST http://lambda.us-east-1.amazonaws.com/2015-03-31/functions/f/invocations" REST,
           true, true},
          {"GET http://lambda.us-east-1.amazonaws.com/2015-03-31/functions/f" REST, false, false});
    JUDGE("aws_action = monitoring:ListMetrics",
          {"GET http://monitoring.us-east-1.amazonaws.com/?Action=ListMetrics" REST, true, true});
}

// Whose signature it is does not matter: the operation is AWS's.
static void what_goes_to_aws_unsigned_is_judged_by_where_it_goes(void **state)
{
    (void)state;
    static const char conf[] =
        "unsigned_hosts = mirror.example, x.us-east-1.elb.amazonaws.com\n"
        "[route \"x.example\"]\nupstream = https://iam.amazonaws.com\nsign = none\n"
        "[policy]\naction = deny\naws_action = iam:Delete*\n";
    assert_true(is_denied(conf, "GET http://x.example/?Action=DeleteUser" REST, NULL));
    assert_true(is_denied(conf, "GET http://x.example/?%41ction=DeleteUser" REST, NULL));
    assert_false(is_denied(conf, "GET http://x.example/?Action=ListUsers" REST, NULL));
    assert_true(is_denied(conf, "GET http://x.us-east-1.elb.amazonaws.com/" REST, NULL));
    assert_false(is_denied(conf, "GET http://mirror.example/?Action=DeleteUser" REST, NULL));
}

static enum plan_kind with_form(const char *conf, const char *request, struct plan_form form,
                                bool *waits)
{
    struct planned p;
    char head[1024];
    (void)snprintf(head, sizeof(head), "%s\r\n\r\n", request);
    planned_make_form(&p, conf, head, NULL, form);
    enum plan_kind kind = p.plan.kind;
    *waits = p.plan.wants_form;
    if (*waits) // the body is held, however it would have gone
        assert_true(p.plan.body == PLAN_BODY_HASH || p.plan.body == PLAN_BODY_LENGTH);
    planned_clear(&p);
    return kind;
}

static void a_form_decides_once_it_is_here(void **state)
{
    (void)state;
    static const char deny[] = "[policy]\naction = deny\naws_action = iam:Delete*\n";
    static const char allow[] = "already_signed = pass\n[policy]\naction = allow\n"
                                "aws_action = iam:List*\n[policy]\naction = deny\n";
    static const char early[] = "[policy]\naction = deny\nmethod = POST\n"
                                "[policy]\naction = deny\naws_action = iam:Delete*\n";
    static const struct {
        const char *conf, *request, *body; // NULL: lost
        bool is_denied;
    } rows[] = {
        {deny, "POST " IAM FORM "22", "Action=DeleteUser&a=b", true},
        {deny, "POST " IAM FORM "22", "Action=ListUsers", false},
        {deny, "POST " IAM FORM "22", "Action=ListUsers&action=a", true},
        {deny, "POST " IAM FORM "22", NULL, true},
        {allow, "POST " IAM FORM "22", "Action=ListUsers", false},
        {allow, "POST " IAM FORM "22", "Action=DeleteUser", true},
        {allow, "POST " IAM FORM "22", NULL, true},
        {allow, "POST " IAM FORM "22\r\nAuthorization: AWS4-HMAC-SHA256 Credential=x",
         "Action=ListUsers", false},
    };
    bool waits = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_form form = {.state = rows[i].body ? PLAN_FORM_HERE : PLAN_FORM_LOST,
                                 .text = span_of(rows[i].body)};
        struct plan_form ahead = {.state = PLAN_FORM_AHEAD};
        assert_int_equal(with_form(rows[i].conf, rows[i].request, ahead, &waits), PLAN_FORWARD);
        assert_true(waits);
        enum plan_kind kind = with_form(rows[i].conf, rows[i].request, form, &waits);
        if (waits || (kind == PLAN_DENY) != rows[i].is_denied)
            fail_msg("row %zu: kind %d", i, (int)kind);
    }
    // What the body can't change is said at once.
    assert_int_equal(with_form(early, "POST " IAM FORM "22",
                               (struct plan_form){.state = PLAN_FORM_AHEAD}, &waits),
                     PLAN_DENY);
}

static void buckets_of_own_domains_at_aws_are_named_by_the_host(void **state)
{
    (void)state;
    static const char conf[] =
        "[route \"files.example.com\"]\nservice = s3\nregion = us-east-1\n"
        "upstream = https://s3.us-east-1.amazonaws.com\n[policy]\naction = deny\n"
        "bucket = files.example.com\nkey = secret/\n";
    assert_true(is_denied(conf, "GET http://files.example.com/secret/k" REST, NULL));
    assert_false(is_denied(conf, "GET http://files.example.com/open/secret/k" REST, NULL));
}

// A policy takes away and never adds.
static void an_allow_lets_no_further_host_in(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://x.example/" REST, "403 host-denied"},
        {"GET http://169.254.169.254/" REST, "403 address-denied"},
    };
    PLAN_CHECK("[policy]\naction = allow\n", rows);
}

#define EXPRESS "http://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com"

// Its answer holds keys that may do anything with the bucket, past this proxy.
static void a_session_of_s3_express_is_every_method_and_every_path(void **state)
{
    (void)state;
    JUDGE("method = GET", {"GET " EXPRESS "/k" REST, true, true},
          {"GET " EXPRESS "/?session" REST, true, false},
          {"GET " EXPRESS "/?x&%73ession=" REST, true, false},
          {"PUT " EXPRESS "/k" REST, false, false});
    JUDGE("method = PUT", {"GET " EXPRESS "/k" REST, false, false},
          {"GET " EXPRESS "/?session" REST, true, false});
    JUDGE("path = /public/", {"GET " EXPRESS "/public/k" REST, true, true},
          {"GET " EXPRESS "/?session" REST, true, false});
    JUDGE("key = public/", {"GET " EXPRESS "/?session" REST, true, false});
    JUDGE("bucket = b--use1-az4--x-s3", {"GET " EXPRESS "/?session" REST, true, true});
    JUDGE("bucket = other", {"GET " EXPRESS "/?session" REST, false, false});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_service_region_and_method_match_by_globs),
        cmocka_unit_test(a_path_counts_in_each_of_its_readings),
        cmocka_unit_test(a_bucket_stands_in_the_host_or_in_the_path),
        cmocka_unit_test(a_bucket_is_found_in_all_forms_of_s3),
        cmocka_unit_test(a_bucket_is_that_of_the_name_which_is_sent),
        cmocka_unit_test(a_key_is_what_follows_the_bucket),
        cmocka_unit_test(a_copy_is_about_its_source_too),
        cmocka_unit_test(a_tunnel_has_a_host_and_no_path),
        cmocka_unit_test(a_set_of_regions_counts_by_its_members),
        cmocka_unit_test(clients_match_by_address_token_certificate_or_user),
        cmocka_unit_test(the_first_policy_that_matches_decides),
        cmocka_unit_test(actions_match_by_glob_and_doubt_works_against_the_request),
        cmocka_unit_test(what_goes_to_aws_unsigned_is_judged_by_where_it_goes),
        cmocka_unit_test(a_form_decides_once_it_is_here),
        cmocka_unit_test(buckets_of_own_domains_at_aws_are_named_by_the_host),
        cmocka_unit_test(an_allow_lets_no_further_host_in),
        cmocka_unit_test(a_session_of_s3_express_is_every_method_and_every_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
