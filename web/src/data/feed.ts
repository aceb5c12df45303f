// SPDX-License-Identifier: GPL-2.0
// Owns the WebSocket: subscriptions, resume, retry. Knows no page; what it learns goes to its listener.

import type { Header } from "../core/decode";
import { ProtocolError, decodeHeader } from "../core/decode";
import type { SeriesInfo } from "./track";
import { Track } from "./track";

export interface Gap {
  from_ms: number;
  to_ms: number;
  reason: string;
}
export interface Welcome {
  version: string;
  boot_id: string;
  now_ms: number;
  tick_ms: number;
}
export interface Listener {
  opened(w: Welcome): void;
  /** retryAt: local time of the next attempt. */
  closed(retryAt: number, why: string): void;
  trying(): void;
  /** whole: every subscription has this tick. */
  data(track: Track, kind: number, tMs: number, whole: boolean): void;
  status(doc: unknown): void;
  watched(gaps: Gap[]): void;
  skipped(gap: Gap): void;
  events(list: unknown): void;
}

interface Sub {
  readonly id: number;
  readonly match: readonly string[];
  spanMs: number;
  readonly track: Track;
  seq: number;
  /** Ask from here at the next subscription, not from the newest tick: a hole lies there. */
  holeFrom: number;
  live: boolean;
}

const RETRY_MIN = 500;
const RETRY_MAX = 15_000;
/** Twenty control messages a second are allowed; these stay below. */
const SEND_EVERY = 60;
const SILENCE = 20_000;

const CLOSE_WHY: Record<number, string> = {
  4000: "the server did not understand this page",
  4003: "the server refused this page's origin",
  4008: "this page was too slow",
  4009: "the server has no room for another page",
};

function text(v: unknown): string {
  return typeof v === "string" ? v : v == null ? "" : String(v);
}
function num(v: unknown): number {
  return typeof v === "number" && Number.isFinite(v) ? v : 0;
}
function gapOf(m: Record<string, unknown>): Gap {
  return { from_ms: num(m.from_ms), to_ms: num(m.to_ms), reason: text(m.reason) };
}

export class Feed {
  private socket: WebSocket | null = null;
  private readonly subs = new Map<number, Sub>();
  private nextId = 1;
  private attempt = 0;
  private timer = 0;
  private queue: string[] = [];
  private sending = 0;
  private welcomed = false;
  private lastHeard = 0;
  private offset = 0;

  constructor(private readonly url: string, private readonly to: Listener) {
    window.setInterval(() => this.watch(), 5000);
  }

  connect(): void {
    window.clearTimeout(this.timer);
    this.drop();
    this.to.trying();
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.url, "sgprobe.v1");
    } catch {
      this.retry("the address is not valid");
      return;
    }
    socket.binaryType = "arraybuffer";
    socket.onmessage = (e) => this.heard(e.data as string | ArrayBuffer);
    socket.onclose = (e) => this.retry(CLOSE_WHY[e.code] ?? "");
    this.socket = socket;
    this.lastHeard = Date.now();
  }
  private drop(): void {
    const s = this.socket;
    this.socket = null;
    this.welcomed = false;
    this.queue = [];
    if (s) {
      s.onclose = s.onmessage = null;
      s.close();
    }
    for (const sub of this.subs.values()) {
      sub.live = false;
      sub.track.disconnected();
    }
  }
  /** Waits a random part of a growing delay, so that many pages do not come back at once. */
  private retry(why: string): void {
    this.drop();
    const most = Math.min(RETRY_MAX, RETRY_MIN * 2 ** this.attempt++);
    const delay = Math.max(RETRY_MIN / 2, Math.random() * most);
    this.timer = window.setTimeout(() => this.connect(), delay);
    this.to.closed(Date.now() + delay, why);
  }
  /** A dead connection (suspended machine, pulled cable) says nothing: ask, and give up when nothing comes. */
  private watch(): void {
    if (!this.socket) return;
    const quiet = Date.now() - this.lastHeard;
    if (quiet > SILENCE) this.retry("the server stopped answering");
    else if (quiet > SILENCE / 2 && this.welcomed) this.send({ type: "ping", t: Date.now() });
  }

  private send(message: object): void {
    this.queue.push(JSON.stringify(message));
    if (!this.sending) this.flush();
  }
  private flush(): void {
    const m = this.queue.shift();
    if (m !== undefined && this.socket?.readyState === WebSocket.OPEN) this.socket.send(m);
    this.sending = this.queue.length ? window.setTimeout(() => this.flush(), SEND_EVERY) : 0;
  }

  /** The ticks of what matches, spanMs back from now and on. */
  subscribe(match: readonly string[], spanMs: number): Track {
    const sub: Sub = { id: this.freeId(), match, spanMs, track: new Track(), seq: 0, holeFrom: 0, live: false };
    this.subs.set(sub.id, sub);
    this.start(sub);
    return sub.track;
  }
  unsubscribe(track: Track): void {
    for (const sub of this.subs.values())
      if (sub.track === track) {
        this.subs.delete(sub.id);
        if (sub.live) this.send({ type: "unsubscribe", id: sub.id });
      }
  }
  /** Makes sure that a track reaches back far enough. */
  reach(track: Track, spanMs: number): void {
    for (const sub of this.subs.values())
      if (sub.track === track && sub.spanMs < spanMs) {
        sub.spanMs = spanMs;
        sub.holeFrom = -1;
        this.restart(sub);
      }
  }
  private freeId(): number {
    while (this.subs.has(this.nextId)) this.nextId = (this.nextId % 65535) + 1;
    const id = this.nextId;
    this.nextId = (this.nextId % 65535) + 1;
    return id;
  }
  private start(sub: Sub): void {
    if (!this.welcomed) return;
    const earliest = Date.now() + this.offset - sub.spanMs;
    let from = sub.track.newest;
    if (sub.holeFrom !== 0) from = sub.holeFrom < 0 ? earliest : Math.min(from, sub.holeFrom);
    sub.holeFrom = 0;
    sub.seq = 0;
    sub.live = true;
    this.send({ type: "subscribe", id: sub.id, match: sub.match, from_ms: Math.floor(Math.max(from, earliest)), max_points: 3600 });
  }
  private restart(sub: Sub): void {
    if (!sub.live) return;
    sub.live = false;
    this.send({ type: "unsubscribe", id: sub.id });
    sub.track.disconnected();
    // A new id: what is still under way for the old one must not be taken for the new one's.
    this.subs.delete(sub.id);
    const again: Sub = { ...sub, id: this.freeId(), live: false };
    this.subs.set(again.id, again);
    this.start(again);
  }
  visible(shown: boolean): void {
    if (this.welcomed) this.send({ type: "visibility", hidden: !shown });
    if (shown && !this.socket) this.connect();
  }

  private heard(data: string | ArrayBuffer): void {
    this.lastHeard = Date.now();
    try {
      if (typeof data === "string") this.control(JSON.parse(data) as Record<string, unknown>);
      else this.binary(new DataView(data));
    } catch (e) {
      if (!(e instanceof ProtocolError) && !(e instanceof SyntaxError)) throw e;
      this.retry(`a message could not be read (${e.message})`);
    }
  }
  private binary(view: DataView): void {
    const h: Header = decodeHeader(view);
    const sub = this.subs.get(h.id);
    if (!sub) return;
    if (h.seq !== sub.seq + 1 && sub.seq !== 0) {
      sub.holeFrom = sub.track.newest;
      this.restart(sub);
      return;
    }
    sub.seq = h.seq;
    sub.track.message(view, h);
    if (h.points === 0) return;
    let whole = true;
    for (const other of this.subs.values()) if (other.live && other.track.newest < h.tMs) whole = false;
    this.to.data(sub.track, h.kind, h.tMs, whole);
  }
  private control(m: Record<string, unknown>): void {
    switch (m.type) {
      case "welcome":
        return this.welcome(m);
      case "schema":
        this.subs.get(num(m.id))?.track.schema(num(m.epoch), seriesList(m.series));
        return;
      case "gap":
        return this.gap(num(m.id), gapOf(m));
      case "watched":
        return this.to.watched(Array.isArray(m.gaps) ? m.gaps.map(gapOf) : []);
      case "events":
        return this.to.events(m.events);
      case "status":
        return this.to.status(m.status ?? m);
      case "error":
        console.warn(`sgprobe: ${text(m.code)} ${text(m.message)}`);
        return;
      default:
        return;
    }
  }
  private welcome(m: Record<string, unknown>): void {
    this.attempt = 0;
    this.welcomed = true;
    this.offset = num(m.now_ms) - Date.now();
    this.to.opened({ version: text(m.version), boot_id: text(m.boot_id), now_ms: num(m.now_ms), tick_ms: num(m.tick_ms) || 1000 });
    if (document.hidden) this.send({ type: "visibility", hidden: true });
    for (const sub of [...this.subs.values()]) this.start(sub);
  }
  private gap(id: number, gap: Gap): void {
    this.to.skipped(gap);
    const sub = this.subs.get(id);
    if (!sub) return;
    const first = sub.holeFrom === 0;
    sub.holeFrom = first ? gap.from_ms : Math.min(sub.holeFrom, gap.from_ms);
    // Not at once: a page that is too slow would only make it worse.
    if (first) window.setTimeout(() => this.restart(sub), 3000);
  }
}

function seriesList(v: unknown): SeriesInfo[] {
  if (!Array.isArray(v)) return [];
  const out: SeriesInfo[] = [];
  for (const s of v as Record<string, unknown>[]) {
    if (typeof s?.name !== "string" || typeof s.i !== "number") continue;
    const type = s.type === "histogram" || s.type === "gauge" ? s.type : "counter";
    const labels: Record<string, string> = Object.create(null) as Record<string, string>;
    if (s.labels && typeof s.labels === "object") for (const [k, val] of Object.entries(s.labels)) labels[k] = text(val);
    out.push({ i: s.i, name: s.name, type, labels });
  }
  return out;
}
