// SPDX-License-Identifier: GPL-2.0
// The part of 'sgprobe doctor' about hooks: which are taken, how, and why not.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/matrix.h>
#include <sgprobe/time.h>

#include "doctor.h"
#include "source.h"

/* Who told. */
enum sg_asked { SG_ASKED_DAEMON, SG_ASKED_KERNEL, SG_ASKED_NOBODY };

struct table {
	struct sg_buf *b;
	bool json, color;
	const char *domain; /* of the row before */
	unsigned int n, counts[SG_HOOK_UNKNOWN + 1];
};

/* How many, or -errno. */
static int take_series(struct sg_matrix *m, const json_t *answer)
{
	const json_t *result = json_object_get(answer, "result"), *s;
	size_t i;
	int r = 0;

	json_array_foreach(result, i, s)
	{
		const json_t *labels = json_object_get(s, "metric");
		const char *t[5], *const names[] = {"__name__", "domain", "program", "variant",
						    "reason"};
		const char *value =
			json_string_value(json_array_get(json_object_get(s, "value"), 1));

		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			t[k] = json_string_value(json_object_get(labels, names[k]));
			t[k] = t[k] ? t[k] : "";
		}
		if (r == 0)
			r = sg_matrix_fact(m, t[0], t[1], t[2], t[3], t[4],
					   value ? atof(value) : 0);
	}
	return r < 0 ? r : (int)json_array_size(result);
}

/* From a daemon that runs. Whether there is one that answers, and its probe process has said something. */
static bool ask_daemon(struct sg_matrix *m, const struct sg_config *cfg)
{
	static const char *const metrics[] = {"sgprobe_domain_up", "sgprobe_bpf_program_attached"};
	struct sg_error err = {0};
	struct sg_src src;
	int r = sg_src_open(&src, cfg, &err), n = 0;

	if (r == 0 && src.reader)
		r = -ENOENT; /* a store that is at rest says nothing of this host as it is now */
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(metrics); i++) {
		json_t *answer = NULL;

		r = sg_src_query(&src, metrics[i], sg_real_ms(), &answer, &err);
		if (r == 0)
			r = take_series(m, answer);
		n += SG_MAX(r, 0);
		json_decref(answer);
	}
	sg_src_close(&src);
	return r >= 0 && n > 0;
}

static void put_json_row(struct table *t, const struct sg_hook *h)
{
	sg_buf_printf(t->b, "%s{\"domain\":\"%s\",\"hook\":\"%s\",\"state\":\"%s\",\"variant\":",
		      t->n ? "," : "", h->domain, h->hook, sg_hook_state_name(h->state));
	sg_json_str(t->b, h->variant);
	sg_buf_str(t->b, ",\"reason\":");
	sg_json_str(t->b, h->reason);
	sg_buf_str(t->b, ",\"cure\":");
	sg_json_str(t->b, h->cure);
	sg_buf_char(t->b, '}');
}

static void put_text_row(struct table *t, const struct sg_hook *h)
{
	bool bad = h->state == SG_HOOK_MISSING;

	sg_buf_printf(t->b, "%-10s %-32s %s%-10s%s", t->domain == h->domain ? "" : h->domain,
		      h->hook, bad && t->color ? "\033[33m" : "",
		      h->variant[0] ? h->variant : sg_hook_state_name(h->state),
		      bad && t->color ? "\033[0m" : "");
	if (h->reason[0]) {
		sg_buf_str(t->b, " ");
		sg_term_str(t->b, h->reason);
	}
	if (h->cure[0]) {
		sg_buf_str(t->b, "; cure: ");
		sg_term_str(t->b, h->cure);
	}
	sg_buf_char(t->b, '\n');
}

static void put_row(const struct sg_hook *h, void *ctx)
{
	struct table *t = ctx;

	if (t->json)
		put_json_row(t, h);
	else
		put_text_row(t, h);
	t->domain = h->domain;
	t->counts[h->state]++;
	t->n++;
}

static const char *const sources[] = {
	[SG_ASKED_DAEMON] = "as the daemon that runs has them",
	[SG_ASKED_KERNEL] = "as this kernel takes them",
	[SG_ASKED_NOBODY] = "as its types tell; to try them takes root: sudo sgprobe doctor",
};

static enum sg_asked ask(struct sg_matrix *m, const struct sg_config *cfg, struct sg_error *err)
{
	if (ask_daemon(m, cfg))
		return SG_ASKED_DAEMON;
	return geteuid() == 0 && sg_matrix_ask(m, err) == 0 ? SG_ASKED_KERNEL : SG_ASKED_NOBODY;
}

int sg_doctor_matrix(const struct sg_config *cfg, bool json, bool color, struct sg_buf *b)
{
	struct table t = {.b = b, .json = json, .color = color};
	sg_auto(sg_matrix) m = NULL;
	struct sg_error err = {0};
	enum sg_asked asked;
	int r = sg_matrix_new(cfg, &m);

	if (r < 0)
		return r;
	asked = ask(m, cfg, &err);
	if (json)
		sg_buf_printf(b, "\"asked\":\"%s\",\"hooks\":[",
			      asked == SG_ASKED_DAEMON	 ? "daemon"
			      : asked == SG_ASKED_KERNEL ? "kernel"
							 : "nobody");
	else
		sg_buf_printf(b, "\nHooks, %s:\n%-10s %-32s %s\n", sources[asked], "domain", "hook",
			      "variant");
	sg_matrix_each(m, put_row, &t);
	if (json)
		sg_buf_char(b, ']');
	else
		sg_buf_printf(b, "%u hooks taken, %u spare, %u off, %u missing, %u unknown\n",
			      t.counts[SG_HOOK_TAKEN], t.counts[SG_HOOK_SPARE],
			      t.counts[SG_HOOK_OFF], t.counts[SG_HOOK_MISSING],
			      t.counts[SG_HOOK_UNKNOWN]);
	if (!json && err.msg[0]) {
		sg_term_str(b, err.msg);
		sg_buf_char(b, '\n');
	}
	return 0;
}
