// SPDX-License-Identifier: GPL-2.0
// Who the slowest events were: marks on the heat map, a table, and one of them in detail.

import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Heat } from "../charts/heat";
import { clock, moment } from "../core/time";
import { visible } from "../core/text";
import { unitOf } from "../core/units";
import type { Slow } from "../data/api";
import type { Metric } from "../data/api";
import type { Source } from "../data/source";
import { Worst } from "../data/worst";
import { drawn, leaveCursor, newest, tip } from "../state";

const MARKS = 40;
const LISTED = 12;
/** The event that is looked at, by its id. */
const chosen = signal("");

export function useWorst(source: Source): Worst {
  const worst = useMemo(() => new Worst(() => source.selector()), [source]);
  useEffect(() => () => worst.dispose(), [worst]);
  return worst;
}

const precise = (t: number): string => `${moment(t, newest.value)}.${String(Math.round(t) % 1000).padStart(3, "0")}`;
const who = (e: Slow): string => (e.pid ? `${visible(e.comm) || "?"} (${e.pid === e.tid ? e.pid : `${e.pid}/${e.tid}`})` : "nobody");
const said = (e: Slow, metric: Metric): string => `${unitOf(metric.unit).text(e.value)} at ${clock(e.t)}, ${who(e)}`;

/** Small diamonds at the slowest events; one of them is in the order of the Tab key, arrows go to the others. */
export function Marks({ worst, metric, heat }: { worst: Worst; metric: Metric; heat: { current: Heat | null } }) {
  void drawn.value;
  worst.prepare();
  const events = worst.events.value.slice(0, MARKS).sort((a, b) => a.t - b.t);
  const placed = events.map((e) => ({ e, at: heat.current?.placeOf(e.t, e.value) ?? null })).filter((p) => p.at);
  const stop = placed.find((p) => p.e.id === chosen.value) ?? placed[placed.length - 1];
  const show = (e: Slow, el: HTMLElement) => {
    const r = el.getBoundingClientRect();
    tip.value = { x: r.right, y: r.top, title: precise(e.t), rows: [["took", unitOf(metric.unit).text(e.value)], ["who", who(e)], ["cgroup", visible(e.cgroup) || "–"], ...(e.frames.length ? ([["in", visible(e.frames[e.frames.length - 1])]] as [string, string][]) : [])] };
  };
  const key = (ev: KeyboardEvent, i: number) => {
    const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: placed.length - 1 }[ev.key];
    if (ev.ctrlKey || ev.altKey || ev.metaKey || ev.key === "Tab") return;
    ev.stopPropagation();
    if (to === undefined) return;
    ev.preventDefault();
    const next = (ev.currentTarget as HTMLElement).parentElement?.children[Math.min(placed.length - 1, Math.max(0, to))];
    if (next instanceof HTMLElement) next.focus();
  };
  return (
    <div class="marks" role="group" aria-label="Slowest events: arrow keys move between them, Enter shows one">
      {placed.map(({ e, at }, i) => (
        <button
          key={e.id}
          class={`mark ${e.frames.length ? "known" : ""}`}
          style={{ left: `${at!.x}px`, top: `${at!.y}px` }}
          tabIndex={e === stop?.e ? 0 : -1}
          aria-pressed={e.id === chosen.value}
          aria-label={said(e, metric)}
          onPointerDown={(ev) => ev.stopPropagation()}
          onPointerMove={(ev) => {
            ev.stopPropagation();
            leaveCursor();
            show(e, ev.currentTarget);
          }}
          onPointerLeave={() => (tip.value = null)}
          onFocus={(ev) => show(e, ev.currentTarget)}
          onBlur={() => (tip.value = null)}
          onKeyDown={(ev) => key(ev, i)}
          onClick={() => (chosen.value = e.id)}
        />
      ))}
    </div>
  );
}

function Stack({ event }: { event: Slow }) {
  const n = event.frames.length;
  if (!n) return <p class="sub">No stack: it was faster than one in a thousand, or not in the context of a task.</p>;
  return (
    <ol class="stack" aria-label="Stack, innermost first">
      {[...event.frames].reverse().map((f, i) => <li class={i < event.kernel ? "kernel" : ""}>{visible(f)}{i < event.kernel && <span class="sub"> kernel</span>}</li>)}
    </ol>
  );
}

function One({ event, metric }: { event: Slow; metric: Metric }) {
  const row = (k: string, v: string) => <div><dt>{k}</dt><dd>{v}</dd></div>;
  return (
    <div class="one" role="region" aria-live="polite" aria-label="The event chosen">
      <dl>
        {row("Took", unitOf(metric.unit).text(event.value))}
        {row("When", precise(event.t))}
        {row("Who", event.pid ? `${visible(event.comm) || "?"}, process ${event.pid}, thread ${event.tid}` : "nobody's: an event of the machine")}
        {row("Cgroup", visible(event.cgroup) || "–")}
        {row("CPU", Number.isFinite(event.cpu) ? String(event.cpu) : "–")}
        {Object.entries(event.labels).map(([k, v]) => row(k, visible(v)))}
      </dl>
      <Stack event={event} />
    </div>
  );
}

export function Slowest({ worst, metric }: { worst: Worst; metric: Metric }) {
  const events = worst.events.value;
  const shown = events.find((e) => e.id === chosen.value) ?? events[0];
  const rows = events.slice(0, LISTED);
  // One that was chosen on the heat map and is none of the first.
  if (shown && !rows.includes(shown)) rows.push(shown);
  return (
    <article class="card slowest">
      <header><h2>Slowest events</h2><span class="sub">one of each second at most; whose they were</span></header>
      {worst.error.value && <p class="sub">Could not be loaded: {worst.error.value}</p>}
      {!events.length && !worst.error.value && <p class="sub">{worst.loaded.value ? "None was recorded in this time." : "Loading…"}</p>}
      {shown && (
        <div class="split">
          <div class="scroll tall" tabIndex={0} role="region" aria-label="Slowest events, as a table">
            <table class="data">
              <thead><tr><th scope="col">Took</th><th scope="col">When</th><th scope="col">Who</th><th scope="col">In</th></tr></thead>
              <tbody>
                {rows.map((e) => (
                  <tr key={e.id} class={e === shown ? "chosen" : ""}>
                    <th scope="row"><button class="plain" aria-pressed={e === shown} onClick={() => (chosen.value = e.id)}>{unitOf(metric.unit).text(e.value)}</button></th>
                    <td>{precise(e.t)}</td>
                    <td>{who(e)}</td>
                    <td>{visible(e.frames[e.frames.length - 1] ?? "") || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <One event={shown} metric={metric} />
        </div>
      )}
    </article>
  );
}
