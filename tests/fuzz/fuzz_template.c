// SPDX-License-Identifier: GPL-2.0
// Any text as a template, with hostile labels; the first byte chooses the value.
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "alert/template.h"

static int ask(void *ctx, const char *expr, int64_t t_ms, struct sg_arena *arena,
	       struct sg_value *ret, struct sg_error *err)
{
	static struct sg_label l = {"a", "{{ $value }}\x1b[31m"};
	static struct sg_point p = {.value = 1.5};
	static struct sg_value_series s[2] = {
		{.series = {.name = "m", .n_labels = 1, .labels = &l}, .n = 1, .points = &p},
		{.series = {.name = ""}, .n = 1, .points = &p}};

	*ret = (struct sg_value){.kind = SG_VECTOR, .n = strlen(expr) % 3, .series = s};
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double values[] = {0, 1, -1, 1e300, 1e-300, 123456.789};
	struct sg_label l[] = {{"a", "x\xff<&\"'"}, {"b", "10.0.0.1:80"}};
	struct sg_series s = {.name = "m", .n_labels = 2, .labels = l};
	const struct sg_rule_query q = {ask, NULL};
	struct al_tmpl_data d = {.labels = &s, .query = &q, .external_url = "http://x/y"};
	sg_auto(sg_arena) arena = sg_arena_new(64UL << 20);
	struct sg_error err;
	sg_auto_buf out = {0};
	struct al_tmpl t;
	char *text;

	if (size < 1 || size > 4096)
		return 0;
	d.value = data[0] == 255 ? NAN : data[0] == 254 ? INFINITY : values[data[0] % 6];
	text = sg_arena_strndup(arena, (const char *)data + 1, size - 1);
	if (text && al_tmpl_parse(text, arena, &t, &err) == 0)
		al_tmpl_run(&t, &d, arena, &out, &err);
	return 0;
}
