#include "core/keys/pem_blocks.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define MIN_DASHES 3
#define DASHES 5

typedef struct Count {
    int begins, ends;
    int damaged; /* the number of the first block without proper lines; 0: none */
} Count;

/* The end of a dash, of ASCII or of those that word processors write (U+2013, U+2014). */
static bool is_dash(uint8_t byte) {
    return byte == '-' || byte == 0x93 || byte == 0x94;
}

/* How many dashes end just before `at`, with spaces in between. */
static int count_dashes(const uint8_t *start, const uint8_t *at) {
    int dashes = 0;
    while (at > start && at[-1] == ' ') at--;
    while (at > start && (is_dash(at[-1]) || at[-1] == 0x80 || at[-1] == 0xe2)) {
        if (is_dash(*--at)) dashes++;
    }
    return dashes;
}

static bool has_word(Bytes *rest, const char *word) {
    size_t length = strlen(word);
    if (rest->length < length || strncasecmp((const char *)rest->data, word, length)) return false;
    *rest = (Bytes){rest->data + length, rest->length - length};
    return true;
}

/* Is it the label of such a block, up to the dashes after it? `proper` when five follow. */
static bool has_label(Bytes rest, const char *word, bool *proper) {
    if (!has_word(&rest, "X509 ")) has_word(&rest, "TRUSTED ");
    if (!has_word(&rest, word)) return false;
    *proper = rest.length >= DASHES && !memcmp(rest.data, "-----", DASHES);
    while (rest.length && *rest.data == ' ') rest = (Bytes){rest.data + 1, rest.length - 1};
    return !rest.length || is_dash(*rest.data) || *rest.data == 0xe2 || *rest.data == '\n' ||
           *rest.data == '\r';
}

static void note_damage(Count *count, int number) {
    if (!count->damaged) count->damaged = number;
}

/* Count the BEGIN or END line whose word stands at the start of `rest`. */
static void count_line(Bytes data, Bytes rest, const char *word, Count *count) {
    const uint8_t *at = rest.data;
    bool upper = *at == 'B' || *at == 'E', proper = false;
    bool begin = has_word(&rest, "BEGIN ");
    if (!begin && !has_word(&rest, "END ")) return;
    int dashes = count_dashes(data.data, at);
    if (dashes < MIN_DASHES || !has_label(rest, word, &proper)) return;
    bool is_next = begin ? count->begins == count->ends : count->begins == count->ends + 1;
    int number = begin ? count->begins + 1 : count->ends + 1;
    if (begin && !is_next) number = count->begins; /* the one before has no END line */
    bool spaced = at[-1] == ' ';
    if (!proper || !upper || spaced || dashes < DASHES || !is_next) note_damage(count, number);
    if (begin) {
        count->begins++;
    } else {
        count->ends++;
    }
}

static Count count_blocks(Bytes data, const char *word) {
    Count count = {.begins = 0};
    for (size_t i = 0; i < data.length; i++) {
        if ((data.data[i] | 0x20) != 'b' && (data.data[i] | 0x20) != 'e') continue;
        count_line(data, (Bytes){data.data + i, data.length - i}, word, &count);
    }
    return count;
}

/* The text before the first control character, which is in no text. */
static Bytes trim_bytes(Bytes data) {
    for (size_t i = 0; i < data.length; i++) {
        uint8_t byte = data.data[i];
        bool is_text =
            byte >= ' ' || (byte >= '\t' && byte <= '\r') || byte == 0x1a || byte == 0x1b;
        if (!is_text) return (Bytes){data.data, i};
    }
    return data;
}

int pem_blocks_missed(Bytes data, const char *word, int read) {
    while (data.length && !data.data[data.length - 1]) data.length--; /* NULs may end a text */
    Count count = count_blocks(data, word);
    int blocks = count.begins > count.ends ? count.begins : count.ends;
    Bytes text = trim_bytes(data);
    if (text.length < data.length) return count_blocks(text, word).begins + 1;
    return blocks <= read ? 0 : count.damaged ? count.damaged : read + 1;
}
