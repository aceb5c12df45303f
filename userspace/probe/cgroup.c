// SPDX-License-Identifier: GPL-2.0
// The cache of cgroup names and the two ways to fill it: by file handle, by walking the tree.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sgprobe/file.h>
#include <sgprobe/time.h>

#include "cgroup.h"

#define WALK_NS 50000000ULL /* a walk that takes longer is given up */
#define NS_PER_SECOND 1000000000ULL
#define WALK_SHARE 100 /* of its time is the pause after it: walks cost at most 1 % of a CPU */
#define WALK_AGAIN_NS 900000000ULL
#define WALK_DEPTH 32
#define WALK_DIRS 20000
#define MOUNTINFO_MAX (1 << 20)
#define KERNFS_HANDLE 0xfe /* FILEID_KERNFS, since 5.5: the handle is the id */
#define ROOT_ID 1

struct entry {
	uint64_t id;
	uint64_t used; /* value of uses when last asked for */
	bool known; /* the name is one; else it is "id:N" */
	bool gone; /* a whole walk did not find it: it never will */
	char name[SG_CGROUP_NAME_MAX];
};

struct sg_cgroups {
	int root; /* descriptor of the mount, or -1 */
	char mount[PATH_MAX];
	struct sg_map *map;
	uint64_t uses;
	bool walked; /* in this tick */
	uint64_t walked_at;
	uint64_t walk_at; /* not before */
	bool no_handles; /* the kernel or our privileges do not let us */
};

struct walk {
	struct sg_cgroups *c;
	uint64_t deadline;
	uint64_t wanted;
	size_t dirs;
	bool whole; /* nothing was left out */
	char path[PATH_MAX];
};

static uint64_t id_hash(uint64_t id)
{
	return sg_hash(&id, sizeof(id), 0);
}

static int entry_is(const void *entry, const void *key)
{
	return ((const struct entry *)entry)->id == *(const uint64_t *)key;
}

static struct entry *find(struct sg_cgroups *c, uint64_t id)
{
	return sg_map_get(c->map, id_hash(id), &id);
}

/* Makes room by forgetting the name that was not asked for the longest. */
static void evict(struct sg_cgroups *c)
{
	struct entry *e, *oldest = NULL;

	for (size_t it = 0; (e = sg_map_next(c->map, &it));) {
		if (!oldest || e->used < oldest->used)
			oldest = e;
	}
	if (oldest)
		free(sg_map_del(c->map, id_hash(oldest->id), &oldest->id));
}

static struct entry *add(struct sg_cgroups *c, uint64_t id)
{
	struct entry *e;

	if (sg_map_len(c->map) >= SG_CGROUPS_MAX)
		evict(c);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->id = id;
	snprintf(e->name, sizeof(e->name), "id:%" PRIu64, id);
	if (sg_map_put(c->map, id_hash(id), e) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

static void learn(struct entry *e, const char *path)
{
	sg_cgroup_path_name(path, e->name);
	e->known = true;
}

/* ---- by file handle ---------------------------------------------------------------- */

/* The path below the mount of an open directory; false when it lies outside of it. */
static bool path_of(const struct sg_cgroups *c, int fd, char *out, size_t cap)
{
	char link[64];
	size_t n = strlen(c->mount);
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out, cap - 1);
	if (len < (ssize_t)n || (size_t)len >= cap - 1)
		return false;
	out[len] = '\0';
	if (memcmp(out, c->mount, n) != 0 || (out[n] != '/' && out[n] != '\0'))
		return false;
	memmove(out, out + n, (size_t)len - n + 1);
	return true;
}

static bool learn_by_handle(struct sg_cgroups *c, struct entry *e)
{
	union {
		struct file_handle h;
		char space[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = {.h = {.handle_bytes = sizeof(uint64_t), .handle_type = KERNFS_HANDLE}};
	char path[PATH_MAX];
	sg_auto_fd int fd = -1;

	if (c->no_handles || c->root < 0)
		return false;
	memcpy(u.h.f_handle, &e->id, sizeof(e->id));
	fd = open_by_handle_at(c->root, &u.h, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		c->no_handles = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
		return false;
	}
	if (!path_of(c, fd, path, sizeof(path)))
		return false;
	learn(e, path);
	return true;
}

/* ---- by walking the tree ----------------------------------------------------------- */

/* A name on the way: kept when it was asked for, or when there is room for it. */
static void walk_see(struct walk *w, uint64_t id)
{
	struct entry *e = find(w->c, id);

	if (!e && (id == w->wanted || sg_map_len(w->c->map) < SG_CGROUPS_MAX))
		e = add(w->c, id);
	if (e && !e->known)
		learn(e, w->path);
}

static void walk_dir(struct walk *w, int parent, const char *name, unsigned int depth);

static void walk_child(struct walk *w, int dir, const struct dirent *de, unsigned int depth)
{
	size_t len = strlen(w->path), n = strlen(de->d_name);
	struct stat st;

	if (len + n + 2 > sizeof(w->path)) {
		w->whole = false;
		return;
	}
	w->path[len] = '/';
	memcpy(w->path + len + 1, de->d_name, n + 1);
	if (!fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
		walk_see(w, st.st_ino);
		if (st.st_nlink != 2) /* 2: it has no directories in it, as most have not */
			walk_dir(w, dir, de->d_name, depth + 1);
	}
	w->path[len] = '\0';
}

static bool walk_may_go_on(struct walk *w, unsigned int depth)
{
	if (depth < WALK_DEPTH && w->dirs < WALK_DIRS && sg_mono_ns() < w->deadline)
		return true;
	w->whole = false;
	return false;
}

static void walk_dir(struct walk *w, int parent, const char *name, unsigned int depth)
{
	struct dirent *de;
	DIR *d;
	int fd;

	if (!walk_may_go_on(w, depth))
		return;
	w->dirs++;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		w->whole = w->whole && errno == ENOENT; /* removed meanwhile */
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((de = readdir(d))) {
		if (de->d_type == DT_DIR && strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			walk_child(w, fd, de, depth);
	}
	closedir(d);
}

/* After a whole walk, an id that was not met has no directory any more, and ids are not used again. */
static void bury_unknown(struct sg_cgroups *c)
{
	struct entry *e;

	for (size_t it = 0; (e = sg_map_next(c->map, &it));)
		e->gone = !e->known;
}

/* A tick is a pause of a second already. */
static uint64_t pause_after(uint64_t walk_ns)
{
	uint64_t pause = walk_ns * WALK_SHARE;

	return pause > NS_PER_SECOND ? pause : 0;
}

static void walk_tree(struct sg_cgroups *c, uint64_t wanted)
{
	uint64_t now = sg_mono_ns();
	struct walk w = {.c = c, .deadline = now + WALK_NS, .wanted = wanted, .whole = true};

	if (c->root < 0 || now < c->walk_at || (c->walked && now - c->walked_at < WALK_AGAIN_NS))
		return;
	c->walked = true;
	c->walked_at = now;
	walk_dir(&w, c->root, ".", 0);
	c->walk_at = now + pause_after(sg_mono_ns() - now);
	if (w.whole)
		bury_unknown(c);
}

/* ---- the face ---------------------------------------------------------------------- */

const char *sg_cgroups_name(struct sg_cgroups *c, uint64_t id)
{
	struct entry *e = find(c, id);

	if (!e)
		e = add(c, id);
	if (!e)
		return "unknown"; /* out of memory */
	e->used = ++c->uses;
	if (!e->known && !e->gone && !learn_by_handle(c, e))
		walk_tree(c, id);
	return e->name;
}

void sg_cgroups_tick(struct sg_cgroups *c)
{
	c->walked = false;
}

/* Undoes mountinfo's \ooo escapes in place. */
static void unescape(char *s)
{
	char *o = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*o++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*o++ = *s;
		}
	}
	*o = '\0';
}

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw": the fifth word. */
static bool mount_of_line(char *line, char *out, size_t cap)
{
	char *sep = strstr(line, " - cgroup2 "), *word = line;

	if (!sep)
		return false;
	for (int i = 0; i < 4; i++) {
		word = strchr(word, ' ');
		if (!word || word > sep)
			return false;
		word++;
	}
	word[strcspn(word, " ")] = '\0';
	unescape(word);
	snprintf(out, cap, "%s", word);
	return true;
}

static void find_mount(char *out, size_t cap)
{
	sg_auto_buf b = {0};
	char *line, *rest;

	if (sg_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &b) < 0)
		return;
	for (rest = b.data; (line = strsep(&rest, "\n"));) {
		if (mount_of_line(line, out, cap))
			return;
	}
}

static int open_root(struct sg_cgroups *c, const char *root)
{
	struct entry *e;
	struct stat st;

	if (root && *root && !realpath(root, c->mount))
		return -errno;
	if (!root || !*root)
		find_mount(c->mount, sizeof(c->mount));
	if (c->mount[0])
		c->root = open(c->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->root < 0 && root && *root)
		return -errno;
	e = add(c, c->root >= 0 && !fstat(c->root, &st) ? st.st_ino : ROOT_ID);
	if (!e)
		return -ENOMEM;
	learn(e, "");
	return 0;
}

int sg_cgroups_new(const char *root, struct sg_cgroups **ret)
{
	sg_auto(sg_cgroups) c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->root = -1;
	c->map = sg_map_new(entry_is);
	if (!c->map)
		return -ENOMEM;
	r = open_root(c, root);
	if (r < 0)
		return r;
	*ret = sg_take(c);
	return 0;
}

void sg_cgroups_free(struct sg_cgroups *c)
{
	struct entry *e;

	if (!c)
		return;
	if (c->map) {
		for (size_t it = 0; (e = sg_map_next(c->map, &it));)
			free(e);
	}
	sg_map_free(c->map);
	if (c->root >= 0)
		close(c->root);
	free(c);
}
