// SPDX-License-Identifier: GPL-2.0
// What the page knows and shows, as signals: the route in the URL, preferences, the connection, the clock of samples.

import { batch, computed, effect, signal } from "@preact/signals";
import type { Theme } from "./core/colour";
import type { Range, Window } from "./core/time";
import { DEFAULT_RANGE, formatRange, parseRange, resolve } from "./core/time";
import type { Gap } from "./data/feed";
import { invalidateAll } from "./charts/schedule";

// ---- route: everything that a copied link must carry --------------------------------------------
export const PAGES = ["overview", "latency", "system"] as const;
export type Page = (typeof PAGES)[number];
export interface Route {
  page: Page;
  /** Metric of the detail view, or "". */
  probe: string;
  /** Label that splits the host's total, "" for the total. */
  dim: string;
  /** Values chosen, by label. */
  pick: Readonly<Record<string, string>>;
  range: Range;
}

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const PICKS_MAX = 4;
/** dim=comm&value=nginx, and a pick.LABEL for each other label. */
function parsePick(q: URLSearchParams, dim: string): Record<string, string> {
  const pick: Record<string, string> = {};
  const add = (label: string, value: string) => {
    if (LABEL.test(label) && value && Object.keys(pick).length < PICKS_MAX) pick[label] = value.slice(0, 255);
  };
  add(dim, q.get("value") ?? "");
  for (const [k, v] of q) if (k.startsWith("pick.")) add(k.slice(5), v);
  return pick;
}
export function parseRoute(hash: string): Route {
  const [path, query] = hash.replace(/^#\/?/, "").split("?", 2);
  const q = new URLSearchParams(query ?? "");
  const named = (q.get("dim") ?? "").slice(0, 64);
  const dim = LABEL.test(named) ? named : "";
  return {
    page: PAGES.find((p) => p === path) ?? "overview",
    probe: (q.get("probe") ?? "").slice(0, 128),
    dim,
    pick: parsePick(q, dim),
    range: parseRange(q.get("range")),
  };
}
export function formatRoute(r: Route): string {
  const q = new URLSearchParams();
  if (r.page === "latency") {
    if (r.probe) q.set("probe", r.probe);
    if (r.dim) q.set("dim", r.dim);
    for (const [label, value] of Object.entries(r.pick)) q.set(label === r.dim ? "value" : `pick.${label}`, value);
  }
  if (formatRange(r.range) !== formatRange(DEFAULT_RANGE)) q.set("range", formatRange(r.range));
  const text = q.toString();
  return `#/${r.page}${text ? `?${text}` : ""}`;
}

export const route = signal<Route>(parseRoute(location.hash));
window.addEventListener("popstate", () => (route.value = parseRoute(location.hash)));
window.addEventListener("hashchange", () => (route.value = parseRoute(location.hash)));

/** Goes there; the browser's Back undoes it. */
export function go(change: Partial<Route>): void {
  const next = changed(change);
  const hash = formatRoute(next);
  if (hash !== location.hash) history.pushState(null, "", hash);
  route.value = next;
  if (change.range) paused.value = null;
}
export function link(change: Partial<Route>): string {
  return formatRoute(changed(change));
}
/** Another probe has other labels: only what the whole page is about stays chosen. */
function changed(change: Partial<Route>): Route {
  const next = { ...route.value, ...change };
  if (next.probe !== route.value.probe && !change.pick) {
    const kept = next.pick[next.dim];
    next.pick = kept ? { [next.dim]: kept } : {};
  }
  return next;
}
/** With one label's value chosen, or given up ("" for all). */
export function picking(label: string, value: string): Route["pick"] {
  const { [label]: _, ...others } = route.value.pick;
  return value ? { ...others, [label]: value } : others;
}

// ---- preferences --------------------------------------------------------------------------------
const CHOICES = { theme: ["auto", "light", "dark"], scaling: ["rank", "sqrt"] } as const;
type Choices = typeof CHOICES;

function stored<K extends keyof Choices>(key: K): Choices[K][number] {
  let v: string | null = null;
  try {
    v = localStorage.getItem(`sgprobe.${key}`);
  } catch {
    // Storage may be forbidden; the page works without.
  }
  return CHOICES[key].find((c) => c === v) ?? CHOICES[key][0];
}
function keep(key: keyof Choices, value: string): void {
  try {
    localStorage.setItem(`sgprobe.${key}`, value);
  } catch {
    // as above
  }
}

export const theme = signal<"auto" | "light" | "dark">(stored("theme"));
export const scaling = signal<"rank" | "sqrt">(stored("scaling"));
const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", (e) => (systemDark.value = e.matches));
export const shownTheme = computed<Theme>(() => (theme.value === "auto" ? (systemDark.value ? "dark" : "light") : theme.value));

effect(() => {
  keep("theme", theme.value);
  document.documentElement.dataset.theme = shownTheme.value;
  invalidateAll();
});
effect(() => {
  keep("scaling", scaling.value);
  invalidateAll();
});

// ---- connection ---------------------------------------------------------------------------------
export type Link = "connecting" | "open" | "closed";
export const connection = signal<Link>("connecting");
export const everOpened = signal(false);
export const retryAt = signal(0);
export const closedWhy = signal("");
export const serverVersion = signal("");
export const bootId = signal("");
export const restartedAt = signal(0);
export const skewMs = signal(0);
export const statusDoc = signal<unknown>(null);
export const gaps = signal<readonly Gap[]>([]);
export const skippedTicks = signal(0);
/** A clock for ages and countdowns, four times a second while something counts down, else once. */
export const wall = signal(Date.now());
window.setInterval(() => (wall.value = Date.now()), 500);

/** t_ms of the newest sample, and when it came by our clock. */
export const newest = signal(0);
export const newestAt = signal(0);
export const tickMs = signal(1000);
/** Set once a frame: what depends on data is drawn again with it. */
export const drawn = signal(0);

/** A hidden page is sent nothing, which is no news. */
export const hidden = signal(document.hidden);
export const stale = computed(() => !hidden.value && connection.value === "open" && newest.value > 0 && wall.value - newestAt.value > 3 * tickMs.value + 400);
/** What is on the screen is not now. */
export const grey = computed(() => everOpened.value && (connection.value !== "open" || stale.value));

// ---- time shown ---------------------------------------------------------------------------------
export const paused = signal<number | null>(null);
export const isLive = computed(() => "live" in route.value.range);
export function shownWindow(): Window {
  return resolve(route.value.range, paused.value ?? (newest.value || Date.now()));
}
export function togglePause(): void {
  if (!isLive.value) return;
  paused.value = paused.value === null ? newest.value : null;
  invalidateAll();
}
effect(() => {
  void route.value;
  invalidateAll();
});

// ---- cursor shared by all charts -------------------------------------------------------------------
export interface Cursor {
  t: number;
  /** Latency under the cursor in the chart that has it, else NaN. */
  y: number;
  owner: object;
}
export const cursor = signal<Cursor | null>(null);
export interface Tip {
  x: number;
  y: number;
  title: string;
  rows: readonly (readonly [string, string])[];
  note?: string;
}
export const tip = signal<Tip | null>(null);
export const spoken = signal("");
/** What the table of a dimension is ordered by. */
export const rankOrder = signal<"sum" | "p99" | "count">("sum");
/** Whether the Overview lists every distribution. */
export const listOpen = signal(false);
export const helpOpen = signal(false);
/** Charts whose data table is open, by id. */
export const tables = signal<ReadonlySet<string>>(new Set());
export function toggleTable(id: string): void {
  const next = new Set(tables.value);
  if (!next.delete(id)) next.add(id);
  tables.value = next;
}

export function leaveCursor(): void {
  batch(() => {
    cursor.value = null;
    tip.value = null;
  });
}
