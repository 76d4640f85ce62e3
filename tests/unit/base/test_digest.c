// SPDX-License-Identifier: Apache-2.0
// Known answers from FIPS 180-4 and RFC 4231.
#include "unit/test.h"

#include "base/digest.h"

static void hash_is(struct span in, const char *want)
{
    char hex[DIGEST_HEX + 1];
    digest_sha256_hex(in, hex);
    assert_string_equal(hex, want);
}

static void sha256_gives_the_known_answers(void **state)
{
    (void)state;
    hash_is(SPAN(""), DIGEST_EMPTY_HEX);
    hash_is((struct span){NULL, 0}, DIGEST_EMPTY_HEX);
    hash_is(SPAN("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void running_hash_is_that_of_the_whole_however_it_is_cut(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 63, 64, 65, 1000, 999999};
    struct digest *d = digest_new();
    char *a = malloc(1000000);
    assert_non_null(a);
    memset(a, 'a', 1000000);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        uint8_t out[DIGEST_LEN];
        char hex[DIGEST_HEX + 1] = "";
        for (size_t at = 0; at < 1000000; at += pieces[i])
            digest_add(d, a + at, pieces[i] < 1000000 - at ? pieces[i] : 1000000 - at);
        digest_final(d, out); // and starts anew
        hex_encode(out, sizeof(out), hex);
        assert_string_equal(hex,
                            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    free(a);
    digest_free(d);
    digest_free(NULL);
}

static void one_shot_between_pieces_does_not_disturb_a_running_hash(void **state)
{
    (void)state;
    uint8_t out[DIGEST_LEN];
    char hex[DIGEST_HEX + 1] = "";
    struct digest *d = digest_new();
    digest_add(d, "ab", 2);
    hash_is(SPAN(""), DIGEST_EMPTY_HEX);
    digest_add(d, "c", 1);
    digest_final(d, out);
    hex_encode(out, sizeof(out), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_free(d);
}

static void hmac_is(struct span key, struct span in, const char *want)
{
    uint8_t out[DIGEST_LEN];
    char hex[DIGEST_HEX + 1] = "";
    digest_hmac(key.p, key.len, in, out);
    hex_encode(out, sizeof(out), hex);
    assert_string_equal(hex, want);
    struct digest_key *k = digest_key_new(key.p, key.len);
    for (int i = 0; i < 2; i++) { // a key serves many times
        memset(out, 0, sizeof(out));
        digest_key_hmac(k, in, out);
        hex_encode(out, sizeof(out), hex);
        assert_string_equal(hex, want);
    }
    digest_key_free(k);
}

static void hmac_gives_the_known_answers_for_keys_of_any_length(void **state)
{
    (void)state;
    char key[131];
    char data[50];
    memset(key, 0x0b, sizeof(key));
    hmac_is(span_from(key, 20), SPAN("Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_is(SPAN("Jefe"), SPAN("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(data, 0xdd, sizeof(data));
    hmac_is(span_from(key, 20), span_from(data, sizeof(data)),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    hmac_is(span_from(key, 131), SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_is(span_from(key, 64), SPAN(""), // exactly one block is not hashed
            "db2cf93f633fcdfd9bb7f3b99763a63725cb8e38b4fa60a87d0e94b71d8b5970");
    hmac_is(SPAN(""), SPAN(""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hex_is_lower_case_and_read_in_both(void **state)
{
    (void)state;
    static const uint8_t in[] = {0x00, 0x0f, 0xf0, 0xab, 0xff};
    char out[11] = "";
    hex_encode(in, sizeof(in), out);
    assert_string_equal(out, "000ff0abff");
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdef";
        const char *hit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        assert_int_equal(hex_value((char)c), hit ? hit - digits : -1);
    }
}

static int setup(void **state)
{
    (void)state;
    digest_setup();
    digest_setup();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    digest_thread_end();
    digest_thread_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_known_answers),
        cmocka_unit_test(running_hash_is_that_of_the_whole_however_it_is_cut),
        cmocka_unit_test(one_shot_between_pieces_does_not_disturb_a_running_hash),
        cmocka_unit_test(hmac_gives_the_known_answers_for_keys_of_any_length),
        cmocka_unit_test(hex_is_lower_case_and_read_in_both),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
