// SPDX-License-Identifier: GPL-2.0
// The ticks of one subscription: which were received, and what every series was in each. Knows no socket, no page.

import { HistRing, RING, ScalarRing } from "../core/ring";
import type { Header, Sink } from "../core/decode";
import { DELTA, FLAG_RESET, decodePoints } from "../core/decode";

export type Labels = Record<string, string>;
export type SeriesType = "counter" | "gauge" | "histogram";
export interface SeriesInfo {
  i: number;
  name: string;
  type: SeriesType;
  labels: Labels;
}
export interface Series {
  readonly name: string;
  readonly type: SeriesType;
  readonly labels: Labels;
  readonly scalar: ScalarRing | null;
  readonly hist: HistRing | null;
}

/** A tick's number: its second. The clock of ticks may be a little early or late. */
export function tickOf(tMs: number): number {
  return Math.floor((tMs + 250) / 1000);
}

const MAX_SERIES = 4096;

export class Track implements Sink {
  /** t_ms of the tick in each slot, 0 where none was received. */
  private readonly times = new Float64Array(RING);
  private readonly byKey = new Map<string, Series>();
  private readonly byName = new Map<string, Series[]>();
  private index = new Map<number, Series>();
  private epoch = -1;
  private slot = -1;
  private merging = false;
  /** When each slot was last written, as a number that grows. */
  private readonly stamps = new Uint32Array(RING);
  newest = 0;
  /** Grows with every change to what is stored. */
  version = 0;
  /** Ticks dropped because they are older than the ring. */
  ignored = 0;

  schema(epoch: number, list: readonly SeriesInfo[]): void {
    if (epoch !== this.epoch) this.index = new Map();
    this.epoch = epoch;
    for (const s of list) {
      const series = this.find(s);
      if (series) this.index.set(s.i, series);
    }
    this.version++;
  }
  private find(info: SeriesInfo): Series | null {
    const key = `${info.name} ${JSON.stringify(Object.entries(info.labels).sort())}`;
    const known = this.byKey.get(key);
    if (known) return known;
    if (this.byKey.size >= MAX_SERIES) return null;
    const isHist = info.type === "histogram";
    const series: Series = {
      name: info.name, type: info.type, labels: info.labels,
      scalar: isHist ? null : new ScalarRing(info.type === "gauge" ? NaN : 0),
      hist: isHist ? new HistRing() : null,
    };
    this.byKey.set(key, series);
    const list = this.byName.get(info.name);
    if (list) list.push(series);
    else this.byName.set(info.name, [series]);
    return series;
  }

  message(view: DataView, h: Header): void {
    if (h.flags & FLAG_RESET) this.forget();
    this.version++;
    // Two processes have a part of a tick each, with different series; what is stored has them together.
    this.merging = h.kind === DELTA;
    // Data of an epoch whose schema never came could be put to the wrong names.
    if (h.epoch === this.epoch) decodePoints(view, h, this);
    this.slot = -1;
  }
  /** New connection: indexes mean nothing until the next schema. The data stays. */
  disconnected(): void {
    this.index = new Map();
    this.epoch = -1;
  }
  forget(): void {
    this.times.fill(0);
    this.newest = 0;
    for (const s of this.byKey.values())
      for (let i = 0; i < RING; i++) (s.scalar ?? s.hist)?.clear(i);
    this.version++;
  }

  // Sink
  point(tMs: number): void {
    const tick = tickOf(tMs);
    const slot = tick % RING;
    const have = this.times[slot];
    if (tick <= tickOf(this.newest) - RING) {
      this.slot = -1;
      this.ignored++;
      return;
    }
    const again = have !== 0 && tickOf(have) === tick;
    if (!again || !this.merging) for (const s of this.byKey.values()) (s.scalar ?? s.hist)?.clear(slot);
    this.times[slot] = tMs;
    this.stamps[slot] = this.version;
    this.slot = slot;
    if (tMs > this.newest) this.newest = tMs;
  }
  scalar(series: number, value: number): void {
    if (this.slot >= 0) this.index.get(series)?.scalar?.set(this.slot, value);
  }
  hist(series: number, _count: number, sum: number, index: Int32Array, counts: Float64Array, n: number): void {
    if (this.slot >= 0) this.index.get(series)?.hist?.set(this.slot, sum, index, counts, n);
  }

  // Reading
  has(tick: number): boolean {
    const t = this.times[((tick % RING) + RING) % RING];
    return t !== 0 && tickOf(t) === tick;
  }
  /** Differs when a tick was written again. */
  stamp(tick: number): number {
    return this.stamps[((tick % RING) + RING) % RING];
  }
  named(name: string): readonly Series[] {
    return this.byName.get(name) ?? [];
  }
  get seriesCount(): number {
    return this.byKey.size;
  }
  /** First tick that is here, or 0. */
  oldest(): number {
    let min = Infinity;
    for (const t of this.times) if (t !== 0 && t < min) min = t;
    return min === Infinity ? 0 : min;
  }
}
