#include "pki/cms_task.h"

#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "pki/values.h"

#define LARGE ((size_t)256 << 10) /* bytes that take about a millisecond */

const OptionWord cms_formats[] = {{"pem", CMS_PEM}, {"der", CMS_DER}, {NULL, 0}};

void cms_task_release(Task *task) {
    CmsTask *job = (CmsTask *)task;
    sk_X509_pop_free(job->certificates, X509_free);
    sk_X509_pop_free(job->intermediates, X509_free);
    OPENSSL_free(job->written);
    BIO_free(job->plain);
    pem_free(&job->entity);
    verification_free(&job->inputs);
    cms_verdict_free(&job->verdict);
}

Janet cms_task_written(Task *task) {
    CmsTask *job = (CmsTask *)task;
    return janet_stringv(job->written, (int32_t)job->length);
}

bool cms_task_wants_pem(int format, bool input_is_pem) {
    return format == CMS_FORMAT_UNSET ? input_is_pem : format == CMS_PEM;
}

Bytes cms_task_data(CmsTask *job, Failure *failure) {
    Bytes data = job->task.inputs[CMS_INPUT_DATA];
    if (!job->is_text) return data;
    if (!smime_wrap_text(data, &job->entity, failure)) return (Bytes){NULL, 0};
    return (Bytes){job->entity.bytes, job->entity.length};
}

bool cms_task_write(CmsTask *job, CMS_ContentInfo *message, Bytes entity, Failure *failure) {
    if (!message) return false;
    job->written = job->is_mail ? smime_write(message, entity, &job->length, failure)
                                : cms_write(message, job->pem, &job->length, failure);
    CMS_ContentInfo_free(message);
    return job->written;
}

void cms_task_raise(CmsTask *job, const Failure *failure) {
    cms_task_release(&job->task);
    raise_failure(job->task.function, failure);
}

Janet cms_task_run(CmsTask *job, size_t length) {
    return task_run(&job->task, sizeof *job,
                    length > LARGE || keys_are_slow(job->task.inputs[CMS_INPUT_KEY],
                                                    job->task.inputs[CMS_INPUT_PASSWORD]));
}

CMS_ContentInfo *cms_task_read(const CmsTask *job, BIO **content, Failure *failure) {
    Bytes data = job->task.inputs[CMS_INPUT_DATA];
    *content = NULL;
    return job->is_mail ? smime_read(data, content, failure) : cms_read(data, failure);
}

Janet cms_task_certificates(const char *function, const Janet *argv, int32_t slot) {
    if (!values_are(argv[slot], VALUES_BYTES) || !values_count(argv[slot])) {
        raise_type(function, slot, "certificate or non-empty list of certificates", argv[slot]);
    }
    return argv[slot];
}
