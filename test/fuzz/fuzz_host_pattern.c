/* Names of virtual hosts: what is accepted is a name that a client can send, and the rest is
 * refused with a reason. */
#include "core/tls/host_pattern.h"
#include "core/tls/idn.h"
#include "fuzz.h"

static void check_pattern(Bytes name) {
    Failure failure = {""};
    Bytes pattern = host_pattern(name, &failure);
    if (!pattern.data) {
        fuzz_expect_reason(&failure);
        return;
    }
    fuzz_expect(pattern.length && pattern.length <= MAX_HOST_NAME && pattern.length <= name.length);
    for (size_t i = 0; i < pattern.length; i++) {
        fuzz_expect(pattern.data[i] > ' ' && pattern.data[i] < 0x7f);
    }
    Bytes again = host_pattern(pattern, &failure);
    fuzz_expect(again.data == pattern.data && again.length == pattern.length);
}

/* The ASCII form is ASCII, and each of its sizes is respected. */
static void check_ascii_form(Bytes name) {
    char ascii[MAX_HOST_NAME + 1];
    size_t size = name.length ? name.data[0] % sizeof ascii + 1 : 1;
    if (!idn_to_ascii(name, ascii, size)) return;
    size_t length = strlen(ascii);
    fuzz_expect(length < size);
    for (size_t i = 0; i < length; i++) fuzz_expect((unsigned char)ascii[i] < 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Bytes name = {data, size};
    if (memchr(data, 0, size)) return 0; /* the binding refuses them */
    check_pattern(name);
    check_ascii_form(name);
    return 0;
}
