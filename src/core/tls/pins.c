#include "core/tls/pins.h"

#include <string.h>

static bool make_pin(X509 *certificate, uint8_t *pin) {
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool made = length > 0 && EVP_Digest(der, (size_t)length, pin, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    return made;
}

static bool is_pinned(const ContextData *data, X509 *certificate) {
    uint8_t pin[PIN_LENGTH];
    if (!make_pin(certificate, pin)) return false;
    for (size_t i = 0; i < data->pin_count; i++) {
        if (!memcmp(data->pins + i * PIN_LENGTH, pin, PIN_LENGTH)) return true;
    }
    return false;
}

static bool refuse_pin(X509 *leaf, Failure *failure) {
    uint8_t pin[PIN_LENGTH];
    char text[4 * PIN_LENGTH];
    if (!leaf || !make_pin(leaf, pin)) return failure_set(failure, "pin mismatch: no certificate");
    EVP_EncodeBlock((unsigned char *)text, pin, PIN_LENGTH);
    return failure_set(failure,
                       "pin mismatch: no key of the chain is among :pins, the certificate's own "
                       "is \"sha256//%s\"",
                       text);
}

bool pins_match(const ContextData *data, X509 *leaf, STACK_OF(X509) * chain, Failure *failure) {
    bool found = !data->pin_count || (leaf && is_pinned(data, leaf));
    for (int i = 1; !found && i < sk_X509_num(chain); i++) {
        found = is_pinned(data, sk_X509_value(chain, i));
    }
    return found || refuse_pin(leaf, failure);
}
