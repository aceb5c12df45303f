// SPDX-License-Identifier: GPL-2.0
// Finding by typing: every word that was typed must be somewhere in the text.

export function finds(typed: string, ...texts: readonly string[]): boolean {
  const all = texts.join("\n").toLowerCase();
  return typed.toLowerCase().split(/[\s_]+/).filter(Boolean).every((w) => all.includes(w));
}
