// SPDX-License-Identifier: GPL-2.0
// Connects the feed to the page: which series are subscribed, and what each panel reads.

import { batch, effect, signal } from "@preact/signals";
import { DELTA } from "./core/decode";
import { messages, selector, selectors } from "./core/text";
import type { Latency } from "./core/health";
import { EVENTS_MIN, usual } from "./core/health";
import type { Metric } from "./data/api";
import { getCatalog, getGaps, getLabelValues, getStatus } from "./data/api";
import { rowsOf } from "./core/hist";
import { Columns } from "./data/columns";
import type { Gap } from "./data/feed";
import { Feed } from "./data/feed";
import { LISTED_MS, cameIn, fetchEvents } from "./data/events";
import { Source } from "./data/source";
import type { Tracks } from "./data/tiles";
import { EXTRA_METRICS, TILES, fromServer } from "./data/tiles";
import { SYSTEM_METRICS, SYSTEM_SPAN } from "./data/system";
import { Track, tickOf } from "./data/track";
import { arrived, beforeFrame, invalidateAll, onPainted } from "./charts/schedule";
import * as s from "./state";

/** Ten minutes: what "than usual" compares with. */
const HOST_SPAN = 620_000;

export const catalog = signal<readonly Metric[]>([]);
export const groups = signal<ReadonlyMap<string, string>>(new Map());
export const catalogError = signal("");

// ---- what is measured ----------------------------------------------------------------------------
/** Histograms of the host, whatever their unit: a panel each. */
export function probes(): Metric[] {
  return catalog.value.filter((m) => m.type === "histogram" && !m.of);
}
export interface Group {
  name: string;
  title: string;
  probes: Metric[];
}
/** The same by domain, in the order of the catalogue. */
export function grouped(list: readonly Metric[]): Group[] {
  const out: Group[] = [];
  for (const p of list) {
    let g = out.find((x) => x.name === p.group);
    if (!g) out.push((g = { name: p.group, title: groups.value.get(p.group) ?? p.group, probes: [] }));
    g.probes.push(p);
  }
  return out;
}
export interface Split {
  /** Label. */
  dim: string;
  /** Metric that carries it, and all labels of that. */
  metric: string;
  labels: readonly string[];
}
/** The ways in which a probe's total can be split: its natural labels and the added dimensions. */
export function splits(probe: Metric): Split[] {
  const out: Split[] = probe.labels.map((dim) => ({ dim, metric: probe.name, labels: probe.labels }));
  for (const m of catalog.value) if (m.of === probe.name && m.dim) out.push({ dim: m.dim, metric: m.name, labels: [m.dim, ...m.labels] });
  return out;
}
/** What is shown of a probe: the series of one metric that have the values chosen. */
export interface Choice {
  metric: string;
  labels: readonly string[];
  values: Record<string, string>;
}
export function choice(probe: Metric): Choice {
  const { dim, pick } = s.route.value;
  const added = pick[dim] ? splits(probe).find((x) => x.dim === dim && x.metric !== probe.name) : undefined;
  const of = added ?? { metric: probe.name, labels: probe.labels };
  const values: Record<string, string> = {};
  for (const l of of.labels) if (pick[l]) values[l] = pick[l];
  return { metric: of.metric, labels: of.labels, values };
}
export function matches(labels: Record<string, string>, values: Record<string, string>): boolean {
  return Object.entries(values).every(([l, v]) => labels[l] === v);
}

// ---- subscriptions ----------------------------------------------------------------------------------
let feed: Feed;
const LOST = new Track();
let host: Track = LOST;
let server: Track = LOST;
const probeTracks = new Map<string, Track>();
let extra: { key: string; track: Track } | null = null;

export function hostTracks(): Tracks {
  return { probe: host, server };
}
function spanWanted(): number {
  const r = s.route.value.range;
  return "live" in r ? Math.max(HOST_SPAN, r.live * 1000 + 5000) : HOST_SPAN;
}

function subscribeHost(): void {
  const known = new Set(catalog.value.map((m) => m.name));
  const wanted = [...new Set([...TILES.flatMap((t) => t.metrics), ...EXTRA_METRICS])].filter((n) => known.has(n));
  const subscribe = (names: string[]) => feed.subscribe(selectors(names), HOST_SPAN);
  host = subscribe(wanted.filter((n) => !fromServer(n)));
  // On its own: the server has ticks also when the probe, whose silence must be seen, has none.
  server = subscribe(wanted.filter(fromServer));
  probeTracks.clear();
  for (const names of messages(probes().map((p) => p.name))) {
    const track = feed.subscribe(selectors(names), spanWanted());
    for (const n of names) probeTracks.set(n, track);
  }
}

/** The series of the dimension that the page shows: one value of it on the grid, all in the detail view. */
function subscribeExtra(): void {
  const { page, probe, dim, pick } = s.route.value;
  const value = pick[dim] ?? "";
  const names: string[] = [];
  if (page === "latency" && dim)
    for (const p of probes()) {
      if (probe && p.name !== probe) continue;
      const split = splits(p).find((x) => x.dim === dim);
      // A natural label's series are in the host's track already.
      if (split && split.metric !== p.name && (probe || value)) names.push(split.metric);
    }
  const match = selectors(names, probe ? {} : { [dim]: value });
  const key = match.join(" ");
  if (extra?.key === key) return;
  if (extra) feed.unsubscribe(extra.track);
  extra = match.length ? { key, track: feed.subscribe(match, spanWanted()) } : null;
}

/** What the System page shows: asked for when it is opened first, and kept. */
let system: Track = LOST;
function subscribeSystem(): void {
  if (system !== LOST || s.route.value.page !== "system") return;
  const known = new Set(catalog.value.map((m) => m.name));
  system = feed.subscribe(selectors(SYSTEM_METRICS.filter((n) => known.has(n))), SYSTEM_SPAN);
}
export function systemTracks(): Tracks {
  return { probe: system, server };
}

/** Where the panel of a probe reads: the host's total, or what is chosen of its labels. */
export function probeSource(probe: Metric): Source {
  return new Source(
    rowsOf(probe.unit),
    () => {
      const { metric, values } = choice(probe);
      const track = trackOf(metric, probe.name);
      if (!track) return { track: null, series: [], key: "" };
      const key = `${metric} ${JSON.stringify(values)}`;
      return { track, series: track.named(metric).filter((x) => matches(x.labels, values)), key };
    },
    () => {
      const { metric, values } = choice(probe);
      return selector(metric, values);
    },
  );
}
export function trackOf(metric: string, probe: string): Track | null {
  return metric === probe ? (probeTracks.get(probe) ?? null) : (extra?.track ?? null);
}

/** Values that labels have had lately, for the choosers; of the probe shown, or of all. */
export const labelValues = signal<{ probe: string; values: ReadonlyMap<string, readonly string[]> }>({ probe: "", values: new Map() });
const inOrder = new Intl.Collator("en", { numeric: true });
async function valuesOf(label: string, metrics: readonly string[]): Promise<[string, string[]]> {
  try {
    return [label, (await getLabelValues(label, selectors(metrics))).sort(inOrder.compare)];
  } catch {
    return [label, []];
  }
}
async function loadLabelValues(): Promise<void> {
  const { dim, probe } = s.route.value;
  const one = probes().find((p) => p.name === probe);
  const wanted = new Set([...(one?.labels ?? []), dim].filter(Boolean));
  const found = await Promise.all(
    [...wanted].map((label) => {
      const metrics = probes().filter((p) => !one || p === one).flatMap((p) => splits(p).filter((x) => x.dim === label).map((x) => x.metric));
      return metrics.length ? valuesOf(label, metrics) : ([label, []] as [string, string[]]);
    }),
  );
  const now = s.route.value;
  if (now.probe === probe && now.dim === dim) labelValues.value = { probe, values: new Map(found) };
}

// ---- latencies of the last ten minutes, for the Overview --------------------------------------------
const COLUMN = 10;
const COLUMNS_BACK = 60;
const recent = new Map<string, Columns>();

export interface Standing extends Latency {
  metric: Metric;
  rate: number;
  history: number[];
}
function standing(metric: Metric): Standing {
  const track = probeTracks.get(metric.name);
  const c = recent.get(metric.name) ?? new Columns(rowsOf(metric.unit));
  recent.set(metric.name, c);
  const last = Math.floor(tickOf(s.newest.value) / COLUMN);
  if (!track || !last) return { metric, title: metric.title, now: NaN, usual: NaN, slowIsBad: false, events: 0, rate: NaN, history: [] };
  // Ends with a whole column, so that all stand on ten seconds.
  c.update(track, track.named(metric.name), last * COLUMN * 1000, COLUMNS_BACK, COLUMN);
  const end = c.slot(last);
  const history: number[] = [];
  const earlier: number[] = [];
  for (let i = c.first; i <= last; i++) {
    const k = c.slot(i);
    history.push(c.watched[k] ? c.p99[k] : NaN);
    if (i < last && c.count[k] >= EVENTS_MIN) earlier.push(c.p99[k]);
  }
  return {
    metric, title: metric.title, now: c.p99[end], usual: usual(earlier), slowIsBad: metric.unit === "seconds" && /latency|rtt|response|read_delay/.test(metric.name),
    events: c.count[end], rate: c.watched[end] ? c.count[end] / c.watched[end] : NaN, history,
  };
}
let standingsAt = -1;
let standingsKept: Standing[] = [];
/** Slowest relative to its past first. Made every ten seconds. */
export function standings(): Standing[] {
  const at = Math.floor(tickOf(s.newest.value) / COLUMN) * 1e6 + probeTracks.size;
  if (at !== standingsAt || settle > 0) {
    standingsAt = at;
    settle = Math.max(0, settle - 1);
    const factor = (x: Standing) => (x.now > 0 && x.usual > 0 ? x.now / x.usual : 0);
    standingsKept = probes().map(standing).sort((a, b) => factor(b) - factor(a));
  }
  return standingsKept;
}
/** Frames after a snapshot or backfill in which they are made again at once. */
let settle = 3;

// ---- life -------------------------------------------------------------------------------------------
const lags: number[] = [];
declare global {
  interface Window {
    __sgprobe: { lag: number[]; state: () => unknown };
  }
}
window.__sgprobe = {
  lag: lags,
  state: () => ({
    connection: s.connection.value, newest: s.newest.value, bootId: s.bootId.value, paused: s.paused.value,
    stale: s.stale.value, probes: probes().length, series: host.seriesCount, skipped: s.skippedTicks.value, route: s.route.value,
  }),
};
export const lag = signal({ p50: NaN, p95: NaN });
/** A tick that comes while stored ones are being loaded waits behind them; that is not its usual way. */
const LOADING_MS = 1500;
let loadedAt = 0;
function measured(tMs: number): void {
  if (Date.now() - loadedAt < LOADING_MS) return;
  // A clock that is not the server's would be measured instead of the way of the sample.
  const skew = Math.abs(s.skewMs.value) > 1000 ? s.skewMs.value : 0;
  lags.push(Date.now() + skew - tMs);
  if (lags.length > 600) lags.shift();
  const sorted = lags.slice(-120).sort((a, b) => a - b);
  lag.value = { p50: sorted[Math.floor(sorted.length * 0.5)], p95: sorted[Math.floor(sorted.length * 0.95)] };
}

let pendingNewest = 0;
let waiting = 0;
/** How long a frame waits for the same tick of other subscriptions, so that a tick is painted once. */
const GATHER_MS = 25;
function onData(track: Track, kind: number, tMs: number, whole: boolean): void {
  if (track === server) return;
  pendingNewest = Math.max(pendingNewest, tMs);
  if (kind !== DELTA) {
    settle = 3;
    loadedAt = Date.now();
    invalidateAll();
    return;
  }
  // Only a tick that just happened says how long its way was.
  const paint = () => {
    window.clearTimeout(waiting);
    waiting = 0;
    arrived(tMs);
  };
  if (whole) paint();
  else if (!waiting) waiting = window.setTimeout(paint, GATHER_MS);
}
function beforeDraw(): void {
  batch(() => {
    if (pendingNewest > s.newest.value) {
      s.newest.value = pendingNewest;
      s.newestAt.value = Date.now();
    }
    s.drawn.value++;
  });
}

function loadCatalog(): void {
  getCatalog()
    .then(({ metrics: list, groups: titles }) => {
      catalogError.value = "";
      groups.value = titles;
      const names = (l: readonly Metric[]) => l.map((m) => m.name).join();
      if (catalog.value.length && names(list) === names(catalog.value)) return;
      if (catalog.value.length) {
        // Another version of sgprobe answers now: this page may not fit it.
        location.reload();
        return;
      }
      catalog.value = list;
      subscribeHost();
      subscribeExtra();
      subscribeSystem();
    })
    .catch((e: unknown) => {
      catalogError.value = e instanceof Error ? e.message : String(e);
      window.setTimeout(() => s.connection.value === "open" && !catalog.value.length && loadCatalog(), 3000);
    });
}

export function start(): void {
  beforeFrame(beforeDraw);
  onPainted(measured);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  feed = new Feed(`${scheme}//${location.host}/feed`, {
    trying: () => (s.connection.value = "connecting"),
    opened: (w) => {
      batch(() => {
        if (s.bootId.value && s.bootId.value !== w.boot_id) s.restartedAt.value = Date.now();
        s.connection.value = "open";
        s.everOpened.value = true;
        s.bootId.value = w.boot_id;
        s.serverVersion.value = w.version;
        s.tickMs.value = w.tick_ms;
        s.skewMs.value = w.now_ms - Date.now();
        s.newestAt.value = Date.now();
      });
      loadCatalog();
      void fetchEvents(Date.now() - LISTED_MS, Date.now() + 60_000);
      getStatus().then((d) => (s.statusDoc.value = d), () => undefined);
      getGaps(Date.now() - 3_600_000, Date.now() + 60_000, new AbortController().signal).then((g) => addGaps(g), () => undefined);
    },
    closed: (at, why) => batch(() => {
      s.connection.value = "closed";
      s.retryAt.value = at;
      s.closedWhy.value = why;
    }),
    data: onData,
    status: (doc) => (s.statusDoc.value = doc),
    watched: addGaps,
    events: cameIn,
    skipped: (g: Gap) => (s.skippedTicks.value += Math.max(1, Math.round((g.to_ms - g.from_ms) / 1000))),
  });
  feed.connect();
  document.addEventListener("visibilitychange", () => {
    batch(() => {
      s.hidden.value = document.hidden;
      // The hole is on its way; before it came nothing is late.
      s.wall.value = s.newestAt.value = Date.now();
    });
    feed.visible(!document.hidden);
    // While it was hidden nothing was told.
    if (!document.hidden && s.connection.value === "open") void fetchEvents(Date.now() - LISTED_MS, Date.now() + 60_000);
  });
  effect(() => {
    const { range } = s.route.value;
    // The feed tells of now.
    if ("from" in range) void fetchEvents(range.from, range.to);
  });
  effect(() => {
    void s.route.value;
    if (!catalog.value.length) return;
    subscribeExtra();
    subscribeSystem();
    void loadLabelValues();
    for (const t of new Set(probeTracks.values())) feed.reach(t, spanWanted());
    if (extra) feed.reach(extra.track, spanWanted());
  });
}
export function retryNow(): void {
  feed.connect();
}
function addGaps(list: readonly Gap[]): void {
  const seen = new Set(s.gaps.value.map((g) => `${g.from_ms} ${g.to_ms}`));
  const fresh = list.filter((g) => !seen.has(`${g.from_ms} ${g.to_ms}`));
  if (fresh.length) s.gaps.value = [...s.gaps.value, ...fresh].slice(-500);
}
