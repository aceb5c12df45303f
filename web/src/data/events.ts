// SPDX-License-Identifier: GPL-2.0
// The events that the page knows: of the last hour, those that come, and those of a range that is looked at.

import { signal } from "@preact/signals";
import type { Happening } from "../core/happenings";
import { happeningsOf, merge } from "../core/happenings";
import { invalidateAll } from "../charts/schedule";
import { getEvents } from "./api";

const KEPT = 3000;
export const LISTED_MS = 3_600_000;

export const happenings = signal<readonly Happening[]>([]);
/** Why the list is not whole, or "". */
export const eventsError = signal("");
/** The kind that the list shows, "" for all. */
export const eventKind = signal("");

function add(list: readonly Happening[]): void {
  const merged = merge(happenings.value, list, KEPT);
  if (merged === happenings.value) return;
  happenings.value = merged;
  invalidateAll();
}
/** A message of the feed. */
export function cameIn(list: unknown): void {
  add(happeningsOf(list));
}
export async function fetchEvents(from: number, to: number): Promise<void> {
  try {
    add(happeningsOf(await getEvents(from, to)));
    eventsError.value = "";
  } catch (e) {
    eventsError.value = e instanceof Error ? e.message : String(e);
  }
}
