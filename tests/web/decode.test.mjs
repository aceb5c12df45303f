// SPDX-License-Identifier: GPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { message, point } from "../../web/dev/encode.mjs";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load, web } from "./bundle.mjs";

const { decodeHeader, decodePoints, ProtocolError } = await load("core/decode.ts");

function collect(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = [];
  const h = decodeHeader(view);
  decodePoints(view, h, {
    point: (t) => out.push(["point", t]),
    scalar: (i, v) => out.push(["scalar", i, v]),
    hist: (i, count, sum, index, counts, n) => out.push(["hist", i, count, sum, [...index.slice(0, n)], [...counts.slice(0, n)]]),
  });
  return { h, out };
}
const hist = { count: 1_000_003, sum: 1.5, buckets: [[-239, 1], [-100, 1_000_000], [54, 2]] };
const sample = () =>
  message({
    kind: 1, flags: 3, id: 65535, seq: 7, epoch: 9, tMs: 1_795_000_001_000,
    points: [point(1_795_000_000_000, [[0, 0.25], [300, hist]]), point(1_795_000_001_000, [[70_000, -3]])],
  });

test("a message is decoded as the protocol describes it", () => {
  const { h, out } = collect(sample());
  assert.deepEqual(h, { kind: 1, flags: 3, id: 65535, seq: 7, tMs: 1_795_000_001_000, stepMs: 1000, epoch: 9, points: 2 });
  assert.deepEqual(out, [
    ["point", 1_795_000_000_000], ["scalar", 0, 0.25], ["hist", 300, 1_000_003, 1.5, [-239, -100, 54], [1, 1_000_000, 2]],
    ["point", 1_795_000_001_000], ["scalar", 70_000, -3],
  ]);
});

test("the bytes of a known message are what they are", () => {
  const bytes = Buffer.from(
    "02000100010000" + "00e803000000000000e80300000100000001000000" + "1a000000" + "e803000000000000" + "01000000" + "0501" + "03" + "0000000000000840" + "01" + "2703",
    "hex",
  );
  const { out } = collect(bytes);
  assert.deepEqual(out, [["point", 1000], ["hist", 5, 3, 3, [-20], [3]]]);
});

test("the protocol's test vectors are read as it says", () => {
  const doc = readFileSync(join(web, "../docs/PROTOCOL.md"), "utf8");
  const vector = (name) => Buffer.from(new RegExp("```vector " + name + "\n([^`]+)```").exec(doc)[1].replace(/\s/g, ""), "hex");
  const delta = collect(vector("delta"));
  assert.deepEqual([delta.h.kind, delta.h.id, delta.h.seq, delta.h.epoch, delta.h.tMs], [2, 7, 300, 2, 1_700_000_000_000]);
  assert.deepEqual(delta.out, [["point", 1_700_000_000_000], ["scalar", 0, 1.5], ["scalar", 200, 3], ["hist", 1, 5, 0.25, [-100, -60], [3, 2]]]);
  const empty = collect(vector("empty"));
  assert.deepEqual([empty.h.kind, empty.h.flags, empty.h.id, empty.h.points], [1, 3, 65535, 0]);
});

test("a message cut at any byte is refused", () => {
  const whole = sample();
  for (let n = 0; n < whole.length; n++) {
    const cut = Buffer.from(whole.subarray(0, n));
    assert.throws(() => collect(cut), ProtocolError, `cut at ${n}`);
    if (n >= 32) cut.writeUInt32LE(n - 32, 28);
    assert.throws(() => collect(cut), ProtocolError, `cut at ${n} with its length corrected`);
  }
});

test("bytes after the last point are refused", () => {
  const m = Buffer.concat([sample(), Buffer.from([0])]);
  m.writeUInt32LE(m.length - 32, 28);
  assert.throws(() => collect(m), /after the last point/);
});

test("a bucket index outside the range is refused", () => {
  const p = point(1000, [[1, { count: 1, sum: 1, buckets: [[5000, 1]] }]]);
  assert.throws(() => collect(message({ kind: 2, id: 1, seq: 1, epoch: 1, tMs: 1000, points: [p] })), /bucket index/);
});

test("a varint that does not end is refused", () => {
  const p = Buffer.concat([point(1000, []), Buffer.alloc(12, 0xff)]);
  p.writeUInt32LE(1, 8);
  assert.throws(() => collect(message({ kind: 2, id: 1, seq: 1, epoch: 1, tMs: 1000, points: [p] })), ProtocolError);
});

test("random bytes never do anything but fail cleanly", () => {
  let seed = 1;
  const next = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16;
  for (let i = 0; i < 3000; i++) {
    const m = sample();
    for (let k = 0; k < 4; k++) m[32 + (next() % (m.length - 32))] = next() & 255;
    try {
      collect(m);
    } catch (e) {
      assert.ok(e instanceof ProtocolError, String(e));
    }
  }
});
