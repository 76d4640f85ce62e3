// SPDX-License-Identifier: Apache-2.0
// A client's token in Proxy-Authorization. Pure.
#ifndef POLICY_PROXY_AUTH_H
#define POLICY_PROXY_AUTH_H

#include "http/hdrs.h"
#include "policy/token_set.h"

// The token's name where one of the set is given, as Bearer or as the password of Basic; NULL
// otherwise, and where the field is repeated.
const char *proxy_auth_find(const struct token_set *tokens, const struct hdrs *h);

#endif
