// SPDX-License-Identifier: GPL-2.0
// The HTTP routes that the page asks, with what comes back checked before use.

export interface Metric {
  name: string;
  title: string;
  help: string;
  unit: string;
  type: "counter" | "gauge" | "histogram";
  group: string;
  /** Natural labels: those that tell the series of the host's metric apart. */
  labels: readonly string[];
  /** For metrics with an added dimension: the host's metric and the label. */
  of: string;
  dim: string;
}

async function get(path: string, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const r = await fetch(path, { signal: signal ?? null, headers: { Accept: "application/json" } });
  const doc: unknown = await r.json().catch(() => null);
  if (!doc || typeof doc !== "object") throw new Error(`the server answered ${r.status} to ${path.split("?")[0]}`);
  const o = doc as Record<string, unknown>;
  if (!r.ok) throw new Error(typeof o.error === "string" ? o.error : `the server answered ${r.status}`);
  return o;
}
const text = (v: unknown): string => (typeof v === "string" ? v : "");
const num = (v: unknown): number => (typeof v === "number" ? v : NaN);

export interface Catalog {
  metrics: Metric[];
  /** Titles of the groups, in the order of the catalogue. */
  groups: Map<string, string>;
}
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
export async function getCatalog(): Promise<Catalog> {
  const doc = await get("/api/sg/v1/catalog");
  const groups = new Map<string, string>();
  for (const g of Array.isArray(doc.groups) ? (doc.groups as Record<string, unknown>[]) : []) if (text(g?.name)) groups.set(text(g.name), text(g.title) || text(g.name));
  const list = Array.isArray(doc.metrics) ? (doc.metrics as Record<string, unknown>[]) : [];
  const metrics = list
    .filter((m) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(text(m?.name)))
    .map((m) => ({
      name: text(m.name), title: text(m.title) || text(m.name), help: text(m.help), unit: text(m.unit),
      type: m.type === "histogram" || m.type === "gauge" ? m.type : ("counter" as Metric["type"]),
      group: text(m.group), labels: (Array.isArray(m.labels) ? m.labels : []).map(text).filter((l) => NAME.test(l)), of: text(m.of), dim: text(m.dim),
    }));
  return { metrics, groups };
}
export async function getStatus(): Promise<unknown> {
  return get("/api/sg/v1/status");
}

export interface Heat {
  step_ms: number;
  columns: [number, number, number, [number, number][]][];
}
export async function getHeat(match: string, from: number, to: number, step: number, signal: AbortSignal): Promise<Heat> {
  const q = new URLSearchParams({ match, from: String(Math.round(from)), to: String(Math.round(to)), step: String(Math.round(step)) });
  const doc = await get(`/api/sg/v1/heat?${q}`, signal);
  const columns = (Array.isArray(doc.columns) ? doc.columns : []) as Heat["columns"];
  return { step_ms: num(doc.step_ms) || step, columns: columns.filter((c) => Array.isArray(c) && Array.isArray(c[3])) };
}
export async function getGaps(from: number, to: number, signal: AbortSignal): Promise<{ from_ms: number; to_ms: number; reason: string }[]> {
  const doc = await get(`/api/sg/v1/gaps?from=${Math.round(from)}&to=${Math.round(to)}`, signal);
  const list = Array.isArray(doc.gaps) ? (doc.gaps as Record<string, unknown>[]) : [];
  return list.map((g) => ({ from_ms: num(g.from_ms), to_ms: num(g.to_ms), reason: text(g.reason) }));
}
export async function getEvents(from: number, to: number): Promise<unknown> {
  const doc = await get(`/api/v1/events?start=${from / 1000}&end=${to / 1000}`);
  return (doc.data as Record<string, unknown> | undefined)?.events;
}
export async function getLabelValues(label: string, match: readonly string[]): Promise<string[]> {
  const doc = await get(`/api/v1/label/${encodeURIComponent(label)}/values?${new URLSearchParams(match.map((m) => ["match[]", m]))}`);
  return (Array.isArray(doc.data) ? doc.data : []).filter((v): v is string => typeof v === "string").slice(0, 1000);
}

/** One of the slowest events: whose it was, and the stack that it waited with, outermost first. */
export interface Slow {
  id: string;
  t: number;
  value: number;
  pid: string;
  tid: string;
  comm: string;
  cgroup: string;
  cpu: number;
  frames: readonly string[];
  /** How many frames, the last ones, are the kernel's. */
  kernel: number;
  /** Labels of the series. */
  labels: Record<string, string>;
}
function slowOf(e: Record<string, unknown>, series: Record<string, unknown>): Slow {
  const labels = (e.labels && typeof e.labels === "object" ? e.labels : {}) as Record<string, unknown>;
  const t = num(e.timestamp) * 1000;
  return {
    id: `${t} ${text(labels.tid)} ${text(e.value)}`, t, value: Number(text(e.value)), pid: text(labels.pid), tid: text(labels.tid), comm: text(labels.comm),
    cgroup: text(e.cgroup), cpu: num(e.cpu), frames: (Array.isArray(e.frames) ? e.frames : []).map(text).slice(0, 200), kernel: num(e.kernel) || 0,
    labels: Object.fromEntries(Object.entries(series).filter(([k, v]) => k !== "__name__" && typeof v === "string")) as Record<string, string>,
  };
}
export async function getExemplars(query: string, from: number, to: number, step: number, signal: AbortSignal): Promise<Slow[]> {
  const q = new URLSearchParams({ query, start: String(from / 1000), end: String(to / 1000), step: String(step), frames: "1" });
  const doc = await get(`/api/v1/query_exemplars?${q}`, signal);
  const groups = (Array.isArray(doc.data) ? doc.data : []) as Record<string, unknown>[];
  const all = groups.flatMap((g) => (Array.isArray(g.exemplars) ? g.exemplars : []).map((e) => slowOf(e as Record<string, unknown>, (g.seriesLabels ?? {}) as Record<string, unknown>)));
  return all.filter((e) => e.t > 0 && e.value >= 0);
}

export interface Value {
  labels: Readonly<Record<string, string>>;
  value: number;
}
/** A PromQL expression's value now: a vector. */
export async function getQuery(expr: string, signal?: AbortSignal): Promise<Value[]> {
  const doc = await get(`/api/v1/query?${new URLSearchParams({ query: expr })}`, signal);
  const list = (doc.data as Record<string, unknown> | undefined)?.result;
  return (Array.isArray(list) ? (list as Record<string, unknown>[]) : [])
    .map((r) => ({ labels: (r?.metric && typeof r.metric === "object" ? r.metric : {}) as Record<string, string>, value: Number(Array.isArray(r?.value) ? r.value[1] : NaN) }))
    .filter((r) => Number.isFinite(r.value));
}
