// SPDX-License-Identifier: GPL-2.0
// Data messages of the feed, as docs/PROTOCOL.md describes them: bytes in, calls to a sink out.

export const SNAPSHOT = 1;
export const DELTA = 2;
export const BACKFILL = 3;
export const FLAG_LAST = 1;
export const FLAG_RESET = 2;

export interface Header {
  kind: number;
  flags: number;
  id: number;
  seq: number;
  tMs: number;
  stepMs: number;
  epoch: number;
  points: number;
}

/** Receives the points of a message in order; the arrays of hist() are reused by the next call. */
export interface Sink {
  point(tMs: number): void;
  scalar(series: number, value: number): void;
  hist(series: number, count: number, sum: number, index: Int32Array, counts: Float64Array, n: number): void;
}

export class ProtocolError extends Error {}

const HEADER = 32;
const MAX_BUCKETS = 2049; // indexes -1024 … 1024
const scratchIndex = new Int32Array(MAX_BUCKETS);
const scratchCounts = new Float64Array(MAX_BUCKETS);

class Reader {
  at = 0;
  constructor(readonly view: DataView) {}

  private need(n: number): number {
    const at = this.at;
    if (at + n > this.view.byteLength) throw new ProtocolError(`message ends at byte ${this.view.byteLength}`);
    this.at = at + n;
    return at;
  }
  u8(): number {
    return this.view.getUint8(this.need(1));
  }
  u16(): number {
    return this.view.getUint16(this.need(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.need(4), true);
  }
  u64(): number {
    const at = this.need(8);
    const v = this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
    if (v > Number.MAX_SAFE_INTEGER) throw new ProtocolError("number above 2^53");
    return v;
  }
  f64(): number {
    return this.view.getFloat64(this.need(8), true);
  }
  /** LEB128. Arithmetic, not shifts: counts exceed 32 bits. */
  varint(): number {
    let scale = 1;
    let v = 0;
    for (let i = 0; i < 10; i++) {
      const b = this.u8();
      v += (b & 0x7f) * scale;
      if (v > Number.MAX_SAFE_INTEGER) throw new ProtocolError("varint above 2^53");
      if (b < 0x80) return v;
      scale *= 128;
    }
    throw new ProtocolError("varint longer than 10 bytes");
  }
  zigzag(): number {
    const v = this.varint();
    return v % 2 === 0 ? v / 2 : -(v + 1) / 2;
  }
}

export function decodeHeader(view: DataView): Header {
  if (view.byteLength < HEADER) throw new ProtocolError("message shorter than its header");
  const r = new Reader(view);
  const h: Header = {
    kind: r.u8(), flags: r.u8(), id: r.u16(), seq: r.u32(), tMs: r.u64(),
    stepMs: r.u32(), epoch: r.u32(), points: r.u32(),
  };
  const payload = r.u32();
  if (payload !== view.byteLength - HEADER) throw new ProtocolError(`payload length ${payload} in a message of ${view.byteLength} bytes`);
  return h;
}

function decodeHist(r: Reader, series: number, sink: Sink): void {
  const count = r.varint();
  const sum = r.f64();
  const n = r.varint();
  if (n > MAX_BUCKETS) throw new ProtocolError(`${n} buckets`);
  let index = 0;
  for (let i = 0; i < n; i++) {
    index += r.zigzag();
    if (index < -1024 || index > 1024) throw new ProtocolError(`bucket index ${index}`);
    scratchIndex[i] = index;
    scratchCounts[i] = r.varint();
  }
  sink.hist(series, count, sum, scratchIndex, scratchCounts, n);
}

/** Decodes all points; throws ProtocolError when the message is torn. */
export function decodePoints(view: DataView, h: Header, sink: Sink): void {
  const r = new Reader(view);
  r.at = HEADER;
  for (let p = 0; p < h.points; p++) {
    sink.point(r.u64());
    const entries = r.u32();
    for (let e = 0; e < entries; e++) {
      const series = r.varint();
      const kind = r.u8();
      if (kind === 0) sink.scalar(series, r.f64());
      else if (kind === 1) decodeHist(r, series, sink);
      else throw new ProtocolError(`entry of kind ${kind}`);
    }
  }
  if (r.at !== view.byteLength) throw new ProtocolError(`${view.byteLength - r.at} bytes after the last point`);
}
