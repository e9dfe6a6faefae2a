#include "core/keys/pem_lines.h"

#include "core/keys/pem_block.h"

#include <openssl/crypto.h>
#include <string.h>

#define LINE_LENGTH 64 /* RFC 7468 */

static bool is_line_end(Bytes data, const uint8_t *at) {
    while (at < data.data + data.length && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
    return at == data.data + data.length || *at == '\n';
}

/* A separator between the lines of a body. No separator is a Base64 character. */
static bool is_between(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '"' || c == '\'' || c == ',';
}

static bool has_good_lines(Bytes body) {
    const uint8_t *at = body.data, *end = at + body.length;
    if (!body.length || end[-1] != '\n' || memchr(at, '\\', body.length)) return false;
    if (!is_line_end(body, at)) return false;
    while (++at < end) {
        bool is_blank = *at == '\n' || *at == '\r';
        if (at[-1] == '\n' && !is_blank && is_between(*at)) return false;
    }
    return true;
}

static bool is_good(Bytes data, const PemBlock *block) {
    const uint8_t *begin = block->begin.data, *after = block->end.data + block->end.length;
    bool begins_line = begin == data.data || begin[-1] == '\n';
    return begins_line && has_good_lines(block->body) && is_line_end(data, after);
}

static bool are_all_good(Bytes data) {
    PemBlock block;
    Bytes rest = data;
    while (pem_block_find(rest, &block)) {
        if (!is_good(data, &block)) return false;
        rest = pem_block_skip_to(rest, block.end.data + block.end.length);
    }
    return true;
}

/* The length of the separator at the start of `text`. Backslashes belong to it, with the letter of
 * an escaped line end: Base64 has none, and JSON has them before each "/". */
static size_t measure_separator(Bytes text) {
    size_t length = 0;
    while (length < text.length && text.data[length] == '\\') length++;
    uint8_t next = length < text.length ? text.data[length] : 0;
    bool is_escaped = length && (next == 'n' || next == 'r' || next == 't');
    return is_escaped || is_between(next) ? length + 1 : length;
}

/* Removes the next word from `body`. */
static bool take_word(Bytes *body, Bytes *word) {
    size_t length;
    while ((length = measure_separator(*body)))
        *body = pem_block_skip_to(*body, body->data + length);
    const uint8_t *at = body->data, *end = at + body->length;
    while (at < end && !is_between(*at) && *at != '\\') at++;
    *word = (Bytes){body->data, (size_t)(at - body->data)};
    *body = pem_block_skip_to(*body, at);
    return word->length;
}

/* --- writing, into room for twice the input --- */

static uint8_t *append(uint8_t *at, Bytes bytes) {
    memcpy(at, bytes.data, bytes.length);
    return at + bytes.length;
}

static uint8_t *append_line(uint8_t *at, Bytes bytes) {
    at = append(at, bytes);
    *at++ = '\n';
    return at;
}

/* The headers of an encrypted key: a name that ends in a colon, then its value. */
static uint8_t *append_headers(uint8_t *at, Bytes *body) {
    const uint8_t *begin = at;
    Bytes rest = *body, name, value;
    while (take_word(&rest, &name) && name.data[name.length - 1] == ':') {
        if (!take_word(&rest, &value)) break;
        /* "Proc-Type: 4,ENCRYPTED": the comma is part of the value */
        while (rest.length && *rest.data == ',') {
            Bytes more;
            if (!take_word(&rest, &more)) break;
            value.length = (size_t)(more.data + more.length - value.data);
        }
        at = append(at, name);
        *at++ = ' ';
        at = append_line(at, value);
        *body = rest;
    }
    if (at != begin) *at++ = '\n';
    return at;
}

static uint8_t *append_body(uint8_t *at, Bytes body) {
    Bytes word;
    size_t column = 0;
    at = append_headers(at, &body);
    while (take_word(&body, &word)) {
        for (size_t i = 0; i < word.length; i++) {
            *at++ = word.data[i];
            if (++column % LINE_LENGTH == 0) *at++ = '\n';
        }
    }
    if (column % LINE_LENGTH) *at++ = '\n';
    return at;
}

bool pem_lines_mend(Bytes *data, PemSource *owned, Failure *failure) {
    PemBlock block;
    Bytes rest = *data;
    *owned = (PemSource){NULL, 0};
    if (!encoding_is_pem(*data) || are_all_good(*data)) return true;
    /* A body grows by a line end for each 64 characters, a block by four. */
    owned->length = 2 * data->length + 1;
    owned->bytes = OPENSSL_malloc(owned->length);
    if (!owned->bytes) return failure_set(failure, "out of memory");
    uint8_t *at = owned->bytes;
    while (pem_block_find(rest, &block)) {
        at = append_line(at, block.begin);
        at = append_body(at, block.body);
        at = append_line(at, block.end);
        rest = pem_block_skip_to(rest, block.end.data + block.end.length);
    }
    at = append(at, rest);
    *data = (Bytes){owned->bytes, (size_t)(at - owned->bytes)};
    return true;
}
