// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "reload.h"

static void put(struct sg_buf *b, const struct sg_config_change *c, bool first)
{
	sg_buf_printf(b, "%s%s %s -> %s", first ? "" : ", ", c->key, c->before, c->after);
}

/* Those that are taken, or those that are not. */
static size_t list(struct sg_buf *b, const struct sg_config_change *c, size_t n, bool taken)
{
	size_t listed = 0;

	for (size_t i = 0; i < n; i++)
		if ((c[i].scope != SG_SCOPE_DAEMON) == taken)
			put(b, &c[i], listed++ == 0);
	return listed;
}

static void describe(const struct sg_config_change *c, size_t n, struct sg_reload *ret)
{
	sg_auto_buf taken = {0}, waiting = {0};
	size_t n_taken = list(&taken, c, n, true), n_waiting = list(&waiting, c, n, false);

	snprintf(ret->text, sizeof(ret->text), "%s%s%s%s%s",
		 n_taken	  ? "changed: "
		 : n_waiting == 0 ? "nothing has changed"
				  : "",
		 n_taken && taken.data ? taken.data : "", n_taken && n_waiting ? "; " : "",
		 n_waiting ? "only at a restart of the daemon: " : "",
		 n_waiting && waiting.data ? waiting.data : "");
}

int sg_reload(const struct sg_config_origin *o, struct sg_config *cfg, struct sg_reload *ret,
	      struct sg_error *err)
{
	struct sg_config_change changes[SG_CONFIG_CHANGES_MAX];
	struct sg_config now;
	size_t n;
	int r = sg_config_origin_read(o, &now, err);

	*ret = (struct sg_reload){0};
	if (r < 0)
		return r;
	/* The daemon made it absolute when it started. */
	if (now.data_dir[0] != '/')
		memcpy(now.data_dir, cfg->data_dir, sizeof(now.data_dir));
	n = sg_config_changes(cfg, &now, changes, SG_CONFIG_CHANGES_MAX);
	for (size_t i = 0; i < n; i++) {
		ret->probe |= changes[i].scope == SG_SCOPE_PROBE;
		ret->server |= changes[i].scope != SG_SCOPE_DAEMON;
	}
	describe(changes, n, ret);
	sg_config_take(cfg, &now);
	return 0;
}
