// SPDX-License-Identifier: GPL-2.0
#include "windows.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include <sgprobe/time.h>

#include "client.h"

int sg_cli_windows_wish(struct sg_src *src, const struct sg_cli_windows *w,
			struct sg_windows_wish *wish, char mark[32], struct sg_error *err)
{
	int64_t to = w->to_ms, t;
	int r = to < 0 ? sg_src_newest(src, &to, err) : 0;

	if (r < 0)
		return r;
	if ((w->base_from_ms < 0) != (w->base_to_ms < 0))
		return sg_fail(err, -EINVAL, "--base-from and --base-to go together");
	*wish = (struct sg_windows_wish){
		.from_ms = w->from_ms >= 0 ? w->from_ms : to - (int64_t)(w->last_ns / 1000000),
		.to_ms = to,
		.ago_ms = (int64_t)(w->ago_ns / 1000000)};
	if (w->base_to_ms >= 0) {
		wish->base_from_ms = w->base_from_ms;
		wish->base_to_ms = w->base_to_ms;
	}
	if (!w->mark)
		return 0;
	wish->mark = w->mark;
	if (!sg_event_kind_find(w->mark) && sg_parse_time(w->mark, sg_real_ms(), &t) == 0) {
		snprintf(mark, 32, "%" PRId64, t);
		wish->mark = mark;
	}
	return 0;
}

void sg_cli_windows_params(struct sg_buf *b, const struct sg_windows_wish *wish)
{
	sg_buf_printf(b, "&from=%" PRId64 "&to=%" PRId64, wish->from_ms, wish->to_ms);
	if (wish->ago_ms)
		sg_buf_printf(b, "&ago=%.3f", (double)wish->ago_ms / 1000);
	if (wish->base_to_ms)
		sg_buf_printf(b, "&base_from=%" PRId64 "&base_to=%" PRId64, wish->base_from_ms,
			      wish->base_to_ms);
	if (wish->mark) {
		sg_buf_str(b, "&mark=");
		sg_url_escape(b, wish->mark);
	}
}

static void put_window(struct sg_buf *b, const json_t *w, bool day)
{
	time_t t[2] = {(time_t)(sg_json_of(w, "from_ms") / 1000),
		       (time_t)(sg_json_of(w, "to_ms") / 1000)};
	char text[2][32] = {"?", "?"};
	struct tm tm;

	for (size_t i = 0; i < 2; i++)
		if (localtime_r(&t[i], &tm))
			strftime(text[i], sizeof(text[i]),
				 day && i == 0 ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	sg_buf_printf(b, "%s to %s", text[0], text[1]);
}

void sg_cli_windows_text(struct sg_buf *b, const json_t *doc)
{
	const json_t *w = json_object_get(doc, "windows");
	const json_t *before = json_array_get(w, 0), *after = json_array_get(w, 1);
	bool far = fabs(sg_json_of(after, "from_ms") - sg_json_of(before, "from_ms")) > 43200000;

	put_window(b, after, far);
	sg_buf_str(b, " against ");
	put_window(b, before, far);
}

double sg_json_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

double sg_json_at(const json_t *o, const char *key, size_t i)
{
	const json_t *v = json_array_get(json_object_get(o, key), i);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

const char *sg_json_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int sg_cli_print(struct sg_cli *cli, const json_t *doc,
		 void (*put)(struct sg_buf *, const json_t *))
{
	sg_auto_buf b = {0};

	if (cli->json) {
		sg_auto_free char *text = json_dumps(doc, JSON_COMPACT);

		sg_buf_str(&b, text ? text : "");
		sg_buf_char(&b, '\n');
	} else {
		put(&b, doc);
	}
	return sg_cli_put(&b);
}
