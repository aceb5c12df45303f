// SPDX-License-Identifier: GPL-2.0
// Chooses a probe: a text field that searches, over a list by domain. The pattern is ARIA's combobox with a listbox.

import { useEffect, useRef, useState } from "preact/hooks";
import { finds } from "../core/search";
import type { Metric } from "../data/api";
import type { Group } from "../model";
import { grouped, probes } from "../model";
import * as s from "../state";

const ALL = "All probes";
const PAGE = 8;
const idOf = (name: string) => `choose-${name || "all"}`;

function found(typed: string): Group[] {
  return grouped(probes())
    .map((g) => ({ ...g, probes: g.probes.filter((p) => finds(typed, p.title, p.name, g.title, p.labels.join(" "))) }))
    .filter((g) => g.probes.length);
}

export function Chooser({ current }: { current: Metric | null }) {
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState("");
  const groups = open ? found(typed) : [];
  const options = [...(typed ? [] : [""]), ...groups.flatMap((g) => g.probes.map((p) => p.name))];
  const active = options.includes(at) ? at : (options[0] ?? "");
  const title = current?.title ?? ALL;

  const show = () => {
    if (open) return;
    setTyped("");
    setAt(current?.name ?? "");
    setOpen(true);
  };
  const close = () => setOpen(false);
  const take = (name: string) => {
    close();
    input.current?.blur();
    s.go({ page: "latency", probe: name });
    // The keys of the page work at once, and a screen reader says where it is.
    requestAnimationFrame(() => document.querySelector<HTMLElement>("main [tabindex='-1']")?.focus({ preventScroll: true }));
  };
  const move = (by: number) => setAt(options[Math.min(options.length - 1, Math.max(0, options.indexOf(active) + by))] ?? "");
  const keys: Record<string, () => void> = {
    ArrowDown: () => (open ? move(1) : show()),
    ArrowUp: () => (open ? move(-1) : show()),
    PageDown: () => move(PAGE),
    PageUp: () => move(-PAGE),
    Enter: () => (open ? options.length && take(active) : show()),
    Escape: () => (open ? close() : input.current?.blur()),
  };
  useEffect(() => {
    if (open) document.getElementById(idOf(active))?.scrollIntoView({ block: "nearest" });
  }, [open, active]);

  const option = (name: string, text: string, note: string) => (
    <li
      id={idOf(name)} role="option" aria-selected={name === active} class={name === (current?.name ?? "") ? "current" : ""}
      // Before the field loses the focus, and the list with it.
      onPointerDown={(e) => {
        e.preventDefault();
        take(name);
      }}
    >
      <span>{text}</span>{note && <small>{note}</small>}
    </li>
  );
  return (
    <div class="chooser">
      <label>
        <span>Probe</span>
        <input
          ref={input} id="chooser" type="text" role="combobox" autocomplete="off" spellcheck={false} size={30}
          aria-expanded={open} aria-controls="chooser-list" aria-autocomplete="list" aria-activedescendant={open && options.length ? idOf(active) : undefined}
          placeholder={open ? title : undefined} value={open ? typed : title}
          onFocus={(e) => e.currentTarget.select()} onClick={show} onBlur={close}
          onInput={(e) => {
            setTyped(e.currentTarget.value);
            setAt("");
            setOpen(true);
          }}
          onKeyDown={(e) => {
            if (e.ctrlKey || e.altKey || e.metaKey || !keys[e.key]) return;
            e.preventDefault();
            e.stopPropagation();
            keys[e.key]();
          }}
        />
      </label>
      {open && (
        <div class="choices" id="chooser-list" role="listbox" aria-label="Probes">
          {!typed && <ul role="presentation">{option("", ALL, "")}</ul>}
          {groups.map((g) => (
            <ul role="group" aria-labelledby={`choices-${g.name}`} key={g.name}>
              <li class="title" role="presentation" id={`choices-${g.name}`}>{g.title}</li>
              {g.probes.map((p) => option(p.name, p.title, p.labels.length ? `by ${p.labels.join(", ")}` : ""))}
            </ul>
          ))}
          {options.length === 0 && <p class="none" role="status">Nothing is called that.</p>}
        </div>
      )}
    </div>
  );
}
