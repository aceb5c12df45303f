/* SPDX-License-Identifier: GPL-2.0 */
/*
 * YAML documents into structs, by tables of keys. Unknown keys, keys that come twice and values
 * of the wrong kind are problems with a line and a guess at what was meant; reading goes on
 * after one, so that all of them are seen at once.
 */
#ifndef ALERT_DOC_H
#define ALERT_DOC_H

#include <yaml.h>

#include <sgprobe/alert_rules.h>

#define AL_DOC_MAX (4U << 20) /* bytes of a file */
#define AL_DOC_ITEMS_MAX 100000 /* of all lists and maps together, each as often as it is used */

struct al_doc {
	yaml_document_t yaml;
	bool loaded;
	const char *path;
	struct sg_arena *arena; /* what is read is copied here */
	struct sg_rule_problems *problems;
	size_t items;
	unsigned int key_line; /* of the pair that is being read */
	int r; /* -ENOMEM, once */
};

struct al_key {
	const char *name;
	void (*set)(struct al_doc *d, const yaml_node_t *v, void *to);
	size_t offset; /* of 'to' in the struct */
};

/* A file's text; problems says why it cannot be read, and is empty when it can. 0 or -errno. */
int al_doc_read(const char *path, struct sg_buf *b, struct sg_rule_problems *problems);
/* 0, or -EINVAL with problems. To be closed in both cases. */
int al_doc_open(struct al_doc *d, const char *path, const char *text, size_t n,
		struct sg_arena *arena, struct sg_rule_problems *problems);
void al_doc_close(struct al_doc *d);
/* The whole document; NULL: it is empty. */
const yaml_node_t *al_doc_root(struct al_doc *d);
unsigned int al_doc_line(const yaml_node_t *n);
void al_doc_problem(struct al_doc *d, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* ", did you mean ...?" or "". In the arena. */
const char *al_doc_guess(struct al_doc *d, const char *name, const char *const *names, size_t n);

bool al_doc_is_null(const yaml_node_t *n);
/* The text of a scalar, in the arena; NULL, with a problem, when it is none. */
const char *al_doc_text(struct al_doc *d, const yaml_node_t *n);
/* Fills *obj from a map. what: "group", for messages. */
void al_doc_map(struct al_doc *d, const yaml_node_t *n, const char *what, const struct al_key *keys,
		size_t n_keys, void *obj);
/* Calls one for each item of a list; a null is an empty list. */
void al_doc_list(struct al_doc *d, const yaml_node_t *n, const char *what,
		 void (*one)(struct al_doc *d, const yaml_node_t *item, void *ctx), void *ctx);
/* Calls one for each pair of a map with free keys. */
void al_doc_pairs(struct al_doc *d, const yaml_node_t *n, const char *what,
		  void (*one)(struct al_doc *d, const char *key, const yaml_node_t *v, void *ctx),
		  void *ctx);
/* Room for one more element at the end of an array in the arena; NULL: no memory. */
void *al_doc_add(struct al_doc *d, void *array, size_t *n, size_t size);
#define AL_DOC_ADD(d, arr, n) ((__typeof__(arr))al_doc_add((d), &(arr), &(n), sizeof(*(arr))))

/* Setters for tables of keys. */
void al_set_text(struct al_doc *d, const yaml_node_t *v, void *to); /* const char ** */
void al_set_duration(struct al_doc *d, const yaml_node_t *v, void *to); /* int64_t *, ms */
void al_set_count(struct al_doc *d, const yaml_node_t *v, void *to); /* uint64_t * */
void al_set_uint(struct al_doc *d, const yaml_node_t *v, void *to); /* unsigned int * */
void al_set_bool(struct al_doc *d, const yaml_node_t *v, void *to); /* bool * */
struct al_texts {
	size_t n;
	const char **v;
};
void al_set_texts(struct al_doc *d, const yaml_node_t *v, void *to); /* struct al_texts * */

#endif
