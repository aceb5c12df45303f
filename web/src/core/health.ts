// SPDX-License-Identifier: GPL-2.0
// The sentence at the top of the Overview: the worst of what is not right, or that all is.

import { age, clock } from "./time";
import { count, seconds } from "./units";

export type Level = "good" | "warn" | "bad" | "unknown";
export interface Verdict {
  level: Level;
  text: string;
  /** What else is wrong, shortest form. */
  more: string[];
}
export interface Latency {
  title: string;
  /** p99 of the last ten seconds, and how many events it stands on. */
  now: number;
  events: number;
  /** What the p99 of ten seconds stayed under for nine tenths of the ten minutes before. */
  usual: number;
  /** Not for a time that is spent on purpose, such as on a CPU or connected. */
  slowIsBad: boolean;
}
export interface Facts {
  connected: boolean;
  lastMs: number;
  ageMs: number;
  dropped: number;
  refused: { name: string; reason: string }[];
  storeTrouble: string;
  latencies: readonly Latency[];
  /** Ticks of the ten minutes that are there. */
  known: number;
}

/** Slower by less than this is the ordinary course of a machine. */
const FACTOR_WARN = 2;
const FACTOR_BAD = 5;
/** A p99 of fewer events is one event. */
export const EVENTS_MIN = 50;
/** Below this nobody waits, whatever the factor. */
const SECONDS_MIN = 20e-6;

/** A minute of earlier values is the least that a comparison can stand on. */
const EARLIER_MIN = 6;
/**
 * The ninth decile, not the mean: many latencies go up and down with what runs, and only what goes
 * beyond that is news.
 */
export function usual(earlier: number[]): number {
  if (earlier.length < EARLIER_MIN) return NaN;
  earlier.sort((a, b) => a - b);
  return earlier[Math.floor((earlier.length - 1) * 0.9)];
}

export function worst(list: readonly Latency[]): (Latency & { factor: number }) | null {
  let out: (Latency & { factor: number }) | null = null;
  for (const l of list) {
    if (!l.slowIsBad || l.events < EVENTS_MIN || !(l.usual > 0) || !(l.now > SECONDS_MIN)) continue;
    const factor = l.now / l.usual;
    if (!out || factor > out.factor) out = { ...l, factor };
  }
  return out;
}

const times = (f: number) => `${f < 10 ? f.toFixed(1) : f.toFixed(0)} times`;

export function judge(f: Facts): Verdict {
  const found: { level: Level; text: string }[] = [];
  if (!f.connected) found.push({ level: "unknown", text: f.lastMs ? `Not connected: what is shown ended at ${clock(f.lastMs)}` : "Not connected" });
  else if (f.lastMs && f.ageMs > 3400) found.push({ level: "bad", text: `The last sample is ${age(f.ageMs)} old` });
  if (f.storeTrouble) found.push({ level: "bad", text: `The store is in trouble: ${f.storeTrouble}` });
  if (f.refused.length) {
    const names = f.refused.map((r) => r.name).join(", ");
    found.push({ level: "warn", text: f.refused.length === 1 ? `The probe ${names} is not running` : `Probes not running: ${names}` });
  }
  if (f.dropped > 0) found.push({ level: "warn", text: `${count(f.dropped)} events were dropped in the last 10 min` });
  const w = worst(f.latencies);
  if (w && w.factor >= FACTOR_WARN)
    found.push({ level: w.factor >= FACTOR_BAD ? "bad" : "warn", text: `${w.title}: p99 is ${seconds(w.now)}, ${times(w.factor)} what is usual in its last 10 min` });
  // A page without data knows nothing else; after that the worst comes first.
  const weight = (l: Level) => ["unknown", "bad", "warn", "good"].indexOf(l);
  found.sort((a, b) => weight(a.level) - weight(b.level));
  if (found.length) return { level: found[0].level, text: found[0].text, more: found.slice(1).map((x) => x.text) };
  if (!f.lastMs) return { level: "unknown", text: "Waiting for the first sample", more: [] };
  if (f.known < 60) return { level: "good", text: "Measuring. Comparisons begin after one minute of samples", more: [] };
  return { level: "good", text: "Nothing is slower than usual", more: w ? [`closest: ${w.title}, ${times(w.factor)} its usual`] : [] };
}
