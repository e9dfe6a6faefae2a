#include "pki/extensions.h"

#include "base/raise.h"
#include "pki/values.h"

/* --- the tables of :extensions --- */

typedef struct OtherOptions {
    Bytes oid, value;
    bool critical;
    Janet name, text; /* of the tables that cert/parse returns; not used */
} OtherOptions;

static const OptionRow other_rows[] = {
    OPTION("oid", option_text, OtherOptions, oid, "Dotted OID."),
    OPTION("value", option_bytes, OtherOptions, value, "DER."),
    OPTION("critical", option_boolean, OtherOptions, critical, "Default: false."),
    OPTION("name", option_any, OtherOptions, name, "Not used."),
    OPTION("text", option_any, OtherOptions, text, "Not used."),
};
static const OptionSet other_set = {other_rows, sizeof other_rows / sizeof *other_rows,
                                    " in :extensions", NULL, NULL};

static OtherOptions read_other(const char *function, Janet table) {
    OtherOptions other = {.critical = false};
    options_read(function, &other_set, table, &other);
    if (!other.oid.data || !other.value.data) {
        raise_format(function, "each table in option :extensions needs :oid and :value");
    }
    return other;
}

/* A list of tables. They are read here once, for errors, and again by extensions_load. */
static void option_others(const OptionSite *site, Janet value, void *field) {
    JanetView list = {NULL, 0};
    bool is_list =
        janet_checktype(value, JANET_NIL) || janet_indexed_view(value, &list.items, &list.len);
    for (int32_t i = 0; is_list && i < list.len; i++) {
        is_list = janet_checktypes(list.items[i], JANET_TFLAG_DICTIONARY);
    }
    if (!is_list) option_refuse(site, "list of tables", value);
    for (int32_t i = 0; i < list.len; i++) read_other(site->function, list.items[i]);
    *(Janet *)field = value;
}

/* Without a name a list bounds nothing, which is hardly meant. */
static void option_subtrees(const OptionSite *site, Janet value, void *field) {
    pki_option_names(site, value, field);
    if (!values_count(value)) option_refuse(site, "at least one name", value);
}

/* --- rows --- */

static const OptionRow constraint_rows[] = {
    OPTION("permitted", option_subtrees, SubjectOptions, extensions.permitted,
           "Only these names, of their kind."),
    OPTION("excluded", option_subtrees, SubjectOptions, extensions.excluded,
           "All but these names, of their kind."),
};
static const OptionSet constraint_set = {constraint_rows,
                                         sizeof constraint_rows / sizeof *constraint_rows,
                                         " in :name-constraints", NULL, NULL};

static const OptionRow extension_rows[] = {
    OPTION("crl-urls", pki_option_names, SubjectOptions, extensions.lists,
           "Where the issuer's revocation list is (crlDistributionPoints): an URL or a list."),
    OPTION("ocsp-urls", pki_option_names, SubjectOptions, extensions.responders,
           "Where the issuer's OCSP responder is (authorityInfoAccess): an URL or a list."),
    OPTION("issuer-urls", pki_option_names, SubjectOptions, extensions.issuers,
           "Where the issuer's certificate is (authorityInfoAccess): an URL or a list."),
    OPTION_WITH(
        "name-constraints", option_nested, &constraint_set, SubjectOptions, extensions.constraints,
        "For a CA: which names certificates below it may have, a table of :permitted and "
        ":excluded, lists of \"DNS:example.com\" (with all names below it), "
        "\"IP:10.0.0.0/8\", \"email:example.com\" and \"URI:example.com\". Critical. A "
        "kind that :permitted lacks is not bounded. `issue-cert` refuses names that its CA's "
        "constraints exclude."),
    OPTION("policies", pki_option_names, SubjectOptions, extensions.policies,
           "certificatePolicies: an OID or a list."),
    OPTION("extensions", option_others, SubjectOptions, extensions.others,
           "Further extensions: a list of tables `{:oid … :critical … :value …}`, as `cert/parse` "
           "returns them. The value is DER. A type that another option or jsec sets raises."),
};
const OptionSet pki_extension_options = OPTION_SET(extension_rows);

/* --- values --- */

static bool load_lists(Extensions *into, Janet urls, Failure *failure) {
    bool added = true;
    for (int32_t i = 0; added && i < values_count(urls); i++) {
        added = extensions_add_list(into, values_item(urls, i), failure);
    }
    return added;
}

static bool load_access(Extensions *into, int method, Janet urls, Failure *failure) {
    bool added = true;
    for (int32_t i = 0; added && i < values_count(urls); i++) {
        added = extensions_add_access(into, method, values_item(urls, i), failure);
    }
    return added;
}

static bool load_subtrees(Extensions *into, bool permitted, Janet names, Failure *failure) {
    bool added = true;
    for (int32_t i = 0; added && i < values_count(names); i++) {
        added = extensions_add_subtree(into, permitted, values_item(names, i), failure);
    }
    return added;
}

static bool load_policies(Extensions *into, Janet oids, Failure *failure) {
    bool added = true;
    for (int32_t i = 0; added && i < values_count(oids); i++) {
        added = extensions_add_policy(into, values_item(oids, i), failure);
    }
    return added;
}

static bool load_others(Extensions *into, Janet list, Failure *failure) {
    JanetView view = {NULL, 0};
    if (janet_checktype(list, JANET_NIL)) return true;
    janet_indexed_view(list, &view.items, &view.len);
    bool added = true;
    for (int32_t i = 0; added && i < view.len; i++) {
        OtherOptions other = read_other("", view.items[i]); /* read before: it does not raise */
        added = extensions_add_other(into, other.oid, other.critical, other.value, failure);
    }
    return added;
}

bool extensions_load(const ExtensionOptions *options, Extensions *extensions, Failure *failure) {
    return load_lists(extensions, options->lists, failure) &&
           load_access(extensions, NID_ad_OCSP, options->responders, failure) &&
           load_access(extensions, NID_ad_ca_issuers, options->issuers, failure) &&
           load_subtrees(extensions, true, options->permitted, failure) &&
           load_subtrees(extensions, false, options->excluded, failure) &&
           load_policies(extensions, options->policies, failure) &&
           load_others(extensions, options->others, failure);
}
