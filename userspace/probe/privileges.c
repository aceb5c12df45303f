// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "privileges.h"

#ifndef CAP_BPF
#define CAP_BPF 39
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

int sg_privileges_drop(int (*can_work)(void *ctx), void *ctx, struct sg_error *err)
{
	cap_value_t keep = kernel_knows(CAP_BPF) ? CAP_BPF : CAP_SYS_ADMIN;
	int r = drop_bounding();

	if (r == 0)
		r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = set_caps(&keep, 1, NULL, 0);
	if (r == 0)
		r = can_work(ctx) < 0 ? set_caps(&keep, 1, &keep, 1) : set_caps(NULL, 0, NULL, 0);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return sg_fail(err, r, "cannot give up capabilities: %s", strerror(-r));
	return 0;
}
