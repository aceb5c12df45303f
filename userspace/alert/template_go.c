// SPDX-License-Identifier: GPL-2.0
// The functions that Go's templates have themselves.
#include <errno.h>
#include <string.h>

#include "template.h"

int al_give(struct al_run *r, struct sg_buf *b, struct al_value *ret)
{
	const char *s = b->err ? NULL : sg_arena_strdup(r->arena, b->data ? b->data : "");
	int k = b->err == -EMSGSIZE ? -EMSGSIZE : -ENOMEM;

	sg_buf_free(b);
	if (!s)
		return k;
	*ret = (struct al_value){.kind = AL_STRING, .s = s};
	return 0;
}

/* ---- comparison -------------------------------------------------------------------- */

static int compare(struct al_run *r, const struct al_value *a, const struct al_value *b, int *ret)
{
	if (a->kind != b->kind)
		return sg_fail(r->err, -EINVAL,
			       "incompatible types for comparison: %s and %s; write a float as 1.0",
			       al_value_type(a), al_value_type(b));
	switch (a->kind) {
	case AL_BOOL: *ret = (int)a->b - (int)b->b; return 0;
	case AL_INT: *ret = (a->i > b->i) - (a->i < b->i); return 0;
	case AL_FLOAT: *ret = a->f == b->f ? 0 : a->f < b->f ? -1 : a->f > b->f ? 1 : 2; return 0;
	case AL_STRING: *ret = strcmp(a->s, b->s); return 0;
	default:
		return sg_fail(r->err, -EINVAL, "invalid type for comparison: %s",
			       al_value_type(a));
	}
}

static int give_bool(struct al_value *ret, bool b)
{
	*ret = (struct al_value){.kind = AL_BOOL, .b = b};
	return 0;
}

static int fn_eq(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	for (size_t i = 1; i < n; i++) {
		int c = 0, k = compare(r, &args[0], &args[i], &c);

		if (k < 0)
			return k;
		if (c == 0)
			return give_bool(ret, true);
	}
	return give_bool(ret, false);
}

static int fn_ne(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	int c = 0, k = compare(r, &args[0], &args[1], &c);

	return k < 0 ? k : give_bool(ret, c != 0);
}

static int ordered(struct al_run *r, const struct al_value *args, int *c)
{
	if (args[0].kind == AL_BOOL)
		return sg_fail(r->err, -EINVAL, "invalid type for comparison: bool");
	return compare(r, &args[0], &args[1], c);
}

/* A NaN is neither less nor greater: it compares as 2. */
#define ORDER(name, test)                                                                          \
	static int fn_##name(struct al_run *r, const struct al_value *args, size_t n,              \
			     struct al_value *ret)                                                 \
	{                                                                                          \
		int c = 0, k = ordered(r, args, &c);                                               \
                                                                                                   \
		if (k < 0)                                                                         \
			return k;                                                                  \
		if (args[0].kind == AL_FLOAT && c == 2)                                            \
			return give_bool(ret, false);                                              \
		return give_bool(ret, test);                                                       \
	}
ORDER(lt, c < 0)
ORDER(le, c <= 0)
ORDER(gt, c > 0)
ORDER(ge, c >= 0)

static int fn_not(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	return give_bool(ret, !al_value_true(&args[0]));
}

/* ---- collections ------------------------------------------------------------------- */

static int fn_len(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	const struct al_value *v = &args[0];

	*ret = (struct al_value){.kind = AL_INT};
	if (v->kind == AL_STRING)
		ret->i = (int64_t)strlen(v->s);
	else if (v->kind == AL_LABELS)
		ret->i = v->labels->n_labels;
	else if (v->kind == AL_LIST || v->kind == AL_ARGS)
		ret->i = (int64_t)v->list.n;
	else
		return sg_fail(r->err, -EINVAL, "len of type %s", al_value_type(v));
	return 0;
}

static int index_one(struct al_run *r, const struct al_value *key, struct al_value *v)
{
	if (v->kind == AL_LABELS && key->kind == AL_STRING) {
		*v = (struct al_value){.kind = AL_STRING, .s = al_label_value(v->labels, key->s)};
		return 0;
	}
	if (v->kind != AL_LIST || key->kind != AL_INT)
		return sg_fail(r->err, -EINVAL, "can't index item of type %s", al_value_type(v));
	if (key->i < 0 || (uint64_t)key->i >= v->list.n)
		return sg_fail(r->err, -EINVAL, "index out of range: %lld", (long long)key->i);
	*v = v->list.v[key->i];
	return 0;
}

static int fn_index(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	int k = 0;

	*ret = args[0];
	for (size_t i = 1; i < n && k == 0; i++)
		k = index_one(r, &args[i], ret);
	return k;
}

static int fn_slice(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	size_t len = args[0].kind == AL_STRING ? strlen(args[0].s) : args[0].list.n;
	size_t at[2] = {0, len};

	if (args[0].kind != AL_STRING && args[0].kind != AL_LIST)
		return sg_fail(r->err, -EINVAL, "can't slice item of type %s",
			       al_value_type(&args[0]));
	for (size_t i = 1; i < n; i++) {
		if (args[i].kind != AL_INT || args[i].i < 0 || (uint64_t)args[i].i > len)
			return sg_fail(r->err, -EINVAL, "slice: index out of range");
		at[i - 1] = (size_t)args[i].i;
	}
	if (at[0] > at[1])
		return sg_fail(r->err, -EINVAL, "slice: invalid index");
	*ret = args[0];
	if (args[0].kind == AL_STRING) {
		ret->s = sg_arena_strndup(r->arena, args[0].s + at[0], at[1] - at[0]);
		return ret->s ? 0 : -ENOMEM;
	}
	ret->list.v += at[0];
	ret->list.n = at[1] - at[0];
	return 0;
}

/* ---- text -------------------------------------------------------------------------- */

static int fn_print(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	al_print(&b, args, n);
	return al_give(r, &b, ret);
}

static int fn_println(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	for (size_t i = 0; i < n; i++) {
		if (i)
			sg_buf_char(&b, ' ');
		al_value_text(&b, &args[i]);
	}
	sg_buf_char(&b, '\n');
	return al_give(r, &b, ret);
}

static int fn_printf(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	if (args[0].kind != AL_STRING)
		return sg_fail(r->err, -EINVAL, "printf: wrong type of format; expected string");
	al_printf(&b, args[0].s, args + 1, n - 1);
	return al_give(r, &b, ret);
}

static int fn_html(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	sg_auto_buf plain = {.max = AL_TMPL_OUT_MAX};
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	al_print(&plain, args, n);
	for (const char *s = plain.data; s && *s; s++) {
		static const char chars[] = "&<>\"'";
		static const char *const with[] = {"&amp;", "&lt;", "&gt;", "&#34;", "&#39;"};
		const char *at = strchr(chars, *s);

		if (at)
			sg_buf_str(&b, with[at - chars]);
		else
			sg_buf_char(&b, *s);
	}
	return al_give(r, &b, ret);
}

static int fn_urlquery(struct al_run *r, const struct al_value *args, size_t n,
		       struct al_value *ret)
{
	sg_auto_buf plain = {.max = AL_TMPL_OUT_MAX};
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	al_print(&plain, args, n);
	for (const char *s = plain.data; s && *s; s++) {
		bool safe = (*s >= '0' && *s <= '9') || ((*s | 32) >= 'a' && (*s | 32) <= 'z') ||
			    strchr("-_.~", *s);

		if (safe)
			sg_buf_char(&b, *s);
		else if (*s == ' ')
			sg_buf_char(&b, '+');
		else
			sg_buf_printf(&b, "%%%02X", (unsigned char)*s);
	}
	return al_give(r, &b, ret);
}

static int fn_js(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret)
{
	sg_auto_buf plain = {.max = AL_TMPL_OUT_MAX};
	struct sg_buf b = {.max = AL_TMPL_OUT_MAX};

	al_print(&plain, args, n);
	for (const char *s = plain.data; s && *s; s++) {
		if (*s == '\\' || *s == '\'' || *s == '"')
			sg_buf_printf(&b, "\\%c", *s);
		else if (strchr("<>&=", *s) || (unsigned char)*s < 0x20)
			sg_buf_printf(&b, "\\u%04X", (unsigned char)*s);
		else
			sg_buf_char(&b, *s);
	}
	return al_give(r, &b, ret);
}

const struct al_func al_go_funcs[] = {
	{"and", 1, 15, NULL},
	{"or", 1, 15, NULL},
	{"not", 1, 1, fn_not},
	{"eq", 2, 15, fn_eq},
	{"ne", 2, 2, fn_ne},
	{"lt", 2, 2, fn_lt},
	{"le", 2, 2, fn_le},
	{"gt", 2, 2, fn_gt},
	{"ge", 2, 2, fn_ge},
	{"len", 1, 1, fn_len},
	{"index", 1, 15, fn_index},
	{"slice", 1, 3, fn_slice},
	{"print", 0, 15, fn_print},
	{"println", 0, 15, fn_println},
	{"printf", 1, 15, fn_printf},
	{"html", 0, 15, fn_html},
	{"js", 0, 15, fn_js},
	{"urlquery", 0, 15, fn_urlquery},
	{0},
};
