#define _GNU_SOURCE /* memmem */
#include "core/keys/pem_block.h"

#include "core/keys/encoding.h"

#include <string.h>

static const uint8_t *find_text(Bytes data, const char *text) {
    return memmem(data.data, data.length, text, strlen(text));
}

Bytes pem_block_skip_to(Bytes data, const uint8_t *at) {
    return (Bytes){at, (size_t)(data.data + data.length - at)};
}

/* The marker of that kind, with its label, at the start of `data`. */
static bool read_marker(Bytes data, const char *kind, Bytes *marker) {
    size_t length = strlen(kind);
    if (data.length < length || memcmp(data.data, kind, length)) return false;
    const uint8_t *dashes = find_text(pem_block_skip_to(data, data.data + length), "-----");
    if (!dashes || memchr(data.data, '\n', (size_t)(dashes - data.data))) return false;
    *marker = (Bytes){data.data, (size_t)(dashes + 5 - data.data)};
    return true;
}

/* A "-----BEGIN" that no dashes follow in its line is text. */
static bool find_begin(Bytes data, Bytes *begin) {
    const uint8_t *at;
    while ((at = find_text(data, ENCODING_BEGIN))) {
        if (read_marker(pem_block_skip_to(data, at), ENCODING_BEGIN, begin)) return true;
        data = pem_block_skip_to(data, at + sizeof ENCODING_BEGIN - 1);
    }
    return false;
}

bool pem_block_find(Bytes data, PemBlock *block) {
    if (!find_begin(data, &block->begin)) return false;
    const uint8_t *body = block->begin.data + block->begin.length;
    const uint8_t *end = find_text(pem_block_skip_to(data, body), "-----END ");
    if (!end || !read_marker(pem_block_skip_to(data, end), "-----END ", &block->end)) return false;
    block->body = (Bytes){body, (size_t)(end - body)};
    return true;
}
