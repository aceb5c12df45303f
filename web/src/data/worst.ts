// SPDX-License-Identifier: GPL-2.0
// The slowest events of the window shown: asked for anew when it moves on, every few seconds while live.

import { signal } from "@preact/signals";
import { columnStep } from "../core/time";
import { isLive, shownWindow } from "../state";
import type { Slow } from "./api";
import { getExemplars } from "./api";

const MOST = 600;
const REFRESH_MS = 5000;

export class Worst {
  readonly events = signal<readonly Slow[]>([]);
  readonly error = signal("");
  readonly loaded = signal(false);
  private key = "";
  private match = "";
  private abort: AbortController | null = null;

  constructor(private readonly selector: () => string) {}

  /** Called with every frame drawn: cheap when nothing has to be asked for. */
  prepare(): void {
    const w = shownWindow();
    const grain = isLive.value ? REFRESH_MS : 1000;
    const match = this.selector();
    const key = `${match} ${Math.floor(w.from / grain)} ${Math.floor(w.to / grain)}`;
    if (key === this.key || !(w.to > 0)) return;
    if (match !== this.match) this.events.value = [];
    this.key = key;
    this.match = match;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    getExemplars(match, w.from, w.to, columnStep(w.to - w.from, MOST), abort.signal)
      .then((list) => {
        this.events.value = list.sort((a, b) => b.value - a.value);
        this.error.value = "";
        this.loaded.value = true;
      })
      .catch((e: unknown) => {
        if (abort.signal.aborted) return;
        this.error.value = e instanceof Error ? e.message : String(e);
      });
  }
  dispose(): void {
    this.abort?.abort();
  }
}
