// SPDX-License-Identifier: GPL-2.0
// What the web tests share: a module of the dashboard as JavaScript, the built page, a browser.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const web = join(dirname(fileURLToPath(import.meta.url)), "../../web");
const require = createRequire(join(web, "package.json"));

/** Bundles one module of web/src and imports it. */
export async function load(path) {
  const esbuild = require("esbuild");
  const { outputFiles } = await esbuild.build({ entryPoints: [join(web, "src", path)], bundle: true, write: false, format: "esm", target: "es2022" });
  const dir = mkdtempSync(join(tmpdir(), "sgprobe-web-"));
  const file = join(dir, "module.mjs");
  writeFileSync(file, outputFiles[0].contents);
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Builds the dashboard into a folder of its own. */
export function build() {
  const dir = mkdtempSync(join(tmpdir(), "sgprobe-web-"));
  execFileSync(process.execPath, [join(web, "build.mjs"), dir], { stdio: ["ignore", "ignore", "inherit"] });
  return dir;
}

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
/** Playwright makes a fresh user data folder for each launch. */
export async function browser() {
  const { chromium } = require("playwright-core");
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}
