// SPDX-License-Identifier: GPL-2.0
// One animation frame draws every chart that changed; a chart outside the window waits until it is scrolled in.

export interface Drawable {
  readonly el: Element;
  draw(): void;
}

const registered = new Map<Element, { chart: Drawable; shown: boolean; dirty: boolean }>();
const before: (() => void)[] = [];
let requested = false;
/** t_ms of the sample that the next frame shows, 0 for none. */
let sample = 0;
let painted: (tMs: number) => void = () => undefined;

const observer = new IntersectionObserver(
  (entries) => {
    for (const e of entries) {
      const r = registered.get(e.target);
      if (!r) continue;
      r.shown = e.isIntersecting;
      if (r.shown && r.dirty) request();
    }
  },
  { rootMargin: "80px" },
);
const resized = new ResizeObserver((entries) => {
  for (const e of entries) {
    const r = registered.get(e.target);
    if (r) r.dirty = true;
  }
  request();
});

function frame(): void {
  requested = false;
  const t = sample;
  sample = 0;
  for (const f of before) f();
  for (const r of registered.values())
    if (r.dirty && r.shown) {
      r.dirty = false;
      r.chart.draw();
    }
  // The next frame begins when this one was painted and handed over.
  if (t) requestAnimationFrame(() => painted(t));
}

export function request(): void {
  if (requested) return;
  requested = true;
  requestAnimationFrame(frame);
}
export function register(chart: Drawable): () => void {
  // Kept: a component's reference is gone when it is taken down.
  const { el } = chart;
  registered.set(el, { chart, shown: false, dirty: true });
  observer.observe(el);
  resized.observe(el);
  request();
  return () => {
    registered.delete(el);
    observer.unobserve(el);
    resized.unobserve(el);
  };
}
export function invalidate(chart: Drawable): void {
  const r = registered.get(chart.el);
  if (r) r.dirty = true;
  request();
}
export function invalidateAll(): void {
  for (const r of registered.values()) r.dirty = true;
  request();
}
/** New data: draws everything; reports when the sample of tMs is on the screen. */
export function arrived(tMs: number): void {
  sample = Math.max(sample, tMs);
  invalidateAll();
}
export function beforeFrame(f: () => void): void {
  before.push(f);
}
export function onPainted(f: (tMs: number) => void): void {
  painted = f;
}
