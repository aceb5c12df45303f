// SPDX-License-Identifier: GPL-2.0
// Events of the host: what comes from the server is checked, put in order, and found again by time.

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];
export interface Happening {
  tMs: number;
  kind: string;
  title: string;
  severity: Severity;
  text: string;
}

const text = (v: unknown): string => (typeof v === "string" ? v : "");

/** What is no event is left out. */
export function happeningsOf(list: unknown): Happening[] {
  if (!Array.isArray(list)) return [];
  const out: Happening[] = [];
  for (const e of list as (Record<string, unknown> | null)[]) {
    if (typeof e?.t_ms !== "number" || !Number.isFinite(e.t_ms) || !/^[a-z_][a-z0-9_]{0,47}$/.test(text(e.kind))) continue;
    const severity = SEVERITIES.find((s) => s === e.severity) ?? "info";
    out.push({ tMs: e.t_ms, kind: text(e.kind), title: text(e.title) || text(e.kind), severity, text: text(e.text) });
  }
  return out;
}

const key = (h: Happening): string => `${h.tMs} ${h.kind} ${h.text}`;
/** Newest first, each once, at most so many. The same list when nothing is new. */
export function merge(known: readonly Happening[], more: readonly Happening[], most: number): readonly Happening[] {
  const seen = new Set(known.map(key));
  const fresh = more.filter((h) => !seen.has(key(h)) && seen.add(key(h)));
  if (!fresh.length) return known;
  return [...known, ...fresh].sort((a, b) => b.tMs - a.tMs).slice(0, most);
}

/** Those of (from, to]. The list is newest first. */
export function within(list: readonly Happening[], from: number, to: number): Happening[] {
  return list.filter((h) => h.tMs > from && h.tMs <= to);
}

export interface MarkAt {
  x: number;
  severity: Severity;
}
/** One mark where several would lie on each other: the gravest. Positions in a width, from left to right. */
export function marksAt(list: readonly Happening[], from: number, to: number, width: number, apart: number): MarkAt[] {
  const out: MarkAt[] = [];
  for (const h of within(list, from, to).reverse()) {
    const x = ((h.tMs - from) / (to - from)) * width;
    const last = out[out.length - 1];
    if (!last || x - last.x >= apart) out.push({ x, severity: h.severity });
    else if (SEVERITIES.indexOf(h.severity) > SEVERITIES.indexOf(last.severity)) last.severity = h.severity;
  }
  return out;
}
