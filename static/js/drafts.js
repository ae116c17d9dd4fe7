/* What is typed into a long form is kept on the server a moment later, for its author alone. form[data-draft] takes part;
   its own address keeps the draft, and the line below the form says so. */

import { waitsForSignIn } from "./session.js";
import { changed } from "./unsaved.js";

const PAUSE_MS = 1500;
const timers = new WeakMap();
const sending = new WeakMap();

function form() {
  return document.querySelector("#main form[data-draft]");
}

function line() {
  return document.getElementById("draft");
}

function say(words) {
  if (line()) line().textContent = words;
}

/** The draft of another day that nobody has answered to yet. */
function offered() {
  return document.querySelector("#main .banner.draft:has(a[href])");
}

async function keep(each, leaving = false) {
  clearTimeout(timers.get(each));
  timers.delete(each);
  if (!each.isConnected || "leaving" in each.dataset || !changed(each)) return;
  if (offered()) {
    say("Restore or discard your earlier draft first; then this one is kept.");
    return;
  }
  sending.get(each)?.abort();
  const stop = new AbortController();
  sending.set(each, stop);
  const body = new URLSearchParams(new FormData(each));
  body.set("draft.do", "keep");
  try {
    const answer = await fetch(location.pathname + location.search, {
      method: "POST", body, signal: stop.signal, keepalive: leaving,
      headers: { "HX-Request": "true", "HX-Request-Type": "partial", "X-CSRFToken": body.get("csrf_token") },
    });
    if (waitsForSignIn(answer)) {
      say("Not kept as a draft: your session has ended. Saving asks you to sign in and goes on.");
      return;
    }
    const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("draft");
    if (answer.ok && part) line()?.replaceWith(document.importNode(part, true));
    else say("Not kept as a draft.");
  } catch (error) {
    if (error.name !== "AbortError") say("Not kept as a draft: the console did not answer.");
  }
}

function later(event) {
  const each = event.target.closest?.("form[data-draft]");
  if (!each) return;
  clearTimeout(timers.get(each));
  timers.set(each, setTimeout(() => keep(each), PAUSE_MS));
}

document.addEventListener("input", later);
document.addEventListener("change", later);

/** What is being saved is no draft any more; one that is still on its way must not arrive after it. */
document.addEventListener("submit", (event) => {
  clearTimeout(timers.get(event.target));
  sending.get(event.target)?.abort();
  if (event.target.id === "draft-discard" && form()) form().dataset.leaving = "";
}, true);

/** To discard what was offered takes nothing from what has been typed since. */
document.addEventListener("click", async (event) => {
  const offer = event.target.closest?.('[form="draft-discard"]') && event.target.closest(".banner.draft");
  if (!offer || offer !== offered()) return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(document.getElementById("draft-discard")));
  const headers = { "HX-Request": "true", "HX-Request-Type": "partial", "X-CSRFToken": sent.get("csrf_token") };
  const answer = await fetch(location.pathname + location.search, { method: "POST", body: sent, headers }).catch(() => null);
  if (!answer?.ok) {
    say("The earlier draft could not be discarded.");
    return;
  }
  offer.remove();
  say("");
  form()?.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  if (form()) keep(form());
});

function now() {
  const each = form();
  if (each && timers.has(each)) keep(each, true);
}
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") now(); });
window.addEventListener("pagehide", now);
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => { if (ctx.target?.id === "main" || ctx.target === document.body) now(); });

/** "just now" does not stay true. */
setInterval(() => {
  const time = line()?.querySelector("time");
  if (!time) return;
  const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
  if (minutes > 0) time.textContent = minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}, 20000);
