/* tls/features: what this build supports. */
#include "core/tls/features.h"
#include "base/args.h"
#include "base/module.h"
#include "core/crypto/argon2.h"
#include "core/tls/compression.h"
#include "core/tls/job.h"
#include "net/rebind.h"
#include "register.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#ifndef JSEC_VERSION
#error "JSEC_VERSION is not defined: the build takes it from project.janet"
#endif
/* The define has no quotes, since some build tools lose them. */
#define TEXT(number) #number
#define TEXT_OF(macro) TEXT(macro)

#if defined(__linux__) && !defined(JSEC_KQUEUE)
#define POLLER "epoll"
#else
#define POLLER "kqueue"
#endif

#ifdef OPENSSL_NO_DTLS
#define HAS_DTLS false
#else
#define HAS_DTLS true
#endif

#ifdef OPENSSL_NO_OCSP
#define HAS_OCSP false
#else
#define HAS_OCSP true
#endif

static void put(JanetTable *facts, const char *key, Janet value) {
    janet_table_put(facts, janet_ckeywordv(key), value);
}

static void add_name(void *arg, const char *name) {
    janet_array_push(arg, janet_cstringv(name));
}

static void put_names(JanetTable *facts, const char *key,
                      void (*visit_all)(FeatureVisitor visit, void *arg)) {
    JanetArray *names = janet_array(64);
    visit_all(add_name, names);
    put(facts, key, janet_wrap_tuple(janet_tuple_n(names->data, names->count)));
}

FUNCTION(
    tls_features, "tls/features", "",
    "What this build of jsec supports with the OpenSSL in use, as a struct. Lists are tuples "
    "of strings with everything that options can name; by default connections offer a part "
    "of it. Never raises.\n\n"
    "* `:jsec`, `:openssl`, `:openssl-headers` - versions: of jsec, of the OpenSSL in use, "
    "of the one at build time\n"
    "* `:protocols` - versions for `:min-version` and `:max-version`; those before TLS 1.2 "
    "and DTLS 1.2 only work with `:security-level 0`, if at all\n"
    "* `:groups` - groups for the key exchange, for `:curves`\n"
    "* `:ciphers`, `:ciphersuites` - suites of TLS 1.2 and of TLS 1.3, for the options with "
    "these names\n"
    "* `:signature-algorithms` - algorithms for certificates and handshakes, by their names in "
    "TLS\n"
    "* `:certificate-compression` - algorithms for compressed certificates (RFC 8879); OpenSSL "
    "3.2 and later may have some\n"
    "* `:post-quantum` - are there groups with ML-KEM (FIPS 203)? OpenSSL 3.5 and later have "
    "them\n"
    "* `:argon2` - is Argon2 offered to `crypto/hash-password`? OpenSSL 3.2 and later have it, "
    "and builds with libargon2\n"
    "* `:dtls`, `:ocsp`, `:keylog` - are DTLS, OCSP stapling and key logs supported?\n"
    "* `:async` - can a handshake wait in its middle? Not with every libc (musl, OpenBSD, NetBSD), "
    "and not when the environment variable `JSEC_NO_ASYNC` is set. `:on-verify` of servers needs "
    "it\n"
    "* `:ktls`, `:quic`, `:ech` - are TLS in the kernel, QUIC and encrypted ClientHellos?\n"
    "* `:poller` - how the event loop waits for sockets: `:epoll` or `:kqueue`\n"
    "* `:rebinding` - whether `ev/read`, `net/write` and their like take jsec's streams also "
    "in code that was compiled before jsec was loaded. False when the environment variable "
    "`JSEC_NO_REBIND` is set, or when jsec does not recognize how this Janet lays out its "
    "heap",
    NULL) {
    args_arity(function, argc, 0, 0);
    JanetTable *facts = janet_table(21);
    put(facts, "jsec", janet_cstringv(TEXT_OF(JSEC_VERSION)));
    put(facts, "openssl", janet_cstringv(OpenSSL_version(OPENSSL_VERSION_STRING)));
    put(facts, "openssl-headers", janet_cstringv(OPENSSL_VERSION_STR));
    put_names(facts, "protocols", features_protocols);
    put_names(facts, "groups", features_groups);
    put_names(facts, "ciphers", features_ciphers);
    put_names(facts, "ciphersuites", features_ciphersuites);
    put_names(facts, "signature-algorithms", features_signatures);
    put_names(facts, "certificate-compression", compression_algorithms);
    put(facts, "post-quantum", janet_wrap_boolean(features_post_quantum()));
    put(facts, "argon2", janet_wrap_boolean(argon2_is_offered()));
    put(facts, "dtls", janet_wrap_boolean(HAS_DTLS));
    put(facts, "ocsp", janet_wrap_boolean(HAS_OCSP));
    put(facts, "keylog", janet_wrap_true());
    put(facts, "async", janet_wrap_boolean(job_is_possible()));
    put(facts, "ktls", janet_wrap_false());
    put(facts, "quic", janet_wrap_false());
    put(facts, "ech", janet_wrap_false());
    put(facts, "poller", janet_ckeywordv(POLLER));
    put(facts, "rebinding", janet_wrap_boolean(rebind_is_on()));
    return janet_wrap_struct(janet_table_to_struct(facts));
}

static const Function *const functions[] = {
    &function_tls_features,
    NULL,
};

void tls_features_register(JanetTable *env) {
    module_register(env, functions);
}
