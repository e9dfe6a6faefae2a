/* Digests and HMAC of data in pieces. */
#include "crypto/digest_object.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/digest_options.h"
#include "register.h"

#include <string.h>

static int collect_digest(void *pointer, size_t size) {
    (void)size;
    digester_close(pointer);
    return 0;
}

static int get_method(void *pointer, Janet key, Janet *out);
static Janet next_method(void *pointer, Janet key);

static const JanetAbstractType digest_type = {
    .name = "jsec/digest",
    .gc = collect_digest,
    .get = get_method,
    .next = next_method,
};

Digester *digest_object_new(void) {
    Digester *digester = janet_abstract(&digest_type, sizeof *digester);
    memset(digester, 0, sizeof *digester);
    return digester;
}

static Digester *require_open(const char *function, const Janet *argv) {
    Digester *digester = raise_unless_abstract(function, argv, 0, &digest_type);
    if (!digester_is_open(digester))
        raise_format(function, "the digest is finished: make a new one");
    return digester;
}

FUNCTION(crypto_new_digest, "crypto/new-digest", "algorithm &opt opts",
         "A digest of data that comes in pieces, for data too long for one string. `algorithm` is "
         "one of `digest`. Returns an object with these methods:\n\n"
         "* `(:update d data)` - append a string or buffer; returns the object\n"
         "* `(:copy d)` - a second object that has seen the same data\n"
         "* `(:finish d)` - the digest, a buffer; any further call raises\n\n"
         "An update hashes at once: 4 MB take a few milliseconds, in which other fibers wait. "
         "`digest-file` and `digest-stream` do the loop. The object can't be marshalled, and is "
         "cleansed when it is collected. Raises when the algorithm is unknown.",
         &digest_options) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    const DigestRow *row = args_digest(function, argv, 0);
    size_t length = digest_options_read(function, row, argv, argc, 1);
    Digester *digester = digest_object_new();
    if (!digester_open(digester, algorithms_md(row), length, &failure)) {
        raise_failure(function, &failure);
    }
    return janet_wrap_abstract(digester);
}

FUNCTION(crypto_new_hmac, "crypto/new-hmac", "algorithm key",
         "An HMAC (RFC 2104) of data that comes in pieces: an object with the methods of "
         "`new-digest`, whose `:finish` returns what `hmac` returns for all pieces together. "
         "Compare a received value by `constant-time=`, never by `=`. Raises when the algorithm "
         "is unknown, or a SHAKE.",
         NULL) {
    Failure failure;
    args_arity(function, argc, 2, 2);
    const DigestRow *row = args_hmac_digest(function, argv, 0);
    Bytes key = args_secret(function, argv, 1);
    Digester *digester = digest_object_new();
    if (!digester_open_hmac(digester, row, key, &failure)) raise_failure(function, &failure);
    return janet_wrap_abstract(digester);
}

FUNCTION(digest_update, "digest/update", "digest data", "The method :update of `new-digest`.",
         NULL) {
    Failure failure;
    args_arity(function, argc, 2, 2);
    Digester *digester = require_open(function, argv);
    if (!digester_update(digester, args_bytes(function, argv, 1), &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

FUNCTION(digest_copy, "digest/copy", "digest", "The method :copy of `new-digest`.", NULL) {
    Failure failure;
    args_arity(function, argc, 1, 1);
    const Digester *digester = require_open(function, argv);
    Digester *copy = digest_object_new();
    if (!digester_copy(digester, copy, &failure)) raise_failure(function, &failure);
    return janet_wrap_abstract(copy);
}

FUNCTION(digest_finish, "digest/finish", "digest", "The method :finish of `new-digest`.", NULL) {
    Failure failure;
    args_arity(function, argc, 1, 1);
    Digester *digester = require_open(function, argv);
    JanetBuffer *out = janet_buffer((int32_t)digester->length);
    out->count = (int32_t)digester->length;
    if (!digester_finish(digester, out->data, &failure)) raise_failure(function, &failure);
    return janet_wrap_buffer(out);
}

static const JanetMethod methods[] = {
    {"update", cfun_digest_update},
    {"copy", cfun_digest_copy},
    {"finish", cfun_digest_finish},
    {NULL, NULL},
};

static int get_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), methods, out);
}

static Janet next_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(methods, key);
}

static const Function *const functions[] = {
    &function_crypto_new_digest, &function_crypto_new_hmac, &function_digest_update,
    &function_digest_copy,       &function_digest_finish,   NULL,
};

void digest_object_register(JanetTable *env) {
    module_register(env, functions);
}
