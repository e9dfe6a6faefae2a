#define _GNU_SOURCE /* memmem */
#include "core/keys/openssh.h"

#include "core/keys/encoding.h"
#include "core/keys/keygen.h"
#include "core/keys/ssh_key.h"
#include "core/keys/ssh_wire.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

#define LABEL "OPENSSH PRIVATE KEY"
#define MAGIC "openssh-key-v1" /* with the NUL at its end */
#define BLOCK 8                /* the block size of cipher "none" */
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
    Bytes cipher, kdf, kdf_options, public_blob, private_part;
} Container;

static bool split_container(Container *container, Bytes rest) {
    uint32_t keys;
    bool magic = rest.length > sizeof MAGIC && !memcmp(rest.data, MAGIC, sizeof MAGIC);
    if (!magic) return false;
    rest = (Bytes){rest.data + sizeof MAGIC, rest.length - sizeof MAGIC};
    return ssh_take_string(&rest, &container->cipher) && ssh_take_string(&rest, &container->kdf) &&
           ssh_take_string(&rest, &container->kdf_options) && ssh_take_uint32(&rest, &keys) &&
           keys == 1 && ssh_take_string(&rest, &container->public_blob) &&
           ssh_take_string(&rest, &container->private_part);
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
    return !ssh_is_text(container->cipher, "none") || !ssh_is_text(container->kdf, "none");
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
    return rest.length < BLOCK;
}

static EVP_PKEY *read_private_part(Bytes rest, Failure *failure) {
    uint32_t check, same;
    Bytes comment;
    if (!ssh_take_uint32(&rest, &check) || !ssh_take_uint32(&rest, &same) || check != same) {
        return refuse(failure, "damaged");
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

static EVP_PKEY *read_container(const Container *container, Failure *failure) {
    if (is_encrypted(container)) {
        return refuse(failure, "it is encrypted with bcrypt, which OpenSSL lacks: decrypt a copy "
                               "with `ssh-keygen -p -N \"\"`");
    }
    EVP_PKEY *key = read_private_part(container->private_part, failure);
    if (!key || fits_public(container, key, failure)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *openssh_read_private(Bytes data, Failure *failure) {
    Container container;
    if (!open_container(&container, data, failure)) return NULL;
    EVP_PKEY *key = read_container(&container, failure);
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
    copy_name(facts->cipher, sizeof facts->cipher, container.cipher);
    copy_name(facts->kdf, sizeof facts->kdf, container.kdf);
    facts->public_key = ssh_key_read_public(container.public_blob, failure);
    close_container(&container);
    return facts->public_key;
}

/* --- writing --- */

bool openssh_is_comment(Bytes comment, Failure *failure) {
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

static bool write_padding(BIO *into) {
    uint8_t count = 0;
    bool written = true;
    while (written && ssh_written(into).length % BLOCK) {
        count++;
        written = write_text(into, &count, 1);
    }
    return written;
}

/* The number that stands there twice tells a wrong password when the part is decrypted. */
static bool write_private_part(EVP_PKEY *key, Bytes comment, BIO *into, Failure *failure) {
    uint8_t random[4];
    uint32_t check;
    Bytes view = {random, sizeof random};
    return RAND_bytes(random, sizeof random) == 1 && ssh_take_uint32(&view, &check) &&
           ssh_put_uint32(into, check) && ssh_put_uint32(into, check) &&
           ssh_key_write_private(key, into, failure) && ssh_put_string(into, comment) &&
           write_padding(into);
}

static bool write_container(Bytes blob, Bytes part, BIO *into) {
    static const Bytes none = {(const uint8_t *)"", 0};
    return write_text(into, MAGIC, sizeof MAGIC) && ssh_put_text(into, "none") &&
           ssh_put_text(into, "none") && ssh_put_string(into, none) && ssh_put_uint32(into, 1) &&
           ssh_put_string(into, blob) && ssh_put_string(into, part);
}

static bool write_private(EVP_PKEY *key, Bytes blob, Bytes comment, BIO *into, Failure *failure) {
    BIO *part = BIO_new(BIO_s_secmem()), *whole = BIO_new(BIO_s_secmem());
    bool written = part && whole && write_private_part(key, comment, part, failure) &&
                   write_container(blob, ssh_written(part), whole);
    if (written) {
        Bytes bytes = ssh_written(whole);
        written = PEM_write_bio(into, LABEL, "", bytes.data, (long)bytes.length) > 0;
    }
    BIO_free(part);
    BIO_free(whole);
    return written;
}

bool openssh_write(EVP_PKEY *key, bool is_private, Bytes comment, BIO *into, Failure *failure) {
    const char *type = ssh_key_type(key, failure);
    if (!type || !openssh_is_comment(comment, failure)) return false;
    BIO *blob = BIO_new(BIO_s_mem());
    bool written = blob && ssh_key_write_public(key, blob, failure);
    if (written) {
        written = is_private ? write_private(key, ssh_written(blob), comment, into, failure)
                             : write_line(type, ssh_written(blob), comment, into);
    }
    BIO_free(blob);
    return written || failure_openssl(failure, "key not written");
}
