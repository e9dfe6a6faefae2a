#include "core/pki/csr.h"

#include "core/keys/encoding.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/keys/pem_lines.h"
#include "core/pki/faults.h"
#include "core/pki/issue.h"
#include "core/pki/name.h"
#include "core/pki/usage.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static bool push_extension(STACK_OF(X509_EXTENSION) * *all, int nid, void *value, bool critical) {
    return X509V3_add1_i2d(all, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool push_key_usage(STACK_OF(X509_EXTENSION) * *all, uint32_t usage) {
    ASN1_BIT_STRING *bits = usage_key_bits(usage);
    bool pushed = bits && push_extension(all, NID_key_usage, bits, true);
    ASN1_BIT_STRING_free(bits);
    return pushed;
}

/* May be empty; NULL on failure. */
static STACK_OF(X509_EXTENSION) * make_extensions(const CsrTemplate *template, Failure *failure) {
    STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
    bool critical = X509_NAME_entry_count(template->subject) == 0; /* RFC 5280, 4.2.1.6 */
    bool made = all;
    if (made && template->alternatives && sk_GENERAL_NAME_num(template->alternatives)) {
        made = push_extension(&all, NID_subject_alt_name, template->alternatives, critical);
    }
    if (made && template->key_usage) made = push_key_usage(&all, template->key_usage);
    if (made && template->extended && sk_ASN1_OBJECT_num(template->extended)) {
        made = push_extension(&all, NID_ext_key_usage, template->extended, false);
    }
    if (!made) failure_openssl(failure, "request not made");
    if (made && template->extensions) made = extensions_write(template->extensions, &all, failure);
    if (made) return all;
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    return NULL;
}

static bool add_extensions(X509_REQ *request, const STACK_OF(X509_EXTENSION) * all) {
    return !sk_X509_EXTENSION_num(all) || X509_REQ_add_extensions(request, all);
}

static bool add_challenge(X509_REQ *request, Bytes challenge) {
    return !challenge.data ||
           X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, MBSTRING_UTF8,
                                     challenge.data, (int)challenge.length);
}

X509_REQ *csr_build(const CsrTemplate *template, Failure *failure) {
    ERR_clear_error();
    const EVP_MD *digest;
    if (!issue_can_sign(template->key, failure) ||
        !issue_digest(template->key, template->digest, &digest, failure)) {
        return NULL;
    }
    STACK_OF(X509_EXTENSION) *all = make_extensions(template, failure);
    if (!all) return NULL;
    X509_REQ *request = X509_REQ_new();
    bool built = request && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
                 X509_REQ_set_subject_name(request, template->subject) &&
                 X509_REQ_set_pubkey(request, template->key) && add_extensions(request, all) &&
                 add_challenge(request, template->challenge) &&
                 X509_REQ_sign(request, template->key, digest) > 0;
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    if (built) return request;
    failure_openssl(failure, "request not made");
    X509_REQ_free(request);
    return NULL;
}

/* The whole of `der`: bytes behind a request may be another one. */
static X509_REQ *read_der(const uint8_t *der, size_t length) {
    const unsigned char *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)length);
    if (!request || at == der + length) return request;
    ERR_raise(ERR_LIB_ASN1, ASN1_R_TOO_LONG);
    X509_REQ_free(request);
    return NULL;
}

static X509_REQ *read_pem(Bytes data) {
    static char no_password[] = ""; /* or OpenSSL would prompt on the terminal */
    unsigned char *der = NULL;
    long length = 0;
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    bool read =
        bio && PEM_bytes_read_bio(&der, &length, NULL, PEM_STRING_X509_REQ, bio, NULL, no_password);
    X509_REQ *request = read ? read_der(der, (size_t)length) : NULL;
    OPENSSL_free(der);
    BIO_free(bio);
    return request;
}

X509_REQ *csr_read(Bytes data, Failure *failure) {
    PemSource mended;
    X509_REQ *request = NULL;
    ERR_clear_error();
    if (data.length > INT32_MAX) {
        failure_set(failure, "not a certificate request: too large");
        return NULL;
    }
    if (!pem_lines_mend(&data, &mended, failure)) return NULL;
    if (encoding_is_pem(data)) {
        request = read_pem(data);
    } else if (encoding_is_der(data)) {
        request = read_der(data.data, data.length);
    }
    if (!request) {
        pem_explain(data, "CERTIFICATE REQUEST", failure);
        failure_prefix(failure, "not a certificate request");
        pem_hint_path(data, failure);
    }
    pem_free(&mended);
    ERR_clear_error();
    return request;
}

/* Leaves errors in OpenSSL's queue. */
static bool is_signed(X509_REQ *request) {
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    return key && X509_REQ_verify(request, key) == 1;
}

static GENERAL_NAMES *get_alternatives(X509_REQ *request) {
    STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(request);
    GENERAL_NAMES *names = X509V3_get_d2i(all, NID_subject_alt_name, NULL, NULL);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    return names;
}

/* How many lists of extensions the attributes hold; one is allowed (RFC 2985, 5.4.2). */
static int count_lists(const X509_REQ *request) {
    int lists = 0;
    for (int i = 0; i < X509_REQ_get_attr_count(request); i++) {
        X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, i);
        int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute));
        if (nid == NID_ext_req || nid == NID_ms_ext_req) {
            int values = X509_ATTRIBUTE_count(attribute);
            lists += values ? values : 1;
        }
    }
    return lists;
}

/* Are there extensions that OpenSSL does not give, as it can't read any, or reads the first list
 * only? */
static bool hides_extensions(const X509_REQ *request, const STACK_OF(X509_EXTENSION) * all) {
    int lists = count_lists(request);
    return lists > 1 || (!all && lists);
}

static void list_faults(CsrInfo *info, const X509_REQ *request,
                        const STACK_OF(X509_EXTENSION) * all) {
    faults_list(&info->pool, all, &info->malformed);
    if (!hides_extensions(request, all)) return;
    info->malformed = (InfoNames){pool_take(&info->pool, sizeof *info->malformed.items), 0};
    if (!info->malformed.items) return;
    Bytes name = {(const uint8_t *)"extReq", 6};
    info->malformed.items[info->malformed.count++] = (InfoName){"extension", name};
}

static bool check_extensions(X509_REQ *request, Failure *failure) {
    ERR_clear_error();
    STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(request);
    bool hidden = hides_extensions(request, all);
    bool ran_out = hidden && failure_of_memory(failure);
    if (hidden && !ran_out)
        failure_set(failure, "malformed extension: not all of them can be read");
    bool sound = !hidden && faults_check(all, failure);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    ERR_clear_error();
    return sound;
}

static GENERAL_NAMES *check_alternatives(X509_REQ *request, Failure *failure) {
    GENERAL_NAMES *names = get_alternatives(request);
    if (failure_of_memory(failure)) {
        GENERAL_NAMES_free(names);
        return NULL;
    }
    if (!names) names = GENERAL_NAMES_new();
    if (!names) failure_set(failure, "out of memory");
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        if (name_is_sound(sk_GENERAL_NAME_value(names, i))) continue;
        failure_set(failure,
                    "request not usable: it asks for an alternative name that is no proper "
                    "DNS name, IP address, email address or URI: give :san");
        GENERAL_NAMES_free(names);
        return NULL;
    }
    return names;
}

bool csr_take(X509_REQ *request, EVP_PKEY **key, X509_NAME **subject, GENERAL_NAMES **alternatives,
              Failure *failure) {
    ERR_clear_error();
    if (!is_signed(request)) {
        if (failure_of_memory(failure)) return false;
        return failure_set(failure, "request not usable: its signature does not verify");
    }
    if (!check_extensions(request, failure)) {
        return failure_prefix(failure, "request not usable");
    }
    if (name_has_nul(X509_REQ_get_subject_name(request))) {
        return failure_set(failure, "request not usable: its subject has a NUL byte inside");
    }
    *key = X509_REQ_get_pubkey(request);
    *subject = X509_NAME_dup(X509_REQ_get_subject_name(request));
    if (!*key || !*subject) return failure_openssl(failure, "request not usable");
    if (alternatives) *alternatives = check_alternatives(request, failure);
    return !alternatives || *alternatives;
}

static void read_public_key(CsrInfo *info, X509_REQ *request) {
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    ASN1_OBJECT *algorithm = NULL;
    Failure ignored;
    size_t length = 0;
    char *pem = key ? keys_public_pem(key, &length, &ignored) : NULL;
    if (key && !pem) info->pool.failed = true;
    info->public_key = pool_copy(&info->pool, (Bytes){(const uint8_t *)pem, length});
    OPENSSL_free(pem);
    if (key) {
        keyfacts_of(key, &info->key);
    } else if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL,
                                      X509_REQ_get_X509_PUBKEY(request))) {
        keyfacts_of_algorithm(algorithm, &info->key);
    }
}

static void read_challenge(CsrInfo *info, const X509_REQ *request) {
    int at = X509_REQ_get_attr_by_NID(request, NID_pkcs9_challengePassword, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? X509_REQ_get_attr(request, at) : NULL;
    if (attribute) {
        info->challenge = attribute_text(&info->pool, X509_ATTRIBUTE_get0_type(attribute, 0));
    }
}

static void read_attributes(CsrInfo *info, const X509_REQ *request) {
    int count = X509_REQ_get_attr_count(request);
    size_t room = count > 0 ? (size_t)count : 0;
    info->attributes = pool_take(&info->pool, room * sizeof *info->attributes);
    for (int i = 0; info->attributes && i < count; i++) {
        attribute_read(&info->pool, X509_REQ_get_attr(request, i),
                       info->attributes + info->attribute_count++);
    }
}

bool csr_info_read(CsrInfo *info, X509_REQ *request, Failure *failure) {
    memset(info, 0, sizeof *info);
    ERR_clear_error();
    Pool *pool = &info->pool;
    info->version = x509info_version(X509_REQ_get_version(request));
    x509info_name(pool, X509_REQ_get_subject_name(request), &info->subject, &info->subject_text);
    GENERAL_NAMES *names = get_alternatives(request);
    x509info_alternatives(pool, names, &info->alternatives);
    GENERAL_NAMES_free(names);
    STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(request);
    x509info_extensions(pool, all, &info->extensions);
    list_faults(info, request, all);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    const char *signature = OBJ_nid2sn(X509_REQ_get_signature_nid(request));
    info->signature_algorithm =
        pool_copy(pool, (Bytes){(const uint8_t *)signature, strlen(signature)});
    read_public_key(info, request);
    read_challenge(info, request);
    read_attributes(info, request);
    info->is_signed = is_signed(request);
    pool_settle(pool);
    return !pool->failed || failure_set(failure, "out of memory");
}

void csr_info_free(CsrInfo *info) {
    pool_free(&info->pool);
    memset(info, 0, sizeof *info);
}
