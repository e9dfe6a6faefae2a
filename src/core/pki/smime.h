/* CMS messages as mail (S/MIME, RFC 8551). */
#ifndef JSEC_CORE_SMIME_H
#define JSEC_CORE_SMIME_H

#include "core/keys/encoding.h"
#include "core/pki/cms.h"

/* The message in a mail: multipart/signed, whose first part is `content` then, in its canonical
 * form, or application/pkcs7-mime, with NULL as `content`. The caller frees both; NULL on
 * failure. */
CMS_ContentInfo *smime_read(Bytes mail, BIO **content, Failure *failure);

/* A mail without the headers of mail: multipart/signed with `entity` as the first part, for a
 * detached signature, or application/pkcs7-mime if entity.data is NULL. Lines end in CRLF. The
 * caller frees the result with OPENSSL_free; NULL on failure. */
uint8_t *smime_write(CMS_ContentInfo *message, Bytes entity, size_t *length, Failure *failure);

/* A MIME entity of text/plain, in Base64 unless it is ASCII with short lines, for pem_free. */
bool smime_wrap_text(Bytes text, PemSource *entity, Failure *failure);

#endif
