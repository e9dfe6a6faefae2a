#include "dtls/address.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/resolve.h"
#include "register.h"

#include <stdio.h>
#include <string.h>

static int address_compare(void *a, void *b) {
    int order = memcmp(a, b, sizeof(Endpoint));
    return order < 0 ? -1 : order > 0;
}

static int32_t address_hash(void *pointer, size_t size) {
    const uint8_t *bytes = pointer;
    uint32_t hash = 2166136261; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 16777619;
    return (int32_t)hash;
}

static void address_tostring(void *pointer, JanetBuffer *buffer) {
    const Endpoint *endpoint = pointer;
    char host[ENDPOINT_TEXT];
    endpoint_host(endpoint, host);
    janet_formatb(buffer, endpoint->family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, endpoint->port);
}

static void address_marshal(void *pointer, JanetMarshalContext *context) {
    janet_marshal_abstract(context, pointer);
    janet_marshal_bytes(context, pointer, sizeof(Endpoint));
}

static void *address_unmarshal(JanetMarshalContext *context) {
    Endpoint *endpoint = janet_unmarshal_abstract(context, sizeof *endpoint);
    janet_unmarshal_bytes(context, (uint8_t *)endpoint, sizeof *endpoint);
    if (endpoint->family != AF_INET && endpoint->family != AF_INET6) {
        janet_panic("not a marshalled address");
    }
    return endpoint;
}

static const JanetAbstractType address_type = {
    .name = "jsec/dtls-address",
    .marshal = address_marshal,
    .unmarshal = address_unmarshal,
    .tostring = address_tostring,
    .compare = address_compare,
    .hash = address_hash,
};

Janet address_new(const Endpoint *endpoint) {
    Endpoint *made = janet_abstract(&address_type, sizeof *made);
    *made = *endpoint;
    return janet_wrap_abstract(made);
}

Janet address_tuple(const Endpoint *endpoint) {
    char host[ENDPOINT_TEXT];
    endpoint_host(endpoint, host);
    Janet pair[] = {janet_cstringv(host), janet_wrap_integer(endpoint->port)};
    return janet_wrap_tuple(janet_tuple_n(pair, 2));
}

/* --- from host and port --- */

static bool copy_port(Janet value, char *text, size_t size) {
    JanetByteView view;
    if (janet_checkint(value)) {
        snprintf(text, size, "%d", janet_unwrap_integer(value));
        return true;
    }
    if (!janet_bytes_view(value, &view.bytes, &view.len) || (size_t)view.len >= size || !view.len) {
        return false;
    }
    snprintf(text, size, "%.*s", (int)view.len, (const char *)view.bytes);
    return true;
}

static bool copy_host(Janet value, char *text, size_t size) {
    JanetByteView view;
    if (!janet_bytes_view(value, &view.bytes, &view.len) || (size_t)view.len >= size) return false;
    if (!view.len || memchr(view.bytes, 0, (size_t)view.len)) return false;
    memcpy(text, view.bytes, (size_t)view.len);
    text[view.len] = 0;
    return true;
}

static bool parse_endpoint(Janet host, Janet port, Endpoint *endpoint, Failure *failure) {
    char host_name[ENDPOINT_TEXT], port_name[16];
    Addresses addresses;
    if (!copy_host(host, host_name, sizeof host_name)) {
        return failure_set(failure, "expected the text of an IP address for host");
    }
    if (!copy_port(port, port_name, sizeof port_name)) {
        return failure_set(failure, "expected a port from 0 to 65535");
    }
    return resolve(host_name, port_name, SOCK_DGRAM, true, false, &addresses, failure) &&
           (endpoint_of(endpoint, &addresses.list[0].storage) ||
            failure_set(failure, "no IP address"));
}

bool address_endpoint(Janet value, Endpoint *endpoint) {
    const Endpoint *object = janet_checkabstract(value, &address_type);
    JanetView pair;
    Failure failure;
    if (object) *endpoint = *object;
    if (object) return true;
    return janet_indexed_view(value, &pair.items, &pair.len) && pair.len == 2 &&
           parse_endpoint(pair.items[0], pair.items[1], endpoint, &failure);
}

/* --- functions --- */

FUNCTION(dtls_address, "dtls-stream/address", "host port",
         "The address of a peer, from the text of an IP address and a port (a number from 0 to "
         "65535, or its text). Addresses are values: equal ones are the same key of a table, and "
         "`dtls/recv-from` returns such values. They print as host and port. Raises when `host` is "
         "not an IP address or `port` not a port; names are not resolved.",
         NULL) {
    args_arity(function, argc, 2, 2);
    Endpoint endpoint;
    Failure failure;
    if (!parse_endpoint(argv[0], argv[1], &endpoint, &failure)) raise_failure(function, &failure);
    return address_new(&endpoint);
}

FUNCTION(dtls_address_host, "dtls-stream/address-host", "address",
         "The IP address of an address object, as a string. Raises on anything else.", NULL) {
    args_arity(function, argc, 1, 1);
    char host[ENDPOINT_TEXT];
    endpoint_host(raise_unless_abstract(function, argv, 0, &address_type), host);
    return janet_cstringv(host);
}

FUNCTION(dtls_address_port, "dtls-stream/address-port", "address",
         "The port of an address object, a number. Raises on anything else.", NULL) {
    args_arity(function, argc, 1, 1);
    const Endpoint *endpoint = raise_unless_abstract(function, argv, 0, &address_type);
    return janet_wrap_integer(endpoint->port);
}

FUNCTION(dtls_is_address, "dtls-stream/address?", "x",
         "Whether `x` is an address object: true or false, for any value. Never raises.", NULL) {
    args_arity(function, argc, 1, 1);
    return janet_wrap_boolean(janet_checkabstract(argv[0], &address_type) != NULL);
}

static const Function *const functions[] = {
    &function_dtls_address,
    &function_dtls_address_host,
    &function_dtls_address_port,
    &function_dtls_is_address,
    NULL,
};

void dtls_address_register(JanetTable *env) {
    module_register(env, functions);
    /* Another copy of the library may have registered the name: a loaded image can contain one. */
    if (!janet_get_abstract_type(janet_csymbolv(address_type.name))) {
        janet_register_abstract_type(&address_type);
    }
}
