// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/daemon.h>
#include <sgprobe/frame.h>
#include <sgprobe/store.h>

#include "opts.h"

#define FLUSH_EVERY 60 /* frames in one block of the store */

struct replay {
	struct sg_cli *cli;
	bool print;
	struct sg_store *store; /* or NULL */
	uint64_t frames, samples, bytes, refused;
	int64_t first_ms, last_ms;
	double events; /* of histograms */
};

static void print_frame(const struct sg_frame *f)
{
	sg_auto_buf b = {0};

	printf("# %" PRId64 " source %u session %016" PRIx64 " seq %" PRIu64
	       " flags %#x span %.3fs\n",
	       f->t_ms, f->source, f->session, f->seq, f->flags, (double)f->span_ns / 1e9);
	for (size_t i = 0; i < f->n; i++) {
		const struct sg_sample *s = &f->samples[i];
		sg_auto_buf name = {0};

		sg_series_format(&name, &s->series);
		sg_buf_reset(&b);
		sg_term_str(&b, name.data ? name.data : "");
		if (s->series.type == SG_HISTOGRAM)
			printf("%s count %.0f sum %g buckets %u\n", b.data, s->hist.count,
			       s->hist.sum, s->hist.n);
		else
			printf("%s %.17g\n", b.data, s->value);
	}
}

static void count(struct replay *r, const struct sg_frame *f, size_t n)
{
	if (!r->frames++ || f->t_ms < r->first_ms)
		r->first_ms = f->t_ms;
	r->last_ms = SG_MAX(r->last_ms, f->t_ms);
	r->samples += f->n;
	r->bytes += n;
	for (size_t i = 0; i < f->n; i++)
		if (f->samples[i].series.type == SG_HISTOGRAM)
			r->events += f->samples[i].hist.count;
}

static int store_frame(struct replay *r, const void *p, size_t n)
{
	int res = sg_store_append(r->store, p, n);

	if (res < 0)
		return res;
	r->refused += res == 0;
	if (r->frames % FLUSH_EVERY)
		return 0;
	res = sg_store_flush(r->store, true);
	return res < 0 ? res : sg_store_fold(r->store);
}

static int take(struct replay *r, const void *p, size_t n, struct sg_error *err)
{
	sg_auto(sg_frame) f = NULL;
	int res = sg_frame_decode(p, n, &f);

	if (res == -EPROTONOSUPPORT)
		return sg_fail(err, res, "frame %" PRIu64 " is of a newer version", r->frames + 1);
	if (res < 0)
		return sg_fail(err, res, "frame %" PRIu64 " at byte %" PRIu64 " is damaged",
			       r->frames + 1, r->bytes);
	count(r, f, n);
	if (r->print)
		print_frame(f);
	return r->store ? store_frame(r, p, n) : 0;
}

/* Every whole frame in b; what is left of it stays. */
static int take_all(struct replay *r, struct sg_buf *b, struct sg_error *err)
{
	size_t at = 0;
	int res = 0;

	while (res == 0 && at < b->len) {
		int64_t n = sg_frame_peek(b->data + at, b->len - at);

		if (n < 0)
			res = sg_fail(err, (int)n,
				      n == -EPROTONOSUPPORT ? "frame %" PRIu64 " at byte %" PRIu64
							      " is of a newer version"
							    : "there is no frame %" PRIu64
							      " at byte %" PRIu64,
				      r->frames + 1, r->bytes);
		if (n <= 0 || (size_t)n > b->len - at)
			break;
		res = take(r, b->data + at, n, err);
		at += n;
	}
	memmove(b->data, b->data + at, b->len - at);
	b->len -= at;
	return res;
}

static int read_frames(struct replay *r, int fd, struct sg_error *err)
{
	sg_auto_buf b = {.max = 2 * SG_FRAME_MAX_BYTES};
	char chunk[65536];
	int res = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sg_fail(err, -errno, "cannot read the recording: %s",
				       strerror(errno));
		if (n == 0)
			break;
		sg_buf_add(&b, chunk, n);
		res = b.err ? b.err : take_all(r, &b, err);
		if (res < 0)
			return res;
	}
	if (b.len)
		return sg_fail(err, -EBADMSG, "the recording is cut off after frame %" PRIu64,
			       r->frames);
	return r->frames ? 0 : sg_fail(err, -ENODATA, "the recording is empty");
}

static void put_summary(const struct replay *r)
{
	if (r->cli->json)
		printf("{\"frames\":%" PRIu64 ",\"samples\":%" PRIu64 ",\"bytes\":%" PRIu64
		       ",\"events\":%.0f,\"known\":%" PRIu64 ",\"first_ms\":%" PRId64
		       ",\"last_ms\":%" PRId64 "}\n",
		       r->frames, r->samples, r->bytes, r->events, r->refused, r->first_ms,
		       r->last_ms);
	else
		printf("%" PRIu64 " frames, %" PRIu64 " samples, %.0f measured events, %" PRIu64
		       " bytes, %.0f s: no error\n",
		       r->frames, r->samples, r->events, r->bytes,
		       (double)(r->last_ms - r->first_ms) / 1000 + 1);
}

static int fill(struct replay *r, const char *file, struct sg_error *err)
{
	sg_auto_fd int fd = -1;
	int res;

	if (strcmp(file, "-") != 0) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return sg_fail(err, -errno, "cannot read %s: %s", file, strerror(errno));
	}
	res = read_frames(r, fd < 0 ? STDIN_FILENO : fd, err);
	if (res == 0 && r->store)
		res = sg_store_flush(r->store, true);
	return res;
}

static int open_store(struct sg_cli *cli, const char *dir, struct sg_store **ret,
		      struct sg_error *err)
{
	/* A recording is old, and is kept whole. */
	const struct sg_store_options o = {.data_dir = dir,
					   .flush_ns = cli->cfg.flush_ns,
					   .max_bytes = cli->cfg.max_bytes,
					   .exemplar_bytes = cli->cfg.exemplar_bytes};

	return sg_store_open(&o, ret, err);
}

/* A folder that is gone when the dashboard ends. */
static int serve(struct sg_cli *cli, const char *dir)
{
	snprintf(cli->cfg.data_dir, sizeof(cli->cfg.data_dir), "%s", dir);
	return sg_daemon_serve(&cli->cfg);
}

static void remove_folder(const char *dir)
{
	static const char *const files[] = {"metrics.db", "metrics.db-wal", "metrics.db-shm",
					    "state.db",	  "state.db-wal",   "state.db-shm",
					    "lock"};
	char path[300];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

struct wishes {
	bool print, serve;
	const char *into;
};

static int run(struct sg_cli *cli, const char *file, const struct wishes *w)
{
	struct replay r = {.cli = cli, .print = w->print};
	char temp[] = "/tmp/sgprobe-replay-XXXXXX";
	const char *into = w->into;
	struct sg_error err = {0};
	int res = 0;

	if (w->serve && !into) {
		if (!mkdtemp(temp))
			return sg_cli_fail(cli, SG_EXIT_FAILED, "cannot make a folder in /tmp: %s",
					   strerror(errno));
		into = temp;
	}
	if (into)
		res = open_store(cli, into, &r.store, &err);
	if (res == 0)
		res = fill(&r, file, &err);
	sg_store_close(r.store);
	if (res < 0)
		res = sg_cli_fail(cli, res == -EBADMSG ? SG_EXIT_PROBLEMS : sg_cli_code(res), "%s",
				  err.msg[0] ? err.msg : strerror(-res));
	else if (!w->print)
		put_summary(&r);
	fflush(stdout);
	if (res == 0 && w->serve)
		res = serve(cli, into);
	if (into == temp)
		remove_folder(temp);
	return res;
}

int sg_cmd_replay(struct sg_cli *cli, int argc, char **argv)
{
	struct wishes w = {0};
	const struct sg_opt opts[] = {
		SG_OPT_JSON(cli),
		{"print", 'p', SG_OPT_FLAG, &w.print, NULL, "print every sample"},
		{"data-dir", 'd', SG_OPT_TEXT, &w.into, "DIR", "fill the store in this folder"},
		{"serve", 0, SG_OPT_FLAG, &w.serve, NULL, "show it in the dashboard"},
		{"listen", 'l', SG_OPT_SETTING, NULL, "HOST:PORT", "where, with --serve", "listen"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	return run(cli, argv[1], &w);
}
