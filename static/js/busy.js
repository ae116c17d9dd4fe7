/* A bar under the top edge while an answer takes longer than people wait without wondering, and a word when none comes. */

const BUSY_AFTER_MS = 200;
let waiting = 0;
let timer;

document.addEventListener("htmx:before:request", () => {
  waiting += 1;
  timer ??= setTimeout(() => show(true), BUSY_AFTER_MS);
});

document.addEventListener("htmx:finally:request", () => {
  waiting = Math.max(0, waiting - 1);
  if (waiting > 0) return;
  clearTimeout(timer);
  timer = undefined;
  show(false);
});

function show(busy) {
  const bar = document.getElementById("busy");
  if (bar) bar.hidden = !busy;
}

document.addEventListener("htmx:error", ({ detail }) => {
  const toasts = document.getElementById("toasts");
  // A fetch that found no server; faults of our own are for the console of the browser.
  if (!toasts || !(detail?.error instanceof TypeError) || toasts.querySelector("[data-away]")) return;
  const toast = document.createElement("console-toast");
  toast.className = "toast err";
  toast.dataset.away = "";
  toast.append(Object.assign(document.createElement("span"), { textContent: "The console did not answer. Nothing was changed." }));
  toasts.append(toast);
});
