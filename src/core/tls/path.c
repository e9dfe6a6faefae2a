#include "core/tls/path.h"

#include "core/tls/strict.h"
#include "core/tls/verify.h"

/* The verification of `chain` once more, with every trusted certificate as an anchor. NULL: out of
 * memory. */
static X509_STORE_CTX *repeat_partial(X509_STORE_CTX *chain, SSL *ssl) {
    X509_STORE_CTX *again = X509_STORE_CTX_new();
    if (again &&
        X509_STORE_CTX_init(again, X509_STORE_CTX_get0_store(chain),
                            X509_STORE_CTX_get0_cert(chain),
                            X509_STORE_CTX_get0_untrusted(chain)) &&
        X509_STORE_CTX_set_ex_data(again, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again),
                               X509_STORE_CTX_get0_param(chain)) &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again), SSL_get0_param(ssl))) {
        X509_STORE_CTX_set_verify_cb(again, SSL_get_verify_callback(ssl));
        X509_STORE_CTX_set_flags(again, X509_V_FLAG_PARTIAL_CHAIN);
        return again;
    }
    X509_STORE_CTX_free(again);
    return NULL;
}

/* True, and `chain` has the result, when the path ends at an anchor that is no root. If it ends at
 * no anchor, the reason of the first attempt stays. */
static bool verify_to_anchor(X509_STORE_CTX *chain, SSL *ssl) {
    X509_STORE_CTX *again = repeat_partial(chain, ssl);
    char *reason = verify_swap_reason(ssl, NULL);
    bool verified = again && strict_verify(again);
    int error = again ? X509_STORE_CTX_get_error(again) : X509_V_ERR_OUT_OF_MEM;
    if (verified) {
        STACK_OF(X509) *path = X509_STORE_CTX_get1_chain(again);
        verified = path;
        if (path) X509_STORE_CTX_set0_verified_chain(chain, path);
    }
    if (!verified && verify_lacks_root(error)) {
        reason = verify_swap_reason(ssl, reason);
    } else {
        X509_STORE_CTX_set_error(chain, verified ? X509_V_OK : error);
    }
    OPENSSL_free(reason);
    X509_STORE_CTX_free(again);
    return verified;
}

bool path_verify(X509_STORE_CTX *chain, SSL *ssl) {
    if (strict_verify(chain)) return true;
    return verify_lacks_root(X509_STORE_CTX_get_error(chain)) && verify_to_anchor(chain, ssl);
}
