// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "confine.h"

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int r;

	if (!none)
		return -ENOMEM;
	r = cap_set_proc(none) < 0 ? -errno : 0;
	cap_free(none);
	return r;
}

/* The bounding set must go while the process still has CAP_SETPCAP. */
static void empty_bounding_set(void)
{
	for (int c = 0; c <= CAP_LAST_CAP; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	prctl(PR_SET_SECUREBITS,
	      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
		      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
	      0, 0, 0);
}

int sg_confine_user(uid_t uid, gid_t gid, struct sg_error *err)
{
	int r;

	if (uid != 0) {
		empty_bounding_set();
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			return sg_fail(err, -errno, "the server process cannot become user %u: %s",
				       uid, strerror(errno));
	}
	r = drop_capabilities();
	if (r < 0)
		return sg_fail(err, r, "the server process cannot give up its capabilities: %s",
			       strerror(-r));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return sg_fail(err, -errno, "the server process cannot confine itself: %s",
			       strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		return sg_fail(err, -EPERM, "the server process could become root again");
	return 0;
}
