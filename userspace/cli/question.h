/* SPDX-License-Identifier: GPL-2.0 */
/* A command whose answer is one document: from a running daemon, or else made here from the store. */
#ifndef SG_CLI_QUESTION_H
#define SG_CLI_QUESTION_H

#include <jansson.h>

#include "opts.h"
#include "source.h"

/* All are given what the command was asked for. */
struct sg_cli_question {
	/* First, of both sources: what the options left open. NULL: nothing. 0 or -errno with a sentence. */
	int (*prepare)(struct sg_src *src, void *wish, struct sg_error *err);
	/* The document's text, until deadline_ns of sg_mono_ns(). 0 or -errno with a sentence. */
	int (*make)(struct sg_reader *r, const void *wish, uint64_t deadline_ns, struct sg_buf *b,
		    struct sg_error *err);
	/* Path and parameters of the daemon's route that answers the same. */
	void (*path)(const void *wish, struct sg_buf *b);
};
/* *ret is the caller's. 0 or -errno with a sentence. */
int sg_cli_ask(struct sg_src *src, const struct sg_cli_question *q, void *wish, json_t **ret,
	       struct sg_error *err);
/* Opens the source, asks and prints; what a command returns. */
int sg_cli_answer(struct sg_cli *cli, const struct sg_cli_question *q, void *wish,
		  void (*put)(struct sg_buf *, const json_t *));

#endif
