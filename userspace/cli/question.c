// SPDX-License-Identifier: GPL-2.0
#include "question.h"

#include <errno.h>
#include <string.h>

#include <sgprobe/time.h>

#include "windows.h"

#define PATIENCE_NS 60000000000ULL

static int make_here(struct sg_src *src, const struct sg_cli_question *q, const void *wish,
		     json_t **ret, struct sg_error *err)
{
	sg_auto_buf b = {0};
	int r = q->make(src->reader, wish, sg_mono_ns() + PATIENCE_NS, &b, err);

	if (r < 0)
		return r;
	*ret = b.err ? NULL : json_loadb(b.data, b.len, 0, NULL);
	return *ret ? 0 : -ENOMEM;
}

int sg_cli_ask(struct sg_src *src, const struct sg_cli_question *q, void *wish, json_t **ret,
	       struct sg_error *err)
{
	sg_auto_buf path = {0};
	int r = q->prepare ? q->prepare(src, wish, err) : 0;

	if (r < 0)
		return r;
	if (src->reader)
		return make_here(src, q, wish, ret, err);
	q->path(wish, &path);
	return path.err ? path.err : sg_src_get(src, path.data, ret, err);
}

int sg_cli_answer(struct sg_cli *cli, const struct sg_cli_question *q, void *wish,
		  void (*put)(struct sg_buf *, const json_t *))
{
	struct sg_error err = {0};
	struct sg_src src;
	json_t *doc = NULL;
	int r = sg_src_open(&src, &cli->cfg, &err);

	if (r == 0)
		r = sg_cli_ask(&src, q, wish, &doc, &err);
	sg_src_close(&src);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	r = sg_cli_print(cli, doc, put);
	json_decref(doc);
	return r;
}
