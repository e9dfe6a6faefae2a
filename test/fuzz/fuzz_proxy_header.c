/* The PROXY header of a connection: any bytes are parsed within bounds, a prefix of a good header
 * asks for more, and what is parsed can be written and parsed again. */
#include "core/proxy_header.h"
#include "fuzz.h"

static void check_extensions(const ProxyHeader *header) {
    uint8_t type;
    Bytes value, rest = header->extensions;
    unsigned sum = 0;
    while (proxy_header_next(&rest, &type, &value)) {
        for (size_t i = 0; i < value.length; i++) sum += value.data[i];
    }
    fuzz_expect(!rest.length && sum < UINT32_MAX);
}

static void check_prefixes(Bytes bytes, size_t length) {
    const char *why = NULL;
    ProxyHeader header;
    for (size_t n = 0; n < length; n++) {
        ProxyStatus status = proxy_header_parse((Bytes){bytes.data, n}, &header, &why);
        fuzz_expect(status == PROXY_MORE);
    }
}

static void check_written(ProxyHeader *header) {
    const char *why = NULL;
    uint8_t bytes[MAX_PROXY_WRITTEN];
    ProxyHeader again;
    for (header->version = 1; header->version <= 2; header->version++) {
        size_t length = proxy_header_write(header, bytes);
        fuzz_expect(length <= sizeof bytes);
        fuzz_expect(proxy_header_parse((Bytes){bytes, length}, &again, &why) == PROXY_DONE);
        fuzz_expect(again.length == length && again.version == header->version);
        fuzz_expect(!memcmp(&again.source, &header->source, sizeof again.source));
        fuzz_expect(!memcmp(&again.destination, &header->destination, sizeof again.source));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *why = NULL;
    ProxyHeader header;
    Bytes bytes = {data, size};
    ProxyStatus status = proxy_header_parse(bytes, &header, &why);
    fuzz_expect((status == PROXY_BAD) == (why != NULL));
    if (status != PROXY_DONE) return 0;
    fuzz_expect(header.length <= size && header.length <= MAX_PROXY_HEADER);
    check_extensions(&header);
    check_prefixes(bytes, header.length < 300 ? header.length : 300);
    if (header.known) check_written(&header);
    return 0;
}
