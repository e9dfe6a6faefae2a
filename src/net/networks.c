#include "net/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 50

static bool read_bits(const char *text, unsigned max, uint8_t *bits) {
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *bits = (uint8_t)number;
    return *text >= '0' && *text <= '9' && !*end && number <= max;
}

static uint8_t mask_at(int byte, unsigned bits) {
    unsigned before = (unsigned)byte * 8;
    if (bits >= before + 8) return 0xff;
    return bits <= before ? 0 : (uint8_t)(0xff00 >> (bits - before) & 0xff);
}

/* 192.0.2.1/24 may be meant as a network or as an address: better ask. */
static bool has_host_bits(const Network *network) {
    for (int i = 0; i < 16; i++) {
        if (network->ip[i] & ~mask_at(i, network->bits)) return true;
    }
    return false;
}

/* Peers' addresses of that form are taken for IPv4. */
static bool is_mapped(const Network *network) {
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return network->family == AF_INET6 && !memcmp(network->ip, prefix, sizeof prefix);
}

bool network_read(const char *text, Network *network) {
    char address[MAX_TEXT];
    size_t length = strcspn(text, "/");
    if (length >= sizeof address) return false;
    memcpy(address, text, length);
    address[length] = 0;
    memset(network, 0, sizeof *network);
    network->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    unsigned max = network->family == AF_INET ? 32 : 128;
    network->bits = (uint8_t)max;
    if (inet_pton(network->family, address, network->ip) != 1) return false;
    if (text[length] && !read_bits(text + length + 1, max, &network->bits)) return false;
    return !has_host_bits(network) && !is_mapped(network);
}

static bool contains(const Network *network, const Endpoint *peer) {
    if (network->family != peer->family) return false;
    for (int i = 0; i < 16; i++) {
        if ((peer->ip[i] ^ network->ip[i]) & mask_at(i, network->bits)) return false;
    }
    return true;
}

bool networks_contain(const Networks *networks, const Endpoint *peer) {
    if (!peer->family) return networks->unix_sockets;
    for (int32_t i = 0; i < networks->count; i++) {
        if (contains(&networks->list[i], peer)) return true;
    }
    return false;
}
