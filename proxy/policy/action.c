// SPDX-License-Identifier: Apache-2.0
// Services other than S3 name the operation in X-Amz-Target, in Action= or in the path, and some
// servers read more than one of them. So each place where one may stand is looked at, and an action
// is known only where one place names one, in the plainest spelling, to a service that reads it
// there. Of services that tell operations by method and path a few are known whose paths can't be
// mistaken.
#include "policy/action_int.h"

#include <string.h>

#include "base/digest.h"
#include "http/hdrs.h"
#include "http/uri.h"
#include "policy/glob.h"
#include "policy/hosts.h"
#include "policy/hosts_table.h"
#include "policy/plan_int.h"
#include "policy/protocols.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define NAME_LEN 100

void action_need(struct plan_action *p, struct span name)
{
    for (unsigned i = 0; i < p->n; i++)
        if (span_eq(p->needs[i], name))
            return;
    if (p->n == PLAN_ACTIONS_MAX) {
        p->is_over = true;
        return;
    }
    p->needs[p->n++] = name;
}

static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return s.len > 0 && s.len <= NAME_LEN;
}

// ---- prefixes

// IAM's prefix where it is not the name that is signed.
static const char *const prefixes[][2] = {
    {"IoTSecuredTunneling", "iot"},
    {"awsssoportal", "sso"},
    {"cloudcontrolapi", "cloudformation"},
    {"email", "ses"},
    {"iot-jobs-data", "iotjobsdata"},
    {"iotdata", "iot"},
    {"iotdevicegateway", "iot"},
    {"monitoring", "cloudwatch"},
    {"mturk-requester", "mechanicalturk"},
    {"partnercentral-account", "partnercentral"},
    {"partnercentral-benefits", "partnercentral"},
    {"partnercentral-channel", "partnercentral"},
    {"partnercentral-marketing", "partnercentral"},
    {"partnercentral-selling", "partnercentral"},
    {"tagging", "tag"},
};

static struct span prefix_of(struct span service)
{
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (span_is(service, prefixes[i][0]))
            return span_of(prefixes[i][1]);
    return service;
}

static bool is_prefix(struct span word, struct span service)
{
    return span_ieq(word, service) || span_ieq(word, prefix_of(service));
}

// ---- what may name an operation

// Where a service's rows begin, which lie together, or would.
static size_t first_row(struct span service)
{
    size_t low = 0;
    size_t high = n_protocols;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_cmp_to(service, protocols[middle].service) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_row_of(size_t i, struct span service)
{
    return i < n_protocols && span_is(service, protocols[i].service);
}

static unsigned flags_of(struct span service)
{
    unsigned flags = 0;
    for (size_t i = first_row(service); is_row_of(i, service); i++)
        flags |= protocols[i].flags;
    return flags;
}

static bool has_row(struct span service, struct span prefix, unsigned flag)
{
    for (size_t i = first_row(service); is_row_of(i, service); i++)
        if (span_is(prefix, protocols[i].prefix) && (protocols[i].flags & flag))
            return true;
    return false;
}

// Names of parameters as the loosest server would read them: decoded, without case, and only their
// letters.
static bool is_like(struct span raw, const char *word)
{
    size_t want = strlen(word);
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int high = i + 2 < raw.len && raw.p[i] == '%' ? hex_value(raw.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(raw.p[i + 2]) : -1;
        char c = raw.p[i];
        if (low >= 0)
            c = (char)(high << 4 | low);
        c = ascii_lower(c);
        i += low >= 0 ? 2 : 0;
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
            continue;
        if (n >= want || c != word[n])
            return false;
        n++;
    }
    return n == want;
}

static bool may_name(struct span name)
{
    return is_like(name, "action") || is_like(name, "operation") || is_like(name, "xamztarget");
}

struct named {
    unsigned n;       // parameters that may name an operation
    struct span name; // the last of them that is plainly Action=NAME; empty: none
};

// A form, or a query. Some servers part parameters at semicolons as well.
static void read_parameters(struct span text, struct named *out)
{
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.p[i] != '&' && text.p[i] != ';')
            continue;
        struct span piece = span_sub(text, from, i - from);
        size_t eq = span_find(piece, '=');
        bool is_whole =
            (from == 0 || text.p[from - 1] == '&') && (i == text.len || text.p[i] == '&');
        from = i + 1;
        if (!may_name(span_sub(piece, 0, eq)))
            continue;
        out->n++;
        struct span value = span_sub(piece, eq + 1, piece.len);
        if (is_whole && span_is(span_sub(piece, 0, eq), "Action") && is_word(value))
            out->name = value;
    }
}

// Fields that name an operation, in whatever spelling.
static unsigned count_fields(const struct msg *m, const char *word)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->hdrs.n; i++)
        n += is_like(m->hdrs.v[i].name, word);
    return n;
}

// A field that Connection names does not go on: the server would see another request.
static bool loses_fields(const struct hdrs *h)
{
    static const char *const usual[] = {"close", "keep-alive", "te", "upgrade", "trailer"};
    for (unsigned i = 0; i < h->n; i++) {
        struct span rest = h->v[i].value;
        struct span token;
        if (!span_iis(h->v[i].name, "Connection") && !span_iis(h->v[i].name, "Proxy-Connection"))
            continue;
        while (span_next(&rest, ',', &token)) {
            bool is_usual = false;
            token = span_trim(token);
            for (size_t k = 0; k < COUNT(usual); k++)
                is_usual = is_usual || span_iis(token, usual[k]);
            if (!is_usual && hdrs_find(h, token))
                return true;
        }
    }
    return false;
}

// Another method than the one that stands there may be meant.
static bool overrides_method(const struct msg *m)
{
    return count_fields(m, "xhttpmethod") || count_fields(m, "xhttpmethodoverride") ||
           count_fields(m, "xmethodoverride");
}

static bool has_body(const struct msg *m)
{
    return m->framing == MSG_CHUNKED || (m->framing == MSG_LENGTH && m->length > 0);
}

static bool is_type(const struct hdrs *h, const char *const *types)
{
    struct span value = hdrs_get(h, SPAN("Content-Type"));
    struct span type = span_trim(span_sub(value, 0, span_find(value, ';')));
    for (; *types; types++)
        if (span_iis(type, *types))
            return hdrs_count(h, SPAN("Content-Type")) == 1;
    return false;
}

// Another character set than ASCII's kin hides a parameter from whom reads octets.
static bool is_readable(const struct hdrs *h)
{
    struct span value = hdrs_get(h, SPAN("Content-Type"));
    struct span rest = span_trim(span_sub(value, span_find(value, ';') + 1, value.len));
    return !rest.len || span_iis(rest, "charset=utf-8") || span_iis(rest, "charset=\"utf-8\"");
}

// ---- X-Amz-Target, rpc-v2-cbor

static bool is_root(const struct action_ask *q)
{
    return span_is(q->path, "/");
}

// Queues are addressed by their paths, which choose no operation.
static bool is_open_path(const struct action_ask *q)
{
    return is_root(q) || (span_is(q->service, "sqs") && !span_istarts(q->path, SPAN("/service")));
}

static void of_target(const struct action_ask *q, struct plan_action *out)
{
    static const char *const types[] = {"application/x-amz-json-1.0", "application/x-amz-json-1.1",
                                        "application/x-amz-cbor-1.1", "application/json", NULL};
    const struct hdrs *h = &q->msg->hdrs;
    struct span target = hdrs_get(h, SPAN("X-Amz-Target"));
    size_t dot = span_rfind(target, '.');
    struct span name = span_sub(target, dot + 1, target.len);
    if (span_is(q->msg->method, "POST") && is_open_path(q) && !q->query.len && !q->is_presign &&
        dot < target.len && is_word(name) && is_type(h, types) &&
        !count_fields(q->msg, "smithyprotocol") &&
        has_row(q->service, span_sub(target, 0, dot), PROTOCOL_JSON))
        action_need(out, name);
}

// Of a service that speaks several protocols another one's server might read another body.
static bool is_cbor(const struct msg *m)
{
    static const char *const types[] = {"application/cbor", NULL};
    const struct hdrs *h = &m->hdrs;
    return count_fields(m, "smithyprotocol") == 1 &&
           span_is(hdrs_get(h, SPAN("Smithy-Protocol")), "rpc-v2-cbor") &&
           (is_type(h, types) || (!has_body(m) && !hdrs_find(h, SPAN("Content-Type"))));
}

// /service/PREFIX/operation/NAME
static void of_cbor(const struct action_ask *q, struct plan_action *out)
{
    struct span rest = q->path;
    struct span part[5] = {{NULL, 0}};
    unsigned n = 0;
    while (n < COUNT(part) && span_next(&rest, '/', &part[n]))
        n++;
    if (n == COUNT(part) && !rest.p && !part[0].len && span_is(part[1], "service") &&
        span_is(part[3], "operation") && is_word(part[4]) && !q->query.len && !q->is_presign &&
        span_is(q->msg->method, "POST") && is_cbor(q->msg) &&
        has_row(q->service, part[2], PROTOCOL_CBOR))
        action_need(out, part[4]);
}

// ---- Action=

// Signature parameters aside, a URL that somebody else sends says all that it may say.
static bool is_form_open(const struct action_ask *q)
{
    static const char *const types[] = {"application/x-www-form-urlencoded", NULL};
    const struct msg *m = q->msg;
    bool is_framed =
        span_istarts(hdrs_get(&m->hdrs, SPAN("x-amz-content-sha256")), SPAN("STREAMING-"));
    return span_is(m->method, "POST") && is_type(&m->hdrs, types) && is_readable(&m->hdrs) &&
           !hdrs_find(&m->hdrs, SPAN("Content-Encoding")) && !is_framed &&
           !(m->framing == MSG_LENGTH && m->length > q->form_max);
}

void action_read_form(struct plan_action *p, struct span query, struct span form)
{
    struct named of = {.n = 0};
    read_parameters(query, &of);
    read_parameters(form, &of);
    p->is_in_body = false;
    if (of.n == 1 && of.name.len)
        action_need(p, of.name);
}

static void of_query(const struct action_ask *q, struct plan_action *out)
{
    const struct msg *m = q->msg;
    struct span form = SPAN("");
    bool is_get = span_is(m->method, "GET");
    if (!is_open_path(q) || (!is_get && !span_is(m->method, "POST")) || (q->is_presign && !is_get))
        return;
    if (has_body(m)) {
        if (!is_form_open(q))
            return;
        out->is_in_body = q->form->state == PLAN_FORM_AHEAD;
        if (q->form->state != PLAN_FORM_HERE)
            return;
        form = q->form->text;
    } else if (hdrs_find(&m->hdrs, SPAN("Content-Type")) && !is_get && !is_form_open(q)) {
        return;
    }
    action_read_form(out, q->query, form);
}

// ---- by method and path

static bool is_aws_host(const struct action_ask *q, struct arena *a)
{
    struct hosts_answer is;
    hosts_classify(q->host, a, &is);
    return is.verdict == HOSTS_SIGN && span_eq(is.service, q->service) &&
           (!q->upstream.len || span_eq(q->upstream, q->host));
}

// Of a path: ARNs and ids as they stand in one segment, and nothing that moves it elsewhere.
static bool is_id(struct span segment, struct arena *a)
{
    struct span s = uri_decode(segment, a);
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.p[i]);
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                        c == ':' || c == '.' || c == '/' || c == '$';
        if (!is_plain || span_starts(span_sub(s, i, 2), SPAN("..")) ||
            span_starts(span_sub(s, i, 2), SPAN("//")))
            return false;
    }
    return s.len > 0 && !span_is(s, ".");
}

static bool path_is(struct span path, const char *pattern, struct arena *a)
{
    struct span want = span_of(pattern);
    struct span is;
    struct span must;
    while (span_next(&want, '/', &must)) {
        if (!span_next(&path, '/', &is))
            return false;
        if (span_is(must, "*") ? !is_id(is, a) : !span_eq(is, must))
            return false;
    }
    return !path.p;
}

// Two names of one thing: IAM's, and the operation's.
static const struct path_row {
    const char *label; // of the host, its first
    const char *service, *method, *path, *needs;
} paths[] = {
    {"lambda", "lambda", "POST", "/2015-03-31/functions/*/invocations", "InvokeFunction|Invoke"},
    {"bedrock-runtime", "bedrock", "POST", "/model/*/invoke", "InvokeModel"},
    {"bedrock-runtime", "bedrock", "POST", "/model/*/invoke-with-response-stream",
     "InvokeModelWithResponseStream"},
    {"bedrock-runtime", "bedrock", "POST", "/model/*/converse", "InvokeModel|Converse"},
    {"bedrock-runtime", "bedrock", "POST", "/model/*/converse-stream",
     "InvokeModelWithResponseStream|ConverseStream"},
};

static bool has_label(struct span host, const char *label)
{
    struct span rest = host;
    struct span one;
    while (span_next(&rest, '.', &one))
        if (span_is(one, label))
            return true;
    return false;
}

static struct span first_label(struct span host)
{
    return span_sub(host, 0, span_find(host, '.'));
}

static void of_path(const struct action_ask *q, struct arena *a, struct plan_action *out)
{
    static const char *const search[][2] = {{"GET", "ESHttpGet"},     {"HEAD", "ESHttpHead"},
                                            {"PUT", "ESHttpPut"},     {"POST", "ESHttpPost"},
                                            {"PATCH", "ESHttpPatch"}, {"DELETE", "ESHttpDelete"}};
    struct span first = first_label(q->host);
    bool is_domain = span_is(q->service, "es") && has_label(q->host, "es") && !span_is(first, "es");
    if (!is_aws_host(q, a) || has_label(q->host, "vpce"))
        return;
    for (size_t i = 0; i < COUNT(paths); i++)
        if (span_is(q->service, paths[i].service) && span_is(first, paths[i].label) &&
            span_is(q->msg->method, paths[i].method) && path_is(q->path, paths[i].path, a))
            action_need(out, span_of(paths[i].needs));
    for (size_t i = 0; i < COUNT(search) && is_domain; i++)
        if (span_is(q->msg->method, search[i][0]))
            action_need(out, span_of(search[i][1]));
    if (span_is(q->service, "lambda") && has_label(q->host, "lambda-url"))
        action_need(out, SPAN("InvokeFunctionUrl"));
    if (span_is(q->service, "aoss") && !span_is(first, "aoss") && !span_is(first, "aoss-fips"))
        action_need(out, SPAN("APIAccessAll"));
}

// Whatever the path says, but for the connections of a websocket API.
static void of_gateway(const struct action_ask *q, struct arena *a, struct plan_action *out)
{
    struct span rest = uri_decode(q->path, a);
    action_need(out, SPAN("Invoke"));
    for (; rest.len; rest = span_sub(rest, 1, rest.len))
        if (span_istarts(rest, SPAN("@connections"))) {
            action_need(out, SPAN("ManageConnections"));
            return;
        }
}

// ---- all

static void find(const struct action_ask *q, struct arena *a, struct plan_action *out)
{
    if (scope_is_s3_family(q->service)) {
        action_of_s3(q, out);
        return;
    }
    // A collection's paths and fields are the customer's.
    bool is_collection = span_is(q->service, "aoss") && !span_is(first_label(q->host), "aoss");
    unsigned flags = is_collection ? 0 : flags_of(q->service);
    unsigned targets = count_fields(q->msg, "xamztarget");
    if (span_is(q->service, "execute-api"))
        of_gateway(q, a, out);
    else if (targets == 1 && (flags & PROTOCOL_JSON))
        of_target(q, out);
    else if (!targets && (flags & PROTOCOL_CBOR) && count_fields(q->msg, "smithyprotocol"))
        of_cbor(q, out);
    else if (!targets && (flags & PROTOCOL_QUERY) && !count_fields(q->msg, "smithyprotocol"))
        of_query(q, out);
    else if (!targets || is_collection)
        of_path(q, a, out);
}

void action_find(const struct action_ask *q, struct arena *a, struct plan_action *out)
{
    *out = (struct plan_action){.service = q->service};
    if (!q->service.len || !q->path.len || loses_fields(&q->msg->hdrs) || overrides_method(q->msg))
        return;
    find(q, a, out);
    if (out->is_over)
        out->n = 0;
}

bool action_is_object(const struct plan *p)
{
    return p->is_s3_family && p->is_object;
}

// ---- matching

static bool has_alias(struct span glob, struct span names)
{
    struct span one;
    while (span_next(&names, '|', &one))
        if (glob_matches(glob, one))
            return true;
    return false;
}

// Whether the pattern is about the service: of directory buckets and their like "s3:" may be meant.
static enum action_match match_prefix(struct span prefix, struct span service)
{
    if (is_prefix(prefix, service))
        return ACTION_MATCH_YES;
    return scope_is_s3_family(service) && span_iis(prefix, "s3") ? ACTION_MATCH_PERHAPS
                                                                 : ACTION_MATCH_NO;
}

static enum action_match match_one(struct span pattern, const struct plan_action *p,
                                   struct span need)
{
    size_t colon = span_find(pattern, ':');
    struct span glob = span_sub(pattern, colon + 1, pattern.len);
    if (span_is(pattern, "*"))
        return ACTION_MATCH_YES;
    enum action_match about = match_prefix(span_sub(pattern, 0, colon), p->service);
    if (about == ACTION_MATCH_NO || span_is(glob, "*"))
        return about;
    if (!need.len)
        return ACTION_MATCH_PERHAPS;
    return has_alias(glob, need) ? about : ACTION_MATCH_NO;
}

static enum action_match match_need(const struct config_list *patterns, const struct plan_action *p,
                                    struct span need)
{
    enum action_match best = ACTION_MATCH_NO;
    for (unsigned i = 0; i < patterns->n; i++) {
        enum action_match m = match_one(span_of(patterns->v[i]), p, need);
        best = m > best ? m : best;
    }
    return best;
}

enum action_match action_matches(const struct config_list *patterns, const struct plan_action *p)
{
    if (!p->n)
        return match_need(patterns, p, SPAN(""));
    enum action_match all = match_need(patterns, p, p->needs[0]);
    for (unsigned i = 1; i < p->n; i++)
        if (match_need(patterns, p, p->needs[i]) != all)
            all = ACTION_MATCH_PERHAPS;
    return all;
}

// ---- for people

size_t action_text(const struct plan_action *p, char *out, size_t cap)
{
    struct span prefix = prefix_of(p->service);
    size_t n = 0;
    for (unsigned i = 0; i < p->n; i++) {
        struct span name = span_sub(p->needs[i], 0, span_find(p->needs[i], '|'));
        size_t len = prefix.len + name.len + (i ? 2 : 1);
        if (n + len + 1 > cap)
            break;
        if (i)
            out[n++] = ',';
        memcpy(out + n, prefix.p, prefix.len);
        n += prefix.len;
        out[n++] = ':';
        if (name.len)
            memcpy(out + n, name.p, name.len);
        n += name.len;
    }
    if (cap)
        out[n] = '\0';
    return n;
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

const char *action_guess(const struct plan *p, const struct msg *m, struct span body,
                         struct arena *a)
{
    char known[PLAN_ACTION_TEXT];
    size_t n = action_text(&p->action, known, sizeof(known));
    struct span target = hdrs_get(&m->hdrs, SPAN("x-amz-target"));
    size_t dot = span_rfind(target, '.');
    struct span name = span_sub(target, dot < target.len ? dot + 1 : 0, target.len);
    if (n)
        return arena_cstr(a, span_from(known, n));
    if (p->is_s3_family)
        return NULL;
    if (!name.len)
        name = parameter(p->query, "Action");
    if (!name.len)
        name = parameter(body, "Action");
    return is_word(name)
               ? arena_printf(a, "%.*s:%.*s", SPAN_ARG(prefix_of(p->service)), SPAN_ARG(name))
               : NULL;
}

// ---- of a configuration

static bool is_service(const struct config *config, struct span word)
{
    if (config->name && span_iis(word, config->name))
        return true;
    for (unsigned i = 0; i < config->n_routes; i++)
        if (config->routes[i].service && span_iis(word, config->routes[i].service))
            return true;
    for (size_t i = 0; i < n_hosts_names; i++)
        if (is_prefix(word, span_of(hosts_names[i].value)))
            return true;
    for (size_t i = 0; i < n_protocols; i++)
        if (is_prefix(word, span_of(protocols[i].service)))
            return true;
    static const char *const more[] = {"execute-api", "neptune-db",  "vpc-lattice-svcs",
                                       "ec2messages", "ssmmessages", "iotdevicegateway"};
    for (size_t i = 0; i < COUNT(more); i++)
        if (is_prefix(word, span_of(more[i])))
            return true;
    return scope_is_s3_family(word);
}

static enum status check_one(const struct config *config, const char *pattern, struct err *e)
{
    struct span s = span_of(pattern);
    size_t colon = span_find(s, ':');
    struct span prefix = span_sub(s, 0, colon);
    if (span_is(s, "*"))
        return ST_OK;
    if (!is_service(config, prefix))
        return err_set(e, ST_INVALID,
                       "aws_action: no service \"%.*s\" is known; its name is the one that `sigv4-"
                       "proxy explain` shows, or a route's service",
                       SPAN_ARG(prefix));
    if (span_iis(prefix, "s3") && !action_is_of_s3(span_sub(s, colon + 1, s.len)))
        return err_set(e, ST_INVALID,
                       "aws_action: no request needs \"%s\"; S3's actions are IAM's (HeadObject "
                       "needs s3:GetObject, ListObjectsV2 s3:ListBucket, UploadPart s3:PutObject)",
                       pattern);
    return ST_OK;
}

enum status action_check(const struct config *config, struct err *e)
{
    for (unsigned i = 0; i < config->n_policies; i++) {
        const struct config_policy *p = &config->policies[i];
        for (unsigned k = 0; k < p->aws_action.n; k++) {
            enum status st = check_one(config, p->aws_action.v[k], e);
            if (st != ST_OK)
                return err_wrap(e, st, "%s:%u", p->file ? p->file : config->file_name, p->line);
        }
    }
    return ST_OK;
}
