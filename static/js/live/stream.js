/* What is open on this page is told of changes: one stream a tab, resumed where it broke; where there is none, by asking.
   A page says what it shows by data-live="/crm/customers" or "/crm/customers/417" and data-live-as="list", "record" or "form".
   News goes out as "console:news" on document, who else is here as "console:here". */

import { announce } from "../announce.js";

const ASK_EVERY_MS = 5000;
const TRY_AGAIN_MS = 60_000;
const FAILURES = 3;
/* A browser opens six connections to one address; two of them must stay free for pages. */
const SLOTS = 4;

let at = null;
let source = null;
let giveBack = null;
let mark = null;
let failures = 0;
let asking = null;
let turn = 0;
let swaps = 0;

/** The element that says what is open, or undefined. */
export function open() {
  return document.querySelector("#main [data-live], #main[data-live]") ?? undefined;
}

/** An answer in full, or undefined where none came: whoever asked looks then, and not before, whether one is still there.
    It is stale where something else was put into the page meanwhile, which may know more: what one has just saved, say. */
export async function answered(address, options) {
  const before = swaps;
  try {
    const answer = await fetch(address, options);
    const text = await answer.text();
    return { status: answer.status, ok: answer.ok && !answer.redirected, away: answer.redirected, stale: before !== swaps, text };
  } catch {
    return undefined;
  }
}

/** The same, but never two at once: what was asked for earlier must not come after what was asked for later. */
export function inTurn(work) {
  let last = Promise.resolve();
  return () => (last = last.then(work, work));
}

function wanted() {
  const element = document.visibilityState === "visible" ? open() : undefined;
  if (!element) return null;
  const edits = element.dataset.liveAs === "form" || document.querySelector("#main form[data-cell]") !== null;
  return { on: element.dataset.live, edits: element.dataset.liveAs !== "list" && edits };
}

function settle() {
  const now = wanted();
  if (now?.on === at?.on && now?.edits === at?.edits) return;
  close();
  at = now;
  if (at) begin();
}

async function begin() {
  const mine = ++turn;
  failures = 0;
  if (!window.EventSource || !(await slot()) || mine !== turn) {
    if (mine === turn) ask();
    return;
  }
  source = new EventSource(`/live?${query()}`);
  source.addEventListener("hello", () => { failures = 0; say(true); });
  for (const event of ["news", "here"]) source.addEventListener(event, (message) => tell(event, JSON.parse(message.data)));
  for (const event of ["hello", "news", "still"]) source.addEventListener(event, (message) => { mark = message.lastEventId || mark; });
  source.addEventListener("end", (message) => again(JSON.parse(message.data).why));
  source.addEventListener("error", () => {
    failures += 1;
    if (source?.readyState === EventSource.CLOSED || failures >= FAILURES) fallBack();
  });
}

function query() {
  const asked = new URLSearchParams({ on: at.on, age: String(Math.min(Math.round(performance.now()), 120_000)) });
  if (at.edits) asked.set("edits", "1");
  if (mark) asked.set("since", mark);
  return asked;
}

/** One of the few streams this browser may hold open at once; where it cannot be told, one for each tab. */
function slot() {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((answer) => {
    const take = (number) => {
      if (number > SLOTS) { answer(false); return; }
      navigator.locks.request(`console-live-${number}`, { ifAvailable: true }, (lock) => {
        if (!lock) { take(number + 1); return undefined; }
        return new Promise((release) => {
          giveBack?.();
          giveBack = release;
          answer(true);
        });
      });
    };
    take(1);
  });
}

function close() {
  turn += 1;
  source?.close();
  source = null;
  giveBack?.();
  giveBack = null;
  clearTimeout(asking);
}

/** The server ended it: it restarts, or what this person may see has changed. */
function again(why) {
  close();
  if (why !== "signed-out") asking = setTimeout(begin, 200 + Math.random() * 800);
}

function fallBack() {
  close();
  ask(Date.now() + TRY_AGAIN_MS);
}

async function ask(untilStream = Infinity) {
  const mine = turn;
  const answer = await fetch(`/live/since?${query()}`, { headers: { Accept: "application/json" } }).catch(() => null);
  if (mine !== turn) return;
  if (answer && (answer.redirected || (answer.status >= 400 && answer.status < 500))) return; // not signed in, or not theirs
  say(answer?.ok ?? false);
  if (answer?.ok) {
    const told = await answer.json();
    mark = told.mark;
    if (told.news) tell("news", told.news);
    tell("here", told.here);
  }
  asking = setTimeout(() => (Date.now() > untilStream ? begin() : ask(untilStream)), ASK_EVERY_MS);
}

function tell(what, detail) {
  document.dispatchEvent(new CustomEvent(`console:${what}`, { detail }));
}

/** Nothing is said while all is well. */
function say(reached) {
  document.documentElement.dataset.live = source ? "stream" : reached ? "asks" : "away";
  const note = document.getElementById("live-state");
  if (!note || note.hidden === reached) return;
  note.hidden = reached;
  announce(reached ? "This page is up to date again." : "This page may not be up to date: the console cannot be reached.");
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => { if (!ctx.live) swaps += 1; });
for (const event of ["htmx:after:swap", "htmx:after:settle"]) document.addEventListener(event, () => queueMicrotask(settle));
document.addEventListener("visibilitychange", settle);
window.addEventListener("pagehide", () => { close(); at = null; });
window.addEventListener("pageshow", settle);
settle();
