/* Contexts for TLS. */
#include "base/module.h"
#include "context/entry.h"
#include "context/reload.h"
#include "register.h"
#include "tls/options.h"

FUNCTION(
    tls_new_context, "tls/new-context", "&opt opts",
    "Make a TLS context from options, once, for any number of connections: parse "
    "certificates and keys, check that they belong together, load the trusted CAs. "
    "`tls/connect`, `tls/accept`, `tls/accept-loop`, `tls/upgrade` and `tls/wrap` accept "
    "it instead of options. Options of a single connection can stand beside it: "
    "`{:context ctx :hostname \"...\"}`.\n\n"
    "Returns the context. Later changes of its files take effect by `tls/reload`. Threads may "
    "share it: a function given to `ev/thread` can use it, and `ev/give` passes it on. A "
    "context with `:on-session`, `:on-hello`, `:on-verify`, `:signer` or a function as "
    "`:ocsp-response` stays in its thread, as streams and listeners do. Raises when an option "
    "is unknown, has a value of a wrong type, or names something that is missing or does not fit: "
    "no such error "
    "waits for the handshake.\n\n"
    "A server calls the function `:on-hello` at the start of each handshake, also of one "
    "that resumes a session, with a struct of what the client offers:\n\n"
    "* `:server-name` - the name it asks for, a host name in lower case; absent without one\n"
    "* `:alpn` - protocols, the preferred first\n"
    "* `:versions :ciphers :groups :signature-algorithms` - names, or numbers where OpenSSL "
    "knows no name\n"
    "* `:extensions` - numbers of the extensions, in the client's order\n"
    "* `:session?` - does it offer a session to resume?\n"
    "* `:peername` - its address as a tuple of host and port; absent on unix sockets\n"
    "* `:ja4` - the fingerprint JA4 of its kind of client\n\n"
    "Reserved numbers (GREASE, RFC 8701) are left out. The function may wait, on a database "
    "for example: other handshakes go on meanwhile. `:handshake-timeout` limits it. It "
    "returns a context or a table of options to serve with (equal options share a context, "
    "and inherit nothing); true for what the server has, `:sni` included; nil to refuse the "
    "name (unrecognized_name), or `{:alert name}` with :unrecognized-name, :access-denied, "
    ":handshake-failure, :insufficient-security, :protocol-version, "
    ":no-application-protocol or :internal-error. If it raises, this handshake fails, and "
    "`:on-error` gets the reason. Ticket keys, the session cache and timeouts stay those of "
    "the listener. With `:on-hello` a server needs no certificate of its own.\n\n"
    "Clients and servers call the function `:on-verify` after the verification of the peer's "
    "certificate, with a struct:\n\n"
    "* `:chain` - tuple of certificates as `cert/parse` shows them, leaf first: the verified "
    "chain, or what the peer sent if it was refused\n"
    "* `:ok` - did the certificate pass verification and `:pins`?\n"
    "* `:reason` - why not\n"
    "* `:host` - of clients, the name or address that is verified; of servers, the name that "
    "the client asks for; absent without one\n"
    "* `:role` - this side: `:client` or `:server`\n"
    "* `:peername` - the peer's address, as for `:on-hello`\n\n"
    "It may wait in the same way. True or nil keeps the verdict. A string refuses the peer: the "
    "error has these words, and the peer gets bad_certificate; false refuses without words. If "
    "the function raises or returns anything else, this handshake fails, and the peer gets "
    "internal_error. No answer accepts a peer that verification refused, except with `:verify "
    "false`: then a client goes on unless the function or `:pins` refuse. A client without a "
    "certificate is not judged (`:verify :optional`). A resumed session was judged when it was "
    "new: it is resumed under the same function only, and not in another process. The "
    "listener's function counts for its virtual hosts and the contexts of `:on-hello`. Not "
    "with `:renegotiation`; servers need `:async` of `tls/features`.\n\n"
    "With `:signer` the private key stays elsewhere: in a key management service, an "
    "agent, another process. Its function `:sign` is called where a handshake signs, in "
    "either role, may wait, and returns the signature as a string or buffer, of EC keys "
    "in DER. A resumed session needs none. The request is a struct:\n\n"
    "* `:digest` - the bytes to sign, a digest already; absent for Ed25519 and Ed448\n"
    "* `:message` - what these two sign instead, the message itself\n"
    "* `:algorithm` - of the digest, `:sha256` for example\n"
    "* `:padding`, `:salt-length` - of RSA: `:pss` and the bytes of its salt, or "
    "`:pkcs1`, which TLS 1.2 alone uses\n"
    "* `:key-type` - `:rsa :rsa-pss :ec :ed25519 :ed448`\n\n"
    "For a key in memory it would be `(fn [{:digest d :algorithm a :padding p}] "
    "(crypto/sign key d {:prehashed true :digest a :padding p}))`. `:public`, a public "
    "key or certificate, is compared with `:cert` when the context is made. A signature "
    "that is not one of the key of `:cert` fails the handshake before it is sent, as a "
    "function that raises does, and `:on-error` gets the reason. `:max-asking` limits the "
    "handshakes of a server that wait.\n\n"
    "Options:",
    &tls_option_set) {
    ContextOptions options;
    context_options_init(&options);
    return entry_new_context(function, &tls_kind, argc, argv, &options);
}

FUNCTION(tls_trust_cert, "tls-stream/trust-cert", "ctx cert",
         "Trust one more certificate by itself, such as a self-signed one, in a context from "
         "`tls/new-context`. `cert` is PEM, DER or a path. Its names and dates are still "
         "checked. A client also keeps its former trust, by default in the system's CAs. A "
         "server that verifies trusts this certificate and those that it was given. Other "
         "threads may use the context meanwhile: their later connections trust the certificate "
         "too.\n\n"
         "Returns the context. Raises when `cert` is not a certificate.",
         NULL) {
    return entry_trust_cert(function, &tls_kind, argc, argv);
}

FUNCTION(tls_set_ticket_keys, "tls/set-ticket-keys", "ctx keys",
         "Replace the keys by which a context from `tls/new-context` encrypts session tickets "
         "(rotation). `keys` is an array of up to 8, each 48 or 80 random bytes or the path of "
         "a file of them, in the format of nginx. The first one encrypts, all decrypt: put the "
         "new one first, and keep old ones for as long as tickets are valid. Open connections "
         "go on. Returns the context. Raises when a key has another length.",
         NULL) {
    return entry_set_ticket_keys(function, &tls_kind, argc, argv);
}

FUNCTION(tls_reload, "tls/reload", "ctx &opt opts",
         "Replace what a context from `tls/new-context` was made of, without a restart. Without "
         "`opts`, its files are read again: certificates, keys, CAs, CRLs, the staple, and those "
         "of its virtual hosts. With `opts`, options that make a context, these count instead of "
         "the former ones. All of it is replaced, or nothing: when the key does not belong to "
         "the certificate, for example, the context stays as it is.\n\n"
         "New connections begin with the new state, in all threads that share the context, in "
         "accept loops and in contexts with this one in `:sni`. Open connections go on. Ticket "
         "keys are carried over, so clients resume their sessions; `opts` with `:ticket-keys` "
         "replaces them. After a change of what a peer is verified by, sessions need a full "
         "handshake. Sessions in the cache for clients without tickets are dropped. "
         "Certificates of `trust-cert` stay unless `opts` are given, and a staple of "
         "`set-ocsp-response` stays for the same certificate. `:on-hello`, `:on-verify` and "
         "`:max-asking` stay, and can't be given. Takes about a millisecond.\n\n"
         "Returns the context. Raises when a file is missing or does not fit, for options that "
         "`tls/new-context` does not take or that belong to a connection, and when a server "
         "could no longer serve. See `:reload` of `tls/accept-loop` for a watch on files.",
         NULL) {
    ContextOptions options;
    context_options_init(&options);
    return entry_reload(function, &tls_kind, argc, argv, &options);
}

static const Function *const functions[] = {
    &function_tls_new_context,
    &function_tls_trust_cert,
    &function_tls_set_ticket_keys,
    &function_tls_reload,
    NULL,
};

void tls_context_register(JanetTable *env) {
    module_register(env, functions);
}
