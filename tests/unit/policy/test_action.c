// SPDX-License-Identifier: Apache-2.0
// An action is known where nothing about the request can be read in another way, and only there.
#include "policy/action.h"
#include "unit/policy/plan_fixture.h"

#define S3   "http://b.s3.us-east-1.amazonaws.com"
#define PATH "http://s3.us-east-1.amazonaws.com"
#define DDB  "http://dynamodb.us-east-1.amazonaws.com"
#define SQS  "http://sqs.us-east-1.amazonaws.com"
#define IAM  "http://iam.amazonaws.com"
#define CW   "http://monitoring.us-east-1.amazonaws.com"
#define RUN  "http://bedrock-runtime.us-east-1.amazonaws.com"
#define FN   "http://lambda.us-east-1.amazonaws.com/2015-03-31/functions/"
#define JSON "Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define CBOR                                                                                       \
    "Smithy-Protocol: rpc-v2-cbor\r\nContent-Type: application/cbor\r\nContent-Length: 2\r\n"

struct row {
    const char *line;   // method and URL
    const char *fields; // each with its line's end
    const char *want;   // "": not known
};

static const char ROUTES[] =
    "[route \"*.s3.test\"]\nservice = s3\n[route \"minio.test\"]\nservice = s3\n"
    "upstream = http://127.0.0.1:9000\n[route \"files.example.com\"]\nservice = s3\n"
    "region = us-east-1\nupstream = https://s3.us-east-1.amazonaws.com\n"
    "[route \"ddb.test\"]\nservice = dynamodb\nregion = us-east-1\n"
    "upstream = http://127.0.0.1:9000\n[route \"re.test\"]\nservice = dynamodb\nregion = "
    "us-east-1\nsign = redirect\n"
    "upstream = http://127.0.0.1:9000\n[route \"fn.test\"]\nservice = lambda\n"
    "region = us-east-1\nupstream = http://127.0.0.1:9000\n";

static unsigned judge(const struct row *row, const char *body, struct plan_form form)
{
    struct planned p;
    char request[2048];
    char got[PLAN_ACTION_TEXT];
    int n = snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n%s", row->line,
                     row->fields ? row->fields : "");
    if (body)
        n += snprintf(request + n, sizeof(request) - (size_t)n, "Content-Length: %zu\r\n",
                      form.state == PLAN_FORM_HERE ? form.text.len : strlen(body));
    (void)snprintf(request + n, sizeof(request) - (size_t)n, "\r\n");
    planned_make_form(&p, ROUTES, request, NULL, form);
    (void)action_text(&p.plan.action, got, sizeof(got));
    bool is_right = strcmp(got, row->want) == 0;
    if (!is_right)
        print_error("%s\n  %s\n  got \"%s\", want \"%s\"\n", request, body ? body : "", got,
                    row->want);
    planned_clear(&p);
    return !is_right;
}

static void judge_all(const struct row *rows, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += judge(&rows[i], NULL, (struct plan_form){.state = PLAN_FORM_AHEAD});
    assert_int_equal(bad, 0);
}
#define JUDGE(...)                                                                                 \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        judge_all(rows, sizeof(rows) / sizeof(rows[0]));                                           \
    } while (0)

static void s3_goes_by_method_and_subresource(void **state)
{
    (void)state;
    JUDGE({"GET " S3 "/k", NULL, "s3:GetObject"}, {"HEAD " S3 "/k", NULL, "s3:GetObject"},
          {"GET " S3 "/k?versionId=1", NULL, "s3:GetObjectVersion"},
          {"GET " S3 "/k?tagging", NULL, "s3:GetObjectTagging"},
          {"GET " S3 "/k?tagging&versionId=1", NULL, "s3:GetObjectVersionTagging"},
          {"GET " S3 "/k?acl", NULL, "s3:GetObjectAcl"},
          {"GET " S3 "/k?attributes", NULL, "s3:GetObject,s3:GetObjectAttributes"},
          {"GET " S3 "/k?uploadId=u", NULL, "s3:ListMultipartUploadParts"},
          {"GET " S3 "/k?partNumber=2", NULL, "s3:GetObject"},
          {"GET " S3 "/k?response-content-type=a%2Fb", NULL, "s3:GetObject"},
          {"GET " S3 "/k?x-id=GetObject", NULL, "s3:GetObject"},
          {"PUT " S3 "/k", NULL, "s3:PutObject"}, {"PUT " S3 "/k?acl", NULL, "s3:PutObjectAcl"},
          {"PUT " S3 "/k?partNumber=1&uploadId=u", NULL, "s3:PutObject"},
          {"POST " S3 "/k?uploads", NULL, "s3:PutObject"},
          {"POST " S3 "/k?uploadId=u", NULL, "s3:PutObject"},
          {"POST " S3 "/k?restore", NULL, "s3:RestoreObject"},
          {"POST " S3 "/k?select&select-type=2", NULL, "s3:GetObject"},
          {"DELETE " S3 "/k?uploadId=u", NULL, "s3:AbortMultipartUpload"},
          {"DELETE " S3 "/a/b", NULL, "s3:DeleteObject"},
          {"DELETE " S3 "/a/b?versionId=1", NULL, "s3:DeleteObjectVersion"},
          {"GET " S3 "/?list-type=2&prefix=a%2F&delimiter=%2F", NULL, "s3:ListBucket"},
          {"HEAD " S3 "/", NULL, "s3:ListBucket"},
          {"GET " S3 "/?versions", NULL, "s3:ListBucketVersions"},
          {"GET " S3 "/?uploads", NULL, "s3:ListBucketMultipartUploads"},
          {"GET " S3 "/?location", NULL, "s3:GetBucketLocation"},
          {"PUT " S3 "/?versioning", NULL, "s3:PutBucketVersioning"},
          {"GET " S3 "/?lifecycle", NULL, "s3:GetLifecycleConfiguration"},
          {"DELETE " S3 "/?lifecycle", NULL, "s3:PutLifecycleConfiguration"},
          {"DELETE " S3 "/?policy", NULL, "s3:DeleteBucketPolicy"},
          {"PUT " S3 "/?inventory&id=1", NULL, "s3:PutInventoryConfiguration"},
          {"POST " S3 "/?delete", NULL, "s3:DeleteObject,s3:DeleteObjectVersion"},
          {"DELETE " S3 "/", NULL, "s3:DeleteBucket"}, {"PUT " S3 "/", NULL, "s3:CreateBucket"},
          {"GET " PATH "/", NULL, "s3:ListAllMyBuckets"}, {"GET " PATH "/b", NULL, "s3:ListBucket"},
          {"GET " PATH "/b/", NULL, "s3:ListBucket"}, {"GET " PATH "/b/k", NULL, "s3:GetObject"},
          {"GET http://b.s3.test/k", NULL, "s3:GetObject"},
          {"GET http://b.s3.test/", NULL, "s3:ListBucket"},
          {"GET http://minio.test/b", NULL, "s3:ListBucket"},
          {"GET http://minio.test/b/k", NULL, "s3:GetObject"},
          // That name reaches AWS, and is the bucket's there.
          {"GET http://files.example.com/k", NULL, "s3:GetObject"},
          {"GET http://files.example.com/", NULL, "s3:ListBucket"},
          {"GET http://ap-1.s3-accesspoint.us-east-1.amazonaws.com/k", NULL, "s3:GetObject"},
          {"GET http://o.s3-object-lambda.us-east-1.amazonaws.com/k", NULL,
           "s3-object-lambda:GetObject"});
}

static void s3_fields_ask_for_more(void **state)
{
    (void)state;
    JUDGE({"PUT " S3 "/k", "x-amz-copy-source: /b/o\r\n", "s3:PutObject,s3:GetObject"},
          {"PUT " S3 "/k", "X-AMZ-Copy-Source: /b/o?versionId=2\r\n",
           "s3:PutObject,s3:GetObjectVersion"},
          {"PUT " S3 "/k", "x-amz-copy-source: /b/o%3FversionId=2\r\n",
           "s3:PutObject,s3:GetObject,s3:GetObjectVersion"},
          {"PUT " S3 "/k?x-amz-copy-source=b%2Fo", NULL, "s3:PutObject,s3:GetObject"},
          {"PUT " S3 "/k?X-Amz-Acl=public-read", NULL, "s3:PutObject,s3:PutObjectAcl"},
          {"PUT " S3 "/k", "x-amz-acl: public-read\r\n", "s3:PutObject,s3:PutObjectAcl"},
          {"PUT " S3 "/k", "x-amz-grant-read: id=1\r\n", "s3:PutObject,s3:PutObjectAcl"},
          {"PUT " S3 "/k", "x-amz-tagging: a=b\r\n", "s3:PutObject,s3:PutObjectTagging"},
          {"POST " S3 "/k?uploads", "x-amz-object-lock-mode: GOVERNANCE\r\n",
           "s3:PutObject,s3:PutObjectRetention"},
          {"DELETE " S3 "/k?versionId=1", "x-amz-bypass-governance-retention: true\r\n",
           "s3:DeleteObjectVersion,s3:BypassGovernanceRetention"},
          {"PUT " S3 "/", "x-amz-acl: public-read\r\n", "s3:CreateBucket,s3:PutBucketAcl"},
          {"GET " S3 "/k", "x-amz-acl: public-read\r\n", "s3:GetObject"},
          {"PUT " S3 "/k", "x-amz-rename-source: /b/o\r\n", ""});
}

static void s3_in_doubt_has_no_action(void **state)
{
    (void)state;
    JUDGE({"GET " S3 "/k?%61cl", NULL, ""}, {"GET " S3 "/k?ACL", NULL, ""},
          {"GET " S3 "/k?a+cl", NULL, ""}, {"GET " S3 "/k?acl;tagging", NULL, ""},
          {"GET " S3 "/k?prefix=a;acl", NULL, ""}, {"GET " S3 "/k?acl&tagging", NULL, ""},
          {"GET " S3 "/k?acl&acl", NULL, ""}, {"GET " S3 "/k?newest-thing", NULL, ""},
          {"GET " S3 "/k?versionId=", NULL, ""}, {"GET " S3 "/k?versionId=1&versionId=2", NULL, ""},
          {"GET " S3 "/k?uploadId=", NULL, ""}, {"GET " S3 "/k?uploadId=u&versionId=1", NULL, ""},
          {"GET " S3 "/k?=acl", NULL, ""}, {"GET " S3 "/?tagging&list-type=2", NULL, ""},
          {"GET " S3 "/?list-type=2&versions", NULL, ""}, {"GET " S3 "/k?list-type=2", NULL, ""},
          {"GET " S3 "/?list-type=2&list-type=1", NULL, ""},
          {"GET " S3 "/k?tagging&partNumber=1", NULL, ""}, {"HEAD " S3 "/k?acl", NULL, ""},
          {"PUT " S3 "/k?versionId=1", NULL, ""}, {"POST " S3 "/k", NULL, ""},
          {"PATCH " S3 "/k", NULL, ""},
          {"POST " S3 "/", "Content-Type: multipart/form-data; boundary=x\r\n", ""},
          {"GET " PATH "/b%2Fk", NULL, ""}, {"GET " PATH "/b/k/..", NULL, ""},
          {"GET " PATH "/b/k/%2e%2e", NULL, ""}, {"GET " PATH "/b//", NULL, ""},
          {"GET " PATH "//k", NULL, ""}, {"GET " PATH "/?acl", NULL, ""},
          {"GET " PATH "/arn%3Aaws%3As3%3Aus-east-1%3A1%3Aaccesspoint%2Fa/k", NULL, ""},
          {"GET http://1.s3-control.us-east-1.amazonaws.com/v20180820/bucket/b", NULL, ""},
          {"GET " S3 "/k", "X-HTTP-Method-Override: DELETE\r\n", ""},
          {"PUT " S3 "/k", "x-amz-tagging: a=b\r\nConnection: x-amz-tagging\r\n", ""},
          {"GET http://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k", NULL, ""});
}

static void targets_count_where_the_service_reads_them(void **state)
{
    (void)state;
    JUDGE(
        {"POST " DDB "/", JSON "X-Amz-Target: DynamoDB_20120810.Query\r\n", "dynamodb:Query"},
        {"POST " DDB, JSON "x-amz-target: DynamoDB_20120810.Query\r\n", "dynamodb:Query"},
        {"POST http://ddb.test/", JSON "X-Amz-Target: DynamoDB_20120810.Query\r\n",
         "dynamodb:Query"},
        {"POST " DDB "/", JSON "X-Amz-Target: DynamoDBStreams_20120810.GetRecords\r\n",
         "dynamodb:GetRecords"},
        {"POST " SQS "/1/queue", JSON "X-Amz-Target: AmazonSQS.SendMessage\r\n", "sqs:SendMessage"},
        {"POST " CW "/", JSON "X-Amz-Target: GraniteServiceVersion20100801.ListMetrics\r\n",
         "cloudwatch:ListMetrics"},
        {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics", CBOR,
         "cloudwatch:ListMetrics"});
}

#define GETS JSON "X-Amz-Target: DynamoDB_20120810.Query\r\n"
static void targets_in_doubt_name_nothing(void **state)
{
    (void)state;
    JUDGE({"POST " DDB "/", JSON, ""}, {"GET " DDB "/", GETS, ""}, {"PUT " DDB "/", GETS, ""},
          {"POST " DDB "/", JSON "X-Amz-Target: Query\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: AmazonSSM.Query\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: dynamodb_20120810.Query\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: DynamoDB_20120810.\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: DynamoDB_20120810.Que ry\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: DynamoDB_20120810.Query,x\r\n", ""},
          {"POST " DDB "/", JSON "X-Amz-Target: DynamoDB_20120810.DeleteTable.Query\r\n", ""},
          {"POST " DDB "/", GETS "X-Amz-Target: DynamoDB_20120810.DeleteTable\r\n", ""},
          {"POST " DDB "/", GETS "X-Amz-Target: DynamoDB_20120810.Query\r\n", ""},
          {"POST " DDB "/", GETS "X_Amz_Target: DynamoDB_20120810.DeleteTable\r\n", ""},
          {"POST " DDB "/", GETS "Connection: X-Amz-Target\r\n", ""},
          {"POST " DDB "/", GETS "Smithy-Protocol: rpc-v2-cbor\r\n", ""},
          {"POST " DDB "/?Action=DeleteTable", GETS, ""}, {"POST " DDB "/?x", GETS, ""},
          // Whoever follows it sends fields of its own.
          {"POST http://re.test/", GETS, ""}, {"POST " DDB "/x", GETS, ""},
          {"POST " DDB "//", GETS, ""}, {"POST " DDB "/.", GETS, ""},
          {"POST " DDB "/%2f", GETS, ""},
          {"POST " DDB "/", "Content-Length: 2\r\nX-Amz-Target: DynamoDB_20120810.Query\r\n", ""},
          {"POST " DDB "/", FORM "X-Amz-Target: DynamoDB_20120810.Query\r\nContent-Length: 2\r\n",
           ""},
          // A service that knows no X-Amz-Target goes by the path.
          {"POST " FN "f/invocations", JSON "X-Amz-Target: AWSLambda.ListFunctions\r\n", ""},
          {"POST " IAM "/?Action=ListUsers", "X-Amz-Target: IAM.DeleteUser\r\n", ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics/", CBOR, ""},
          {"POST " CW "/service/Other/operation/ListMetrics", CBOR, ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics",
           "Content-Length: 2\r\n", ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics",
           CBOR "X-Amz-Target: GraniteServiceVersion20100801.DeleteAlarms\r\n", ""},
          {"POST " CW "/Service/GraniteServiceVersion20100801/operation/ListMetrics", CBOR, ""},
          // A body that another protocol's server would read.
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics",
           "Smithy-Protocol: rpc-v2-cbor\r\n" FORM "Content-Length: 2\r\n", ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics",
           "Smithy-Protocol: rpc-v2-cbor\r\nContent-Length: 2\r\n", ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/ListMetrics",
           CBOR "Smithy-Protocol: rpc-v2-json\r\n", ""},
          {"POST " CW "/service/GraniteServiceVersion20100801/operation/List%4detrics", CBOR, ""},
          {"POST " SQS "/service/AmazonSQS/operation/ListQueues",
           JSON "X-Amz-Target: AmazonSQS.SendMessage\r\n", ""});
}

static void queries_name_actions_once_and_plainly(void **state)
{
    (void)state;
    JUDGE(
        {"GET " SQS "/?Action=ListQueues", NULL, "sqs:ListQueues"},
        {"GET " SQS "/1/queue?Version=1&Action=ReceiveMessage&AttributeName.1=All", NULL,
         "sqs:ReceiveMessage"},
        {"POST " IAM "/?Action=ListUsers&Version=2010-05-08", NULL, "iam:ListUsers"},
        {"GET " IAM "/?Action=ListUsers&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", NULL,
         "iam:ListUsers"},
        {"GET " IAM "/?action=ListUsers", NULL, ""}, {"GET " IAM "/?ACTION=ListUsers", NULL, ""},
        {"GET " IAM "/?%41ction=ListUsers", NULL, ""},
        {"GET " IAM "/?Action=List%55sers", NULL, ""}, {"GET " IAM "/?Action=", NULL, ""},
        {"GET " IAM "/?Action", NULL, ""}, {"GET " IAM "/?Action=a%0ab", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&Action=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&Action=ListUsers", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&%61ction=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&Action%00=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&+Action=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&Action[]=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&Operation=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers&a=b;Action=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers;Action=DeleteUser", NULL, ""},
        {"GET " IAM "/?Action=ListUsers;a", NULL, ""},
        {"GET " IAM "/?a;Action=ListUsers", NULL, ""}, {"PUT " IAM "/?Action=ListUsers", NULL, ""},
        {"HEAD " IAM "/?Action=ListUsers", NULL, ""}, {"GET " IAM "/x?Action=ListUsers", NULL, ""},
        {"GET " IAM "//?Action=ListUsers", NULL, ""},
        // SES has paths too, and knows them better than a parameter.
        {"POST http://email.us-east-1.amazonaws.com/v2/email/outbound-emails?Action=GetSendQuota",
         NULL, ""},
        {"GET http://email.us-east-1.amazonaws.com/?Action=GetSendQuota", NULL, "ses:GetSendQuota"},
        {"GET " IAM "/?Action=ListUsers", "Content-Length: 3\r\n", ""},
        {"GET " DDB "/?Action=ListTables", NULL, ""},
        {"POST " IAM "/?Action=ListUsers", "Content-Type: application/json\r\n", ""},
        {"POST " IAM "/?Action=ListUsers", "Smithy-Protocol: rpc-v2-cbor\r\n", ""});
}

static void forms_name_actions_once_and_plainly(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        struct span body;
    } rows[] = {
        {{"POST " IAM "/", FORM, "iam:ListUsers"}, SPAN("Action=ListUsers&Version=2010-05-08")},
        {{"POST " IAM "/", FORM, "iam:ListUsers"}, SPAN("Version=1&Action=ListUsers")},
        {{"POST " IAM "/?Action=ListUsers", FORM, "iam:ListUsers"}, SPAN("Version=1")},
        {{"POST " SQS "/1/q", FORM, "sqs:SendMessage"},
         SPAN("Action=SendMessage&MessageBody=a%3Bb")},
        {{"POST " IAM "/", "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
          "iam:ListUsers"},
         SPAN("Action=ListUsers")},
        {{"POST " IAM "/", FORM, "iam:SimulateCustomPolicy"},
         SPAN("Action=SimulateCustomPolicy&ActionNames.member.1=s3:Get")},
        {{"POST " IAM "/?Action=ListUsers", FORM, ""}, SPAN("Action=DeleteUser")},
        {{"POST " IAM "/?Action=ListUsers", FORM, ""}, SPAN("Action=ListUsers")},
        {{"POST " IAM "/?Action=ListUsers", FORM, ""}, SPAN("%41ction=DeleteUser")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers&Action=DeleteUser")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers&action=DeleteUser")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers&A%63tion=DeleteUser")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers\r\n&Action=DeleteUser")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers\r\n")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=ListUsers\0&a=b")},
        {{"POST " IAM "/", FORM, ""}, SPAN("a=b;Action=DeleteUser&Action=ListUsers")},
        {{"POST " IAM "/", FORM, ""},
         SPAN("\xef\xbb\xbf"
              "Action=DeleteUser")},
        {{"POST " IAM "/", FORM, ""},
         SPAN("\xef\xbb\xbf"
              "Action=DeleteUser&Action=ListUsers")},
        {{"POST " IAM "/", FORM, ""}, SPAN(" Action=DeleteUser&Action=ListUsers")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Version=1")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=List Users")},
        {{"POST " IAM "/", FORM, ""}, SPAN("Action=List+Users")},
        {{"POST " IAM "/", FORM "Content-Encoding: gzip\r\n", ""}, SPAN("Action=ListUsers")},
        {{"POST " IAM "/", FORM FORM, ""}, SPAN("Action=ListUsers")},
        {{"POST " IAM "/",
          FORM "Authorization: AWS4-HMAC-SHA256 Credential=a\r\n"
               "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n",
          ""},
         SPAN("11;chunk-signature=0\r\nAction=DeleteUser&x=\r\n0;chunk-signature=0&"
              "Action=ListUsers")},
        {{"POST " IAM "/", "", ""}, SPAN("Action=ListUsers")},
        {{"POST " IAM "/", "Content-Type: application/json\r\n", ""}, SPAN("Action=ListUsers")},
        {{"POST " IAM "/", "Content-Type: multipart/form-data; boundary=x\r\n", ""},
         SPAN("Action=ListUsers")},
        {{"POST " IAM "/", "Content-Type: application/x-www-form-urlencoded; charset=ibm037\r\n",
          ""},
         SPAN("Action=ListUsers")},
        {{"POST " DDB "/", FORM, ""}, SPAN("Action=ListTables")},
    };
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row unread = rows[i].row;
        struct plan_form form = {.state = PLAN_FORM_HERE, .text = rows[i].body};
        bad += judge(&rows[i].row, rows[i].body.p, form);
        unread.want = "";
        bad += judge(&unread, rows[i].body.p, (struct plan_form){.state = PLAN_FORM_AHEAD});
        bad += judge(&unread, rows[i].body.p, (struct plan_form){.state = PLAN_FORM_LOST});
    }
    assert_int_equal(bad, 0);
}

static void a_form_is_waited_for_where_it_may_say_something(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fields;
        bool want;
    } rows[] = {
        {"POST " IAM "/", FORM "Content-Length: 20\r\n", true},
        {"POST " IAM "/", FORM "Transfer-Encoding: chunked\r\n", true},
        {"POST " IAM "/", FORM "Content-Length: 1048576\r\n", true},
        {"POST " IAM "/", FORM "Content-Length: 1048577\r\n", false}, // body_memory
        {"POST " IAM "/", FORM "Content-Length: 0\r\n", false},
        {"POST " IAM "/", "Content-Length: 20\r\n", false},
        {"GET " IAM "/?Action=ListUsers", NULL, false},
        {"POST " DDB "/", FORM "Content-Length: 20\r\n", false},
        {"POST " S3 "/", FORM "Content-Length: 20\r\n", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planned p;
        char request[512];
        (void)snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].line,
                       rows[i].fields ? rows[i].fields : "");
        planned_make(&p, "[policy]\naction = deny\naws_action = iam:DeleteUser\n", request);
        bool is = p.plan.kind == PLAN_FORWARD && p.plan.wants_form;
        if (is != rows[i].want)
            fail_msg("%s: waits %d", request, is);
        planned_clear(&p);
    }
}

static void a_few_paths_are_known(void **state)
{
    (void)state;
    JUDGE({"POST " FN "my-fn/invocations", JSON, "lambda:InvokeFunction"},
          {"POST " FN "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/invocations", JSON,
           "lambda:InvokeFunction"},
          {"POST " RUN "/model/anthropic.claude-v2%3A1/invoke", JSON, "bedrock:InvokeModel"},
          {"POST " RUN "/model/m/invoke-with-response-stream", JSON,
           "bedrock:InvokeModelWithResponseStream"},
          {"POST " RUN "/model/m/converse", JSON, "bedrock:InvokeModel"},
          {"GET " RUN "/model/m/invoke", NULL, ""}, {"POST " RUN "/model//invoke", JSON, ""},
          {"POST " RUN "/model/m/invoke/", JSON, ""}, {"POST " RUN "/model/m/%69nvoke", JSON, ""},
          {"POST " RUN "/model/../invoke", JSON, ""},
          {"POST " RUN "/model/%2e%2e/invoke", JSON, ""},
          {"POST " RUN "/model/a%2F..%2Fb/invoke", JSON, ""},
          {"POST " RUN "/guardrail/g/version/1/apply", JSON, ""}, {"GET " FN, NULL, ""},
          {"POST " FN "f/invocations/x", JSON, ""},
          {"POST http://fn.test/2015-03-31/functions/f/invocations", JSON, ""},
          {"POST http://x.lambda-url.us-east-1.on.aws/2015-03-31/functions/f/invocations", JSON,
           "lambda:InvokeFunctionUrl"},
          {"GET http://x.execute-api.us-east-1.amazonaws.com/a", NULL, "execute-api:Invoke"},
          {"POST http://x.execute-api.us-east-1.amazonaws.com/p/%40connections/1", NULL,
           "execute-api:Invoke,execute-api:ManageConnections"},
          {"PATCH http://d.us-east-1.es.amazonaws.com/a", NULL, "es:ESHttpPatch"},
          {"GET http://es.us-east-1.amazonaws.com/2021-01-01/domain", NULL, ""},
          {"GET http://d.us-east-1.es.amazonaws.com/a", "X-HTTP-Method-Override: DELETE\r\n", ""},
          {"POST http://c.us-east-1.aoss.amazonaws.com/",
           JSON "X-Amz-Target: OpenSearchServerless.ListCollections\r\n", "aoss:APIAccessAll"},
          {"POST http://aoss.us-east-1.amazonaws.com/",
           JSON "X-Amz-Target: OpenSearchServerless.ListCollections\r\n", "aoss:ListCollections"});
}

static void people_are_told_what_it_looks_like(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fields, *body, *want;
    } rows[] = {
        {"GET " S3 "/k", "", "", "s3:GetObject"},
        {"GET " S3 "/k?acl&tagging", "", "", ""},
        {"POST " CW "/", "", "Version=1&Action=ListMetrics", "cloudwatch:ListMetrics"},
        {"POST " DDB "/x", "X-Amz-Target: A.Query\r\n", "", "dynamodb:Query"},
        {"GET " SQS "/?Action=a%0ab", "", "", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planned p;
        char request[512];
        (void)snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].line,
                       rows[i].fields);
        planned_make(&p, "", request);
        const char *got = action_guess(&p.plan, p.msg, span_of(rows[i].body), &p.a);
        assert_string_equal(got ? got : "", rows[i].want);
        planned_clear(&p);
    }
}

static const char *said_of(const char *file, struct err *e)
{
    struct config *c = NULL;
    struct config_input in = {.file_name = "x.conf", .file = span_of(file)};
    e->text[0] = '\0';
    if (config_parse(&in, &c, e) != ST_OK)
        return e->text;
    bool is_good = action_check(c, e) == ST_OK;
    assert_true(is_good == !e->text[0]);
    config_release(c);
    return e->text;
}

static void patterns_that_match_nothing_are_refused(void **state)
{
    (void)state;
    struct err e;
    static const char *const good[] = {"*",
                                       "s3:*",
                                       "s3:getobject",
                                       "dynamodb:Get*",
                                       "sts:GetCallerIdentity",
                                       "cloudwatch:PutMetricData",
                                       "monitoring:*",
                                       "mechanicalturk:*",
                                       "mine:Do",
                                       "s3:List*",
                                       "ses:Send*"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char file[256];
        (void)snprintf(
            file, sizeof(file),
            "[route \"a.test\"]\nservice = mine\n[policy]\naction = deny\naws_action = %s\n",
            good[i]);
        assert_string_equal(said_of(file, &e), "");
    }
    assert_non_null(strstr(said_of("\n[policy]\naction = deny\naws_action = dynmodb:Get*\n", &e),
                           "x.conf:2: aws_action: no service \"dynmodb\" is known"));
    assert_non_null(strstr(said_of("[policy]\naction = deny\naws_action = s3:HeadObject\n", &e),
                           "x.conf:1: aws_action: no request needs \"s3:HeadObject\""));
    static const char *const bad[] = {"GetObject", "s3:",      ":Get",   "*:Get",
                                      "s3:Get?",   "s3:Get:x", "s3:a-b", "s3 :x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char file[256];
        (void)snprintf(file, sizeof(file), "[policy]\naction = deny\naws_action = %s\n", bad[i]);
        assert_non_null(strstr(said_of(file, &e), "is not SERVICE:ACTION"));
    }
    assert_non_null(strstr(said_of("[policy]\naction = s3:GetObject\n", &e),
                           "what of AWS's a request asks for is aws_action"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s3_goes_by_method_and_subresource),
        cmocka_unit_test(s3_fields_ask_for_more),
        cmocka_unit_test(s3_in_doubt_has_no_action),
        cmocka_unit_test(targets_count_where_the_service_reads_them),
        cmocka_unit_test(targets_in_doubt_name_nothing),
        cmocka_unit_test(queries_name_actions_once_and_plainly),
        cmocka_unit_test(forms_name_actions_once_and_plainly),
        cmocka_unit_test(a_form_is_waited_for_where_it_may_say_something),
        cmocka_unit_test(a_few_paths_are_known),
        cmocka_unit_test(people_are_told_what_it_looks_like),
        cmocka_unit_test(patterns_that_match_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
