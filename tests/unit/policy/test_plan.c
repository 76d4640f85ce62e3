// SPDX-License-Identifier: Apache-2.0
// Where a request goes and how it is signed. Refusals are in test_admit.c, bodies in
// test_payload.c.
#include "policy/glob.h"
#include "unit/policy/plan_fixture.h"

static void plan_upgrades_aws_hosts_to_tls(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://dynamodb.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls dynamodb.us-east-1.amazonaws.com:443 Host dynamodb.us-east-1.amazonaws.com / "
         "dynamodb/us-east-1 hash none"},
        {"GET http://DynamoDB.us-east-1.amazonaws.com:80/?a=b HTTP/1.1\r\nHost: x",
         "tls dynamodb.us-east-1.amazonaws.com:443 Host dynamodb.us-east-1.amazonaws.com /?a=b "
         "dynamodb/us-east-1 hash none"},
        {"GET http://sqs.us-west-2.amazonaws.com:443/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-west-2.amazonaws.com:443 Host sqs.us-west-2.amazonaws.com / sqs/us-west-2 "
         "hash none"},
        {"GET https://sqs.us-west-2.amazonaws.com/q HTTP/1.1\r\nHost: x",
         "tls sqs.us-west-2.amazonaws.com:443 Host sqs.us-west-2.amazonaws.com /q sqs/us-west-2 "
         "hash none"},
        {"GET http://db.x.us-east-1.neptune.amazonaws.com:8182/status HTTP/1.1\r\nHost: x",
         "tls db.x.us-east-1.neptune.amazonaws.com:8182 Host "
         "db.x.us-east-1.neptune.amazonaws.com:8182 /status neptune-db/us-east-1 hash none"},
    };
    PLAN_CHECK("", rows);
}

static void plan_takes_origin_form_for_aws_hosts(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET /?Action=ListQueues HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com "
         "/?Action=ListQueues sqs/us-east-1 hash none"},
        {"GET / HTTP/1.0\r\nHost: sqs.us-east-1.amazonaws.com:443",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
        {"GET / HTTP/1.1\r\nHost: localhost:8080", "403 host-denied"},
        {"GET / HTTP/1.0", "400 bad-host"},
    };
    PLAN_CHECK("", rows);
}

static void plan_takes_http_on_443_for_https(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://sqs.us-east-1.amazonaws.com:443/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/eu-west-1 "
         "hash none"},
    };
    PLAN_CHECK("[route \"sqs.us-east-1.amazonaws.com\"]\nregion = eu-west-1\n", rows);
}

static void plan_lets_the_target_win_over_host(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: sns.eu-west-1.amazonaws.com",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
        {"GET http://x.example/ HTTP/1.1\r\nHost: sns.eu-west-1.amazonaws.com", "403 host-denied"},
    };
    PLAN_CHECK("", rows);
}

static void plan_sends_dotted_buckets_in_path_style(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://b.s3.eu-west-1.amazonaws.com/k HTTP/1.1\r\nHost: x",
         "tls b.s3.eu-west-1.amazonaws.com:443 Host b.s3.eu-west-1.amazonaws.com /k s3/eu-west-1 "
         "hash+ none"},
        {"GET http://my.dotted.b.s3.eu-west-1.amazonaws.com/k?versions HTTP/1.1\r\nHost: x",
         "tls s3.eu-west-1.amazonaws.com:443 Host s3.eu-west-1.amazonaws.com "
         "/my.dotted.b/k?versions s3/eu-west-1 hash+ none"},
        {"GET http://my.b.s3.amazonaws.com HTTP/1.1\r\nHost: x",
         "tls s3.amazonaws.com:443 Host s3.amazonaws.com /my.b/ s3/us-east-1 hash+ none"},
        {"GET http://a.b.bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com/k HTTP/1.1\r\nHost: x",
         "tls bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com:443 Host "
         "bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com /a.b/k s3/us-east-1 hash+ none"},
        {"GET http://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k HTTP/1.1\r\n"
         "Host: x",
         "tls b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com:443 Host "
         "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com /k s3express/us-east-1 "
         "hash+ none"},
    };
    PLAN_CHECK("", rows);
}

static void plan_follows_the_first_route_that_matches(void **state)
{
    (void)state;
    static const char conf[] = "[route \"search.example.com\"]\n"
                               "service = es\nregion = eu-west-1\n"
                               "upstream = https://vpc-s-abc.eu-west-1.es.amazonaws.com\n"
                               "sign_host = upstream\n"
                               "[route \"*.s3.test\"]\n"
                               "service = s3\nregion = us-west-1\n"
                               "upstream = http://127.0.0.1:9000\n"
                               "[route \"api.example.com:8443\"]\n"
                               "service = execute-api\n"
                               "[route \"b.s3.test\"]\nservice = never-reached\n"
                               "[route \"fill.example.com\"]\n"
                               "upstream = https://x.execute-api.eu-west-2.amazonaws.com\n"
                               "sign_host = real.example.com\n"
                               "[route \"plain.example.com\"]\nsign = none\n"
                               "[route \"sqs.us-east-1.amazonaws.com\"]\nregion = us-gov-west-1\n";
    static const struct plan_row rows[] = {
        {"GET http://search.example.com/_cat HTTP/1.1\r\nHost: x",
         "tls vpc-s-abc.eu-west-1.es.amazonaws.com:443 Host vpc-s-abc.eu-west-1.es.amazonaws.com "
         "/_cat es/eu-west-1 hash none"},
        {"GET http://b.s3.test/k HTTP/1.1\r\nHost: x",
         "127.0.0.1:9000 Host b.s3.test /k s3/us-west-1 hash+ none"},
        {"GET /k HTTP/1.1\r\nHost: B.S3.test", "127.0.0.1:9000 Host b.s3.test /k s3/us-west-1 "
                                               "hash+ none"},
        {"GET http://s3.test/k HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://b.s3.test:81/k HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://api.example.com:8443/ HTTP/1.1\r\nHost: x",
         "tls api.example.com:8443 Host api.example.com:8443 / execute-api/eu-north-1 hash none"},
        {"GET http://api.example.com/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://fill.example.com/ HTTP/1.1\r\nHost: x",
         "tls x.execute-api.eu-west-2.amazonaws.com:443 Host real.example.com / "
         "execute-api/eu-west-2 hash none"},
        {"PUT http://plain.example.com/a%zz?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
         "Authorization: Basic eDp5",
         "tls plain.example.com:443 Host plain.example.com /a%zz?b unsigned stream"},
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / "
         "sqs/us-gov-west-1 hash none"},
    };
    PLAN_CHECK(conf, rows);
}

// Many names, and stars among them: what the first glob that matches says, for every name.
static void plan_finds_a_route_among_many(void **state)
{
    (void)state;
    enum { N = 97 };
    char globs[N][32];
    static char conf[N * 80];
    size_t len = 0;
    for (unsigned i = 0; i < N; i++) {
        const char *form = i % 7 == 3    ? "*%u.example.com"
                           : i % 11 == 5 ? "n%u*"
                                         : "n%u.example.com";
        (void)snprintf(globs[i], sizeof(globs[i]), form, i % 7 == 3 ? i % 10 : i * 37 % N);
        for (unsigned before = 0; before < i; before++)
            if (strcmp(globs[before], globs[i]) == 0)
                (void)snprintf(globs[i], sizeof(globs[i]), "other%u.example.com", i);
        len += (size_t)snprintf(conf + len, sizeof(conf) - len,
                                "[route \"%s\"]\nservice = s%u\nregion = r\n", globs[i], i);
    }
    for (unsigned name = 0; name < N + 3; name++) {
        char host[32];
        char request[128];
        char want[32] = "403 host-denied";
        (void)snprintf(host, sizeof(host), "N%u.example.com", name);
        for (unsigned i = N; i-- > 0;)
            if (glob_matches(span_of(globs[i]), span_of(host)))
                (void)snprintf(want, sizeof(want), " s%u/r ", i);
        (void)snprintf(request, sizeof(request), "GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n",
                       host);
        struct planned p;
        planned_make(&p, conf, request);
        if (!strstr(p.line, want))
            fail_msg("%s: wanted \"%s\" in %s", host, want, p.line);
        planned_clear(&p);
    }
}

static void plan_star_route_takes_every_host_and_port(void **state)
{
    (void)state;
    static const char conf[] = "unsigned_hosts = mirror.example.com\n"
                               "[route \"*\"]\nupstream = http://127.0.0.1:18080\n"
                               "service = execute-api\nregion = us-east-1\n";
    static const struct plan_row rows[] = {
        {"GET http://127.0.0.1:18080/x HTTP/1.1\r\nHost: 127.0.0.1:18080",
         "127.0.0.1:18080 Host 127.0.0.1:18080 /x execute-api/us-east-1 hash none"},
        {"GET /x HTTP/1.1\r\nHost: localhost:8080",
         "127.0.0.1:18080 Host localhost:8080 /x execute-api/us-east-1 hash none"},
        {"GET http://[::1]:7/x HTTP/1.1\r\nHost: x",
         "127.0.0.1:18080 Host [::1]:7 /x execute-api/us-east-1 hash none"},
        {"GET http://anything.example/ HTTP/1.1\r\nHost: x",
         "127.0.0.1:18080 Host anything.example / execute-api/us-east-1 hash none"},
        {"GET http://mirror.example.com/ HTTP/1.1\r\nHost: x",
         "mirror.example.com:80 Host mirror.example.com / unsigned none"},
        {"GET http://169.254.170.2/x HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://0.0.0.0:1/x HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"CONNECT example.com:443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
    };
    PLAN_CHECK(conf, rows);
}

static void plan_forwards_unsigned_hosts_as_they_are(void **state)
{
    (void)state;
    static const char conf[] = "unsigned_hosts = mirror.example.com, *.deb.test:8000, "
                               "lb.us-east-1.elb.amazonaws.com, sts.amazonaws.com\n";
    static const struct plan_row rows[] = {
        {"GET http://mirror.example.com/a%41//..?b&&c HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
         "x",
         "mirror.example.com:80 Host mirror.example.com /a%41//..?b&&c unsigned none"},
        {"GET http://a.deb.test:8000/ HTTP/1.1\r\nHost: x",
         "a.deb.test:8000 Host a.deb.test:8000 / unsigned none"},
        {"GET http://a.deb.test/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET https://mirror.example.com/ HTTP/1.1\r\nHost: x",
         "tls mirror.example.com:443 Host mirror.example.com / unsigned none"},
        {"POST http://mirror.example.com/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked",
         "mirror.example.com:80 Host mirror.example.com / unsigned stream"},
        {"GET http://lb.us-east-1.elb.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "lb.us-east-1.elb.amazonaws.com:80 Host lb.us-east-1.elb.amazonaws.com / unsigned none"},
        {"GET http://sts.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "sts.amazonaws.com:80 Host sts.amazonaws.com / unsigned none"},
    };
    static const struct plan_row star[] = {
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
        {"GET http://any.example/ HTTP/1.1\r\nHost: x",
         "any.example:80 Host any.example / unsigned none"},
        {"GET http://127.0.0.1:8081/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://localhost:8081/ HTTP/1.1\r\nHost: x", "403 address-denied"},
    };
    PLAN_CHECK(conf, rows);
    PLAN_CHECK("unsigned_hosts = *\n", star);
}

static void plan_with_host_sends_all_to_it(void **state)
{
    (void)state;
    static const char conf[] = "host = x-abc.eu-west-1.es.amazonaws.com\n"
                               "allow_hosts = search, *.alias.test\n";
    static const struct plan_row rows[] = {
        {"GET /_cat HTTP/1.1\r\nHost: localhost:8080",
         "tls x-abc.eu-west-1.es.amazonaws.com:443 Host x-abc.eu-west-1.es.amazonaws.com /_cat "
         "es/eu-west-1 hash none"},
        {"GET /_cat HTTP/1.0",
         "tls x-abc.eu-west-1.es.amazonaws.com:443 Host x-abc.eu-west-1.es.amazonaws.com /_cat "
         "es/eu-west-1 hash none"},
        {"GET / HTTP/1.1\r\nHost: search:9200",
         "tls x-abc.eu-west-1.es.amazonaws.com:443 Host x-abc.eu-west-1.es.amazonaws.com / "
         "es/eu-west-1 hash none"},
        {"GET / HTTP/1.1\r\nHost: a.alias.test",
         "tls x-abc.eu-west-1.es.amazonaws.com:443 Host x-abc.eu-west-1.es.amazonaws.com / "
         "es/eu-west-1 hash none"},
        {"GET / HTTP/1.1\r\nHost: rebind.example", "403 host-denied"},
    };
    static const char vpce[] = "host = vpce-0a.sqs.us-east-1.vpce.amazonaws.com\n";
    static const struct plan_row behind[] = {
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls vpce-0a.sqs.us-east-1.vpce.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / "
         "sqs/us-east-1 hash none"},
    };
    static const char local[] = "host = localhost:4566\nupstream_url_scheme = http\n"
                                "name = s3\nregion = us-east-2\nsign_host = s3.amazonaws.com\n";
    static const struct plan_row plain[] = {
        {"GET /b/k HTTP/1.1\r\nHost: 127.0.0.1:8080",
         "localhost:4566 Host s3.amazonaws.com /b/k s3/us-east-2 hash+ none"},
        {"GET /b/k HTTP/1.1\r\nHost: s3.amazonaws.com",
         "localhost:4566 Host s3.amazonaws.com /b/k s3/us-east-2 hash+ none"},
    };
    PLAN_CHECK(conf, rows);
    PLAN_CHECK(vpce, behind);
    PLAN_CHECK(local, plain);
}

static void plan_asks_in_order_for_service_and_region(void **state)
{
    (void)state;
#define DUMMY                                                                                      \
    "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AK/20261124/ap-south-1/sns/aws4_request"
    static const struct plan_row client[] = {
        {"GET http://b.s3-accelerate.amazonaws.com/ HTTP/1.1\r\nHost: x" DUMMY,
         "tls b.s3-accelerate.amazonaws.com:443 Host b.s3-accelerate.amazonaws.com / "
         "s3/ap-south-1 hash+ none"},
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x" DUMMY,
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
        {"GET http://open.example/ HTTP/1.1\r\nHost: x" DUMMY,
         "tls open.example:443 Host open.example / sns/ap-south-1 hash none"},
        {"GET http://open.example/ HTTP/1.1\r\nHost: x", "403 service-unknown"},
        {"GET http://open.example/ HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 "
         "Credential=AK/20261124/ap south/s3/aws4_request",
         "403 service-unknown"},
        // Never a reason to let a host in.
        {"GET http://x.example/ HTTP/1.1\r\nHost: x" DUMMY, "403 host-denied"},
    };
    PLAN_CHECK("[route \"open.example\"]\nsign = header\n", client);

#define AS(service)                                                                                \
    " HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 "                                     \
    "Credential=AK/20261124/ap-south-1/" service "/aws4_request, SignedHeaders=host, Signature=0"
    // A new name in a known family: the signature chooses among what it may mean, and no more.
    static const struct plan_row settled[] = {
        {"GET http://sqs-new.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x", "403 service-unknown"},
        {"GET http://sqs-new.us-east-1.amazonaws.com/" AS("sqs"),
         "tls sqs-new.us-east-1.amazonaws.com:443 Host sqs-new.us-east-1.amazonaws.com / "
         "sqs/us-east-1 hash none"},
        {"GET http://sqs-new.us-east-1.amazonaws.com/" AS("sqs-new"),
         "tls sqs-new.us-east-1.amazonaws.com:443 Host sqs-new.us-east-1.amazonaws.com / "
         "sqs-new/us-east-1 hash none"},
        {"GET http://sqs-new.us-east-1.amazonaws.com/" AS("s3"), "403 service-unknown"},
        {"GET http://x.sqs-new.us-east-1.amazonaws.com/" AS("sqs"), "403 service-unknown"},
        {"GET http://sqs-new.us-east-1.on.aws/" AS("sqs"), "403 service-unknown"},
        {"GET http://sqs-new.us-east-1.example.com/" AS("sqs"), "403 host-denied"},
        {"GET http://lb-1.us-east-1.elb.amazonaws.com/" AS("elb"), "403 never-signed"},
        {"CONNECT sqs-new.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x", "403 service-unknown"},
    };
    PLAN_CHECK("", settled);
    static const struct plan_row inside[] = {
        {"CONNECT sqs-new.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x",
         "sqs-new.us-east-1.amazonaws.com:443 intercept"},
        {"CONNECT x.sqs-new.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x",
         "403 service-unknown"},
        {"CONNECT sqs-new.us-east-1.example.com:443 HTTP/1.1\r\nHost: x", "403 host-denied"},
    };
    PLAN_CHECK("connect = intercept\n", inside);
#undef AS

    static const struct plan_row both[] = {
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / es/eu-west-3 "
         "hash none"},
        {"GET http://r.example/ HTTP/1.1\r\nHost: x",
         "tls r.example:443 Host r.example / aoss/eu-west-3 hash+ none"},
    };
    PLAN_CHECK("name = es\nregion = eu-west-3\n[route \"r.example\"]\nservice = aoss\n", both);

    static const struct plan_row region_alone[] = {
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
        {"GET http://b.s3-accelerate.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls b.s3-accelerate.amazonaws.com:443 Host b.s3-accelerate.amazonaws.com / "
         "s3/eu-west-3 hash+ none"},
        {"GET http://sqs-new.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x", "403 service-unknown"},
    };
    PLAN_CHECK("region = eu-west-3\n", region_alone);

    static const struct plan_row name_alone[] = {
        {"GET http://sqs-new.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs-new.us-east-1.amazonaws.com:443 Host sqs-new.us-east-1.amazonaws.com / "
         "sqs-new/eu-north-1 hash none"},
        {"GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "
         "hash none"},
    };
    PLAN_CHECK("name = sqs-new\n", name_alone);
}

static void plan_tells_services_of_one_host_apart_by_path(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://maps.geo.us-east-1.amazonaws.com/v2/styles HTTP/1.1\r\nHost: x",
         "tls maps.geo.us-east-1.amazonaws.com:443 Host maps.geo.us-east-1.amazonaws.com "
         "/v2/styles geo-maps/us-east-1 hash none"},
        {"GET http://maps.geo.us-east-1.amazonaws.com/maps/v0/maps/m HTTP/1.1\r\nHost: x",
         "tls maps.geo.us-east-1.amazonaws.com:443 Host maps.geo.us-east-1.amazonaws.com "
         "/maps/v0/maps/m geo/us-east-1 hash none"},
        {"GET http://a1.iot.us-east-1.amazonaws.com/mqtt HTTP/1.1\r\nHost: x",
         "tls a1.iot.us-east-1.amazonaws.com:443 Host a1.iot.us-east-1.amazonaws.com /mqtt "
         "iotdevicegateway/us-east-1 hash none"},
    };
    PLAN_CHECK("", rows);
}

#define MRAP "abc.mrap.accesspoint.s3-global.amazonaws.com"
#define SQS  "sqs.us-east-1.amazonaws.com"
static void plan_takes_sigv4a_where_a_host_or_a_region_set_wants_it(void **state)
{
    (void)state;
    static const struct plan_row by_host[] = {
        {"GET http://" MRAP "/k HTTP/1.1\r\nHost: x",
         "tls " MRAP ":443 Host " MRAP " /k 4A s3/* hash+ none"},
        {"PUT http://" MRAP "/k HTTP/1.1\r\nHost: x\r\nContent-Length: 3",
         "tls " MRAP ":443 Host " MRAP " /k 4A s3/* unsigned+ stream"},
        {"POST http://a.endpoint.events.amazonaws.com/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3",
         "tls a.endpoint.events.amazonaws.com:443 Host a.endpoint.events.amazonaws.com / "
         "4A events/* hash hashed"},
        {"GET http://123456789012.cloudfront-kvs.global.api.aws/ HTTP/1.1\r\nHost: x",
         "tls 123456789012.cloudfront-kvs.global.api.aws:443 Host "
         "123456789012.cloudfront-kvs.global.api.aws / 4A cloudfront-keyvaluestore/* hash none"},
        {"GET http://" SQS "/ HTTP/1.1\r\nHost: x",
         "tls " SQS ":443 Host " SQS " / sqs/us-east-1 hash none"},
    };
    PLAN_CHECK("", by_host);

    static const struct plan_row all[] = {
        {"GET http://" SQS "/ HTTP/1.1\r\nHost: x",
         "tls " SQS ":443 Host " SQS " / 4A sqs/us-east-1 hash none"},
        {"GET http://a.test/ HTTP/1.1\r\nHost: x",
         "tls a.test:443 Host a.test / 4A vpc-lattice-svcs/eu-north-1 unsigned+ none"},
    };
    PLAN_CHECK("algorithm = sigv4a\n[route \"a.test\"]\nservice = vpc-lattice-svcs\n", all);

    static const struct plan_row by_route[] = {
        {"GET http://a.test/ HTTP/1.1\r\nHost: x", "tls a.test:443 Host a.test / 4A x/* hash none"},
        {"GET http://b.test/ HTTP/1.1\r\nHost: x",
         "tls b.test:443 Host b.test / 4A x/eu-west-1,us-west-2 hash none"},
        // Whoever asks for SigV4 gets it, with the region that is found without the host's "*".
        {"GET http://" MRAP "/k HTTP/1.1\r\nHost: x",
         "tls " MRAP ":443 Host " MRAP " /k s3/eu-north-1 hash+ none"},
    };
    PLAN_CHECK("[route \"a.test\"]\nservice = x\nregion = *\n[route \"b.test\"]\nservice = x\n"
               "region = eu-west-1, us-west-2\n[route \"*.s3-global.*\"]\nalgorithm = sigv4\n",
               by_route);

    static const struct plan_row by_client[] = {
        {"GET http://a.test/ HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-ECDSA-P256-SHA256 "
         "Credential=AK/20261124/sns/aws4_request, SignedHeaders=host, Signature=00",
         "tls a.test:443 Host a.test / sns/eu-north-1 hash none"},
    };
    PLAN_CHECK("[route \"a.test\"]\nsign = header\n", by_client);
}

static void plan_passes_presigned_urls_untouched(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://my.b.s3.eu-west-1.amazonaws.com/a+b?x=1&X-Amz-Signature=ab HTTP/1.1\r\nHost: "
         "x",
         "tls my.b.s3.eu-west-1.amazonaws.com:443 Host my.b.s3.eu-west-1.amazonaws.com "
         "/a+b?x=1&X-Amz-Signature=ab unsigned none"},
        {"PUT http://b.s3.amazonaws.com/k?x-amz-algorithm=A HTTP/1.1\r\nHost: x\r\n"
         "Content-Length: 3",
         "tls b.s3.amazonaws.com:443 Host b.s3.amazonaws.com /k?x-amz-algorithm=A unsigned stream"},
        {"GET http://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Expires=1&Signature=s HTTP/1.1\r\nHost: "
         "x",
         "tls b.s3.amazonaws.com:443 Host b.s3.amazonaws.com "
         "/k?AWSAccessKeyId=A&Expires=1&Signature=s unsigned none"},
        {"GET http://abc.mrap.accesspoint.s3-global.amazonaws.com/k?X-Amz-Signature=1 HTTP/1.1\r\n"
         "Host: x",
         "tls abc.mrap.accesspoint.s3-global.amazonaws.com:443 Host "
         "abc.mrap.accesspoint.s3-global.amazonaws.com /k?X-Amz-Signature=1 unsigned none"},
        {"GET http://b.s3.amazonaws.com/k?Signature=s HTTP/1.1\r\nHost: x",
         "tls b.s3.amazonaws.com:443 Host b.s3.amazonaws.com /k?Signature=s s3/us-east-1 hash+ "
         "none"},
        {"GET http://x.example/k?X-Amz-Signature=1 HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"POST http://b.s3.amazonaws.com/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
         "Content-Type: multipart/form-data; boundary=q",
         "tls b.s3.amazonaws.com:443 Host b.s3.amazonaws.com / unsigned stream"},
    };
    PLAN_CHECK("", rows);

    // A client that says no Host means who answers.
    static const struct plan_row by_host[] = {
        {"GET /k?X-Amz-Signature=1 HTTP/1.0",
         "tls x.eu-west-1.es.amazonaws.com:443 Host x.eu-west-1.es.amazonaws.com "
         "/k?X-Amz-Signature=1 unsigned none"},
    };
    PLAN_CHECK("[proxy]\nhost = x.eu-west-1.es.amazonaws.com\n", by_host);
}

static void plan_tunnels_to_allowed_hosts_on_443(void **state)
{
    (void)state;
    static const char conf[] = "unsigned_hosts = mirror.example.com:*, mirror.example.com\n"
                               "[route \"far.example\"]\nupstream = https://10.0.0.7:8443\n"
                               "[route \"plain.example\"]\nupstream = http://10.0.0.7\n"
                               "[route \"shut.example\"]\nconnect = deny\n";
    static const struct plan_row rows[] = {
        {"CONNECT sqs.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x",
         "sqs.us-east-1.amazonaws.com:443 tunnel"},
        {"CONNECT mirror.example.com:443 HTTP/1.1\r\nHost: x", "mirror.example.com:443 tunnel"},
        {"CONNECT far.example:443 HTTP/1.1\r\nHost: x", "10.0.0.7:8443 tunnel"},
        {"CONNECT plain.example:443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT shut.example:443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT sqs.us-east-1.amazonaws.com:80 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT mirror.example.com:25 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT x.example:443 HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"CONNECT 169.254.169.254:443 HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"CONNECT lb.us-east-1.elb.amazonaws.com:443 HTTP/1.1\r\nHost: x", "403 never-signed"},
    };
    static const struct plan_row denied[] = {
        {"CONNECT sqs.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
    };
    static const struct plan_row alias[] = {
        {"CONNECT localhost:443 HTTP/1.1\r\nHost: x", "403 host-denied"},
    };
    static const char ports[] = "[route \"db.example:8443\"]\nservice = es\n"
                                "[route \"*.example:*\"]\nservice = es\n";
    static const struct plan_row by_port[] = {
        {"CONNECT db.example:8443 HTTP/1.1\r\nHost: x", "db.example:8443 tunnel"},
        {"CONNECT db.example:8444 HTTP/1.1\r\nHost: x", "403 policy-denied"},
    };
    PLAN_CHECK(conf, rows);
    PLAN_CHECK(ports, by_port);
    PLAN_CHECK("connect = deny\n", denied);
    PLAN_CHECK("host = sqs.us-east-1.amazonaws.com\n", alias);
}

static void plan_intercepts_what_it_may_sign(void **state)
{
    (void)state;
    static const char conf[] =
        "connect = intercept\nunsigned_hosts = mirror.example.com\n"
        "[route \"plain.example\"]\nservice = s3\nupstream = http://10.0.0.7\n"
        "[route \"raw.example\"]\nsign = none\n"
        "[route \"db.example:8443\"]\nservice = es\n"
        "[route \"sqs.*\"]\nconnect = tunnel\n"
        "[route \"sns.*\"]\nconnect = deny\n";
    static const struct plan_row rows[] = {
        {"CONNECT b.s3.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x",
         "b.s3.us-east-1.amazonaws.com:443 intercept"},
        {"CONNECT b.s3.us-east-1.amazonaws.com:80 HTTP/1.0",
         "b.s3.us-east-1.amazonaws.com:80 intercept"},
        {"CONNECT plain.example:80 HTTP/1.1\r\nHost: x", "plain.example:80 intercept"},
        {"CONNECT plain.example:443 HTTP/1.1\r\nHost: x", "plain.example:443 intercept"},
        {"CONNECT db.example:8443 HTTP/1.1\r\nHost: x", "db.example:8443 intercept"},
        {"CONNECT b.s3.us-east-1.amazonaws.com:8443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT sqs.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x",
         "sqs.us-east-1.amazonaws.com:443 tunnel"},
        {"CONNECT sqs.us-east-1.amazonaws.com:80 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT sns.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x", "403 policy-denied"},
        {"CONNECT mirror.example.com:443 HTTP/1.1\r\nHost: x", "mirror.example.com:443 tunnel"},
        {"CONNECT raw.example:443 HTTP/1.1\r\nHost: x", "raw.example:443 tunnel"},
        {"CONNECT lb.us-east-1.elb.amazonaws.com:443 HTTP/1.1\r\nHost: x", "403 never-signed"},
        {"CONNECT x.example:443 HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x", "403 address-denied"},
    };
    PLAN_CHECK(conf, rows);
}

static void plan_takes_deadlines_and_profile_from_the_route(void **state)
{
    (void)state;
    struct planned p;
    static const char conf[] =
        "[timeouts]\nconnect_timeout = 2s\n[route \"a.example\"]\nservice = es\n"
        "profile = legacy\nfirst_byte_timeout = 7s\n";
    planned_make(&p, conf, "GET http://a.example/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(p.plan.creds_key, "profile=legacy");
    assert_int_equal(p.plan.connect_timeout, 2000);
    assert_int_equal(p.plan.first_byte_timeout, 7000);
    assert_int_equal(p.plan.idle_timeout, 60000);
    planned_clear(&p);

    planned_make(&p, "", "GET http://lambda.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(p.plan.creds_key, "");
    assert_int_equal(p.plan.first_byte_timeout, 900000);
    planned_clear(&p);

    planned_make(&p, "[timeouts]\nfirst_byte_timeout = 5s\n",
                 "GET http://lambda.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(p.plan.first_byte_timeout, 5000);
    planned_clear(&p);
}

#define ROLE "arn:aws:iam::123456789012:role/"
static void an_identity_says_as_whom_whatever_the_route_does(void **state)
{
    (void)state;
    static const char conf[] =
        "[credentials]\nrole_arn = " ROLE "all\n"
        "[identity \"a\"]\nclient = token:a\nrole_arn = " ROLE "a\n"
        "[identity \"b\"]\nclient = token:b*\nprofile = b\n"
        "[identity \"c\"]\nclient = token:bc, token:c\nprofile = c\nrole_arn = " ROLE "c\n"
        "[route \"r.example\"]\nservice = es\nregion = us-east-1\nprofile = r\n";
    static const struct {
        const char *token, *key, *identity;
    } rows[] = {
        {"a", "role=" ROLE "a", "a"},
        {"b1", "only-profile=b", "b"},
        {"bc", "only-profile=b", "b"}, // the first
        {"c", "role=" ROLE "c only-profile=c", "c"},
        {"d", NULL, NULL},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_client who = {.token = rows[i].token};
        for (unsigned routed = 0; routed < 2; routed++) {
            struct planned p;
            const char *other = routed ? "role=" ROLE "all profile=r" : "role=" ROLE "all";
            planned_make_for(&p, conf,
                             routed ? "GET http://r.example/ HTTP/1.1\r\nHost: x\r\n\r\n"
                                    : "GET http://b.s3.us-east-1.amazonaws.com/ HTTP/1.1\r\n"
                                      "Host: x\r\n\r\n",
                             &who);
            assert_string_equal(p.plan.creds_key, rows[i].key ? rows[i].key : other);
            assert_string_equal(p.plan.identity ? p.plan.identity : "-",
                                rows[i].identity ? rows[i].identity : "-");
            planned_clear(&p);
        }
    }
}

static void plan_allows_special_addresses_only_where_a_rule_says_so(void **state)
{
    (void)state;
    struct planned p;
    planned_make(&p, "", "GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_false(p.plan.loopback_ok);
    assert_false(p.plan.link_local_ok);
    planned_clear(&p);
    planned_make(&p, "",
                 "GET http://s-0.7d67968.vpc-lattice-svcs.us-west-2.on.aws/ HTTP/1.1\r\nHost: x"
                 "\r\n\r\n");
    assert_true(p.plan.link_local_ok);
    assert_false(p.plan.loopback_ok);
    planned_clear(&p);
    planned_make(&p, "[route \"a.example\"]\nservice = s3\nupstream = http://localhost:9000\n",
                 "GET http://a.example/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(p.plan.loopback_ok);
    planned_clear(&p);
}

static void plan_keeps_the_raw_target_for_pass_through(void **state)
{
    (void)state;
    struct planned p;
    planned_make(&p, "unsigned_hosts = m.example\n",
                 "GET http://m.example?a=%zz&&+ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_span(p.plan.raw_target, "/?a=%zz&&+");
    planned_clear(&p);
    planned_make(&p, "unsigned_hosts = m.example\n",
                 "GET //a/../b? HTTP/1.1\r\nHost: m.example\r\n\r\n");
    assert_span(p.plan.raw_target, "//a/../b?");
    planned_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_upgrades_aws_hosts_to_tls),
        cmocka_unit_test(plan_takes_origin_form_for_aws_hosts),
        cmocka_unit_test(plan_takes_http_on_443_for_https),
        cmocka_unit_test(plan_lets_the_target_win_over_host),
        cmocka_unit_test(plan_sends_dotted_buckets_in_path_style),
        cmocka_unit_test(plan_follows_the_first_route_that_matches),
        cmocka_unit_test(plan_finds_a_route_among_many),
        cmocka_unit_test(plan_star_route_takes_every_host_and_port),
        cmocka_unit_test(plan_forwards_unsigned_hosts_as_they_are),
        cmocka_unit_test(plan_with_host_sends_all_to_it),
        cmocka_unit_test(plan_asks_in_order_for_service_and_region),
        cmocka_unit_test(plan_tells_services_of_one_host_apart_by_path),
        cmocka_unit_test(plan_takes_sigv4a_where_a_host_or_a_region_set_wants_it),
        cmocka_unit_test(plan_passes_presigned_urls_untouched),
        cmocka_unit_test(plan_tunnels_to_allowed_hosts_on_443),
        cmocka_unit_test(plan_intercepts_what_it_may_sign),
        cmocka_unit_test(plan_takes_deadlines_and_profile_from_the_route),
        cmocka_unit_test(an_identity_says_as_whom_whatever_the_route_does),
        cmocka_unit_test(plan_allows_special_addresses_only_where_a_rule_says_so),
        cmocka_unit_test(plan_keeps_the_raw_target_for_pass_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
