#define _GNU_SOURCE /* memmem */
#include "core/pki/cms.h"

#include "core/algorithms.h"
#include "core/keys/encoding.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/keys/pem_lines.h"
#include "core/pki/issue.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

BIO *cms_reader(Bytes data, Failure *failure) {
    BIO *bio = data.length <= INT32_MAX ? BIO_new_mem_buf(data.data, (int)data.length) : NULL;
    if (!bio) failure_set(failure, "data too large, or out of memory");
    return bio;
}

static CMS_ContentInfo *read_message(Bytes data, Failure *failure) {
    static char no_password[] = ""; /* or OpenSSL would prompt on the terminal */
    BIO *bio = cms_reader(data, failure);
    if (!bio) return NULL;
    CMS_ContentInfo *message = encoding_is_pem(data)
                                   ? PEM_read_bio_CMS(bio, NULL, NULL, no_password)
                                   : d2i_CMS_bio(bio, NULL);
    if (!message) {
        bool is_old = memmem(data.data, data.length, "PKCS7-----", 10);
        pem_explain(data, is_old ? "PKCS7" : "CMS", failure);
        failure_prefix(failure, "not a CMS message");
        pem_hint_path(data, failure);
    }
    BIO_free(bio);
    return message;
}

CMS_ContentInfo *cms_read(Bytes data, Failure *failure) {
    PemSource mended;
    ERR_clear_error();
    if (!pem_lines_mend(&data, &mended, failure)) return NULL;
    CMS_ContentInfo *message = read_message(data, failure);
    pem_free(&mended);
    ERR_clear_error();
    return message;
}

static bool is_signed(CMS_ContentInfo *message) {
    return OBJ_obj2nid(CMS_get0_type(message)) == NID_pkcs7_signed;
}

static int count_signers(CMS_ContentInfo *message) {
    STACK_OF(CMS_SignerInfo) *signers = is_signed(message) ? CMS_get0_SignerInfos(message) : NULL;
    return signers ? sk_CMS_SignerInfo_num(signers) : 0;
}

/* A message of certificates alone has the older label: readers of .p7b files often know no other.
 * */
static bool write_pem(BIO *bio, CMS_ContentInfo *message) {
    bool bare = is_signed(message) && !count_signers(message);
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(message, &der);
    bool written =
        length > 0 && PEM_write_bio(bio, bare ? PEM_STRING_PKCS7 : PEM_STRING_CMS, "", der, length);
    OPENSSL_free(der);
    return written;
}

uint8_t *cms_write(CMS_ContentInfo *message, bool pem, size_t *length, Failure *failure) {
    BIO *bio = BIO_new(BIO_s_mem());
    uint8_t *copy = NULL;
    char *bytes;
    bool written = bio && (pem ? write_pem(bio, message) : i2d_CMS_bio(bio, message));
    if (written) {
        *length = (size_t)BIO_get_mem_data(bio, &bytes);
        copy = OPENSSL_memdup(bytes, *length);
    }
    if (!copy) failure_openssl(failure, "message not written");
    BIO_free(bio);
    return copy;
}

static bool add_certificates(CMS_ContentInfo *message, const STACK_OF(X509) * certificates) {
    for (int i = 0; certificates && i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        /* the signer's certificate is in the message already */
        if (!CMS_add1_cert(message, certificate)) {
            if (ERR_GET_REASON(ERR_peek_last_error()) != CMS_R_CERTIFICATE_ALREADY_PRESENT) {
                return false;
            }
            ERR_clear_error();
        }
    }
    return true;
}

/* OpenSSL writes the PKCS#1 v1.5 scheme unless the signer's context has another padding. The salt
 * is as long as the digest (RFC 4055), or what the parameters of the key prescribe. */
static bool set_padding(CMS_SignerInfo *signer, EVP_PKEY *key) {
    EVP_PKEY_CTX *context = CMS_SignerInfo_get0_pkey_ctx(signer);
    if (!EVP_PKEY_is_a(key, "RSA-PSS")) return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) <= 0) return false;
    return keys_prescribed_digest(key) ||
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool add_signer(CMS_ContentInfo *message, const CmsSigning *signing, const EVP_MD *digest,
                       unsigned int flags) {
    if (EVP_PKEY_is_a(signing->key, "RSA-PSS")) flags |= CMS_KEY_PARAM;
    CMS_SignerInfo *signer =
        CMS_add1_signer(message, signing->certificate, signing->key, digest, flags);
    return signer && set_padding(signer, signing->key);
}

CMS_ContentInfo *cms_sign(Bytes data, const CmsSigning *signing, Failure *failure) {
    ERR_clear_error();
    if (X509_check_private_key(signing->certificate, signing->key) != 1) {
        ERR_clear_error();
        failure_set(failure, "not signed: the key does not match the certificate");
        return NULL;
    }
    const EVP_MD *digest;
    if (!issue_can_sign(signing->key, failure) ||
        !issue_digest(signing->key, signing->digest, &digest, failure)) {
        return NULL;
    }
    BIO *bio = cms_reader(data, failure);
    if (!bio) return NULL;
    unsigned int flags = CMS_PARTIAL | (signing->is_mime ? 0 : CMS_BINARY);
    if (signing->detached) flags |= CMS_DETACHED;
    CMS_ContentInfo *message = CMS_sign(NULL, NULL, NULL, NULL, flags);
    bool made = message && add_signer(message, signing, digest, flags) &&
                add_certificates(message, signing->others) && CMS_final(message, bio, NULL, flags);
    BIO_free(bio);
    if (made) return message;
    if (digest) failure_openssl(failure, "not signed");
    if (!digest) {
        ERR_clear_error();
        failure_set(failure, "not signed: %s keys sign no CMS messages in this OpenSSL",
                    EVP_PKEY_get0_type_name(signing->key));
    }
    CMS_ContentInfo_free(message);
    return NULL;
}

/* --- verifying --- */

static bool holds_content(CMS_ContentInfo *message) {
    ASN1_OCTET_STRING **content = CMS_get0_content(message);
    return content && *content;
}

static bool refuse(CmsVerdict *verdict, const char *what, const char *why) {
    verdict->valid = false;
    snprintf(verdict->reason, sizeof verdict->reason, "%s%s%.512s", what, why ? ": " : "",
             why ? why : "");
    return false;
}

/* OpenSSL 3.0.19 copies a plain memory BIO and leaks the copy when the message can't be read. A
 * filter in front avoids the copy. The caller frees it with BIO_free_all. */
static BIO *open_detached(Bytes content) {
    Failure ignored;
    BIO *filter = BIO_new(BIO_f_null()), *reader = cms_reader(content, &ignored);
    if (filter && reader) return BIO_push(filter, reader);
    BIO_free(filter);
    BIO_free(reader);
    return NULL;
}

/* Check each signature over the content; the signers are not verified here. */
static bool check_signatures(CMS_ContentInfo *message, const CmsChecking *checking,
                             CmsVerdict *verdict) {
    if (!count_signers(message)) {
        return refuse(verdict, "the message has no signature", NULL);
    }
    unsigned int flags = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY;
    BIO *detached = checking->detached.data ? open_detached(checking->detached) : NULL;
    bool holds = CMS_verify(message, checking->intermediates, NULL, detached, NULL, flags) == 1;
    BIO_free_all(detached);
    if (holds) return true;
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return refuse(verdict, "signature does not verify", why);
}

/* Bits of security against collisions; for SHA-1 and MD5 the values that OpenSSL uses for
 * certificates. */
static int get_digest_bits(int nid) {
    if (nid == NID_md5) return 39;
    if (nid == NID_sha1) return 63;
    const EVP_MD *digest = EVP_get_digestbynid(nid);
    return digest ? EVP_MD_get_size(digest) * 4 : 0;
}

/* OpenSSL applies the security level to certificates, not to the signatures of the message. */
static bool check_digests(CMS_ContentInfo *message, int level, CmsVerdict *verdict) {
    static const int min[] = {0, 80, 112, 128, 192, 256};
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(message);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++) {
        X509_ALGOR *algorithm;
        const ASN1_OBJECT *object;
        CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, i), NULL, NULL, &algorithm, NULL);
        X509_ALGOR_get0(&object, NULL, NULL, algorithm);
        int nid = OBJ_obj2nid(object);
        if (get_digest_bits(nid) >= min[level]) continue;
        char why[128];
        snprintf(why, sizeof why, "%s: allow that with :security-level %d", OBJ_nid2sn(nid),
                 level > 2 ? 2 : 0);
        return refuse(verdict, "signature over a digest that is too weak", why);
    }
    return true;
}

static bool check_trust(const CmsChecking *checking, CmsVerdict *verdict, Failure *failure) {
    for (int i = 0; i < sk_X509_num(verdict->signers); i++) {
        ChainQuery query = checking->query;
        ChainAnswer answer;
        query.leaf = sk_X509_value(verdict->signers, i);
        query.intermediates = verdict->others;
        if (!chain_verify(&query, &answer, failure)) return false;
        sk_X509_pop_free(answer.chain, X509_free);
        if (!answer.valid) {
            refuse(verdict, "signer's certificate not trusted", answer.reason);
            return true;
        }
    }
    return true;
}

static bool append_certificates(STACK_OF(X509) * to, const STACK_OF(X509) * from) {
    for (int i = 0; from && i < sk_X509_num(from); i++) {
        X509 *certificate = sk_X509_value(from, i);
        if (!X509_up_ref(certificate)) return false;
        if (!sk_X509_push(to, certificate)) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

/* CMS_get1_certs returns NULL both for a message without certificates and when out of memory; a
 * second call tells these apart more often. */
static STACK_OF(X509) * get_certificates(CMS_ContentInfo *message) {
    STACK_OF(X509) *all = CMS_get1_certs(message);
    if (!all) all = CMS_get1_certs(message);
    return all ? all : sk_X509_new_null();
}

/* Collect the content and the certificates, valid or not. */
static bool collect_content(CMS_ContentInfo *message, const CmsChecking *checking,
                            CmsVerdict *verdict, Failure *failure) {
    verdict->others = get_certificates(message);
    verdict->signers = sk_X509_new_null();
    verdict->content = BIO_new(BIO_s_mem());
    bool collected = verdict->others && verdict->signers && verdict->content;
    if (collected && holds_content(message)) {
        const ASN1_OCTET_STRING *content = *CMS_get0_content(message);
        int length = ASN1_STRING_length(content);
        collected = length <= 0 ||
                    BIO_write(verdict->content, ASN1_STRING_get0_data(content), length) == length;
    } else if (collected) {
        size_t written;
        collected =
            !checking->detached.length || BIO_write_ex(verdict->content, checking->detached.data,
                                                       checking->detached.length, &written);
    }
    ERR_clear_error();
    return collected || failure_set(failure, "out of memory");
}

/* Collect the certificate of every signer. A signer that is missing for want of memory would go
 * unverified: the count must match. */
static bool collect_signers(CMS_ContentInfo *message, const CmsChecking *checking,
                            CmsVerdict *verdict, Failure *failure) {
    STACK_OF(X509) *signers = CMS_get0_signers(message);
    bool collected = append_certificates(verdict->signers, signers) &&
                     sk_X509_num(verdict->signers) == count_signers(message) &&
                     append_certificates(verdict->others, checking->intermediates);
    sk_X509_free(signers);
    return collected || failure_set(failure, "out of memory");
}

static const char *get_digest_name(Pool *pool, CMS_SignerInfo *info) {
    X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    Failure ignored;
    CMS_SignerInfo_get0_algs(info, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    int nid = OBJ_obj2nid(object);
    if (nid == NID_undef) return (const char *)x509info_oid(pool, object).data;
    const char *name = OBJ_nid2sn(nid);
    const DigestRow *row =
        algorithms_digest((Bytes){(const uint8_t *)name, strlen(name)}, &ignored);
    return row ? row->name.text : name;
}

/* The time in the signed attributes (RFC 5652, 11.3). */
static InfoTime get_signing_time(const CMS_SignerInfo *info) {
    int at = CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *attribute = at >= 0 ? CMS_signed_get_attr(info, at) : NULL;
    const ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    int type = value ? ASN1_TYPE_get(value) : -1;
    bool is_time = type == V_ASN1_UTCTIME || type == V_ASN1_GENERALIZEDTIME;
    return x509info_time(is_time ? value->value.asn1_string : NULL);
}

static void read_signer(Pool *pool, CMS_SignerInfo *info, CmsSigner *into) {
    CMS_SignerInfo_get0_algs(info, NULL, &into->certificate, NULL, NULL);
    into->digest = get_digest_name(pool, info);
    into->time = get_signing_time(info);
    int count = CMS_signed_get_attr_count(info);
    into->attributes = pool_take(pool, (size_t)(count > 0 ? count : 0) * sizeof *into->attributes);
    for (int i = 0; into->attributes && i < count; i++) {
        attribute_read(pool, CMS_signed_get_attr(info, i), into->attributes + into->count++);
    }
}

static bool read_signers(CMS_ContentInfo *message, CmsVerdict *verdict, Failure *failure) {
    STACK_OF(CMS_SignerInfo) *all = CMS_get0_SignerInfos(message);
    int count = sk_CMS_SignerInfo_num(all);
    verdict->infos = pool_take(&verdict->pool, (size_t)count * sizeof *verdict->infos);
    for (int i = 0; verdict->infos && i < count; i++) {
        read_signer(&verdict->pool, sk_CMS_SignerInfo_value(all, i),
                    verdict->infos + verdict->info_count++);
    }
    pool_settle(&verdict->pool);
    return !verdict->pool.failed || failure_set(failure, "out of memory");
}

bool cms_verify(CMS_ContentInfo *message, const CmsChecking *checking, CmsVerdict *verdict,
                Failure *failure) {
    ERR_clear_error();
    bool has_anchor = sk_X509_num(checking->query.roots) > 0;
    if (!is_signed(message)) return failure_set(failure, "not a signed message");
    if (holds_content(message) && checking->detached.data) {
        return failure_set(failure, "the message holds its content: leave out :detached");
    }
    if (!collect_content(message, checking, verdict, failure)) return false;
    verdict->valid = check_signatures(message, checking, verdict);
    if (!verdict->valid) {
        if (!holds_content(message) && !checking->detached.data && count_signers(message)) {
            return failure_set(failure, "the signature is detached: give its data as :detached");
        }
        return true;
    }
    if (!collect_signers(message, checking, verdict, failure) ||
        !read_signers(message, verdict, failure)) {
        return false;
    }
    if (!check_digests(message, checking->query.security_level, verdict)) return true;
    if (checking->signatures_only) return true;
    if (!has_anchor) {
        refuse(verdict, "no certificate is trusted",
               "give :ca, or :verify false to check the signature alone");
        return true;
    }
    return check_trust(checking, verdict, failure);
}

void cms_verdict_free(CmsVerdict *verdict) {
    BIO_free(verdict->content);
    sk_X509_pop_free(verdict->signers, X509_free);
    sk_X509_pop_free(verdict->others, X509_free);
    pool_free(&verdict->pool);
    memset(verdict, 0, sizeof *verdict);
}

/* --- certificates alone --- */

CMS_ContentInfo *cms_certificates(STACK_OF(X509) * certificates, Failure *failure) {
    ERR_clear_error();
    CMS_ContentInfo *message =
        CMS_sign(NULL, NULL, NULL, NULL, CMS_DETACHED | CMS_BINARY | CMS_PARTIAL);
    if (message && add_certificates(message, certificates)) return message;
    failure_openssl(failure, "message not made");
    CMS_ContentInfo_free(message);
    return NULL;
}

STACK_OF(X509) * cms_get_certificates(CMS_ContentInfo *message, Failure *failure) {
    ERR_clear_error();
    if (!is_signed(message)) {
        failure_set(failure, "neither a signed message nor one of certificates");
        return NULL;
    }
    STACK_OF(X509) *all = get_certificates(message);
    ERR_clear_error();
    if (!all) failure_set(failure, "out of memory");
    return all;
}
