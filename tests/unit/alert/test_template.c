// SPDX-License-Identifier: GPL-2.0
// What templates refuse, and that their bounds hold. Their values are compared with promtool's by
// tests/data/rules/unit/templates.yaml.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alert/template.h"

static struct sg_label labels[] = {{"a", "{{ $value }}"}, {"job", "x"}};
static const struct sg_series series = {.name = "m", .n_labels = 2, .labels = labels};
static unsigned int asked;

static int ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
	       struct sg_value *ret, struct sg_error *err)
{
	asked++;
	if (!strcmp(expr, "bad"))
		return sg_fail(err, -EINVAL, "the query is bad");
	*ret = (struct sg_value){.kind = SG_VECTOR};
	return 0;
}

/* The expansion, or "error: ..." */
static const char *expand(const char *text, int *ret)
{
	static struct sg_rule_query q = {ask, NULL};
	static char result[AL_TMPL_OUT_MAX + 64];
	struct al_tmpl_data d = {.labels = &series, .value = 1.5, .query = &q};
	sg_auto(sg_arena) a = sg_arena_new(64UL << 20);
	struct sg_error err = {""};
	sg_auto_buf out = {0};
	struct al_tmpl t;
	int r = al_tmpl_parse(text, a, &t, &err);

	if (r == 0)
		r = al_tmpl_run(&t, &d, a, &out, &err);
	if (r < 0)
		snprintf(result, sizeof(result), "error: %s", err.msg);
	else
		snprintf(result, sizeof(result), "%s", out.data ? out.data : "");
	if (ret)
		*ret = r;
	return result;
}

static void fails(const char *text, const char *why)
{
	int r;
	const char *said = expand(text, &r);

	if (r != -EINVAL || !strstr(said, why))
		fail_msg("%s: %d %s", text, r, said);
}

static void mistakes_are_explained(void **state)
{
	fails("{{ humanize \"x\" }}", "\"x\" is not a number");
	fails("{{ query \"none\" | first }}", "first() called on vector with no elements");
	fails("{{ query \"bad\" }}", "the query is bad");
	fails("{{ $labels.a.b }}", "can't evaluate field b in type string");
	fails("{{ gt $value 1 }}", "incompatible types for comparison");
	fails("{{ range 5 }}{{ end }}", "can't iterate over a int");
	fails("{{ value 1 }}", "wants one sample");
	fails("{{ humanize }}", "wrong number of args");
	fails("{{ index (query \"none\") 0 }}", "index out of range");
	fails("{{ slice \"abc\" 2 9 }}", "out of range");
	fails("{{ match \"(\" \"x\" }}", "match:");
	fails("{{ reReplaceAll \"(\" \"x\" \"y\" }}", "reReplaceAll");
	fails("a\n{{ foo }}", "line 2: function \"foo\" not defined");
	fails("{{ humanizeDurration 1 }}", "did you mean humanizeDuration?");
	fails("{{ $x }}", "undefined variable $x");
	fails("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable $x");
	fails("{{ define \"x\" }}{{ end }}", "not supported");
	fails("{{ \"abc }}", "not closed");
	fails("{{ 'ab' 1 }}", "");
	fails("{{ 1 | 2 }}", "can take no arguments");
	fails("{{ (1 }}", "bracket");
	fails("{{ else }}", "unexpected {{else}}");
	fails("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "second {{else}}");
	fails("{{ /* x }}", "");
	fails("{{", "}} is missing");
}

static void what_a_label_holds_is_never_read_as_a_template(void **state)
{
	assert_string_equal(expand("{{ $labels.a }} {{ printf $labels.a }}", NULL),
			    "{{ $value }} {{ $value }}");
	assert_string_equal(expand("{{ $labels.none }}{{ $labels.job }}", NULL), "x");
}

/* Each one would take for ever, or all memory. */
static void bounds_hold(void **state)
{
	sg_auto_buf b = {0};
	int r;

	for (int i = 0; i < 6; i++)
		sg_buf_str(&b, "{{ range $labels }}{{ range $labels }}{{ range $labels }}");
	for (int i = 0; i < 18; i++)
		sg_buf_str(&b, "{{ end }}");
	expand(b.data, &r);
	assert_int_equal(r, -E2BIG);
	expand("{{ printf \"%70000s\" \"x\" }}{{ range $labels }}{{ printf \"%1000s\" \"x\" }}{{ end }}",
	       &r);
	assert_int_equal(r, 0); /* widths are cut */
	sg_buf_reset(&b);
	for (int i = 0; i < 70; i++)
		sg_buf_str(&b, "{{ printf \"%1000s\" \"x\" }}");
	expand(b.data, &r);
	assert_int_equal(r, -EMSGSIZE);
	sg_buf_reset(&b);
	for (int i = 0; i < 100; i++)
		sg_buf_str(&b, "{{ if true }}");
	expand(b.data, &r);
	assert_int_equal(r, -EINVAL);
	sg_buf_reset(&b);
	sg_buf_str(&b, "{{ ");
	for (int i = 0; i < 100; i++)
		sg_buf_char(&b, '(');
	expand(b.data, &r);
	assert_int_equal(r, -EINVAL);
}

static void queries_are_counted(void **state)
{
	sg_auto_buf b = {0};
	int r;

	for (int i = 0; i < 20; i++)
		sg_buf_str(&b, "{{ query \"none\" }}");
	asked = 0;
	expand(b.data, &r);
	assert_int_equal(r, -E2BIG);
	assert_int_equal(asked, AL_TMPL_QUERIES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(what_a_label_holds_is_never_read_as_a_template),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(queries_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
