/* A hash table of nodes that live in what they belong to: found in constant time, nothing allocated
 * for one, and the order of what an attacker sends decides nothing, since the seed is a secret. */
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

/* Nodes of a hash, one after the other: NULL ends. The caller compares keys. */
TableNode *table_first(const Table *table, uint64_t hash);
TableNode *table_next(const TableNode *node);

/* All nodes in turn, in no order: NULL begins, and ends. The table must not change meanwhile. */
TableNode *table_each(const Table *table, const TableNode *after);

/* `node->hash` is set. */
void table_add(Table *table, TableNode *node);
void table_remove(Table *table, TableNode *node);

#endif
