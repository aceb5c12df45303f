// SPDX-License-Identifier: GPL-2.0
// Reports over a reader in memory: what they say, and how it looks.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <sgprobe/report.h>

#include "query/fake_reader.h"
#include "report/gather.h"

#define T0 1700000000000LL
#define SECONDS 120

static const struct sg_metric_info metrics[] = {
	{"sgprobe_sched_runqueue_latency_seconds", "Run-queue latency", "", "seconds", NULL,
	 "sched", NULL, NULL, SG_HISTOGRAM},
	{"sgprobe_comm_sched_runqueue_latency_seconds", "Run-queue latency", "", "seconds", NULL,
	 "sched", "sgprobe_sched_runqueue_latency_seconds", "comm", SG_HISTOGRAM},
	{"sgprobe_syscall_latency_seconds", "System call latency", "", "seconds", "syscall",
	 "syscall", NULL, NULL, SG_HISTOGRAM},
	{"sgprobe_block_request_bytes", "Request size", "", "bytes", "device,operation", "block",
	 NULL, NULL, SG_HISTOGRAM},
	{"sgprobe_syscall_errors_total", "System call errors", "", "", "syscall", "syscall", NULL,
	 NULL, SG_COUNTER},
	{"sgprobe_cpu_seconds_total", "CPU time", "", "seconds", "mode", "proc", NULL, NULL,
	 SG_COUNTER},
	{"sgprobe_load", "Load average", "", "", "period", "proc", NULL, NULL, SG_GAUGE},
	{"sgprobe_dropped_total", "Dropped", "", "", "reason", "self", NULL, NULL, SG_COUNTER},
	{"sgprobe_probe_cpu_seconds_total", "CPU of the probe process", "", "seconds", NULL, "self",
	 NULL, NULL, SG_COUNTER},
};

static int catalogue(sg_metric_cb cb, void *ctx)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(metrics); i++)
		r = cb(&metrics[i], ctx);
	return r;
}

struct fixture {
	struct fake_reader *f;
	struct sg_buf json, text;
	struct sg_error err;
	struct sg_report_options o;
};

static struct fake_series *series(struct fixture *x, enum sg_type type, const char *name,
				  const char *key, const char *value)
{
	const char *labels[] = {key, value, NULL};

	return fake_series(x->f, type, name, key ? labels : NULL);
}

/* n observations of v a second, ten times slower from 'from' on. */
static void load_hist(struct fixture *x, const char *name, const char *key, const char *value,
		      int n, double v, int slow_from)
{
	struct fake_series *s = series(x, SG_HISTOGRAM, name, key, value);
	struct sg_hist h = {0};

	fake_add_hist(s, T0, &h);
	for (int i = 1; i <= SECONDS; i++) {
		for (int k = 0; k < n; k++)
			sg_hist_observe(&h, v * (i > slow_from ? 10 : 1) * (1 + k % 4));
		fake_add_hist(s, T0 + i * 1000, &h);
	}
	sg_hist_free(&h);
}

static void load_counter(struct fixture *x, const char *name, const char *key, const char *value,
			 double rate)
{
	struct fake_series *s = series(x, SG_COUNTER, name, key, value);

	for (int i = 0; i <= SECONDS; i++)
		fake_add(s, T0 + i * 1000, rate * i);
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct fake_series *load;

	x->f = fake_new();
	x->o = (struct sg_report_options){
		.from_ms = T0, .to_ms = T0 + SECONDS * 1000, .now_ms = T0 + 300000, .host = "box"};
	load_hist(x, "sgprobe_sched_runqueue_latency_seconds", NULL, NULL, 10, 1e-4, 60);
	load_hist(x, "sgprobe_comm_sched_runqueue_latency_seconds", "comm", "evil\033[31m", 8, 1e-4,
		  60);
	load_hist(x, "sgprobe_comm_sched_runqueue_latency_seconds", "comm", "other", 2, 1e-5, 999);
	load_hist(x, "sgprobe_syscall_latency_seconds", "syscall", "read", 5, 2e-6, 999);
	load_hist(x, "sgprobe_syscall_latency_seconds", "syscall", "futex", 1, 2e-2, 999);
	load_hist(x, "sgprobe_block_request_bytes", "device", "sda", 10, 4096, 60);
	load_counter(x, "sgprobe_syscall_errors_total", "syscall", "openat", 3);
	load_counter(x, "sgprobe_syscall_errors_total", "syscall", "read", 0);
	load_counter(x, "sgprobe_cpu_seconds_total", "mode", "user", 0.5);
	load_counter(x, "sgprobe_cpu_seconds_total", "mode", "idle", 1.5);
	load_counter(x, "sgprobe_dropped_total", "reason", "link_queue_full", 0);
	load_counter(x, "sgprobe_probe_cpu_seconds_total", NULL, NULL, 0.004);
	load = series(x, SG_GAUGE, "sgprobe_load", "period", "1m");
	for (int i = 1; i <= SECONDS; i++)
		fake_add(load, T0 + i * 1000, 0.5 + i % 2);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	sg_reader_close(&x->f->reader);
	sg_buf_free(&x->json);
	sg_buf_free(&x->text);
	free(x);
	return 0;
}

static json_t *make(struct fixture *x)
{
	json_error_t why;
	json_t *doc;
	int r;

	sg_buf_reset(&x->json);
	r = report_json_of(&x->f->reader, &x->o, catalogue, &x->json, &x->err);
	if (r < 0)
		fail_msg("%d: %s", r, x->err.msg);
	doc = json_loads(x->json.data, JSON_REJECT_DUPLICATES, &why);
	if (!doc)
		fail_msg("not JSON: %s at %d", why.text, why.position);
	return doc;
}

static const char *render(struct fixture *x, struct sg_report_style style)
{
	json_decref(make(x));
	sg_buf_reset(&x->text);
	assert_int_equal(sg_report_text(x->json.data, &style, &x->text, &x->err), 0);
	assert_int_equal(x->text.err, 0);
	return x->text.data;
}

static double num(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	assert_true(json_is_number(v));
	return json_number_value(v);
}

static const char *str(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

static json_t *latency(json_t *doc, size_t i)
{
	return json_array_get(json_object_get(doc, "latency"), i);
}

static const char *sentence(json_t *doc, size_t i)
{
	json_t *v = json_object_get(doc, "verdict");
	const char *s = json_string_value(json_array_get(json_object_get(v, "sentences"), i));

	return s ? s : "";
}

static void the_verdict_names_what_got_slower_first(void **state)
{
	struct fixture *x = *state;
	json_t *doc = make(x);

	assert_string_equal(str(json_object_get(doc, "verdict"), "level"), "slower");
	assert_string_equal(sentence(doc, 0),
			    "Run-queue latency got slower: p99 went from 409µs to "
			    "4.24ms (10.4 times as much) within the range.");
	assert_string_equal(sentence(doc, 1), "All 120 seconds of the range were watched.");
	json_decref(doc);
}

static void counts_and_quantiles_are_those_of_the_range(void **state)
{
	struct fixture *x = *state;
	json_t *doc, *m;

	x->o.from_ms += 30000;
	x->o.to_ms -= 60000;
	doc = make(x);
	m = latency(doc, 0);
	assert_string_equal(str(m, "name"), "sgprobe_sched_runqueue_latency_seconds");
	assert_true(num(m, "count") == 300);
	assert_true(num(m, "rate") == 10);
	/* A third of the values are 200 us, the bucket of which ends at most 9.05 % higher. */
	assert_true(num(m, "p50") > 1.83e-4 && num(m, "p50") <= 2.19e-4);
	assert_true(num(m, "max") >= 4e-4 && num(m, "max") < 4.37e-4);
	assert_true(fabs(num(m, "sum") - 0.0690) < 1e-9);
	assert_string_equal(str(json_object_get(m, "trend"), "change"), "none");
	assert_int_equal(json_array_size(json_object_get(m, "columns")), 30);
	assert_string_equal(
		sentence(doc, 0),
		"Latencies were steady: no p99 changed by half or more within the range.");
	json_decref(doc);
}

static void heat_rows_hold_every_event(void **state)
{
	struct fixture *x = *state;
	json_t *doc = make(x), *m, *row, *v;
	double n = 0;
	size_t i, k;

	m = latency(doc, 1);
	json_array_foreach(json_object_get(m, "heat"), i, row)
		json_array_foreach(json_object_get(row, "counts"), k, v) n += json_number_value(v);
	assert_true(n == num(m, "count"));
	assert_true(json_array_size(json_object_get(m, "heat")) <= 12);
	n = 0;
	json_array_foreach(json_object_get(m, "columns"), i, v) n +=
		json_number_value(json_array_get(v, 1));
	assert_true(n == num(m, "count"));
	json_decref(doc);
}

static void who_did_it_is_ranked_by_p99_and_by_time(void **state)
{
	struct fixture *x = *state;
	json_t *doc = make(x), *who, *top;

	who = json_array_get(json_object_get(latency(doc, 1), "who"), 0);
	assert_string_equal(str(who, "by"), "syscall");
	top = json_array_get(json_object_get(who, "top_p99"), 0);
	assert_string_equal(str(top, "value"), "futex");
	assert_true(num(top, "count") == 120);
	who = json_array_get(json_object_get(latency(doc, 0), "who"), 0);
	assert_string_equal(str(who, "by"), "comm");
	assert_int_equal(json_array_size(json_object_get(who, "top_time")), 2);
	json_decref(doc);
}

static void the_same_question_gives_the_same_bytes(void **state)
{
	struct fixture *x = *state;
	char *first;

	json_decref(make(x));
	first = strdup(x->json.data);
	json_decref(make(x));
	assert_string_equal(first, x->json.data);
	free(first);
}

static void an_empty_store_says_so(void **state)
{
	struct fixture *x = *state;
	json_t *doc;

	fake_clear(x->f);
	doc = make(x);
	assert_string_equal(str(json_object_get(doc, "verdict"), "level"), "nodata");
	assert_string_equal(sentence(doc, 0), "There is no data: the store is empty.");
	json_decref(doc);
	assert_non_null(strstr(render(x, (struct sg_report_style){.width = 80}),
			       "There is no data: the store is empty."));
}

static void a_range_without_data_says_so(void **state)
{
	struct fixture *x = *state;
	json_t *doc;

	x->o.from_ms -= 3600000;
	x->o.to_ms -= 3600000;
	doc = make(x);
	assert_string_equal(sentence(doc, 0), "There is no data in this range.");
	json_decref(doc);
}

static void a_partial_range_says_so(void **state)
{
	struct fixture *x = *state;
	json_t *doc;

	x->o.from_ms -= 60000;
	x->f->gaps[x->f->n_gaps++] = (struct sg_gap){T0 - 60000, T0, "probe restarted"};
	doc = make(x);
	assert_string_equal(sentence(doc, 1),
			    "The range is partial: 120 of its 180 seconds were watched.");
	assert_string_equal(sentence(doc, 2),
			    "The range begins before the oldest data in the store.");
	json_decref(doc);
	assert_non_null(strstr(render(x, (struct sg_report_style){.width = 80}),
			       "Not watched: 2023-11-14 22:12:20 UTC for 60 s (probe restarted)"));
}

static void dropped_events_are_told(void **state)
{
	struct fixture *x = *state;
	json_t *doc;

	load_counter(x, "sgprobe_dropped_total", "reason", "row_unread", 2);
	doc = make(x);
	assert_string_equal(sentence(doc, 2), "240 events were seen but not recorded.");
	json_decref(doc);
	assert_non_null(strstr(render(x, (struct sg_report_style){.width = 80}),
			       "Not recorded: 240 (row_unread)"));
}

static void a_failing_reader_fails_the_report(void **state)
{
	struct fixture *x = *state;

	x->f->fail = -EIO;
	assert_int_equal(report_json_of(&x->f->reader, &x->o, catalogue, &x->json, &x->err), -EIO);
	assert_string_equal(x->err.msg, "the fake reader fails, as the test asked");
	x->f->fail = 0;
	x->o.to_ms = x->o.from_ms;
	assert_int_equal(report_json_of(&x->f->reader, &x->o, catalogue, &x->json, &x->err),
			 -EINVAL);
}

static void text_keeps_to_its_width_and_to_ascii(void **state)
{
	struct fixture *x = *state;

	for (unsigned int width = 60; width <= 200; width += 35) {
		const char *s = render(x, (struct sg_report_style){.width = width, .ascii = true});
		size_t n = 0;

		for (; *s; s++) {
			assert_true((*s >= ' ' && *s <= '~') || *s == '\n');
			n = *s == '\n' ? 0 : n + 1;
			assert_true(n <= width);
		}
	}
}

static void hostile_names_reach_no_terminal(void **state)
{
	struct fixture *x = *state;
	const char *s = render(x, (struct sg_report_style){.width = 80});

	assert_null(strchr(s, '\033'));
	assert_non_null(strstr(s, "evil\\x1b[31m"));
	s = render(x, (struct sg_report_style){.width = 80, .color = true});
	assert_non_null(strstr(s, "\033[31mslower\033[0m"));
	assert_null(strstr(s, "evil\033"));
}

static void a_size_is_shown_in_bytes_and_never_called_slower(void **state)
{
	struct fixture *x = *state;
	json_t *doc = make(x);
	json_t *m = latency(doc, 2), *v = json_object_get(doc, "verdict");
	const char *s;

	assert_string_equal(str(m, "unit"), "bytes");
	assert_string_equal(str(json_object_get(m, "trend"), "change"), "none");
	for (size_t i = 0; i < json_array_size(json_object_get(v, "sentences")); i++)
		assert_null(strstr(
			json_string_value(json_array_get(json_object_get(v, "sentences"), i)),
			"Request size"));
	json_decref(doc);
	s = render(x, (struct sg_report_style){.width = 80});
	assert_non_null(strstr(s, "Sizes and amounts"));
	assert_non_null(strstr(s, "Request size (p99 15.9KiB to 165KiB)"));
}

static void the_latency_that_changed_is_shown_before_the_steady_one(void **state)
{
	struct fixture *x = *state;
	const char *s = render(x, (struct sg_report_style){.width = 80});

	assert_true(strstr(s, "Run-queue latency (p99") < strstr(s, "System call latency (p99"));
	assert_true(strstr(s, "Run-queue latency ") < strstr(s, "System call latency "));
}

static void what_is_no_report_is_refused(void **state)
{
	struct fixture *x = *state;
	struct sg_report_style style = {.width = 80};

	assert_int_equal(sg_report_text("", &style, &x->text, &x->err), -EINVAL);
	assert_int_equal(sg_report_text("[]", &style, &x->text, &x->err), -EINVAL);
	assert_int_equal(
		sg_report_text("{\"report\":\"sgprobe\",\"version\":2}", &style, &x->text, &x->err),
		-EPROTONOSUPPORT);
	/* A document that lacks everything else is still readable. */
	assert_int_equal(sg_report_text("{\"report\":\"sgprobe\",\"version\":1,\"latency\":[1,{}]}",
					&style, &x->text, &x->err),
			 0);
}

/* Compares with tests/data/report-80.txt; SGPROBE_UPDATE=1 writes it anew. */
static void the_text_is_the_golden_one(void **state)
{
	struct fixture *x = *state;
	const char *path = "tests/data/report-80.txt";
	struct sg_report_style style = {.width = 80};
	sg_auto_buf want = {0};
	const char *s;
	char buf[4096];
	json_t *doc;
	char *dump;
	size_t n;
	FILE *f;

	/* The version is in the document, and would make this file old with every release. */
	doc = make(x);
	json_object_set_new(doc, "sgprobe", json_string("0.0.0"));
	dump = json_dumps(doc, 0);
	assert_int_equal(sg_report_text(dump, &style, &x->text, &x->err), 0);
	s = x->text.data;
	free(dump);
	json_decref(doc);
	if (getenv("SGPROBE_UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(s, f);
		fclose(f);
	}
	f = fopen(path, "r");
	if (!f) {
		print_message("%s is not here: run from the project's root\n", path);
		skip();
	}
	while ((n = fread(buf, 1, sizeof(buf), f)))
		sg_buf_add(&want, buf, n);
	fclose(f);
	assert_string_equal(s, want.data);
}

static int happened(struct sg_reader *r, int64_t from_ms, int64_t to_ms, const char *kind,
		    size_t limit, uint64_t deadline_ns, struct sg_arena *arena,
		    struct sg_event **ret, size_t *n)
{
	static struct sg_event events[3];

	sg_event_init(&events[0], SG_EVENT_MOUNT, T0 + 90000);
	sg_event_text(&events[0], "target", "/mnt");
	sg_event_init(&events[1], SG_EVENT_OOM_KILL, T0 + 60000);
	sg_event_text(&events[1], "comm", "evil\x1b[31m");
	sg_event_number(&events[1], "pid", 5);
	sg_event_init(&events[2], SG_EVENT_MOUNT, T0 + 30000);
	*ret = events;
	*n = 3;
	return 0;
}

static void what_happened_is_told_the_gravest_first(void **state)
{
	struct fixture *x = *state;
	json_t *doc, *events, *list;
	const char *text;

	x->f->reader.events = happened;
	doc = make(x);
	events = json_object_get(doc, "events");
	list = json_object_get(events, "list");
	assert_int_equal(json_integer_value(json_object_get(events, "count")), 3);
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "kind")),
			    "oom_kill");
	json_decref(doc);
	text = render(x, (struct sg_report_style){.width = 80});
	assert_non_null(strstr(text, "What happened\nOut of memory 1, Mount 2.\n"));
	assert_non_null(strstr(text, "Out of memory: evil\\x1b[31m (5) was killed"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_happened_is_told_the_gravest_first),
		T(the_verdict_names_what_got_slower_first),
		T(a_size_is_shown_in_bytes_and_never_called_slower),
		T(the_latency_that_changed_is_shown_before_the_steady_one),
		T(counts_and_quantiles_are_those_of_the_range),
		T(heat_rows_hold_every_event),
		T(who_did_it_is_ranked_by_p99_and_by_time),
		T(the_same_question_gives_the_same_bytes),
		T(an_empty_store_says_so),
		T(a_range_without_data_says_so),
		T(a_partial_range_says_so),
		T(dropped_events_are_told),
		T(a_failing_reader_fails_the_report),
		T(text_keeps_to_its_width_and_to_ascii),
		T(hostile_names_reach_no_terminal),
		T(what_is_no_report_is_refused),
		T(the_text_is_the_golden_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
