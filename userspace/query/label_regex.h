/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The regular expressions of label_replace, with groups: RE2's syntax as far as the
 * C library's can say it. A lazy repetition is as long as any other.
 */
#ifndef QUERY_LABEL_REGEX_H
#define QUERY_LABEL_REGEX_H

#include <regex.h>

#include <sgprobe/str.h>

#define PQ_MAX_GROUPS 32

struct pq_group {
	size_t at; /* which of the C library's groups it is */
	const char *name; /* of len bytes in the pattern; NULL: none */
	size_t len;
};
struct pq_regex {
	regex_t re;
	size_t n; /* groups, the whole match being the first */
	struct pq_group groups[PQ_MAX_GROUPS];
};

/* Anchored at both ends. 0, -EINVAL, or -ENOMEM. The pattern must stay. */
int pq_regex_compile(struct pq_regex *r, const char *pattern);
/* Not anchored: for pq_regex_replace_all. Of several matches at one place it is the longest. */
int pq_regex_compile_part(struct pq_regex *r, const char *pattern);
void pq_regex_free(struct pq_regex *r);
/* When text matches, appends 'with', in which $1, ${1}, ${name} and $$ stand for something. */
bool pq_regex_replace(const struct pq_regex *r, const char *text, const char *with,
		      struct sg_buf *out);
/* Appends text, each match in it replaced by 'with', as Go's ReplaceAllString. */
void pq_regex_replace_all(const struct pq_regex *r, const char *text, const char *with,
			  struct sg_buf *out);

#endif
