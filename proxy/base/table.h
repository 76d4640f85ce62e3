// SPDX-License-Identifier: Apache-2.0
// A string-keyed table of nodes embedded at the head of their owners. Not thread-safe; for numbers
// of keys that are bounded (some thousand), since it does not grow.
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#define TABLE_SLOTS 1024

struct table_node {
    struct table_node *next;
    char *key; // owned by the owner
};
struct table {
    struct table_node *slots[TABLE_SLOTS];
    unsigned n;
};
struct table_node *table_find(const struct table *t, const char *key); // NULL: not there
void table_add(struct table *t, struct table_node *n);                 // its key is not there yet
void table_remove(struct table *t, struct table_node *n);

#endif
