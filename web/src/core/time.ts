// SPDX-License-Identifier: GPL-2.0
// Ranges of time: what the URL says, moving and zooming them, marks on a time axis. All in milliseconds.

/** Either the last `live` seconds, or fixed ends. */
export type Range = { live: number } | { from: number; to: number };
export interface Window {
  from: number;
  to: number;
}

export const LIVE: readonly { text: string; seconds: number }[] = [
  { text: "1m", seconds: 60 },
  { text: "5m", seconds: 300 },
  { text: "15m", seconds: 900 },
  { text: "1h", seconds: 3600 },
];
export const DEFAULT_RANGE: Range = { live: 300 };
export const MIN_SPAN = 10_000;
export const MAX_SPAN = 31 * 86_400_000;

export function parseRange(text: string | null): Range {
  const live = LIVE.find((l) => l.text === text);
  if (live) return { live: live.seconds };
  const m = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? "");
  if (m) {
    const from = Number(m[1]);
    const to = Number(m[2]);
    if (to - from >= MIN_SPAN && to - from <= MAX_SPAN) return { from, to };
  }
  return DEFAULT_RANGE;
}
export function formatRange(r: Range): string {
  if ("live" in r) return LIVE.find((l) => l.seconds === r.live)?.text ?? "5m";
  return `${Math.round(r.from)}-${Math.round(r.to)}`;
}
export function resolve(r: Range, now: number): Window {
  return "live" in r ? { from: now - r.live * 1000, to: now } : { from: r.from, to: r.to };
}
/** Moves by a part of the span; never past now. */
export function shift(w: Window, part: number, now: number): Window {
  const span = w.to - w.from;
  const to = Math.min(now, w.to + span * part);
  return { from: to - span, to };
}
/** Scales the span around its middle (factor below 1 zooms in); never past now. */
export function zoom(w: Window, factor: number, now: number): Window {
  const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, (w.to - w.from) * factor));
  const to = Math.min(now, (w.from + w.to) / 2 + span / 2);
  return { from: to - span, to };
}

const COLUMN_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
/** Seconds a column must cover so that a window fits into so many columns. */
export function columnStep(spanMs: number, maxColumns: number): number {
  return COLUMN_STEPS.find((s) => spanMs / 1000 / s <= maxColumns) ?? 86400;
}

const MARK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
/** Round local times inside a window, about `most` of them. */
export function timeMarks(w: Window, most: number): { t: number; text: string }[] {
  const step = (MARK_STEPS.find((s) => (w.to - w.from) / 1000 / s <= most) ?? 604800) * 1000;
  const zone = -new Date(w.to).getTimezoneOffset() * 60_000;
  const out: { t: number; text: string }[] = [];
  for (let t = Math.ceil((w.from + zone) / step) * step - zone; t <= w.to; t += step)
    out.push({ t, text: step >= 86_400_000 ? dateText(t) : clock(t, step < 60_000) });
  return out;
}

const two = (n: number): string => String(n).padStart(2, "0");
export function clock(t: number, withSeconds = true): string {
  const d = new Date(t);
  return `${two(d.getHours())}:${two(d.getMinutes())}${withSeconds ? `:${two(d.getSeconds())}` : ""}`;
}
export function dateText(t: number): string {
  const d = new Date(t);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}
export function moment(t: number, now: number): string {
  return dateText(t) === dateText(now) ? clock(t) : `${dateText(t)} ${clock(t)}`;
}
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}
