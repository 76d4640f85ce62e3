// SPDX-License-Identifier: Apache-2.0
#include "policy/hosts.h"

#include "unit/test.h"

struct want {
    const char *host;
    const char *service; // NULL: unknown; "-": never signed
    const char *region;  // "": must come from elsewhere
    const char *bucket;
};

static void check(const struct want *w, size_t n)
{
    struct arena a;
    unsigned bad = 0;
    arena_init(&a);
    for (size_t i = 0; i < n; i++) {
        struct hosts_answer got;
        hosts_classify(span_of(w[i].host), &a, &got);
        enum hosts_verdict verdict = HOSTS_SIGN;
        if (!w[i].service)
            verdict = HOSTS_UNKNOWN;
        else if (strcmp(w[i].service, "-") == 0)
            verdict = HOSTS_NEVER_SIGN;
        bool same = got.verdict == verdict && got.rule;
        if (same && verdict == HOSTS_SIGN)
            same = span_is(got.service, w[i].service) && span_is(got.region, w[i].region) &&
                   span_is(got.bucket, w[i].bucket ? w[i].bucket : "") &&
                   got.is_sigv4a == (strcmp(w[i].region, "*") == 0);
        if (!same) {
            print_error("%s: got %d \"%.*s\" \"%.*s\" bucket \"%.*s\"\n", w[i].host, got.verdict,
                        SPAN_ARG(got.service), SPAN_ARG(got.region), SPAN_ARG(got.bucket));
            bad++;
        }
    }
    arena_clear(&a);
    assert_int_equal(bad, 0);
}
#define CHECK(table) check(table, sizeof(table) / sizeof((table)[0]))

static void hosts_read_every_s3_form(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"s3.amazonaws.com", "s3", "us-east-1", NULL},
        {"s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", NULL},
        {"b.s3.amazonaws.com", "s3", "us-east-1", "b"},
        {"b.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", "b"},
        {"my.dotted.bucket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", "my.dotted.bucket"},
        {"eu-west-1.s3.amazonaws.com", "s3", "us-east-1", "eu-west-1"},
        {"x.s3.us-west-2.s3.eu-north-1.amazonaws.com", "s3", "eu-north-1", "x.s3.us-west-2"},
        {"sqs.us-east-1.s3.us-west-2.amazonaws.com", "s3", "us-west-2", "sqs.us-east-1"},
        {"s3-eu-west-1.amazonaws.com", "s3", "eu-west-1", NULL},
        {"b.s3-eu-west-1.amazonaws.com", "s3", "eu-west-1", "b"},
        {"s3-fips-us-gov-west-1.amazonaws.com", "s3", "us-gov-west-1", NULL},
        {"b.s3-fips.us-gov-west-1.amazonaws.com", "s3", "us-gov-west-1", "b"},
        {"b.s3.dualstack.ap-south-1.amazonaws.com", "s3", "ap-south-1", "b"},
        {"b.s3-fips.dualstack.ca-central-1.amazonaws.com", "s3", "ca-central-1", "b"},
        {"s3-external-1.amazonaws.com", "s3", "us-east-1", NULL},
        {"b.s3-external-1.amazonaws.com", "s3", "us-east-1", "b"},
        {"b.s3-accelerate.amazonaws.com", "s3", "", "b"},
        {"b.s3-accelerate.dualstack.amazonaws.com", "s3", "", "b"},
        {"b.s3-accelerate.dualstack.us-east-1.amazonaws.com", "s3", "us-east-1", "b"},
        {"ap-123456789012.s3-accesspoint.eu-west-3.amazonaws.com", "s3", "eu-west-3", NULL},
        {"ap-123456789012.s3-accesspoint-fips.dualstack.us-west-1.amazonaws.com", "s3", "us-west-1",
         NULL},
        {"ap-123456789012.s3-object-lambda.eu-west-1.amazonaws.com", "s3-object-lambda",
         "eu-west-1", NULL},
        {"s3-object-lambda-fips.us-east-1.amazonaws.com", "s3-object-lambda", "us-east-1", NULL},
        {"ap-123456789012.op-0123.s3-outposts.eu-west-1.amazonaws.com", "s3-outposts", "eu-west-1",
         NULL},
        {"s3-outposts-fips.us-east-2.api.aws", "s3-outposts", "us-east-2", NULL},
        {"123456789012.s3-control.eu-west-1.amazonaws.com", "s3", "eu-west-1", NULL},
        {"123456789012.s3-control-fips.dualstack.us-east-1.amazonaws.com", "s3", "us-east-1", NULL},
        {"abc.mrap.accesspoint.s3-global.amazonaws.com", "s3", "*", NULL},
        {"abc.s3-global.amazonaws.com", NULL, NULL, NULL},
        {"b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", "s3express", "us-east-1",
         "b--use1-az4--x-s3"},
        {"b--use1-az4--x-s3.s3express-fips-use1-az4.dualstack.us-east-1.amazonaws.com", "s3express",
         "us-east-1", "b--use1-az4--x-s3"},
        {"s3express-control.us-west-2.amazonaws.com", "s3express", "us-west-2", NULL},
        {"b.s3.cn-north-1.amazonaws.com.cn", "s3", "cn-north-1", "b"},
        {"b.s3.us-iso-east-1.c2s.ic.gov", "s3", "us-iso-east-1", "b"},
        {"b.s3.eusc-de-east-1.amazonaws.eu", "s3", "eusc-de-east-1", "b"},
        {"b.s3-website-us-east-1.amazonaws.com", "-", NULL, NULL},
        {"b.s3-website.eu-central-1.amazonaws.com", "-", NULL, NULL},
        {"s3tables.us-east-1.amazonaws.com", "s3tables", "us-east-1", NULL},
    };
    CHECK(w);
}

static void hosts_read_regional_endpoints(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"sqs.us-east-1.amazonaws.com", "sqs", "us-east-1", NULL},
        {"dynamodb.eu-west-1.amazonaws.com", "dynamodb", "eu-west-1", NULL},
        {"sqs.us-west-2.api.aws", "sqs", "us-west-2", NULL},
        {"sqs-fips.us-west-2.api.aws", "sqs", "us-west-2", NULL},
        {"fips.eks.us-east-1.amazonaws.com", "eks", "us-east-1", NULL},
        {"monitoring.us-east-1.amazonaws.com", "monitoring", "us-east-1", NULL},
        {"email.eu-west-1.amazonaws.com", "ses", "eu-west-1", NULL},
        {"streams.dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1", NULL},
        {"elasticfilesystem.us-east-1.amazonaws.com", "elasticfilesystem", "us-east-1", NULL},
        {"api.ecr.us-east-1.amazonaws.com", "ecr", "us-east-1", NULL},
        {"runtime.sagemaker.us-east-1.amazonaws.com", "sagemaker", "us-east-1", NULL},
        {"bedrock-runtime.us-east-1.amazonaws.com", "bedrock", "us-east-1", NULL},
        {"api.tunneling.iot.us-east-1.amazonaws.com", "IoTSecuredTunneling", "us-east-1", NULL},
        {"portal.sso.us-east-1.amazonaws.com", "awsssoportal", "us-east-1", NULL},
        {"us-east-1.signin.aws.amazon.com", "signin", "us-east-1", NULL},
        {"us-east-1.oauth.signin.aws", "signin", "us-east-1", NULL},
        {"eu-west-1.queue.amazonaws.com", "sqs", "eu-west-1", NULL},
        {"123456789012.ddb.us-east-1.amazonaws.com", "dynamodb", "us-east-1", NULL},
        {"transcribestreaming.us-east-1.amazonaws.com", "transcribe", "us-east-1", NULL},
        {"sqs.cn-north-1.amazonaws.com.cn", "sqs", "cn-north-1", NULL},
        {"sqs.us-isob-east-1.sc2s.sgov.gov", "sqs", "us-isob-east-1", NULL},
        {"sqs.eu-isoe-west-1.cloud.adc-e.uk", "sqs", "eu-isoe-west-1", NULL},
        // No region in the name: the partition's home, with exceptions.
        {"iam.amazonaws.com", "iam", "us-east-1", NULL},
        {"sts.amazonaws.com", "sts", "us-east-1", NULL},
        {"iam.us-gov.amazonaws.com", "iam", "us-gov-west-1", NULL},
        {"route53-fips.amazonaws.com.cn", "route53", "cn-northwest-1", NULL},
        {"ec2.amazonaws.com", "ec2", "us-east-1", NULL},
        {"sqs.api.aws", NULL, NULL, NULL},
        {"iam.cn-north-1.amazonaws.com.cn", "iam", "cn-north-1", NULL},
        {"route53.amazonaws.com.cn", "route53", "cn-northwest-1", NULL},
        {"123456789012.cloudfront-kvs.global.api.aws", "cloudfront-keyvaluestore", "*", NULL},
    };
    CHECK(w);
}

static void hosts_take_a_region_that_opens_tomorrow(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"sqs.xx-central-9.amazonaws.com", "sqs", "xx-central-9", NULL},
        {"b.s3.zz-southeast-12.amazonaws.com", "s3", "zz-southeast-12", "b"},
        {"sqs.us-isoz-north-3.c2s.ic.gov", "sqs", "us-isoz-north-3", NULL},
        // Not the shape of a region.
        {"sqs.u-east-1.amazonaws.com", NULL, NULL, NULL},
        {"sqs.useast-1.amazonaws.com", NULL, NULL, NULL},
        {"sqs.us-east-123.amazonaws.com", NULL, NULL, NULL},
        {"sqs.us-east-.amazonaws.com", NULL, NULL, NULL},
        {"sqs.us--east-1.amazonaws.com", NULL, NULL, NULL},
    };
    CHECK(w);
}

static void hosts_read_names_that_customers_choose(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"a1b2.execute-api.eu-west-1.amazonaws.com", "execute-api", "eu-west-1", NULL},
        {"a1b2-vpce-0abc.execute-api.eu-west-1.amazonaws.com", "execute-api", "eu-west-1", NULL},
        {"a1b2.execute-api.eu-west-1.api.aws", "execute-api", "eu-west-1", NULL},
        {"xyz.lambda-url.us-west-2.on.aws", "lambda", "us-west-2", NULL},
        {"search-d-abc.eu-west-1.es.amazonaws.com", "es", "eu-west-1", NULL},
        {"vpc-d-abc.eu-west-1.es.amazonaws.com", "es", "eu-west-1", NULL},
        {"search-d-abc.aos.eu-west-1.on.aws", "es", "eu-west-1", NULL},
        {"abc123.eu-west-1.aoss.amazonaws.com", "aoss", "eu-west-1", NULL},
        {"abc123.aoss.eu-west-1.on.aws", "aoss", "eu-west-1", NULL},
        {"iot.us-east-1.amazonaws.com", "iot", "us-east-1", NULL},
        {"a3x.iot.us-east-1.amazonaws.com", "iotdata", "us-east-1", NULL},
        {"a3x-ats.iot.us-east-1.amazonaws.com", "iotdata", "us-east-1", NULL},
        {"a3x.ats.iot.cn-north-1.amazonaws.com.cn", "iotdata", "cn-north-1", NULL},
        {"a3x.jobs.iot.us-east-1.amazonaws.com", "iot-jobs-data", "us-east-1", NULL},
        {"a3x.credentials.iot.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"abc.appsync-api.us-east-1.amazonaws.com", "appsync", "us-east-1", NULL},
        {"abc.appsync-realtime-api.us-east-1.amazonaws.com", "appsync", "us-east-1", NULL},
        {"db.cluster-x.us-east-1.neptune.amazonaws.com", "neptune-db", "us-east-1", NULL},
        {"search-x-abc.us-east-1.cloudsearch.amazonaws.com", "cloudsearch", "us-east-1", NULL},
        {"abc.data.mediastore.us-east-1.amazonaws.com", "mediastore", "us-east-1", NULL},
        {"x-0ab.7d67968.vpc-lattice-svcs.us-west-2.on.aws", "vpc-lattice-svcs", "us-west-2", NULL},
        {"aps-workspaces.us-east-1.amazonaws.com", "aps", "us-east-1", NULL},
        {"abc.endpoint.events.amazonaws.com", "events", "*", NULL},
        {"p-abc.us-east-1.osis.amazonaws.com", "osis", "us-east-1", NULL},
        {"123456789012.search-ddb.us-east-1.api.aws", "dynamodb", "us-east-1", NULL},
        {"123456789012.streams-ddb-fips.us-east-1.amazonaws.com", "dynamodb", "us-east-1", NULL},
        {"123456789012.control-kinesis.us-east-1.amazonaws.com", "kinesis", "us-east-1", NULL},
        {"a1.b2.data-kinesis-queues.us-east-1.api.aws", "kinesis", "us-east-1", NULL},
        {"abc.def.endpoints.email.amazonaws.com", "ses", "*", NULL},
        {"abc.def.endpoints.email.global.api.aws", "ses", "*", NULL},
        {"greengrass-ats.iot.us-gov-west-1.amazonaws.com", "greengrass", "us-gov-west-1", NULL},
        {"x.gateway.bedrock-agentcore.us-west-2.amazonaws.com", "bedrock-agentcore", "us-west-2",
         NULL},
    };
    CHECK(w);
}

static void hosts_look_through_vpc_endpoints(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"vpce-0a1b-xyz.sqs.us-east-1.vpce.amazonaws.com", "sqs", "us-east-1", NULL},
        {"vpce-0a1b-xyz-us-east-1a.ec2.us-east-1.vpce.amazonaws.com", "ec2", "us-east-1", NULL},
        {"vpce-0a1b.api.ecr.us-east-1.vpce.amazonaws.com", "ecr", "us-east-1", NULL},
        {"vpce-0a1b.execute-api.us-east-1.vpce.amazonaws.com", "execute-api", "us-east-1", NULL},
        {"bucket.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1", NULL},
        {"my.bucket.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1", "my"},
        {"a.b.bucket.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1", "a.b"},
        {"ap-1.accesspoint.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1", NULL},
        {"1.control.vpce-0a1b.s3.us-east-1.vpce.amazonaws.com", "s3", "us-east-1", NULL},
        {"vpce-0a1b.sqs.cn-north-1.vpce.amazonaws.com.cn", "sqs", "cn-north-1", NULL},
        {"vpce-0a1b.dkr.ecr.us-east-1.vpce.amazonaws.com", "-", NULL, NULL},
        // Another customer's service behind a private link.
        {"vpce-0a1b-x.vpce-svc-0123.us-east-1.vpce.amazonaws.com", "-", NULL, NULL},
        {"vpce-0a1b.us-east-1.vpce.amazonaws.com", NULL, NULL, NULL},
        {"vpce-0a1b.vpce.amazonaws.com", NULL, NULL, NULL},
        {"sqs.us-east-1.vpce.amazonaws.com", NULL, NULL, NULL},
        {"vpce.amazonaws.com", NULL, NULL, NULL},
    };
    CHECK(w);
}

static void hosts_never_sign_what_customers_run(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"lb-1.us-east-1.elb.amazonaws.com", "-", NULL, NULL},
        {"internal-lb.elb.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"dualstack.lb-1.us-east-1.elb.amazonaws.com", "-", NULL, NULL},
        {"ec2-1-2-3-4.us-west-2.compute.amazonaws.com", "-", NULL, NULL},
        {"ec2-1-2-3-4.compute-1.amazonaws.com", "-", NULL, NULL},
        {"db.abc.us-east-1.rds.amazonaws.com", "-", NULL, NULL},
        {"db.abc.rds.cn-north-1.amazonaws.com.cn", "-", NULL, NULL},
        {"c.abc.use1.cache.amazonaws.com", "-", NULL, NULL},
        {"c.abc.us-east-1.redshift.amazonaws.com", "-", NULL, NULL},
        {"wg.123456789012.us-east-1.redshift-serverless.amazonaws.com", "-", NULL, NULL},
        {"db.abc.us-east-1.docdb.amazonaws.com", "-", NULL, NULL},
        {"b-1.x.abc.c2.kafka.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"123456789012.dkr.ecr.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"123456789012.dkr-ecr.us-east-1.on.aws", "-", NULL, NULL},
        {"g-abc.grafana-workspace.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"ABC.gr7.us-east-1.eks.amazonaws.com", "-", NULL, NULL},
        {"fs-1.efs.us-east-1.amazonaws.com", "-", NULL, NULL},
        {"d-1.d.codeartifact.us-east-1.amazonaws.com", "-", NULL, NULL},
        // The services themselves.
        {"rds.us-east-1.amazonaws.com", "rds", "us-east-1", NULL},
        {"redshift.us-east-1.amazonaws.com", "redshift", "us-east-1", NULL},
        {"kafka.us-east-1.amazonaws.com", "kafka", "us-east-1", NULL},
        {"eks.us-east-1.amazonaws.com", "eks", "us-east-1", NULL},
        // No SigV4 there.
        {"importexport.amazonaws.com", "-", NULL, NULL},
        {"codecatalyst.global.api.aws", "-", NULL, NULL},
        {"scim.us-east-1.amazonaws.com", "-", NULL, NULL},
    };
    CHECK(w);
}

static void hosts_leave_unknown_names_unknown(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"example.com", NULL, NULL, NULL},
        {"localhost", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
        {"amazonaws.com", NULL, NULL, NULL},
        {"us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"nosuchservice.amazonaws.com", NULL, NULL, NULL},
        {"x.nosuchservice.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"sqs.us-east-1.amazonaws.com.evil.example", NULL, NULL, NULL},
        {"sqs.us-east-1.xamazonaws.com", NULL, NULL, NULL},
        {"evilamazonaws.com", NULL, NULL, NULL},
        {"docs.aws.amazon.com", NULL, NULL, NULL},
        {"health.aws.amazon.com", NULL, NULL, NULL},
        {"us-east-1.console.signin.aws", NULL, NULL, NULL},
        {"sqs.us-east-1.signin.aws", NULL, NULL, NULL},
        {"my-env.us-east-1.elasticbeanstalk.com", NULL, NULL, NULL},
        {"d111.cloudfront.net", NULL, NULL, NULL},
    };
    CHECK(w);
}

static void hosts_take_compound_names_of_one_service(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"anything-marketplace.us-east-1.amazonaws.com", "aws-marketplace", "us-east-1", NULL},
        {"anything-dynamodb.us-east-1.api.aws", "dynamodb", "us-east-1", NULL},
        {"sqs-api.us-east-1.api.aws", "sqs", "us-east-1", NULL},
        // A word of its own may be another service altogether.
        {"sqs-anything.us-east-1.api.aws", NULL, NULL, NULL},
        {"anything-account.us-east-1.api.aws", NULL, NULL, NULL},
    };
    CHECK(w);
}

static void hosts_take_a_service_that_opens_tomorrow(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"frobnicate.us-east-1.amazonaws.com", "frobnicate", "us-east-1", NULL},
        {"frobnicate-fips.us-gov-west-1.amazonaws.com", "frobnicate", "us-gov-west-1", NULL},
        {"frobnicate.eu-west-1.api.aws", "frobnicate", "eu-west-1", NULL},
        {"frobnicate.cn-north-1.amazonaws.com.cn", "frobnicate", "cn-north-1", NULL},
        {"frob-nicate-2.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"frob-nicate.us-east-1.amazonaws.com", "frob-nicate", "us-east-1", NULL},
        // A family whose names sign as themselves, and those that are of two minds or alone.
        {"ssm-frobnicate.us-east-1.amazonaws.com", "ssm-frobnicate", "us-east-1", NULL},
        {"bedrock-frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"sqs-frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate-sqs.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate-runtime.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate-api.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"mail-frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"sqsv2.us-east-1.amazonaws.com", NULL, NULL, NULL},
    };
    CHECK(w);
}

// Planes of the API of one service.
static void hosts_take_the_planes_of_a_service_that_opens_tomorrow(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"frobnicate-control.us-east-1.amazonaws.com", "frobnicate", "us-east-1", NULL},
        {"frob-nicate-control-plane.eu-west-1.api.aws", "frob-nicate", "eu-west-1", NULL},
        {"api.frobnicate.us-east-1.amazonaws.com", "frobnicate", "us-east-1", NULL},
        {"admin.frobnicate-fips.us-east-1.amazonaws.com", "frobnicate", "us-east-1", NULL},
        {"controlplane.frob-nicate.cn-north-1.amazonaws.com.cn", "frob-nicate", "cn-north-1", NULL},
        // There a service of one region may have such hosts in all of them.
        {"api.frobnicate.us-east-1.api.aws", NULL, NULL, NULL},
        // Families that do not tell.
        {"sqs-frobnicate-control.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"api.sqs-frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"api.frobnicate-runtime.us-east-1.amazonaws.com", NULL, NULL, NULL},
        // Not those words, or one word more.
        {"data.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"x.api.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"api.x.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"api.frobnicate.amazonaws.com", NULL, NULL, NULL},
        {"us-east-1.api.frobnicate.amazonaws.com", NULL, NULL, NULL},
        {"123456789012.api.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"vpce-0a1b.api.frobnicate.us-east-1.vpce.amazonaws.com", NULL, NULL, NULL},
    };
    CHECK(w);
}

static void hosts_say_what_a_name_of_two_minds_may_sign_as(void **state)
{
    (void)state;
    static const struct {
        const char *label, *service;
        bool may;
    } rows[] = {
        {"bedrock-frobnicate", "bedrock", true},
        {"bedrock-frobnicate", "bedrock-frobnicate", true},
        {"bedrock-frobnicate", "frobnicate", false},
        {"bedrock-frobnicate", "sqs", false},
        {"bedrock-frobnicate", "bed", false},
        {"bedrock-frobnicate", "", false},
        {"frobnicate-runtime", "frobnicate", true},
        {"frob-nicate-agent-runtime", "frob-nicate", true},
        {"frobnicate-sqs", "sqs", true},
        {"monitoring-frobnicate", "monitoring", true},
        {"email-frobnicate", "ses", true}, // the name that email signs with
        {"email-frobnicate", "email", false},
        {"sqsv2", "sqs", true},
        {"sqsv2", "sqsv2", true},
        {"sqsv", "sqs", false},
        {"v2", "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (hosts_may_sign_as(span_of(rows[i].label), span_of(rows[i].service)) != rows[i].may)
            fail_msg("%s as %s", rows[i].label, rows[i].service);
}

// Each could be somebody's own machine, or a page of the console.
static void hosts_refuse_unknown_services_of_any_other_shape(void **state)
{
    (void)state;
    static const struct want w[] = {
        {"x.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"123456789012.frobnicate.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"us-east-1.frobnicate.amazonaws.com", NULL, NULL, NULL},
        {"x.us-east-1.frobnicate.amazonaws.com", NULL, NULL, NULL},
        {"vpce-0a1b.frobnicate.us-east-1.vpce.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate.us-east-1.vpce.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate.us-gov.amazonaws.com", NULL, NULL, NULL},
        {"frobnicate.us-east-1.on.aws", NULL, NULL, NULL},
        {"frobnicate.us-east-1.aws.amazon.com", NULL, NULL, NULL},
        {"frobnicate.us-gov-west-1.amazonaws-us-gov.com", NULL, NULL, NULL},
        {"frobnicate.us-iso-east-1.c2shome.ic.gov", NULL, NULL, NULL},
        {"i-0123456789abcdef0.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"ec2-1-2-3-4.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"ip-10-0-0-1.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"0a1b2c.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"a--b.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"a_b.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"b-.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"a123456789b123456789c123456789d123456789e.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"email-smtp.us-east-1.amazonaws.com", NULL, NULL, NULL},
        {"codecatalyst.us-east-1.api.aws", "-", NULL, NULL},
    };
    CHECK(w);
}

static void hosts_stay_calm_with_absurd_names(void **state)
{
    (void)state;
    char text[400];
    struct arena a;
    struct hosts_answer got;
    arena_init(&a);
    for (size_t len = 0; len < sizeof(text); len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = i % 2 ? '.' : 'a';
        hosts_classify(span_from(text, len), &a, &got);
        assert_int_equal(got.verdict, HOSTS_UNKNOWN);
    }
    hosts_classify(SPAN("....amazonaws.com"), &a, &got);
    assert_int_equal(got.verdict, HOSTS_UNKNOWN);
    hosts_classify(SPAN(".vpce.amazonaws.com"), &a, &got);
    assert_int_equal(got.verdict, HOSTS_UNKNOWN);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_read_every_s3_form),
        cmocka_unit_test(hosts_read_regional_endpoints),
        cmocka_unit_test(hosts_take_a_region_that_opens_tomorrow),
        cmocka_unit_test(hosts_read_names_that_customers_choose),
        cmocka_unit_test(hosts_look_through_vpc_endpoints),
        cmocka_unit_test(hosts_never_sign_what_customers_run),
        cmocka_unit_test(hosts_leave_unknown_names_unknown),
        cmocka_unit_test(hosts_take_compound_names_of_one_service),
        cmocka_unit_test(hosts_take_a_service_that_opens_tomorrow),
        cmocka_unit_test(hosts_take_the_planes_of_a_service_that_opens_tomorrow),
        cmocka_unit_test(hosts_say_what_a_name_of_two_minds_may_sign_as),
        cmocka_unit_test(hosts_refuse_unknown_services_of_any_other_shape),
        cmocka_unit_test(hosts_stay_calm_with_absurd_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
