#include "crypto/cipher_arguments.h"

#include "base/args.h"
#include "base/raise.h"

typedef struct CipherOptions {
    int32_t tag_length; /* 0: not given */
} CipherOptions;

static const OptionRange tag_range = {4, SYMMETRIC_MAX_TAG};

static const OptionRow rows[] = {
    OPTION_WITH(
        "tag-length", option_integer, &tag_range, CipherOptions, tag_length,
        "Bytes of the tag, 16 by default: 12 to 16 with GCM, an even number from 4 with CCM. "
        "Each byte less makes a forgery 256 times as likely."),
};
const OptionSet cipher_options = OPTION_SET(rows);

static void check_length(const char *function, const CipherRow *cipher, const char *what,
                         Bytes bytes, int min, int max) {
    if (bytes.length >= (size_t)min && bytes.length <= (size_t)max) return;
    const char *name = cipher->name.text;
    if (min == max) {
        raise_format(function, "%s takes %s of %d bytes, got %d", name, what, min,
                     (int)bytes.length);
    }
    raise_format(function, "%s takes %s of %d to %d bytes, got %d", name, what, min, max,
                 (int)bytes.length);
}

static int choose_tag_length(const char *function, const CipherRow *cipher, int32_t asked) {
    const CipherKind *kind = cipher->kind;
    if (!asked) return kind->tag_length;
    const char *name = cipher->name.text;
    if (!kind->tag_length) raise_format(function, "%s has no tag: leave out :tag-length", name);
    bool odd = kind->mode == CIPHER_CCM && asked % 2;
    if (asked >= kind->min_tag && !odd) return asked;
    raise_format(function, "bad option :tag-length, %s takes %s%d to %d, got %d", name,
                 kind->mode == CIPHER_CCM ? "an even number from " : "", kind->min_tag,
                 kind->tag_length, asked);
}

/* SIV is deterministic without a nonce. */
static Bytes read_nonce(const char *function, const CipherRow *cipher, int32_t argc,
                        const Janet *argv) {
    Bytes nonce = args_bytes_or_none(function, argv, argc, 2);
    if (cipher->kind->mode == CIPHER_SIV && !nonce.data) return nonce;
    nonce = args_bytes(function, argv, 2);
    check_length(function, cipher, "a nonce", nonce, cipher->kind->min_nonce,
                 cipher->kind->max_nonce);
    return nonce;
}

SymmetricSetup cipher_arguments_read(const char *function, int32_t argc, const Janet *argv,
                                     int32_t aad_slot) {
    CipherOptions options = {0};
    SymmetricSetup setup = {.cipher = args_cipher(function, argv, 0)};
    setup.key = args_secret(function, argv, 1);
    check_length(function, setup.cipher, "a key", setup.key, setup.cipher->key_length,
                 setup.cipher->key_length);
    setup.nonce = read_nonce(function, setup.cipher, argc, argv);
    setup.aad = args_bytes_or_none(function, argv, argc, aad_slot);
    if (argc > aad_slot + 1) {
        options_read(function, &cipher_options, argv[aad_slot + 1], &options);
    }
    setup.tag_length = choose_tag_length(function, setup.cipher, options.tag_length);
    if (setup.aad.length && !setup.tag_length) {
        raise_format(function, "%s can't authenticate additional data: use :aes-256-gcm",
                     setup.cipher->name.text);
    }
    return setup;
}

Bytes cipher_arguments_tag(const char *function, const SymmetricSetup *setup, int32_t argc,
                           const Janet *argv, int32_t slot) {
    Bytes tag = args_bytes_or_none(function, argv, argc, slot);
    const CipherRow *cipher = setup->cipher;
    if (!setup->tag_length && tag.length) {
        raise_format(function, "%s has no tag: give nil", cipher->name.text);
    }
    if (!setup->tag_length) return (Bytes){NULL, 0};
    check_length(function, cipher, "a tag", tag, setup->tag_length, setup->tag_length);
    return tag;
}
