#include "core/tls/strict.h"

#include "core/pki/faults.h"

#include <openssl/x509v3.h>

#define MAX_SERIAL_OCTETS 20 /* 4.1.2.2 */

static bool has_good_serial(const X509 *certificate) {
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    int length = ASN1_STRING_length(serial);
    bool negative = ASN1_STRING_type(serial) & V_ASN1_NEG;
    bool zero = length == 0 || (length == 1 && !ASN1_STRING_get0_data(serial)[0]);
    /* The encoding has one octet more if the first bit is set. */
    bool padded = length == MAX_SERIAL_OCTETS && (ASN1_STRING_get0_data(serial)[0] & 0x80);
    return !negative && !zero && !padded && length <= MAX_SERIAL_OCTETS;
}

/* A root counts as a name and a key only; X509_self_signed checks its signature and identifiers. An
 * anchor that another CA issued is a certificate like all others. */
static int find_error(X509 *certificate, bool is_anchor) {
    bool self_issued =
        !X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate));
    if (is_anchor && self_issued) {
        bool is_root = X509_self_signed(certificate, 0) == 1;
        return is_root ? X509_V_OK : X509_V_ERR_AKID_SKID_MISMATCH;
    }
    if (!has_good_serial(certificate)) return STRICT_SERIAL_ERROR;
    bool has_issuer_id = self_issued || X509_get0_authority_key_id(certificate);
    return has_issuer_id ? X509_V_OK : X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER;
}

static int find_malformed(X509 *certificate) {
    bool malformed = (X509_get_extension_flags(certificate) & EXFLAG_INVALID) ||
                     faults_overlooked(X509_get0_extensions(certificate));
    return malformed ? X509_V_ERR_INVALID_EXTENSION : X509_V_OK;
}

static bool report_error(X509_STORE_CTX *context, X509 *certificate, int depth, int error) {
    X509_STORE_CTX_set_error(context, error);
    X509_STORE_CTX_set_error_depth(context, depth);
    X509_STORE_CTX_set_current_cert(context, certificate);
    X509_STORE_CTX_get_verify_cb(context)(0, context);
    return false;
}

static bool check_rules(X509_STORE_CTX *context, bool strict) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);
        int error = find_malformed(certificate);
        if (!error && strict) error = find_error(certificate, i == sk_X509_num(chain) - 1);
        if (error) return report_error(context, certificate, i, error);
    }
    return true;
}

bool strict_verify(X509_STORE_CTX *context) {
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(context));
    return X509_verify_cert(context) > 0 && check_rules(context, flags & X509_V_FLAG_X509_STRICT);
}
