// SPDX-License-Identifier: Apache-2.0
// The pure parts of STS: its form, its XML, its date; and where it is.
#include "unit/test.h"

#include "creds/sts_int.h"

static void values_are_escaped_as_rfc_3986_says(void **state)
{
    (void)state;
    struct buf b;
    struct sts_spec s = {.action = "A",
                         .params = {{"X", "a b+c/=\xc3\xa4~-_.\n"}, {"No", NULL}, {"Y", ""}}};
    buf_init(&b);
    sts_write_form(&b, &s);
    assert_span(buf_span(&b), "Action=A&Version=2011-06-15&X=a%20b%2Bc%2F%3D%C3%A4~-_.%0A&Y=");
    buf_clear(&b);
}

static void dates_of_answers_are_read(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(sts_parse_date(SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), &ms));
    assert_true(ms == 784111777000);
    static const char *const wrong[] = {
        "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nob 1994 08:49:37 GMT", "Sun, xx Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(sts_parse_date(span_of(wrong[i]), &ms));
}

#define CREDS(id) "<Credentials><AccessKeyId>" id "</AccessKeyId></Credentials>"

static const struct {
    const char *xml;
    enum status status;
    enum sts_field field;
    const char *value;
} documents[] = {
    {"<AResponse><AResult>" CREDS("K") "</AResult></AResponse>", ST_OK, STS_ACCESS_KEY, "K"},
    {"<?xml version=\"1.0\"?>\n<s:AResponse xmlns:s='u'><s:AResult><s:Credentials>"
     "<s:AccessKeyId>K</s:AccessKeyId></s:Credentials></s:AResult></s:AResponse>",
     ST_OK, STS_ACCESS_KEY, "K"},
    {"<AResponse><AResult>" CREDS("") CREDS("K2") "</AResult></AResponse>", ST_OK, STS_ACCESS_KEY,
     ""},
    {"<AResponse><AResult>" CREDS("K1") CREDS("K2") "</AResult></AResponse>", ST_OK, STS_ACCESS_KEY,
     "K1"},
    {"<AResponse>" CREDS("K") "<AResult/></AResponse>", ST_OK, STS_ACCESS_KEY, ""},
    {"<AResponse><AResult><Policy>" CREDS("K") "</Policy></AResult></AResponse>", ST_OK,
     STS_ACCESS_KEY, ""},
    {"<AResponse><AResult><Credentials><SessionToken>a&amp;b&lt;&#x2F;&quot;</SessionToken>"
     "</Credentials></AResult></AResponse>",
     ST_OK, STS_SESSION_TOKEN, "a&b</\""},
    {"<AResponse><AResult><Credentials><SecretAccessKey><![CDATA[x<y]]></SecretAccessKey>"
     "</Credentials></AResult></AResponse>",
     ST_OK, STS_SECRET_KEY, "x<y"},
    {"<GResponse><GResult><Arn>arn:x</Arn><UserId>U</UserId><Account>12</Account></GResult>"
     "</GResponse>",
     ST_OK, STS_ACCOUNT, "12"},
    {"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
     ST_OK, STS_CODE, "AccessDenied"},
    {"<Error><Code>AccessDenied</Code></Error>", ST_OK, STS_CODE, ""},
    {"<a><b><c><d><e><f><g><h><i><j>x</j></i></h></g></f></e></d></c></b></a>", ST_OK, STS_CODE,
     ""},
    {"", ST_INVALID, STS_CODE, NULL},
    {"{\"a\":1}", ST_INVALID, STS_CODE, NULL},
    {"<AResponse><AResult>", ST_INVALID, STS_CODE, NULL},
    {"<!DOCTYPE x [<!ENTITY a \"b\">]><AResponse/>", ST_INVALID, STS_CODE, NULL},
};

static void xml_is_read_by_its_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct sts_document d;
        struct err e;
        enum status st = sts_document_read(span_of(documents[i].xml), &d, &e);
        if (st != documents[i].status)
            fail_msg("%s: status %d", documents[i].xml, (int)st);
        if (st == ST_OK)
            assert_string_equal(sts_document_get(&d, documents[i].field), documents[i].value);
        sts_document_clear(&d);
    }
}

static void a_field_over_16_kib_is_refused(void **state)
{
    (void)state;
    struct buf b;
    struct sts_document d;
    struct err e;
    buf_init(&b);
    buf_add_str(&b, "<ErrorResponse><Error><Message>");
    for (int i = 0; i < 16385; i++)
        buf_add_char(&b, 'x');
    buf_add_str(&b, "</Message></Error></ErrorResponse>");
    assert_int_equal(sts_document_read(buf_span(&b), &d, &e), ST_INVALID);
    assert_non_null(strstr(e.text, "a field over 16 KiB"));
    sts_document_clear(&d);
    buf_clear(&b);
}

static const struct {
    const char *env[4];
    const char *config;
    const char *url, *region;
} endpoints[] = {
    {{"AWS_REGION=eu-west-1"}, "", "https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
    {{"AWS_DEFAULT_REGION=eu-west-3"}, "", "https://sts.eu-west-3.amazonaws.com", "eu-west-3"},
    {{"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-3"},
     "",
     "https://sts.eu-west-1.amazonaws.com",
     "eu-west-1"},
    {{NULL}, "region = sa-east-1\n", "https://sts.sa-east-1.amazonaws.com", "sa-east-1"},
    {{NULL}, "", "https://sts.amazonaws.com", "us-east-1"}, // A18
    {{"AWS_REGION=cn-north-1"}, "", "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {{"AWS_REGION=eusc-de-east-1"},
     "",
     "https://sts.eusc-de-east-1.amazonaws.eu",
     "eusc-de-east-1"},
    {{"AWS_REGION=us-gov-west-1", "AWS_USE_FIPS_ENDPOINT=true"},
     "",
     "https://sts.us-gov-west-1.amazonaws.com",
     "us-gov-west-1"},
    {{"AWS_REGION=us-gov-west-1", "AWS_USE_FIPS_ENDPOINT=true", "AWS_USE_DUALSTACK_ENDPOINT=true"},
     "",
     "https://sts-fips.us-gov-west-1.api.aws",
     "us-gov-west-1"},
    {{"AWS_REGION=us-east-2", "AWS_USE_FIPS_ENDPOINT=true", "AWS_STS_REGIONAL_ENDPOINTS=legacy"},
     "",
     "https://sts-fips.us-east-2.amazonaws.com",
     "us-east-2"},
    {{"AWS_REGION=fips-us-east-1"}, "", "https://sts-fips.us-east-1.amazonaws.com", "us-east-1"},
    {{"AWS_REGION=us-west-2-fips", "AWS_STS_REGIONAL_ENDPOINTS=legacy"},
     "",
     "https://sts-fips.us-west-2.amazonaws.com",
     "us-west-2"},
    {{"AWS_REGION=aws-global"}, "", "https://sts.us-east-1.amazonaws.com", "us-east-1"},
    {{"AWS_REGION=us-iso-east-1"}, "", "https://sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {{"AWS_REGION=us-west-2-lax-1"},
     "",
     "https://sts.us-west-2-lax-1.amazonaws.com",
     "us-west-2-lax-1"},
    {{NULL},
     "use_fips_endpoint = true\nregion = ca-central-1\n",
     "https://sts-fips.ca-central-1.amazonaws.com",
     "ca-central-1"},
    {{"AWS_REGION=us-east-2", "AWS_USE_DUALSTACK_ENDPOINT=TRUE"},
     "",
     "https://sts.us-east-2.api.aws",
     "us-east-2"},
    {{"AWS_REGION=eu-west-1"},
     "sts_regional_endpoints = legacy\n",
     "https://sts.amazonaws.com",
     "us-east-1"},
    {{"AWS_REGION=eu-south-1", "AWS_STS_REGIONAL_ENDPOINTS=legacy"},
     "",
     "https://sts.eu-south-1.amazonaws.com",
     "eu-south-1"},
    {{"AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL_STS=http://a", "AWS_ENDPOINT_URL=http://b"},
     "endpoint_url = http://c\n",
     "http://a",
     "eu-west-1"},
    {{"AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=http://b"},
     "endpoint_url = http://c\n",
     "http://b",
     "eu-west-1"},
    {{"AWS_REGION=eu-west-1"},
     "services = s\nendpoint_url = http://c\n[services s]\nsts =\n  endpoint_url = http://d\n",
     "http://d",
     "eu-west-1"},
    {{"AWS_REGION=eu-west-1"},
     "services = s\nendpoint_url = http://c\n[services s]\ns3 =\n  endpoint_url = http://d\n",
     "http://c",
     "eu-west-1"},
    {{"AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=http://b",
      "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"},
     "endpoint_url = http://c\n",
     "https://sts.eu-west-1.amazonaws.com",
     "eu-west-1"},
};

static void sts_is_where_the_settings_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        char config[512];
        char *envp[5] = {0};
        struct profiles p = {0};
        struct arena a;
        struct endpoint e;
        arena_init(&a);
        for (int k = 0; k < 4; k++)
            envp[k] = (char *)endpoints[i].env[k];
        (void)snprintf(config, sizeof(config), "[default]\n%s", endpoints[i].config);
        p.files[FILE_CONFIG] = profile_file_parse(span_of(config), FILE_CONFIG);
        p.files[FILE_CREDENTIALS] = profile_file_parse(SPAN(""), FILE_CREDENTIALS);
        struct creds_query q = {.envp = envp, .choice = {.name = "default"}, .profiles = &p};
        endpoint_of_sts(&q, &a, &e);
        assert_string_equal(e.url, endpoints[i].url);
        assert_string_equal(e.region, endpoints[i].region);
        profile_file_free(p.files[FILE_CONFIG]);
        profile_file_free(p.files[FILE_CREDENTIALS]);
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped_as_rfc_3986_says),
        cmocka_unit_test(dates_of_answers_are_read),
        cmocka_unit_test(xml_is_read_by_its_paths),
        cmocka_unit_test(a_field_over_16_kib_is_refused),
        cmocka_unit_test(sts_is_where_the_settings_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
