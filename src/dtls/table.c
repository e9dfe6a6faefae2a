#include "dtls/table.h"

#include <stdlib.h>
#include <string.h>

#define MIN_ROOM 64

bool table_init(Table *table, uint64_t seed) {
    *table = (Table){.room = MIN_ROOM, .seed = seed};
    table->buckets = calloc(table->room, sizeof(TableNode *));
    return table->buckets;
}

void table_free(Table *table) {
    free(table->buckets);
    *table = (Table){0};
}

static uint64_t mix_word(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    hash *= UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

uint64_t table_hash(const Table *table, const void *key, size_t length) {
    const uint8_t *bytes = key;
    uint64_t hash = table->seed;
    while (length) {
        uint64_t word = 0;
        size_t some = length < sizeof word ? length : sizeof word;
        memcpy(&word, bytes, some);
        hash = mix_word(hash, word);
        bytes += some;
        length -= some;
    }
    return mix_word(hash, table->seed);
}

static TableNode **bucket_of(const Table *table, uint64_t hash) {
    return table->buckets + (hash & (table->room - 1));
}

static TableNode *find_hash(TableNode *node, uint64_t hash) {
    while (node && node->hash != hash) node = node->next;
    return node;
}

TableNode *table_first(const Table *table, uint64_t hash) {
    return find_hash(*bucket_of(table, hash), hash);
}

TableNode *table_next(const TableNode *node) {
    return find_hash(node->next, node->hash);
}

TableNode *table_each(const Table *table, const TableNode *after) {
    if (after && after->next) return after->next;
    size_t bucket = after ? (after->hash & (table->room - 1)) + 1 : 0;
    while (bucket < table->room && !table->buckets[bucket]) bucket++;
    return bucket < table->room ? table->buckets[bucket] : NULL;
}

static void push_node(Table *table, TableNode *node) {
    TableNode **bucket = bucket_of(table, node->hash);
    node->next = *bucket;
    *bucket = node;
}

/* Without memory for more buckets the chains only get longer. */
static void grow_table(Table *table) {
    Table grown = {.room = table->room * 2};
    grown.buckets = calloc(grown.room, sizeof(TableNode *));
    if (!grown.buckets) return;
    for (size_t i = 0; i < table->room; i++) {
        TableNode *next;
        for (TableNode *node = table->buckets[i]; node; node = next) {
            next = node->next;
            push_node(&grown, node);
        }
    }
    free(table->buckets);
    table->buckets = grown.buckets;
    table->room = grown.room;
}

void table_add(Table *table, TableNode *node) {
    if (2 * table->count >= table->room) grow_table(table); /* each further node is a cache miss */
    push_node(table, node);
    table->count++;
}

void table_remove(Table *table, TableNode *node) {
    for (TableNode **at = bucket_of(table, node->hash); *at; at = &(*at)->next) {
        if (*at != node) continue;
        *at = node->next;
        table->count--;
        return;
    }
}
