// SPDX-License-Identifier: GPL-2.0
// /proc's files as they are, torn and garbled; readings that become differences.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <sgprobe/file.h>
#include <sgprobe/frame.h>

#include "probe/procfs.h"
#include "probe/procfs_source.h"

/* ---- parsing: readings as lines of text ----------------------------------------------- */

struct catcher {
	struct sg_proc_sink sink;
	struct sg_buf out;
	size_t n;
};

static void catch (struct sg_proc_sink *s, const struct sg_proc_metric *m, struct sg_text l1,
		   struct sg_text l2, uint64_t v)
{
	struct catcher *c = (struct catcher *)s;

	c->n++;
	sg_buf_printf(&c->out, "%s", m->name + strlen("sgprobe_"));
	if (l1.n)
		sg_buf_printf(&c->out, " %.*s", (int)l1.n, l1.p);
	if (l2.n)
		sg_buf_printf(&c->out, " %.*s", (int)l2.n, l2.p);
	sg_buf_printf(&c->out, " %llu\n", (unsigned long long)v);
}

static void parse(const struct sg_proc_source *src, const char *text, struct catcher *c)
{
	c->sink.put = catch;
	sg_buf_reset(&c->out);
	sg_buf_str(&c->out, "");
	c->n = 0;
	src->parse(src, (struct sg_text){text, strlen(text)}, &c->sink);
}

static void expect_parsed(const struct sg_proc_source *src, const char *text, const char *want)
{
	struct catcher c = {0};

	parse(src, text, &c);
	assert_string_equal(c.out.data ? c.out.data : "", want);
	sg_buf_free(&c.out);
}

static void guest_time_is_taken_out_of_user_time(void **state)
{
	if (sysconf(_SC_CLK_TCK) != 100)
		skip();
	expect_parsed(
		&sg_proc_stat,
		"cpu  100 20 30 400 5 6 7 8 40 10\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 77 1 2\n"
		"ctxt 5\nbtime 9\nprocesses 3\nprocs_running 2\nprocs_blocked 1\nsoftirq 1 2\n",
		"cpu_seconds_total user 600000000\ncpu_seconds_total nice 100000000\n"
		"cpu_seconds_total system 300000000\ncpu_seconds_total idle 4000000000\n"
		"cpu_seconds_total iowait 50000000\ncpu_seconds_total irq 60000000\n"
		"cpu_seconds_total softirq 70000000\ncpu_seconds_total steal 80000000\n"
		"cpu_seconds_total guest 400000000\ncpu_seconds_total guest_nice 100000000\n"
		"cpu_interrupts_total 77\ncpu_device_interrupts_total 3\ncpu_context_switches_total 5\nboot_time_seconds 9\n"
		"processes_created_total 3\nprocesses_running 2\nprocesses_blocked 1\n"
		"cpu_online 2\n");
}

static void the_load_is_read_to_two_places(void **state)
{
	expect_parsed(&sg_proc_loadavg, "0.05 12.34 100.00 1/101 6575\n",
		      "load 1m 5\nload 5m 1234\nload 15m 10000\nprocesses_tasks 101\n");
	expect_parsed(&sg_proc_loadavg, "0.05 nan 1.00 1/1 1\n", "load 1m 5\n");
}

static void pressure_is_its_total(void **state)
{
	expect_parsed(&sg_proc_psi_memory,
		      "some avg10=0.00 avg60=0.24 avg300=0.27 total=9164838\n"
		      "full avg10=0.00 avg60=0.00 avg300=0.00 total=17\n",
		      "pressure_waiting_seconds_total some memory 9164838\n"
		      "pressure_waiting_seconds_total full memory 17\n");
}

static void partitions_and_unused_loops_are_left_out(void **state)
{
#define NUM " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
#define VAL(d)                                                                                     \
	"disk_reads_total " d " 1\ndisk_read_bytes_total " d " 3\ndisk_read_seconds_total " d      \
	" 4\ndisk_writes_total " d " 5\ndisk_written_bytes_total " d                               \
	" 7\ndisk_write_seconds_total " d " 8\ndisk_io_seconds_total " d " 10\n"
	expect_parsed(&sg_proc_diskstats,
		      "   7 0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		      "   7 1 loop1" NUM " 8 0 sda" NUM " 8 1 sda1" NUM " 8 2 sda12" NUM
		      " 8 16 sdaa" NUM " 259 0 nvme0n1" NUM " 259 1 nvme0n1p1" NUM
		      " 259 1 nvme0n10" NUM,
		      VAL("loop1") VAL("sda") VAL("sdaa") VAL("nvme0n1") VAL("nvme0n10"));
}

static void network_devices_have_eight_numbers(void **state)
{
	expect_parsed(&sg_proc_net_dev,
		      "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n"
		      "  eth0:10 11 12 13 14 15 16 17 20 21 22 23 24 25 26 27\n"
		      "  torn: 1 2 3\n",
		      "net_receive_bytes_total eth0 10\nnet_receive_packets_total eth0 11\n"
		      "net_receive_errors_total eth0 12\nnet_receive_drops_total eth0 13\n"
		      "net_transmit_bytes_total eth0 20\nnet_transmit_packets_total eth0 21\n"
		      "net_transmit_errors_total eth0 22\nnet_transmit_drops_total eth0 23\n");
}

static void columns_are_found_by_name_not_by_place(void **state)
{
	expect_parsed(&sg_proc_snmp,
		      "Ip: Forwarding InReceives\nIp: 2 7\n"
		      "Tcp: New MaxConn RetransSegs ActiveOpens\nTcp: 9 -1 5 6\n"
		      "Udp: NoPorts\nUdpLite: 3\n",
		      "netstat_tcp_retransmitted_segments_total 5\n"
		      "netstat_tcp_active_opens_total 6\n");
	expect_parsed(&sg_proc_netstat, "TcpExt: ListenDrops ListenOverflows\nTcpExt: 1 2\n",
		      "netstat_tcp_listen_drops_total 1\nnetstat_tcp_listen_overflows_total 2\n");
}

static void key_value_files_are_read_by_key(void **state)
{
	expect_parsed(&sg_proc_meminfo,
		      "MemTotal: 24685000 kB\nMemTotalX: 1 kB\nDirty:\nSwapFree: x\n",
		      "memory_total_bytes 24685000\n");
	expect_parsed(&sg_proc_vmstat, "pgfault 5\npgmajfault 18446744073709551615\noom_kill 1\n",
		      "vm_page_faults_total 5\nvm_major_page_faults_total 18446744073709551615\n"
		      "vm_oom_kills_total 1\n");
	expect_parsed(
		&sg_proc_vmstat,
		"allocstall_dma32 1\nallocstall_movable 23\nallocstall_ 4\nallocstall 5\n",
		"vm_allocation_stalls_total dma32 1\nvm_allocation_stalls_total movable 23\n");
	expect_parsed(&sg_proc_pid_max, "4194304\n", "processes_pid_max 4194304\n");
	expect_parsed(&sg_proc_threads_max, "many\n", "");
	expect_parsed(&sg_proc_file_nr, "621\t0\t2466170\n",
		      "file_handles 621\nfile_handles_max 2466170\n");
	expect_parsed(&sg_proc_sockstat,
		      "sockets: used 17\nTCP: inuse 1 orphan 2 tw 3 alloc 4 mem 92\n",
		      "sockets_tcp in_use 1\nsockets_tcp orphan 2\nsockets_tcp time_wait 3\n"
		      "sockets_tcp allocated 4\nsockets_tcp_memory_bytes 92\n");
}

static void numbers_that_do_not_fit_are_no_numbers(void **state)
{
	expect_parsed(
		&sg_proc_vmstat,
		"pgfault 18446744073709551616\npgmajfault -1\npswpin 1x\npswpout\noom_kill 1e3\n",
		"");
}

/* Each file cut after each byte, and with each byte replaced: no crash, no more readings than whole. */
static void torn_and_garbled_files_do_no_harm(void **state)
{
	static const char *const files[] = {"stat",	 "loadavg", "meminfo",	"vmstat",
					    "diskstats", "net/dev", "net/snmp", "net/sockstat"};
	struct catcher c = {0};

	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		const struct sg_proc_source *src = NULL;
		sg_auto_buf b = {0};
		char path[64];
		size_t whole;

		for (size_t i = 0; sg_proc_sources[i]; i++) {
			if (!strcmp(sg_proc_sources[i]->file, files[f]))
				src = sg_proc_sources[i];
		}
		assert_non_null(src);
		snprintf(path, sizeof(path), "/proc/%s", files[f]);
		assert_int_equal(sg_read_file(path, 1 << 20, &b), 0);
		if (b.len > 3000)
			b.data[3000] = '\0';
		parse(src, b.data, &c);
		whole = c.n;
		assert_true(whole > 0);
		for (size_t i = strlen(b.data); i-- > 0;) {
			char was = b.data[i];

			b.data[i] = (char)(i * 37 % 255 + 1);
			parse(src, b.data, &c);
			assert_true(c.n <= whole + 16);
			b.data[i] = was;
		}
		for (size_t i = strlen(b.data); i-- > 0;) {
			b.data[i] = '\0';
			parse(src, b.data, &c);
			assert_true(c.n <= whole);
		}
	}
	sg_buf_free(&c.out);
}

/* ---- ticks over a folder like /proc ---------------------------------------------------- */

struct world {
	char root[64];
	struct sg_procfs *p;
	struct sg_frame *f;
};

static void put_file(struct world *w, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", w->root, file);
	if (text) {
		FILE *f = fopen(path, "w"); /* in place, so that open descriptors see it */

		assert_non_null(f);
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
	} else {
		unlink(path);
	}
}

static int setup(void **state)
{
	static struct world w;
	char path[256];

	memset(&w, 0, sizeof(w));
	strcpy(w.root, "/tmp/sg-procfs-XXXXXX");
	if (!mkdtemp(w.root))
		return -1;
	snprintf(path, sizeof(path), "%s/net", w.root);
	if (mkdir(path, 0755))
		return -1;
	w.f = sg_frame_new();
	*state = &w;
	return w.f ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char cmd[128];

	sg_procfs_free(w->p);
	sg_frame_free(w->f);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", w->root);
	return system(cmd);
}

static void tick(struct world *w)
{
	if (!w->p)
		assert_int_equal(sg_procfs_new(w->root, &w->p), 0);
	sg_frame_reset(w->f);
	assert_int_equal(sg_procfs_tick(w->p, w->f), 0);
}

/* The value of a series of the last tick; NAN when it is not in the frame. */
static double value(struct world *w, const char *name, const char *label, const char *v)
{
	double found = NAN;

	for (size_t i = 0; i < w->f->n; i++) {
		const struct sg_sample *s = &w->f->samples[i];

		if (strcmp(s->series.name, name) ||
		    (label && strcmp(sg_series_label(&s->series, label), v)))
			continue;
		assert_true(isnan(found)); /* once */
		found = s->value;
	}
	return found;
}

#define FAULTS "sgprobe_vm_page_faults_total"

static void the_first_reading_is_the_base_and_then_come_differences(void **state)
{
	struct world *w = *state;

	put_file(w, "vmstat", "pgfault 1000\n");
	tick(w);
	assert_true(value(w, FAULTS, NULL, NULL) == 0);
	put_file(w, "vmstat", "pgfault 1234\n");
	tick(w);
	assert_true(value(w, FAULTS, NULL, NULL) == 234);
	tick(w);
	assert_true(value(w, FAULTS, NULL, NULL) == 0);
}

static void gauges_are_readings_in_base_units(void **state)
{
	struct world *w = *state;

	put_file(w, "meminfo", "MemFree: 10 kB\n");
	put_file(w, "loadavg", "1.25 0.50 0.25 1/2 3\n");
	tick(w);
	assert_true(value(w, "sgprobe_memory_free_bytes", NULL, NULL) == 10240);
	assert_true(value(w, "sgprobe_load", "period", "1m") == 1.25);
}

static void what_the_kernel_counts_in_pages_is_reported_in_bytes(void **state)
{
	struct world *w = *state;

	put_file(w, "vmstat", "pswpin 10\n");
	tick(w);
	put_file(w, "vmstat", "pswpin 13\n");
	tick(w);
	assert_true(value(w, "sgprobe_vm_swap_in_bytes_total", NULL, NULL) ==
		    3.0 * (double)sysconf(_SC_PAGESIZE));
}

static void a_counter_that_goes_backwards_starts_anew(void **state)
{
	struct world *w = *state;

	put_file(w, "vmstat", "pgfault 1000\n");
	tick(w);
	put_file(w, "vmstat", "pgfault 10\n");
	tick(w);
	assert_true(value(w, FAULTS, NULL, NULL) == 0);
	put_file(w, "vmstat", "pgfault 15\n");
	tick(w);
	assert_true(value(w, FAULTS, NULL, NULL) == 5);
}

static void cpu_time_that_dips_is_held_not_counted_twice(void **state)
{
	struct world *w = *state;

	put_file(w, "stat", "cpu 0 0 0 0 100\n");
	tick(w);
	put_file(w, "stat", "cpu 0 0 0 0 90\n"); /* iowait does that */
	tick(w);
	assert_true(value(w, "sgprobe_cpu_seconds_total", "mode", "iowait") == 0);
	put_file(w, "stat", "cpu 0 0 0 0 200\n");
	tick(w);
	assert_true(fabs(value(w, "sgprobe_cpu_seconds_total", "mode", "iowait") -
			 100.0 / (double)sysconf(_SC_CLK_TCK)) < 1e-9);
}

static void a_device_that_vanishes_ends_and_begins_anew(void **state)
{
	struct world *w = *state;
	const char *line = "eth0: %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
	char text[128];

	snprintf(text, sizeof(text), line, 1000);
	put_file(w, "net/dev", text);
	tick(w);
	put_file(w, "net/dev", "\n");
	tick(w);
	assert_true(isnan(value(w, "sgprobe_net_receive_bytes_total", "device", "eth0")));
	snprintf(text, sizeof(text), line, 5000);
	put_file(w, "net/dev", text);
	tick(w);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "eth0") == 0);
	snprintf(text, sizeof(text), line, 5001);
	put_file(w, "net/dev", text);
	tick(w);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "eth0") == 1);
}

static void put_devices(struct world *w, int first, int n, int bytes)
{
	sg_auto_buf b = {0};

	for (int i = first; i < first + n; i++)
		sg_buf_printf(&b, "d%d: %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", i, bytes);
	put_file(w, "net/dev", b.data ? b.data : "");
}

static void devices_past_the_bound_are_other_and_nothing_is_lost(void **state)
{
	struct world *w = *state;
	double sum = 0;

	put_devices(w, 0, 200, 100);
	tick(w);
	put_devices(w, 0, 200, 107);
	tick(w);
	for (size_t i = 0; i < w->f->n; i++) {
		if (!strcmp(w->f->samples[i].series.name, "sgprobe_net_receive_bytes_total"))
			sum += w->f->samples[i].value;
	}
	assert_true(sum == 200 * 7);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "other") ==
		    (200 - SG_PROCFS_DEVICES_MAX) * 7);
	assert_int_equal(w->f->n, 8 * (SG_PROCFS_DEVICES_MAX + 1));
}

static void when_the_others_change_their_sum_is_no_increase(void **state)
{
	struct world *w = *state;

	put_devices(w, 0, 100, 1000);
	tick(w);
	put_devices(w, 0, 150, 1000);
	tick(w);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "other") == 0);
	put_devices(w, 0, 150, 1001);
	tick(w);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "other") ==
		    150 - SG_PROCFS_DEVICES_MAX);
}

static void ten_thousand_generations_of_devices_stay_bounded(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 200; i++) {
		put_devices(w, i * 50, 50, 1);
		tick(w);
		assert_true(w->f->n <= 8 * (SG_PROCFS_DEVICES_MAX + 1));
	}
	tick(w);
	tick(w);
	assert_int_equal(w->f->n, 8 * 50);
}

static void hostile_device_names_become_valid_labels(void **state)
{
	struct world *w = *state;

	put_file(w, "net/dev", "e\x1b\xff: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	tick(w);
	assert_true(value(w, "sgprobe_net_receive_bytes_total", "device", "e\\x1b\\xff") == 0);
}

static void files_that_are_missing_cost_only_themselves(void **state)
{
	struct world *w = *state;

	put_file(w, "vmstat", "pgfault 1\n");
	tick(w);
	assert_int_equal(w->f->n, 1);
	assert_int_equal(sg_procfs_failed(w->p), 0);
	put_file(w, "meminfo", "MemFree: 1 kB\n");
	for (int i = 0; i < 130; i++)
		tick(w);
	assert_int_equal(w->f->n, 2); /* found when it was looked for again */
}

static void a_file_that_grew_without_bound_is_left_out(void **state)
{
	struct world *w = *state;
	sg_auto_buf b = {0};

	while (b.len < 1 << 17)
		sg_buf_str(&b, "pgfault 1\n");
	put_file(w, "vmstat", b.data);
	tick(w);
	assert_int_equal(w->f->n, 0);
	assert_int_equal(sg_procfs_failed(w->p), 1);
}

static void this_machine_has_the_metrics_that_every_machine_has(void **state)
{
	struct world *w = *state;

	assert_int_equal(sg_procfs_new("/proc", &w->p), 0);
	tick(w);
	tick(w);
	assert_true(value(w, "sgprobe_memory_total_bytes", NULL, NULL) > 1 << 20);
	assert_true(value(w, "sgprobe_cpu_online", NULL, NULL) >= 1);
	assert_true(value(w, "sgprobe_cpu_seconds_total", "mode", "idle") >= 0);
	assert_true(value(w, "sgprobe_load", "period", "15m") >= 0);
	assert_true(value(w, "sgprobe_file_handles", NULL, NULL) > 0);
	assert_int_equal(sg_procfs_failed(w->p), 0);
}

static int check_info(const struct sg_metric_info *m, void *ctx)
{
	const char *end = m->name + strlen(m->name);

	++*(int *)ctx;
	assert_int_equal(strncmp(m->name, "sgprobe_", 8), 0);
	assert_true(m->title && *m->title && m->help && *m->help);
	assert_string_equal(m->group, "proc");
	assert_int_equal(m->type == SG_COUNTER, !strcmp(end - 6, "_total"));
	if (*m->unit)
		assert_non_null(strstr(m->name, m->unit));
	return 0;
}

static void every_metric_is_listed_once_and_named_by_the_rules(void **state)
{
	int n = 0;

	assert_int_equal(sg_procfs_metrics_each(check_info, &n), 0);
	assert_in_range(n, 60, 200);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_time_is_taken_out_of_user_time),
		cmocka_unit_test(the_load_is_read_to_two_places),
		cmocka_unit_test(pressure_is_its_total),
		cmocka_unit_test(partitions_and_unused_loops_are_left_out),
		cmocka_unit_test(network_devices_have_eight_numbers),
		cmocka_unit_test(columns_are_found_by_name_not_by_place),
		cmocka_unit_test(key_value_files_are_read_by_key),
		cmocka_unit_test(numbers_that_do_not_fit_are_no_numbers),
		cmocka_unit_test(torn_and_garbled_files_do_no_harm),
		WORLD(the_first_reading_is_the_base_and_then_come_differences),
		WORLD(gauges_are_readings_in_base_units),
		WORLD(what_the_kernel_counts_in_pages_is_reported_in_bytes),
		WORLD(a_counter_that_goes_backwards_starts_anew),
		WORLD(cpu_time_that_dips_is_held_not_counted_twice),
		WORLD(a_device_that_vanishes_ends_and_begins_anew),
		WORLD(devices_past_the_bound_are_other_and_nothing_is_lost),
		WORLD(when_the_others_change_their_sum_is_no_increase),
		WORLD(ten_thousand_generations_of_devices_stay_bounded),
		WORLD(hostile_device_names_become_valid_labels),
		WORLD(files_that_are_missing_cost_only_themselves),
		WORLD(a_file_that_grew_without_bound_is_left_out),
		WORLD(this_machine_has_the_metrics_that_every_machine_has),
		cmocka_unit_test(every_metric_is_listed_once_and_named_by_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
