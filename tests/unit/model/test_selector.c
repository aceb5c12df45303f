// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "make.h"

#include "model/regex.h"
#include <sgprobe/time.h>

static int match(const char *pattern, const char *text)
{
	sg_auto(sg_regex) re = NULL;
	struct sg_error err = {""};
	int r = sg_regex_new(pattern, &re, &err);

	if (r < 0) {
		assert_true(err.msg[0] != 0);
		return r;
	}
	return sg_regex_match(re, text);
}

static const struct {
	const char *pattern, *text;
	int want;
} table[] = {
	{"", "", 1},
	{"", "a", 0},
	{"abc", "abc", 1},
	{"abc", "abcd", 0},
	{"abc", "xabc", 0},
	{"a|b|c", "b", 1},
	{"a|b|c", "bc", 0},
	{"a||b", "", 1},
	{"foo.*", "foo", 1},
	{"foo.*", "foobar", 1},
	{"foo.+", "foo", 0},
	{"foo.+", "foox", 1},
	{".*", "", 1},
	{".+", "", 0},
	{".+", "x", 1},
	{"sys\\.slice/.*", "sys.slice/a", 1},
	{"sys\\.slice/.*", "sysxslice/a", 0},
	{"a\\|b", "a|b", 1},
	{".*foo", "barfoo", 1},
	{".*foo.*", "barfoobar", 1},
	{"(a|b)*c", "ababc", 1},
	{"(?:a|b)+", "", 0},
	{"a{3}", "aaa", 1},
	{"a{3}", "aa", 0},
	{"a{2,3}", "aaaa", 0},
	{"a{2,}", "aaaaa", 1},
	{"a{0}", "", 1},
	{"a{0,2}b", "aab", 1},
	{"x{,3}", "x{,3}", 1},
	{"x{", "x{", 1},
	{"a?b", "b", 1},
	{"a*?b", "aab", 1},
	{"[a-c]x", "bx", 1},
	{"[^a-c]+", "xyz", 1},
	{"[^a-c]+", "xaz", 0},
	{"[]a]+", "]a", 1},
	{"[a-]", "-", 1},
	{"[\\d-]+", "1-2", 1},
	{"[\\]]", "]", 1},
	{"[^\\s]+", "ab", 1},
	{"\\d+\\.\\d*", "12.5", 1},
	{"\\w+", "aZ_9", 1},
	{"\\W", "a", 0},
	{"\\S+", "ab c", 0},
	{"\\s", "\t", 1},
	{"\\D", "\xc3\xa9", 1},
	{"(?i)HeLLo", "hEllO", 1},
	{"(?i:a)b", "Ab", 1},
	{"(?i:a)b", "AB", 0},
	{"(?i)[a-c]+", "aBC", 1},
	{"^a$", "a", 1},
	{"a^b", "ab", 0},
	{"(^|x)a", "a", 1},
	{"\\Aa\\z", "a", 1},
	{".", "\xc3\xa9", 1},
	{"..", "\xc3\xa9", 0},
	{"[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", 1},
	{"\\x41\\x{e9}", "A\xc3\xa9", 1},
	{"a.b", "a\nb", 1},
	{".", "\xff", 1},
	{"(a?){3}b", "aab", 1},
	{"(((a{2}){2}){2})", "aaaaaaaa", 1},
	{"(|a)+", "aaa", 1},
	{"(a*)*", "aaaa", 1},
	{"(a*)+b", "aaaac", 0},
	{"\\t\\n", "\t\n", 1},
};

static void patterns_mean_what_they_mean_in_promql(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (match(table[i].pattern, table[i].text) != table[i].want)
			fail_msg("\"%s\" on \"%s\"", table[i].pattern, table[i].text);
}

static void what_is_no_pattern_is_refused_with_a_sentence(void **state)
{
	static const char *const bad[] = {
		"(a",
		"a)",
		"[a",
		"*a",
		"a**",
		"\\",
		"a{1001}",
		"a{3,2}",
		"(?P<x>a)",
		"\\bfoo",
		"[z-a]",
		"\\p{L}",
		"[[:alpha:]]",
		"x\xff(",
		"(?",
		"(?i",
		"\\x{110000}",
		"\\x4",
		"a|*",
		"[a-\\d]",
		"a{5000000000}",
		"((a{1000}){1000})",
		"(((){1000}){1000}){1000}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (match(bad[i], "a") != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void a_pattern_is_bounded_in_length_and_depth(void **state)
{
	char p[SG_REGEX_PATTERN_MAX + 2];

	memset(p, 'a', sizeof(p));
	p[SG_REGEX_PATTERN_MAX + 1] = 0;
	assert_int_equal(match(p, "a"), -EINVAL);
	p[SG_REGEX_PATTERN_MAX] = 0;
	assert_int_equal(match(p, p), 1);
	memset(p, '(', SG_REGEX_PATTERN_MAX);
	assert_int_equal(match(p, "a"), -EINVAL);
}

/* What takes a backtracking matcher longer than the universe has. */
static void a_hostile_pattern_takes_no_time(void **state)
{
	uint64_t start = sg_mono_ns();
	char text[256];

	memset(text, 'a', sizeof(text));
	text[255] = 0;
	assert_int_equal(match("(a*)*(a*)*(a*)*b", text), 0);
	assert_int_equal(match("(a|aa)+(a|aa)+c", text), 0);
	assert_int_equal(match("(a?){300}(a){300}", text), 0);
	assert_true(sg_mono_ns() - start < 2000000000ULL);
}

static bool select1(enum sg_match_op op, const char *name, const char *value,
		    const struct sg_series *s)
{
	struct sg_matcher m = {.op = op, .name = name, .value = value};
	struct sg_selector sel = {1, &m};
	bool yes;

	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	yes = sg_selector_match(&sel, s);
	sg_selector_release(&sel);
	return yes;
}

static void an_absent_label_is_the_empty_text(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_series s = make_series(a, SG_GAUGE, "x", "k", "v", NULL);

	assert_true(select1(SG_MATCH_EQ, "nope", "", &s));
	assert_false(select1(SG_MATCH_NE, "nope", "", &s));
	assert_true(select1(SG_MATCH_NE, "nope", "a", &s));
	assert_true(select1(SG_MATCH_RE, "nope", ".*", &s));
	assert_false(select1(SG_MATCH_RE, "nope", ".+", &s));
	assert_true(select1(SG_MATCH_NRE, "nope", ".+", &s));
	assert_true(select1(SG_MATCH_RE, "nope", "|a", &s));
	assert_true(select1(SG_MATCH_RE, "k", "v|w", &s));
	assert_false(select1(SG_MATCH_NRE, "k", "v|w", &s));
	assert_true(select1(SG_MATCH_RE, "__name__", "[xy]", &s));
}

static void all_matchers_must_match_and_the_name_is_found(void **state)
{
	sg_auto(sg_arena) a = sg_arena_new(0);
	struct sg_series s = make_series(a, SG_GAUGE, "x", "k", "v", NULL);
	struct sg_matcher m[] = {{SG_MATCH_RE, "k", "v.*", NULL},
				 {SG_MATCH_EQ, "__name__", "x", NULL}};
	struct sg_selector sel = {2, m}, none = {0, NULL};

	assert_int_equal(sg_selector_compile(&sel, NULL), 0);
	assert_int_equal(sg_selector_compile(&sel, NULL), 0); /* again is fine */
	assert_true(sg_selector_match(&sel, &s));
	assert_string_equal(sg_selector_name(&sel), "x");
	m[1].value = "y";
	assert_false(sg_selector_match(&sel, &s));
	sg_selector_release(&sel);
	assert_null(m[0].regex);
	assert_true(sg_selector_match(&none, &s));
	assert_null(sg_selector_name(&none));
}

static void a_bad_pattern_leaves_nothing_compiled(void **state)
{
	struct sg_matcher m[] = {{SG_MATCH_RE, "k", "v[0-9]", NULL}, {SG_MATCH_RE, "k", "(", NULL}};
	struct sg_selector sel = {2, m};
	struct sg_error err = {""};

	assert_int_equal(sg_selector_compile(&sel, &err), -EINVAL);
	assert_string_equal(err.msg, "the pattern \"(\" lacks a ')'");
	assert_null(m[0].regex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_mean_what_they_mean_in_promql),
		cmocka_unit_test(what_is_no_pattern_is_refused_with_a_sentence),
		cmocka_unit_test(a_pattern_is_bounded_in_length_and_depth),
		cmocka_unit_test(a_hostile_pattern_takes_no_time),
		cmocka_unit_test(an_absent_label_is_the_empty_text),
		cmocka_unit_test(all_matchers_must_match_and_the_name_is_found),
		cmocka_unit_test(a_bad_pattern_leaves_nothing_compiled),
	};

	return cmocka_run_group_tests_name("selector", tests, NULL, NULL);
}
