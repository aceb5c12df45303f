// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <sgprobe/daemon.h>
#include <sgprobe/file.h>
#include <sgprobe/http.h>

#include <sgprobe/map_bill.h>

#include "client.h"
#include "doctor.h"

void sg_found(struct sg_finding *f, enum sg_verdict v, const char *fmt, ...)
{
	va_list ap;

	f->verdict = v;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void sg_cure(struct sg_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->cure, sizeof(f->cure), fmt, ap);
	va_end(ap);
}

static void check_kernel(const struct sg_config *cfg, struct sg_finding *f)
{
	struct utsname u = {0};
	int major = 0, minor = 0;

	uname(&u);
	if (sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	    (major > 5 || (major == 5 && minor >= 10))) {
		sg_found(f, SG_PASS, "Linux %.60s on %.20s", u.release, u.machine);
		return;
	}
	sg_found(f, SG_FAIL, "Linux %.60s is older than 5.10", u.release);
	sg_cure(f,
		"boot a newer kernel; Debian 11's 5.10 is the oldest that sgprobe is tested with");
}

static void check_capabilities(const struct sg_config *cfg, struct sg_finding *f)
{
	static const struct {
		cap_value_t cap;
		const char *name;
	} wanted[] = {{CAP_BPF, "CAP_BPF"},
		      {CAP_PERFMON, "CAP_PERFMON"},
		      {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
		      {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
		      {CAP_SETUID, "CAP_SETUID"}};
	cap_t caps = cap_get_proc();
	sg_auto_buf missing = {0};

	for (size_t i = 0; caps && i < ARRAY_SIZE(wanted); i++) {
		cap_flag_value_t v = CAP_CLEAR;

		cap_get_flag(caps, wanted[i].cap, CAP_EFFECTIVE, &v);
		if (v == CAP_CLEAR)
			sg_buf_printf(&missing, "%s%s", missing.len ? ", " : "", wanted[i].name);
	}
	cap_free(caps);
	if (!missing.len) {
		sg_found(f, SG_PASS, "all that the daemon needs");
		return;
	}
	sg_found(f, geteuid() ? SG_WARN : SG_FAIL, "missing: %s", missing.data);
	if (geteuid())
		sg_cure(f, "run as root: sudo sgprobe doctor");
	else
		sg_cure(f, "give the container these capabilities");
}

static void check_tracefs(const struct sg_config *cfg, struct sg_finding *f)
{
	if (access("/sys/kernel/tracing/events", R_OK | X_OK) == 0 ||
	    access("/sys/kernel/debug/tracing/events", R_OK | X_OK) == 0) {
		sg_found(f, SG_PASS, "tracefs is mounted");
		return;
	}
	sg_found(f, SG_WARN, "/sys/kernel/tracing/events: %s", strerror(errno));
	sg_cure(f, "mount -t tracefs tracefs /sys/kernel/tracing (as root)");
}

/* The first line of a file, or NULL. */
static const char *read_line(const char *path, struct sg_buf *b)
{
	sg_buf_reset(b);
	if (sg_read_file(path, 4096, b) < 0 || !b->data)
		return NULL;
	b->data[strcspn(b->data, "\n")] = '\0';
	return b->data;
}

static void check_paranoid(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf b = {0};
	const char *v = read_line("/proc/sys/kernel/perf_event_paranoid", &b);

	if (!v)
		sg_found(f, SG_WARN, "the kernel has no perf events");
	else if (atoi(v) <= 2 || geteuid() == 0)
		sg_found(f, SG_PASS, "perf_event_paranoid is %.8s", v);
	else
		sg_found(f, SG_WARN, "perf_event_paranoid is %.8s", v);
	if (f->verdict != SG_PASS)
		sg_cure(f, "run the daemon as root, or sysctl -w kernel.perf_event_paranoid=2");
}

static void check_lockdown(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf b = {0};
	const char *v = read_line("/sys/kernel/security/lockdown", &b);

	if (v && strstr(v, "[confidentiality]")) {
		sg_found(f, SG_FAIL,
			 "lockdown is 'confidentiality': programs may not read the kernel");
		sg_cure(f, "boot with lockdown=integrity, or without Secure Boot");
		return;
	}
	sg_found(f, SG_PASS, "%s",
		 !v			    ? "no lockdown"
		 : strstr(v, "[integrity]") ? "integrity"
					    : "none");
}

static void check_cgroup(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf b = {0};
	const char *at;
	char path[128] = "";

	if (sg_read_file("/proc/self/mountinfo", 1 << 20, &b) == 0 && b.data &&
	    (at = strstr(b.data, " - cgroup2 "))) {
		const char *line = at;

		while (line > b.data && line[-1] != '\n')
			line--;
		sscanf(line, "%*s %*s %*s %*s %127s", path);
		sg_found(f, SG_PASS, "cgroup2 at %s", path);
		return;
	}
	sg_found(f, SG_WARN, "no cgroup2 is mounted");
	sg_cure(f, "boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 none "
		   "/sys/fs/cgroup/unified");
}

static void check_psi(const struct sg_config *cfg, struct sg_finding *f)
{
	if (access("/proc/pressure/cpu", R_OK) == 0) {
		sg_found(f, SG_PASS, "/proc/pressure is there");
		return;
	}
	sg_found(f, SG_WARN, "/proc/pressure is missing");
	sg_cure(f, "boot with psi=1 (needs CONFIG_PSI)");
}

static void check_clock(const struct sg_config *cfg, struct sg_finding *f)
{
	sg_auto_buf b = {0};
	const char *v =
		read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", &b);
	bool slow = v && (strcmp(v, "hpet") == 0 || strcmp(v, "acpi_pm") == 0);

	sg_found(f, slow ? SG_WARN : SG_PASS, "clock source %.40s", v ? v : "unknown");
	if (slow)
		sg_cure(f, "find out why the TSC was given up (dmesg | grep -i tsc); boot with "
			   "clocksource=tsc tsc=reliable when it is sound");
}

static void check_landlock(const struct sg_config *cfg, struct sg_finding *f)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	if (abi > 0) {
		sg_found(f, SG_PASS, "Landlock ABI %ld", abi);
		return;
	}
	sg_found(f, SG_WARN, "the kernel has no Landlock");
	sg_cure(f,
		"boot with lsm=landlock,... (Linux 5.13 or newer); the server still has no privileges");
}

static void check_user(const struct sg_config *cfg, struct sg_finding *f)
{
	if (getpwnam(cfg->user)) {
		sg_found(f, SG_PASS, "user %s exists", cfg->user);
		return;
	}
	sg_found(f, SG_WARN, "there is no user %s; the server process runs as nobody", cfg->user);
	sg_cure(f,
		"make install, or: useradd --system --no-create-home --shell /usr/sbin/nologin %s",
		cfg->user);
}

static void check_disk(const struct sg_config *cfg, struct sg_finding *f)
{
	char path[sizeof(cfg->data_dir)], free_text[32], want_text[32];
	struct statvfs v;
	double avail, want = (double)cfg->max_bytes + (double)cfg->min_free_bytes;

	memcpy(path, cfg->data_dir, sizeof(path));
	while (statvfs(path, &v) < 0) { /* the folder that will hold it */
		char *slash = strrchr(path, '/');

		if (!slash || (slash == path && !path[1])) {
			sg_found(f, SG_WARN, "cannot look at %.100s", cfg->data_dir);
			return;
		}
		slash[slash == path] = '\0';
	}
	avail = (double)v.f_bavail * v.f_frsize;
	sg_fmt_bytes(avail, free_text, sizeof(free_text));
	sg_fmt_bytes(want, want_text, sizeof(want_text));
	sg_found(f,
		 avail < cfg->min_free_bytes ? SG_FAIL
		 : avail < want		     ? SG_WARN
					     : SG_PASS,
		 "%s free for %.100s", free_text, cfg->data_dir);
	if (avail < want)
		sg_cure(f,
			"the store may grow to %s: free space, choose another --data-dir, or lower "
			"store.max_bytes",
			want_text);
}

static void check_port(const struct sg_config *cfg, struct sg_finding *f)
{
	struct sg_error err = {0};
	sg_auto_buf body = {0};
	int fd;

	if (sg_client_get(cfg->socket, "/-/healthy", &body, NULL) == 200) {
		sg_found(f, SG_PASS, "a daemon answers on %s", cfg->socket);
		return;
	}
	fd = sg_http_listen_tcp(cfg->listen, cfg->insecure_listen, &err);
	if (fd >= 0) {
		close(fd);
		sg_found(f, SG_PASS, "%s is free", cfg->listen);
		return;
	}
	sg_found(f, SG_FAIL, "%.190s", err.msg);
	sg_cure(f, "sgprobe daemon --listen 127.0.0.1:PORT; 'ss -ltnp' shows who has it");
}

static void check_memory(const struct sg_config *cfg, struct sg_finding *f)
{
	struct sg_error err = {0};
	struct sg_map_bill bill;
	sg_auto_buf b = {0};

	if (sg_map_bill(cfg, &bill) < 0) {
		sg_found(f, SG_WARN, "the kernel programs cannot be read");
		return;
	}
	sg_map_bill_print(&b, &bill);
	sg_found(f, sg_map_bill_check(&bill, cfg, &err) < 0 ? SG_FAIL : SG_PASS, "%s",
		 b.data ? b.data : "");
	sg_cure(f, "%s", err.msg);
}

const struct sg_check sg_checks[] = {
	{"kernel", check_kernel, "everything"},
	{"btf", sg_check_btf, "all probes: programs are fitted to the kernel by its BTF"},
	{"capabilities", check_capabilities, "the daemon"},
	{"bpf maps", sg_check_maps, "all probes"},
	{"bpf tp_btf", sg_check_tp_btf,
	 "the cheapest variant of every probe; raw tracepoints are used"},
	{"bpf raw_tp", sg_check_raw_tp, "all probes where tp_btf is refused too"},
	{"bpf tracepoint", sg_check_tracepoint, "probes on hooks without a raw tracepoint"},
	{"bpf fentry", sg_check_fentry, "nothing: tracepoints are used"},
	{"bpf memory", check_memory, "all probes: the daemon does not start"},
	{"bpf jit", sg_check_jit, "low cost: programs are interpreted"},
	{"tracefs", check_tracefs, "tracepoint variants"},
	{"perf events", check_paranoid, "tracepoint variants"},
	{"lockdown", check_lockdown, "all probes"},
	{"cgroup2", check_cgroup, "the split by cgroup: all is counted under 'other'"},
	{"pressure", check_psi, "the pressure metrics"},
	{"clock", check_clock, "low cost: every timestamp is slow"},
	{"landlock", check_landlock, "the second wall around the server process"},
	{"user", check_user, "a user of its own for the server process"},
	{"disk", check_disk, "the store's history"},
	{"budget", sg_check_budget, "detail: some latencies are sampled, or not measured at all"},
	{"port", check_port, "the dashboard"},
	{0},
};
