// SPDX-License-Identifier: Apache-2.0
// S3's actions follow from method and subresource
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html); JSON
// services name theirs in X-Amz-Target, Query services in Action.
#include "policy/action.h"

#include "http/hdrs.h"
#include "policy/hosts.h"

struct row {
    const char *method;
    const char *parameter; // NULL: none of the others
    const char *action;    // S3's without "s3:"
};

static const struct row of_objects[] = {
    {"GET", "acl", "GetObjectAcl"},
    {"GET", "tagging", "GetObjectTagging"},
    {"GET", "retention", "GetObjectRetention"},
    {"GET", "legal-hold", "GetObjectLegalHold"},
    {"GET", "attributes", "GetObjectAttributes"},
    {"GET", "uploadId", "ListMultipartUploadParts"},
    {"GET", "versionId", "GetObjectVersion"},
    {"GET", NULL, "GetObject"},
    {"HEAD", "versionId", "GetObjectVersion"},
    {"HEAD", NULL, "GetObject"},
    {"PUT", "acl", "PutObjectAcl"},
    {"PUT", "tagging", "PutObjectTagging"},
    {"PUT", "retention", "PutObjectRetention"},
    {"PUT", "legal-hold", "PutObjectLegalHold"},
    {"PUT", NULL, "PutObject"},
    {"POST", "restore", "RestoreObject"},
    {"POST", "select", "GetObject"},
    {"POST", NULL, "PutObject"}, // multipart uploads
    {"DELETE", "tagging", "DeleteObjectTagging"},
    {"DELETE", "uploadId", "AbortMultipartUpload"},
    {"DELETE", "versionId", "DeleteObjectVersion"},
    {"DELETE", NULL, "DeleteObject"},
};

static const struct row of_buckets[] = {
    {"GET", "versions", "ListBucketVersions"},
    {"GET", "uploads", "ListBucketMultipartUploads"},
    {"GET", "location", "GetBucketLocation"},
    {"GET", "policyStatus", "GetBucketPolicyStatus"},
    {"HEAD", NULL, "ListBucket"},
    {"DELETE", "policy", "DeleteBucketPolicy"},
    {"DELETE", "website", "DeleteBucketWebsite"},
    {"POST", "delete", "DeleteObject"},
};

static const struct row of_search[] = {
    {"GET", NULL, "es:ESHttpGet"},       {"HEAD", NULL, "es:ESHttpHead"},
    {"PUT", NULL, "es:ESHttpPut"},       {"POST", NULL, "es:ESHttpPost"},
    {"DELETE", NULL, "es:ESHttpDelete"}, {"PATCH", NULL, "es:ESHttpPatch"},
};

// Of a bucket's settings: "Get" or "Put" goes in front.
static const char *const settings[][2] = {
    {"acl", "BucketAcl"},
    {"policy", "BucketPolicy"},
    {"lifecycle", "LifecycleConfiguration"},
    {"versioning", "BucketVersioning"},
    {"tagging", "BucketTagging"},
    {"cors", "BucketCORS"},
    {"encryption", "EncryptionConfiguration"},
    {"logging", "BucketLogging"},
    {"notification", "BucketNotification"},
    {"replication", "ReplicationConfiguration"},
    {"website", "BucketWebsite"},
    {"object-lock", "BucketObjectLockConfiguration"},
    {"publicAccessBlock", "BucketPublicAccessBlock"},
    {"ownershipControls", "BucketOwnershipControls"},
    {"requestPayment", "BucketRequestPayment"},
    {"accelerate", "AccelerateConfiguration"},
};

static bool has_parameter(struct span query, const char *name)
{
    struct span piece;
    while (query.len && span_next(&query, '&', &piece))
        if (span_is(span_sub(piece, 0, span_find(piece, '=')), name))
            return true;
    return false;
}

static const char *find(const struct row *rows, size_t n, struct span method, struct span query)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(method, rows[i].method) &&
            (!rows[i].parameter || has_parameter(query, rows[i].parameter)))
            return rows[i].action;
    return NULL;
}

// ---- S3

// What stands behind the bucket; p == NULL: the service as a whole is asked.
static struct span key_of(const struct plan *p, struct arena *a)
{
    struct hosts_answer h = {.is_aws = false};
    struct span host = span_sub(p->host, 0, span_find(p->host, ':'));
    struct span path = span_sub(p->path, 1, p->path.len);
    hosts_classify(host, a, &h);
    if (h.bucket.len && span_starts(host, h.bucket))
        return path.p ? path : SPAN("");
    if (!path.len)
        return (struct span){NULL, 0};
    return span_sub(path, span_find(path, '/') + 1, path.len);
}

bool action_is_object(const struct plan *p, struct arena *a)
{
    return p->is_s3_family && key_of(p, a).len > 0;
}

static const char *of_bucket(struct span method, struct span query, struct arena *a)
{
    const char *name = find(of_buckets, sizeof(of_buckets) / sizeof(of_buckets[0]), method, query);
    if (name)
        return name;
    bool is_get = span_is(method, "GET");
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (has_parameter(query, settings[i][0]))
            return arena_printf(a, "%s%s", is_get ? "Get" : "Put", settings[i][1]);
    if (is_get)
        return "ListBucket";
    if (span_is(method, "PUT"))
        return "CreateBucket";
    return span_is(method, "DELETE") ? "DeleteBucket" : NULL;
}

static const char *of_s3(const struct action_ask *q, struct arena *a)
{
    const struct plan *p = q->plan;
    struct span key = key_of(p, a);
    struct span method = q->msg->method;
    const char *name = "ListAllMyBuckets";
    if (key.len)
        name = find(of_objects, sizeof(of_objects) / sizeof(of_objects[0]), method, p->query);
    else if (key.p)
        name = of_bucket(method, p->query, a);
    if (!name)
        return NULL;
    bool is_copy = key.len && hdrs_find(&q->msg->hdrs, SPAN("x-amz-copy-source"));
    return arena_printf(a, "%.*s:%s%s", SPAN_ARG(p->service), name,
                        is_copy ? " and s3:GetObject on the source" : "");
}

// ---- others

static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0 && s.len <= 100;
}

static struct span parameter(struct span query, const char *name)
{
    struct span piece;
    while (query.len && span_next(&query, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        if (span_is(span_sub(piece, 0, eq), name))
            return span_sub(piece, eq + 1, piece.len);
    }
    return SPAN("");
}

// IAM's prefix where it is not the name that is signed.
static struct span prefix_of(struct span service)
{
    static const char *const others[][2] = {
        {"monitoring", "cloudwatch"}, {"email", "ses"}, {"tagging", "tag"}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (span_is(service, others[i][0]))
            return span_of(others[i][1]);
    return service;
}

const char *action_guess(const struct action_ask *q, struct arena *a)
{
    const struct plan *p = q->plan;
    struct span prefix = prefix_of(p->service);
    struct span target = hdrs_get(&q->msg->hdrs, SPAN("x-amz-target"));
    size_t dot = span_rfind(target, '.');
    struct span name = span_sub(target, dot < target.len ? dot + 1 : 0, target.len);
    if (p->is_s3_family)
        return of_s3(q, a);
    if (!name.len)
        name = parameter(p->query, "Action");
    if (!name.len)
        name = parameter(q->body, "Action");
    if (is_word(name))
        return arena_printf(a, "%.*s:%.*s", SPAN_ARG(prefix), SPAN_ARG(name));
    if (span_is(p->service, "execute-api"))
        return "execute-api:Invoke";
    if (span_is(p->service, "es"))
        return find(of_search, sizeof(of_search) / sizeof(of_search[0]), q->msg->method, SPAN(""));
    if (span_is(p->service, "aoss"))
        return "aoss:APIAccessAll";
    return NULL;
}
