/* News on an open record: it is read anew and what changed is put in its place, around whatever is being typed.
   At its form nothing is touched: a note says what others changed; saving merges or asks, as it always does. */

import { announce } from "../announce.js";
import { told } from "../elements/staged-changes.js";
import { mark } from "./list.js";
import { answered, inTurn, open } from "./stream.js";

const GATHER_MS = 150;
const SPREAD_MS = 250;

const next = inTurn(refresh);
let timer = null;
/* What was heard and is not told yet: the first entry of others, who they are, and whether it came before this page. */
let heard = nothing();

function nothing() {
  return { from: 0, names: new Set(), earlier: true };
}

function hear(first, names, earlier) {
  if (first) heard.from = heard.from ? Math.min(heard.from, first) : first;
  for (const name of names) heard.names.add(name);
  heard.earlier &&= earlier;
}

document.addEventListener("console:news", ({ detail }) => {
  const kind = open()?.dataset.liveAs;
  if (kind !== "record" && kind !== "form") return;
  hear(detail.first, detail.mine ? [] : detail.by, detail.earlier);
  if (kind === "form" && (detail.mine || !detail.first)) return;
  timer ??= setTimeout(kind === "form" ? tell : next, GATHER_MS + Math.random() * SPREAD_MS);
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.id !== "main" || ctx.live) return;
  heard = nothing();
  document.getElementById("news")?.remove();
});

async function refresh() {
  timer = null;
  const place = open();
  if (place?.dataset.liveAs !== "record") return; // one has gone on meanwhile
  const here = location.href;
  // More may be heard while this is told, which the next round tells.
  const { from, names, earlier } = heard;
  heard = nothing();
  const answer = await answered(here, { headers: { "X-Unattended": "1" } });
  if (place !== open() || here !== location.href) return;
  if (!answer || answer.stale) hear(from, names, earlier);
  if (!answer || answer.away) return;
  if (answer.status === 404) { gone(place); return; }
  if (!answer.ok) return;
  if (answer.stale) { timer ??= setTimeout(next, GATHER_MS); return; }
  const fresh = new DOMParser().parseFromString(answer.text, "text/html").getElementById("main");
  const main = document.getElementById("main");
  if (!fresh?.querySelector("[data-live]")) return;
  const before = values(main);
  const typing = [...main.querySelectorAll("dd[data-field]:is(.editing, .dirty)")];
  keepOpen(main, fresh);
  // By what they are, not by which they are: an answer may put another editor in the place of one meanwhile.
  const { morphIgnore, morphSkip } = window.htmx.config;
  window.htmx.config.morphIgnore = [...morphIgnore, "tabindex"];
  window.htmx.config.morphSkip = `${morphSkip}, dd.editing, dd.dirty`;
  try {
    await window.htmx.swap({ live: true, sourceElement: main, target: main, text: fresh.outerHTML, swap: "outerMorph" });
  } finally {
    Object.assign(window.htmx.config, { morphIgnore, morphSkip });
  }
  const changed = [...values(main)].filter(([field, words]) => before.has(field) && before.get(field) !== words).map(([field]) => field);
  for (const field of changed) for (const cell of main.querySelectorAll(`dd[data-field="${CSS.escape(field)}"]`)) mark(cell);
  if (typing.length && from) await noteAtEditors(typing, place, from, names);
  if (names.size && (changed.length || !earlier)) announce(`${[...names].join(", ")} changed this${changed.length ? `: ${titles(main, changed).join(", ")}` : ""}`);
}

function values(main) {
  return new Map([...main.querySelectorAll("dd[data-field]:not(.editing, .dirty)")].map((cell) => [cell.dataset.field, cell.textContent.trim()]));
}

function titles(main, fields) {
  return fields.map((field) => main.querySelector(`dd[data-field="${CSS.escape(field)}"]`)?.previousElementSibling?.textContent.trim() ?? field);
}

/** What its reader unfolded stays unfolded. */
function keepOpen(main, fresh) {
  const [old, later] = [main, fresh].map((each) => [...each.querySelectorAll("details")]);
  if (old.length === later.length) old.forEach((each, nth) => { later[nth].open = each.open; });
}

/** What others changed since an entry, and after the version that was seen when one began. */
async function ofOthers(place, from, seen) {
  const answer = await answered(`${place.dataset.live}/news?from=${from}${seen ? `&seen=${seen}` : ""}`);
  if (!answer?.ok) return null;
  return new DOMParser().parseFromString(answer.text, "text/html").getElementById("news");
}

/** An editor with something typed in it is left alone, and told. */
async function noteAtEditors(typing, place, from, names) {
  const words = `Changed by ${[...names].join(", ") || "somebody"} just now`;
  for (const seen of new Set(typing.map(begunAt))) {
    const news = await ofOthers(place, from, seen);
    const fields = news?.dataset.fields.split(" ") ?? [];
    for (const cell of typing) {
      if (begunAt(cell) !== seen || !cell.isConnected || !fields.includes(cell.dataset.field)) continue;
      if (cell.matches(".dirty")) {
        told(cell, words);
        continue;
      }
      cell.querySelector(".theirs")?.remove();
      cell.querySelector("form")?.append(Object.assign(document.createElement("span"), { className: "theirs", textContent: words }));
    }
  }
}

function begunAt(cell) {
  return cell.dataset.version ?? cell.querySelector("[name=version]")?.value;
}

async function tell() {
  timer = null;
  const place = open();
  if (place?.dataset.liveAs !== "form") return;
  const news = await ofOthers(place, heard.from, document.querySelector("#main form.record-form [name=version]")?.value);
  if (!news || place !== open()) return;
  show(news);
}

function show(news) {
  document.getElementById("news")?.remove();
  const close = Object.assign(document.createElement("button"), { className: "btn ghost sm", type: "button", textContent: "Dismiss" });
  close.addEventListener("click", () => news.remove());
  news.append(close);
  document.getElementById("main").append(news);
  announce(news.querySelector("p")?.textContent.trim());
}

function gone(place) {
  if (document.getElementById("news")) return;
  const note = Object.assign(document.createElement("div"), { className: "banner warn news", id: "news" });
  note.setAttribute("role", "status");
  note.append(Object.assign(document.createElement("p"), { textContent: "This was deleted, or your role no longer shows it. What stands here is how it was." }));
  const back = Object.assign(document.createElement("a"), { className: "btn sm", href: place.dataset.live.replace(/\/[^/]+$/, ""), textContent: "To the list" });
  note.append(back);
  document.getElementById("main").append(note);
}
