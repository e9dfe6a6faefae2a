/* JSON Web Keys: each line of the input is a member, its name and its value. */
#include "core/crypto/jwk.h"
#include "fuzz.h"

static int find_member(const uint8_t *name, size_t length) {
    int i = 0;
    while (i < JWK_MEMBERS &&
           (strlen(jwk_names[i]) != length || memcmp(jwk_names[i], name, length))) {
        i++;
    }
    return i;
}

static void read_line(const uint8_t *line, size_t length, Jwk *jwk) {
    const uint8_t *space = memchr(line, ' ', length);
    if (!space) return;
    int member = find_member(line, (size_t)(space - line));
    if (member == JWK_MEMBERS) return;
    jwk->members[member] = (Bytes){space + 1, (size_t)(line + length - space - 1)};
}

static void read_lines(const uint8_t *at, size_t size, Jwk *jwk) {
    const uint8_t *end = at + size;
    while (at < end) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        read_line(at, (size_t)(line_end - at), jwk);
        at = line_end + 1;
    }
}

/* A key that was read is written and read again: it stays the same. */
static void write_again(EVP_PKEY *key, bool is_private) {
    Failure failure = {""};
    Jwk written;
    bool again;
    fuzz_expect(jwk_write(key, is_private, &written, &failure));
    EVP_PKEY *same = jwk_read(&written, &again, &failure);
    fuzz_expect(same && again == is_private && EVP_PKEY_eq(key, same) == 1);
    EVP_PKEY_free(same);
    jwk_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    Jwk jwk = {.members = {{NULL, 0}}};
    uint8_t digest[EVP_MAX_MD_SIZE];
    bool is_private;
    read_lines(data, size, &jwk);
    EVP_PKEY *key = jwk_read(&jwk, &is_private, &failure);
    if (key) {
        write_again(key, is_private);
    } else {
        fuzz_expect_reason(&failure);
    }
    EVP_PKEY_free(key);
    bool hashed = jwk_thumbprint(&jwk, EVP_sha256(), digest, &failure);
    fuzz_expect(hashed || !key);
    if (!hashed) fuzz_expect_reason(&failure);
    return 0;
}
