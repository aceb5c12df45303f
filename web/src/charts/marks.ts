// SPDX-License-Identifier: GPL-2.0
// Events on the time axis of a chart: a small triangle below the plot for each, and a line through it for those
// that are more than a note.

import type { Severity } from "../core/happenings";
import { marksAt, within } from "../core/happenings";
import { happenings } from "../data/events";
import { clock } from "../core/time";
import { visible } from "../core/text";
import type { Box } from "./canvas";
import { colours } from "./canvas";

const APART = 5;
const SIZE = 4;
/** How far from the cursor an event may be to be told, in pixels. */
const NEAR = 5;
const TOLD = 4;

function colour(s: Severity): string {
  const c = colours();
  return s === "critical" ? c.bad : s === "warning" ? c.warn : c.faint;
}
export function drawMarks(ctx: CanvasRenderingContext2D, box: Box, from: number, to: number): void {
  if (!(to > from)) return;
  ctx.save();
  for (const m of marksAt(happenings.peek(), from, to, box.w, APART)) {
    const x = box.x + m.x;
    const foot = box.y + box.h;
    ctx.fillStyle = ctx.strokeStyle = colour(m.severity);
    if (m.severity !== "info") {
      ctx.globalAlpha = 0.55;
      ctx.setLineDash([2, 3]);
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(Math.round(x) + 0.5, box.y);
      ctx.lineTo(Math.round(x) + 0.5, foot);
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    ctx.beginPath();
    ctx.moveTo(x, foot);
    ctx.lineTo(x - SIZE, foot + SIZE + 2);
    ctx.lineTo(x + SIZE, foot + SIZE + 2);
    ctx.fill();
  }
  ctx.restore();
}

/** What a tip adds about the moment under the cursor. */
export function marksNear(t: number, from: number, to: number, box: Box, stepMs: number): [string, string][] {
  const reach = Math.max(stepMs, ((to - from) / box.w) * NEAR);
  const list = within(happenings.peek(), Math.max(from, t - reach), Math.min(to, t + reach));
  const rows = list.slice(0, TOLD).map((h): [string, string] => [`${clock(h.tMs)} ${h.title}`, visible(h.text)]);
  if (list.length > TOLD) rows.push(["", `and ${list.length - TOLD} more events`]);
  return rows;
}
