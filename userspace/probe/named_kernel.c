// SPDX-License-Identifier: GPL-2.0
// Trace points and functions of the kernel: whether they exist, and whether they may be probed.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <sgprobe/file.h>

#include "named_find.h"

#define FORMAT_MAX_BYTES (64U << 10)
#define KALLSYMS_LINES_MAX 2000000u

/* ---- trace points ---------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where nobody mounted it, it is mounted for this process alone, which ends soon. */
static const char *events_folder(void)
{
	static const char *const folders[] = {"/sys/kernel/tracing/events",
					      "/sys/kernel/debug/tracing/events"};

	for (int i = 0; i < 2; i++)
		if (is_folder(folders[i]))
			return folders[i];
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0)
		return NULL;
	return is_folder(folders[0]) ? folders[0] : NULL;
}

/* The names in a folder that come nearest to the one that is not there. */
static void near_in(const char *folder, const char *wanted, char *out, size_t n)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	unsigned int least = 5;

	*out = 0;
	while (d && (e = readdir(d))) {
		unsigned int far = sg_distance(wanted, e->d_name);

		if (e->d_name[0] == '.' || far >= least)
			continue;
		least = far;
		snprintf(out, n, "; did you mean %.60s?", e->d_name);
	}
	if (d)
		closedir(d);
}

static void no_such_event(const char *events, const struct sg_named_target *t, struct sg_found *f)
{
	char folder[512], near[100];

	snprintf(folder, sizeof(folder), "%s/%.120s", events, t->group);
	if (!is_folder(folder)) {
		near_in(events, t->group, near, sizeof(near));
		sg_found_refuse(f, -ENOENT, "this kernel has no trace points of category %.100s%s",
				t->group, near);
		return;
	}
	near_in(folder, t->symbol, near, sizeof(near));
	sg_found_refuse(f, -ENOENT, "this kernel has no trace point %.100s:%.100s%s", t->group,
			t->symbol, near);
}

/* "\tfield:const char * comm[16];\toffset:8;\tsize:16;\tsigned:0;" */
static bool read_field(const char *line, bool text, struct sg_place *ret)
{
	const char *offset = strstr(line, "offset:"), *size = strstr(line, "size:"),
		   *is_signed = strstr(line, "signed:");
	bool located = strncmp(line, "\tfield:__data_loc", 17) == 0,
	     array = !located && memchr(line, '[', strcspn(line, ";"));
	unsigned int off = 0, n = 0, s = 0;

	if (!offset || !size || !is_signed || sscanf(offset + 7, "%u", &off) != 1 ||
	    sscanf(size + 5, "%u", &n) != 1 || sscanf(is_signed + 7, "%u", &s) != 1)
		return false;
	*ret = (struct sg_place){.place = located ? SG_NAMED_LOCATED : SG_NAMED_RECORD,
				 .size = (uint8_t)n,
				 .is_signed = s != 0,
				 .off = off};
	if (off > 0xffff)
		return false;
	return text ? located || array
		    : !located && !array && (n == 1 || n == 2 || n == 4 || n == 8);
}

/* The fields that all events have come first, then an empty line. */
static bool find_field(char *format, unsigned int want, bool text, struct sg_place *ret)
{
	char *save = NULL, *own = strstr(format, "\n\n");
	unsigned int i = 0;

	for (char *l = own ? strtok_r(own, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, "\tfield:", 7) == 0 && ++i == want)
			return read_field(l, text, ret);
	return false;
}

static void place_field(const char *folder, const struct sg_named_target *t,
			const struct sg_named *probe, struct sg_found *f)
{
	sg_auto_buf b = {0};
	char path[700];

	snprintf(path, sizeof(path), "%s/format", folder);
	if (sg_read_file(path, FORMAT_MAX_BYTES, &b) < 0 || !b.data ||
	    !find_field(b.data, probe->arg, probe->text, &f->arg))
		sg_found_refuse(f, -EINVAL,
				"the trace point %.100s:%.100s has no field %u that is %s; "
				"/sys/kernel/tracing/events/%.60s/%.60s/format lists them",
				t->group, t->symbol, probe->arg,
				probe->text ? "a text" : "a number (a text is %u:string)", t->group,
				t->symbol);
}

void sg_find_tracepoint(const struct sg_named_target *t, const struct sg_named *probe,
			struct sg_found *ret)
{
	const char *events = events_folder();
	sg_auto_buf b = {0};
	char folder[600], path[700];

	memset(ret, 0, sizeof(*ret));
	if (!events) {
		sg_found_refuse(ret, -ENOENT,
				"the list of trace points cannot be read; type: mount -t tracefs "
				"tracefs /sys/kernel/tracing");
		return;
	}
	snprintf(folder, sizeof(folder), "%s/%.250s/%.250s", events, t->group, t->symbol);
	snprintf(path, sizeof(path), "%s/id", folder);
	if (sg_read_file(path, 64, &b) < 0 || !b.data) {
		no_such_event(events, t, ret);
		return;
	}
	ret->sites[ret->n++] = strtoull(b.data, NULL, 10);
	if (probe->arg)
		place_field(folder, t, probe, ret);
}

/* ---- functions of the kernel ------------------------------------------------------------------- */

/*
 * What runs in the trap that leads to a probe, where it has no stack or no right to
 * trap, or while a lock is held that the way there takes too. The kernel refuses most
 * of these itself; that one version forgot one has hung machines.
 */
static const struct danger {
	const char *pattern, *why;
} dangers[] = {
	{"bpf_*", "the probe itself runs through it"},
	{"__bpf_*", "the probe itself runs through it"},
	{"htab_*", "the probe itself runs through it"},
	{"*htab_map_*", "the probe itself runs through it"},
	{"array_map_*", "the probe itself runs through it"},
	{"trace_call_bpf", "the probe itself runs through it"},
	{"perf_*", "the probe itself runs through it"},
	{"*kprobe*", "the probe itself runs through it"},
	{"*uprobe*", "the probe itself runs through it"},
	{"*ftrace*", "the probe itself runs through it"},
	{"ring_buffer_*", "the probe itself runs through it"},
	{"*rethook*", "the probe itself runs through it"},
	{"arch_rethook_*", "the probe itself runs through it"},
	{"*_nmi*", "it runs where nothing may be interrupted"},
	{"nmi_*", "it runs where nothing may be interrupted"},
	{"*nmi_*", "it runs where nothing may be interrupted"},
	{"asm_*", "it is where the kernel is entered"},
	{"entry_*", "it is where the kernel is entered"},
	{"*_entry_*from_user*", "it is where the kernel is entered"},
	{"irqentry_*", "it is where the kernel is entered"},
	{"*syscall_enter_from_user*", "it is where the kernel is entered"},
	{"*exit_to_user_mode*", "it is where the kernel is left"},
	{"exc_*", "it handles the trap that a probe is"},
	{"do_int3*", "it handles the trap that a probe is"},
	{"*int3*", "it handles the trap that a probe is"},
	{"*debug_exception*", "it handles the trap that a probe is"},
	{"notify_die", "it handles the trap that a probe is"},
	{"*page_fault*", "reading memory in the probe runs through it"},
	{"fixup_exception*", "reading memory in the probe runs through it"},
	{"search_*extable*", "reading memory in the probe runs through it"},
	{"copy_*user*", "reading memory in the probe runs through it"},
	{"_copy_*user*", "reading memory in the probe runs through it"},
	{"__copy_*user*", "reading memory in the probe runs through it"},
	{"*get_user*", "reading memory in the probe runs through it"},
	{"*put_user*", "reading memory in the probe runs through it"},
	{"strncpy_from_*", "reading memory in the probe runs through it"},
	{"*copy_from_kernel_nofault*", "reading memory in the probe runs through it"},
	{"memcpy*", "everything runs through it, the probe too"},
	{"__memcpy*", "everything runs through it, the probe too"},
	{"memset*", "everything runs through it, the probe too"},
	{"__memset*", "everything runs through it, the probe too"},
	{"memmove*", "everything runs through it, the probe too"},
	{"__memmove*", "everything runs through it, the probe too"},
	{"memcmp", "everything runs through it, the probe too"},
	{"*spin_lock*", "the probe itself takes spin locks"},
	{"*spin_unlock*", "the probe itself takes spin locks"},
	{"*spin_trylock*", "the probe itself takes spin locks"},
	{"*raw_read_*lock*", "the probe itself takes locks"},
	{"*raw_write_*lock*", "the probe itself takes locks"},
	{"*queued_*lock_slowpath*", "the probe itself takes locks"},
	{"lock_acquire*", "the probe itself takes locks"},
	{"lock_release*", "the probe itself takes locks"},
	{"lockdep_*", "the probe itself takes locks"},
	{"rcu_*", "the probe itself needs RCU"},
	{"__rcu_*", "the probe itself needs RCU"},
	{"*_rcu_*", "the probe itself needs RCU"},
	{"*srcu_*", "the probe itself needs RCU"},
	{"preempt_*", "the probe itself runs through it"},
	{"*preempt_count_*", "the probe itself runs through it"},
	{"migrate_*able", "the probe itself runs through it"},
	{"*smp_processor_id*", "the probe itself runs through it"},
	{"trace_hardirqs_*", "the probe itself runs through it"},
	{"*text_poke*", "it writes the very trap that a probe is"},
	{"*patch_text*", "it writes the very trap that a probe is"},
	{"*stop_machine*", "it writes the very trap that a probe is"},
	{"ktime_get*", "the probe itself reads the clock"},
	{"*sched_clock*", "the probe itself reads the clock"},
	{"native_*", "it may run where nothing may be interrupted"},
	{"pv_*", "it may run where nothing may be interrupted"},
	{"machine_*", "the machine is about to stop"},
	{"*crash_kexec*", "the machine is about to stop"},
	{"panic*", "the machine is about to stop"},
	{"oops_*", "the machine is about to stop"},
	{"printk*", "it may run where nothing may be interrupted"},
	{"vprintk*", "it may run where nothing may be interrupted"},
	{"console_*", "it may run where nothing may be interrupted"},
	{"__switch_to*", "the stack changes in it"},
	{"*context_switch*", "the stack changes in it"},
	{"finish_task_switch*", "the stack changes in it"},
	{"schedule_tail", "the stack changes in it"},
	{"ret_from_fork*", "the stack changes in it"},
};

const char *sg_kernel_danger(const char *function)
{
	for (size_t i = 0; i < ARRAY_SIZE(dangers); i++)
		if (fnmatch(dangers[i].pattern, function, 0) == 0)
			return dangers[i].why;
	return NULL;
}

/* "0xffffffff81000000-0xffffffff81000010\tname" */
static bool is_blacklisted(const char *function)
{
	FILE *f = fopen("/sys/kernel/debug/kprobes/blacklist", "re");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *name = strpbrk(line, "\t ");

		line[strcspn(line, "\n")] = 0;
		found = name && strcmp(name + 1, function) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

struct look {
	unsigned int n, least;
	char near[128];
};

/* "ffffffff81000000 T name [module]" */
static bool look_up(const char *function, struct look *l)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256], type;
	unsigned int i = 0;

	for (; f && i < KALLSYMS_LINES_MAX && fgets(line, sizeof(line), f); i++) {
		if (sscanf(line, "%*s %c %255s", &type, name) != 2 || !strchr("tTwW", type))
			continue;
		if (strcmp(name, function) == 0)
			l->n++;
		if (l->n || *name != *function)
			continue;
		if (sg_distance(function, name) < l->least) {
			l->least = sg_distance(function, name);
			snprintf(l->near, sizeof(l->near), "; did you mean %.100s?", name);
		}
	}
	if (f)
		fclose(f);
	return i > 0;
}

void sg_find_kernel(const struct sg_named_target *t, const struct sg_named *probe,
		    struct sg_found *ret)
{
	const char *why = sg_kernel_danger(t->symbol);
	struct look l = {.least = 5};
	int reg = probe->arg ? sg_argument_register(probe->arg) : 0;

	memset(ret, 0, sizeof(*ret));
	if (!why && is_blacklisted(t->symbol))
		why = "the kernel's own list forbids it (/sys/kernel/debug/kprobes/blacklist)";
	if (why) {
		sg_found_refuse(ret, -EPERM,
				"to probe %.100s could hang the machine: %s; probe a function that "
				"calls it, or a trace point",
				t->symbol, why);
		return;
	}
	if (access("/sys/bus/event_source/devices/kprobe/type", F_OK) < 0) {
		sg_found_refuse(ret, -EOPNOTSUPP,
				"this kernel lets nobody probe its functions (it is built without "
				"CONFIG_KPROBE_EVENTS); a trace point may tell the same: "
				"tracepoint:CATEGORY:NAME");
		return;
	}
	/* Where that list is hidden the kernel says whether it knows the name. */
	if (look_up(t->symbol, &l) && l.n != 1) {
		sg_found_refuse(ret, l.n ? -EEXIST : -ENOENT,
				l.n ? "this kernel has several functions %.100s%s"
				    : "this kernel has no function %.100s%s, or it was built into "
				      "those that call it",
				t->symbol, l.n ? "; name one that is there once" : l.near);
		return;
	}
	ret->n = 1;
	ret->timed = !probe->untimed;
	ret->arg = (struct sg_place){
		.place = SG_NAMED_REGISTER, .size = 8, .is_signed = true, .reg = (uint16_t)reg};
	if (reg < 0)
		sg_found_refuse(ret, -EINVAL, "a function has no argument %u that can be read",
				probe->arg);
}
