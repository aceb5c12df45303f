// SPDX-License-Identifier: GPL-2.0
// Names that come from processes are hostile: they are shown as text, with what would be invisible or
// would reorder the line made visible.

const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export function visible(s: string): string {
  return s.replace(INVISIBLE, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** A PromQL string literal. */
export function quote(s: string): string {
  return `"${s.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}
export function selector(name: string, labels: Record<string, string> = {}): string {
  const inner = Object.entries(labels).map(([k, v]) => `${k}=${quote(v)}`);
  return inner.length ? `${name}{${inner.join(",")}}` : name;
}
/** The server takes patterns of at most 1024 bytes, and messages of at most 4096. */
const PATTERN_BYTES = 1000;
const MESSAGE_BYTES = 3600;

/** Cuts a list where the sizes of a part would add up to more than the most. */
function parts<T>(list: readonly T[], size: (x: T) => number, most: number): T[][] {
  const out: T[][] = [];
  let left = 0;
  for (const x of list) {
    const n = size(x);
    if (!out.length || n > left) {
      out.push([]);
      left = most;
    }
    out[out.length - 1].push(x);
    left -= n;
  }
  return out;
}
/** As few selectors as possible for the series of these names that have these labels. */
export function selectors(names: readonly string[], labels: Record<string, string> = {}): string[] {
  const inner = Object.entries(labels).map(([k, v]) => `${k}=${quote(v)}`);
  return parts(names, (n) => n.length + 1, PATTERN_BYTES).map((p) => (p.length === 1 ? selector(p[0], labels) : `{${[`__name__=~"${p.join("|")}"`, ...inner].join(",")}}`));
}
/** The names in lists that one message each can ask for. */
export function messages(names: readonly string[]): string[][] {
  return parts(names, (n) => n.length + 1, MESSAGE_BYTES - PATTERN_BYTES);
}
