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
/** Selectors for many names, short enough for one message: names share a pattern. */
export function nameSelectors(names: readonly string[], maxBytes: number): string[][] {
  const groups: string[][] = [];
  let group: string[] = [];
  let size = 0;
  for (const n of names) {
    if (size + n.length + 1 > maxBytes && group.length) {
      groups.push(group);
      group = [];
      size = 0;
    }
    group.push(n);
    size += n.length + 1;
  }
  if (group.length) groups.push(group);
  return groups;
}
export function oneOf(names: readonly string[]): string {
  return names.length === 1 ? names[0] : `{__name__=~"${names.join("|")}"}`;
}
