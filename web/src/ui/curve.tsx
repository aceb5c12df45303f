// SPDX-License-Identifier: GPL-2.0
// The percentile curve of the whole range: values over p50 … p99.999 on an axis of nines.

import { useEffect, useRef } from "preact/hooks";
import { FONT, colours, fit, plotBox } from "../charts/canvas";
import { register } from "../charts/schedule";
import { count } from "../core/units";
import type { Unit } from "../core/units";
import type { Source } from "../data/source";
import { drawn } from "../state";

const NINES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];
const LABELS = ["0", "p50", "p90", "p99", "p99.9", "p99.99", "p99.999"];
const nines = (q: number) => -Math.log10(1 - q);
const SHOWN = [0.5, 0.9, 0.99, 0.999] as const;

class CurveChart {
  constructor(readonly el: HTMLElement, private readonly canvas: HTMLCanvasElement, private readonly source: Source, private readonly unit: Unit) {}
  draw(): void {
    const w = this.el.clientWidth;
    const h = this.el.clientHeight;
    const ctx = fit(this.canvas, w, h);
    const box = plotBox(w, h);
    const c = colours();
    const all = this.source.columns.merged();
    let total = 0;
    for (const v of all) total += v;
    ctx.font = FONT;
    ctx.fillStyle = c.text;
    if (!total) return;
    // Beyond 1 - 1/total there is a single event.
    const end = Math.min(nines(NINES[NINES.length - 1]), Math.max(1, Math.log10(total)));
    const rows = this.source.columns.rows;
    const lo = rows.quantile(all, 0.001);
    const hi = rows.maximum(all) * 1.15;
    const x = (q: number) => box.x + (nines(q) / end) * box.w;
    const y = (v: number) => box.y + box.h * (1 - Math.log(v / lo) / Math.log(hi / lo));
    ctx.strokeStyle = c.grid;
    ctx.beginPath();
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    NINES.forEach((q, i) => {
      if (nines(q) > end + 1e-9 || (i > 0 && x(q) - x(NINES[i - 1]) < 24)) return;
      ctx.fillText(LABELS[i], Math.min(box.x + box.w - 16, x(q)), box.y + box.h + 6);
      ctx.moveTo(Math.round(x(q)) + 0.5, box.y);
      ctx.lineTo(Math.round(x(q)) + 0.5, box.y + box.h);
    });
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (const v of this.unit.marks(lo, hi, Math.max(3, Math.floor(h / 30)))) {
      ctx.fillText(this.unit.short(v), box.x - 8, y(v));
      ctx.moveTo(box.x, Math.round(y(v)) + 0.5);
      ctx.lineTo(box.x + box.w, Math.round(y(v)) + 0.5);
    }
    ctx.stroke();
    ctx.strokeStyle = c.accent;
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    for (let i = 0; i <= 200; i++) {
      const q = Math.min(1 - 10 ** -((i / 200) * end), 1);
      const v = Math.max(lo, rows.quantile(all, Math.max(q, 1e-6)));
      if (i) ctx.lineTo(x(q), y(v));
      else ctx.moveTo(x(q), y(v));
    }
    ctx.stroke();
  }
}

export function Curve({ source, title, unit }: { source: Source; title: string; unit: Unit }) {
  void drawn.value;
  const el = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => register(new CurveChart(el.current!, canvas.current!, source, unit)), [source]);
  const all = source.columns.merged();
  const total = all.reduce((a, b) => a + b, 0);
  const text = SHOWN.map((q) => `p${+(q * 100).toFixed(1)} ${unit.observed(source.columns.rows.quantile(all, q))}`);
  return (
    <article class="card chart-card">
      <header><h2>Percentile curve</h2><span class="sub">whole range, {count(total)} events</span></header>
      <div ref={el} class="chart curve" role="img" aria-label={`${title}, whole range: ${text.join(", ")}`}>
        <canvas ref={canvas} class="base" aria-hidden="true" />
      </div>
    </article>
  );
}
