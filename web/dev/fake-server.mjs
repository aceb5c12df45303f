// SPDX-License-Identifier: GPL-2.0
// A daemon without a kernel: serves the built dashboard with the real headers and a made-up machine, and can
// misbehave on request. For the browser tests, and for work on the page:
//   node build.mjs /tmp/web && node dev/fake-server.mjs /tmp/web 19440
import { createServer } from "node:http";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { message, point } from "./encode.mjs";
import { accept } from "./websocket.mjs";
import { GROUPS, NASTY, catalog, matcher, sample, series } from "./world.mjs";

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", txt: "text/plain; charset=utf-8" };

export class FakeServer {
  clients = new Set();
  epoch = 1;
  bootId = "1";
  /** Seconds before now for which the machine has samples. */
  past = 900;
  born = Math.floor(Date.now() / 1000);
  silent = false;
  empty = false;
  holes = [];
  refused = false;
  subscribed = [];
  /** Newest first, as the API answers. */
  events = [];

  constructor(dir) {
    this.files = new Map();
    for (const f of readdirSync(dir)) this.files.set(`/${f.replace(/\.gz$/, "")}`, readFileSync(join(dir, f)));
    this.http = createServer((q, a) => this.answer(q, a));
    this.http.on("upgrade", (q, socket) => this.upgrade(q, socket));
  }
  async listen(port) {
    this.port = port;
    await new Promise((ok, bad) => this.http.once("error", bad).listen(port, "127.0.0.1", ok));
    this.schedule();
  }
  schedule() {
    // The next second is made before it begins, so that a tick costs what it costs a real daemon.
    const next = Math.floor(Date.now() / 1000) + 1;
    for (const c of this.clients) for (const sub of c.subs.values()) this.encoded(sub, next);
    this.timer = setTimeout(() => {
      this.tick();
      this.schedule();
    }, 1000 - (Date.now() % 1000) + 2);
  }
  async stop() {
    clearTimeout(this.timer);
    for (const c of this.clients) c.ws.destroy();
    this.http.closeAllConnections();
    await new Promise((ok) => this.http.close(ok));
  }

  // What a test can do to it.
  /** Cuts all connections and takes no new ones until resume(). */
  cut() {
    this.down = true;
    for (const c of this.clients) c.ws.destroy();
  }
  resume() {
    this.down = false;
  }
  /** Loses ticks for all clients, as for slow ones: told by a gap message, or only to be seen by the sequence. */
  lose(seconds, told) {
    this.lost = { until: Math.floor(Date.now() / 1000) + seconds, from: Math.floor(Date.now() / 1000), told };
  }
  restart() {
    this.bootId = String(Number(this.bootId) + 1);
    this.epoch += 10;
    for (const c of this.clients) c.ws.destroy();
  }
  /** Something happens now: all clients are told. */
  happen(kind, severity, text, t_ms = Date.now()) {
    const title = kind[0].toUpperCase() + kind.slice(1).replaceAll("_", " ");
    const e = { t_ms, kind, severity, title, text, fields: {} };
    this.events.unshift(e);
    for (const c of this.clients) if (!c.hidden) c.ws.text({ type: "events", more: 0, events: [e] });
  }
  status() {
    return {
      version: "0.1.0-fake", boot_id: this.bootId, host: "fake", ready: true, start_ms: this.born * 1000 - this.past * 1000, now_ms: Date.now(),
      processes: { supervisor: { pid: 1, restarts: 0 }, probe: { pid: 2, restarts: 0 }, server: { pid: 3, restarts: 0 } },
      tick: { t_ms: Math.floor(Date.now() / 1000) * 1000, tick_ms: 1000, late: false, lag_seconds: 0.002 },
      store: { ok: true, message: "", frames: 1, lost_frames: 0, bytes: 5 << 20, blocks: 9, bad_blocks: 0, oldest_ms: 0, newest_ms: 0, quarantined: "" },
      probes: [
        ...["sched", "syscall", "tcp"].map((name) => ({
          name, up: !(this.refused && name === "tcp"), variant: "tp_btf", reason: this.refused && name === "tcp" ? "the kernel refused tcp_rtt: no BTF" : "",
        })),
        { name: "mem", up: false, variant: "", reason: "switched off: probe.mem is false" },
      ],
    };
  }

  has(t) {
    return !this.empty && t >= this.born - this.past && t <= Date.now() / 1000 && !this.holes.some(([a, b]) => t > a && t <= b);
  }
  /** Every second since the last one that was sent: this process may have been held up. */
  tick() {
    const now = Math.floor(Date.now() / 1000);
    for (let t = Math.max(this.ticked ?? now - 1, now - 60) + 1; t <= now; t++) this.tickOf(t);
    this.ticked = now;
  }
  tickOf(t) {
    if (this.silent || !this.has(t)) return;
    if (this.lost && t <= this.lost.until) {
      if (!this.lost.told) for (const c of this.clients) for (const sub of c.subs.values()) sub.seq++;
      return;
    }
    if (this.lost?.told)
      for (const c of this.clients) for (const sub of c.subs.values()) c.ws.text({ type: "gap", id: sub.id, from_ms: this.lost.from * 1000, to_ms: this.lost.until * 1000, reason: "slow" });
    this.lost = null;
    for (const c of this.clients) {
      if (c.hidden) continue;
      for (const sub of c.subs.values()) this.send(c, sub, 2, 0, [t]);
    }
  }
  encoded(sub, t) {
    if (sub.next?.t === t) return sub.next.bytes;
    const bytes = point(t * 1000, entries(sub.series, t));
    if (t * 1000 > Date.now()) sub.next = { t, bytes };
    return bytes;
  }
  send(c, sub, kind, flags, ticks) {
    const points = ticks.map((t) => this.encoded(sub, t));
    const last = ticks.length ? ticks[ticks.length - 1] : Math.floor(Date.now() / 1000);
    c.ws.binary(message({ kind, flags, id: sub.id, seq: ++sub.seq, epoch: this.epoch, points, tMs: last * 1000 }));
    sub.sent = last;
  }
  upgrade(q, socket) {
    if (this.down || q.url !== "/feed" || !q.headers["sec-websocket-protocol"]?.includes("sgprobe.v1")) return socket.destroy();
    const c = { ws: accept(q, socket, "sgprobe.v1"), subs: new Map(), hidden: false };
    this.clients.add(c);
    c.ws.onclose = () => this.clients.delete(c);
    c.ws.ontext = (m) => this.control(c, m);
    c.ws.text({ type: "welcome", proto: 1, version: "0.1.0-fake", boot_id: this.bootId, now_ms: Date.now(), tick_ms: 1000, limits: {} });
    c.ws.text({ type: "status", status: this.status() });
  }
  control(c, m) {
    if (m.type === "subscribe") this.subscribe(c, m);
    else if (m.type === "unsubscribe") c.subs.delete(m.id);
    else if (m.type === "ping") c.ws.text({ type: "pong", t: m.t, now_ms: Date.now() });
    else if (m.type === "visibility") {
      c.hidden = m.hidden;
      if (!c.hidden) for (const sub of c.subs.values()) this.past_(c, sub, 3, sub.sent);
    }
  }
  subscribe(c, m) {
    // The real one's limits.
    if (JSON.stringify(m).length > 4096 || m.match.length > 16 || m.match.some((x) => x.length > 1024)) return c.ws.text({ type: "error", id: m.id, code: "bad_match", message: "too long" });
    const tests = m.match.map(matcher);
    const sub = { id: m.id, seq: 0, sent: 0, series: series.filter((s) => tests.some((f) => f(s))) };
    this.subscribed.push(m);
    c.ws.text({ type: "schema", id: m.id, epoch: this.epoch, series: sub.series.map(({ i, name, type, labels }) => ({ i, name, type, labels })) });
    c.subs.set(m.id, sub);
    this.past_(c, sub, 1, Math.floor((m.from_ms ?? Date.now()) / 1000));
  }
  past_(c, sub, kind, after) {
    const now = Math.floor(Date.now() / 1000);
    const ticks = [];
    for (let t = Math.max(after + 1, now - 3599); t <= now; t++) if (this.has(t)) ticks.push(t);
    if (this.silent) ticks.length = 0;
    for (let i = 0; i < ticks.length || i === 0; i += 60) {
      const part = ticks.slice(i, i + 60);
      this.send(c, sub, kind, i + 60 >= ticks.length ? 1 : 0, part);
    }
  }

  answer(q, a) {
    const url = new URL(q.url, "http://localhost");
    const json = (doc, code = 200) => {
      a.writeHead(code, { "Content-Type": "application/json", "Content-Security-Policy": CSP });
      a.end(JSON.stringify(doc));
    };
    if (this.down) return void q.socket.destroy();
    const routes = {
      "/api/sg/v1/catalog": () => json({ groups: GROUPS, metrics: catalog }),
      "/api/sg/v1/status": () => json(this.status()),
      "/api/sg/v1/gaps": () => json({ gaps: this.holes.map(([x, y]) => ({ from_ms: x * 1000, to_ms: y * 1000, reason: "restart" })) }),
      "/api/v1/events": () => json({ status: "success", data: { events: this.events.filter((e) => e.t_ms >= Number(url.searchParams.get("start")) * 1000) } }),
      "/api/sg/v1/heat": () => json(this.heat(url.searchParams)),
      "/api/v1/query_exemplars": () => json({ status: "success", data: this.exemplars(url.searchParams) }),
    };
    if (routes[url.pathname]) return routes[url.pathname]();
    const label = /^\/api\/v1\/label\/(\w+)\/values$/.exec(url.pathname);
    if (label) {
      const tests = url.searchParams.getAll("match[]").map(matcher);
      const f = (s) => tests.some((t) => t(s));
      return json({ status: "success", data: [...new Set(series.filter(f).map((s) => s.labels[label[1]]).filter(Boolean))] });
    }
    const path = url.pathname === "/" ? "/index.html" : url.pathname;
    const file = this.files.get(path);
    if (!file) return json({ error: "not found" }, 404);
    a.writeHead(200, {
      "Content-Type": TYPES[path.split(".").pop()], "Content-Encoding": "gzip", "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff",
      "Cache-Control": /-[0-9a-f]{10}\./.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
    });
    a.end(file);
  }
  /** One every ten seconds; every third has a stack. */
  exemplars(p) {
    const f = matcher(p.get("query"));
    const from = Number(p.get("start"));
    const to = Number(p.get("end"));
    const one = (t) => {
      const n = Math.floor(t / 10);
      const known = n % 3 === 0;
      return {
        labels: { pid: String(4000 + (n % 50)), tid: String(4000 + (n % 50)), comm: n % 7 === 0 ? NASTY : "postgres", cgroup: "db.service" },
        value: String(0.004 + (n % 9) * 0.001), timestamp: t - 0.25, cpu: n % 4, cgroup: "db.service", kernel: known ? 2 : 0,
        frames: known ? ["main", "exec_query", "do_syscall_64", "futex_wait"] : [],
      };
    };
    const times = [];
    for (let t = Math.ceil(from / 10) * 10; t <= to; t += 10) times.push(t);
    return series.filter(f).slice(0, 1).map((s) => ({ seriesLabels: { __name__: s.name, ...s.labels }, exemplars: times.map(one) }));
  }
  heat(p) {
    const f = matcher(p.get("match"));
    const list = series.filter(f);
    const step = Number(p.get("step"));
    const columns = [];
    for (let end = Math.ceil(Number(p.get("from")) / step) * step; end <= Number(p.get("to")); end += step) {
      const sum = new Map();
      let count = 0;
      let total = 0;
      // A few seconds of each column are enough for a picture.
      const stride = Math.ceil(step / 5000);
      for (let t = (end - step) / 1000 + 1; t <= end / 1000; t += stride) {
        if (t > Date.now() / 1000) break;
        for (const s of list) {
          const h = sample(s, t);
          count += h.count;
          total += h.sum;
          for (const [i, n] of h.buckets) sum.set(i, (sum.get(i) ?? 0) + n);
        }
      }
      if (count) columns.push([end, count, total, [...sum].sort((x, y) => x[0] - y[0])]);
    }
    return { name: list[0]?.name, labels: {}, unit: catalog.find((m) => m.name === list[0]?.name)?.unit ?? "seconds", schema: 3, from_ms: Number(p.get("from")), to_ms: Number(p.get("to")), step_ms: step, columns };
  }
}

const made = new Map();
function entries(list, t) {
  const out = [];
  for (const s of list) {
    const key = s.i * 2 ** 32 + t;
    let v = made.get(key);
    if (!v) {
      v = sample(s, t);
      made.set(key, v);
      if (made.size > 400_000) made.clear();
    }
    if (s.type === "histogram") {
      if (v.count > 0) out.push([s.i, v]);
    } else if (s.type === "gauge" || v.value !== 0) out.push([s.i, v.value]);
  }
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = new FakeServer(process.argv[2]);
  await server.listen(Number(process.argv[3] ?? 19440));
  console.log(`http://127.0.0.1:${server.port}/`);
}
