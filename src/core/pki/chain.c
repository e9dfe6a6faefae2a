#include "core/pki/chain.h"

#include "core/calendar.h"
#include "core/tls/store.h"
#include "core/tls/strict.h"
#include "core/tls/verify.h"

#include <math.h>
#include <openssl/err.h>
#include <string.h>

/* As in TLS, a CRL of each CA in the chain is required: a revoked CA is worse than a revoked host.
 * No list can revoke an anchor. */
static bool is_crl_optional(X509_STORE_CTX *context) {
    if (!verify_is_anchor_revocation(context)) return false;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return true;
}

/* The callback gets it from OpenSSL's context. */
typedef struct ChainRun {
    const ChainQuery *query;
    ChainAnswer *answer;
} ChainRun;

static int on_certificate(int accepted, X509_STORE_CTX *context) {
    const ChainRun *run = X509_STORE_CTX_get_app_data(context);
    ChainAnswer *answer = run->answer;
    if (accepted || is_crl_optional(context)) return 1;
    if (answer->reason[0]) return 0;
    verify_describe_error(context, &run->query->hints, answer->reason, sizeof answer->reason);
    answer->depth = X509_STORE_CTX_get_error_depth(context);
    answer->code = X509_STORE_CTX_get_error(context);
    return 0;
}

static bool set_host(X509_VERIFY_PARAM *param, const char *host, Failure *failure) {
    if (!host) return true;
    return verify_param_for(param, host) || verify_explain_name(host, failure);
}

static bool set_time(X509_VERIFY_PARAM *param, double seconds, Failure *failure) {
    time_t time;
    if (isnan(seconds)) return true;
    if (!calendar_to_time(seconds, &time, failure)) return false;
    X509_VERIFY_PARAM_set_time(param, time);
    return true;
}

static bool set_param(X509_STORE_CTX *context, const ChainQuery *query, Failure *failure) {
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    verify_set_strictness(param, query->strict);
    X509_VERIFY_PARAM_set_auth_level(param, query->security_level);
    X509_VERIFY_PARAM_set_purpose(param, query->purpose);
    if (query->depth >= 0) X509_VERIFY_PARAM_set_depth(param, query->depth);
    if (query->crls && sk_X509_CRL_num(query->crls)) {
        X509_STORE_CTX_set0_crls(context, query->crls);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    }
    return set_time(param, query->time, failure) && set_host(param, query->host, failure);
}

/* The caller's roots replace the store: nothing else is trusted. */
static bool prepare_context(X509_STORE_CTX *context, const ChainQuery *query, Failure *failure) {
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

/* Run one verification; false where it could not be set up. */
static bool run_once(const ChainQuery *query, bool partial, ChainAnswer *answer, Failure *failure) {
    ChainRun run = {query, answer};
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool done = context || failure_set(failure, "out of memory");
    memset(answer, 0, sizeof *answer);
    if (!done || !prepare_context(context, query, failure)) {
        X509_STORE_CTX_free(context);
        return false;
    }
    done = X509_STORE_CTX_set_app_data(context, &run);
    X509_STORE_CTX_set_verify_cb(context, on_certificate);
    if (partial) X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN);
    answer->valid = done && strict_verify(context) && !answer->reason[0];
    if (answer->valid) done = (answer->chain = X509_STORE_CTX_get1_chain(context));
    if (!done) failure_set(failure, "out of memory");
    if (!answer->valid && !answer->reason[0]) explain_silent_error(context, answer);
    X509_STORE_CTX_free(context);
    return done;
}

bool chain_verify(const ChainQuery *query, ChainAnswer *answer, Failure *failure) {
    ChainAnswer first;
    ERR_clear_error();
    bool done = run_once(query, false, answer, failure);
    if (done && !answer->valid && query->partial && verify_lacks_root(answer->code)) {
        first = *answer;
        done = run_once(query, true, answer, failure);
        if (done && !answer->valid && verify_lacks_root(answer->code)) *answer = first;
    }
    ERR_clear_error();
    return done;
}
