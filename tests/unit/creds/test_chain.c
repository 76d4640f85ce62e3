// SPDX-License-Identifier: Apache-2.0
// The chain on a real loop, through facts, as a worker sees it. The ids in the comments are those
// of the behaviour table that the chain is held to.
#include "chain_fixture.h"

static const struct {
    const char *id;
    struct setup setup;
    const char *access_key, *token; // the secret is "S-" + access_key
} found[] = {
    {"E01", {{ENV_PAIR}, FILE_PAIR, NULL, NULL}, "AK-ENV", NULL},
    {"E03", {{"AWS_SECRET_ACCESS_KEY=x"}, FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"E04",
     {{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=x"}, FILE_PAIR, NULL, NULL},
     "AK-FILE",
     NULL},
    {"E05",
     {{ENV_PAIR, "AWS_SECURITY_TOKEN=T2", "AWS_SESSION_TOKEN=T1"}, NULL, NULL, NULL},
     "AK-ENV",
     "T1"},
    {"legacy token alone", {{ENV_PAIR, "AWS_SECURITY_TOKEN=T2"}, NULL, NULL, NULL}, "AK-ENV", "T2"},
    {"E06", {{ENV_PAIR, "AWS_PROFILE=p"}, "[p]\n" PAIR("AK-P"), NULL, NULL}, "AK-ENV", NULL},
    {"E07", {{ENV_PAIR}, "[p]\n" PAIR("AK-P"), NULL, "p"}, "AK-P", NULL},
    {"E10",
     {{"AWS_PROFILE=a", "AWS_DEFAULT_PROFILE=b"},
      "[a]\n" PAIR("AK-A") "[b]\n" PAIR("AK-B"),
      NULL,
      NULL},
     "AK-A",
     NULL},
    {"default variable",
     {{"AWS_DEFAULT_PROFILE=b"}, "[a]\n" PAIR("AK-A") "[b]\n" PAIR("AK-B"), NULL, NULL},
     "AK-B",
     NULL},
    {"option over variable",
     {{"AWS_PROFILE=a"}, "[a]\n" PAIR("AK-A") "[b]\n" PAIR("AK-B"), NULL, "b"},
     "AK-B",
     NULL},
    {"E15", {{"AWS_PROFILE="}, FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"E17",
     {{"AWS_ACCESS_KEY_ID=AK-ENV", "AWS_SECRET_ACCESS_KEY=S-AK-ENV\n"}, NULL, NULL, NULL},
     "AK-ENV",
     NULL},
    {"E18", {{"AWS_ACCESS_KEY=x", "AWS_SECRET_KEY=y"}, FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"future expiry",
     {{ENV_PAIR, "AWS_CREDENTIAL_EXPIRATION=2999-01-01T00:00:00Z"}, NULL, NULL, NULL},
     "AK-ENV",
     NULL},
    {"F01", {{NULL}, FILE_PAIR, "[default]\n" PAIR("AK-CONF"), NULL}, "AK-FILE", NULL},
    {"config alone", {{NULL}, NULL, "[default]\n" PAIR("AK-CONF"), NULL}, "AK-CONF", NULL},
    {"F05",
     {{NULL}, NULL, "[default]\n" PAIR("AK-1") "[profile default]\n" PAIR("AK-2"), NULL},
     "AK-2",
     NULL},
    {"F06",
     {{NULL}, NULL, "[profile default]\n" PAIR("AK-2") "[default]\n" PAIR("AK-1"), NULL},
     "AK-2",
     NULL},
    {"F10", {{NULL}, FILE_PAIR "[default]\n" PAIR("AK-2"), NULL, NULL}, "AK-2", NULL},
    {"F11", {{NULL}, FILE_PAIR PAIR("AK-2"), NULL, NULL}, "AK-2", NULL},
    {"F12",
     {{NULL}, "[default]\nAWS_ACCESS_KEY_ID = AK\nAws_Secret_Access_Key = S-AK\n", NULL, NULL},
     "AK",
     NULL},
    {"F13",
     {{NULL},
      "[default]\naws_access_key_id = SK#X # note\naws_secret_access_key = S-SK#X ;c\n",
      NULL,
      NULL},
     "SK#X",
     NULL},
    {"F15", {{NULL}, "\xef\xbb\xbf" FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"F16",
     {{NULL},
      "[default]\r\naws_access_key_id = AK\r\naws_secret_access_key = S-AK\r\n",
      NULL,
      NULL},
     "AK",
     NULL},
    {"F17", {{NULL}, "[ default ]\n" PAIR("AK"), NULL, NULL}, "AK", NULL},
    {"F18",
     {{NULL}, "[default]\naws_access_key_id: AK\naws_secret_access_key: S-AK\n", NULL, NULL},
     "AK",
     NULL},
    {"F19", {{NULL}, "[default]\njunk\n" PAIR("AK"), NULL, NULL}, "AK", NULL},
    {"F20", {{NULL}, "k = v\n" FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"F28",
     {{NULL}, "[default]\n  aws_access_key_id = AK\n  aws_secret_access_key = S-AK\n", NULL, NULL},
     "AK",
     NULL},
    {"F31", {{NULL}, FILE_PAIR "region = \xff\n", NULL, NULL}, "AK-FILE", NULL},
    {"F39",
     {{NULL},
      "[default]\naws_access_key_id = \"AK\"\naws_secret_access_key = 'S-AK'\n"
      "aws_session_token = \"T\"\n",
      NULL,
      NULL},
     "AK",
     "T"},
    {"F40", {{ENV_PAIR}, "[default\njunk\n", "= =\n[", NULL}, "AK-ENV", NULL},
    {"F41", {{NULL}, FILE_PAIR, "[default]\naws_session_token = TCONF\n", NULL}, "AK-FILE", NULL},
    {"F43", {{"AWS_SESSION_TOKEN=T"}, FILE_PAIR, NULL, NULL}, "AK-FILE", NULL},
    {"F35",
     {{NULL}, FILE_PAIR "aws_security_token = T2\naws_session_token = T1\n", NULL, NULL},
     "AK-FILE",
     "T1"},
    {"legacy file token",
     {{NULL}, FILE_PAIR "aws_security_token = T2\n", NULL, NULL},
     "AK-FILE",
     "T2"},
    {"S07 static over SSO",
     {{NULL}, FILE_PAIR, "[default]\nsso_session = s\nsso_account_id = 1\n", NULL},
     "AK-FILE",
     NULL},
    {"L04 static over login",
     {{NULL}, FILE_PAIR, "[default]\nlogin_session = arn:aws:iam::1:user/u\n", NULL},
     "AK-FILE",
     NULL},
    {"P09 static over process",
     {{NULL}, NULL, "[default]\ncredential_process = /bin/false\n" PAIR("AK"), NULL},
     "AK",
     NULL},
    {"C17",
     {{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/"}, FILE_PAIR, NULL, NULL},
     "AK-FILE",
     NULL},
};

static void rows_that_find_credentials(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        struct fixture *fx = fixture_new(&found[i].setup);
        const struct fact *f = resolve(fx, "");
        if (f->status != ST_OK)
            fail_msg("%s: %s", found[i].id, f->err.text);
        const struct creds *c = f->value;
        if (strcmp(c->access_key, found[i].access_key) != 0)
            fail_msg("%s: got %s", found[i].id, c->access_key);
        assert_memory_equal(c->secret_key, "S-", 2);
        assert_string_equal(c->secret_key + 2, found[i].access_key);
        if (found[i].token)
            assert_string_equal(c->session_token, found[i].token);
        else
            assert_null(c->session_token);
        fixture_free(fx);
    }
}

static const struct {
    const char *id;
    struct setup setup;
    enum status status; // ST_DECLINED: nothing is configured
    const char *why;
} refused[] = {
    {"E02",
     {{"AWS_ACCESS_KEY_ID=AK"}, FILE_PAIR, NULL, NULL},
     ST_INVALID,
     "environment: AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"},
    {"E08",
     {{ENV_PAIR, "AWS_CREDENTIAL_EXPIRATION=2001-01-01T00:00:00Z"}, FILE_PAIR, NULL, NULL},
     ST_INVALID,
     "have expired, at 2001-01-01T00:00:00.000Z"},
    {"expiry unreadable",
     {{ENV_PAIR, "AWS_CREDENTIAL_EXPIRATION=tomorrow"}, NULL, NULL, NULL},
     ST_INVALID,
     "AWS_CREDENTIAL_EXPIRATION is not a time"},
    {"E11",
     {{"AWS_PROFILE=nope"}, FILE_PAIR, NULL, NULL},
     ST_INVALID,
     "AWS_PROFILE: profile nope: neither in "},
    {"E12",
     {{ENV_PAIR, "AWS_PROFILE=nope"}, FILE_PAIR, NULL, NULL},
     ST_INVALID,
     "AWS_PROFILE: profile nope: neither in "},
    {"E13", {{ENV_PAIR}, FILE_PAIR, NULL, "nope"}, ST_INVALID, "profile nope: neither in "},
    {"E14", {{NULL}, NULL, NULL, NULL}, ST_DECLINED, "environment: AWS_ACCESS_KEY_ID is not set; "},
    {"E14, all that was tried",
     {{NULL}, NULL, NULL, NULL},
     ST_DECLINED,
     "credentials (no such file) nor in "},
    {"F03",
     {{"AWS_PROFILE=p"}, NULL, "[p]\n" PAIR("AK"), NULL},
     ST_INVALID,
     "it must be written [profile p]"},
    {"F04",
     {{"AWS_PROFILE=p"}, "[profile p]\n" PAIR("AK"), NULL, NULL},
     ST_INVALID,
     "it must be written [p]"},
    {"F07",
     {{NULL}, "[default]\naws_access_key_id = AK\n", NULL, NULL},
     ST_INVALID,
     "aws_secret_access_key is missing"},
    {"F08",
     {{NULL},
      "[default]\naws_access_key_id = AK\n",
      "[default]\naws_secret_access_key = S\n",
      NULL},
     ST_INVALID,
     "aws_secret_access_key is missing"},
    {"F09",
     {{NULL}, "[default]\naws_secret_access_key = S\n", "[default]\n" PAIR("AK"), NULL},
     ST_INVALID,
     "aws_access_key_id is missing"},
    {"F21 implicit", {{NULL}, "[default\n" PAIR("AK"), NULL, NULL}, ST_DECLINED, "shared files: "},
    {"F21 named",
     {{"AWS_PROFILE=default"}, "[default\n" PAIR("AK"), NULL, NULL},
     ST_INVALID,
     "AWS_PROFILE: profile default"},
    {"F27",
     {{NULL}, FILE_PAIR "  MORE\n", NULL, NULL},
     ST_INVALID,
     "secret access key has a line break in it"},
    {"F32", {{NULL}, "[DEFAULT]\n" PAIR("AK"), NULL, NULL}, ST_DECLINED, "shared files: "},
    {"F34",
     {{NULL}, "[default]\naws_access_key_id =\naws_secret_access_key =\n", NULL, NULL},
     ST_DECLINED,
     "profile default has no credentials"},
    {"F37", {{"AWS_PROFILE=P"}, "[p]\n" PAIR("AK"), NULL, NULL}, ST_INVALID, "profile P: neither"},
    {"R01 only", {{"AWS_REGION=eu-west-1"}, NULL, NULL, NULL}, ST_DECLINED, "shared files: "},
    {"C18",
     {{NULL}, NULL, "[profile p]\nregion = eu-west-1\n", "p"},
     ST_DECLINED,
     "profile p has no credentials"},
    {"A07",
     {{NULL}, NULL, "[default]\nrole_arn = arn:aws:iam::1:role/r\n", NULL},
     ST_INVALID,
     "profile default: role_arn wants a source_profile"},
    {"role in config, keys in credentials",
     {{NULL}, FILE_PAIR, "[default]\nrole_arn = arn:aws:iam::1:role/r\n", NULL},
     ST_INVALID,
     "profile default: role_arn wants a source_profile"},
    {"sso",
     {{NULL}, NULL, "[default]\nsso_session = s\n", NULL},
     ST_INVALID,
     "SSO of profile default: there is no section [sso-session s] in "},
    {"process",
     {{NULL}, NULL, "[default]\ncredential_process = x\n", NULL},
     ST_INVALID,
     "credential_process of profile default: x can't be run: "},
    {"container, broken",
     {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=x"}, NULL, NULL, NULL},
     ST_INVALID,
     "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /"},
    {"secret with a blank",
     {{"AWS_ACCESS_KEY_ID=AK", "AWS_SECRET_ACCESS_KEY=S-A K"}, FILE_PAIR, NULL, NULL},
     ST_INVALID,
     "secret access key has a character"},
};

static void rows_that_say_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct fixture *fx = fixture_new(&refused[i].setup);
        const struct fact *f = resolve(fx, "");
        if (f->status != refused[i].status)
            fail_msg("%s: status %d: %s", refused[i].id, (int)f->status, f->err.text);
        if (!strstr(f->err.text, refused[i].why))
            fail_msg("%s: %s", refused[i].id, f->err.text);
        assert_null(strstr(f->err.text, "S-A"));
        fixture_free(fx);
    }
}

static void source_names_the_file_and_the_profile(void **state)
{
    (void)state;
    struct fixture *fx =
        fixture_new(&(struct setup){.credentials = "[p]\n" PAIR("AK"), .option = "p"});
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_string_equal(c->provider, "credentials file [p]");
    assert_memory_equal(c->source, "credentials file /tmp/", 22);
    assert_true(c->expires_at_ms == INT64_MAX);
    assert_true(fx->fact->expires_at_ms == INT64_MAX);
    fixture_free(fx);
}

static void expiry_of_the_environment_bounds_the_use(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(
        &(struct setup){.env = {ENV_PAIR, "AWS_CREDENTIAL_EXPIRATION=2999-01-01T00:00:00+01:00"}});
    const struct creds *c = creds_of(resolve(fx, ""));
    assert_true(c->expires_at_ms == 32472140400000);
    assert_true(fx->fact->expires_at_ms < INT64_MAX);
    fixture_free(fx);
}

static void folder_in_place_of_a_file_is_left_out(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(&(struct setup){.credentials = FILE_PAIR}); // F29
    assert_int_equal(mkdir(folder_at(&fx->folder, "config"), 0700), 0);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    fixture_free(fx);
}

static void route_profile_is_a_key_of_its_own(void **state)
{
    (void)state;
    struct fixture *fx =
        fixture_new(&(struct setup){.env = {ENV_PAIR}, .credentials = "[p]\n" PAIR("AK-P")});
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-ENV");
    assert_string_equal(creds_of(resolve(fx, "profile=p"))->access_key, "AK-P");
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-ENV");
    fixture_free(fx);
}

static void rotated_keys_get_a_new_generation_and_unchanged_ones_keep_theirs(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(&(struct setup){.credentials = FILE_PAIR});
    (void)resolve(fx, "");
    uint64_t first = fx->fact->generation;
    folder_put(&fx->folder, "credentials", "# touched\n" FILE_PAIR);
    poll_files(fx);
    assert_int_equal(resolve(fx, "")->generation, first);
    folder_put(&fx->folder, "credentials", "[default]\n" PAIR("AK-NEW"));
    poll_files(fx);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-NEW");
    assert_true(fx->fact->generation > first);
    fixture_free(fx);
}

static void files_that_appear_end_a_remembered_failure(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(&(struct setup){.option = NULL});
    assert_int_equal(resolve(fx, "")->status, ST_DECLINED);
    folder_put(&fx->folder, "config", "[default]\n" PAIR("AK"));
    assert_int_equal(resolve(fx, "")->status, ST_DECLINED); // not looked at yet
    poll_files(fx);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK");
    fixture_free(fx);
}

static void keys_at_hand_outlive_a_broken_file(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(&(struct setup){.credentials = FILE_PAIR});
    uint64_t first = resolve(fx, "")->generation;
    folder_put(&fx->folder, "credentials", "[default]\naws_access_key_id = AK-HALF\n");
    poll_files(fx);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    assert_int_equal(fx->fact->generation, first);
    assert_non_null(strstr(fx->fact->err.text, "aws_secret_access_key is missing"));
    fixture_free(fx);
}

static void file_in_the_act_of_being_written_lets_nobody_step_in(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(
        &(struct setup){.credentials = "", .env = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=x"}});
    const struct fact *f = resolve(fx, "");
    assert_int_equal(f->status, ST_AGAIN);
    assert_non_null(strstr(f->err.text, "being written"));
    folder_put(&fx->folder, "credentials", FILE_PAIR);
    poll_files(fx);
    assert_string_equal(creds_of(resolve(fx, ""))->access_key, "AK-FILE");
    fixture_free(fx);
}

static void walk_that_is_cut_short_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int n = 0; n < 16; n++) {
        struct fixture *fx = fixture_new(&(struct setup){.credentials = FILE_PAIR});
        fx->is_chain_first = n % 2;
        facts_warm(fx->facts, FACTS_CREDENTIALS, "");
        for (int i = 0; i < n / 2; i++) {
            loop_post(fx->loop, stop_loop, fx->loop);
            loop_run(fx->loop);
        }
        fixture_free(fx);
    }
    // Between begin and the first provider's answer.
    struct fixture *fx = fixture_new(&(struct setup){.env = {ENV_PAIR}});
    struct creds_query q = {.loop = fx->loop,
                            .envp = fx->envp,
                            .choice = profile_choose(fx->envp, NULL),
                            .profiles = NULL};
    provider_cancel(provider_env.start(&q, NULL, NULL));
    fixture_free(fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_find_credentials),
        cmocka_unit_test(rows_that_say_what_is_wrong),
        cmocka_unit_test(source_names_the_file_and_the_profile),
        cmocka_unit_test(expiry_of_the_environment_bounds_the_use),
        cmocka_unit_test(folder_in_place_of_a_file_is_left_out),
        cmocka_unit_test(route_profile_is_a_key_of_its_own),
        cmocka_unit_test(rotated_keys_get_a_new_generation_and_unchanged_ones_keep_theirs),
        cmocka_unit_test(files_that_appear_end_a_remembered_failure),
        cmocka_unit_test(keys_at_hand_outlive_a_broken_file),
        cmocka_unit_test(file_in_the_act_of_being_written_lets_nobody_step_in),
        cmocka_unit_test(walk_that_is_cut_short_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
