// SPDX-License-Identifier: GPL-2.0
// Every tick of the fake machine has known values, so each test says exactly which ticks a client must have seen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Ws, startServer } from "./http-lib.mjs";

const hist = "sgprobe_sched_runqueue_latency_seconds", counter = "sgprobe_sched_switches_total", gauge = "sgprobe_load1";
const SNAPSHOT = 1, DELTA = 2, BACKFILL = 3, LAST = 1, RESET = 2;
let s;
before(async () => (s = await startServer(19432)));
after(async () => assert.equal(await s.stop(), 0));

async function open(options) {
  const ws = await Ws.open(s, options);
  assert.equal(ws.status, 101);
  await ws.next((m) => m.type === "welcome");
  return ws;
}
const isData = (id) => (m) => m.kind !== undefined && m.id === id;
/** All messages of one subscription up to and with the one that ends a snapshot or backfill. */
async function past(ws, id = 1) {
  const messages = [];
  do messages.push(await ws.next(isData(id), "data"));
  while (!(messages.at(-1).flags & LAST) || messages.at(-1).kind === DELTA);
  return { messages, points: messages.flatMap((m) => m.points), last: messages.at(-1) };
}
const times = (points) => points.map((p) => p.t_ms);
const range = (from, to) => Array.from({ length: (to - from) / 1000 }, (_, i) => from + (i + 1) * 1000);
const series = (schema, name) => schema.series.find((x) => x.name === name).i;

test("the past, then every tick, without hole or double", async () => {
  const ws = await open();
  const from = s.newest - 100_000;
  ws.send({ type: "subscribe", id: 1, match: [hist, `{__name__="${gauge}"}`, counter], from_ms: from });
  const schema = await ws.next((m) => m.type === "schema");
  assert.deepEqual(schema.series.map((x) => [x.name, x.type]).sort(), [[gauge, "gauge"], [hist, "histogram"], [counter, "counter"]].sort());
  const { points, last, messages } = await past(ws);
  const seam = s.newest;
  await s.do("tick 20");
  const live = [];
  for (let i = 0; i < 20; i++) live.push(await ws.next(isData(1)));
  assert.deepEqual([...times(points), ...live.map((m) => m.t_ms)], range(from, s.newest));
  assert.ok(messages.every((m) => m.kind === SNAPSHOT) && live.every((m) => m.kind === DELTA && m.points.length === 1));
  assert.equal(last.t_ms, seam);
  assert.deepEqual([...messages, ...live].map((m) => m.seq), [...messages, ...live].map((_, i) => i + 1));
  for (const p of [...points, ...live.flatMap((m) => m.points)]) {
    assert.equal(p.entries.get(series(schema, gauge)), ((p.t_ms / 1000) % 100) + 2);
    assert.equal(p.entries.get(series(schema, counter)), ((p.t_ms / 1000) % 100) + 1);
    const n = ((p.t_ms / 1000) % 7) + 1;
    assert.deepEqual(p.entries.get(series(schema, hist)), { count: n + 2, sum: 0.5, buckets: [[-100, n], [-60, 2]] });
  }
  ws.close();
});

test("ticks that come while the past is read are neither lost nor double", async () => {
  const ws = await open();
  const from = s.newest - 5000;
  await s.do("delay 400");
  ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: from });
  await s.until((st) => st.reads > 0, "the read has begun");
  for (let i = 0; i < 10; i++) await s.do("tick 1");
  await s.do("delay 0");
  const got = [];
  while (got.at(-1) !== s.newest) got.push(...times((await ws.next(isData(1))).points));
  assert.deepEqual(got, range(from, s.newest));
  ws.close();
});

test("more ticks than are kept, while the past is read, are read too", async () => {
  const ws = await open();
  const from = s.newest - 5000;
  await s.do("delay 600");
  ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: from });
  await new Promise((ok) => setTimeout(ok, 100));
  for (let i = 0; i < 80; i++) await s.do("tick 1");
  await s.do("delay 0");
  const got = [], kinds = new Set();
  while (got.at(-1) !== s.newest) {
    const m = await ws.next(isData(1));
    kinds.add(m.kind);
    got.push(...times(m.points));
  }
  assert.deepEqual(got, range(from, s.newest));
  assert.ok(kinds.has(BACKFILL));
  ws.close();
});

test("a long past comes in pieces, the newest max_points of it, and says when it is cut", async () => {
  const ws = await open();
  ws.send({ type: "subscribe", id: 1, match: [hist, gauge], from_ms: s.newest - 7_000_000, max_points: 100_000 });
  const all = await past(ws);
  assert.equal(all.points.length, 3600);
  assert.ok(all.messages.length > 1);
  assert.equal(all.messages[0].flags & RESET, RESET, "it does not reach back to from_ms");
  assert.deepEqual(all.messages.slice(0, -1).filter((m) => m.flags & LAST), []);
  ws.send({ type: "subscribe", id: 2, match: [gauge], from_ms: s.newest - 7_000_000, max_points: 10 });
  assert.deepEqual(times((await past(ws, 2)).points), range(s.newest - 10_000, s.newest));
  ws.send({ type: "subscribe", id: 3, match: [gauge], from_ms: s.newest });
  const none = await past(ws, 3);
  assert.equal(none.points.length, 0);
  assert.equal(none.last.flags, LAST, "nothing is missing");
  ws.send({ type: "subscribe", id: 4, match: [gauge] });
  assert.equal((await past(ws, 4)).points.length, 0);
  ws.close();
});

test("resuming from the last point closes the hole", async () => {
  let ws = await open();
  ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: s.newest - 3000 });
  const got = times((await past(ws)).points);
  await s.do("tick 2");
  for (let i = 0; i < 2; i++) got.push((await ws.next(isData(1))).t_ms);
  ws.close();
  await s.do("tick 30");
  ws = await open();
  ws.send({ type: "subscribe", id: 9, match: [gauge], from_ms: got.at(-1) });
  const rest = await past(ws, 9);
  assert.equal(rest.messages[0].flags & RESET, 0);
  got.push(...times(rest.points));
  assert.deepEqual(got, range(got[0] - 1000, s.newest));
  ws.close();
});

test("a hidden page gets nothing, and the hole when it shows again", async () => {
  const ws = await open();
  ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: s.newest });
  await past(ws);
  ws.send({ type: "visibility", hidden: true });
  ws.send({ type: "ping", t: 1 });
  await ws.next((m) => m.type === "pong");
  const from = s.newest;
  await s.do("tick 40");
  ws.send({ type: "ping", t: 2 });
  const seen = [];
  await ws.next((m) => (seen.push(m), m.type === "pong"));
  assert.equal(seen.filter((m) => m.kind !== undefined).length, 0);
  ws.send({ type: "visibility", hidden: false });
  const back = await past(ws);
  assert.ok(back.messages.every((m) => m.kind === BACKFILL));
  assert.deepEqual(times(back.points), range(from, s.newest));
  await s.do("tick 1");
  assert.equal((await ws.next(isData(1))).t_ms, s.newest);
  ws.close();
});

test("series that appear later are added to the schema before they are used", async () => {
  const ws = await open();
  ws.send({ type: "subscribe", id: 1, match: ['{__name__=~"sgprobe_syscall_.+"}'], from_ms: s.newest });
  const first = await ws.next((m) => m.type === "schema");
  assert.deepEqual(first.series, []);
  await past(ws);
  await s.do("extra 450");
  await s.do("tick 1");
  const known = new Map();
  const delta = await ws.next((m) => {
    if (m.type === "schema") {
      assert.equal(m.epoch, first.epoch);
      for (const x of m.series) known.set(x.i, x.labels.syscall);
    }
    return isData(1)(m);
  });
  assert.equal(known.size, 450);
  for (const i of delta.points[0].entries.keys()) assert.match(known.get(i), /^call\d+$/);
  await s.do("extra 0");
  ws.close();
});

test("two clients with the same selectors get the same, each in its own numbering", async () => {
  const [a, b] = [await open(), await open()];
  a.send({ type: "subscribe", id: 7, match: [gauge], from_ms: s.newest });
  b.send({ type: "subscribe", id: 8, match: [gauge], from_ms: s.newest });
  await past(a, 7);
  await past(b, 8);
  await s.do("tick 1");
  const [x, y] = [await a.next(isData(7)), await b.next(isData(8))];
  assert.deepEqual(x.points, y.points);
  a.close();
  await s.do("tick 1");
  assert.equal((await b.next(isData(8))).seq, y.seq + 1);
  b.close();
});

test("what cannot be subscribed is an error, and the connection stays", async () => {
  const ws = await open();
  const bad = [
    [{ id: 0, match: [gauge] }, "bad_id"], [{ id: 70000, match: [gauge] }, "bad_id"], [{ id: "1", match: [gauge] }, "bad_id"],
    [{ id: 5 }, "bad_match"], [{ id: 5, match: gauge }, "bad_match"], [{ id: 5, match: [] }, "bad_match"], [{ id: 5, match: [1] }, "bad_match"],
    [{ id: 5, match: ["rate(x[1m])"] }, "bad_match"], [{ id: 5, match: ['{a=~"("}'] }, "bad_match"], [{ id: 5, match: Array(17).fill(gauge) }, "bad_match"],
    [{ id: 5, match: [gauge], from_ms: 1e300 }, "bad_range"], [{ id: 5, match: [gauge], max_points: -1 }, "bad_range"],
  ];
  for (const [keys, code] of bad) {
    ws.send({ type: "subscribe", ...keys });
    const e = await ws.next((m) => m.type === "error");
    assert.equal(e.code, code, JSON.stringify(keys));
    await new Promise((ok) => setTimeout(ok, 60));
  }
  ws.send({ type: "subscribe", id: 5, match: [gauge], from_ms: s.newest });
  await past(ws, 5);
  ws.send({ type: "subscribe", id: 5, match: [gauge] });
  assert.equal((await ws.next((m) => m.type === "error")).code, "bad_id");
  ws.send({ type: "something-new", id: 5, a: { b: 1 } });
  ws.send({ type: "unsubscribe", id: 5 });
  ws.send({ type: "unsubscribe", id: 5 });
  ws.send({ type: "subscribe", id: 5, match: [gauge], from_ms: s.newest });
  assert.equal((await past(ws, 5)).last.seq, 1);
  ws.close();
});

test("a client that does not read is moved to the newest tick and told which it missed", async () => {
  const ws = await open();
  await s.do("extra 3000"); // some 30 KB a tick
  await s.do("tick 1");
  ws.send({ type: "subscribe", id: 1, match: ['{__name__=~".+"}'], from_ms: s.newest });
  await past(ws);
  const { gaps } = (await s.do("stats"), s.stats);
  ws.s.pause();
  for (let i = 0; i < 400; i++) await s.do("tick 1");
  await s.until((st) => st.gaps > gaps, "it is behind");
  ws.s.resume();
  const got = [], missed = [];
  while (got.at(-1) !== s.newest) {
    const m = await ws.next();
    if (m.type === "gap") missed.push(...range(m.from_ms, m.to_ms));
    if (isData(1)(m)) got.push(m.t_ms);
  }
  assert.ok(missed.length > 0);
  const all = [...got, ...missed].sort((x, y) => x - y);
  assert.deepEqual(all, range(all[0] - 1000, s.newest), "every tick was sent or named");
  await s.do("extra 0");
  ws.close();
});

test("a slow reader does not slow another client or the pusher", async () => {
  const [slow, quick] = [await open(), await open()];
  await s.do("extra 3000");
  await s.do("tick 1");
  for (const ws of [slow, quick]) ws.send({ type: "subscribe", id: 1, match: ['{__name__=~".+"}'], from_ms: s.newest });
  await past(quick);
  await past(slow);
  slow.s.pause();
  for (let i = 0; i < 150; i++) {
    await s.do("tick 1");
    assert.equal((await quick.next(isData(1))).t_ms, s.newest);
  }
  await s.do("extra 0");
  slow.close();
  quick.close();
});

test("a store that fails gives an error, and the present all the same", async () => {
  const ws = await open();
  await s.do("fail 110");
  ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: s.newest - 5000 });
  assert.equal((await ws.next((m) => m.type === "error")).code, "timeout");
  assert.equal((await past(ws)).last.flags, LAST | RESET);
  await s.do("fail 0");
  await s.do("tick 1");
  assert.equal((await ws.next(isData(1))).t_ms, s.newest);
  ws.close();
});

test("status and gaps are told when they change", async () => {
  await s.do('status {"v":1}');
  const ws = await open();
  assert.deepEqual((await ws.next((m) => m.type === "status")).status, { v: 1 });
  await s.do('status {"v":1}');
  await s.do('status {"v":2}');
  assert.deepEqual((await ws.next((m) => m.type === "status")).status, { v: 2 });
  ws.close();
  const again = await open();
  assert.deepEqual((await again.next((m) => m.type === "watched")).gaps, [{ from_ms: 1000, to_ms: 5000, reason: 'probe "restarted"' }]);
  again.close();
});

test("a message that comes with the handshake is heard", async () => {
  const ws = await Ws.open(s, { early: '{"type":"ping","t":5}' });
  assert.equal((await ws.next((m) => m.type === "pong")).t, 5);
  ws.close();
});

test("clients that come and go leave nothing behind", async () => {
  for (let i = 0; i < 60; i++) {
    const ws = await open();
    ws.send({ type: "subscribe", id: 1, match: [gauge], from_ms: s.newest - 3_000_000 });
    if (i % 3) await past(ws);
    ws.close();
    await s.do("tick 1");
  }
  await s.until((st) => st.clients === 0, "all are gone");
});
