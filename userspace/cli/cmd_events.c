// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sgprobe/event.h>
#include <sgprobe/time.h>

#include "client.h"
#include "opts.h"
#include "source.h"

#define LIMIT 1000
#define LOOK_BACK_MS 15000 /* following: an event may come as late as this */
#define SEEN_MAX 8192

struct wish {
	struct sg_cli *cli;
	const char *kind;
	int64_t from_ms, to_ms; /* -1: not given */
	uint64_t last_ns, limit;
	bool follow;
	uint64_t *seen; /* following: hashes of what was printed */
	size_t n_seen;
};

/* ---- printing -------------------------------------------------------------------------- */

static void put_time(struct sg_buf *b, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, sizeof(text), "?");
	sg_buf_printf(b, "%s.%03d", text, (int)(ms % 1000));
}

static void put_line(struct sg_buf *b, const struct wish *w, const json_t *e)
{
	static const char *const colours[] = {"", "\033[33m", "\033[31m"};
	const char *severity = json_string_value(json_object_get(e, "severity"));
	const char *kind = json_string_value(json_object_get(e, "kind"));
	const char *text = json_string_value(json_object_get(e, "text"));
	const bool colour = sg_cli_color(w->cli, stdout);
	size_t level = severity && strcmp(severity, "critical") == 0  ? 2
		       : severity && strcmp(severity, "warning") == 0 ? 1
								      : 0;

	put_time(b, json_integer_value(json_object_get(e, "t_ms")));
	sg_buf_printf(b, "  %s%-8s%s  ", colour ? colours[level] : "", sg_severity_name(level),
		      colour && level ? "\033[0m" : "");
	sg_term_str(b, kind ? kind : "?");
	sg_buf_str(b, "  ");
	sg_term_str(b, text ? text : "");
	sg_buf_char(b, '\n');
}

static bool is_new(struct wish *w, const char *text)
{
	uint64_t h = sg_hash_str(text, 0);

	if (!w->seen)
		return true;
	for (size_t i = 0; i < SG_MIN(w->n_seen, (size_t)SEEN_MAX); i++)
		if (w->seen[i] == h)
			return false;
	w->seen[w->n_seen++ % SEEN_MAX] = h;
	return true;
}

/* They come newest first, and are printed oldest first. */
static int print(struct wish *w, const json_t *events)
{
	sg_auto_buf b = {0};

	for (size_t i = json_array_size(events); i-- > 0;) {
		const json_t *e = json_array_get(events, i);
		sg_auto_free char *text = json_dumps(e, JSON_COMPACT);

		if (!text)
			return -ENOMEM;
		if (!is_new(w, text))
			continue;
		if (w->cli->json)
			sg_buf_printf(&b, "%s\n", text);
		else
			put_line(&b, w, e);
	}
	return b.err ? b.err : sg_cli_put(&b);
}

/* ---- asking ---------------------------------------------------------------------------- */

static int from_daemon(struct sg_src *src, const struct wish *w, int64_t from, int64_t to,
		       json_t **ret, struct sg_error *err)
{
	sg_auto_buf path = {0};
	json_t *doc = NULL;
	int r;

	sg_buf_printf(&path,
		      "/api/v1/events?start=%" PRId64 ".%03d&end=%" PRId64 ".%03d&limit=%" PRIu64,
		      from / 1000, (int)(from % 1000), to / 1000, (int)(to % 1000), w->limit);
	if (w->kind) {
		sg_buf_str(&path, "&kind=");
		sg_url_escape(&path, w->kind);
	}
	r = path.err ? path.err : sg_src_get(src, path.data, &doc, err);
	if (r < 0)
		return r;
	*ret = json_incref(json_object_get(json_object_get(doc, "data"), "events"));
	json_decref(doc);
	return json_is_array(*ret) ? 0 : sg_fail(err, -EBADMSG, "the daemon's answer is not valid");
}

static int from_store(struct sg_src *src, const struct wish *w, int64_t from, int64_t to,
		      json_t **ret, struct sg_error *err)
{
	sg_auto(sg_arena) arena = sg_arena_new(0);
	struct sg_event *events = NULL;
	sg_auto_buf b = {0};
	size_t n = 0;
	int r = arena ? src->reader->events(src->reader, from - 1, to, w->kind, w->limit,
					    sg_mono_ns() + 60000000000ULL, arena, &events, &n)
		      : -ENOMEM;

	sg_buf_char(&b, '[');
	for (size_t i = 0; r == 0 && i < n; i++) {
		sg_buf_str(&b, i ? "," : "");
		sg_event_json(&b, &events[i]);
	}
	sg_buf_char(&b, ']');
	if (r == 0)
		r = b.err;
	if (r < 0)
		return sg_fail(err, r, "cannot read the store: %s", strerror(-r));
	*ret = json_loadb(b.data, b.len, 0, NULL);
	return *ret ? 0 : -ENOMEM;
}

static int ask(struct sg_src *src, struct wish *w, int64_t from, int64_t to, struct sg_error *err)
{
	json_t *events = NULL;
	int r = src->reader ? from_store(src, w, from, to, &events, err)
			    : from_daemon(src, w, from, to, &events, err);

	if (r == 0)
		r = print(w, events);
	json_decref(events);
	return r;
}

/* Until it is interrupted, or the daemon is gone. */
static int follow(struct sg_src *src, struct wish *w, struct sg_error *err)
{
	const struct timespec second = {.tv_sec = 1};
	int r = 0;

	if (src->reader)
		return sg_fail(err, -ECONNREFUSED, "no daemon runs: there is nothing to follow");
	while (r == 0) {
		int64_t now = sg_real_ms();

		nanosleep(&second, NULL);
		r = ask(src, w, now - LOOK_BACK_MS, now + LOOK_BACK_MS, err);
	}
	return r;
}

static int run(struct wish *w, struct sg_error *err)
{
	int64_t newest = 0;
	struct sg_src src;
	int r = sg_src_open(&src, &w->cli->cfg, err);

	if (r < 0)
		return r;
	if (w->to_ms < 0)
		r = sg_src_newest(&src, &newest, err);
	if (w->to_ms < 0)
		w->to_ms = newest + 1000; /* what happened since that tick, too */
	if (w->from_ms < 0)
		w->from_ms = SG_MAX(w->to_ms - (int64_t)(w->last_ns / 1000000), 0);
	if (r == 0 && w->from_ms >= w->to_ms)
		r = sg_fail(err, -EINVAL, "the range ends before it begins");
	if (r == 0)
		r = ask(&src, w, w->from_ms, w->to_ms, err);
	if (r == 0 && w->follow)
		r = follow(&src, w, err);
	sg_src_close(&src);
	return r;
}

static int bad_kind(struct sg_cli *cli, const char *kind)
{
	sg_auto_buf b = {0};

	for (size_t i = 0; i < SG_EVENT_KINDS; i++)
		sg_buf_printf(&b, "%s%s", i ? ", " : "", sg_event_kinds[i].name);
	return sg_cli_fail(cli, SG_EXIT_USAGE, "there is no kind %s; kinds are %s", kind,
			   b.data ? b.data : "");
}

int sg_cmd_events(struct sg_cli *cli, int argc, char **argv)
{
	struct wish w = {.cli = cli,
			 .from_ms = -1,
			 .to_ms = -1,
			 .last_ns = 3600000000000ULL,
			 .limit = LIMIT};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"last", 0, SG_OPT_DURATION, &w.last_ns, "DURATION",
		 "how long before the end (1h)"},
		{"since", 0, SG_OPT_TIME, &w.from_ms, "T", "the beginning"},
		{"until", 0, SG_OPT_TIME, &w.to_ms, "T", "the end (now)"},
		{"kind", 'k', SG_OPT_TEXT, &w.kind, "KIND", "of this kind only"},
		{"limit", 'n', SG_OPT_NUMBER, &w.limit, "N", "the newest so many (1000)"},
		{"follow", 'f', SG_OPT_FLAG, &w.follow, NULL, "and then those that come"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct sg_error err = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (w.kind && !sg_event_kind_find(w.kind))
		return bad_kind(cli, w.kind);
	w.limit = SG_MIN(w.limit, (uint64_t)10000);
	if (w.follow && w.to_ms >= 0)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--follow and --until exclude each other");
	if (w.follow) {
		w.seen = calloc(SEEN_MAX, sizeof(*w.seen));
		if (!w.seen)
			return sg_cli_fail(cli, SG_EXIT_FAILED, "out of memory");
	}
	r = run(&w, &err);
	free(w.seen);
	return r < 0 ? sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r))
		     : r;
}
