// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <sgprobe/file.h>
#include <sgprobe/frame.h>
#include <sgprobe/store.h>
#include <sgprobe/time.h>

#include "client.h"
#include "opts.h"

struct recording {
	int fd;
	uint64_t frames, bytes;
	struct sg_buf tail; /* the beginning of the next frame */
};

static int write_frame(const void *p, size_t n, void *ctx)
{
	struct recording *rec = ctx;
	int r = sg_write_full(rec->fd, p, n);

	rec->frames += r == 0;
	rec->bytes += r == 0 ? n : 0;
	return r;
}

/* Only whole frames are written, so that a recording that is cut short is still good. */
static int on_bytes(const void *p, size_t n, void *ctx)
{
	struct recording *rec = ctx;
	size_t at = 0;
	int64_t len;

	sg_buf_add(&rec->tail, p, n);
	if (rec->tail.err)
		return rec->tail.err;
	while ((len = sg_frame_peek(rec->tail.data + at, rec->tail.len - at)) > 0) {
		if ((size_t)len > rec->tail.len - at)
			break;
		if (write_frame(rec->tail.data + at, len, rec) < 0)
			return -EIO;
		at += len;
	}
	if (len < 0)
		return (int)len;
	memmove(rec->tail.data, rec->tail.data + at, rec->tail.len - at);
	rec->tail.len -= at;
	return 0;
}

static int record_live(struct sg_cli *cli, uint64_t seconds, struct recording *rec,
		       struct sg_error *err)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/api/sg/v1/frames?seconds=%llu", (unsigned long long)seconds);
	fprintf(stderr, "recording for %llu s; Ctrl-C ends it earlier\n",
		(unsigned long long)seconds);
	r = sg_client_stream(cli->cfg.socket, path, SG_CLIENT_TIMEOUT_MS, on_bytes, rec, err);
	if (r == 200)
		return 0;
	return r < 0 ? r : sg_fail(err, -EIO, "the daemon refused with status %d", r);
}

static int record_past(struct sg_cli *cli, uint64_t last_ns, struct recording *rec,
		       struct sg_error *err)
{
	sg_auto(sg_reader) reader = NULL;
	int64_t oldest, to = sg_real_ms();
	int r = sg_store_reader(cli->cfg.data_dir, NULL, &reader, err);

	if (r == 0)
		r = reader->range(reader, &oldest, &to);
	if (r < 0)
		return err->msg[0] ? r
				   : sg_fail(err, r, "the store in %s is empty", cli->cfg.data_dir);
	return sg_store_frames(cli->cfg.data_dir, to - (int64_t)(last_ns / 1000000), to,
			       write_frame, rec, err);
}

static int open_output(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : fd;
}

int sg_cmd_record(struct sg_cli *cli, int argc, char **argv)
{
	uint64_t seconds = 0, last_ns = 0;
	const char *path = NULL;
	const struct sg_opt opts[] = {
		{"output", 'o', SG_OPT_TEXT, &path, "FILE", "where to; - is stdout"},
		{"seconds", 'n', SG_OPT_NUMBER, &seconds, "N", "record the next N seconds (10)"},
		{"last", 0, SG_OPT_DURATION, &last_ns, "DURATION", "take what is stored already"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 0, 0, NULL);
	struct recording rec = {.tail = {.max = 2 * SG_FRAME_MAX_BYTES}};
	struct sg_error err = {0};

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	if (!path)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "where to? Type: sgprobe record -o FILE");
	if (seconds && last_ns)
		return sg_cli_fail(cli, SG_EXIT_USAGE, "--seconds and --last exclude each other");
	rec.fd = open_output(path);
	if (rec.fd < 0)
		return sg_cli_fail(cli, sg_cli_code(rec.fd), "cannot write %s: %s", path,
				   strerror(-rec.fd));
	r = last_ns ? record_past(cli, last_ns, &rec, &err)
		    : record_live(cli, seconds ? seconds : 10, &rec, &err);
	sg_buf_free(&rec.tail);
	if (rec.fd != STDOUT_FILENO)
		close(rec.fd);
	if (r < 0)
		return sg_cli_fail(cli, sg_cli_code(r), "%s", err.msg[0] ? err.msg : strerror(-r));
	fprintf(stderr, "%llu frames, %llu bytes\n", (unsigned long long)rec.frames,
		(unsigned long long)rec.bytes);
	return rec.frames ? SG_EXIT_OK
			  : sg_cli_fail(cli, SG_EXIT_NOT_FOUND, "there was no frame in this time");
}
