#include "core/pki/x509info.h"

#include "core/pki/asn1time.h"
#include "core/pki/faults.h"
#include "core/pki/other_name.h"
#include "core/pki/serial.h"
#include "core/pki/usage.h"
#include "core/printable.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static Bytes copy_text(Pool *pool, const char *text) {
    return pool_copy(pool, (Bytes){(const uint8_t *)text, strlen(text)});
}

static Bytes copy_raw(Pool *pool, const ASN1_STRING *string) {
    int length = string ? ASN1_STRING_length(string) : 0;
    return pool_copy(pool, (Bytes){length > 0 ? ASN1_STRING_get0_data(string) : (const uint8_t *)"",
                                   length > 0 ? (size_t)length : 0});
}

/* As UTF-8, or the bytes unchanged if they are no text. */
static Bytes copy_utf8(Pool *pool, const ASN1_STRING *string) {
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, string);
    if (length < 0) {
        pool_settle(pool);
        return copy_raw(pool, string);
    }
    Bytes copy = pool_copy(pool, (Bytes){text, (size_t)length});
    OPENSSL_free(text);
    return copy;
}

Bytes x509info_oid(Pool *pool, const ASN1_OBJECT *object) {
    char small[128];
    int length = OBJ_obj2txt(small, sizeof small, object, 1);
    if (length < 0 || !object) return copy_text(pool, "");
    if ((size_t)length < sizeof small) return copy_text(pool, small);
    char *large = pool_take(pool, (size_t)length + 1);
    if (large) OBJ_obj2txt(large, length + 1, object, 1);
    return (Bytes){large ? (const uint8_t *)large : (const uint8_t *)"",
                   large ? (size_t)length : 0};
}

static const char *get_short_name(Pool *pool, const ASN1_OBJECT *object) {
    int nid = OBJ_obj2nid(object);
    return nid != NID_undef ? OBJ_nid2sn(nid) : (const char *)x509info_oid(pool, object).data;
}

/* In the form of RFC 4514, with unprintable characters escaped. */
static Bytes print_name(Pool *pool, const X509_NAME *name) {
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) X509_NAME_print_ex(bio, name, 0, flags);
    Bytes line = pool_bio(pool, bio);
    size_t room = 3 * line.length + 1;
    char *escaped = pool_take(pool, room);
    if (!escaped) return (Bytes){(const uint8_t *)"", 0};
    size_t length = printable_copy(escaped, room, (const char *)line.data, line.length, "\\");
    return (Bytes){(const uint8_t *)escaped, length};
}

void x509info_name(Pool *pool, const X509_NAME *name, InfoNames *names, Bytes *text) {
    int count = X509_NAME_entry_count(name);
    *text = print_name(pool, name);
    names->items = pool_take(pool, (size_t)(count > 0 ? count : 0) * sizeof *names->items);
    for (int i = 0; names->items && i < count; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        InfoName *item = names->items + names->count++;
        item->kind = get_short_name(pool, X509_NAME_ENTRY_get_object(entry));
        item->value = copy_utf8(pool, X509_NAME_ENTRY_get_data(entry));
    }
    pool_settle(pool);
}

static Bytes print_address(Pool *pool, const ASN1_OCTET_STRING *address) {
    const uint8_t *b = ASN1_STRING_get0_data(address);
    int length = ASN1_STRING_length(address);
    char text[48];
    if (length == 4) {
        snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
        return copy_text(pool, text);
    }
    if (length != 16) return pool_hex(pool, b, length > 0 ? (size_t)length : 0);
    /* RFC 5952: the first longest run of two and more zero groups is "::". */
    int groups[8], best = -1, best_length = 1;
    for (int i = 0; i < 8; i++) groups[i] = b[2 * i] << 8 | b[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int run = 0;
        while (i + run < 8 && !groups[i + run]) run++;
        if (run > best_length) best = i, best_length = run;
    }
    size_t used = 0;
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            used += (size_t)snprintf(text + used, sizeof text - used, "::");
            i += best_length - 1;
            continue;
        }
        bool first = i == 0 || (best >= 0 && i == best + best_length);
        used += (size_t)snprintf(text + used, sizeof text - used, first ? "%x" : ":%x", groups[i]);
    }
    text[used] = 0;
    return copy_text(pool, text);
}

/* Its DER, for kinds that nothing uses. */
static InfoName show_rest(Pool *pool, const GENERAL_NAME *name, int type) {
    unsigned char *der = NULL;
    int length = i2d_GENERAL_NAME((GENERAL_NAME *)(uintptr_t)name, &der);
    Bytes hex = pool_hex(pool, der, length > 0 ? (size_t)length : 0);
    OPENSSL_free(der);
    return (InfoName){type == GEN_X400 ? "X400Name" : "EdiPartyName", hex};
}

static InfoName show_other(Pool *pool, const OTHERNAME *name) {
    Bytes text;
    const char *kind = other_name_show(pool, name, &text);
    return (InfoName){kind, text};
}

static InfoName make_alternative(Pool *pool, const GENERAL_NAME *name) {
    int type;
    const void *value = GENERAL_NAME_get0_value(name, &type);
    switch (type) {
    case GEN_DNS: return (InfoName){"DNS", copy_raw(pool, value)};
    case GEN_EMAIL: return (InfoName){"email", copy_raw(pool, value)};
    case GEN_URI: return (InfoName){"URI", copy_raw(pool, value)};
    case GEN_IPADD: return (InfoName){"IP", print_address(pool, value)};
    case GEN_DIRNAME: return (InfoName){"dirName", print_name(pool, value)};
    case GEN_RID: return (InfoName){"RID", x509info_oid(pool, value)};
    case GEN_OTHERNAME: return show_other(pool, value);
    default: return show_rest(pool, name, type);
    }
}

void x509info_alternatives(Pool *pool, const GENERAL_NAMES *all, InfoNames *names) {
    int count = all ? sk_GENERAL_NAME_num(all) : 0;
    names->items = pool_take(pool, (size_t)count * sizeof *names->items);
    for (int i = 0; names->items && i < count; i++) {
        names->items[names->count++] = make_alternative(pool, sk_GENERAL_NAME_value(all, i));
    }
    pool_settle(pool);
}

/* OpenSSL reports a NUL byte within a name as a lack of memory. After a real lack of memory the
 * second try succeeds, or another call fails. */
static Bytes print_extension(Pool *pool, X509_EXTENSION *extension) {
    pool_settle(pool);
    for (int tries = 0; tries < 2; tries++) {
        BIO *bio = BIO_new(BIO_s_mem());
        bool printed = bio && X509V3_EXT_print(bio, extension, X509V3_EXT_DEFAULT, 0);
        ERR_clear_error();
        if (printed) return pool_bio(pool, bio);
        BIO_free(bio);
    }
    return copy_text(pool, "");
}

void x509info_extensions(Pool *pool, const STACK_OF(X509_EXTENSION) * all, InfoExtensions *into) {
    int count = all ? sk_X509_EXTENSION_num(all) : 0;
    into->items = pool_take(pool, (size_t)count * sizeof *into->items);
    for (int i = 0; into->items && i < count; i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(all, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        int nid = OBJ_obj2nid(object);
        into->items[into->count++] =
            (InfoExtension){.oid = x509info_oid(pool, object),
                            .name = nid == NID_undef ? NULL : OBJ_nid2sn(nid),
                            .critical = X509_EXTENSION_get_critical(extension),
                            .value = copy_raw(pool, X509_EXTENSION_get_data(extension)),
                            .text = print_extension(pool, extension)};
    }
    pool_settle(pool);
}

InfoTime x509info_time(const ASN1_TIME *time) {
    InfoTime read = {0, false};
    read.known = asn1time_get(time, &read.seconds);
    return read;
}

static Bytes copy_fingerprint(Pool *pool, const X509 *certificate, const EVP_MD *digest) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (!X509_digest(certificate, digest, bytes, &length)) pool->failed = true;
    return pool_hex(pool, bytes, length);
}

static void read_extended(X509Info *info, const X509 *certificate) {
    EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    int count = all ? sk_ASN1_OBJECT_num(all) : 0;
    info->extended.items = pool_take(&info->pool, (size_t)count * sizeof *info->extended.items);
    for (int i = 0; info->extended.items && i < count; i++) {
        char name[256];
        usage_extended_name(sk_ASN1_OBJECT_value(all, i), name, sizeof name);
        info->extended.items[info->extended.count++] =
            (InfoName){"usage", copy_text(&info->pool, name)};
    }
    EXTENDED_KEY_USAGE_free(all);
}

static void read_key_usage(X509Info *info, const X509 *certificate) {
    ASN1_BIT_STRING *bits = X509_get_ext_d2i(certificate, NID_key_usage, NULL, NULL);
    info->key_usage = bits ? 0 : -1;
    for (int bit = 0; bits && usage_key_name(bit); bit++) {
        if (ASN1_BIT_STRING_get_bit(bits, bit)) info->key_usage |= INT64_C(1) << bit;
    }
    ASN1_BIT_STRING_free(bits);
}

static void read_constraints(X509Info *info, const X509 *certificate) {
    BASIC_CONSTRAINTS *constraints =
        X509_get_ext_d2i(certificate, NID_basic_constraints, NULL, NULL);
    info->path_length = -1;
    if (constraints && constraints->ca) {
        info->is_ca = true;
        int64_t length;
        bool limited =
            constraints->pathlen && ASN1_INTEGER_get_int64(&length, constraints->pathlen);
        if (limited && length >= 0 && length <= INT32_MAX) info->path_length = (int)length;
    }
    BASIC_CONSTRAINTS_free(constraints);
}

static void read_key_ids(X509Info *info, const X509 *certificate) {
    ASN1_OCTET_STRING *own = X509_get_ext_d2i(certificate, NID_subject_key_identifier, NULL, NULL);
    AUTHORITY_KEYID *issuer =
        X509_get_ext_d2i(certificate, NID_authority_key_identifier, NULL, NULL);
    const ASN1_OCTET_STRING *ids[] = {own, issuer ? issuer->keyid : NULL};
    Bytes *into[] = {&info->subject_key_id, &info->authority_key_id};
    for (int i = 0; i < 2; i++) {
        if (!ids[i]) continue;
        *into[i] = pool_hex(&info->pool, ASN1_STRING_get0_data(ids[i]),
                            (size_t)ASN1_STRING_length(ids[i]));
    }
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(issuer);
}

static void read_key(X509Info *info, const X509 *certificate) {
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    ASN1_OBJECT *algorithm = NULL;
    if (key) {
        keyfacts_of(key, &info->key);
    } else if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL,
                                      X509_get_X509_PUBKEY(certificate))) {
        keyfacts_of_algorithm(algorithm, &info->key);
    }
    pool_settle(&info->pool);
}

static void read_signature(X509Info *info, const X509 *certificate) {
    const ASN1_OBJECT *algorithm = NULL;
    X509_ALGOR_get0(&algorithm, NULL, NULL, X509_get0_tbs_sigalg(certificate));
    info->signature_algorithm = copy_text(&info->pool, get_short_name(&info->pool, algorithm));
}

/* The encoded version is one less; -1 stands for one that is negative or does not fit. */
int64_t x509info_version(long encoded) {
    return encoded < 0 || encoded > UINT32_MAX ? 0 : (int64_t)encoded + 1;
}

bool x509info_read(X509Info *info, X509 *certificate, Failure *failure) {
    memset(info, 0, sizeof *info);
    ERR_clear_error();
    Pool *pool = &info->pool;
    info->version = x509info_version(X509_get_version(certificate));
    info->serial = serial_text(pool, X509_get0_serialNumber(certificate));
    info->sha256 = copy_fingerprint(pool, certificate, EVP_sha256());
    info->sha1 = copy_fingerprint(pool, certificate, EVP_sha1());
    x509info_name(pool, X509_get_subject_name(certificate), &info->subject, &info->subject_text);
    x509info_name(pool, X509_get_issuer_name(certificate), &info->issuer, &info->issuer_text);
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    x509info_alternatives(pool, all, &info->alternatives);
    GENERAL_NAMES_free(all);
    info->not_before = x509info_time(X509_get0_notBefore(certificate));
    info->not_after = x509info_time(X509_get0_notAfter(certificate));
    read_key(info, certificate);
    read_signature(info, certificate);
    read_constraints(info, certificate);
    read_key_usage(info, certificate);
    read_extended(info, certificate);
    read_key_ids(info, certificate);
    x509info_extensions(pool, X509_get0_extensions(certificate), &info->extensions);
    faults_list(pool, X509_get0_extensions(certificate), &info->malformed);
    info->self_signed = X509_self_signed(certificate, 1) == 1;
    pool_settle(pool);
    return !pool->failed || failure_set(failure, "out of memory");
}

void x509info_free(X509Info *info) {
    pool_free(&info->pool);
    memset(info, 0, sizeof *info);
}
