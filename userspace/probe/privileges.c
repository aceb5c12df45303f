// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "privileges.h"

#include <sgprobe/mem.h>

#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* permitted == effective == what is in keep (0 or 1 capability). */
static int set_caps(const cap_value_t *permitted, int n_permitted, const cap_value_t *effective,
		    int n_effective)
{
	cap_t c = cap_init();
	int r = c ? 0 : -ENOMEM;

	if (r == 0 && n_permitted)
		r = cap_set_flag(c, CAP_PERMITTED, n_permitted, permitted, CAP_SET);
	if (r == 0 && n_effective)
		r = cap_set_flag(c, CAP_EFFECTIVE, n_effective, effective, CAP_SET);
	if (r == 0)
		r = cap_set_proc(c);
	if (r < 0 && r != -ENOMEM)
		r = -errno;
	cap_free(c);
	return r;
}

static int drop_bounding(void)
{
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	return 0;
}

static bool kernel_knows(cap_value_t c)
{
	return cap_get_bound(c) >= 0;
}

/* To look at other users' processes and at the files that they run. */
static const cap_value_t readers[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE};

static int keep_bpf(const cap_value_t *keep, int n, int (*can_work)(void *ctx), void *ctx)
{
	int r = set_caps(keep, n, NULL, 0);

	if (r < 0)
		return r;
	return can_work(ctx) < 0 ? set_caps(keep, n, keep, 1) : set_caps(keep + 1, n - 1, NULL, 0);
}

/* Those of the list that this kernel knows and this process has. */
static int add_readers(cap_value_t *to)
{
	cap_t own = cap_get_proc();
	cap_flag_value_t has;
	int n = 0;

	for (size_t i = 0; own && i < ARRAY_SIZE(readers); i++)
		if (kernel_knows(readers[i]) &&
		    cap_get_flag(own, readers[i], CAP_PERMITTED, &has) == 0 && has == CAP_SET)
			to[n++] = readers[i];
	cap_free(own);
	return n;
}

void *sg_privileges_raise(void)
{
	cap_t own = cap_get_proc(), more = own ? cap_dup(own) : NULL;
	cap_flag_value_t has;

	for (size_t i = 0; more && i < ARRAY_SIZE(readers); i++)
		if (cap_get_flag(own, readers[i], CAP_PERMITTED, &has) == 0 && has == CAP_SET)
			cap_set_flag(more, CAP_EFFECTIVE, 1, &readers[i], CAP_SET);
	if (more)
		cap_set_proc(more); /* without it files of others are not found */
	cap_free(more);
	return own;
}

void sg_privileges_restore(void *before)
{
	if (before)
		cap_set_proc(before);
	cap_free(before);
}

int sg_privileges_drop(bool reads_others, int (*can_work)(void *ctx), void *ctx,
		       struct sg_error *err)
{
	cap_value_t keep[1 + ARRAY_SIZE(readers)] = {kernel_knows(CAP_BPF) ? CAP_BPF
									   : CAP_SYS_ADMIN};
	int n = 1 + (reads_others ? add_readers(keep + 1) : 0);
	int r = drop_bounding();

	if (r == 0)
		r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = keep_bpf(keep, n, can_work, ctx);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return sg_fail(err, r, "cannot give up capabilities: %s", strerror(-r));
	return 0;
}
