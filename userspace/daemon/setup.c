// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <sgprobe/daemon.h>
#include <sgprobe/file.h>
#include <sgprobe/http.h>

#include "named_file.h"
#include "setup.h"

int sg_setup_user(const struct sg_config *cfg, struct sg_setup *s, bool *fallback,
		  struct sg_error *err)
{
	const char *name = cfg->user;
	const struct passwd *pw = getpwnam(name);

	*fallback = !pw;
	if (!pw)
		pw = getpwnam(name = "nobody");
	if (!pw)
		return sg_fail(err, -ENOENT,
			       "there is neither a user %s nor a user nobody; create "
			       "one: useradd --system --no-create-home %s",
			       cfg->user, cfg->user);
	if (pw->pw_uid == 0)
		return sg_fail(err, -EINVAL,
			       "user: %s is root, but the server process must not be; "
			       "name an ordinary user",
			       name);
	s->uid = pw->pw_uid;
	s->gid = pw->pw_gid;
	snprintf(s->user, sizeof(s->user), "%s", name);
	return 0;
}

/*
 * The folder's regular files become the server's, for a folder that another user's
 * daemon filled. Neither a link nor a file with a second name is followed: the
 * folder belongs to an unprivileged user who could have planted it.
 */
static void own_files(int dir_fd, const struct sg_setup *s)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		int f = strcmp(e->d_name, SG_NAMED_FILE) == 0
				? -1
				: openat(dir_fd, e->d_name,
					 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		struct stat st;

		if (f < 0)
			continue;
		if (fstat(f, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
		    st.st_uid != s->uid && fchown(f, s->uid, s->gid) < 0)
			sg_warn("cannot give %s to %s: %s", e->d_name, s->user, strerror(errno));
		close(f);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

int sg_setup_folder(struct sg_config *cfg, const struct sg_setup *s, struct sg_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	sg_auto_fd int fd = -1;
	int r = sg_mkdir_p(cfg->data_dir, 0755);

	if (r < 0)
		return sg_fail(err, r,
			       "cannot create the data folder %s: %s; choose another with "
			       "--data-dir",
			       cfg->data_dir, strerror(-r));
	if (!realpath(cfg->data_dir, path) || strlen(path) >= sizeof(cfg->data_dir))
		return sg_fail(err, -ENAMETOOLONG, "the data folder's path is too long: %s",
			       cfg->data_dir);
	memcpy(cfg->data_dir, path, strlen(path) + 1);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return sg_fail(err, -errno, "cannot open the data folder %s: %s", path,
			       strerror(errno));
	if (st.st_uid == s->uid)
		return 0;
	if (fchmod(fd, 0750) < 0 || fchown(fd, s->uid, s->gid) < 0)
		return sg_fail(err, -errno, "cannot give the data folder %s to the user %s: %s",
			       path, s->user, strerror(errno));
	own_files(fd, s);
	return 0;
}

/* The pid in a line of /proc/locks that is a flock of this file: "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". */
static int lock_line_pid(const char *line, const struct stat *st)
{
	unsigned int maj, min;
	unsigned long long ino;
	char kind[16];
	int pid;

	if (sscanf(line, "%*d: %15s %*s %*s %d %x:%x:%llu", kind, &pid, &maj, &min, &ino) != 5)
		return -1;
	if (strcmp(kind, "FLOCK") != 0 || ino != st->st_ino || maj != major(st->st_dev) ||
	    min != minor(st->st_dev))
		return -1;
	return pid;
}

static int find_holder(int fd)
{
	sg_auto_buf b = {.max = 1 << 20};
	char *save = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || sg_read_file("/proc/locks", 1 << 20, &b) < 0 || !b.data)
		return 0;
	for (char *l = strtok_r(b.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int pid = lock_line_pid(l, &st);

		if (pid >= 0)
			return pid;
	}
	return 0;
}

int sg_daemon_holder(const char *data_dir)
{
	sg_auto_fd int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return -ENOENT;
	return errno == EWOULDBLOCK ? find_holder(fd) : -errno;
}

/* The lock is on the folder itself, so that it leaves no file behind and ends with its holder. */
static int lock_folder(const struct sg_config *cfg, struct sg_setup *s, struct sg_error *err)
{
	int pid;

	s->lock_fd = open(cfg->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock_fd < 0)
		return sg_fail(err, -errno, "cannot open the data folder %s: %s", cfg->data_dir,
			       strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return sg_fail(err, -errno, "cannot lock the data folder %s: %s", cfg->data_dir,
			       strerror(errno));
	pid = find_holder(s->lock_fd);
	if (pid > 0)
		return sg_fail(err, -EBUSY,
			       "another sgprobe daemon (pid %d) uses the data folder %s; "
			       "stop it, or choose another folder with --data-dir",
			       pid, cfg->data_dir);
	return sg_fail(err, -EBUSY,
		       "another sgprobe daemon uses the data folder %s; stop it, or "
		       "choose another folder with --data-dir",
		       cfg->data_dir);
}

static int make_socket_folder(const struct sg_config *cfg, struct sg_error *err)
{
	char folder[sizeof(cfg->socket)];
	char *slash;
	int r;

	memcpy(folder, cfg->socket, sizeof(folder));
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	r = sg_mkdir_p(folder, 0755);
	return r < 0 ? sg_fail(err, r, "cannot create the folder %s of the socket: %s", folder,
			       strerror(-r))
		     : 0;
}

static int open_sockets(const struct sg_config *cfg, struct sg_setup *s, struct sg_error *err)
{
	int r;

	if (cfg->listen[0] && strcmp(cfg->listen, "none") != 0) {
		r = sg_http_listen_tcp(cfg->listen, cfg->insecure_listen, err);
		if (r < 0)
			return r;
		s->listen_fd = r;
	}
	r = make_socket_folder(cfg, err);
	if (r == 0)
		r = sg_http_listen_unix(cfg->socket, err);
	if (r < 0)
		return r;
	/* The user's group may ask; there is no group when the server runs as nobody. */
	if (strcmp(s->user, cfg->user) == 0 && chown(cfg->socket, -1, s->gid) < 0)
		sg_warn("cannot give %s to the group of %s: %s", cfg->socket, s->user,
			strerror(errno));
	s->unix_fd = r;
	return 0;
}

int sg_setup_open(struct sg_config *cfg, struct sg_setup *s, struct sg_error *err)
{
	bool fallback;
	int r;

	*s = (struct sg_setup){.lock_fd = -1, .listen_fd = -1, .unix_fd = -1, .ingest = {-1, -1}};
	if (geteuid() != 0)
		return sg_fail(err, -EPERM,
			       "sgprobe loads programs into the kernel and needs root. "
			       "Type: sudo sgprobe daemon");
	r = sg_setup_user(cfg, s, &fallback, err);
	if (r == 0)
		r = sg_setup_folder(cfg, s, err);
	if (r == 0)
		r = lock_folder(cfg, s, err);
	if (r == 0)
		r = open_sockets(cfg, s, err);
	if (r == 0)
		r = sg_ingest_listen(cfg, &s->ingest, err);
	if (r < 0) {
		sg_setup_close(cfg, s);
		return r;
	}
	if (fallback)
		sg_warn("there is no user %s; the server process runs as %s ('make install' creates it)",
			cfg->user, s->user);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void sg_setup_close(const struct sg_config *cfg, struct sg_setup *s)
{
	if (s->unix_fd >= 0)
		unlink(cfg->socket);
	sg_ingest_unlisten(cfg, &s->ingest);
	close_fd(&s->unix_fd);
	close_fd(&s->listen_fd);
	close_fd(&s->lock_fd);
}
