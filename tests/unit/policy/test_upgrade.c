// SPDX-License-Identifier: Apache-2.0
// What may go on as a websocket, and streams of events that can't be served.
#include "unit/policy/plan_fixture.h"

#define API    "a1.execute-api.us-east-1.amazonaws.com"
#define TLS    "tls " API ":443 Host " API " /p execute-api/us-east-1 hash"
#define ROUTE  "[route \"*.amazonaws.com\"]\nupgrade = yes\n"
#define GET_P  "GET http://" API "/p HTTP/1.1\r\nHost: x\r\n"
#define POST_P "POST http://" API "/p HTTP/1.1\r\nHost: x\r\n"
#define ASKS   "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket"
#define EVENTS "Content-Type: application/vnd.amazon.eventstream"

static void upgrade_is_taken_where_a_route_says_so(void **state)
{
    (void)state;
    static const struct plan_row on[] = {
        {GET_P ASKS, TLS " none upgrades"},
        {GET_P "Connection: close\r\nConnection: upgrade\r\nUpgrade: websocket",
         TLS " none upgrades"},
        {GET_P ASKS "\r\nContent-Length: 0", TLS " none upgrades"},
        {GET_P "Upgrade: websocket", TLS " none"},
        {GET_P "Connection: close\r\nUpgrade: h2c", TLS " none"},
        {GET_P "Connection: upgrade", TLS " none"},
        {"GET http://" API "/p HTTP/1.0\r\nHost: x\r\n" ASKS, TLS " none"},
        {GET_P "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c", TLS " none"},
        {POST_P "Connection: upgrade\r\nUpgrade: H2C\r\nContent-Length: 3", TLS " hashed"},
        {GET_P "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket", "501 not-implemented"},
        {GET_P "Connection: upgrade\r\nUpgrade: TLS/1.0", "501 not-implemented"},
        {GET_P "Connection: upgrade\r\nUpgrade: websocket, h2c", "501 not-implemented"},
        {GET_P "Connection: upgrade\r\nUpgrade:", "501 not-implemented"},
        {GET_P ASKS "\r\nUpgrade: websocket", "501 not-implemented"},
        {POST_P ASKS, "400 bad-request"},
        {GET_P ASKS "\r\nContent-Length: 1", "400 bad-request"},
        {GET_P ASKS "\r\nTransfer-Encoding: chunked", "400 bad-request"},
        {"GET http://x.elb.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n" ASKS, "403 never-signed"},
    };
    static const struct plan_row off[] = {
        {GET_P ASKS, TLS " none"},
        {GET_P "Connection: upgrade\r\nUpgrade: h2c", TLS " none"},
        {POST_P ASKS "\r\nContent-Length: 3", TLS " hashed"},
    };
    PLAN_CHECK(ROUTE, on);
    PLAN_CHECK("", off);
    PLAN_CHECK("[route \"*.amazonaws.com\"]\nupgrade = no\n", off);
}

static void upgrade_is_signed_as_the_service_documents_it(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://x-ats.iot.us-east-1.amazonaws.com/mqtt HTTP/1.1\r\nHost: x\r\n" ASKS,
         "tls x-ats.iot.us-east-1.amazonaws.com:443 Host x-ats.iot.us-east-1.amazonaws.com /mqtt "
         "iotdevicegateway/us-east-1 hash query none upgrades"},
        {"GET http://x-ats.iot.us-east-1.amazonaws.com/mqtt HTTP/1.1\r\nHost: x",
         "tls x-ats.iot.us-east-1.amazonaws.com:443 Host x-ats.iot.us-east-1.amazonaws.com /mqtt "
         "iotdevicegateway/us-east-1 hash none"},
        {"GET http://c.x.us-east-1.neptune.amazonaws.com:8182/gremlin HTTP/1.1\r\nHost: x\r\n" ASKS,
         "tls c.x.us-east-1.neptune.amazonaws.com:8182 Host "
         "c.x.us-east-1.neptune.amazonaws.com:8182 /gremlin neptune-db/us-east-1 hash none "
         "upgrades"},
    };
    static const struct plan_row said[] = {
        {"GET http://x-ats.iot.us-east-1.amazonaws.com/mqtt HTTP/1.1\r\nHost: x\r\n" ASKS,
         "tls x-ats.iot.us-east-1.amazonaws.com:443 Host x-ats.iot.us-east-1.amazonaws.com /mqtt "
         "iotdevicegateway/us-east-1 hash none upgrades"},
    };
    static const struct plan_row none[] = {
        {GET_P ASKS, "tls " API ":443 Host " API " /p unsigned none upgrades"},
    };
    PLAN_CHECK("[route \"*.amazonaws.com*\"]\nupgrade = yes\n", rows);
    PLAN_CHECK(ROUTE "sign = header\n", said);
    PLAN_CHECK(ROUTE "sign = none\n", none);
}

static void streams_of_events_both_ways_are_refused(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"POST http://bedrock-runtime.us-east-1.amazonaws.com/model/m/"
         "invoke-with-bidirectional-stream HTTP/1.1\r\nHost: x\r\nContent-Length: 2",
         "501 not-implemented"},
        {"POST http://transcribestreaming.us-east-1.amazonaws.com/stream-transcription "
         "HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
         "501 not-implemented"},
        {POST_P EVENTS "\r\nTransfer-Encoding: chunked", "501 not-implemented"},
        {POST_P "Transfer-Encoding: chunked\r\nContent-Type: application/vnd.Amazon.eventstream; "
                "a=b",
         "501 not-implemented"},
        {POST_P "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-EVENTS", "501 not-implemented"},
        {POST_P EVENTS "\r\nContent-Length: 5", TLS " hashed"},
        {"PUT http://b.s3.us-east-1.amazonaws.com/k HTTP/1.1\r\nHost: x\r\nContent-Length: "
         "5\r\n" EVENTS,
         "tls b.s3.us-east-1.amazonaws.com:443 Host b.s3.us-east-1.amazonaws.com /k s3/us-east-1 "
         "unsigned+ stream"},
        {"POST http://bedrock-runtime.us-east-1.amazonaws.com/model/m/"
         "invoke-with-response-stream HTTP/1.1\r\nHost: x\r\nContent-Length: 2",
         "tls bedrock-runtime.us-east-1.amazonaws.com:443 Host "
         "bedrock-runtime.us-east-1.amazonaws.com /model/m/invoke-with-response-stream "
         "bedrock/us-east-1 hash hashed"},
    };
    PLAN_CHECK("", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_is_taken_where_a_route_says_so),
        cmocka_unit_test(upgrade_is_signed_as_the_service_documents_it),
        cmocka_unit_test(streams_of_events_both_ways_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
