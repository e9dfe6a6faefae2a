/* CMS messages: their certificates, signatures, and decryption by a recipient. */
#include "core/pki/cms.h"
#include "core/pki/issue.h"
#include "core/pki/name.h"
#include "fuzz.h"

#include <time.h>

/* A recipient, made once; the corpus holds no message for it, so that its key matters little. */
static Issue recipient;

static void make_recipient(void) {
    Failure failure;
    NameFields fields = {.common_name = {(const uint8_t *)"x", 1}};
    Bytes curve = {(const uint8_t *)"p256", 4};
    fuzz_expect(algorithms_key(curve, &recipient.algorithm, &failure));
    recipient.subject = name_build(&fields, &failure);
    recipient.path_length = -1;
    recipient.not_before = (int64_t)time(NULL);
    recipient.seconds = 86400;
    fuzz_expect(recipient.subject && issue_run(&recipient, &failure));
}

static void verify(CMS_ContentInfo *message, Bytes detached) {
    Failure failure = {""};
    CmsVerdict verdict;
    memset(&verdict, 0, sizeof verdict);
    CmsChecking checking = {.detached = detached, .query = {.depth = -1, .hints = {":ca", ":ca"}}};
    bool asked = cms_verify(message, &checking, &verdict, &failure);
    if (!asked) fuzz_expect_reason(&failure);
    fuzz_expect(!verdict.valid || !asked); /* no certificate is trusted */
    if (asked) fuzz_expect(verdict.reason[0]);
    cms_verdict_free(&verdict);
}

static void decrypt(CMS_ContentInfo *message) {
    Failure failure = {""};
    BIO *plain = cms_decrypt(message, recipient.certificate, recipient.key, &failure);
    if (!plain) fuzz_expect_reason(&failure);
    BIO_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    if (!recipient.certificate) make_recipient();
    CMS_ContentInfo *message = cms_read((Bytes){data, size}, &failure);
    if (!message) {
        fuzz_expect_reason(&failure);
        return 0;
    }
    STACK_OF(X509) *all = cms_get_certificates(message, &failure);
    sk_X509_pop_free(all, X509_free);
    verify(message, (Bytes){NULL, 0});
    verify(message, (Bytes){(const uint8_t *)"data", 4});
    decrypt(message);
    CMS_ContentInfo_free(message);
    return 0;
}
