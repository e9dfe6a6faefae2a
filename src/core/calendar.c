#include "core/calendar.h"

#include <math.h>

#define SECONDS_A_DAY 86400

/* Days since the epoch. A year begins in March here, so that a leap day is the last of its year.
 * 400 more years keep January of the year 0 positive. */
static int64_t count_days(int64_t year, int month, int day) {
    int64_t years = year + 400 - (month < 2);
    int64_t months = (month + 10) % 12;
    return 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day -
           865566;
}

int64_t calendar_seconds(const struct tm *date) {
    int64_t days = count_days((int64_t)date->tm_year + 1900, date->tm_mon, date->tm_mday);
    return days * SECONDS_A_DAY + date->tm_hour * 3600 + date->tm_min * 60 + date->tm_sec;
}

static bool is_between(int value, int min, int max) {
    return value >= min && value <= max;
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (month == 1 && leap);
}

bool calendar_exists(const struct tm *date) {
    return is_between(date->tm_mon, 0, 11) &&
           is_between(date->tm_mday, 1, days_of_month(date->tm_year + 1900, date->tm_mon)) &&
           is_between(date->tm_hour, 0, 23) && is_between(date->tm_min, 0, 59) &&
           is_between(date->tm_sec, 0, 59);
}

bool calendar_to_time(double seconds, time_t *time, Failure *failure) {
    /* Not every 64-bit integer is a double: stay below 2^62. */
    double max = sizeof *time > 4 ? 0x1p62 : (double)INT32_MAX;
    if (!(fabs(seconds) <= max)) {
        return failure_set(failure,
                           "time not usable: %.0f seconds since the epoch are beyond this "
                           "system's clock",
                           seconds);
    }
    *time = (time_t)seconds;
    return true;
}
