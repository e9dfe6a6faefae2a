#include "context/signer.h"

#include "base/key.h"
#include "context/context.h"
#include "context/parse.h"

#include <string.h>

typedef struct Signer {
    Janet sign;
    Bytes public_half;
} Signer;

/* --- reading --- */

static void parse_public(const OptionSite *site, Janet value, void *field) {
    *(Bytes *)field = key_object_der(value);
    if (!((Bytes *)field)->data) parse_source(site, value, field);
}

static const OptionRow signer_rows[] = {
    OPTION("sign", option_function, Signer, sign, "Function that signs."),
    OPTION("public", parse_public, Signer, public_half, "The public key."),
};
static const OptionSet signer_set = {signer_rows, sizeof signer_rows / sizeof *signer_rows,
                                     " in :signer", NULL, NULL};

static void add_signer(const OptionSite *site, Janet value, SignerOptions *into) {
    Signer signer = {.sign = janet_wrap_nil()};
    if (!janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        option_refuse(site, "table of :sign and :public", value);
    }
    options_read(site->function, &signer_set, value, &signer);
    if (janet_checktype(signer.sign, JANET_NIL)) {
        option_refuse(site, "table with a function as :sign", value);
    }
    into->functions.list[into->functions.count++] = janet_unwrap_pointer(signer.sign);
    into->publics.list[into->publics.count++] = signer.public_half;
    into->held = signer_join(into->held, signer.sign);
}

void parse_signers(const OptionSite *site, Janet value, void *field) {
    SignerOptions *options = field;
    JanetView items = {&value, 1};
    bool is_list = janet_indexed_view(value, &items.items, &items.len);
    if (is_list && (items.len < 1 || items.len > MAX_LISTED)) {
        option_refuse(site, "1 to 8 of them", value);
    }
    memset(options, 0, sizeof *options);
    options->held = janet_wrap_nil();
    for (int32_t i = 0; i < items.len; i++) add_signer(site, items.items[i], options);
}

/* --- held functions: a tuple of them, and of context objects that hold some --- */

static void push_all(JanetArray *into, Janet held) {
    JanetView items;
    if (janet_checktype(held, JANET_NIL)) return;
    if (!janet_indexed_view(held, &items.items, &items.len)) items = (JanetView){&held, 1};
    for (int32_t i = 0; i < items.len; i++) janet_array_push(into, items.items[i]);
}

Janet signer_join(Janet held, Janet more) {
    JanetArray *all = janet_array(4);
    push_all(all, held);
    push_all(all, more);
    if (!all->count) return janet_wrap_nil();
    return janet_wrap_tuple(janet_tuple_n(all->data, all->count));
}

static Janet find_within(Janet value, const void *address) {
    const Context *context = context_object(value);
    if (context) return signer_find(&context->connection.questions, address);
    return janet_unwrap_pointer(value) == address ? value : janet_wrap_nil();
}

static Janet find_among(Janet held, const void *address) {
    JanetView items;
    Janet found = janet_wrap_nil();
    if (!janet_indexed_view(held, &items.items, &items.len)) return found;
    for (int32_t i = 0; i < items.len && janet_checktype(found, JANET_NIL); i++) {
        found = find_within(items.items[i], address);
    }
    return found;
}

Janet signer_find(const Questions *questions, const void *address) {
    Janet found = find_among(questions->signers, address);
    return janet_checktype(found, JANET_NIL) ? find_among(questions->former, address) : found;
}
