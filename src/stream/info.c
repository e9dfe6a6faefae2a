/* What was negotiated, and the certificates of the peer. */
#include "stream/info.h"

#include "base/args.h"
#include "base/raise.h"
#include "core/keys/pem.h"
#include "core/pki/x509info.h"
#include "core/pool.h"
#include "core/tls/context_data.h"
#include "pki/info.h"
#include "stream/proxy.h"
#include "stream/stream_internal.h"

#include <openssl/objects.h>
#include <stdio.h>

SSL *info_negotiated(const Janet *argv, const char *function) {
    Stream *stream = stream_get_open(argv, 0);
    if (stream->state == STREAM_FAILED) janet_panicv(stream_error(stream, function));
    if (stream->state != STREAM_OPEN) {
        raise_format(stream_function(stream, function), "the handshake is not done yet");
    }
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

/* The algorithm of the peer's handshake signature, e.g. "ECDSA+SHA256"; for EdDSA the type
 * alone. */
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

/* --- certificates --- */

typedef enum CertificateForm { FORM_PEM, FORM_DER, FORM_DATA } CertificateForm;

static CertificateForm get_form(const char *function, const Janet *argv, int32_t argc, int32_t n) {
    if (n >= argc || janet_checktype(argv[n], JANET_NIL) || janet_keyeq(argv[n], "pem"))
        return FORM_PEM;
    if (janet_keyeq(argv[n], "der")) return FORM_DER;
    if (janet_keyeq(argv[n], "data")) return FORM_DATA;
    raise_type(function, n, ":pem, :der or :data", argv[n]);
}

static Janet take_string(unsigned char *bytes, size_t length) {
    if (!bytes) janet_panic("out of memory");
    Janet string = janet_wrap_string(janet_string(bytes, (int32_t)length));
    OPENSSL_free(bytes);
    return string;
}

Janet info_certificate_data(X509 *certificate) {
    X509Info info;
    Failure failure;
    Janet data = janet_wrap_nil();
    bool read = x509info_read(&info, certificate, &failure);
    if (read) data = info_certificate(&info);
    x509info_free(&info);
    if (!read) janet_panic(failure.text);
    return data;
}

static Janet export_certificate(X509 *certificate, CertificateForm form) {
    unsigned char *der = NULL;
    size_t length = 0;
    if (!certificate) return janet_wrap_nil();
    if (form == FORM_DATA) return info_certificate_data(certificate);
    if (form == FORM_PEM) {
        char *pem = pem_of_certificate(certificate, &length);
        return take_string((unsigned char *)pem, length);
    }
    int size = i2d_X509(certificate, &der);
    return take_string(size > 0 ? der : NULL, (size_t)(size > 0 ? size : 0));
}

/* The chain as the peer sent it, leaf first: OpenSSL leaves the leaf out on servers. */
static Janet export_chain(const SSL *ssl, CertificateForm form) {
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
    JanetArray *chain = janet_array(4);
    if (!leaf) return janet_wrap_nil();
    janet_array_push(chain, export_certificate(leaf, form));
    for (int i = SSL_is_server(ssl) ? 0 : 1; i < sk_X509_num(sent); i++) {
        janet_array_push(chain, export_certificate(sk_X509_value(sent, i), form));
    }
    return janet_wrap_tuple(janet_tuple_n(chain->data, chain->count));
}

static void put_key(JanetTable *table, const char *key, Janet value) {
    janet_table_put(table, janet_ckeywordv(key), value);
}

static Janet make_verify_result(const SSL *ssl) {
    long code = SSL_get_verify_result(ssl);
    bool asked = context_data_verifies(ssl);
    bool given = SSL_get0_peer_certificate(ssl);
    const char *reason = !asked   ? "not asked for"
                         : !given ? "no certificate was given"
                                  : X509_verify_cert_error_string(code);
    JanetTable *result = janet_table(3);
    put_key(result, "ok", janet_wrap_boolean(asked && given && code == X509_V_OK));
    put_key(result, "reason", janet_cstringv(reason));
    put_key(result, "code", janet_wrap_integer((int32_t)code));
    return janet_wrap_struct(janet_table_to_struct(result));
}

/* --- the server's request for a certificate --- */

static Janet name_line(const X509_NAME *name) {
    Pool pool = {NULL, false};
    InfoNames ignored = {NULL, 0};
    Bytes text;
    x509info_name(&pool, name, &ignored, &text);
    Janet line = janet_wrap_string(janet_string(text.data, (int32_t)text.length));
    pool_free(&pool);
    return line;
}

/* A request names signature algorithms since TLS 1.2, and nothing else of a server does. */
static bool is_requested(SSL *ssl) {
    return !SSL_is_server(ssl) && SSL_get_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL) > 0;
}

static Janet make_request(SSL *ssl) {
    if (!is_requested(ssl)) return janet_wrap_nil();
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
    JanetArray *cas = janet_array(4);
    for (int i = 0; i < sk_X509_NAME_num(names); i++) {
        janet_array_push(cas, name_line(sk_X509_NAME_value(names, i)));
    }
    JanetTable *request = janet_table(1);
    put_key(request, "cas", janet_wrap_tuple(janet_tuple_n(cas->data, cas->count)));
    return janet_wrap_struct(janet_table_to_struct(request));
}

/* --- facts --- */

Janet info_version(const Negotiated *it) {
    return janet_cstringv(SSL_get_version(it->ssl));
}

Janet info_cipher(const Negotiated *it) {
    return janet_cstringv(SSL_get_cipher_name(it->ssl));
}

Janet info_cipher_bits(const Negotiated *it) {
    return janet_wrap_integer(SSL_get_cipher_bits(it->ssl, NULL));
}

Janet info_handshake_time(const Negotiated *it) {
    return it->took < 0 ? janet_wrap_nil() : janet_wrap_number((double)it->took / 1e9);
}

Janet info_session_reused(const Negotiated *it) {
    return janet_wrap_boolean(SSL_session_reused(it->ssl));
}

Janet info_verify_result(const Negotiated *it) {
    return make_verify_result(it->ssl);
}

Janet info_connection(const Negotiated *it) {
    SSL *ssl = it->ssl;
    JanetTable *info = janet_table(16);
    put_key(info, "version", info_version(it));
    put_key(info, "cipher", info_cipher(it));
    put_key(info, "cipher-bits", info_cipher_bits(it));
    put_key(info, "alpn", alpn_of(ssl));
    put_key(info, "server-name", text_or_nil(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)));
    put_key(info, "group", group_of(ssl));
    put_key(info, "signature-algorithm", signature_of(ssl));
    put_key(info, "session-reused", info_session_reused(it));
    put_key(info, "verify-result", make_verify_result(ssl));
    put_key(info, "peer-certificate",
            export_certificate(SSL_get0_peer_certificate(ssl), FORM_DATA));
    put_key(info, "peer-chain", export_chain(ssl, FORM_DATA));
    put_key(info, "certificate-request", make_request(ssl));
    put_key(info, "handshake-time", info_handshake_time(it));
    put_key(info, "proxy", it->proxy);
    return janet_wrap_struct(janet_table_to_struct(info));
}

Janet info_peer_certificate(const char *function, const Negotiated *it, int32_t argc,
                            const Janet *argv, int32_t n) {
    CertificateForm form = get_form(function, argv, argc, n);
    return export_certificate(SSL_get0_peer_certificate(it->ssl), form);
}

Janet info_peer_chain(const char *function, const Negotiated *it, int32_t argc, const Janet *argv,
                      int32_t n) {
    return export_chain(it->ssl, get_form(function, argv, argc, n));
}

/* --- methods of streams --- */

Negotiated info_of(const Janet *argv, const char *function) {
    SSL *ssl = info_negotiated(argv, function);
    const Stream *stream = stream_get(argv, 0);
    int64_t took = stream->settings.timing ? stream->took : -1;
    return (Negotiated){ssl, took, proxy_describe(stream)};
}

static Janet run_info(int32_t argc, const Janet *argv, const char *name,
                      Janet (*info)(const Negotiated *it)) {
    args_arity(NULL, argc, 1, 1);
    Negotiated it = info_of(argv, name);
    return info(&it);
}

Janet cfun_stream_version(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/version", info_version);
}

Janet cfun_stream_cipher(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/cipher", info_cipher);
}

Janet cfun_stream_cipher_bits(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/cipher-bits", info_cipher_bits);
}

Janet cfun_stream_handshake_time(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/handshake-time", info_handshake_time);
}

Janet cfun_stream_connection_info(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/connection-info", info_connection);
}

Janet cfun_stream_session_reused(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/session-reused?", info_session_reused);
}

Janet cfun_stream_verify_result(int32_t argc, Janet *argv) {
    return run_info(argc, argv, "%s-stream/verify-result", info_verify_result);
}

Janet cfun_stream_peer_certificate(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 2);
    const char *pattern = "%s-stream/peer-certificate";
    Negotiated it = info_of(argv, pattern);
    return info_peer_certificate(stream_function(stream_get(argv, 0), pattern), &it, argc, argv, 1);
}

Janet cfun_stream_peer_chain(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 2);
    const char *pattern = "%s-stream/peer-chain";
    Negotiated it = info_of(argv, pattern);
    return info_peer_chain(stream_function(stream_get(argv, 0), pattern), &it, argc, argv, 1);
}
