#include "core/crypto/phc.h"

#include "core/crypto/base64.h"

#include <stdio.h>
#include <string.h>

#define MIN_HASH 12 /* as PHC's specification has it: shorter ones can be hit by chance */
#define MIN_ARGON2_SALT 8
#define MAX_LANES 0xffffff
#define MAX_SCRYPT_BLOCKS (1u << 30) /* r * p */
#define MAX_ENCODED 96               /* Base64 of a salt or hash, with its padding */

/* --- pieces of the text --- */

static bool take_word(Bytes *text, const char *word) {
    size_t length = strlen(word);
    if (text->length < length || memcmp(text->data, word, length)) return false;
    *text = (Bytes){text->data + length, text->length - length};
    return true;
}

static bool take_number(Bytes *text, uint32_t *number) {
    uint64_t value = 0;
    size_t digits = 0;
    for (; digits < text->length && digits < 10; digits++) {
        uint8_t c = text->data[digits];
        if (c < '0' || c > '9') break;
        value = value * 10 + c - '0';
    }
    if (!digits || (text->data[0] == '0' && digits > 1) || value > UINT32_MAX) return false;
    *number = (uint32_t)value;
    *text = (Bytes){text->data + digits, text->length - digits};
    return true;
}

/* A number with a name, such as `m=19456`. */
typedef struct Parameter {
    const char *name;
    uint32_t *value;
    bool optional, seen;
} Parameter;

static bool take_parameter(Bytes *text, Parameter *parameters, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!take_word(text, parameters[i].name)) continue;
        if (parameters[i].seen || !take_number(text, parameters[i].value)) return false;
        return parameters[i].seen = true;
    }
    return false;
}

/* In any order: npm's argon2 sorts them by name. Takes the `$` behind them as well. */
static bool take_parameters(Bytes *text, Parameter *parameters, size_t count) {
    do {
        if (!take_parameter(text, parameters, count)) return false;
    } while (take_word(text, ","));
    bool complete = true;
    for (size_t i = 0; i < count; i++) {
        complete = complete && (parameters[i].seen || parameters[i].optional);
    }
    return complete && take_word(text, "$");
}

/* The bytes before the next `$`, which is taken too. */
static bool take_field(Bytes *text, Bytes *field) {
    const uint8_t *end = text->length ? memchr(text->data, '$', text->length) : NULL;
    if (!end) return false;
    *field = (Bytes){text->data, (size_t)(end - text->data)};
    *text = (Bytes){end + 1, text->length - field->length - 1};
    return true;
}

/* --- salts and hashes --- */

typedef enum Form { FORM_PHC, FORM_PASSLIB, FORM_DJANGO } Form;

/* Makes the padded text of the standard alphabet. passlib writes `.` for `+`; only Django pads. */
static bool standardize(Form form, Bytes text, uint8_t out[MAX_ENCODED], size_t *length) {
    if (text.length > MAX_ENCODED - 2) return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (form != FORM_DJANGO && c == '=') return false;
        out[i] = form == FORM_PASSLIB && c == '.' ? '+' : c;
    }
    *length = text.length;
    while (form != FORM_DJANGO && *length % 4) out[(*length)++] = '=';
    return true;
}

static bool decode_field(Form form, Bytes text, uint8_t *out, size_t max, size_t *length) {
    uint8_t standard[MAX_ENCODED], bytes[MAX_ENCODED];
    Failure ignored;
    size_t encoded;
    bool fits = standardize(form, text, standard, &encoded) &&
                base64_decode(BASE64_STANDARD, (Bytes){standard, encoded}, bytes, length, &ignored);
    if (!fits || *length > max) return false;
    memcpy(out, bytes, *length);
    return true;
}

/* Django's salt is text, which stands for itself. */
static bool read_salt(Form form, Bytes text, PhcHash *hash) {
    if (form != FORM_DJANGO) {
        return decode_field(form, text, hash->salt, PHC_MAX_SALT, &hash->salt_length);
    }
    hash->salt_length = text.length;
    if (text.length > PHC_MAX_SALT) return false;
    memcpy(hash->salt, text.data, text.length);
    return true;
}

static bool read_salt_and_hash(Form form, Bytes text, PhcHash *hash, Failure *failure) {
    Bytes salt;
    size_t min = hash->cost.kind == PASSWORD_ARGON2 ? MIN_ARGON2_SALT : 1;
    if (!take_field(&text, &salt) || !read_salt(form, salt, hash) || hash->salt_length < min) {
        return failure_set(failure, "damaged password hash: no salt of %zu to %d bytes", min,
                           PHC_MAX_SALT);
    }
    if (!decode_field(form, text, hash->hash, PHC_MAX_HASH, &hash->hash_length) ||
        hash->hash_length < MIN_HASH) {
        return failure_set(failure, "damaged password hash: no hash of %d to %d bytes", MIN_HASH,
                           PHC_MAX_HASH);
    }
    return true;
}

/* --- parameters --- */

static bool report_parameters(const char *algorithm, Failure *failure) {
    return failure_set(failure, "damaged password hash: the parameters are not those of %s",
                       algorithm);
}

static bool read_argon2(Argon2Kind kind, Bytes text, PhcHash *hash, Failure *failure) {
    Argon2Cost *cost = &hash->cost.argon2;
    hash->cost.kind = PASSWORD_ARGON2;
    cost->kind = kind;
    cost->version = 0x10; /* the first one, which writes no version */
    if (take_word(&text, "v=") && !(take_number(&text, &cost->version) && take_word(&text, "$"))) {
        return report_parameters("argon2", failure);
    }
    Parameter parameters[] = {{"m=", &cost->memory, false, false},
                              {"t=", &cost->iterations, false, false},
                              {"p=", &cost->lanes, false, false}};
    bool fits = take_parameters(&text, parameters, 3) &&
                (cost->version == 0x10 || cost->version == 0x13) && cost->iterations &&
                cost->lanes && cost->lanes <= MAX_LANES && cost->memory / 8 >= cost->lanes;
    if (!fits) return report_parameters("argon2", failure);
    return read_salt_and_hash(FORM_PHC, text, hash, failure);
}

static bool read_scrypt(Bytes text, PhcHash *hash, Failure *failure) {
    ScryptCost *cost = &hash->cost.scrypt;
    uint32_t log_n = 0;
    hash->cost.kind = PASSWORD_SCRYPT;
    Parameter parameters[] = {{"ln=", &log_n, false, false},
                              {"r=", &cost->r, false, false},
                              {"p=", &cost->p, false, false}};
    bool fits = take_parameters(&text, parameters, 3) && log_n && cost->r && cost->p &&
                log_n < 32 && log_n < 16 * (uint64_t)cost->r &&
                (uint64_t)cost->r * cost->p < MAX_SCRYPT_BLOCKS;
    if (!fits) return report_parameters("scrypt", failure);
    cost->n = (uint64_t)1 << log_n;
    return read_salt_and_hash(FORM_PHC, text, hash, failure);
}

/* `i=600000$`, maybe with the length as `,l=32`; passlib and Django write the number alone. */
static bool read_iterations(Form *form, Bytes *text, uint32_t *iterations, uint32_t *length) {
    Parameter parameters[] = {{"i=", iterations, false, false}, {"l=", length, true, false}};
    if (*form == FORM_PHC && take_parameters(text, parameters, 2)) {
        return *iterations && (*length || !parameters[1].seen);
    }
    if (parameters[0].seen || parameters[1].seen) return false;
    if (*form == FORM_PHC) *form = FORM_PASSLIB;
    return take_number(text, iterations) && *iterations && take_word(text, "$");
}

static bool read_pbkdf2(Form form, const char *digest, Bytes text, PhcHash *hash,
                        Failure *failure) {
    Pbkdf2Cost *cost = &hash->cost.pbkdf2;
    Bytes name = {(const uint8_t *)digest, strlen(digest)};
    uint32_t length = 0;
    hash->cost.kind = PASSWORD_PBKDF2;
    cost->digest = algorithms_digest(name, failure);
    if (!cost->digest) return false;
    if (!read_iterations(&form, &text, &cost->iterations, &length)) {
        return report_parameters("pbkdf2", failure);
    }
    hash->is_foreign = form != FORM_PHC;
    if (!read_salt_and_hash(form, text, hash, failure)) return false;
    return !length || length == hash->hash_length || report_parameters("pbkdf2", failure);
}

/* --- the whole --- */

typedef struct Prefix {
    const char *text, *digest; /* of PBKDF2 */
    Form form;
} Prefix;

static const Prefix pbkdf2_prefixes[] = {
    {"$pbkdf2-sha256$", "sha256", FORM_PHC},   {"$pbkdf2-sha512$", "sha512", FORM_PHC},
    {"$pbkdf2-sha1$", "sha1", FORM_PHC},       {"$pbkdf2$", "sha1", FORM_PHC},
    {"pbkdf2_sha256$", "sha256", FORM_DJANGO}, {"pbkdf2_sha1$", "sha1", FORM_DJANGO},
};

static const char *const argon2_prefixes[] = {"$argon2d$", "$argon2i$", "$argon2id$"};

static bool report_kind(Bytes text, Failure *failure) {
    if (take_word(&text, "$2")) {
        return failure_set(failure,
                           "bcrypt is not supported: OpenSSL has none; let each user set a "
                           "new password, or hash anew after another library has verified");
    }
    return failure_set(failure,
                       "not a password hash: expected $argon2id$, $scrypt$, $pbkdf2-sha256$ or "
                       "Django's pbkdf2_sha256$");
}

bool phc_read(Bytes text, PhcHash *hash, Failure *failure) {
    memset(hash, 0, sizeof *hash);
    for (int kind = ARGON2_KIND_D; kind <= ARGON2_KIND_ID; kind++) {
        if (!take_word(&text, argon2_prefixes[kind])) continue;
        return read_argon2((Argon2Kind)kind, text, hash, failure);
    }
    if (take_word(&text, "$scrypt$")) return read_scrypt(text, hash, failure);
    for (size_t i = 0; i < sizeof pbkdf2_prefixes / sizeof *pbkdf2_prefixes; i++) {
        const Prefix *prefix = pbkdf2_prefixes + i;
        if (!take_word(&text, prefix->text)) continue;
        return read_pbkdf2(prefix->form, prefix->digest, text, hash, failure);
    }
    return report_kind(text, failure);
}

static int log_of(uint64_t n) {
    int log = 0;
    while (n >>= 1) log++;
    return log;
}

size_t phc_write_cost(const PasswordCost *cost, char text[PHC_MAX_TEXT]) {
    const Argon2Cost *argon2 = &cost->argon2;
    int length;
    switch (cost->kind) {
    case PASSWORD_ARGON2:
        length =
            snprintf(text, PHC_MAX_TEXT, "%sv=%u$m=%u,t=%u,p=%u$", argon2_prefixes[argon2->kind],
                     argon2->version, argon2->memory, argon2->iterations, argon2->lanes);
        break;
    case PASSWORD_SCRYPT:
        length = snprintf(text, PHC_MAX_TEXT, "$scrypt$ln=%d,r=%u,p=%u$", log_of(cost->scrypt.n),
                          cost->scrypt.r, cost->scrypt.p);
        break;
    default:
        length = snprintf(text, PHC_MAX_TEXT, "$pbkdf2-%s$i=%u$", cost->pbkdf2.digest->name.text,
                          cost->pbkdf2.iterations);
    }
    return (size_t)length;
}

static size_t encode_field(Bytes bytes, char *out) {
    size_t length = base64_encoded_length(BASE64_STANDARD, bytes.length);
    base64_encode(BASE64_STANDARD, bytes, (uint8_t *)out);
    while (length && out[length - 1] == '=') length--;
    return length;
}

size_t phc_write(const PhcHash *hash, char text[PHC_MAX_TEXT]) {
    size_t length = phc_write_cost(&hash->cost, text);
    length += encode_field((Bytes){hash->salt, hash->salt_length}, text + length);
    text[length++] = '$';
    length += encode_field((Bytes){hash->hash, hash->hash_length}, text + length);
    text[length] = 0;
    return length;
}
