#include "core/pki/extensions.h"

#include "core/pki/subtree.h"
#include "core/shown.h"

#include <openssl/err.h>
#include <string.h>

#define MAX_URL_LENGTH 2048
#define MAX_OID_LENGTH 200

static bool fail_without_memory(Failure *failure) {
    ERR_clear_error();
    return failure_set(failure, "out of memory");
}

/* --- addresses --- */

/* Printable ASCII with a scheme and "//". */
static bool is_url(Bytes text) {
    const uint8_t *colon = memchr(text.data, ':', text.length);
    size_t after = colon ? (size_t)(text.data + text.length - colon) : 0;
    if (!colon || colon == text.data || text.length > MAX_URL_LENGTH) return false;
    if (after < 4 || colon[1] != '/' || colon[2] != '/') return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    }
    return true;
}

static GENERAL_NAME *make_url(Bytes text, Failure *failure) {
    if (!is_url(text)) {
        Shown shown;
        failure_set(failure,
                    "address not usable: %s is not an URL such as \"http://ca.example/ca.crl\"",
                    shown_name(text, &shown));
        return NULL;
    }
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (name && value && ASN1_STRING_set(value, text.data, (int)text.length)) {
        GENERAL_NAME_set0_value(name, GEN_URI, value);
        return name;
    }
    ASN1_IA5STRING_free(value);
    GENERAL_NAME_free(name);
    fail_without_memory(failure);
    return NULL;
}

/* Takes the name. */
static DIST_POINT *make_point(GENERAL_NAME *name) {
    DIST_POINT *point = DIST_POINT_new();
    DIST_POINT_NAME *place = DIST_POINT_NAME_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (point && place && names && sk_GENERAL_NAME_push(names, name) > 0) {
        place->type = 0;
        place->name.fullname = names;
        point->distpoint = place;
        return point;
    }
    GENERAL_NAMES_free(names);
    GENERAL_NAME_free(name);
    DIST_POINT_NAME_free(place);
    DIST_POINT_free(point);
    return NULL;
}

bool extensions_add_list(Extensions *extensions, Bytes url, Failure *failure) {
    GENERAL_NAME *name = make_url(url, failure);
    if (!name) return false;
    DIST_POINT *point = make_point(name);
    if (!extensions->lists) extensions->lists = CRL_DIST_POINTS_new();
    if (point && extensions->lists && sk_DIST_POINT_push(extensions->lists, point) > 0) return true;
    DIST_POINT_free(point);
    return fail_without_memory(failure);
}

bool extensions_add_access(Extensions *extensions, int method, Bytes url, Failure *failure) {
    GENERAL_NAME *name = make_url(url, failure);
    if (!name) return false;
    ACCESS_DESCRIPTION *access = ACCESS_DESCRIPTION_new();
    if (access) {
        access->method = OBJ_nid2obj(method);
        GENERAL_NAME_free(access->location);
        access->location = name;
    } else {
        GENERAL_NAME_free(name);
    }
    if (!extensions->access) extensions->access = AUTHORITY_INFO_ACCESS_new();
    if (access && extensions->access &&
        sk_ACCESS_DESCRIPTION_push(extensions->access, access) > 0) {
        return true;
    }
    ACCESS_DESCRIPTION_free(access);
    return fail_without_memory(failure);
}

/* --- name constraints --- */

static bool push_subtree(STACK_OF(GENERAL_SUBTREE) * *into, GENERAL_NAME *name) {
    GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
    if (!*into) *into = sk_GENERAL_SUBTREE_new_null();
    if (subtree && *into && sk_GENERAL_SUBTREE_push(*into, subtree) > 0) {
        GENERAL_NAME_free(subtree->base);
        subtree->base = name;
        return true;
    }
    GENERAL_SUBTREE_free(subtree);
    GENERAL_NAME_free(name);
    return false;
}

bool extensions_add_subtree(Extensions *extensions, bool permitted, Bytes text, Failure *failure) {
    GENERAL_NAME *name = subtree_parse(text, failure);
    if (!name) return false;
    if (!extensions->constraints) extensions->constraints = NAME_CONSTRAINTS_new();
    NAME_CONSTRAINTS *constraints = extensions->constraints;
    if (!constraints) {
        GENERAL_NAME_free(name);
        return fail_without_memory(failure);
    }
    return push_subtree(permitted ? &constraints->permittedSubtrees
                                  : &constraints->excludedSubtrees,
                        name) ||
           fail_without_memory(failure);
}

/* --- policies and others --- */

static ASN1_OBJECT *parse_oid(Bytes oid, Failure *failure) {
    char text[MAX_OID_LENGTH + 1];
    size_t length = oid.length < sizeof text ? oid.length : 0;
    memcpy(text, oid.data, length);
    text[length] = 0;
    bool dotted = length && strspn(text, "0123456789.") == length;
    ASN1_OBJECT *object = dotted ? OBJ_txt2obj(text, 1) : NULL;
    ERR_clear_error();
    Shown shown;
    if (!object) {
        failure_set(failure, "%s is not a dotted OID such as \"1.3.6.1\"", shown_name(oid, &shown));
    }
    return object;
}

bool extensions_add_policy(Extensions *extensions, Bytes oid, Failure *failure) {
    ASN1_OBJECT *object = parse_oid(oid, failure);
    if (!object) return failure_prefix(failure, "policy not usable");
    for (int i = 0; extensions->policies && i < sk_POLICYINFO_num(extensions->policies); i++) {
        if (OBJ_cmp(sk_POLICYINFO_value(extensions->policies, i)->policyid, object)) continue;
        ASN1_OBJECT_free(object);
        return failure_set(failure, "policy not usable: it occurs twice");
    }
    POLICYINFO *policy = POLICYINFO_new();
    if (!extensions->policies) extensions->policies = CERTIFICATEPOLICIES_new();
    if (policy && extensions->policies && sk_POLICYINFO_push(extensions->policies, policy) > 0) {
        ASN1_OBJECT_free(policy->policyid);
        policy->policyid = object;
        return true;
    }
    POLICYINFO_free(policy);
    ASN1_OBJECT_free(object);
    return fail_without_memory(failure);
}

/* One element that ends where the bytes end. */
static bool is_der(Bytes value) {
    const unsigned char *at = value.data;
    long length;
    int tag, class;
    int flags = ASN1_get_object(&at, &length, &tag, &class, (long)value.length);
    ERR_clear_error();
    return !(flags & 0x81) && at + length == value.data + value.length;
}

static void free_decoded(X509_EXTENSION *extension, void *value) {
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
    if (method->it) {
        ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
    } else {
        method->ext_free(value);
    }
}

/* Verifiers refuse a certificate with a known extension that they can't read. */
static bool check_readable(X509_EXTENSION *extension, Failure *failure) {
    if (!X509V3_EXT_get(extension)) return true;
    void *value = X509V3_EXT_d2i(extension);
    ERR_clear_error();
    if (value) {
        free_decoded(extension, value);
        return true;
    }
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    return failure_set(failure, "extension not usable: its value can't be read as %s",
                       OBJ_nid2sn(nid));
}

static X509_EXTENSION *make_extension(const ASN1_OBJECT *type, bool critical, Bytes value) {
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    X509_EXTENSION *made = NULL;
    if (data && ASN1_OCTET_STRING_set(data, value.data, (int)value.length)) {
        made = X509_EXTENSION_create_by_OBJ(NULL, type, critical, data);
    }
    ASN1_OCTET_STRING_free(data);
    return made;
}

bool extensions_add_other(Extensions *extensions, Bytes oid, bool critical, Bytes value,
                          Failure *failure) {
    if (value.length > INT32_MAX || !is_der(value)) {
        return failure_set(failure, "extension not usable: :value must be one DER element");
    }
    ASN1_OBJECT *type = parse_oid(oid, failure);
    if (!type) return failure_prefix(failure, "extension not usable");
    X509_EXTENSION *made = make_extension(type, critical, value);
    ASN1_OBJECT_free(type);
    if (!extensions->others) extensions->others = sk_X509_EXTENSION_new_null();
    bool ready = made && extensions->others;
    if (!ready) fail_without_memory(failure);
    if (ready && check_readable(made, failure)) {
        if (sk_X509_EXTENSION_push(extensions->others, made) > 0) return true;
        fail_without_memory(failure);
    }
    X509_EXTENSION_free(made);
    return false;
}

/* --- all together --- */

/* A type may occur once (RFC 5280, 4.2). */
static bool check_new(const STACK_OF(X509_EXTENSION) * present, X509_EXTENSION *extension,
                      Failure *failure) {
    char name[80];
    const ASN1_OBJECT *type = X509_EXTENSION_get_object(extension);
    if (X509v3_get_ext_by_OBJ(present, type, -1) < 0) return true;
    OBJ_obj2txt(name, sizeof name, type, 1);
    return failure_set(failure,
                       "extension not usable: %s occurs twice: an option or a default "
                       "sets it already",
                       name);
}

static bool write_value(STACK_OF(X509_EXTENSION) * *into, int nid, void *value, bool critical) {
    return !value || X509V3_add1_i2d(into, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool write_others(const Extensions *extensions, STACK_OF(X509_EXTENSION) * *into,
                         Failure *failure) {
    for (int i = 0; extensions->others && i < sk_X509_EXTENSION_num(extensions->others); i++) {
        X509_EXTENSION *other = sk_X509_EXTENSION_value(extensions->others, i);
        if (!check_new(*into, other, failure)) return false;
        if (!X509v3_add_ext(into, other, -1)) return fail_without_memory(failure);
    }
    return true;
}

bool extensions_write(const Extensions *extensions, STACK_OF(X509_EXTENSION) * *into,
                      Failure *failure) {
    ERR_clear_error();
    if (!*into && !(*into = sk_X509_EXTENSION_new_null())) return fail_without_memory(failure);
    bool written = write_value(into, NID_name_constraints, extensions->constraints, true) &&
                   write_value(into, NID_certificate_policies, extensions->policies, false) &&
                   write_value(into, NID_crl_distribution_points, extensions->lists, false) &&
                   write_value(into, NID_info_access, extensions->access, false);
    if (!written) return failure_openssl(failure, "extension not usable");
    return write_others(extensions, into, failure);
}

void extensions_free(Extensions *extensions) {
    CRL_DIST_POINTS_free(extensions->lists);
    AUTHORITY_INFO_ACCESS_free(extensions->access);
    NAME_CONSTRAINTS_free(extensions->constraints);
    CERTIFICATEPOLICIES_free(extensions->policies);
    sk_X509_EXTENSION_pop_free(extensions->others, X509_EXTENSION_free);
    memset(extensions, 0, sizeof *extensions);
}
