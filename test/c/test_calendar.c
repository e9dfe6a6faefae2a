/* Dates beyond 2038, also where time_t has 32 bits. */
#define _DEFAULT_SOURCE /* timegm */
#include "check.h"
#include "core/calendar.h"
#include "core/pki/asn1time.h"

#include <math.h>
#include <string.h>

static struct tm date(int year, int month, int day, int hour, int minute, int second) {
    return (struct tm){.tm_year = year - 1900,
                       .tm_mon = month - 1,
                       .tm_mday = day,
                       .tm_hour = hour,
                       .tm_min = minute,
                       .tm_sec = second};
}

static bool is_second(int64_t expected, struct tm when) {
    return calendar_seconds(&when) == expected;
}

static bool exists(int year, int month, int day) {
    struct tm when = date(year, month, day, 0, 0, 0);
    return calendar_exists(&when);
}

static bool exists_at(int hour, int minute, int second) {
    struct tm when = date(2030, 1, 1, hour, minute, second);
    return calendar_exists(&when);
}

/* Each day from 1902 to 2037, which every time_t has. */
static bool agrees_with_timegm(void) {
    for (int year = 1902; year < 2038; year++) {
        for (int day = 0; day < 12 * 31; day++) {
            struct tm when = date(year, day / 31 + 1, day % 31 + 1, 23, 59, 58), copy = when;
            bool there = calendar_exists(&when);
            int64_t seconds = calendar_seconds(&when);
            time_t expected = timegm(&copy);
            if (there != (copy.tm_mday == when.tm_mday)) return false;
            if (there && seconds != expected) return false;
        }
    }
    return true;
}

static bool writes(int64_t seconds, const char *expected) {
    ASN1_TIME *time = ASN1_TIME_new();
    bool same = time && asn1time_set(time, seconds) &&
                !strcmp((const char *)ASN1_STRING_get0_data(time), expected);
    ASN1_TIME_free(time);
    return same;
}

static bool keeps(double seconds) {
    Failure failure;
    time_t time;
    return calendar_to_time(seconds, &time, &failure) && (double)time == seconds;
}

int main(void) {
    CHECK("dates of the years 0 to 9999 have their seconds",
          is_second(-62167219200, date(0, 1, 1, 0, 0, 0)) &&
              is_second(-62162035200, date(0, 3, 1, 0, 0, 0)) &&
              is_second(4070908800, date(2099, 1, 1, 0, 0, 0)) &&
              is_second(4107542400, date(2100, 3, 1, 0, 0, 0)) &&
              is_second(253402300799, date(9999, 12, 31, 23, 59, 59)));
    CHECK("every day from 1902 to 2037 agrees with timegm", agrees_with_timegm());
    CHECK("leap days exist in leap years only", exists(2000, 2, 29) && exists(2024, 2, 29) &&
                                                    !exists(2100, 2, 29) && !exists(2023, 2, 29));
    CHECK("dates beyond the end of a month, a year or a day do not exist",
          !exists(2030, 4, 31) && !exists(2030, 13, 1) && !exists(2030, 0, 1) &&
              !exists(2030, 1, 0) && exists_at(23, 59, 59) && !exists_at(24, 0, 0) &&
              !exists_at(0, 60, 0) && !exists_at(0, 0, 60));
    CHECK("a certificate's time is written in two digits of the year until 2049, then in four",
          writes(-631152000, "500101000000Z") && writes(-1, "691231235959Z") &&
              writes(2147483648, "380119031408Z") && writes(4070908800, "20990101000000Z") &&
              writes(253402300799, "99991231235959Z"));
    CHECK("a time_t holds what it can hold", keeps(0) && keeps(2147483647) && keeps(-1e9));
    CHECK("a time that time_t can't hold is refused",
          keeps(4070908800) == (sizeof(time_t) > 4) && !keeps(1e300) && !keeps(NAN));
    return check_end();
}
