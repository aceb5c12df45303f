// SPDX-License-Identifier: GPL-2.0
// What each form says of the same few series, byte by byte; the protobuf form is read by a reader of its own.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/export.h>

#include "export/family.h"

#define NOW 1700000000000
#define LATENCY "sgprobe_sched_runqueue_latency_seconds"

/* Three series, of which one ended and is not there; values are those of their last sample. */
struct fake {
	struct sg_reader api;
	int64_t newest;
	struct sg_points points[4];
	size_t n;
};

static int64_t times[2] = {NOW - 1000, NOW};
static double counts[2] = {1, 1234567}, gauges[2] = {1, NAN};
/* 3 in (2^-10, 2^(-79/8)], 2 up to 2^-7, 1 beyond the last edge. */
static struct sg_bucket buckets[] = {{-79, 3}, {-56, 2}, {64, 1}};
static struct sg_hist hists[2] = {{0}, {.count = 6, .sum = 130.5, .n = 3, .buckets = buckets}};

static int fake_select(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
		       int64_t from_ms, int64_t to_ms, const struct sg_read_limits *lim,
		       struct sg_arena *arena, struct sg_points_set *ret, struct sg_error *err)
{
	struct fake *f = (struct fake *)r;

	assert_int_equal(to_ms, f->newest);
	assert_int_equal(from_ms, f->newest - SG_EXPORT_ALIVE_MS);
	ret->series = sg_arena_alloc(arena, sizeof(f->points));
	for (size_t i = 0; i < f->n; i++)
		if (sg_selector_match(&sels[0], &f->points[i].series))
			ret->series[ret->n++] = f->points[i];
	return 0;
}

static int fake_exemplars(struct sg_reader *r, const struct sg_selector *sels, size_t n_sels,
			  int64_t from_ms, int64_t to_ms, uint64_t deadline_ns, sg_exemplar_cb cb,
			  void *ctx)
{
	static const struct sg_exemplar all[] = {
		{.value = 0.00098, .t_ms = NOW - 2000, .tgid = 7, .comm = "a\"b\\\n", .cgroup = ""},
		{.value = 0.00099, .t_ms = NOW - 1500, .tgid = 8, .comm = "worse", .cgroup = ""},
		{.value = 0.00098, .t_ms = NOW - 1, .tgid = 9, .comm = "less", .cgroup = ""},
		{.value = 250, .t_ms = NOW - 500, .comm = "", .cgroup = ""},
	};
	struct fake *f = (struct fake *)r;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		cb(&f->points[0].series, &all[i], ctx);
	return 0;
}

static int fake_range(struct sg_reader *r, int64_t *oldest, int64_t *newest)
{
	*oldest = *newest = ((struct fake *)r)->newest;
	return *newest ? 0 : -ENODATA;
}

static struct sg_points *add(struct fake *f, enum sg_type type, const char *name,
			     struct sg_label *labels, size_t n)
{
	struct sg_points *p = &f->points[f->n++];

	*p = (struct sg_points){.n = 2, .t_ms = times};
	assert_int_equal(sg_series_init(&p->series, type, name, labels, n), 0);
	return p;
}

static void fake_init(struct fake *f)
{
	static struct sg_label hostile[1];

	hostile[0] = (struct sg_label){"syscall", "a\"b\\c\nd\xc3\xa9"};
	*f = (struct fake){
		.api = {.select = fake_select, .exemplars = fake_exemplars, .range = fake_range},
		.newest = NOW};
	add(f, SG_HISTOGRAM, LATENCY, NULL, 0)->hists = hists;
	add(f, SG_COUNTER, "sgprobe_syscall_calls_total", hostile, 1)->values = counts;
	add(f, SG_GAUGE, "unheard_of", NULL, 0)->values = gauges;
}

static void export(struct fake *f, const struct sg_export_options *o, struct sg_buf *b)
{
	struct sg_error err = {""};

	assert_int_equal(sg_export(&f->api, o, b, &err), 0);
}

static bool has(const struct sg_buf *b, const char *line)
{
	const char *at = strstr(b->data, line);

	return at && (at == b->data || at[-1] == '\n');
}

static void text_is_escaped_and_described(void **state)
{
	struct sg_export_options o = {.format = SG_FORMAT_TEXT, .now_ms = NOW};
	sg_auto_buf b = {0};
	struct fake f;

	fake_init(&f);
	export(&f, &o, &b);
	assert_true(has(&b, "# TYPE " LATENCY " histogram\n"));
	assert_true(has(&b, "# HELP " LATENCY " Time from when a task could run"));
	assert_true(has(&b, "# TYPE sgprobe_syscall_calls_total counter\n"
			    "sgprobe_syscall_calls_total{syscall=\"a\\\"b\\\\c\\nd\xc3\xa9\"} "
			    "1234567\n"));
	assert_true(has(&b, "# HELP unheard_of Not in sgprobe's catalogue.\n"
			    "# TYPE unheard_of gauge\nunheard_of NaN\n"));
	assert_null(strstr(b.data, " # {"));
	assert_null(strstr(b.data, "EOF"));
}

static void classic_buckets_are_exact(void **state)
{
	struct sg_export_options o = {.format = SG_FORMAT_TEXT, .now_ms = NOW};
	sg_auto_buf b = {0};
	struct fake f;

	fake_init(&f);
	export(&f, &o, &b);
	assert_true(has(&b, LATENCY "_bucket{le=\"5.9604644775390625e-08\"} 0\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"0.0009765625\"} 0\n")); /* 2^-10 */
	assert_true(has(&b, LATENCY "_bucket{le=\"0.001953125\"} 3\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"0.00390625\"} 3\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"0.0078125\"} 5\n")); /* 2^-7: the bucket's end */
	assert_true(has(&b, LATENCY "_bucket{le=\"64\"} 5\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"+Inf\"} 6\n" LATENCY "_sum 130.5\n" LATENCY
				    "_count 6\n"));
}

static void openmetrics_has_units_exemplars_and_an_end(void **state)
{
	struct sg_export_options o = {.format = SG_FORMAT_OPENMETRICS, .now_ms = NOW};
	sg_auto_buf b = {0};
	struct fake f;

	fake_init(&f);
	export(&f, &o, &b);
	assert_true(has(&b, "# TYPE " LATENCY " histogram\n# UNIT " LATENCY " seconds\n"));
	assert_true(has(&b, "# TYPE sgprobe_syscall_calls counter\n"
			    "sgprobe_syscall_calls_total{"));
	/* Of a bucket the worst of the minute, though another is newer. */
	assert_true(has(&b, LATENCY "_bucket{le=\"0.001953125\"} 3 # {pid=\"8\",comm=\"worse\"} "
				    "0.00099 1699999998.500\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"64.0\"} 5\n"));
	assert_true(has(&b, LATENCY "_bucket{le=\"+Inf\"} 6 # {} 250 1699999999.500\n"));
	assert_string_equal(b.data + b.len - 6, "# EOF\n");
}

static void an_exemplars_labels_are_escaped(void **state)
{
	static const struct sg_label l[] = {{"comm", "a\"b\\\n"}};
	const struct export_exemplar x = {0.5, NOW, 1, l}, *list[EXPORT_EDGES_MAX + 1] = {0};
	struct export_family f = {.name = "h", .type = SG_HISTOGRAM, .edges = {1, {1}}};
	struct sg_series series = {.name = "h", .type = SG_HISTOGRAM};
	struct export_sample s = {.series = &series, .exemplars = list};
	sg_auto_buf b = {0};
	struct export_writer w = {.out = &b};

	list[0] = &x;
	sg_native_from_hist(&s.hist, &hists[1]);
	export_openmetrics.sample(&w, &f, &s);
	export_writer_release(&w);
	assert_true(
		has(&b, "h_bucket{le=\"1.0\"} 5 # {comm=\"a\\\"b\\\\\\n\"} 0.5 1700000000.000\n"));
}

static void federation_has_the_times_of_samples(void **state)
{
	struct sg_export_options o = {.format = SG_FORMAT_TEXT, .timestamps = true, .now_ms = NOW};
	sg_auto_buf b = {0}, om = {0};
	struct fake f;

	fake_init(&f);
	export(&f, &o, &b);
	assert_true(has(&b, "unheard_of NaN 1700000000000\n"));
	o.format = SG_FORMAT_OPENMETRICS;
	export(&f, &o, &om);
	assert_true(has(&om, "unheard_of NaN 1700000000.000\n"));
}

static void without_a_new_tick_there_is_nothing(void **state)
{
	struct sg_export_options o = {.now_ms = NOW + 60001};
	struct sg_error err = {""};
	sg_auto_buf b = {0};
	struct fake f;

	fake_init(&f);
	assert_int_equal(sg_export(&f.api, &o, &b, &err), -EAGAIN);
	assert_non_null(strstr(err.msg, "no tick"));
	f.newest = 0;
	assert_int_equal(sg_export(&f.api, &o, &b, &err), -EAGAIN);
	assert_int_equal(b.len, 0);
}

static int take_parts(struct sg_buf *b, void *ctx)
{
	struct sg_buf *whole = ctx;

	sg_buf_add(whole, b->data, b->len);
	sg_buf_reset(b);
	return whole->len > 3000 ? -EPIPE : 0;
}

static void an_answer_can_be_taken_in_parts(void **state)
{
	sg_auto_buf whole = {0}, parts = {0}, rest = {0};
	struct sg_export_options o = {.format = SG_FORMAT_OPENMETRICS, .now_ms = NOW};
	struct sg_error err = {""};
	struct fake f;

	fake_init(&f);
	export(&f, &o, &whole);
	o.more = take_parts;
	o.ctx = &parts;
	export(&f, &o, &rest);
	sg_buf_add(&parts, rest.data, rest.len);
	assert_string_equal(parts.data, whole.data);
	assert_int_equal(sg_export(&f.api, &o, &rest, &err), -EPIPE);
}

/* ---- a reader of protobuf, of its own ---------------------------------------------------- */

struct pb {
	const uint8_t *p, *end;
	uint32_t field;
	uint64_t number; /* a varint, or the bits of a double */
	struct {
		const uint8_t *p;
		size_t n;
	} bytes;
};

static uint64_t pb_varint(struct pb *m)
{
	uint64_t v = 0;

	for (int shift = 0;; shift += 7) {
		assert_true(m->p < m->end);
		v |= (uint64_t)(*m->p & 0x7f) << shift;
		if (!(*m->p++ & 0x80))
			return v;
	}
}

static bool pb_next(struct pb *m)
{
	uint64_t tag;

	if (m->p == m->end)
		return false;
	tag = pb_varint(m);
	m->field = tag >> 3;
	switch (tag & 7) {
	case 0: m->number = pb_varint(m); break;
	case 1:
		assert_true(m->end - m->p >= 8);
		memcpy(&m->number, m->p, 8);
		m->p += 8;
		break;
	case 2:
		m->bytes.n = pb_varint(m);
		m->bytes.p = m->p;
		assert_true((size_t)(m->end - m->p) >= m->bytes.n);
		m->p += m->bytes.n;
		break;
	default: fail_msg("wire type %d", (int)(tag & 7));
	}
	return true;
}

static struct pb pb_in(const struct pb *m)
{
	return (struct pb){.p = m->bytes.p, .end = m->bytes.p + m->bytes.n};
}

static bool pb_is(const struct pb *m, const char *s)
{
	return m->bytes.n == strlen(s) && !memcmp(m->bytes.p, s, m->bytes.n);
}

static double pb_double(const struct pb *m)
{
	double v;

	memcpy(&v, &m->number, sizeof(v));
	return v;
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* The first family, and the next ones in turn; each has its length before it. */
static struct pb next_family(struct pb *all)
{
	uint64_t n = pb_varint(all);
	struct pb f = {.p = all->p, .end = all->p + n};

	assert_true((size_t)(all->end - all->p) >= n);
	all->p += n;
	return f;
}

/* Goes on to a field of a message and returns what is in it. */
static struct pb find(struct pb m, uint32_t field)
{
	while (pb_next(&m))
		if (m.field == field)
			return pb_in(&m);
	fail_msg("field %u is missing", field);
	return m;
}

static struct pb protobuf_of(struct sg_buf *b)
{
	struct sg_export_options o = {.format = SG_FORMAT_PROTOBUF, .now_ms = NOW};
	struct fake f;

	fake_init(&f);
	export(&f, &o, b);
	return (struct pb){.p = (uint8_t *)b->data, .end = (uint8_t *)b->data + b->len};
}

static void protobuf_has_native_buckets(void **state)
{
	static const int64_t want_offsets[] = {-79, 22, 119}, want_deltas[] = {3, -1, -1};
	sg_auto_buf b = {0};
	struct pb all = protobuf_of(&b), h = find(find(next_family(&all), 4), 7);
	size_t spans = 0, deltas = 0, seen = 0;

	while (pb_next(&h)) {
		struct pb in = h.field == 12 || h.field == 13 ? pb_in(&h) : (struct pb){0};

		if (h.field == 1 && ++seen)
			assert_int_equal(h.number, 6);
		if (h.field == 2 && ++seen)
			assert_true(pb_double(&h) == 130.5);
		if (h.field == 5 && ++seen)
			assert_int_equal(unzigzag(h.number), 3);
		if (h.field == 6 && ++seen)
			assert_true(pb_double(&h) == 0x1p-128);
		if (h.field == 12) {
			pb_next(&in);
			assert_int_equal(unzigzag(in.number), want_offsets[spans++]);
			pb_next(&in);
			assert_int_equal(in.number, 1);
		}
		while (h.field == 13 && in.p < in.end)
			assert_int_equal(unzigzag(pb_varint(&in)), want_deltas[deltas++]);
	}
	assert_int_equal(seen, 4);
	assert_int_equal(spans, 3);
	assert_int_equal(deltas, 3);
}

static void protobuf_has_classic_buckets_with_exemplars(void **state)
{
	sg_auto_buf b = {0};
	struct pb all = protobuf_of(&b), h = find(find(next_family(&all), 4), 7);
	uint64_t last = 0, count = 0;
	size_t n = 0, exemplars = 0;
	double bound = 0;

	while (pb_next(&h)) {
		struct pb k = h.field == 3 ? pb_in(&h) : (struct pb){0};

		n += h.field == 3;
		while (h.field == 3 && pb_next(&k)) {
			if (k.field == 1)
				count = k.number;
			else if (k.field == 2)
				bound = pb_double(&k);
			else if (k.field == 3 && ++exemplars)
				assert_true(bound == 0x1p-9 || isinf(bound));
		}
		assert_true(count >= last);
		last = count;
		if (bound == 0x1p-9)
			assert_int_equal(count, 3);
	}
	assert_int_equal(n, 32); /* 2^-24 to 2^6, and +Inf */
	assert_int_equal(exemplars, 2);
	assert_int_equal(last, 6);
}

static void protobuf_names_types_and_labels(void **state)
{
	sg_auto_buf b = {0};
	struct pb all = protobuf_of(&b), f = next_family(&all), label;

	f = next_family(&all);
	assert_true(pb_next(&f) && f.field == 1 && pb_is(&f, "sgprobe_syscall_calls_total"));
	assert_true(pb_next(&f) && f.field == 2);
	assert_true(pb_next(&f) && f.field == 3 && f.number == 0);
	assert_true(pb_next(&f) && f.field == 4);
	f = pb_in(&f);
	assert_true(pb_next(&f) && f.field == 1);
	label = pb_in(&f);
	assert_true(pb_next(&label) && pb_is(&label, "syscall"));
	assert_true(pb_next(&label) && pb_is(&label, "a\"b\\c\nd\xc3\xa9"));
	assert_true(pb_next(&f) && f.field == 3);
	f = pb_in(&f);
	assert_true(pb_next(&f) && f.field == 1 && pb_double(&f) == 1234567);
	next_family(&all);
	assert_ptr_equal(all.p, all.end);
}

static void an_empty_native_histogram_says_that_it_is_one(void **state)
{
	struct export_family f = {.name = "h", .type = SG_HISTOGRAM, .help = "", .unit = ""};
	struct sg_series series = {.name = "h", .type = SG_HISTOGRAM};
	struct export_sample s = {.series = &series};
	sg_auto_buf b = {0};
	struct export_writer w = {.out = &b};
	struct pb all, span;

	sg_native_from_hist(&s.hist, &hists[0]);
	export_protobuf.begin(&w, &f);
	export_protobuf.sample(&w, &f, &s);
	export_protobuf.end(&w, &f);
	export_writer_release(&w);
	all = (struct pb){.p = (uint8_t *)b.data, .end = (uint8_t *)b.data + b.len};
	span = find(find(find(next_family(&all), 4), 7), 12);
	assert_true(pb_next(&span) && span.number == 0 && pb_next(&span) && span.number == 0);
}

static void own_bounds_are_edges_and_an_edge_within_a_bucket_is_none(void **state)
{
	static const double bounds[] = {-1, 0.25, 4};
	static const struct sg_bucket k[] = {{0, 1}, {1, 2}, {3, 4}};
	struct sg_native own = {.count = 7,
				.pos = k,
				.n_pos = 3,
				.bounds = bounds,
				.n_bounds = 3,
				.schema = SG_SCHEMA_CUSTOM};
	static const struct sg_bucket wide[] = {{0, 5}}; /* (2^-16, 1] */
	struct sg_native coarse = {.count = 5, .pos = wide, .n_pos = 1, .schema = -4};
	uint64_t n[EXPORT_EDGES_MAX + 1];
	struct export_edges e;

	export_edges_of(&own, "seconds", &e);
	export_cumulate(&own, &e, n);
	assert_int_equal(e.n, 3);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 3);
	assert_int_equal(n[2], 3);
	assert_int_equal(n[3], 7);
	export_edges_of(&coarse, "seconds", &e);
	export_cumulate(&coarse, &e, n);
	assert_true(e.le[8] == 0x1p-16 && n[8] == 0);
	assert_true(e.le[9] == 1 && n[9] == 5); /* none between them */
	assert_int_equal(n[e.n], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped_and_described),
		cmocka_unit_test(classic_buckets_are_exact),
		cmocka_unit_test(openmetrics_has_units_exemplars_and_an_end),
		cmocka_unit_test(an_exemplars_labels_are_escaped),
		cmocka_unit_test(federation_has_the_times_of_samples),
		cmocka_unit_test(without_a_new_tick_there_is_nothing),
		cmocka_unit_test(an_answer_can_be_taken_in_parts),
		cmocka_unit_test(protobuf_has_native_buckets),
		cmocka_unit_test(protobuf_has_classic_buckets_with_exemplars),
		cmocka_unit_test(protobuf_names_types_and_labels),
		cmocka_unit_test(an_empty_native_histogram_says_that_it_is_one),
		cmocka_unit_test(own_bounds_are_edges_and_an_edge_within_a_bucket_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
