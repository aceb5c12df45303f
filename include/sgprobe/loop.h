/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event loop: descriptors, timers and signals on one epoll set, one thread.
 * Callbacks run to completion. A callback may remove any source, its own too.
 */
#ifndef SGPROBE_LOOP_H
#define SGPROBE_LOOP_H

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include <sgprobe/mem.h>

struct sg_loop;
struct sg_source; /* owned by the loop; valid until sg_loop_remove or sg_loop_free */

/* events are EPOLLIN | EPOLLOUT ... */
typedef void (*sg_on_fd)(struct sg_source *s, int fd, uint32_t events, void *ctx);
/*
 * n is the number of expirations since the last call. n == 0: the wall clock was
 * set, and the timer has been re-armed for the next aligned time (aligned timers only).
 */
typedef void (*sg_on_timer)(struct sg_source *s, uint64_t n, void *ctx);
typedef void (*sg_on_signal)(struct sg_source *s, const struct signalfd_siginfo *si, void *ctx);

int sg_loop_new(struct sg_loop **ret);
/* Closes timer and signal descriptors, not those given to sg_loop_fd. Not from a callback. */
void sg_loop_free(struct sg_loop *l);
SG_DEFINE_AUTO(sg_loop, sg_loop_free)

int sg_loop_fd(struct sg_loop *l, int fd, uint32_t events, sg_on_fd cb, void *ctx,
	       struct sg_source **ret);
int sg_loop_fd_events(struct sg_source *s, uint32_t events); /* changes what is waited for */
/* Relative, monotonic: first after ns, then every ns. */
int sg_loop_every(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx,
		  struct sg_source **ret);
/* Once after ns; the source removes itself after the callback. */
int sg_loop_after(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx,
		  struct sg_source **ret);
/* On multiples of ns of the wall clock (CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET). */
int sg_loop_aligned(struct sg_loop *l, uint64_t ns, sg_on_timer cb, void *ctx,
		    struct sg_source **ret);
/* Blocks the signals of the set in this thread and delivers them through a signalfd. */
int sg_loop_signals(struct sg_loop *l, const sigset_t *set, sg_on_signal cb, void *ctx,
		    struct sg_source **ret);
void sg_loop_remove(struct sg_source *s); /* NULL is fine */

int sg_loop_run(
	struct sg_loop *l); /* until sg_loop_stop; returns the code given to it, or -errno */
void sg_loop_stop(struct sg_loop *l, int code);
/* One round of at most timeout_ms (-1: until something happens): for tests. */
int sg_loop_step(struct sg_loop *l, int timeout_ms);

#endif
