// SPDX-License-Identifier: GPL-2.0
// What can be done about a domain that does not run, by words that its reason holds.

const CURES: readonly [RegExp, string][] = [
  [/off for now/i, "A larger probe.budget keeps it on."],
  [/checker|verifier/i, "No setting helps: this is for the developers."],
  [/EPERM|permission|not permitted|capab/i, "Start the daemon as root, or give it CAP_BPF and CAP_PERFMON."],
  [/BTF/i, "Needs a kernel with CONFIG_DEBUG_INFO_BTF=y; Debian's has it."],
  [/disabled|configur/i, "It is switched off in sgprobe.yaml."],
  [/ENOMEM|memlock|memory/i, "Raise the limit of locked memory (LimitMEMLOCK=infinity)."],
  [/ENOENT|not found|no such/i, "This kernel does not have the hook; a newer one has."],
];
/** Off because someone wished so: no trouble. */
export function isWished(reason: string): boolean {
  return /^switched off/.test(reason);
}
export function cureOf(reason: string): string {
  return CURES.find(([re]) => re.test(reason))?.[1] ?? "sgprobe doctor says what this kernel can do.";
}
