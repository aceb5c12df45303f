// SPDX-License-Identifier: GPL-2.0
// Where the time of threads went, by cgroup: a row each.

import type { Value } from "./api";

export const TIME_METRIC = "sgprobe_cgroup_sched_thread_seconds_total";
const CULPRITS = "sgprobe_sched_culprit_seconds_total";
const SPAN = "1m";
export const TIME_QUERY = `rate(${TIME_METRIC}[${SPAN}])`;
/** Who kept whom waiting for at least a hundredth of the time. */
export const CULPRIT_QUERY = `rate(${CULPRITS}{culprit!="none"}[${SPAN}]) > 0.01`;

/** What is drawn, in this order; what is left is sleep. */
export const STATES: readonly (readonly [string, string])[] = [
  ["running", "runs"], ["stolen", "interrupted"], ["runnable", "waits for a CPU"], ["throttled", "used up its quota"],
  ["lock", "lock"], ["memory", "memory"], ["disk", "disk"], ["network", "network"],
];

export interface ThreadRow {
  cgroup: string;
  /** Threads on average in each of STATES, in that order. */
  parts: number[];
  /** Of all that are drawn, and asleep. */
  awake: number;
  asleep: number;
  /** The cgroup that kept it from a CPU the most, and how many threads on average; "" when nobody did. */
  culprit: string;
  kept: number;
}

/** The busiest first: those whose threads ran or waited for a CPU, then the others. */
export function threadRows(times: readonly Value[], culprits: readonly Value[]): ThreadRow[] {
  const rows = new Map<string, ThreadRow>();
  for (const { labels, value } of times) {
    const cgroup = labels.cgroup ?? "";
    let row = rows.get(cgroup);
    if (!row) rows.set(cgroup, (row = { cgroup, parts: STATES.map(() => 0), awake: 0, asleep: 0, culprit: "", kept: 0 }));
    const i = STATES.findIndex(([state]) => state === labels.state);
    if (i < 0) row.asleep += value;
    else {
      row.parts[i] += value;
      row.awake += value;
    }
  }
  for (const { labels, value } of culprits) {
    const row = rows.get(labels.victim ?? "");
    if (row && value > row.kept) [row.culprit, row.kept] = [labels.culprit ?? "", value];
  }
  const busy = (r: ThreadRow) => r.parts[0] + r.parts[2] + r.parts[3];
  return [...rows.values()].sort((a, b) => busy(b) - busy(a) || b.awake - a.awake || (a.cgroup < b.cgroup ? -1 : 1));
}
