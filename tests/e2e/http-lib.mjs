// SPDX-License-Identifier: GPL-2.0
// A driver for the server over a fake store (tests/unit/http/test_server --serve), a raw HTTP client, a WebSocket
// client that can misbehave, and a decoder of the feed's messages written from docs/PROTOCOL.md alone.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import net from "node:net";
import { createInterface } from "node:readline";

const program = process.env.HTTP_SERVER ?? `${process.env.O ?? "build"}/tests/unit/http/test_server`;

export async function startServer(port) {
  const socket = `/tmp/sg-http-e2e.${process.pid}.${port}`;
  const child = spawn(program, ["--serve", `127.0.0.1:${port}`, socket], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise((ok) => child.on("exit", (code, signal) => ok(signal ?? code)));
  const server = {
    port,
    socket,
    newest: 0,
    stats: {},
    async reply() {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error("the server has ended");
        const [what, ...rest] = value.split(" ");
        if (what === "stats") server.stats = Object.fromEntries(rest.map((p) => p.split("=")).map(([k, v]) => [k, +v]));
        if (what === "ok") return (server.newest = +rest[0]);
      }
    },
    do(line) {
      child.stdin.write(`${line}\n`);
      return server.reply();
    },
    async until(condition, what) {
      for (let i = 0; i < 200; i++) {
        await server.do("stats");
        if (condition(server.stats)) return;
        await new Promise((ok) => setTimeout(ok, 50));
      }
      throw new Error(`never: ${what} (${JSON.stringify(server.stats)})`);
    },
    async stop() {
      child.stdin.end();
      return exited;
    },
  };
  await server.reply();
  return server;
}

/** Sends bytes as they are and collects the answer until the end of the connection, or of one whole response. */
export function raw(server, bytes, { unix = false, whole = false, slow = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const s = unix ? net.connect(server.socket) : net.connect(server.port, "127.0.0.1");
    const parts = [];
    const done = () => resolve(parseResponse(Buffer.concat(parts)));
    s.on("data", (d) => {
      parts.push(d);
      if (whole) {
        const r = parseResponse(Buffer.concat(parts));
        if (r.status && r.body.length >= +(r.headers["content-length"] ?? Infinity)) {
          s.destroy();
          done();
        }
      }
    });
    s.on("end", done);
    s.on("error", (e) => (parts.length ? done() : e.code === "ECONNRESET" ? done() : reject(e)));
    s.on("connect", () => s.write(bytes));
    s.setTimeout(slow || 15_000, () => {
      s.destroy();
      reject(new Error("no answer"));
    });
  });
}
/** The body of an answer in chunks; undefined while it is not whole. */
export function dechunk(buf) {
  const parts = [];
  for (let at = 0; ; ) {
    const eol = buf.indexOf("\r\n", at);
    if (eol < 0) return undefined;
    const n = parseInt(buf.toString("latin1", at, eol), 16);
    if (buf.length < eol + 2 + n + 2) return undefined;
    if (!n) return Buffer.concat(parts);
    parts.push(buf.subarray(eol + 2, eol + 2 + n));
    at = eol + 2 + n + 2;
  }
}
export function parseResponse(buf) {
  const end = buf.indexOf("\r\n\r\n");
  if (end < 0) return { status: 0, headers: {}, body: Buffer.alloc(0), all: buf };
  const [first, ...lines] = buf.subarray(0, end).toString("latin1").split("\r\n");
  const headers = {};
  for (const l of lines) headers[l.slice(0, l.indexOf(":")).toLowerCase()] = l.slice(l.indexOf(":") + 1).trim();
  const body = buf.subarray(end + 4);
  const chunked = headers["transfer-encoding"] === "chunked";
  return { status: +first.split(" ")[1], headers, body: (chunked && dechunk(body)) || body, all: buf };
}
/** A form by POST; the body may come in pieces of so many bytes. */
export function post(server, path, form, headers = {}, options = {}) {
  const body = form instanceof URLSearchParams ? form.toString() : form;
  const h = { Host: `127.0.0.1:${server.port}`, Connection: "close", "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(body), ...headers };
  const head = Object.entries(h).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join("");
  return raw(server, `POST ${path} HTTP/1.1\r\n${head}\r\n${body}`, options);
}
export function get(server, path, headers = {}, options = {}) {
  const h = { Host: `127.0.0.1:${server.port}`, Connection: "close", ...headers };
  const head = Object.entries(h).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join("");
  return raw(server, `${options.method ?? "GET"} ${path} HTTP/1.1\r\n${head}\r\n`, options);
}
export async function json(server, path, headers, options) {
  const r = await get(server, path, headers, options);
  return { status: r.status, headers: r.headers, data: JSON.parse(r.body.toString()) };
}

/** A WebSocket client. Frames it sends are masked; next() gives the next message in order. */
export class Ws {
  messages = [];
  waiting = [];
  closeCode = 0;
  ended = false;
  buf = Buffer.alloc(0);
  static open(server, { unix = false, headers = {}, path = "/feed", early = null } = {}) {
    const ws = new Ws();
    const s = (ws.s = unix ? net.connect(server.socket) : net.connect(server.port, "127.0.0.1"));
    const h = {
      Host: `127.0.0.1:${server.port}`, Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13,
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"), "Sec-WebSocket-Protocol": "sgprobe.v1", ...headers,
    };
    const head = Object.entries(h).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}\r\n`).join("");
    return new Promise((resolve, reject) => {
      s.on("error", () => {});
      s.on("close", () => {
        ws.ended = true;
        ws.wake();
        reject(new Error("closed"));
      });
      s.on("connect", () => s.write(Buffer.concat([Buffer.from(`GET ${path} HTTP/1.1\r\n${head}\r\n`), early ? frame(1, early) : Buffer.alloc(0)])));
      s.on("data", (d) => {
        ws.buf = Buffer.concat([ws.buf, d]);
        if (!ws.status) {
          const r = parseResponse(ws.buf);
          if (!r.status) return;
          ws.status = r.status;
          ws.headers = r.headers;
          ws.buf = r.body;
          if (r.status !== 101) s.destroy();
          resolve(ws);
        }
        ws.parse();
      });
    });
  }
  parse() {
    for (;;) {
      const b = this.buf;
      if (b.length < 2) return;
      let n = b[1] & 127, at = 2;
      if (n === 126) {
        if (b.length < 4) return;
        n = b.readUInt16BE(2);
        at = 4;
      } else if (n === 127) {
        if (b.length < 10) return;
        n = Number(b.readBigUInt64BE(2));
        at = 10;
      }
      if (b.length < at + n) return;
      const op = b[0] & 15, data = b.subarray(at, at + n);
      this.buf = b.subarray(at + n);
      if (op === 8) this.closeCode = n >= 2 ? data.readUInt16BE(0) : 1005;
      else if (op === 1) this.messages.push(JSON.parse(data.toString()));
      else if (op === 2) this.messages.push(decode(data));
      this.wake();
    }
  }
  wake() {
    for (const w of this.waiting.splice(0)) w();
  }
  /** The next message for which f is true; earlier ones are dropped. */
  async next(f = () => true, what = f.toString()) {
    const limit = Date.now() + 10_000;
    for (;;) {
      while (this.messages.length) {
        const m = this.messages.shift();
        if (f(m)) return m;
      }
      if (this.ended || this.closeCode) throw new Error(`closed (${this.closeCode}) before ${what}`);
      if (Date.now() > limit) throw new Error(`no message: ${what}`);
      await new Promise((ok) => {
        this.waiting.push(ok);
        setTimeout(ok, 200);
      });
    }
  }
  async closed() {
    const limit = Date.now() + 10_000;
    while (!this.ended && !this.closeCode && Date.now() < limit)
      await new Promise((ok) => {
        this.waiting.push(ok);
        setTimeout(ok, 200);
      });
    if (!this.ended && !this.closeCode) throw new Error("still open");
    return this.closeCode;
  }
  send(message, op = 1) {
    this.s.write(frame(op, typeof message === "object" && !Buffer.isBuffer(message) ? JSON.stringify(message) : message));
  }
  close() {
    this.s.destroy();
  }
}
export function frame(op, payload, { fin = true } = {}) {
  const data = Buffer.from(payload), mask = randomBytes(4);
  const head = data.length < 126 ? Buffer.from([data.length | 128]) : data.length < 65536 ? Buffer.alloc(3) : Buffer.alloc(9);
  if (head.length === 3) {
    head[0] = 254;
    head.writeUInt16BE(data.length, 1);
  } else if (head.length === 9) {
    head[0] = 255;
    head.writeBigUInt64BE(BigInt(data.length), 1);
  }
  const masked = Buffer.from(data);
  for (let i = 0; i < masked.length; i++) masked[i] ^= mask[i & 3];
  return Buffer.concat([Buffer.from([(fin ? 128 : 0) | op]), head, mask, masked]);
}

/** A data message as docs/PROTOCOL.md describes it; throws when it is not one. */
export function decode(b) {
  const m = {
    kind: b[0], flags: b[1], id: b.readUInt16LE(2), seq: b.readUInt32LE(4), t_ms: Number(b.readBigUInt64LE(8)),
    step_ms: b.readUInt32LE(16), epoch: b.readUInt32LE(20), points: [],
  };
  if (b.readUInt32LE(28) !== b.length - 32) throw new Error("payload length");
  let at = 32;
  const varint = () => {
    let v = 0, scale = 1;
    for (;;) {
      const c = b[at++];
      v += (c & 127) * scale;
      scale *= 128;
      if (c < 128) return v;
    }
  };
  const f64 = () => b.readDoubleLE((at += 8) - 8);
  for (let n = b.readUInt32LE(24); n > 0; n--) {
    const point = { t_ms: Number(b.readBigUInt64LE(at)), entries: new Map() };
    let entries = b.readUInt32LE(at + 8);
    at += 12;
    for (; entries > 0; entries--) {
      const series = varint(), kind = b[at++];
      if (kind === 0) point.entries.set(series, f64());
      else {
        const h = { count: varint(), sum: f64(), buckets: [] };
        let index = 0;
        for (let k = varint(); k > 0; k--) {
          const z = varint();
          index += z % 2 ? -(z + 1) / 2 : z / 2;
          h.buckets.push([index, varint()]);
        }
        point.entries.set(series, h);
      }
    }
    m.points.push(point);
  }
  if (at !== b.length) throw new Error("bytes left over");
  return m;
}
