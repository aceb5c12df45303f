// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sgprobe/str.h>

/* ---- buffers ---------------------------------------------------------------------------- */

static void a_buffer_grows_and_ends_in_nul(void **state)
{
	sg_auto_buf b = {0};

	for (unsigned i = 0; i < 1000; i++) {
		sg_buf_printf(&b, "%u,", i);
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(b.err, 0);
	assert_int_equal(strlen(b.data), b.len);
	sg_buf_reset(&b);
	assert_string_equal(b.data, "");
	sg_buf_printf(&b, "%0500d", 7);
	assert_int_equal(b.len, 500);
	sg_buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 500);
	sg_buf_free(&b);
	assert_null(b.data);
}

static void a_buffer_past_its_limit_takes_nothing_more(void **state)
{
	sg_auto_buf b = {.max = 10};

	sg_buf_str(&b, "0123456789");
	assert_int_equal(b.err, 0);
	sg_buf_char(&b, 'x');
	assert_int_equal(b.err, -EMSGSIZE);
	assert_null(sg_buf_reserve(&b, 0));
	sg_buf_reset(&b);
	sg_buf_printf(&b, "%0200d", 1);
	assert_int_equal(b.err, -EMSGSIZE);
	assert_string_equal(b.data, "");
	sg_buf_reset(&b);
	sg_buf_str(&b, "ok");
	assert_string_equal(b.data, "ok");
}

static void reserved_room_is_the_writers(void **state)
{
	sg_auto_buf b = {0};
	char *p = sg_buf_reserve(&b, 100);

	assert_non_null(p);
	memset(p, 'x', 100);
	b.len += 60;
	sg_buf_add(&b, "", 0);
	assert_int_equal(strlen(b.data), 60);
}

/* ---- escapes ---------------------------------------------------------------------------- */

static void assert_out(void (*f)(struct sg_buf *, const char *), const char *in, const char *want)
{
	sg_auto_buf b = {0};

	f(&b, in);
	assert_string_equal(b.data ? b.data : "", want);
}

static void json_strings_are_safe_everywhere(void **state)
{
	assert_out(sg_json_str, "", "\"\"");
	assert_out(sg_json_str, "plain", "\"plain\"");
	assert_out(sg_json_str, "a\"b\\c\n\r\t\x01\x7f", "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u007f\"");
	assert_out(sg_json_str, "</script>&", "\"\\u003c/script\\u003e\\u0026\"");
	assert_out(sg_json_str, "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"");
	assert_out(sg_json_str, "\xc2\x9a\xef\xbb\xbf", "\"\\u009a\\ufeff\"");
	assert_out(sg_json_str, "caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"");
	assert_out(sg_json_str,
		   "a\xff"
		   "b\xc3",
		   "\"a\xef\xbf\xbd"
		   "b\xef\xbf\xbd\"");
}

static void terminals_get_no_control(void **state)
{
	assert_out(sg_term_str, "plain caf\xc3\xa9", "plain caf\xc3\xa9");
	assert_out(sg_term_str, "\x1b[31mred\n", "\\x1b[31mred\\x0a");
	assert_out(sg_term_str, "a\xff\x7f", "a\\xff\\x7f");
	assert_out(sg_term_str, "\xe2\x80\xaegpj.exe", "?gpj.exe"); /* right-to-left override */
	assert_out(sg_term_str,
		   "\xc2\x9b"
		   "31m",
		   "?31m"); /* C1 control sequence */
}

static void html_is_text(void **state)
{
	assert_out(sg_html_str, "<a href=\"x\" b='y'>&",
		   "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
}

static void utf8_is_checked_as_the_standard_says(void **state)
{
	static const struct {
		const char *s;
		bool ok;
	} table[] = {
		{"", true},
		{"abc", true},
		{"\xc3\xa9", true},
		{"\xed\x9f\xbf", true},
		{"\xf4\x8f\xbf\xbf", true},
		{"\xc0\x80", false},
		{"\xc1\xbf", false},
		{"\xe0\x80\x80", false},
		{"\xed\xa0\x80", false},
		{"\xf0\x80\x80\x80", false},
		{"\xf4\x90\x80\x80", false},
		{"\xf5\x80\x80\x80", false},
		{"\x80", false},
		{"\xc3", false},
		{"\xe2\x82", false},
		{"\xc3\xa9\xff", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(sg_utf8_valid(table[i].s, strlen(table[i].s)), table[i].ok);
	assert_false(sg_utf8_valid("a\0b", 3));
}

/* ---- numbers ---------------------------------------------------------------------------- */

static const char *number(void (*f)(struct sg_buf *, double), double v)
{
	static char out[512];
	sg_auto_buf b = {0};

	f(&b, v);
	snprintf(out, sizeof(out), "%s", b.data);
	return out;
}

static void sample_values_are_written_as_prometheus_writes_them(void **state)
{
	static const struct {
		double v;
		const char *want;
	} table[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-1.5, "-1.5"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{1e-7, "0.0000001"},
		{123456789012345678, "123456789012345680"},
		{1e21, "1000000000000000000000"},
		{1.5e-10, "0.00000000015"},
		{100, "100"},
		{1e15, "1000000000000000"},
		{0.000001, "0.000001"},
		{NAN, "NaN"},
		{INFINITY, "+Inf"},
		{-INFINITY, "-Inf"},
		{9007199254740993.0, "9007199254740992"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(number(sg_fmt_float, table[i].v), table[i].want);
	assert_int_equal(strlen(number(sg_fmt_float, 5e-324)), 326);
}

static void an_exponent_stands_where_prometheus_writes_one(void **state)
{
	static const struct {
		double v;
		const char *want, *json; /* NULL: the same */
	} table[] = {
		{0, "0"},
		{-0.0, "-0"},
		{999999, "999999"},
		{1e6, "1e+06", "1000000"},
		{-1234567, "-1.234567e+06", "-1234567"},
		{1e100, "1e+100"},
		{1e20, "1e+20", "100000000000000000000"},
		{1e21, "1e+21"},
		{0.000001, "1e-06", "0.000001"},
		{0.0001, "0.0001"},
		{0.00001234, "1.234e-05", "0.00001234"},
		{0x1p-20, "9.5367431640625e-07"},
		{NAN, "NaN"},
		{INFINITY, "+Inf"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_string_equal(number(sg_fmt_float_e, table[i].v), table[i].want);
		assert_string_equal(number(sg_fmt_float_json, table[i].v),
				    table[i].json ? table[i].json : table[i].want);
	}
}

static void json_numbers_are_short_and_null_when_there_is_none(void **state)
{
	assert_string_equal(number(sg_json_num, 0.1), "0.1");
	assert_string_equal(number(sg_json_num, 1e22), "1e+22");
	assert_string_equal(number(sg_json_num, 1.5e300), "1.5e+300");
	assert_string_equal(number(sg_json_num, 5e-324), "5e-324");
	assert_string_equal(number(sg_json_num, -0.0), "-0");
	assert_string_equal(number(sg_json_num, 1e20), "100000000000000000000");
	assert_string_equal(number(sg_json_num, 0.000001), "0.000001");
	assert_string_equal(number(sg_json_num, 1e-7), "1e-7");
	assert_string_equal(number(sg_json_num, NAN), "null");
	assert_string_equal(number(sg_json_num, -INFINITY), "null");
}

static void every_number_reads_back(void **state)
{
	uint64_t bits = 88172645463325252ULL;

	for (unsigned i = 0; i < 50000; i++) {
		double v;

		bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		assert_true(strtod(number(sg_json_num, v), NULL) == v);
		assert_true(strtod(number(sg_fmt_float, v), NULL) == v);
	}
}

/* The way without a search gives the same text as the search. */
static void short_numbers_are_the_shortest(void **state)
{
	uint64_t r = 7;

	for (unsigned i = 0; i < 50000; i++) {
		char want[64];
		double v;
		int p = 1;

		r = r * 6364136223846793005ULL + 1442695040888963407ULL;
		v = (double)(r >> (15 + i % 49)) / (i % 2 ? 1e9 : 1e6);
		do
			snprintf(want, sizeof(want), "%.*g", p, v);
		while (strtod(want, NULL) != v && ++p <= 17);
		if (strchr(want, 'e'))
			continue;
		assert_string_equal(number(sg_json_num, v), want);
		assert_string_equal(number(sg_fmt_float, v), want);
	}
}

static void durations_are_read(void **state)
{
	static const struct {
		const char *s;
		int r;
		uint64_t ns;
	} table[] = {
		{"0", 0, 0},
		{"1s", 0, 1000000000},
		{"1.5ms", 0, 1500000},
		{"300ns", 0, 300},
		{"2h30m", 0, 9000000000000},
		{"7d", 0, 604800000000000},
		{"1w", 0, 604800000000000},
		{"3us", 0, 3000},
		{"3\xc2\xb5s", 0, 3000},
		{"1m30s500ms", 0, 90500000000},
		{"0.25us", 0, 250},
		{"1.000s", 0, 1000000000},
		{"1.0000000000s", 0, 1000000000},
		{"0s", 0, 0},
		{"", -EINVAL, 0},
		{"1", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"1s1m", -EINVAL, 0},
		{"1s1s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1.s", -EINVAL, 0},
		{"1.5ns", -EINVAL, 0},
		{"1.0000000001s", -EINVAL, 0},
		{"1.00000000001s", -EINVAL, 0},
		{"99999999999w", -ERANGE, 0},
		{"99999999999999999999s", -ERANGE, 0},
		{"30500w1d", 0, 30500 * 604800000000000ULL + 86400000000000ULL},
		{"30501w", -ERANGE, 0},
		{"1.5", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t ns = 4711;
		int r = sg_parse_duration(table[i].s, &ns);

		if (r != table[i].r || ns != (r ? 4711 : table[i].ns))
			fail_msg("\"%s\": %d, %llu", table[i].s, r, (unsigned long long)ns);
	}
}

static void sizes_and_whole_numbers_are_read(void **state)
{
	uint64_t v = 7;

	assert_int_equal(sg_parse_bytes("64MiB", &v), 0);
	assert_int_equal(v, 64 << 20);
	assert_int_equal(sg_parse_bytes("4096", &v), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(sg_parse_bytes("10GiB", &v), 0);
	assert_int_equal(v, 10ULL << 30);
	assert_int_equal(sg_parse_bytes("5B", &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(sg_parse_bytes("1MB", &v), -EINVAL);
	assert_int_equal(sg_parse_bytes("1MiB1", &v), -EINVAL);
	assert_int_equal(sg_parse_bytes("1.5MiB", &v), -EINVAL);
	assert_int_equal(sg_parse_bytes("", &v), -EINVAL);
	assert_int_equal(sg_parse_bytes("99999999TiB", &v), -ERANGE);
	assert_int_equal(v, 5);
	assert_int_equal(sg_parse_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_int_equal(v, UINT64_MAX);
	assert_int_equal(sg_parse_u64("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(sg_parse_u64("5", 6, 7, &v), -ERANGE);
	assert_int_equal(sg_parse_u64("8", 6, 7, &v), -ERANGE);
	assert_int_equal(sg_parse_u64(" 5", 0, 7, &v), -EINVAL);
	assert_int_equal(sg_parse_u64("+5", 0, 7, &v), -EINVAL);
	assert_int_equal(sg_parse_u64("5 ", 0, 7, &v), -EINVAL);
	assert_int_equal(sg_parse_u64("0x5", 0, 7, &v), -EINVAL);
}

static void people_get_three_digits_and_a_unit(void **state)
{
	static const struct {
		char *(*f)(double, char *, size_t);
		double v;
		const char *want;
	} table[] = {
		{sg_fmt_seconds, 0, "0s"},
		{sg_fmt_seconds, 0.00124, "1.24ms"},
		{sg_fmt_seconds, 0.00083, "830\xc2\xb5s"},
		{sg_fmt_seconds, 12, "12.0s"},
		{sg_fmt_seconds, 0.00099949, "999\xc2\xb5s"},
		{sg_fmt_seconds, 0.0009996, "1.00ms"},
		{sg_fmt_seconds, 1e-9, "1.00ns"},
		{sg_fmt_seconds, 4.2e-10, "0.42ns"},
		{sg_fmt_seconds, 119, "119s"},
		{sg_fmt_seconds, 120, "2.00m"},
		{sg_fmt_seconds, 7200, "2.00h"},
		{sg_fmt_seconds, 864000, "10.0d"},
		{sg_fmt_seconds, -0.5, "-500ms"},
		{sg_fmt_seconds, NAN, "NaN"},
		{sg_fmt_seconds, INFINITY, "+Inf"},
		{sg_fmt_bytes, 0, "0 B"},
		{sg_fmt_bytes, 1023, "1023 B"},
		{sg_fmt_bytes, 1300000, "1.24 MiB"},
		{sg_fmt_bytes, 1024, "1.00 KiB"},
		{sg_fmt_bytes, 0.5, "0.50 B"},
		{sg_fmt_count, 999, "999"},
		{sg_fmt_count, 12400, "12.4k"},
		{sg_fmt_count, 999999, "1.00M"},
		{sg_fmt_count, 0.25, "0.25"},
		{sg_fmt_count, 3, "3"},
		{sg_fmt_count, 9.996, "10.0"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char out[32];

		assert_string_equal(table[i].f(table[i].v, out, sizeof(out)), table[i].want);
	}
}

static void what_is_counted_in_whole_units_reads_as_whole_numbers(void **state)
{
	char out[32], want[32];

	for (int n = 1; n < 10; n++) {
		double i = ceil(log2(n) * 8 - 1e-9);

		/* Anywhere in the bucket that holds n and no other number. */
		for (double at = 0.05; at <= 1; at += 0.19) {
			snprintf(want, sizeof(want), "%dB", n);
			sg_fmt_observed("bytes", exp2((i - 1 + at) / 8), out, sizeof(out));
			assert_string_equal(out, want);
		}
	}
	assert_string_equal(sg_fmt_observed("bytes", 12288, out, sizeof(out)), "12.0KiB");
	assert_string_equal(sg_fmt_observed("", 12400, out, sizeof(out)), "12.4k");
	assert_string_equal(sg_fmt_observed("seconds", 0.00124, out, sizeof(out)), "1.24ms");
	assert_string_equal(sg_fmt_observed("", NAN, out, sizeof(out)), "-");
	assert_string_equal(sg_fmt_unit("", 0.35, out, sizeof(out)), "0.35");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_grows_and_ends_in_nul),
		cmocka_unit_test(what_is_counted_in_whole_units_reads_as_whole_numbers),
		cmocka_unit_test(a_buffer_past_its_limit_takes_nothing_more),
		cmocka_unit_test(reserved_room_is_the_writers),
		cmocka_unit_test(json_strings_are_safe_everywhere),
		cmocka_unit_test(terminals_get_no_control),
		cmocka_unit_test(html_is_text),
		cmocka_unit_test(utf8_is_checked_as_the_standard_says),
		cmocka_unit_test(sample_values_are_written_as_prometheus_writes_them),
		cmocka_unit_test(json_numbers_are_short_and_null_when_there_is_none),
		cmocka_unit_test(every_number_reads_back),
		cmocka_unit_test(short_numbers_are_the_shortest),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(sizes_and_whole_numbers_are_read),
		cmocka_unit_test(people_get_three_digits_and_a_unit),
		cmocka_unit_test(an_exponent_stands_where_prometheus_writes_one),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
