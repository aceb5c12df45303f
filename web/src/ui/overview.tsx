// SPDX-License-Identifier: GPL-2.0
// Overview: is anything slower than it was, what is the machine doing, what does watching it cost.

import type { Facts, Verdict } from "../core/health";
import { EVENTS_MIN, judge } from "../core/health";
import { visible } from "../core/text";
import { age } from "../core/time";
import { bytes, grouped, percent, perSecond, seconds, unitOf } from "../core/units";
import { cureOf, isWished } from "../data/cure";
import type { ProbeState, Status } from "../data/status";
import { readStatus } from "../data/status";
import type { Tile } from "../data/tiles";
import { TILES, history, increase, programCost } from "../data/tiles";
import { tickOf } from "../data/track";
import type { Standing } from "../model";
import { catalog, catalogError, hostTracks, standings } from "../model";
import * as s from "../state";
import { Icon, Mark, Spark } from "./common";
import { Events } from "./events";
import { ThreadTime } from "./threads";

const SPARK_TICKS = 300;
const TEN_MINUTES = 600;

function facts(status: Status, list: readonly Standing[]): Facts {
  const last = tickOf(s.newest.value);
  const t = hostTracks();
  let known = 0;
  for (let k = last - TEN_MINUTES + 1; k <= last; k++) if (t.probe.has(k)) known++;
  const { store } = status;
  return {
    connected: s.connection.value === "open" || !s.everOpened.value,
    lastMs: s.newest.value, ageMs: s.newest.value ? s.wall.value - s.newestAt.value : 0,
    dropped: increase(t, "sgprobe_dropped_total", last, TEN_MINUTES),
    refused: status.probes.filter((p) => !p.up && !isWished(p.reason)),
    storeTrouble: store.ok ? "" : store.message || "it cannot be written",
    latencies: known >= 60 ? list : [], known,
  };
}

export function verdict(): Verdict {
  return judge(facts(readStatus(s.statusDoc.value), standings()));
}

export function Overview() {
  void s.drawn.value;
  const status = readStatus(s.statusDoc.value);
  const list = standings();
  const v = judge(facts(status, list));
  if (!catalog.value.length || !s.newest.value) return <FirstRun verdict={v} />;
  return (
    <main class="page overview">
      <Health verdict={v} status={status} />
      <div class="columns">
        <section class="card wide" aria-labelledby="h-lat">
          <header><h2 id="h-lat">Latency</h2><span class="sub">p99 of the last 10 s, and what it stayed under for nine tenths of the last 10 min</span></header>
          <LatencyList list={list} />
        </section>
        <div class="side">
          <Cost />
          <Probes status={status} />
        </div>
      </div>
      <Events />
      <ThreadTime />
      <section class="group" aria-labelledby="h-machine">
        <h2 id="h-machine">Machine<span class="sub">last 5 min</span></h2>
        <div class="tiles">{TILES.filter((t) => !t.own).map((t) => <TileBox key={t.id} tile={t} />)}</div>
      </section>
    </main>
  );
}

function FirstRun({ verdict: v }: { verdict: Verdict }) {
  const failed = catalogError.value;
  return (
    <main class="page">
      <section class="empty" role="status">
        <span class="pulse" aria-hidden="true"><i /><i /><i /><i /><i /></span>
        <h1>{s.connection.value === "open" ? "Waiting for the first sample" : s.everOpened.value ? v.text : "Connecting to sgprobe"}</h1>
        <p>{failed ? `The list of metrics could not be read: ${failed}` : "The probe attaches to the kernel and reports once a second. The first figures take two or three seconds."}</p>
      </section>
    </main>
  );
}

function Health({ verdict: v, status }: { verdict: Verdict; status: Status }) {
  return (
    <section class={`health ${v.level}`} aria-label="Health">
      <Mark level={v.level} />
      <div>
        <h1>{visible(v.text)}</h1>
        <p>{[...v.more, status.host && `host ${visible(status.host)}`, status.startMs && `watching for ${age(s.newest.value - status.startMs)}`].filter(Boolean).join(" · ")}</p>
      </div>
    </section>
  );
}

/** More than these are shown when asked for. */
const LIST_ROWS = 16;
function LatencyList({ list }: { list: readonly Standing[] }) {
  if (!list.length) return <p class="none">This build has no latency probe.</p>;
  // What is no time, and what did not happen, after what did.
  const key = (l: Standing) => (l.events > 0 ? 0 : 2) + (l.metric.unit === "seconds" ? 0 : 1);
  const sorted = [...list].sort((a, b) => key(a) - key(b));
  const shown = s.listOpen.value ? sorted : sorted.slice(0, LIST_ROWS);
  return (
    <div class="scroll">
      <table class="lat">
        <thead><tr><th scope="col">Probe</th><th scope="col" class="num">per second</th><th scope="col" class="num">p99 now</th><th scope="col" class="num">usually under</th><th scope="col" class="num">change</th><th scope="col">p99, 10 min</th></tr></thead>
        <tbody>
          {shown.map((l) => (
            <tr key={l.metric.name}>
              <th scope="row"><a href={s.link({ page: "latency", probe: l.metric.name, dim: "", pick: {} })} title={l.metric.help}>{l.title}</a></th>
              <td class="num">{perSecond(l.rate)}</td>
              <td class="num strong">{unitOf(l.metric.unit).observed(l.now)}</td>
              <td class="num dim">{unitOf(l.metric.unit).observed(l.usual)}</td>
              <td class="num"><Change l={l} /></td>
              <td class="spark-cell"><Spark values={l.history} log /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {list.length > LIST_ROWS && (
        <button class="more" aria-expanded={s.listOpen.value} onClick={() => (s.listOpen.value = !s.listOpen.value)}>
          {s.listOpen.value ? `Only the first ${LIST_ROWS}` : `All ${list.length}`}
        </button>
      )}
    </div>
  );
}
function Change({ l }: { l: Standing }) {
  const f = l.now / l.usual;
  if (!(f > 0)) return <span class="dim">–</span>;
  const few = l.events < EVENTS_MIN;
  const level = few || !l.slowIsBad || f < 2 ? "" : f < 5 ? "warn" : "bad";
  const factor = f >= 1 ? f : 1 / f;
  return <span class={`change ${level} ${few ? "dim" : ""}`} title={few ? "too few events to tell" : ""}>{f >= 1 ? "×" : "÷"} {factor < 10 ? factor.toFixed(1) : factor.toFixed(0)}</span>;
}

function TileBox({ tile }: { tile: Tile }) {
  const t = hostTracks();
  const values = history(t, tile, tickOf(s.newest.value), SPARK_TICKS);
  const now = values[values.length - 1];
  if (!tile.metrics.some((m) => t.probe.named(m).length)) return null;
  const high = tile.warn !== undefined && now >= tile.warn;
  return (
    <article class={`tile ${high ? "high" : ""}`} title={tile.hint}>
      <h3>{tile.title}{high && <span class="flag"> high</span>}</h3>
      <p class="value">{tile.format(now)}</p>
      <Spark values={values} {...(tile.top ? { top: tile.top } : {})} />
    </article>
  );
}

function Cost() {
  const t = hostTracks();
  const last = tickOf(s.newest.value);
  const mean = (id: string) => {
    const tile = TILES.find((x) => x.id === id)!;
    let sum = 0;
    let n = 0;
    for (const v of history(t, tile, last, 60)) if (Number.isFinite(v)) (sum += v), n++;
    return { tile, v: n ? sum / n : NaN };
  };
  const cpu = mean("own-cpu");
  const dropped = increase(t, "sgprobe_dropped_total", last, TEN_MINUTES);
  const rows: [string, string, string][] = [
    ["CPU, both processes", percent(cpu.v), "Share of one CPU, mean of a minute"],
    ["Memory, both processes", bytes(mean("own-memory").v), "Resident"],
    ["In the kernel, per event", ((ns) => (Number.isFinite(ns) ? `${ns.toFixed(0)} ns` : "–"))(programCost(t, last, TEN_MINUTES)), "Mean of all of sgprobe's programs, measured for one second in thirty"],
    ["Drain per tick", seconds(mean("own-drain").v), "Reading all maps and files"],
    ["Dropped in 10 min", grouped(dropped), "Events that could not be counted, and frames lost"],
  ];
  return (
    <section class="card" aria-labelledby="h-cost">
      <header><h2 id="h-cost">What watching costs</h2></header>
      <dl class="facts">{rows.map(([k, v, hint]) => <div title={hint}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>
    </section>
  );
}

function Probes({ status }: { status: Status }) {
  return (
    <section class="card" aria-labelledby="h-probes">
      <header><h2 id="h-probes">Probes</h2></header>
      {status.probes.length === 0 ? <p class="none">The daemon has not said yet.</p> : <ul class="probes">{status.probes.map((p) => <Probe key={p.name} p={p} />)}</ul>}
    </section>
  );
}
function Probe({ p }: { p: ProbeState }) {
  const wished = isWished(p.reason);
  const cure = p.up || wished ? "" : cureOf(p.reason);
  return (
    <li>
      <Mark level={p.up ? "good" : wished ? "unknown" : "warn"} />
      <span class="name">{visible(p.name)}</span>
      <span class="dim">{p.up ? visible(p.variant || "running") : wished ? visible(p.reason) : "not running"}</span>
      {!p.up && !wished && <p class="reason">{visible(p.reason || "The kernel refused it.")} <em>{cure}</em></p>}
    </li>
  );
}

export function Footer() {
  void s.drawn.value;
  const status = readStatus(s.statusDoc.value);
  const lagText = window.__sgprobe.lag.length ? `${lagNow()}` : "–";
  const state = s.connection.value === "open" ? (s.stale.value ? "stale" : "live") : s.connection.value === "connecting" ? "connecting" : "disconnected";
  const restarts = status.processes.reduce((n, p) => n + p.restarts, 0);
  return (
    <footer class="foot">
      <span><i class={`dot ${state}`} aria-hidden="true" /> feed {state}</span>
      <span title="From the sample's time to its pixels, last two minutes">sample to screen {lagText}</span>
      {s.skippedTicks.value > 0 && <span title="Ticks that this page was too slow to take; they are fetched again">skipped {s.skippedTicks.value}</span>}
      {Math.abs(s.skewMs.value) > 1000 && <span class="warn">clocks differ by {age(Math.abs(s.skewMs.value))}</span>}
      {status.store.bytes > 0 && <span>store {bytes(status.store.bytes)}</span>}
      {restarts > 0 && <span>processes restarted {restarts} ×</span>}
      <span class="grow" />
      <span>sgprobe {visible(status.version || s.serverVersion.value)}</span>
      <button class="plain" onClick={() => (s.helpOpen.value = true)}><Icon name="help" /> Keys</button>
    </footer>
  );
}
function lagNow(): string {
  const sorted = window.__sgprobe.lag.slice(-120).sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))].toFixed(0);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`;
}
