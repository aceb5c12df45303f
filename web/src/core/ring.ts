// SPDX-License-Identifier: GPL-2.0
// What one series was in the last RING ticks, in typed arrays. Slot = tick modulo RING.

export const RING = 3600;

/** Readings of a gauge, or increases of a counter. */
export class ScalarRing {
  private readonly v: Float64Array;
  constructor(private readonly empty: number) {
    this.v = new Float64Array(RING).fill(empty);
  }
  get(slot: number): number {
    return this.v[slot];
  }
  set(slot: number, value: number): void {
    this.v[slot] = value;
  }
  clear(slot: number): void {
    this.v[slot] = this.empty;
  }
}

/**
 * Sparse histograms: the buckets of all slots lie in one pool of (index, count) pairs. What is overwritten
 * becomes garbage until the pool is full; then it is copied, and grown only when most of it is in use.
 */
export class HistRing {
  private readonly off = new Uint32Array(RING);
  private readonly len = new Uint16Array(RING);
  private readonly sums = new Float64Array(RING);
  private index = new Int16Array(256);
  private count = new Float64Array(256);
  private top = 0;

  clear(slot: number): void {
    this.len[slot] = 0;
    this.sums[slot] = 0;
  }
  sum(slot: number): number {
    return this.sums[slot];
  }
  set(slot: number, sum: number, index: ArrayLike<number>, counts: ArrayLike<number>, n: number): void {
    this.clear(slot);
    if (this.top + n > this.index.length) this.compact(n);
    for (let i = 0; i < n; i++) {
      this.index[this.top + i] = index[i];
      this.count[this.top + i] = counts[i];
    }
    this.off[slot] = this.top;
    this.len[slot] = n;
    this.sums[slot] = sum;
    this.top += n;
  }
  /** Adds a slot's buckets to dense rows that begin at bucket index row0. */
  addTo(slot: number, dense: Float64Array, row0: number): void {
    const end = this.off[slot] + this.len[slot];
    const last = dense.length - 1;
    for (let i = this.off[slot]; i < end; i++) {
      const r = this.index[i] - row0;
      dense[r < 0 ? 0 : r > last ? last : r] += this.count[i];
    }
  }
  private compact(extra: number): void {
    let live = extra;
    for (let s = 0; s < RING; s++) live += this.len[s];
    const size = Math.max(256, live * 2);
    const index = new Int16Array(size);
    const count = new Float64Array(size);
    let top = 0;
    for (let s = 0; s < RING; s++) {
      const from = this.off[s];
      const n = this.len[s];
      index.set(this.index.subarray(from, from + n), top);
      count.set(this.count.subarray(from, from + n), top);
      this.off[s] = top;
      top += n;
    }
    this.index = index;
    this.count = count;
    this.top = top;
  }
}
