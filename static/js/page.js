/* What a browser does by itself when a page loads, done again when htmx swaps one in: focus, scroll, title, way out. */

import { announce } from "./announce.js";

const BUSY_AFTER_MS = 200;
let waiting = 0;
let timer;

/* A followed link is gone from the page once its answer stands there, so the request is remembered and not the link. */
const pages = new WeakSet();

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement._htmx?.boosted) pages.add(ctx);
});

function isPageSwap(ctx) {
  return pages.has(ctx);
}

/** Files are for the browser's own download, never for a swap. */
document.addEventListener("htmx:before:init", (event) => {
  const link = event.target.closest("a[href]");
  if (link && /\.(csv|xlsx|json|pdf|zip)$/.test(new URL(link.href, location.href).pathname)) event.preventDefault();
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const type = ctx.response.headers.get("Content-Type") ?? "";
  if (isPageSwap(ctx) && !type.startsWith("text/html")) {
    event.preventDefault();
    location.assign(ctx.response.raw.url);
  }
});

/** A page without our shell, as the one to sign in, takes the whole window. */
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (isPageSwap(ctx) && !/<main id="main"[\s\S]*id="toasts"/.test(ctx.text)) {
    event.preventDefault();
    location.assign(ctx.response.raw.url);
  }
});

document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  if (!isPageSwap(ctx)) {
    sayCount();
    return;
  }
  document.getElementById("nav")?.hidePopover?.();
  document.querySelectorAll("details.drop[open]").forEach((menu) => { menu.open = false; });
  const invalid = document.querySelector('#main [aria-invalid="true"]');
  const heading = document.querySelector("#main h1");
  if (!ctx.request.anchor) window.scrollTo(0, 0);
  if (invalid) {
    invalid.focus();
  } else if (heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    announce(ctx.title || heading.textContent);
  }
});

/** A list says how many it now shows; the pager has the words. */
function sayCount() {
  const grid = document.activeElement?.closest("#grid, .list-head, .pager");
  if (grid) announce(document.querySelector(".pager > span")?.textContent.trim());
}

document.addEventListener("htmx:after:settle", (event) => {
  const region = event.target;
  if (region.closest?.("form, td, dialog")) region.querySelector?.('[aria-invalid="true"]')?.focus();
});

/* A form refused on a whole page, and the first thing to look at in it. */
document.querySelector('#main [aria-invalid="true"]')?.focus();

document.addEventListener("htmx:before:request", () => {
  waiting += 1;
  timer ??= setTimeout(() => { document.getElementById("busy").hidden = false; }, BUSY_AFTER_MS);
});

document.addEventListener("htmx:finally:request", () => {
  waiting -= 1;
  if (waiting > 0) return;
  clearTimeout(timer);
  timer = undefined;
  const bar = document.getElementById("busy");
  if (bar) bar.hidden = true;
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail?.error?.name === "AbortError") return;
  const toasts = document.getElementById("toasts");
  if (!toasts || !navigator || toasts.querySelector("[data-offline]")) return;
  const toast = document.createElement("console-toast");
  toast.className = "toast err";
  toast.dataset.offline = "";
  toast.append(Object.assign(document.createElement("span"), { textContent: "The console did not answer. Nothing was changed." }));
  toasts.append(toast);
});
