#include "core/pki/crl.h"

#include <openssl/err.h>
#include <string.h>

static bool fail_malformed(int nid, Failure *failure) {
    if (failure_of_memory(failure)) return false;
    return failure_set(failure, "malformed extension: %s can't be read", OBJ_nid2sn(nid));
}

/* The decoded extension; NULL with `absent` set if there is none. */
static void *get_extension(const X509_CRL *list, int nid, bool *absent) {
    int critical;
    void *value = X509_CRL_get_ext_d2i(list, nid, &critical, NULL);
    *absent = !value && critical == -1;
    return value;
}

static bool read_number(CrlInfo *info, const X509_CRL *list, int nid, Bytes *into,
                        Failure *failure) {
    bool absent;
    ASN1_INTEGER *number = get_extension(list, nid, &absent);
    if (number) *into = serial_text(&info->pool, number);
    ASN1_INTEGER_free(number);
    return number || absent || fail_malformed(nid, failure);
}

static bool read_authority(CrlInfo *info, const X509_CRL *list, Failure *failure) {
    bool absent;
    AUTHORITY_KEYID *authority = get_extension(list, NID_authority_key_identifier, &absent);
    if (authority && authority->keyid) {
        info->authority_key_id = pool_hex(&info->pool, ASN1_STRING_get0_data(authority->keyid),
                                          (size_t)ASN1_STRING_length(authority->keyid));
    }
    AUTHORITY_KEYID_free(authority);
    return authority || absent || fail_malformed(NID_authority_key_identifier, failure);
}

static bool read_entry(CrlInfo *info, const X509_REVOKED *revoked, Failure *failure) {
    CrlInfoEntry *entry = info->entries + info->count;
    int critical;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, &critical, NULL);
    entry->serial = serial_text(&info->pool, X509_REVOKED_get0_serialNumber(revoked));
    entry->time = x509info_time(X509_REVOKED_get0_revocationDate(revoked));
    if (reason) entry->reason = crl_reason_name((int)ASN1_ENUMERATED_get(reason));
    ASN1_ENUMERATED_free(reason);
    if (!reason && critical != -1) return fail_malformed(NID_crl_reason, failure);
    info->count++;
    return true;
}

static bool read_entries(CrlInfo *info, X509_CRL *list, Failure *failure) {
    STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(list);
    int count = all ? sk_X509_REVOKED_num(all) : 0;
    info->entries = pool_take(&info->pool, (size_t)count * sizeof *info->entries);
    bool read = true;
    for (int i = 0; info->entries && read && i < count; i++) {
        read = read_entry(info, sk_X509_REVOKED_value(all, i), failure);
    }
    return read;
}

bool crl_info_read(CrlInfo *info, X509_CRL *list, Failure *failure) {
    memset(info, 0, sizeof *info);
    ERR_clear_error();
    Pool *pool = &info->pool;
    info->version = x509info_version(X509_CRL_get_version(list));
    x509info_name(pool, X509_CRL_get_issuer(list), &info->issuer, &info->issuer_text);
    info->this_update = x509info_time(X509_CRL_get0_lastUpdate(list));
    info->next_update = x509info_time(X509_CRL_get0_nextUpdate(list));
    const char *signature = OBJ_nid2sn(X509_CRL_get_signature_nid(list));
    info->signature_algorithm =
        pool_copy(pool, (Bytes){(const uint8_t *)signature, strlen(signature)});
    x509info_extensions(pool, X509_CRL_get0_extensions(list), &info->extensions);
    bool read = read_number(info, list, NID_crl_number, &info->number, failure) &&
                read_number(info, list, NID_delta_crl, &info->base, failure) &&
                read_authority(info, list, failure) && read_entries(info, list, failure);
    if (!read) return false;
    pool_settle(pool);
    return !pool->failed || failure_set(failure, "out of memory");
}

void crl_info_free(CrlInfo *info) {
    pool_free(&info->pool);
    memset(info, 0, sizeof *info);
}
