// SPDX-License-Identifier: Apache-2.0
// The merge of all sources, and what is printed from the table.
#include "unit/test.h"

#include "base/buf.h"
#include "config/config.h"
#include "config/options_int.h"

#define MAX_ARGS 8

struct sources {
    const char *file;
    const char *env[MAX_ARGS];
    const char *args[MAX_ARGS];
};

static enum status parse(const struct sources *s, struct config **c, struct err *e)
{
    char *env[MAX_ARGS + 1] = {NULL};
    char *args[MAX_ARGS + 1] = {NULL};
    struct config_input in = {.argv = args, .envp = env};
    for (int i = 0; i < MAX_ARGS && s->env[i]; i++)
        env[i] = strdup(s->env[i]);
    for (; in.argc < MAX_ARGS && s->args[in.argc]; in.argc++)
        args[in.argc] = strdup(s->args[in.argc]);
    in.file_name = s->file ? "x.conf" : NULL;
    in.file = span_of(s->file);
    enum status st = config_parse(&in, c, e);
    for (int i = 0; i < MAX_ARGS; i++) { // nothing of the input is kept
        if (env[i])
            memset(env[i], 'x', strlen(env[i]));
        if (args[i])
            memset(args[i], 'x', strlen(args[i]));
        free(env[i]);
        free(args[i]);
    }
    return st;
}

static struct config *accepted(const struct sources *s)
{
    struct config *c = NULL;
    struct err e = {""};
    enum status st = parse(s, &c, &e);
    assert_string_equal(e.text, "");
    assert_int_equal(st, ST_OK);
    assert_non_null(c);
    return c;
}

static void refused(const struct sources *s, const char *want)
{
    struct config *c = NULL;
    struct err e = {""};
    assert_int_equal(parse(s, &c, &e), ST_INVALID);
    assert_null(c);
    assert_string_equal(e.text, want);
}
#define REFUSED(want, ...) refused(&(struct sources){__VA_ARGS__}, want)
#define ACCEPTED(...)      accepted(&(struct sources){__VA_ARGS__})

static void defaults_are_those_of_the_design(void **state)
{
    (void)state;
    struct config *c = accepted(&(struct sources){0});
    assert_int_equal(c->listen.n, 1);
    assert_string_equal(c->listen.v[0], "127.0.0.1:8080");
    assert_string_equal(c->admin, "127.0.0.1:8081");
    assert_int_equal(c->workers, 0);
    assert_null(c->host);
    assert_string_equal(c->sign_host, "client");
    assert_null(c->name);
    assert_null(c->region);
    assert_int_equal(c->upstream_url_scheme, SCHEME_HTTPS);
    assert_int_equal(c->connect, CONNECT_TUNNEL);
    assert_int_equal(c->payload, PAYLOAD_AUTO);
    assert_true(c->verify_ssl);
    assert_true(c->via);
    assert_int_equal(c->log_level, 2);
    assert_null(c->profile);
    assert_int_equal(c->max_request_line, 8192);
    assert_int_equal(c->max_field, 16384);
    assert_int_equal(c->max_head, 65536);
    assert_int_equal(c->max_fields, 100);
    assert_int_equal(c->max_trailers, 8192);
    assert_int_equal(c->body_memory, 1048576);
    assert_int_equal(c->body_max, 5368709120);
    assert_int_equal(c->spool_max, 8589934592);
    assert_string_equal(c->spool_dir, "/var/tmp");
    assert_int_equal(c->max_connections, 0);
    assert_int_equal(c->client_head_timeout, 10000);
    assert_int_equal(c->half_close_grace, 1000);
    assert_int_equal(c->connect_timeout, 3000);
    assert_int_equal(c->tls_timeout, 5000);
    assert_int_equal(c->first_byte_timeout, 60000);
    assert_int_equal(c->pool_idle_timeout, 50000);
    assert_int_equal(c->pool_max_age, 300000);
    assert_int_equal(c->pre_stop_wait, 0);
    assert_int_equal(c->n_routes, 0);
    config_release(c);
}

static void flag_wins_over_environment_over_file_over_default(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.file = "[proxy]\nregion = a\nname = s3\nconnect = deny\nvia = no\n",
                 .env = {"SIGV4_PROXY_REGION=b", "SIGV4_PROXY_NAME=es"}, .args = {"--region", "c"});
    assert_string_equal(c->region, "c");
    assert_string_equal(c->name, "es");
    assert_int_equal(c->connect, CONNECT_DENY);
    assert_false(c->via);
    config_release(c);
}

static void lists_grow_within_a_source_and_give_way_to_a_higher(void **state)
{
    (void)state;
    const char *file = "[proxy]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2, [::1]:2\n";
    struct config *c = ACCEPTED(.file = file);
    assert_int_equal(c->listen.n, 3);
    assert_string_equal(c->listen.v[2], "[::1]:2");
    config_release(c);
    c = ACCEPTED(.file = file, .env = {"SIGV4_PROXY_LISTEN=127.0.0.1:3"});
    assert_int_equal(c->listen.n, 1);
    assert_string_equal(c->listen.v[0], "127.0.0.1:3");
    config_release(c);
    c = ACCEPTED(.file = file, .env = {"SIGV4_PROXY_LISTEN=127.0.0.1:3"},
                 .args = {"--listen=127.0.0.1:4", "--port", ":5"});
    assert_int_equal(c->listen.n, 2);
    assert_string_equal(c->listen.v[0], "127.0.0.1:4");
    assert_string_equal(c->listen.v[1], ":5");
    config_release(c);
}

static void value_that_is_overruled_is_judged_all_the_same(void **state)
{
    (void)state;
    REFUSED("x.conf:2: workers: \"x\" is not a number or auto", .file = "[proxy]\nworkers = x\n",
            .args = {"--workers", "2"});
}

static void command_line_of_aws_sigv4_proxy_starts_unchanged(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.args = {"-v", "--name", "execute-api", "--region=us-east-1", "--host", "abc.test",
                          "--no-verify-ssl", "--unsigned-payload"});
    assert_int_equal(c->log_level, 3);
    assert_string_equal(c->name, "execute-api");
    assert_string_equal(c->region, "us-east-1");
    assert_string_equal(c->host, "abc.test");
    assert_false(c->verify_ssl);
    assert_int_equal(c->payload, PAYLOAD_UNSIGNED);
    config_release(c);
    c = ACCEPTED(.args = {"--verbose", "--host=a", "--sign-host", "b.test", "--upstream-url-scheme",
                          "http", "--port", "127.0.0.1:9090"});
    assert_int_equal(c->log_level, 3);
    assert_string_equal(c->sign_host, "b.test");
    assert_int_equal(c->upstream_url_scheme, SCHEME_HTTP);
    assert_string_equal(c->listen.v[0], "127.0.0.1:9090");
    config_release(c);
}

static void switches_can_be_turned_around(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.env = {"SIGV4_PROXY_PAYLOAD=hash", "SIGV4_PROXY_VERIFY_SSL=no"},
                 .args = {"--no-unsigned-payload", "--verify-ssl", "--via=off", "--verbose=true"});
    assert_int_equal(c->payload, PAYLOAD_AUTO);
    assert_true(c->verify_ssl);
    assert_false(c->via);
    assert_int_equal(c->log_level, 3);
    config_release(c);
    REFUSED("--no-region: only yes/no settings have a --no- form", .args = {"--no-region"});
    REFUSED("--no-via: takes no value", .args = {"--no-via=yes"});
    REFUSED("--via: \"maybe\" is not yes or no", .args = {"--via=maybe"});
    REFUSED("--verbose: \"maybe\" is not yes or no", .args = {"--verbose=maybe"});
}

static void unknown_flags_are_refused_with_the_nearest(void **state)
{
    (void)state;
    REFUSED("--regoin: unknown flag; did you mean \"--region\"?", .args = {"--regoin", "x"});
    REFUSED("--max_head: unknown flag; did you mean \"--max-head\"?", .args = {"--max_head=1"});
    REFUSED("--no-verifyssl: unknown flag; did you mean \"--no-verify-ssl\"?",
            .args = {"--no-verifyssl"});
    REFUSED("--frobnicate: unknown flag", .args = {"--frobnicate"});
    REFUSED("-x: unknown flag", .args = {"-x"});
    REFUSED("-region: unknown flag; did you mean \"--region\"?", .args = {"-region", "x"});
    REFUSED("-confg: unknown flag; did you mean \"--config\"?", .args = {"-confg"});
    REFUSED("--service: only a [route \"glob\"] section can set service", .args = {"--service=s3"});
    REFUSED("unexpected argument \"go\"", .args = {"go"});
    REFUSED("unexpected argument \"-\"", .args = {"-"});
    REFUSED("--region: a value is missing", .args = {"--region"});
    REFUSED("--region: a value is missing", .args = {"--region", "--name", "s3"});
    REFUSED("--region: a value is missing", .args = {"--region="});
    REFUSED("--max-head: \"64q\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)",
            .args = {"--max-head=64q"});
}

static void region_sets_go_with_sigv4a(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.file = "region = eu-west-1, us-west-2\n[route \"a\"]\nregion = *\n");
    assert_string_equal(c->region, "eu-west-1,us-west-2");
    assert_string_equal(c->routes[0].region, "*");
    assert_int_equal(c->algorithm, ALGORITHM_AUTO);
    config_release(c);
    config_release(ACCEPTED(.file = "algorithm = sigv4\n[route \"a\"]\nregion = *\n"
                                    "algorithm = sigv4a\n"));
    REFUSED("x.conf:1: region: the list holds an empty region", .file = "region = eu-west-1,,a\n");
    REFUSED("--region: a list of regions, or *, is signed with SigV4A, not with sigv4",
            .file = "algorithm = sigv4\n", .args = {"--region=*"});
    REFUSED(
        "x.conf:2: [route \"a\"]: a list of regions, or *, is signed with SigV4A, not with sigv4",
        .file = "algorithm = sigv4\n[route \"a\"]\nregion = us-*\n");
}

static void unknown_variables_are_refused_with_the_nearest(void **state)
{
    (void)state;
    REFUSED("SIGV4_PROXY_REGOIN: unknown setting; did you mean \"SIGV4_PROXY_REGION\"?",
            .env = {"SIGV4_PROXY_REGOIN=x"});
    REFUSED("SIGV4_PROXY_SERVICE: unknown setting", .env = {"SIGV4_PROXY_SERVICE=s3"});
    REFUSED("SIGV4_PROXY_PORT: unknown setting; did you mean \"SIGV4_PROXY_LISTEN\"?",
            .env = {"SIGV4_PROXY_PORT=:80"});
    REFUSED("SIGV4_PROXY_WORKERS: \"0\" is out of bounds, must be between 1 and 64",
            .env = {"SIGV4_PROXY_WORKERS=0"});
    config_release(ACCEPTED(.env = {"SIGV4_PROXY=x", "SIGV4_PROX_REGION=x", "sigv4_proxy_x=1"}));
}

static void empty_variables_count_as_not_set(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.env = {"SIGV4_PROXY_REGION=", "AWS_CA_BUNDLE=", "SIGV4_PROXY_VIA= "});
    assert_null(c->region);
    assert_null(c->ca_bundle);
    assert_true(c->via);
    config_release(c);
}

static void variables_of_a_kubernetes_service_are_let_be(void **state)
{
    (void)state;
    config_release(
        ACCEPTED(.env = {"SIGV4_PROXY_SERVICE_HOST=10.0.0.1", "SIGV4_PROXY_SERVICE_PORT=8080",
                         "SIGV4_PROXY_SERVICE_PORT_HTTP=8080",
                         "SIGV4_PROXY_PORT=tcp://10.0.0.1:8080",
                         "SIGV4_PROXY_PORT_8080_TCP=tcp://10.0.0.1:8080",
                         "SIGV4_PROXY_PORT_8080_TCP_ADDR=10.0.0.1"}));
}

static void aws_ca_bundle_stands_between_file_and_own_variable(void **state)
{
    (void)state;
    struct config *c = ACCEPTED(.file = "[proxy]\nca_bundle = /f\n", .env = {"AWS_CA_BUNDLE=/a"});
    assert_string_equal(c->ca_bundle, "/a");
    config_release(c);
    c = ACCEPTED(.env = {"SIGV4_PROXY_CA_BUNDLE=/s", "AWS_CA_BUNDLE=/a", "AWS_PROFILE=p"});
    assert_string_equal(c->ca_bundle, "/s");
    assert_null(c->profile);
    config_release(c);
}

static void sections_only_group(void **state)
{
    (void)state;
    struct config *c =
        ACCEPTED(.file = "max_fields = 50\n[limits]\nregion = r\n[proxy]\nidle_timeout = 3s\n");
    assert_int_equal(c->max_fields, 50);
    assert_string_equal(c->region, "r");
    assert_int_equal(c->idle_timeout, 3000);
    config_release(c);
}

static void file_errors_name_file_line_and_remedy(void **state)
{
    (void)state;
    REFUSED("x.conf:3: unknown key \"regoin\"; did you mean \"region\"?",
            .file = "# c\n[proxy]\nregoin = x\n");
    REFUSED("x.conf:1: unknown section [limit]; did you mean \"limits\"?", .file = "[limit]\n");
    REFUSED("x.conf:2: \"service\" belongs in a [route \"glob\"]",
            .file = "[proxy]\nservice = s3\n");
    REFUSED("x.conf:2: \"listen\" belongs in [proxy], not in [route]",
            .file = "[route \"a\"]\nlisten = :1\n");
    REFUSED("x.conf:1: unknown key \"what\"", .file = "what = 1k\n");
    REFUSED("x.conf:5: \"region\" is set already in line 2",
            .file = "[proxy]\nregion = a\n[limits]\n[proxy]\nregion = b\n");
    REFUSED("x.conf:2: region: a value is missing", .file = "[proxy]\nregion =\n");
    REFUSED(
        "x.conf:2: max_head: \"64q\" is not a size (as in 64k, 16m, 5g; a bare number is bytes)",
        .file = "[limits]\nmax_head = 64q\n");
    REFUSED("x.conf:1: [proxy] takes nothing in quotes", .file = "[proxy \"x\"]\n");
    REFUSED("x.conf:1: unknown section [nothing]", .file = "[nothing]\n");
    REFUSED("x.conf:2: presign_allow: \"get s3://b\" is not METHOD|METHOD s3://BUCKET/KEY or "
            "METHOD|METHOD HOST/PATH (methods in capitals, * for any characters)",
            .file = "[presign]\npresign_allow = get s3://b\n");
    REFUSED("x.conf:2: presign_origins: \"null\" would let every web page in",
            .file = "[presign]\npresign_origins = null\n");
    REFUSED("x.conf:2: include: there are no files here", .file = "[proxy]\ninclude = a\n");
}

static void route_errors_name_file_line_and_remedy(void **state)
{
    (void)state;
    REFUSED("x.conf:1: a route needs a glob, as in [route \"*.example.com\"]", .file = "[route]\n");
    REFUSED("x.conf:1: a glob has 1 to 255 characters", .file = "[route \"\"]\n");
    REFUSED("x.conf:3: [route \"a.test\"] stands already in line 1, and the first match wins",
            .file = "[route \"a.test\"]\n\n[route \"A.test\"]\n");
    REFUSED("x.conf:3: \"region\" is set already in line 2",
            .file = "[route \"a\"]\nregion = a\nregion = b\n");
    REFUSED("x.conf:2: unknown key \"servce\" in [route]; did you mean \"service\"?",
            .file = "[route \"a\"]\nservce = s3\n");
    REFUSED("x.conf:2: upstream: \"a.test\" must begin with https:// or http://",
            .file = "[route \"a\"]\nupstream = a.test\n");
    REFUSED("x.conf:2: sign: \"cookie\" is not one of header|query|redirect|none",
            .file = "[route \"a\"]\nsign = cookie\n");
}

static void policy_errors_name_file_line_and_remedy(void **state)
{
    (void)state;
    REFUSED("x.conf:2: this [policy] has no action (allow or deny)",
            .file = "\n[policy \"a\"]\nclient = 10.0.0.0/8\n");
    REFUSED("x.conf:2: unknown key \"clients\" in [policy]; did you mean \"client\"?",
            .file = "[policy]\nclients = unix\n");
    REFUSED("x.conf:2: unknown key \"upstream\" in [policy]",
            .file = "[policy]\nupstream = https://a.test\n");
    REFUSED("x.conf:3: \"method\" is set already in line 2",
            .file = "[policy]\nmethod = GET\nmethod = PUT\n");
    REFUSED("x.conf:2: action: \"drop\" is not one of allow|deny",
            .file = "[policy]\naction = drop\n");
    REFUSED("x.conf:2: client: \"token:\" names nobody; * is anybody with one",
            .file = "[policy]\nclient = token:\n");
    REFUSED("x.conf:2: client: \"10.0.0.0/33\" is not ADDR, ADDR/BITS, unix, uid:N, gid:N, "
            "token:NAME or cert:NAME",
            .file = "[policy]\nclient = 10.0.0.0/33\n");
    REFUSED("x.conf:2: method: \"get\" is not a method that the proxy takes (GET, HEAD, PUT, POST, "
            "DELETE, PATCH, OPTIONS, CONNECT)",
            .file = "[policy]\nmethod = get\n");
    REFUSED("x.conf:2: path: \"reports/\" does not begin with a slash",
            .file = "[policy]\npath = reports/\n");
    REFUSED("x.conf:2: bucket: \"a/b\" is not a bucket's name, with * for any characters",
            .file = "[policy]\nbucket = a/b\n");
    REFUSED("x.conf:2: action is allow or deny; what of AWS's a request asks for is "
            "aws_action",
            .file = "[policy]\naction = s3:GetObject\n");
    REFUSED("x.conf:1: an identity needs a name, as in [identity \"batch\"]",
            .file = "[identity]\nprofile = a\n");
    REFUSED("x.conf:1: [identity \"a\"] has no client", .file = "[identity \"a\"]\nprofile = a\n");
    REFUSED("x.conf:2: [identity \"a\"] has no profile or role_arn",
            .file = "\n[identity \"a\"]\nclient = unix\n");
    REFUSED("x.conf:2: unknown key \"clients\" in [identity]; did you mean \"client\"?",
            .file = "[identity \"a\"]\nclients = unix\n");
    REFUSED("x.conf:2: role_arn: \"search\": a role is written arn:aws:iam::123456789012:role/NAME",
            .file = "[identity \"a\"]\nrole_arn = search\n");
    REFUSED("x.conf:1: unknown section [identities]; did you mean \"identity\"?",
            .file = "[identities]\n");
    REFUSED("x.conf:1: unknown section [policies]; did you mean \"policy\"?",
            .file = "[policies]\n");
}

static void policies_keep_their_order(void **state)
{
    (void)state;
    struct config *c = ACCEPTED(.file = "[policy \"a b\"]\nservice = s3, es\naction = deny\n"
                                        "[policy]\naction = allow\n");
    assert_int_equal(c->n_policies, 2);
    assert_string_equal(c->policies[0].name, "a b");
    assert_int_equal(c->policies[0].service.n, 2);
    assert_int_equal(c->policies[0].action, ACTION_DENY);
    assert_null(c->policies[1].name);
    assert_int_equal(c->policies[1].line, 4);
    assert_int_equal(c->policies[1].action, ACTION_ALLOW);
    config_release(c);
}

static void routes_keep_their_order_and_know_what_was_set(void **state)
{
    (void)state;
    struct config *c = ACCEPTED(.file = "[route \"*.S3.test\"]\n"
                                        "service = s3\n"
                                        "upstream = http://127.0.0.1:9000\n"
                                        "payload = hash\n"
                                        "idle_timeout = 5s\n"
                                        "[route \"b\"]\n"
                                        "sign = none\n"
                                        "connect = tunnel\n"
                                        "[route \"c\"]\n");
    assert_int_equal(c->n_routes, 3);
    const struct config_route *r = &c->routes[0];
    assert_string_equal(r->glob, "*.s3.test");
    assert_int_equal(r->line, 1);
    assert_string_equal(r->service, "s3");
    assert_string_equal(r->upstream, "http://127.0.0.1:9000");
    assert_null(r->region);
    assert_null(r->sign_host);
    assert_true(r->has_payload && !r->has_sign && !r->has_connect);
    assert_int_equal(r->payload, PAYLOAD_HASH);
    assert_int_equal(r->idle_timeout_ms, 5000);
    assert_int_equal(r->connect_timeout_ms, -1);
    assert_int_equal(r->first_byte_timeout_ms, -1);
    r = &c->routes[1];
    assert_true(r->has_sign && r->has_connect && !r->has_payload);
    assert_int_equal(r->sign, SIGN_MODE_NONE);
    assert_int_equal(c->routes[2].line, 9);
    assert_int_equal(c->payload, PAYLOAD_AUTO);
    assert_int_equal(c->idle_timeout, 60000);
    config_release(c);
}

static void number_of_routes_and_size_of_file_are_bounded(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < 4096; i++)
        buf_addf(&b, "[route \"h%d\"]\n", i);
    struct config *c = ACCEPTED(.file = buf_cstr(&b));
    assert_int_equal(c->n_routes, 4096);
    assert_string_equal(c->routes[4095].glob, "h4095");
    config_release(c);
    buf_add_str(&b, "[route \"one-more\"]\n");
    REFUSED("x.conf:4097: more than 4096 routes", .file = buf_cstr(&b));
    buf_reset(&b);
    memset(buf_reserve(&b, 1 << 20), '\n', 1 << 20);
    b.len = 1 << 20;
    config_release(ACCEPTED(.file = buf_cstr(&b)));
    buf_add_char(&b, '\n');
    REFUSED("x.conf: larger than 1 MiB", .file = buf_cstr(&b));
    buf_clear(&b);
}

static void settings_are_checked_against_each_other(void **state)
{
    (void)state;
    REFUSED("--upstream-url-scheme: http is taken only together with host",
            .args = {"--upstream-url-scheme=http"});
    REFUSED("x.conf:2: upstream_url_scheme: http is taken only together with host",
            .file = "[proxy]\nupstream_url_scheme = http\n");
    REFUSED("SIGV4_PROXY_MAX_FIELD: max_field is larger than max_head",
            .env = {"SIGV4_PROXY_MAX_FIELD=128k"});
    REFUSED("x.conf:2: max_head: max_field is larger than max_head",
            .file = "[limits]\nmax_head = 8k\n");
    REFUSED("--max-request-line: max_request_line is larger than max_head",
            .args = {"--max-request-line=65k"});
    REFUSED("--port: listen and admin can't share 127.0.0.1:8081",
            .args = {"--port", "127.0.0.1:8081"});
    REFUSED("--admin: listen and admin can't share 127.0.0.1:8080",
            .args = {"--admin", "127.0.0.1:8080"});
    REFUSED("--listen: :1 is listed twice", .args = {"--listen=:1,:2,:1"});
    config_release(ACCEPTED(.args = {"--listen=127.0.0.1:0,127.0.0.1:0", "--admin=127.0.0.1:0"}));
    config_release(ACCEPTED(.args = {"--admin", "off"}));
}

static void help_wins_over_everything_that_is_wrong(void **state)
{
    (void)state;
    struct config *c = NULL;
    struct err e;
    assert_int_equal(parse(&(struct sources){.file = "[", .args = {"--bogus", "--help"}}, &c, &e),
                     ST_DECLINED);
    assert_int_equal(parse(&(struct sources){.args = {"-h"}}, &c, &e), ST_DECLINED);
    assert_null(c);
}

static void config_file_is_found_without_judging_the_rest(void **state)
{
    (void)state;
    char *args[] = {"--bogus", "--name", "s3", "-v", "--config", "/a"};
    char *inline_form[] = {"--config=/b", "-c", "/c"};
    char *no_value[] = {"--region", "-c"};
    char *as_value[] = {"--spool-dir", "/x", "--name=-c", "y"};
    assert_string_equal(config_file_argument(6, args), "/a");
    assert_string_equal(config_file_argument(3, inline_form), "/b");
    assert_null(config_file_argument(2, no_value));
    assert_null(config_file_argument(4, as_value));
    assert_null(config_file_argument(0, NULL));
    config_release(ACCEPTED(.args = {"-c", "/a", "--region", "x"}));
    REFUSED("-c: given twice", .args = {"--config=/a", "-c", "/b"});
    REFUSED("-c: a value is missing", .args = {"-c"});
}

static void snapshot_lives_until_the_last_release(void **state)
{
    (void)state;
    struct config *c = ACCEPTED(.args = {"--region", "x"});
    assert_ptr_equal(config_acquire(c), c);
    config_release(c);
    assert_string_equal(c->region, "x");
    config_release(c);
    config_release(NULL);
}

static void effective_names_the_source_of_each_value(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    struct config *c = ACCEPTED(.file = "[proxy]\nname = s3\n[route \"a.test\"]\nsign = none\n"
                                        "[limits]\nmax_head = 128k\n",
                                .env = {"AWS_CA_BUNDLE=/a", "SIGV4_PROXY_DRAIN_TIMEOUT=90s"},
                                .args = {"--port=:80", "-v"});
    config_effective(c, &b);
    const char *text = buf_cstr(&b);
    static const char *const lines[] = {
        "[proxy]\nlisten = :80  # --port\n",
        "\nname = s3  # x.conf:2\n",
        "\n# region: not set\n",
        "\nca_bundle = /a  # AWS_CA_BUNDLE\n",
        "\nlog_level = debug  # -v\n",
        "\nworkers = auto  # default\n",
        "\nmax_head = 128k  # x.conf:6\n",
        "\nclient_idle_timeout = 1m  # default\n",
        "\ndrain_timeout = 90s  # SIGV4_PROXY_DRAIN_TIMEOUT\n",
        "\n[route \"a.test\"]  # x.conf:3\nsign = none\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (!strstr(text, lines[i]))
            fail_msg("missing: %s in: %s", lines[i], text);
    config_release(c);
    buf_clear(&b);
}

static void effective_is_a_file_that_says_the_same(void **state)
{
    (void)state;
    struct buf first;
    struct buf second;
    buf_init(&first);
    buf_init(&second);
    struct config *c =
        ACCEPTED(.file = "[route \"a.test\"]\npayload = unsigned\ntls_timeout = 1500ms\n"
                         "[policy \"p q\"]\nclient = unix, token:a*\naction = deny\n"
                         "aws_action = s3:Get*\n[identity \"i\"]\nclient = uid:7\nprofile = b c\n",
                 .args = {"--host=h:1", "--upstream-url-scheme=http", "--workers=3", "--nameserver",
                          "10.0.0.1, ::1", "--profile=a#b", "--unsigned-hosts=*.x,y"});
    config_effective(c, &first);
    config_release(c);
    c = ACCEPTED(.file = buf_cstr(&first));
    assert_int_equal(c->unsigned_hosts.n, 2);
    assert_string_equal(c->profile, "a#b");
    assert_string_equal(c->policies[0].aws_action.v[0], "s3:Get*");
    assert_string_equal(c->identities[0].name, "i");
    assert_string_equal(c->identities[0].profile, "b c");
    assert_int_equal(c->routes[0].tls_timeout_ms, 1500);
    config_effective(c, &second);
    config_release(c);
    struct span a = buf_span(&first);
    struct span b = buf_span(&second);
    struct span x;
    struct span y;
    while (span_next(&a, '\n', &x) && span_next(&b, '\n', &y))
        assert_true(span_eq(span_sub(x, 0, span_find(x, '#')), span_sub(y, 0, span_find(y, '#'))));
    assert_null(b.p);
    buf_clear(&first);
    buf_clear(&second);
}

// Every "#key = value" becomes "key = value".
static void uncomment(const struct buf *in, struct buf *out)
{
    struct span rest = buf_span(in);
    struct span line;
    while (span_next(&rest, '\n', &line)) {
        bool is_text = span_starts(line, SPAN("# "));
        buf_add_span(out,
                     span_starts(line, SPAN("#")) && !is_text ? span_sub(line, 1, line.len) : line);
        buf_add_char(out, '\n');
    }
}

static void full_conf_holds_every_key_and_works_when_uncommented(void **state)
{
    (void)state;
    struct buf text;
    struct buf live;
    buf_init(&text);
    buf_init(&live);
    config_full_conf(&text);
    struct config *plain = accepted(&(struct sources){0});
    struct config *c = ACCEPTED(.file = buf_cstr(&text));
    assert_int_equal(c->n_routes, 0);
    config_release(c);
    uncomment(&text, &live);
    c = ACCEPTED(.file = buf_cstr(&live));
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!option_is_general(o))
            continue;
        struct buf was;
        struct buf is;
        buf_init(&was);
        buf_init(&is);
        value_format(o, (char *)plain + o->at, &was);
        value_format(o, (char *)c + o->at, &is);
        if (o->def)
            assert_string_equal(buf_cstr(&is), buf_cstr(&was));
        else
            assert_true(was.len == 0 && is.len > 0);
        buf_clear(&was);
        buf_clear(&is);
    }
    assert_int_equal(c->n_routes, 1);
    assert_string_equal(c->routes[0].service, "es");
    assert_int_equal(c->n_policies, 1);
    assert_int_equal(c->n_identities, 1);
    for (size_t t = 0; t < option_tables_n; t++)
        for (size_t i = 0; i < option_tables[t].n; i++) {
            const struct option *o = &option_tables[t].v[i];
            bool is_policy = option_tables[t].v == policy_options;
            assert_true(
                value_is_set(o, (is_policy ? (char *)c->policies : (char *)c->identities) + o->at));
        }
    config_release(c);
    config_release(plain);
    buf_clear(&text);
    buf_clear(&live);
}

static void pages_name_every_option(void **state)
{
    (void)state;
    static void (*const pages[])(struct buf *) = {config_help, config_man, config_man_conf};
    for (size_t p = 0; p < 3; p++) {
        struct buf page;
        buf_init(&page);
        pages[p](&page);
        for (size_t i = 0; i < options_n; i++) {
            struct buf name;
            buf_init(&name);
            if (p == 2)
                buf_addf(&name, ".It Ic %s No", options[i].key);
            else if (option_is_general(&options[i]))
                option_flag_name(&options[i], &name);
            const char *want = p == 2 || !name.len ? buf_cstr(&name) : buf_cstr(&name) + 2;
            if (!strstr(buf_cstr(&page), want))
                fail_msg("page %zu lacks %s", p, want);
            buf_clear(&name);
        }
        buf_clear(&page);
    }
}

static void parses_file_of_the_tree(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    config_release(ACCEPTED(.file = text));
}

static void files_in_conf_are_accepted(void **state)
{
    (void)state;
    parses_file_of_the_tree(SOURCE_DIR "/conf/minimal.conf");
    parses_file_of_the_tree(SOURCE_DIR "/conf/sidecar.conf");
    parses_file_of_the_tree(SOURCE_DIR "/conf/full.conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(flag_wins_over_environment_over_file_over_default),
        cmocka_unit_test(lists_grow_within_a_source_and_give_way_to_a_higher),
        cmocka_unit_test(value_that_is_overruled_is_judged_all_the_same),
        cmocka_unit_test(command_line_of_aws_sigv4_proxy_starts_unchanged),
        cmocka_unit_test(switches_can_be_turned_around),
        cmocka_unit_test(unknown_flags_are_refused_with_the_nearest),
        cmocka_unit_test(region_sets_go_with_sigv4a),
        cmocka_unit_test(unknown_variables_are_refused_with_the_nearest),
        cmocka_unit_test(empty_variables_count_as_not_set),
        cmocka_unit_test(variables_of_a_kubernetes_service_are_let_be),
        cmocka_unit_test(aws_ca_bundle_stands_between_file_and_own_variable),
        cmocka_unit_test(sections_only_group),
        cmocka_unit_test(file_errors_name_file_line_and_remedy),
        cmocka_unit_test(route_errors_name_file_line_and_remedy),
        cmocka_unit_test(policy_errors_name_file_line_and_remedy),
        cmocka_unit_test(policies_keep_their_order),
        cmocka_unit_test(routes_keep_their_order_and_know_what_was_set),
        cmocka_unit_test(number_of_routes_and_size_of_file_are_bounded),
        cmocka_unit_test(settings_are_checked_against_each_other),
        cmocka_unit_test(help_wins_over_everything_that_is_wrong),
        cmocka_unit_test(config_file_is_found_without_judging_the_rest),
        cmocka_unit_test(snapshot_lives_until_the_last_release),
        cmocka_unit_test(effective_names_the_source_of_each_value),
        cmocka_unit_test(effective_is_a_file_that_says_the_same),
        cmocka_unit_test(full_conf_holds_every_key_and_works_when_uncommented),
        cmocka_unit_test(pages_name_every_option),
        cmocka_unit_test(files_in_conf_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
