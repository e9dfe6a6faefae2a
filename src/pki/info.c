#include "pki/info.h"

#include "core/pki/usage.h"

#include <string.h>

Janet info_bytes(Bytes bytes) {
    return janet_stringv(bytes.data, (int32_t)bytes.length);
}

/* Attributes that are also options have the option's name; others keep their short name or OID. */
static const char *find_keyword(const char *kind) {
    static const struct {
        const char *kind, *keyword;
    } known[] = {
        {"CN", "common-name"},     {"C", "country"},      {"ST", "state"},
        {"L", "locality"},         {"O", "organization"}, {"OU", "organizational-unit"},
        {"emailAddress", "email"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(kind, known[i].kind)) return known[i].keyword;
    }
    return kind;
}

/* An attribute that occurs several times has a tuple of values: the first one, and an array while
 * there may be more. */
static void add_value(JanetTable *table, Janet key, Janet value) {
    Janet before = janet_table_get(table, key);
    if (janet_checktype(before, JANET_ARRAY)) {
        janet_array_push(janet_unwrap_array(before), value);
        return;
    }
    if (!janet_checktype(before, JANET_NIL)) {
        JanetArray *values = janet_array(4);
        janet_array_push(values, before);
        janet_array_push(values, value);
        value = janet_wrap_array(values);
    }
    janet_table_put(table, key, value);
}

static void freeze_values(const JanetTable *table) {
    for (int32_t i = 0; i < table->capacity; i++) {
        Janet *value = &table->data[i].value;
        if (!janet_checktype(*value, JANET_ARRAY)) continue;
        const JanetArray *values = janet_unwrap_array(*value);
        *value = janet_wrap_tuple(janet_tuple_n(values->data, values->count));
    }
}

Janet info_name(const InfoNames *names) {
    JanetTable *table = janet_table((int32_t)names->count);
    for (size_t i = 0; i < names->count; i++) {
        add_value(table, janet_ckeywordv(find_keyword(names->items[i].kind)),
                  info_bytes(names->items[i].value));
    }
    freeze_values(table);
    return janet_wrap_struct(janet_table_to_struct(table));
}

Janet info_alternatives(const InfoNames *names) {
    Janet *all = janet_tuple_begin((int32_t)names->count);
    for (size_t i = 0; i < names->count; i++) {
        JanetBuffer *text = janet_buffer(64);
        janet_buffer_push_cstring(text, names->items[i].kind);
        janet_buffer_push_u8(text, ':');
        janet_buffer_push_bytes(text, names->items[i].value.data,
                                (int32_t)names->items[i].value.length);
        all[i] = janet_stringv(text->data, text->count);
    }
    return janet_wrap_tuple(janet_tuple_end(all));
}

static void put_value(JanetTable *into, const char *key, Janet value) {
    janet_table_put(into, janet_ckeywordv(key), value); /* nil leaves it out */
}

static Janet make_extension(const InfoExtension *item) {
    JanetTable *table = janet_table(5);
    put_value(table, "oid", info_bytes(item->oid));
    if (item->name) put_value(table, "name", janet_cstringv(item->name));
    put_value(table, "critical", janet_wrap_boolean(item->critical));
    put_value(table, "value", info_bytes(item->value));
    if (item->text.length) put_value(table, "text", info_bytes(item->text));
    return janet_wrap_struct(janet_table_to_struct(table));
}

Janet info_extensions(const InfoExtensions *extensions) {
    Janet *all = janet_tuple_begin((int32_t)extensions->count);
    for (size_t i = 0; i < extensions->count; i++) all[i] = make_extension(extensions->items + i);
    return janet_wrap_tuple(janet_tuple_end(all));
}

Janet info_attributes(const Attribute *attributes, size_t count) {
    Janet *all = janet_tuple_begin((int32_t)count);
    for (size_t i = 0; i < count; i++) {
        const Attribute *attribute = attributes + i;
        JanetTable *table = janet_table(4);
        Janet *values = janet_tuple_begin((int32_t)attribute->count);
        for (size_t j = 0; j < attribute->count; j++) values[j] = info_bytes(attribute->values[j]);
        janet_table_put(table, janet_ckeywordv("oid"), info_bytes(attribute->oid));
        if (attribute->name) {
            janet_table_put(table, janet_ckeywordv("name"), janet_cstringv(attribute->name));
        }
        janet_table_put(table, janet_ckeywordv("values"),
                        janet_wrap_tuple(janet_tuple_end(values)));
        if (attribute->text.data) {
            janet_table_put(table, janet_ckeywordv("text"), info_bytes(attribute->text));
        }
        all[i] = janet_wrap_struct(janet_table_to_struct(table));
    }
    return janet_wrap_tuple(janet_tuple_end(all));
}

void info_key(JanetTable *into, const KeyFacts *facts, const char *type, const char *bits,
              const char *curve) {
    if (facts->type[0]) put_value(into, type, janet_ckeywordv(facts->type));
    if (facts->bits) put_value(into, bits, janet_wrap_integer(facts->bits));
    if (facts->curve[0]) put_value(into, curve, janet_cstringv(facts->curve));
}

static Janet make_key_usage(int64_t usage) {
    JanetArray *names = janet_array(9);
    if (usage < 0) return janet_wrap_nil();
    for (int bit = 0; usage_key_name(bit); bit++) {
        if (usage & (INT64_C(1) << bit))
            janet_array_push(names, janet_ckeywordv(usage_key_name(bit)));
    }
    return janet_wrap_tuple(janet_tuple_n(names->data, names->count));
}

static Janet make_extended_usage(const InfoNames *usages) {
    if (!usages->count) return janet_wrap_nil();
    Janet *names = janet_tuple_begin((int32_t)usages->count);
    for (size_t i = 0; i < usages->count; i++) {
        names[i] =
            janet_keywordv(usages->items[i].value.data, (int32_t)usages->items[i].value.length);
    }
    return janet_wrap_tuple(janet_tuple_end(names));
}

bool info_has_fault(const InfoNames *malformed, const char *name) {
    for (size_t i = 0; i < malformed->count; i++) {
        if (!strcmp((const char *)malformed->items[i].value.data, name)) return true;
    }
    return false;
}

Janet info_malformed(const InfoNames *names) {
    if (!names->count) return janet_wrap_nil();
    Janet *all = janet_tuple_begin((int32_t)names->count);
    for (size_t i = 0; i < names->count; i++) all[i] = info_bytes(names->items[i].value);
    return janet_wrap_tuple(janet_tuple_end(all));
}

static Janet make_time(InfoTime time) {
    return time.known ? janet_wrap_number((double)time.seconds) : janet_wrap_nil();
}

static Janet make_optional(Bytes bytes) {
    return bytes.data ? info_bytes(bytes) : janet_wrap_nil();
}

Janet info_asn1_version(int64_t version) {
    return version ? janet_wrap_number((double)version) : janet_wrap_nil();
}

Janet info_certificate(const X509Info *info) {
    JanetTable *table = janet_table(32);
    put_value(table, "version", info_asn1_version(info->version));
    put_value(table, "serial", info_bytes(info->serial));
    put_value(table, "subject", info_name(&info->subject));
    put_value(table, "subject-text", info_bytes(info->subject_text));
    put_value(table, "issuer", info_name(&info->issuer));
    put_value(table, "issuer-text", info_bytes(info->issuer_text));
    if (!info_has_fault(&info->malformed, "subjectAltName")) {
        put_value(table, "san", info_alternatives(&info->alternatives));
    }
    put_value(table, "not-before", make_time(info->not_before));
    put_value(table, "not-after", make_time(info->not_after));
    info_key(table, &info->key, "key-type", "key-bits", "key-curve");
    put_value(table, "signature-algorithm", info_bytes(info->signature_algorithm));
    if (!info_has_fault(&info->malformed, "basicConstraints")) {
        put_value(table, "is-ca", janet_wrap_boolean(info->is_ca));
    }
    if (info->path_length >= 0)
        put_value(table, "path-length", janet_wrap_integer(info->path_length));
    put_value(table, "self-signed", janet_wrap_boolean(info->self_signed));
    put_value(table, "key-usage", make_key_usage(info->key_usage));
    put_value(table, "ext-key-usage", make_extended_usage(&info->extended));
    put_value(table, "subject-key-id", make_optional(info->subject_key_id));
    put_value(table, "authority-key-id", make_optional(info->authority_key_id));
    put_value(table, "sha256", info_bytes(info->sha256));
    put_value(table, "sha1", info_bytes(info->sha1));
    put_value(table, "extensions", info_extensions(&info->extensions));
    put_value(table, "malformed", info_malformed(&info->malformed));
    return janet_wrap_struct(janet_table_to_struct(table));
}
