// SPDX-License-Identifier: GPL-2.0
// Where the time of threads went: a bar for each cgroup.

import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { visible } from "../core/text";
import { count } from "../core/units";
import { getQuery } from "../data/api";
import type { ThreadRow } from "../data/threads";
import { CULPRIT_QUERY, STATES, TIME_METRIC, TIME_QUERY, threadRows } from "../data/threads";
import { catalog } from "../model";
import * as s from "../state";

const EVERY_MS = 5000;
const ROWS = 10;
const rows = signal<readonly ThreadRow[]>([]);
const all = signal(false);

async function read(): Promise<void> {
  if (s.hidden.value) return;
  try {
    const [times, culprits] = await Promise.all([getQuery(TIME_QUERY), getQuery(CULPRIT_QUERY)]);
    rows.value = threadRows(times, culprits);
  } catch {
    // What is shown stays; the banner says that the server does not answer.
  }
}

export function ThreadTime() {
  const known = catalog.value.some((m) => m.name === TIME_METRIC);
  useEffect(() => {
    if (!known) return;
    void read();
    const timer = window.setInterval(() => void read(), EVERY_MS);
    return () => window.clearInterval(timer);
  }, [known]);
  if (!known || !rows.value.length) return null;
  const shown = all.value ? rows.value : rows.value.slice(0, ROWS);
  return (
    <section class="card threads" aria-labelledby="h-threads">
      <header>
        <h2 id="h-threads">Where the time went</h2>
        <span class="sub">threads of each cgroup on average, last minute; those asleep are not in the bar</span>
        <span class="legend">{STATES.map(([state, text]) => <span><i class={`s-${state}`} aria-hidden="true" />{text}</span>)}</span>
      </header>
      <div class="scroll">
        <table>
          <caption class="sr">Threads by cgroup: how many ran, waited, and slept on average in the last minute</caption>
          <thead><tr><th scope="col">Cgroup</th><th scope="col" class="bar-cell">Threads not asleep</th><th scope="col" class="num">run</th><th scope="col" class="num">want a CPU</th><th scope="col" class="num">wait</th><th scope="col" class="num">asleep</th><th scope="col">kept from a CPU by</th></tr></thead>
          <tbody>{shown.map((r) => <Row key={r.cgroup} r={r} />)}</tbody>
        </table>
      </div>
      {rows.value.length > ROWS && <button class="more" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>{all.value ? `Only the first ${ROWS}` : `All ${rows.value.length}`}</button>}
    </section>
  );
}

const few = (v: number): string => (v < 0.005 ? "0" : count(Number(v.toPrecision(3))));
function Row({ r }: { r: ThreadRow }) {
  const [run, stolen, runnable, throttled, ...waits] = r.parts;
  let x = 0;
  const part = (v: number) => {
    const at = x;
    x += r.awake > 0 ? (v / r.awake) * 100 : 0;
    return { at, width: x - at };
  };
  const text = STATES.map(([, name], i) => [name, r.parts[i]] as const).filter(([, v]) => v >= 0.005).map(([name, v]) => `${name} ${few(v)}`).join(", ");
  return (
    <tr>
      <th scope="row">{visible(r.cgroup)}</th>
      <td class="bar-cell">
        <svg class="stacked" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={text || "all asleep"}>
          <title>{text || "all asleep"}</title>
          {STATES.map(([state], i) => {
            const { at, width } = part(r.parts[i]);
            return width > 0 && <rect class={`s-${state}`} x={at} width={width} y="0" height="10" />;
          })}
        </svg>
      </td>
      <td class="num strong">{few(run + stolen)}</td>
      <td class={`num ${runnable + throttled > run && runnable + throttled > 0.1 ? "change warn" : ""}`}>{few(runnable + throttled)}</td>
      <td class="num">{few(waits.reduce((a, b) => a + b, 0))}</td>
      <td class="num dim">{few(r.asleep)}</td>
      <td>{r.culprit ? <>{visible(r.culprit)} <span class="dim">{few(r.kept)}</span></> : <span class="dim">–</span>}</td>
    </tr>
  );
}
