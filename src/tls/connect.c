/* connect: a client of TLS, over TCP or a unix socket. */
#include "stream/connect.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "register.h"
#include "stream/proxy.h"
#include "tls/options.h"
#include "tls/stream.h"

static Stream *prepare_client(const char *function, const Target *target, Context *context,
                              const ConnectionOptions *options) {
    Failure failure;
    const char *host = target->unix_socket ? "localhost" : (const char *)target->host.bytes;
    Stream *stream =
        stream_new(&tls_stream_kind, context, ENGINE_CLIENT, &options->settings, &failure);
    if (!stream || !stream_prepare(stream, options, host, &failure)) {
        raise_failure(function, &failure);
    }
    const ProxyOptions *proxy = &options->proxy;
    if (proxy->length) stream_send_proxy(stream, proxy->header, proxy->length);
    return stream;
}

FUNCTION(tls_connect, "tls/connect", "host port &opt type opts",
         "Connect to a TLS server over TCP, or over a unix socket with `:unix` for `host` and "
         "its path for `port`. All addresses of the host are tried (RFC 8305), then the "
         "handshake is made. The fiber waits, the event loop continues.\n\n"
         "The server's certificate is verified: against the system's CAs or those given, and by "
         "name (RFC 6125: DNS names against DNS SANs, IP addresses against IP SANs; the "
         "subject's common name does not count).\n\n"
         "`opts` is a table or struct of options, or a context from `tls/new-context`. `:stream` "
         "may stand before it, as for `net/connect`; `:datagram` raises, since DTLS is in "
         "`jsec/dtls`.\n\n"
         "Returns a TLS stream, which can be used wherever a stream of `net/connect` can. Raises "
         "\"timeout\" after `:timeout` seconds, otherwise with the reason: an unknown option, a "
         "name that was not resolved, \"Connection refused\", or a failed check of the "
         "certificate with the wanted and the found value.\n\n"
         "    (with [s (tls/connect \"example.org\" 443)]\n"
         "      (ev/write s \"GET / HTTP/1.0\\r\\n"
         "Host: example.org\\r\\n"
         "\\r\\n"
         "\")\n"
         "      (print (ev/read s :all)))\n\n"
         "Options:",
         &tls_client_set) {
    args_arity(function, argc, 2, 4);
    Target target;
    ConnectionOptions options;
    stream_get_target(function, argv, true, &target);
    int32_t n = tls_options_slot(function, argv, argc);
    Context *context = tls_choose(function, &tls_client_set, argv, argc, n, &options);
    poller_start();
    stream_connect(function, prepare_client(function, &target, context, &options), &target,
                   &options);
}

static const Function *const functions[] = {
    &function_tls_connect,
    NULL,
};

void tls_connect_register(JanetTable *env) {
    module_register(env, functions);
}
