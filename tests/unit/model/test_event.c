// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>

#include "make.h"

#include <sgprobe/event.h>
#include <sgprobe/file.h>
#include <sgprobe/frame_visit.h>

#include "model/wire.h"

#define GOLDEN "tests/data/frame-v2.sgf"
#define T 1700000000123LL

static struct sg_event oom(void)
{
	struct sg_event e;

	sg_event_init(&e, SG_EVENT_OOM_KILL, T);
	sg_event_text(&e, "comm", "eater");
	sg_event_number(&e, "pid", 42);
	sg_event_text(&e, "cgroup", "app.service");
	sg_event_number(&e, "rss_bytes", 1 << 20);
	return e;
}

static void assert_same_event(const struct sg_event *a, const struct sg_event *b)
{
	assert_string_equal(a->kind, b->kind);
	assert_int_equal(a->severity, b->severity);
	assert_int_equal(a->t_ms, b->t_ms);
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_string_equal(a->fields[i].name, b->fields[i].name);
		if (a->fields[i].text)
			assert_string_equal(a->fields[i].text, b->fields[i].text);
		else
			assert_true(a->fields[i].number == b->fields[i].number);
	}
}

/* ---- the table --------------------------------------------------------------------------- */

static bool lists(const char *fields, const char *name, size_t n)
{
	for (const char *p = fields; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == n && strncmp(p, name, n) == 0)
			return true;
	return false;
}

static void every_kind_is_a_whole_row_and_its_sentence_uses_its_fields(void **state)
{
	for (size_t i = 0; i < SG_EVENT_KINDS; i++) {
		const struct sg_event_kind *k = &sg_event_kinds[i];
		int depth = 0;

		assert_ptr_equal(sg_event_kind_find(k->name), k);
		assert_true(*k->title && *k->help && *k->sentence);
		assert_int_equal(k->help[strlen(k->help) - 1], '.');
		for (const char *p = k->sentence; *p; p++) {
			depth += (*p == '[') - (*p == ']');
			assert_in_range(depth, 0, 4);
			if (*p == '{' && !lists(k->fields, p + 1, strcspn(p + 1, ":}")))
				fail_msg("%s: %s", k->name, p);
		}
		assert_int_equal(depth, 0);
	}
	assert_null(sg_event_kind_find("nonsense"));
}

static void assert_sentence(const struct sg_event *e, const char *want)
{
	sg_auto_buf b = {0};

	sg_event_sentence(&b, e);
	assert_string_equal(b.data, want);
}

static void a_sentence_leaves_out_what_is_not_known(void **state)
{
	struct sg_event e = oom(), bare;

	assert_sentence(
		&e, "eater (42) of app.service was killed, out of memory, with 1.00 MiB in use");
	sg_event_text(&e, "by_comm", "sh");
	sg_event_number(&e, "by_pid", 7);
	assert_sentence(
		&e, "eater (42) of app.service was killed, out of memory, with 1.00 MiB in use; "
		    "sh (7) had asked for memory");
	sg_event_init(&bare, SG_EVENT_OOM_KILL, T);
	assert_sentence(&bare, "(?) was killed, out of memory");
	bare.kind = "of_tomorrow";
	sg_event_text(&bare, "what", "new");
	sg_event_number(&bare, "n", 3);
	assert_sentence(&bare, "what new, n 3");
}

static void json_is_escaped(void **state)
{
	sg_auto_buf b = {0};
	struct sg_event e;

	sg_event_init(&e, SG_EVENT_UNMOUNT, T);
	sg_event_text(&e, "comm", "a\"\\\n\x1b");
	sg_event_number(&e, "pid", 1);
	sg_event_json(&b, &e);
	assert_string_equal(b.data,
			    "{\"t_ms\":1700000000123,\"kind\":\"unmount\",\"severity\":\"info\","
			    "\"title\":\"Unmount\",\"text\":\"a\\\"\\\\\\n\\u001b (1): unmount\","
			    "\"fields\":{\"comm\":\"a\\\"\\\\\\n\\u001b\",\"pid\":1}}");
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void what_is_encoded_comes_out_again(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_event e = oom(), got;
	sg_auto_buf b = {0};

	assert_int_equal(sg_event_encode(&e, &b), 0);
	assert_int_equal(sg_event_decode(b.data, b.len, a, &got), (int64_t)b.len);
	assert_same_event(&e, &got);
	sg_buf_str(&b, "more");
	assert_int_equal(sg_event_decode(b.data, b.len, a, &got), (int64_t)b.len - 4);
}

static void what_is_not_valid_is_not_encoded(void **state)
{
	struct sg_event e = oom();
	char longer[SG_EVENT_TEXT_MAX + 2];
	sg_auto_buf b = {0};

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	e.fields[0].text = longer;
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	e.fields[0].text = "\xff";
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	e = oom();
	e.fields[1].number = NAN;
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	e = oom();
	e.fields[1].name = "comm"; /* twice */
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	e = oom();
	e.kind = "Oom kill";
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	e = oom();
	e.t_ms = -1;
	assert_int_equal(sg_event_encode(&e, &b), -EINVAL);
	assert_int_equal(b.len, 0);
}

static void damaged_bytes_are_refused(void **state)
{
	struct sg_event e = oom(), got;
	sg_auto_buf b = {0};

	assert_int_equal(sg_event_encode(&e, &b), 0);
	for (size_t n = 0; n < b.len; n++) {
		sg_auto(sg_arena) a = sg_arena_new(0);

		assert_int_equal(sg_event_decode(b.data, n, a, &got), -EBADMSG);
	}
	for (size_t i = 0; i < b.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			sg_auto(sg_arena) a = sg_arena_new(0);
			int64_t n;

			b.data[i] ^= (char)(1 << bit);
			n = sg_event_decode(b.data, b.len, a, &got);
			assert_true(n == -EBADMSG || (n <= (int64_t)b.len && sg_event_valid(&got)));
			b.data[i] ^= (char)(1 << bit);
		}
}

/* ---- in frames ----------------------------------------------------------------------------- */

static struct sg_frame *frame_with(size_t n)
{
	struct random r = {11};
	struct sg_frame *f = make_frame(&r);
	struct sg_event e = oom();

	for (size_t i = 0; i < n; i++) {
		e.t_ms = T + (int64_t)i;
		assert_int_equal(sg_frame_add_event(f, &e), 0);
	}
	return f;
}

static void a_frame_carries_events(void **state)
{
	sg_auto(sg_frame) f = frame_with(3);
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(b.data[WIRE_VERSION], 2);
	assert_true(sg_frame_has_events(b.data, b.len));
	assert_int_equal(sg_frame_decode(b.data, b.len, &g), 0);
	assert_same_frame(f, g);
	assert_int_equal(g->n_events, 3);
	for (size_t i = 0; i < 3; i++)
		assert_same_event(&f->events[i], &g->events[i]);
	sg_frame_reset(f);
	assert_int_equal(f->n_events, 0);
}

static void a_frame_without_events_is_what_it_was(void **state)
{
	sg_auto(sg_frame) f = frame_with(0);
	sg_auto_buf b = {0};

	assert_int_equal(sg_frame_encode(f, &b), 0);
	assert_int_equal(b.data[WIRE_VERSION], 1);
	assert_false(sg_frame_has_events(b.data, b.len));
}

static void the_golden_frame_of_version_2_decodes_for_ever(void **state)
{
	sg_auto(sg_frame) f = frame_with(2);
	sg_auto(sg_frame) g = NULL;
	sg_auto_buf b = {0};

	assert_int_equal(sg_read_file(GOLDEN, SG_FRAME_MAX_BYTES, &b), 0);
	assert_int_equal(sg_frame_decode(b.data, b.len, &g), 0);
	assert_same_frame(f, g);
	assert_int_equal(g->n_events, 2);
	assert_same_event(&f->events[1], &g->events[1]);
}

static void a_frame_holds_so_many_events_and_no_more(void **state)
{
	sg_auto(sg_frame) f = frame_with(SG_EVENTS_MAX);
	struct sg_event e = oom();

	assert_int_equal(sg_frame_add_event(f, &e), -ENOSPC);
	e.kind = "Not a name";
	f->n_events--;
	assert_int_equal(sg_frame_add_event(f, &e), -EINVAL);
}

static int ignore(void *ctx, size_t i, const struct sg_sample *s)
{
	return 0;
}

static void seal(struct sg_buf *b)
{
	uint8_t *p = (uint8_t *)b->data;
	uint32_t crc;

	wire_put_u32(p + WIRE_TOTAL_LEN, (uint32_t)b->len);
	crc = sg_crc32c(0, p, WIRE_CRC);
	wire_put_u32(p + WIRE_CRC, sg_crc32c(crc, p + WIRE_FLAGS, b->len - WIRE_FLAGS));
}

/* By decoding and by reading in place, which must agree. */
static int read_both(struct sg_buf *b, size_t *n_events)
{
	sg_auto(sg_frame) g = NULL;
	struct sg_frame_table t = {0};
	struct sg_frame_view v;
	int r, in_place;

	seal(b);
	r = sg_frame_decode(b->data, b->len, &g);
	in_place = sg_frame_view(b->data, b->len, true, &v);
	if (in_place == 0)
		in_place = SG_MIN(sg_frame_table_update(&t, &v), 0);
	if (in_place == 0)
		in_place = sg_frame_visit(&v, &t, NULL, ignore, NULL);
	sg_frame_table_free(&t);
	assert_int_equal(r, in_place);
	*n_events = g ? g->n_events : 0;
	return r;
}

static void sections_that_are_not_known_are_passed_over(void **state)
{
	sg_auto(sg_frame) f = frame_with(1);
	sg_auto_buf b = {0};
	size_t n;

	assert_int_equal(sg_frame_encode(f, &b), 0);
	sg_buf_add(&b, "\x7f\x03xyz", 5);
	assert_int_equal(read_both(&b, &n), 0);
	assert_int_equal(n, 1);
	sg_buf_add(&b, "\x7f\x00", 2); /* the same again */
	assert_int_equal(read_both(&b, &n), -EBADMSG);
}

static void a_section_that_is_cut_off_or_empty_is_refused(void **state)
{
	sg_auto(sg_frame) f = frame_with(1);
	sg_auto_buf b = {0}, whole = {0};
	size_t n, samples;

	f->n_events = 0;
	assert_int_equal(sg_frame_encode(f, &b), 0);
	samples = b.len;
	f->n_events = 1;
	assert_int_equal(sg_frame_encode(f, &whole), 0);
	for (size_t len = samples + 1; len < whole.len; len++) {
		sg_buf_reset(&b);
		sg_buf_add(&b, whole.data, len);
		assert_int_equal(read_both(&b, &n), -EBADMSG);
	}
	sg_buf_reset(&b);
	sg_buf_add(&b, whole.data, samples);
	sg_buf_add(&b, "\x01\x00", 2);
	assert_int_equal(read_both(&b, &n), -EBADMSG);
	whole.data[WIRE_VERSION] = 1; /* nothing may follow there */
	assert_int_equal(read_both(&whole, &n), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_a_whole_row_and_its_sentence_uses_its_fields),
		cmocka_unit_test(a_sentence_leaves_out_what_is_not_known),
		cmocka_unit_test(json_is_escaped),
		cmocka_unit_test(what_is_encoded_comes_out_again),
		cmocka_unit_test(what_is_not_valid_is_not_encoded),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(a_frame_carries_events),
		cmocka_unit_test(a_frame_without_events_is_what_it_was),
		cmocka_unit_test(the_golden_frame_of_version_2_decodes_for_ever),
		cmocka_unit_test(a_frame_holds_so_many_events_and_no_more),
		cmocka_unit_test(sections_that_are_not_known_are_passed_over),
		cmocka_unit_test(a_section_that_is_cut_off_or_empty_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
