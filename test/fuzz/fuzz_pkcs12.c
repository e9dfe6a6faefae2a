/* PKCS#12 bundles, opened with and without a MAC that holds. */
#include "core/pki/pkcs12.h"
#include "fuzz.h"

static void open_with(Bytes data, const char *password) {
    Failure failure = {""};
    Pkcs12 bundle;
    Pkcs12Reading reading = {
        .password = {(const uint8_t *)password, password ? strlen(password) : 0}};
    if (pkcs12_read(&bundle, data, &reading, &failure)) {
        fuzz_expect(bundle.entries != NULL && bundle.entry_count <= bundle.count);
        for (size_t i = 0; i < bundle.count; i++) {
            fuzz_expect(!bundle.bags[i].key != !bundle.bags[i].certificate);
        }
    } else {
        fuzz_expect_reason(&failure);
    }
    pkcs12_free(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    open_with((Bytes){data, size}, "pw");
    open_with((Bytes){data, size}, NULL);
    return 0;
}
