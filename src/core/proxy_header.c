#include "core/proxy_header.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_LINE 107 /* bytes of version 1, with CR and LF */
#define PREFIX 16    /* bytes of version 2 before the addresses */
#define CRC32C 0x03  /* the type of that extension */

static const char line_start[] = "PROXY ";
static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static ProxyStatus refuse_header(const char **why, const char *reason) {
    *why = reason;
    return PROXY_BAD;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool starts_as(Bytes bytes, const void *start, size_t length) {
    return !memcmp(bytes.data, start, smaller(bytes.length, length));
}

/* --- version 1: a line --- */

/* Cut the text to the next space, which is single, or to its end. NULL: there is no word. */
static char *take_word(char **text) {
    char *word = *text;
    if (!word || !*word || *word == ' ') return NULL;
    char *end = strchr(word, ' ');
    *text = end ? end + 1 : NULL;
    if (end) *end = 0;
    return word;
}

static bool read_port(const char *word, uint16_t *port) {
    unsigned long number = 0;
    size_t length = word ? strlen(word) : 0;
    if (!length || length > 5 || (word[0] == '0' && length > 1)) return false;
    for (; *word; word++) {
        if (*word < '0' || *word > '9') return false;
        number = number * 10 + (unsigned long)(*word - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

static bool read_ip(int family, const char *word, ProxyAddress *address) {
    address->family = (uint16_t)family;
    return word && inet_pton(family, word, address->ip) == 1;
}

static bool read_line(char *line, ProxyHeader *header) {
    char *text = line + sizeof line_start - 1;
    const char *protocol = take_word(&text);
    if (!protocol) return false;
    if (!strcmp(protocol, "UNKNOWN")) return true;
    int family = !strcmp(protocol, "TCP4") ? AF_INET : !strcmp(protocol, "TCP6") ? AF_INET6 : 0;
    header->known = true;
    return family && read_ip(family, take_word(&text), &header->source) &&
           read_ip(family, take_word(&text), &header->destination) &&
           read_port(take_word(&text), &header->source.port) &&
           read_port(take_word(&text), &header->destination.port) && !text;
}

static ProxyStatus parse_line(Bytes bytes, ProxyHeader *header, const char **why) {
    char line[MAX_LINE + 1];
    size_t held = smaller(bytes.length, MAX_LINE);
    const uint8_t *end = memchr(bytes.data, '\n', held);
    if (!end && held == MAX_LINE) return refuse_header(why, "its line is too long");
    if (!end) return PROXY_MORE;
    size_t length = (size_t)(end - bytes.data);
    if (end[-1] != '\r' || memchr(bytes.data, 0, length))
        return refuse_header(why, "its line is malformed");
    memcpy(line, bytes.data, length - 1);
    line[length - 1] = 0;
    header->version = 1;
    header->length = length + 1;
    return read_line(line, header) ? PROXY_DONE : refuse_header(why, "its line is malformed");
}

/* --- version 2: binary --- */

static uint16_t read_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void read_addresses(const uint8_t *at, int family, size_t size, ProxyHeader *header) {
    header->source.family = header->destination.family = (uint16_t)family;
    memcpy(header->source.ip, at, size);
    memcpy(header->destination.ip, at + size, size);
    header->source.port = read_u16(at + 2 * size);
    header->destination.port = read_u16(at + 2 * size + 2);
    header->known = true;
}

bool proxy_header_next(Bytes *extensions, uint8_t *type, Bytes *value) {
    if (extensions->length < 3) return false;
    *type = extensions->data[0];
    *value = (Bytes){extensions->data + 3, read_u16(extensions->data + 1)};
    if (value->length > extensions->length - 3) return false;
    extensions->data += 3 + value->length;
    extensions->length -= 3 + value->length;
    return true;
}

static uint32_t add_to_crc(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    return crc;
}

/* The checksum covers the whole header, with zeros in its own place. */
static bool has_checksum(Bytes header, Bytes value) {
    uint32_t crc = UINT32_MAX;
    if (value.length != 4) return false;
    for (const uint8_t *at = header.data; at < header.data + header.length; at++) {
        bool own = at >= value.data && at < value.data + 4;
        crc = add_to_crc(crc, own ? 0 : *at);
    }
    crc = ~crc;
    const uint8_t expected[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                                (uint8_t)crc};
    return !memcmp(expected, value.data, 4);
}

static ProxyStatus check_extensions(Bytes bytes, const ProxyHeader *header, const char **why) {
    uint8_t type;
    Bytes value, rest = header->extensions;
    while (proxy_header_next(&rest, &type, &value)) {
        bool checked = type != CRC32C || has_checksum(bytes, value);
        if (!checked) return refuse_header(why, "its checksum is wrong");
    }
    return rest.length ? refuse_header(why, "its extensions are malformed") : PROXY_DONE;
}

static ProxyStatus parse_binary(Bytes bytes, ProxyHeader *header, const char **why) {
    enum { LOCAL = 0x20, PROXY = 0x21, UNSPECIFIED = 0, TCP4 = 0x11, TCP6 = 0x21, UNIX = 0x31 };
    if (bytes.length < PREFIX) return PROXY_MORE;
    uint8_t command = bytes.data[12], family = bytes.data[13];
    size_t length = read_u16(bytes.data + 14), used;
    if (command != LOCAL && command != PROXY) return refuse_header(why, "its command is unknown");
    if (PREFIX + length > MAX_PROXY_HEADER) return refuse_header(why, "it is too long");
    if (bytes.length < PREFIX + length) return PROXY_MORE;
    header->version = 2;
    header->length = PREFIX + length;
    if (command == LOCAL) return PROXY_DONE; /* the rest says nothing */
    switch (family) {
    case UNSPECIFIED: return PROXY_DONE;
    case TCP4: used = 12; break;
    case TCP6: used = 36; break;
    case UNIX: used = 216; break;
    default: return refuse_header(why, "its addresses are not those of TCP");
    }
    if (length < used) return refuse_header(why, "it has no room for its addresses");
    if (family == TCP4) read_addresses(bytes.data + PREFIX, AF_INET, 4, header);
    if (family == TCP6) read_addresses(bytes.data + PREFIX, AF_INET6, 16, header);
    header->extensions = (Bytes){bytes.data + PREFIX + used, length - used};
    return check_extensions((Bytes){bytes.data, header->length}, header, why);
}

ProxyStatus proxy_header_parse(Bytes bytes, ProxyHeader *header, const char **why) {
    memset(header, 0, sizeof *header);
    bool line = starts_as(bytes, line_start, sizeof line_start - 1);
    bool binary = starts_as(bytes, signature, sizeof signature);
    if (!line && !binary) return refuse_header(why, "the connection begins with other bytes");
    if (bytes.length < sizeof line_start - 1) return PROXY_MORE;
    return line ? parse_line(bytes, header, why) : parse_binary(bytes, header, why);
}

/* --- writing --- */

static size_t write_line(const ProxyHeader *header, uint8_t *into) {
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    int family = header->source.family;
    inet_ntop(family, header->source.ip, source, sizeof source);
    inet_ntop(family, header->destination.ip, destination, sizeof destination);
    return (size_t)snprintf((char *)into, MAX_PROXY_WRITTEN, "PROXY TCP%c %s %s %u %u\r\n",
                            family == AF_INET ? '4' : '6', source, destination, header->source.port,
                            header->destination.port);
}

static uint8_t *put_u16(uint8_t *at, size_t number) {
    *at++ = (uint8_t)(number >> 8);
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t length) {
    memcpy(at, bytes, length);
    return at + length;
}

size_t proxy_header_write(const ProxyHeader *header, uint8_t into[MAX_PROXY_WRITTEN]) {
    if (header->version == 1) return write_line(header, into);
    size_t size = header->source.family == AF_INET ? 4 : 16;
    uint8_t *at = put_bytes(into, signature, sizeof signature);
    *at++ = 0x21;
    *at++ = size == 4 ? 0x11 : 0x21;
    at = put_u16(at, 2 * size + 4);
    at = put_bytes(at, header->source.ip, size);
    at = put_bytes(at, header->destination.ip, size);
    at = put_u16(at, header->source.port);
    at = put_u16(at, header->destination.port);
    return (size_t)(at - into);
}
