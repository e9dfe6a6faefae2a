/* HPKE: the vectors of RFC 9180, on both sides, and messages that are refused. */
#include "check.h"
#include "hpke_vectors.h"

#include "core/crypto/hpke.h"
#include "core/keys/rawkey.h"

#include <openssl/crypto.h>
#include <string.h>

#define ROOM 256
#define COUNT (sizeof hpke_vectors / sizeof *hpke_vectors)

static Bytes text_of(const char *text) {
    return (Bytes){(const uint8_t *)text, strlen(text)};
}

/* The bytes of hexadecimal digits. */
static Bytes unhex(const char *digits, uint8_t *into) {
    size_t length = 0;
    OPENSSL_hexstr2buf_ex(into, ROOM, &length, digits, 0);
    return (Bytes){into, length};
}

static bool is_hex(const uint8_t *bytes, size_t length, const char *digits) {
    uint8_t expected[ROOM];
    Bytes other = unhex(digits, expected);
    return other.length == length && !memcmp(bytes, other.data, length);
}

static EVP_PKEY *read_key(const HpkeVector *vector, const char *digits) {
    uint8_t bytes[ROOM];
    Failure failure;
    KeyAlgorithm algorithm;
    const char *name = vector->kem == 0x10 ? "p-256" : vector->kem == 0x12 ? "p-521" : "x25519";
    if (!*digits || !algorithms_key(text_of(name), &algorithm, &failure)) return NULL;
    return rawkey_read(&algorithm, unhex(digits, bytes), true, &failure);
}

static HpkeSetup make_setup(const HpkeVector *vector, EVP_PKEY *sender, uint8_t *psk) {
    HpkeSetup setup = {.aead = (HpkeAead)vector->aead,
                       .kdf = (HpkeKdf)vector->kdf,
                       .info = text_of("Ode on a Grecian Urn"),
                       .sender_key = sender};
    if (vector->mode & 1) {
        setup.psk = unhex("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82", psk);
        setup.psk_id = text_of("Ennyn Durin aran Moria");
    }
    return setup;
}

static const char plain[] = "Beauty is truth, truth beauty";

/* Seals message number `i` of the vectors, and opens it. */
static bool pass_message(HpkeContext *from, HpkeContext *to, int i, const char *expected) {
    uint8_t sealed[ROOM], opened[ROOM];
    char aad[16];
    Failure failure;
    Bytes text = text_of(plain);
    snprintf(aad, sizeof aad, "Count-%d", i);
    if (!hpke_seal(from, text_of(aad), text, sealed, &failure)) return false;
    size_t length = text.length + HPKE_TAG;
    return (!expected || is_hex(sealed, length, expected)) &&
           hpke_open(to, text_of(aad), (Bytes){sealed, length}, opened, &failure) &&
           !memcmp(opened, plain, text.length);
}

static bool pass_messages(const HpkeVector *vector, HpkeContext *from, HpkeContext *to) {
    bool passed = true;
    for (int i = 0; passed && *vector->first && i <= 256; i++) {
        const char *expected = i == 0 ? vector->first : i == 256 ? vector->last : NULL;
        passed = pass_message(from, to, i, expected);
    }
    return passed;
}

static bool exports(const HpkeVector *vector, const HpkeContext *context) {
    uint8_t secret[32];
    Failure failure;
    return hpke_export(context, text_of("TestContext"), secret, sizeof secret, &failure) &&
           is_hex(secret, sizeof secret, vector->exported);
}

static bool run_vector(const HpkeVector *vector) {
    uint8_t enc[HPKE_MAX_ENC], psk[ROOM];
    size_t length = 0;
    Failure failure;
    HpkeContext from, to;
    EVP_PKEY *ephemeral = read_key(vector, vector->ephemeral);
    EVP_PKEY *recipient = read_key(vector, vector->recipient);
    EVP_PKEY *sender = read_key(vector, vector->sender);
    HpkeSetup setup = make_setup(vector, sender, psk);
    bool passed = ephemeral && recipient &&
                  hpke_set_up_sender(&setup, recipient, ephemeral, enc, &length, &from, &failure) &&
                  is_hex(enc, length, vector->enc) &&
                  hpke_set_up_recipient(&setup, recipient, (Bytes){enc, length}, &to, &failure) &&
                  exports(vector, &from) && exports(vector, &to) &&
                  pass_messages(vector, &from, &to);
    EVP_PKEY_free(ephemeral);
    EVP_PKEY_free(recipient);
    EVP_PKEY_free(sender);
    return passed;
}

static bool run_vectors(int mode) {
    int count = 0;
    bool passed = true;
    for (size_t i = 0; i < COUNT; i++) {
        if (hpke_vectors[i].mode != mode) continue;
        count++;
        passed = run_vector(hpke_vectors + i) && passed;
    }
    return passed && count >= 2;
}

/* Two ends of the first vector. */
static void connect_ends(HpkeContext *from, HpkeContext *to) {
    uint8_t enc[HPKE_MAX_ENC], psk[ROOM];
    size_t length;
    Failure failure;
    EVP_PKEY *recipient = read_key(hpke_vectors, hpke_vectors->recipient);
    HpkeSetup setup = make_setup(hpke_vectors, NULL, psk);
    hpke_set_up_sender(&setup, recipient, NULL, enc, &length, from, &failure);
    hpke_set_up_recipient(&setup, recipient, (Bytes){enc, length}, to, &failure);
    EVP_PKEY_free(recipient);
}

static bool keeps_its_place(void) {
    HpkeContext from, to;
    uint8_t sealed[ROOM], opened[ROOM];
    Failure failure;
    connect_ends(&from, &to);
    hpke_seal(&from, text_of(""), text_of(plain), sealed, &failure);
    Bytes message = {sealed, strlen(plain) + HPKE_TAG};
    sealed[0] ^= 1;
    bool refused = !hpke_open(&to, text_of(""), message, opened, &failure);
    sealed[0] ^= 1;
    return refused && hpke_open(&to, text_of(""), message, opened, &failure) &&
           !hpke_open(&to, text_of(""), message, opened, &failure);
}

static bool ends_at_last_number(void) {
    HpkeContext from, to;
    uint8_t sealed[ROOM];
    Failure failure;
    connect_ends(&from, &to);
    from.sequence = to.sequence = UINT64_MAX - 1;
    return pass_message(&from, &to, 1, NULL) &&
           !hpke_seal(&from, text_of(""), text_of(plain), sealed, &failure) &&
           strstr(failure.text, "too many messages");
}

int main(void) {
    CHECK("the base mode gives the vectors of RFC 9180, on both sides", run_vectors(0));
    CHECK("the psk mode gives the vectors of RFC 9180, on both sides", run_vectors(1));
    CHECK("the auth mode gives the vectors of RFC 9180, on both sides", run_vectors(2));
    CHECK("the auth-psk mode gives the vectors of RFC 9180, on both sides", run_vectors(3));
    CHECK("a changed message is refused, and the right one opens then, once", keeps_its_place());
    CHECK("a context ends before the number of a message comes again", ends_at_last_number());
    return check_end();
}
