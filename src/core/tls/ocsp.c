#include "core/tls/ocsp.h"

#include "core/keys/pem.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#define CLOCK_SKEW 300    /* seconds that the responder's clock may be off */
#define MAX_AGE_LIMIT 1e9 /* seconds: what fits a long of 32 bits */

/* --- a server's --- */

static bool is_response(Bytes der) {
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.length);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return response;
}

/* The caller frees staple->bytes with OPENSSL_free. */
static bool load_staple(Bytes source, Staple *staple, Failure *failure) {
    PemSource owned;
    *staple = (Staple){NULL, 0};
    if (!source.data) return true;
    Bytes der = pem_source(source, &owned, failure);
    if (!der.data) return failure_prefix(failure, "OCSP response");
    if (!is_response(der)) {
        pem_free(&owned);
        return failure_set(failure, "not an OCSP response: expected DER, or a file of it");
    }
    staple->bytes = OPENSSL_memdup(der.data, der.length);
    staple->length = der.length;
    pem_free(&owned);
    return staple->bytes || failure_openssl(failure, "OCSP response");
}

bool ocsp_staple(SSL *ssl, Bytes source, Failure *failure) {
    Staple staple;
    if (!load_staple(source, &staple, failure)) return false;
    /* The connection owns it now. */
    if (SSL_set_tlsext_status_ocsp_resp(ssl, staple.bytes, (long)staple.length)) return true;
    OPENSSL_free(staple.bytes);
    return failure_openssl(failure, "OCSP response");
}

bool ocsp_staple_context(SSL_CTX *context, Bytes source, Failure *failure) {
    ContextData *data = context_data_mutable(context);
    Staple staple, before;
    if (!load_staple(source, &staple, failure)) return false;
    if (!CRYPTO_THREAD_write_lock(data->lock)) {
        OPENSSL_free(staple.bytes);
        return failure_openssl(failure, "OCSP response");
    }
    before = data->staple;
    data->staple = staple;
    CRYPTO_THREAD_unlock(data->lock);
    OPENSSL_free(before.bytes);
    return true;
}

static int give_staple(SSL *ssl) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    unsigned char *own;
    if (SSL_get_tlsext_status_ocsp_resp(ssl, &own) > 0) return SSL_TLSEXT_ERR_OK;
    if (!CRYPTO_THREAD_read_lock(data->lock)) return SSL_TLSEXT_ERR_NOACK;
    size_t length = data->staple.length;
    unsigned char *copy = length ? OPENSSL_memdup(data->staple.bytes, length) : NULL;
    CRYPTO_THREAD_unlock(data->lock);
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)length);
    return SSL_TLSEXT_ERR_OK;
}

/* --- a client's --- */

typedef struct IssuedBy {
    X509 *certificate, *issuer;
} IssuedBy;

/* A response without nextUpdate would count forever. */
static bool check_age(ASN1_GENERALIZEDTIME *since, ASN1_GENERALIZEDTIME *until, double max_age,
                      Failure *failure) {
    long age = until ? -1 : (long)(max_age < MAX_AGE_LIMIT ? max_age : MAX_AGE_LIMIT);
    if (OCSP_check_validity(since, until, CLOCK_SKEW, age)) return true;
    if (until) return failure_openssl(failure, "OCSP response is out of date");
    ERR_clear_error();
    return failure_set(failure,
                       "OCSP response is out of date: it names no next update and is "
                       "older than :ocsp-max-age (%ld s), or from the future",
                       age);
}

static bool check_status(OCSP_BASICRESP *basic, const IssuedBy *pair, const EVP_MD *digest,
                         double max_age, bool *found, Failure *failure) {
    int status, reason;
    ASN1_GENERALIZEDTIME *revoked, *since, *until;
    OCSP_CERTID *id = OCSP_cert_to_id(digest, pair->certificate, pair->issuer);
    *found = id && OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &since, &until);
    OCSP_CERTID_free(id);
    if (!*found || !check_age(since, until, max_age, failure)) return false;
    if (status == V_OCSP_CERTSTATUS_GOOD) return true;
    return failure_set(failure, "certificate is %s, as its stapled OCSP response says",
                       OCSP_cert_status_str(status));
}

static bool check_basic(SSL *ssl, OCSP_BASICRESP *basic, double max_age, Failure *failure) {
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE *store = NULL;
    bool found;
    SSL_get0_verify_cert_store(ssl, &store);
    if (sk_X509_num(chain) < 2) {
        return failure_set(failure,
                           "OCSP: the certificate was trusted by itself, and has no issuer "
                           "to vouch for its status");
    }
    if (OCSP_basic_verify(basic, chain, store, 0) <= 0) {
        return failure_openssl(failure, "OCSP response: signer not authorized");
    }
    IssuedBy pair = {sk_X509_value(chain, 0), sk_X509_value(chain, 1)};
    if (check_status(basic, &pair, EVP_sha1(), max_age, &found, failure)) return true;
    if (!found && check_status(basic, &pair, EVP_sha256(), max_age, &found, failure)) return true;
    return !found ? failure_set(failure, "OCSP response is about another certificate") : false;
}

static bool check_staple(SSL *ssl, Bytes der, double max_age, Failure *failure) {
    const unsigned char *at = der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.length);
    int status = response ? OCSP_response_status(response) : -1;
    OCSP_BASICRESP *basic =
        status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(response) : NULL;
    bool good = false;
    if (basic) {
        good = check_basic(ssl, basic, max_age, failure);
    } else if (response) {
        failure_set(failure, "OCSP responder failed: %s", OCSP_response_status_str(status));
    } else {
        failure_set(failure, "stapled OCSP response is damaged");
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return good;
}

static int take_staple(SSL *ssl) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    unsigned char *bytes;
    Failure failure;
    long length = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    /* A resumed handshake carries no staple; the session has the same policy. */
    if (length <= 0 && SSL_session_reused(ssl)) return 1;
    if (length <= 0) {
        if (data->ocsp != OCSP_REQUIRE) return 1;
        verify_keep_reason(ssl, "OCSP response required, and the server stapled none");
        return 0;
    }
    if (check_staple(ssl, (Bytes){bytes, (size_t)length}, data->ocsp_max_age, &failure)) return 1;
    verify_keep_reason(ssl, failure.text);
    return 0;
}

static int on_status(SSL *ssl, void *arg) {
    (void)arg;
    return SSL_is_server(ssl) ? give_staple(ssl) : take_staple(ssl);
}

bool ocsp_prepare(SSL *ssl, const ContextData *data, Failure *failure) {
    if (data->ocsp == OCSP_IGNORE) return true;
    if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) {
        return failure_set(failure, ":ocsp needs :verify true: without a chain there is no issuer");
    }
    return SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) ||
           failure_openssl(failure, ":ocsp");
}

bool ocsp_set(SSL_CTX *context, const ContextSettings *settings, Failure *failure) {
    if (!SSL_CTX_set_tlsext_status_cb(context, on_status)) return failure_openssl(failure, "OCSP");
    return ocsp_staple_context(context, settings->staple, failure);
}
