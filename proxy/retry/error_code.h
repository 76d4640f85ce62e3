// SPDX-License-Identifier: Apache-2.0
// Finds an error's code in the shapes that AWS's protocols give it. A tolerant search, not a
// parser: cut-off and odd bodies are normal here. Spans point into what was given.
#ifndef RETRY_ERROR_CODE_H
#define RETRY_ERROR_CODE_H

#include "base/span.h"

// "ns#Code:http://..." to "Code"
struct span error_code_bare(struct span value);
// The code in an XML or JSON body, bare; empty where there is none.
struct span error_code_in_body(struct span body);
// The text of <Region> in an XML error; empty where there is none.
struct span error_region_in_body(struct span body);
// The string at the top level of a JSON body under the wanted key, still escaped; p == NULL: none.
struct span error_json_string(struct span body, const char *want);

#endif
