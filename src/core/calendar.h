/* Dates as seconds since the epoch, in 64 bits. time_t ends in January 2038 on some 32-bit
 * systems; its functions then return another date, or -1, without a failure. */
#ifndef JSEC_CORE_CALENDAR_H
#define JSEC_CORE_CALENDAR_H

#include "core/failure.h"

#include <stdint.h>
#include <time.h>

/* A date of UTC in year, month, day, hour, minute and second, from the year 0 on. */
int64_t calendar_seconds(const struct tm *date);

/* February 30, hour 24 and leap seconds do not exist. */
bool calendar_exists(const struct tm *date);

/* For OpenSSL's functions that take a time_t; fails for a date beyond its range. */
bool calendar_to_time(double seconds, time_t *time, Failure *failure);

#endif
