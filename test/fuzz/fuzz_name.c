/* Alternative names as users write them. */
#include "core/pki/extensions.h"
#include "core/pki/name.h"
#include "fuzz.h"

/* The same bytes as each extension of a certificate. */
static void add_extensions(Bytes text) {
    Failure failure = {""};
    Extensions extensions = {.lists = NULL};
    STACK_OF(X509_EXTENSION) *written = NULL;
    if (!extensions_add_subtree(&extensions, true, text, &failure)) fuzz_expect_reason(&failure);
    if (!extensions_add_list(&extensions, text, &failure)) fuzz_expect_reason(&failure);
    if (!extensions_add_policy(&extensions, text, &failure)) fuzz_expect_reason(&failure);
    Bytes oid = {(const uint8_t *)"1.3.6.1.5.5.7.1.24", 18};
    if (!extensions_add_other(&extensions, oid, false, text, &failure)) {
        fuzz_expect_reason(&failure);
    }
    fuzz_expect(extensions_write(&extensions, &written, &failure));
    sk_X509_EXTENSION_pop_free(written, X509_EXTENSION_free);
    extensions_free(&extensions);
}

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
    add_extensions(text);
    return 0;
}
