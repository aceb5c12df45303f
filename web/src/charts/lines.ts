// SPDX-License-Identifier: GPL-2.0
// Line charts by uPlot, over the same columns and with the same cursor as the heat map above them.

import uPlot from "uplot";
import { moment, timeMarks } from "../core/time";
import type { Columns } from "../data/columns";
import type { Source } from "../data/source";
import { cursor, newest, shownTheme } from "../state";
import { FONT, GUTTER, colours, overlay, plotBox } from "./canvas";
import type { Box } from "./canvas";
import { drawMarks } from "./marks";
import { Pointer } from "./pointer";
import type { Chart, Reading } from "./pointer";

export interface Line {
  label: string;
  colour: () => string;
  /** Value of a column's slot; null where there is none. */
  value: (c: Columns, slot: number) => number | null;
  dash?: number[];
  fill?: boolean;
}
export interface LinesOptions {
  lines: readonly Line[];
  format: (v: number) => string;
  /** Shorter, for the axis. */
  mark?: (v: number) => string;
  /** A logarithmic axis, with these marks. */
  log?: (lo: number, hi: number, most: number) => number[];
  /** Distances of the marks of a linear axis, where they are not decimal. */
  steps?: readonly number[];
}

export class Lines implements Chart {
  private plotter: uPlot | null = null;
  private readonly over = document.createElement("canvas");
  private pointer: Pointer | null = null;
  private columns: Columns;
  private theme = "";
  private box: Box = { x: 0, y: 0, w: 1, h: 1 };

  constructor(readonly el: HTMLElement, private readonly source: Source, private readonly o: LinesOptions) {
    this.columns = source.columns;
    this.over.className = "over";
    this.over.setAttribute("aria-hidden", "true");
    el.append(this.over);
    this.pointer = new Pointer(this);
  }
  dispose(): void {
    this.pointer?.dispose();
    this.plotter?.destroy();
    this.over.remove();
  }

  private build(w: number, h: number): uPlot {
    const c = colours();
    const axis = { stroke: c.text, font: FONT, ticks: { show: false }, grid: { stroke: c.grid, width: 1 } };
    const options: uPlot.Options = {
      width: w, height: h, padding: [GUTTER.top, GUTTER.right, 0, 0],
      legend: { show: false }, cursor: { show: false }, select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: false, range: () => this.range() },
        y: this.o.log ? { distr: 3, range: (_u, lo, hi) => this.logRange(lo, hi) } : { range: (_u, _lo, hi) => [0, hi > 0 ? hi * 1.08 : 1] },
      },
      axes: [
        { ...axis, size: GUTTER.bottom, gap: 4, grid: { show: false }, splits: () => this.marks().map((m) => m.t / 1000), values: () => this.marks().map((m) => m.text) },
        {
          ...axis, size: GUTTER.left, gap: 6, values: (_u, v) => v.map((x) => (x == null ? "" : (this.o.mark ?? this.o.format)(x))),
          ...(this.o.log ? { splits: (u: uPlot) => this.o.log!(u.scales.y!.min ?? 1e-6, u.scales.y!.max ?? 1, 5), filter: (_u: uPlot, v: number[]) => v } : { space: 34, ...(this.o.steps ? { incrs: [...this.o.steps] } : {}) }),
        },
      ],
      series: [{}, ...this.o.lines.map((l) => this.seriesOf(l))],
      hooks: { draw: [(u) => this.marked(u.ctx)] },
    };
    return new uPlot(options, this.data(), this.el);
  }
  private seriesOf(l: Line): uPlot.Series {
    const s: uPlot.Series = { label: l.label, stroke: l.colour(), width: 1.4, points: { show: false }, spanGaps: false };
    if (l.dash) s.dash = l.dash;
    if (l.fill) s.fill = `${l.colour()}22`;
    return s;
  }
  /** uPlot counts in pixels of the device. */
  private marked(ctx: CanvasRenderingContext2D): void {
    const ratio = window.devicePixelRatio || 1;
    const { from, to } = this.span();
    ctx.save();
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawMarks(ctx, this.box, from, to);
    ctx.restore();
  }
  private range(): [number, number] {
    const { from, to } = this.span();
    return [from / 1000, to / 1000];
  }
  private marks(): { t: number; text: string }[] {
    const { from, to } = this.span();
    return timeMarks({ from, to }, Math.max(2, Math.floor(this.box.w / 85)));
  }
  private logRange(lo: number, hi: number): [number, number] {
    if (!(lo > 0) || !(hi > 0)) return [1e-6, 1e-3];
    return [2 ** Math.floor(Math.log2(lo) - 0.3), 2 ** Math.ceil(Math.log2(hi) + 0.3)];
  }
  private data(): uPlot.AlignedData {
    const c = this.columns;
    const x: number[] = [];
    const ys: (number | null)[][] = this.o.lines.map(() => []);
    for (let i = 0; i < c.n; i++) {
      const s = c.slot(c.first + i);
      x.push((c.first + i - 0.5) * c.step);
      this.o.lines.forEach((l, k) => {
        const v = c.watched[s] ? l.value(c, s) : null;
        ys[k].push(v === null || !Number.isFinite(v) ? null : v);
      });
    }
    return [x, ...ys] as uPlot.AlignedData;
  }

  draw(): void {
    const w = this.el.clientWidth;
    const h = this.el.clientHeight;
    if (w < 80 || h < 40) return;
    this.box = plotBox(w, h);
    this.columns = this.source.prepare();
    if (this.plotter && this.theme !== shownTheme.value) {
      this.plotter.destroy();
      this.plotter = null;
    }
    this.theme = shownTheme.value;
    if (!this.plotter) {
      this.plotter = this.build(w, h);
      this.el.append(this.over);
    } else {
      if (this.plotter.width !== w || this.plotter.height !== h) this.plotter.setSize({ width: w, height: h });
      this.plotter.setData(this.data());
    }
    this.drawCursor();
  }

  // ---- Chart ----
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
  valueAt(): number {
    return NaN;
  }
  stepValue(): number {
    return NaN;
  }
  pixelOf(): number {
    return this.box.y + this.box.h / 2;
  }
  read(t: number): Reading | null {
    const c = this.columns;
    const col = c.columnAt(t);
    if (c.n === 0 || !c.has(col)) return null;
    const s = c.slot(col);
    const title = moment(c.time(col), newest.value);
    if (!c.watched[s]) return { title, rows: [], note: "not watched: no sample of this time" };
    return { title, rows: this.o.lines.map((l) => [l.label, this.text(l.value(c, s))] as const) };
  }
  private text(v: number | null): string {
    return v === null || !Number.isFinite(v) ? "–" : this.o.format(v);
  }
  table(): { head: string[]; rows: string[][] } {
    const c = this.columns;
    const rows: string[][] = [];
    for (let i = c.n - 1; i >= 0 && rows.length < 120; i--) {
      const s = c.slot(c.first + i);
      if (c.watched[s]) rows.push([moment(c.time(c.first + i), newest.value), ...this.o.lines.map((l) => this.text(l.value(c, s)))]);
    }
    return { head: ["Time", ...this.o.lines.map((l) => l.label)], rows };
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
    const px = Math.round(x + (i + 0.5) * col);
    ctx.fillStyle = colours().cursor;
    ctx.fillRect(px, y, 1, h);
    if (!this.plotter) return;
    const s = this.columns.slot(this.columns.first + i);
    for (const l of this.o.lines) {
      const v = l.value(this.columns, s);
      if (v === null || !Number.isFinite(v) || !this.columns.watched[s]) continue;
      ctx.fillStyle = l.colour();
      ctx.beginPath();
      ctx.arc(px, this.plotter.valToPos(v, "y") + y, 3, 0, 7);
      ctx.fill();
    }
  }
}
