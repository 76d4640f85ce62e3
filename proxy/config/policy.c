// SPDX-License-Identifier: Apache-2.0
// The keys of [policy] and [identity] sections and what their values look like. Routes say how,
// policies say who: the tables are their own, and no key of a policy is a setting of a route.
#include <string.h>

#include "config/config.h"
#include "config/options_int.h"

#define AT(field) .at = offsetof(struct config_policy, field)

static const char policy_help[] =
    "Policies say who may do what of all that the routes and the built-in rules let through. The "
    "first [policy] whose keys all match decides; a key that is left out matches everything, and a "
    "request that no policy matches is allowed. So a last [policy] with nothing but action = deny "
    "turns the rest into the list of what is allowed. The name in quotes is for people, and may be "
    "left out.";

// clang-format off
const struct option policy_options[] = {
    {.key = "action", .section = "policy", .type = OPT_ENUM, .words = "allow|deny",
     .example = "deny", AT(action), .is_reloadable = true,
     .help = "What becomes of the requests that match; a policy needs it. Denied ones get 403. "
             "(What of AWS's a request asks for is aws_action.)"},
    {.key = "client", .section = "policy", .type = OPT_LIST,
     .arg = "ADDR[/BITS]|unix|uid:N|gid:N|token:GLOB|cert:GLOB",
     .example = "10.0.0.0/8, token:batch-*", .check = check_client, AT(client),
     .is_reloadable = true,
     .help = "Who asks: by address, as a peer of a unix socket (any, or by user or group), by the "
             "name of the token (proxy_auth_file), or by a name in the client's certificate: its "
             "common name, or a DNS name, URI or mail address among the alternative ones."},
    {.key = "host", .section = "policy", .type = OPT_LIST, .arg = "GLOB",
     .example = "*.s3.*.amazonaws.com", .check = check_glob, AT(host), .is_reloadable = true,
     .help = "The host that the client named, or host:port where the port is not the scheme's. A "
             "deny of a host counts for all its ports."},
    {.key = "service", .section = "policy", .type = OPT_LIST, .arg = "GLOB",
     .example = "s3, dynamodb", .check = check_scope_glob, AT(service), .is_reloadable = true,
     .help = "Service that is signed for, or, where nothing is signed, that the route names or the "
             "host belongs to."},
    {.key = "region", .section = "policy", .type = OPT_LIST, .arg = "GLOB", .example = "eu-*",
     .check = check_scope_glob, AT(region), .is_reloadable = true,
     .help = "Region, in the same way."},
    {.key = "method", .section = "policy", .type = OPT_LIST, .arg = "METHOD",
     .example = "GET, HEAD", .check = check_method, AT(method), .is_reloadable = true,
     .help = "Method of the request; a tunnel's is CONNECT."},
    {.key = "path", .section = "policy", .type = OPT_LIST, .arg = "PREFIX",
     .example = "/reports/", .check = check_path, AT(path), .is_reloadable = true,
     .help = "What the decoded path begins with. A server may read dot segments and doubled "
             "slashes its own way: a path that begins so in one reading only is denied by a "
             "deny, and not allowed by an allow."},
    {.key = "bucket", .section = "policy", .type = OPT_LIST, .arg = "GLOB", .example = "reports-*",
     .check = check_bucket_glob, AT(bucket), .is_reloadable = true,
     .help = "Bucket of S3, from the host's name or the path. A copy's source counts as well: a "
             "deny takes either, an allow wants both."},
    {.key = "key", .section = "policy", .type = OPT_LIST, .arg = "PREFIX",
     .example = "incoming/", .check = check_text, AT(key), .is_reloadable = true,
     .help = "What the decoded key of an object of S3 begins with; read as path and bucket are. "
             "Requests whose keys stand in the body (POST to a bucket) count as any key."},
    {.key = "aws_action", .section = "policy", .type = OPT_LIST, .arg = "SERVICE:ACTION",
     .example = "s3:GetObject, dynamodb:Get*, sts:GetCallerIdentity", .check = check_action,
     AT(aws_action), .is_reloadable = true,
     .help = "What of AWS's the request asks for: of S3 by IAM's names, of other services by their "
             "API's, without case. Where that can't be told for certain, a deny of anything of that "
             "service matches, and an allow only with SERVICE:*."},
};

#undef AT
#define AT(field) .at = offsetof(struct config_identity, field)

static const char identity_help[] =
    "Identities say as whom: the requests of the clients that the first matching [identity] names "
    "are signed with its credentials and no others, also where a route has a profile or a role. "
    "Where they can't be had the request is refused. Clients that no section names sign with the "
    "route's credentials or the general ones. The name in quotes is for people and logs.";

const struct option identity_options[] = {
    {.key = "client", .section = "identity", .type = OPT_LIST,
     .arg = "ADDR[/BITS]|unix|uid:N|gid:N|token:GLOB|cert:GLOB", .example = "token:agent-a",
     .check = check_client, AT(client), .is_reloadable = true,
     .help = "Who has it, as in a policy; an identity needs it."},
    {.key = "profile", .section = "identity", .type = OPT_STRING, .arg = "NAME",
     .example = "agent-a", .check = check_text, AT(profile), .is_reloadable = true,
     .help = "Profile whose credentials sign, or, with role_arn, assume the role. Without it that "
             "is the general profile, or the chain."},
    {.key = "role_arn", .section = "identity", .type = OPT_STRING, .arg = "ARN",
     .example = "arn:aws:iam::123456789012:role/agent-a", .check = check_role, AT(role_arn),
     .is_reloadable = true,
     .help = "Role that is assumed. Without it the profile's credentials sign, and no general "
             "role_arn is assumed with them."},
};
// clang-format on

const struct option_table option_tables[] = {
    {"policy", policy_options, sizeof(policy_options) / sizeof(policy_options[0]), policy_help},
    {"identity", identity_options, sizeof(identity_options) / sizeof(identity_options[0]),
     identity_help},
};
const size_t option_tables_n = sizeof(option_tables) / sizeof(option_tables[0]);

const struct option_table *option_table_of(const struct option *v)
{
    size_t i = 0;
    while (option_tables[i].v != v)
        i++;
    return &option_tables[i];
}

enum status check_client(char *text, struct err *e)
{
    struct span s = span_of(text);
    size_t colon = span_find(s, ':');
    struct span kind = span_sub(s, 0, colon);
    if (span_is(s, "unix"))
        return ST_OK;
    if (span_is(kind, "uid") || span_is(kind, "gid"))
        return check_peer(text, e);
    if ((span_is(kind, "token") || span_is(kind, "cert")) && colon < s.len) {
        if (colon + 1 == s.len)
            return err_set(e, ST_INVALID, "\"%s\" names nobody; * is anybody with one", text);
        return check_text(text, e);
    }
    if (check_cidr(text, NULL) != ST_OK)
        return err_set(e, ST_INVALID,
                       "\"%s\" is not ADDR, ADDR/BITS, unix, uid:N, gid:N, token:NAME or cert:NAME",
                       text);
    return ST_OK;
}

static bool is_made_of(const char *text, const char *also)
{
    for (const char *c = text; *c; c++) {
        char low = ascii_lower(*c);
        if (!(low >= 'a' && low <= 'z') && !(*c >= '0' && *c <= '9') && !strchr(also, *c))
            return false;
    }
    return true;
}

enum status check_scope_glob(char *text, struct err *e)
{
    if (!is_made_of(text, "-_.*") || strlen(text) > 64)
        return err_set(e, ST_INVALID, "\"%.64s\" is not a name, with * for any characters", text);
    return ST_OK;
}

enum status check_method(char *text, struct err *e)
{
    static const char *const methods[] = {"GET",    "HEAD",  "PUT",     "POST",
                                          "DELETE", "PATCH", "OPTIONS", "CONNECT"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(text, methods[i]) == 0)
            return ST_OK;
    return err_set(e, ST_INVALID,
                   "\"%.32s\" is not a method that the proxy takes (GET, HEAD, PUT, POST, DELETE, "
                   "PATCH, OPTIONS, CONNECT)",
                   text);
}

enum status check_path(char *text, struct err *e)
{
    if (text[0] != '/')
        return err_set(e, ST_INVALID, "\"%s\" does not begin with a slash", text);
    return check_text(text, e);
}

enum status check_bucket_glob(char *text, struct err *e)
{
    if (!is_made_of(text, "-_.*") || strlen(text) > 255)
        return err_set(e, ST_INVALID, "\"%.64s\" is not a bucket's name, with * for any characters",
                       text);
    return ST_OK;
}

// The prefix is written out: one pattern is about one service.
enum status check_action(char *text, struct err *e)
{
    struct span s = span_of(text);
    size_t colon = span_find(s, ':');
    struct span service = span_sub(s, 0, colon);
    struct span name = span_sub(s, colon + 1, s.len);
    bool is_good = service.len && name.len && s.len <= 128 && is_made_of(text, "-*:") &&
                   span_find(service, '*') == service.len && span_find(name, ':') == name.len &&
                   span_find(name, '-') == name.len;
    if (strcmp(text, "*") == 0 || is_good)
        return ST_OK;
    return err_set(e, ST_INVALID,
                   "\"%.64s\" is not SERVICE:ACTION, with * for any characters of ACTION", text);
}
