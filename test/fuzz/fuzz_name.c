/* Alternative names as users write them. */
#include "core/pki/name.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    Bytes text = {data, size};
    NameFields fields = {.common_name = text, .country = {data, size > 2 ? 2 : size}};
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool bare = name_is_alternative(text);
    bool added = name_add_alternative(names, text, &failure);
    fuzz_expect(!bare || added);
    if (!added) fuzz_expect_reason(&failure);
    X509_NAME *name = name_build(&fields, &failure);
    if (!name) fuzz_expect_reason(&failure);
    X509_NAME_free(name);
    GENERAL_NAMES_free(names);
    return 0;
}
