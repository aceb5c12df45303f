/* SPDX-License-Identifier: GPL-2.0 */
/* Which two windows a command compares: options, and where its document comes from. */
#ifndef SG_CLI_WINDOWS_H
#define SG_CLI_WINDOWS_H

#include <sgprobe/analysis.h>

#include "opts.h"
#include "source.h"

struct sg_cli_windows {
	uint64_t last_ns, ago_ns; /* 0: right before */
	int64_t from_ms, to_ms, base_from_ms, base_to_ms; /* -1: not given */
	const char *mark; /* NULL, a kind of event, or a time */
};
#define SG_CLI_WINDOWS_INIT                                                                        \
	{                                                                                          \
		.last_ns = 900000000000ULL, .from_ms = -1, .to_ms = -1, .base_from_ms = -1,        \
		.base_to_ms = -1                                                                   \
	}
/* Rows of the table of options. */
#define SG_CLI_WINDOWS_OPTS(w)                                                                     \
	{"last", 0, SG_OPT_DURATION, &(w)->last_ns, "DURATION", "how long each window is (15m)",   \
	 NULL},                                                                                    \
		{"from", 0, SG_OPT_TIME, &(w)->from_ms, "T", "where the window begins", NULL},     \
		{"to", 0, SG_OPT_TIME, &(w)->to_ms, "T", "where it ends (now)", NULL},             \
		{"ago",	       0,	   SG_OPT_DURATION,                                        \
		 &(w)->ago_ns, "DURATION", "compare with the same so long before: 1h, 1d, 1w",     \
		 NULL},                                                                            \
		{"base-from", 0,                                                                   \
		 SG_OPT_TIME, &(w)->base_from_ms,                                                  \
		 "T",	      "or with a window of its own",                                       \
		 NULL},                                                                            \
		{"base-to", 0, SG_OPT_TIME, &(w)->base_to_ms, "T", "where that ends", NULL},       \
	{                                                                                          \
		"mark", 0, SG_OPT_TEXT, &(w)->mark, "T|KIND",                                      \
			"before and after a time, or the newest event of a kind: deploy", NULL     \
	}

/* Fills the wish; the newest tick is the default end. -EINVAL with a sentence. */
int sg_cli_windows_wish(struct sg_src *src, const struct sg_cli_windows *w,
			struct sg_windows_wish *wish, char mark[32], struct sg_error *err);
/* "&from=...&to=..." of a wish. */
void sg_cli_windows_params(struct sg_buf *b, const struct sg_windows_wish *wish);
/* "22:10:00 - 22:25:00 against 21:55:00 - 22:10:00", from a document. */
void sg_cli_windows_text(struct sg_buf *b, const json_t *doc);

/* A member that is a number, or NaN. */
double sg_json_of(const json_t *o, const char *key);
double sg_json_at(const json_t *o, const char *key, size_t i); /* of an array */
const char *sg_json_text(const json_t *o, const char *key); /* or "" */
/* Prints a document: as it is with --json, else what put makes of it. */
int sg_cli_print(struct sg_cli *cli, const json_t *doc,
		 void (*put)(struct sg_buf *, const json_t *));

#endif
