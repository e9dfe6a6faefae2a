/* TLS streams: their kind, and the functions that are methods as well. */
#include "tls/stream.h"

#include "tls/options.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "register.h"
#include "stream/info.h"
#include "tls/core_stream.h"

static const JanetMethod methods[] = {
    {"handshake-time", cfun_stream_handshake_time},
    {"version", cfun_stream_version},
    {"cipher", cfun_stream_cipher},
    {"cipher-bits", cfun_stream_cipher_bits},
    {"connection-info", cfun_stream_connection_info},
    {"peer-certificate", cfun_stream_peer_certificate},
    {"peer-chain", cfun_stream_peer_chain},
    {"verify-result", cfun_stream_verify_result},
    {"session-reused?", cfun_stream_session_reused},
    {"get-session", cfun_shared_get_session},
    {"set-session", cfun_shared_set_session},
    {"set-ocsp-response", cfun_stream_set_ocsp_response},
    {"request-certificate", cfun_stream_request_certificate},
    {"key-update", cfun_stream_key_update},
    {"renegotiate", cfun_stream_renegotiate},
    {"core-stream", cfun_core_stream},
    {NULL, NULL},
};

static const JanetAbstractType stream_type = STREAM_OBJECT_TYPE("jsec/tls-stream");

const StreamKind tls_stream_kind = {
    .type = &stream_type,
    .prefix = "tls",
    .what = "TLS stream",
    .methods = methods,
    .contexts = &tls_kind,
};

static void check_call(const char *function, int32_t argc, const Janet *argv) {
    int32_t min, max;
    module_arity(function, &min, &max);
    args_arity(function, argc, min, max);
    if (!stream_object(argv[0])) raise_type(function, 0, tls_stream_kind.type->name, argv[0]);
}

/* A method as a function: its errors name it. */
#define METHOD_FUNCTION(id, call, name, parameters, text)                                          \
    FUNCTION(id, name, parameters, text, NULL) {                                                   \
        check_call(function, argc, argv);                                                          \
        return call;                                                                               \
    }

#define RAISES "Raises before the handshake is done, when it failed, and on a closed stream."

METHOD_FUNCTION(
    tls_shared_handshake, shared_handshake(function, argc, argv), "tls-stream/handshake",
    "stream &opt timeout",
    "Make the handshake of a stream that was made with `:handshake false`; no effect when it is "
    "done. Returns the stream. Raises \"timeout\" after `timeout` seconds (a number or "
    "`{:timeout n}`; the handshake goes on, and can be waited for again), and when the handshake "
    "fails.")

METHOD_FUNCTION(
    tls_shared_shutdown, shared_shutdown(function, argc, argv), "tls-stream/shutdown",
    "stream &opt mode timeout",
    "End the stream without closing it. `:w` ends our direction: close_notify follows all "
    "written data, the peer can still answer, further writes raise. `:r` ends reading: reads "
    "return nil. `:rw`, the default, ends both. `true` ends both at once, without close_notify. "
    "After a write that failed when a part of its data was sent, `:w` and `:rw` raise, and the "
    "peer sees an error.\n\n"
    "Returns the stream. Raises \"timeout\" after `timeout` seconds, \"stream is closed\" on a "
    "closed one, and on another keyword.")

METHOD_FUNCTION(tls_stream_version, cfun_stream_version(argc, argv), "tls-stream/version", "stream",
                "The negotiated protocol version, \"TLSv1.3\" or \"TLSv1.2\". " RAISES)

METHOD_FUNCTION(
    tls_stream_cipher, cfun_stream_cipher(argc, argv), "tls-stream/cipher", "stream",
    "OpenSSL's name of the cipher suite in use, e.g. \"TLS_AES_256_GCM_SHA384\". " RAISES)

METHOD_FUNCTION(tls_stream_cipher_bits, cfun_stream_cipher_bits(argc, argv),
                "tls-stream/cipher-bits", "stream",
                "Key length of the cipher in use, in bits. " RAISES)

METHOD_FUNCTION(tls_stream_handshake_time, cfun_stream_handshake_time(argc, argv),
                "tls-stream/handshake-time", "stream",
                "How long the handshake took, in seconds; nil unless `:handshake-timing true` was "
                "given. " RAISES)

METHOD_FUNCTION(
    tls_stream_connection_info, cfun_stream_connection_info(argc, argv),
    "tls-stream/connection-info", "stream",
    "The negotiated parameters and the peer, as a struct. A key without a value is absent. " RAISES
    "\n\n"
    "* `:version` - \"TLSv1.3\" or \"TLSv1.2\"\n"
    "* `:cipher`, `:cipher-bits` - the suite, and its key length in bits\n"
    "* `:alpn` - the application protocol agreed on\n"
    "* `:server-name` - the name that the client asked for (SNI)\n"
    "* `:group` - the group of the key exchange, e.g. \"x25519\"\n"
    "* `:signature-algorithm` - the algorithm of the peer's signature, e.g. \"ECDSA+SHA256\"\n"
    "* `:session-reused` - whether a session was resumed\n"
    "* `:verify-result` - see `verify-result`\n"
    "* `:peer-certificate`, `:peer-chain` - as `:data`, see those\n"
    "* `:certificate-request` - of clients whose server asked for a certificate: a struct of "
    "`:cas`, the names of the CAs that it accepts, as in `:subject-text`\n"
    "* `:handshake-time` - seconds, with `:handshake-timing true`")

METHOD_FUNCTION(
    tls_stream_peer_certificate, cfun_stream_peer_certificate(argc, argv),
    "tls-stream/peer-certificate", "stream &opt form",
    "The peer's certificate. `form` is `:pem` (default), `:der`, or `:data` for a struct as from "
    "`cert/parse`: subject, issuer, names, dates, serial number, fingerprints, key. nil if the "
    "peer sent none. It identifies the peer only if it was verified. " RAISES)

METHOD_FUNCTION(
    tls_stream_peer_chain, cfun_stream_peer_chain(argc, argv), "tls-stream/peer-chain",
    "stream &opt form",
    "The certificates that the peer sent, a tuple, its own first, in the forms of "
    "`peer-certificate`. nil if it sent none. In a resumed session only its own. " RAISES)

METHOD_FUNCTION(tls_stream_verify_result, cfun_stream_verify_result(argc, argv),
                "tls-stream/verify-result", "stream",
                "How the peer's certificate was verified: a struct of `:ok` (true only if "
                "verification was asked for, a certificate was sent, and it passed), `:reason` in "
                "words and OpenSSL's `:code`. " RAISES)

METHOD_FUNCTION(
    tls_stream_session_reused, cfun_stream_session_reused(argc, argv), "tls-stream/session-reused?",
    "stream",
    "Whether the handshake resumed a session: true or false. Raises before the handshake is "
    "done, when it failed, and on a closed stream.")

METHOD_FUNCTION(
    tls_shared_get_session, cfun_shared_get_session(argc, argv), "tls-stream/get-session", "stream",
    "The session of a client's connection as a byte string, which `:session` of `tls/connect` "
    "resumes, in this process or another. nil while the server has sent none: with TLS 1.3 it "
    "comes with the first data after the handshake; `:on-session` is called then. The bytes are "
    "a secret. They are valid for the same host and verification settings only. Raises on "
    "servers, before the handshake is done, when it failed, and on a closed stream.")

METHOD_FUNCTION(
    tls_shared_set_session, shared_set_session(function, argc, argv), "tls-stream/set-session",
    "stream session",
    "Offer a session from `get-session` in the coming handshake, on a client's stream made with "
    "`:handshake false`. If its life is over (`:session-timeout`), or the server does not resume "
    "it, the handshake is a full one. Returns the stream. Raises when the session was made for "
    "another host or under other verification settings, when the bytes are no session, and when "
    "the handshake has begun.")

FUNCTION(tls_stream_request_certificate, "tls-stream/request-certificate", "stream &opt opts",
         "Ask the client of a server's TLS 1.3 connection for its certificate, when the handshake "
         "is done (RFC 8446, section 4.6.2): for one path of a service, say, and not for the "
         "others. It is verified against the CAs of the context (`:ca-file` and others), which "
         "need no `:verify`. The fiber waits for the answer, reads and writes go on meanwhile. "
         "Data that the client sent before its answer stays for the next reader, 64 KB at most: "
         "while more waits for a reader, the answer waits too.\n\n"
         "Returns the certificate as PEM, which `peer-certificate` has from then on; with "
         "`:optional`, nil if the client has none. Raises when the client does not allow it "
         "(`:post-handshake-auth true`; curl and Python have options like it), with TLS 1.2, on a "
         "client, without CAs, and after `:timeout`, when a later call waits for the same answer. "
         "When verification fails, or a required certificate is missing, the connection ends with "
         "an alert, and reads raise the reason, too.\n\n"
         "    (when (string/has-prefix? \"GET /admin\" request)\n"
         "      (:request-certificate s {:timeout 30})\n"
         "      (print ((:peer-certificate s :data) :subject-text)))\n\nOptions:",
         &request_certificate_options) {
    check_call(function, argc, argv);
    return cfun_stream_request_certificate(argc, argv);
}

METHOD_FUNCTION(
    tls_stream_key_update, cfun_stream_key_update(argc, argv), "tls-stream/key-update", "stream",
    "Renew the keys of both directions (TLS 1.3, RFC 8446 section 4.6.3), between two "
    "records. Returns the stream. Raises with TLS 1.2, before the handshake is done, and on "
    "a closed stream.")

METHOD_FUNCTION(
    tls_stream_renegotiate, cfun_stream_renegotiate(argc, argv), "tls-stream/renegotiate", "stream",
    "Begin a new handshake on a TLS 1.2 connection, with `:renegotiation true` on both sides. It "
    "is off by default, since it is costly and several attacks used it. Reads and writes "
    "continue meanwhile. Returns the stream. Raises with TLS 1.3, when it is off, before the "
    "handshake is done, and on a closed stream.")

FUNCTION(
    tls_stream_set_ocsp_response, "tls-stream/set-ocsp-response", "stream-or-ctx response",
    "Staple an OCSP response to coming handshakes, for clients that ask for one (RFC 6066). The "
    "response is DER or the path of a file; nil: none. The first argument is a context from "
    "`tls/new-context`, or a server's stream made with `:handshake false`. A context may be in "
    "use, so a fiber can renew its response. Returns its first argument. Raises when it is no "
    "OCSP response, when the stream's handshake has begun (the response goes with the "
    "certificate), and on a client's stream.",
    NULL) {
    args_arity(function, argc, 2, 2);
    return cfun_stream_set_ocsp_response(argc, argv);
}

FUNCTION(
    tls_core_stream, "tls-stream/core-stream", "stream &opt opts",
    "A stream of Janet's core that stands for a TLS stream, where a function refuses others: "
    "`:in` and `:out` of `os/spawn`, `ev/to-file`, a message to another thread. A pump on the "
    "event loop of this thread carries the bytes; do not read, write or close the TLS stream any "
    "more.\n\n"
    "An end on either side is an end on the other, and leaves the opposite direction open. An "
    "error on either side (a truncated connection, a failed verification, a reset) is a reset on "
    "the other: reads raise \"Connection reset by peer\". A socket can't carry the text. When both "
    "directions have ended, or the core stream is closed, both streams are closed. Where the TLS "
    "peer ends nothing meanwhile, that takes three seconds (Linux).\n\n"
    "The bytes pass through a pair of TCP sockets on 127.0.0.1, in the clear: other users of the "
    "machine can't read them, an administrator can. That costs two descriptors, about 8 us of CPU "
    "time a message, and a sixth more in bulk. A blocking call on the core stream must not run in "
    "the thread of the pump, which then could not answer.\n\n"
    "Returns the core stream. Close this process's copy when a child or a thread has one. Raises "
    "when `stream` is closed or no TLS stream, and when no sockets can be made.\n\n"
    "    (def s (tls/connect \"example.org\" 443))\n"
    "    (with [io (tls-stream/core-stream s {:blocking true})]\n"
    "      (os/spawn [\"filter\"] :p {:in io :out io}))\n\n"
    "Options:",
    &core_stream_options) {
    check_call(function, argc, argv);
    return cfun_core_stream(argc, argv);
}

static const Function *const functions[] = {
    &function_tls_shared_handshake,
    &function_tls_shared_shutdown,
    &function_tls_stream_version,
    &function_tls_stream_cipher,
    &function_tls_stream_cipher_bits,
    &function_tls_stream_handshake_time,
    &function_tls_stream_connection_info,
    &function_tls_stream_peer_certificate,
    &function_tls_stream_peer_chain,
    &function_tls_stream_verify_result,
    &function_tls_stream_session_reused,
    &function_tls_shared_get_session,
    &function_tls_shared_set_session,
    &function_tls_stream_request_certificate,
    &function_tls_stream_key_update,
    &function_tls_stream_renegotiate,
    &function_tls_stream_set_ocsp_response,
    &function_tls_core_stream,
    NULL,
};

void tls_stream_register(JanetTable *env) {
    stream_register_kind(&tls_stream_kind);
    module_register(env, functions);
}
