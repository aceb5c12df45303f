// SPDX-License-Identifier: GPL-2.0
/*
 * The picture: stacks become a tree, a node a rectangle as wide as its time. Names are
 * untrusted: all are escaped, and the script takes them as text only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/flame.h>

#define WIDTH 1200.0
#define SIDE 10.0
#define ROW 17
#define TOP 64
#define BOTTOM 14
#define LEAST 0.15 /* of a unit of width; what is narrower is not drawn */
#define LETTER 6.6
#define NODES_BYTES (256u << 20)

struct node {
	const char *name;
	char kind; /* class of its colour: 'r'oot, 'g'roup, 'u'ser, 'k'ernel */
	uint64_t us;
	struct node *children, *next; /* newest first while it is built */
	struct node *parent;
};

struct tree {
	struct sg_arena *arena;
	struct sg_map *by_place; /* of a parent and a name */
	struct node root;
	bool mixed; /* both kinds of stacks */
	size_t depth;
};

static int node_eq(const void *entry, const void *key)
{
	const struct node *a = entry, *b = key;

	return a->parent == b->parent && a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

static struct node *child(struct tree *t, struct node *parent, const char *name, char kind)
{
	struct node want = {.name = name, .kind = kind, .parent = parent}, *n;
	uint64_t hash = sg_hash_str(name, sg_hash(&parent, sizeof(parent), (uint64_t)kind));

	n = sg_map_get(t->by_place, hash, &want);
	if (n)
		return n;
	n = sg_arena_zalloc(t->arena, sizeof(*n));
	if (!n)
		return NULL;
	*n = want;
	n->name = sg_arena_strdup(t->arena, name);
	if (!n->name || sg_map_put(t->by_place, hash, n) < 0)
		return NULL;
	n->next = parent->children;
	return parent->children = n;
}

static int descend(struct tree *t, struct node **at, const char *name, char kind, uint64_t us)
{
	*at = child(t, *at, name, kind);
	if (!*at)
		return -ENOMEM;
	(*at)->us += us;
	return 0;
}

static int add_stack(const struct sg_stack *s, void *ctx)
{
	struct tree *t = ctx;
	struct node *at = &t->root;
	int r = 0;

	if (!s->us)
		return 0;
	t->root.us += s->us;
	if (t->mixed)
		r = descend(t, &at, s->kind == SG_PROFILE_CPU ? "CPU" : "waiting", 'g', s->us);
	if (r == 0)
		r = descend(t, &at, s->cgroup, 'g', s->us);
	if (r == 0)
		r = descend(t, &at, s->comm, 'g', s->us);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = descend(t, &at, s->frames[i], i < s->n - s->n_kernel ? 'u' : 'k', s->us);
	return r;
}

/* ---- drawing ------------------------------------------------------------------------- */

static const char style[] =
	"svg{--b:#fbfaf8;--t:#2b2a27;--m:#6d6a63;--r:#e3dfd6;--g:#cfd8d3;--u:#edc9a0;--k:#a9c3dc;"
	"--h:#c58be0;background:var(--b)}"
	"@media(prefers-color-scheme:dark){svg{--b:#1b1d20;--t:#e6e4df;--m:#9a978f;--r:#34363a;"
	"--g:#3a4a45;--u:#7a5630;--k:#35546f;--h:#84519c}}"
	"text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:var(--t);pointer-events:none}"
	".ti{font-size:15px}.de{fill:var(--m)}"
	".r{fill:var(--r)}.g{fill:var(--g)}.u{fill:var(--u)}.k{fill:var(--k)}"
	"#f rect{stroke:var(--b);stroke-width:.6}#f g{cursor:pointer}#f g:hover rect{stroke:var(--t)}"
	"#f g.s rect{fill:var(--h)}.o{opacity:.45}"
	"#q,#z{cursor:pointer;pointer-events:auto;text-decoration:underline}";

/*
 * Zoom and search. It reads attributes and sets text and numbers, never markup. Frames
 * have their place in data-x and data-w, of 1.
 */
static const char script[] =
	"(function(){var d=document,f=d.getElementById('f'),G=[].slice.call(f.children),"
	"W=+f.dataset.w,S=+f.dataset.s,L=6.6,D=d.getElementById('d');"
	"function fit(g,w){var t=g.querySelector('text'),n=g.dataset.n,k=Math.floor((w-6)/L);"
	"t.textContent=k<3?'':n.length<=k?n:n.slice(0,k-2)+'..';}"
	"function zoom(g){var x=g?+g.dataset.x:0,w=g?+g.dataset.w:1,y=g?+g.dataset.y:0;"
	"G.forEach(function(e){var a=+e.dataset.x,b=+e.dataset.w,up=+e.dataset.y<y,"
	"inn=up?a<=x+1e-9&&a+b>=x+w-1e-9:a>=x-1e-9&&a+b<=x+w+1e-9;"
	"e.style.display=inn?'':'none';if(!inn)return;"
	"var X=up?0:(a-x)/w,B=up?1:b/w,p=S+X*W,q=Math.max(B*W,.1);"
	"e.classList.toggle('o',up&&!!g);"
	"var r=e.querySelector('rect');r.setAttribute('x',p);r.setAttribute('width',q);"
	"e.querySelector('text').setAttribute('x',p+3);fit(e,q);});}"
	"function search(){var s=prompt('Frames whose name contains'),t=0,L=[];if(s===null)return;"
	"G.forEach(function(e){var m=s&&e.dataset.n.indexOf(s)>=0;e.classList.toggle('s',!!m);"
	"if(m)L.push([+e.dataset.x,+e.dataset.w]);});"
	"L.sort(function(a,b){return a[0]-b[0]});var end=0;"
	"L.forEach(function(a){var b=Math.max(a[0],end),c=a[0]+a[1];if(c>b){t+=c-b;end=c;}});"
	"D.textContent=s?'found: '+(100*t).toFixed(1)+' % of the time':'';}"
	"G.forEach(function(e){e.addEventListener('click',function(){zoom(e)});"
	"e.addEventListener('mouseover',function(){"
	"D.textContent=e.querySelector('title').textContent})});"
	"d.getElementById('z').addEventListener('click',function(){zoom(null)});"
	"d.getElementById('q').addEventListener('click',search);})();";

static void put_name(struct sg_buf *b, const struct node *n)
{
	char clean[SG_FRAME_NAME_MAX + 1];

	sg_frame_name_clean(n->name, strlen(n->name), clean);
	sg_html_str(b, clean);
	if (n->kind == 'k')
		sg_buf_str(b, "_[k]");
}

/* As much as fits, whole characters; what is cut ends in "..". */
static void put_label(struct sg_buf *b, const struct node *n, double width)
{
	char text[SG_FRAME_NAME_MAX + 8], clean[SG_FRAME_NAME_MAX + 1];
	size_t room = width > 6 ? (size_t)((width - 6) / LETTER) : 0, len;

	if (room < 3)
		return;
	sg_frame_name_clean(n->name, strlen(n->name), clean);
	snprintf(text, sizeof(text), "%s%s", clean, n->kind == 'k' ? "_[k]" : "");
	len = strlen(text);
	if (len > room) {
		len = room - 2;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		text[len] = '\0';
		sg_html_str(b, text);
		sg_buf_str(b, "..");
		return;
	}
	sg_html_str(b, text);
}

static void put_node(struct sg_buf *b, const struct tree *t, const struct node *n, uint64_t before,
		     size_t level)
{
	double x = (double)before / (double)t->root.us, w = (double)n->us / (double)t->root.us;
	double left = SIDE + x * (WIDTH - 2 * SIDE), width = w * (WIDTH - 2 * SIDE);
	size_t y =
		TOP + level * ROW; /* from the top down: a deep stack pushes nothing out of sight */
	char time[32];

	sg_buf_printf(b, "<g data-x=\"%.9f\" data-w=\"%.9f\" data-y=\"%zu\" data-n=\"", x, w,
		      level);
	put_name(b, n);
	sg_buf_str(b, "\"><title>");
	put_name(b, n);
	sg_buf_printf(b, " - %s, %.2f %%</title>",
		      sg_fmt_seconds((double)n->us * 1e-6, time, sizeof(time)), 100 * w);
	sg_buf_printf(b,
		      "<rect class=\"%c\" x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" "
		      "rx=\"1\"/><text x=\"%.2f\" y=\"%zu\">",
		      n->kind, left, y, width, ROW - 1, left + 3, y + 12);
	put_label(b, n, width);
	sg_buf_str(b, "</text></g>\n");
}

static bool is_drawn(const struct tree *t, const struct node *n)
{
	return (double)n->us / (double)t->root.us * (WIDTH - 2 * SIDE) >= LEAST;
}

/* By name, so that two pictures can be compared. */
static int by_name(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int r = strcmp(x->name, y->name);

	return r ? r : x->kind - y->kind;
}

static int sort_children(struct tree *t, struct node *n)
{
	struct node **all;
	size_t count = 0, i = 0;

	for (struct node *c = n->children; c; c = c->next)
		count++;
	if (count < 2)
		return 0;
	all = calloc(count, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (struct node *c = n->children; c; c = c->next)
		all[i++] = c;
	qsort(all, count, sizeof(*all), by_name);
	for (i = 0; i < count; i++)
		all[i]->next = i + 1 < count ? all[i + 1] : NULL;
	n->children = all[0];
	free(all);
	return 0;
}

/* Depth is bounded by that of stacks. */
static int measure(struct tree *t, struct node *n, size_t level)
{
	int r = sort_children(t, n);

	t->depth = SG_MAX(t->depth, level);
	for (struct node *c = n->children; r == 0 && c; c = c->next)
		if (is_drawn(t, c))
			r = measure(t, c, level + 1);
	return r;
}

static void draw(struct sg_buf *b, const struct tree *t, const struct node *n, uint64_t before,
		 size_t level)
{
	put_node(b, t, n, before, level);
	for (const struct node *c = n->children; c && !b->err; c = c->next) {
		if (is_drawn(t, c))
			draw(b, t, c, before, level + 1);
		before += c->us;
	}
}

static void put_frame(struct sg_buf *b, const struct tree *t, const char *title)
{
	size_t height = TOP + (t->depth + 1) * ROW + BOTTOM;
	char clean[SG_FRAME_NAME_MAX + 1];

	sg_frame_name_clean(title, strlen(title), clean);
	sg_buf_printf(b,
		      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %zu\" "
		      "width=\"%.0f\" height=\"%zu\" role=\"img\">\n<title>",
		      WIDTH, height, WIDTH, height);
	sg_html_str(b, clean);
	sg_buf_printf(b, "</title>\n<style>%s</style>\n<text class=\"ti\" x=\"%.0f\" y=\"24\">",
		      style, SIDE);
	sg_html_str(b, clean);
	sg_buf_printf(b,
		      "</text>\n<text class=\"de\" id=\"d\" x=\"%.0f\" y=\"46\"></text>\n"
		      "<text id=\"z\" x=\"%.0f\" y=\"24\">whole</text>\n"
		      "<text id=\"q\" x=\"%.0f\" y=\"24\">search</text>\n"
		      "<g id=\"f\" data-w=\"%.0f\" data-s=\"%.0f\">\n",
		      SIDE, WIDTH - 110, WIDTH - 60, WIDTH - 2 * SIDE, SIDE);
	draw(b, t, &t->root, 0, 0);
	sg_buf_printf(b, "</g>\n<script><![CDATA[%s]]></script>\n</svg>\n", script);
}

static int see_kind(const struct sg_stack *s, void *ctx)
{
	unsigned int *kinds = ctx;

	*kinds |= 1u << s->kind;
	return 0;
}

static int build(struct tree *t, const struct sg_profile *p)
{
	unsigned int kinds = 0;
	int r;

	t->arena = sg_arena_new(NODES_BYTES);
	t->by_place = sg_map_new(node_eq);
	if (!t->arena || !t->by_place)
		return -ENOMEM;
	sg_profile_each(p, see_kind, &kinds);
	t->mixed = kinds == 3;
	r = sg_profile_each(p, add_stack, t);
	if (r == 0 && !t->root.us)
		r = -ENODATA;
	return r < 0 ? r : measure(t, &t->root, 0);
}

int sg_flame_svg(struct sg_buf *b, const struct sg_profile *p, const char *title)
{
	struct tree t = {.root = {.name = "all", .kind = 'r'}};
	int r = build(&t, p);

	if (r == 0)
		put_frame(b, &t, title);
	sg_map_free(t.by_place);
	sg_arena_free(t.arena);
	return r < 0 ? r : b->err;
}
