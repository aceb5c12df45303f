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
  /** p99 of the last seconds, of the ten minutes before, and how many events the first stands on. */
  now: number;
  before: number;
  events: number;
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
const EVENTS_MIN = 50;
/** Below this nobody waits, whatever the factor. */
const SECONDS_MIN = 20e-6;

export function worst(list: readonly Latency[]): (Latency & { factor: number }) | null {
  let out: (Latency & { factor: number }) | null = null;
  for (const l of list) {
    if (l.events < EVENTS_MIN || !(l.before > 0) || !(l.now > SECONDS_MIN)) continue;
    const factor = l.now / l.before;
    if (!out || factor > out.factor) out = { ...l, factor };
  }
  return out;
}

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
    found.push({ level: w.factor >= FACTOR_BAD ? "bad" : "warn", text: `${w.title}: p99 is ${seconds(w.now)}, ${w.factor.toFixed(1)} times its last 10 min` });
  // A page without data knows nothing else; after that the worst comes first.
  const weight = (l: Level) => ["unknown", "bad", "warn", "good"].indexOf(l);
  found.sort((a, b) => weight(a.level) - weight(b.level));
  if (found.length) return { level: found[0].level, text: found[0].text, more: found.slice(1).map((x) => x.text) };
  if (!f.lastMs) return { level: "unknown", text: "Waiting for the first sample", more: [] };
  if (f.known < 60) return { level: "good", text: "Measuring. Comparisons begin after one minute of samples", more: [] };
  return { level: "good", text: "Nothing is slower than usual", more: w ? [`closest: ${w.title}, ${w.factor.toFixed(1)} times its last 10 min`] : [] };
}
