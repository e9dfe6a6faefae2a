#include "core/keys/keyfacts.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void set_type(KeyFacts *facts, const char *name) {
    size_t i = 0;
    for (; name[i] && i < sizeof facts->type - 1; i++) {
        char c = (char)tolower((unsigned char)name[i]);
        if (c == ' ' || c == '_') c = '-';
        facts->type[i] = c;
    }
    facts->type[i] = 0;
}

void keyfacts_of(const EVP_PKEY *key, KeyFacts *facts) {
    memset(facts, 0, sizeof *facts);
    const char *type = EVP_PKEY_get0_type_name(key);
    if (type) set_type(facts, type);
    int bits = EVP_PKEY_get_bits(key);
    facts->bits = bits > 0 ? bits : 0;
    size_t length;
    if (EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "SM2")) {
        if (!EVP_PKEY_get_group_name(key, facts->curve, sizeof facts->curve, &length)) {
            facts->curve[0] = 0;
        }
    }
}

void keyfacts_of_algorithm(const ASN1_OBJECT *algorithm, KeyFacts *facts) {
    memset(facts, 0, sizeof *facts);
    switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption: set_type(facts, "rsa"); return;
    case NID_rsassaPss: set_type(facts, "rsa-pss"); return;
    case NID_X9_62_id_ecPublicKey: set_type(facts, "ec"); return;
    case NID_dsa: set_type(facts, "dsa"); return;
    case NID_dhKeyAgreement: set_type(facts, "dh"); return;
    case NID_undef: break;
    default: set_type(facts, OBJ_nid2sn(OBJ_obj2nid(algorithm))); return;
    }
    char oid[sizeof facts->type];
    if (OBJ_obj2txt(oid, sizeof oid, algorithm, 1) > 0) set_type(facts, oid);
}

void keyfacts_fingerprint(const EVP_PKEY *key, char fingerprint[KEYFACTS_FINGERPRINT_SIZE]) {
    uint8_t digest[32];
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    bool made = length > 0 && EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    ERR_clear_error();
    *fingerprint = 0;
    if (!made) return;
    size_t prefix = (size_t)snprintf(fingerprint, KEYFACTS_FINGERPRINT_SIZE, "sha256//");
    EVP_EncodeBlock((unsigned char *)fingerprint + prefix, digest, sizeof digest);
}
