#include "core/tls/idn.h"

#include <openssl/asn1.h>
#include <stdio.h>
#include <string.h>

#define MAX_LABEL 63 /* characters, of the ASCII form too */

typedef struct Label {
    uint32_t points[MAX_LABEL];
    size_t count;
    bool ascii;
} Label;

/* Latin-1, Greek and Cyrillic capitals. */
static uint32_t to_small(uint32_t point) {
    if (point >= 'A' && point <= 'Z') return point + 32;
    if (point >= 0xc0 && point <= 0xde && point != 0xd7) return point + 32;
    if (point >= 0x391 && point <= 0x3a9) return point + 32;
    if (point >= 0x410 && point <= 0x42f) return point + 32;
    if (point >= 0x400 && point <= 0x40f) return point + 80;
    return point;
}

/* Reads up to a dot or the end. */
static bool read_label(Bytes *rest, Label *label) {
    *label = (Label){.ascii = true};
    while (rest->length && *rest->data != '.') {
        unsigned long point;
        int room = rest->length > 4 ? 4 : (int)rest->length;
        int read = UTF8_getc(rest->data, room, &point);
        if (read <= 0 || label->count == MAX_LABEL) return false;
        label->points[label->count++] = to_small((uint32_t)point);
        if (point > 0x7f) label->ascii = false;
        *rest = (Bytes){rest->data + read, rest->length - (size_t)read};
    }
    return true;
}

/* --- punycode (RFC 3492) --- */

enum {
    BASE = 36,
    T_MIN = 1,
    T_MAX = 26,
    SKEW = 38,
    DAMP = 700,
    FIRST_BIAS = 72,
    FIRST_POINT = 128
};

typedef struct Text {
    char *at, *end;
} Text;

static bool put(Text *text, char c) {
    if (text->at == text->end) return false;
    *text->at++ = c;
    return true;
}

static uint32_t adapt_bias(uint32_t delta, uint32_t points, bool first) {
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE) delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static bool put_number(Text *text, uint32_t number, uint32_t bias) {
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        bool last = number < t;
        uint32_t digit = last ? number : t + (number - t) % (BASE - t);
        if (!put(text, (char)(digit < 26 ? 'a' + digit : '0' + digit - 26))) return false;
        if (last) return true;
        number = (number - t) / (BASE - t);
    }
}

static uint32_t next_point(const Label *label, uint32_t from) {
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < label->count; i++) {
        if (label->points[i] >= from && label->points[i] < next) next = label->points[i];
    }
    return next;
}

static bool put_ascii(Text *text, const Label *label, uint32_t *count) {
    for (size_t i = 0; i < label->count; i++) {
        if (label->points[i] >= FIRST_POINT) continue;
        if (!put(text, (char)label->points[i])) return false;
        ++*count;
    }
    return true;
}

/* Points are at most 0x10FFFF and labels short: 32 bits hold each delta. */
static bool put_punycode(Text *text, const Label *label) {
    uint32_t basic = 0, delta = 0, bias = FIRST_BIAS, point = FIRST_POINT;
    if (!put_ascii(text, label, &basic) || (basic && !put(text, '-'))) return false;
    for (uint32_t handled = basic; handled < label->count; delta++, point++) {
        uint32_t next = next_point(label, point);
        delta += (next - point) * (handled + 1);
        point = next;
        for (size_t i = 0; i < label->count; i++) {
            if (label->points[i] < point) delta++;
            if (label->points[i] != point) continue;
            if (!put_number(text, delta, bias)) return false;
            bias = adapt_bias(delta, handled + 1, handled == basic);
            delta = 0;
            handled++;
        }
    }
    return true;
}

static bool put_label(Text *text, const Label *label) {
    uint32_t count = 0;
    const char *start = text->at;
    if (label->ascii) return put_ascii(text, label, &count);
    bool put_all = put(text, 'x') && put(text, 'n') && put(text, '-') && put(text, '-') &&
                   put_punycode(text, label);
    return put_all && text->at - start <= MAX_LABEL;
}

bool idn_to_ascii(Bytes name, char *into, size_t size) {
    Text text = {into, into + size - 1};
    for (;;) {
        Label label;
        if (!read_label(&name, &label) || !put_label(&text, &label)) return false;
        if (!name.length) break;
        if (!put(&text, '.')) return false;
        name = (Bytes){name.data + 1, name.length - 1};
    }
    *text.at = 0;
    return true;
}
