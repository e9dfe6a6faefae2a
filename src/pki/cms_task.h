/* The tasks behind the functions on CMS messages and mail. */
#ifndef JSEC_PKI_CMS_TASK_H
#define JSEC_PKI_CMS_TASK_H

#include "base/value.h"
#include "core/pki/smime.h"
#include "crypto/task.h"
#include "pki/verification.h"

enum { CMS_FORMAT_UNSET, CMS_PEM, CMS_DER };
enum { CMS_INPUT_DATA, CMS_INPUT_KEY, CMS_INPUT_PASSWORD, CMS_INPUT_DETACHED }; /* inputs */

extern const OptionWord cms_formats[];

typedef struct CmsTask {
    Task task;
    STACK_OF(X509) * certificates; /* the signer's first, or all recipients */
    STACK_OF(X509) * intermediates;
    VerificationInputs inputs;
    const EVP_MD *digest;
    const EVP_CIPHER *cipher;
    bool detached, oaep, pem, signatures_only, by_password, is_mail, is_text;
    ChainQuery query;
    uint8_t *written;
    size_t length;
    BIO *plain;
    CmsVerdict verdict;
    PemSource entity; /* of a mail with :text */
} CmsTask;

void cms_task_release(Task *task);

/* The result of a task that writes a message. */
Janet cms_task_written(Task *task);

/* The output is PEM if the input is, unless :format is given. */
bool cms_task_wants_pem(int format, bool input_is_pem);

/* The data to sign or encrypt; NULL data on failure. */
Bytes cms_task_data(CmsTask *job, Failure *failure);

/* Write the message, and free it. `entity` is signed beside it in a mail. */
bool cms_task_write(CmsTask *job, CMS_ContentInfo *message, Bytes entity, Failure *failure);

/* The message to verify or decrypt. `content` is the part of a mail that its signature stands
 * beside, or NULL; the caller frees both. */
CMS_ContentInfo *cms_task_read(const CmsTask *job, BIO **content, Failure *failure);

/* An argument of certificates: a string, a buffer, or a list of these that is not empty. */
Janet cms_task_certificates(const char *function, const Janet *argv, int32_t slot);

JANET_NO_RETURN void cms_task_raise(CmsTask *job, const Failure *failure);

/* Run it, on a worker if there is a password or the data is long. */
Janet cms_task_run(CmsTask *job, size_t length);

#endif
