// SPDX-License-Identifier: GPL-2.0
/* samples: every sample, cumulative as in PromQL; increases: what each tick brought. Read slice by slice. */
#include <errno.h>

#include "sql_private.h"

#define SLICE_MS 600000 /* that is read at once, while it fits */
#define SLICE_MIN_MS 1000

struct samples {
	struct sg_sql_cursor c;
	int64_t slice_ms, end_ms; /* of the slice that is read */
	struct sg_points_set set;
	size_t series, point;
};

static int read_slice(struct samples *s, int64_t from_ms, int64_t to_ms)
{
	struct sg_sql *sql = s->c.sql;
	struct sg_reader *r = sql->reader;
	const struct sg_read_limits lim = {.deadline_ns = sql->deadline_ns};

	sg_arena_reset(s->c.arena);
	s->set = (struct sg_points_set){0};
	sql->reads.selects++;
	return (s->c.table->deltas ? r->select_deltas : r->select)(
		r, &s->c.sel, 1, from_ms, to_ms, &lim, s->c.arena, &s->set, &sql->err);
}

static bool is_too_much(int r)
{
	return r == -E2BIG || r == -ENOMEM;
}

static void count(struct samples *s, int64_t from_ms, int64_t to_ms)
{
	struct sg_sql_reads *n = &s->c.sql->reads;

	if (!n->from_ms || from_ms < n->from_ms)
		n->from_ms = from_ms;
	n->to_ms = SG_MAX(n->to_ms, to_ms);
	n->samples += s->set.n_samples;
}

/* The next slice; a smaller one when it is too much for the memory that there is. */
static int load(struct samples *s)
{
	int64_t from = s->end_ms, to;
	int r;

	for (;;) {
		r = sg_sql_stopped(s->c.sql);
		if (r < 0)
			return r;
		to = SG_MIN(from + s->slice_ms, s->c.bounds.to_ms);
		r = read_slice(s, from, to);
		if (!is_too_much(r) || s->slice_ms <= SLICE_MIN_MS)
			break;
		s->slice_ms /= 2;
		s->c.sql->err.msg[0] = '\0';
	}
	if (r < 0)
		return r;
	s->end_ms = to;
	s->series = s->point = 0;
	count(s, from, to);
	return 0;
}

/* Where a sample is, from here on. */
static int settle(struct samples *s)
{
	for (;;) {
		while (s->series < s->set.n && s->point >= s->set.series[s->series].n) {
			s->series++;
			s->point = 0;
		}
		if (s->series < s->set.n)
			return 0;
		if (s->end_ms >= s->c.bounds.to_ms) {
			s->c.eof = true;
			return 0;
		}
		int r = load(s);

		if (r < 0)
			return r;
	}
}

static int begin(struct sg_sql_cursor *c)
{
	struct samples *s = (struct samples *)c;
	int r = sg_sql_select(c);

	if (r < 0)
		return r;
	s->slice_ms = SLICE_MS;
	s->end_ms = c->bounds.from_ms;
	s->set = (struct sg_points_set){0};
	s->series = s->point = 0;
	return settle(s);
}

static int next(struct sg_sql_cursor *c)
{
	struct samples *s = (struct samples *)c;

	s->point++;
	return settle(s);
}

/* [[lower, upper, count], ...] */
static void put_buckets(sqlite3_context *to, const struct sg_hist *h)
{
	sg_auto_buf b = {0};

	sg_buf_char(&b, '[');
	for (uint32_t i = 0; i < h->n; i++) {
		sg_buf_str(&b, i ? ",[" : "[");
		sg_json_num(&b, sg_bucket_lower(h->buckets[i].index));
		sg_buf_char(&b, ',');
		sg_json_num(&b, sg_bucket_upper(h->buckets[i].index));
		sg_buf_char(&b, ',');
		sg_json_num(&b, h->buckets[i].count);
		sg_buf_char(&b, ']');
	}
	sg_buf_char(&b, ']');
	if (b.err)
		sqlite3_result_error_nomem(to);
	else
		sqlite3_result_text(to, b.data, (int)b.len, SQLITE_TRANSIENT);
}

static void put_hist(sqlite3_context *to, const struct sg_hist *h, int i)
{
	switch (i) {
	case 5: sqlite3_result_double(to, h->count); break;
	case 6: sqlite3_result_double(to, h->sum); break;
	case 7: put_buckets(to, h); break;
	}
}

static void column(struct sg_sql_cursor *c, sqlite3_context *to, int i)
{
	const struct samples *s = (struct samples *)c;
	const struct sg_points *p = &s->set.series[s->series];

	switch (i) {
	case 0: sqlite3_result_text(to, p->series.name, -1, SQLITE_TRANSIENT); break;
	case 1: sg_sql_labels(to, &p->series); break;
	case 2: sg_sql_seconds(to, p->t_ms[s->point]); break;
	case 3: sqlite3_result_text(to, sg_type_name(p->series.type), -1, SQLITE_STATIC); break;
	case 4:
		if (p->series.type != SG_HISTOGRAM)
			sqlite3_result_double(to, p->values[s->point]);
		break;
	case 8: sqlite3_result_text(to, c->bounds.selector, -1, SQLITE_TRANSIENT); break;
	default:
		if (p->series.type == SG_HISTOGRAM)
			put_hist(to, &p->hists[s->point], i);
	}
}

static int64_t rowid(const struct sg_sql_cursor *c)
{
	const struct samples *s = (const struct samples *)c;
	const struct sg_points *p = &s->set.series[s->series];

	return (int64_t)sg_hash(&p->t_ms[s->point], sizeof(p->t_ms[0]), p->series.hash);
}

#define SCHEMA                                                                                     \
	"CREATE TABLE x(name TEXT, labels TEXT, t REAL, type TEXT, value REAL, count REAL,"        \
	" sum REAL, buckets TEXT, selector HIDDEN)"
#define COLUMNS                                                                                    \
	{                                                                                          \
		.name = 0, .t = 2, .kind = -1, .selector = 8, .since = -1, .until = -1             \
	}

const struct sg_sql_table sg_sql_samples = {
	.name = "samples",
	.schema = SCHEMA,
	.columns = COLUMNS,
	.cursor_size = sizeof(struct samples),
	.begin = begin,
	.next = next,
	.column = column,
	.rowid = rowid,
};

const struct sg_sql_table sg_sql_increases = {
	.name = "increases",
	.schema = SCHEMA,
	.columns = COLUMNS,
	.cursor_size = sizeof(struct samples),
	.begin = begin,
	.next = next,
	.column = column,
	.rowid = rowid,
	.deltas = true,
};
