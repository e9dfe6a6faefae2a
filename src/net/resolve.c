#define _GNU_SOURCE /* getaddrinfo, O_CLOEXEC */
#include "net/resolve.h"

#include "core/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static void add_address(Addresses *addresses, const struct addrinfo *info) {
    if (addresses->count == MAX_ADDRESSES || info->ai_addrlen > sizeof(struct sockaddr_storage))
        return;
    Address *address = &addresses->list[addresses->count++];
    memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
    address->length = info->ai_addrlen;
}

/* The next address of the family, or with `same` false of another one. */
static const struct addrinfo *find_family(const struct addrinfo *info, int family, bool same) {
    while (info && (info->ai_family == family) != same) info = info->ai_next;
    return info;
}

static void interleave_families(const struct addrinfo *found, Addresses *addresses) {
    int family = found->ai_family;
    const struct addrinfo *first = found, *other = find_family(found, family, false);
    while (first || other) {
        if (first) {
            add_address(addresses, first);
            first = find_family(first->ai_next, family, true);
        }
        if (other) {
            add_address(addresses, other);
            other = find_family(other->ai_next, family, false);
        }
    }
}

/* getaddrinfo accepts "99999" as 34463. */
static bool is_port(const char *port) {
    char *end;
    long number = strtol(port, &end, 10);
    return end == port || *end || (number >= 0 && number <= 65535);
}

static bool report_name(const char *host, const char *port, const char *why, Failure *failure) {
    Shown shown_host, shown_port;
    return failure_set(failure, "could not resolve %s port %s: %s",
                       shown_name((Bytes){(const uint8_t *)host, strlen(host)}, &shown_host),
                       shown_name((Bytes){(const uint8_t *)port, strlen(port)}, &shown_port), why);
}

/* Without descriptors getaddrinfo can't read /etc/hosts and reports an unknown name. Modules of the
 * name service overwrite errno, so try whether there is a descriptor. */
static bool lacks_descriptors(void) {
    int descriptor = open("/", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) close(descriptor);
    return descriptor < 0 && (errno == EMFILE || errno == ENFILE);
}

static const char *explain_lookup(int status) {
    return status == EAI_SYSTEM || lacks_descriptors() ? strerror(errno) : gai_strerror(status);
}

bool resolve(const char *host, const char *port, int type, bool numeric, bool passive,
             Addresses *addresses, Failure *failure) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type}, *found = NULL;
    if (numeric) hints.ai_flags |= AI_NUMERICHOST;
    if (passive) hints.ai_flags |= AI_PASSIVE;
    addresses->count = 0;
    if (!is_port(port)) {
        return report_name(host, port, "expected 0 to 65535", failure);
    }
    int status = getaddrinfo(host, port, &hints, &found);
    if (status) return report_name(host, port, explain_lookup(status), failure);
    if (found) interleave_families(found, addresses);
    freeaddrinfo(found);
    return addresses->count || report_name(host, port, "no address", failure);
}

bool resolve_unix(const char *path, size_t length, Address *address, Failure *failure) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!length || length >= sizeof name.sun_path) {
        return failure_set(failure, "bad path of a unix socket: expected 1 to %zu bytes",
                           sizeof name.sun_path - 1);
    }
    memcpy(name.sun_path, path, length);
    address->length = sizeof name;
#ifdef __linux__
    if (path[0] == '@') {
        name.sun_path[0] = 0;
        address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
#endif
    memcpy(&address->storage, &name, sizeof name);
    return true;
}
