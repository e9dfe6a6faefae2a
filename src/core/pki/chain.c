#include "core/pki/chain.h"

#include "core/tls/store.h"
#include "core/tls/verify.h"

#include <openssl/err.h>
#include <string.h>

void chain_be_strict(X509_VERIFY_PARAM *param, bool partial, int security_level) {
    unsigned long flags = X509_V_FLAG_X509_STRICT;
    if (partial) flags |= X509_V_FLAG_PARTIAL_CHAIN;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_auth_level(param, security_level);
    /* f*.example.com is no name that any CA issues; the CN has not named hosts since 2000. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

/* A CRL is asked of the leaf's issuer; of other CAs only where one was given. */
static bool is_crl_not_asked(X509_STORE_CTX *context) {
    if (X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL) return false;
    if (X509_STORE_CTX_get_error_depth(context) == 0) return false;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return true;
}

static int on_certificate(int accepted, X509_STORE_CTX *context) {
    static const VerifyHints hints = {.authority = ":roots", .itself = ":roots"};
    if (accepted || is_crl_not_asked(context)) return 1;
    ChainAnswer *answer = X509_STORE_CTX_get_app_data(context);
    if (answer->reason[0]) return 0;
    verify_reason(context, &hints, answer->reason, sizeof answer->reason);
    answer->depth = X509_STORE_CTX_get_error_depth(context);
    answer->code = X509_STORE_CTX_get_error(context);
    return 0;
}

static bool param_for_host(X509_VERIFY_PARAM *param, const char *host, Failure *failure) {
    if (!host) return true;
    return verify_param_for(param, host) ||
           failure_set(failure, "not a host name to verify: \"%s\"", host);
}

static bool set_param(X509_STORE_CTX *context, const ChainQuery *query, Failure *failure) {
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    chain_be_strict(param, query->partial, query->security_level);
    X509_VERIFY_PARAM_set_purpose(param, query->purpose);
    if (query->depth >= 0) X509_VERIFY_PARAM_set_depth(param, query->depth);
    if (query->has_time) X509_VERIFY_PARAM_set_time(param, (time_t)query->time);
    if (query->crls && sk_X509_CRL_num(query->crls)) {
        X509_STORE_CTX_set0_crls(context, query->crls);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    return param_for_host(param, query->host, failure);
}

/* The roots' stack in place of a store: nothing else is looked up. */
static bool prepare(X509_STORE_CTX *context, const ChainQuery *query, Failure *failure) {
    X509_STORE *store = NULL;
    if (!query->roots && !(store = store_system(failure))) return false;
    if (!X509_STORE_CTX_init(context, store, query->leaf, query->intermediates)) {
        return failure_openssl(failure, "verification not set up");
    }
    if (query->roots) X509_STORE_CTX_set0_trusted_stack(context, query->roots);
    return set_param(context, query, failure);
}

static void explain_silent_error(X509_STORE_CTX *context, ChainAnswer *answer) {
    answer->code = X509_STORE_CTX_get_error(context);
    answer->depth = X509_STORE_CTX_get_error_depth(context);
    const char *reason = X509_verify_cert_error_string(answer->code);
    if (!answer->reason[0]) strncpy(answer->reason, reason, sizeof answer->reason - 1);
}

bool chain_verify(const ChainQuery *query, ChainAnswer *answer, Failure *failure) {
    memset(answer, 0, sizeof *answer);
    ERR_clear_error();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool asked = false;
    if (!context) {
        failure_set(failure, "out of memory");
        goto end;
    }
    if (!prepare(context, query, failure)) goto end;
    asked = X509_STORE_CTX_set_app_data(context, answer);
    X509_STORE_CTX_set_verify_cb(context, on_certificate);
    answer->valid = asked && X509_verify_cert(context) == 1 && !answer->reason[0];
    if (answer->valid) asked = (answer->chain = X509_STORE_CTX_get1_chain(context));
    if (!asked) failure_set(failure, "out of memory");
    if (!answer->valid && !answer->reason[0]) explain_silent_error(context, answer);
end:
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return asked;
}
