// SPDX-License-Identifier: GPL-2.0
// Latency: a heat map for each distribution, by domain, or one in detail.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Heat } from "../charts/heat";
import type { LinesOptions } from "../charts/lines";
import { Lines } from "../charts/lines";
import { LINES } from "../core/colour";
import { ROWS, rowsOf } from "../core/hist";
import { RING } from "../core/ring";
import { visible } from "../core/text";
import { count, countShort, percent, perSecond, unitOf } from "../core/units";
import type { Unit } from "../core/units";
import type { Metric } from "../data/api";
import type { Columns } from "../data/columns";
import type { Source } from "../data/source";
import { tickOf } from "../data/track";
import { catalog, choice, grouped, labelValues, matches, probeSource, probes, splits, trackOf } from "../model";
import * as s from "../state";
import { Chooser } from "./chooser";
import { ChartBox, Icon } from "./common";
import { Curve } from "./curve";
import { FirstRunNote } from "./notes";
import { Marks, Slowest, useWorst } from "./worst";

export function Latency() {
  const list = probes();
  const { probe } = s.route.value;
  if (!catalog.value.length || !s.newest.value) return <FirstRunNote />;
  const one = list.find((p) => p.name === probe);
  if (probe && !one)
    return (
      <main class="page"><section class="empty"><h1>No such probe</h1><p>{visible(probe)} is no distribution that this sgprobe measures. <a href={s.link({ probe: "" })}>All probes</a></p></section></main>
    );
  return one ? <Detail key={one.name} metric={one} /> : <Grid list={list} />;
}

function Grid({ list }: { list: Metric[] }) {
  const { dim } = s.route.value;
  const shown = dim ? list.filter((p) => splits(p).some((x) => x.dim === dim)) : list;
  const parts = grouped(shown);
  return (
    <main class="page">
      <Toolbar dims={[...new Set(catalog.value.filter((m) => m.of && m.dim).map((m) => m.dim))]} />
      {shown.length === 0 && <section class="empty"><h1>No match</h1><p>No probe has the dimension {visible(dim)}.</p></section>}
      {parts.length > 1 && (
        <nav class="chips" aria-label="Domains">
          {parts.map((g) => <button onClick={() => jump(g.name)}>{g.title}</button>)}
        </nav>
      )}
      {parts.map((g) => (
        <section class="group" key={g.name} aria-labelledby={`group-${g.name}`}>
          <h2 id={`group-${g.name}`} tabIndex={-1}>{g.title}</h2>
          <div class="grid">{g.probes.map((m) => <Card key={m.name} metric={m} />)}</div>
        </section>
      ))}
    </main>
  );
}

function jump(group: string): void {
  const heading = document.getElementById(`group-${group}`);
  heading?.scrollIntoView({ block: "start" });
  heading?.focus({ preventScroll: true });
}

function Card({ metric }: { metric: Metric }) {
  const source = useSource(metric);
  return (
    <article class="card chart-card">
      <header>
        <h2><a href={s.link({ probe: metric.name })}>{metric.title}</a></h2>
        <Readout source={source} unit={metric.unit} />
      </header>
      <HeatBox metric={metric} source={source} class="small" />
    </article>
  );
}
function useSource(metric: Metric): Source {
  const source = useMemo(() => probeSource(metric), [metric.name]);
  useEffect(() => () => source.dispose(), [source]);
  return source;
}

function HeatBox({ metric, source, class: cls, made, children }: { metric: Metric; source: Source; class: string; made?: (heat: Heat) => void; children?: ComponentChildren }) {
  void s.drawn.value;
  const make = (el: HTMLElement) => {
    const heat = new Heat(el, source, unitOf(metric.unit));
    made?.(heat);
    return heat;
  };
  return (
    <ChartBox id={`heat-${metric.name}`} kind="heat map" label={`${metric.title}${whose(metric)}: ${unitOf(metric.unit).noun} over time`} class={`heat ${cls}`} make={(el) => make(el)} deps={[source]}>
      <Veil metric={metric} source={source} />
      {children}
    </ChartBox>
  );
}
/** What lies over a chart that has nothing to show. */
function Veil({ metric, source }: { metric: Metric; source: Source }) {
  if (source.fill === "loading") return <p class="veil">Loading…</p>;
  if (source.fill === "failed") return <p class="veil">Could not be loaded: {source.error}</p>;
  const c = source.columns;
  if (!c.n || c.count.some((x) => x > 0)) return null;
  if (!c.watched.some((x) => x > 0)) return <p class="veil">Nobody watched in this time</p>;
  return <p class="veil">{`No events${whose(metric)} in this time`}</p>;
}

/** The newest column in figures, or the one under the cursor. */
function Readout({ source, unit }: { source: Source; unit: string }) {
  void s.drawn.value;
  const c = source.columns;
  if (!c.n) return null;
  const cur = s.cursor.value;
  const at = cur && c.has(c.columnAt(cur.t)) ? c.columnAt(cur.t) : lastWatched(c);
  const k = c.slot(at);
  const text = unitOf(unit).observed;
  return (
    <p class="readout">
      <span>{perSecond(c.count[k] / Math.max(1, c.watched[k]))}</span>
      <span class="k50">p50 <b>{text(c.p50[k])}</b></span>
      <span class="k90">p90 <b>{text(c.p90[k])}</b></span>
      <span class="k99">p99 <b>{text(c.p99[k])}</b></span>
      <span class="kmax">max <b>{text(c.max[k])}</b></span>
    </p>
  );
}
function lastWatched(c: Columns): number {
  for (let i = c.first + c.n - 1; i > c.first; i--) if (c.watched[c.slot(i)]) return i;
  return c.first + c.n - 1;
}

// ---- choosing whose ------------------------------------------------------------------------------
function Toolbar({ dims, metric }: { dims: readonly string[]; metric?: Metric }) {
  const { dim, pick } = s.route.value;
  const natural = metric?.labels ?? [];
  const none = !dim && Object.keys(pick).length === 0;
  // What an added dimension has values of is not told apart by the natural labels as well.
  const split = metric && splits(metric).find((x) => x.dim === dim);
  const choosable = metric ? (split?.labels ?? natural) : dim ? [dim] : [];
  const by = (d: string) => s.go({ dim: d, pick: natural.includes(d) ? chosen(pick, natural) : {} });
  return (
    <div class="toolbar">
      <Chooser current={metric ?? null} />
      <div class="segments" role="group" aria-label="Whose">
        <button aria-pressed={none} onClick={() => s.go({ dim: "", pick: {} })}>Whole host</button>
        {dims.map((d) => <button aria-pressed={dim === d} onClick={() => by(d)}>by {d}</button>)}
      </div>
      {choosable.map((label) => <ValueSelect key={label} label={label} all={metric ? "all" : "choose…"} />)}
      {!metric && dim && !pick[dim] && <span class="sub">Until one is chosen, the whole host is shown.</span>}
      <span class="grow" />
      <div class="segments" role="group" aria-label="Colour scale">
        <button aria-pressed={s.scaling.value === "rank"} title="Colour by rank among all cells: rare outliers stay visible" onClick={() => (s.scaling.value = "rank")}>rank</button>
        <button aria-pressed={s.scaling.value === "sqrt"} title="Colour by the square root of the count" onClick={() => (s.scaling.value = "sqrt")}>√ count</button>
      </div>
    </div>
  );
}
function chosen(pick: Readonly<Record<string, string>>, labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(pick).filter(([l]) => labels.includes(l)));
}
function ValueSelect({ label, all }: { label: string; all: string }) {
  const value = s.route.value.pick[label] ?? "";
  const known = labelValues.value.probe === s.route.value.probe ? (labelValues.value.values.get(label) ?? []) : [];
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(e) => s.go({ pick: s.picking(label, e.currentTarget.value) })}>
        <option value="">{all}</option>
        {value && !known.includes(value) && <option value={value}>{visible(value)}</option>}
        {known.map((v) => <option value={v}>{visible(v)}</option>)}
      </select>
    </label>
  );
}
/** "of device sda, operation read", or "". */
function whose(metric: Metric): string {
  const of = Object.entries(choice(metric).values).map(([l, v]) => `${l} ${visible(v)}`);
  return of.length ? ` of ${of.join(", ")}` : "";
}

// ---- one probe -----------------------------------------------------------------------------------
const ink = (k: "p50" | "p90" | "p99" | "max") => () => LINES[s.shownTheme.value][k];
const accent = () => getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
const perTick = (v: number, c: Columns, i: number) => (c.watched[i] ? v / c.watched[i] : null);
interface ChartRow {
  id: string;
  title: string;
  hint: string;
  o: LinesOptions;
}
/** What the sum of a metric says: seconds per second are how many were in it, of sizes it is the throughput. */
function sumChart(unit: string): ChartRow {
  const line = (label: string) => [{ label, colour: accent, fill: true, value: (c: Columns, i: number) => perTick(c.sum[i], c, i) }];
  if (unit === "seconds") return { id: "busy", title: "At once, on average", hint: "Seconds spent per second: how many tasks were in it at a time. What takes long counts when it ends", o: { format: count, mark: countShort, lines: line("at once") } };
  const u = unitOf(unit);
  return { id: "sum", title: unit === "bytes" ? "Bytes per second" : "Sum per second", hint: "All of them added up", o: { format: (v) => `${u.text(v)}/s`, mark: u.short, ...steps(u), lines: line("per second") } };
}
const steps = (u: Unit) => (u.steps ? { steps: u.steps } : {});
function charts(unit: string): ChartRow[] {
  const u = unitOf(unit);
  return [
    {
      id: "quantiles", title: "Quantiles", hint: "From the buckets of each column",
      o: {
        log: u.marks, format: u.observed, mark: u.short,
        lines: (["p50", "p90", "p99", "max"] as const).map((k) => ({ label: k, colour: ink(k), value: (c: Columns, i: number) => c[k][i] || null, ...(k === "max" ? { dash: [2, 3] } : {}) })),
      },
    },
    { id: "rate", title: "Events per second", hint: "How often it happened", o: { format: count, mark: countShort, lines: [{ label: "events/s", colour: accent, fill: true, value: (c, i) => perTick(c.count[i], c, i) }] } },
    sumChart(unit),
    { id: "mean", title: "Mean", hint: "The sum divided by events", o: { format: u.text, mark: u.short, ...steps(u), lines: [{ label: "mean", colour: accent, value: (c, i) => (c.count[i] ? c.sum[i] / c.count[i] : null) }] } },
  ];
}

function Detail({ metric }: { metric: Metric }) {
  const source = useSource(metric);
  const { dim } = s.route.value;
  const dims = splits(metric).map((x) => x.dim);
  const worst = useWorst(source);
  const heat = useRef<Heat | null>(null);
  const timed = metric.unit === "seconds";
  return (
    <main class="page">
      <Toolbar dims={dims} metric={metric} />
      <article class="card chart-card">
        <header>
          <a class="button" href={s.link({ probe: "" })} aria-label="All probes"><Icon name="back" /></a>
          <h1 tabIndex={-1}>{metric.title}<em>{whose(metric)}</em></h1>
          <span class="sub">{metric.help}</span>
          <Readout source={source} unit={metric.unit} />
        </header>
        <HeatBox metric={metric} source={source} class="large" made={(h) => (heat.current = h)}>
          {timed && <Marks worst={worst} metric={metric} heat={heat} />}
        </HeatBox>
      </article>
      {timed && <Slowest worst={worst} metric={metric} />}
      <div class="quads">
        {charts(metric.unit).map((c) => (
          <article class="card chart-card" key={c.id}>
            <header><h2 title={c.hint}>{c.title}</h2>{c.id === "quantiles" && <Legend />}</header>
            <ChartBox id={`${c.id}-${metric.name}`} kind="line chart" label={`${metric.title}: ${c.title}`} class="lines" make={(el) => new Lines(el, source, c.o)} deps={[source]} />
          </article>
        ))}
      </div>
      <div class={`pair ${dim ? "" : "single"}`}>
        <Curve source={source} title={metric.title} unit={unitOf(metric.unit)} />
        {dim && dims.includes(dim) && <Ranking metric={metric} dim={dim} />}
      </div>
    </main>
  );
}
function Legend() {
  return <p class="legend">{(["p50", "p90", "p99", "max"] as const).map((k) => <span class={`k${k === "max" ? k : k.slice(1)}`}><i aria-hidden="true" /> {k}</span>)}</p>;
}

interface Row {
  value: string;
  /** The value of another label that all of its series share. */
  also: string;
  count: number;
  sum: number;
  p99: number;
  max: number;
}
interface Sum {
  cells: Float64Array;
  sum: number;
  also: Set<string>;
}
const MINUTE = 60;
/** Values of a label over the last minute of the range, among what is chosen of the others. */
function ranking(metric: Metric, dim: string): { rows: Row[]; ticks: number } {
  const split = splits(metric).find((x) => x.dim === dim);
  const track = split && trackOf(split.metric, metric.name);
  if (!split || !track) return { rows: [], ticks: 0 };
  const last = tickOf(s.paused.value ?? s.newest.value);
  const scale = rowsOf(metric.unit);
  const others = split.labels.filter((l) => l !== dim);
  const among = chosen(s.route.value.pick, others);
  const by = new Map<string, Sum>();
  let ticks = 0;
  for (let t = last - MINUTE + 1; t <= last; t++) if (track.has(t)) ticks++;
  for (const one of track.named(split.metric)) {
    if (!matches(one.labels, among)) continue;
    const v = one.labels[dim] ?? "";
    let e = by.get(v);
    if (!e) by.set(v, (e = { cells: new Float64Array(ROWS), sum: 0, also: new Set() }));
    for (let t = last - MINUTE + 1; t <= last; t++) {
      if (!track.has(t)) continue;
      one.hist?.addTo(t % RING, e.cells, scale.row0);
      e.sum += one.hist?.sum(t % RING) ?? 0;
    }
    if (others.length) e.also.add(others.map((l) => one.labels[l] ?? "").join(" "));
  }
  const rows: Row[] = [];
  for (const [value, e] of by) {
    const n = e.cells.reduce((a, b) => a + b, 0);
    if (n > 0) rows.push({ value, also: e.also.size === 1 ? [...e.also][0] : "", count: n, sum: e.sum, p99: scale.quantile(e.cells, 0.99), max: scale.maximum(e.cells) });
  }
  return { rows, ticks };
}

function Ranking({ metric, dim }: { metric: Metric; dim: string }) {
  void s.drawn.value;
  const { rows, ticks } = ranking(metric, dim);
  const unit = unitOf(metric.unit);
  const key = s.rankOrder.value;
  rows.sort((a, b) => b[key] - a[key]);
  const all = rows.reduce((a, r) => a + r.sum, 0);
  const head = (k: typeof key, text: string) => (
    <th scope="col" class="num" aria-sort={key === k ? "descending" : "none"}><button class="plain" onClick={() => (s.rankOrder.value = k)}>{text}{key === k ? " ↓" : ""}</button></th>
  );
  return (
    <article class="card">
      <header><h2>By {dim}</h2><span class="sub">last minute, {rows.length} with events</span></header>
      <div class="scroll tall" tabIndex={0}>
        <table class="data rank">
          <thead><tr><th scope="col">{dim}</th>{head("count", "events/s")}{head("p99", "p99")}<th scope="col" class="num">max ≤</th>{head("sum", unit.total)}</tr></thead>
          <tbody>
            {rows.slice(0, 100).map((r) => (
              <tr key={r.value} class={r.value === s.route.value.pick[dim] ? "chosen" : ""}>
                <th scope="row"><a href={s.link({ dim, pick: s.picking(dim, r.value) })}>{visible(r.value) || "(none)"}</a>{r.also && <span class="also">{visible(r.also)}</span>}</th>
                <td class="num">{perSecond(r.count / Math.max(1, ticks))}</td>
                <td class="num">{unit.observed(r.p99)}</td>
                <td class="num">{unit.observed(r.max)}</td>
                <td class="num"><meter min={0} max={1} value={all > 0 ? r.sum / all : 0} aria-hidden="true" /> {percent(r.sum / all)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="none">No events in the last minute.</p>}
      </div>
    </article>
  );
}
