// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <sgprobe/metric.h>
#include <sgprobe/query.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "client.h"
#include "source.h"

int sg_src_open(struct sg_src *src, const struct sg_config *cfg, struct sg_error *err)
{
	sg_auto_buf body = {0};
	struct sg_error store_err = {0};
	int r;

	*src = (struct sg_src){.cfg = cfg};
	r = sg_client_get(cfg->socket, "/-/healthy", &body, err);
	if (r >= 0)
		return 0;
	/* A daemon that may not be asked is no reason to look elsewhere if that fails too. */
	if (sg_store_reader(cfg->data_dir, NULL, &src->reader, &store_err) == 0)
		return 0;
	return r;
}

void sg_src_close(struct sg_src *src)
{
	sg_reader_close(src->reader);
	src->reader = NULL;
}

static int http_errno(int status)
{
	switch (status) {
	case 400: return -EINVAL;
	case 403: return -EACCES;
	case 404: return -ENOENT;
	case 409: return -EEXIST;
	case 422: return -EOPNOTSUPP;
	case 503: return -ETIMEDOUT;
	}
	return status >= 200 && status < 300 ? 0 : -EIO;
}

/* Parses an answer; an error's own words go to err. */
static int parse_answer(int status, const struct sg_buf *body, json_t **ret, struct sg_error *err)
{
	int r = http_errno(status);
	json_t *doc = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
	const char *why = doc ? json_string_value(json_object_get(doc, "error")) : NULL;

	if (r == 0 && doc) {
		*ret = doc;
		return 0;
	}
	if (why)
		sg_fail(err, r, "%s", why);
	else
		sg_fail(err, r, "the daemon answered with status %d", status);
	json_decref(doc);
	return r < 0 ? r : -EBADMSG;
}

int sg_src_get(struct sg_src *src, const char *path, json_t **ret, struct sg_error *err)
{
	sg_auto_buf body = {0};
	int r = sg_client_get(src->cfg->socket, path, &body, err);

	return r < 0 ? r : parse_answer(r, &body, ret, err);
}

int sg_src_post(struct sg_src *src, const char *path, json_t **ret, struct sg_error *err)
{
	sg_auto_buf body = {0};
	int r = sg_client_post(src->cfg->socket, path, &body, err);

	return r < 0 ? r : parse_answer(r, &body, ret, err);
}

static int take_data(json_t *doc, json_t **ret, struct sg_error *err)
{
	json_t *data = json_object_get(doc, "data");

	if (data)
		*ret = json_incref(data);
	json_decref(doc);
	return data ? 0 : sg_fail(err, -EBADMSG, "the daemon's answer has no data");
}

static void add_param(struct sg_buf *b, const char *name, const char *value)
{
	sg_buf_printf(b, "%s=", name);
	sg_url_escape(b, value);
}

static void add_time(struct sg_buf *b, const char *name, int64_t ms)
{
	sg_buf_printf(b, "&%s=%" PRId64 ".%03d", name, ms / 1000, (int)(ms % 1000));
}

static int ask(struct sg_src *src, struct sg_buf *path, json_t **ret, struct sg_error *err)
{
	json_t *doc = NULL;
	int r = path->err ? path->err : sg_src_get(src, path->data, &doc, err);

	return r < 0 ? r : take_data(doc, ret, err);
}

static int to_json(const struct sg_value *v, json_t **ret)
{
	sg_auto_buf b = {0};

	sg_query_json(&b, v);
	if (b.err)
		return b.err;
	*ret = json_loadb(b.data, b.len, 0, NULL);
	return *ret ? 0 : -EBADMSG;
}

int sg_src_query(struct sg_src *src, const char *expr, int64_t t_ms, json_t **ret,
		 struct sg_error *err)
{
	const struct sg_query_limits lim = {.deadline_ns = sg_mono_ns() + 20000000000ULL};
	sg_auto(sg_arena) arena = NULL;
	struct sg_value v = {0};
	int r;

	if (!src->reader) {
		sg_auto_buf path = {0};

		add_param(&path, "/api/v1/query?query", expr);
		add_time(&path, "time", t_ms);
		return ask(src, &path, ret, err);
	}
	arena = sg_arena_new(256U << 20);
	if (!arena)
		return -ENOMEM;
	r = sg_query_instant(src->reader, expr, t_ms, &lim, arena, &v, err);
	return r < 0 ? r : to_json(&v, ret);
}

int sg_src_range(struct sg_src *src, const char *expr, int64_t from_ms, int64_t to_ms,
		 int64_t step_ms, json_t **ret, struct sg_error *err)
{
	const struct sg_query_limits lim = {.deadline_ns = sg_mono_ns() + 20000000000ULL};
	sg_auto(sg_arena) arena = NULL;
	struct sg_value v = {0};
	int r;

	if (!src->reader) {
		sg_auto_buf path = {0};

		add_param(&path, "/api/v1/query_range?query", expr);
		add_time(&path, "start", from_ms);
		add_time(&path, "end", to_ms);
		add_time(&path, "step", step_ms);
		return ask(src, &path, ret, err);
	}
	arena = sg_arena_new(256U << 20);
	if (!arena)
		return -ENOMEM;
	r = sg_query_range(src->reader, expr, from_ms, to_ms, step_ms, &lim, arena, &v, err);
	return r < 0 ? r : to_json(&v, ret);
}

static bool starts_with(const json_t *metric, const char *label, const char *prefix)
{
	const char *v = label ? json_string_value(json_object_get(metric, label)) : "";

	return !label || (v && strncmp(v, prefix, strlen(prefix)) == 0);
}

bool sg_src_sum(struct sg_src *src, const char *expr, const char *label, const char *prefix,
		double *ret)
{
	json_t *data = NULL, *s;
	double sum = 0;
	int64_t now;
	size_t i, n = 0;

	if (sg_src_newest(src, &now, NULL) < 0 || sg_src_query(src, expr, now, &data, NULL) < 0)
		return false;
	json_array_foreach(json_object_get(data, "result"), i, s)
	{
		const char *v = json_string_value(json_array_get(json_object_get(s, "value"), 1));

		if (!v || !starts_with(json_object_get(s, "metric"), label, prefix))
			continue;
		sum += atof(v);
		n++;
	}
	json_decref(data);
	*ret = sum;
	return n > 0;
}

int sg_src_newest(struct sg_src *src, int64_t *t_ms, struct sg_error *err)
{
	int64_t oldest;
	int r;

	if (!src->reader) {
		*t_ms = sg_real_ms();
		return 0;
	}
	r = src->reader->range(src->reader, &oldest, t_ms);
	return r < 0 ? sg_fail(err, r, "the store in %s is empty", src->cfg->data_dir) : 0;
}

/* ---- heat maps -------------------------------------------------------------------- */

void sg_heat_free(struct sg_heat *h)
{
	for (size_t i = 0; h->columns && i < h->n; i++)
		sg_hist_free(&h->columns[i]);
	free(h->columns);
	h->columns = NULL;
	h->n = 0;
}

static struct sg_hist *column_at(const struct sg_heat *h, int64_t t_ms)
{
	int64_t i = (t_ms - h->from_ms - 1) / h->step_ms;

	return t_ms > h->from_ms && (size_t)i < h->n ? &h->columns[i] : NULL;
}

static int parse_column(struct sg_heat *h, const json_t *c)
{
	struct sg_hist *col = column_at(h, json_integer_value(json_array_get(c, 0)));
	const json_t *buckets = json_array_get(c, 3), *b;
	size_t i;

	if (!col)
		return 0; /* a column at the edge */
	col->count += json_number_value(json_array_get(c, 1));
	col->sum += json_number_value(json_array_get(c, 2));
	json_array_foreach((json_t *)buckets, i, b)
	{
		json_int_t index = json_integer_value(json_array_get(b, 0));
		int r;

		if (index < SG_HIST_INDEX_MIN || index > SG_HIST_INDEX_MAX)
			return -EBADMSG;
		r = sg_hist_add_bucket(col, (int32_t)index,
				       json_number_value(json_array_get(b, 1)));
		if (r < 0)
			return r;
	}
	return 0;
}

static void take_text(char *dst, size_t n, const char *src)
{
	size_t len = src ? strnlen(src, n - 1) : 0;

	if (len)
		memcpy(dst, src, len);
	dst[len] = '\0';
}

int sg_heat_parse(struct sg_heat *h, const json_t *doc)
{
	json_t *columns = json_object_get(doc, "columns"), *c;
	size_t i;
	int r = json_is_array(columns) ? 0 : -EBADMSG;

	take_text(h->name, sizeof(h->name), json_string_value(json_object_get(doc, "name")));
	take_text(h->unit, sizeof(h->unit), json_string_value(json_object_get(doc, "unit")));
	json_array_foreach(columns, i, c)
	{
		if (r == 0)
			r = parse_column(h, c);
	}
	return r;
}

static int heat_from_daemon(struct sg_src *src, const char *match, struct sg_heat *h,
			    struct sg_error *err)
{
	sg_auto_buf path = {0};
	json_t *doc = NULL;
	int r;

	add_param(&path, "/api/sg/v1/heat?match", match);
	sg_buf_printf(&path, "&from=%" PRId64 "&to=%" PRId64 "&step=%" PRId64, h->from_ms,
		      h->from_ms + (int64_t)h->n * h->step_ms, h->step_ms);
	r = path.err ? path.err : sg_src_get(src, path.data, &doc, err);
	if (r < 0)
		return r;
	r = sg_heat_parse(h, doc);
	json_decref(doc);
	return r < 0 ? sg_fail(err, r, "the daemon's heat map is not valid") : 0;
}

static int add_points(struct sg_heat *h, const struct sg_points *p, struct sg_error *err)
{
	if (p->series.type != SG_HISTOGRAM)
		return sg_fail(err, -EINVAL, "%s is a %s; a heat map needs a histogram",
			       p->series.name, sg_type_name(p->series.type));
	take_text(h->name, sizeof(h->name), p->series.name);
	take_text(h->unit, sizeof(h->unit), sg_metric_unit(p->series.name));
	for (size_t i = 0; i < p->n; i++) {
		struct sg_hist *col = column_at(h, p->t_ms[i]);
		int r = col ? sg_hist_add(col, &p->hists[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int heat_from_store(struct sg_src *src, const char *match, struct sg_heat *h,
			   struct sg_error *err)
{
	const struct sg_read_limits lim = {.res_ms = h->step_ms};
	sg_auto(sg_arena) arena = sg_arena_new(512U << 20);
	struct sg_points_set set = {0};
	struct sg_selector sel = {0};
	int r = arena ? sg_query_selector(match, arena, &sel, err) : -ENOMEM;

	if (r == 0)
		r = sg_selector_compile(&sel, err);
	if (r == 0)
		r = src->reader->select_deltas(src->reader, &sel, 1, h->from_ms,
					       h->from_ms + (int64_t)h->n * h->step_ms, &lim, arena,
					       &set, err);
	for (size_t i = 0; r == 0 && i < set.n; i++)
		r = add_points(h, &set.series[i], err);
	sg_selector_release(&sel);
	return r;
}

int sg_src_heat(struct sg_src *src, const char *match, int64_t from_ms, int64_t to_ms,
		int64_t step_ms, struct sg_heat *ret, struct sg_error *err)
{
	struct sg_heat h = {.step_ms = step_ms};
	int r;

	h.from_ms = from_ms / step_ms * step_ms;
	h.n = (size_t)((to_ms - h.from_ms + step_ms - 1) / step_ms);
	h.columns = calloc(h.n ? h.n : 1, sizeof(*h.columns));
	if (!h.columns)
		return -ENOMEM;
	r = src->reader ? heat_from_store(src, match, &h, err)
			: heat_from_daemon(src, match, &h, err);
	if (r < 0) {
		sg_heat_free(&h);
		return r;
	}
	if (!h.name[0])
		take_text(h.name, sizeof(h.name), match);
	*ret = h;
	return 0;
}
