// SPDX-License-Identifier: GPL-2.0
/* state.db: few, small facts that must survive a power cut. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sgprobe/file.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "db.h"
#include "folder.h"

#define KEY_MAX 255
#define VALUE_MAX (1U << 20)
#define QUICK_CHECK_NS 200000000U

struct sg_state {
	char dir[3072];
	struct sg_db *db;
};

static int open_db(struct sg_state *s, struct sg_error *err)
{
	const struct sg_db_limits lim = {0};
	int r = sg_db_open(&sg_db_state, s->dir, &lim, &s->db, err);

	if (!r)
		r = sg_db_quick_check(s->db, QUICK_CHECK_NS);
	if (r < 0) {
		sg_db_close(s->db);
		s->db = NULL;
	}
	return r;
}

static int set_aside(struct sg_state *s)
{
	char name[128];
	int r;

	sg_db_close(s->db);
	s->db = NULL;
	r = sg_folder_set_aside(s->dir, sg_db_state.file, sg_real_ms(), name, sizeof(name));
	if (!r)
		sg_warn("%s/%s is damaged: it was set aside as %s, a new one is started", s->dir,
			sg_db_state.file, name);
	return r;
}

static struct sg_state *new_state(const char *data_dir)
{
	struct sg_state *s = calloc(1, sizeof(*s));

	if (s)
		snprintf(s->dir, sizeof(s->dir), "%s", data_dir);
	return s;
}

int sg_state_open(const char *data_dir, struct sg_state **ret, struct sg_error *err)
{
	sg_auto(sg_state) s = NULL;
	int r;

	if (strlen(data_dir) >= sizeof(s->dir))
		return sg_fail(err, -ENAMETOOLONG, "data_dir: too long");
	s = new_state(data_dir);
	if (!s)
		return sg_fail(err, -ENOMEM, "out of memory");
	r = sg_mkdir_p(s->dir, 0755);
	if (r < 0)
		return sg_fail(err, r, "%s: cannot make the data folder: %s", s->dir, strerror(-r));
	r = open_db(s, err);
	if (r == -EUCLEAN) {
		r = set_aside(s);
		if (!r)
			r = open_db(s, err);
	}
	if (r < 0)
		return r;
	*ret = sg_take(s);
	return 0;
}

void sg_state_close(struct sg_state *s)
{
	if (!s)
		return;
	sg_db_close(s->db);
	free(s);
}

/* A damaged file is replaced; what was in it is lost, what comes is kept. */
static int mend(struct sg_state *s)
{
	struct sg_error err = {0};
	int r = set_aside(s);

	return r < 0 ? r : open_db(s, &err);
}

static int put(struct sg_state *s, const char *key, const char *value)
{
	sqlite3_stmt *st;

	if (!s->db)
		return -EIO;
	st = sg_db_stmt(s->db, S_PUT);
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	return sg_db_run(s->db, st);
}

int sg_state_put(struct sg_state *s, const char *key, const char *value)
{
	int r;

	if (!*key || strlen(key) > KEY_MAX || strlen(value) > VALUE_MAX)
		return -EINVAL;
	r = put(s, key, value);
	if (r != -EUCLEAN)
		return r;
	r = mend(s);
	return r < 0 ? r : put(s, key, value);
}

int sg_state_get(struct sg_state *s, const char *key, struct sg_buf *value)
{
	sqlite3_stmt *st;
	int r;

	if (!s->db)
		return -EIO;
	st = sg_db_stmt(s->db, S_GET);
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	r = sg_db_step(s->db, st);
	if (r == 0)
		return -ENOENT;
	if (r < 0)
		return r;
	sg_buf_add(value, sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	sqlite3_reset(st);
	return value->err;
}
