// SPDX-License-Identifier: GPL-2.0
// Schema-3 histograms as dense rows: row r is bucket index r + ROW0, which holds (2^((i-1)/8), 2^(i/8)] s.

export const PER_OCTAVE = 8;
/** The lowest row is 2^-31 s (0.47 ns), the highest 2^9 s: what a probe can count lies between. */
export const ROW0 = -248;
export const ROWS = 320;

export function rowOf(index: number): number {
  const r = index - ROW0;
  return r < 0 ? 0 : r >= ROWS ? ROWS - 1 : r;
}
export function upperOf(row: number): number {
  return 2 ** ((row + ROW0) / PER_OCTAVE);
}
export function lowerOf(row: number): number {
  return 2 ** ((row + ROW0 - 1) / PER_OCTAVE);
}
/** Fractional row position of a value: row r spans [r, r + 1). */
export function positionOf(seconds: number): number {
  return Math.log2(seconds) * PER_OCTAVE - ROW0 + 1;
}
export function valueAt(position: number): number {
  return 2 ** ((position + ROW0 - 1) / PER_OCTAVE);
}

type Counts = ArrayLike<number>;

/**
 * The q-quantile as Prometheus' histogram_quantile computes it: the bucket that holds rank q · count,
 * then interpolation that is linear in the logarithm. NaN when empty, ∓Infinity outside 0…1.
 */
export function quantile(cells: Counts, q: number, at = 0, rows = ROWS): number {
  if (Number.isNaN(q)) return NaN;
  let total = 0;
  for (let r = 0; r < rows; r++) total += cells[at + r];
  if (!(total > 0)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const rank = q * total;
  let below = 0;
  let last = -1;
  for (let r = 0; r < rows; r++) {
    const c = cells[at + r];
    if (c <= 0) continue;
    last = r;
    if (below + c >= rank) return 2 ** ((r + ROW0 - 1 + (rank - below) / c) / PER_OCTAVE);
    below += c;
  }
  return upperOf(last);
}

/** Several quantiles in one pass; qs ascending. */
export function quantiles(cells: Counts, qs: readonly number[], out: number[], at = 0): void {
  let total = 0;
  for (let r = 0; r < ROWS; r++) total += cells[at + r];
  let k = 0;
  let below = 0;
  if (total > 0)
    for (let r = 0; r < ROWS && k < qs.length; r++) {
      const c = cells[at + r];
      if (c <= 0) continue;
      while (k < qs.length && below + c >= qs[k] * total) {
        out[k] = 2 ** ((r + ROW0 - 1 + (qs[k] * total - below) / c) / PER_OCTAVE);
        k++;
      }
      below += c;
    }
  for (; k < qs.length; k++) out[k] = NaN;
}

/** Upper bound of the highest bucket in use; NaN when empty. */
export function maximum(cells: Counts, at = 0): number {
  for (let r = ROWS - 1; r >= 0; r--) if (cells[at + r] > 0) return upperOf(r);
  return NaN;
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
