/* A session that ended while somebody was at work: they sign in over the page, and what they had sent goes on by itself.
   When another person signs in, the page is loaded anew and nothing of it is sent. */

import { announce } from "./announce.js";

const AGAIN = "/sign-in/again";
let asking = null;

/** Whether an answer only waits for its sender to be somebody again. */
export function waitsForSignIn(answer) {
  return answer.headers.get("Sign-In") === "again";
}

/** Resolves with the new form secret once the author of this page is signed in; rejects as an abort when they gave up. */
export function signInAgain() {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

async function ask() {
  const first = await fetched(`${AGAIN}?by=${encodeURIComponent(document.body.dataset.by)}`);
  const found = first.matches("dialog") ? await overThePage(first) : first;
  if (found.dataset.same !== "yes") return startAnew();
  takeOver(found.dataset);
  return found.dataset.csrf;
}

async function fetched(address, options = {}) {
  const answer = await fetch(address, { ...options, headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("again");
  if (!part) throw new TypeError("no answer");
  return document.importNode(part, true);
}

/** Shows the form until somebody is in; a refused one comes back with its sentence. */
function overThePage(dialog) {
  return new Promise((done, gone) => {
    const show = (each) => {
      document.body.append(each);
      each.showModal();
      (each.querySelector("[aria-invalid=true]") ?? each.querySelector("[autofocus]"))?.focus();
      each.querySelector("[data-cancel]").addEventListener("click", () => each.close());
      each.addEventListener("close", () => { each.remove(); gone(new DOMException("not signed in", "AbortError")); });
      each.addEventListener("submit", async (event) => {
        event.preventDefault();
        event.stopPropagation();
        const button = event.submitter ?? each.querySelector(".primary");
        button.setAttribute("aria-busy", "true");
        button.disabled = true;
        try {
          const next = await fetched(AGAIN, { method: "POST", body: new URLSearchParams(new FormData(event.target)) });
          each.remove();
          if (next.matches("dialog")) show(next);
          else done(next);
        } catch {
          button.disabled = false;
          button.removeAttribute("aria-busy");
          announce("The console did not answer. Try again.");
        }
      });
    };
    show(dialog);
  });
}

function startAnew() {
  for (const form of document.querySelectorAll("form[data-guard]")) form.dataset.leaving = "";
  location.reload();
  return new Promise(() => {});
}

/** Every form of the page, and every request from now on, belongs to the new session. */
function takeOver({ csrf, by }) {
  for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = csrf;
  for (const field of document.querySelectorAll('input[name="typed.by"]')) field.value = by;
  document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRFToken": csrf }));
  document.body.dataset.by = by;
  announce("Signed in. Going on.");
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const send = ctx.fetch;
  ctx.fetch = async (address, request) => {
    const answer = await send(address, request);
    if (!waitsForSignIn(answer)) return answer;
    // Nobody pressed anything: a panel that refreshes itself keeps what it shows.
    if (ctx.sourceEvent?.type === "tick") throw new DOMException("not signed in", "AbortError");
    clearTimeout(ctx.requestTimeout);
    const csrf = await signInAgain();
    request.headers["X-CSRFToken"] = csrf;
    if (request.body?.has?.("csrf_token")) request.body.set("csrf_token", csrf);
    return send(address, request);
  };
});
