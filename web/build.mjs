// SPDX-License-Identifier: GPL-2.0
// Builds the dashboard into the folder given: content-hashed names, gzipped, under a size budget.
//   node build.mjs OUT
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const BUDGET = 90 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs OUT");
  process.exit(2);
}

/** As gzip -9n: no name, no time; and the same 'operating system' byte everywhere. */
function gzip(data) {
  const z = gzipSync(data, { level: 9 });
  z.writeUInt32LE(0, 4);
  z[9] = 3;
  return z;
}
function licences() {
  const parts = ["sgprobe's dashboard contains the following packages.\n"];
  for (const name of ["preact", "@preact/signals", "@preact/signals-core", "uplot"]) {
    const dir = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
    if (!file) throw new Error(`${name} has no licence file`);
    parts.push(`${name} ${version}\n\n${readFileSync(join(dir, file), "utf8").trim()}\n`);
  }
  return parts.join("\n----\n\n");
}

const result = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: "/",
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
});

const files = new Map();
const hashed = (name, ext, data) => {
  const h = createHash("sha256").update(data).digest("hex").slice(0, 10);
  files.set(`${name}-${h}.${ext}`, data);
  return `${name}-${h}.${ext}`;
};
const byExt = (ext) => {
  const f = result.outputFiles.find((o) => o.path.endsWith(ext));
  if (!f) throw new Error(`esbuild made no ${ext} file`);
  return Buffer.from(f.contents);
};
const names = {
  js: hashed("app", "js", byExt(".js")),
  css: hashed("app", "css", byExt(".css")),
  icon: hashed("icon", "svg", readFileSync(join(here, "src/favicon.svg"))),
};
files.set("licences.txt", Buffer.from(licences()));
const page = readFileSync(join(here, "src/index.html"), "utf8").replace(/{{(\w+)}}/g, (_, k) => names[k]);
files.set("index.html", Buffer.from(page));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
let total = 0;
for (const [name, data] of files) {
  const z = gzip(data);
  writeFileSync(join(out, `${name}.gz`), z);
  total += z.length;
  if (process.env.V) console.log(`${name} ${data.length} -> ${z.length}`);
}
if (total > BUDGET) {
  console.error(`the dashboard has ${total} bytes gzipped, above its budget of ${BUDGET}`);
  process.exit(1);
}
