// SPDX-License-Identifier: GPL-2.0
// Any bytes as matchers (what is read is written and read again), as a time zone's file, as the
// router's saved state and as a duration.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/alert_router.h>

static void matchers(const char *text, struct sg_arena *a)
{
	struct sg_selector sel, again;
	struct sg_error err;
	sg_auto_buf b = {0}, b2 = {0};

	if (sg_matchers_parse(text, a, &sel, &err) < 0)
		return;
	sg_matchers_format(&b, &sel);
	if (b.err || b.len > 8000)
		return;
	if (sg_matchers_parse(b.data, a, &again, &err) < 0)
		abort();
	sg_matchers_format(&b2, &again);
	if (strcmp(b.data, b2.data) != 0)
		abort();
}

static void zone(const uint8_t *data, size_t size)
{
	struct sg_zone *z = NULL;

	if (sg_zone_parse(data, size, &z) < 0)
		return;
	for (int64_t t = -4000000000; t < 8000000000; t += 100000000)
		sg_zone_offset(z, t);
	free(z);
}

static void quiet(void *ctx, const struct sg_notice *n)
{
}

static void state(const char *text, size_t size)
{
	const struct sg_router_hooks hooks = {.notice = quiet};
	static struct sg_rule_problems ps;
	sg_auto(sg_alert_config) c = NULL;
	sg_auto(sg_router) r = NULL;
	struct sg_error err;

	if (sg_alert_config_parse("c", "", 0, &c, &ps) < 0 || sg_router_new(c, &hooks, &r) < 0)
		abort();
	if (sg_router_restore(r, text, size, &err) == 0)
		for (int64_t t = 0; t < 5; t++)
			sg_router_tick(r, t * 100000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sg_auto(sg_arena) arena = sg_arena_new(16UL << 20);
	char *text = sg_arena_strndup(arena, (const char *)data, size);
	int64_t ms;

	if (!text)
		return 0;
	matchers(text, arena);
	sg_prom_duration(text, &ms);
	zone(data, size);
	state(text, size);
	return 0;
}
