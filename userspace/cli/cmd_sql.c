// SPDX-License-Identifier: GPL-2.0
/* SQL over the store: one text, a file, or a prompt. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>
#include <sgprobe/query.h>
#include <sgprobe/sql.h>

#include "interrupt.h"
#include "opts.h"
#include "table.h"

#define TEXT_MAX (1U << 20)

struct session {
	struct sg_cli *cli;
	struct sg_sql *sql;
	enum sg_format format;
	unsigned int width; /* of tables, 0: no limit */
	struct sg_table *table; /* of the statement that runs */
	int interrupt;
};

static bool is_interrupted(void *ctx)
{
	return sg_interrupted(((struct session *)ctx)->interrupt);
}

/* ---- rows ------------------------------------------------------------------------------ */

static int on_head(void *ctx, const char *const *names, size_t n)
{
	struct session *s = ctx;
	struct sg_column *c = calloc(n, sizeof(*c));

	for (size_t i = 0; c && i < n; i++)
		c[i] = (struct sg_column){.name = names[i], .by_value = true};
	sg_table_free(s->table);
	s->table = c ? sg_table_new(stdout, s->format, s->width, c, n) : NULL;
	free(c); /* the names are the statement's, as long as it runs */
	return s->table ? 0 : -ENOMEM;
}

static int on_cell(void *ctx, enum sg_sql_type type, const char *text)
{
	struct session *s = ctx;

	if (type == SG_SQL_NUMBER && text && text[strcspn(text, "Nn")] == '\0')
		sg_table_number(s->table, text);
	else
		sg_table_text(s->table, type == SG_SQL_NULL ? NULL : text);
	return sg_table_error(s->table);
}

static int on_end(void *ctx)
{
	struct session *s = ctx;
	int r = sg_table_end(s->table);

	sg_table_free(sg_take(s->table));
	return r;
}

static int run(struct session *s, const char *text)
{
	static const struct sg_sql_sink sink = {on_head, on_cell, on_end};
	struct sg_error err = {0};
	int r = sg_sql_run(s->sql, text, &sink, s, &err);

	sg_table_free(sg_take(s->table));
	fflush(stdout);
	if (r == 0 || r == -EPIPE)
		return SG_EXIT_OK;
	return sg_cli_fail(s->cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
}

/* ---- the prompt ---------------------------------------------------------------------------- */

static const char help[] =
	"A statement ends with ;   .tables   .mode table|csv|json   .quit\n"
	"\n"
	"  samples(name, labels, t, type, value, count, sum, buckets)    cumulative, as in PromQL\n"
	"  increases(...)                                      what each second brought, likewise\n"
	"  series(name, labels, type, first_t, last_t, samples)\n"
	"  events(t, kind, severity, text, fields)\n"
	"  exemplars(name, labels, t, value, comm, cgroup, pid, tid, cpu, stack)\n"
	"  gaps(from_t, to_t, reason)\n"
	"\n"
	"Times are Unix seconds: t > unixepoch('now', '-5 minutes'). labels, fields and stack are JSON:\n"
	"labels ->> 'cgroup'. samples('NAME{a=\"b\"}') takes a selector of PromQL.\n"
	"hist_quantile(0.99, buckets) adds up the rows of a group.\n";

static bool set_mode(struct session *s, const char *mode)
{
	static const char *const modes[] = {
		[SG_AS_TABLE] = "table", [SG_AS_CSV] = "csv", [SG_AS_JSON] = "json"};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(mode, modes[i]) == 0) {
			s->format = i;
			return true;
		}
	return false;
}

/* False: the end is asked for. */
static bool command(struct session *s, char *line)
{
	char *word = strtok(line, " \t\n"), *arg = strtok(NULL, " \t\n");

	if (strcmp(word, ".quit") == 0 || strcmp(word, ".exit") == 0)
		return false;
	if (strcmp(word, ".help") == 0 || strcmp(word, ".tables") == 0 ||
	    strcmp(word, ".schema") == 0)
		fputs(help, stdout);
	else if (strcmp(word, ".mode") != 0 || !arg || !set_mode(s, arg))
		printf(".help says what there is\n");
	return true;
}

/* 1: a line may be read; 0: Ctrl-C. */
static int wait_for_line(const struct session *s)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			     {.fd = s->interrupt, .events = POLLIN}};

	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return 1;
	return !(p[1].revents && sg_interrupted(s->interrupt));
}

static bool is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

static int prompt(struct session *s)
{
	sg_auto_buf text = {.max = TEXT_MAX};
	sg_auto_free char *line = NULL;
	size_t cap = 0;

	printf("sgprobe " SG_VERSION ": SQL over %s, read-only; .help, Ctrl-D ends\n",
	       s->cli->cfg.data_dir);
	for (;;) {
		fputs(text.len ? "    ...> " : "sgprobe> ", stdout);
		fflush(stdout);
		if (!wait_for_line(s)) {
			sg_buf_reset(&text);
			putchar('\n');
			continue;
		}
		if (getline(&line, &cap, stdin) < 0)
			break;
		if (!text.len && is_blank(line))
			continue;
		if (!text.len && line[0] == '.') {
			if (!command(s, line))
				return SG_EXIT_OK;
			continue;
		}
		sg_buf_str(&text, line);
		if (text.err || sg_sql_complete(text.data)) {
			run(s, text.err ? "" : text.data);
			sg_buf_reset(&text);
		}
	}
	putchar('\n');
	return SG_EXIT_OK;
}

/* ---- where the text comes from ----------------------------------------------------------- */

static int read_stdin(struct sg_buf *b)
{
	char chunk[4096];
	size_t n;

	b->max = TEXT_MAX;
	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		sg_buf_add(b, chunk, n);
	sg_buf_str(b, "");
	return b->err;
}

static int run_source(struct session *s, const char *text, const char *file)
{
	sg_auto_buf b = {0};
	int r;

	if (text)
		return run(s, text);
	if (!file && isatty(STDIN_FILENO))
		return prompt(s);
	r = file && strcmp(file, "-") != 0 ? sg_read_file(file, TEXT_MAX, &b) : read_stdin(&b);
	if (r < 0)
		return sg_cli_fail(s->cli, sg_cli_code(r), "cannot read %s: %s",
				   file ? file : "standard input", strerror(-r));
	return run(s, b.data ? b.data : "");
}

int sg_cmd_sql(struct sg_cli *cli, int argc, char **argv)
{
	struct session s = {.cli = cli, .interrupt = -1};
	struct sg_sql_options o = {
		.selector = sg_query_selector, .interrupted = is_interrupted, .ctx = &s};
	const char *file = NULL;
	bool csv = false;
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"csv", 0, SG_OPT_FLAG, &csv, NULL, "print CSV", NULL},
		{"file", 'f', SG_OPT_TEXT, &file, "FILE", "statements from a file; - is stdin"},
		{"timeout", 0, SG_OPT_DURATION, &o.timeout_ns, "DURATION",
		 "that a statement may take (no limit)"},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 1, &n);
	struct sg_error err = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (n && file)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "either a statement or --file");
	s.format = cli->json ? SG_AS_JSON : csv ? SG_AS_CSV : SG_AS_TABLE;
	s.width = isatty(STDOUT_FILENO) ? sg_cli_width() : 0;
	o.data_dir = cli->cfg.data_dir;
	r = sg_sql_open(&o, &s.sql, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	s.interrupt = sg_interrupt_open();
	r = run_source(&s, n ? argv[1] : NULL, file);
	if (s.interrupt >= 0)
		close(s.interrupt);
	sg_sql_close(s.sql);
	return r;
}
