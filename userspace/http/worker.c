// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "gate.h"
#include "worker.h"

#define JOIN_NS 400000000 /* two of them within the second that a stop may take */

struct http_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct http_job *todo, **todo_tail;
	struct http_job *ready, **ready_tail;
	size_t waiting, max_jobs; /* waiting or running */
	bool stop;
	int wake_fd;
	http_open_reader open;
	void *ctx;
	struct http_gate gate; /* to the worker's own reader */
	char name[16];
};

static struct http_job *next_job(struct http_worker *w)
{
	struct http_job *j;

	pthread_mutex_lock(&w->lock);
	while (!w->todo && !w->stop)
		pthread_cond_wait(&w->work, &w->lock);
	j = w->stop ? NULL : w->todo;
	if (j) {
		w->todo = j->next;
		if (!w->todo)
			w->todo_tail = &w->todo;
	}
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void hand_back(struct http_worker *w, struct http_job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->ready_tail = j;
	w->ready_tail = &j->next;
	w->waiting--;
	pthread_mutex_unlock(&w->lock);
	eventfd_write(w->wake_fd, 1);
}

/* Opening is a read too: it must not begin once the store may be gone. */
static int open_gate(struct http_worker *w, struct sg_error *err)
{
	int r = 0;

	pthread_mutex_lock(&w->gate.in_call);
	if (w->gate.shut)
		r = -ECANCELED;
	else if (!w->gate.real)
		r = w->open(w->ctx, &w->gate.real, err);
	pthread_mutex_unlock(&w->gate.in_call);
	return r;
}

static void run_job(struct http_worker *w, struct http_job *j)
{
	struct sg_error err = {""};
	int r;

	if (atomic_load(&j->cancelled))
		return;
	r = open_gate(w, &err);
	r = j->run(j, r < 0 ? NULL : &w->gate.reader, &err);
	if (r == -EIO)
		http_gate_reopen(&w->gate);
}

static void *worker_main(void *arg)
{
	struct http_worker *w = arg;
	struct http_job *j;

	while ((j = next_job(w))) {
		run_job(w, j);
		hand_back(w, j);
	}
	return NULL;
}

/* Signals are the main thread's: a worker must not take a SIGTERM away from its loop. */
static int start_thread(struct http_worker *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_setname_np(w->thread, w->name);
	return -r;
}

static void free_worker(struct http_worker *w)
{
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	http_gate_release(&w->gate);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int http_worker_start(const char *name, http_open_reader open, void *ctx, size_t max_jobs,
		      int wake_fd, struct http_worker **ret)
{
	struct http_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	http_gate_init(&w->gate);
	w->todo_tail = &w->todo;
	w->ready_tail = &w->ready;
	w->max_jobs = max_jobs;
	w->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0); /* its own: it may outlive the caller's */
	w->open = open;
	w->ctx = ctx;
	snprintf(w->name, sizeof(w->name), "%s", name);
	r = w->wake_fd < 0 ? -errno : start_thread(w);
	if (r < 0) {
		free_worker(w);
		return r;
	}
	*ret = w;
	return 0;
}

int http_worker_submit(struct http_worker *w, struct http_job *j)
{
	int r = -EAGAIN;

	j->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->waiting < w->max_jobs) {
		*w->todo_tail = j;
		w->todo_tail = &j->next;
		w->waiting++;
		pthread_cond_signal(&w->work);
		r = 0;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void finish_all(struct http_job *j)
{
	while (j) {
		struct http_job *next = j->next;

		j->done(j);
		j = next;
	}
}

void http_worker_collect(struct http_worker *w)
{
	struct http_job *j;

	pthread_mutex_lock(&w->lock);
	j = w->ready;
	w->ready = NULL;
	w->ready_tail = &w->ready;
	pthread_mutex_unlock(&w->lock);
	finish_all(j);
}

static bool join_soon(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += JOIN_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return !pthread_timedjoin_np(thread, NULL, &until);
}

bool http_worker_stop(struct http_worker *w)
{
	struct http_job *todo;

	if (!w)
		return true;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	todo = w->todo;
	w->todo = NULL;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	finish_all(todo);
	http_gate_shut(&w->gate);
	if (!join_soon(w->thread)) {
		pthread_detach(w->thread);
		sg_warn("a query did not end in time; stopping without it");
		return false;
	}
	http_worker_collect(w);
	free_worker(w);
	return true;
}
