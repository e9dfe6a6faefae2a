/* HPKE: contexts for several messages, and for secrets that both sides derive. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/symmetric.h"
#include "crypto/hpke_options.h"
#include "register.h"

#include <openssl/crypto.h>
#include <string.h>

typedef struct HpkeObject {
    HpkeContext context;
    uint8_t enc[HPKE_MAX_ENC]; /* of a sender */
    size_t enc_length;
} HpkeObject;

static int collect_context(void *pointer, size_t size) {
    OPENSSL_cleanse(pointer, size);
    return 0;
}

static int get_sender_method(void *pointer, Janet key, Janet *out);
static int get_recipient_method(void *pointer, Janet key, Janet *out);
static Janet next_sender_method(void *pointer, Janet key);
static Janet next_recipient_method(void *pointer, Janet key);

static const JanetAbstractType sender_type = {
    .name = "jsec/hpke-sender",
    .gc = collect_context,
    .get = get_sender_method,
    .next = next_sender_method,
};

static const JanetAbstractType recipient_type = {
    .name = "jsec/hpke-recipient",
    .gc = collect_context,
    .get = get_recipient_method,
    .next = next_recipient_method,
};

/* --- making --- */

static HpkeOptions read_options(const char *function, int32_t argc, const Janet *argv,
                                int32_t slot) {
    HpkeOptions options = HPKE_DEFAULTS;
    options_read(function, &hpke_options, args_options(argv, argc, slot), &options);
    hpke_options_check(function, &options);
    return options;
}

static HpkeObject *new_object(const JanetAbstractType *type) {
    HpkeObject *self = janet_abstract(type, sizeof *self);
    memset(self, 0, sizeof *self);
    return self;
}

FUNCTION(
    crypto_new_hpke_sender, "crypto/new-hpke-sender", "public-key &opt opts",
    "Encrypt several messages for the owner of a private key, which opens them in the same order, "
    "with one key agreement for all (RFC 9180, section 5). Key and options are those of "
    "`hpke-seal`. Returns an object with these methods:\n\n"
    "* `(:enc s)` - what the recipient needs for `new-hpke-recipient`, a buffer\n"
    "* `(:seal s plaintext &opt aad)` - the ciphertext of the next message, a buffer\n"
    "* `(:export s context length)` - a secret for other uses, which the recipient derives alike "
    "from the same `context`, a string or buffer: a buffer of `length` bytes\n\n"
    "It is the sender's end of one direction: answers need a context of their own, or keys from "
    "`:export`. Messages that are lost or come in another order can't be opened. Raises as "
    "`hpke-seal` does.",
    &hpke_options) {
    args_arity(function, argc, 1, 2);
    Bytes key = key_argument(function, argv, 0);
    HpkeOptions options = read_options(function, argc, argv, 1);
    HpkeObject *self = new_object(&sender_type);
    hpke_options_sender(function, &options, key, self->enc, &self->enc_length, &self->context);
    return janet_wrap_abstract(self);
}

FUNCTION(crypto_new_hpke_recipient, "crypto/new-hpke-recipient", "private-key enc &opt opts",
         "Decrypt the messages of a sender of `new-hpke-sender`, in their order. `enc` is what its "
         "method `:enc` gave; the options must be the sender's, `:sender-key` its public key. "
         "Returns an object with these methods:\n\n"
         "* `(:open r ciphertext &opt aad)` - the plaintext of the next message, a buffer; raises "
         "when it is not authentic, and then still expects the same message\n"
         "* `(:export r context length)` - as the sender's\n\n"
         "A wrong key or option shows when the first message is opened. Raises when a key is of "
         "another kind, or `enc` is no public key of it.",
         &hpke_options) {
    args_arity(function, argc, 2, 3);
    Bytes key = key_argument(function, argv, 0), enc = args_bytes(function, argv, 1);
    HpkeOptions options = read_options(function, argc, argv, 2);
    HpkeObject *self = new_object(&recipient_type);
    hpke_options_recipient(function, &options, key, enc, &self->context);
    return janet_wrap_abstract(self);
}

/* --- methods --- */

static JanetBuffer *make_buffer(const char *function, size_t room) {
    if (room > INT32_MAX) raise_format(function, "the result would be larger than 2 GB");
    return janet_buffer((int32_t)room);
}

static Janet export_secret(const char *function, const HpkeContext *context, const Janet *argv) {
    Failure failure;
    Bytes label = args_bytes(function, argv, 1);
    int32_t length = args_integer(function, argv, 2, 1, (int32_t)hpke_max_export(context));
    JanetBuffer *secret = janet_buffer(length);
    if (!hpke_export(context, label, secret->data, (size_t)length, &failure)) {
        raise_failure(function, &failure);
    }
    secret->count = length;
    return janet_wrap_buffer(secret);
}

FUNCTION(sender_enc, "hpke-sender/enc", "sender", "The method :enc of `new-hpke-sender`.", NULL) {
    args_arity(function, argc, 1, 1);
    const HpkeObject *self = raise_unless_abstract(function, argv, 0, &sender_type);
    JanetBuffer *enc = janet_buffer((int32_t)self->enc_length);
    janet_buffer_push_bytes(enc, self->enc, (int32_t)self->enc_length);
    return janet_wrap_buffer(enc);
}

FUNCTION(sender_seal, "hpke-sender/seal", "sender plaintext &opt aad",
         "The method :seal of `new-hpke-sender`.", NULL) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    HpkeObject *self = raise_unless_abstract(function, argv, 0, &sender_type);
    Bytes text = args_secret(function, argv, 1), aad = args_bytes_or_none(function, argv, argc, 2);
    JanetBuffer *out = make_buffer(function, text.length + SYMMETRIC_BLOCK);
    if (!hpke_seal(&self->context, aad, text, out->data, &failure)) {
        raise_failure(function, &failure);
    }
    out->count = (int32_t)text.length + HPKE_TAG;
    return janet_wrap_buffer(out);
}

FUNCTION(recipient_open, "hpke-recipient/open", "recipient ciphertext &opt aad",
         "The method :open of `new-hpke-recipient`.", NULL) {
    Failure failure;
    args_arity(function, argc, 2, 3);
    HpkeObject *self = raise_unless_abstract(function, argv, 0, &recipient_type);
    Bytes sealed = args_bytes(function, argv, 1), aad = args_bytes_or_none(function, argv, argc, 2);
    JanetBuffer *out = make_buffer(function, sealed.length + SYMMETRIC_BLOCK);
    if (!hpke_open(&self->context, aad, sealed, out->data, &failure)) {
        OPENSSL_cleanse(out->data, sealed.length); /* plaintext that did not authenticate */
        raise_failure(function, &failure);
    }
    out->count = (int32_t)sealed.length - HPKE_TAG;
    return janet_wrap_buffer(out);
}

FUNCTION(sender_export, "hpke-sender/export", "sender context length",
         "The method :export of `new-hpke-sender`.", NULL) {
    args_arity(function, argc, 3, 3);
    const HpkeObject *self = raise_unless_abstract(function, argv, 0, &sender_type);
    return export_secret(function, &self->context, argv);
}

FUNCTION(recipient_export, "hpke-recipient/export", "recipient context length",
         "The method :export of `new-hpke-recipient`.", NULL) {
    args_arity(function, argc, 3, 3);
    const HpkeObject *self = raise_unless_abstract(function, argv, 0, &recipient_type);
    return export_secret(function, &self->context, argv);
}

static const JanetMethod sender_methods[] = {
    {"enc", cfun_sender_enc},
    {"seal", cfun_sender_seal},
    {"export", cfun_sender_export},
    {NULL, NULL},
};

static const JanetMethod recipient_methods[] = {
    {"open", cfun_recipient_open},
    {"export", cfun_recipient_export},
    {NULL, NULL},
};

static int get_sender_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), sender_methods, out);
}

static int get_recipient_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), recipient_methods, out);
}

static Janet next_sender_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(sender_methods, key);
}

static Janet next_recipient_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(recipient_methods, key);
}

static const Function *const functions[] = {
    &function_crypto_new_hpke_sender,
    &function_crypto_new_hpke_recipient,
    &function_sender_enc,
    &function_sender_seal,
    &function_sender_export,
    &function_recipient_open,
    &function_recipient_export,
    NULL,
};

void hpke_object_register(JanetTable *env) {
    module_register(env, functions);
}
