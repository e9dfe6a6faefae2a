/* Private and public keys, PEM and DER, encrypted and not. */
#include "core/keys/keyform.h"
#include "core/keys/pem.h"
#include "fuzz.h"

static void write_all(EVP_PKEY *key, bool is_private) {
    static const KeyForm forms[] = {KEYFORM_PEM, KEYFORM_PKCS8_DER, KEYFORM_TRADITIONAL};
    KeyEncryption none = {.password = {NULL, 0}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        Failure failure = {""};
        size_t length = 0;
        uint8_t *written = keyform_write(key, is_private, forms[i], &none, &length, &failure);
        if (!written) fuzz_expect_reason(&failure);
        OPENSSL_clear_free(written, length);
    }
}

static void read_one(Bytes data, Bytes password) {
    Failure failure = {""};
    bool is_private;
    EVP_PKEY *key = keyform_read(data, password, false, &is_private, &failure);
    if (key) write_all(key, is_private);
    if (!key) fuzz_expect_reason(&failure);
    EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Bytes bytes = {data, size}, none = {NULL, 0}, password = {(const uint8_t *)"pw", 2};
    Failure failure = {""};
    KeyFormInfo info;
    if (pem_is_path(bytes)) return 0;
    if (!keyform_info(bytes, none, false, &info, &failure)) fuzz_expect_reason(&failure);
    read_one(bytes, none);
    if (info.encrypted) read_one(bytes, password);
    return 0;
}
