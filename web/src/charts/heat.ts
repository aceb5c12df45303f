// SPDX-License-Identifier: GPL-2.0
// The heat map: columns of time, rows of values on a log scale, colour for how many. Cells are painted into an
// image that is a ring of columns, so that a tick paints one column; quantile lines lie over it.

import { Census, LINES, binOf, scale, table } from "../core/colour";
import type { Theme } from "../core/colour";
import { ROWS, rankOf } from "../core/hist";
import type { Rows } from "../core/hist";
import { moment, timeMarks } from "../core/time";
import { count, grouped, percent, percentile, perSecond } from "../core/units";
import type { Unit } from "../core/units";
import type { Columns } from "../data/columns";
import { rowRange } from "../data/columns";
import type { Source } from "../data/source";
import { cursor, newest, scaling, shownTheme } from "../state";
import { FONT, colours, fit, hatching, overlay, plotBox } from "./canvas";
import type { Box } from "./canvas";
import { drawMarks } from "./marks";
import { Pointer } from "./pointer";
import type { Chart, Reading } from "./pointer";

const LUT: Record<Theme, Uint32Array> = { dark: table("dark"), light: table("light") };
/** A quantile of fewer events than `needs` is little more than one of them: such columns are dashes, not a line that jumps about. */
const QUANTILES = [
  { key: "p50", needs: 4 },
  { key: "p90", needs: 40 },
  { key: "p99", needs: 100 },
  { key: "max", needs: 40 },
] as const;
/** A colour scale is made again when this share of the columns has changed. */
const RESCALE = 0.02;

export class Heat implements Chart {
  private readonly base = document.createElement("canvas");
  private readonly over = document.createElement("canvas");
  private readonly image = document.createElement("canvas");
  private pixels: ImageData | null = null;
  private words = new Uint32Array(0);
  private rows: { lo: number; hi: number } | null = null;
  private merge = 1;
  private tint: Uint8Array | null = null;
  private tintKey = "";
  private sinceScale = 0;
  /** Of the columns: what is painted already. */
  private shape = -1;
  private painted = 0;
  private readonly census = new Census();
  private box: Box = { x: 0, y: 0, w: 1, h: 1 };
  private pointer: Pointer | null = null;
  private columns: Columns;
  private readonly scale: Rows;

  constructor(readonly el: HTMLElement, private readonly source: Source, private readonly unit: Unit) {
    this.columns = source.columns;
    this.scale = source.columns.rows;
    this.base.className = "base";
    this.over.className = "over";
    for (const c of [this.base, this.over]) {
      c.setAttribute("aria-hidden", "true");
      el.append(c);
    }
    this.pointer = new Pointer(this);
  }
  dispose(): void {
    this.pointer?.dispose();
    this.base.remove();
    this.over.remove();
  }

  draw(): void {
    const w = this.el.clientWidth;
    const h = this.el.clientHeight;
    this.box = plotBox(w, h);
    this.columns = this.source.prepare(Math.floor(this.box.w));
    if (this.columns.shapes !== this.shape) {
      this.shape = this.columns.shapes;
      this.rows = null;
      this.tint = null;
    }
    const ctx = fit(this.base, w, h);
    ctx.fillStyle = colours().plot;
    ctx.fillRect(this.box.x, this.box.y, this.box.w, this.box.h);
    if (this.columns.n > 0) {
      this.arrange();
      this.paint();
      this.blit(ctx);
      if (this.source.fill === "ready") this.unwatched(ctx);
    }
    this.axes(ctx);
    if (this.columns.n > 0) {
      this.lines(ctx);
      drawMarks(ctx, this.box, this.span().from, this.span().to);
    }
    this.drawCursor();
  }

  /** Chooses the rows and, where a row would be under two pixels, how many become one. */
  private arrange(): void {
    const before = this.rows;
    this.rows = rowRange(this.scale, this.columns.extent(), this.rows);
    const span = this.rows.hi - this.rows.lo;
    const merge = [1, 2, 4, 8].find((m) => (this.box.h * m) / span >= 1.6) ?? 8;
    const height = Math.ceil(span / merge);
    const same = before && before.lo === this.rows.lo && before.hi === this.rows.hi && merge === this.merge;
    this.merge = merge;
    if (same && this.pixels && this.pixels.width === this.columns.n && this.pixels.height === height) return;
    this.pixels = new ImageData(this.columns.n, height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.image.width = this.columns.n;
    this.image.height = height;
    this.tint = null;
  }
  private cell(slot: number, imageRow: number): number {
    const top = this.rows!.hi - imageRow * this.merge;
    let sum = 0;
    for (let r = Math.max(this.rows!.lo, top - this.merge); r < top && r < ROWS; r++) sum += this.columns.cells[slot * ROWS + r];
    return sum;
  }
  private paint(): void {
    const key = `${scaling.value} ${shownTheme.value}`;
    const fresh: number[] = [];
    for (let s = 0; s < this.columns.n; s++) if (this.columns.stamp[s] > this.painted) fresh.push(s);
    this.painted = this.columns.clock;
    this.sinceScale += fresh.length;
    const whole = !this.tint || key !== this.tintKey || this.sinceScale > this.columns.n * RESCALE;
    if (whole) {
      this.census.clear();
      this.eachCell((c) => this.census.add(c));
      this.tint = scale(this.census, scaling.value);
      this.tintKey = key;
      this.sinceScale = 0;
      for (let s = 0; s < this.columns.n; s++) this.paintColumn(s);
    } else for (const s of fresh) this.paintColumn(s);
    this.image.getContext("2d")!.putImageData(this.pixels!, 0, 0);
  }
  private eachCell(f: (count: number) => void): void {
    for (let s = 0; s < this.columns.n; s++)
      for (let y = 0; y < this.pixels!.height; y++) {
        const c = this.cell(s, y);
        if (c > 0) f(c);
      }
  }
  private paintColumn(s: number): void {
    const lut = LUT[shownTheme.value];
    const { width, height } = this.pixels!;
    for (let y = 0; y < height; y++) {
      const c = this.cell(s, y);
      this.words[y * width + s] = c > 0 ? lut[this.tint![binOf(c)]] : 0;
    }
  }
  /** The ring's two halves, in the order of time. */
  private blit(ctx: CanvasRenderingContext2D): void {
    const { x, y, w, h } = this.box;
    const n = this.columns.n;
    const start = this.columns.slot(this.columns.first);
    const col = w / n;
    const imageH = this.pixels!.height;
    // The last image row may stand for fewer buckets than the others.
    const fullH = (imageH * this.merge * h) / (this.rows!.hi - this.rows!.lo);
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.image, start, 0, n - start, imageH, x, y, (n - start) * col, fullH);
    if (start > 0) ctx.drawImage(this.image, 0, 0, start, imageH, x + (n - start) * col, y, start * col, fullH);
    ctx.restore();
  }
  private unwatched(ctx: CanvasRenderingContext2D): void {
    const { x, y, w, h } = this.box;
    const c = this.columns;
    const col = w / c.n;
    ctx.fillStyle = hatching(ctx);
    // A column that is still to come is not a hole.
    const known = c.columnAt(Math.min(newest.value || Infinity, this.source.reaches));
    for (let i = 0; i < c.n; ) {
      let j = i;
      while (j < c.n && !c.watched[c.slot(c.first + j)] && c.first + j <= known) j++;
      if (j > i) ctx.fillRect(x + i * col, y, (j - i) * col, h);
      i = Math.max(j, i + 1);
    }
  }

  private yOf(value: number): number {
    const { lo, hi } = this.rows!;
    return this.box.y + this.box.h * (1 - (this.scale.positionOf(value) - lo) / (hi - lo));
  }
  private axes(ctx: CanvasRenderingContext2D): void {
    const { x, y, w, h } = this.box;
    const c = colours();
    ctx.font = FONT;
    ctx.fillStyle = c.text;
    ctx.strokeStyle = c.grid;
    ctx.lineWidth = 1;
    if (this.rows) {
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      ctx.beginPath();
      for (const v of this.unit.marks(this.scale.lowerOf(this.rows.lo), this.scale.upperOf(this.rows.hi - 1), Math.max(3, Math.floor(h / 30)))) {
        const at = Math.round(this.yOf(v)) + 0.5;
        ctx.fillText(this.unit.short(v), x - 8, Math.max(y + 6, at));
        ctx.moveTo(x, at);
        ctx.lineTo(x + w, at);
      }
      ctx.stroke();
    }
    this.timeAxis(ctx);
  }
  private timeAxis(ctx: CanvasRenderingContext2D): void {
    const { x, y, w, h } = this.box;
    const { from, to } = this.span();
    ctx.textBaseline = "top";
    ctx.textAlign = "center";
    for (const m of timeMarks({ from, to }, Math.max(2, Math.floor(w / 85)))) {
      const at = x + ((m.t - from) / (to - from)) * w;
      const half = ctx.measureText(m.text).width / 2;
      ctx.fillText(m.text, Math.min(x + w - half, Math.max(x + half, at)), y + h + 6);
    }
  }
  private lines(ctx: CanvasRenderingContext2D): void {
    if (!this.rows) return;
    const { x, y, w, h } = this.box;
    const c = this.columns;
    const ink = LINES[shownTheme.value];
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.lineJoin = "round";
    for (const { key: k, needs } of QUANTILES) {
      const path = this.path(c[k], needs);
      ctx.setLineDash(k === "max" ? [1, 3] : []);
      ctx.globalAlpha = 0.7;
      ctx.strokeStyle = colours().plot;
      ctx.lineWidth = k === "p99" ? 3.6 : 3;
      ctx.stroke(path);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = ink[k];
      ctx.lineWidth = k === "p99" ? 1.6 : 1.2;
      ctx.stroke(path);
    }
    ctx.restore();
  }
  private path(values: Float64Array, needs: number): Path2D {
    const c = this.columns;
    const col = this.box.w / c.n;
    const p = new Path2D();
    let open = false;
    for (let i = 0; i < c.n; i++) {
      const s = c.slot(c.first + i);
      const v = values[s];
      const many = c.count[s] >= needs;
      if (!(v > 0)) {
        open = false;
        continue;
      }
      const px = this.box.x + (i + 0.5) * col;
      const y = this.yOf(v);
      if (open && many) p.lineTo(px, y);
      else {
        const half = Math.max(1, col / 2);
        p.moveTo(px - half, y);
        p.lineTo(many ? px : px + half, y);
      }
      open = many;
    }
    return p;
  }

  /** Where an event is; null outside of what is shown. */
  placeOf(t: number, value: number): { x: number; y: number } | null {
    const { from, to } = this.span();
    if (!this.rows || !(t > from && t <= to) || !(value > 0)) return null;
    const { x, y, w, h } = this.box;
    return { x: x + ((t - from) / (to - from)) * w, y: Math.min(y + h, Math.max(y, this.yOf(value))) };
  }

  // ---- Chart: what the pointer and the keyboard need ----
  plot(): Box {
    return this.box;
  }
  span(): { from: number; to: number } {
    const c = this.columns;
    return { from: c.time(c.first - 1), to: c.time(c.first + c.n - 1) };
  }
  stepMs(): number {
    return this.columns.step * 1000;
  }
  valueAt(py: number): number {
    if (!this.rows) return NaN;
    const { lo, hi } = this.rows;
    return this.scale.valueAt(lo + (1 - (py - this.box.y) / this.box.h) * (hi - lo));
  }
  stepValue(value: number, rows: number): number {
    if (!this.rows) return NaN;
    const now = Number.isFinite(value) ? this.scale.positionOf(value) : (this.rows.lo + this.rows.hi) / 2;
    return this.scale.valueAt(Math.min(this.rows.hi - 0.5, Math.max(this.rows.lo + 0.5, now + rows * this.merge)));
  }
  pixelOf(value: number): number {
    return this.rows ? this.yOf(value) : NaN;
  }

  read(t: number, value: number): Reading | null {
    const c = this.columns;
    const col = c.columnAt(t);
    if (c.n === 0 || !c.has(col)) return null;
    const s = c.slot(col);
    const title = c.step === 1 ? moment(c.time(col), newest.value) : `${moment(c.time(col - 1), newest.value)} + ${c.step} s`;
    if (!c.watched[s]) return { title, rows: [], note: this.missing(c.time(col)) };
    const rows: [string, string][] = [];
    const text = this.unit.observed;
    if (Number.isFinite(value)) rows.push(...this.cellRows(s, value));
    rows.push(["p50", text(c.p50[s])], ["p90", text(c.p90[s])], ["p99", text(c.p99[s])], ["max", c.count[s] ? `≤ ${text(c.max[s])}` : "–"]);
    rows.push(["events", `${grouped(c.count[s])} (${perSecond(c.count[s] / c.watched[s])})`]);
    return c.count[s] ? { title, rows } : { title, rows: [], note: "watched, and nothing happened" };
  }
  private missing(end: number): string {
    if (end > newest.value) return "not yet measured";
    return end > this.source.reaches ? "not yet loaded" : "not watched: no sample of this time";
  }
  private cellRows(s: number, value: number): [string, string][] {
    const pos = Math.floor(this.scale.positionOf(value));
    const image = Math.floor((this.rows!.hi - 1 - pos) / this.merge);
    const top = Math.min(ROWS, this.rows!.hi - image * this.merge);
    const low = Math.max(this.rows!.lo, top - this.merge);
    const at = s * ROWS;
    const n = this.cell(s, image);
    const lo = rankOf(this.columns.cells, low, at);
    const hi = rankOf(this.columns.cells, top - 1, at);
    const rank = n > 0 ? `${percentile(lo.below)} … ${percentile(hi.upto)}` : percentile(lo.below);
    const from = this.unit.observed(this.scale.lowerOf(low));
    const upto = this.unit.observed(this.scale.upperOf(top - 1));
    return [
      [this.unit.noun, from === upto ? from : `${from} – ${upto}`],
      ["here", `${grouped(n)} of ${count(hi.total)} (${percent(n / hi.total)})`],
      ["rank", rank],
    ];
  }
  table(): { head: string[]; rows: string[][] } {
    const c = this.columns;
    const rows: string[][] = [];
    for (let i = c.n - 1; i >= 0 && rows.length < 120; i--) {
      const s = c.slot(c.first + i);
      if (!c.watched[s]) continue;
      rows.push([moment(c.time(c.first + i), newest.value), grouped(c.count[s]), ...[c.p50[s], c.p90[s], c.p99[s], c.max[s]].map(this.unit.observed)]);
    }
    return { head: ["Time", "Events", "p50", "p90", "p99", "max ≤"], rows };
  }

  drawCursor(): void {
    const cur = cursor.value;
    const { from, to } = this.span();
    const here = cur !== null && this.columns.n > 0 && cur.t > from && cur.t <= to;
    const ctx = overlay(this.over, here, this.el.clientWidth, this.el.clientHeight);
    if (!ctx || !cur) return;
    this.pointer?.drawSelection(ctx);
    const { x, y, w, h } = this.box;
    const col = w / this.columns.n;
    const i = this.columns.columnAt(cur.t) - this.columns.first;
    ctx.fillStyle = colours().cursor;
    if (col >= 4) {
      ctx.globalAlpha = 0.18;
      ctx.fillRect(x + i * col, y, col, h);
      ctx.globalAlpha = 1;
    }
    ctx.fillRect(Math.round(x + (i + 0.5) * col), y, 1, h);
    if (cur.owner === this && Number.isFinite(cur.y)) ctx.fillRect(x, Math.round(this.yOf(cur.y)), w, 1);
  }
}
