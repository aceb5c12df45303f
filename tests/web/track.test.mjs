// SPDX-License-Identifier: GPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { message, point } from "../../web/dev/encode.mjs";
import { load } from "./bundle.mjs";

const { Track, tickOf } = await load("data/track.ts");
const { Columns, rowRange } = await load("data/columns.ts");
const { decodeHeader } = await load("core/decode.ts");
const { ROWS, TIMES } = await load("core/hist.ts");
const system = await load("data/system.ts");
const { readStatus } = await load("data/status.ts");

const T0 = 1_795_000_000;
const schema = (i = 1) => [
  { i, name: "lat", type: "histogram", labels: {} },
  { i: i + 1, name: "count", type: "counter", labels: {} },
  { i: i + 2, name: "level", type: "gauge", labels: {} },
];
function give(track, ticks, { kind = 1, epoch = 1, flags = 0, first = 1, at = (t) => t * 1000, entries } = {}) {
  const points = ticks.map((t) => point(at(t), entries?.(t) ?? [[first, { count: 2, sum: 0.5, buckets: [[-10, 1], [t % 20, 1]] }], [first + 1, t % 100]]));
  const m = message({ kind, flags, id: 1, seq: 1, epoch, tMs: at(ticks.at(-1)), points });
  const view = new DataView(m.buffer, m.byteOffset, m.length);
  track.message(view, decodeHeader(view));
}
const range = (a, n) => Array.from({ length: n }, (_, i) => a + i);
const value = (track, name, t) => (track.named(name)[0].scalar.get(t % 3600));

test("what a tick leaves out is zero for a counter and unknown for a gauge", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, [T0], { entries: () => [] });
  assert.equal(value(track, "count", T0), 0);
  assert.ok(Number.isNaN(value(track, "level", T0)));
  assert.ok(track.has(T0));
  assert.ok(!track.has(T0 + 1));
});

test("a tick that comes in two parts is the sum of its parts", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, [T0]);
  give(track, [T0], { entries: () => [[3, 7.5]] });
  assert.equal(value(track, "count", T0), T0 % 100);
  assert.equal(value(track, "level", T0), 7.5);
});

test("after a new epoch the same series go on under new numbers", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, range(T0, 5));
  track.disconnected();
  track.schema(2, schema(40));
  give(track, range(T0 + 5, 5), { epoch: 2, first: 40 });
  assert.equal(track.seriesCount, 3);
  for (const t of range(T0, 10)) assert.equal(value(track, "count", t), t % 100);
});

test("data whose schema never came is not put to wrong names", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, [T0], { epoch: 2 });
  assert.ok(!track.has(T0));
});

test("an hour is kept, what is older is let go", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, range(T0, 3600));
  give(track, range(T0 + 3600, 100));
  assert.ok(!track.has(T0 + 50));
  assert.ok(track.has(T0 + 100));
  give(track, [T0 + 50]);
  assert.ok(!track.has(T0 + 50), "older than the ring");
});

test("the reset flag forgets everything", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, range(T0, 5));
  give(track, [T0 + 9], { flags: 2 });
  assert.ok(!track.has(T0));
  assert.ok(track.has(T0 + 9));
});

test("a tick that is a little early or late keeps its second", () => {
  for (const off of [-200, 0, 3, 700]) assert.equal(tickOf(T0 * 1000 + off), T0);
});

test("columns made tick by tick equal columns made at once", () => {
  for (const step of [1, 5]) {
    const track = new Track();
    track.schema(1, schema());
    const moving = new Columns(TIMES);
    for (const t of range(T0, 120)) {
      if (t % 17 === 3) continue;
      give(track, [t]);
      moving.update(track, track.named("lat"), t * 1000, 60 / step, step);
    }
    // A hole is filled afterwards.
    give(track, range(T0, 120).filter((t) => t % 17 === 3));
    moving.update(track, track.named("lat"), (T0 + 119) * 1000, 60 / step, step);
    const whole = new Columns(TIMES);
    whole.update(track, track.named("lat"), (T0 + 119) * 1000, 60 / step, step);
    for (const k of ["cells", "count", "sum", "watched", "p50", "p90", "p99", "max"]) assert.deepEqual(moving[k], whole[k], `${k}, step ${step}`);
    assert.equal(whole.watched[0], step);
  }
});

test("a column is made again when its tick is completed", () => {
  const track = new Track();
  track.schema(1, schema());
  const c = new Columns(TIMES);
  give(track, [T0], { kind: 2, entries: () => [] });
  c.update(track, track.named("lat"), T0 * 1000, 10, 1);
  assert.equal(c.count[c.slot(T0)], 0);
  give(track, [T0], { kind: 2 });
  c.update(track, track.named("lat"), T0 * 1000, 10, 1);
  assert.equal(c.count[c.slot(T0)], 2);
});

test("only columns that changed are made again", () => {
  const track = new Track();
  track.schema(1, schema());
  give(track, range(T0, 60));
  const c = new Columns(TIMES);
  c.update(track, track.named("lat"), (T0 + 59) * 1000, 60, 1);
  const before = c.clock;
  give(track, [T0 + 60]);
  c.update(track, track.named("lat"), (T0 + 60) * 1000, 60, 1);
  assert.equal([...c.stamp].filter((s) => s > before).length, 1);
});

test("another selection of as many series is drawn anew", () => {
  const track = new Track();
  track.schema(1, ["read", "write"].map((operation, k) => ({ i: k + 1, name: "lat", type: "histogram", labels: { operation } })));
  give(track, range(T0, 20), { entries: () => [[1, { count: 5, sum: 1, buckets: [[0, 5]] }], [2, { count: 3, sum: 1, buckets: [[9, 3]] }]] });
  const c = new Columns(TIMES);
  for (const [operation, count] of [["read", 5], ["write", 3]]) {
    c.update(track, track.named("lat").filter((s) => s.labels.operation === operation), (T0 + 19) * 1000, 20, 1, operation);
    assert.ok(c.count.every((n) => n === count), operation);
  }
});

test("columns from the server are placed by their end, and gaps among them are not watched", () => {
  const c = new Columns(TIMES);
  const from = T0 * 1000;
  c.load({ stepMs: 10_000, columns: [[from + 20_000, 3, 0.3, [[0, 3]]]], gaps: [{ from_ms: from + 30_000, to_ms: from + 50_000 }], oldestMs: 0, newestMs: from + 100_000 }, from, from + 60_000);
  assert.equal(c.n, 6);
  assert.equal(c.time(c.first), from + 10_000);
  const s = c.slot(c.first + 1);
  assert.equal(c.count[s], 3);
  assert.equal(c.cells[s * ROWS + TIMES.rowOf(0)], 3);
  assert.deepEqual(range(0, 6).map((i) => c.watched[c.slot(c.first + i)] > 0), [true, true, true, false, false, true]);
});

test("the rows shown are whole octaves and stay while they fit", () => {
  const a = rowRange(TIMES, { lo: 100, hi: 180 }, null);
  assert.ok(a.lo <= 100 && a.hi > 180 && (a.hi - a.lo) % 8 === 0);
  assert.equal(rowRange(TIMES, { lo: a.lo + 9, hi: a.hi - 9 }, a), a);
  assert.notEqual(rowRange(TIMES, { lo: a.lo + 40, hi: a.hi - 1 }, a), a);
});

test("a status document of any shape is read without harm", () => {
  for (const doc of [null, 5, "x", [], {}, { store: 3, probes: {}, processes: [] }, { probes: [null, 1, { name: 7 }] }]) assert.ok(readStatus(doc).store);
  const s = readStatus({ probes: [{ name: "tcp", up: false, reason: "no BTF" }], store: { ok: false, message: "disk full" } });
  assert.deepEqual(s.probes, [{ name: "tcp", up: false, variant: "", reason: "no BTF" }]);
  assert.equal(s.store.ok, false);
});

/** A probe's track with these readings in each of ten seconds: [name, type, labels, value]. */
function says(readings, seconds = 10) {
  const track = new Track();
  track.schema(1, readings.map(([name, type, labels], k) => ({ i: k + 1, name, type, labels })));
  give(track, range(T0, seconds), { entries: () => readings.map((r, k) => [k + 1, r[3]]) });
  return { t: { probe: track, server: new Track() }, last: T0 + seconds - 1 };
}

test("programs are sorted by what they cost, and domains add them up", () => {
  const { t, last } = says([
    ...["sched/a", "sched/b", "tcp/c"].map((program) => ["sgprobe_bpf_program_attached", "gauge", { program, variant: "tp_btf" }, 1]),
    ["sgprobe_bpf_program_attached", "gauge", { program: "sched/z", reason: "fentry: not supported" }, 0],
    ["sgprobe_bpf_runs_total", "counter", { program: "sched/a" }, 1000], ["sgprobe_bpf_run_seconds_total", "counter", { program: "sched/a" }, 1e-4],
    ["sgprobe_bpf_runs_total", "counter", { program: "sched/b" }, 10], ["sgprobe_bpf_run_seconds_total", "counter", { program: "sched/b" }, 5e-4],
    ["sgprobe_bpf_runs_total", "counter", { program: "tcp/c" }, 7],
    ["sgprobe_domain_up", "gauge", { domain: "sched", variant: "tp_btf" }, 1], ["sgprobe_domain_up", "gauge", { domain: "irq", reason: "no BTF" }, 0],
    ["sgprobe_bpf_map_bytes", "gauge", { domain: "sched" }, 4096], ["sgprobe_untimed_total", "counter", { domain: "sched" }, 40], ["sgprobe_governor_budget_seconds", "gauge", {}, 0.01],
    ["sgprobe_governor_step", "gauge", { domain: "sched", reason: "too dear" }, 2], ["sgprobe_governor_step", "gauge", { domain: "irq" }, 0],
    ["sgprobe_cgroup_bpf_seconds_total", "counter", { cgroup: "other" }, 1e-4], ["sgprobe_cgroup_bpf_seconds_total", "counter", { cgroup: "shop" }, 5e-4], ["sgprobe_cgroup_bpf_seconds_total", "counter", { cgroup: "calm" }, 0],
    ["sgprobe_probe_cpu_seconds_total", "counter", {}, 0.002], ["sgprobe_governor_changes_total", "counter", {}, 1],
  ]);
  const list = system.programs(t, last);
  assert.deepEqual(list.map((p) => p.name), ["sched/b", "sched/a", "tcp/c", "sched/z"]);
  assert.deepEqual(list.map((p) => p.reason), ["", "", "", "fentry: not supported"]);
  assert.deepEqual(list.map((p) => p.perSecond), [10, 1000, 7, 0]);
  assert.ok(Math.abs(list[0].ns - 50_000) < 1e-6 && Math.abs(list[1].share - 1e-4) < 1e-12);
  assert.ok(Number.isNaN(list[2].ns), "runs that were not measured yet have no time");
  const [sched, irq] = system.domains(t, last, list);
  assert.deepEqual([sched.up, sched.programs, sched.bytes, sched.untimed], [true, 2, 4096, 40]);
  assert.ok(Math.abs(sched.share - 6e-4) < 1e-12);
  assert.deepEqual([irq.up, irq.reason], [false, "no BTF"]);
  assert.deepEqual([irq.step, sched.step, sched.stepReason], ["full", "sparse", "too dear"]);
  assert.deepEqual(system.payers(t, last).map((p) => p.cgroup), ["shop", "other"]);
  const b = system.budget(t, last, list);
  assert.deepEqual([b.limit, b.changes], [0.01, 10]);
  assert.ok(Math.abs(b.programs - 6e-4) < 1e-12 && Math.abs(b.process - 0.002) < 1e-12);
});

test("losses of ten minutes are added up by reason, the largest first", () => {
  const { t, last } = says([
    ["sgprobe_dropped_total", "counter", { reason: "row_unread" }, 0], ["sgprobe_dropped_total", "counter", { reason: "no_task_state" }, 3],
    ["sgprobe_slots_full_total", "counter", {}, 2], ["sgprobe_slots_used", "gauge", {}, 12], ["sgprobe_pool_used", "gauge", { kind: "rows" }, 5],
    ["sgprobe_balance_error", "gauge", { domain: "sched" }, -4], ["sgprobe_truth_ratio", "gauge", { signal: "forks" }, 0.9],
  ]);
  const l = system.losses(t, last);
  assert.deepEqual(l.dropped, [{ text: "no task state", value: 30 }, { text: "row unread", value: 0 }]);
  assert.deepEqual(l.faults.map((x) => x.value), [4, 20]);
  assert.deepEqual(l.levels.map((x) => x.value), [12, 5]);
  assert.deepEqual(system.truths(t, last), [{ signal: "forks", ratio: 0.9 }]);
  assert.deepEqual(system.truths(t, last + 60), [], "what is no longer reported is no longer shown");
});
