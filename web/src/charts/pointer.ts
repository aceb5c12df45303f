// SPDX-License-Identifier: GPL-2.0
// Mouse, touch and keyboard of a chart: moves the cursor that all charts share, selects a range, speaks the reading.

import { batch, effect } from "@preact/signals";
import { cursor, drawn, go, isLive, leaveCursor, spoken, tip } from "../state";
import { MIN_SPAN } from "../core/time";
import type { Box } from "./canvas";
import { colours } from "./canvas";
import { marksNear } from "./marks";
import type { Drawable } from "./schedule";

export interface Reading {
  title: string;
  rows: readonly (readonly [string, string])[];
  note?: string;
}
export interface Chart extends Drawable {
  readonly el: HTMLElement;
  plot(): Box;
  span(): { from: number; to: number };
  stepMs(): number;
  /** Value under a vertical pixel and back; NaN where the chart has none. */
  valueAt(py: number): number;
  pixelOf(value: number): number;
  stepValue(value: number, rows: number): number;
  read(t: number, value: number): Reading | null;
  drawCursor(): void;
  table(): { head: string[]; rows: string[][] };
}

const SPEAK_AFTER = 350;

export class Pointer {
  private from: number | null = null;
  private to = 0;
  private timer = 0;
  private readonly stop: (() => void)[] = [];

  constructor(private readonly chart: Chart) {
    const on = <K extends keyof HTMLElementEventMap>(type: K, f: (e: HTMLElementEventMap[K]) => void) => {
      chart.el.addEventListener(type, f);
      this.stop.push(() => chart.el.removeEventListener(type, f));
    };
    on("pointermove", (e) => this.move(e));
    on("pointerleave", () => this.leave());
    on("pointerdown", (e) => this.down(e));
    on("pointerup", (e) => this.up(e));
    on("pointercancel", () => this.cancel());
    on("dblclick", () => !isLive.value && go({ range: { live: 300 } }));
    on("keydown", (e) => this.key(e));
    on("blur", () => this.leave());
    this.stop.push(
      effect(() => {
        void cursor.value;
        chart.drawCursor();
      }),
      // A cursor that rests on a moving chart reads on.
      effect(() => {
        void drawn.value;
        if (cursor.peek()?.owner === chart) this.show();
      }),
    );
  }
  dispose(): void {
    if (cursor.peek()?.owner === this.chart) leaveCursor();
    window.clearTimeout(this.timer);
    for (const f of this.stop) f();
  }

  private timeAt(px: number): number {
    const b = this.chart.plot();
    const { from, to } = this.chart.span();
    const x = Math.min(1, Math.max(0, (px - b.x) / b.w));
    // Just inside the last column at the right edge.
    return Math.min(to, from + x * (to - from) + 1);
  }
  private local(e: PointerEvent): { x: number; y: number } {
    const r = this.chart.el.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  }
  private move(e: PointerEvent): void {
    const p = this.local(e);
    const b = this.chart.plot();
    if (this.from === null && (p.x < b.x || p.x > b.x + b.w || p.y < b.y || p.y > b.y + b.h)) return this.leave();
    const t = this.timeAt(p.x);
    if (this.from !== null) this.to = t;
    const y = this.chart.valueAt(Math.min(b.y + b.h - 0.5, Math.max(b.y + 0.5, p.y)));
    cursor.value = { t, y, owner: this.chart };
    this.show(p);
  }
  /** What the chart says of the moment, and what happened about then. */
  private read(): Reading | null {
    const cur = cursor.peek();
    const reading = cur && this.chart.read(cur.t, cur.y);
    if (!reading) return null;
    const { from, to } = this.chart.span();
    const events = marksNear(cur.t, from, to, this.chart.plot(), this.chart.stepMs());
    return events.length ? { ...reading, rows: [...reading.rows, ...events] } : reading;
  }
  private show(at?: { x: number; y: number }): void {
    const cur = cursor.peek();
    if (!cur) return;
    const reading = this.read();
    if (!reading) {
      tip.value = null;
      return;
    }
    const r = this.chart.el.getBoundingClientRect();
    const b = this.chart.plot();
    const { from, to } = this.chart.span();
    const px = at?.x ?? b.x + ((cur.t - from) / (to - from)) * b.w;
    const py = at?.y ?? (Number.isFinite(cur.y) ? this.chart.pixelOf(cur.y) : b.y + b.h / 2);
    tip.value = { ...reading, x: r.left + px, y: r.top + py };
  }
  private leave(): void {
    if (this.from !== null || cursor.peek()?.owner !== this.chart) return;
    leaveCursor();
  }

  private down(e: PointerEvent): void {
    if (e.button !== 0 || e.pointerType === "touch") return;
    const p = this.local(e);
    const b = this.chart.plot();
    if (p.x < b.x || p.x > b.x + b.w) return;
    this.from = this.to = this.timeAt(p.x);
    this.chart.el.setPointerCapture(e.pointerId);
  }
  private up(e: PointerEvent): void {
    if (this.from === null) return;
    const [a, b] = [Math.min(this.from, this.to), Math.max(this.from, this.to)];
    const { from, to } = this.chart.span();
    const dragged = ((b - a) / (to - from)) * this.chart.plot().w > 6;
    this.cancel();
    this.chart.el.releasePointerCapture(e.pointerId);
    if (dragged) this.select(a, b);
  }
  private select(a: number, b: number): void {
    const step = this.chart.stepMs();
    const from = Math.floor(a / step) * step;
    const to = Math.max(Math.ceil(b / step) * step, from + MIN_SPAN);
    leaveCursor();
    go({ range: { from, to } });
  }
  private cancel(): void {
    this.from = null;
    this.chart.drawCursor();
  }
  drawSelection(ctx: CanvasRenderingContext2D): void {
    if (this.from === null) return;
    const b = this.chart.plot();
    const { from, to } = this.chart.span();
    const x = (t: number) => b.x + ((t - from) / (to - from)) * b.w;
    const [l, r] = [x(Math.min(this.from, this.to)), x(Math.max(this.from, this.to))];
    ctx.save();
    ctx.fillStyle = colours().accent;
    ctx.globalAlpha = 0.25;
    ctx.fillRect(l, b.y, r - l, b.h);
    ctx.restore();
  }

  private key(e: KeyboardEvent): void {
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    const far = e.shiftKey ? 10 : 1;
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far],
      Home: [-Infinity, 0], End: [Infinity, 0],
    };
    const m = moves[e.key];
    if (e.key === "Escape" && this.from !== null) {
      this.cancel();
      e.stopPropagation();
      return;
    }
    if (!m) return;
    e.preventDefault();
    e.stopPropagation();
    this.step(m[0], m[1]);
  }
  private step(columns: number, rows: number): void {
    const { from, to } = this.chart.span();
    const step = this.chart.stepMs();
    const cur = cursor.peek();
    const mine = cur && cur.t > from && cur.t <= to ? cur : { t: to, y: NaN };
    const t = Math.min(to, Math.max(from + step, mine.t + columns * step));
    batch(() => {
      cursor.value = { t, y: rows ? this.chart.stepValue(mine.y, rows) : mine.y, owner: this.chart };
      this.show();
    });
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.speak(), SPEAK_AFTER);
  }
  private speak(): void {
    const cur = cursor.peek();
    const r = cur && this.read();
    if (r) spoken.value = `${r.title}. ${[r.note, ...r.rows.map(([k, v]) => `${k} ${v}`)].filter(Boolean).join(", ")}`;
  }
}
