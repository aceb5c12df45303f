// SPDX-License-Identifier: GPL-2.0
// Schema-3 histograms as dense rows. Row r is bucket index r + row0, which holds (2^((i-1)/8), 2^(i/8)] of the
// metric's unit. What a probe can count lies between: times from half a nanosecond, whole units from one.

export const PER_OCTAVE = 8;
export const ROWS = 320;

type Counts = ArrayLike<number>;

export class Rows {
  constructor(readonly row0: number) {}

  rowOf(index: number): number {
    const r = index - this.row0;
    return r < 0 ? 0 : r >= ROWS ? ROWS - 1 : r;
  }
  upperOf(row: number): number {
    return 2 ** ((row + this.row0) / PER_OCTAVE);
  }
  lowerOf(row: number): number {
    return 2 ** ((row + this.row0 - 1) / PER_OCTAVE);
  }
  /** Fractional row position of a value: row r spans [r, r + 1). */
  positionOf(value: number): number {
    return Math.log2(value) * PER_OCTAVE - this.row0 + 1;
  }
  valueAt(position: number): number {
    return 2 ** ((position + this.row0 - 1) / PER_OCTAVE);
  }
  /** The first row of the octave that holds a row. */
  octaveOf(row: number): number {
    return Math.floor((row + this.row0 - 1) / PER_OCTAVE) * PER_OCTAVE - this.row0 + 1;
  }

  /**
   * The q-quantile as Prometheus' histogram_quantile computes it: the bucket that holds rank q · count,
   * then interpolation that is linear in the logarithm. NaN when empty, ∓Infinity outside 0…1.
   */
  quantile(cells: Counts, q: number): number {
    if (Number.isNaN(q)) return NaN;
    let total = 0;
    for (let r = 0; r < ROWS; r++) total += cells[r];
    if (!(total > 0)) return NaN;
    if (q < 0) return -Infinity;
    if (q > 1) return Infinity;
    const rank = q * total;
    let below = 0;
    let last = -1;
    for (let r = 0; r < ROWS; r++) {
      const c = cells[r];
      if (c <= 0) continue;
      last = r;
      if (below + c >= rank) return this.valueAt(r + (rank - below) / c);
      below += c;
    }
    return this.upperOf(last);
  }

  /** Several quantiles in one pass; qs ascending. */
  quantiles(cells: Counts, qs: readonly number[], out: number[]): void {
    let total = 0;
    for (let r = 0; r < ROWS; r++) total += cells[r];
    let k = 0;
    let below = 0;
    if (total > 0)
      for (let r = 0; r < ROWS && k < qs.length; r++) {
        const c = cells[r];
        if (c <= 0) continue;
        while (k < qs.length && below + c >= qs[k] * total) {
          out[k] = this.valueAt(r + (qs[k] * total - below) / c);
          k++;
        }
        below += c;
      }
    for (; k < qs.length; k++) out[k] = NaN;
  }

  /** Upper bound of the highest bucket in use; NaN when empty. */
  maximum(cells: Counts): number {
    for (let r = ROWS - 1; r >= 0; r--) if (cells[r] > 0) return this.upperOf(r);
    return NaN;
  }
}

/** 2^-31 s (0.47 ns) to 2^9 s. */
export const TIMES = new Rows(-248);
/** 1 (with 0) to 2^40. */
export const AMOUNTS = new Rows(0);
export function rowsOf(unit: string): Rows {
  return unit === "seconds" ? TIMES : AMOUNTS;
}

/** Shares of the column below a row and up to its end: its percentile ranks. */
export function rankOf(cells: Counts, row: number, at = 0): { below: number; upto: number; total: number } {
  let total = 0;
  let below = 0;
  for (let r = 0; r < ROWS; r++) {
    total += cells[at + r];
    if (r < row) below += cells[at + r];
  }
  if (!(total > 0)) return { below: NaN, upto: NaN, total: 0 };
  return { below: below / total, upto: (below + cells[at + row]) / total, total };
}
