// SPDX-License-Identifier: GPL-2.0
// Colour tables for heat maps, computed in OKLab so that equal steps look equal, and the scale from counts to them.

export type Theme = "light" | "dark";

function gamma(x: number): number {
  const v = x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
  return Math.max(0, Math.min(255, Math.round(v * 255)));
}

/** OKLCh (lightness 0…1, chroma, hue in degrees) to sRGB bytes. */
export function oklch(L: number, C: number, H: number): [number, number, number] {
  const a = C * Math.cos((H * Math.PI) / 180);
  const b = C * Math.sin((H * Math.PI) / 180);
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

const STEPS = 256;

/** Hue path indigo, teal, green, yellow, as in viridis; towards the background at the low end in either theme. */
const PATHS: Record<Theme, { l: [number, number]; c: [number, number]; h: [number, number] }> = {
  dark: { l: [0.3, 0.93], c: [0.1, 0.15], h: [285, 105] },
  light: { l: [0.92, 0.36], c: [0.06, 0.14], h: [130, 280] },
};

/** 256 colours as little-endian RGBA words for an ImageData. */
export function table(theme: Theme): Uint32Array {
  const p = PATHS[theme];
  const out = new Uint32Array(STEPS);
  for (let i = 0; i < STEPS; i++) {
    const x = i / (STEPS - 1);
    const mix = (r: [number, number]) => r[0] + (r[1] - r[0]) * x;
    const [r, g, b] = oklch(mix(p.l), mix(p.c), mix(p.h));
    out[i] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return out;
}

// Counts are quantised to eighths of a power of two: a table of that size maps them to colours.
const BINS = 8 * 54;
export function binOf(count: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.floor(Math.log2(count) * 8 + 1)));
}

export type Scaling = "rank" | "sqrt";

/** How many cells hold a count of each bin: what a scale is made from. */
export class Census {
  readonly bins = new Uint32Array(BINS);
  total = 0;
  clear(): void {
    this.bins.fill(0);
    this.total = 0;
  }
  add(count: number): void {
    this.bins[binOf(count)]++;
    this.total++;
  }
}

/** The faintest cell in use keeps this much of the scale, so that a single outlier stays visible. */
const FLOOR = 0.1;

/** Position 0…255 of each bin: by the square root of the count, or by the cell's rank among all. */
export function scale(census: Census, how: Scaling): Uint8Array {
  const out = new Uint8Array(BINS);
  let top = 0;
  for (let b = 0; b < BINS; b++) if (census.bins[b]) top = b;
  const max = 2 ** (top / 8);
  // The middle of a bin's ranks: many equal cells are neither all first nor all last.
  const ranks = Math.max(0.5, census.total - census.bins[top] / 2);
  let below = 0;
  for (let b = 0; b < BINS; b++) {
    const x = how === "rank" ? (below + census.bins[b] / 2) / ranks : Math.sqrt(2 ** (b / 8) / max);
    out[b] = Math.round((FLOOR + (1 - FLOOR) * Math.min(1, x)) * 255);
    below += census.bins[b];
  }
  return out;
}

/** Okabe and Ito's colours, which people with any colour vision can tell apart. */
export const LINES: Record<Theme, { p50: string; p90: string; p99: string; max: string }> = {
  dark: { p50: "#ffffff", p90: "#56b4e9", p99: "#e69f00", max: "#ff7a45" },
  light: { p50: "#111111", p90: "#0072b2", p99: "#b35900", max: "#c23b00" },
};
