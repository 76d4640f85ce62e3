// SPDX-License-Identifier: Apache-2.0
#include "policy/action.h"
#include "unit/policy/plan_fixture.h"

#define S3   "http://b.s3.us-east-1.amazonaws.com"
#define PATH "http://s3.us-east-1.amazonaws.com"

static void action_follows_from_the_request(void **state)
{
    static const struct {
        const char *line, *field, *body, *want;
    } rows[] = {
        {"GET " S3 "/k", NULL, "", "s3:GetObject"},
        {"HEAD " S3 "/k", NULL, "", "s3:GetObject"},
        {"GET " S3 "/k?versionId=1", NULL, "", "s3:GetObjectVersion"},
        {"GET " S3 "/k?tagging", NULL, "", "s3:GetObjectTagging"},
        {"PUT " S3 "/k", NULL, "", "s3:PutObject"},
        {"PUT " S3 "/k?partNumber=1&uploadId=u", NULL, "", "s3:PutObject"},
        {"PUT " S3 "/k", "x-amz-copy-source: /b/o", "",
         "s3:PutObject and s3:GetObject on the source"},
        {"POST " S3 "/k?uploads", NULL, "", "s3:PutObject"},
        {"DELETE " S3 "/k?uploadId=u", NULL, "", "s3:AbortMultipartUpload"},
        {"DELETE " S3 "/a/b", NULL, "", "s3:DeleteObject"},
        {"GET " S3 "/?list-type=2", NULL, "", "s3:ListBucket"},
        {"HEAD " S3 "/", NULL, "", "s3:ListBucket"},
        {"GET " S3 "/?location", NULL, "", "s3:GetBucketLocation"},
        {"PUT " S3 "/?versioning", NULL, "", "s3:PutBucketVersioning"},
        {"GET " S3 "/?lifecycle", NULL, "", "s3:GetLifecycleConfiguration"},
        {"POST " S3 "/?delete", NULL, "", "s3:DeleteObject"},
        {"DELETE " S3 "/", NULL, "", "s3:DeleteBucket"},
        {"PUT " S3 "/", NULL, "", "s3:CreateBucket"},
        {"GET " PATH "/", NULL, "", "s3:ListAllMyBuckets"},
        {"GET " PATH "/b", NULL, "", "s3:ListBucket"},
        {"GET " PATH "/b/", NULL, "", "s3:ListBucket"},
        {"GET " PATH "/b/k", NULL, "", "s3:GetObject"},
        {"POST http://dynamodb.us-east-1.amazonaws.com/", "X-Amz-Target: DynamoDB_20120810.Query",
         "", "dynamodb:Query"},
        {"POST http://monitoring.us-east-1.amazonaws.com/", NULL, "Version=1&Action=ListMetrics",
         "cloudwatch:ListMetrics"},
        {"GET http://sqs.us-east-1.amazonaws.com/?Action=ListQueues", NULL, "", "sqs:ListQueues"},
        {"GET http://sqs.us-east-1.amazonaws.com/?Action=a%0ab", NULL, "", ""},
        {"GET http://x.execute-api.us-east-1.amazonaws.com/a", NULL, "", "execute-api:Invoke"},
        {"PATCH http://d.us-east-1.es.amazonaws.com/a", NULL, "", "es:ESHttpPatch"},
        {"GET http://lambda.us-east-1.amazonaws.com/2015-03-31/functions", NULL, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planned p;
        char request[512];
        (void)snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: a\r\n%s%s\r\n", rows[i].line,
                       rows[i].field ? rows[i].field : "", rows[i].field ? "\r\n" : "");
        planned_make(&p, "", request);
        struct action_ask ask = {.plan = &p.plan, .msg = p.msg, .body = span_of(rows[i].body)};
        const char *got = action_guess(&ask, &p.a);
        if (strcmp(got ? got : "", rows[i].want) != 0)
            fail_msg("%s: %s in place of %s", rows[i].line, got, rows[i].want);
        planned_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(action_follows_from_the_request)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
