// SPDX-License-Identifier: Apache-2.0
// S3's actions follow from method, subresource and a few fields
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html). The one
// hard idea: a parameter that is not known here may be a subresource there, and so may one in
// another spelling, so either leaves the request without a known action.
#include "policy/action_int.h"

#include "http/hdrs.h"
#include "policy/glob.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

struct row {
    const char *method;
    const char *sub;       // NULL: none
    const char *action;    // without "s3:"; several are all needed
    const char *versioned; // with versionId; NULL: which is not taken
};

static const struct row of_objects[] = {
    {"GET", NULL, "GetObject", "GetObjectVersion"},
    {"GET", "acl", "GetObjectAcl", "GetObjectVersionAcl"},
    {"GET", "tagging", "GetObjectTagging", "GetObjectVersionTagging"},
    {"GET", "retention", "GetObjectRetention", "GetObjectRetention"},
    {"GET", "legal-hold", "GetObjectLegalHold", "GetObjectLegalHold"},
    {"GET", "attributes", "GetObject GetObjectAttributes",
     "GetObjectVersion GetObjectVersionAttributes"},
    {"GET", "torrent", "GetObjectTorrent", "GetObjectVersionTorrent"},
    {"GET", "uploadId", "ListMultipartUploadParts", NULL},
    {"HEAD", NULL, "GetObject", "GetObjectVersion"},
    {"PUT", NULL, "PutObject", NULL},
    {"PUT", "uploadId", "PutObject", NULL},
    {"PUT", "acl", "PutObjectAcl", "PutObjectVersionAcl"},
    {"PUT", "tagging", "PutObjectTagging", "PutObjectVersionTagging"},
    {"PUT", "retention", "PutObjectRetention", "PutObjectRetention"},
    {"PUT", "legal-hold", "PutObjectLegalHold", "PutObjectLegalHold"},
    {"POST", "uploads", "PutObject", NULL},
    {"POST", "uploadId", "PutObject", NULL},
    {"POST", "restore", "RestoreObject", "RestoreObject"},
    {"POST", "select", "GetObject", NULL},
    {"DELETE", NULL, "DeleteObject", "DeleteObjectVersion"},
    {"DELETE", "tagging", "DeleteObjectTagging", "DeleteObjectVersionTagging"},
    {"DELETE", "uploadId", "AbortMultipartUpload", NULL},
};

// The keys of ?delete, and their versions, stand in the body: either may be among them.
static const struct row of_buckets[] = {
    {"GET", NULL, "ListBucket", NULL},
    {"GET", "versions", "ListBucketVersions", NULL},
    {"GET", "uploads", "ListBucketMultipartUploads", NULL},
    {"GET", "location", "GetBucketLocation", NULL},
    {"GET", "policyStatus", "GetBucketPolicyStatus", NULL},
    {"HEAD", NULL, "ListBucket", NULL},
    {"PUT", NULL, "CreateBucket", NULL},
    {"DELETE", NULL, "DeleteBucket", NULL},
    {"DELETE", "policy", "DeleteBucketPolicy", NULL},
    {"DELETE", "website", "DeleteBucketWebsite", NULL},
    {"POST", "delete", "DeleteObject DeleteObjectVersion", NULL},
};

// Of a bucket's settings. Most are taken away by the permission to put them.
static const struct setting {
    const char *sub;
    const char *get, *put;
    bool is_deleted;
} settings[] = {
    {"acl", "GetBucketAcl", "PutBucketAcl", false},
    {"policy", "GetBucketPolicy", "PutBucketPolicy", false},
    {"lifecycle", "GetLifecycleConfiguration", "PutLifecycleConfiguration", true},
    {"versioning", "GetBucketVersioning", "PutBucketVersioning", false},
    {"tagging", "GetBucketTagging", "PutBucketTagging", true},
    {"cors", "GetBucketCORS", "PutBucketCORS", true},
    {"encryption", "GetEncryptionConfiguration", "PutEncryptionConfiguration", true},
    {"logging", "GetBucketLogging", "PutBucketLogging", false},
    {"notification", "GetBucketNotification", "PutBucketNotification", false},
    {"replication", "GetReplicationConfiguration", "PutReplicationConfiguration", true},
    {"website", "GetBucketWebsite", "PutBucketWebsite", false},
    {"object-lock", "GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration", false},
    {"publicAccessBlock", "GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", true},
    {"ownershipControls", "GetBucketOwnershipControls", "PutBucketOwnershipControls", true},
    {"requestPayment", "GetBucketRequestPayment", "PutBucketRequestPayment", false},
    {"accelerate", "GetAccelerateConfiguration", "PutAccelerateConfiguration", false},
    {"analytics", "GetAnalyticsConfiguration", "PutAnalyticsConfiguration", true},
    {"inventory", "GetInventoryConfiguration", "PutInventoryConfiguration", true},
    {"metrics", "GetMetricsConfiguration", "PutMetricsConfiguration", true},
    {"intelligent-tiering", "GetIntelligentTieringConfiguration",
     "PutIntelligentTieringConfiguration", true},
};

// What the fields of an upload, or the parameters that stand for them, ask for besides.
static const struct {
    const char *name;
    const char *of_object; // NULL: nothing
    const char *of_bucket;
} extras[] = {
    {"x-amz-acl", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-grant-full-control", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-grant-read", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-grant-read-acp", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-grant-write", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-grant-write-acp", "PutObjectAcl", "PutBucketAcl"},
    {"x-amz-tagging", "PutObjectTagging", NULL},
    {"x-amz-object-lock-mode", "PutObjectRetention", NULL},
    {"x-amz-object-lock-retain-until-date", "PutObjectRetention", NULL},
    {"x-amz-object-lock-legal-hold", "PutObjectLegalHold", NULL},
    {"x-amz-bypass-governance-retention", "BypassGovernanceRetention", "BypassGovernanceRetention"},
    {"x-amz-bucket-object-lock-enabled", NULL,
     "PutBucketObjectLockConfiguration PutBucketVersioning"},
    {"x-amz-object-ownership", NULL, "PutBucketOwnershipControls"},
};

// Parameters that leave the action as it is. uploadId, partNumber and versionId are read apart.
static const char *const harmless[] = {
    "x-id",
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "continuation-token",
    "start-after",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "version-id-marker",
    "upload-id-marker",
    "max-uploads",
    "part-number-marker",
    "max-parts",
    "id",
    "select-type",
    "max-buckets",
    "bucket-region",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
};

struct question {
    const struct action_ask *ask;
    struct span sub; // the one subresource, uploadId among them; empty: none
    bool has_version, has_part, has_list_type;
    bool is_strange;
};

static bool is_sub(struct span name)
{
    for (size_t i = 0; i < COUNT(of_objects); i++)
        if (of_objects[i].sub && span_is(name, of_objects[i].sub))
            return true;
    for (size_t i = 0; i < COUNT(of_buckets); i++)
        if (of_buckets[i].sub && span_is(name, of_buckets[i].sub))
            return true;
    for (size_t i = 0; i < COUNT(settings); i++)
        if (span_is(name, settings[i].sub))
            return true;
    return false;
}

static bool is_harmless(struct span name)
{
    for (size_t i = 0; i < COUNT(harmless); i++)
        if (span_is(name, harmless[i]))
            return true;
    return span_istarts(name, SPAN("x-amz-"));
}

static bool is_plain(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return name.len > 0;
}

static void read_parameter(struct question *q, struct span piece)
{
    size_t eq = span_find(piece, '=');
    struct span name = span_sub(piece, 0, eq);
    struct span value = span_sub(piece, eq + 1, piece.len);
    bool *once = span_is(name, "versionId")    ? &q->has_version
                 : span_is(name, "partNumber") ? &q->has_part
                 : span_is(name, "list-type")  ? &q->has_list_type
                                               : NULL;
    if (!is_plain(name)) {
        q->is_strange = true;
    } else if (once) {
        q->is_strange = q->is_strange || *once || !value.len;
        *once = true;
    } else if (is_sub(name)) {
        q->is_strange = q->is_strange || q->sub.len || (span_is(name, "uploadId") && !value.len);
        q->sub = name;
    } else {
        q->is_strange = q->is_strange || !is_harmless(name);
    }
}

static void read_query(struct question *q)
{
    struct span rest = q->ask->query;
    struct span piece;
    if (span_find(rest, ';') < rest.len) // some servers part there too
        q->is_strange = true;
    while (rest.len && !q->is_strange && span_next(&rest, '&', &piece))
        if (piece.len)
            read_parameter(q, piece);
    if (q->has_list_type && (q->sub.len || q->ask->level != ACTION_ON_BUCKET))
        q->is_strange = true; // either may win
}

// ---- what is needed

static void need_all(struct plan_action *out, const char *names)
{
    struct span rest = span_of(names);
    struct span one;
    while (span_next(&rest, ' ', &one))
        action_need(out, one);
}

static const struct row *find_row(const struct row *rows, size_t n, const struct question *q)
{
    for (size_t i = 0; i < n; i++) {
        struct span sub = span_of(rows[i].sub);
        if (span_is(q->ask->msg->method, rows[i].method) && span_eq(sub, q->sub))
            return &rows[i];
    }
    return NULL;
}

static const char *of_setting(const struct question *q)
{
    struct span method = q->ask->msg->method;
    for (size_t i = 0; i < COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        if (!span_is(q->sub, s->sub))
            continue;
        if (span_is(method, "GET"))
            return s->get;
        return span_is(method, "PUT") || (s->is_deleted && span_is(method, "DELETE")) ? s->put
                                                                                      : NULL;
    }
    return NULL;
}

static const char *of_bucket(const struct question *q)
{
    const struct row *row = find_row(of_buckets, COUNT(of_buckets), q);
    if (q->has_version || q->has_part)
        return NULL;
    return row ? row->action : of_setting(q);
}

static const char *of_object(const struct question *q)
{
    const struct row *row = find_row(of_objects, COUNT(of_objects), q);
    bool is_part = span_is(q->sub, "uploadId") || !q->sub.len;
    if (!row || (q->has_part && !is_part))
        return NULL;
    return q->has_version ? row->versioned : row->action;
}

static const char *of_service(const struct question *q)
{
    bool is_plain_get =
        span_is(q->ask->msg->method, "GET") && !q->sub.len && !q->has_version && !q->has_part;
    return is_plain_get && span_is(q->ask->service, "s3") ? "ListAllMyBuckets" : NULL;
}

// ---- fields

static void need_source(struct plan_action *out, struct span from)
{
    bool has_query = span_find(from, '?') < from.len;
    bool is_escaped = false;
    for (size_t i = 0; i < from.len; i++)
        is_escaped = is_escaped || span_istarts(span_sub(from, i, 3), SPAN("%3f"));
    if (!has_query || is_escaped)
        action_need(out, SPAN("GetObject"));
    if (has_query || is_escaped)
        action_need(out, SPAN("GetObjectVersion"));
}

// False: nothing is known of what this one means.
static bool need_field(const struct action_ask *q, struct span name, struct span value,
                       struct plan_action *out)
{
    bool is_object = q->level == ACTION_ON_OBJECT;
    if (!span_istarts(name, SPAN("x-amz-")))
        return true;
    if (span_iis(name, "x-amz-rename-source"))
        return false;
    if (span_iis(name, "x-amz-copy-source"))
        need_source(out, value);
    for (size_t i = 0; i < COUNT(extras); i++) {
        const char *extra = is_object ? extras[i].of_object : extras[i].of_bucket;
        if (extra && span_iis(name, extras[i].name))
            need_all(out, extra);
    }
    return true;
}

// Reading asks for nothing more, whatever fields come with it.
static bool need_fields(const struct action_ask *q, struct plan_action *out)
{
    const struct hdrs *h = &q->msg->hdrs;
    struct span rest = q->query;
    struct span piece;
    bool is_known = true;
    if (span_is(q->msg->method, "GET") || span_is(q->msg->method, "HEAD"))
        return true;
    for (unsigned i = 0; i < h->n && is_known; i++)
        is_known = need_field(q, h->v[i].name, h->v[i].value, out);
    while (rest.len && is_known && span_next(&rest, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        is_known = need_field(q, span_sub(piece, 0, eq), span_sub(piece, eq + 1, piece.len), out);
    }
    return is_known;
}

void action_of_s3(const struct action_ask *ask, struct plan_action *out)
{
    struct question q = {.ask = ask};
    const char *names = NULL;
    // Of a directory bucket's objects one permission decides, that to open a session.
    if (span_is(ask->service, "s3express"))
        return;
    read_query(&q);
    if (q.is_strange)
        return;
    if (ask->level == ACTION_ON_OBJECT)
        names = of_object(&q);
    else if (ask->level == ACTION_ON_BUCKET)
        names = of_bucket(&q);
    else if (ask->level == ACTION_ON_SERVICE)
        names = of_service(&q);
    if (!names)
        return;
    need_all(out, names);
    if (!need_fields(ask, out))
        out->n = 0;
}

// ---- names in a configuration

static bool has_name(struct span glob, const char *names)
{
    struct span rest = span_of(names);
    struct span one;
    while (names && span_next(&rest, ' ', &one))
        if (glob_matches(glob, one))
            return true;
    return false;
}

bool action_is_of_s3(struct span glob)
{
    for (size_t i = 0; i < COUNT(of_objects); i++)
        if (has_name(glob, of_objects[i].action) || has_name(glob, of_objects[i].versioned))
            return true;
    for (size_t i = 0; i < COUNT(of_buckets); i++)
        if (has_name(glob, of_buckets[i].action))
            return true;
    for (size_t i = 0; i < COUNT(settings); i++)
        if (has_name(glob, settings[i].get) || has_name(glob, settings[i].put))
            return true;
    for (size_t i = 0; i < COUNT(extras); i++)
        if (has_name(glob, extras[i].of_object) || has_name(glob, extras[i].of_bucket))
            return true;
    return has_name(glob, "ListAllMyBuckets");
}
