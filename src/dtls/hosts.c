#include "dtls/hosts.h"

#include <openssl/crypto.h>
#include <string.h>

#define KEY_LENGTH 8

struct Host {
    TableNode node; /* first: the table returns it */
    uint8_t key[KEY_LENGTH];
    int32_t count;
};

static void make_key(const Endpoint *endpoint, uint8_t key[KEY_LENGTH]) {
    memset(key, 0, KEY_LENGTH);
    memcpy(key, endpoint->ip, endpoint->family == AF_INET6 ? 8 : 4);
}

static Host *find_host(const Table *hosts, const uint8_t key[KEY_LENGTH]) {
    TableNode *node = table_first(hosts, table_hash(hosts, key, KEY_LENGTH));
    while (node && memcmp(((Host *)node)->key, key, KEY_LENGTH)) node = table_next(node);
    return (Host *)node;
}

static Host *new_host(Table *hosts, const uint8_t key[KEY_LENGTH]) {
    Host *host = OPENSSL_zalloc(sizeof *host);
    if (!host) return NULL;
    memcpy(host->key, key, KEY_LENGTH);
    host->node.hash = table_hash(hosts, key, KEY_LENGTH);
    table_add(hosts, &host->node);
    return host;
}

Host *hosts_add(Table *hosts, const Endpoint *endpoint) {
    uint8_t key[KEY_LENGTH];
    make_key(endpoint, key);
    Host *host = find_host(hosts, key);
    if (!host) host = new_host(hosts, key);
    if (host) host->count++;
    return host;
}

void hosts_remove(Table *hosts, Host *host) {
    if (!host || --host->count) return;
    table_remove(hosts, &host->node);
    OPENSSL_free(host);
}

int32_t hosts_count(const Table *hosts, const Endpoint *endpoint) {
    uint8_t key[KEY_LENGTH];
    make_key(endpoint, key);
    const Host *host = find_host(hosts, key);
    return host ? host->count : 0;
}
