#include "crypto/digest_options.h"

#include "base/args.h"
#include "base/raise.h"

static const OptionRange output_range = {1, ARGS_MAX_OUTPUT};

static const OptionRow digest_rows[] = {
    OPTION_WITH("length", option_integer, &output_range, DigestOptions, length,
                "Bytes of output, for the SHAKEs, which have no length of their own."),
};
const OptionSet digest_options = OPTION_SET(digest_rows);

size_t digest_options_length(const char *function, const DigestRow *digest, int32_t asked) {
    const char *name = digest->name.text;
    if (digest->xof) {
        if (!asked) raise_format(function, "%s has no length of its own: give {:length n}", name);
        return (size_t)asked;
    }
    int size = EVP_MD_get_size(algorithms_md(digest));
    if (asked && asked != size) {
        raise_format(function, "bad option :length, %s gives %d bytes, not %d", name, size, asked);
    }
    return (size_t)size;
}

size_t digest_options_read(const char *function, const DigestRow *digest, const Janet *argv,
                           int32_t argc, int32_t slot) {
    DigestOptions options = {0};
    options_read(function, &digest_options, args_options(argv, argc, slot), &options);
    return digest_options_length(function, digest, options.length);
}
