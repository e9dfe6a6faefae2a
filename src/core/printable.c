#include "core/printable.h"

#include <openssl/asn1.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Code points of Unicode's general categories Cc, Cf, Co, Cs, Zl and Zp, and others that show
 * nothing. */
static bool is_printable(unsigned long point) {
    static const struct {
        unsigned long first, last;
    } hidden[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},          {0x34f, 0x34f},
        {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},        {0x70f, 0x70f},
        {0x890, 0x891},     {0x8e2, 0x8e2},     {0x115f, 0x1160},      {0x17b4, 0x17b5},
        {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},      {0x2060, 0x206f},
        {0x3164, 0x3164},   {0xd800, 0xf8ff},   {0xfe00, 0xfe0f},      {0xfeff, 0xfeff},
        {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},      {0x110bd, 0x110bd},
        {0x110cd, 0x110cd}, {0x13430, 0x1345f}, {0x1bca0, 0x1bca3},    {0x1d173, 0x1d17a},
        {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x3fffe, 0x7fffffff},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (point <= hidden[i].last) return point < hidden[i].first;
    }
    return true;
}

size_t printable_copy(char *into, size_t size, const char *text, size_t length, const char *mark) {
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;
    while (length) {
        unsigned long point;
        int n = UTF8_getc(at, length > 4 ? 4 : (int)length, &point);
        bool shown = n > 0 && is_printable(point);
        if (n <= 0) n = 1;
        size_t needed = (size_t)n * (shown ? 1 : strlen(mark) + 2);
        if (needed >= size - used) break;
        if (shown) memcpy(into + used, at, (size_t)n);
        for (int i = 0; !shown && i < n; i++) {
            used += (size_t)snprintf(into + used, size - used, "%s%02X", mark, at[i]);
        }
        used += shown ? (size_t)n : 0;
        at += n;
        length -= (size_t)n;
    }
    into[used] = 0;
    return used;
}
