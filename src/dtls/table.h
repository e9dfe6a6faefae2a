/* A hash table of nodes that are embedded in their owners, so adding one allocates nothing. It is
 * keyed by a secret seed, so peers cannot provoke collisions. */
#ifndef JSEC_DTLS_TABLE_H
#define JSEC_DTLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TableNode {
    struct TableNode *next;
    uint64_t hash;
} TableNode;

typedef struct Table {
    TableNode **buckets;
    size_t count, room; /* room is a power of 2 */
    uint64_t seed;
} Table;

bool table_init(Table *table, uint64_t seed);
void table_free(Table *table); /* not the nodes */

uint64_t table_hash(const Table *table, const void *key, size_t length);

/* The nodes of a hash in turn; NULL ends. The caller compares keys. */
TableNode *table_first(const Table *table, uint64_t hash);
TableNode *table_next(const TableNode *node);

/* All nodes in turn, in no order; NULL starts and ends. The table must not change meanwhile. */
TableNode *table_each(const Table *table, const TableNode *after);

/* The caller sets node->hash. */
void table_add(Table *table, TableNode *node);
void table_remove(Table *table, TableNode *node);

#endif
