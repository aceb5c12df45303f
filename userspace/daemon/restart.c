// SPDX-License-Identifier: GPL-2.0
#include "restart.h"

#define LOOK_GAP_NS 5000000000ULL

uint64_t sg_restart_after(struct sg_restart *r, uint64_t ran_ns)
{
	bool calm = r->count == 0 || ran_ns >= SG_RESTART_CALM_NS;

	r->count++;
	if (calm)
		r->delay_ns = 0;
	else
		r->delay_ns = r->delay_ns ? r->delay_ns * 2 : SG_RESTART_MIN_NS;
	if (r->delay_ns > SG_RESTART_MAX_NS)
		r->delay_ns = SG_RESTART_MAX_NS;
	return r->delay_ns;
}

bool sg_watch_hung(struct sg_watch *w, uint64_t now_ns, bool stopped)
{
	bool paused = w->looked_ns && now_ns - w->looked_ns > LOOK_GAP_NS;

	w->looked_ns = now_ns;
	if (stopped || paused)
		w->beat_ns = now_ns;
	return now_ns > w->beat_ns && now_ns - w->beat_ns > SG_HUNG_NS;
}

bool sg_trust_lost(struct sg_trust *t, bool given, bool worked, uint64_t ran_ns)
{
	bool early = given && (!worked || ran_ns < SG_TRUST_EARLY_NS);

	t->early = early ? t->early + 1 : 0;
	if (t->early < 2)
		return false;
	t->early = 0;
	return true;
}
