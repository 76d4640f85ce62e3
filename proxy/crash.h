// SPDX-License-Identifier: Apache-2.0
// What a process that a signal kills still does.
#ifndef CRASH_H
#define CRASH_H

// From now on the log's lines are written before a fault or an abort ends the process. Signals that
// somebody else handles (a sanitizer) stay theirs.
void crash_watch(void);

#endif
