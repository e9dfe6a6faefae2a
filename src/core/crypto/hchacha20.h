/* HChaCha20 of draft-irtf-cfrg-xchacha, made from OpenSSL's ChaCha20. */
#ifndef JSEC_CORE_HCHACHA20_H
#define JSEC_CORE_HCHACHA20_H

#include <stdbool.h>
#include <stdint.h>

#define HCHACHA20_KEY 32
#define HCHACHA20_NONCE 16

/* Writes the derived key. False with OpenSSL's error. */
bool hchacha20(const uint8_t key[HCHACHA20_KEY], const uint8_t nonce[HCHACHA20_NONCE],
               uint8_t out[HCHACHA20_KEY]);

#endif
