// SPDX-License-Identifier: GPL-2.0
// The built dashboard in a real browser, against a made-up daemon that can misbehave.
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeServer } from "../../web/dev/fake-server.mjs";
import { BIDI, NASTY } from "../../web/dev/world.mjs";
import { CHROMIUM, browser, build } from "./bundle.mjs";

const PORT = 19442;
const URL = `http://127.0.0.1:${PORT}/`;
const RUNQ = "sgprobe_sched_runqueue_latency_seconds";
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

/** Opens a page that notes every error and every request that leaves the server. */
async function open(hash = "", options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", (e) => page.wrong.push(e.stack));
  page.on("console", (m) => {
    // Refused connections are what some tests are about.
    if (m.type() === "error" && !/WebSocket connection|ERR_CONNECTION/.test(m.text())) page.wrong.push(m.text());
  });
  page.on("request", (r) => {
    if (!r.url().startsWith(URL) && !r.url().startsWith("data:")) page.wrong.push(`asked ${r.url()}`);
  });
  await page.goto(URL + hash);
  return page;
}
async function close(page) {
  await page.context().close();
  assert.deepEqual(page.wrong, []);
}
const state = (page) => page.evaluate(() => window.__sgprobe.state());
const ready = (page) => page.waitForFunction(() => window.__sgprobe?.state().newest > 0);
/** Whether a heat map has coloured cells: pixels that differ from the plot's ground. */
const coloured = (page, selector = ".heat canvas.base") =>
  page.waitForFunction((q) => {
    const c = document.querySelector(q);
    if (!c || c.width < 100) return false;
    const d = c.getContext("2d").getImageData(c.width >> 2, c.height >> 2, c.width >> 1, c.height >> 1).data;
    const seen = new Set();
    for (let i = 0; i < d.length; i += 4) seen.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);
    return seen.size > 50;
  }, selector);
const t = (name, f) => test(name, { skip, timeout: 60_000 }, f);

t("the overview shows health, tiles, cost and probes, and asks no other host", async () => {
  const page = await open();
  await page.waitForSelector(".health.good, .health.warn, .health.bad");
  await page.waitForFunction(() => document.querySelectorAll(".tile").length >= 12);
  assert.match(await page.textContent(".tiles"), /CPU busy[\d.]+ %/);
  assert.match(await page.textContent(".facts"), /In the kernel, per event172 ns/);
  assert.equal(await page.locator(".probes li").count(), 4);
  await close(page);
});

t("every latency histogram of the catalogue has a heat map", async () => {
  const page = await open("#/latency");
  await coloured(page);
  assert.equal(await page.locator(".heat").count(), 9);
  assert.equal((await state(page)).probes, 9);
  assert.deepEqual(await page.locator(".group > h2").allTextContents(), ["CPU scheduler", "System calls", "TCP", "Block devices", "Memory"]);
  await close(page);
});

t("marks show the slowest events, by mouse and by keyboard, and say whose they were", async () => {
  const page = await open(`#/latency?probe=${RUNQ}`);
  await coloured(page);
  await page.waitForSelector(".mark");
  const marks = await page.locator(".mark").count();
  assert.ok(marks >= 20 && marks <= 40, `${marks} marks in five minutes of one every ten seconds`);
  // Each lies where the heat map has its time and value: inside of the plot.
  const inside = await page.$$eval(".mark", (all) => {
    const box = document.querySelector(".heat").getBoundingClientRect();
    return all.every((m) => { const r = m.getBoundingClientRect(); return r.x >= box.x && r.right <= box.right && r.y >= box.y && r.bottom <= box.bottom; });
  });
  assert.ok(inside);
  await page.locator(".mark.known").first().hover();
  await page.waitForSelector(".tip:has-text('futex_wait')");
  await page.locator(".mark.known").first().click();
  await page.waitForSelector(".one:has-text('futex_wait')");
  assert.match(await page.textContent(".one"), /Took\d+(\.\d+)? ms.*process 40\d\d, thread 40\d\d.*db\.service/s);
  assert.deepEqual(await page.locator(".one .stack li").allTextContents(), ["futex_wait kernel", "do_syscall_64 kernel", "exec_query", "main"]);
  assert.equal(await page.locator(".slowest tr.chosen").count(), 1);
  await close(page);
});

t("one mark is in the order of the Tab key, and arrows go to the others", async () => {
  const page = await open(`#/latency?probe=${RUNQ}`);
  await coloured(page);
  await page.waitForSelector(".mark");
  assert.equal(await page.locator('.mark[tabindex="0"]').count(), 1);
  await page.focus(".heat");
  await page.keyboard.press("Tab");
  const label = () => page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  const last = await label();
  assert.match(last, /^\d+(\.\d+)? ms at \d\d:\d\d:\d\d, /);
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await label(), last);
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  const chosen = await label();
  await page.waitForFunction((l) => document.querySelector('.mark[aria-pressed="true"]')?.getAttribute("aria-label") === l, chosen);
  assert.equal(await page.locator(".slowest table tr.chosen").count(), 1);
  await close(page);
});

t("before the first sample the page says that it waits", async () => {
  server.empty = true;
  const page = await open();
  await page.waitForSelector(".empty h1:has-text('Waiting for the first sample')");
  await page.goto(`${URL}#/latency`);
  await page.waitForSelector(".empty h1:has-text('Waiting for the first sample')");
  server.empty = false;
  await ready(page);
  await page.waitForSelector(".heat");
  await close(page);
});

t("a lost connection greys the page, counts down, and comes back without a hole", async () => {
  const page = await open("#/latency");
  await coloured(page);
  server.cut();
  await page.waitForSelector(".banner.bad:has-text('Not connected')");
  await page.waitForSelector(".app.grey");
  assert.match(await page.textContent(".banner"), /What you see ended at \d\d:\d\d:\d\d/);
  await page.waitForFunction(() => /Next attempt in \d+ s|Trying now/.test(document.querySelector(".banner").textContent));
  await page.goto(`${URL}#/overview`);
  await page.waitForSelector(".health.unknown, .banner.bad");
  assert.equal(await page.locator(".health.good").count(), 0);
  await new Promise((ok) => setTimeout(ok, 2500));
  const before = (await state(page)).newest;
  server.subscribed.length = 0;
  server.resume();
  await page.waitForFunction((n) => window.__sgprobe.state().newest > n + 2000, before);
  await page.waitForSelector(".app:not(.grey)");
  // Asked from where it ended, so that the server fills the hole.
  assert.ok(server.subscribed.length > 0 && server.subscribed.every((m) => m.from_ms <= before));
  await page.goto(`${URL}#/latency?probe=${RUNQ}&range=1m`);
  await coloured(page);
  await page.focus(".heat");
  await page.keyboard.press("t");
  const rows = await page.locator(".table-box tbody tr").count();
  assert.ok(rows >= 59, `${rows} of 60 seconds`);
  await close(page);
});

t("a server that started again is noticed, and its samples join the old ones", async () => {
  const page = await open("#/latency");
  await coloured(page);
  server.restart();
  await page.waitForSelector(".banner:has-text('started again')");
  const { newest, bootId } = await state(page);
  assert.equal(bootId, server.bootId);
  await page.waitForFunction((n) => window.__sgprobe.state().newest > n, newest);
  await close(page);
});

/** Opens the newest minute of a probe as a table, with a page that has all of it. */
async function minute() {
  const page = await open(`#/latency?probe=${RUNQ}&range=1m`);
  await coloured(page);
  await page.focus(".heat");
  await page.keyboard.press("t");
  const full = () => page.waitForFunction(() => document.querySelectorAll(".table-box tbody tr").length >= 60);
  await full();
  return { page, full };
}

for (const told of [true, false])
  t(`ticks that were lost, ${told ? "as the server says" : "as the sequence shows"}, are fetched again`, async () => {
    const { page, full } = await minute();
    server.subscribed.length = 0;
    server.lose(2, told);
    const { newest } = await state(page);
    await page.waitForFunction((n) => window.__sgprobe.state().newest >= n + 7000, newest);
    await full();
    assert.ok(server.subscribed.length > 0, "subscribed again");
    if (told) assert.ok((await state(page)).skipped > 0);
    await close(page);
  });

t("a hidden page is sent nothing, and has no hole when it shows again", async () => {
  const { page, full } = await minute();
  const hide = (hidden) =>
    page.evaluate((h) => {
      Object.defineProperty(document, "hidden", { value: h, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  await page.waitForTimeout(200);
  const { newest } = await state(page);
  await page.waitForTimeout(5000);
  assert.ok((await state(page)).newest <= newest + 1000);
  assert.equal((await state(page)).stale, false);
  await hide(false);
  await full();
  assert.ok((await state(page)).newest >= newest + 4000);
  await close(page);
});

t("samples that stop coming are called old, not fine", async () => {
  const page = await open();
  await ready(page);
  await page.waitForFunction(() => window.__sgprobe.lag.length > 0);
  server.silent = true;
  await page.waitForSelector(".banner.bad:has-text('No new samples for')", { timeout: 10_000 });
  await page.waitForSelector(".health.bad:has-text('old')");
  server.silent = false;
  await page.waitForSelector(".banner.bad", { state: "detached" });
  await close(page);
});

t("a refused probe is named with its reason and its cure", async () => {
  server.refused = true;
  const page = await open();
  await page.waitForSelector(".probes .reason");
  assert.match(await page.textContent(".probes .reason"), /no BTF.*CONFIG_DEBUG_INFO_BTF/);
  // In the sentence or, when something worse is the case, in the line under it.
  assert.match(await page.textContent(".health"), /probe tcp is not running/);
  server.refused = false;
  // What someone switched off is said, and is no trouble.
  assert.match(await page.textContent(".probes li:has-text('mem')"), /switched off: probe\.mem is false/);
  assert.doesNotMatch(await page.textContent(".health"), /mem/);
  await close(page);
});

t("time that nobody watched is said to be so", async () => {
  const now = Math.floor(Date.now() / 1000);
  server.holes = [[now - 40, now - 30]];
  const page = await open(`#/latency?probe=${RUNQ}&range=1m`);
  await coloured(page);
  await page.focus(".heat");
  await page.keyboard.press("t");
  await page.waitForFunction(() => document.querySelectorAll(".table-box tbody tr").length > 40);
  const rows = await page.locator(".table-box tbody tr").count();
  assert.ok(rows <= 51, `${rows} rows`);
  server.holes = [];
  await close(page);
});

t("names of processes are text, whatever they hold", async () => {
  const page = await open(`#/latency?probe=${RUNQ}&dim=comm`);
  await coloured(page);
  await page.waitForFunction(() => document.querySelectorAll(".rank tbody tr").length >= 10);
  const text = await page.textContent(".rank");
  assert.ok(text.includes(NASTY), "as it is written");
  assert.ok(text.includes("evil⟨U+202E⟩gpj.exe␇"), "with its controls visible");
  assert.equal(await page.locator(".rank img").count(), 0);
  assert.equal(await page.evaluate(() => window.__hacked), undefined);
  await page.selectOption(".toolbar select", BIDI);
  await coloured(page);
  assert.equal((await state(page)).route.pick.comm, BIDI);
  await page.reload();
  await coloured(page);
  assert.equal((await state(page)).route.pick.comm, BIDI);
  await close(page);
});

t("a value of a dimension has its own heat map, from all the probes that know it", async () => {
  const page = await open("#/latency?dim=cgroup&value=system.slice%2Fnginx.service");
  await coloured(page);
  assert.equal(await page.locator(".heat").count(), 7);
  await close(page);
});

const SIZE = "sgprobe_block_request_bytes";
/** Reads the quantile table of the chart that has the focus. */
async function events(page) {
  await page.waitForSelector(".table-box tbody tr");
  return page.evaluate(() => Number(document.querySelector(".table-box tbody tr:nth-child(3) td").textContent.replace(/\D/g, "")));
}

t("a metric with two labels is the sum of all, or what is chosen of each", async () => {
  const page = await open(`#/latency?probe=${SIZE}&range=1m`);
  await coloured(page);
  await page.keyboard.press("Space");
  await page.focus(".heat");
  await page.keyboard.press("t");
  assert.deepEqual(await page.locator(".toolbar label select").evaluateAll((l) => l.map((x) => x.value)), ["", ""]);
  const all = await events(page);
  await page.selectOption(".toolbar label:has-text('device') select", "sda");
  await page.waitForSelector("h1:has-text('of device sda')");
  await page.waitForFunction((n) => Number(document.querySelector(".table-box tbody tr:nth-child(3) td").textContent) < n, all);
  const sda = await events(page);
  await page.selectOption(".toolbar label:has-text('operation') select", "write");
  await page.waitForSelector("h1:has-text('of device sda, operation write')");
  await page.waitForFunction((n) => Number(document.querySelector(".table-box tbody tr:nth-child(3) td").textContent) < n, sda);
  assert.deepEqual((await state(page)).route.pick, { device: "sda", operation: "write" });
  // The same number of series, other ones; perhaps as many events, but not of the same sizes.
  const write = await page.textContent(".table-box tbody");
  await page.selectOption(".toolbar label:has-text('operation') select", "discard");
  await page.waitForFunction((text) => document.querySelector(".table-box tbody").textContent !== text, write);
  await page.reload();
  await coloured(page);
  assert.deepEqual((await state(page)).route.pick, { device: "sda", operation: "discard" });
  await page.click("button:has-text('by operation')");
  await page.waitForFunction(() => document.querySelectorAll(".rank tbody tr").length === 3);
  await page.click("button:has-text('Whole host')");
  assert.deepEqual((await state(page)).route.pick, {});
  await close(page);
});

t("sizes are never called seconds", async () => {
  for (const [probe, noun, value] of [[SIZE, "size", /[\d.]+ ([KM]iB|B)/], ["sgprobe_mem_reclaimed_pages", "value", /^[^s]*\d[^s]*$/]]) {
    const page = await open(`#/latency?probe=${probe}&range=1m`, { viewport: { width: 1440, height: 1400 } });
    await coloured(page);
    await page.waitForFunction(() => /p99 \d/.test(document.querySelector(".readout").textContent));
    const shown = (await page.locator(".readout b").allTextContents()).join(" ");
    assert.match(shown, value);
    assert.doesNotMatch(shown, /\d [nµm]?s\b/);
    await page.keyboard.press("Space");
    const box = await page.locator(".heat").boundingBox();
    await page.mouse.move(box.x + 600, box.y + box.height * 0.5);
    await page.waitForSelector(".tip");
    const tip = await page.locator(".tip dl div").allTextContents();
    assert.ok(tip.some((x) => x.startsWith(noun)), tip.join());
    assert.doesNotMatch(tip.filter((x) => !/^(events|rank|here)/.test(x)).join(), /\d [nµm]?s\b/);
    assert.doesNotMatch((await page.locator(".chart-card h2").allTextContents()).join(), /At once/);
    await close(page);
  }
});

t("a probe is found by typing, from the keyboard alone, in a list by domain", async () => {
  const page = await open("#/latency");
  await coloured(page);
  await page.keyboard.press("/");
  await page.waitForSelector("[role=listbox]");
  assert.deepEqual(await page.locator("[role=group] .title").allTextContents(), ["CPU scheduler", "System calls", "TCP", "Block devices", "Memory"]);
  const active = () => page.evaluate(() => document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.textContent);
  assert.match(await active(), /All probes/);
  await page.keyboard.type("block size");
  assert.equal(await page.locator("[role=option]").count(), 1);
  await page.keyboard.type("zzz");
  await page.waitForSelector("text=Nothing is called that");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("[role=listbox]").count(), 0);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.type("tcp");
  for (const k of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown"]) await page.keyboard.press(k);
  assert.match(await active(), /TCP round-trip time/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("h1:has-text('TCP round-trip time')");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  assert.equal(await page.inputValue("#chooser"), "TCP round-trip time");
  await page.click("#chooser");
  await page.click("[role=option]:has-text('Pages reclaimed')");
  await page.waitForSelector("h1:has-text('Pages reclaimed at once')");
  await close(page);
});

t("the system page shows domains, programs, truth, losses and processes, live", async () => {
  const page = await open("#/system");
  await ready(page);
  await page.waitForSelector("#h-programs");
  const rows = (id) => page.locator(`section[aria-labelledby=h-${id}] tbody tr`);
  await page.waitForFunction(() => document.querySelectorAll("section[aria-labelledby=h-programs] tbody tr").length === 5);
  assert.match(await rows("programs").first().textContent(), /sys_exitsyscall, tp_btf21\.0 k\/s190 ns *0\.40 %/);
  const shares = await rows("programs").evaluateAll((l) => l.map((r) => parseFloat(r.lastChild.textContent)));
  assert.deepEqual(shares, [...shares].sort((a, b) => b - a));
  const domains = (await rows("domains").allTextContents()).join("\n");
  assert.match(domains, /CPU scheduler.*tp_btf2 ?3\.50 MiB/);
  assert.match(domains, /Block devices.*no BTF.*CONFIG_DEBUG_INFO_BTF/);
  assert.match(domains, /Memory.*switched off/);
  assert.match(await page.textContent("section[aria-labelledby=h-budget]"), /1\.2\d % of one CPU, of 1\.00 % – over budget.*Programs 8\.80 ms, probe process 3\.\d+ ms, of 10\.0 ms per second.*syscall 1\.20 k\/s/);
  const truth = rows("truth");
  assert.deepEqual(await truth.allTextContents(), ["context switches1.000", "forkstoo few: 0.900", "softirqs0.999"]);
  assert.equal(await truth.locator(".change.bad").count(), 1);
  assert.match((await rows("losses").allTextContents()).join(), /map full0.*Ticks late\d.*Slots in use \(cgroup and program\)87/);
  assert.match((await rows("processes").allTextContents()).join(), /probe2[\d.]+ %14\.2 MiB0,server3[\d.]+ %17\.9 MiB0/);
  const bare = await page.evaluate(() => [...document.querySelectorAll("main table")].filter((x) => !x.caption?.textContent || !x.querySelector("th[scope=col]") || x.querySelector("tbody tr > :first-child:not(th)")).length);
  assert.equal(bare, 0, "every table has a caption and headers");
  const before = (await state(page)).newest;
  await page.waitForFunction((n) => window.__sgprobe.state().newest > n + 1000, before);
  await close(page);
});

t("the system page is reached by key, and by link", async () => {
  const page = await open();
  await ready(page);
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForSelector("#h-truth");
  await page.click("nav a:has-text('Overview')");
  await page.waitForSelector(".health");
  await page.goBack();
  await page.waitForSelector("#h-truth");
  await close(page);
});

t("the tooltip tells range, count, share and rank, and all charts show the same moment", async () => {
  const page = await open(`#/latency?probe=${RUNQ}`, { viewport: { width: 1440, height: 1400 } });
  await coloured(page);
  await page.keyboard.press("Space");
  const box = await page.locator(".heat").boundingBox();
  await page.mouse.move(box.x + 600, box.y + box.height * 0.65);
  await page.waitForSelector(".tip");
  const tip = await page.textContent(".tip");
  assert.match(tip, /latency[\d.]+ [nµm]?s – [\d.]+ [nµm]?s/);
  assert.match(tip, /here[\d\u202f]+ of [\d.]+ k? ?\([<\d. ]+%\)/);
  assert.match(tip, /rankp[\d.]+/);
  const marked = await page.evaluate(() =>
    [...document.querySelectorAll(".lines canvas.over")].map((c) => {
      const { data, width } = c.getContext("2d").getImageData(0, 12, c.width, 1);
      for (let x = 0; x < width; x++) if (data[x * 4 + 3] > 128) return x;
      return -1;
    }),
  );
  assert.equal(marked.length, 4);
  assert.ok(marked.every((x) => x > 60) && Math.max(...marked) - Math.min(...marked) <= 1, String(marked));
  await close(page);
});

t("dragging zooms, Back undoes it, a copied link shows the same", async () => {
  const page = await open(`#/latency?probe=${RUNQ}`);
  await coloured(page);
  const box = await page.locator(".heat").boundingBox();
  await page.mouse.move(box.x + 500, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 800, box.y + 120, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector(".fixed");
  const { range } = (await state(page)).route;
  assert.ok(range.to - range.from > 40_000 && range.to - range.from < 120_000, JSON.stringify(range));
  const link = page.url();
  await page.goBack();
  await page.waitForSelector(".fixed", { state: "detached" });
  assert.deepEqual((await state(page)).route.range, { live: 300 });
  await page.goto(link);
  await page.reload();
  await coloured(page);
  assert.deepEqual((await state(page)).route.range, range);
  await close(page);
});

t("time before the ring comes from the server", async () => {
  const to = Math.floor(Date.now() / 1000 - 7200) * 1000;
  const page = await open(`#/latency?probe=${RUNQ}&range=${to - 600_000}-${to}`);
  await coloured(page);
  await close(page);
});

t("all of it works from the keyboard", async () => {
  const page = await open();
  await ready(page);
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await coloured(page);
  assert.equal((await state(page)).route.page, "latency");
  await page.keyboard.press("Space");
  await page.waitForSelector(".banner:has-text('Paused')");
  assert.ok((await state(page)).paused > 0);
  await page.focus(".heat");
  for (const k of ["ArrowLeft", "ArrowLeft", "ArrowUp"]) await page.keyboard.press(k);
  await page.waitForSelector(".tip");
  await page.waitForFunction(() => /p99 /.test(document.querySelector("[aria-live=polite]").textContent));
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert.equal((await state(page)).paused, null);
  await page.keyboard.press("[");
  await page.waitForSelector(".fixed");
  const a = (await state(page)).route.range;
  await page.keyboard.press("+");
  const b = (await state(page)).route.range;
  assert.ok(b.to - b.from < a.to - a.from);
  await page.keyboard.press("Escape");
  assert.ok("live" in (await state(page)).route.range);
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  await close(page);
});

t("the theme follows the system, can be set, is kept, and nonsense in the store is ignored", async () => {
  const page = await open("", { colorScheme: "light" });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
  await page.click("button[aria-label^='Theme']");
  assert.equal(await theme(), "light");
  await page.reload();
  assert.equal(await theme(), "light");
  await page.evaluate(() => localStorage.setItem("sgprobe.theme", '"><script>'));
  await page.reload();
  assert.equal(await theme(), "dark");
  await close(page);
});

t("a phone of 360 pixels has no sideways scrolling", async () => {
  for (const hash of ["", "#/latency", "#/system", `#/latency?probe=${RUNQ}&dim=comm`]) {
    const page = await open(hash, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await ready(page);
    await page.waitForTimeout(300);
    const { wide, view } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, view: innerWidth }));
    assert.ok(wide <= 360 && view <= 360, `${hash}: ${wide} of ${view}`);
    await close(page);
  }
});

t("every control has a name, and every chart can be reached", async () => {
  const page = await open(`#/latency?probe=${RUNQ}&dim=comm`);
  await coloured(page);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, a, select, input, [role=application], [role=img]")]
      .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.closest("label")?.textContent.trim()))
      .map((e) => e.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(nameless, []);
  assert.equal(await page.locator(".heat[tabindex='0'], .lines[tabindex='0']").count(), 5);
  await close(page);
});

t("charts outside the window are not drawn", async () => {
  const page = await open("#/latency", { viewport: { width: 700, height: 500 } });
  await coloured(page);
  const last = page.locator(".heat canvas.base").last();
  assert.equal(await last.evaluate((c) => c.width), 300, "the size that a canvas is born with");
  await last.scrollIntoViewIfNeeded();
  await page.waitForFunction(() => [...document.querySelectorAll(".heat canvas.base")].at(-1).width !== 300);
  await close(page);
});

t("the build is under its budget and carries the licences", () => {
  const files = readdirSync(dir);
  assert.ok(files.includes("licences.txt.gz") && files.includes("index.html.gz"));
  assert.ok(files.every((f) => f.endsWith(".gz")));
});
