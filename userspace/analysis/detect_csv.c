// SPDX-License-Identifier: GPL-2.0
/* One line of timestamp,value. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sgprobe/detect.h>

#define DAY_S 86400
#define SECONDS_MAX 253402300799.0 /* the end of 9999 */
#define SHOWN 60 /* bytes of a text in an error */

/* Days since 1970-01-01 of a day of the Gregorian calendar, whose year begins in March. */
static int64_t days_of(int y, int m, int d)
{
	int shifted = y - (m <= 2), era = shifted / 400, of_era = shifted % 400;
	int of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int month_days(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Exactly n digits and what follows them; false when they are not there or not in range. */
static bool field(const char **s, unsigned int n, char after, int lo, int hi, int *ret)
{
	int v = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)**s))
			return false;
		v = v * 10 + (*(*s)++ - '0');
	}
	if (after && *(*s)++ != after)
		return false;
	*ret = v;
	return v >= lo && v <= hi;
}

static bool fraction(const char **s, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (**s != '.')
		return true;
	if (!isdigit((unsigned char)*++*s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++, scale /= 10)
		*ret_ms += (**s - '0') * scale;
	return true;
}

static bool parse_date(const char *s, int64_t *ret)
{
	int y, mon, d, h, min, sec = 0, ms = 0;

	if (!field(&s, 4, '-', 1970, 9999, &y) || !field(&s, 2, '-', 1, 12, &mon) ||
	    !field(&s, 2, 0, 1, month_days(y, mon), &d) || (*s != ' ' && *s != 'T'))
		return false;
	s++;
	if (!field(&s, 2, ':', 0, 23, &h) || !field(&s, 2, 0, 0, 59, &min))
		return false;
	if (*s == ':' && (s++, !field(&s, 2, 0, 0, 60, &sec) || !fraction(&s, &ms)))
		return false;
	s += *s == 'Z';
	*ret = ((days_of(y, mon, d) * 24 + h) * 60 + min) * 60000 + sec * 1000 + ms;
	return *s == 0;
}

static bool parse_seconds(const char *s, int64_t *ret)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*s) || strspn(s, "0123456789.eE+") != strlen(s))
		return false;
	v = strtod(s, &end);
	if (*end || !(v >= 0 && v <= SECONDS_MAX))
		return false;
	*ret = llround(v * 1000);
	return true;
}

static bool parse_value(const char *s, double *ret)
{
	char *end;

	if (*s == 0 || strcasecmp(s, "null") == 0) {
		*ret = NAN;
		return true;
	}
	if (strpbrk(s, "xXpP("))
		return false;
	*ret = strtod(s, &end);
	return end != s && *end == 0 && !isspace((unsigned char)*s);
}

/* Without what surrounds it: blanks, a carriage return. */
static void copy_trimmed(char *out, size_t size, const char *s, size_t n)
{
	while (n && isspace((unsigned char)*s))
		s++, n--;
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	n = SG_MIN(n, size - 1);
	memcpy(out, s, n);
	out[n] = 0;
}

int sg_detect_csv_line(const char *line, int64_t *ret_t_ms, double *ret_v, size_t *ret_len,
		       struct sg_error *err)
{
	const char *comma = strchr(line, ',');
	char stamp[64] = "", value[64] = "";

	if (!comma)
		return sg_fail(err, -EINVAL, "there is no comma; a line is timestamp,value");
	if (comma - line >= (long)sizeof(stamp) || strcspn(comma + 1, ",") >= sizeof(value))
		return sg_fail(err, -EINVAL, "a field is longer than %zu bytes", sizeof(stamp) - 1);
	copy_trimmed(stamp, sizeof(stamp), line, (size_t)(comma - line));
	copy_trimmed(value, sizeof(value), comma + 1, strcspn(comma + 1, ","));
	if (!parse_date(stamp, ret_t_ms) && !parse_seconds(stamp, ret_t_ms))
		return sg_fail(err, -EINVAL,
			       "'%.*s' is no timestamp; write Unix seconds or YYYY-MM-DD HH:MM:SS",
			       SHOWN, stamp);
	if (!parse_value(value, ret_v))
		return sg_fail(err, -EINVAL, "'%.*s' is no number", SHOWN, value);
	*ret_len = (size_t)(comma - line);
	return 0;
}
