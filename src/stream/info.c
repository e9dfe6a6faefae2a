/* What was negotiated, and who is on the other side. */
#include "stream/info.h"

#include "base/module.h"
#include "base/raise.h"
#include "core/context.h"
#include "core/pem.h"
#include "pki/info.h"
#include "register.h"

#include <openssl/objects.h>
#include <stdio.h>

SSL *info_negotiated(const Janet *argv, const char *function) {
    const Stream *stream = stream_get_open(argv, 0);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, function));
    if (stream->state != STREAM_OPEN) raise_format(function, "the handshake is not done yet");
    return stream->engine.ssl;
}

/* --- parameters --- */

static Janet alpn_of(const SSL *ssl) {
    const unsigned char *name;
    unsigned int length;
    SSL_get0_alpn_selected(ssl, &name, &length);
    return name ? janet_wrap_string(janet_string(name, (int32_t)length)) : janet_wrap_nil();
}

static Janet text_or_nil(const char *text) {
    return text ? janet_cstringv(text) : janet_wrap_nil();
}

static Janet group_of(SSL *ssl) {
    int group = (int)SSL_get_negotiated_group(ssl);
    return group ? text_or_nil(SSL_group_to_name(ssl, group)) : janet_wrap_nil();
}

/* What the other side signed the handshake with, e.g. "ECDSA+SHA256"; of EdDSA the type alone. */
static Janet signature_of(SSL *ssl) {
    int type, digest;
    char text[64];
    if (!SSL_get_peer_signature_type_nid(ssl, &type)) return janet_wrap_nil();
    const char *name = type == EVP_PKEY_RSA_PSS ? "RSA-PSS"
                       : type == EVP_PKEY_RSA   ? "RSA"
                       : type == EVP_PKEY_EC    ? "ECDSA"
                                                : OBJ_nid2sn(type);
    bool hashed = SSL_get_peer_signature_nid(ssl, &digest) && digest != NID_undef;
    snprintf(text, sizeof text, "%s%s%s", name, hashed ? "+" : "",
             hashed ? OBJ_nid2sn(digest) : "");
    return janet_cstringv(text);
}

static Janet handshake_time_of(const Stream *stream) {
    if (!stream->manners.timing) return janet_wrap_nil();
    return janet_wrap_number((double)stream->took / 1e9);
}

/* --- certificates --- */

typedef enum CertificateForm { FORM_PEM, FORM_DER, FORM_DATA } CertificateForm;

static CertificateForm get_form(const Janet *argv, int32_t argc, int32_t n) {
    if (n >= argc || janet_checktype(argv[n], JANET_NIL) || janet_keyeq(argv[n], "pem"))
        return FORM_PEM;
    if (janet_keyeq(argv[n], "der")) return FORM_DER;
    if (janet_keyeq(argv[n], "data")) return FORM_DATA;
    raise_type(n, ":pem, :der or :data", argv[n]);
}

static Janet owned_string(unsigned char *bytes, size_t length) {
    Janet string =
        bytes ? janet_wrap_string(janet_string(bytes, (int32_t)length)) : janet_wrap_nil();
    OPENSSL_free(bytes);
    return string;
}

static Janet data_of(X509 *certificate) {
    X509Info info;
    Failure failure;
    Janet data = janet_wrap_nil();
    if (x509info_read(&info, certificate, &failure)) data = info_certificate(&info);
    x509info_free(&info);
    return data;
}

static Janet certificate_as(X509 *certificate, CertificateForm form) {
    unsigned char *der = NULL;
    size_t length = 0;
    if (!certificate) return janet_wrap_nil();
    if (form == FORM_DATA) return data_of(certificate);
    if (form == FORM_PEM) {
        char *pem = pem_of_certificate(certificate, &length);
        return owned_string((unsigned char *)pem, length);
    }
    int size = i2d_X509(certificate, &der);
    return owned_string(size > 0 ? der : NULL, (size_t)(size > 0 ? size : 0));
}

/* The chain as the peer sent it, leaf first: OpenSSL leaves the leaf out on servers. */
static Janet chain_as(const SSL *ssl, CertificateForm form) {
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
    JanetArray *chain = janet_array(4);
    if (!leaf) return janet_wrap_nil();
    janet_array_push(chain, certificate_as(leaf, form));
    for (int i = SSL_is_server(ssl) ? 0 : 1; i < sk_X509_num(sent); i++) {
        janet_array_push(chain, certificate_as(sk_X509_value(sent, i), form));
    }
    return janet_wrap_tuple(janet_tuple_n(chain->data, chain->count));
}

static void put(JanetTable *table, const char *key, Janet value) {
    janet_table_put(table, janet_ckeywordv(key), value);
}

static Janet verify_result_of(const SSL *ssl) {
    long code = SSL_get_verify_result(ssl);
    bool asked = context_verifies(ssl);
    bool given = SSL_get0_peer_certificate(ssl);
    const char *reason = !asked   ? "not asked for"
                         : !given ? "no certificate was given"
                                  : X509_verify_cert_error_string(code);
    JanetTable *result = janet_table(3);
    put(result, "ok", janet_wrap_boolean(asked && given && code == X509_V_OK));
    put(result, "reason", janet_cstringv(reason));
    put(result, "code", janet_wrap_integer((int32_t)code));
    return janet_wrap_struct(janet_table_to_struct(result));
}

/* --- functions --- */

Janet cfun_stream_version(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_cstringv(SSL_get_version(info_negotiated(argv, "tls-stream/version")));
}

Janet cfun_stream_cipher(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return janet_cstringv(SSL_get_cipher_name(info_negotiated(argv, "tls-stream/cipher")));
}

Janet cfun_stream_cipher_bits(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    const SSL *ssl = info_negotiated(argv, "tls-stream/cipher-bits");
    return janet_wrap_integer(SSL_get_cipher_bits(ssl, NULL));
}

Janet cfun_stream_handshake_time(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    info_negotiated(argv, "tls-stream/handshake-time");
    return handshake_time_of(stream_get(argv, 0));
}

Janet cfun_stream_connection_info(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    SSL *ssl = info_negotiated(argv, "tls-stream/connection-info");
    JanetTable *info = janet_table(16);
    put(info, "version", janet_cstringv(SSL_get_version(ssl)));
    put(info, "cipher", janet_cstringv(SSL_get_cipher_name(ssl)));
    put(info, "cipher-bits", janet_wrap_integer(SSL_get_cipher_bits(ssl, NULL)));
    put(info, "alpn", alpn_of(ssl));
    put(info, "server-name", text_or_nil(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)));
    put(info, "group", group_of(ssl));
    put(info, "signature-algorithm", signature_of(ssl));
    put(info, "session-reused", janet_wrap_boolean(SSL_session_reused(ssl)));
    put(info, "verify-result", verify_result_of(ssl));
    put(info, "peer-certificate", certificate_as(SSL_get0_peer_certificate(ssl), FORM_DATA));
    put(info, "peer-chain", chain_as(ssl, FORM_DATA));
    put(info, "handshake-time", handshake_time_of(stream_get(argv, 0)));
    return janet_wrap_struct(janet_table_to_struct(info));
}

Janet cfun_stream_peer_certificate(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    const SSL *ssl = info_negotiated(argv, "tls-stream/peer-certificate");
    return certificate_as(SSL_get0_peer_certificate(ssl), get_form(argv, argc, 1));
}

Janet cfun_stream_peer_chain(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    const SSL *ssl = info_negotiated(argv, "tls-stream/peer-chain");
    return chain_as(ssl, get_form(argv, argc, 1));
}

Janet cfun_stream_verify_result(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return verify_result_of(info_negotiated(argv, "tls-stream/verify-result"));
}

#define RAISES "Raises before the handshake is done, when it failed, and on a closed stream."

static const FunctionRow functions[] = {
    {"tls-stream/version", cfun_stream_version,
     "(tls-stream/version stream)\n\n"
     "The protocol version that was agreed on, \"TLSv1.3\" or \"TLSv1.2\". " RAISES,
     NULL},
    {"tls-stream/cipher", cfun_stream_cipher,
     "(tls-stream/cipher stream)\n\n"
     "OpenSSL's name of the cipher suite in use, e.g. \"TLS_AES_256_GCM_SHA384\". " RAISES,
     NULL},
    {"tls-stream/cipher-bits", cfun_stream_cipher_bits,
     "(tls-stream/cipher-bits stream)\n\n"
     "Key length of the cipher in use, in bits. " RAISES,
     NULL},
    {"tls-stream/handshake-time", cfun_stream_handshake_time,
     "(tls-stream/handshake-time stream)\n\n"
     "How long the handshake took, in seconds; nil unless `:handshake-timing true` was "
     "given. " RAISES,
     NULL},
    {"tls-stream/connection-info", cfun_stream_connection_info,
     "(tls-stream/connection-info stream)\n\n"
     "What was negotiated and with whom, as a struct. A key is absent where there is nothing to "
     "tell. " RAISES "\n\n"
     "* `:version` - \"TLSv1.3\" or \"TLSv1.2\"\n"
     "* `:cipher`, `:cipher-bits` - the suite, and its key length in bits\n"
     "* `:alpn` - the application protocol agreed on\n"
     "* `:server-name` - the name that the client asked for (SNI)\n"
     "* `:group` - the group of the key exchange, e.g. \"x25519\"\n"
     "* `:signature-algorithm` - what the other side signed with, e.g. \"ECDSA+SHA256\"\n"
     "* `:session-reused` - whether a session was resumed\n"
     "* `:verify-result` - see `verify-result`\n"
     "* `:peer-certificate`, `:peer-chain` - as `:data`, see those\n"
     "* `:handshake-time` - seconds, with `:handshake-timing true`",
     NULL},
    {"tls-stream/peer-certificate", cfun_stream_peer_certificate,
     "(tls-stream/peer-certificate stream &opt form)\n\n"
     "The other side's certificate: PEM, or as `form` says `:pem`, `:der` or `:data`, a struct as "
     "of `cert/parse`: subject, issuer, names, dates, serial number, fingerprints, key. nil where "
     "it gave none. It says who is there only if it was verified. " RAISES,
     NULL},
    {"tls-stream/peer-chain", cfun_stream_peer_chain,
     "(tls-stream/peer-chain stream &opt form)\n\n"
     "The certificates that the other side sent, a tuple, its own first, in the form of "
     "`peer-certificate`. nil where it gave none; of a resumed session its own alone. " RAISES,
     NULL},
    {"tls-stream/verify-result", cfun_stream_verify_result,
     "(tls-stream/verify-result stream)\n\n"
     "How the other side's certificate was verified: a struct of `:ok` (true only if verification "
     "was asked for, a certificate was given, and it passed), `:reason` in words and OpenSSL's "
     "`:code`. " RAISES,
     NULL},
    {NULL, NULL, NULL, NULL},
};

void tls_info_register(JanetTable *env) {
    module_functions(env, functions);
}
