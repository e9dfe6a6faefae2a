#include "core/tls/virtual_hosts.h"

#include "core/tls/engine.h"
#include "core/tls/trust.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

typedef struct Host {
    char *name;
    SSL_CTX *context;
    uint8_t policy_digest[32]; /* a session of one host is no session of another */
} Host;

struct VirtualHosts {
    size_t count;
    Host list[];
};

void virtual_hosts_free(VirtualHosts *hosts) {
    for (size_t i = 0; hosts && i < hosts->count; i++) {
        OPENSSL_free(hosts->list[i].name);
        SSL_CTX_free(hosts->list[i].context);
    }
    OPENSSL_free(hosts);
}

/* --- finding --- */

static const Host *find(const VirtualHosts *hosts, const char *name) {
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

static const Host *choose(const VirtualHosts *hosts, const char *name) {
    const Host *host = *name ? find(hosts, name) : NULL;
    if (!host && *name) host = find_wildcard(hosts, name);
    return host ? host : find(hosts, "");
}

/* The name in a ClientHello: a list of entries of type (0: host name), length, bytes. */
static bool asked_name(SSL *ssl, char *name, size_t size) {
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

/* SSL_set_SSL_CTX brings the certificate; what else the host has of its own follows. All before
 * OpenSSL looks at versions, sessions or certificates. */
static bool go_over(SSL *ssl, const Host *host) {
    const ContextData *data = context_data(host->context);
    Failure failure;
    SSL_clear_options(ssl, RENEGOTIATION);
    SSL_set_options(ssl, SSL_CTX_get_options(host->context) & RENEGOTIATION);
    return SSL_set_SSL_CTX(ssl, host->context) &&
           SSL_set_session_id_context(ssl, host->policy_digest, sizeof host->policy_digest) &&
           SSL_set_min_proto_version(ssl, data->min_version) &&
           SSL_set_max_proto_version(ssl, data->max_version) &&
           SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(host->context)) &&
           (!data->groups || SSL_set1_groups_list(ssl, data->groups)) &&
           trust_prepare_server(ssl, data, &failure);
}

static bool choose_host(SSL *ssl, const ContextData *base, int *alert) {
    char name[TLSEXT_MAXLEN_host_name + 1];
    *alert = SSL_AD_DECODE_ERROR;
    if (!asked_name(ssl, name, sizeof name)) return false;
    const Host *host = choose(base->hosts, name);
    *alert = host ? SSL_AD_INTERNAL_ERROR : SSL_AD_UNRECOGNIZED_NAME;
    return host ? go_over(ssl, host) : base->has_certificate;
}

static bool wants_staple(SSL *ssl) {
    const unsigned char *bytes;
    size_t length;
    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_status_request, &bytes, &length);
}

static int on_hello(SSL *ssl, int *alert, void *arg) {
    (void)arg;
    /* The context that the connection began with; it may have gone over already. */
    const ContextData *base = context_data(SSL_get_app_data(ssl));
    if (base->asks_staple && !engine_is_answered(ssl) && wants_staple(ssl)) {
        return SSL_CLIENT_HELLO_RETRY;
    }
    if (base->hosts && !choose_host(ssl, base, alert)) return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}

void virtual_hosts_watch(SSL_CTX *context) {
    SSL_CTX_set_client_hello_cb(context, on_hello, NULL);
}

/* --- making --- */

static bool add(VirtualHosts *made, const VirtualHost *host, Failure *failure) {
    Failure why;
    if (!context_can_serve(host->context, &why)) {
        return failure_set(failure, ":sni \"%.*s\": %s", (int)host->name.length,
                           (const char *)host->name.data, why.text);
    }
    if (context_data(host->context)->hosts) {
        return failure_set(failure, ":sni within :sni");
    }
    Host *entry = made->list + made->count;
    const ContextData *data = context_data(host->context);
    if (!EVP_Digest(host->name.data, host->name.length, entry->policy_digest, NULL, EVP_sha256(),
                    NULL)) {
        return failure_openssl(failure, ":sni");
    }
    for (size_t i = 0; i < sizeof entry->policy_digest; i++)
        entry->policy_digest[i] ^= data->server_policy[i];
    entry->name = OPENSSL_strndup((const char *)host->name.data, host->name.length);
    if (!entry->name || !SSL_CTX_up_ref(host->context)) return failure_openssl(failure, ":sni");
    entry->context = host->context;
    made->count++;
    return true;
}

bool virtual_hosts_set(SSL_CTX *context, ContextData *data, const VirtualHost *hosts, size_t count,
                       Failure *failure) {
    if (!count) return true;
    data->hosts = OPENSSL_zalloc(sizeof *data->hosts + count * sizeof *data->hosts->list);
    if (!data->hosts) return failure_openssl(failure, ":sni");
    for (size_t i = 0; i < count; i++) {
        if (!add(data->hosts, hosts + i, failure)) return false;
    }
    virtual_hosts_watch(context);
    return true;
}
