// SPDX-License-Identifier: Apache-2.0
// Hosts with a name in front that a customer chose or AWS made up for one: buckets and access
// points, VPC endpoints, API ids, domains, and what must never be signed because it isn't AWS that
// answers.
#include "policy/hosts_int.h"

#include <string.h>

static bool is_one_of(struct span s, const char *const *list)
{
    for (; *list; list++)
        if (span_is(s, *list))
            return true;
    return false;
}

// From the start of label i to the end of label j - 1.
static struct span labels_join(const struct hosts_parts *h, unsigned i, unsigned j)
{
    if (i >= j)
        return (struct span){0};
    const char *from = h->labels[i].p;
    const char *to = h->labels[j - 1].p + h->labels[j - 1].len;
    return span_from(from, (size_t)(to - from));
}

bool hosts_open_vpce(struct hosts_parts *h, struct span *outer, struct hosts_answer *out)
{
    unsigned at = 0;
    while (at < h->n && !span_starts(h->labels[at], SPAN("vpce-")))
        at++;
    if (at + 2 >= h->n) // nothing between the endpoint's id and "vpce"
        return false;
    if (span_starts(h->labels[at + 1], SPAN("vpce-svc-"))) {
        hosts_never(out, "a VPC endpoint service of another customer");
        return false;
    }
    *outer = labels_join(h, 0, at);
    h->n -= at + 2;
    memmove(h->labels, h->labels + at + 1, h->n * sizeof(h->labels[0]));
    return true;
}

struct s3_label {
    const char *service;
    struct span region; // in the label itself: s3-eu-west-1
    bool is_plain;      // what stands in front is a bucket
    bool is_hiding;     // what stands in front is an access point
    bool is_control;    // what stands in front is an account
    bool is_accelerate;
    bool is_website;
    bool is_global;
};

struct s3_row {
    const char *label;
    struct s3_label is;
};

static const struct s3_row s3_rows[] = {
    {"s3", {.service = "s3", .is_plain = true}},
    {"s3-fips", {.service = "s3", .is_plain = true}},
    {"s3-external-1", {.service = "s3", .region = SPAN("us-east-1"), .is_plain = true}},
    {"s3-r-w", {.service = "s3", .is_plain = true}},
    {"s3-accelerate", {.service = "s3", .is_accelerate = true}},
    {"s3-accesspoint", {.service = "s3", .is_hiding = true}},
    {"s3-accesspoint-fips", {.service = "s3", .is_hiding = true}},
    {"s3-control", {.service = "s3", .is_control = true}},
    {"s3-control-fips", {.service = "s3", .is_control = true}},
    {"s3-global", {.service = "s3", .is_global = true, .is_hiding = true}},
    {"s3-object-lambda", {.service = "s3-object-lambda", .is_hiding = true}},
    {"s3-object-lambda-fips", {.service = "s3-object-lambda", .is_hiding = true}},
    {"s3-outposts", {.service = "s3-outposts", .is_hiding = true}},
    {"s3-outposts-fips", {.service = "s3-outposts", .is_hiding = true}},
    {"s3-website", {.is_website = true}},
};

static bool s3_label(struct span label, struct s3_label *out)
{
    static const struct span website = SPAN("s3-website-");
    static const struct span fips = SPAN("s3-fips-");
    static const struct span express = SPAN("s3express-");
    for (size_t i = 0; i < sizeof(s3_rows) / sizeof(s3_rows[0]); i++)
        if (span_is(label, s3_rows[i].label)) {
            *out = s3_rows[i].is;
            return true;
        }
    *out = (struct s3_label){.service = "s3", .is_plain = true};
    if (span_starts(label, express)) {
        *out = (struct s3_label){.service = "s3express"};
        return true;
    }
    if (span_starts(label, website)) {
        out->is_website = true;
        out->region = span_sub(label, website.len, label.len);
    } else if (span_starts(label, fips)) {
        out->region = span_sub(label, fips.len, label.len);
    } else if (span_starts(label, SPAN("s3-"))) {
        out->region = span_sub(label, 3, label.len);
    }
    return hosts_is_region(out->region);
}

// [bucket.]LABEL[.dualstack][.REGION], read from the right: a bucket's name may hold dots, regions'
// names and services' names.
bool hosts_s3(const struct hosts_parts *h, struct span outer, struct hosts_answer *out)
{
    struct s3_label s3;
    struct span region = {0};
    unsigned n = h->n;
    if (n && hosts_is_region(h->labels[n - 1]))
        region = h->labels[--n];
    while (n && (span_is(h->labels[n - 1], "dualstack") || span_is(h->labels[n - 1], "fips")))
        n--;
    if (n == 0 || !s3_label(h->labels[n - 1], &s3))
        return false;
    struct span front = labels_join(h, 0, n - 1);
    if (s3.is_website) {
        hosts_never(out, "an S3 web site");
        return true;
    }
    // In front of a VPC endpoint's id stands "bucket", or what else the endpoint leads to.
    bool is_bucket = !outer.len || span_is(outer, "bucket") || span_ends(outer, SPAN(".bucket"));
    out->is_control =
        s3.is_control || span_is(outer, "control") || span_ends(outer, SPAN(".control"));
    out->hides_bucket = s3.is_hiding || !is_bucket;
    if (s3.is_global) {
        if (span_ends(front, SPAN(".mrap.accesspoint")))
            hosts_sign(out, "s3", SPAN("*"), "S3 multi-region access point");
        return true;
    }
    if (!region.len && !s3.is_accelerate) // an accelerated bucket may be anywhere
        region = s3.region.len ? s3.region : h->home;
    hosts_sign(out, s3.service, region, front.len ? "S3 virtual-hosted form" : "S3");
    if (!s3.is_hiding && !s3.is_control)
        out->bucket = front;
    // Behind a VPC endpoint: "bucket.vpce-ID" is path style, "NAME.bucket.vpce-ID" names the
    // bucket.
    if (s3.is_plain && span_ends(outer, SPAN(".bucket")))
        out->bucket = span_sub(outer, 0, outer.len - 7);
    return true;
}

bool hosts_is_access_point(struct span bucket)
{
    return span_istarts(bucket, SPAN("arn:")) || span_ends(bucket, SPAN("-s3alias")) ||
           span_ends(bucket, SPAN("--ol-s3")) || span_ends(bucket, SPAN("--op-s3")) ||
           span_ends(bucket, SPAN("--xa-s3"));
}

struct form_row {
    const char *label; // the last one of the key
    const char *service;
};

// Signing names that no SDK's endpoint data holds, sorted as one reads them.
static const struct form_row forms[] = {
    {"appsync-api", "appsync"},
    {"appsync-realtime-api", "appsync"},
    {"aps-workspaces", "aps"},
    {"ec2messages", "ec2messages"},
    {"emr-serverless-services", "emr-serverless"},
    {"es", "es"},
    {"execute-api", "execute-api"},
    {"lambda-url", "lambda"},
    {"neptune", "neptune-db"},
    {"queue", "sqs"},
    {"ssmmessages", "ssmmessages"},
    {"transcribestreaming", "transcribe"},
    {"vpc-lattice-svcs", "vpc-lattice-svcs"},
};

// Never signed, whatever stands in front.
static const char *const never_last[] = {
    "cache", "compute",        "compute-1",         "dax-clusters", "dkr-ecr",
    "elb",   "git-codecommit", "grafana-workspace", "s3-website",   NULL,
};
static const char *const never_two[] = {"dkr.ecr", "credentials.iot", "server.transfer", NULL};

// With a name in front that the table does not know.
static const char *const customers_last[] = {
    "airflow",
    "codeartifact",
    "docdb",
    "dsql",
    "efs",
    "eks",
    "elasticfilesystem",
    "fsx",
    "git-codecommit",
    "kafka",
    "kafka-serverless",
    "memorydb",
    "mq",
    "rds",
    "redshift",
    "redshift-serverless",
    "timestream-influxdb",
    "transfer",
    "workspaces",
    NULL,
};

static bool form_iot(const struct hosts_key *k, struct span region, struct hosts_answer *out)
{
    struct span before = k->label[k->n - 2];
    const char *rule = "IoT data plane";
    if (span_is(before, "jobs"))
        hosts_sign(out, "iot-jobs-data", region, rule);
    else if (span_is(before, "tunneling"))
        hosts_sign(out, "IoTSecuredTunneling", region, "IoT secure tunneling");
    else if (k->n == 2 || span_is(before, "ats")) // ID-ats.iot, in China ID.ats.iot
        hosts_sign(out, "iotdata", region, rule);
    else
        return false;
    return true;
}

static struct span last_two(const struct hosts_key *k)
{
    const char *from = k->label[k->n - 2].p;
    return span_from(from, (size_t)(k->text + k->len - from));
}

bool hosts_is_never(const struct hosts_key *k)
{
    return is_one_of(k->label[k->n - 1], never_last) ||
           (k->n > 1 && is_one_of(last_two(k), never_two));
}

bool hosts_form(const struct hosts_key *k, struct span region, struct hosts_answer *out)
{
    struct span last = k->label[k->n - 1];
    if (k->n > 1 && span_is(last_two(k), "endpoint.events")) {
        hosts_sign(out, "events", SPAN("*"), "EventBridge global endpoint");
        return true;
    }
    if (k->n > 2 && span_is(last_two(k), "endpoints.email")) {
        hosts_sign(out, "ses", SPAN("*"), "SES global endpoint");
        return true;
    }
    if (k->n > 1 && span_is(last, "iot"))
        return form_iot(k, region, out);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (span_is(last, forms[i].label)) {
            hosts_sign(out, forms[i].service, region, forms[i].service);
            return true;
        }
    return false;
}

bool hosts_is_customers(const struct hosts_key *k)
{
    return is_one_of(k->label[k->n - 1], customers_last);
}
