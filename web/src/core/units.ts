// SPDX-License-Identifier: GPL-2.0
// Numbers for people: three significant digits, units that fit, and round places for axis marks.

function digits(v: number): string {
  const a = Math.abs(v);
  if (a >= 99.95 || a === 0) return v.toFixed(0);
  if (a >= 9.995) return v.toFixed(1);
  return v.toFixed(2);
}
function short(v: number): string {
  return digits(v).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

const NONE = "–";
type Step = readonly [number, string];

function scaled(v: number, steps: readonly Step[], text: (v: number) => string): string {
  if (!Number.isFinite(v)) return v === Infinity ? "∞" : NONE;
  const a = Math.abs(v);
  // The bound is where rounding would reach the next unit: 999.96 µs is 1 ms.
  const s = steps.find(([size]) => a >= size * 0.9995) ?? steps[steps.length - 1];
  return text(v / s[0]) + s[1];
}

const TIME: readonly Step[] = [[86400, " d"], [3600, " h"], [60, " min"], [1, " s"], [1e-3, " ms"], [1e-6, " µs"], [1e-9, " ns"]];
const BYTES: readonly Step[] = [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [1024, " KiB"], [1, " B"]];
const COUNT: readonly Step[] = [[1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]];

const time = (v: number, text: (v: number) => string): string => (v === 0 ? "0 s" : scaled(v, TIME, text));
export const seconds = (v: number): string => time(v, digits);
export const bytes = (v: number): string => scaled(v, BYTES, digits);
export const count = (v: number): string => (Math.abs(v) < 1000 && Number.isInteger(v) ? String(v) : scaled(v, COUNT, digits));
/** For axes: no trailing zeros. */
export const countShort = (v: number): string => scaled(v, COUNT, short);
export const perSecond = (v: number): string => (Number.isFinite(v) ? `${count(v)}/s` : NONE);
export const bytesPerSecond = (v: number): string => (Number.isFinite(v) ? `${bytes(v)}/s` : NONE);
export function percent(share: number): string {
  if (!Number.isFinite(share)) return NONE;
  const p = share * 100;
  if (p !== 0 && Math.abs(p) < 0.01) return "< 0.01 %";
  return `${digits(p)} %`;
}
/** A percentile with as many nines as it needs: p50, p99.9, p99.97. */
export function percentile(share: number): string {
  if (!Number.isFinite(share)) return NONE;
  const p = share * 100;
  return `p${p > 99 ? p.toFixed(2).replace(/\.?0+$/, "") : p.toFixed(p > 10 ? 1 : 2).replace(/\.?0+$/, "")}`;
}
export function grouped(v: number): string {
  return Number.isFinite(v) ? Math.round(v).toLocaleString("en").replace(/,/g, "\u202f") : NONE;
}
/** Axis text: no trailing zeros. */
export const secondsShort = (v: number): string => time(v, short);

const MINUTES = [60, 600, 3600];

/** Round values of a log axis, at most `most` of them, coarse ones first. */
function decimalMarks(lo: number, hi: number, most: number, below: number, more: readonly number[]): number[] {
  for (const mantissas of [[1, 2, 5], [1, 3], [1]]) {
    const out: number[] = [];
    for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++)
      for (const m of mantissas) {
        const v = m * 10 ** e;
        if (v >= lo && v <= hi && v < below) out.push(v);
      }
    out.push(...more.filter((v) => v >= lo && v <= hi));
    if (out.length <= most) return out;
    if (mantissas.length === 1) return thin(out, most);
  }
  return [];
}
function thin(marks: number[], most: number): number[] {
  const every = Math.ceil(marks.length / most);
  return marks.filter((_, i) => i % every === 0);
}
export const logMarks = (lo: number, hi: number, most: number): number[] => decimalMarks(lo, hi, most, 50, MINUTES);
/** 1, 2, 4 … KiB, or fewer of them. */
function binaryMarks(lo: number, hi: number, most: number): number[] {
  for (const step of [1, 2, 5, 10]) {
    const out: number[] = [];
    for (let e = Math.ceil(Math.log2(Math.max(lo, 1)) / step) * step; 2 ** e <= hi; e += step) out.push(2 ** e);
    if (out.length <= most) return out;
    if (step === 10) return thin(out, most);
  }
  return [];
}

/** What a metric is measured in: how its values are written, and what they are called. */
export interface Unit {
  /** A value: a mean, a sum. */
  text: (v: number) => string;
  /** A quantile or bucket bound: of what is counted in whole units, a whole number. */
  observed: (v: number) => string;
  /** For axes. */
  short: (v: number) => string;
  marks: (lo: number, hi: number, most: number) => number[];
  /** Distances of marks on a linear axis; left out: decimal. */
  steps?: readonly number[];
  /** "latency", "size": what a row of the heat map is. */
  noun: string;
  /** The sum of many. */
  total: string;
}
/** The whole number nearest to a small value that its bucket, (2^((i-1)/8), 2^(i/8)], holds. */
function whole(v: number): number {
  if (!(v > 0 && v < 100)) return v;
  const i = Math.ceil(Math.log2(v) * 8 - 1e-6);
  return Math.min(Math.max(Math.round(v), Math.floor(2 ** ((i - 1) / 8) + 1e-9) + 1), Math.floor(2 ** (i / 8) + 1e-9));
}
const bytesShort = (v: number): string => scaled(v, BYTES, short);
const SECONDS: Unit = { text: seconds, observed: seconds, short: secondsShort, marks: logMarks, noun: "latency", total: "time spent" };
const SIZES: Unit = { text: bytes, observed: (v) => (Math.abs(v) < 1023.5 ? scaled(Math.round(whole(v)), [[1, " B"]], String) : bytes(v)), short: bytesShort, marks: binaryMarks, steps: Array.from({ length: 50 }, (_, i) => 2 ** i), noun: "size", total: "bytes" };
const PLAIN: Unit = { text: count, observed: (v) => count(whole(v)), short: countShort, marks: (lo, hi, most) => decimalMarks(Math.max(lo, 0.9), hi, most, Infinity, []), noun: "value", total: "sum" };
export function unitOf(unit: string): Unit {
  return unit === "seconds" ? SECONDS : unit === "bytes" ? SIZES : PLAIN;
}
