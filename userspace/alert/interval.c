// SPDX-License-Identifier: GPL-2.0
// Whether a moment lies in a time interval.
#include <time.h>

#include <sgprobe/alert_config.h>

static bool within(const struct sg_time_range *r, size_t n, int v)
{
	for (size_t i = 0; i < n; i++)
		if (v >= r[i].from && v <= r[i].to)
			return true;
	return n == 0;
}

static int days_in_month(const struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y = tm->tm_year + 1900;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

/* Days below zero count from the month's end; what reaches beyond it is cut. */
static bool day_holds(const struct sg_time_span *s, const struct tm *tm)
{
	int last = days_in_month(tm);

	for (size_t i = 0; i < s->n_days; i++) {
		int from = s->days[i].from, to = s->days[i].to;

		from = from < 0 ? last + 1 + from : from;
		to = to < 0 ? last + 1 + to : to;
		if (from < 1)
			from = 1;
		if (tm->tm_mday >= from && tm->tm_mday <= to)
			return true;
	}
	return s->n_days == 0;
}

static bool time_holds(const struct sg_time_span *s, const struct tm *tm)
{
	int minute = tm->tm_hour * 60 + tm->tm_min;

	for (size_t i = 0; i < s->n_times; i++)
		if (minute >= s->times[i].from && minute < s->times[i].to)
			return true;
	return s->n_times == 0;
}

static bool span_holds(const struct sg_time_span *s, int64_t t_s)
{
	time_t local = t_s + (s->zone ? sg_zone_offset(s->zone, t_s) : 0);
	struct tm tm;

	return gmtime_r(&local, &tm) && time_holds(s, &tm) && day_holds(s, &tm) &&
	       within(s->weekdays, s->n_weekdays, tm.tm_wday) &&
	       within(s->months, s->n_months, tm.tm_mon + 1) &&
	       within(s->years, s->n_years, tm.tm_year + 1900);
}

bool sg_time_interval_holds(const struct sg_time_interval *i, int64_t t_ms)
{
	int64_t t_s = t_ms / 1000 - (t_ms % 1000 < 0);

	for (size_t k = 0; k < i->n; k++)
		if (span_holds(&i->spans[k], t_s))
			return true;
	return false;
}
