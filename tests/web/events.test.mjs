// SPDX-License-Identifier: GPL-2.0
// Events on the page: the list, its filter, what comes live, and marks on the charts.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { FakeServer } from "../../web/dev/fake-server.mjs";
import { BIDI, NASTY } from "../../web/dev/world.mjs";
import { CHROMIUM, browser, build, load } from "./bundle.mjs";

const { happeningsOf, marksAt, merge, within } = await load("core/happenings.ts");

const happening = (tMs, severity = "info", text = "x") => ({ tMs, kind: "mount", title: "Mount", severity, text });

test("what is no event is left out", () => {
  const good = { t_ms: 5, kind: "oom_kill", severity: "critical", title: "Out of memory", text: "a" };
  assert.deepEqual(happeningsOf([good, null, 3, {}, { ...good, t_ms: "5" }, { ...good, kind: "<b>" }, { ...good, t_ms: NaN }]), [
    { tMs: 5, kind: "oom_kill", severity: "critical", title: "Out of memory", text: "a" },
  ]);
  assert.deepEqual(happeningsOf([{ t_ms: 1, kind: "new_kind", severity: "odd" }]), [{ tMs: 1, kind: "new_kind", title: "new_kind", severity: "info", text: "" }]);
  assert.deepEqual(happeningsOf({ no: "list" }), []);
});

test("events are kept newest first, each once, and not more than so many", () => {
  const known = merge([], [happening(1), happening(3)], 10);
  assert.deepEqual(known.map((h) => h.tMs), [3, 1]);
  assert.equal(merge(known, [happening(3), happening(1)], 10), known);
  assert.deepEqual(merge(known, [happening(2), happening(3, "info", "other"), happening(2)], 3).map((h) => h.tMs), [3, 3, 2]);
  assert.deepEqual(within(known, 1, 3).map((h) => h.tMs), [3]);
});

test("marks that would lie on each other are one, the gravest", () => {
  const list = merge([], [happening(100), happening(102, "critical"), happening(101, "warning"), happening(500), happening(2000)], 10);
  assert.deepEqual(marksAt(list, 0, 1000, 1000, 5), [
    { x: 100, severity: "critical" },
    { x: 500, severity: "info" },
  ]);
});

// ---- in a browser -----------------------------------------------------------------------------------
const PORT = 19447;
const URL = `http://127.0.0.1:${PORT}/`;
const skip = existsSync(CHROMIUM) ? false : "no chromium here";
let dir, server, chrome;
before(async () => {
  if (skip) return;
  dir = build();
  server = new FakeServer(dir);
  await server.listen(PORT);
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await server?.stop();
  if (dir) rmSync(dir, { recursive: true });
});
async function open(hash = "", options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", (e) => page.wrong.push(e.stack));
  page.on("console", (m) => m.type() === "error" && page.wrong.push(m.text()));
  await page.goto(URL + hash);
  await page.waitForFunction(() => window.__sgprobe?.state().newest > 0);
  return page;
}
async function close(page) {
  await page.context().close();
  assert.deepEqual(page.wrong, []);
}
const t = (name, f) => test(name, { skip, timeout: 60_000 }, f);
const rows = (page) => page.locator(".events tbody tr");
const shows = (page, n) => page.waitForFunction((want) => document.querySelectorAll(".events tbody tr").length === want, n);

t("a page without events says so", async () => {
  server.events = [];
  const page = await open();
  await page.waitForSelector(".events .none");
  assert.match(await page.textContent(".events"), /Nothing of note happened/);
  assert.equal(await page.locator(".events select").count(), 0);
  await close(page);
});

t("stored events are listed, live ones come on top, names are only text", async () => {
  server.events = [];
  server.happen("oom_kill", "critical", `${NASTY} ${BIDI} was killed`, Date.now() - 60_000);
  const page = await open();
  await shows(page, 1);
  server.happen("mount", "info", "mount of /mnt");
  await shows(page, 2);
  const list = await rows(page).allTextContents();
  assert.match(list[0], /info: Mountmount of \/mnt$/);
  assert.match(list[1], /critical: Oom kill<img src=x/);
  assert.ok(list[1].includes("⟨U+202E⟩"));
  assert.equal(await page.evaluate(() => window.__hacked), undefined);
  await close(page);
});

t("the filter is reached by keyboard and shows one kind", async () => {
  server.events = [];
  server.happen("stall", "warning", "a is blocked");
  server.happen("mount", "info", "b");
  server.happen("mount", "info", "c");
  const page = await open();
  await shows(page, 3);
  await page.focus(".events select");
  await page.keyboard.press("ArrowDown");
  await shows(page, 2);
  assert.match(await page.textContent(".events .sub"), /^2 in the last hour/);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "List of events");
  await page.selectOption(".events select", "");
  await shows(page, 3);
  await close(page);
});

t("a page that was away asks again", async () => {
  server.events = [];
  const page = await open();
  await page.waitForSelector(".events .none");
  server.cut();
  server.happen("crash", "warning", "while nobody looked");
  server.resume();
  await shows(page, 1);
  await page.context().close();
});

/** Pixels of a colour in the strip below the plot, where the marks are. */
const inked = (page, selector, name) =>
  page.evaluate(
    ([q, variable]) => {
      const canvas = document.querySelector(q);
      const probe = document.createElement("i");
      probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(variable);
      document.body.append(probe);
      const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
      probe.remove();
      const ratio = devicePixelRatio;
      const from = canvas.height - Math.round(22 * ratio);
      const d = canvas.getContext("2d").getImageData(0, from, canvas.width, Math.round(7 * ratio)).data;
      let n = 0;
      for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - r) + Math.abs(d[i + 1] - g) + Math.abs(d[i + 2] - b) < 24) n++;
      return n;
    },
    [selector, name],
  );

for (const colorScheme of ["light", "dark"])
  t(`charts have marks of events, and the cursor tells them (${colorScheme})`, async () => {
    server.events = [];
    const page = await open("#/latency?probe=sgprobe_sched_runqueue_latency_seconds", { colorScheme });
    await page.waitForSelector(".heat canvas.base");
    assert.equal(await inked(page, ".heat canvas.base", "--bad"), 0);
    server.happen("oom_kill", "critical", "eater was killed", Date.now() - 30_000);
    await page.waitForFunction(() => document.querySelector(".heat"));
    await assert.doesNotReject(async () => {
      for (let i = 0; i < 50 && (await inked(page, ".heat canvas.base", "--bad")) < 10; i++) await page.waitForTimeout(100);
      assert.ok((await inked(page, ".heat canvas.base", "--bad")) >= 10);
      await page.locator(".chart:not(.heat) .uplot").first().scrollIntoViewIfNeeded(); // what is outside of the window is not drawn
      for (let i = 0; i < 50 && (await inked(page, ".chart:not(.heat) .uplot canvas", "--bad")) < 10; i++) await page.waitForTimeout(100);
      assert.ok((await inked(page, ".chart:not(.heat) .uplot canvas", "--bad")) >= 10);
    });
    await page.locator(".heat").first().scrollIntoViewIfNeeded();
    const box = await page.locator(".heat").first().boundingBox();
    const plot = { x: box.x + 58, w: box.width - 68 };
    await page.mouse.move(plot.x + plot.w * 0.9, box.y + 60);
    await page.waitForFunction(() => /eater was killed/.test(document.querySelector(".tip")?.textContent ?? ""));
    await close(page);
  });
