// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

// Days-from-civil with years that begin in March, so that the leap day comes last.
int64_t clock_join(const struct clock_date *d)
{
    int64_t y = d->year - (d->month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (d->month + (d->month > 2 ? -3 : 9)) + 2) / 5 + d->day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    int64_t days = era * 146097 + doe - 719468;
    return days * 86400 + (int64_t)d->hour * 3600 + (int64_t)d->minute * 60 + d->second;
}

void clock_split(int64_t epoch_s, struct clock_date *out)
{
    int64_t days = epoch_s / 86400;
    int64_t rest = epoch_s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp + (mp < 10 ? 3 : -9));
    out->year = (int)(yoe + era * 400 + (out->month <= 2));
    out->hour = (int)(rest / 3600);
    out->minute = (int)(rest / 60 % 60);
    out->second = (int)(rest % 60);
}

static char *put_number(char *out, unsigned n, int digits, char behind)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        out[i] = (char)('0' + n % 10);
    out[digits] = behind;
    return out + digits + 1;
}

void clock_format_iso(int64_t wall_ms, char out[25])
{
    struct clock_date d;
    int64_t s = wall_ms / 1000 - (wall_ms % 1000 < 0);
    clock_split(s, &d);
    out = put_number(out, (unsigned)d.year, 4, '-');
    out = put_number(out, (unsigned)d.month, 2, '-');
    out = put_number(out, (unsigned)d.day, 2, 'T');
    out = put_number(out, (unsigned)d.hour, 2, ':');
    out = put_number(out, (unsigned)d.minute, 2, ':');
    out = put_number(out, (unsigned)d.second, 2, '.');
    out = put_number(out, (unsigned)(wall_ms - s * 1000), 3, 'Z');
    *out = '\0';
}

// Reads len digits at *p and moves behind them.
static bool take_number(const char **p, int len, int *out)
{
    int n = 0;
    for (int i = 0; i < len; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (c - '0');
    }
    *p += len;
    *out = n;
    return true;
}

static bool take_char(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

static bool take_offset(const char **p, int *offset_s)
{
    *offset_s = 0;
    if (take_char(p, "Zz"))
        return true;
    int sign = **p == '-' ? -1 : 1;
    int h = 0;
    int m = 0;
    if (!take_char(p, "+-") || !take_number(p, 2, &h) || !take_char(p, ":") ||
        !take_number(p, 2, &m) || h > 23 || m > 59)
        return false;
    *offset_s = sign * (h * 3600 + m * 60);
    return true;
}

static bool is_date(const struct clock_date *d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->month < 1 || d->month > 12 || d->hour > 23 || d->minute > 59 || d->second > 60)
        return false;
    bool is_leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;
    return d->day >= 1 && d->day <= days[d->month - 1] + (d->month == 2 && is_leap);
}

enum status clock_parse_iso(const char *text, int64_t *wall_ms)
{
    const char *p = text;
    struct clock_date d;
    int offset_s = 0;
    int ms = 0;
    if (!take_number(&p, 4, &d.year) || !take_char(&p, "-") || !take_number(&p, 2, &d.month) ||
        !take_char(&p, "-") || !take_number(&p, 2, &d.day) || !take_char(&p, "Tt ") ||
        !take_number(&p, 2, &d.hour) || !take_char(&p, ":") || !take_number(&p, 2, &d.minute) ||
        !take_char(&p, ":") || !take_number(&p, 2, &d.second))
        return ST_INVALID;
    if (take_char(&p, ".")) {
        int scale = 100;
        if (*p < '0' || *p > '9')
            return ST_INVALID;
        for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
            ms += (*p - '0') * scale;
    }
    if (!take_offset(&p, &offset_s) || *p || !is_date(&d))
        return ST_INVALID;
    *wall_ms = (clock_join(&d) - offset_s) * 1000 + ms;
    return ST_OK;
}
