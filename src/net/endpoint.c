#define _GNU_SOURCE /* in6_addr's macros, if_indextoname */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void read_ipv6(Endpoint *endpoint, const struct sockaddr_in6 *address) {
    endpoint->port = ntohs(address->sin6_port);
    if (!memcmp(&address->sin6_addr, mapped_prefix, sizeof mapped_prefix)) {
        endpoint->family = AF_INET;
        memcpy(endpoint->ip, (const uint8_t *)&address->sin6_addr + sizeof mapped_prefix, 4);
        return;
    }
    endpoint->family = AF_INET6;
    endpoint->scope = address->sin6_scope_id;
    memcpy(endpoint->ip, &address->sin6_addr, sizeof endpoint->ip);
}

bool endpoint_of(Endpoint *endpoint, const struct sockaddr_storage *address) {
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memset(endpoint, 0, sizeof *endpoint);
    if (address->ss_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        read_ipv6(endpoint, &in6);
        return true;
    }
    if (address->ss_family != AF_INET) return false;
    memcpy(&in, address, sizeof in);
    endpoint->family = AF_INET;
    endpoint->port = ntohs(in.sin_port);
    memcpy(endpoint->ip, &in.sin_addr, sizeof in.sin_addr);
    return true;
}

socklen_t endpoint_address(const Endpoint *endpoint, int family, struct sockaddr_storage *address) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(endpoint->port),
                               .sin6_scope_id = endpoint->scope};
    if (family == AF_INET) {
        memcpy(&in.sin_addr, endpoint->ip, sizeof in.sin_addr);
        memcpy(address, &in, sizeof in);
        return sizeof in;
    }
    if (endpoint->family == AF_INET) {
        memcpy(&in6.sin6_addr, mapped_prefix, sizeof mapped_prefix);
        memcpy((uint8_t *)&in6.sin6_addr + sizeof mapped_prefix, endpoint->ip, 4);
    } else {
        memcpy(&in6.sin6_addr, endpoint->ip, sizeof in6.sin6_addr);
    }
    memcpy(address, &in6, sizeof in6);
    return sizeof in6;
}

bool endpoint_equals(const Endpoint *a, const Endpoint *b) {
    return !memcmp(a, b, sizeof *a);
}

bool endpoint_same_host(const Endpoint *a, const Endpoint *b) {
    return a->family == b->family && a->scope == b->scope && !memcmp(a->ip, b->ip, sizeof a->ip);
}

void endpoint_host(const Endpoint *endpoint, char text[ENDPOINT_TEXT]) {
    char zone[IF_NAMESIZE];
    inet_ntop(endpoint->family, endpoint->ip, text, ENDPOINT_TEXT);
    if (!endpoint->scope) return;
    size_t used = strlen(text);
    if (if_indextoname(endpoint->scope, zone)) {
        snprintf(text + used, ENDPOINT_TEXT - used, "%%%s", zone);
    } else {
        snprintf(text + used, ENDPOINT_TEXT - used, "%%%u", (unsigned)endpoint->scope);
    }
}
