// SPDX-License-Identifier: GPL-2.0
// Programs and libraries: from a name to an open file, and what is in it.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sgprobe/file.h>

#include "named_find.h"

#define FILE_MAX_BYTES (8ULL << 30)
#define PARSE_SECONDS 4

void sg_found_refuse(struct sg_found *f, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
	f->r = r;
}

/* ---- a bare name --------------------------------------------------------------------------- */

struct candidates {
	char path[512]; /* the first one, resolved */
	char other[512]; /* another one */
};

static void add_candidate(struct candidates *c, const char *path)
{
	char real[PATH_MAX];

	if (!realpath(path, real) || strlen(real) >= sizeof(c->path) || strcmp(real, c->path) == 0)
		return;
	if (!c->path[0])
		strcpy(c->path, real);
	else if (!c->other[0])
		strcpy(c->other, real);
}

/* "libc.so.6" for "libc": not the linker's scripts, which have no version. */
static bool is_library(const char *file, const char *name)
{
	size_t n = strlen(name);

	return strcmp(file, name) == 0 ||
	       (strncmp(file, name, n) == 0 && strncmp(file + n, ".so.", 4) == 0);
}

static void look_in(const char *dir, const char *name, struct candidates *c)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	char path[PATH_MAX];

	while (d && (e = readdir(d)))
		if (is_library(e->d_name, name)) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			add_candidate(c, path);
		}
	if (d)
		closedir(d);
}

static bool resolve(const char *name, char path[512], struct sg_found *f)
{
	static const char *const dirs[] = {
		"/usr/bin",
		"/usr/sbin",
		"/usr/local/bin",
		"/usr/local/sbin",
#ifdef __x86_64__
		"/usr/lib/x86_64-linux-gnu",
		"/lib/x86_64-linux-gnu",
#else
		"/usr/lib/aarch64-linux-gnu",
		"/lib/aarch64-linux-gnu",
#endif
		"/usr/lib64",
		"/lib64",
		"/usr/lib",
		"/lib",
		"/usr/local/lib",
	};
	struct candidates c = {""};

	if (*name == '/') {
		snprintf(path, 512, "%s", name);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		look_in(dirs[i], name, &c);
	if (!c.path[0])
		sg_found_refuse(f, -ENOENT,
				"there is neither a library nor a program %s in the usual "
				"folders; write its whole path",
				name);
	else if (c.other[0])
		sg_found_refuse(f, -EEXIST, "%s may be %.120s or %.120s; write the whole path",
				name, c.path, c.other);
	snprintf(path, 512, "%s", c.path);
	return f->r == 0;
}

/* Neither a device nor a pipe is opened, which may have effects. */
static int open_file(const char *path, struct sg_found *f)
{
	sg_auto_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	char self[64];
	int r;

	if (fd < 0) {
		r = -errno;
		sg_found_refuse(f, r, "cannot open %.250s: %s", path, strerror(-r));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		sg_found_refuse(f, -EINVAL, "%.250s is not a file; name a program or a library",
				path);
		return -1;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	r = open(self, O_RDONLY | O_CLOEXEC);
	if (r < 0)
		sg_found_refuse(f, -errno, "cannot read %.250s: %s", path, strerror(errno));
	return r;
}

/* ---- the parser's cage ------------------------------------------------------------------------ */

struct parse {
	const void *file;
	size_t n;
	const char *name;
	const struct sg_named_target *t;
	const struct sg_named *probe;
	struct sg_found *shared;
};

/* From then on it can compute and end. */
static bool close_cage(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = f ? seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(exit), 0) : -ENOMEM;

	return r == 0 && seccomp_load(f) == 0;
}

static _Noreturn void parse_in_cage(const struct parse *p)
{
	const struct rlimit cpu = {PARSE_SECONDS, PARSE_SECONDS};

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	setrlimit(RLIMIT_CPU, &cpu);
	syscall(SYS_close_range, 0U, ~0U, 0);
	if (close_cage()) {
		sg_elf_find(p->file, p->n, p->name, p->t, p->probe, p->shared);
		syscall(SYS_exit, 0);
	}
	_exit(1);
}

/* It read a hostile file: whatever it says is checked. */
static bool is_sane(const struct sg_found *f, size_t n)
{
	if (f->n > SG_SITES_MAX || f->n_returns > SG_SITES_MAX || f->semaphore >= n ||
	    f->semaphore >> 32 || !memchr(f->message, 0, sizeof(f->message)) ||
	    f->arg.place > SG_NAMED_LOCATED || f->arg.reg > 0xff || f->go > 1 || f->timed > 1)
		return false;
	for (uint32_t i = 0; i < f->n; i++)
		if (f->sites[i] >= n)
			return false;
	for (uint32_t i = 0; i < f->n_returns; i++)
		if (f->returns[i] >= n)
			return false;
	return f->r < 0 || (f->r == 0 && f->n);
}

static void parse(const struct parse *p, struct sg_found *ret)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		parse_in_cage(p);
	if (pid < 0) {
		sg_found_refuse(ret, -errno, "cannot start a process: %s", strerror(errno));
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*ret = *p->shared;
	if (status != 0 || !is_sane(ret, p->n)) {
		memset(ret, 0, sizeof(*ret));
		sg_found_refuse(ret, -EBADMSG,
				"%.250s cannot be understood: it is damaged, or changes just now",
				p->name);
	}
}

static void parse_file(int fd, const char *path, const struct sg_named_target *t,
		       const struct sg_named *probe, struct sg_found *ret)
{
	struct parse p = {.name = path, .t = t, .probe = probe};
	struct stat st;
	void *file, *shared;

	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size > FILE_MAX_BYTES || st.st_size == 0) {
		sg_found_refuse(ret, -EFBIG, "%.250s is empty, or larger than 8 GiB", path);
		return;
	}
	p.n = (size_t)st.st_size;
	file = mmap(NULL, p.n, PROT_READ, MAP_PRIVATE, fd, 0);
	shared =
		mmap(NULL, sizeof(*ret), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p.file = file;
	p.shared = shared;
	if (file == MAP_FAILED || shared == MAP_FAILED)
		sg_found_refuse(ret, -ENOMEM, "out of memory");
	else
		parse(&p, ret);
	if (file != MAP_FAILED)
		munmap(file, p.n);
	if (shared != MAP_FAILED)
		munmap(shared, sizeof(*ret));
}

void sg_find_in_file(const struct sg_named_target *t, const struct sg_named *probe, int *fd,
		     struct sg_found *ret)
{
	char path[512];

	memset(ret, 0, sizeof(*ret));
	*fd = -1;
	if (!resolve(t->path, path, ret))
		return;
	*fd = open_file(path, ret);
	if (*fd >= 0)
		parse_file(*fd, path, t, probe, ret);
}
