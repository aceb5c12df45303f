/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The privileged half: loads and attaches the domains, and once per tick turns
 * the maps and /proc into one frame. Single threaded. Opens no network socket and
 * executes nothing.
 */
#ifndef SGPROBE_PROBE_H
#define SGPROBE_PROBE_H

#include <sgprobe/config.h>
#include <sgprobe/frame.h>
#include <sgprobe/kept.h>
#include <sgprobe/metric.h>
#include <sgprobe/profile.h>

struct sg_probe;

/*
 * Loads and attaches every domain that the configuration wants. A domain that the
 * kernel refuses leaves the others running: its state and reason are in the frames
 * as sgprobe_domain_up{domain,variant,reason}. Fails only when it cannot work at
 * all (-ENOMEM, -EPERM without root: err says what to type).
 */
int sg_probe_new(const struct sg_config *cfg, struct sg_probe **ret, struct sg_error *err);
/*
 * The same, but takes over what another process made and left behind in kept, and
 * counts on from where that one stopped reading. A domain of which something is
 * missing or not right is loaded anew. kept is empty afterwards.
 */
int sg_probe_resume(const struct sg_config *cfg, struct sg_kept_sets *kept, struct sg_probe **ret,
		    struct sg_error *err);
void sg_probe_free(struct sg_probe *p); /* detaches everything; NULL is fine */
SG_DEFINE_AUTO(sg_probe, sg_probe_free)

/*
 * Reads everything once and fills f: samples and span_ns; session, seq, t_ms and
 * flags are the caller's, but SG_FRAME_CPUS, which it adds. The samples borrow
 * memory of the probe until the next tick.
 */
int sg_probe_tick(struct sg_probe *p, int64_t t_ms, struct sg_frame *f);

/* The frame of the last tick is on its way. Whoever resumes before that gives the tick up. */
void sg_probe_sent(struct sg_probe *p);

/*
 * After that: takes in the stacks since the last call and names them. 1: a record of stacks
 * (profile.h) was due, and is appended to b; 0; -errno: what was gathered is lost.
 */
int sg_probe_profile(struct sg_probe *p, const struct sg_profile_head *now, struct sg_buf *b);

/*
 * Whether it goes on where another process stopped: the stamp of the last tick of
 * that one, and since when (monotonic) what the next one reports was counted.
 */
bool sg_probe_resumed(const struct sg_probe *p, int64_t *t_ms, uint64_t *mono_ns);

/*
 * Calls keep for every set, empty ones too, with all that sg_probe_resume needs of
 * it; the descriptors stay the probe's. Ends with the first error of keep.
 */
typedef int (*sg_keep_cb)(size_t set, const struct sg_kept *k, void *ctx);
int sg_probe_keep(const struct sg_probe *p, sg_keep_cb keep, void *ctx);

/*
 * Who takes a domain's programs off their hooks and puts them back when the budget
 * says so: set is the domain's, as for sg_keep_cb; 0 or -errno. By default the probe
 * itself, which has the right to put them back only until it drops its privileges.
 */
typedef int (*sg_attach_cb)(size_t set, bool on, void *ctx);
void sg_probe_attached_by(struct sg_probe *p, sg_attach_cb attach, void *ctx);
/*
 * For who does: attaches a program of that set, by its name in it. A descriptor, or -errno; -ENODATA:
 * the others are of use without it.
 */
int sg_probe_attach_program(size_t set, const char *name, int program);
/* All domains that the governor may take off their hooks, or back. For who measures what that changes. 0 or -errno. */
int sg_probe_shed_all(struct sg_probe *p, bool off);

/*
 * Probes that a user names: others attach them. The map that they count in, which is
 * taken over; -1: there are none any more. change is called with a probe that must be
 * taken off (on false: it runs too often, rate times a second), and with number 0 when
 * the budget wants all of them taken off or lets them come back.
 */
typedef void (*sg_named_change_cb)(uint64_t id, bool on, double rate, void *ctx);
int sg_probe_named(struct sg_probe *p, int fd, sg_named_change_cb change, void *ctx);

/* Counts into sgprobe_dropped_total{reason} of the next tick. reason is a literal. */
void sg_probe_dropped(struct sg_probe *p, const char *reason, uint64_t n);
/* Adds to a counter of the probe process of the next tick, e.g. "sgprobe_probe_ticks_late_total". */
void sg_probe_count(struct sg_probe *p, const char *name, double n);

/* Keeps only the capabilities that a running probe needs; call after sg_probe_new. */
int sg_probe_drop_privileges(struct sg_probe *p, struct sg_error *err);

/*
 * Kernel BPF statistics are being gathered (the supervisor switches them on for
 * one second in thirty): the next two ticks take readings.
 */
void sg_probe_stats_window(struct sg_probe *p, bool open);

#endif
