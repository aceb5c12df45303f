// SPDX-License-Identifier: GPL-2.0
// What happened: events of the last hour as a list.

import type { Happening } from "../core/happenings";
import { visible } from "../core/text";
import { moment } from "../core/time";
import { LISTED_MS, eventKind, eventsError, happenings } from "../data/events";
import * as s from "../state";

const ROWS = 200;

function listed(): Happening[] {
  const since = (s.newest.value || Date.now()) - LISTED_MS;
  return happenings.value.filter((h) => h.tMs > since);
}
export function Events() {
  const all = listed();
  const kinds = new Map<string, { title: string; n: number }>();
  for (const h of all) kinds.set(h.kind, { title: h.title, n: (kinds.get(h.kind)?.n ?? 0) + 1 });
  const kind = eventKind.value;
  const list = kind ? all.filter((h) => h.kind === kind) : all;
  return (
    <section class="card events" aria-labelledby="h-events">
      <header>
        <h2 id="h-events">Events</h2>
        <span class="sub">{all.length ? `${list.length} in the last hour, newest first` : "last hour"}</span>
        <span class="grow" />
        {(all.length > 0 || kind) && (
          <label>
            <span class="sr">Kind of event</span>
            <select value={kind} onChange={(e) => (eventKind.value = e.currentTarget.value)}>
              <option value="">All kinds</option>
              {kind && !kinds.has(kind) && <option value={kind}>{kind}</option>}
              {[...kinds].sort((a, b) => a[1].title.localeCompare(b[1].title)).map(([k, v]) => <option key={k} value={k}>{`${v.title} (${v.n})`}</option>)}
            </select>
          </label>
        )}
      </header>
      {list.length > 0 && <List list={list.slice(0, ROWS)} />}
      {list.length > ROWS && <p class="none">{`and ${list.length - ROWS} older ones: sgprobe events --last 1h`}</p>}
      {!list.length && <p class="none">{eventsError.value ? `Events could not be read: ${eventsError.value}` : kind ? "None of this kind." : "Nothing of note happened: no OOM kill, stall, crash, mount or storm."}</p>}
    </section>
  );
}

function List({ list }: { list: readonly Happening[] }) {
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-label="List of events">
      <table class="data">
        <caption class="sr">Events of the last hour: time, kind, what happened</caption>
        <thead><tr><th scope="col">Time</th><th scope="col">Kind</th><th scope="col">What happened</th></tr></thead>
        <tbody>
          {list.map((h) => (
            <tr key={`${h.tMs} ${h.kind} ${h.text}`} class={h.severity}>
              <td class="when">{moment(h.tMs, s.newest.value)}</td>
              <th scope="row"><i class="sign" aria-hidden="true" /><span class="sr">{`${h.severity}: `}</span>{h.title}</th>
              <td class="what">{visible(h.text)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
