#include "core/tls/verify.h"

#include "core/pki/faults.h"
#include "core/printable.h"
#include "core/shown.h"
#include "core/tls/strict.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

/* --- the reason, composed while OpenSSL still has the certificate at hand --- */

typedef struct Text {
    char *at;
    size_t left;
} Text;

static void append_bytes(Text *reason, const char *text, size_t length) {
    if (length >= reason->left) length = reason->left - 1;
    memcpy(reason->at, text, length);
    reason->at += length;
    reason->left -= length;
    *reason->at = 0;
}

static void append_text(Text *reason, const char *text) {
    append_bytes(reason, text, strlen(text));
}

/* The peer chose these bytes: escape what is not printable, as RFC 4514 does. */
static void append_foreign(Text *reason, const char *text, size_t length) {
    size_t used = printable_copy(reason->at, reason->left, text, length, "\\");
    reason->at += used;
    reason->left -= used;
}

static void append_bio(Text *reason, BIO *bio) {
    char *text;
    long length = BIO_get_mem_data(bio, &text);
    if (length > 0) append_foreign(reason, text, (size_t)length);
}

static void append_name(Text *reason, const X509_NAME *name) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio) return;
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    append_bio(reason, bio);
    BIO_free(bio);
}

static void append_time(Text *reason, const ASN1_TIME *time) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && ASN1_TIME_print_ex(bio, time, ASN1_DTFLGS_ISO8601)) append_bio(reason, bio);
    BIO_free(bio);
}

/* An iPAddress of any length passes OpenSSL's parser. */
static void append_address(Text *reason, const ASN1_STRING *value) {
    int length = ASN1_STRING_length(value);
    char text[INET6_ADDRSTRLEN + 2];
    if (length == 4 || length == 16) {
        char address[INET6_ADDRSTRLEN];
        int family = length == 4 ? AF_INET : AF_INET6;
        if (!inet_ntop(family, ASN1_STRING_get0_data(value), address, sizeof address)) return;
        snprintf(text, sizeof text, "\"%s\"", address);
    } else {
        snprintf(text, sizeof text, "a malformed IP address of %d bytes", length);
    }
    append_text(reason, text);
}

static void append_general_name(Text *reason, const GENERAL_NAME *name) {
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type == GEN_IPADD) {
        append_address(reason, value);
        return;
    }
    append_text(reason, "\"");
    append_foreign(reason, (const char *)ASN1_STRING_get0_data(value),
                   (size_t)ASN1_STRING_length(value));
    append_text(reason, "\"");
}

/* The certificate's names of the wanted type. */
static void append_found_names(Text *reason, X509 *certificate, int wanted_type) {
    int critical, found = 0; /* -1: there is no subjectAltName; -2: there are several */
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        int type;
        GENERAL_NAME_get0_value(name, &type);
        if (type != wanted_type) continue;
        append_text(reason, found++ ? ", " : ", certificate names ");
        append_general_name(reason, name);
        if (found == 8) break;
    }
    if (!names && critical != -1) {
        append_text(reason, ", the certificate's subjectAltName is malformed");
    } else if (!found) {
        const char *kind = wanted_type == GEN_IPADD ? "an IP address" : "a DNS name";
        append_text(reason, ", certificate has no subjectAltName with ");
        append_text(reason, kind);
    }
    GENERAL_NAMES_free(names);
}

/* The parameters that the caller set: host names in OpenSSL 4.0's copies
 * (X509_VERIFY_PARAM_inherit) lack their NUL. */
static X509_VERIFY_PARAM *get_param(X509_STORE_CTX *context) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    return ssl ? SSL_get0_param(ssl) : X509_STORE_CTX_get0_param(context);
}

/* Would the wildcard match, but for an underscore, which host names exclude (RFC 1123)? */
static bool is_underscore_mismatch(const char *wanted, const GENERAL_NAMES *names) {
    const char *rest = strchr(wanted, '.');
    if (!rest || !memchr(wanted, '_', (size_t)(rest - wanted))) return false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_DNS || ASN1_STRING_length(value) != (int)strlen(rest) + 1) continue;
        const char *text = (const char *)ASN1_STRING_get0_data(value);
        if (text[0] == '*' && !strncasecmp(text + 1, rest, strlen(rest))) return true;
    }
    return false;
}

static void append_underscore(Text *reason, const char *wanted, X509 *certificate) {
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (is_underscore_mismatch(wanted, names)) {
        append_text(reason,
                    "; a wildcard matches no name with \"_\": have the name itself certified");
    }
    GENERAL_NAMES_free(names);
}

static void append_mismatch(Text *reason, X509_STORE_CTX *context, X509 *certificate, int error) {
    X509_VERIFY_PARAM *param = get_param(context);
    bool address = error == X509_V_ERR_IP_ADDRESS_MISMATCH;
    char *ip = address ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
    const char *wanted = address ? ip : X509_VERIFY_PARAM_get0_host(param, 0);
    append_text(reason,
                address ? "IP address mismatch: wanted \"" : "hostname mismatch: wanted \"");
    append_text(reason, wanted ? wanted : "");
    append_text(reason, "\"");
    append_found_names(reason, certificate, address ? GEN_IPADD : GEN_DNS);
    if (wanted && !address) append_underscore(reason, wanted, certificate);
    OPENSSL_free(ip);
}

static void append_certificate(Text *reason, X509 *certificate, int depth) {
    char number[24];
    append_text(reason, ": certificate \"");
    append_name(reason, X509_get_subject_name(certificate));
    snprintf(number, sizeof number, "\" (depth %d)", depth);
    append_text(reason, number);
}

/* Errors of strict verification alone. */
static bool is_strict_error(int error) {
    return error == STRICT_SERIAL_ERROR || error == X509_V_ERR_AKID_SKID_MISMATCH ||
           (error >= X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA &&
            error <= X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3);
}

static void append_trust_cure(Text *reason, const char *option) {
    append_text(reason, " is not trusted here: give it as ");
    append_text(reason, option);
}

static void append_cure(Text *reason, X509 *certificate, int error, const VerifyHints *hints) {
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        append_text(reason, ", valid until ");
        append_time(reason, X509_get0_notAfter(certificate));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        append_text(reason, ", valid from ");
        append_time(reason, X509_get0_notBefore(certificate));
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        append_text(reason, ", its (extended) key usage is for something else, see :purpose");
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        append_text(reason, ", issuer \"");
        append_name(reason, X509_get_issuer_name(certificate));
        append_text(reason, "\"");
        append_trust_cure(reason, hints->authority);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: append_trust_cure(reason, hints->itself); break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: append_trust_cure(reason, hints->authority); break;
    default:
        if (is_strict_error(error)) append_text(reason, ", which :strict true requires");
    }
}

static void append_fault(Text *reason, const X509 *certificate) {
    ExtensionFault fault;
    if (!faults_first(X509_get0_extensions(certificate), &fault)) return;
    append_text(reason, ": its ");
    append_text(reason, fault.name);
    append_text(reason, fault.doubled ? " occurs twice" : " can't be read");
}

static const char *get_error_text(int error) {
    return error == STRICT_SERIAL_ERROR ? "serial number not from 1 to 20 octets long and positive"
                                        : X509_verify_cert_error_string(error);
}

void verify_describe_error(X509_STORE_CTX *context, const VerifyHints *hints, char *text,
                           size_t size) {
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    int error = X509_STORE_CTX_get_error(context);
    Text reason = {text, size};
    *text = 0;
    bool mismatch =
        error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH;
    if (mismatch && certificate) {
        append_mismatch(&reason, context, certificate, error);
        return;
    }
    /* OpenSSL finds no issuer for a certificate that it could not read. */
    bool malformed = error == X509_V_ERR_INVALID_EXTENSION ||
                     (certificate && (X509_get_extension_flags(certificate) & EXFLAG_INVALID));
    append_text(&reason, malformed ? "malformed extension" : get_error_text(error));
    if (!certificate) return;
    append_certificate(&reason, certificate, X509_STORE_CTX_get_error_depth(context));
    if (malformed) {
        append_fault(&reason, certificate);
    } else {
        append_cure(&reason, certificate, error, hints);
    }
}

/* --- the callback that keeps the reason --- */

static int reason_index = -1, need_index = -1;
static CRYPTO_ONCE indexes_once = CRYPTO_ONCE_STATIC_INIT;

static void free_reason(void *owner, void *reason, CRYPTO_EX_DATA *data, int index, long number,
                        void *arg) {
    (void)owner, (void)data, (void)index, (void)number, (void)arg;
    OPENSSL_free(reason);
}

static void make_indexes(void) {
    reason_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_reason);
    need_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

void verify_keep_reason(SSL *ssl, const char *text) {
    static const char prefix[] = "certificate verify failed: ";
    if (!ssl || SSL_get_ex_data(ssl, reason_index)) return; /* later errors follow from the first */
    char *kept = OPENSSL_malloc(sizeof prefix + strlen(text));
    if (!kept) return;
    memcpy(kept, prefix, sizeof prefix - 1);
    memcpy(kept + sizeof prefix - 1, text, strlen(text) + 1);
    if (!SSL_set_ex_data(ssl, reason_index, kept)) OPENSSL_free(kept);
}

static void keep_reason(X509_STORE_CTX *context) {
    static const VerifyHints hints = {.authority = ":ca-file", .itself = ":trusted-cert"};
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    char text[sizeof((Failure *)NULL)->text];
    verify_describe_error(context, &hints, text, sizeof text);
    verify_keep_reason(ssl, text);
}

const char *verify_kept_reason(const SSL *ssl) {
    return reason_index < 0 ? NULL : SSL_get_ex_data(ssl, reason_index);
}

char *verify_swap_reason(SSL *ssl, char *reason) {
    char *before = SSL_get_ex_data(ssl, reason_index);
    SSL_set_ex_data(ssl, reason_index, reason);
    return before;
}

static int on_certificate(int accepted, X509_STORE_CTX *context) {
    if (accepted) return 1;
    if (verify_is_anchor_revocation(context)) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    keep_reason(context);
    return 0;
}

/* --- checks at the end of a handshake --- */

/* Kept in the connection in place of a pointer, independent of OpenSSL's flags. */
typedef enum Need {
    NEED_UNKNOWN, /* the connection was not prepared */
    NEED_NOTHING,
    NEED_CERTIFICATE,
    NEED_VALID_IF_GIVEN,
    NEED_VALID
} Need;

static bool set_need(SSL *ssl, Need need) {
    return SSL_set_ex_data(ssl, need_index, (void *)(uintptr_t)need);
}

static Need get_need(const SSL *ssl) {
    return need_index < 0 ? NEED_UNKNOWN : (Need)(uintptr_t)SSL_get_ex_data(ssl, need_index);
}

bool verify_need_certificate(SSL *ssl, Failure *failure) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    return set_need(ssl, NEED_CERTIFICATE) || failure_openssl(failure, "verification not set up");
}

bool verify_is_requested(const SSL *ssl) {
    return SSL_is_server(ssl) && get_need(ssl) >= NEED_VALID_IF_GIVEN;
}

bool verify_confirm(const SSL *ssl, Failure *failure) {
    Need need = get_need(ssl);
    bool given = SSL_get0_peer_certificate(ssl);
    long result = SSL_get_verify_result(ssl);
    if (need == NEED_NOTHING || (need == NEED_VALID_IF_GIVEN && !given)) return true;
    if (need == NEED_UNKNOWN) {
        return failure_set(failure, "certificate verify failed: verification was not set up");
    }
    if (!given) {
        return failure_set(failure,
                           "certificate verify failed: the peer showed no certificate (%s)",
                           SSL_get_cipher_name(ssl));
    }
    return need == NEED_CERTIFICATE || result == X509_V_OK ||
           failure_set(failure, "certificate verify failed: %s",
                       X509_verify_cert_error_string(result));
}

/* --- set-up --- */

/* OpenSSL accepts up to 100 KB of peer certificates but can't store more than 64 KB in a session
 * ticket; the handshake would then fail without a reason. Refuse earlier. */
#define MAX_FROM_CLIENT (60 << 10)

/* The address without the zone of a link-local address (fe80::1%eth0): certificates have no zones.
 * */
static bool parse_address(const char *name, char *address, size_t room) {
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t length = strcspn(name, "%");
    if (length >= room) return false;
    memcpy(address, name, length);
    address[length] = 0;
    if (inet_pton(AF_INET6, address, bytes) == 1) return true;
    return !name[length] && inet_pton(AF_INET, address, bytes) == 1;
}

bool verify_is_address(const char *name) {
    char address[INET6_ADDRSTRLEN];
    return parse_address(name, address, sizeof address);
}

size_t verify_name_length(const char *name) {
    size_t length = strlen(name);
    return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

void verify_set_strictness(X509_VERIFY_PARAM *param, bool strict) {
    if (strict) {
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    } else {
        /* A connection that switches to a virtual host still has its listener's flags. */
        X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_X509_STRICT);
    }
}

bool verify_lacks_root(int error) {
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

bool verify_is_anchor_revocation(X509_STORE_CTX *context) {
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(context));
    int error = X509_STORE_CTX_get_error(context);
    int depth = X509_STORE_CTX_get_error_depth(context);
    bool lacks_crl =
        error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER;
    return lacks_crl && (flags & X509_V_FLAG_PARTIAL_CHAIN) && depth > 0 &&
           depth == sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
}

bool verify_explain_name(const char *name, Failure *failure) {
    bool ascii = true;
    for (const char *at = name; *at; at++) ascii = ascii && (unsigned char)*at < 0x80;
    Shown shown;
    return failure_set(failure, "not a host name to verify: %s%s",
                       shown_name((Bytes){(const uint8_t *)name, strlen(name)}, &shown),
                       ascii ? "" : ": give its ASCII form (xn--…, RFC 5891)");
}

bool verify_param_for(X509_VERIFY_PARAM *param, const char *name) {
    char address[INET6_ADDRSTRLEN];
    /* No CA issues f*.example.com; the common name has not named hosts since 2000. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (parse_address(name, address, sizeof address)) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, address);
    }
    /* OpenSSL would match ".example.com" with all hosts of that domain. */
    if (!*name || *name == '.') return false;
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at >= 0x80) return false;
    }
    return X509_VERIFY_PARAM_set1_host(param, name, verify_name_length(name));
}

bool verify_prepare(SSL *ssl, VerifyMode mode, bool strict, const char *name, X509_STORE *store,
                    Failure *failure) {
    static const Need needs[] = {[VERIFY_NONE] = NEED_NOTHING,
                                 [VERIFY_REQUIRED] = NEED_VALID,
                                 [VERIFY_OPTIONAL] = NEED_VALID_IF_GIVEN,
                                 [VERIFY_REPORTED] = NEED_CERTIFICATE};
    if (!CRYPTO_THREAD_run_once(&indexes_once, make_indexes) || reason_index < 0 ||
        !set_need(ssl, needs[mode])) {
        return failure_openssl(failure, "verification not set up");
    }
    bool client = !SSL_is_server(ssl);
    if (!client) SSL_set_max_cert_list(ssl, MAX_FROM_CLIENT);
    if (mode == VERIFY_NONE) {
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return true;
    }
    int flags = SSL_VERIFY_PEER;
    if (!client && mode == VERIFY_REQUIRED) flags |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(ssl, flags, on_certificate);
    verify_set_strictness(SSL_get0_param(ssl), strict);
    if (store && !SSL_set1_verify_cert_store(ssl, store)) {
        return failure_openssl(failure, "trust store not set");
    }
    if (mode == VERIFY_REPORTED && !name) return true;
    if (client && (!name || !*name)) {
        return failure_set(failure, "no host name to verify the certificate against: "
                                    "give :hostname or :verify-hostname");
    }
    if (client && !verify_param_for(SSL_get0_param(ssl), name)) {
        ERR_clear_error();
        return verify_explain_name(name, failure);
    }
    return true;
}

bool verify_request(SSL *ssl, bool optional, bool strict, X509_STORE *store, Failure *failure) {
    bool required = get_need(ssl) == NEED_VALID || !optional;
    VerifyMode mode = required ? VERIFY_REQUIRED : VERIFY_OPTIONAL;
    return verify_prepare(ssl, mode, strict, NULL, store, failure);
}
