#include "base/options.h"

#include "base/option_names.h"
#include "base/raise.h"

#include <math.h>
#include <string.h>

#define MAX_NAME_LENGTH 32

void option_refuse(const OptionSite *site, const char *expected, Janet got) {
    const char *shown = site->row->secret ? raise_kind(got) : raise_shown(got);
    raise_format(site->function, "bad option :%s, expected %s, got %s", site->row->name, expected,
                 shown);
}

void option_boolean(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktype(value, JANET_BOOLEAN)) option_refuse(site, "boolean", value);
    *(bool *)field = janet_unwrap_boolean(value);
}

void option_bytes(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        option_refuse(site, "string or buffer", value);
    }
    *(Bytes *)field = value_bytes(value);
}

/* A buffer may change and has no NUL at its end, so its text is copied into a string. */
static void set_text(const OptionSite *site, Janet value, Bytes *text) {
    *text = value_bytes(value);
    if (memchr(text->data, 0, text->length)) option_refuse(site, "text without NUL bytes", value);
    if (!janet_checktype(value, JANET_BUFFER)) return;
    text->data = janet_string(text->data, (int32_t)text->length);
}

void option_text(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        option_refuse(site, "string or buffer", value);
    }
    set_text(site, value, field);
}

void option_secret(const OptionSite *site, Janet value, void *field) {
    option_bytes(site, value, field);
    const Bytes *bytes = field;
    if (memchr(bytes->data, 0, bytes->length)) {
        option_refuse(site, "text without NUL bytes", value);
    }
}

void option_name(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_BYTES))
        option_refuse(site, "keyword or string", value);
    set_text(site, value, field);
}

void option_seconds(const OptionSite *site, Janet value, void *field) {
    double seconds = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(seconds >= 0)) option_refuse(site, "non-negative number of seconds", value);
    *(double *)field = seconds;
}

void option_memory(const OptionSite *site, Janet value, void *field) {
    double bytes = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : 0;
    if (!(bytes >= 1 && bytes < 9e15)) option_refuse(site, "number of bytes", value);
    *(double *)field = bytes;
}

void option_integer(const OptionSite *site, Janet value, void *field) {
    const OptionRange *range = site->row->detail;
    double min = range ? range->min : INT32_MIN, max = range ? range->max : INT32_MAX;
    ValueExpected expected;
    if (value_integer(value, min, max, field, &expected)) return;
    option_refuse(site, expected.text, value);
}

void option_word(const OptionSite *site, Janet value, void *field) {
    ValueExpected expected;
    if (value_word(value, site->row->detail, field, &expected)) return;
    option_refuse(site, expected.text, value);
}

/* Janet can call tables and keywords too, but here only a function makes sense. */
static bool accepts_arguments(Janet value, int32_t max) {
    if (!janet_checktype(value, JANET_FUNCTION)) return janet_checktype(value, JANET_CFUNCTION);
    const JanetFuncDef *definition = janet_unwrap_function(value)->def;
    return definition->min_arity <= max && definition->max_arity >= 1;
}

/* The same, where all `count` arguments are given in any case. */
static bool takes_arguments(Janet value, int32_t count) {
    if (!janet_checktype(value, JANET_FUNCTION)) return janet_checktype(value, JANET_CFUNCTION);
    const JanetFuncDef *definition = janet_unwrap_function(value)->def;
    return definition->min_arity <= count && definition->max_arity >= count;
}

void option_function(const OptionSite *site, Janet value, void *field) {
    if (!accepts_arguments(value, 1)) option_refuse(site, "function of one argument", value);
    *(Janet *)field = value;
}

void option_function_of_two(const OptionSite *site, Janet value, void *field) {
    if (!accepts_arguments(value, 2))
        option_refuse(site, "function of one or two arguments", value);
    *(Janet *)field = value;
}

void option_function_of_both(const OptionSite *site, Janet value, void *field) {
    if (!takes_arguments(value, 2)) option_refuse(site, "function of two arguments", value);
    *(Janet *)field = value;
}

void option_any(const OptionSite *site, Janet value, void *field) {
    (void)site;
    *(Janet *)field = value;
}

/* Optimal string alignment: insertions, deletions, substitutions and swapped neighbours. */
static int edit_distance(const char *a, size_t alen, const char *b, size_t blen) {
    int row[3][MAX_NAME_LENGTH + 1];
    for (size_t j = 0; j <= blen; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= alen; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *twice = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= blen; j++) {
            int best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && twice[j - 2] + 1 < best) best = twice[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[alen % 3][blen];
}

/* The rows of a set come before those of its parts; `left` is how many rows are still to skip. */
static const OptionRow *skip_rows(const OptionSet *set, size_t *left) {
    if (*left < set->count) return set->rows + *left;
    *left -= set->count;
    for (const OptionSet *const *part = set->parts; part && *part; part++) {
        const OptionRow *row = skip_rows(*part, left);
        if (row) return row;
    }
    return NULL;
}

const OptionRow *options_row(const OptionSet *set, size_t index) {
    return skip_rows(set, &index);
}

static bool accepts(const OptionSet *set, const OptionRow *row) {
    const char *refused = set->layout ? set->layout->refused : NULL;
    return !refused || !option_names_have(refused, row->name, strlen(row->name));
}

static const OptionRow *find_named(const OptionSet *set, const char *name, size_t length) {
    const OptionRow *row;
    for (size_t i = 0; (row = options_row(set, i)); i++) {
        if (strlen(row->name) == length && !memcmp(row->name, name, length)) return row;
    }
    return NULL;
}

/* One typing error in three letters, three at most: more make another word. */
static const char *nearest_name(const OptionSet *set, JanetByteView name) {
    const char *nearest = NULL;
    int best = name.len >= 9 ? 4 : (name.len + 1) / 3 + 1;
    const OptionRow *row;
    for (size_t i = 0; name.len <= MAX_NAME_LENGTH && (row = options_row(set, i)); i++) {
        const char *candidate = row->name;
        int d =
            edit_distance((const char *)name.bytes, (size_t)name.len, candidate, strlen(candidate));
        if (d < best && d < (int)strlen(candidate) && accepts(set, row)) {
            best = d;
            nearest = candidate;
        }
    }
    return nearest;
}

/* What another library's name of an option is here; NULL: unknown, or no option of this set. */
static const OptionAlias *find_alias(const OptionSet *set, JanetByteView name) {
    const OptionAlias *alias = NULL;
    while ((alias = option_alias((const char *)name.bytes, (size_t)name.len, alias))) {
        const OptionRow *row = find_named(set, alias->option, strlen(alias->option));
        if (row && accepts(set, row)) return alias;
    }
    return NULL;
}

JANET_NO_RETURN static void refuse_unknown(const char *function, const OptionSet *set, Janet key) {
    JanetByteView name = {NULL, 0};
    const OptionAlias *alias = NULL;
    const char *nearest = NULL;
    const char *where = set->where ? set->where : "";
    if (janet_bytes_view(key, &name.bytes, &name.len)) {
        alias = find_alias(set, name);
        nearest = alias ? alias->option : nearest_name(set, name);
    }
    if (nearest) {
        raise_format(function, "unknown option %s%s, did you mean :%s%s", raise_shown(key), where,
                     nearest, alias ? alias->value : "");
    }
    raise_format(function, "unknown option %s%s", raise_shown(key), where);
}

static void refuse_role(const char *function, const OptionSet *set, const OptionRow *row) {
    if (accepts(set, row)) return;
    raise_format(function, "option :%s is for %s only", row->name, set->layout->role);
}

static size_t find_row(const char *function, const OptionSet *set, Janet key) {
    if (janet_checktype(key, JANET_KEYWORD)) {
        const uint8_t *name = janet_unwrap_keyword(key);
        const OptionRow *row;
        for (size_t i = 0; (row = options_row(set, i)); i++) {
            if (janet_cstrcmp(name, row->name)) continue;
            refuse_role(function, set, row);
            return i;
        }
    }
    refuse_unknown(function, set, key);
}

static bool same_field(const OptionRow *a, const OptionRow *b) {
    return a->offset == b->offset && a->parse == b->parse;
}

/* Two names of one field in one table contradict each other, now or after the next change. */
static void refuse_doubled(const char *function, const OptionSet *set, uint64_t here,
                           const OptionRow *row, const char *prefix) {
    for (size_t i = 0; here >> i; i++) {
        if (!(here & (UINT64_C(1) << i))) continue;
        const OptionRow *other = options_row(set, i);
        if (!other || other == row || !same_field(other, row)) continue;
        raise_format(function, "options :%s and %s:%s say the same: give one of them", other->name,
                     prefix, row->name);
    }
}

void option_nested(const OptionSite *site, Janet value, void *field) {
    (void)field; /* options_read reads it after the other options of the table */
    if (!options_given(value)) option_refuse(site, "table or struct", value);
}

static void read_nested(const char *function, const OptionSet *set, uint64_t here,
                        const OptionRow *row, Janet value, void *into) {
    const OptionSet *inner = row->detail;
    char prefix[MAX_NAME_LENGTH + 4];
    JanetDictView view;
    if (!janet_dictionary_view(value, &view.kvs, &view.len, &view.cap)) return; /* nil */
    snprintf(prefix, sizeof prefix, ":%s ", row->name);
    for (int32_t i = 0; i < view.cap; i++) {
        if (janet_checktype(view.kvs[i].key, JANET_NIL)) continue;
        size_t found = find_row(function, inner, view.kvs[i].key);
        refuse_doubled(function, set, here, options_row(inner, found), prefix);
    }
    options_read(function, inner, value, into);
}

/* Read one table of the prototype chain. The rows in `seen` have a value from a nearer table. */
static uint64_t read_level(const char *function, const OptionSet *set, JanetDictView view,
                           uint64_t seen, void *into) {
    uint64_t here = 0;
    const OptionRow *nested = NULL;
    Janet nested_value = janet_wrap_nil();
    for (int32_t i = 0; i < view.cap; i++) {
        const JanetKV *kv = view.kvs + i;
        if (janet_checktype(kv->key, JANET_NIL)) continue;
        size_t index = find_row(function, set, kv->key);
        const OptionRow *row = options_row(set, index);
        if (!row) continue; /* never: for static analysers */
        refuse_doubled(function, set, here, row, "");
        here |= UINT64_C(1) << index;
        if (seen & (UINT64_C(1) << index)) continue;
        OptionSite site = {function, row};
        row->parse(&site, kv->value, (char *)into + row->offset);
        if (row->parse != option_nested) continue;
        nested = row;
        nested_value = kv->value;
    }
    if (nested) read_nested(function, set, here, nested, nested_value, into);
    return seen | here;
}

Janet options_prototype(Janet options) {
    if (janet_checktype(options, JANET_TABLE)) {
        JanetTable *proto = janet_unwrap_table(options)->proto;
        return proto ? janet_wrap_table(proto) : janet_wrap_nil();
    }
    JanetKV *own = (JanetKV *)(uintptr_t)janet_unwrap_struct(options);
    const JanetKV *proto = janet_struct_proto(own);
    return proto ? janet_wrap_struct(proto) : janet_wrap_nil();
}

bool options_given(Janet options) {
    return janet_checktypes(options, JANET_TFLAG_DICTIONARY | JANET_TFLAG_NIL);
}

void options_read(const char *function, const OptionSet *set, Janet options, void *into) {
    if (!options_given(options)) {
        raise_format(function, "bad options, expected table or struct, got %s",
                     raise_kind(options));
    }
    uint64_t seen = 0;
    for (int depth = 0; !janet_checktype(options, JANET_NIL); depth++) {
        if (depth > JANET_MAX_PROTO_DEPTH) raise_format(function, "prototypes of options too deep");
        JanetDictView view;
        janet_dictionary_view(options, &view.kvs, &view.len, &view.cap);
        seen = read_level(function, set, view, seen, into);
        options = options_prototype(options);
    }
}

static void document_row(const OptionRow *row, JanetBuffer *into) {
    const char *type = option_type(row->kind);
    janet_formatb(into, "\n* `:%s` - %s%s%s", row->name, type, *type ? ". " : "", row->doc);
}

static void document_group(const OptionSet *set, const OptionGroup *group, JanetBuffer *into) {
    bool first = true;
    const char *name = group->names;
    for (size_t length; (length = strcspn(name, " ")); name += length + (name[length] == ' ')) {
        const OptionRow *row = find_named(set, name, length);
        if (!row || !accepts(set, row)) continue;
        if (first) janet_formatb(into, "\n\n%s:\n", group->heading);
        first = false;
        document_row(row, into);
    }
}

static bool is_grouped(const OptionGroup *group, const char *name) {
    for (; group && group->heading; group++) {
        if (option_names_have(group->names, name, strlen(name))) return true;
    }
    return false;
}

void options_document(const OptionSet *set, JanetBuffer *into) {
    const OptionGroup *groups = set->layout ? set->layout->groups : NULL;
    const OptionRow *row;
    for (size_t i = 0; (row = options_row(set, i)); i++) {
        if (!is_grouped(groups, row->name) && accepts(set, row)) document_row(row, into);
    }
    for (const OptionGroup *group = groups; group && group->heading; group++) {
        document_group(set, group, into);
    }
}
