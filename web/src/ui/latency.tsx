// SPDX-License-Identifier: GPL-2.0
// Latency: a heat map for each probe, or one probe in detail.

import { useEffect, useMemo } from "preact/hooks";
import { Heat } from "../charts/heat";
import type { LinesOptions } from "../charts/lines";
import { Lines } from "../charts/lines";
import { LINES } from "../core/colour";
import { ROW0, ROWS, maximum, quantile } from "../core/hist";
import { RING } from "../core/ring";
import { visible } from "../core/text";
import { count, countShort, percent, perSecond, seconds, secondsShort } from "../core/units";
import type { Metric } from "../data/api";
import type { Columns } from "../data/columns";
import type { Source } from "../data/source";
import { tickOf } from "../data/track";
import { catalog, dimValues, probeSource, probes, splits, trackOf } from "../model";
import * as s from "../state";
import { ChartBox, Icon } from "./common";
import { Curve } from "./curve";
import { FirstRunNote } from "./notes";

export function Latency() {
  const list = probes();
  const { probe } = s.route.value;
  if (!catalog.value.length || !s.newest.value) return <FirstRunNote />;
  const one = list.find((p) => p.name === probe);
  if (probe && !one)
    return (
      <main class="page"><section class="empty"><h1>No such probe</h1><p>{visible(probe)} is not a latency that this sgprobe measures. <a href={s.link({ probe: "" })}>All probes</a></p></section></main>
    );
  return one ? <Detail key={one.name} metric={one} /> : <Grid list={list} />;
}

function Grid({ list }: { list: Metric[] }) {
  const { dim } = s.route.value;
  const shown = dim ? list.filter((p) => splits(p).some((x) => x.dim === dim)) : list;
  return (
    <main class="page">
      <Toolbar dims={[...new Set(catalog.value.filter((m) => m.of && m.dim).map((m) => m.dim))]} />
      {shown.length === 0 && <section class="empty"><h1>No match</h1><p>No probe has the dimension {visible(dim)}.</p></section>}
      <div class="grid">{shown.map((m) => <Card key={m.name} metric={m} />)}</div>
    </main>
  );
}

function Card({ metric }: { metric: Metric }) {
  const source = useSource(metric);
  return (
    <article class="card chart-card">
      <header>
        <h2><a href={s.link({ probe: metric.name })}>{metric.title}</a></h2>
        <Readout source={source} />
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

function HeatBox({ metric, source, class: cls }: { metric: Metric; source: Source; class: string }) {
  void s.drawn.value;
  const { dim, value } = s.route.value;
  const what = dim && value ? `${metric.title} of ${dim} ${visible(value)}` : metric.title;
  return (
    <ChartBox id={`heat-${metric.name}`} kind="heat map" label={`${what}: latency over time`} class={`heat ${cls}`} make={(el) => new Heat(el, source)} deps={[source]}>
      <Veil source={source} />
    </ChartBox>
  );
}
/** What lies over a chart that has nothing to show. */
function Veil({ source }: { source: Source }) {
  const { value } = s.route.value;
  if (source.fill === "loading") return <p class="veil">Loading…</p>;
  if (source.fill === "failed") return <p class="veil">Could not be loaded: {source.error}</p>;
  const c = source.columns;
  if (!c.n || c.count.some((x) => x > 0)) return null;
  if (!c.watched.some((x) => x > 0)) return <p class="veil">Nobody watched in this time</p>;
  return <p class="veil">{value ? `No events of ${visible(value)} in this time` : "No events in this time"}</p>;
}

/** The newest column in figures, or the one under the cursor. */
function Readout({ source }: { source: Source }) {
  void s.drawn.value;
  const c = source.columns;
  if (!c.n) return null;
  const cur = s.cursor.value;
  const at = cur && c.has(c.columnAt(cur.t)) ? c.columnAt(cur.t) : lastWatched(c);
  const k = c.slot(at);
  return (
    <p class="readout">
      <span>{perSecond(c.count[k] / Math.max(1, c.watched[k]))}</span>
      <span class="k50">p50 <b>{seconds(c.p50[k])}</b></span>
      <span class="k90">p90 <b>{seconds(c.p90[k])}</b></span>
      <span class="k99">p99 <b>{seconds(c.p99[k])}</b></span>
      <span class="kmax">max <b>{seconds(c.max[k])}</b></span>
    </p>
  );
}
function lastWatched(c: Columns): number {
  for (let i = c.first + c.n - 1; i > c.first; i--) if (c.watched[c.slot(i)]) return i;
  return c.first + c.n - 1;
}

// ---- choosing whose latency ----------------------------------------------------------------------
function Toolbar({ dims, metric }: { dims: readonly string[]; metric?: Metric }) {
  const { dim, value } = s.route.value;
  const values = dimValues.value.dim === dim ? dimValues.value.values : [];
  return (
    <div class="toolbar">
      {metric && (
        <label>
          <span>Probe</span>
          <select value={metric.name} onChange={(e) => s.go({ probe: e.currentTarget.value })}>
            {probes().map((p) => <option value={p.name}>{p.title}</option>)}
          </select>
        </label>
      )}
      <div class="segments" role="group" aria-label="Whose latency">
        <button aria-pressed={!dim} onClick={() => s.go({ dim: "", value: "" })}>Whole host</button>
        {dims.map((d) => <button aria-pressed={dim === d} onClick={() => s.go({ dim: d, value: "" })}>by {d}</button>)}
      </div>
      {dim && (
        <label>
          <span>{dim}</span>
          <select value={value} onChange={(e) => s.go({ value: e.currentTarget.value })}>
            <option value="">{metric ? "all" : "choose…"}</option>
            {value && !values.includes(value) && <option value={value}>{visible(value)}</option>}
            {values.map((v) => <option value={v}>{visible(v)}</option>)}
          </select>
        </label>
      )}
      {dim && !value && <span class="sub">{metric ? "The map shows the whole host; the table has the values." : "Until one is chosen, the whole host is shown."}</span>}
      <span class="grow" />
      <div class="segments" role="group" aria-label="Colour scale">
        <button aria-pressed={s.scaling.value === "rank"} title="Colour by rank among all cells: rare outliers stay visible" onClick={() => (s.scaling.value = "rank")}>rank</button>
        <button aria-pressed={s.scaling.value === "sqrt"} title="Colour by the square root of the count" onClick={() => (s.scaling.value = "sqrt")}>√ count</button>
      </div>
    </div>
  );
}

// ---- one probe -----------------------------------------------------------------------------------
const ink = (k: "p50" | "p90" | "p99" | "max") => () => LINES[s.shownTheme.value][k];
const accent = () => getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
const perTick = (v: number, c: Columns, i: number) => (c.watched[i] ? v / c.watched[i] : null);
const CHARTS: readonly { id: string; title: string; hint: string; o: LinesOptions }[] = [
  {
    id: "quantiles", title: "Quantiles", hint: "From the buckets of each column",
    o: {
      log: true, format: seconds, mark: secondsShort,
      lines: (["p50", "p90", "p99", "max"] as const).map((k) => ({ label: k, colour: ink(k), value: (c: Columns, i: number) => c[k][i] || null, ...(k === "max" ? { dash: [2, 3] } : {}) })),
    },
  },
  { id: "rate", title: "Events per second", hint: "How often it happened", o: { format: count, mark: countShort, lines: [{ label: "events/s", colour: accent, fill: true, value: (c, i) => perTick(c.count[i], c, i) }] } },
  { id: "busy", title: "At once, on average", hint: "Seconds spent per second: how many tasks were in it at a time. What takes long counts when it ends", o: { format: count, mark: countShort, lines: [{ label: "at once", colour: accent, fill: true, value: (c, i) => perTick(c.sum[i], c, i) }] } },
  { id: "mean", title: "Mean", hint: "Time spent divided by events", o: { format: seconds, mark: secondsShort, lines: [{ label: "mean", colour: accent, value: (c, i) => (c.count[i] ? c.sum[i] / c.count[i] : null) }] } },
];

function Detail({ metric }: { metric: Metric }) {
  const source = useSource(metric);
  const { dim, value } = s.route.value;
  const dims = splits(metric).map((x) => x.dim);
  return (
    <main class="page">
      <Toolbar dims={dims} metric={metric} />
      <article class="card chart-card">
        <header>
          <a class="button" href={s.link({ probe: "" })} aria-label="All probes"><Icon name="back" /></a>
          <h1>{metric.title}{dim && value && <em> of {dim} {visible(value)}</em>}</h1>
          <span class="sub">{metric.help}</span>
          <Readout source={source} />
        </header>
        <HeatBox metric={metric} source={source} class="large" />
      </article>
      <div class="quads">
        {CHARTS.map((c) => (
          <article class="card chart-card" key={c.id}>
            <header><h2 title={c.hint}>{c.title}</h2>{c.id === "quantiles" && <Legend />}</header>
            <ChartBox id={`${c.id}-${metric.name}`} kind="line chart" label={`${metric.title}: ${c.title}`} class="lines" make={(el) => new Lines(el, source, c.o)} deps={[source]} />
          </article>
        ))}
      </div>
      <div class={`pair ${dim ? "" : "single"}`}>
        <Curve source={source} title={metric.title} />
        {dim && <Ranking metric={metric} dim={dim} />}
      </div>
    </main>
  );
}
function Legend() {
  return <p class="legend">{(["p50", "p90", "p99", "max"] as const).map((k) => <span class={`k${k === "max" ? k : k.slice(1)}`}><i aria-hidden="true" /> {k}</span>)}</p>;
}

interface Row {
  value: string;
  count: number;
  sum: number;
  p99: number;
  max: number;
}
/** Values of the dimension over the last minute of the range. */
function ranking(metric: Metric, dim: string): { rows: Row[]; ticks: number } {
  const split = splits(metric).find((x) => x.dim === dim);
  const track = split && trackOf(split.metric, metric.name);
  if (!split || !track) return { rows: [], ticks: 0 };
  const last = tickOf(s.paused.value ?? s.newest.value);
  const by = new Map<string, { rows: Float64Array; sum: number }>();
  let ticks = 0;
  for (let t = last - 59; t <= last; t++) {
    if (!track.has(t)) continue;
    ticks++;
    for (const one of track.named(split.metric)) {
      const v = one.labels[dim] ?? "";
      let e = by.get(v);
      if (!e) by.set(v, (e = { rows: new Float64Array(ROWS), sum: 0 }));
      one.hist?.addTo(t % RING, e.rows, ROW0);
      e.sum += one.hist?.sum(t % RING) ?? 0;
    }
  }
  const rows: Row[] = [];
  for (const [value, e] of by) {
    const n = e.rows.reduce((a, b) => a + b, 0);
    if (n > 0) rows.push({ value, count: n, sum: e.sum, p99: quantile(e.rows, 0.99), max: maximum(e.rows) });
  }
  return { rows, ticks };
}

const ORDERS = { sum: "time spent", p99: "p99", count: "events" } as const;
function Ranking({ metric, dim }: { metric: Metric; dim: string }) {
  void s.drawn.value;
  const { rows, ticks } = ranking(metric, dim);
  const key = order.value;
  rows.sort((a, b) => b[key] - a[key]);
  const all = rows.reduce((a, r) => a + r.sum, 0);
  const head = (k: keyof typeof ORDERS, text: string) => (
    <th scope="col" class="num" aria-sort={key === k ? "descending" : "none"}><button class="plain" onClick={() => (order.value = k)}>{text}{key === k ? " ↓" : ""}</button></th>
  );
  return (
    <article class="card">
      <header><h2>By {dim}</h2><span class="sub">last minute, {rows.length} with events</span></header>
      <div class="scroll tall" tabIndex={0}>
        <table class="data rank">
          <thead><tr><th scope="col">{dim}</th>{head("count", "events/s")}{head("p99", "p99")}<th scope="col" class="num">max ≤</th>{head("sum", "time spent")}</tr></thead>
          <tbody>
            {rows.slice(0, 100).map((r) => (
              <tr key={r.value} class={r.value === s.route.value.value ? "chosen" : ""}>
                <th scope="row"><a href={s.link({ dim, value: r.value })}>{visible(r.value) || "(none)"}</a></th>
                <td class="num">{perSecond(r.count / Math.max(1, ticks))}</td>
                <td class="num">{seconds(r.p99)}</td>
                <td class="num">{seconds(r.max)}</td>
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
const order = s.rankOrder;
