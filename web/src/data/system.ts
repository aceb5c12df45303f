// SPDX-License-Identifier: GPL-2.0
// What sgprobe says about itself, as rows: read from the ticks of the System page's tracks.

import { RING } from "../core/ring";
import { fromServer } from "./tiles";
import type { Tracks } from "./tiles";
import type { Series, Track } from "./track";

const UP = "sgprobe_domain_up";
const ATTACHED = "sgprobe_bpf_program_attached";
const RUNS = "sgprobe_bpf_runs_total";
const RUN_SECONDS = "sgprobe_bpf_run_seconds_total";
const MAP_BYTES = "sgprobe_bpf_map_bytes";
const UNTIMED = "sgprobe_untimed_total";
const STEP = "sgprobe_governor_step";
const PAID = "sgprobe_cgroup_bpf_seconds_total";
const ENTRY = "sgprobe_bpf_entry_seconds";
const BUDGET = "sgprobe_governor_budget_seconds";
const CHANGES = "sgprobe_governor_changes_total";
const TRUTH = "sgprobe_truth_ratio";
const DROPPED = "sgprobe_dropped_total";
const BALANCE = "sgprobe_balance_error";
const DRAIN = "sgprobe_probe_drain_seconds";
const SLOTS = "sgprobe_slots_used";
const POOL = "sgprobe_pool_used";
/** Counters that stay at 0 when all is well, besides what was dropped. */
const FAULTS: readonly [string, string][] = [
  ["sgprobe_slots_full_total", "Slots full: counted under “other”"],
  ["sgprobe_pool_full_total", "Pool full: counted under “other”"],
  ["sgprobe_probe_ticks_late_total", "Ticks late"],
  ["sgprobe_probe_ticks_skipped_total", "Ticks skipped"],
  ["sgprobe_probe_clock_steps_total", "Clock set"],
  ["sgprobe_probe_suspends_total", "Machine slept"],
];
const PROCESSES = ["probe", "server"] as const;
const cpuOf = (p: string) => `sgprobe_${p}_cpu_seconds_total`;
const memoryOf = (p: string) => `sgprobe_${p}_resident_bytes`;

/** Of the probe process; the server's are in a track of their own. */
export const SYSTEM_METRICS = [UP, ATTACHED, RUNS, RUN_SECONDS, MAP_BYTES, UNTIMED, STEP, PAID, ENTRY, BUDGET, CHANGES, TRUTH, DROPPED, BALANCE, DRAIN, SLOTS, POOL, ...FAULTS.map(([n]) => n), ...PROCESSES.map(cpuOf), ...PROCESSES.map(memoryOf)].filter((n) => !fromServer(n));
/** Costs are means of the last minute, losses are of ten. */
export const MINUTE = 60;
export const TEN_MINUTES = 600;
export const SYSTEM_SPAN = TEN_MINUTES * 1000 + 20_000;
/** A gauge that was not reported for so long is gone. */
const RECENT = 10;

const trackOf = (t: Tracks, name: string): Track => (fromServer(name) ? t.server : t.probe);
function eachTick(track: Track, last: number, n: number, f: (slot: number) => void): number {
  let seen = 0;
  for (let tick = last - n + 1; tick <= last; tick++) {
    if (!track.has(tick)) continue;
    seen++;
    f(tick % RING);
  }
  return seen;
}
function sumOf(track: Track, one: Series, last: number, n: number): number {
  let sum = 0;
  eachTick(track, last, n, (slot) => (sum += one.scalar?.get(slot) || 0));
  return sum;
}
/** Increase of a counter over n ticks, by the value of a label. */
function increases(t: Tracks, name: string, label: string, last: number, n: number): Map<string, number> {
  const track = trackOf(t, name);
  const out = new Map<string, number>();
  for (const one of track.named(name)) {
    const key = one.labels[label] ?? "";
    out.set(key, (out.get(key) ?? 0) + sumOf(track, one, last, n));
  }
  return out;
}
/** Series of a gauge that are reported now, with the newest reading. */
function readings(t: Tracks, name: string, last: number): { labels: Series["labels"]; value: number }[] {
  const track = trackOf(t, name);
  const out: { labels: Series["labels"]; value: number }[] = [];
  for (const one of track.named(name)) {
    let value = NaN;
    eachTick(track, last, RECENT, (slot) => {
      const v = one.scalar?.get(slot) ?? NaN;
      if (Number.isFinite(v)) value = v;
    });
    if (Number.isFinite(value)) out.push({ labels: one.labels, value });
  }
  return out;
}
const reading = (t: Tracks, name: string, last: number): number => readings(t, name, last)[0]?.value ?? NaN;
/** Largest and mean reading of a gauge over n ticks. */
function extent(t: Tracks, name: string, last: number, n: number): { mean: number; max: number } {
  const track = trackOf(t, name);
  let sum = 0;
  let seen = 0;
  let max = NaN;
  for (const one of track.named(name))
    eachTick(track, last, n, (slot) => {
      const v = Math.abs(one.scalar?.get(slot) ?? NaN);
      if (!Number.isFinite(v)) return;
      sum += v;
      seen++;
      if (!(max >= v)) max = v;
    });
  return { mean: seen ? sum / seen : NaN, max };
}
const ticks = (t: Track, last: number, n: number): number => eachTick(t, last, n, () => undefined);

// ---- domains and programs ------------------------------------------------------------------------
export interface Program {
  /** DOMAIN/HOOK */
  name: string;
  domain: string;
  variant: string;
  /** Why it does not run: a function that this kernel lets nobody hook; empty for those that do. */
  reason: string;
  perSecond: number;
  /** Nanoseconds per run; NaN before it was measured. */
  ns: number;
  /** Of one CPU. */
  share: number;
}
/** The costliest first. */
export function programs(t: Tracks, last: number): Program[] {
  const n = ticks(t.probe, last, MINUTE);
  const runs = increases(t, RUNS, "program", last, MINUTE);
  const time = increases(t, RUN_SECONDS, "program", last, MINUTE);
  const out = readings(t, ATTACHED, last).map(({ labels, value }): Program => {
    const name = labels.program ?? "";
    const [r, secs] = [runs.get(name) ?? 0, time.get(name) ?? 0];
    return { name, domain: name.split("/")[0], variant: labels.variant ?? "", reason: value === 0 ? labels.reason || "not attached" : "", perSecond: r / n, ns: r > 0 && secs > 0 ? (secs / r) * 1e9 : NaN, share: secs / n };
  });
  return out.sort((a, b) => b.share - a.share || b.perSecond - a.perSecond || (a.name < b.name ? -1 : 1));
}

export interface Domain {
  name: string;
  up: boolean;
  variant: string;
  reason: string;
  bytes: number;
  programs: number;
  share: number;
  /** Events per second that were counted but not timed; NaN where all are always timed. */
  untimed: number;
  /** What the budget leaves of it. */
  step: Step;
  /** Why that is not everything. */
  stepReason: string;
}
export const STEPS = ["full", "sampled", "sparse", "off"] as const;
export type Step = (typeof STEPS)[number];
export function domains(t: Tracks, last: number, list: readonly Program[]): Domain[] {
  const n = ticks(t.probe, last, MINUTE);
  const bytes = new Map(readings(t, MAP_BYTES, last).map((r) => [r.labels.domain, r.value]));
  const untimed = increases(t, UNTIMED, "domain", last, MINUTE);
  const steps = stepsOf(t, last);
  return readings(t, UP, last).map(({ labels, value }) => {
    const name = labels.domain ?? "";
    const own = list.filter((p) => p.domain === name);
    return {
      name, up: value === 1, variant: labels.variant ?? "", reason: labels.reason ?? "", bytes: bytes.get(name) ?? NaN,
      programs: own.filter((p) => !p.reason).length, share: own.reduce((a, p) => a + p.share, 0), untimed: (untimed.get(name) ?? NaN) / n,
      step: steps.get(name)?.step ?? "full", stepReason: steps.get(name)?.reason ?? "",
    };
  });
}
/** The reason is a label, so each reason is a series of its own: the one that was reported last is true. */
function stepsOf(t: Tracks, last: number): Map<string, { step: Step; reason: string }> {
  const out = new Map<string, { step: Step; reason: string; at: number }>();
  for (const one of t.probe.named(STEP)) {
    const name = one.labels.domain ?? "";
    let [at, value] = [-1, 0];
    for (let tick = last - RECENT + 1; tick <= last; tick++) {
      const v = t.probe.has(tick) ? (one.scalar?.get(tick % RING) ?? NaN) : NaN;
      if (Number.isFinite(v)) [at, value] = [tick, v];
    }
    if (at > (out.get(name)?.at ?? -1)) out.set(name, { at, step: STEPS[value] ?? "full", reason: one.labels.reason ?? "" });
  }
  return out;
}

/** Kernel memory that all domains share. */
export const sharedBytes = (t: Tracks, last: number): number => readings(t, MAP_BYTES, last).find((r) => r.labels.domain === "shared")?.value ?? NaN;

export interface Payer {
  cgroup: string;
  /** Of one CPU. */
  share: number;
}
/** The cgroups whose work makes the programs run, those that pay most first. */
export function payers(t: Tracks, last: number): Payer[] {
  const n = ticks(t.probe, last, MINUTE);
  return [...increases(t, PAID, "cgroup", last, MINUTE)]
    .map(([cgroup, secs]) => ({ cgroup, share: secs / n }))
    .filter((p) => p.share > 0)
    .sort((a, b) => b.share - a.share || (a.cgroup < b.cgroup ? -1 : 1));
}
/** Nanoseconds that a run takes besides its program, by kind of hook. */
export const entries = (t: Tracks, last: number): { kind: string; ns: number }[] =>
  readings(t, ENTRY, last).map((r) => ({ kind: r.labels.variant ?? "", ns: r.value * 1e9 }));

export interface Budget {
  /** Seconds per second that watching may take; 0: no limit, NaN: not known. */
  limit: number;
  /** Seconds per second of the programs and of the probe process: what the governor compares with it. */
  programs: number;
  process: number;
  /** How often it took or gave back detail in ten minutes. */
  changes: number;
}
export function budget(t: Tracks, last: number, list: readonly Program[]): Budget {
  return {
    limit: reading(t, BUDGET, last), programs: list.reduce((a, p) => a + p.share, 0), process: usage(t, last)[0].cpu,
    changes: [...increases(t, CHANGES, "", last, TEN_MINUTES).values()].reduce((a, b) => a + b, 0),
  };
}

// ---- truth and losses ----------------------------------------------------------------------------
export interface Truth {
  signal: string;
  ratio: number;
}
export const TRUTH_LEAST = 0.99;
export function truths(t: Tracks, last: number): Truth[] {
  return readings(t, TRUTH, last).map((r) => ({ signal: r.labels.signal ?? "", ratio: r.value }));
}

export interface Loss {
  text: string;
  value: number;
  /** How many there are now, not how many were lost. */
  level?: true;
}
const words = (s: string): string => s.replace(/_/g, " ");
/** Losses of ten minutes, with what fills up. */
export function losses(t: Tracks, last: number): { dropped: Loss[]; faults: Loss[]; levels: Loss[] } {
  const dropped = [...increases(t, DROPPED, "reason", last, TEN_MINUTES)].map(([reason, value]) => ({ text: words(reason), value }));
  const faults = FAULTS.filter(([n]) => trackOf(t, n).named(n).length).map(([n, text]) => ({ text, value: [...increases(t, n, "", last, TEN_MINUTES).values()].reduce((a, b) => a + b, 0) }));
  const balance = extent(t, BALANCE, last, TEN_MINUTES).max;
  if (Number.isFinite(balance)) faults.unshift({ text: "Sums that differ from their total", value: balance });
  const levels = [
    { text: "Slots in use (cgroup and program)", value: reading(t, SLOTS, last) },
    ...readings(t, POOL, last).map((r) => ({ text: `Pool: ${words(r.labels.kind ?? "")} in use`, value: r.value })),
  ].filter((l) => Number.isFinite(l.value));
  return { dropped: dropped.sort((a, b) => b.value - a.value || (a.text < b.text ? -1 : 1)), faults, levels };
}

// ---- processes -----------------------------------------------------------------------------------
export interface Usage {
  name: string;
  /** Of one CPU. */
  cpu: number;
  bytes: number;
}
export function usage(t: Tracks, last: number): Usage[] {
  return PROCESSES.map((name) => {
    const track = trackOf(t, cpuOf(name));
    const n = ticks(track, last, MINUTE);
    const used = [...increases(t, cpuOf(name), "", last, MINUTE).values()].reduce((a, b) => a + b, 0);
    return { name, cpu: n ? used / n : NaN, bytes: reading(t, memoryOf(name), last) };
  });
}
export const drain = (t: Tracks, last: number) => extent(t, DRAIN, last, MINUTE);
