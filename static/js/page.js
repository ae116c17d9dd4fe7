/* What a browser does by itself when a page loads, done again when htmx swaps one in: focus, scroll, title, way out. */

import { announce } from "./announce.js";
import { remember, restore } from "./focus.js";

/* A followed link is gone from the page once its answer stands there, so what matters of it is kept by its request. */
const followed = new WeakMap();

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  if (!source._htmx?.boosted) return;
  if (ctx.target?.id !== "main") leavesItsPart(ctx);
  followed.set(ctx, {
    page: ctx.target?.id === "main",
    here: pathOf(ctx.request.action) === location.pathname,
    from: location.pathname,
    dialog: source.closest("dialog")?.id,
    focus: remember(),
  });
});

function pathOf(address) {
  return new URL(address, location.href).pathname;
}

/** A part of a page, as a list's rows, swaps itself for links to its own address; a link elsewhere is a page. */
function leavesItsPart(ctx) {
  if (pathOf(ctx.request.action) === location.pathname) return;
  Object.assign(ctx, JSON.parse(document.body.getAttribute("hx-boost:inherited")));
  ctx.target = document.getElementById("main");
  ctx.request.headers["HX-Target"] = "main#main";
}

/** Files are for the browser's own download, never for a swap. */
document.addEventListener("htmx:before:init", (event) => {
  const link = event.target.closest("a[href]");
  if (link && /\.(csv|xlsx|json|pdf|zip)$/.test(pathOf(link.href))) event.preventDefault();
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (followed.get(ctx)?.page && !(ctx.response.headers.get("Content-Type") ?? "").startsWith("text/html")) leave(event);
});

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const kept = followed.get(ctx);
  if (!kept?.page) return;
  if (!/<main id="main"[\s\S]*id="toasts"/.test(ctx.text)) leave(event);
  else if (kept.dialog && ctx.response.status >= 400 && ctx.text.includes(`id="${kept.dialog}"`)) backIntoDialog(ctx, kept);
});

/** What is no page of our shell, as the one to sign in, takes the whole window. */
function leave(event) {
  event.preventDefault();
  location.assign(event.detail.ctx.response.raw.url);
}

/** A form refused in a dialog comes back in the dialog, with its sentences. */
function backIntoDialog(ctx, kept) {
  kept.page = false;
  Object.assign(ctx, { target: document.getElementById("modal"), select: `#${kept.dialog}`, swap: "innerHTML", push: "false", selectOOB: null });
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const kept = followed.get(ctx);
  if (!kept) return;
  if (kept.page) arrive(ctx, kept);
  else if (document.activeElement === document.body && !restore(kept.focus)) begin(document.getElementById(ctx.target?.id));
  const words = document.querySelector(".pager > span")?.textContent.trim();
  if (!kept.page && words) announce(words);
});

/** Where the part itself begins, once what had focus is gone: the cell a grid starts at, else its first control. */
function begin(part) {
  (part?.querySelector('[tabindex="0"]:is(td, th)') ?? part?.querySelector("a[href], button"))?.focus({ preventScroll: true });
}

function arrive(ctx, kept) {
  document.getElementById("nav")?.hidePopover?.();
  for (const menu of document.querySelectorAll("details.drop[open]")) menu.open = false;
  for (const dialog of document.querySelectorAll("#modal dialog")) dialog.close();
  // A form is sent to its own address and answered by another page: that page begins at its top, too.
  if (!ctx.request.anchor && (!kept.here || pathOf(ctx.response.raw.url) !== kept.from)) window.scrollTo(0, 0);
  const invalid = document.querySelector('#main [aria-invalid="true"]');
  if (invalid) {
    window.scrollTo(0, 0);
    invalid.focus();
    return;
  }
  announce(ctx.title || document.title);
  // A search or filter of the page one is on keeps the place one is at; anything else begins at the heading.
  if (kept.here && restore(kept.focus)) return;
  const heading = document.querySelector("#main h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

document.addEventListener("htmx:after:settle", ({ target }) => {
  if (target.closest?.("form, td, dialog, dialog-host")) target.querySelector?.('[aria-invalid="true"]')?.focus();
});

/* A form refused on a page that came the plain way, and the first thing to look at in it. */
document.querySelector('#main [aria-invalid="true"]')?.focus();

document.addEventListener("click", (event) => { if (event.target.closest?.("[data-prints]")) window.print(); });
