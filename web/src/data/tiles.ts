// SPDX-License-Identifier: GPL-2.0
// The Overview's tiles: a row each. A value is computed per tick from the series of the 'host' track.

import { RING } from "../core/ring";
import { bytes, bytesPerSecond, count, percent, perSecond, seconds } from "../core/units";
import type { Labels, Track } from "./track";

type Keep = (labels: Labels) => boolean;

/** What the two processes measure: each has ticks of its own, and one may be there without the other. */
export interface Tracks {
  probe: Track;
  server: Track;
}
export function fromServer(name: string): boolean {
  return name.startsWith("sgprobe_server_");
}

/** Sum of a metric's series in a tick; NaN when the metric has none. */
function total(t: Tracks, tick: number, name: string, keep?: Keep): number {
  const track = fromServer(name) ? t.server : t.probe;
  let sum = NaN;
  if (!track.has(tick)) return sum;
  for (const s of track.named(name)) {
    if (keep && !keep(s.labels)) continue;
    const v = s.scalar?.get(tick % RING) ?? NaN;
    if (Number.isFinite(v)) sum = (Number.isFinite(sum) ? sum : 0) + v;
  }
  return sum;
}
const of = (name: string, keep?: Keep) => (t: Tracks, tick: number) => total(t, tick, name, keep);

/** The probe's own count or, where that probe does not run, the kernel's. */
const either = (own: string, kernel: string) => (t: Tracks, tick: number) => {
  const v = total(t, tick, own);
  return Number.isFinite(v) ? v : total(t, tick, kernel);
};

const CPU = "sgprobe_cpu_seconds_total";
/** Guest time is counted in user time as well; waiting for I/O is idle time. */
const IDLE = new Set(["idle", "iowait"]);
function cpuBusy(t: Tracks, tick: number): number {
  const all = total(t, tick, CPU, (l) => !/^guest/.test(l.mode));
  return 1 - (total(t, tick, CPU, (l) => IDLE.has(l.mode)) || 0) / all;
}
const PSI = "sgprobe_pressure_waiting_seconds_total";
const pressure = (resource: string) => of(PSI, (l) => l.resource === resource && l.kind === "some");
/** Partitions and stacked devices would be counted twice. */
const wholeDisk: Keep = (l) => !/^(loop|ram|dm-|md|zram|sr)|^(sd[a-z]+|vd[a-z]+|xvd[a-z]+)\d+$|p\d+$/.test(l.device ?? "");
const notLoopback: Keep = (l) => l.device !== "lo";
function add(...parts: ((t: Tracks, tick: number) => number)[]): (t: Tracks, tick: number) => number {
  return (t, tick) => {
    let sum = NaN;
    for (const p of parts) {
      const v = p(t, tick);
      if (Number.isFinite(v)) sum = (Number.isFinite(sum) ? sum : 0) + v;
    }
    return sum;
  };
}

export interface Tile {
  id: string;
  title: string;
  /** A figure of sgprobe itself: shown as what watching costs. */
  own?: true;
  metrics: readonly string[];
  value: (t: Tracks, tick: number) => number;
  format: (v: number) => string;
  /** Top of the sparkline's scale where it is known. */
  top?: number;
  /** More is worse: the share of `top` from which the tile is marked. */
  warn?: number;
  hint: string;
}

const share = (v: number): string => percent(v);
export const TILES: readonly Tile[] = [
  { id: "cpu", title: "CPU busy", metrics: [CPU], value: cpuBusy, format: share, top: 1, warn: 0.9, hint: "Share of all CPUs' time that was not idle" },
  { id: "memory", title: "Memory available", metrics: ["sgprobe_memory_available_bytes"], value: of("sgprobe_memory_available_bytes"), format: bytes, hint: "What programs could still get without swapping" },
  { id: "runnable", title: "Tasks runnable", metrics: ["sgprobe_processes_running"], value: of("sgprobe_processes_running"), format: count, hint: "Tasks that run or wait for a CPU" },
  { id: "psi-cpu", title: "CPU pressure", metrics: [PSI], value: pressure("cpu"), format: share, warn: 0.4, hint: "Share of the second in which some task waited for a CPU" },
  { id: "psi-io", title: "I/O pressure", metrics: [PSI], value: pressure("io"), format: share, warn: 0.4, hint: "Share of the second in which some task waited for I/O" },
  { id: "psi-memory", title: "Memory pressure", metrics: [PSI], value: pressure("memory"), format: share, warn: 0.1, hint: "Share of the second in which some task waited for memory" },
  { id: "switches", title: "Context switches", metrics: ["sgprobe_sched_switches_total", "sgprobe_cpu_context_switches_total"], value: either("sgprobe_sched_switches_total", "sgprobe_cpu_context_switches_total"), format: perSecond, hint: "How often a CPU went from one task to another" },
  { id: "syscalls", title: "System calls", metrics: ["sgprobe_syscall_calls_total"], value: of("sgprobe_syscall_calls_total"), format: perSecond, hint: "System calls of all tasks" },
  { id: "errors", title: "Failed calls", metrics: ["sgprobe_syscall_errors_total"], value: of("sgprobe_syscall_errors_total"), format: perSecond, hint: "System calls that returned an error" },
  { id: "connects", title: "TCP connects", metrics: ["sgprobe_tcp_connects_total", "sgprobe_netstat_tcp_active_opens_total"], value: either("sgprobe_tcp_connects_total", "sgprobe_netstat_tcp_active_opens_total"), format: perSecond, hint: "TCP connections that this machine opened" },
  { id: "retransmits", title: "TCP retransmits", metrics: ["sgprobe_tcp_retransmits_total", "sgprobe_netstat_tcp_retransmitted_segments_total"], value: either("sgprobe_tcp_retransmits_total", "sgprobe_netstat_tcp_retransmitted_segments_total"), format: perSecond, hint: "TCP segments sent again" },
  { id: "network", title: "Network", metrics: ["sgprobe_net_receive_bytes_total", "sgprobe_net_transmit_bytes_total"], value: add(of("sgprobe_net_receive_bytes_total", notLoopback), of("sgprobe_net_transmit_bytes_total", notLoopback)), format: bytesPerSecond, hint: "Received and sent by all devices but loopback" },
  { id: "disk", title: "Disks", metrics: ["sgprobe_disk_read_bytes_total", "sgprobe_disk_written_bytes_total"], value: add(of("sgprobe_disk_read_bytes_total", wholeDisk), of("sgprobe_disk_written_bytes_total", wholeDisk)), format: bytesPerSecond, hint: "Read from and written to whole disks" },
  { id: "own-cpu", title: "CPU, both processes", own: true, metrics: ["sgprobe_probe_cpu_seconds_total", "sgprobe_server_cpu_seconds_total"], value: add(of("sgprobe_probe_cpu_seconds_total"), of("sgprobe_server_cpu_seconds_total")), format: share, warn: 0.05, hint: "Share of one CPU that sgprobe's own processes use" },
  { id: "own-memory", title: "Memory, both processes", own: true, metrics: ["sgprobe_probe_resident_bytes", "sgprobe_server_resident_bytes"], value: add(of("sgprobe_probe_resident_bytes"), of("sgprobe_server_resident_bytes")), format: bytes, hint: "Resident memory of sgprobe's own processes" },
  { id: "own-drain", title: "Drain", own: true, metrics: ["sgprobe_probe_drain_seconds"], value: of("sgprobe_probe_drain_seconds"), format: seconds, hint: "How long a tick took to read all maps and files" },
  { id: "own-dropped", title: "Dropped", own: true, metrics: ["sgprobe_dropped_total"], value: of("sgprobe_dropped_total"), format: perSecond, hint: "Events that could not be counted, and frames that were lost" },
];

/** Also watched, for the sums over minutes that the Overview shows. */
export const EXTRA_METRICS = ["sgprobe_bpf_run_seconds_total", "sgprobe_bpf_runs_total", "sgprobe_memory_total_bytes", "sgprobe_domain_up", "sgprobe_server_cpu_seconds_total", "sgprobe_probe_cpu_seconds_total"];

/** The tile's values for n ticks up to `last`; NaN where nobody watched. */
export function history(t: Tracks, tile: Tile, last: number, n: number): Float64Array {
  const out = new Float64Array(n).fill(NaN);
  for (let i = 0; i < n; i++) {
    const tick = last - n + 1 + i;
    if (t.probe.has(tick)) out[i] = tile.value(t, tick);
  }
  return out;
}
/** Increase of a counter over n ticks. */
export function increase(t: Tracks, name: string, last: number, n: number): number {
  let sum = 0;
  for (let tick = last - n + 1; tick <= last; tick++) sum += total(t, tick, name) || 0;
  return sum;
}
/** Nanoseconds per run of sgprobe's own programs, from the newest ticks with readings; NaN without. */
export function programCost(t: Tracks, last: number, n: number): number {
  const runs = increase(t, "sgprobe_bpf_runs_total", last, n);
  return runs > 0 ? (increase(t, "sgprobe_bpf_run_seconds_total", last, n) / runs) * 1e9 : NaN;
}
