#include "core/pki/usage.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define MAX_NAME_LENGTH 80

static const char *const key_names[] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
};
#define KEY_NAMES ((int)(sizeof key_names / sizeof *key_names))

/* Copy into `to` without hyphens and underscores. */
static bool normalize_name(Bytes name, char to[MAX_NAME_LENGTH]) {
    size_t length = 0;
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '-' || name.data[i] == '_') continue;
        if (!name.data[i] || length == MAX_NAME_LENGTH - 1) return false;
        to[length++] = (char)name.data[i];
    }
    to[length] = 0;
    return length > 0;
}

int usage_key_bit(Bytes name) {
    char plain[MAX_NAME_LENGTH];
    if (!normalize_name(name, plain)) return -1;
    for (int bit = 0; bit < KEY_NAMES; bit++) {
        if (!strcasecmp(plain, key_names[bit])) return bit;
    }
    return strcasecmp(plain, "contentCommitment") ? -1 : 1; /* the newer name in X.509 */
}

const char *usage_key_name(int bit) {
    return bit >= 0 && bit < KEY_NAMES ? key_names[bit] : NULL;
}

ASN1_BIT_STRING *usage_key_bits(uint32_t usage) {
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    for (int bit = 0; bits && bit < KEY_NAMES; bit++) {
        if (!(usage & (1u << bit)) || ASN1_BIT_STRING_set_bit(bits, bit, 1)) continue;
        ASN1_BIT_STRING_free(bits);
        bits = NULL;
    }
    return bits;
}

ASN1_OBJECT *usage_extended(Bytes name) {
    static const int usages[] = {
        NID_server_auth, NID_client_auth, NID_code_sign,           NID_email_protect,
        NID_time_stamp,  NID_OCSP_sign,   NID_anyExtendedKeyUsage,
    };
    char plain[MAX_NAME_LENGTH];
    if (!normalize_name(name, plain)) return NULL;
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        if (!strcasecmp(plain, OBJ_nid2sn(usages[i]))) return OBJ_nid2obj(usages[i]);
    }
    if (plain[0] < '0' || plain[0] > '2' || strspn(plain, "0123456789.") != strlen(plain))
        return NULL;
    ASN1_OBJECT *object = OBJ_txt2obj(plain, 1);
    ERR_clear_error();
    return object;
}

void usage_extended_name(const ASN1_OBJECT *usage, char *into, size_t size) {
    int nid = OBJ_obj2nid(usage);
    if (nid == NID_undef) {
        OBJ_obj2txt(into, (int)size, usage, 1);
    } else {
        strncpy(into, OBJ_nid2sn(nid), size - 1);
        into[size - 1] = 0;
    }
}
