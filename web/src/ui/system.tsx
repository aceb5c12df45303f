// SPDX-License-Identifier: GPL-2.0
// System: what sgprobe itself does. What runs, what it costs, whether it is true, what was lost.

import type { ComponentChildren } from "preact";
import { visible } from "../core/text";
import { bytes, count, grouped, percent, perSecond, seconds } from "../core/units";
import { cureOf, isWished } from "../data/cure";
import type { Process } from "../data/status";
import { readStatus } from "../data/status";
import type { Budget, Domain, Loss, Payer, Program } from "../data/system";
import { TRUTH_LEAST, budget, domains, drain, entries, losses, payers, programs, sharedBytes, truths, usage } from "../data/system";
import { tickOf } from "../data/track";
import { catalog, groups, systemTracks } from "../model";
import * as s from "../state";
import { Mark } from "./common";
import { FirstRunNote } from "./notes";

export function System() {
  void s.drawn.value;
  if (!catalog.value.length || !s.newest.value) return <FirstRunNote />;
  const t = systemTracks();
  const last = tickOf(s.newest.value);
  const list = programs(t, last);
  const all = domains(t, last, list);
  const used = usage(t, last);
  return (
    <main class="page system">
      <h1 class="sr">sgprobe itself</h1>
      <div class="columns even">
        <div class="stack">
          <Domains list={all} shared={sharedBytes(t, last)} />
          <Programs list={list} entry={entries(t, last)} />
          <Payers list={payers(t, last)} />
        </div>
        <div class="stack">
          <BudgetCard b={budget(t, last, list)} list={all} />
          <TruthTest list={truths(t, last)} />
          <Processes list={used} drained={drain(t, last)} known={readStatus(s.statusDoc.value).processes} />
          <Losses {...losses(t, last)} />
        </div>
      </div>
    </main>
  );
}

function Card({ id, title, sub, children }: { id: string; title: string; sub: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={`h-${id}`}>
      <header><h2 id={`h-${id}`}>{title}</h2><span class="sub">{sub}</span></header>
      {children}
    </section>
  );
}
function Head({ first, more }: { first: string; more: readonly string[] }) {
  return <thead><tr><th scope="col">{first}</th>{more.map((m) => <th scope="col" class="num">{m}</th>)}</tr></thead>;
}
/** A number that is calm at 0. */
function Zero({ v }: { v: number }) {
  return <td class={`num ${v > 0 ? "change warn" : "dim"}`}>{grouped(v)}</td>;
}
const orNone = (v: number, text: (v: number) => string): string => (Number.isFinite(v) ? text(v) : "–");

function Domains({ list, shared }: { list: readonly Domain[]; shared: number }) {
  const memory = list.reduce((a, d) => a + (d.bytes || 0), shared || 0);
  const up = list.filter((d) => d.up).length;
  return (
    <Card id="domains" title="Domains" sub={`${up} of ${list.length} on, ${bytes(memory)} of kernel memory`}>
      <div class="scroll">
        <table class="data">
          <caption class="sr">Domains: state, how they are attached, kernel memory, cost in the last minute</caption>
          <thead><tr><th scope="col">Domain</th><th scope="col">State</th><th scope="col" class="num">Programs</th><th scope="col" class="num">Memory</th><th scope="col" class="num">Of a CPU</th></tr></thead>
          <tbody>{list.map((d) => <DomainRow key={d.name} d={d} />)}</tbody>
        </table>
      </div>
      {!list.length && <p class="none">The probe has not said yet.</p>}
    </Card>
  );
}
function DomainRow({ d }: { d: Domain }) {
  const title = groups.value.get(d.name);
  const wished = isWished(d.reason);
  return (
    <tr>
      <th scope="row">{title ?? d.name}{title && <span class="also">{d.name}</span>}</th>
      {d.up ? (
        <>
          <td>{d.step === "full" ? <><Mark level="good" /> {visible(d.variant) || "on"}</> : <><Mark level="warn" /> <span title={visible(d.stepReason)}>{d.step}</span></>}</td>
          <td class="num">{d.programs}</td>
          <td class="num">{orNone(d.bytes, bytes)}</td>
          <td class="num">{percent(d.share)}</td>
        </>
      ) : (
        <td colSpan={4} class="refused"><Mark level={wished ? "unknown" : "warn"} /> <span>{visible(d.reason) || "The kernel refused it."} {!wished && <em>{cureOf(d.reason)}</em>}</span></td>
      )}
    </tr>
  );
}

function Programs({ list, entry }: { list: readonly Program[]; entry: readonly { kind: string; ns: number }[] }) {
  const top = list[0]?.share ?? 0;
  return (
    <Card id="programs" title="Programs" sub="last minute, costliest first; run time is measured for one second in thirty">
      <div class="scroll high" tabIndex={0} role="region" aria-label="Programs">
        <table class="data">
          <caption class="sr">Kernel programs by cost: runs per second, nanoseconds per run, share of one CPU</caption>
          <Head first="Program" more={["Runs", "Per run", "Of a CPU"]} />
          <tbody>
            {list.map((p) => (
              <tr key={p.name}>
                <th scope="row">{visible(p.name.slice(p.domain.length + 1))}<span class="also">{visible(p.domain)}, {visible(p.reason || p.variant)}</span></th>
                <td class="num">{perSecond(p.perSecond)}</td>
                <td class="num">{orNone(p.ns, (ns) => `${ns.toFixed(0)} ns`)}</td>
                <td class="num"><meter min={0} max={1} value={top > 0 ? p.share / top : 0} aria-hidden="true" /><span class="fixed-width">{p.share > 0 || p.perSecond === 0 ? percent(p.share) : "–"}</span></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!list.length && <p class="none">No program is attached.</p>}
      {entry.length > 0 && <p class="sub">In it, besides what the kernel measures, per run: {entry.map((e) => `${visible(e.kind)} ${e.ns.toFixed(0)} ns`).join(", ")}.</p>}
    </Card>
  );
}

const PAYERS = 12;
function Payers({ list }: { list: readonly Payer[] }) {
  const top = list[0]?.share ?? 0;
  const rest = list.slice(PAYERS).reduce((a, p) => a + p.share, 0);
  const shown = rest > 0 ? [...list.slice(0, PAYERS), { cgroup: `${list.length - PAYERS} more`, share: rest }] : list;
  return (
    <Card id="payers" title="Who pays" sub="time of the programs by the cgroup whose work makes them run; last minute">
      <table class="data">
        <caption class="sr">Control groups by what watching costs them: share of one CPU</caption>
        <Head first="Cgroup" more={["Of a CPU"]} />
        <tbody>
          {shown.map((p) => (
            <tr key={p.cgroup}>
              <th scope="row">{visible(p.cgroup)}{p.cgroup === "other" && <span class="also">idle CPUs, and what is not known</span>}</th>
              <td class="num"><meter min={0} max={1} value={top > 0 ? Math.min(1, p.share / top) : 0} aria-hidden="true" /><span class="fixed-width">{percent(p.share)}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
      {!list.length && <p class="none">Not measured yet.</p>}
    </Card>
  );
}

function BudgetCard({ b, list }: { b: Budget; list: readonly Domain[] }) {
  const known = b.programs > 0;
  const total = b.programs + (b.process || 0);
  const over = b.limit > 0 && total > b.limit;
  const sampled = list.filter((d) => d.untimed > 0);
  const parts = [
    known && `Programs ${seconds(b.programs)}, probe process ${seconds(b.process)}${b.limit > 0 ? `, of ${seconds(b.limit)}` : ""} per second.`,
    b.limit === 0 && "No limit is set.",
    sampled.length ? `Counted but not timed, another's latency standing for them: ${sampled.map((d) => `${d.name} ${perSecond(d.untimed)}`).join(", ")}.` : "Every event is timed.",
    b.changes > 0 && `Detail was taken or given back ${count(b.changes)} × in 10 min.`,
  ];
  return (
    <Card id="budget" title="Budget" sub="what watching takes, against probe.budget on all CPUs; last minute">
      <p class={`big ${over ? "warn" : ""}`}>{known ? `${percent(total)} of one CPU${b.limit > 0 ? `, of ${percent(b.limit)}` : ""}` : "Not measured yet"}{over && " – over budget"}</p>
      {b.limit > 0 && <meter class={`wide ${over ? "over" : ""}`} min={0} max={b.limit} value={Math.min(total, b.limit)} aria-label="What watching takes, of the budget" />}
      <p class="sub">{parts.filter(Boolean).join(" ")}</p>
      {list.filter((d) => d.stepReason).map((d) => <p key={d.name} class="sub"><strong>{d.name} is {d.step}</strong>: {visible(d.stepReason)}.</p>)}
    </Card>
  );
}

function TruthTest({ list }: { list: readonly { signal: string; ratio: number }[] }) {
  return (
    <Card id="truth" title="Truth test" sub="what sgprobe counted, of what the kernel counted itself; last minute">
      {list.length ? (
        <table class="data">
          <caption class="sr">Truth test: ratio per signal, 1 is exact</caption>
          <Head first="Signal" more={["Ratio"]} />
          <tbody>
            {list.map((r) => {
              const low = r.ratio < TRUTH_LEAST;
              return <tr key={r.signal}><th scope="row">{visible(r.signal).replace(/_/g, " ")}</th><td class={`num ${low ? "change bad" : ""}`}>{low && "too few: "}{r.ratio.toFixed(3)}</td></tr>;
            })}
          </tbody>
        </table>
      ) : <p class="none">Not enough events to compare yet.</p>}
    </Card>
  );
}

function Processes({ list, drained, known }: { list: readonly { name: string; cpu: number; bytes: number }[]; drained: { mean: number; max: number }; known: readonly Process[] }) {
  return (
    <Card id="processes" title="Processes" sub="CPU of the last minute">
      <table class="data">
        <caption class="sr">sgprobe's processes: CPU, memory, restarts</caption>
        <Head first="Process" more={["Of a CPU", "Memory", "Restarts"]} />
        <tbody>
          {list.map((p) => {
            const k = known.find((x) => x.name === p.name);
            return <tr key={p.name}><th scope="row">{p.name}{k && <span class="also">{k.pid}</span>}</th><td class="num">{percent(p.cpu)}</td><td class="num">{orNone(p.bytes, bytes)}</td><Zero v={k?.restarts ?? 0} /></tr>;
          })}
        </tbody>
      </table>
      <dl class="facts"><div><dt>Drain, mean of a minute</dt><dd>{seconds(drained.mean)}</dd></div><div><dt>Drain, longest of a minute</dt><dd>{seconds(drained.max)}</dd></div></dl>
    </Card>
  );
}

function Losses({ dropped, faults, levels }: { dropped: Loss[]; faults: Loss[]; levels: Loss[] }) {
  return (
    <Card id="losses" title="Losses" sub="last 10 min">
      <table class="data">
        <caption class="sr">What was not recorded, by reason, and what else went wrong, in the last ten minutes</caption>
        <Head first="Not recorded" more={["Count"]} />
        <tbody>{dropped.map((l) => <tr key={l.text}><th scope="row">{visible(l.text)}</th><Zero v={l.value} /></tr>)}</tbody>
        <tbody>
          <tr><th scope="colgroup" colSpan={2} class="part">Faults</th></tr>
          {faults.map((l) => <tr key={l.text}><th scope="row">{l.text}</th><Zero v={l.value} /></tr>)}
        </tbody>
        <tbody>
          <tr><th scope="colgroup" colSpan={2} class="part">Tables, now</th></tr>
          {levels.map((l) => <tr key={l.text}><th scope="row">{l.text}</th><td class="num">{count(l.value)}</td></tr>)}
        </tbody>
      </table>
    </Card>
  );
}
