// SPDX-License-Identifier: GPL-2.0
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import net from "node:net";
import { dechunk, get, json, parseResponse, post, raw, startServer } from "./http-lib.mjs";

const hist = "sgprobe_sched_runqueue_latency_seconds";
let s;
before(async () => (s = await startServer(19431)));
after(async () => assert.equal(await s.stop(), 0));

test("every answer carries the strict headers", async () => {
  for (const path of ["/", "/nope", "/api/sg/v1/status", "/-/healthy", "/api/v1/query"]) {
    const { headers: h } = await get(s, path);
    assert.match(h["content-security-policy"], /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/);
    assert.equal(h["x-content-type-options"], "nosniff", path);
    assert.equal(h["referrer-policy"], "no-referrer");
    assert.equal(h["cross-origin-opener-policy"], "same-origin");
    assert.equal(h["cross-origin-resource-policy"], "same-origin");
    assert.ok(h["cache-control"]);
    assert.ok(!("server" in h) && !("access-control-allow-origin" in h));
  }
});

test("ready follows the first tick", async () => {
  await s.do("ready 0");
  assert.equal((await get(s, "/-/ready")).status, 503);
  await s.do("ready 1");
  assert.equal((await get(s, "/-/ready")).status, 200);
  assert.equal((await get(s, "/-/healthy")).status, 200);
});

test("a connection serves several requests, also when they come at once", async () => {
  const one = `GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const last = `HEAD /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  const r = await raw(s, one + one + last);
  assert.equal(r.all.toString().match(/HTTP\/1\.1 200 OK/g).length, 3);
  assert.equal(r.all.toString().match(/sgprobe is healthy/g).length, 2, "HEAD has no body");
});

test("the status document is what was handed in", async () => {
  await s.do('status {"version":"x","probes":[]}');
  assert.deepEqual((await json(s, "/api/sg/v1/status")).data, { version: "x", probes: [] });
});

test("the catalog lists metrics with every key", async () => {
  const { metrics, groups } = (await json(s, "/api/sg/v1/catalog")).data;
  assert.ok(metrics.length > 0);
  for (const m of metrics)
    assert.deepEqual(Object.keys(m), ["name", "title", "help", "unit", "type", "group", "label", "labels", "of", "dim"]);
  assert.deepEqual(metrics.find((m) => m.name === "sgprobe_irq_hardirq_seconds").labels, ["irq", "name"]);
  assert.deepEqual(new Set(metrics.map((m) => m.group)), new Set(groups.map((g) => g.name)));
});

test("an instant query answers in Prometheus' envelope", async () => {
  const { status, data } = await json(s, `/api/v1/query?query=sgprobe_load1&time=${s.newest / 1000}`);
  assert.equal(status, 200);
  assert.equal(data.status, "success");
  assert.equal(data.data.resultType, "vector");
  assert.equal(data.data.result[0].value[1], String(((s.newest / 1000) % 100) + 2));
});

test("a range query takes RFC 3339 and a step as a duration", async () => {
  const at = (ms) => encodeURIComponent(new Date(ms).toISOString());
  const { data } = await json(s, `/api/v1/query_range?query=sgprobe_load1&start=${at(s.newest - 10000)}&end=${at(s.newest)}&step=5s`);
  assert.deepEqual(data.data.result[0].values.map((v) => v[0]), [0, 1, 2].map((i) => s.newest / 1000 - 10 + 5 * i));
});

test("bad parameters are 400 bad_data with a sentence that names them", async () => {
  const bad = {
    "/api/v1/query": "query",
    "/api/v1/query?query=1%2B": "parse error",
    "/api/v1/query?query=1&time=soon": "time",
    "/api/v1/query?query=1&timeout=-1": "timeout",
    "/api/v1/query_range?query=1&start=0&end=1&step=0": "step",
    "/api/v1/query_range?query=1&start=0&end=100000000&step=1": "resolution",
    "/api/v1/query_range?query=1&start=5&end=1&step=1": "end",
    "/api/v1/series": "match[]",
    "/api/v1/series?match[]=%7B": "",
    "/api/sg/v1/heat": "match",
    [`/api/sg/v1/heat?match=sgprobe_load1&from=${s.newest - 5000}&to=${s.newest}`]: "gauge",
    [`/api/sg/v1/heat?match=${hist}&from=9&to=1`]: "from",
    [`/api/sg/v1/heat?match=${hist}&from=1.5`]: "from",
    "/api/v1/query?query=%ff": "UTF-8",
    "/api/v1/query?query=%zz": "percent",
    [`/api/v1/query?${"a=1&".repeat(40)}query=1`]: "32",
  };
  for (const [path, word] of Object.entries(bad)) {
    const { status, data } = await json(s, path);
    assert.equal(status, 400, path);
    assert.equal(data.errorType, "bad_data", path);
    assert.ok(data.error.includes(word), `${path}: ${data.error}`);
  }
});

test("lists name what there is", async () => {
  const span = `start=${s.newest / 1000 - 60}&end=${s.newest / 1000}`;
  await s.do("extra 3");
  assert.deepEqual((await json(s, `/api/v1/series?match[]=${hist}&match[]=sgprobe_load1&${span}`)).data.data, [
    { __name__: "sgprobe_load1" }, { __name__: hist }]);
  assert.deepEqual((await json(s, `/api/v1/label/syscall/values?${span}`)).data.data, ["call0", "call1", "call2"]);
  assert.deepEqual((await json(s, `/api/v1/labels?${span}`)).data.data, ["__name__", "syscall"]);
  await s.do("extra 0");
});

test("parameters come by POST as well, in the form before those of the URL", async () => {
  const ask = async (path, form, headers) => {
    const r = await post(s, path, new URLSearchParams(form), headers);
    return { status: r.status, data: JSON.parse(r.body) };
  };
  const time = s.newest / 1000;
  assert.equal((await ask("/api/v1/query?query=3", { query: "1+1", time })).data.data.result[1], "2");
  assert.equal((await ask("/api/v1/query?query=1%2B2", {})).data.data.result[1], "3");
  const range = { query: "sgprobe_load1", start: time - 10, end: time, step: 5 };
  assert.equal((await ask("/api/v1/query_range", range)).data.data.result[0].values.length, 3);
  assert.equal((await ask("/api/v1/series", { "match[]": "sgprobe_load1", start: time - 9, end: time })).data.data.length, 1);
  assert.equal((await ask("/api/v1/labels", { start: time - 9, end: time })).data.data[0], "__name__");
  assert.equal((await ask("/api/v1/format_query", { query: "a+b" })).data.data, "a + b");
  assert.equal((await ask("/api/v1/query_exemplars", { query: "sgprobe_load1" })).status, 200);
  const long = "1" + "+1".repeat(20000); // more than a head may have, in many pieces
  assert.equal((await ask("/api/v1/query", { query: `vector(0)${" ".repeat(60000)}` }, { "Content-Type": "Application/X-WWW-Form-URLEncoded; charset=utf-8" })).status, 200);
  assert.equal((await ask("/api/v1/query", { query: long })).status, 422); // nested too deeply
});

test("a limit shortens lists and vectors, and says so", async () => {
  const span = `start=${s.newest / 1000 - 60}&end=${s.newest / 1000}`;
  await s.do("extra 5");
  for (const [path, count] of [
    [`/api/v1/series?match[]=sgprobe_syscall_calls_total&${span}`, 5], [`/api/v1/label/syscall/values?${span}`, 5],
    [`/api/v1/labels?${span}`, 2], [`/api/v1/query?query=sgprobe_syscall_calls_total&time=${s.newest / 1000}`, 5],
  ]) {
    const list = (r) => r.data.data.result ?? r.data.data;
    assert.equal(list(await json(s, `${path}&limit=0`)).length, count, path);
    const whole = await json(s, `${path}&limit=${count}`);
    assert.equal(list(whole).length, count, path);
    assert.equal(whole.data.warnings, undefined, path);
    const cut = await json(s, `${path}&limit=1`);
    assert.equal(list(cut).length, 1, path);
    assert.deepEqual(cut.data.warnings, ["results truncated due to limit"], path);
  }
  assert.equal((await json(s, "/api/v1/labels?limit=-1")).status, 400);
  await s.do("extra 0");
});

test("metadata, rules and alerts are what Prometheus' are", async () => {
  const { data } = (await json(s, "/api/v1/metadata?metric=" + hist)).data;
  assert.deepEqual(Object.keys(data), [hist]);
  assert.equal(data[hist][0].type, "histogram");
  assert.equal(data[hist][0].unit, "seconds");
  assert.equal(Object.keys((await json(s, "/api/v1/metadata?limit=3")).data.data).length, 3);
  assert.deepEqual((await json(s, "/api/v1/rules")).data, { status: "success", data: { groups: [] } });
  assert.deepEqual((await json(s, "/api/v1/alerts")).data, { status: "success", data: { alerts: [] } });
});

test("scrapers get the form that they ask", async () => {
  const now = Math.floor(Date.now() / 1000) * 1000;
  await s.do(`tick ${(now - s.newest) / 1000}`);
  const text = await get(s, "/metrics");
  assert.equal(text.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.match(text.headers.vary, /Accept/);
  assert.match(text.body.toString(), new RegExp(`^sgprobe_load1 ${((now / 1000) % 100) + 2}$`, "m"));
  const open = await get(s, "/metrics", { Accept: "application/openmetrics-text;version=1.0.0" });
  assert.equal(open.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assert.match(open.body.toString(), /# EOF\n$/);
  const proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  assert.match((await get(s, "/metrics", { Accept: proto })).headers["content-type"], /^application\/vnd\.google\.protobuf; proto=/);
  const some = (await get(s, "/federate?match[]=sgprobe_load1")).body.toString();
  assert.match(some, new RegExp(`^sgprobe_load1 \\d+ ${now}$`, "m"));
  assert.doesNotMatch(some, /switches/);
  assert.equal((await get(s, "/federate")).status, 400);
  assert.equal((await get(s, "/metrics?match[]=%7B")).status, 400);
  assert.equal((await get(s, "/metrics", {}, { method: "POST" })).status, 405);
});

const long = () => `/api/v1/query_range?query=sgprobe_syscall_calls_total&start=${s.newest / 1000 - 600}&end=${s.newest / 1000}&step=1`;

test("a long answer comes in chunks, also compressed, and the connection lives on", async () => {
  await s.do("extra 400");
  const plain = await get(s, long());
  assert.equal(plain.headers["transfer-encoding"], "chunked");
  const { result } = JSON.parse(plain.body).data;
  assert.equal(result.length, 400);
  assert.ok(result.every((r) => r.values.length === 601));
  const packed = await get(s, long(), { "Accept-Encoding": "gzip" });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  const old = await raw(s, `GET ${long()} HTTP/1.0\r\nHost: localhost\r\n\r\n`);
  assert.equal(old.headers["transfer-encoding"], undefined);
  assert.deepEqual(old.body, plain.body);
  const head = await get(s, long(), {}, { method: "HEAD" });
  assert.equal(head.body.length, 0);
  assert.equal(+head.headers["content-length"], plain.body.length);
  const two = await raw(s, `GET ${long()} HTTP/1.1\r\nHost: localhost\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const { all } = two, start = all.indexOf("\r\n\r\n") + 4, next = all.indexOf("HTTP/1.1 200 OK", 10);
  assert.deepEqual(dechunk(all.subarray(start, next)), plain.body);
  assert.equal(parseResponse(all.subarray(next)).body.toString(), "sgprobe is healthy\n");
});

test("a client that takes nothing is cut off at the timeout, and holds up nobody for longer", async () => {
  await s.do("extra 1200");
  const c = net.connect(s.port, "127.0.0.1");
  c.on("error", () => {});
  c.pause();
  await new Promise((ok) => c.once("connect", ok));
  const closed = new Promise((ok) => c.once("close", ok));
  c.write(`GET ${long()}&timeout=2s HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await new Promise((ok) => setTimeout(ok, 200));
  assert.equal((await get(s, "/-/healthy")).status, 200);
  assert.equal((await json(s, "/api/v1/query?query=1%2B1&timeout=10s")).status, 200);
  let got = Buffer.alloc(0);
  c.on("data", (d) => (got = Buffer.concat([got, d])));
  c.resume();
  await closed;
  const { headers, body } = parseResponse(got);
  assert.equal(headers["transfer-encoding"], "chunked");
  assert.equal(dechunk(body), undefined, "a part is not taken for the whole");
  await s.do("extra 0");
});

test("a heat map adds up its ticks per step", async () => {
  const to = Math.floor(s.newest / 7000) * 7000;
  const { data } = await json(s, `/api/sg/v1/heat?match=${hist}&from=${to - 14000}&to=${to}&step=7000`);
  assert.equal(data.name, hist);
  assert.equal(data.schema, 3);
  // Seven ticks: 1 + 2 + … + 7 in the one bucket, 7 × 2 in the other.
  assert.deepEqual(data.columns, [to - 7000, to].map((t) => [t, 42, 3.5, [[-100, 28], [-60, 14]]]));
});

test("gaps are listed with their reasons", async () => {
  assert.deepEqual((await json(s, "/api/sg/v1/gaps")).data, { gaps: [{ from_ms: 1000, to_ms: 5000, reason: 'probe "restarted"' }] });
});

test("a large answer is compressed for those who take it, and only for them", async () => {
  const path = `/api/v1/query_range?query=sgprobe_load1&start=${s.newest / 1000 - 600}&end=${s.newest / 1000}&step=1`;
  const plain = await get(s, path);
  const packed = await get(s, path, { "Accept-Encoding": "br, gzip" });
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal(packed.headers.vary, "Accept-Encoding");
  assert.ok(packed.body.length < plain.body.length / 2);
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  assert.equal((await get(s, path, { "Accept-Encoding": "gzip;q=0" })).headers["content-encoding"], undefined);
});

test("a file of the dashboard has a tag, and is not sent twice", async () => {
  const first = await get(s, "/", { "Accept-Encoding": "gzip" });
  assert.equal(first.status, 200);
  assert.match(first.headers["content-type"], /^text\/html/);
  assert.match(gunzipSync(first.body).toString(), /<!doctype html>/i);
  const again = await get(s, "/", { "Accept-Encoding": "gzip", "If-None-Match": first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
  const plain = await get(s, "/");
  assert.notEqual(plain.headers.etag, first.headers.etag);
  assert.deepEqual(plain.body, gunzipSync(first.body));
});

test("the unix socket answers the same, whatever Host says", async () => {
  assert.equal((await get(s, "/-/healthy", { Host: "evil.example" }, { unix: true })).status, 200);
  assert.equal((await get(s, "/-/healthy", { Host: null }, { unix: true })).status, 200);
});

test("raw frames stream over the unix socket only, whole and in order", async () => {
  assert.equal((await get(s, "/api/sg/v1/frames?seconds=1")).status, 403);
  assert.equal((await get(s, "/api/sg/v1/frames?seconds=0", {}, { unix: true })).status, 400);
  const answer = get(s, "/api/sg/v1/frames?seconds=1", {}, { unix: true });
  const { requests } = s.stats;
  await s.until((st) => st.requests > (requests ?? 0), "the stream is open");
  await s.do("tick 3");
  const r = await answer;
  assert.equal(r.headers["content-type"], "application/octet-stream");
  assert.ok(r.body.length > 3 * 64, `${r.body.length} bytes`);
});

test("a slow query leaves others and the server alone, and ends by itself", async () => {
  await s.do("delay 1500");
  const slow = json(s, "/api/v1/query?query=sgprobe_load1");
  const t0 = Date.now();
  assert.equal((await get(s, "/-/healthy")).status, 200);
  assert.equal((await json(s, "/api/sg/v1/status")).status, 200);
  assert.ok(Date.now() - t0 < 1000);
  await s.do("delay 0");
  assert.equal((await slow).status, 200);
});

test("more requests than can wait are 503, not a growing queue", async () => {
  await s.do("delay 700");
  const all = [];
  for (let i = 0; i < 30; i++) all.push(json(s, "/api/sg/v1/heat?match=" + hist).then((r) => r.status));
  await new Promise((ok) => setTimeout(ok, 300));
  await s.do("delay 0");
  const statuses = await Promise.all(all);
  assert.ok(statuses.includes(200) && statuses.includes(503), statuses.join());
  assert.equal((await json(s, "/api/sg/v1/heat?match=" + hist)).status, 200);
});

test("requests of clients that went away are not worked off", async () => {
  await s.do("stats");
  await s.do("delay 500");
  const before = s.stats.reads;
  const gone = [];
  for (let i = 0; i < 10; i++) gone.push(get(s, `/api/sg/v1/heat?match=${hist}`, {}, { slow: 200 }).catch(() => 0));
  await Promise.all(gone);
  await s.do("delay 0");
  assert.equal((await json(s, "/api/sg/v1/heat?match=" + hist)).status, 200);
  await s.do("stats");
  assert.ok(s.stats.reads - before < 6, `${s.stats.reads - before} reads`);
});

test("a store that fails is an error with its sentence, and is opened again", async () => {
  await s.do("fail 5");
  const { status, data } = await json(s, "/api/v1/query?query=sgprobe_load1");
  assert.equal(status, 500);
  assert.match(data.error, /the fake fails/);
  await s.do("fail 0");
  assert.equal((await json(s, "/api/v1/query?query=sgprobe_load1")).status, 200);
});
