#include "core/pki/smime.h"

#include "core/crypto/base64.h"
#include "core/keys/pem.h"

#include <openssl/err.h>
#include <string.h>

#define LINE_LENGTH 76      /* of Base64, RFC 2045, 6.8 */
#define MAX_LINE_LENGTH 998 /* RFC 5322, 2.1.1 */

CMS_ContentInfo *smime_read(Bytes mail, BIO **content, Failure *failure) {
    ERR_clear_error();
    *content = NULL;
    BIO *bio = cms_reader(mail, failure);
    if (!bio) return NULL;
    CMS_ContentInfo *message = SMIME_read_CMS(bio, content);
    if (!message) {
        failure_openssl(failure, "not an S/MIME message");
        pem_hint_path(mail, failure);
    }
    BIO_free(bio);
    ERR_clear_error();
    return message;
}

/* OpenSSL ends lines of Base64 without CR. */
static uint8_t *end_lines(const uint8_t *text, size_t length, size_t *written) {
    uint8_t *out = OPENSSL_malloc(2 * length + 1), *at = out;
    for (size_t i = 0; out && i < length; i++) {
        if (text[i] == '\n' && (!i || text[i - 1] != '\r')) *at++ = '\r';
        *at++ = text[i];
    }
    *written = out ? (size_t)(at - out) : 0;
    return out;
}

uint8_t *smime_write(CMS_ContentInfo *message, Bytes entity, size_t *length, Failure *failure) {
    ERR_clear_error();
    /* The digest is there already: the flag keeps OpenSSL from signing once more. */
    int flags = CMS_CRLFEOL | (entity.data ? CMS_DETACHED | CMS_REUSE_DIGEST : 0);
    BIO *bio = BIO_new(BIO_s_mem());
    BIO *reader = entity.data ? cms_reader(entity, failure) : NULL;
    uint8_t *mail = NULL;
    char *text;
    if (bio && (reader || !entity.data) && SMIME_write_CMS(bio, message, reader, flags)) {
        long size = BIO_get_mem_data(bio, &text);
        mail = end_lines((const uint8_t *)text, (size_t)size, length);
    }
    if (!mail) failure_openssl(failure, "message not written");
    BIO_free(reader);
    BIO_free(bio);
    return mail;
}

static bool is_plain(Bytes text) {
    size_t line = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        line = byte == '\n' ? 0 : line + 1;
        if (!byte || byte >= 0x80 || line > MAX_LINE_LENGTH) return false;
    }
    return true;
}

static size_t write_lines(uint8_t *out, const uint8_t *base64, size_t length) {
    uint8_t *at = out;
    for (size_t i = 0; i < length; i += LINE_LENGTH) {
        size_t line = length - i < LINE_LENGTH ? length - i : LINE_LENGTH;
        memcpy(at, base64 + i, line);
        at += line;
        *at++ = '\r';
        *at++ = '\n';
    }
    return (size_t)(at - out);
}

bool smime_wrap_text(Bytes text, PemSource *entity, Failure *failure) {
    static const char plain[] = "Content-Type: text/plain; charset=us-ascii\r\n\r\n";
    static const char encoded[] = "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Transfer-Encoding: base64\r\n\r\n";
    bool as_is = is_plain(text);
    const char *header = as_is ? plain : encoded;
    size_t header_length = strlen(header);
    size_t base64_length = base64_encoded_length(BASE64_STANDARD, text.length);
    uint8_t *base64 = as_is ? NULL : OPENSSL_malloc(base64_length + 1);
    entity->length = header_length + 2 * (as_is ? text.length : base64_length) + 2;
    entity->bytes = OPENSSL_malloc(entity->length);
    if (!entity->bytes || (!as_is && !base64)) {
        OPENSSL_free(base64);
        return failure_set(failure, "out of memory");
    }
    uint8_t *body = entity->bytes + header_length;
    memcpy(entity->bytes, header, header_length);
    if (as_is && text.length) memcpy(body, text.data, text.length);
    if (!as_is) base64_encode(BASE64_STANDARD, text, base64);
    entity->length =
        header_length + (as_is ? text.length : write_lines(body, base64, base64_length));
    OPENSSL_clear_free(base64, base64_length);
    return true;
}
