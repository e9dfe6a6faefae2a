/* Certificates, what is read from them, and their verification. */
#include "core/keys/pem.h"
#include "core/pki/chain.h"
#include "core/pki/x509info.h"
#include "fuzz.h"

static void look_at(X509 *certificate) {
    Failure failure = {""};
    X509Info info;
    fuzz_expect(x509info_read(&info, certificate, &failure));
    fuzz_expect(info.sha256.length == 64 && info.sha1.length == 40);
    x509info_free(&info);
}

/* The first is the leaf; all are trusted. */
static void verify(STACK_OF(X509) * all, const char *host, int purpose) {
    Failure failure = {""};
    ChainAnswer answer;
    ChainQuery query = {.leaf = sk_X509_value(all, 0),
                        .roots = all,
                        .intermediates = all,
                        .host = host,
                        .purpose = purpose,
                        .depth = -1,
                        .time = 1800000000,
                        .strict = purpose % 2 == 0,
                        .partial = true,
                        .hints = {":roots", ":roots"}};
    fuzz_expect(chain_verify(&query, &answer, &failure));
    fuzz_expect(answer.valid == (answer.chain != NULL));
    fuzz_expect(answer.valid || answer.reason[0]);
    fuzz_expect_printable(answer.reason);
    sk_X509_pop_free(answer.chain, X509_free);
}

/* A purpose that does not fit would hide what is said of the names. */
static void verify_all(STACK_OF(X509) * all) {
    static const char *const hosts[] = {NULL, "a.example", "192.0.2.1", "2001:db8::1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        verify(all, hosts[i], X509_PURPOSE_ANY);
    }
    for (int purpose = X509_PURPOSE_MIN; purpose <= X509_PURPOSE_TIMESTAMP_SIGN; purpose++) {
        verify(all, NULL, purpose);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    STACK_OF(X509) *all = pem_certificates((Bytes){data, size}, &failure);
    if (!all) {
        fuzz_expect_reason(&failure);
        return 0;
    }
    fuzz_expect(sk_X509_num(all) > 0);
    for (int i = 0; i < sk_X509_num(all); i++) look_at(sk_X509_value(all, i));
    verify_all(all);
    sk_X509_pop_free(all, X509_free);
    return 0;
}
