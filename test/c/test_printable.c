/* Foreign text, with what is not printable escaped. */
#include "check.h"
#include "core/failure.h"
#include "core/printable.h"

#include <string.h>

static bool becomes(const char *text, const char *expected) {
    char into[256];
    size_t length = printable_copy(into, sizeof into, text, strlen(text), "\\x");
    return !strcmp(into, expected) && length == strlen(expected);
}

static bool is_cut_between_characters(void) {
    char into[8];
    for (size_t size = 1; size <= sizeof into; size++) {
        size_t length = printable_copy(into, size, "\xC3\xA4\x1B\xC3\xA4", 5, "\\");
        size_t expected = size > 7 ? 7 : size > 5 ? 5 : size > 2 ? 2 : 0;
        if (length != expected || into[length]) return false;
    }
    return true;
}

static bool has_a_printable_failure(void) {
    Failure failure;
    failure_set(&failure, "bad name \"%s\"", "a\x1B[2J\xC2\x9B");
    return !strcmp(failure.text, "bad name \"a\\x1B[2J\\xC2\\x9B\"");
}

int main(void) {
    CHECK("printable text stays as it is",
          becomes("a \"b\" ~\\", "a \"b\" ~\\") &&
              becomes("b\xC3\xBC"
                      "cher \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80",
                      "b\xC3\xBC"
                      "cher \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80"));
    CHECK("C0 and C1 control characters are escaped",
          becomes("\x01\x1B\n\x7F", "\\x01\\x1B\\x0A\\x7F") && becomes("\xC2\x80", "\\xC2\\x80") &&
              becomes("\xC2\x9B\xC2\x9F\xC2\xA0", "\\xC2\\x9B\\xC2\\x9F\xC2\xA0"));
    CHECK("characters that change the direction of writing are escaped",
          becomes("\xE2\x80\xAE", "\\xE2\\x80\\xAE") &&
              becomes("\xE2\x81\xA6", "\\xE2\\x81\\xA6") &&
              becomes("\xE2\x80\x8F", "\\xE2\\x80\\x8F") && becomes("\xD8\x9C", "\\xD8\\x9C"));
    CHECK("characters that show nothing, line separators and private ones are escaped",
          becomes("\xE2\x80\x8B", "\\xE2\\x80\\x8B") &&
              becomes("\xE2\x80\xA8", "\\xE2\\x80\\xA8") &&
              becomes("\xEF\xBB\xBF", "\\xEF\\xBB\\xBF") &&
              becomes("\xEE\x80\x80", "\\xEE\\x80\\x80") &&
              becomes("\xF3\xA0\x81\x81", "\\xF3\\xA0\\x81\\x81"));
    CHECK("bytes that are no UTF-8 are escaped one by one",
          becomes("\x9B", "\\x9B") && becomes("\xC3", "\\xC3") &&
              becomes("\xC0\x80", "\\xC0\\x80") && becomes("\xED\xA0\x80z", "\\xED\\xA0\\x80z") &&
              becomes("\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"));
    CHECK("text that does not fit is cut between characters", is_cut_between_characters());
    CHECK("every failure's text is printable", has_a_printable_failure());
    return check_end();
}
