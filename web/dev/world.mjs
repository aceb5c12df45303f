// SPDX-License-Identifier: GPL-2.0
// A machine that does not exist: what each second of it looks like is a function of the second.

export const NASTY = '<img src=x onerror="window.__hacked=1">';
export const BIDI = "evil\u202egpj.exe\u0007";

function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const normal = (rnd) => Math.sqrt(-2 * Math.log(1 - rnd())) * Math.cos(2 * Math.PI * rnd());

const COMMS = ["nginx", "postgres", "kworker/0:1", "redis-server", "node", "sshd", "systemd-journal", NASTY, BIDI, "cron"];
const CGROUPS = ["system.slice/nginx.service", "system.slice/postgresql.service", "user.slice/user-1000.slice", "docker/7f3a90c21be4", "other"];
const CALLS = ["read", "write", "futex", "epoll_wait", "openat", "recvfrom", "sendto", "fsync", "nanosleep", "mmap"];

const DISKS = ["nvme0n1", "sda", "sdb"];
const OPERATIONS = ["read", "write", "discard"];
/** Values of the natural labels; a metric with two has a series per pair. */
const VALUES_OF = { syscall: CALLS, device: DISKS, operation: OPERATIONS };
const hist = (name, title, group, more = {}) => ({ name, title, help: more.help ?? "", unit: "seconds", type: "histogram", group, label: null, of: null, dim: null, ...more });
const HOSTS = [
  hist("sgprobe_sched_runqueue_latency_seconds", "Run-queue latency", "sched", { help: "Time from runnable to running", median: 6e-6, spread: 1.1, rate: 4200 }),
  hist("sgprobe_sched_oncpu_seconds", "On-CPU time", "sched", { help: "Time that a task ran before it left the CPU", median: 9e-5, spread: 1.6, rate: 4200 }),
  hist("sgprobe_sched_offcpu_seconds", "Off-CPU time", "sched", { help: "Time that a task did not run", median: 2e-3, spread: 2.2, rate: 3900 }),
  hist("sgprobe_syscall_latency_seconds", "System call latency", "syscall", { help: "Time in a system call", median: 9e-7, spread: 1.7, rate: 21000, label: "syscall" }),
  hist("sgprobe_tcp_connect_latency_seconds", "TCP connect latency", "tcp", { help: "Time from SYN to established", median: 4e-4, spread: 0.8, rate: 14 }),
  hist("sgprobe_tcp_rtt_seconds", "TCP round-trip time", "tcp", { help: "Smoothed round-trip time", median: 1.2e-3, spread: 0.6, rate: 900 }),
  hist("sgprobe_block_latency_seconds", "Block I/O latency", "block", { help: "Time from issue to completion of a request", median: 1.8e-4, spread: 1.2, rate: 120, label: "device,operation" }),
  hist("sgprobe_block_request_bytes", "Block request size", "block", { help: "Size of a request", unit: "bytes", median: 16384, spread: 1.5, rate: 120, label: "device,operation" }),
  hist("sgprobe_mem_reclaimed_pages", "Pages reclaimed at once", "mem", { help: "Pages that one pass of reclaim freed", unit: "", median: 24, spread: 1.4, rate: 9 }),
];
export const GROUPS = [["sched", "CPU scheduler"], ["syscall", "System calls"], ["tcp", "TCP"], ["block", "Block devices"], ["mem", "Memory"], ["proc", "Resources"], ["self", "sgprobe itself"]].map(([name, title]) => ({ name, title }));
const scalar = (name, type, unit = "", label = null) => ({ name, title: name, help: "", unit, type, group: "proc", label, of: null, dim: null });
const SCALARS = [
  scalar("sgprobe_cpu_seconds_total", "counter", "seconds", "mode"), scalar("sgprobe_memory_available_bytes", "gauge", "bytes"),
  scalar("sgprobe_processes_running", "gauge"), scalar("sgprobe_pressure_waiting_seconds_total", "counter", "seconds", "resource"),
  scalar("sgprobe_sched_switches_total", "counter"), scalar("sgprobe_syscall_calls_total", "counter", "", "syscall"),
  scalar("sgprobe_syscall_errors_total", "counter", "", "syscall"), scalar("sgprobe_netstat_tcp_active_opens_total", "counter"),
  scalar("sgprobe_tcp_retransmits_total", "counter"), scalar("sgprobe_net_receive_bytes_total", "counter", "bytes", "device"),
  scalar("sgprobe_net_transmit_bytes_total", "counter", "bytes", "device"), scalar("sgprobe_disk_read_bytes_total", "counter", "bytes", "device"),
  scalar("sgprobe_disk_written_bytes_total", "counter", "bytes", "device"), scalar("sgprobe_probe_cpu_seconds_total", "counter", "seconds"),
  scalar("sgprobe_server_cpu_seconds_total", "counter", "seconds"), scalar("sgprobe_probe_resident_bytes", "gauge", "bytes"),
  scalar("sgprobe_server_resident_bytes", "gauge", "bytes"), scalar("sgprobe_probe_drain_seconds", "gauge", "seconds"),
  scalar("sgprobe_dropped_total", "counter", "", "reason"), scalar("sgprobe_bpf_runs_total", "counter", "", "program"),
  scalar("sgprobe_bpf_run_seconds_total", "counter", "seconds", "program"), scalar("sgprobe_domain_up", "gauge", "", "domain"),
  scalar("sgprobe_bpf_program_attached", "gauge", "", "program"), scalar("sgprobe_bpf_map_bytes", "gauge", "bytes", "domain"),
  scalar("sgprobe_governor_budget_seconds", "gauge", "seconds"), scalar("sgprobe_untimed_total", "counter", "", "domain"),
  scalar("sgprobe_truth_ratio", "gauge", "", "signal"), scalar("sgprobe_balance_error", "gauge", "", "domain"),
  scalar("sgprobe_slots_used", "gauge"), scalar("sgprobe_slots_full_total", "counter"), scalar("sgprobe_pool_used", "gauge", "", "kind"),
  scalar("sgprobe_pool_full_total", "counter"), scalar("sgprobe_probe_ticks_late_total", "counter"), scalar("sgprobe_probe_ticks_skipped_total", "counter"),
];
/** Programs of the made-up probe: runs per second and nanoseconds of one. */
const PROGRAMS = [["sched/sched_switch", 4200, 312], ["sched/sched_wakeup", 3900, 260], ["syscall/sys_exit", 21000, 190], ["syscall/sys_enter", 21000, 95], ["tcp/tcp_rtt", 900, 540]];
const DOMAINS = ["sched", "syscall", "tcp"];
const DIMS = HOSTS.filter((h) => h.unit === "seconds").flatMap((h) => ["cgroup", "comm"].map((dim) => ({ ...h, name: h.name.replace("sgprobe_", `sgprobe_${dim}_`), of: h.name, dim, label: null })));

export const catalog = [...HOSTS, ...DIMS, ...SCALARS].map(({ name, title, help, unit, type, group, label, of, dim }) => ({ name, title, help, unit, type, group, label, labels: label?.split(",") ?? [], of, dim }));

const SERIES = [];
for (const h of HOSTS) {
  const pairs = (h.label?.split(",") ?? []).reduce((all, l) => all.flatMap((a) => VALUES_OF[l].map((v) => ({ ...a, [l]: v }))), [{}]);
  if (h.label) pairs.forEach((labels, k) => SERIES.push({ name: h.name, type: "histogram", labels, of: h, part: 0.45 / (k + 1), shift: 0.5 + ((k * 7) % 10) / 3 }));
  else SERIES.push({ name: h.name, type: "histogram", labels: {}, of: h, part: 1, shift: 1 });
}
for (const d of DIMS)
  (d.dim === "comm" ? COMMS : CGROUPS).forEach((v, k) => SERIES.push({ name: d.name, type: "histogram", labels: { [d.dim]: v }, of: d, part: 0.5 / (k + 1), shift: 0.6 + ((k * 5) % 7) / 4 }));

const wave = (t, period, phase = 0) => 0.5 + 0.5 * Math.sin((2 * Math.PI * t) / period + phase);
const VALUES = {
  sgprobe_cpu_seconds_total: (t, r) => { const busy = 0.15 + 0.25 * wave(t, 170) + 0.05 * r(); return [[{ mode: "user" }, busy * 1.4], [{ mode: "system" }, busy * 0.6], [{ mode: "idle" }, 2 - busy * 2], [{ mode: "iowait" }, 0.01]]; },
  sgprobe_memory_available_bytes: (t) => [[{}, 2 ** 30 * (5 + wave(t, 900))]],
  sgprobe_processes_running: (t, r) => [[{}, 1 + Math.floor(3 * wave(t, 170) + 2 * r())]],
  sgprobe_pressure_waiting_seconds_total: (t, r) => [["cpu", 0.06 * wave(t, 170) + 0.02 * r()], ["io", r() > 0.9 ? 0.2 * r() : 0.004 * r()], ["memory", 0]].map(([resource, v]) => [{ resource, kind: "some" }, v]),
  sgprobe_sched_switches_total: (t, r) => [[{}, Math.round(3500 + 1800 * wave(t, 170) + 300 * r())]],
  sgprobe_syscall_calls_total: (t, r) => CALLS.map((c, k) => [{ syscall: c }, Math.round((9000 * (0.7 + wave(t, 170)) + 500 * r()) / (k + 1))]),
  sgprobe_syscall_errors_total: (t, r) => [[{ syscall: "read" }, Math.floor(40 * r())]],
  sgprobe_netstat_tcp_active_opens_total: (t, r) => [[{}, Math.floor(30 * r())]],
  sgprobe_tcp_retransmits_total: (t, r) => [[{}, r() > 0.95 ? Math.floor(9 * r()) : 0]],
  sgprobe_net_receive_bytes_total: (t, r) => [[{ device: "eth0" }, 2e6 * (0.5 + r())], [{ device: "lo" }, 9e6]],
  sgprobe_net_transmit_bytes_total: (t, r) => [[{ device: "eth0" }, 5e6 * (0.5 + wave(t, 60))], [{ device: "lo" }, 9e6]],
  sgprobe_disk_read_bytes_total: (t, r) => [[{ device: "nvme0n1" }, r() > 0.8 ? 4e6 * r() : 0]],
  sgprobe_disk_written_bytes_total: (t, r) => [[{ device: "nvme0n1" }, 1e6 * r()]],
  sgprobe_probe_cpu_seconds_total: (t, r) => [[{}, 0.0031 + 0.001 * r()]],
  sgprobe_server_cpu_seconds_total: (t, r) => [[{}, 0.0022 + 0.001 * r()]],
  sgprobe_probe_resident_bytes: () => [[{}, 14.2 * 2 ** 20]],
  sgprobe_server_resident_bytes: () => [[{}, 17.9 * 2 ** 20]],
  sgprobe_probe_drain_seconds: (t, r) => [[{}, 0.0014 + 0.0005 * r()]],
  sgprobe_dropped_total: () => [[{ reason: "map_full" }, 0]],
  sgprobe_bpf_runs_total: () => PROGRAMS.map(([program, runs]) => [{ program }, runs]),
  sgprobe_bpf_run_seconds_total: () => PROGRAMS.map(([program, runs, ns]) => [{ program }, runs * ns * 1e-9]),
  sgprobe_domain_up: () => [...DOMAINS.map((domain) => [{ domain, variant: "tp_btf" }, 1]), [{ domain: "block", reason: "the kernel refused block_rq_issue: no BTF" }, 0], [{ domain: "mem", reason: "switched off: probe.mem is false" }, 0]],
  sgprobe_bpf_program_attached: () => PROGRAMS.map(([program]) => [{ program, variant: "tp_btf" }, 1]),
  sgprobe_bpf_map_bytes: () => DOMAINS.map((domain, k) => [{ domain }, (k + 1) * 3.5 * 2 ** 20]),
  sgprobe_governor_budget_seconds: () => [[{}, 0.01]],
  sgprobe_untimed_total: () => [[{ domain: "syscall" }, 1200]],
  sgprobe_truth_ratio: () => [["context_switches", 1], ["forks", 0.9], ["softirqs", 0.9993]].map(([signal, v]) => [{ signal }, v]),
  sgprobe_balance_error: () => DOMAINS.map((domain) => [{ domain }, 0]),
  sgprobe_slots_used: () => [[{}, 87]],
  sgprobe_slots_full_total: () => [[{}, 0]],
  sgprobe_pool_used: () => [[{ kind: "rows" }, 212], [{ kind: "cells" }, 40]],
  sgprobe_pool_full_total: () => [[{}, 0]],
  sgprobe_probe_ticks_late_total: (t) => [[{}, t % 300 === 0 ? 1 : 0]],
  sgprobe_probe_ticks_skipped_total: () => [[{}, 0]],
};
for (const s of SCALARS)
  for (const [labels] of VALUES[s.name](0, () => 0.5)) SERIES.push({ name: s.name, type: s.type, labels, scalar: VALUES[s.name], key: JSON.stringify(labels) });
SERIES.forEach((s, i) => (s.i = i));
export const series = SERIES;

/** Slower for a while each few minutes, so that there is something to see. */
function trouble(h, t) {
  if (h.group === "sched" && t % 240 < 25) return 9;
  if (h.group === "syscall" && t % 420 > 395) return 14;
  return 1;
}
function sampleHist(s, t) {
  const rnd = random(t * 7919 + s.i * 104729);
  const base = s.of;
  const rate = base.rate * s.part * (0.7 + 0.6 * wave(t, 170, base.group.length));
  const n = Math.floor(rate + rnd());
  const draws = Math.min(n, 160);
  const buckets = new Map();
  let sum = 0;
  const bad = trouble(base, t);
  for (let i = 0; i < draws; i++) {
    const weight = Math.floor(n / draws) + (i < n % draws ? 1 : 0);
    // A second mode, such as a cache that was missed, and a tail.
    const mode = rnd() < 0.12 ? 22 : 1;
    const slow = rnd() < 0.05 * Math.log2(bad) ? bad * (1 + 4 * rnd()) : 1;
    const v = base.median * s.shift * mode * slow * Math.exp(normal(rnd) * base.spread * 0.55);
    const index = base.unit === "seconds" ? Math.min(54, Math.max(-239, Math.ceil(Math.log2(v) * 8))) : Math.min(319, Math.max(0, Math.ceil(Math.log2(Math.max(1, Math.round(v))) * 8)));
    buckets.set(index, (buckets.get(index) ?? 0) + weight);
    sum += v * weight;
  }
  return { count: n, sum, buckets: [...buckets].sort((a, b) => a[0] - b[0]) };
}

/** What a series was in second t: a histogram, or { value }. */
export function sample(s, t) {
  if (s.type === "histogram") return sampleHist(s, t);
  const rnd = random(t * 31 + s.name.length);
  const row = s.scalar(t, rnd).find(([l]) => JSON.stringify(l) === s.key);
  return { value: row ? row[1] : 0 };
}

/** The selectors that the page sends: a name, a pattern of names, equal labels. */
export function matcher(text) {
  const m = /^([a-zA-Z_:][\w:]*)?(?:\{(.*)\})?$/s.exec(text);
  if (!m) throw new Error(`selector ${text}`);
  const tests = [];
  if (m[1]) tests.push((s) => s.name === m[1]);
  for (const part of (m[2] ?? "").matchAll(/(\w+)(=~|=)"((?:[^"\\]|\\.)*)"/gs)) {
    const value = part[3].replace(/\\(.)/gs, (_, c) => (c === "n" ? "\n" : c));
    const get = (s) => (part[1] === "__name__" ? s.name : (s.labels[part[1]] ?? ""));
    tests.push(part[2] === "=" ? (s) => get(s) === value : (s) => new RegExp(`^(?:${value})$`).test(get(s)));
  }
  return (s) => tests.every((f) => f(s));
}
