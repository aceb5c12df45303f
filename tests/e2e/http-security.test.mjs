// SPDX-License-Identifier: GPL-2.0
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { Ws, frame, get, raw, startServer } from "./http-lib.mjs";

let s;
before(async () => (s = await startServer(19433)));
after(async () => assert.equal(await s.stop(), 0, "the server ended by itself, not by a signal"));
const alive = async () => assert.equal((await get(s, "/-/healthy")).status, 200, "the server lives");

test("a foreign Host is 421, on pages, the API and the feed", async () => {
  for (const host of ["evil.example", "127.0.0.1.evil.example", "evil.example:19433", "localhost.evil.example", "0.0.0.0", "[::2]", "user@localhost", ""])
    for (const path of ["/", "/api/sg/v1/status", "/feed"]) assert.equal((await get(s, path, { Host: host })).status, 421, host);
  assert.equal((await get(s, "/", { Host: null })).status, 421);
  assert.equal((await Ws.open(s, { headers: { Host: "evil.example" } })).status, 421);
});

test("its own names are served, by any port", async () => {
  for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "127.9.9.9", "[::1]:19433", "probe.example", "probe.example.:443"])
    assert.equal((await get(s, "/", { Host: host })).status, 200, host);
});

test("a foreign Origin is 403, on GET and on the upgrade", async () => {
  for (const Origin of ["http://evil.example", "null", "https://127.0.0.1:1", "http://localhost:19433", "http://127.0.0.1:19433.evil.example", "file://"]) {
    assert.equal((await get(s, "/api/sg/v1/status", { Origin })).status, 403, Origin);
    assert.equal((await Ws.open(s, { headers: { Origin } })).status, 403, Origin);
  }
  assert.equal((await get(s, "/", { Origin: "http://127.0.0.1:19433" })).status, 200);
  const ws = await Ws.open(s, { headers: { Origin: "http://127.0.0.1:19433" } });
  assert.equal(ws.status, 101);
  ws.close();
});

test("only GET and HEAD", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI"]) {
    const r = await get(s, "/", {}, { method });
    assert.equal(r.status, 405, method);
    assert.equal(r.headers.allow, "GET, HEAD");
  }
});

test("no path leads out of the table of files", async () => {
  const paths = ["/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2fetc/passwd", "/%2e%2e%2fetc%2fpasswd", "/a/../../etc/passwd",
    "/%c0%ae%c0%ae/etc/passwd", "/%00", "/index.html%00.png", "/..%5c..%5cetc", "/\\..\\etc", "/./index.html", "/%", "/%4", "/%zz", "/%ff", "/\u00e4", "//etc/passwd",
    "/%25%32%65%25%32%65/etc/passwd", "/index.html/", "/.git/config", "/index.html.gz.gz"];
  for (const p of paths) {
    const r = await get(s, p);
    assert.ok(r.status === 400 || r.status === 404, `${p}: ${r.status}`);
    assert.doesNotMatch(r.body.toString(), /root:/);
  }
  assert.equal((await raw(s, "GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 400);
  assert.equal((await raw(s, "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 400);
  assert.equal((await raw(s, "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 400);
});

test("heads that two readers could read differently are refused", async () => {
  const bad = {
    "GET / HTTP/1.1\nHost: localhost\n\n\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n": 400,
    "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
    "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n": 505,
    "GET /\r\n\r\n": 400,
    "\r\n\r\n": 400,
    "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello": 413,
    "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 413,
    "GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n": 417,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 505,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": 400,
  };
  for (const [head, status] of Object.entries(bad)) assert.equal((await raw(s, Buffer.from(head, "latin1"))).status, status, JSON.stringify(head));
});

test("a body is a form of known length, for who takes one", async () => {
  const ask = (head, body = "", path = "/api/v1/query") =>
    raw(s, `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${head}\r\n${body}`).then((r) => r.status);
  const form = "Content-Type: application/x-www-form-urlencoded\r\n";
  assert.equal(await ask(`${form}Content-Length: 7\r\n`, "query=1"), 200);
  assert.equal(await ask(`Content-Type: application/json\r\nContent-Length: 13\r\n`, '{"query":"1"}'), 415);
  assert.equal(await ask(`Content-Type: application/x-www-form-urlencodedx\r\nContent-Length: 7\r\n`, "query=1"), 415);
  assert.equal(await ask(`${form}Content-Length: 7\r\nContent-Length: 7\r\n`, "query=1"), 400);
  assert.equal(await ask(`${form}Content-Length: 7\r\nContent-Length: 8\r\n`, "query=1"), 400);
  for (const length of ["-1", "+7", "7x", "0x7", "99999999999999999999", "", "7, 7"])
    assert.equal(await ask(`${form}Content-Length: ${length}\r\n`, "query=1"), 400, length);
  assert.equal(await ask(`${form}Content-Length: 262145\r\n`), 413);
  assert.equal(await ask(`${form}Transfer-Encoding: chunked\r\n`, "7\r\nquery=1\r\n0\r\n\r\n"), 413);
  assert.equal(await ask(`${form}Content-Length: 9\r\n`, "query=1\0&"), 400);
  assert.equal(await ask(`${form}Content-Length: 7\r\n`, "query=1", "/api/sg/v1/heat"), 405);
  assert.equal(await ask(`${form}Content-Length: 7\r\n`, "query=1", "/api/sg/v1/probes/add"), 405);
  assert.equal(await ask(`${form}Origin: http://evil.example\r\nContent-Length: 7\r\n`, "query=1"), 403);
  await alive();
});

test("what follows a form is the next request", async () => {
  const one = "POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nquery=1%2B1";
  const r = await raw(s, one + one + "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  assert.equal(r.all.toString().match(/HTTP\/1\.1 200 OK/g).length, 3);
  assert.equal(r.all.toString().match(/,"2"\]/g).length, 2);
});

test("a head over 8 KiB is 431", async () => {
  assert.equal((await get(s, "/", { X: "a".repeat(9000) })).status, 431);
  assert.equal((await get(s, `/${"a".repeat(9000)}`)).status, 431);
  assert.equal((await raw(s, Buffer.alloc(100_000, 65))).status, 431);
  await alive();
});

test("an unknown upgrade is refused, also on a connection that was kept", async () => {
  const keep = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const foo = (up, more = "") => `GET /feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${up}\r\n${more}\r\n`;
  for (const up of ["foo", "h2c", "websocket, h2c", "TLS/1.0", ""]) {
    const more = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    const r = await raw(s, keep + foo(up, more) + "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const statuses = [...r.all.toString().matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => +m[1]);
    assert.deepEqual(statuses, [200, 400, 200], up);
  }
  await alive();
});

test("an upgrade must be whole", async () => {
  const cases = [
    [{ "Sec-WebSocket-Key": null }, 400], [{ "Sec-WebSocket-Key": "short" }, 400], [{ "Sec-WebSocket-Key": "a".repeat(200) }, 400],
    [{ "Sec-WebSocket-Version": 8 }, 426], [{ "Sec-WebSocket-Version": null }, 426], [{ Connection: "keep-alive" }, 400],
    [{ "Sec-WebSocket-Protocol": null }, 400], [{ "Sec-WebSocket-Protocol": "other" }, 400],
  ];
  for (const [headers, status] of cases) assert.equal((await Ws.open(s, { headers })).status, status, JSON.stringify(headers));
  assert.equal((await Ws.open(s, { path: "/api/sg/v1/status" })).status, 400);
  assert.equal((await get(s, "/feed")).status, 426);
});

test("compression of the feed is not offered", async () => {
  const ws = await Ws.open(s, { headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" } });
  assert.equal(ws.status, 101);
  assert.equal(ws.headers["sec-websocket-extensions"], undefined);
  ws.close();
});

test("messages that are none close with 4000", async () => {
  const bad = ["", "{", "[]", "1", "null", '{"type":1}', "{}", '{"type":"ping","type":"ping"}', `{"type":"${"a".repeat(5000)}"}`,
    '{"type":"ping","t":' + "[".repeat(2000) + "]".repeat(2000) + "}", '{"type":"ping"} x', '{"a":"\\u0000"', "\ufeff{}"];
  for (const text of bad) {
    const ws = await Ws.open(s);
    ws.send(text);
    assert.equal(await ws.closed(), 4000, text.slice(0, 40));
    ws.close();
  }
  await alive();
});

test("bad UTF-8, binary and malformed frames close the connection", async () => {
  const frames = [frame(1, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), frame(2, "{}"), frame(3, "x"), Buffer.from([0x81, 0x02, 0x7b, 0x7d]), frame(9, Buffer.alloc(126)), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])];
  for (const f of frames) {
    const ws = await Ws.open(s);
    ws.s.write(f);
    await ws.closed();
    ws.close();
  }
  await alive();
});

test("a message of 5 MB is cut off early", async () => {
  const ws = await Ws.open(s);
  ws.send("a".repeat(5_000_000));
  const code = await ws.closed();
  assert.ok([0, 4000].includes(code), `${code}`);
  ws.close();
  await alive();
});

test("messages come in fragments too, within the same limit", async () => {
  const ws = await Ws.open(s);
  await ws.next((m) => m.type === "welcome");
  ws.s.write(Buffer.concat([frame(1, '{"type":"pi', { fin: false }), frame(9, "hi"), frame(0, 'ng","t":7}')]));
  assert.equal((await ws.next((m) => m.type === "pong")).t, 7);
  for (let i = 0; i < 3; i++) ws.s.write(frame(i ? 0 : 1, "a".repeat(2000), { fin: false }));
  assert.equal(await ws.closed(), 4000);
  ws.close();
});

test("a chatterbox is closed with 4009", async () => {
  const ws = await Ws.open(s);
  for (let i = 0; i < 100; i++) ws.send({ type: "ping", t: i });
  assert.equal(await ws.closed(), 4009);
  ws.close();
});

test("more clients than allowed are 503, and room comes back", async () => {
  await s.until((st) => st.clients === 0, "all clients are gone");
  const all = await Promise.all([1, 2, 3, 4].map(() => Ws.open(s)));
  assert.ok(all.every((ws) => ws.status === 101));
  assert.equal((await Ws.open(s)).status, 503);
  all.forEach((ws) => ws.close());
  await s.until((st) => st.clients === 0, "all clients are gone");
  const ws = await Ws.open(s);
  assert.equal(ws.status, 101);
  ws.close();
});

test("idle connections make room, and half heads do not take the server", async () => {
  const held = [];
  const hold = (text) => new Promise((ok) => {
    const c = net.connect(s.port, "127.0.0.1", () => c.write(text, () => ok(held.push(c))));
    c.on("error", () => {}).on("data", () => {});
  });
  for (let i = 0; i < 80; i++) await hold("GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await alive();
  held.splice(0).forEach((c) => c.destroy());
  for (let i = 0; i < 80; i++) await hold("GET / HTTP/1.1\r\nHost: loc");
  const { refused } = (await s.do("stats"), s.stats);
  await s.until((st) => st.refused >= refused, "refused are counted");
  held.splice(0).forEach((c) => c.destroy());
  await s.until(() => true, "");
  await alive();
});

test("bytes behind a request do not make the server spin", async () => {
  await s.do("delay 1000");
  const c = net.connect(s.port, "127.0.0.1");
  c.on("error", () => {}).on("data", () => {});
  c.write("GET /api/sg/v1/heat?match=sgprobe_load1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + "x".repeat(200_000));
  await new Promise((ok) => setTimeout(ok, 300));
  await alive();
  await s.do("delay 0");
  c.destroy();
});

test("a sender of one byte at a time gets 408 after 30 s", { timeout: 60_000 }, async () => {
  const c = net.connect(s.port, "127.0.0.1");
  const head = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
  let i = 0;
  const timer = setInterval(() => c.write(i < head.length ? head[i++] : "y"), 200);
  const t0 = Date.now();
  const answer = await new Promise((ok) => {
    const parts = [];
    c.on("data", (d) => parts.push(d)).on("error", () => {}).on("close", () => ok(Buffer.concat(parts).toString()));
  });
  clearInterval(timer);
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.ok(Date.now() - t0 < 40_000);
});
