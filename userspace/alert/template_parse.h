/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the template parser share. */
#ifndef ALERT_TEMPLATE_PARSE_H
#define ALERT_TEMPLATE_PARSE_H

#include "template.h"

struct parser {
	const char *s; /* where it is */
	const char *start;
	struct sg_arena *arena;
	struct sg_error *err;
	unsigned int depth, loops;
	const char *vars[AL_TMPL_VARS_MAX];
	size_t n_vars;
	bool trim; /* the text that follows, at its beginning */
};

/* wrong(p, fmt, ...): fills the error with "line N: ..."; -EINVAL. */
#define wrong(p, ...) (al_tmpl_say_wrong(p, __VA_ARGS__), -EINVAL)
void al_tmpl_say_wrong(const struct parser *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* template_const.c: what stands at p->s, which moves behind it. */
int al_tmpl_quoted(struct parser *p, const char **ret); /* "...", or '.': the bytes in it */
int al_tmpl_raw_string(struct parser *p, const char **ret);
int al_tmpl_character(struct parser *p, struct al_value *v);
int al_tmpl_number(struct parser *p, struct al_value *v);

#endif
