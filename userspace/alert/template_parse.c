// SPDX-License-Identifier: GPL-2.0
// The parser of templates: text, actions, pipelines, operands.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "template_parse.h"

static unsigned int line_of(const struct parser *p)
{
	unsigned int n = 1;

	for (const char *c = p->start; c < p->s; c++)
		n += *c == '\n';
	return n;
}

void al_tmpl_say_wrong(const struct parser *p, const char *fmt, ...)
{
	char msg[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	sg_fail(p->err, -EINVAL, "line %u: %s", line_of(p), msg);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static void skip_space(struct parser *p)
{
	while (is_space(*p->s))
		p->s++;
}

static bool at_end(const struct parser *p)
{
	return !strncmp(p->s, "}}", 2) || (p->s[0] == '-' && !strncmp(p->s + 1, "}}", 2));
}

/* The word here, as a copy; NULL: no memory. */
static char *take_word(struct parser *p, size_t from)
{
	const char *start = p->s;
	size_t n = from;

	while (is_word(start[n]))
		n++;
	p->s += n;
	return sg_arena_strndup(p->arena, start, n);
}

static bool peek_word(const struct parser *p, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(p->s, word, n) && !is_word(p->s[n]);
}

static bool take_keyword(struct parser *p, const char *word)
{
	if (!peek_word(p, word))
		return false;
	p->s += strlen(word);
	skip_space(p);
	return true;
}

static bool known_var(const struct parser *p, const char *name)
{
	for (size_t i = p->n_vars; i > 0; i--)
		if (!strcmp(p->vars[i - 1], name))
			return true;
	return false;
}

static int declare(struct parser *p, const char *name)
{
	if (p->n_vars == AL_TMPL_VARS_MAX)
		return wrong(p, "too many variables: at most %d", AL_TMPL_VARS_MAX);
	p->vars[p->n_vars++] = name;
	return 0;
}

/* ---- operands and pipelines -------------------------------------------------------- */

static int pipeline(struct parser *p, bool may_declare, struct al_pipe **ret);

static int fields(struct parser *p, struct al_field **to)
{
	while (p->s[0] == '.' && is_word(p->s[1])) {
		struct al_field *f = sg_arena_zalloc(p->arena, sizeof(*f));

		p->s++;
		if (!f || !(f->name = take_word(p, 0)))
			return -ENOMEM;
		*to = f;
		to = &f->next;
	}
	return 0;
}

static int variable(struct parser *p, struct al_operand *o)
{
	o->kind = AL_OP_VAR;
	o->name = take_word(p, 1);
	if (!o->name)
		return -ENOMEM;
	if (!known_var(p, o->name))
		return wrong(
			p,
			"undefined variable %.60s; there are $labels, $value and $externalLabels",
			o->name);
	return 0;
}

static const char *nearest_func(const char *name)
{
	const struct al_func *const tables[] = {al_go_funcs, al_prom_funcs};
	const char *best = NULL;
	unsigned int least = 3;

	for (size_t t = 0; strlen(name) < 60 && t < ARRAY_SIZE(tables); t++)
		for (const struct al_func *f = tables[t]; f->name; f++)
			if (sg_distance(name, f->name) < least) {
				best = f->name;
				least = sg_distance(name, f->name);
			}
	return best;
}

static int identifier(struct parser *p, struct al_operand *o)
{
	const char *name = take_word(p, 0), *near;

	if (!name)
		return -ENOMEM;
	o->kind = AL_OP_VALUE;
	if (!strcmp(name, "true") || !strcmp(name, "false")) {
		o->value = (struct al_value){.kind = AL_BOOL, .b = *name == 't'};
		return 0;
	}
	if (!strcmp(name, "nil"))
		return 0;
	o->kind = AL_OP_FUNC;
	o->func = al_func_find(name);
	if (o->func)
		return 0;
	near = nearest_func(name);
	return wrong(p, "function \"%.60s\" not defined%s%s%s", name, near ? "; did you mean " : "",
		     near ? near : "", near ? "?" : "");
}

static int bracketed(struct parser *p, struct al_operand *o)
{
	int r;

	o->kind = AL_OP_PIPE;
	p->s++;
	r = pipeline(p, false, &o->pipe);
	if (r < 0)
		return r;
	if (*p->s != ')')
		return wrong(p, "a bracket that is not closed");
	p->s++;
	return 0;
}

static int operand_start(struct parser *p, struct al_operand *o)
{
	char c = *p->s;

	if (c == '"' || c == '`') {
		o->value.kind = AL_STRING;
		return c == '"' ? al_tmpl_quoted(p, &o->value.s)
				: al_tmpl_raw_string(p, &o->value.s);
	}
	if (c == '\'')
		return al_tmpl_character(p, &o->value);
	if (isdigit((unsigned char)c) || ((c == '+' || c == '-') && p->s[1]) ||
	    (c == '.' && isdigit((unsigned char)p->s[1])))
		return al_tmpl_number(p, &o->value);
	if (c == '.') {
		o->kind = AL_OP_DOT;
		p->s += !is_word(p->s[1]);
		return 0;
	}
	if (c == '$')
		return variable(p, o);
	if (c == '(')
		return bracketed(p, o);
	if (is_word(c))
		return identifier(p, o);
	return *p->s ? wrong(p, "unexpected \"%.12s\"", p->s)
		     : wrong(p, "the action is not closed: }} is missing");
}

static int operand(struct parser *p, struct al_operand **ret)
{
	struct al_operand *o = sg_arena_zalloc(p->arena, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	r = operand_start(p, o);
	if (r == 0 && (o->kind != AL_OP_VALUE && o->kind != AL_OP_FUNC))
		r = fields(p, &o->fields);
	if (r < 0)
		return r;
	if (!is_space(*p->s) && !at_end(p) && !strchr(")|,:=", *p->s))
		return wrong(p, "unexpected \"%.12s\" after an operand", p->s);
	skip_space(p);
	*ret = o;
	return 0;
}

static int check_arguments(struct parser *p, const struct al_command *c, bool piped)
{
	if (c->first->kind != AL_OP_FUNC && (piped || c->first->next))
		return wrong(p, "what is not a function can take no arguments");
	return 0;
}

static int command(struct parser *p, bool piped, struct al_command **ret)
{
	struct al_command *c = sg_arena_zalloc(p->arena, sizeof(*c));
	struct al_operand **to = c ? &c->first : NULL;
	int r = c ? 0 : -ENOMEM;

	while (r == 0 && !at_end(p) && *p->s != ')' && *p->s != '|') {
		r = operand(p, to);
		if (r == 0)
			to = &(*to)->next;
	}
	if (r < 0)
		return r;
	if (!c->first)
		return wrong(p, "a value is missing");
	*ret = c;
	return check_arguments(p, c, piped);
}

/* "$i, $e :=", when it is one; p->s moves behind it only then. */
static int declarations(struct parser *p, struct al_pipe *pipe)
{
	const char *back = p->s;
	const char *names[2];
	size_t n = 0;

	while (*p->s == '$' && n < 2) {
		names[n] = take_word(p, 1);
		if (!names[n++])
			return -ENOMEM;
		skip_space(p);
		if (*p->s != ',')
			break;
		p->s++;
		skip_space(p);
	}
	if (n && (!strncmp(p->s, ":=", 2) || (*p->s == '=' && n == 1))) {
		pipe->assigns = *p->s == '=';
		p->s += pipe->assigns ? 1 : 2;
		memcpy(pipe->vars, names, n * sizeof(*names));
		pipe->n_vars = n;
		skip_space(p);
		return 0;
	}
	p->s = back;
	return 0;
}

static int use_declarations(struct parser *p, const struct al_pipe *pipe)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < pipe->n_vars; i++) {
		if (!pipe->assigns)
			r = declare(p, pipe->vars[i]);
		else if (!known_var(p, pipe->vars[i]))
			r = wrong(p, "undefined variable %.60s", pipe->vars[i]);
	}
	return r;
}

static int commands(struct parser *p, struct al_pipe *pipe)
{
	struct al_command **to = &pipe->first;

	for (;;) {
		int r = command(p, to != &pipe->first, to);

		if (r < 0)
			return r;
		if (*p->s != '|')
			return 0;
		to = &(*to)->next;
		p->s++;
		skip_space(p);
	}
}

static int pipeline(struct parser *p, bool may_declare, struct al_pipe **ret)
{
	struct al_pipe *pipe = sg_arena_zalloc(p->arena, sizeof(*pipe));
	int r;

	if (!pipe)
		return -ENOMEM;
	if (++p->depth > AL_TMPL_DEPTH_MAX)
		return wrong(p, "nested too deeply");
	skip_space(p);
	r = may_declare ? declarations(p, pipe) : 0;
	if (r == 0)
		r = commands(p, pipe);
	if (r == 0)
		r = use_declarations(p, pipe);
	p->depth--;
	*ret = pipe;
	return r;
}

/* ---- text and actions -------------------------------------------------------------- */

static int close_action(struct parser *p)
{
	skip_space(p);
	if (!at_end(p))
		return wrong(p, "unexpected \"%.12s\" in an action", p->s);
	p->trim = *p->s == '-';
	p->s += p->trim ? 3 : 2;
	return 0;
}

static struct al_node *new_node(struct parser *p, enum al_node_kind kind)
{
	struct al_node *n = sg_arena_zalloc(p->arena, sizeof(*n));

	if (n)
		n->kind = kind;
	return n;
}

enum stop { STOP_EOF, STOP_END, STOP_ELSE };
static int list(struct parser *p, struct al_node **ret, enum stop *stop);
static int control(struct parser *p, enum al_node_kind kind, struct al_node **ret);

/* What follows the body: {{end}}, {{else}} ... {{end}}, or {{else if ...}}. */
static int else_part(struct parser *p, struct al_node *n)
{
	enum stop stop;
	int r;

	if (take_keyword(p, "if"))
		return control(p, AL_NODE_IF, &n->other);
	if (take_keyword(p, "with"))
		return wrong(p, "else with is not supported; write else, and with inside it");
	r = close_action(p);
	if (r == 0)
		r = list(p, &n->other, &stop);
	if (r == 0 && stop != STOP_END)
		r = wrong(p, stop == STOP_EOF ? "an {{end}} is missing" : "a second {{else}}");
	return r == 0 ? close_action(p) : r;
}

static int control_body(struct parser *p, struct al_node *n)
{
	enum stop stop;
	int r = close_action(p);

	p->loops += n->kind == AL_NODE_RANGE;
	if (r == 0)
		r = list(p, &n->body, &stop);
	p->loops -= n->kind == AL_NODE_RANGE;
	if (r < 0)
		return r;
	if (stop == STOP_EOF)
		return wrong(p, "an {{end}} is missing");
	return stop == STOP_ELSE ? else_part(p, n) : close_action(p);
}

static int control(struct parser *p, enum al_node_kind kind, struct al_node **ret)
{
	struct al_node *n = new_node(p, kind);
	size_t vars = p->n_vars;
	int r;

	if (!n)
		return -ENOMEM;
	if (++p->depth > AL_TMPL_DEPTH_MAX)
		return wrong(p, "nested too deeply");
	r = pipeline(p, true, &n->pipe);
	if (r == 0 && n->pipe->n_vars == 2 && kind != AL_NODE_RANGE)
		r = wrong(p, "only range sets two variables");
	if (r == 0)
		r = control_body(p, n);
	p->depth--;
	p->n_vars = vars;
	*ret = n;
	return r;
}

static int leave_loop(struct parser *p, enum al_node_kind kind, struct al_node **ret)
{
	if (!p->loops)
		return wrong(p, "break and continue stand within range only");
	*ret = new_node(p, kind);
	return *ret ? close_action(p) : -ENOMEM;
}

static int simple_action(struct parser *p, struct al_node **ret)
{
	int r;

	*ret = new_node(p, AL_NODE_ACTION);
	if (!*ret)
		return -ENOMEM;
	r = pipeline(p, true, &(*ret)->pipe);
	if (r == 0 && (*ret)->pipe->n_vars == 2)
		r = wrong(p, "only range sets two variables");
	return r == 0 ? close_action(p) : r;
}

/* The inside of {{ }}. *ret stays NULL for what leaves nothing behind. */
static int action(struct parser *p, struct al_node **ret, enum stop *stop)
{
	static const char *const unsupported[] = {"define", "template", "block"};

	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (peek_word(p, unsupported[i]))
			return wrong(p, "{{%s}} is not supported", unsupported[i]);
	if (take_keyword(p, "if"))
		return control(p, AL_NODE_IF, ret);
	if (take_keyword(p, "with"))
		return control(p, AL_NODE_WITH, ret);
	if (take_keyword(p, "range"))
		return control(p, AL_NODE_RANGE, ret);
	if (take_keyword(p, "break"))
		return leave_loop(p, AL_NODE_BREAK, ret);
	if (take_keyword(p, "continue"))
		return leave_loop(p, AL_NODE_CONTINUE, ret);
	if (take_keyword(p, "end"))
		return *stop = STOP_END, 0;
	if (take_keyword(p, "else"))
		return *stop = STOP_ELSE, 0;
	return simple_action(p, ret);
}

static int comment(struct parser *p)
{
	const char *end = strstr(p->s, "*/");

	if (!end)
		return wrong(p, "a comment that is not closed");
	p->s = end + 2;
	return close_action(p);
}

static int text_node(struct parser *p, struct al_node **ret)
{
	const char *end = strstr(p->s, "{{"), *from = p->s;
	size_t n;

	if (p->trim)
		from += strspn(from, " \t\r\n");
	p->trim = false;
	if (!end)
		end = p->s + strlen(p->s);
	p->s = end;
	if (from > end)
		from = end;
	n = (size_t)(end - from);
	if (end[0] && end[2] == '-' && is_space(end[3]))
		while (n && is_space(from[n - 1]))
			n--;
	*ret = NULL;
	if (!n)
		return 0;
	*ret = new_node(p, AL_NODE_TEXT);
	if (!*ret)
		return -ENOMEM;
	(*ret)->text = from;
	(*ret)->len = n;
	return 0;
}

static int open_action(struct parser *p, struct al_node **ret, enum stop *stop)
{
	*ret = NULL;
	p->s += 2;
	if (p->s[0] == '-' && is_space(p->s[1]))
		p->s += 2;
	if (!strncmp(p->s, "/*", 2))
		return comment(p);
	skip_space(p);
	return action(p, ret, stop);
}

static int list(struct parser *p, struct al_node **ret, enum stop *stop)
{
	size_t vars = p->n_vars;
	struct al_node *n;
	int r = 0;

	*stop = STOP_EOF;
	while (r == 0 && *p->s) {
		r = text_node(p, &n);
		if (n) {
			*ret = n;
			ret = &n->next;
		}
		if (r < 0 || !*p->s)
			break;
		r = open_action(p, &n, stop);
		if (r == 0 && n) {
			*ret = n;
			ret = &n->next;
		}
		if (*stop != STOP_EOF)
			break;
	}
	p->n_vars = vars;
	return r;
}

int al_tmpl_parse(const char *text, struct sg_arena *arena, struct al_tmpl *ret,
		  struct sg_error *err)
{
	struct parser p = {.arena = arena,
			   .err = err,
			   .vars = {"$", "$labels", "$externalLabels", "$externalURL", "$value"},
			   .n_vars = 5};
	enum stop stop;
	int r;

	if (strlen(text) > AL_TMPL_TEXT_MAX)
		return sg_fail(err, -EINVAL, "line 1: longer than %u bytes", AL_TMPL_TEXT_MAX);
	p.s = p.start = sg_arena_strdup(arena, text);
	if (!p.s)
		return -ENOMEM;
	*ret = (struct al_tmpl){NULL};
	r = list(&p, &ret->first, &stop);
	if (r == 0 && stop != STOP_EOF)
		r = wrong(&p, "unexpected {{%s}}", stop == STOP_END ? "end" : "else");
	return r;
}
