// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sgprobe/file.h>
#include <sgprobe/time.h>

#include "process_states.h"

#define TICK_NS 2000000ULL /* of each tick; with many processes a round takes several */
#define ROUND_TICKS 10 /* from the beginning of a round to the next */
#define METRIC "sgprobe_process_processes"

/* The letters of proc(5); what is none of them is the last. */
static const struct {
	char letter;
	const char *name;
} states[SG_PROCESS_STATES] = {
	{'R', "running"}, {'S', "sleeping"}, {'D', "uninterruptible"},
	{'Z', "zombie"},  {'T', "stopped"},  {'t', "traced"},
	{'I', "idle"},	  {0, "other"},
};

struct process_states {
	int root; /* of /proc, or -1 */
	DIR *dir; /* NULL: between two rounds */
	uint64_t tick, began; /* the round, in ticks */
	uint64_t counted[SG_PROCESS_STATES]; /* so far in this round */
	uint64_t known[SG_PROCESS_STATES]; /* in the last whole one */
	bool has_known;
	struct sg_series *series[SG_PROCESS_STATES];
};

const char *sg_process_state_name(unsigned int i)
{
	return states[i].name;
}

static int make_series(struct process_states *p)
{
	for (size_t i = 0; i < SG_PROCESS_STATES; i++) {
		struct sg_label label = {"state", states[i].name};
		struct sg_series s;

		if (sg_series_init(&s, SG_GAUGE, METRIC, &label, 1) < 0)
			return -EINVAL;
		p->series[i] = sg_series_dup(&s);
		if (!p->series[i])
			return -ENOMEM;
	}
	return 0;
}

int sg_process_states_start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	struct process_states *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->root = open(cfg->proc_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = make_series(p);
	if (r < 0)
		sg_process_states_stop(p);
	else
		*state = p;
	return r;
}

void sg_process_states_stop(void *state)
{
	struct process_states *p = state;

	if (p->dir)
		closedir(p->dir);
	if (p->root >= 0)
		close(p->root);
	for (size_t i = 0; i < SG_PROCESS_STATES; i++)
		free(p->series[i]);
	free(p);
}

static size_t state_of_letter(char letter)
{
	size_t i = 0;

	while (i < SG_PROCESS_STATES - 1 && states[i].letter != letter)
		i++;
	return i;
}

/* "12 (a name) S 1 ...": a name may hold anything, so its end is the last ')'. */
static void count_process(struct process_states *p, const char *pid)
{
	char path[32], text[256];
	const char *end;
	sg_auto_fd int fd = -1;
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/stat", pid) >= sizeof(path))
		return;
	fd = openat(p->root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return; /* it has ended */
	text[n] = '\0';
	end = strrchr(text, ')');
	if (end && end[1] == ' ')
		p->counted[state_of_letter(end[2])]++;
}

static void begin_round(struct process_states *p)
{
	int fd = openat(p->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	p->began = p->tick;
	memset(p->counted, 0, sizeof(p->counted));
	p->dir = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !p->dir)
		close(fd);
}

static void end_round(struct process_states *p)
{
	memcpy(p->known, p->counted, sizeof(p->known));
	p->has_known = true;
	closedir(sg_take(p->dir));
}

static void go_on(struct process_states *p)
{
	uint64_t deadline = sg_mono_ns() + TICK_NS;
	struct dirent *de;

	while (sg_mono_ns() < deadline) {
		de = readdir(p->dir);
		if (!de) {
			end_round(p);
			return;
		}
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9')
			count_process(p, de->d_name);
	}
}

int sg_process_states_tick(void *state, struct sg_frame *f)
{
	struct process_states *p = state;
	int r = 0;

	if (!p->dir && (!p->tick || p->tick - p->began >= ROUND_TICKS))
		begin_round(p);
	p->tick++;
	if (p->dir)
		go_on(p);
	for (size_t i = 0; r == 0 && p->has_known && i < SG_PROCESS_STATES; i++)
		r = sg_frame_add_value(f, p->series[i], (double)p->known[i]);
	return r;
}
