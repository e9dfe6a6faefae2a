#include "core/keys/pem_foreign.h"

#include "core/keys/encoding.h"
#include "core/keys/pem_block.h"
#include "core/shown.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MIN_BARE 48 /* characters; the pin of a key in a comment has 44 */

static bool has_end(Bytes text, const char *end) {
    size_t length = strlen(end);
    return text.length >= length &&
           !strncasecmp((const char *)text.data + text.length - length, end, length);
}

static bool has_start(Bytes text, const char *start) {
    size_t length = strlen(start);
    return text.length >= length && !memcmp(text.data, start, length);
}

static bool is_label(Bytes label, const char *text) {
    return label.length == strlen(text) && has_start(label, text);
}

static bool is_known(Bytes label) {
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE",
                                         NULL};
    static const char *const ends[] = {"KEY", "KEY V1",    "PARAMETERS", "REQUEST",
                                       "CRL", "SIGNATURE", NULL};
    for (int i = 0; labels[i]; i++) {
        if (is_label(label, labels[i])) return true;
    }
    for (int i = 0; ends[i]; i++) {
        if (has_end(label, ends[i])) return true;
    }
    return false;
}

static const char *get_cure(Bytes label) {
    static const struct {
        const char *label, *cure;
    } rows[] = {
        {"PKCS7", "crypto/cms-get-certs gives its certificates"},
        {"CMS", "crypto/cms-get-certs gives its certificates"},
        {"PKCS12", "crypto/parse-pkcs12 opens it"},
        {NULL, "leave it out"},
    };
    size_t i = 0;
    while (rows[i].label && !is_label(label, rows[i].label)) i++;
    return rows[i].cure;
}

static bool check_label(Bytes begin, Failure *failure) {
    const size_t dashes = 5, start = sizeof ENCODING_BEGIN - 1;
    Bytes label = {begin.data + start, begin.length - start - dashes};
    Shown shown;
    return is_known(label) || failure_set(failure, "the block %s is not read: %s",
                                          shown_name(label, &shown), get_cure(label));
}

static bool is_base64(uint8_t byte) {
    return isalnum(byte) || byte == '+' || byte == '/' || byte == '\\'; /* JSON has "\/" */
}

/* Base64 of DER, or of PEM. */
static bool is_bare(Bytes word) {
    static const char *const starts[] = {"MII", "MIG", "MIH", "LS0tLS1CRUdJTi", NULL};
    for (int i = 0; starts[i]; i++) {
        if (word.length >= MIN_BARE && has_start(word, starts[i])) return true;
    }
    return false;
}

static const uint8_t *find_bare(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *start = at;
        while (at < end && is_base64(*at)) at++;
        if (is_bare((Bytes){start, (size_t)(at - start)})) return start;
        if (at < end) at++;
    }
    return NULL;
}

static int count_lines(const uint8_t *at, const uint8_t *end) {
    int lines = 0;
    for (; at < end; at++) lines += *at == '\n';
    return lines;
}

static bool check_text(Bytes data, const uint8_t *at, const uint8_t *end, Failure *failure) {
    const uint8_t *bare = find_bare(at, end);
    return !bare || failure_set(failure, "line %d: Base64 without BEGIN and END lines is not read",
                                1 + count_lines(data.data, bare));
}

bool pem_foreign_check(Bytes data, Failure *failure) {
    PemBlock block;
    Bytes rest = data;
    while (pem_block_find(rest, &block)) {
        if (!check_text(data, rest.data, block.begin.data, failure)) return false;
        if (!check_label(block.begin, failure)) return false;
        rest = pem_block_skip_to(rest, block.end.data + block.end.length);
    }
    return check_text(data, rest.data, rest.data + rest.length, failure);
}
