// SPDX-License-Identifier: GPL-2.0
// Data messages as docs/PROTOCOL.md has them, from plain objects; for the fake daemon and the tests.

export function varint(out, v) {
  let x = v;
  while (x >= 128) {
    out.push((x % 128) | 128);
    x = Math.floor(x / 128);
  }
  out.push(x);
}
const zigzag = (out, v) => varint(out, v < 0 ? -v * 2 - 1 : v * 2);
function f64(out, v) {
  const b = Buffer.alloc(8);
  b.writeDoubleLE(v);
  out.push(...b);
}

/** entry: [series, value] or [series, { count, sum, buckets: [[index, count]…] }]. */
export function point(tMs, entries) {
  const out = [];
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(tMs));
  head.writeUInt32LE(entries.length, 8);
  for (const [i, v] of entries) {
    varint(out, i);
    if (typeof v === "number") {
      out.push(0);
      f64(out, v);
      continue;
    }
    out.push(1);
    varint(out, v.count);
    f64(out, v.sum);
    varint(out, v.buckets.length);
    let before = 0;
    for (const [index, n] of v.buckets) {
      zigzag(out, index - before);
      varint(out, n);
      before = index;
    }
  }
  return Buffer.concat([head, Buffer.from(out)]);
}
export function message({ kind, flags = 0, id, seq, epoch, points, tMs }) {
  const payload = Buffer.concat(points);
  const h = Buffer.alloc(32);
  h[0] = kind;
  h[1] = flags;
  h.writeUInt16LE(id, 2);
  h.writeUInt32LE(seq, 4);
  h.writeBigUInt64LE(BigInt(tMs), 8);
  h.writeUInt32LE(1000, 16);
  h.writeUInt32LE(epoch, 20);
  h.writeUInt32LE(points.length, 24);
  h.writeUInt32LE(payload.length, 28);
  return Buffer.concat([h, payload]);
}
