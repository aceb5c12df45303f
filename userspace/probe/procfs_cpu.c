// SPDX-License-Identifier: GPL-2.0
// CPU: /proc/stat, load, pressure.
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "procfs_source.h"

#define NS_PER_SECOND 1000000000ULL

/* ---- /proc/stat --------------------------------------------------------------------- */

enum { CPU_SECONDS, CPU_ONLINE, DEVICE_INTERRUPTS };

static const struct sg_proc_metric stat_metrics[] = {
	[CPU_SECONDS] =
		{.name = "sgprobe_cpu_seconds_total",
		 .title = "CPU time by mode",
		 .help = "Time that all CPUs together spent in each mode; guest is not part "
			 "of user, so the modes add up to all time",
		 .unit = "seconds",
		 .labels = {"mode"},
		 .scale = 1e-9,
		 .flags = SG_PROC_NO_DIP},
	[CPU_ONLINE] = {.name = "sgprobe_cpu_online",
			.title = "CPUs online",
			.help = "CPUs that the scheduler uses",
			.unit = "",
			.scale = 1,
			.type = SG_GAUGE},
	[DEVICE_INTERRUPTS] = {.name = "sgprobe_cpu_device_interrupts_total",
			       .title = "Interrupts of devices",
			       .help = "Interrupts that have a number, as devices have; timers and "
				       "what CPUs tell each other are left out",
			       .unit = "",
			       .scale = 1},
	{"ctxt",
	 "sgprobe_cpu_context_switches_total",
	 "Context switches",
	 "Context switches as the kernel itself counts them",
	 "",
	 {0},
	 1,
	 SG_COUNTER,
	 0},
	{"intr",
	 "sgprobe_cpu_interrupts_total",
	 "Interrupts",
	 "Interrupts serviced",
	 "",
	 {0},
	 1,
	 SG_COUNTER,
	 0},
	{"processes",
	 "sgprobe_processes_created_total",
	 "Tasks created",
	 "Processes and threads created since boot",
	 "",
	 {0},
	 1,
	 SG_COUNTER,
	 0},
	{"procs_running",
	 "sgprobe_processes_running",
	 "Tasks runnable",
	 "Tasks that run or wait for a CPU",
	 "",
	 {0},
	 1,
	 SG_GAUGE,
	 0},
	{"procs_blocked",
	 "sgprobe_processes_blocked",
	 "Tasks blocked",
	 "Tasks that wait for I/O to finish",
	 "",
	 {0},
	 1,
	 SG_GAUGE,
	 0},
	{"btime",
	 "sgprobe_boot_time_seconds",
	 "Boot time",
	 "When the machine was started, Unix time",
	 "seconds",
	 {0},
	 1,
	 SG_GAUGE,
	 0},
};

static const char *const modes[] = {"user", "nice",    "system", "idle",  "iowait",
				    "irq",  "softirq", "steal",	 "guest", "guest_nice"};
/* The line of interrupts: their sum, then a number for each that a device has. */
static void put_device_interrupts(struct sg_text line, struct sg_proc_sink *out)
{
	uint64_t sum = 0, v;

	while (sg_text_u64(&line, &v))
		sum += v;
	sg_proc_put(out, &stat_metrics[DEVICE_INTERRUPTS], sum);
}

enum { USER, NICE, GUEST = 8, GUEST_NICE = 9, MODES = 10 };

/* The kernel counts guest time in user time as well; taken out, the modes add up. */
static void without_guest(uint64_t t[MODES])
{
	if (t[USER] >= t[GUEST])
		t[USER] -= t[GUEST];
	if (t[NICE] >= t[GUEST_NICE])
		t[NICE] -= t[GUEST_NICE];
}

static void put_modes(struct sg_text line, struct sg_proc_sink *out)
{
	uint64_t t[MODES] = {0}, ns;
	long hz = sysconf(_SC_CLK_TCK);
	int n = 0;

	while (n < MODES && sg_text_u64(&line, &t[n]))
		n++;
	if (n < 4 || hz <= 0) /* torn */
		return;
	without_guest(t);
	for (int i = 0; i < n; i++) {
		if (!__builtin_mul_overflow(t[i], NS_PER_SECOND / (uint64_t)hz, &ns))
			out->put(out, &stat_metrics[CPU_SECONDS],
				 (struct sg_text){modes[i], strlen(modes[i])}, (struct sg_text){0},
				 ns);
	}
}

static void parse_stat(const struct sg_proc_source *src, struct sg_text text,
		       struct sg_proc_sink *out)
{
	const struct sg_proc_metric *m;
	struct sg_text line, key;
	uint64_t v, online = 0;

	while (sg_text_line(&text, &line)) {
		if (!sg_text_word(&line, &key))
			continue;
		m = sg_proc_by_key(src, key);
		if (m && sg_text_u64(&line, &v)) {
			sg_proc_put(out, m, v);
			if (sg_text_is(key, "intr"))
				put_device_interrupts(line, out);
		} else if (sg_text_is(key, "cpu"))
			put_modes(line, out);
		else if (key.n > 3 && !memcmp(key.p, "cpu", 3))
			online++;
	}
	if (online)
		sg_proc_put(out, &stat_metrics[CPU_ONLINE], online);
}

const struct sg_proc_source sg_proc_stat = {
	"stat", 1 << 20, parse_stat, NULL, stat_metrics, ARRAY_SIZE(stat_metrics),
};

/* ---- /proc/softirqs: a line per vector, a number per CPU ------------------------------ */

static const struct sg_proc_metric softirq_metrics[] = {
	{.name = "sgprobe_cpu_softirqs_total",
	 .title = "Softirqs",
	 .help = "Softirqs that ran, as the kernel counts them",
	 .unit = "",
	 .labels = {"vector"},
	 .scale = 1,
	 .type = SG_COUNTER},
};

static void parse_softirqs(const struct sg_proc_source *src, struct sg_text text,
			   struct sg_proc_sink *out)
{
	struct sg_text line, head, key;
	uint64_t v, sum;
	char name[16];

	while (sg_text_line(&text, &line)) {
		if (!sg_text_until(&line, ':', &head) || !sg_text_word(&head, &key) ||
		    key.n >= sizeof(name))
			continue;
		for (size_t i = 0; i < key.n; i++)
			name[i] = (char)tolower((unsigned char)key.p[i]);
		for (sum = 0; sg_text_u64(&line, &v);)
			sum += v;
		out->put(out, &src->metrics[0], (struct sg_text){name, key.n}, (struct sg_text){0},
			 sum);
	}
}

const struct sg_proc_source sg_proc_softirqs = {
	"softirqs", 1 << 20, parse_softirqs, NULL, softirq_metrics, ARRAY_SIZE(softirq_metrics),
};

/* ---- /proc/loadavg ------------------------------------------------------------------ */

enum { LOAD, TASKS };

static const struct sg_proc_metric load_metrics[] = {
	[LOAD] = {NULL,
		  "sgprobe_load",
		  "Load average",
		  "Runnable and uninterruptible tasks, averaged over the period",
		  "",
		  {"period"},
		  0.01,
		  SG_GAUGE,
		  0},
	[TASKS] = {.name = "sgprobe_processes_tasks",
		   .title = "Tasks",
		   .help = "Processes and threads that exist, kernel threads too",
		   .unit = "",
		   .scale = 1,
		   .type = SG_GAUGE},
};

/* "0.05" as hundredths. */
static bool hundredths(struct sg_text w, uint64_t *v)
{
	struct sg_text whole;
	uint64_t a, b;

	if (!sg_text_until(&w, '.', &whole) || w.n != 2 || !sg_text_u64(&whole, &a) ||
	    !sg_text_u64(&w, &b) || a > UINT32_MAX)
		return false;
	*v = a * 100 + b;
	return true;
}

static void parse_loadavg(const struct sg_proc_source *src, struct sg_text text,
			  struct sg_proc_sink *out)
{
	static const char *const periods[] = {"1m", "5m", "15m"};
	struct sg_text w, part;
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
		if (!sg_text_word(&text, &w) || !hundredths(w, &v))
			return;
		out->put(out, &src->metrics[LOAD], (struct sg_text){periods[i], strlen(periods[i])},
			 (struct sg_text){0}, v);
	}
	/* "3/214": those that can run, all. */
	if (sg_text_word(&text, &w) && sg_text_until(&w, '/', &part) && sg_text_u64(&w, &v))
		sg_proc_put(out, &src->metrics[TASKS], v);
}

const struct sg_proc_source sg_proc_loadavg = {
	"loadavg", 4096, parse_loadavg, NULL, load_metrics, ARRAY_SIZE(load_metrics),
};

/* ---- /proc/pressure ----------------------------------------------------------------- */

static const struct sg_proc_metric psi_metrics[] = {
	{NULL,
	 "sgprobe_pressure_waiting_seconds_total",
	 "Pressure stall time",
	 "Time in which some or all (full) tasks waited for the resource",
	 "seconds",
	 {"kind", "resource"},
	 1e-6,
	 SG_COUNTER,
	 0},
};

/* "some avg10=0.00 avg60=0.24 avg300=0.27 total=9164838" */
static void parse_psi(const struct sg_proc_source *src, struct sg_text text,
		      struct sg_proc_sink *out)
{
	struct sg_text line, kind, word, key;
	uint64_t v;

	while (sg_text_line(&text, &line)) {
		if (!sg_text_word(&line, &kind) ||
		    (!sg_text_is(kind, "some") && !sg_text_is(kind, "full")))
			continue;
		while (sg_text_word(&line, &word)) {
			if (sg_text_until(&word, '=', &key) && sg_text_is(key, "total") &&
			    sg_text_u64(&word, &v))
				out->put(out, src->metrics, kind,
					 (struct sg_text){src->prefix, strlen(src->prefix)}, v);
		}
	}
}

#define PSI(resource)                                                                              \
	const struct sg_proc_source sg_proc_psi_##resource = {                                     \
		"pressure/" #resource,	 4096, parse_psi, #resource, psi_metrics,                  \
		ARRAY_SIZE(psi_metrics),                                                           \
	}
PSI(cpu);
PSI(memory);
PSI(io);
PSI(irq);
