// SPDX-License-Identifier: GPL-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./bundle.mjs";

const hist = await load("core/hist.ts");
const { AMOUNTS, TIMES } = hist;
const { RING, HistRing, ScalarRing } = await load("core/ring.ts");
const colour = await load("core/colour.ts");
const time = await load("core/time.ts");
const units = await load("core/units.ts");
const text = await load("core/text.ts");
const { finds } = await load("core/search.ts");
const { judge, usual, worst } = await load("core/health.ts");
const { STATES, threadRows } = await load("data/threads.ts");

const dense = (pairs) => {
  const d = new Float64Array(hist.ROWS);
  for (const [i, n] of pairs) d[TIMES.rowOf(i)] += n;
  return d;
};
const near = (a, b) => assert.ok(Math.abs(a - b) <= 1e-12 * Math.abs(b), `${a} is not ${b}`);

test("a quantile is interpolated in the logarithm, as histogram_quantile does", () => {
  // One bucket (2^(-1/8), 1]: p = 2^(lo + (hi - lo) · fraction).
  const one = dense([[0, 10]]);
  near(TIMES.quantile(one, 0.5), 2 ** (-1 / 8 + 1 / 16));
  near(TIMES.quantile(one, 1), 1);
  near(TIMES.quantile(one, 0), 2 ** (-1 / 8));
  // Two buckets: rank 0.5 · 4 = 2 lies in the second, a third of it in.
  const two = dense([[8, 1], [16, 3]]);
  near(TIMES.quantile(two, 0.5), 2 ** (15 / 8 + (1 / 8) * (1 / 3)));
  // A rank on a bucket's end belongs to that bucket.
  near(TIMES.quantile(two, 0.25), 2);
});

test("quantiles of an empty histogram and outside 0…1 are as in PromQL", () => {
  assert.ok(Number.isNaN(TIMES.quantile(dense([]), 0.5)));
  assert.equal(TIMES.quantile(dense([[0, 1]]), -0.1), -Infinity);
  assert.equal(TIMES.quantile(dense([[0, 1]]), 1.1), Infinity);
  assert.ok(Number.isNaN(TIMES.quantile(dense([[0, 1]]), NaN)));
});

test("several quantiles in one pass equal each alone", () => {
  let seed = 7;
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let k = 0; k < 200; k++) {
    const d = dense(Array.from({ length: 1 + Math.floor(next() * 40) }, () => [Math.floor(next() * 290) - 239, 1 + Math.floor(next() * 1000)]));
    const out = [0, 0, 0];
    TIMES.quantiles(d, [0.5, 0.9, 0.99], out);
    [0.5, 0.9, 0.99].forEach((q, i) => near(out[i], TIMES.quantile(d, q)));
  }
});

test("bucket bounds are powers of the eighth root of two", () => {
  const r = TIMES.rowOf(0);
  assert.equal(TIMES.upperOf(r), 1);
  near(TIMES.lowerOf(r), 2 ** (-1 / 8));
  assert.equal(Math.floor(TIMES.positionOf(0.99)), r);
  near(TIMES.valueAt(TIMES.positionOf(3e-6)), 3e-6);
});

test("percentile ranks of a bucket add up", () => {
  const d = dense([[0, 90], [8, 9], [16, 1]]);
  const k = hist.rankOf(d, TIMES.rowOf(8));
  assert.deepEqual([k.below, k.upto, k.total], [0.9, 0.99, 100]);
});

test("a histogram ring gives back what was put in, also after it was written over many times", () => {
  const ring = new HistRing();
  const want = new Map();
  let seed = 3;
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let k = 0; k < 3 * RING; k++) {
    const slot = (k * 7) % RING;
    const n = Math.floor(next() * 30);
    const index = Array.from({ length: n }, (_, i) => i * 3 - 40);
    const counts = index.map(() => 1 + Math.floor(next() * 2 ** 40));
    ring.set(slot, k, index, counts, n);
    want.set(slot, { sum: k, index, counts });
  }
  for (const [slot, w] of want) {
    const d = new Float64Array(hist.ROWS);
    ring.addTo(slot, d, TIMES.row0);
    assert.equal(ring.sum(slot), w.sum);
    assert.deepEqual([...d].filter((x) => x), w.counts);
    w.index.forEach((i, k) => assert.equal(d[i - TIMES.row0], w.counts[k]));
  }
});

test("buckets outside the rows are counted in the first and the last row", () => {
  const ring = new HistRing();
  ring.set(0, 0, [-1024, 1024], [2, 3], 2);
  const d = new Float64Array(hist.ROWS);
  ring.addTo(0, d, TIMES.row0);
  assert.equal(d[0], 2);
  assert.equal(d[hist.ROWS - 1], 3);
});

test("a scalar ring forgets to its empty value", () => {
  const gauge = new ScalarRing(NaN);
  gauge.set(5, 1);
  gauge.clear(5);
  assert.ok(Number.isNaN(gauge.get(5)));
});

test("a colour table grows evenly in lightness", () => {
  const luma = (w) => {
    const lin = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * lin((w & 255) / 255) + 0.7152 * lin(((w >> 8) & 255) / 255) + 0.0722 * lin(((w >> 16) & 255) / 255);
  };
  for (const [theme, sign] of [["dark", 1], ["light", -1]]) {
    const t = colour.table(theme);
    assert.equal(t.length, 256);
    for (let i = 4; i < 256; i += 4) assert.ok(sign * (luma(t[i]) - luma(t[i - 4])) > 0, `${theme} at ${i}`);
  }
});

test("an outlier of one event stays visible beside a million, in either scale", () => {
  for (const how of ["rank", "sqrt"]) {
    const c = new colour.Census();
    for (let i = 0; i < 100; i++) c.add(1e6);
    c.add(1);
    const s = colour.scale(c, how);
    assert.ok(s[colour.binOf(1)] >= 25, how);
    assert.ok(s[colour.binOf(1e6)] === 255, how);
    assert.ok(s[colour.binOf(1)] < s[colour.binOf(1000)], how);
  }
});

test("a range survives the URL, and nonsense becomes the default", () => {
  for (const r of [{ live: 60 }, { live: 3600 }, { from: 1_000_000, to: 2_000_000 }]) assert.deepEqual(time.parseRange(time.formatRange(r)), r);
  for (const bad of [null, "", "x", "5-3", "1-2", "0-99999999999999", "-5-10", "5m "]) assert.deepEqual(time.parseRange(bad), { live: 300 });
});

test("moving and zooming never go past now", () => {
  const w = { from: 0, to: 100_000 };
  assert.deepEqual(time.shift(w, 0.5, 120_000), { from: 20_000, to: 120_000 });
  assert.deepEqual(time.shift(w, -0.5, 120_000), { from: -50_000, to: 50_000 });
  assert.deepEqual(time.zoom(w, 2, 120_000), { from: -80_000, to: 120_000 });
  assert.deepEqual(time.zoom(w, 0.5, 120_000), { from: 25_000, to: 75_000 });
  assert.equal(time.zoom(w, 1e-9, 120_000).to - time.zoom(w, 1e-9, 120_000).from, time.MIN_SPAN);
});

test("columns never outnumber pixels", () => {
  for (const span of [60, 300, 900, 3600, 86_400, 2_678_400]) for (const px of [30, 300, 900, 3000]) assert.ok(span / time.columnStep(span * 1000, px) <= px || time.columnStep(span * 1000, px) === 86400);
});

test("latencies read as people write them", () => {
  const cases = [[0, "0 s"], [1e-9, "1.00 ns"], [1.234e-6, "1.23 µs"], [999.96e-6, "1.00 ms"], [0.0125, "12.5 ms"], [1, "1.00 s"], [90, "1.50 min"], [NaN, "–"]];
  for (const [v, want] of cases) assert.equal(units.seconds(v), want);
  assert.equal(units.secondsShort(2e-3), "2 ms");
  assert.equal(units.bytes(1536), "1.50 KiB");
  assert.equal(units.perSecond(12_345), "12.3 k/s");
  assert.equal(units.percent(0.00001), "< 0.01 %");
  assert.equal(units.percent(1.5), "150 %");
  assert.equal(units.percent(0.99999), "100 %");
  assert.equal(units.percentile(0.99912), "p99.91");
});

test("sizes read as bytes, amounts as plain numbers, and neither as seconds", () => {
  const [size, plain, time] = ["bytes", "", "seconds"].map(units.unitOf);
  assert.equal(size.observed(4096), "4.00 KiB");
  assert.equal(size.observed(3 * 2 ** 20), "3.00 MiB");
  assert.equal(size.short(65536), "64 KiB");
  assert.equal(plain.observed(12_345), "12.3 k");
  assert.equal(plain.text(2.5e6), "2.50 M");
  assert.equal(time.observed(0.0125), "12.5 ms");
  assert.deepEqual([size.noun, plain.noun, time.noun], ["size", "value", "latency"]);
});

test("quantiles and bounds of whole units are whole where a bucket holds one number", () => {
  for (const n of [1, 2, 3, 5, 7, 9]) {
    const row = AMOUNTS.rowOf(Math.ceil(Math.log2(n) * 8));
    for (const v of [AMOUNTS.upperOf(row), AMOUNTS.valueAt(row + 0.5)]) {
      assert.equal(units.unitOf("").observed(v), String(n));
      assert.equal(units.unitOf("bytes").observed(v), `${n} B`);
    }
  }
  assert.equal(units.unitOf("").text(1.4), "1.40", "a mean is not rounded");
});

test("marks of sizes are powers of two, of amounts decimal beyond 50", () => {
  assert.deepEqual(units.unitOf("bytes").marks(900, 9000, 5), [1024, 2048, 4096, 8192]);
  assert.deepEqual(units.unitOf("").marks(90, 2100, 5), [100, 200, 500, 1000, 2000]);
  for (const unit of ["bytes", ""])
    for (const [lo, hi] of [[0.9, 2 ** 40], [1, 16], [3000, 5000]])
      for (const most of [3, 6, 12]) {
        const m = units.unitOf(unit).marks(lo, hi, most);
        assert.ok(m.length <= most && m.every((v, i) => v >= lo && v <= hi && (!i || v > m[i - 1])), `${unit} ${lo} ${hi} ${most}: ${m}`);
      }
});

test("a terabyte has a row of its own, and so has a nanosecond", () => {
  assert.equal(AMOUNTS.upperOf(AMOUNTS.rowOf(312)), 2 ** 39);
  assert.equal(TIMES.rowOf(-239), 9);
  assert.equal(hist.rowsOf("bytes"), AMOUNTS);
  assert.equal(hist.rowsOf("seconds"), TIMES);
});

test("what was typed is found word by word, in any order and case", () => {
  assert.ok(finds("run lat", "Run-queue latency"));
  assert.ok(finds("LATENCY sched_run", "Run-queue latency", "sgprobe_sched_runqueue_latency_seconds"));
  assert.ok(finds("", "anything"));
  assert.ok(!finds("run disk", "Run-queue latency"));
});

test("axis marks are few, ascending and inside", () => {
  for (const [lo, hi] of [[1e-9, 100], [3e-6, 4e-5], [0.9, 5]])
    for (const most of [3, 6, 12]) {
      const m = units.logMarks(lo, hi, most);
      assert.ok(m.length <= Math.max(most, 3) && m.every((v, i) => v >= lo && v <= hi && (!i || v > m[i - 1])), `${lo} ${hi} ${most}: ${m}`);
    }
});

test("what is invisible or turns the line around is made visible", () => {
  assert.equal(text.visible("a\u0000\u001b[31m\u007f"), "a␀␛[31m␡");
  assert.equal(text.visible("evil\u202egpj"), "evil⟨U+202E⟩gpj");
  assert.equal(text.visible("a\u200b\u2066b\ufeff"), "a⟨U+200B⟩⟨U+2066⟩b⟨U+FEFF⟩");
  assert.equal(text.visible("ok \ud800 x 😀 ümlaut"), "ok ⟨U+D800⟩ x 😀 ümlaut");
});

test("a selector cannot be left by its label's value", () => {
  assert.equal(text.selector("m", { comm: 'x"} or y\\\n' }), 'm{comm="x\\"} or y\\\\\\n"}');
});

test("a hundred metrics are asked for in messages that the server takes", () => {
  const names = Array.from({ length: 100 }, (_, i) => `sgprobe_cgroup_domain${i}_something_latency_seconds`);
  const lists = text.messages(names);
  assert.deepEqual(lists.flat(), names);
  const labels = { cgroup: "system.slice/nginx.service" };
  for (const list of lists) {
    const match = text.selectors(list, labels);
    assert.ok(match.length <= 16 && match.every((m) => m.length < 1024 + 100 && m.includes('cgroup="system.slice/nginx.service"')));
    assert.ok(match.every((m) => /"([^"]*)"/.exec(m)[1].length <= 1024));
    assert.ok(JSON.stringify({ type: "subscribe", id: 65535, match, from_ms: Date.now(), max_points: 3600 }).length <= 4096);
  }
  assert.deepEqual(text.selectors([]), []);
  assert.deepEqual(text.selectors(["up"]), ["up"]);
});

test("the worst thing is said first", () => {
  const fine = { connected: true, lastMs: 1, ageMs: 0, dropped: 0, refused: [], storeTrouble: "", latencies: [], known: 600 };
  assert.equal(judge(fine).level, "good");
  assert.match(judge({ ...fine, connected: false }).text, /Not connected/);
  assert.match(judge({ ...fine, ageMs: 12_000 }).text, /12 s old/);
  const many = judge({ ...fine, dropped: 3, refused: [{ name: "tcp", reason: "" }], storeTrouble: "disk full" });
  assert.equal(many.level, "bad");
  assert.match(many.text, /disk full/);
  assert.equal(many.more.length, 2);
  const slow = { title: "Run-queue latency", now: 5e-3, usual: 5e-4, slowIsBad: true, events: 1000 };
  assert.match(judge({ ...fine, latencies: [slow] }).text, /Run-queue latency: p99 is 5.00 ms, 10 times/);
  assert.equal(judge({ ...fine, latencies: [{ ...slow, slowIsBad: false }] }).level, "good");
});

test("few events, or microseconds, are no news", () => {
  assert.equal(worst([{ title: "a", now: 1, usual: 0.01, slowIsBad: true, events: 3 }]), null);
  assert.equal(worst([{ title: "a", now: 9e-6, usual: 1e-6, slowIsBad: true, events: 1000 }]), null);
});

test("what is usual is the ninth decile of at least a minute", () => {
  assert.ok(Number.isNaN(usual([1, 2, 3])));
  assert.equal(usual([9, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1]), 2);
});

test("the time of threads is a row for each cgroup, the busiest first", () => {
  const time = (cgroup, state, value) => ({ labels: { cgroup, state }, value });
  const rows = threadRows(
    [time("/web", "network", 30), time("/web", "sleeping", 5), time("/db", "running", 0.5), time("/db", "runnable", 0.7), time("/db", "lock", 0.1), time("/db", "new state", 1)],
    [{ labels: { victim: "/db", culprit: "/batch" }, value: 0.6 }, { labels: { victim: "/db", culprit: "/web" }, value: 0.1 }, { labels: { victim: "/gone", culprit: "/web" }, value: 9 }],
  );
  assert.deepEqual(rows.map((r) => r.cgroup), ["/db", "/web"]);
  const [db, web] = rows;
  assert.equal(db.parts[STATES.findIndex(([s]) => s === "runnable")], 0.7);
  near(db.awake, 1.3);
  assert.equal(db.asleep, 1);
  assert.deepEqual([db.culprit, db.kept], ["/batch", 0.6]);
  assert.deepEqual([web.awake, web.asleep, web.culprit], [30, 5, ""]);
});
