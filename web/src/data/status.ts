// SPDX-License-Identifier: GPL-2.0
// The daemon's status document, with every field checked: the page may be newer or older than the daemon.

export interface ProbeState {
  name: string;
  up: boolean;
  variant: string;
  reason: string;
}
export interface Process {
  name: string;
  pid: number;
  restarts: number;
}
export interface Status {
  version: string;
  host: string;
  startMs: number;
  store: { ok: boolean; message: string; bytes: number; lostFrames: number; oldestMs: number; quarantined: string };
  processes: Process[];
  probes: ProbeState[];
  lagSeconds: number;
}

type Doc = Record<string, unknown>;
const obj = (v: unknown): Doc => (v && typeof v === "object" && !Array.isArray(v) ? (v as Doc) : {});
const text = (v: unknown): string => (typeof v === "string" ? v : "");
const num = (v: unknown): number => (typeof v === "number" && Number.isFinite(v) ? v : 0);

export function readStatus(v: unknown): Status {
  const d = obj(v);
  const store = obj(d.store);
  return {
    version: text(d.version), host: text(d.host), startMs: num(d.start_ms),
    store: {
      ok: store.ok !== false, message: text(store.message), bytes: num(store.bytes),
      lostFrames: num(store.lost_frames), oldestMs: num(store.oldest_ms), quarantined: text(store.quarantined),
    },
    processes: Object.entries(obj(d.processes)).map(([name, p]) => ({ name, pid: num(obj(p).pid), restarts: num(obj(p).restarts) })),
    probes: (Array.isArray(d.probes) ? d.probes : []).map((p) => ({
      name: text(obj(p).name), up: obj(p).up === true, variant: text(obj(p).variant), reason: text(obj(p).reason),
    })),
    lagSeconds: num(obj(d.tick).lag_seconds),
  };
}
