// SPDX-License-Identifier: Apache-2.0
// The one table of settings. Parsing, --help, the man pages, conf/full.conf and check-config all
// come from it: a setting is added by adding a row and a field of struct config.
#include "config/options_int.h"

#include <string.h>

#include "config/config.h"

#define K       ((uint64_t)1024)
#define M       (1024 * K)
#define G       (1024 * M)
#define T       (1024 * G)
#define SECONDS ((uint64_t)1000)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)

#define AT(field)    .at = offsetof(struct config, field)
#define ROUTE(field) .in_route = true, .route_at = offsetof(struct config_route, field)
#define HAS(field)   .route_has = offsetof(struct config_route, field)

const struct option_section option_sections[] = {
    {"proxy", "Listeners, where requests go, and how they are signed."},
    {"credentials", "Whose credentials sign."},
    {"presign", "Who gets presigned URLs for what, at /presign of the admin listener."},
    {"limits", "What one client, or all together, may cost."},
    {"timeouts", "How long the proxy waits."},
    {"retry", "What happens when AWS throttles or fails."},
};
const size_t option_sections_n = sizeof(option_sections) / sizeof(option_sections[0]);

// A row stays as it is broken here: one field a line would make the table five screens longer.
// clang-format off
const struct option options[] = {
    {.key = "listen", .section = "proxy", .aliases = "port", .type = OPT_LIST, .arg = "ADDR:PORT",
     .def = "127.0.0.1:8080", .check = check_listen, AT(listen),
     .help = "Addresses on which clients are served. :8080 means all interfaces; beyond loopback, "
             "whoever reaches the port uses the proxy's credentials."},
    {.key = "listen_mode", .section = "proxy", .type = OPT_STRING, .arg = "OCTAL", .def = "600",
     .check = check_mode, AT(listen_mode),
     .help = "Permissions of the listener's unix sockets: who may write to one may connect."},
    {.key = "listen_peers", .section = "proxy", .type = OPT_LIST, .arg = "uid:N|gid:N",
     .example = "uid:1000, gid:50", .check = check_peer, AT(listen_peers), .is_reloadable = true,
     .help = "Users and groups that are served through unix sockets, as the kernel tells them; "
             "others get 403. Without it the socket's permissions decide alone."},
    {.key = "listen_cert", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/sigv4-proxy/tls.crt", .check = check_folder, AT(listen_cert),
     .is_reloadable = true,
     .help = "Certificate (PEM, with what it was issued by) with which the listener speaks TLS, on "
             "all its addresses but unix sockets. Together with listen_key."},
    {.key = "listen_key", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/sigv4-proxy/tls.key", .check = check_folder, AT(listen_key),
     .is_reloadable = true,
     .help = "Private key of listen_cert (PEM, without a password)."},
    {.key = "listen_client_ca", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/sigv4-proxy/clients.pem", .check = check_folder, AT(listen_client_ca),
     .is_reloadable = true,
     .help = "Certificates (PEM) of who issues those of clients: with it a client needs one."},
    {.key = "allow_clients", .section = "proxy", .type = OPT_LIST, .arg = "ADDR[/BITS]",
     .example = "127.0.0.1, 10.0.0.0/8", .check = check_cidr, AT(allow_clients),
     .is_reloadable = true,
     .help = "Addresses from which clients are served; others, loopback too where it is not "
             "listed, get 403. Unix sockets have listen_peers instead."},
    {.key = "proxy_auth_file", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/sigv4-proxy/proxy-tokens", .check = check_folder, AT(proxy_auth_file),
     .is_reloadable = true,
     .help = "Tokens for the proxy listener, a line each: TOKEN or NAME TOKEN. Clients send one in "
             "Proxy-Authorization, as Bearer or as the password of Basic, and get 407 without. "
             "Read again when it changes."},
    {.key = "admin", .section = "proxy", .type = OPT_STRING, .arg = "ADDR:PORT|unix:PATH|off",
     .def = "127.0.0.1:8081", .check = check_admin, AT(admin),
     .help = "Address of the admin listener (/healthz, /readyz, /metrics, /status, /quit), or off. "
             "Beyond loopback only together with admin_token_file."},
    {.key = "admin_token_file", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/sigv4-proxy/admin-tokens", .check = check_folder, AT(admin_token_file),
     .is_reloadable = true,
     .help = "Tokens for the admin listener beyond loopback, a line each: TOKEN or NAME TOKEN. Read "
             "again when it changes."},
    {.key = "admin_hosts", .section = "proxy", .type = OPT_LIST, .arg = "HOST",
     .example = "proxy.internal", .check = check_host, AT(admin_hosts), .is_reloadable = true,
     .help = "Further names by which the admin listener may be called, besides localhost and "
             "addresses; other names are refused, since a web page could have made them up."},
    {.key = "admin_quit", .section = "proxy", .type = OPT_BOOL, .def = "no", AT(admin_quit),
     .is_reloadable = true,
     .help = "Let POST /quit on the admin listener stop the proxy, as SIGTERM does."},
    {.key = "probe", .section = "proxy", .type = OPT_STRING, .arg = "ADDR:PORT|unix:PATH|off",
     .def = "off", .check = check_admin, AT(probe),
     .help = "Address of a listener that shows health and metrics only (/healthz, /readyz, "
             "/metrics), without a token: for kubelet and Prometheus."},
    {.key = "workers", .section = "proxy", .type = OPT_UINT, .words = "auto", .def = "auto",
     .min = 1, .max = 64, AT(workers),
     .help = "Worker threads. auto takes the smallest of the CPU affinity mask, the cgroup's CPU "
             "quota rounded up, and 8."},
    {.key = "pid_file", .section = "proxy", .type = OPT_STRING, .arg = "FILE",
     .example = "/run/sigv4-proxy/pid", .check = check_folder, AT(pid_file),
     .help = "File with the number of the process that serves, for scripts; a successor writes its "
             "own into it."},
    {.key = "host", .section = "proxy", .type = OPT_STRING, .arg = "HOST[:PORT]",
     .example = "s3.eu-west-1.amazonaws.com", .check = check_host, AT(host), .is_reloadable = true,
     .help = "Send every request to this host, whatever host the client names."},
    {.key = "sign_host", .section = "proxy", .type = OPT_STRING, .arg = "client|upstream|HOST",
     .def = "client", .check = check_sign_host, AT(sign_host), ROUTE(sign_host),
     .is_reloadable = true,
     .help = "What stands in the Host field and in the signature: the host that the client named, "
             "the upstream that is dialled, or this name."},
    {.key = "name", .section = "proxy", .type = OPT_STRING, .arg = "SERVICE", .example = "execute-api",
     .check = check_scope, AT(name), .is_reloadable = true,
     .help = "Service to sign for. Together with region it overrules what the host names; alone it "
             "fills what is open."},
    {.key = "region", .section = "proxy", .type = OPT_STRING, .arg = "REGION", .example = "eu-west-1",
     .check = check_region, AT(region), ROUTE(region), .is_reloadable = true,
     .help = "Region to sign for. Together with name it overrules what the host names; alone it "
             "fills what is open. A list, or * for all regions, is signed with SigV4A."},
    {.key = "algorithm", .section = "proxy", .type = OPT_ENUM, .words = "auto|sigv4|sigv4a",
     .def = "auto", AT(algorithm), ROUTE(algorithm), HAS(has_algorithm), .is_reloadable = true,
     .help = "Kind of signature. auto takes SigV4A for hosts that want it (S3 multi-region access "
             "points, EventBridge global endpoints, CloudFront KeyValueStore) and where region is "
             "a list or *, and SigV4 elsewhere."},
    {.key = "upstream_url_scheme", .section = "proxy", .type = OPT_ENUM, .words = "https|http",
     .def = "https", AT(upstream_url_scheme), .is_reloadable = true,
     .help = "Scheme towards host. http is taken only together with host, and sends everything in "
             "the clear."},
    {.key = "allow_hosts", .section = "proxy", .type = OPT_LIST, .arg = "HOST",
     .example = "legacy.internal", .check = check_glob, AT(allow_hosts), .is_reloadable = true,
     .help = "Further names that an origin-form request may carry in its Host field where host, or "
             "a route for *, takes every request."},
    {.key = "unsigned_hosts", .section = "proxy", .type = OPT_LIST, .arg = "GLOB",
     .example = "mirror.example.com, *.internal", .check = check_glob, AT(unsigned_hosts),
     .is_reloadable = true,
     .help = "Hosts whose requests are forwarded as they are, unsigned. * matches any characters."},
    {.key = "connect", .section = "proxy", .type = OPT_ENUM, .words = "tunnel|intercept|deny",
     .def = "tunnel", AT(connect), ROUTE(connect), HAS(has_connect), .is_reloadable = true,
     .help = "What CONNECT to an allowed host gets: a tunnel, inside of which nothing is signed; "
             "interception, where the proxy answers in the host's name with a certificate of the "
             "local CA (see ca_dir) and treats what is inside as any other request; or a refusal. "
             "Hosts that are passed on unsigned are tunnelled where others are intercepted. CONNECT "
             "goes to port 443, to 80 where it is intercepted, and to another port only where a "
             "route's glob writes it out."},
    {.key = "ca_dir", .section = "proxy", .type = OPT_STRING, .arg = "DIR",
     .def = "~/.config/sigv4-proxy", .check = check_home_folder, AT(ca_dir), .is_reloadable = true,
     .help = "Folder of the local CA for connect = intercept: ca.pem and ca.key, as sigv4-proxy ca "
             "init makes them."},
    {.key = "payload", .section = "proxy", .aliases = "unsigned-payload=unsigned", .type = OPT_ENUM,
     .words = "auto|hash|unsigned|chunked", .def = "auto", AT(payload), ROUTE(payload),
     HAS(has_payload), .is_reloadable = true,
     .help = "How the body is signed. auto streams it as UNSIGNED-PAYLOAD to S3 over TLS and hashes "
             "it elsewhere; over plain http S3 uploads larger than body_memory are signed chunk by "
             "chunk. chunked does that with every S3 upload."},
    {.key = "already_signed", .section = "proxy", .type = OPT_ENUM, .words = "replace|pass|reject",
     .def = "replace", AT(already_signed), ROUTE(already_signed), HAS(has_signed),
     .is_reloadable = true,
     .help = "Requests that come with an AWS signature in Authorization, perhaps made with dummy "
             "keys: sign them anew, pass them on untouched, or refuse them."},
    {.key = "already_presigned", .section = "proxy", .type = OPT_ENUM,
     .words = "pass|replace|reject", .def = "pass", AT(already_presigned), ROUTE(already_presigned),
     HAS(has_presigned), .is_reloadable = true,
     .help = "Requests whose URL is presigned, which is a grant by somebody else: pass them on "
             "untouched, sign them anew, or refuse them."},
    {.key = "signed_headers", .section = "proxy", .type = OPT_ENUM, .words = "minimal|all",
     .def = "minimal", AT(signed_headers), ROUTE(signed_headers), HAS(has_signed_headers),
     .is_reloadable = true,
     .help = "Which fields are signed. minimal takes Host, Content-Type, Content-MD5 and X-Amz-*, "
             "all that AWS demands; all takes every field but those that hops on the way change."},
    {.key = "redirect_expiry", .section = "proxy", .type = OPT_TIME, .def = "60s",
     .min = SECONDS, .max = 168 * HOURS, AT(redirect_expiry), .is_reloadable = true,
     .help = "How long signatures in a URL are valid (sign = redirect and sign = query); never "
             "longer than the credentials are."},
    {.key = "ca_bundle", .section = "proxy", .env = "AWS_CA_BUNDLE", .profile_key = "ca_bundle", .type = OPT_STRING, .arg = "FILE",
     .example = "/etc/ssl/certs/ca-certificates.crt", .check = check_text, AT(ca_bundle),
     .is_reloadable = true,
     .help = "PEM file of the authorities that upstream certificates are verified against, in place "
             "of the system's."},
    {.key = "verify_ssl", .section = "proxy", .type = OPT_BOOL, .def = "yes", AT(verify_ssl),
     .is_reloadable = true,
     .help = "Verify upstream certificates. Without it, whoever sits on the path can read and change "
             "requests."},
    {.key = "upstream_proxy", .section = "proxy", .type = OPT_STRING,
     .arg = "http://[USER:TOKEN@]HOST:PORT|none", .example = "http://proxy.corp.example:3128",
     .check = check_upstream_proxy, AT(upstream_proxy), ROUTE(upstream_proxy), .is_reloadable = true,
     .hides_userinfo = true,
     .help = "Proxy through which upstreams are reached (CONNECT), signed requests and tunnels alike; "
             "it looks up their names. none in a route goes past it. What credentials are fetched "
             "from is never asked through it. Write a token into the file, not into an argument."},
    {.key = "no_proxy", .section = "proxy", .type = OPT_LIST, .arg = "HOST|.SUFFIX|ADDR[/BITS]|*",
     .example = ".internal, 10.0.0.0/8", .check = check_no_proxy, AT(no_proxy), .is_reloadable = true,
     .help = "Upstreams that are reached without upstream_proxy: a name with all names below it, an "
             "address, a range of them. This machine always is."},
    {.key = "nameserver", .section = "proxy", .type = OPT_STRING, .arg = "ADDR[:PORT],...",
     .example = "10.0.0.2", .check = check_nameserver, AT(nameserver),
     .help = "Name servers to ask in place of those of /etc/resolv.conf."},
    {.key = "log_level", .section = "proxy", .aliases = "v=debug verbose=debug", .type = OPT_ENUM,
     .words = "error|warn|info|debug", .def = "info", AT(log_level), .is_reloadable = true,
     .help = "How much is logged. No level shows secrets."},
    {.key = "log_format", .section = "proxy", .type = OPT_ENUM, .words = "text|json", .def = "text",
     AT(log_format), .is_reloadable = true,
     .help = "How a line of the log looks: text, or one JSON object."},
    {.key = "log_file", .section = "proxy", .type = OPT_STRING, .arg = "FILE|stderr", .def = "stderr",
     .check = check_log_file, AT(log_file),
     .help = "Where the log goes: standard error, or a file that is made (readable by its owner "
             "only) or appended to, and opened anew at SIGUSR1."},
    {.key = "log_access", .section = "proxy", .type = OPT_BOOL, .def = "yes", AT(log_access),
     .is_reloadable = true,
     .help = "Write a line for each request when it is over. Grants of presigned URLs are always "
             "written."},
    {.key = "log_query", .section = "proxy", .type = OPT_BOOL, .def = "no", AT(log_query),
     .is_reloadable = true,
     .help = "Show the query in access lines. Values of parameters whose names tell of signatures, "
             "credentials, tokens or passwords are left out all the same."},
    {.key = "log_failed_requests", .section = "proxy", .type = OPT_BOOL, .def = "no",
     AT(log_failed_requests), .is_reloadable = true,
     .help = "Log answers of 400 and above with the beginning of their body, up to what AWS repeats "
             "of the request."},
    {.key = "log_signing_process", .section = "proxy", .type = OPT_BOOL, .def = "no",
     AT(log_signing_process), .is_reloadable = true,
     .help = "Log the canonical request and the string to sign of each request; values that may be "
             "secret are left out."},
    {.key = "strip", .section = "proxy", .aliases = "s", .type = OPT_LIST, .arg = "FIELD",
     .example = "Cookie", .check = check_field, AT(strip), .is_reloadable = true,
     .help = "Fields that are taken out of a request before it is signed."},
    {.key = "duplicate_headers", .section = "proxy", .type = OPT_LIST, .arg = "FIELD",
     .example = "Authorization", .check = check_field, AT(duplicate_headers), .is_reloadable = true,
     .help = "Fields that a signed request carries as X-Original-FIELD, too, with what the client "
             "sent in them."},
    {.key = "custom_headers", .section = "proxy", .type = OPT_LIST, .arg = "NAME=VALUE",
     .example = "X-Team=search", .check = check_custom_field, AT(custom_headers),
     .is_reloadable = true, .is_secret = true,
     .help = "Fields that are put into each signed request, in place of the client's. A value holds "
             "no comma."},
    {.key = "via", .section = "proxy", .type = OPT_BOOL, .def = "yes", AT(via), .is_reloadable = true,
     .help = "Add a Via field to what is forwarded, by which a request that loops is recognised."},

    {.key = "profile", .section = "credentials", .type = OPT_STRING, .arg = "NAME",
     .example = "legacy", .check = check_text, AT(profile), ROUTE(profile), .is_reloadable = true,
     .help = "Profile of the AWS credentials and config files. Where it isn't set, AWS_PROFILE "
             "decides, and then the profile named default."},
    {.key = "imds_region", .section = "credentials", .type = OPT_BOOL, .def = "no", AT(imds_region),
     .is_reloadable = true,
     .help = "Where neither AWS_REGION, AWS_DEFAULT_REGION nor the profile names a region, ask the "
             "instance's metadata service for it, at the start and for a second at most; not in "
             "containers. Else it is us-east-1."},
    {.key = "role_arn", .section = "credentials", .type = OPT_STRING, .arg = "ARN",
     .example = "arn:aws:iam::123456789012:role/search", .check = check_role, AT(role_arn),
     ROUTE(role_arn), .is_reloadable = true,
     .help = "Role that is assumed with the credentials that the chain finds, and whose credentials "
             "then sign."},
    {.key = "s3_express_sessions", .section = "credentials",
     .env = "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", .profile_key = "s3_disable_express_session_auth",
     .aws_words = "true=no false=yes yes=no no=yes on=no off=yes 1=no 0=yes", .type = OPT_BOOL,
     .def = "yes", AT(s3_express_sessions), ROUTE(s3_express_sessions),
     HAS(has_s3_express_sessions), .is_reloadable = true,
     .help = "Sign requests for objects in directory buckets (S3 Express) with a session of the "
             "bucket, which is got with the credentials (CreateSession). Without it, and where no "
             "session is given, the credentials themselves sign. AWS's variable and profile setting "
             "say the opposite: true there is no here."},

    {.key = "presign_allow", .section = "presign", .type = OPT_LIST, .arg = "METHODS TARGET",
     .example = "GET|PUT s3://uploads/incoming/*", .check = check_presign_rule, AT(presign_allow),
     .is_reloadable = true,
     .help = "What may be presigned, one rule a line: METHOD|METHOD s3://BUCKET/KEY for AWS's S3, or "
             "METHOD|METHOD HOST/PATH; * stands for any characters. Without a rule: GET, HEAD and "
             "PUT on hosts of S3, for callers on this machine only."},
    {.key = "presign_max_expiry", .section = "presign", .type = OPT_TIME, .def = "1h",
     .min = SECONDS, .max = 168 * HOURS, AT(presign_max_expiry), .is_reloadable = true,
     .help = "Longest life of a presigned URL; longer ones are cut, and the answer says so."},
    {.key = "presign_origins", .section = "presign", .type = OPT_LIST, .arg = "ORIGIN",
     .example = "https://app.example.com", .check = check_origin, AT(presign_origins),
     .is_reloadable = true,
     .help = "Web pages that may ask for presigned URLs, by their origin. Requests of all others are "
             "refused."},
    {.key = "presign_host", .section = "presign", .type = OPT_STRING, .arg = "NAME",
     .example = "presign.internal", .check = check_name, AT(presign_host), .is_reloadable = true,
     .help = "Name under which the proxy listener offers /presign too, after its guards: for tools "
             "that know nothing but a proxy. It is never resolved."},

    {.key = "max_request_line", .section = "limits", .type = OPT_SIZE, .def = "8k", .min = 512,
     .max = M, AT(max_request_line), .is_reloadable = true,
     .help = "Longest request line; longer ones get 414."},
    {.key = "max_field", .section = "limits", .type = OPT_SIZE, .def = "16k", .min = 512, .max = M,
     AT(max_field), .is_reloadable = true,
     .help = "Longest header field; longer ones get 431."},
    {.key = "max_head", .section = "limits", .type = OPT_SIZE, .def = "64k", .min = K, .max = 16 * M,
     AT(max_head), .is_reloadable = true,
     .help = "Longest head, start line and all fields; longer ones get 431."},
    {.key = "max_fields", .section = "limits", .type = OPT_COUNT, .def = "100", .min = 8, .max = 10000,
     AT(max_fields), .is_reloadable = true,
     .help = "Most header fields; more get 431."},
    {.key = "max_trailers", .section = "limits", .type = OPT_SIZE, .def = "8k", .min = 0, .max = M,
     AT(max_trailers), .is_reloadable = true,
     .help = "Longest trailer section behind a chunked body; longer ones get 400."},
    {.key = "body_memory", .section = "limits", .type = OPT_SIZE, .def = "1m", .min = 4 * K, .max = G,
     AT(body_memory), .is_reloadable = true,
     .help = "How much of a held body stays in memory; the rest goes to an unlinked file in "
             "spool_dir."},
    {.key = "body_max", .section = "limits", .type = OPT_SIZE, .def = "5g", .min = 0, .max = 5 * T,
     AT(body_max), .is_reloadable = true,
     .help = "Largest body that is held to be hashed; larger ones get 413. Streamed bodies have no "
             "limit."},
    {.key = "spool_max", .section = "limits", .type = OPT_SIZE, .def = "8g", .min = 0, .max = 1024 * T,
     AT(spool_max), .is_reloadable = true,
     .help = "Most bytes in all spool files together; beyond it requests get 503."},
    {.key = "replay_max", .section = "limits", .type = OPT_SIZE, .def = "64m", .min = 0, .max = T,
     AT(replay_max), .is_reloadable = true,
     .help = "Largest streamed body that is kept for another attempt. A larger one is sent once."},
    {.key = "spool_dir", .section = "limits", .type = OPT_STRING, .arg = "FOLDER", .def = "/var/tmp",
     .check = check_folder, AT(spool_dir), .is_reloadable = true,
     .help = "Folder of the spool files. Where it can't be written, bodies over body_memory that "
             "must be hashed get 413."},
    {.key = "max_connections", .section = "limits", .type = OPT_COUNT, .words = "auto", .def = "auto",
     .min = 1, .max = 1000000, AT(max_connections), .is_reloadable = true,
     .help = "Most client connections; further ones wait. auto is 10240, or a third of the file "
             "descriptors that the process may open where that is less."},
    {.key = "max_connections_per_client", .section = "limits", .type = OPT_COUNT, .words = "auto",
     .def = "auto", .min = 1, .max = 1000000, AT(max_connections_per_client), .is_reloadable = true,
     .help = "Most connections from one address (of IPv6 its first 64 bits); further ones get 503 and "
             "are closed. auto is 1024, and no limit on loopback. Unix sockets have none."},
    {.key = "max_upstream_per_host", .section = "limits", .type = OPT_COUNT, .words = "off",
     .def = "off", .min = 1, .max = 1000000, AT(max_upstream_per_host), .is_reloadable = true,
     .help = "Most connections to one upstream, over all workers; further requests wait in order for "
             "one, up to connect_timeout, then get 503 with Retry-After. Tunnels do not count."},
    {.key = "max_in_flight", .section = "limits", .type = OPT_COUNT, .def = "4096", .min = 1,
     .max = 1000000, AT(max_in_flight), .is_reloadable = true,
     .help = "Most requests that are forwarded at a time; further ones wait, with their body unread."},
    {.key = "in_flight_queue", .section = "limits", .type = OPT_COUNT, .def = "1000", .min = 0,
     .max = 1000000, AT(in_flight_queue), .is_reloadable = true,
     .help = "How many may wait because of max_in_flight; more get 503 with Retry-After."},
    {.key = "in_flight_wait", .section = "limits", .type = OPT_TIME, .def = "5s", .min = 0,
     .max = HOURS, AT(in_flight_wait), .is_reloadable = true,
     .help = "How long they may wait; then they get 503 with Retry-After."},
    {.key = "max_buffer_memory", .section = "limits", .type = OPT_SIZE, .def = "256m", .min = M,
     .max = T, AT(max_buffer_memory), .is_reloadable = true,
     .help = "Most bytes in buffers and held bodies, of all requests together. Beyond it new requests "
             "get 503 with Retry-After, and bodies go to their spool file at once."},
    {.key = "expect_over", .section = "limits", .type = OPT_SIZE, .def = "1m", .min = 0, .max = 5 * T,
     AT(expect_over), .is_reloadable = true,
     .help = "Uploads to S3 that are longer and stream are announced first (Expect: 100-continue), so "
             "that throttling is learnt before they are sent; a server that says nothing gets them a "
             "second later."},

    {.key = "client_head_timeout", .section = "timeouts", .type = OPT_TIME, .def = "10s", .min = 1,
     .max = HOURS, AT(client_head_timeout), .is_reloadable = true,
     .help = "From the first byte of a request to the end of its head."},
    {.key = "client_idle_timeout", .section = "timeouts", .type = OPT_TIME, .def = "60s", .min = 1,
     .max = 24 * HOURS, AT(client_idle_timeout), .is_reloadable = true,
     .help = "How long a client connection stays open between requests."},
    {.key = "client_write_timeout", .section = "timeouts", .type = OPT_TIME, .def = "30s", .min = 1,
     .max = HOURS, AT(client_write_timeout), .is_reloadable = true,
     .help = "How long a client may take nothing of an answer."},
    {.key = "client_min_rate", .section = "timeouts", .type = OPT_SIZE, .def = "1k", .min = 0, .max = G,
     AT(client_min_rate), .is_reloadable = true,
     .help = "Bytes a second that a body must bring on average while it is read; a slower one gets "
             "408. 0: no limit."},
    {.key = "client_rate_window", .section = "timeouts", .type = OPT_TIME, .def = "30s",
     .min = SECONDS / 10, .max = HOURS, AT(client_rate_window), .is_reloadable = true,
     .help = "Over what time client_min_rate is measured."},
    {.key = "half_close_grace", .section = "timeouts", .type = OPT_TIME, .def = "1s", .min = 0,
     .max = MINUTES, AT(half_close_grace), .is_reloadable = true,
     .help = "How long an exchange goes on after its client closed its sending side; then it counts "
             "as cancelled unless the answer has begun."},
    {.key = "connect_timeout", .section = "timeouts", .type = OPT_TIME, .def = "3s", .min = 1,
     .max = 5 * MINUTES, AT(connect_timeout), ROUTE(connect_timeout_ms), .is_reloadable = true,
     .help = "For a TCP connection to the upstream."},
    {.key = "tls_timeout", .section = "timeouts", .type = OPT_TIME, .def = "5s", .min = 1,
     .max = 5 * MINUTES, AT(tls_timeout), ROUTE(tls_timeout_ms), .is_reloadable = true,
     .help = "For the TLS handshake with the upstream."},
    {.key = "first_byte_timeout", .section = "timeouts", .type = OPT_TIME, .def = "60s", .min = 1,
     .max = 24 * HOURS, AT(first_byte_timeout), ROUTE(first_byte_timeout_ms), .is_reloadable = true,
     .help = "From the last byte of the request to the first of the answer."},
    {.key = "idle_timeout", .section = "timeouts", .type = OPT_TIME, .def = "60s", .min = 1,
     .max = 24 * HOURS, AT(idle_timeout), ROUTE(idle_timeout_ms), .is_reloadable = true,
     .help = "How long the upstream, or a tunnel, may move no byte."},
    {.key = "total_timeout", .section = "timeouts", .type = OPT_TIME, .def = "120s", .min = 1,
     .max = 24 * HOURS, AT(total_timeout), ROUTE(total_timeout_ms), .is_reloadable = true,
     .help = "From the request's head until when another attempt, or a wait for one, may begin. "
             "The first attempt is bounded by the other timeouts alone."},
    {.key = "pool_idle_timeout", .section = "timeouts",
     .aliases = "transport.idle-conn-timeout", .type = OPT_TIME, .def = "50s", .min = 0,
     .max = HOURS, AT(pool_idle_timeout), .is_reloadable = true,
     .help = "How long an idle upstream connection is kept."},
    {.key = "pool_max_age", .section = "timeouts", .type = OPT_TIME, .def = "5m", .min = 0,
     .max = 24 * HOURS, AT(pool_max_age), .is_reloadable = true,
     .help = "How old an upstream connection may become before it is replaced."},
    {.key = "drain_timeout", .section = "timeouts", .type = OPT_TIME, .def = "30s", .min = 0,
     .max = HOURS, AT(drain_timeout), .is_reloadable = true,
     .help = "How long running requests may go on after SIGTERM."},
    {.key = "pre_stop_wait", .section = "timeouts", .type = OPT_TIME, .def = "0s", .min = 0,
     .max = HOURS, AT(pre_stop_wait), .is_reloadable = true,
     .help = "How long the proxy serves on after SIGTERM while /readyz already says no, so that "
             "load balancers notice."},
    {.key = "upgrade_timeout", .section = "timeouts", .type = OPT_TIME, .def = "30s", .min = 100,
     .max = HOURS, AT(upgrade_timeout), .is_reloadable = true,
     .help = "How long the successor that SIGUSR2 starts may take until it could serve. Then it is "
             "ended, and the old process goes on."},
    {.key = "exit_when_idle", .section = "timeouts", .type = OPT_TIME, .words = "never",
     .def = "never", .min = 1, .max = 24 * HOURS, AT(exit_when_idle), .is_reloadable = true,
     .help = "End, as after SIGTERM, when no client was connected for this long: for jobs whose "
             "sidecar has to end by itself."},

    {.key = "retry_mode", .section = "retry", .env = "AWS_RETRY_MODE",
     .aws_words = "legacy=standard adaptive=standard", .profile_key = "retry_mode", .type = OPT_ENUM,
     .words = "standard|off", .def = "standard", AT(retry.mode), ROUTE(retry.mode),
     HAS(has_retry.mode), .is_reloadable = true,
     .help = "Whether a request is sent again, signed anew, where AWS throttles or fails. "
             "Errors inside a 200, as of S3's CopyObject, are not looked for. AWS_RETRY_MODE "
             "overrules the file; the profile's retry_mode counts where nothing else says it."},
    {.key = "retry_max_attempts", .section = "retry", .env = "AWS_MAX_ATTEMPTS",
     .profile_key = "max_attempts", .type = OPT_COUNT, .def = "6", .min = 1, .max = 1000,
     AT(retry.max_attempts), ROUTE(retry.max_attempts), HAS(has_retry.max_attempts),
     .is_reloadable = true,
     .help = "How often a request is sent at most, the first time included. "
             "AWS_MAX_ATTEMPTS overrules the file; the profile's max_attempts counts where nothing "
             "else says it."},
    {.key = "retry_base", .section = "retry", .type = OPT_TIME, .def = "1s", .min = 1, .max = HOURS,
     AT(retry.base), ROUTE(retry.base), .is_reloadable = true,
     .help = "Longest wait before the second attempt; it doubles from attempt to attempt."},
    {.key = "retry_cap", .section = "retry", .type = OPT_TIME, .def = "20s", .min = 1, .max = HOURS,
     AT(retry.cap), ROUTE(retry.cap), .is_reloadable = true,
     .help = "Where the doubling of the waits ends."},
    {.key = "retry_jitter", .section = "retry", .type = OPT_ENUM, .words = "full|none",
     .def = "full", AT(retry.jitter), ROUTE(retry.jitter), HAS(has_retry.jitter),
     .is_reloadable = true,
     .help = "full draws each wait at random between nothing and the longest one, so that clients "
             "do not come back together; none takes the longest one."},
    {.key = "retry_budget", .section = "retry", .type = OPT_COUNT, .def = "500", .min = 0,
     .max = 1000000, AT(retry.budget), ROUTE(retry.budget), HAS(has_retry.budget),
     .is_reloadable = true,
     .help = "Tokens of an upstream host. A retry costs 5, after a timeout 10; a success gives them "
             "back. Without tokens nothing is retried."},
    {.key = "retry_post", .section = "retry", .type = OPT_ENUM, .words = "classified|never|always",
     .def = "classified", AT(retry.post), ROUTE(retry.post), HAS(has_retry.post),
     .is_reloadable = true,
     .help = "POST and PATCH. classified sends them again where AWS answered that it declined or "
             "failed, and without an answer only where they read; never only where it declined; "
             "always in every case. What must not happen twice needs a token of its own, as "
             "ClientToken of EC2's RunInstances."},
    {.key = "retry_status", .section = "retry", .type = OPT_LIST, .arg = "STATUS",
     .def = "500, 502, 503, 504, 509, 429", .check = check_status, AT(retry.status),
     ROUTE(retry.status), .is_reloadable = true,
     .help = "Statuses that are retried whatever the error's code is; 5xx stands for all of them. "
             "Throttling codes are retried with every status."},
    {.key = "retry_sdk_clients", .section = "retry", .type = OPT_BOOL, .def = "no",
     AT(retry.sdk_clients), ROUTE(retry.sdk_clients), HAS(has_retry.sdk_clients),
     .is_reloadable = true,
     .help = "Retry for clients that are AWS SDKs, too. They retry by themselves, and the attempts "
             "would multiply."},
    {.key = "retry_queue", .section = "retry", .type = OPT_COUNT, .def = "1000", .min = 0,
     .max = 1000000, AT(retry_queue), .is_reloadable = true,
     .help = "How many requests, of all clients together, may wait for another attempt at a time; "
             "more get the error at hand."},
    {.key = "attempts_header", .section = "retry", .type = OPT_BOOL, .def = "no", AT(attempts_header),
     .is_reloadable = true,
     .help = "Add X-Sigv4-Proxy-Attempts to answers: how often the request was sent."},
    {.key = "rate_limit_queue", .section = "retry", .type = OPT_COUNT, .def = "1000", .min = 0,
     .max = 1000000, AT(rate_limit_queue), ROUTE(rate_limit_queue), HAS(has_rate_limit_queue),
     .is_reloadable = true,
     .help = "How many requests may wait for their turn under a route's rate_limit; more get 429."},
    {.key = "rate_limit_wait", .section = "retry", .type = OPT_TIME, .def = "30s", .min = 0,
     .max = HOURS, AT(rate_limit_wait), ROUTE(rate_limit_wait_ms), .is_reloadable = true,
     .help = "How long a request may wait for its turn; where it would be longer, it gets 429 at "
             "once."},

    {.key = "service", .section = "route", .type = OPT_STRING, .arg = "SERVICE", .example = "es",
     .check = check_scope, ROUTE(service), .is_reloadable = true,
     .help = "Service to sign for."},
    {.key = "upstream", .section = "route", .type = OPT_STRING, .arg = "URL",
     .example = "https://vpc-search-abc.eu-west-1.es.amazonaws.com", .check = check_upstream,
     ROUTE(upstream), .is_reloadable = true,
     .help = "Where the requests go: http:// or https://, a host, perhaps a port. http:// sends "
             "them in the clear."},
    {.key = "sign", .section = "route", .type = OPT_ENUM, .words = "header|query|redirect|none",
     .def = "header", ROUTE(sign), HAS(has_sign), .is_reloadable = true,
     .help = "header puts the signature into the Authorization field, query into the URL; redirect "
             "answers 307 with a presigned URL, so that the client fetches the object itself; none "
             "forwards unsigned. Websockets of AWS IoT have it in the URL where nothing is said."},
    {.key = "upgrade", .section = "route", .type = OPT_BOOL, .def = "no", ROUTE(upgrade),
     HAS(has_upgrade), .is_reloadable = true,
     .help = "Whether a client may ask for a websocket (Upgrade: websocket): the request is signed, "
             "and after the upstream's 101 bytes go both ways until one side ends, or none moves for "
             "idle_timeout. Elsewhere the field is left out, and the request is an ordinary one."},
    {.key = "rate_limit", .section = "route", .type = OPT_STRING, .arg = "RATE",
     .example = "20/s burst 100", .check = check_rate, ROUTE(rate_limit), .is_reloadable = true,
     .help = "How many requests go to the upstream in a second (20/s) or minute (90/m), from all "
             "clients together; burst of them may go at once after a rest. The others wait for "
             "their turn."},
};
// clang-format on
const size_t options_n = sizeof(options) / sizeof(options[0]);

// Enum fields are read and written as unsigned.
_Static_assert(sizeof(enum config_connect) == sizeof(unsigned), "enum size");

const struct option *option_find(struct span key)
{
    for (size_t i = 0; i < options_n; i++)
        if (span_is(key, options[i].key))
            return &options[i];
    return NULL;
}

bool option_is_general(const struct option *o)
{
    return strcmp(o->section, "route") != 0;
}

void option_flag_name(const struct option *o, struct buf *out)
{
    buf_add_str(out, "--");
    for (const char *c = o->key; *c; c++)
        buf_add_char(out, (char)(*c == '_' ? '-' : *c));
}

void option_env_name(const struct option *o, struct buf *out)
{
    buf_add_str(out, "SIGV4_PROXY_");
    for (const char *c = o->key; *c; c++)
        buf_add_char(out, (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
}

void option_arg_name(const struct option *o, struct buf *out)
{
    static const char *const by_type[] = {
        [OPT_BOOL] = "yes|no", [OPT_UINT] = "N",    [OPT_COUNT] = "N",     [OPT_SIZE] = "SIZE",
        [OPT_TIME] = "TIME",   [OPT_ENUM] = "WORD", [OPT_STRING] = "TEXT", [OPT_LIST] = "TEXT",
    };
    if (o->arg)
        buf_add_str(out, o->arg);
    else if (o->type == OPT_ENUM)
        buf_add_str(out, o->words);
    else
        buf_add_str(out, by_type[o->type]);
    if (o->words && o->type != OPT_ENUM)
        buf_addf(out, "|%s", o->words);
    if (o->type == OPT_LIST)
        buf_add_str(out, ",...");
}
