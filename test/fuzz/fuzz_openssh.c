/* Keys and signatures of OpenSSH. The first byte of the input chooses: the bytes of a private key,
 * of a public key or of a signature, or text. */
#include "core/crypto/ssh_signature.h"
#include "core/keys/openssh.h"
#include "core/keys/ssh_key.h"
#include "core/keys/ssh_wire.h"
#include "fuzz.h"

#include <openssl/pem.h>

/* A key that was read is written, and read again: it stays the same. */
static void write_again(EVP_PKEY *key, bool is_private) {
    static const OpensshWriting plain = {.comment = {(const uint8_t *)"comment", 7}};
    Failure failure = {""};
    BIO *text = BIO_new(BIO_s_mem());
    fuzz_expect(openssh_write(key, is_private, &plain, text, &failure));
    Bytes written = ssh_written(text);
    fuzz_expect(is_private ? openssh_is_private(written) : openssh_is_public(written));
    EVP_PKEY *same = is_private ? openssh_read_private(written, (Bytes){NULL, 0}, &failure)
                                : openssh_read_public(written, &failure);
    fuzz_expect(same && EVP_PKEY_eq(key, same) == 1);
    EVP_PKEY_free(same);
    BIO_free(text);
}

static void judge(EVP_PKEY *key, bool is_private, const Failure *failure) {
    if (key) write_again(key, is_private);
    if (!key) fuzz_expect_reason(failure);
    EVP_PKEY_free(key);
}

static void read_text(Bytes text) {
    static const Bytes password = {(const uint8_t *)"pw", 2};
    Failure failure = {""};
    OpensshFacts facts;
    judge(openssh_read_public(text, &failure), false, &failure);
    if (!openssh_is_private(text)) return;
    judge(openssh_read_private(text, (Bytes){NULL, 0}, &failure), true, &failure);
    judge(openssh_read_private(text, password, &failure), true, &failure);
    if (!openssh_facts(text, &facts, &failure)) fuzz_expect_reason(&failure);
    EVP_PKEY_free(facts.public_key);
}

static void read_signature(Bytes text) {
    static const Bytes data = {(const uint8_t *)"data", 4}, file = {(const uint8_t *)"file", 4};
    Failure failure = {""};
    SshSignature parts;
    bool valid;
    if (!ssh_signature_read(text, &parts, &failure)) {
        fuzz_expect_reason(&failure);
        return;
    }
    EVP_PKEY *key = ssh_key_read_public(parts.public_blob, &failure);
    ssh_signature_free(&parts);
    if (key && !ssh_signature_verify(key, data, file, text, &valid, &failure)) {
        fuzz_expect_reason(&failure);
    }
    EVP_PKEY_free(key);
}

static BIO *make_block(const char *label, Bytes bytes) {
    BIO *text = BIO_new(BIO_s_mem());
    fuzz_expect(PEM_write_bio(text, label, "", bytes.data, (long)bytes.length) > 0);
    return text;
}

static void read_block(const char *label, Bytes bytes, void (*read)(Bytes text)) {
    BIO *text = make_block(label, bytes);
    read(ssh_written(text));
    BIO_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    if (size < 2) return 0;
    Bytes rest = {data + 1, size - 1};
    switch (data[0]) {
    case 'k': read_block("OPENSSH PRIVATE KEY", rest, read_text); break;
    case 's': read_block("SSH SIGNATURE", rest, read_signature); break;
    case 'p': judge(ssh_key_read_public(rest, &failure), false, &failure); break;
    default: read_text(rest); break;
    }
    return 0;
}
