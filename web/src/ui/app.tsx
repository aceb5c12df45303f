// SPDX-License-Identifier: GPL-2.0
// The frame around the pages: header, banners, tooltip, keys.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { effect } from "@preact/signals";
import type { Window } from "../core/time";
import { LIVE, moment, shift, zoom } from "../core/time";
import * as s from "../state";
import { Icon } from "./common";
import { Latency } from "./latency";
import { Banner } from "./notes";
import { Footer, Overview, verdict } from "./overview";
import { System } from "./system";

const SHOWN = { overview: Overview, latency: Latency, system: System } as const;

export function App() {
  const Shown = SHOWN[s.route.value.page];
  useEffect(() => {
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <div class={`app ${s.grey.value ? "grey" : ""}`}>
      <Header />
      <Banner />
      <Shown />
      <Footer />
      <Tooltip />
      <p class="sr" aria-live="polite">{s.spoken.value}</p>
      {s.helpOpen.value && <Help />}
    </div>
  );
}

function Header() {
  const { page } = s.route.value;
  const tab = (p: s.Page, text: string) => (
    <a href={s.link({ page: p, probe: "" })} aria-current={page === p ? "page" : undefined}>{text}</a>
  );
  return (
    <header class="top">
      <a class="brand" href={s.link({ page: "overview" })} aria-label="sgprobe, overview"><Logo /><b>sgprobe</b></a>
      <nav aria-label="Pages">{tab("overview", "Overview")}{tab("latency", "Latency")}{tab("system", "System")}</nav>
      <span class="grow" />
      {page === "latency" && <RangePicker />}
      <ThemeButton />
      <button class="icon-button" aria-label="Keys and help" title="Keys (?)" onClick={() => (s.helpOpen.value = true)}><Icon name="help" /></button>
    </header>
  );
}
function Logo() {
  const cells = [[0, 3], [1, 2], [1, 3], [2, 0], [2, 2], [2, 3], [3, 1], [3, 2], [3, 3]];
  return (
    <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
      {cells.map(([x, y]) => <rect class={`c${(x + y) % 3}`} x={x * 4} y={y * 4} width="3.4" height="3.4" rx=".6" />)}
    </svg>
  );
}

function RangePicker() {
  const r = s.route.value.range;
  const live = "live" in r;
  return (
    <div class="range" role="group" aria-label="Time range">
      {!live && <Fixed from={r.from} to={r.to} />}
      <div class="segments">
        {LIVE.map((l) => <button aria-pressed={live && r.live === l.seconds} onClick={() => s.go({ range: { live: l.seconds } })}>{l.text}</button>)}
      </div>
      <button class="icon-button" disabled={!live} aria-pressed={s.paused.value !== null} aria-label={s.paused.value === null ? "Pause" : "Resume"} title="Pause (space)" onClick={s.togglePause}>
        <Icon name={s.paused.value === null ? "pause" : "play"} />
      </button>
    </div>
  );
}
function Fixed({ from, to }: Window) {
  void s.drawn.value;
  return (
    <span class="fixed">
      <button class="icon-button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => move((w, now) => zoom(w, 2, now))}>−</button>
      <span>{moment(from, s.newest.value)} – {moment(to, s.newest.value)}</span>
      <button onClick={() => s.go({ range: { live: 300 } })}>Live</button>
    </span>
  );
}
function move(f: (w: Window, now: number) => Window): void {
  s.go({ range: f(s.shownWindow(), s.newest.value || Date.now()) });
}

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;
const THEME_ICON = { auto: "auto", light: "sun", dark: "moon" } as const;
function ThemeButton() {
  const t = s.theme.value;
  return (
    <button class="icon-button" aria-label={`Theme: ${t}`} title={`Theme: ${t}`} onClick={() => (s.theme.value = NEXT[t])}><Icon name={THEME_ICON[t]} /></button>
  );
}

function Tooltip() {
  const el = useRef<HTMLDivElement>(null);
  const t = s.tip.value;
  useLayoutEffect(() => {
    if (!el.current || !t) return;
    const { offsetWidth: w, offsetHeight: h } = el.current;
    const x = t.x + 16 + w > innerWidth ? Math.max(4, t.x - 16 - w) : t.x + 16;
    const y = Math.min(innerHeight - h - 4, Math.max(4, t.y + 14));
    el.current.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  });
  if (!t) return null;
  return (
    <div class="tip" ref={el} role="tooltip">
      <b>{t.title}</b>
      {t.note && <p>{t.note}</p>}
      {t.rows.length > 0 && <dl>{t.rows.map(([k, v]) => <div><dt>{k}</dt><dd>{v}</dd></div>)}</dl>}
    </div>
  );
}

// ---- keys ------------------------------------------------------------------------------------------
const KEYS: readonly (readonly [string, string])[] = [
  ["g o", "Overview"], ["g l", "Latency"], ["g s", "System"], ["/", "Search a probe (Latency)"], ["space", "Pause, resume"], ["[  ]", "Half a range back, forward"],
  ["+  −", "Zoom in, out"], ["← →", "Move the cursor in a focused chart (shift: ten)"], ["↑ ↓", "Move it between latencies"],
  ["T", "Table of the focused chart"], ["drag", "Zoom to a stretch of time"], ["Esc", "Close, or back to live"], ["?", "These keys"],
];
let prefix = 0;

function onKey(e: KeyboardEvent): void {
  if (e.ctrlKey || e.altKey || e.metaKey) return;
  const target = e.target as HTMLElement;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
  const afterG = Date.now() - prefix < 1200;
  prefix = 0;
  const on = s.route.value.page === "latency";
  const actions: Record<string, () => void> = {
    "?": () => (s.helpOpen.value = !s.helpOpen.value),
    g: () => (prefix = Date.now()),
    Escape: escape,
  };
  if (afterG) {
    actions.o = () => s.go({ page: "overview", probe: "" });
    actions.l = () => s.go({ page: "latency", probe: "" });
    actions.s = () => s.go({ page: "system", probe: "" });
  }
  // A focused button is pressed by the space bar.
  if (on && target.tagName !== "BUTTON") actions[" "] = s.togglePause;
  if (on) {
    actions["/"] = search;
    actions["["] = () => move((w, now) => shift(w, -0.5, now));
    actions["]"] = () => move((w, now) => shift(w, 0.5, now));
    actions["+"] = actions["="] = () => move((w, now) => zoom(w, 0.5, now));
    actions["-"] = () => move((w, now) => zoom(w, 2, now));
  }
  const act = actions[e.key];
  if (!act) return;
  e.preventDefault();
  act();
}
function search(): void {
  const field = document.getElementById("chooser");
  field?.focus();
  field?.click();
}
function escape(): void {
  if (s.helpOpen.value) s.helpOpen.value = false;
  else if (s.cursor.value) s.leaveCursor();
  else if (s.paused.value !== null) s.togglePause();
  else if (!s.isLive.value) s.go({ range: { live: 300 } });
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog class="help" ref={dialog} onClose={() => (s.helpOpen.value = false)} onClick={(e) => e.target === dialog.current && dialog.current?.close()} aria-labelledby="h-keys">
      <h2 id="h-keys">Keys</h2>
      <dl>{KEYS.map(([k, v]) => <div><dt>{k.split(" ").filter(Boolean).map((x) => <kbd>{x}</kbd>)}</dt><dd>{v}</dd></div>)}</dl>
      <p class="sub">Heat maps: a column is a stretch of time, a row a bucket 9 % wide, the colour how many events fell into it. Hatched: nobody watched. Lines: quantiles of each column, with the same interpolation as PromQL's histogram_quantile.</p>
      <button onClick={() => dialog.current?.close()}>Close</button>
    </dialog>
  );
}

// The tab's title says how it stands, also when the page is in the background.
effect(() => {
  void s.drawn.value;
  const v = s.newest.peek() ? verdict() : null;
  document.title = s.grey.value ? "⏸ sgprobe" : v && v.level !== "good" ? `● ${v.text.slice(0, 60)} – sgprobe` : "sgprobe";
});
