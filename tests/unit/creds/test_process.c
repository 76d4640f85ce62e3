// SPDX-License-Identifier: Apache-2.0
// credential_process. Ids are those of the behaviour table.
#include "mock_json.h"
#include "mock_sts.h"

#include "creds/json_answer_int.h"
#include "creds/process_answer_int.h"

#define TOOL    "[default]\ncredential_process = sh DIR/tool\n"
#define ANSWER  "{\"Version\":1,\"AccessKeyId\":\"AK-P\",\"SecretAccessKey\":\"S-AK-P\"}"
#define SAY(x)  "echo '" x "'\n"
#define OF_TOOL "credential_process of profile default: "

static const struct setup setup = {.config = TOOL};
static const struct extras spawner = {.has_spawner = true};

static struct fixture *tool_saying(const struct setup *s, const char *script)
{
    struct fixture *fx = fixture_with(s, &spawner, serve_nothing, NULL);
    fixture_put(fx, "tool", script);
    return fx;
}

// The error of the chain with that script.
static void assert_fails(const char *script, const char *why)
{
    struct fixture *fx = tool_saying(&setup, script);
    const struct fact *f = resolve(fx, "");
    assert_int_not_equal(f->status, ST_OK);
    assert_int_not_equal(f->status, ST_DECLINED);
    if (!strstr(f->err.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, f->err.text);
    fixture_free(fx);
}

// ---- the answer

static void P01_all_that_it_prints_is_taken(void **state)
{
    (void)state;
    struct creds *c = NULL;
    struct err e;
    digest_setup();
    json_answer_setup();
    assert_int_equal(process_answer_creds(
                         SPAN(" {\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\","
                              "\"SessionToken\":\"T\",\"Expiration\":\"2030-01-02T03:04:05Z\","
                              "\"AccountId\":\"222233334444\",\"More\":[]}\n"),
                         "here", &c, &e),
                     ST_OK);
    assert_string_equal(c->access_key, "AK");
    assert_string_equal(c->secret_key, "S");
    assert_string_equal(c->session_token, "T");
    assert_string_equal(c->account_id, "222233334444");
    assert_int_equal(c->expires_at_ms, INT64_C(1893553445000));
    assert_string_equal(c->provider, "credential_process");
    assert_string_equal(c->source, "here");
    creds_free(c);
}

static const struct {
    const char *text, *why;
} wrong[] = {
    {"", "not JSON"},
    {"AKIA", "not JSON"},
    {"[1]", "not a JSON object"},
    {ANSWER ANSWER, "not JSON"},
    {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\"}", "Version is missing"},
    // P04
    {"{\"Version\":\"1\",\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\"}",
     "Version is not the number 1"},
    {"{\"Version\":2,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\"}",
     "Version is not the number 1"},
    {"{\"Version\":true,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\"}",
     "Version is not the number 1"},
    // P12
    {"{\"Version\":1,\"accessKeyId\":\"AK\",\"secretAccessKey\":\"S\"}", "AccessKeyId is missing"},
    {"{\"Version\":1,\"AccessKeyId\":\"AK\"}", "SecretAccessKey is missing"},
    {"{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\",\"SessionToken\":5}",
     "SessionToken is no string"},
    {"{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
     "Expiration is not a time"},
    {"{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\",\"Expiration\":1893553445}",
     "Expiration is not a time"},
    {"{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\\n\\nX\"}", "line break"},
};

static void answers_that_are_none_are_refused(void **state)
{
    (void)state;
    struct creds *c = NULL;
    struct err e;
    json_answer_setup();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(process_answer_creds(span_of(wrong[i].text), "here", &c, &e), ST_INVALID);
        if (!strstr(e.text, wrong[i].why))
            fail_msg("\"%s\" is not in \"%s\"", wrong[i].why, e.text);
    }
}

// ---- the command

static void P01_what_the_command_prints_serves(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, SAY(ANSWER) "echo chatter >&2\n");
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_string_equal(c->access_key, "AK-P");
    assert_null(c->session_token);
    assert_string_equal(c->source, "credential_process of profile default");
    fixture_free(fx);
}

static void P02_undated_credentials_are_asked_for_again_after_a_quarter_of_an_hour(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, SAY(ANSWER));
    const struct fact *f = resolve(fx, "");
    assert_int_equal(creds_of(f)->expires_at_ms, INT64_MAX);
    int64_t in_ms = f->refresh_at_ms - loop_now_ms(fx->loop);
    assert_in_range(in_ms, POLL_UNDATED_MS - 5000, POLL_UNDATED_MS);
    assert_int_equal(f->expires_at_ms, INT64_MAX);
    fixture_free(fx);
}

static void on_tell(void *arg, const char *provider, enum status st, const char *text)
{
    (void)st;
    buf_addf(arg, "%s: %s\n", provider, text);
}

static void P05_standard_error_is_told_beside_the_error(void **state)
{
    (void)state;
    struct buf told;
    struct extras x = {.has_spawner = true, .tell = on_tell, .tell_arg = &told};
    buf_init(&told);
    struct fixture *fx = fixture_with(&setup, &x, serve_nothing, NULL);
    fixture_put(fx, "tool",
                SAY(ANSWER) "echo 'not logged in' >&2\n"
                            "echo 'SecretAccessKey: hidden-1' >&2\nexit 1\n");
    const struct fact *f = resolve(fx, "");
    assert_non_null(strstr(f->err.text, OF_TOOL "it ended with exit code 1"));
    assert_null(strstr(f->err.text, "not logged in"));
    assert_non_null(strstr(buf_cstr(&told), "it wrote: not logged in SecretAccessKey: ****\n"));
    fixture_free(fx);
    buf_clear(&told);
}

static void P07_nothing_is_expanded(void **state)
{
    (void)state;
    struct setup s = setup;
    s.config = "[default]\ncredential_process = sh DIR/tool $HOME ~ a;b \"c d\" *\n";
    struct fixture *fx =
        tool_saying(&s, "[ \"$*|$#\" = '$HOME ~ a;b c d *|5' ] || exit 9\n" SAY(ANSWER));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-P");
    fixture_free(fx);
}

static void P08_expired_credentials_are_refused(void **state)
{
    (void)state;
    assert_fails(SAY("{\"Version\":1,\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\","
                     "\"Expiration\":\"2020-01-01T00:00:00Z\"}"),
                 "have expired, at 2020-01-01T00:00:00");
}

static void P09_keys_of_the_profile_win(void **state)
{
    (void)state;
    struct setup s = setup;
    s.config = TOOL PAIR("AK-FILE");
    struct fixture *fx = tool_saying(&s, SAY(ANSWER));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    fixture_free(fx);
}

static void failures_say_what_happened(void **state)
{
    (void)state;
    assert_fails("exit 1\n", OF_TOOL "it ended with exit code 1");
    assert_fails("kill -9 $$\n", OF_TOOL "it was ended by signal 9");
    assert_fails("exec yes\n", OF_TOOL "it wrote more than 64 KiB on standard output");
    assert_fails("true\n", OF_TOOL "the answer is not JSON");
    assert_fails(SAY("secret"), OF_TOOL "the answer is not JSON (line 1, column");
}

static void command_that_is_not_there_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } lines[] = {{"no-such-tool --key secret", "no-such-tool can't be run: No such file"},
                 {"DIR", "can't be run: Permission denied"},
                 {"tool 'open", "a quotation is not closed"}};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char config[200];
        struct setup s = setup;
        (void)snprintf(config, sizeof(config), "[default]\ncredential_process = %s\n",
                       lines[i].line);
        s.config = config;
        struct fixture *fx = fixture_with(&s, &spawner, serve_nothing, NULL);
        const struct fact *f = resolve(fx, "");
        assert_int_equal(f->status, ST_INVALID);
        assert_non_null(strstr(f->err.text, lines[i].why));
        assert_null(strstr(f->err.text, "secret"));
        fixture_free(fx);
    }
}

static void without_a_spawner_it_says_so(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(&setup);
    assert_non_null(strstr(resolve(fx, "")->err.text, "there is no process that runs commands"));
    fixture_free(fx);
}

static void one_that_hangs_is_stopped_at_its_deadline(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, SAY(ANSWER) "exec sleep 300\n");
    fx->chain->kit.process_ms = 200;
    assert_non_null(strstr(resolve(fx, "")->err.text, "it did not end within 0 s"));
    fixture_free(fx);
}

static void one_that_leaves_a_process_with_the_output_open_serves(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, "sleep 300 &\n" SAY(ANSWER));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-P");
    fixture_free(fx);
}

static void what_is_meant_for_the_proxy_is_not_in_its_environment(void **state)
{
    (void)state;
    struct setup s = {.env = {"PATH=/usr/bin:/bin", "AWS_REGION=eu-west-1", "HOME=/of/the/user",
                              "SIGV4_PROXY_LISTEN=x", "LISTEN_FDS=1", "LISTEN_PID=1",
                              "NOTIFY_SOCKET=/x", "WATCHDOG_USEC=1"},
                      .config = TOOL};
    struct fixture *fx = tool_saying(&s, "env | grep -v -e ^_= -e ^PWD= > DIR/env\n" SAY(ANSWER));
    (void)creds_of(resolve(fx, ""));
    struct buf b;
    struct file_id id;
    struct err e;
    buf_init(&b);
    assert_int_equal(file_read(folder_at(&fx->folder, "env"), &b, &id, &e), ST_OK);
    const char *text = buf_cstr(&b);
    assert_non_null(strstr(text, "AWS_REGION=eu-west-1\n"));
    assert_non_null(strstr(text, "HOME=/of/the/user\n"));
    assert_non_null(strstr(text, "AWS_CONFIG_FILE="));
    assert_null(strstr(text, "SIGV4_PROXY_"));
    assert_null(strstr(text, "LISTEN_"));
    assert_null(strstr(text, "NOTIFY_SOCKET"));
    assert_null(strstr(text, "WATCHDOG"));
    buf_clear(&b);
    fixture_free(fx);
}

// What it passes on; static.
static const char *chain_seen(const struct fixture *fx)
{
    static char text[200];
    FILE *f = fopen(folder_at(&fx->folder, "chain"), "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_int_equal(fclose(f), 0);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void profile_that_waits_for_itself_is_refused(void **state)
{
    (void)state;
    struct fixture *fx =
        tool_saying(&setup, "echo $_CREDENTIAL_PROCESS_CHAIN > DIR/chain\n" SAY(ANSWER));
    (void)creds_of(resolve(fx, ""));
    const char *chain = chain_seen(fx);
    assert_int_equal(strncmp(chain, "default@", 8), 0);
    free(fx->envp[2]); // that of no metadata service, which no walk comes to here
    fx->envp[2] = xmalloc(300);
    (void)snprintf(fx->envp[2], 300, "_CREDENTIAL_PROCESS_CHAIN=a@1 %s", chain);
    log_set_level((enum log_level) - 1);
    const struct fact *f = resolve(fx, "profile=default");
    assert_int_equal(f->status, ST_INVALID);
    assert_non_null(strstr(f->err.text, OF_TOOL "it leads back to this profile"));
    fixture_free(fx);
}

static void commands_that_wait_for_each_other_are_bounded(void **state)
{
    (void)state;
    struct setup s = {.env = {"_CREDENTIAL_PROCESS_CHAIN=a@1 b@1 c@1 d@1 e@1 f@1 g@1 default@1"},
                      .config = TOOL};
    struct fixture *fx = tool_saying(&s, SAY(ANSWER));
    assert_non_null(strstr(resolve(fx, "")->err.text, "more than 8 commands wait for each other"));
    fixture_free(fx);
    s.env[0] = "_CREDENTIAL_PROCESS_CHAIN=default@1";
    fx = tool_saying(&s, "echo $_CREDENTIAL_PROCESS_CHAIN > DIR/chain\n" SAY(ANSWER));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-P"); // of another file
    assert_int_equal(strncmp(chain_seen(fx), "default@1 default@", 18), 0);
    fixture_free(fx);
}

static void failed_refresh_leaves_what_serves(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, SAY(ANSWER));
    (void)creds_of(resolve(fx, ""));
    fixture_put(fx, "tool", "exit 1\n");
    log_set_level((enum log_level) - 1);
    facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
    run_for(fx, 200);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-P");
    fixture_free(fx);
}

static void new_credentials_of_a_refresh_serve(void **state)
{
    (void)state;
    struct fixture *fx = tool_saying(&setup, SAY(ANSWER));
    (void)creds_of(resolve(fx, ""));
    fixture_put(fx, "tool",
                SAY("{\"Version\":1,\"AccessKeyId\":\"AK-2\",\"SecretAccessKey\":\"S-AK-2\"}"));
    facts_invalidate(fx->facts, FACTS_CREDENTIALS, NULL);
    resolve_until(fx, "AK-2");
    fixture_free(fx);
}

static void A17_it_may_be_the_source_of_a_role(void **state)
{
    (void)state;
    struct setup s = {.env = {"AWS_ENDPOINT_URL_STS=http://127.0.0.1:PORT", "AWS_REGION=us-east-1",
                              "AWS_PROFILE=a"},
                      .config = "[profile a]\nrole_arn = arn:aws:iam::222233334444:role/r\n"
                                "source_profile = b\n"
                                "[profile b]\ncredential_process = sh DIR/tool\n"};
    struct fixture *fx = fixture_with(&s, &spawner, serve_sts, NULL);
    fixture_put(fx, "tool", SAY(ANSWER));
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AS-r-via-AK-P");
    fixture_free(fx);
}

static void waiting_for_it_can_be_given_up_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct fixture *fx = tool_saying(&setup, "exec sleep 300\n");
        fx->is_chain_first = i & 1;
        fact_release(facts_view_peek(fx->view, FACTS_CREDENTIALS, ""));
        run_for(fx, i * 5);
        fixture_free(fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P01_all_that_it_prints_is_taken),
        cmocka_unit_test(answers_that_are_none_are_refused),
        cmocka_unit_test(P01_what_the_command_prints_serves),
        cmocka_unit_test(P02_undated_credentials_are_asked_for_again_after_a_quarter_of_an_hour),
        cmocka_unit_test(P05_standard_error_is_told_beside_the_error),
        cmocka_unit_test(P07_nothing_is_expanded),
        cmocka_unit_test(P08_expired_credentials_are_refused),
        cmocka_unit_test(P09_keys_of_the_profile_win),
        cmocka_unit_test(failures_say_what_happened),
        cmocka_unit_test(command_that_is_not_there_is_named),
        cmocka_unit_test(without_a_spawner_it_says_so),
        cmocka_unit_test(one_that_hangs_is_stopped_at_its_deadline),
        cmocka_unit_test(one_that_leaves_a_process_with_the_output_open_serves),
        cmocka_unit_test(what_is_meant_for_the_proxy_is_not_in_its_environment),
        cmocka_unit_test(profile_that_waits_for_itself_is_refused),
        cmocka_unit_test(commands_that_wait_for_each_other_are_bounded),
        cmocka_unit_test(failed_refresh_leaves_what_serves),
        cmocka_unit_test(new_credentials_of_a_refresh_serve),
        cmocka_unit_test(A17_it_may_be_the_source_of_a_role),
        cmocka_unit_test(waiting_for_it_can_be_given_up_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
