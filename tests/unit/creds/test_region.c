// SPDX-License-Identifier: Apache-2.0
#include "folder.h"

#include "creds/creds.h"
#include "log/log.h"

static const struct {
    const char *env[3];
    const char *profile, *config, *credentials;
    const char *want, *from;
} rows[] = {
    {{"AWS_REGION=eu-west-1"}, NULL, NULL, NULL, "eu-west-1", "AWS_REGION"}, // R01
    {{"AWS_DEFAULT_REGION=us-west-2", "AWS_REGION=eu-west-1"},
     NULL,
     NULL,
     NULL,
     "eu-west-1",
     "AWS_REGION"}, // R03
    {{"AWS_DEFAULT_REGION=us-west-2", "AWS_REGION="},
     NULL,
     NULL,
     NULL,
     "us-west-2",
     "AWS_DEFAULT_REGION"},
    {{NULL}, NULL, "[default]\nregion = eu-west-3\n", NULL, "eu-west-3", "profile default in "},
    {{"AWS_PROFILE=p"},
     NULL,
     "[default]\nregion=eu-west-3\n[profile p]\noutput=json\n",
     NULL,
     "us-east-1",
     "nothing names one"}, // R04
    {{"AWS_PROFILE=p"},
     NULL,
     "[profile p]\nregion=eu-west-3\n",
     "[p]\nregion=eu-west-2\n",
     "eu-west-2",
     "profile p in "}, // R05, F44
    {{"AWS_PROFILE=p"},
     "q",
     "[profile p]\nregion=a-1\n[profile q]\nregion=b-1\n",
     NULL,
     "b-1",
     "profile q in "},
    {{"AWS_PROFILE="},
     NULL,
     "[default]\nregion = eu-west-3\n",
     NULL,
     "eu-west-3",
     "profile default"}, // E15
    {{NULL},
     NULL,
     "[default]\ns3 =\n  region = x\nregion = eu-west-3\n",
     NULL,
     "eu-west-3",
     "profile"}, // F25
    {{NULL},
     NULL,
     "[default]\nregion = eu-w\xff-1\n",
     NULL,
     "us-east-1",
     "nothing names one"}, // F31
    {{"AWS_REGION=Frankfurt", "AWS_DEFAULT_REGION=-x"},
     NULL,
     NULL,
     NULL,
     "us-east-1",
     "nothing names one"},
    {{"AWS_REGION=eu.west/1"},
     NULL,
     "[default]\nregion = eu-west-3\n",
     NULL,
     "eu-west-3",
     "profile"},
    {{"AWS_REGION=fips-us-gov-west-1"}, NULL, NULL, NULL, "us-gov-west-1", "AWS_REGION"},
    {{"AWS_REGION=us-east-2-fips"}, NULL, NULL, NULL, "us-east-2", "AWS_REGION"},
    {{"AWS_REGION=aws-global"}, NULL, NULL, NULL, "us-east-1", "AWS_REGION"},
    {{NULL}, NULL, NULL, NULL, "us-east-1", "nothing names one"},
    {{NULL}, "nope", "[default]\nregion = eu-west-3\n", NULL, "us-east-1", "nothing names one"},
};

static void region_comes_from_the_first_place_that_names_a_good_one(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct folder d = folder_new();
        char config[160];
        char credentials[160];
        (void)snprintf(config, sizeof(config), "AWS_CONFIG_FILE=%s", folder_at(&d, "config"));
        (void)snprintf(credentials, sizeof(credentials), "AWS_SHARED_CREDENTIALS_FILE=%s",
                       folder_at(&d, "credentials"));
        char *const envp[] = {config, credentials, (char *)rows[i].env[0], (char *)rows[i].env[1],
                              NULL};
        if (rows[i].config)
            folder_put(&d, "config", rows[i].config);
        if (rows[i].credentials)
            folder_put(&d, "credentials", rows[i].credentials);
        struct creds_env env = {.envp = envp, .profile = rows[i].profile};
        char *region = NULL;
        char *source = NULL;
        creds_region(&env, &region, &source);
        if (strcmp(region, rows[i].want) != 0)
            fail_msg("row %zu: got \"%s\", want \"%s\"", i, region, rows[i].want);
        assert_memory_equal(source, rows[i].from, strlen(rows[i].from));
        free(region);
        free(source);
        folder_free(&d);
    }
}

static void settings_come_from_the_selected_profile(void **state)
{
    (void)state;
    struct folder d = folder_new();
    char config[160];
    char none[] = "AWS_SHARED_CREDENTIALS_FILE=/nowhere";
    (void)snprintf(config, sizeof(config), "AWS_CONFIG_FILE=%s", folder_at(&d, "config"));
    folder_put(&d, "config", "[default]\nmax_attempts = 9\n[profile p]\nretry_mode = adaptive\n");
    char *const envp[] = {config, none, NULL};
    struct creds_setting v[] = {{.key = "max_attempts"}, {.key = "retry_mode"}};
    struct creds_env env = {.envp = envp};
    creds_profile_settings(&env, v, 2);
    assert_string_equal(v[0].value, "9");
    assert_non_null(strstr(v[0].where, "profile default in /tmp/"));
    assert_non_null(strstr(v[0].where, "/config: max_attempts"));
    assert_null(v[1].value);
    free(v[0].value);
    free(v[0].where);
    env.profile = "p";
    creds_profile_settings(&env, v, 2);
    assert_null(v[0].value);
    assert_string_equal(v[1].value, "adaptive");
    free(v[1].value);
    free(v[1].where);
    folder_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(region_comes_from_the_first_place_that_names_a_good_one),
        cmocka_unit_test(settings_come_from_the_selected_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
