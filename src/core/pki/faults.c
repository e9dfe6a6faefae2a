#include "core/pki/faults.h"

#include <openssl/err.h>
#include <string.h>

#define MAX_EXTENSIONS 256 /* real ones have 20; each is compared with those before it */

static int count_extensions(ExtensionList all) {
    return all ? sk_X509_EXTENSION_num(all) : 0;
}

/* How many of them are looked at. */
static int limit_extensions(ExtensionList all) {
    int count = count_extensions(all);
    return count < MAX_EXTENSIONS ? count : MAX_EXTENSIONS;
}

static bool is_doubled(ExtensionList all, int index) {
    const ASN1_OBJECT *type = X509_EXTENSION_get_object(sk_X509_EXTENSION_value(all, index));
    return X509v3_get_ext_by_OBJ(all, type, -1) < index;
}

/* Only the extensions on which verification depends have to be readable. */
static bool matters(int nid) {
    static const int all[] = {
        NID_subject_alt_name,   NID_basic_constraints,       NID_key_usage,
        NID_ext_key_usage,      NID_subject_key_identifier,  NID_authority_key_identifier,
        NID_name_constraints,   NID_crl_distribution_points, NID_proxyCertInfo,
        NID_netscape_cert_type, NID_sbgp_ipAddrBlock,        NID_sbgp_autonomousSysNum,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (nid == all[i]) return true;
    }
    return false;
}

/* A negative path length would read as no limit. */
static bool is_path_length(const BASIC_CONSTRAINTS *constraints) {
    return !constraints->pathlen || ASN1_STRING_type(constraints->pathlen) != V_ASN1_NEG_INTEGER;
}

static bool is_readable(X509_EXTENSION *extension) {
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
    const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
    const unsigned char *at = ASN1_STRING_get0_data(data), *end = at + ASN1_STRING_length(data);
    if (!method || !method->it || !matters(method->ext_nid)) return true;
    const ASN1_ITEM *item = ASN1_ITEM_ptr(method->it);
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, (long)(end - at), item);
    bool read = value && at == end;
    if (read && method->ext_nid == NID_basic_constraints) read = is_path_length((void *)value);
    ASN1_item_free(value, item);
    return read;
}

static void copy_name(char *into, size_t size, const ASN1_OBJECT *type) {
    int nid = OBJ_obj2nid(type);
    if (nid == NID_undef) {
        OBJ_obj2txt(into, (int)size, type, 1);
        return;
    }
    strncpy(into, OBJ_nid2sn(nid), size - 1);
    into[size - 1] = 0;
}

/* A lack of memory looks like a fault, and leaves its error in the queue. */
static bool has_fault(ExtensionList all, int index, ExtensionFault *fault) {
    X509_EXTENSION *extension = sk_X509_EXTENSION_value(all, index);
    *fault = (ExtensionFault){.doubled = is_doubled(all, index)};
    copy_name(fault->name, sizeof fault->name, X509_EXTENSION_get_object(extension));
    return fault->doubled || !is_readable(extension);
}

static bool find_fault(ExtensionList all, ExtensionFault *fault) {
    for (int i = 0; i < limit_extensions(all); i++) {
        if (has_fault(all, i, fault)) return true;
    }
    return false;
}

bool faults_first(ExtensionList all, ExtensionFault *fault) {
    bool found = find_fault(all, fault);
    ERR_clear_error();
    return found;
}

bool faults_check(ExtensionList all, Failure *failure) {
    ExtensionFault fault;
    ERR_clear_error();
    if (count_extensions(all) > MAX_EXTENSIONS) {
        return failure_set(failure, "malformed extension: more than %d of them", MAX_EXTENSIONS);
    }
    if (!find_fault(all, &fault)) return true;
    if (failure_of_memory(failure)) return false;
    return failure_set(failure, "malformed extension: %s %s", fault.name,
                       fault.doubled ? "occurs twice" : "can't be read");
}

void faults_list(Pool *pool, ExtensionList all, InfoNames *names) {
    ExtensionFault fault;
    int count = limit_extensions(all);
    pool_settle(pool);
    *names = (InfoNames){pool_take(pool, (size_t)count * sizeof *names->items), 0};
    for (int i = 0; names->items && i < count; i++) {
        if (!has_fault(all, i, &fault)) continue;
        Bytes name = {(const uint8_t *)fault.name, strlen(fault.name)};
        names->items[names->count++] = (InfoName){"extension", pool_copy(pool, name)};
    }
    pool_settle(pool);
}

/* d2i stops at the end of the value: what follows would be hidden. */
static bool has_trailing(X509_EXTENSION *extension) {
    const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
    const unsigned char *at = ASN1_STRING_get0_data(data), *end = at + ASN1_STRING_length(data);
    long length;
    int tag, class;
    ERR_set_mark();
    int form = ASN1_get_object(&at, &length, &tag, &class, (long)(end - at));
    ERR_pop_to_mark();
    bool sound = !(form & 0x80), indefinite = form & 1;
    return sound && !indefinite && at + length != end;
}

static bool is_overlooked(ExtensionList all, int index) {
    X509_EXTENSION *extension = sk_X509_EXTENSION_value(all, index);
    return is_doubled(all, index) ||
           (matters(OBJ_obj2nid(X509_EXTENSION_get_object(extension))) && has_trailing(extension));
}

bool faults_overlooked(ExtensionList all) {
    for (int i = 0; i < limit_extensions(all); i++) {
        if (is_overlooked(all, i)) return true;
    }
    return count_extensions(all) > MAX_EXTENSIONS;
}
