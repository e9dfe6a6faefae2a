#include "context/connection.h"

#include "core/tls/context.h"
#include "core/tls/session.h"

static const char *text_of(Bytes bytes) {
    return (const char *)bytes.data;
}

bool connection_prepare(SSL *ssl, const ConnectionOptions *connection, const char *host,
                        Failure *failure) {
    const char *name = connection->hostname.data ? text_of(connection->hostname) : host;
    const char *verify_name =
        connection->verify_hostname.data ? text_of(connection->verify_hostname) : name;
    if (!context_prepare(ssl, name, verify_name, failure)) return false;
    if (!connection->session.data) return true;
    if (SSL_is_server(ssl)) return failure_set(failure, ":session is for clients");
    return session_import(ssl, connection->session, failure);
}
