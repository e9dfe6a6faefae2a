/* Mail: read, and verified by the signatures alone. */
#include "core/pki/smime.h"
#include "fuzz.h"

static void verify(CMS_ContentInfo *message, BIO *content) {
    Failure failure = {""};
    CmsVerdict verdict = {.valid = false};
    CmsChecking checking = {.signatures_only = true};
    char *bytes;
    if (content) {
        long length = BIO_get_mem_data(content, &bytes);
        checking.detached = (Bytes){(const uint8_t *)(length ? bytes : ""), (size_t)length};
    }
    if (!cms_verify(message, &checking, &verdict, &failure)) {
        fuzz_expect_reason(&failure);
    } else if (verdict.valid) {
        fuzz_expect(verdict.info_count > 0);
    } else {
        fuzz_expect_printable(verdict.reason);
    }
    cms_verdict_free(&verdict);
}

static void wrap_text(Bytes text) {
    Failure failure = {""};
    PemSource entity;
    fuzz_expect(smime_wrap_text(text, &entity, &failure));
    OPENSSL_clear_free(entity.bytes, entity.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    BIO *content;
    CMS_ContentInfo *message = smime_read((Bytes){data, size}, &content, &failure);
    if (message) verify(message, content);
    if (!message) fuzz_expect_reason(&failure);
    CMS_ContentInfo_free(message);
    BIO_free(content);
    wrap_text((Bytes){data, size});
    return 0;
}
