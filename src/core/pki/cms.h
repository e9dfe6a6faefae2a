/* Signed and encrypted messages (CMS, RFC 5652; once PKCS#7). */
#ifndef JSEC_CORE_CMS_H
#define JSEC_CORE_CMS_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/pki/attribute.h"
#include "core/pki/chain.h"
#include "core/pki/x509info.h"

#include <openssl/pem.h> /* first, or cms.h does not declare PEM_read_bio_CMS */

#include <openssl/cms.h>

/* A memory BIO that reads the data; NULL on failure. */
BIO *cms_reader(Bytes data, Failure *failure);

/* PEM ("CMS" or "PKCS7"), DER or BER. The caller frees it with CMS_ContentInfo_free. */
CMS_ContentInfo *cms_read(Bytes data, Failure *failure);

/* The caller frees the result with OPENSSL_free; NULL on failure. */
uint8_t *cms_write(CMS_ContentInfo *message, bool pem, size_t *length, Failure *failure);

typedef struct CmsSigning {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * others; /* added for verifiers; may be NULL */
    const EVP_MD *digest;    /* NULL: the default for the key */
    bool detached;
    bool is_mime; /* a MIME entity: lines end in CRLF (RFC 8551, 3.1.1); else bytes as they are */
} CmsSigning;

CMS_ContentInfo *cms_sign(Bytes data, const CmsSigning *signing, Failure *failure);

typedef struct CmsChecking {
    Bytes detached;                 /* the data, if the message does not hold it */
    STACK_OF(X509) * intermediates; /* beside those in the message; may be NULL */
    bool signatures_only;           /* every signer is trusted */
    ChainQuery query;               /* of each signer's certificate; no roots: none is trusted */
} CmsChecking;

typedef struct CmsSigner {
    X509 *certificate;     /* borrowed from the verdict's signers */
    const char *digest;    /* "sha256" … or OpenSSL's name of others */
    InfoTime time;         /* of signing, as the signer says */
    Attribute *attributes; /* signed */
    size_t count;
} CmsSigner;

/* Zeroed at birth; cms_verdict_free frees what it points to. */
typedef struct CmsVerdict {
    bool valid;
    char reason[900];                  /* when not */
    BIO *content;                      /* NULL: there was none */
    STACK_OF(X509) * signers, *others; /* others: all certificates of the message */
    Pool pool;
    CmsSigner *infos; /* one for each signature; NULL where one is wrong */
    size_t info_count;
} CmsVerdict;

/* False, without a verdict, when the message is not signed, or its data is missing or given
 * twice. */
bool cms_verify(CMS_ContentInfo *message, const CmsChecking *checking, CmsVerdict *verdict,
                Failure *failure);
void cms_verdict_free(CmsVerdict *verdict);

typedef struct CmsEncrypting {
    STACK_OF(X509) * recipients; /* may be empty if there is a password */
    Bytes password;              /* of one more recipient (RFC 5652, 6.2.4); NULL data: none */
    const EVP_CIPHER *cipher;
    bool oaep;
    bool is_mime; /* as in CmsSigning */
} CmsEncrypting;

/* Encrypt for each recipient: RSA keys by PKCS#1 v1.5 or OAEP with SHA-256, EC keys by ECDH with
 * the X9.63 KDF over SHA-256. */
CMS_ContentInfo *cms_encrypt(Bytes data, const CmsEncrypting *encrypting, Failure *failure);

/* The plaintext in a memory BIO that cleanses its memory; NULL on failure. Opened by a certificate
 * and its key or, if the certificate is NULL, by a password. */
BIO *cms_decrypt(CMS_ContentInfo *message, X509 *certificate, EVP_PKEY *key, Failure *failure);
BIO *cms_decrypt_by_password(CMS_ContentInfo *message, Bytes password, Failure *failure);

/* A message that contains only certificates. */
CMS_ContentInfo *cms_certificates(STACK_OF(X509) * certificates, Failure *failure);

/* The certificates of a signed or certificates-only message; NULL on failure. */
STACK_OF(X509) * cms_get_certificates(CMS_ContentInfo *message, Failure *failure);

#endif
