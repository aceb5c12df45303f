// SPDX-License-Identifier: GPL-2.0
// Asks sgprobe and a Prometheus that scrapes it the same, and compares: prometheus-same.mjs SGPROBE PROMETHEUS PART.
// Prints what differs, and what was compared as its last line.
import assert from "node:assert/strict";

const [sgprobe, prometheus, part] = process.argv.slice(2);
const runq = "sgprobe_sched_runqueue_latency_seconds";

async function ask(base, path, params = {}, options = {}) {
  const r = await fetch(`${base}${path}?${new URLSearchParams(params)}`, options);
  const text = await r.text();
  return { code: r.status, ...(text.startsWith("{") ? JSON.parse(text) : { text }) };
}
async function good(base, path, params) {
  const r = await ask(base, path, params);
  assert.equal(r.code, 200, `${path} ${JSON.stringify(params)}: ${r.error}`);
  return r.data.result ?? r.data;
}
/** Labels as a key, without those that a scrape adds. */
function key({ job, instance, ...labels }) {
  return JSON.stringify(Object.entries(labels).sort());
}
const of = (expr, job) => expr.replaceAll("JOB", job ? `job="${job}"` : "");

// What Prometheus answers was scraped up to a second ago, of a tick that is up to a second or two older. So it lies within what
// sgprobe answers for the seconds before, give or take what the times of samples do to rates.
const queries = {
  'sgprobe_sched_threads{JOB}': 0, 'sgprobe_load{JOB}': 0, 'sgprobe_memory_total_bytes{JOB} / 1024 ^ 2': 0,
  'sgprobe_memory_available_bytes{JOB} > 0': 0.01, 'sum by (mode) (sgprobe_cpu_seconds_total{JOB})': 0,
  'sgprobe_sched_forks_total{JOB} - sgprobe_sched_exits_total{JOB}': 0, 'histogram_count(RUNQ{JOB})': 0, 'histogram_sum(RUNQ{JOB})': 0,
  'histogram_quantile(0.5, RUNQ{JOB})': 0.02, 'histogram_quantile(0.99, RUNQ{JOB})': 0.02, 'histogram_fraction(0, 0.001, RUNQ{JOB})': 0.02,
  'rate(sgprobe_sched_switches_total{JOB}[10s])': 0.25, 'increase(sgprobe_sched_wakeups_total{JOB}[10s])': 0.25,
  'sum(rate(sgprobe_cpu_seconds_total{JOB}[10s]))': 0.25, 'histogram_count(rate(RUNQ{JOB}[10s]))': 0.25,
  'histogram_sum(rate(RUNQ{JOB}[10s])) / histogram_count(rate(RUNQ{JOB}[10s]))': 0.3, 'histogram_quantile(0.5, sum(rate(RUNQ{JOB}[10s])))': 0.3,
  'max_over_time(sgprobe_memory_available_bytes{JOB}[10s])': 0.02, 'avg_over_time(sgprobe_sched_threads{JOB}[10s])': 0.1,
  'topk(1, sgprobe_load{JOB})': 0, 'count(sgprobe_cpu_seconds_total{JOB})': 0,
  'label_replace(sgprobe_load{JOB}, "p", "$1", "period", "(.*)m")': 0, 'max_over_time(sum(sgprobe_sched_threads{JOB})[10s:1s])': 0.1,
};

async function compareQuery(expr, slack, t) {
  const text = expr.replaceAll("RUNQ", runq);
  const theirs = await good(prometheus, "/api/v1/query", { query: of(text, "live"), time: t });
  const ours = await good(sgprobe, "/api/v1/query_range", { query: of(text), start: t - 5, end: t, step: 0.25 });
  const wrong = [];
  const known = new Map(ours.map((s) => [key(s.metric), s]));
  if (!theirs.length !== !ours.length) wrong.push(`${theirs.length} series there, ${ours.length} here`);
  for (const s of theirs) {
    const values = known.get(key(s.metric))?.values?.map((v) => +v[1]) ?? [];
    const v = +s.value[1], low = Math.min(...values), high = Math.max(...values), room = slack * Math.max(Math.abs(low), Math.abs(high)) + 1e-9;
    if (!(v >= low - room && v <= high + room) && !(Number.isNaN(v) && values.every(Number.isNaN)))
      wrong.push(`${key(s.metric)}: ${v} there, ${low} to ${high} here`);
  }
  return wrong.map((w) => `${text}: ${w}`);
}

function sameSample(a, b) {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  const near = (x, y) => x === y || Math.abs(x - y) <= 4e-16 * Math.abs(y);
  return a.count === b.count && a.sum === b.sum && a.buckets.length === b.buckets.length &&
    a.buckets.every(([rule, low, high, n], i) => rule === b.buckets[i][0] && near(+low, +b.buckets[i][1]) && near(+high, +b.buckets[i][2]) && n === b.buckets[i][3]);
}

const parts = {
  async queries() {
    const list = Object.entries(queries).filter(([q]) => !q.includes("== bool"));
    const t = Math.floor(Date.now() / 1000) - 1;
    const wrong = [];
    for (const [q, slack] of list) wrong.push(...(await compareQuery(q, slack, t)));
    assert.deepEqual(wrong, []);
    return `${list.length} queries have the same answers`;
  },

  // Federation carries the times of samples, so there is no difference of sampling: equal to the last bit, buckets and all.
  // Only the bounds of buckets, which Prometheus takes from a table that is not rounded to the nearest, may be off by that bit.
  async federated() {
    let hists = 0, floats = 0;
    for (const name of [runq, "sgprobe_sched_oncpu_seconds", "sgprobe_cpu_seconds_total", "sgprobe_load", "sgprobe_memory_free_bytes"]) {
      const theirs = await good(prometheus, "/api/v1/query", { query: `${name}{job="federated"}[5s]` });
      const known = new Map((await good(sgprobe, "/api/v1/query", { query: `${name}[15s]` })).map((s) => [key(s.metric), s]));
      assert.ok(theirs.length, name);
      for (const s of theirs) {
        const mine = known.get(key(s.metric));
        assert.ok(mine, `${name} ${key(s.metric)}`);
        for (const kind of ["values", "histograms"])
          for (const [time, value] of s[kind] ?? []) {
            const same = mine[kind].find(([at]) => at === time);
            assert.ok(sameSample(same?.[1], value), `${name} at ${time}: ${JSON.stringify(same?.[1])} ${JSON.stringify(value)}`);
            kind === "values" ? floats++ : hists++;
          }
      }
    }
    assert.ok(hists > 4 && floats > 20, `${hists} ${floats}`);
    return `${hists} histograms and ${floats} floats that were federated are the same to the last bit`;
  },

  async exemplars() {
    const now = Date.now() / 1000, params = { query: runq, start: now - 60, end: now };
    const theirs = (await good(prometheus, "/api/v1/query_exemplars", params)).filter((s) => s.seriesLabels.job === "live");
    const ours = await good(sgprobe, "/api/v1/query_exemplars", params);
    const known = new Set(ours[0].exemplars.map((e) => `${e.value} ${JSON.stringify(e.labels)}`));
    assert.ok(theirs[0].exemplars.length);
    for (const e of theirs[0].exemplars) {
      const labels = Object.fromEntries(Object.entries(e.labels).sort(([a], [b]) => ours[0] && order(a) - order(b)));
      assert.ok(known.has(`${e.value} ${JSON.stringify(labels)}`), JSON.stringify(e));
    }
    return "exemplars arrive";
  },

  async errors() {
    const bad = [
      ["query", {}], ["query", { query: "" }], ["query", { query: "a +" }], ["query", { query: "1", time: "x" }], ["query", { query: "1", timeout: "x" }],
      ["query", { query: "sum(1, 2)" }], ["query", { query: "nope(a)" }], ["query", { query: "a{b=~\"(\"}" }], ["query", { query: "a + on(x) group_left(x) b" }],
      ["query_range", { query: "1" }], ["query_range", { query: "1", start: 1, end: "x", step: 1 }], ["query_range", { query: "1", start: 1, end: 0, step: 1 }],
      ["query_range", { query: "1", start: 0, end: 9, step: 0 }], ["query_range", { query: "1", start: 0, end: 9, step: -1 }], ["query_range", { query: "1", start: 0, end: 9 }],
      ["query_range", { query: "1", start: 0, end: 9, step: "x" }], ["query_range", { query: "1", start: 0, end: 200000, step: 1 }],
      ["query_range", { query: "a[1m]", start: 0, end: 9, step: 1 }], ["query_range", { query: '"a"', start: 0, end: 9, step: 1 }],
      ["series", {}], ["series", { "match[]": "a{" }], ["series", { "match[]": "a", start: "x" }], ["labels", { "match[]": "a[" }], ["label/a-b/values", {}],
      ["query_exemplars", {}], ["query_exemplars", { query: "a +" }], ["query_exemplars", { query: "a", start: 9, end: 1 }],
      ["format_query", {}], ["format_query", { query: "a +" }], ["metadata", { limit: "x" }],
    ];
    const words = [];
    for (const [path, params] of bad) {
      const [theirs, ours] = await Promise.all([prometheus, sgprobe].map((base) => ask(base, `/api/v1/${path}`, params)));
      const what = `${path} ${JSON.stringify(params)}`;
      assert.deepEqual([ours.code, ours.errorType], [theirs.code, theirs.errorType], what);
      if (ours.error !== theirs.error) words.push(`${what}\n  there: ${theirs.error}\n  here:  ${ours.error}`);
    }
    // Patterns have another parser here, and three sentences are better.
    assert.ok(words.length <= 5, words.join("\n"));
    for (const path of ["rules", "alerts"]) assert.deepEqual(await ask(sgprobe, `/api/v1/${path}`), await ask(prometheus, `/api/v1/${path}`));
    const form = { method: "POST", body: new URLSearchParams({ query: "vector(1)", time: 7 }) };
    assert.deepEqual(await ask(sgprobe, "/api/v1/query", {}, form), await ask(prometheus, "/api/v1/query", {}, form));
    return `${bad.length} errors have the same status and type, ${bad.length - words.length} the same words`;
  },

  async layout() {
    const exprs = [...Object.keys(queries).map((q) => of(q.replaceAll("RUNQ", runq))), "a[90m] offset -1w", "sum(a)without()", "a*on(x)group_left b", "-1e6", "{a='b\\n'}",
      `histogram_quantile(0.99,sum by(job,instance)(rate(${runq}{job="api",status!~"5.."}[5m])))/on(job)group_left(team)topk(5,avg_over_time(sum(rate(x_total[1m]))[30m:1m]))`];
    for (const query of exprs) assert.equal(await good(sgprobe, "/api/v1/format_query", { query }), await good(prometheus, "/api/v1/format_query", { query }));
    return `${exprs.length} expressions are laid out the same`;
  },
};
const order = (name) => ["pid", "tid", "comm", "cgroup", "stack"].indexOf(name);

console.log(await parts[part]());
