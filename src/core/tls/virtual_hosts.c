#include "core/tls/virtual_hosts.h"

#include "core/tls/context_slot.h"
#include "core/tls/trust.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

typedef struct Host {
    char *name;
    ContextSlot *slot;
} Host;

typedef struct VirtualHosts {
    size_t count;
    Host list[];
} VirtualHosts;

static int hosts_index = -1, chosen_index = -1;
static CRYPTO_ONCE hosts_once = CRYPTO_ONCE_STATIC_INIT;

static void free_hosts(void *owner, void *pointer, CRYPTO_EX_DATA *data, int index, long number,
                       void *arg) {
    (void)owner, (void)data, (void)index, (void)number, (void)arg;
    VirtualHosts *hosts = pointer;
    for (size_t i = 0; hosts && i < hosts->count; i++) {
        OPENSSL_free(hosts->list[i].name);
        context_slot_release(hosts->list[i].slot);
    }
    OPENSSL_free(hosts);
}

static void make_hosts_index(void) {
    hosts_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_hosts);
    chosen_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* --- finding --- */

static const Host *find_exact(const VirtualHosts *hosts, const char *name) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (!strcasecmp(hosts->list[i].name, name)) return hosts->list + i;
    }
    return NULL;
}

/* "x.a.example" is served by "*.a.example"; "a.example" and "y.x.a.example" are not. */
static const Host *find_wildcard(const VirtualHosts *hosts, const char *name) {
    const char *rest = strchr(name, '.');
    for (size_t i = 0; rest && rest != name && i < hosts->count; i++) {
        const char *candidate = hosts->list[i].name;
        if (candidate[0] == '*' && !strcasecmp(candidate + 1, rest)) return hosts->list + i;
    }
    return NULL;
}

static const Host *find_host(const VirtualHosts *hosts, const char *name) {
    const Host *host = *name ? find_exact(hosts, name) : NULL;
    if (!host && *name) host = find_wildcard(hosts, name);
    return host ? host : find_exact(hosts, "");
}

/* The name in a ClientHello: a list of entries of type (0: host name), length, bytes. */
static bool read_name(SSL *ssl, char *name, size_t size) {
    const unsigned char *bytes;
    size_t length;
    *name = 0;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &length)) return true;
    if (length < 5 || bytes[2] != TLSEXT_NAMETYPE_host_name) return false;
    size_t named = (size_t)bytes[3] << 8 | bytes[4];
    if (named > length - 5 || named >= size || memchr(bytes + 5, 0, named)) return false;
    memcpy(name, bytes + 5, named);
    name[named] = 0;
    if (named && name[named - 1] == '.') name[named - 1] = 0; /* the root's dot */
    return true;
}

#define RENEGOTIATION (SSL_OP_NO_RENEGOTIATION | SSL_OP_ALLOW_CLIENT_RENEGOTIATION)

/* SSL_set_SSL_CTX takes over the certificate, the suites and the security level only. */
bool virtual_hosts_switch(SSL *ssl, SSL_CTX *context, const char *name) {
    const ContextData *data = context_data(context);
    Failure failure;
    SSL_clear_options(ssl, RENEGOTIATION);
    SSL_set_options(ssl, SSL_CTX_get_options(context) & RENEGOTIATION);
    return SSL_set_SSL_CTX(ssl, context) && SSL_set_min_proto_version(ssl, data->min_version) &&
           SSL_set_max_proto_version(ssl, data->max_version) &&
           SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(context)) &&
           (!data->groups || SSL_set1_groups_list(ssl, data->groups)) &&
           trust_prepare_server(ssl, data, name, &failure);
}

/* A client names its host once. After a HelloRetryRequest (RFC 8446, 4.1.2) or in a renegotiation
 * another name would be reported with the verification of the first. */
static bool changes_host(const SSL *ssl, const Host *host) {
    const Host *chosen = SSL_get_ex_data(ssl, chosen_index);
    return chosen && chosen != host;
}

/* A connection goes on with the context that it began with, when the host's is replaced. */
static bool serve_host(SSL *ssl, const Host *host) {
    if (SSL_get_ex_data(ssl, chosen_index))
        return virtual_hosts_switch(ssl, SSL_get_SSL_CTX(ssl), host->name);
    SSL_CTX *context = context_slot_get(host->slot);
    bool served = virtual_hosts_switch(ssl, context, host->name) &&
                  SSL_set_ex_data(ssl, chosen_index, (void *)(uintptr_t)host);
    SSL_CTX_free(context); /* the connection has a reference */
    return served;
}

bool virtual_hosts_choose(SSL *ssl, const SSL_CTX *base, int *alert) {
    char name[TLSEXT_MAXLEN_host_name + 1];
    *alert = SSL_AD_DECODE_ERROR;
    if (!read_name(ssl, name, sizeof name)) return false;
    const Host *host = find_host(SSL_CTX_get_ex_data(base, hosts_index), name);
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    if (changes_host(ssl, host)) return false;
    *alert = host ? SSL_AD_INTERNAL_ERROR : SSL_AD_UNRECOGNIZED_NAME;
    return host ? serve_host(ssl, host) : context_data(base)->has_certificate;
}

/* --- making --- */

static bool check_context(const VirtualHost *host, const SSL_CTX *context, Failure *failure) {
    if (!context_data_can_serve(context, failure)) {
        return failure_prefix(failure, ":sni \"%.*s\"", (int)host->name.length,
                              (const char *)host->name.data);
    }
    return !context_data(context)->has_hosts || failure_set(failure, ":sni within :sni");
}

static bool check_host(const VirtualHost *host, Failure *failure) {
    SSL_CTX *context = context_slot_get(host->slot);
    bool fits = check_context(host, context, failure);
    SSL_CTX_free(context);
    return fits;
}

static bool add_host(VirtualHosts *hosts, const VirtualHost *host, Failure *failure) {
    if (!check_host(host, failure)) return false;
    Host *entry = hosts->list + hosts->count;
    entry->name = OPENSSL_strndup((const char *)host->name.data, host->name.length);
    if (!entry->name) return failure_openssl(failure, ":sni");
    entry->slot = context_slot_hold(host->slot);
    context_slot_mark_host(host->slot);
    hosts->count++;
    return true;
}

bool virtual_hosts_set(SSL_CTX *context, const VirtualHostList *list, Failure *failure) {
    if (!list->count) return true;
    VirtualHosts *hosts = OPENSSL_zalloc(sizeof *hosts + list->count * sizeof *hosts->list);
    if (!hosts || !CRYPTO_THREAD_run_once(&hosts_once, make_hosts_index) ||
        !SSL_CTX_set_ex_data(context, hosts_index, hosts)) {
        OPENSSL_free(hosts);
        return failure_openssl(failure, ":sni");
    }
    context_data_mutable(context)->has_hosts = true;
    for (size_t i = 0; i < list->count; i++) { /* the context frees what was added */
        if (!add_host(hosts, list->list + i, failure)) return false;
    }
    return true;
}
