// SPDX-License-Identifier: Apache-2.0
// RFC 7617 (Basic) and RFC 6750 (Bearer), as proxies take them (RFC 9110 11.7.2).
#include "policy/proxy_auth.h"

#include "base/base64.h"
#include "base/secret.h"

#define TEXT_MAX 1024 // of user and token together

// Returns false where it is not base64; padding may be missing.
static bool decode(struct span in, char out[TEXT_MAX], size_t *len)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    *len = 0;
    for (unsigned pads = 0; pads < 2 && span_ends(in, SPAN("=")); pads++)
        in.len--;
    for (size_t i = 0; i < in.len; i++) {
        int value = base64_value(in.p[i]);
        if (value < 0 || *len == TEXT_MAX)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffffu;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        out[(*len)++] = (char)(unsigned char)(bits >> n_bits & 0xffu);
    }
    return true;
}

static const char *find_basic(const struct token_set *tokens, struct span base64)
{
    char text[TEXT_MAX];
    size_t len = 0;
    const char *found = NULL;
    if (decode(base64, text, &len)) {
        struct span all = span_from(text, len);
        found = token_set_find(tokens, span_sub(all, span_find(all, ':') + 1, len));
    }
    secret_wipe(text, sizeof(text));
    return found;
}

const char *proxy_auth_find(const struct token_set *tokens, const struct hdrs *h)
{
    struct span value = hdrs_get(h, SPAN("proxy-authorization"));
    if (hdrs_count(h, SPAN("proxy-authorization")) != 1)
        return NULL;
    size_t blank = span_find(value, ' ');
    struct span scheme = span_sub(value, 0, blank);
    struct span rest = span_trim(span_sub(value, blank, value.len));
    if (span_iis(scheme, "bearer"))
        return token_set_find(tokens, rest);
    return span_iis(scheme, "basic") ? find_basic(tokens, rest) : NULL;
}
