#include "context/proxy.h"

#include <arpa/inet.h>
#include <string.h>

/* --- :proxy-protocol --- */

static void parse_network(const OptionSite *site, Janet value, Networks *networks) {
    if (janet_keyeq(value, "unix")) {
        networks->unix_sockets = true;
        return;
    }
    Bytes text;
    option_text(site, value, &text);
    if (!network_read((const char *)text.data, &networks->list[networks->count])) {
        option_refuse(site,
                      "networks such as \"192.0.2.0/24\" or \"2001:db8::/32\", addresses, or "
                      ":unix",
                      value);
    }
    networks->count++;
}

void parse_networks(const OptionSite *site, Janet value, void *field) {
    JanetView items;
    Networks *networks = field;
    if (!janet_indexed_view(value, &items.items, &items.len) || !items.len ||
        items.len > MAX_NETWORKS) {
        option_refuse(site, "an array of 1 to 16 networks, from which balancers connect", value);
    }
    for (int32_t i = 0; i < items.len; i++) parse_network(site, items.items[i], networks);
}

/* --- :send-proxy --- */

static void read_address(const OptionSite *site, Janet given, const char *key,
                         ProxyAddress *address) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    JanetView pair;
    ValueExpected expected;
    int32_t port;
    Janet value = janet_get(given, janet_ckeywordv(key));
    bool fits = janet_indexed_view(value, &pair.items, &pair.len) && pair.len == 2 &&
                janet_checktype(pair.items[0], JANET_STRING) &&
                value_integer(pair.items[1], 0, 65535, &port, &expected);
    const char *host = fits ? (const char *)janet_unwrap_string(pair.items[0]) : "";
    address->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    if (!fits || inet_pton(address->family, host, address->ip) != 1) {
        option_refuse(site,
                      "a struct of :peername and :localname, as `net/peername` and "
                      "`net/localname` give them of a TCP connection",
                      given);
    }
    address->port = (uint16_t)port;
    if (address->family == AF_INET6 && !memcmp(address->ip, mapped, sizeof mapped)) {
        address->family = AF_INET;
        memmove(address->ip, address->ip + sizeof mapped, 4);
        memset(address->ip + 4, 0, sizeof mapped);
    }
}

static int read_version(const OptionSite *site, Janet given) {
    ValueExpected expected;
    int32_t version = 2;
    Janet value = janet_get(given, janet_ckeywordv("version"));
    if (janet_checktype(value, JANET_NIL)) return version;
    if (!value_integer(value, 1, 2, &version, &expected))
        option_refuse(site, "1 or 2 for its :version", value);
    return version;
}

void parse_send_proxy(const OptionSite *site, Janet value, void *field) {
    ProxyOptions *options = field;
    ProxyHeader header = {0};
    if (!janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        option_refuse(site, "a struct of :peername, :localname and perhaps :version", value);
    }
    read_address(site, value, "peername", &header.source);
    read_address(site, value, "localname", &header.destination);
    header.version = read_version(site, value);
    if (header.source.family != header.destination.family) {
        option_refuse(site, "a :peername and :localname that are both IPv4, or both IPv6", value);
    }
    options->length = proxy_header_write(&header, options->header);
}
