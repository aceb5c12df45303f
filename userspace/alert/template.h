/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The templates of labels and annotations: Go's text/template with Prometheus' functions, as
 * far as rule files use them. Not there: define, template and block.
 *
 * Whoever wrote the values is not trusted: an expansion is bounded in steps, bytes, queries
 * and depth, and what a value holds is never read as a template.
 */
#ifndef ALERT_TEMPLATE_H
#define ALERT_TEMPLATE_H

#include <sgprobe/alert_rules.h>

#define AL_TMPL_TEXT_MAX (64U << 10) /* bytes of a template */
#define AL_TMPL_OUT_MAX (64U << 10) /* bytes of an expansion */
#define AL_TMPL_DEPTH_MAX 64
#define AL_TMPL_STEPS_MAX 100000
#define AL_TMPL_QUERIES_MAX 16
#define AL_TMPL_VARS_MAX 64

enum al_kind {
	AL_NIL,
	AL_BOOL,
	AL_INT,
	AL_FLOAT,
	AL_STRING,
	AL_LABELS, /* a map of names to values; the metric's name is among them */
	AL_LIST,
	AL_SAMPLE, /* one element of a query's answer */
	AL_ARGS, /* what args makes: arg0, arg1 ... */
	AL_ROOT, /* what . is at first */
};

struct al_value {
	enum al_kind kind;
	union {
		bool b;
		int64_t i;
		double f;
		const char *s;
		const struct sg_series *labels;
		struct {
			const struct al_value *v;
			size_t n;
		} list; /* and args */
		struct {
			const struct sg_series *labels;
			double value;
		} sample;
	};
};

/* The text that is shown for a value, as Go's %v. */
void al_value_text(struct sg_buf *b, const struct al_value *v);
const char *al_value_type(const struct al_value *v);
bool al_value_true(const struct al_value *v);
const char *al_label_value(const struct sg_series *s, const char *name);
/* The name of s becomes a label, as templates see it. In the arena; NULL: no memory. */
const struct sg_series *al_labels_of(struct sg_arena *a, const struct sg_series *s);

/* ---- the tree ---------------------------------------------------------------------- */

enum al_node_kind {
	AL_NODE_TEXT,
	AL_NODE_ACTION,
	AL_NODE_IF,
	AL_NODE_WITH,
	AL_NODE_RANGE,
	AL_NODE_BREAK,
	AL_NODE_CONTINUE
};
enum al_operand_kind { AL_OP_VALUE, AL_OP_DOT, AL_OP_VAR, AL_OP_FUNC, AL_OP_PIPE };

struct al_func;
struct al_pipe;
struct al_field {
	const char *name;
	struct al_field *next;
};
struct al_operand {
	enum al_operand_kind kind;
	struct al_value value;
	const char *name; /* of a variable, with its $ */
	const struct al_func *func;
	struct al_pipe *pipe;
	struct al_field *fields; /* .a.b behind it */
	struct al_operand *next;
};
struct al_command {
	struct al_operand *first;
	struct al_command *next;
};
struct al_pipe {
	const char *vars[2];
	size_t n_vars;
	bool assigns; /* = and not := */
	struct al_command *first;
};
struct al_node {
	enum al_node_kind kind;
	const char *text;
	size_t len;
	struct al_pipe *pipe;
	struct al_node *body, *other; /* other: of else */
	struct al_node *next;
};
struct al_tmpl {
	struct al_node *first;
};

/*
 * The tree lies in the arena, as does a copy of the text. -EINVAL: err says what is wrong, with
 * the line within the text ("line 2: ..."); -ENOMEM.
 */
int al_tmpl_parse(const char *text, struct sg_arena *arena, struct al_tmpl *ret,
		  struct sg_error *err);

/* ---- expansion --------------------------------------------------------------------- */

struct al_tmpl_data {
	const struct sg_series *labels; /* of the result's element, with its name */
	const struct sg_series *external_labels;
	const char *external_url;
	double value;
	int64_t now_ms;
	const struct sg_rule_query *query; /* NULL: query is an error */
};

struct al_run {
	const struct al_tmpl_data *data;
	struct sg_arena *arena; /* for what lives as long as the expansion */
	struct sg_buf *out;
	struct sg_error *err;
	unsigned int steps, queries, depth;
	size_t n_vars;
	struct {
		const char *name;
		struct al_value value;
	} vars[AL_TMPL_VARS_MAX];
};

/*
 * Appends the expansion to out. -EINVAL: something in it cannot be computed, err says what;
 * -EMSGSIZE: too much text; -E2BIG: too many steps; -ENOMEM.
 */
int al_tmpl_run(const struct al_tmpl *t, const struct al_tmpl_data *d, struct sg_arena *arena,
		struct sg_buf *out, struct sg_error *err);

/* ---- functions --------------------------------------------------------------------- */

typedef int (*al_func_run)(struct al_run *r, const struct al_value *args, size_t n,
			   struct al_value *ret);
struct al_func {
	const char *name;
	unsigned char min, max; /* arguments */
	al_func_run run; /* NULL: and, or: evaluated by the runner, as far as needed */
};
/* Both tables together; NULL: there is no such function. */
const struct al_func *al_func_find(const char *name);
extern const struct al_func al_go_funcs[], al_prom_funcs[]; /* ended by a row without a name */

/* template_human.c */
int al_fn_humanize(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret);
int al_fn_humanize1024(struct al_run *r, const struct al_value *args, size_t n,
		       struct al_value *ret);
int al_fn_humanize_duration(struct al_run *r, const struct al_value *args, size_t n,
			    struct al_value *ret);
int al_fn_humanize_percentage(struct al_run *r, const struct al_value *args, size_t n,
			      struct al_value *ret);
int al_fn_humanize_timestamp(struct al_run *r, const struct al_value *args, size_t n,
			     struct al_value *ret);
int al_fn_to_time(struct al_run *r, const struct al_value *args, size_t n, struct al_value *ret);

/* What the functions share. */
int al_to_float(struct al_run *r, const struct al_value *v, double *ret);
int al_give(struct al_run *r, struct sg_buf *b, struct al_value *ret); /* a string; frees b */
/* Go's fmt.Sprintf. */
void al_printf(struct sg_buf *b, const char *fmt, const struct al_value *args, size_t n);
void al_print(struct sg_buf *b, const struct al_value *args, size_t n); /* fmt.Sprint */
void al_put_g(struct sg_buf *b, double v, int precision); /* %g; precision -1: shortest */

#endif
