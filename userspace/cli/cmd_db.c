// SPDX-License-Identifier: GPL-2.0
/* The store's files: check, backup, restore, compact, stats. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sgprobe/dbfile.h>

#include "interrupt.h"
#include "opts.h"
#include "table.h"

struct db {
	struct sg_cli *cli;
	const char *dir;
	struct sg_dbfile_watch watch;
	int interrupt;
	bool tty; /* progress is shown on stderr */
	bool shown;
	unsigned int last; /* percent */
	uint64_t limit;
	struct sg_buf findings; /* as they are printed */
};

/* ---- progress ------------------------------------------------------------------------------ */

static int on_progress(void *ctx, const char *what, uint64_t done, uint64_t all)
{
	struct db *d = ctx;
	unsigned int percent = all ? (unsigned int)(SG_MIN(done, all) * 100 / all) : 0;

	if (sg_interrupted(d->interrupt))
		return -EINTR;
	if (d->tty && all && (!d->shown || percent != d->last)) {
		fprintf(stderr, "\r%s %u %%\033[K", what, percent);
		d->shown = true;
		d->last = percent;
	}
	return 0;
}

static void end_progress(struct db *d)
{
	if (d->shown)
		fputs("\r\033[K", stderr);
	d->shown = false;
}

static int fail(struct db *d, int r, const struct sg_error *err)
{
	end_progress(d);
	return sg_cli_fail(d->cli, sg_cli_code(r), "%s",
			   r == -EINTR	 ? "interrupted"
			   : err->msg[0] ? err->msg
					 : strerror(-r));
}

/* ---- check --------------------------------------------------------------------------------- */

static void on_finding(void *ctx, const char *where, const char *what)
{
	struct db *d = ctx;

	if (d->cli->json) {
		sg_buf_str(&d->findings, d->findings.len ? ",{\"where\":" : "{\"where\":");
		sg_json_str(&d->findings, where);
		sg_buf_str(&d->findings, ",\"what\":");
		sg_json_str(&d->findings, what);
		sg_buf_char(&d->findings, '}');
		return;
	}
	sg_term_str(&d->findings, where);
	sg_buf_str(&d->findings, ": ");
	sg_term_str(&d->findings, what);
	sg_buf_char(&d->findings, '\n');
}

static int check(struct db *d, char **argv)
{
	struct sg_dbfile_checked got;
	struct sg_error err = {0};
	int r = sg_dbfile_check(d->dir, on_finding, d, &d->watch, &got, &err);
	if (r < 0)
		return fail(d, r, &err);
	end_progress(d);
	if (d->cli->json)
		printf("{\"pages\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"frames\":%" PRIu64
		       ",\"problems\":%" PRIu64 ",\"findings\":[%s]}\n",
		       got.pages, got.rows, got.frames, got.problems,
		       d->findings.data ? d->findings.data : "");
	else
		printf("%s%s: %" PRIu64 " pages, %" PRIu64 " rows, %" PRIu64 " frames: %" PRIu64
		       " problem%s\n",
		       d->findings.data ? d->findings.data : "", d->dir, got.pages, got.rows,
		       got.frames, got.problems, got.problems == 1 ? "" : "s");
	return got.problems ? SG_EXIT_PROBLEMS : SG_EXIT_OK;
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int backup(struct db *d, char **argv)
{
	struct sg_error err = {0};
	uint64_t bytes = 0;
	char text[32];
	int r = sg_dbfile_backup(d->dir, argv[0], &d->watch, &bytes, &err);

	if (r < 0)
		return fail(d, r, &err);
	end_progress(d);
	if (d->cli->json)
		printf("{\"bytes\":%" PRIu64 "}\n", bytes);
	else
		printf("%s has a copy of %s, %s, checked\n", argv[0], d->dir,
		       sg_fmt_bytes((double)bytes, text, sizeof(text)));
	return SG_EXIT_OK;
}

static int restore(struct db *d, char **argv)
{
	struct sg_error err = {0};
	char aside[128];
	int r = sg_dbfile_restore(argv[0], d->dir, &d->watch, aside, &err);

	if (r < 0)
		return fail(d, r, &err);
	end_progress(d);
	printf("%s is as in %s", d->dir, argv[0]);
	if (aside[0])
		printf("; what was there before is in %s/%s", d->dir, aside);
	printf("\n");
	return SG_EXIT_OK;
}

static int compact(struct db *d, char **argv)
{
	struct sg_error err = {0};
	uint64_t before = 0, after = 0;
	char a[32], b[32];
	int r = sg_dbfile_compact(d->dir, &d->watch, &before, &after, &err);

	if (r < 0)
		return fail(d, r, &err);
	end_progress(d);
	if (d->cli->json)
		printf("{\"before\":%" PRIu64 ",\"after\":%" PRIu64 "}\n", before, after);
	else
		printf("metrics.db: %s, was %s\n", sg_fmt_bytes((double)after, a, sizeof(a)),
		       sg_fmt_bytes((double)before, b, sizeof(b)));
	return SG_EXIT_OK;
}

/* ---- stats ----------------------------------------------------------------------------------- */

static const char *clock_text(int64_t ms, char out[32])
{
	time_t t = ms / 1000;
	struct tm tm;

	if (!ms || !localtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, 32, "-");
	return out;
}

static void put_head(const struct db *d, const struct sg_dbfile_stats *s)
{
	char a[32], b[32], c[32];
	double seconds = (double)(s->newest_ms - s->oldest_ms) / 1000;

	printf("%s/metrics.db  %s", d->dir, sg_fmt_bytes((double)s->file_bytes, a, sizeof(a)));
	printf(", %s of it free; log %s; state.db %s\n",
	       sg_fmt_bytes((double)s->free_bytes, a, sizeof(a)),
	       sg_fmt_bytes((double)s->wal_bytes, b, sizeof(b)),
	       sg_fmt_bytes((double)s->state_bytes, c, sizeof(c)));
	printf("schema %" PRId64 ", from %s to %s", s->schema, clock_text(s->oldest_ms, a),
	       clock_text(s->newest_ms, b));
	if (seconds > 0)
		printf(", %s a day",
		       sg_fmt_bytes((double)(s->file_bytes - s->free_bytes) / seconds * 86400, c,
				    sizeof(c)));
	printf("\n\n");
}

static int put_tables(const struct sg_dbfile_stats *s)
{
	static const struct sg_column columns[] = {{"TABLE"}, {"ROWS", true}, {"SIZE", true}};
	sg_auto(sg_table) t = sg_table_new(stdout, SG_AS_TABLE, 0, columns, ARRAY_SIZE(columns));

	for (uint64_t i = 0; t && i < s->n_tables; i++) {
		char text[32];

		sg_table_text(t, s->tables[i].name);
		sg_table_float(t, (double)s->tables[i].rows);
		sg_table_text(t, sg_fmt_bytes((double)s->tables[i].bytes, text, sizeof(text)));
	}
	return t ? sg_table_end(t) : -ENOMEM;
}

static int put_metrics(const struct db *d, const struct sg_dbfile_stats *s)
{
	static const struct sg_column columns[] = {{"METRIC"},	      {"SERIES", true},
						   {"SAMPLES", true}, {"BYTES/SAMPLE", true},
						   {"SIZE", true},    {"SHARE", true}};
	unsigned int width = isatty(STDOUT_FILENO) ? sg_cli_width() : 0;
	uint64_t n = SG_MIN(s->n_metrics, d->limit);
	sg_auto(sg_table) t =
		sg_table_new(stdout, SG_AS_TABLE, width, columns, ARRAY_SIZE(columns));
	double all = 0;

	for (uint64_t i = 0; i < s->n_metrics; i++)
		all += s->metrics[i].bytes;
	for (uint64_t i = 0; t && i < n; i++) {
		const struct sg_dbfile_metric *m = &s->metrics[i];
		char text[32];

		sg_table_text(t, m->name);
		sg_table_float(t, (double)m->series);
		sg_table_text(t, sg_fmt_count(m->samples, text, sizeof(text)));
		snprintf(text, sizeof(text), "%.2f", m->samples > 0 ? m->bytes / m->samples : 0);
		sg_table_number(t, text);
		sg_table_text(t, sg_fmt_bytes(m->bytes, text, sizeof(text)));
		snprintf(text, sizeof(text), "%.1f %%", all > 0 ? m->bytes / all * 100 : 0);
		sg_table_text(t, text);
	}
	if (!t || sg_table_end(t) < 0)
		return -ENOMEM;
	if (n < s->n_metrics)
		printf("and %" PRIu64 " more; --limit shows more\n", s->n_metrics - n);
	printf("\nMetrics are estimated from %" PRIu64 " of %" PRIu64 " blocks of frames.\n",
	       s->looked_at, s->blocks);
	return 0;
}

static void put_json(const struct sg_dbfile_stats *s)
{
	sg_auto_buf b = {0};

	sg_buf_printf(&b,
		      "{\"file_bytes\":%" PRIu64 ",\"wal_bytes\":%" PRIu64
		      ",\"free_bytes\":%" PRIu64 ",\"state_bytes\":%" PRIu64 ",\"schema\":%" PRId64
		      ",\"oldest_ms\":%" PRId64 ",\"newest_ms\":%" PRId64 ",\"blocks\":%" PRIu64
		      ",\"looked_at\":%" PRIu64 ",\"tables\":[",
		      s->file_bytes, s->wal_bytes, s->free_bytes, s->state_bytes, s->schema,
		      s->oldest_ms, s->newest_ms, s->blocks, s->looked_at);
	for (uint64_t i = 0; i < s->n_tables; i++) {
		sg_buf_str(&b, i ? ",{\"name\":" : "{\"name\":");
		sg_json_str(&b, s->tables[i].name);
		sg_buf_printf(&b, ",\"rows\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", s->tables[i].rows,
			      s->tables[i].bytes);
	}
	sg_buf_str(&b, "],\"metrics\":[");
	for (uint64_t i = 0; i < s->n_metrics; i++) {
		const struct sg_dbfile_metric *m = &s->metrics[i];

		sg_buf_str(&b, i ? ",{\"name\":" : "{\"name\":");
		sg_json_str(&b, m->name);
		sg_buf_printf(&b, ",\"series\":%" PRIu64 ",\"samples\":%.0f,\"bytes\":%.0f}",
			      m->series, m->samples, m->bytes);
	}
	sg_buf_str(&b, "]}\n");
	sg_cli_put(&b);
}

static int stats(struct db *d, char **argv)
{
	struct sg_dbfile_stats s;
	struct sg_error err = {0};
	int r = sg_dbfile_stats(d->dir, &d->watch, &s, &err);

	if (r < 0)
		return fail(d, r, &err);
	end_progress(d);
	if (d->cli->json) {
		put_json(&s);
	} else {
		put_head(d, &s);
		put_tables(&s);
		printf("\n");
		put_metrics(d, &s);
	}
	sg_dbfile_stats_free(&s);
	return SG_EXIT_OK;
}

/* ---- the command ------------------------------------------------------------------------------ */

static const struct verb {
	const char *name;
	int (*run)(struct db *d, char **argv);
	int args;
} verbs[] = {
	{"check", check, 0},	 {"backup", backup, 1}, {"restore", restore, 1},
	{"compact", compact, 0}, {"stats", stats, 0},
};

static const struct verb *find_verb(const char *name, int args)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0 && verbs[i].args == args)
			return &verbs[i];
	return NULL;
}

int sg_cmd_db(struct sg_cli *cli, int argc, char **argv)
{
	struct db d = {.cli = cli, .limit = 20, .tty = isatty(STDERR_FILENO)};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"limit", 'n', SG_OPT_NUMBER, &d.limit, "N", "stats: so many metrics (20)"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 2, &n);
	const struct verb *v;

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	v = find_verb(argv[1], n - 1);
	if (!v)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "usage: sgprobe db %s", cli->command->usage);
	d.dir = cli->cfg.data_dir;
	d.interrupt = sg_interrupt_open();
	d.watch = (struct sg_dbfile_watch){on_progress, &d};
	r = v->run(&d, argv + 2);
	sg_buf_free(&d.findings);
	if (d.interrupt >= 0)
		close(d.interrupt);
	return r;
}
