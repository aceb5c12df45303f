// SPDX-License-Identifier: GPL-2.0
// Where a latency panel gets its columns: from the ring while that reaches back far enough, else from the server.

import { columnStep } from "../core/time";
import { getHeat, getGaps } from "./api";
import type { Rows } from "../core/hist";
import { Columns } from "./columns";
import type { Fetched } from "./columns";
import type { Series, Track } from "./track";
import { gaps, isLive, newest, shownWindow, statusDoc } from "../state";
import { readStatus } from "./status";
import { invalidateAll } from "../charts/schedule";

export interface Pick {
  track: Track | null;
  series: readonly Series[];
  /** Which they are: another selection is drawn anew. */
  key: string;
}
export type Fill = "ready" | "loading" | "failed";

export class Source {
  readonly columns: Columns;
  fill: Fill = "ready";
  error = "";
  /** Up to where it was loaded; what is later is no hole. */
  reaches = Infinity;
  private key = "";
  private loaded: Fetched | null = null;
  private abort: AbortController | null = null;
  private most = 600;

  constructor(rows: Rows, private readonly pick: () => Pick, private readonly match: () => string) {
    this.columns = new Columns(rows);
  }

  /** What is shown, as a selector. */
  selector(): string {
    return this.match();
  }
  /** The columns of the window shown. The heat map says how many fit; the charts below it take the same. */
  prepare(most = this.most): Columns {
    this.most = Math.max(30, most);
    const w = shownWindow();
    const step = columnStep(w.to - w.from, this.most);
    const { track, series, key } = this.pick();
    if (isLive.value || (track && this.ringHolds(track, w.from))) {
      // Nothing came yet: that is not time that nobody watched.
      this.reaches = track?.newest ?? 0;
      this.fill = this.reaches ? "ready" : "loading";
      if (track) this.columns.update(track, series, w.to, Math.round((w.to - w.from) / 1000 / step) || 1, step, key);
    } else this.fetched(Math.floor(w.from / 1000 / step) * step * 1000, Math.floor(w.to / 1000 / step) * step * 1000, step * 1000);
    return this.columns;
  }
  private ringHolds(track: Track, from: number): boolean {
    const oldest = track.oldest();
    return oldest > 0 && from >= oldest - 1000;
  }
  private fetched(from: number, to: number, stepMs: number): void {
    const key = `${this.match()} ${from} ${to} ${stepMs}`;
    if (key === this.key) return;
    this.key = key;
    this.loaded = null;
    this.fill = "loading";
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    Promise.all([getHeat(this.match(), from, to, stepMs, abort.signal), getGaps(from, to, abort.signal)])
      .then(([heat, watched]) => {
        this.loaded = { stepMs: heat.step_ms, columns: heat.columns, gaps: [...watched, ...gaps.value], oldestMs: readStatus(statusDoc.value).store.oldestMs, newestMs: newest.value };
        this.columns.load(this.loaded, from, to);
        this.fill = "ready";
        this.reaches = Infinity;
      })
      .catch((e: unknown) => {
        if (abort.signal.aborted) return;
        this.fill = "failed";
        this.error = e instanceof Error ? e.message : String(e);
      })
      .finally(invalidateAll);
  }
  dispose(): void {
    this.abort?.abort();
  }
}
