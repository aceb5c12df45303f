// SPDX-License-Identifier: GPL-2.0
// Small parts that pages share.

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { tables, toggleTable } from "../state";
import type { Chart } from "../charts/pointer";
import { register } from "../charts/schedule";
import { drawn } from "../state";
import { fit, colours } from "../charts/canvas";
import type { Level } from "../core/health";

const PATHS: Record<string, string> = {
  good: "M4 8.5l2.7 2.7L12 5.5",
  warn: "M8 3.5v5.6M8 11.6v.6",
  bad: "M5 5l6 6M11 5l-6 6",
  unknown: "M5.8 6.2a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M8 12v.3",
  pause: "M5.5 4v8M10.5 4v8",
  play: "M5.5 4l6 4-6 4z",
  back: "M9.5 4l-4 4 4 4",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.6v1.4M8 13v1.4M1.6 8H3M13 8h1.4M3.5 3.5l1 1M11.5 11.5l1 1M3.5 12.5l1-1M11.5 4.5l1-1",
  moon: "M13 9.6A5.4 5.4 0 0 1 6.4 3 5.4 5.4 0 1 0 13 9.6z",
  auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  help: "M5.8 6.2a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M8 12v.3",
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 3.5v9",
};
export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
export function Mark({ level }: { level: Level }) {
  return (
    <span class={`mark ${level}`}>
      <Icon name={level} />
    </span>
  );
}

/** Hosts an imperative chart: makes it when mounted, draws it through the schedule, gives it a table. */
export function ChartBox(p: {
  id: string;
  label: string;
  kind: string;
  class?: string;
  make: (el: HTMLElement) => Chart & { dispose(): void };
  /** Made again when this changes. */
  deps: readonly unknown[];
  children?: ComponentChildren;
}) {
  const el = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  useEffect(() => {
    const c = p.make(el.current!);
    chart.current = c;
    const off = register(c);
    return () => {
      off();
      c.dispose();
      chart.current = null;
    };
  }, p.deps);
  const open = tables.value.has(p.id);
  return (
    <>
      <div
        ref={el}
        class={`chart ${p.class ?? ""}`}
        tabIndex={0}
        role="application"
        aria-roledescription={p.kind}
        aria-label={`${p.label}. Arrow keys move the cursor, T shows a table.`}
        aria-details={open ? `${p.id}-table` : undefined}
        onKeyDown={(e) => {
          if ((e.key === "t" || e.key === "T") && !e.ctrlKey && !e.metaKey && !e.altKey) {
            e.stopPropagation();
            toggleTable(p.id);
          }
        }}
      >
        {p.children}
      </div>
      {open && <DataTable id={`${p.id}-table`} label={p.label} chart={chart} />}
    </>
  );
}
function DataTable(p: { id: string; label: string; chart: { current: Chart | null } }) {
  void drawn.value;
  const t = p.chart.current?.table();
  if (!t) return null;
  return (
    <div class="scroll table-box" id={p.id} tabIndex={0} role="region" aria-label={`${p.label}, as a table`}>
      <table class="data">
        <thead>
          <tr>{t.head.map((h) => <th scope="col">{h}</th>)}</tr>
        </thead>
        <tbody>
          {t.rows.map((r) => (
            <tr key={r[0]}>{r.map((c, i) => (i ? <td>{c}</td> : <th scope="row">{c}</th>))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A line without axes. Values are drawn as they are; gaps stay gaps. */
export function Spark(p: { values: ArrayLike<number>; top?: number; log?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = useRef(p.values);
  values.current = p.values;
  const chart = useMemo(
    () => ({
      get el() {
        return canvas.current!;
      },
      draw() {
        if (canvas.current) spark(canvas.current, values.current, p.top, p.log);
      },
    }),
    [],
  );
  useEffect(() => register(chart), []);
  return <canvas ref={canvas} class="spark" aria-hidden="true" />;
}
function spark(c: HTMLCanvasElement, values: ArrayLike<number>, top?: number, log?: boolean): void {
  const w = c.clientWidth;
  const h = c.clientHeight;
  const ctx = fit(c, w, h);
  const f = log ? (v: number) => Math.log(v) : (v: number) => v;
  let hi = top ?? -Infinity;
  let lo = log ? Infinity : 0;
  for (let i = 0; i < values.length; i++) {
    const v = f(values[i]);
    if (!Number.isFinite(v)) continue;
    if (v > hi) hi = v;
    if (v < lo) lo = v;
  }
  if (!Number.isFinite(hi)) return;
  if (hi <= lo) hi = lo + 1;
  const x = (i: number) => (i / Math.max(1, values.length - 1)) * (w - 3) + 1;
  const y = (v: number) => h - 2 - ((f(v) - lo) / (hi - lo)) * (h - 4);
  const line = new Path2D();
  const area = new Path2D();
  let from = -1;
  let lastX = 0;
  for (let i = 0; i <= values.length; i++) {
    const ok = i < values.length && Number.isFinite(f(values[i]));
    if (ok) {
      lastX = x(i);
      if (from < 0) {
        from = lastX;
        line.moveTo(lastX, y(values[i]));
        area.moveTo(lastX, h);
      } else line.lineTo(lastX, y(values[i]));
      area.lineTo(lastX, y(values[i]));
    } else if (from >= 0) {
      area.lineTo(lastX, h);
      area.closePath();
      from = -1;
    }
  }
  const ink = colours().accent;
  ctx.fillStyle = ink;
  ctx.globalAlpha = 0.14;
  ctx.fill(area);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.3;
  ctx.lineJoin = "round";
  ctx.stroke(line);
}
