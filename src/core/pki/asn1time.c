#include "core/pki/asn1time.h"

#include "core/calendar.h"

#include <stdio.h>
#include <time.h>

#define SECONDS_A_DAY 86400
#define DAYS_OF_400_YEARS 146097
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */
#define YEAR_2050 INT64_C(2524608000)

/* Years begin in March here, so that February 29 is the last day of a year. */
static void split_days(int64_t days, int *year, int *month, int *day) {
    int64_t all = days + DAYS_TO_EPOCH, era = all / DAYS_OF_400_YEARS;
    int64_t of_era = all - era * DAYS_OF_400_YEARS;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * march_month + 2) / 5 + 1);
    *month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int)(years + era * 400 + (*month <= 2));
}

bool asn1time_set(ASN1_TIME *time, int64_t seconds) {
    if (seconds < ASN1TIME_FIRST || seconds > ASN1TIME_LAST) return false;
    int64_t days = seconds / SECONDS_A_DAY, rest = seconds % SECONDS_A_DAY;
    if (rest < 0) days--, rest += SECONDS_A_DAY;
    int year, month, day;
    split_days(days, &year, &month, &day);
    char text[64];
    int hour = (int)rest / 3600, minute = (int)rest / 60 % 60, second = (int)rest % 60;
    bool is_short = seconds < YEAR_2050;
    snprintf(text, sizeof text,
             is_short ? "%02d%02d%02d%02d%02d%02dZ" : "%04d%02d%02d%02d%02d%02dZ",
             is_short ? year % 100 : year, month, day, hour, minute, second);
    return ASN1_TIME_set_string(time, text);
}

bool asn1time_get(const ASN1_TIME *time, int64_t *seconds) {
    struct tm tm;
    if (!time || !ASN1_TIME_to_tm(time, &tm)) return false;
    *seconds = calendar_seconds(&tm);
    return true;
}
