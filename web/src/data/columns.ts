// SPDX-License-Identifier: GPL-2.0
// A histogram over time as columns of a fixed number of ticks: what heat maps, lines and tables are drawn from.
// Column c ends at tick c · step (inclusive); slot = c modulo n. Only columns whose ticks changed are made again.

import { PER_OCTAVE, ROWS } from "../core/hist";
import type { Rows } from "../core/hist";
import { RING } from "../core/ring";
import type { Series, Track } from "./track";

const QS = [0.5, 0.9, 0.99] as const;

/** Columns that came from the server, for time that the ring does not hold. */
export interface Fetched {
  stepMs: number;
  columns: readonly [number, number, number, readonly [number, number][]][];
  gaps: readonly { from_ms: number; to_ms: number }[];
  oldestMs: number;
  newestMs: number;
}

export class Columns {
  step = 1;
  n = 0;
  /** Number of the first column. */
  first = 0;
  cells = new Float64Array(0);
  count = new Float64Array(0);
  sum = new Float64Array(0);
  watched = new Uint16Array(0);
  p50 = new Float64Array(0);
  p90 = new Float64Array(0);
  p99 = new Float64Array(0);
  max = new Float64Array(0);
  /** When each slot was made, as a number that grows; who has drawn up to one redraws what is above. */
  stamp = new Uint32Array(0);
  clock = 0;
  /** Grows when the layout is replaced as a whole. */
  shapes = 0;
  private at = new Float64Array(0);
  private made = new Int32Array(0);
  private seriesSeen = "";
  private key = "";
  private readonly q = [0, 0, 0];

  constructor(readonly rows: Rows) {}

  slot(column: number): number {
    return ((column % this.n) + this.n) % this.n;
  }
  has(column: number): boolean {
    return column >= this.first && column < this.first + this.n;
  }
  /** End of a column. */
  time(column: number): number {
    return column * this.step * 1000;
  }
  /** The column that holds a moment. */
  columnAt(tMs: number): number {
    return Math.ceil(tMs / 1000 / this.step);
  }
  private shape(first: number, n: number, step: number): void {
    if (n !== this.n || step !== this.step) {
      this.shapes++;
      this.stamp = new Uint32Array(n);
      this.cells = new Float64Array(n * ROWS);
      for (const k of ["count", "sum", "p50", "p90", "p99", "max", "at"] as const) this[k] = new Float64Array(n);
      this.watched = new Uint16Array(n);
      this.made = new Int32Array(n).fill(-1);
      this.at.fill(NaN);
    }
    this.n = n;
    this.step = step;
    this.first = first;
  }

  /** Ends at the column that holds `to` and spans `n` columns of `step` ticks; key says which series they are. */
  update(track: Track, series: readonly Series[], to: number, n: number, step: number, key = ""): void {
    const last = Math.ceil(Math.floor((to + 250) / 1000) / step);
    this.shape(last - n + 1, n, step);
    this.clock++;
    const seenNow = `${series.length} ${key}`;
    if (seenNow !== this.seriesSeen) this.at.fill(NaN);
    // Another selection: its rows and colours are its own.
    if (key !== this.key) this.shapes++;
    this.key = key;
    this.seriesSeen = seenNow;
    const floor = Math.floor(track.newest / 1000) - RING;
    for (let c = this.first; c <= last; c++) {
      const s = this.slot(c);
      let seen = 0;
      let stamp = 0;
      for (let t = (c - 1) * step + 1; t <= c * step; t++) {
        if (t <= floor || !track.has(t)) continue;
        seen++;
        stamp = Math.max(stamp, track.stamp(t));
      }
      // A column that the ring has begun to forget stays as it was made.
      if (this.at[s] === c && ((this.watched[s] === seen && this.made[s] === stamp) || (c - 1) * step <= floor)) continue;
      this.made[s] = stamp;
      this.make(track, series, c, s, seen);
    }
  }
  private make(track: Track, series: readonly Series[], c: number, s: number, seen: number): void {
    const rows = this.cells.subarray(s * ROWS, (s + 1) * ROWS);
    rows.fill(0);
    let sum = 0;
    for (let t = (c - 1) * this.step + 1; t <= c * this.step; t++) {
      if (!track.has(t)) continue;
      for (const one of series) {
        one.hist?.addTo(t % RING, rows, this.rows.row0);
        sum += one.hist?.sum(t % RING) ?? 0;
      }
    }
    this.finish(c, s, seen, sum, rows);
  }
  private finish(c: number, s: number, seen: number, sum: number, rows: Float64Array): void {
    let count = 0;
    for (let r = 0; r < ROWS; r++) count += rows[r];
    this.rows.quantiles(rows, QS, this.q);
    this.count[s] = count;
    this.sum[s] = sum;
    this.watched[s] = seen;
    [this.p50[s], this.p90[s], this.p99[s]] = this.q;
    this.max[s] = this.rows.maximum(rows);
    this.at[s] = c;
    this.stamp[s] = this.clock;
  }

  /** The same from columns that the server made. */
  load(f: Fetched, from: number, to: number): void {
    const step = Math.max(1, Math.round(f.stepMs / 1000));
    const last = Math.ceil(to / 1000 / step);
    const n = Math.max(1, last - Math.ceil(from / 1000 / step));
    this.n = 0;
    this.shape(last - n + 1, n, step);
    this.clock++;
    const lists = new Map(f.columns.map((c) => [Math.round(c[0] / 1000 / step), c]));
    for (let c = this.first; c <= last; c++) {
      const s = this.slot(c);
      const rows = this.cells.subarray(s * ROWS, (s + 1) * ROWS);
      const col = lists.get(c);
      for (const [i, v] of col?.[3] ?? []) rows[this.rows.rowOf(i)] += v;
      const begin = this.time(c) - step * 1000;
      const end = this.time(c);
      const unseen = end <= f.oldestMs || begin >= f.newestMs || f.gaps.some((g) => g.from_ms <= begin && g.to_ms >= end);
      this.finish(c, s, col ? step : unseen ? 0 : step, col?.[2] ?? 0, rows);
    }
  }

  /** All columns of a stretch added up. */
  merged(from = this.first, to = this.first + this.n - 1): Float64Array {
    const out = new Float64Array(ROWS);
    for (let c = Math.max(from, this.first); c <= Math.min(to, this.first + this.n - 1); c++) {
      const at = this.slot(c) * ROWS;
      for (let r = 0; r < ROWS; r++) out[r] += this.cells[at + r];
    }
    return out;
  }

  /** Lowest and highest row in use, or null. */
  extent(): { lo: number; hi: number } | null {
    let lo = ROWS;
    let hi = -1;
    for (let s = 0; s < this.n; s++) {
      const at = s * ROWS;
      for (let r = 0; r < lo; r++) if (this.cells[at + r] > 0) lo = r;
      for (let r = ROWS - 1; r > hi; r--) if (this.cells[at + r] > 0) hi = r;
    }
    return hi < 0 ? null : { lo, hi };
  }
}

/** Rows to show: whole octaves around what is in use; an earlier range is kept while it still fits well. */
export function rowRange(rows: Rows, extent: { lo: number; hi: number } | null, before: { lo: number; hi: number } | null): { lo: number; hi: number } {
  // 1 µs to 64 ms; of amounts, 1 Ki to 64 Mi.
  if (!extent) return before ?? { lo: rows.octaveOf(88), hi: rows.octaveOf(208) };
  const down = (r: number) => rows.octaveOf(r);
  const lo = Math.max(0, down(extent.lo));
  const hi = Math.min(ROWS, Math.max(down(extent.hi) + PER_OCTAVE, lo + 4 * PER_OCTAVE));
  const slack = 2 * PER_OCTAVE;
  if (before && before.lo <= lo && before.hi >= hi && lo - before.lo <= slack && before.hi - hi <= slack) return before;
  return { lo, hi };
}
