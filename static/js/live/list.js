/* News on an open list: rows that are shown change where they stand; what would move them under the mouse is offered instead. */

import { announce } from "../announce.js";
import { news } from "../elements/staged-changes.js";
import { answered, inTurn, open } from "./stream.js";

const GATHER_MS = 150;
const SPREAD_MS = 250;
/* A screen reader is told at most so often. */
const QUIET_MS = 5000;

const next = inTurn(refresh);
let waiting = null;
let by = new Map();
let timer = null;
let offered = new Set();
let said = 0;

document.addEventListener("console:news", ({ detail }) => {
  if (open()?.dataset.liveAs !== "list") return;
  if (detail.much) { offer(["much"]); return; }
  waiting ??= nothing();
  for (const key of [...detail.changed, ...detail.made, ...detail.gone]) {
    waiting.keys.add(key);
    by.set(key, detail.mine ? "you" : detail.by.join(", "));
  }
  for (const key of detail.made) waiting.made.add(key);
  // What was changed while this page was being made it may show already; only what it shows otherwise is news.
  if (!detail.earlier) for (const key of [...detail.changed, ...detail.made]) waiting.later.add(key);
  // All who look at this list hear at once; they need not ask at once.
  timer ??= setTimeout(next, GATHER_MS + Math.random() * SPREAD_MS);
});

// Another page, filter or order is a fresh look: nothing is owed to it any more.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.id === "list" || ctx.target?.id === "main") offered = new Set();
});

function nothing() {
  return { keys: new Set(), made: new Set(), later: new Set() };
}

async function refresh() {
  const { keys, made, later } = waiting;
  waiting = timer = null;
  const list = open();
  if (list?.dataset.liveAs !== "list") return;
  const here = location.href;
  const place = new URLSearchParams(location.search);
  const deep = place.has("after") || place.has("before");
  // The list says itself what it shows: its address may only name a view, or open somebody's first one.
  const asked = new URL(list.dataset.list, location.href).searchParams;
  for (const name of ["limit", "count"]) asked.delete(name);
  asked.set("keys", [...keys].slice(0, 200).join(","));
  const answer = await answered(`${list.dataset.live}/rows?${asked}`);
  if (!answer?.ok || here !== location.href) return;
  if (answer.stale) {
    waiting ??= nothing();
    for (const [name, those] of Object.entries({ keys, made, later })) for (const key of those) waiting[name].add(key);
    timer ??= setTimeout(next, GATHER_MS);
    return;
  }
  const fresh = new DOMParser().parseFromString(answer.text, "text/html");
  const rows = new Map([...fresh.querySelectorAll("tr[data-key]")].map((row) => [row.dataset.key, row]));
  const moved = [];
  for (const key of keys) {
    const shown = list.querySelector(`tr[data-key="${CSS.escape(key)}"]`);
    if (shown && rows.has(key)) {
      if (renew(shown, rows.get(key), list)) moved.push(key);
    } else if (shown) {
      shown.dataset.news = "gone";
      moved.push(key);
    } else if (rows.has(key) && later.has(key) && (!deep || made.has(key))) {
      moved.push(key);
    }
  }
  offer(moved);
}

/** Puts new values into the cells of a row; true when it no longer stands where its order puts it. */
function renew(row, fresh, list) {
  const key = row.dataset.key;
  const sorted = list.dataset.sort?.split(",")[0].replace("-", "");
  let moves = false;
  let changed = false;
  for (const cell of fresh.querySelectorAll("td[data-field]")) {
    const old = row.querySelector(`:scope > td[data-field="${CSS.escape(cell.dataset.field)}"]`);
    if (!old || bare(old) === bare(cell)) continue;
    if (old.matches(".dirty")) {
      news(old, cell, `Changed by ${by.get(key)} just now`);
      continue;
    }
    if (old.querySelector("form, .editing") || old.matches(".editing")) {
      note(old, key);
      continue;
    }
    const words = value(old) !== value(cell);
    if (words && cell.dataset.field === sorted) moves = true;
    changed ||= words;
    put(old, cell);
    if (words) mark(old);
  }
  if (changed && sorted === "updated_at") moves = true;
  if (row.previousElementSibling === null) moves = false;
  delete row.dataset.news;
  if (changed && by.get(key) !== "you") say(`${row.querySelector("td.name, .rowlink")?.textContent.trim() ?? "A row"} changed by ${by.get(key)}`);
  return moves;
}

/** What a cell says; "4 min ago" says when, not how long ago. */
function value(cell) {
  return cell.querySelector("time")?.dateTime ?? cell.textContent.trim();
}

/** Two cells are alike when they hold the same, whatever the grid has written on them for the keyboard. */
function bare(cell) {
  const copy = cell.cloneNode(true);
  for (const each of copy.querySelectorAll("[tabindex]")) each.removeAttribute("tabindex");
  copy.querySelector(".cell-edit")?.remove();
  return copy.innerHTML;
}

function put(old, cell) {
  const focused = old !== document.activeElement && old.contains(document.activeElement);
  if (focused) {
    window.htmx.swap({ sourceElement: old, target: old, text: cell.innerHTML, swap: "innerMorph" });
    return;
  }
  old.replaceChildren(...cell.childNodes);
  for (const inner of old.querySelectorAll("a, button, input")) inner.tabIndex = -1;
  window.htmx.process(old);
}

function note(cell, key) {
  cell.querySelector(".theirs")?.remove();
  cell.append(Object.assign(document.createElement("span"), { className: "theirs", textContent: `Changed by ${by.get(key)} just now` }));
}

/** A short glow; under reduced motion the new value alone. */
export function mark(element) {
  element.classList.remove("fresh");
  void element.offsetWidth;
  element.classList.add("fresh");
}

function offer(keys) {
  for (const key of keys) offered.add(key);
  const list = open();
  if (!offered.size || list?.dataset.liveAs !== "list") return;
  const words = offered.has("much") ? "This list has changed" : `${offered.size} ${offered.size === 1 ? "change" : "changes"} in this list`;
  let pill = list.querySelector(".news-pill");
  if (!pill) {
    pill = Object.assign(document.createElement("button"), { className: "news-pill", type: "button" });
    pill.append(document.createElement("span"), Object.assign(document.createElement("b"), { textContent: "Show" }));
    pill.addEventListener("click", () => show(list));
    list.append(pill);
  }
  if (pill.firstChild.textContent !== words) {
    pill.firstChild.textContent = words;
    say(`${words}. Show them with the button after the table.`);
  }
}

async function show(list) {
  const answer = await answered(location.href, { headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
  if (!answer?.ok || open() !== list) return;
  offered = new Set();
  await window.htmx.swap({ sourceElement: list, target: list, text: answer.text, select: "#list", swap: "outerHTML" });
  document.querySelector('#list [tabindex="0"]:is(td, th)')?.focus({ preventScroll: true });
  announce("The list is up to date.");
}

function say(words) {
  if (Date.now() - said < QUIET_MS) return;
  said = Date.now();
  announce(words);
}
