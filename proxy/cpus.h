// SPDX-License-Identifier: Apache-2.0
#ifndef CPUS_H
#define CPUS_H

// How many workers `workers = auto` means. why: what decided it, static text.
unsigned cpus_for_workers(const char **why);

#endif
