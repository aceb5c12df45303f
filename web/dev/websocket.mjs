// SPDX-License-Identifier: GPL-2.0
// The server's side of RFC 6455, as much as the fake daemon needs: no fragments, no extensions.
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function frame(opcode, payload) {
  const n = payload.length;
  const head = n < 126 ? Buffer.alloc(2) : n < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  if (n < 126) head[1] = n;
  else if (n < 65536) {
    head[1] = 126;
    head.writeUInt16BE(n, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(n), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Answers an upgrade; returns { text, binary, close, destroy, ontext, onclose }. */
export function accept(request, socket, protocol) {
  const key = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`);
  socket.setNoDelay(true);
  const ws = {
    ontext: () => {},
    onclose: () => {},
    text: (doc) => socket.write(frame(1, Buffer.from(JSON.stringify(doc)))),
    binary: (b) => socket.write(frame(2, b)),
    close: (code) => {
      const b = Buffer.alloc(2);
      b.writeUInt16BE(code);
      socket.end(frame(8, b));
    },
    destroy: () => socket.destroy(),
  };
  let held = Buffer.alloc(0);
  socket.on("data", (data) => {
    held = Buffer.concat([held, data]);
    for (;;) {
      if (held.length < 6) return;
      const short = held[1] & 0x7f;
      const at = short === 126 ? 4 : 2;
      const n = short === 126 ? held.readUInt16BE(2) : short;
      if (held.length < at + 4 + n) return;
      const mask = held.subarray(at, at + 4);
      const body = Buffer.from(held.subarray(at + 4, at + 4 + n)).map((b, i) => b ^ mask[i & 3]);
      const opcode = held[0] & 15;
      held = held.subarray(at + 4 + n);
      if (opcode === 8) return void socket.end(frame(8, body));
      if (opcode === 1) ws.ontext(JSON.parse(body.toString()));
    }
  });
  socket.on("close", () => ws.onclose());
  socket.on("error", () => socket.destroy());
  return ws;
}
