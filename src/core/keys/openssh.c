#define _GNU_SOURCE /* memmem */
#include "core/keys/openssh.h"

#include "core/keys/encoding.h"
#include "core/keys/keygen.h"
#include "core/keys/openssh_cipher.h"
#include "core/keys/ssh_key.h"
#include "core/keys/ssh_wire.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#define LABEL "OPENSSH PRIVATE KEY"
#define MAGIC "openssh-key-v1" /* with the NUL at its end */
#define PLAIN_BLOCK 8
#define MAX_COMMENT 1024
#define MAX_LINE (KEYGEN_MAX_BITS / 4 + MAX_COMMENT)

static EVP_PKEY *refuse(Failure *failure, const char *why) {
    failure_set(failure, "not a usable OpenSSH key: %s", why);
    return NULL;
}

/* --- public keys --- */

/* The next word of a line. */
static Bytes take_word(Bytes *line) {
    const uint8_t *at = line->data, *end = at + line->length;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    const uint8_t *begin = at;
    while (at<end && * at> ' ') at++;
    *line = (Bytes){at, (size_t)(end - at)};
    return (Bytes){begin, (size_t)(at - begin)};
}

static bool begins_with(Bytes data, const char *text) {
    return data.length > strlen(text) && !memcmp(data.data, text, strlen(text));
}

bool openssh_is_public(Bytes data) {
    Bytes word = take_word(&data);
    bool named = begins_with(word, "ssh-") || begins_with(word, "ecdsa-sha2-") ||
                 begins_with(word, "sk-ssh-") || begins_with(word, "sk-ecdsa-");
    return named && data.length && (*data.data == ' ' || *data.data == '\t');
}

static bool is_base64(Bytes text) {
    size_t padding = 0;
    if (!text.length || text.length % 4) return false;
    while (padding < 2 && text.data[text.length - padding - 1] == '=') padding++;
    for (size_t i = 0; i < text.length - padding; i++) {
        uint8_t c = text.data[i], letter = c | 0x20;
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '/') {
            return false;
        }
    }
    return true;
}

static bool decode_blob(Bytes text, uint8_t *blob, size_t *length) {
    if (text.length > MAX_LINE || !is_base64(text)) return false;
    int decoded = EVP_DecodeBlock(blob, text.data, (int)text.length);
    size_t padding = 0;
    while (padding < 2 && text.data[text.length - padding - 1] == '=') padding++;
    *length = decoded > 0 ? (size_t)decoded - padding : 0;
    return decoded > 0;
}

/* One line; a second one would be a second key, which is not read. */
static bool is_one_line(Bytes data) {
    const uint8_t *end = memchr(data.data, '\n', data.length);
    for (; end && end < data.data + data.length; end++) {
        if (*end > ' ') return false;
    }
    return true;
}

static EVP_PKEY *read_line(Bytes line, Failure *failure) {
    uint8_t blob[MAX_LINE / 4 * 3];
    size_t length;
    Bytes type = take_word(&line), text = take_word(&line), inner;
    if (!decode_blob(text, blob, &length)) return refuse(failure, "its Base64 is damaged");
    Bytes all = {blob, length}, rest = all;
    if (!ssh_take_string(&rest, &inner) || inner.length != type.length ||
        memcmp(inner.data, type.data, type.length)) {
        return refuse(failure, "its type is not that of its bytes");
    }
    return ssh_key_read_public(all, failure);
}

/* --- the block of a private key --- */

typedef struct Container {
    PemSource owned;
    Bytes public_blob;
    OpensshSealed sealed; /* the private part */
} Container;

static bool split_container(Container *container, Bytes rest) {
    uint32_t keys;
    OpensshSealed *sealed = &container->sealed;
    bool magic = rest.length > sizeof MAGIC && !memcmp(rest.data, MAGIC, sizeof MAGIC);
    if (!magic) return false;
    rest = (Bytes){rest.data + sizeof MAGIC, rest.length - sizeof MAGIC};
    bool taken = ssh_take_string(&rest, &sealed->cipher) && ssh_take_string(&rest, &sealed->kdf) &&
                 ssh_take_string(&rest, &sealed->kdf_options) && ssh_take_uint32(&rest, &keys) &&
                 keys == 1 && ssh_take_string(&rest, &container->public_blob) &&
                 ssh_take_string(&rest, &sealed->part);
    sealed->tag = rest;
    return taken;
}

static void close_container(Container *container) {
    OPENSSL_clear_free(container->owned.bytes, container->owned.length);
}

static bool open_container(Container *container, Bytes data, Failure *failure) {
    *container = (Container){.owned = {NULL, 0}};
    if (!encoding_block(data, LABEL, &container->owned) ||
        !split_container(container, (Bytes){container->owned.bytes, container->owned.length})) {
        close_container(container);
        return failure_set(failure, "not a usable OpenSSH key: damaged");
    }
    return true;
}

static bool is_encrypted(const Container *container) {
    const OpensshSealed *sealed = &container->sealed;
    return !ssh_is_text(sealed->cipher, "none") || !ssh_is_text(sealed->kdf, "none");
}

bool openssh_is_private(Bytes data) {
    static const char begin[] = "-----BEGIN " LABEL "-----";
    return memmem(data.data, data.length, begin, sizeof begin - 1);
}

EVP_PKEY *openssh_read_public(Bytes data, Failure *failure) {
    Container container;
    if (!openssh_is_private(data)) {
        return is_one_line(data) ? read_line(data, failure)
                                 : refuse(failure, "more than one line: give one key");
    }
    if (!open_container(&container, data, failure)) return NULL;
    EVP_PKEY *key = ssh_key_read_public(container.public_blob, failure);
    close_container(&container);
    return key;
}

static bool is_padding(Bytes rest) {
    for (size_t i = 0; i < rest.length; i++) {
        if (rest.data[i] != i + 1) return false;
    }
    return rest.length < OPENSSH_CIPHER_BLOCK;
}

/* After decryption, two equal numbers tell that the password was right. */
static EVP_PKEY *read_private_part(Bytes rest, bool was_encrypted, Failure *failure) {
    uint32_t check, same;
    Bytes comment;
    if (!ssh_take_uint32(&rest, &check) || !ssh_take_uint32(&rest, &same) || check != same) {
        if (!was_encrypted) return refuse(failure, "damaged");
        failure_set(failure, "private key is encrypted: wrong password or damaged key");
        return NULL;
    }
    EVP_PKEY *key = ssh_key_read_private(&rest, failure);
    if (!key || (ssh_take_string(&rest, &comment) && is_padding(rest))) return key;
    EVP_PKEY_free(key);
    return refuse(failure, "damaged");
}

/* The halves stand in different parts of the block. */
static bool fits_public(const Container *container, const EVP_PKEY *key, Failure *failure) {
    EVP_PKEY *public_key = ssh_key_read_public(container->public_blob, failure);
    bool fits = public_key && EVP_PKEY_eq(public_key, key) == 1;
    if (public_key && !fits) refuse(failure, "its halves belong to different keys");
    EVP_PKEY_free(public_key);
    return fits;
}

static EVP_PKEY *decrypt_private_part(const OpensshSealed *sealed, Bytes password,
                                      Failure *failure) {
    if (!password.data) {
        failure_set(failure, "private key is encrypted: give its password");
        return NULL;
    }
    size_t length = sealed->part.length;
    uint8_t *plain = OPENSSL_malloc(length + 1);
    if (!plain) failure_set(failure, "out of memory");
    bool opened = plain && openssh_decrypt(sealed, password, plain, failure);
    EVP_PKEY *key = opened ? read_private_part((Bytes){plain, length}, true, failure) : NULL;
    OPENSSL_clear_free(plain, length + 1);
    return key;
}

static EVP_PKEY *read_container(const Container *container, Bytes password, Failure *failure) {
    const OpensshSealed *sealed = &container->sealed;
    EVP_PKEY *key = is_encrypted(container) ? decrypt_private_part(sealed, password, failure)
                                            : read_private_part(sealed->part, false, failure);
    if (!key || fits_public(container, key, failure)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *openssh_read_private(Bytes data, Bytes password, Failure *failure) {
    Container container;
    if (!open_container(&container, data, failure)) return NULL;
    EVP_PKEY *key = read_container(&container, password, failure);
    close_container(&container);
    ERR_clear_error();
    return key;
}

static void copy_name(char *into, size_t size, Bytes name) {
    size_t length = name.length < size ? name.length : size - 1;
    memcpy(into, name.data, length);
    into[length] = 0;
}

bool openssh_facts(Bytes data, OpensshFacts *facts, Failure *failure) {
    Container container;
    memset(facts, 0, sizeof *facts);
    if (!open_container(&container, data, failure)) return false;
    copy_name(facts->cipher, sizeof facts->cipher, container.sealed.cipher);
    copy_name(facts->kdf, sizeof facts->kdf, container.sealed.kdf);
    facts->public_key = ssh_key_read_public(container.public_blob, failure);
    close_container(&container);
    return facts->public_key;
}

/* --- writing --- */

static bool is_comment(Bytes comment, Failure *failure) {
    if (comment.length > MAX_COMMENT) {
        return failure_set(failure, "comment not usable: longer than %d bytes", MAX_COMMENT);
    }
    for (size_t i = 0; i < comment.length; i++) {
        if (comment.data[i] < ' ' || comment.data[i] == 0x7f) {
            return failure_set(failure, "comment not usable: it holds a control character");
        }
    }
    return true;
}

static bool write_text(BIO *into, const void *text, size_t length) {
    return BIO_write(into, text, (int)length) == (int)length;
}

static bool write_line(const char *type, Bytes blob, Bytes comment, BIO *into) {
    size_t length = (blob.length + 2) / 3 * 4;
    char *text = OPENSSL_malloc(length + 1);
    bool written = text && EVP_EncodeBlock((unsigned char *)text, blob.data, (int)blob.length) &&
                   write_text(into, type, strlen(type)) && write_text(into, " ", 1) &&
                   write_text(into, text, length) &&
                   (!comment.length ||
                    (write_text(into, " ", 1) && write_text(into, comment.data, comment.length))) &&
                   write_text(into, "\n", 1);
    OPENSSL_free(text);
    return written;
}

/* Up to a whole block. Without a cipher, OpenSSH pads to 8 bytes. */
static bool write_padding(BIO *into, size_t block) {
    uint8_t count = 0;
    bool written = true;
    while (written && ssh_written(into).length % block) {
        count++;
        written = write_text(into, &count, 1);
    }
    return written;
}

/* A reader that decrypts the part compares the two random numbers: a wrong password makes them
 * differ. */
static bool write_private_part(EVP_PKEY *key, const OpensshWriting *writing, BIO *into,
                               Failure *failure) {
    uint8_t random[4];
    size_t block = writing->password.data ? OPENSSH_CIPHER_BLOCK : PLAIN_BLOCK;
    uint32_t check;
    Bytes view = {random, sizeof random};
    return RAND_bytes(random, sizeof random) == 1 && ssh_take_uint32(&view, &check) &&
           ssh_put_uint32(into, check) && ssh_put_uint32(into, check) &&
           ssh_key_write_private(key, into, failure) && ssh_put_string(into, writing->comment) &&
           write_padding(into, block);
}

static bool write_container(const OpensshSealed *sealed, Bytes blob, BIO *into) {
    return write_text(into, MAGIC, sizeof MAGIC) && ssh_put_string(into, sealed->cipher) &&
           ssh_put_string(into, sealed->kdf) && ssh_put_string(into, sealed->kdf_options) &&
           ssh_put_uint32(into, 1) && ssh_put_string(into, blob) &&
           ssh_put_string(into, sealed->part);
}

static Bytes text_bytes(const char *text) {
    return (Bytes){(const uint8_t *)text, strlen(text)};
}

/* Encrypts the part in place, if there is a password. */
static bool seal(BIO *part, Bytes password, BIO *options, OpensshSealed *sealed, Failure *failure) {
    Bytes bytes = ssh_written(part);
    *sealed = (OpensshSealed){.cipher = text_bytes("none"),
                              .kdf = text_bytes("none"),
                              .kdf_options = text_bytes(""),
                              .part = bytes};
    if (!password.data) return true;
    if (!openssh_encrypt(password, (uint8_t *)(uintptr_t)bytes.data, bytes.length, options,
                         failure)) {
        return false;
    }
    sealed->cipher = text_bytes(OPENSSH_CIPHER);
    sealed->kdf = text_bytes("bcrypt");
    sealed->kdf_options = ssh_written(options);
    return true;
}

static bool write_private(EVP_PKEY *key, Bytes blob, const OpensshWriting *writing, BIO *into,
                          Failure *failure) {
    OpensshSealed sealed;
    BIO *part = BIO_new(BIO_s_secmem()), *whole = BIO_new(BIO_s_secmem());
    BIO *options = BIO_new(BIO_s_mem());
    bool written = part && whole && options && write_private_part(key, writing, part, failure) &&
                   seal(part, writing->password, options, &sealed, failure) &&
                   write_container(&sealed, blob, whole);
    if (written) {
        Bytes bytes = ssh_written(whole);
        written = PEM_write_bio(into, LABEL, "", bytes.data, (long)bytes.length) > 0;
    }
    BIO_free(part);
    BIO_free(whole);
    BIO_free(options);
    return written;
}

bool openssh_write(EVP_PKEY *key, bool is_private, const OpensshWriting *writing, BIO *into,
                   Failure *failure) {
    const char *type = ssh_key_type(key, failure);
    if (!type || !is_comment(writing->comment, failure)) return false;
    BIO *blob = BIO_new(BIO_s_mem());
    bool written = blob && ssh_key_write_public(key, blob, failure);
    if (written) {
        written = is_private ? write_private(key, ssh_written(blob), writing, into, failure)
                             : write_line(type, ssh_written(blob), writing->comment, into);
    }
    BIO_free(blob);
    return written || failure_openssl(failure, "key not written");
}
