// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "creds/partition_int.h"

static void regions_belong_to_their_partitions(void **state)
{
    (void)state;
    static const struct {
        const char *region, *partition, *suffix;
    } rows[] = {
        {"us-east-1", "aws", "amazonaws.com"},
        {"ap-southeast-2", "aws", "amazonaws.com"},
        {"mx-central-1", "aws", "amazonaws.com"},
        {"cn-northwest-1", "aws-cn", "amazonaws.com.cn"},
        {"us-gov-west-1", "aws-us-gov", "amazonaws.com"},
        {"us-iso-east-1", "aws-iso", "c2s.ic.gov"},
        {"us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"},
        {"eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"},
        {"us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"},
        {"eusc-de-east-1", "aws-eusc", "amazonaws.eu"},
        {"moon-1", "aws", "amazonaws.com"},
        {"cn-north", "aws", "amazonaws.com"},
        {"cn--1", "aws", "amazonaws.com"},
        {"", "aws", "amazonaws.com"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct partition *p = partition_of(span_of(rows[i].region));
        assert_string_equal(p->name, rows[i].partition);
        assert_string_equal(p->suffix, rows[i].suffix);
    }
}

static void names_of_regions_are_cleaned_and_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *region; // NULL: none
    } rows[] = {
        {"eu-west-1", "eu-west-1"},
        {" eu-west-1\t", "eu-west-1"},
        {"fips-us-east-1", "us-east-1"},
        {"us-gov-west-1-fips", "us-gov-west-1"},
        {"aws-global", "us-east-1"},
        {"EU-WEST-1", NULL},
        {"eu.west.1", NULL},
        {"-eu-west-1", NULL},
        {"eu-west-1-", NULL},
        {"", NULL},
        {"a/../b", NULL},
        {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span region;
        assert_int_equal(region_read(span_of(rows[i].text), &region), rows[i].region != NULL);
        if (rows[i].region)
            assert_span(region, rows[i].region);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_belong_to_their_partitions),
        cmocka_unit_test(names_of_regions_are_cleaned_and_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
