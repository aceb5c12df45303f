// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <sgprobe/time.h>

#include "elf_symbols.h"
#include "module_files.h"
#include "modules.h"
#include "perf_map.h"
#include "process_files.h"

#define WANTS_MAX 256 /* places of a module that a tick looks for */
#define FUNCTIONS_MAX 4096 /* of a module; then it begins anew */
#define BYTES_MAX (8u << 20) /* of all functions */
#define IDLE_TICKS 600 /* a module that is not met goes */
#define RETRY_TICKS                                                                                \
	3 /* then a file that was not found is looked for again: another process may tell */
#define JIT_TICKS 60 /* made code moves */

struct function { /* places [start, end) */
	uint64_t start, end;
	const char *name; /* NULL: no name is known */
};

struct sg_module {
	struct sg_module_key key;
	struct sg_module_source source;
	char name[64]; /* "": not known */
	struct function *functions; /* ascending, none overlaps */
	size_t n, cap;
	uint64_t *wants;
	size_t n_wants, cap_wants;
	bool shared; /* programs of several names have it, so it is none of them */
	uint64_t used, retry, began; /* ticks */
	size_t bytes;
};

struct sg_modules {
	struct sg_module_files *files;
	struct sg_map *by_key;
	struct sg_module *modules[SG_MODULES_MAX];
	size_t n;
	uint64_t tick;
	size_t bytes;
};

static int key_eq(const void *entry, const void *key)
{
	const struct sg_module *m = entry;

	return memcmp(&m->key, key, sizeof(m->key)) == 0;
}

static uint64_t key_hash(const struct sg_module_key *k)
{
	return sg_hash(k, sizeof(*k), 0);
}

int sg_modules_new(int proc, struct sg_modules **ret)
{
	sg_auto(sg_modules) ms = calloc(1, sizeof(*ms));
	int r;

	if (!ms)
		return -ENOMEM;
	ms->by_key = sg_map_new(key_eq);
	r = ms->by_key ? sg_module_files_new(proc, &ms->files) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = sg_take(ms);
	return 0;
}

static void forget_functions(struct sg_modules *ms, struct sg_module *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((char *)m->functions[i].name);
	ms->bytes -= m->bytes;
	m->bytes = m->n = 0;
}

static void module_free(struct sg_modules *ms, struct sg_module *m)
{
	forget_functions(ms, m);
	free(m->functions);
	free(m->wants);
	free(m);
}

void sg_modules_free(struct sg_modules *ms)
{
	if (!ms)
		return;
	for (size_t i = 0; i < ms->n; i++)
		module_free(ms, ms->modules[i]);
	sg_map_free(ms->by_key);
	sg_module_files_free(ms->files);
	free(ms);
}

static void drop_module(struct sg_modules *ms, size_t i)
{
	struct sg_module *m = ms->modules[i];

	sg_map_del(ms->by_key, key_hash(&m->key), &m->key);
	ms->modules[i] = ms->modules[--ms->n];
	module_free(ms, m);
}

/* The one that was not met for longest. */
static size_t oldest(const struct sg_modules *ms)
{
	size_t at = 0;

	for (size_t i = 1; i < ms->n; i++)
		if (ms->modules[i]->used < ms->modules[at]->used)
			at = i;
	return at;
}

void sg_modules_tick(struct sg_modules *ms)
{
	ms->tick++;
	sg_module_files_tick(ms->files);
	for (size_t i = ms->n; i-- > 0;) {
		struct sg_module *m = ms->modules[i];

		if (ms->tick - m->used > IDLE_TICKS)
			drop_module(ms, i);
		else if (m->key.kind == SG_MODULE_JIT && ms->tick - m->began > JIT_TICKS) {
			forget_functions(ms, m);
			m->began = ms->tick;
		}
	}
	while (ms->n && (ms->bytes > BYTES_MAX || ms->n > SG_MODULES_MAX - 64))
		drop_module(ms, oldest(ms));
}

/* Not only a part of a path that an end of line or the like could hide in. */
static void set_name(struct sg_module *m, const char *path)
{
	const char *base = strrchr(path, '/');
	char clean[SG_FRAME_NAME_MAX + 1];

	base = base ? base + 1 : path;
	if (!*base)
		return;
	sg_frame_name_clean(base, strcspn(base, " "), clean);
	snprintf(m->name, sizeof(m->name), "%.60s", clean);
	/* What was cut in the middle of a character. */
	sg_frame_name_clean(m->name, strlen(m->name), clean);
	snprintf(m->name, sizeof(m->name), "%.63s", clean);
}

static struct sg_module *module_new(struct sg_modules *ms, const struct sg_module_key *key)
{
	struct sg_module *m = ms->n < SG_MODULES_MAX ? calloc(1, sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	m->key = *key;
	m->began = ms->tick;
	if (sg_map_put(ms->by_key, key_hash(key), m) < 0) {
		free(m);
		return NULL;
	}
	return ms->modules[ms->n++] = m;
}

struct sg_module *sg_modules_get(struct sg_modules *ms, const struct sg_module_key *key,
				 uint32_t pid, const char *path)
{
	struct sg_module *m = sg_map_get(ms->by_key, key_hash(key), key);

	if (!m)
		m = module_new(ms, key);
	if (!m)
		return NULL;
	m->used = ms->tick;
	m->source.pid = pid;
	if (path && !m->name[0])
		set_name(m, path);
	return m;
}

static struct sg_module *jit_of(struct sg_modules *ms, uint32_t pid, uint64_t born_ns)
{
	struct sg_module_key key = {.kind = SG_MODULE_JIT};

	memcpy(key.id, &pid, sizeof(pid));
	memcpy(key.id + sizeof(pid), &born_ns, sizeof(born_ns));
	return sg_modules_get(ms, &key, pid, NULL);
}

static struct sg_module *file_of(struct sg_modules *ms, uint32_t pid, const struct sg_mapping *m)
{
	struct sg_module_key key = {.kind = SG_MODULE_FILE};

	sg_module_file_id(m->major, m->minor, m->inode, key.id);
	return sg_modules_get(ms, &key, pid, m->path);
}

/* The kernel's own part of a process ("[vdso]") is no file, but has a name. */
struct sg_module *sg_modules_at(struct sg_modules *ms, uint32_t pid, uint64_t born_ns,
				uint64_t address, uint64_t *at)
{
	const struct sg_mapping *m = NULL;

	if (sg_module_files_mapping(ms->files, pid, address, &m) < 0)
		return NULL;
	*at = address - m->start + m->offset;
	if ((m->inode && m->path[0] == '/' && strncmp(m->path, "/memfd:", 7) != 0) ||
	    strncmp(m->path, "[v", 2) == 0)
		return file_of(ms, pid, m);
	*at = address;
	return jit_of(ms, pid, born_ns);
}

static size_t function_after(const struct sg_module *m, uint64_t at)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->functions[mid].start <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct function *function_at(const struct sg_module *m, uint64_t at)
{
	size_t i = function_after(m, at);

	return i && at < m->functions[i - 1].end ? &m->functions[i - 1] : NULL;
}

void sg_module_want(struct sg_modules *ms, struct sg_module *m, uint64_t at)
{
	if (function_at(m, at) || m->retry > ms->tick || m->n_wants == WANTS_MAX)
		return;
	for (size_t i = 0; i < m->n_wants; i++)
		if (m->wants[i] == at)
			return;
	if (SG_GROW(m->wants, m->cap_wants, m->n_wants) == 0)
		m->wants[m->n_wants++] = at;
}

void sg_module_program(struct sg_module *m, const char *exe)
{
	if (m->source.exe[0] && strcmp(m->source.exe, exe) != 0)
		m->shared = true;
	snprintf(m->source.exe, sizeof(m->source.exe), "%s", exe);
}

/* ---- finding ------------------------------------------------------------------------- */

/* Cut to what lies between its neighbours. */
static int insert(struct sg_modules *ms, struct sg_module *m, uint64_t start, uint64_t end,
		  const char *name)
{
	size_t i = function_after(m, start);
	char *copy = name ? strdup(name) : NULL;

	if ((name && !copy) || SG_GROW(m->functions, m->cap, m->n) < 0) {
		free(copy);
		return -ENOMEM;
	}
	if (i && m->functions[i - 1].end > start)
		start = m->functions[i - 1].end;
	if (i < m->n && m->functions[i].start < end)
		end = m->functions[i].start;
	if (start >= end) {
		free(copy);
		return 0;
	}
	memmove(&m->functions[i + 1], &m->functions[i], (m->n - i) * sizeof(*m->functions));
	m->functions[i] = (struct function){start, end, copy};
	m->n++;
	m->bytes += sizeof(*m->functions) + (copy ? strlen(copy) + 17 : 0);
	ms->bytes += sizeof(*m->functions) + (copy ? strlen(copy) + 17 : 0);
	return 0;
}

/* From addresses, as the file has them, back to places. The place itself is always in it. */
static void remember(struct sg_modules *ms, struct sg_module *m, const struct sg_elf_want *w)
{
	uint64_t behind = w->address - w->start, rest = w->end - w->address;

	if (function_at(m, w->offset))
		return;
	if (!w->name[0]) {
		insert(ms, m, w->offset, w->offset + 1, NULL);
		return;
	}
	if (behind > w->offset || rest > UINT64_MAX - w->offset)
		behind = 0, rest = 1;
	insert(ms, m, w->offset - behind, w->offset + rest, w->name);
}

static int by_address(const void *a, const void *b)
{
	const struct sg_elf_want *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int resolve_jit(struct sg_modules *ms, struct sg_module *m, struct sg_elf_want *w, size_t n)
{
	sg_auto_fd int fd = sg_module_files_perf_map(ms->files, m->source.pid);

	for (size_t i = 0; i < n; i++)
		w[i].address = w[i].offset;
	qsort(w, n, sizeof(*w), by_address);
	return fd < 0 ? fd : sg_perf_map_symbols(fd, w, n);
}

static int resolve_file(struct sg_modules *ms, struct sg_module *m, struct sg_elf_want *w, size_t n)
{
	char path[SG_MODULE_PATH_MAX] = "";
	sg_auto_fd int fd = sg_module_files_open(ms->files, &m->key, &m->source, path), debug = -1;
	int r = fd < 0 ? fd : sg_elf_addresses(fd, w, n), found;

	if (path[0])
		set_name(m, path);
	if (r < 0)
		return r;
	qsort(w, n, sizeof(*w), by_address);
	found = sg_elf_symbols(fd, false, w, n);
	if (found <= 0) {
		debug = sg_module_files_debug(fd, &m->key, path);
		if (debug >= 0)
			sg_elf_symbols(debug, false, w, n);
	}
	/* What a stripped file still tells. */
	r = sg_elf_symbols(fd, true, w, n);
	return SG_MIN(r, 0);
}

static void resolve(struct sg_modules *ms, struct sg_module *m)
{
	size_t n = m->n_wants;
	sg_auto_free struct sg_elf_want *w = calloc(n, sizeof(*w));
	int r;

	if (!w)
		return;
	for (size_t i = 0; i < n; i++)
		w[i].offset = m->wants[i];
	if (m->n + n > FUNCTIONS_MAX)
		forget_functions(ms, m);
	r = m->key.kind == SG_MODULE_JIT ? resolve_jit(ms, m, w, n) : resolve_file(ms, m, w, n);
	if (r < 0)
		m->retry = ms->tick + RETRY_TICKS;
	for (size_t i = 0; r == 0 && i < n; i++)
		remember(ms, m, &w[i]);
}

void sg_modules_resolve(struct sg_modules *ms, uint64_t ns)
{
	uint64_t end = sg_mono_ns() + ns;

	for (size_t i = 0; i < ms->n; i++) {
		struct sg_module *m = ms->modules[i];

		if (m->n_wants && sg_mono_ns() < end)
			resolve(ms, m);
		m->n_wants = 0;
	}
}

/* What stands for the file: its name, else that of the program, else its build id. */
static void put_module(const struct sg_module *m, char out[80])
{
	const uint8_t *id = m->key.id;
	char clean[SG_FRAME_NAME_MAX + 1];

	if (m->name[0]) {
		snprintf(out, 80, "%s", m->name);
	} else if (m->source.exe[0] && !m->shared) {
		sg_frame_name_clean(m->source.exe, strlen(m->source.exe), clean);
		snprintf(out, 80, "%.60s", clean);
	} else {
		snprintf(out, 80, "build-id %02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3],
			 id[4], id[5]);
	}
}

void sg_module_name(const struct sg_module *m, uint64_t at, char out[SG_PLACE_NAME_MAX])
{
	const struct function *f = function_at(m, at);
	char module[80];

	if (f && f->name) {
		snprintf(out, SG_PLACE_NAME_MAX, "%s", f->name);
		return;
	}
	if (m->key.kind == SG_MODULE_JIT) {
		snprintf(out, SG_PLACE_NAME_MAX, "[unknown]");
		return;
	}
	put_module(m, module);
	snprintf(out, SG_PLACE_NAME_MAX, "[%s]+0x%" PRIx64, module, at);
}

/* What this process has, others have too: its files are known from the start. */
void sg_modules_learn(struct sg_modules *ms, uint32_t pid)
{
	struct sg_module_key key = {.kind = SG_MODULE_BUILD_ID};
	char path[SG_MODULE_PATH_MAX];

	for (size_t i = 0; sg_module_files_nth(ms->files, pid, i, key.id, path) >= 0; i++) {
		struct sg_module *m = key.id[0] ? sg_modules_get(ms, &key, pid, path) : NULL;

		if (m)
			snprintf(m->source.path, sizeof(m->source.path), "%s", path);
	}
}

size_t sg_modules_bytes(const struct sg_modules *ms)
{
	return ms->bytes + ms->n * sizeof(struct sg_module);
}
