// SPDX-License-Identifier: GPL-2.0
// What the canvas charts share: pixel-exact size, the plot's frame, colours of the theme, hatching.

import { shownTheme } from "../state";

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}
/** Same left and right in every chart, so that moments lie under each other. */
export const GUTTER = { left: 58, right: 10, top: 8, bottom: 22 };
export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

export function plotBox(w: number, h: number): Box {
  return { x: GUTTER.left, y: GUTTER.top, w: Math.max(1, w - GUTTER.left - GUTTER.right), h: Math.max(1, h - GUTTER.top - GUTTER.bottom) };
}

/** Sizes the canvas to its box in device pixels and returns a cleared context that counts in CSS pixels. */
export function fit(canvas: HTMLCanvasElement, w: number, h: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  const pw = Math.max(1, Math.round(w * ratio));
  const ph = Math.max(1, Math.round(h * ratio));
  const ctx = canvas.getContext("2d")!;
  if (canvas.width !== pw || canvas.height !== ph) {
    canvas.width = pw;
    canvas.height = ph;
  }
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  return ctx;
}

/** A canvas that is mostly empty: hidden, it costs the browser no layer. */
export function overlay(canvas: HTMLCanvasElement, used: boolean, w: number, h: number): CanvasRenderingContext2D | null {
  if (canvas.hidden !== !used) canvas.hidden = !used;
  return used ? fit(canvas, w, h) : null;
}

export interface Ink {
  text: string;
  faint: string;
  grid: string;
  plot: string;
  hatch: string;
  cursor: string;
  accent: string;
  warn: string;
  bad: string;
}
let ink: Ink | null = null;
let inkTheme = "";
export function colours(): Ink {
  if (ink && inkTheme === shownTheme.value) return ink;
  inkTheme = shownTheme.value;
  const css = getComputedStyle(document.documentElement);
  const get = (n: string) => css.getPropertyValue(n).trim();
  ink = {
    text: get("--text-2"), faint: get("--text-3"), grid: get("--grid"), plot: get("--plot"),
    hatch: get("--hatch"), cursor: get("--cursor"), accent: get("--accent"),
    warn: get("--warn"), bad: get("--bad"),
  };
  return ink;
}

const tiles = new Map<string, CanvasPattern>();
/** Slanted lines: nobody watched this time. */
export function hatching(ctx: CanvasRenderingContext2D): CanvasPattern | string {
  const colour = colours().hatch;
  const known = tiles.get(colour);
  if (known) return known;
  const c = document.createElement("canvas");
  c.width = c.height = 8;
  const g = c.getContext("2d")!;
  g.strokeStyle = colour;
  g.lineWidth = 1.5;
  for (const o of [-8, 0, 8]) {
    g.beginPath();
    g.moveTo(o, 8);
    g.lineTo(o + 8, 0);
    g.stroke();
  }
  const p = ctx.createPattern(c, "repeat");
  if (!p) return colour;
  tiles.set(colour, p);
  return p;
}
