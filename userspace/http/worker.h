/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One thread with one reader that works off a bounded queue of jobs, so that a
 * slow read delays neither the feed nor the thread that serves it. Results come
 * back through a descriptor that the serving thread waits for.
 */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include <stdatomic.h>

#include <sgprobe/reader.h>

struct http_job {
	struct http_job *next;
	/* In the worker. reader is NULL when it cannot be opened; err then says why. -EIO: it is opened anew next time. */
	int (*run)(struct http_job *j, struct sg_reader *reader, struct sg_error *err);
	/* In the serving thread, exactly once for every job that was taken; frees it. */
	void (*done)(struct http_job *j);
	atomic_bool cancelled; /* set by the serving thread: run is skipped if it has not begun */
};

struct http_worker;
typedef int (*http_open_reader)(void *ctx, struct sg_reader **ret, struct sg_error *err);

/* Completed jobs are announced by writing to the eventfd wake_fd (borrowed). */
int http_worker_start(const char *name, http_open_reader open, void *ctx, size_t max_jobs,
		      int wake_fd, struct http_worker **ret);
int http_worker_submit(struct http_worker *w,
		       struct http_job *j); /* -EAGAIN: full; the job stays the caller's */
void http_worker_collect(struct http_worker *w); /* calls done of every finished job */
/*
 * Cancels what waits and joins the thread. False: the job that runs did not end
 * soon; the thread is left to end with the process, and what its job
 * points to must stay. Either way the reader is not used any more, so that the store
 * may be closed. NULL is fine.
 */
bool http_worker_stop(struct http_worker *w);

#endif
