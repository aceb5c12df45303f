// SPDX-License-Identifier: GPL-2.0
/* What is set, where, and what is wrong with it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>

#include "config/load.h"
#include "config/setting.h"
#include "opts.h"
#include "source.h"
#include "table.h"

struct wishes {
	bool changed; /* only what is not as by default */
};

static const char *file_of(const struct sg_cli *cli, int n_args, char **argv)
{
	return n_args > 1 ? argv[2] : cli->origin.path;
}

/* ---- check ------------------------------------------------------------------------- */

/* The line of the file that a message "FILE:LINE: ..." is about. */
static void put_line(struct sg_buf *b, const char *path, const char *msg, const struct sg_buf *text)
{
	const char *at = text->data, *end;
	unsigned long line;

	if (!at || strncmp(msg, path, strlen(path)) != 0 || msg[strlen(path)] != ':')
		return;
	line = strtoul(msg + strlen(path) + 1, NULL, 10);
	for (unsigned long i = 1; i < line && at; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (at && *at && line) {
		sg_auto_buf one = {0};

		end = strchr(at, '\n');
		sg_buf_add(&one, at, end ? (size_t)(end - at) : strlen(at));
		sg_buf_str(b, "    ");
		sg_term_str(b, one.data ? one.data : "");
		sg_buf_char(b, '\n');
	}
}

static void put_mistakes(struct sg_buf *b, const char *path, const struct sg_config_trace *t)
{
	sg_auto_buf text = {0};

	sg_read_file(path, 1 << 20, &text);
	for (size_t i = 0; i < t->n_errors; i++) {
		sg_term_str(b, t->errors[i].msg);
		sg_buf_char(b, '\n');
		put_line(b, path, t->errors[i].msg, &text);
	}
	sg_buf_printf(b, "%zu mistake%s%s\n", t->n_errors, t->n_errors == 1 ? "" : "s",
		      t->n_errors == SG_CONFIG_ERRORS_MAX ? " and maybe more" : "");
}

static size_t count_set(const struct sg_config_trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < sg_n_settings; i++)
		n += t->lines && t->lines[i];
	return n;
}

static void put_check_json(struct sg_buf *b, const char *path, const struct sg_config_trace *t)
{
	sg_buf_str(b, "{\"file\":");
	sg_json_str(b, path);
	sg_buf_printf(b, ",\"set\":%zu,\"errors\":[", count_set(t));
	for (size_t i = 0; i < t->n_errors; i++) {
		if (i)
			sg_buf_char(b, ',');
		sg_json_str(b, t->errors[i].msg);
	}
	sg_buf_str(b, "]}\n");
}

static int check(struct sg_cli *cli, const char *path)
{
	struct sg_config_trace t = {0};
	struct sg_error err = {0};
	sg_auto_buf b = {0};
	struct sg_config c;
	int r;

	sg_config_defaults(&c);
	r = sg_config_trace(&c, path, &t, &err);
	if (r < 0 && !t.n_errors) {
		sg_config_trace_free(&t);
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	}
	if (cli->json)
		put_check_json(&b, path, &t);
	else if (r < 0)
		put_mistakes(&b, path, &t);
	else
		sg_buf_printf(&b, "%s: no mistake; it sets %zu of %zu settings\n", path,
			      count_set(&t), sg_n_settings);
	sg_config_trace_free(&t);
	sg_cli_put(&b);
	return r < 0 ? SG_EXIT_PROBLEMS : SG_EXIT_OK;
}

/* ---- show -------------------------------------------------------------------------- */

/* "default", "FILE:LINE", "--listen": the command line is over the file. */
static void put_from(struct sg_buf *b, const struct sg_cli *cli, const struct sg_config_trace *t,
		     size_t i)
{
	for (size_t k = 0; k < cli->origin.n; k++)
		if (strcmp(cli->origin.flags[k].key, sg_settings[i].key) == 0) {
			sg_buf_str(b, "command line");
			return;
		}
	if (t->lines && t->lines[i])
		sg_buf_printf(b, "%s:%u", cli->origin.path, t->lines[i]);
	else
		sg_buf_str(b, "default");
}

static void default_of(const struct sg_setting *s, struct sg_buf *b)
{
	struct sg_config c;

	sg_config_defaults(&c);
	sg_setting_show(s, &c, b);
}

struct row {
	const struct sg_setting *s;
	struct sg_buf value, def, from;
};

static void fill_row(struct row *r, const struct sg_cli *cli, const struct sg_config_trace *t,
		     size_t i)
{
	r->s = &sg_settings[i];
	sg_setting_show(r->s, &cli->cfg, &r->value);
	default_of(r->s, &r->def);
	put_from(&r->from, cli, t, i);
}

static void free_row(struct row *r)
{
	sg_buf_free(&r->value);
	sg_buf_free(&r->def);
	sg_buf_free(&r->from);
}

static void put_row_json(struct sg_buf *b, const struct row *r, bool first)
{
	const struct {
		const char *name, *text;
	} fields[] = {
		{"key", r->s->key},
		{"value", r->value.data},
		{"default", r->def.data},
		{"from", r->from.data},
		{"takes_effect", sg_scope_title(sg_setting_scope(r->s))},
		{"help", r->s->help},
	};

	sg_buf_char(b, first ? '[' : ',');
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		sg_buf_printf(b, "%c\"%s\":", i ? ',' : '{', fields[i].name);
		sg_json_str(b, fields[i].text ? fields[i].text : "");
	}
	sg_buf_char(b, '}');
}

static void put_row(struct sg_table *t, const struct row *r)
{
	sg_table_text(t, r->s->key);
	sg_table_text(t, r->value.data);
	sg_table_text(t, r->def.data);
	sg_table_text(t, r->from.data);
}

static bool is_wanted(const char *key, int n, char **keys)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(keys[i]);

		if (strncmp(key, keys[i], len) == 0 &&
		    (!key[len] || key[len] == '.' || (len && keys[i][len - 1] == '.')))
			return true;
	}
	return n == 0;
}

static size_t put_rows(struct sg_cli *cli, const struct wishes *w, const struct sg_config_trace *t,
		       int n, char **keys, struct sg_buf *json, struct sg_table *table)
{
	size_t shown = 0;

	for (size_t i = 0; i < sg_n_settings; i++) {
		struct row r = {0};

		if (!is_wanted(sg_settings[i].key, n, keys))
			continue;
		fill_row(&r, cli, t, i);
		if (!w->changed || strcmp(r.value.data, r.def.data) != 0) {
			if (cli->json)
				put_row_json(json, &r, shown == 0);
			else
				put_row(table, &r);
			shown++;
		}
		free_row(&r);
	}
	return shown;
}

static int no_such(const struct sg_cli *cli, const char *key)
{
	char guess[SG_SETTING_KEY_MAX];
	bool near = sg_setting_guess(key, guess);

	return sg_cli_fail(cli, SG_EXIT_NOT_FOUND, "there is no setting %s%s%s%s", key,
			   near ? "; did you mean " : "", near ? guess : "", near ? "?" : "");
}

static int show(struct sg_cli *cli, const struct wishes *w, int n, char **keys)
{
	static const struct sg_column columns[] = {{"SETTING"}, {"VALUE"}, {"DEFAULT"}, {"FROM"}};
	sg_auto(sg_table) table =
		sg_table_new(stdout, SG_AS_TABLE, isatty(STDOUT_FILENO) ? sg_cli_width() : 0,
			     columns, ARRAY_SIZE(columns));
	struct sg_config_trace t = {0};
	struct sg_config c;
	sg_auto_buf b = {0};
	size_t shown;

	for (int i = 0; i < n; i++)
		if (!sg_setting_find(keys[i]) && !sg_setting_is_section(keys[i]))
			return no_such(cli, keys[i]);
	if (!table)
		return SG_EXIT_FAILED;
	/* The values are read already; only where they stand is missing. */
	sg_config_defaults(&c);
	sg_config_trace(&c, cli->origin.path, &t, NULL);
	shown = put_rows(cli, w, &t, n, keys, &b, table);
	sg_config_trace_free(&t);
	if (cli->json)
		sg_buf_str(&b, shown ? "]\n" : "[]\n");
	else if (shown)
		sg_table_end(table);
	else
		sg_buf_str(&b, "(everything is as by default)\n");
	return sg_cli_put(&b);
}

/* ---- diff -------------------------------------------------------------------------- */

/* What a daemon says it has, into c; what this program does not know is passed over. */
static void take_running(const json_t *doc, struct sg_config *c)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)doc, key, v)
	{
		const struct sg_setting *s = sg_setting_find(key);

		if (s && json_string_value(v) && s->kind != SG_SETTING_SECRET)
			sg_setting_parse(s, c, json_string_value(v), NULL);
	}
}

static void put_changes(struct sg_buf *b, const struct sg_config_change *c, size_t n, bool json)
{
	for (size_t i = 0; i < n; i++) {
		if (!json) {
			sg_buf_printf(b, "%-22s %s -> %s  (%s)\n", c[i].key, c[i].before,
				      c[i].after, sg_scope_title(c[i].scope));
			continue;
		}
		sg_buf_printf(b, "%c{\"key\":\"%s\",\"before\":", i ? ',' : '[', c[i].key);
		sg_json_str(b, c[i].before);
		sg_buf_str(b, ",\"after\":");
		sg_json_str(b, c[i].after);
		sg_buf_printf(b, ",\"takes_effect\":\"%s\"}", sg_scope_title(c[i].scope));
	}
	if (json)
		sg_buf_str(b, n ? "]\n" : "[]\n");
}

/* 0: asked the daemon; 1: there is none. */
static int ask_running(struct sg_cli *cli, struct sg_config *c, struct sg_error *err)
{
	struct sg_src src = {.cfg = &cli->cfg};
	json_t *doc = NULL;
	int r = sg_src_get(&src, "/api/sg/v1/config", &doc, err);

	if (r == -ECONNREFUSED)
		return 1;
	if (r == 0)
		take_running(doc, c);
	json_decref(doc);
	return r;
}

static int diff(struct sg_cli *cli, const char *path)
{
	struct sg_config_change changes[SG_CONFIG_CHANGES_MAX];
	struct sg_config_origin o = cli->origin;
	struct sg_config file, running;
	struct sg_error err = {0};
	sg_auto_buf b = {0};
	size_t n;
	int r;

	snprintf(o.path, sizeof(o.path), "%s", path);
	o.required |= path != cli->origin.path;
	sg_config_defaults(&file);
	r = sg_config_origin_read(&o, &file, &err);
	if (r < 0)
		return sg_cli_fail(cli, r == -EINVAL ? SG_EXIT_PROBLEMS : sg_cli_code(r), "%s",
				   err.msg);
	cli->cfg = file; /* the socket */
	/* A daemon does not tell its list of probes here, and may have flags of its own. */
	running = file;
	r = ask_running(cli, &running, &err);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg);
	if (r > 0)
		sg_config_defaults(&running);
	n = sg_config_changes(&running, &file, changes, SG_CONFIG_CHANGES_MAX);
	if (!cli->json)
		sg_buf_printf(&b, "%s, against %s: %s\n", path,
			      r > 0 ? "the defaults (no daemon answers)" : "the daemon that runs",
			      n ? "" : "no difference");
	put_changes(&b, changes, n, cli->json);
	sg_cli_put(&b);
	return n ? SG_EXIT_PROBLEMS : SG_EXIT_OK;
}

/* ---- reload, doc --------------------------------------------------------------------- */

static int reload(struct sg_cli *cli)
{
	struct sg_src src = {.cfg = &cli->cfg};
	struct sg_error err = {0};
	json_t *doc = NULL;
	int r;
	const char *text;

	/* Where the socket is; and a mistake is told without asking. */
	r = sg_config_origin_read(&cli->origin, &cli->cfg, &err);
	if (r == -EINVAL)
		return sg_cli_fail(cli, SG_EXIT_PROBLEMS, "%s", err.msg);
	err.msg[0] = '\0';
	r = sg_src_post(&src, "/api/sg/v1/reload", &doc, &err);
	if (r < 0)
		return sg_cli_fail(cli, r == -EINVAL ? SG_EXIT_PROBLEMS : sg_cli_code(r), "%s",
				   err.msg);
	text = json_string_value(json_object_get(doc, "message"));
	puts(text ? text : "");
	json_decref(doc);
	return SG_EXIT_OK;
}

static int doc(void)
{
	sg_auto_buf b = {0};

	sg_config_doc(&b);
	return sg_cli_put(&b);
}

/* The file itself is what is asked about: a mistake in it must not end the command before. */
static int read_for_show(struct sg_cli *cli)
{
	struct sg_error err = {0};
	int r = sg_config_origin_read(&cli->origin, &cli->cfg, &err);

	return r == 0 ? 0
		      : sg_cli_fail(cli, r == -EINVAL ? SG_EXIT_PROBLEMS : sg_cli_code(r), "%s",
				    err.msg);
}

int sg_cmd_config(struct sg_cli *cli, int argc, char **argv)
{
	struct wishes w = {false};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"changed", 0, SG_OPT_FLAG, &w.changed, NULL,
		 "show: only what is not as by default", NULL},
	};
	int n = 0, r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 64, &n);
	const char *what = r == 0 ? argv[1] : "";

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (strcmp(what, "check") == 0 && n <= 2)
		return check(cli, file_of(cli, n, argv));
	if (strcmp(what, "diff") == 0 && n <= 2)
		return diff(cli, file_of(cli, n, argv));
	if (strcmp(what, "reload") == 0 && n == 1)
		return reload(cli);
	if (strcmp(what, "doc") == 0 && n == 1)
		return doc();
	if (strcmp(what, "show") == 0) {
		r = read_for_show(cli);
		return r ? r : show(cli, &w, n - 1, argv + 2);
	}
	return sg_cli_fail(cli, SG_EXIT_USAGE, "usage: sgprobe config %s", cli->command->usage);
}
