/* Certificate signing requests. */
#include "core/pki/csr.h"
#include "fuzz.h"

static void take(X509_REQ *request) {
    Failure failure = {""};
    EVP_PKEY *key = NULL;
    X509_NAME *subject = NULL;
    GENERAL_NAMES *names = NULL;
    if (!csr_take(request, &key, &subject, &names, &failure)) fuzz_expect_reason(&failure);
    EVP_PKEY_free(key);
    X509_NAME_free(subject);
    GENERAL_NAMES_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    CsrInfo info;
    X509_REQ *request = csr_read((Bytes){data, size}, &failure);
    if (!request) {
        fuzz_expect_reason(&failure);
        return 0;
    }
    fuzz_expect(csr_info_read(&info, request, &failure));
    csr_info_free(&info);
    take(request);
    X509_REQ_free(request);
    return 0;
}
