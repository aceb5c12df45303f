// SPDX-License-Identifier: GPL-2.0
// Values as text, as Go's package fmt writes them.
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "template.h"

const char *al_value_type(const struct al_value *v)
{
	static const char *const names[] = {"nil",
					    "bool",
					    "int",
					    "float64",
					    "string",
					    "map[string]string",
					    "template.queryResult",
					    "*template.sample",
					    "map[string]interface {}",
					    "template data"};

	return names[v->kind];
}

bool al_value_true(const struct al_value *v)
{
	switch (v->kind) {
	case AL_NIL: return false;
	case AL_BOOL: return v->b;
	case AL_INT: return v->i != 0;
	case AL_FLOAT: return v->f != 0;
	case AL_STRING: return *v->s;
	case AL_LABELS: return v->labels->n_labels;
	case AL_LIST:
	case AL_ARGS: return v->list.n;
	default: return true;
	}
}

static bool put_special(struct sg_buf *b, double v)
{
	if (isnan(v))
		sg_buf_str(b, "NaN");
	else if (isinf(v))
		sg_buf_str(b, v > 0 ? "+Inf" : "-Inf");
	return isnan(v) || isinf(v);
}

void al_put_g(struct sg_buf *b, double v, int precision)
{
	char text[64];
	int exponent;

	if (put_special(b, v))
		return;
	if (precision >= 0) {
		sg_buf_printf(b, "%.*g", SG_MIN(precision, 40), v);
		return;
	}
	/* The shortest digits that read back; an exponent from a million on. */
	for (precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	if (exponent < -4 || exponent >= 6)
		sg_buf_str(b, text);
	else
		sg_buf_printf(b, "%.*f", SG_MAX(precision - exponent, 0), v);
}

static void put_labels(struct sg_buf *b, const struct sg_series *s)
{
	sg_buf_str(b, "map[");
	for (size_t i = 0; i < s->n_labels; i++)
		sg_buf_printf(b, "%s%s:%s", i ? " " : "", s->labels[i].name, s->labels[i].value);
	sg_buf_char(b, ']');
}

const char *al_label_value(const struct sg_series *s, const char *name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (!strcmp(s->labels[i].name, name))
			return s->labels[i].value;
	return "";
}

static void put_list(struct sg_buf *b, const struct al_value *v)
{
	sg_buf_char(b, '[');
	for (size_t i = 0; i < v->list.n; i++) {
		if (i)
			sg_buf_char(b, ' ');
		al_value_text(b, &v->list.v[i]);
	}
	sg_buf_char(b, ']');
}

void al_value_text(struct sg_buf *b, const struct al_value *v)
{
	switch (v->kind) {
	case AL_NIL: sg_buf_str(b, "<no value>"); break;
	case AL_BOOL: sg_buf_str(b, v->b ? "true" : "false"); break;
	case AL_INT: sg_buf_printf(b, "%" PRId64, v->i); break;
	case AL_FLOAT: al_put_g(b, v->f, -1); break;
	case AL_STRING: sg_buf_str(b, v->s); break;
	case AL_LABELS: put_labels(b, v->labels); break;
	case AL_LIST:
	case AL_ARGS: put_list(b, v); break;
	case AL_SAMPLE:
		sg_buf_str(b, "{");
		put_labels(b, v->sample.labels);
		sg_buf_char(b, ' ');
		al_put_g(b, v->sample.value, -1);
		sg_buf_char(b, '}');
		break;
	case AL_ROOT: sg_buf_str(b, "{}"); break;
	}
}

void al_print(struct sg_buf *b, const struct al_value *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && args[i].kind != AL_STRING && args[i - 1].kind != AL_STRING)
			sg_buf_char(b, ' ');
		al_value_text(b, &args[i]);
	}
}

/* ---- printf ------------------------------------------------------------------------ */

struct spec {
	bool minus, plus, sharp, space, zero;
	int width, precision; /* -1: none */
	char verb;
};

static int number(const char **p)
{
	int n = 0;

	while (isdigit((unsigned char)**p)) {
		n = SG_MIN(n * 10 + (**p - '0'), 1000);
		(*p)++;
	}
	return n;
}

static void parse_spec(const char **p, struct spec *s)
{
	*s = (struct spec){.width = -1, .precision = -1};
	for (;; (*p)++) {
		switch (**p) {
		case '-': s->minus = true; continue;
		case '+': s->plus = true; continue;
		case '#': s->sharp = true; continue;
		case ' ': s->space = true; continue;
		case '0': s->zero = true; continue;
		default: break;
		}
		break;
	}
	if (isdigit((unsigned char)**p))
		s->width = number(p);
	if (**p == '.') {
		(*p)++;
		s->precision = number(p);
	}
	s->verb = **p;
	*p += **p != '\0';
}

static size_t runes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void pad(struct sg_buf *b, const struct spec *s, const char *text)
{
	size_t n = runes(text), width = s->width > 0 ? (size_t)s->width : 0;
	bool sign = s->zero && !s->minus && (*text == '-' || *text == '+');

	if (sign)
		sg_buf_char(b, *text++);
	for (size_t i = n; !s->minus && i < width; i++)
		sg_buf_char(b, s->zero ? '0' : ' ');
	sg_buf_str(b, text);
	for (size_t i = n; s->minus && i < width; i++)
		sg_buf_char(b, ' ');
}

static void float_text(struct sg_buf *b, const struct spec *s, double v)
{
	int precision = s->precision;

	if ((s->plus || s->space) && !signbit(v) && !isinf(v) && !isnan(v))
		sg_buf_char(b, s->plus ? '+' : ' ');
	if (put_special(b, v))
		return;
	if (s->verb == 'g' || s->verb == 'v')
		al_put_g(b, v, precision);
	else if (s->verb == 'e')
		sg_buf_printf(b, "%.*e", precision < 0 ? 6 : SG_MIN(precision, 40), v);
	else
		sg_buf_printf(b, "%.*f", precision < 0 ? 6 : SG_MIN(precision, 40), v);
}

static void int_text(struct sg_buf *b, const struct spec *s, int64_t v)
{
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	if (v < 0)
		sg_buf_char(b, '-');
	else if (s->plus || s->space)
		sg_buf_char(b, s->plus ? '+' : ' ');
	if (s->verb == 'x')
		sg_buf_printf(b, "%s%" PRIx64, s->sharp ? "0x" : "", u);
	else if (s->verb == 'X')
		sg_buf_printf(b, "%s%" PRIX64, s->sharp ? "0X" : "", u);
	else if (s->verb == 'o')
		sg_buf_printf(b, "%" PRIo64, u);
	else
		sg_buf_printf(b, "%" PRIu64, u);
}

static void quoted_text(struct sg_buf *b, const char *s)
{
	sg_buf_char(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			sg_buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			sg_buf_str(b, "\\n");
		else if (*s == '\t')
			sg_buf_str(b, "\\t");
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			sg_buf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			sg_buf_char(b, *s);
	}
	sg_buf_char(b, '"');
}

static void string_text(struct sg_buf *b, const struct spec *s, const char *v)
{
	size_t n = 0, left = s->precision < 0 ? SIZE_MAX : (size_t)s->precision;

	while (v[n] && (left || (v[n] & 0xc0) == 0x80))
		left -= (v[n++] & 0xc0) != 0x80;
	if (s->verb == 'q') {
		quoted_text(b, v);
	} else if (s->verb == 'x') {
		for (size_t i = 0; i < n; i++)
			sg_buf_printf(b, "%02x", (unsigned char)v[i]);
	} else {
		sg_buf_add(b, v, n);
	}
}

static bool verb_fits(const struct spec *s, const struct al_value *v)
{
	static const char *const verbs[] = {
		[AL_BOOL] = "vt", [AL_INT] = "vdxXoc", [AL_FLOAT] = "vgeEfF", [AL_STRING] = "vsqx"};

	if (v->kind >= ARRAY_SIZE(verbs) || !verbs[v->kind])
		return s->verb == 'v' || s->verb == 's';
	return strchr(verbs[v->kind], s->verb);
}

static void put_arg(struct sg_buf *b, const struct spec *s, const struct al_value *v)
{
	sg_auto_buf t = {.max = 1 << 20};

	if (!verb_fits(s, v)) {
		sg_buf_printf(b, "%%!%c(%s=", s->verb, al_value_type(v));
		al_value_text(b, v);
		sg_buf_char(b, ')');
		return;
	}
	if (v->kind == AL_FLOAT)
		float_text(&t, s, v->f);
	else if (v->kind == AL_INT && s->verb != 'c')
		int_text(&t, s, v->i);
	else if (v->kind == AL_INT)
		sg_buf_char(&t, v->i > 0 && v->i < 0x80 ? (char)v->i : '?');
	else if (v->kind == AL_STRING)
		string_text(&t, s, v->s);
	else
		al_value_text(&t, v);
	pad(b, s, t.data ? t.data : "");
}

static void put_extra(struct sg_buf *b, const struct al_value *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sg_buf_printf(b, "%s%s=", i ? ", " : "%!(EXTRA ", al_value_type(&args[i]));
		al_value_text(b, &args[i]);
	}
	if (n)
		sg_buf_char(b, ')');
}

void al_printf(struct sg_buf *b, const char *fmt, const struct al_value *args, size_t n)
{
	size_t used = 0;

	while (*fmt && !b->err) {
		struct spec s;

		if (*fmt != '%') {
			sg_buf_char(b, *fmt++);
			continue;
		}
		fmt++;
		parse_spec(&fmt, &s);
		if (s.verb == '%')
			sg_buf_char(b, '%');
		else if (!s.verb)
			sg_buf_str(b, "%!(NOVERB)");
		else if (used == n)
			sg_buf_printf(b, "%%!%c(MISSING)", s.verb);
		else
			put_arg(b, &s, &args[used++]);
	}
	put_extra(b, args + used, n - used);
}
