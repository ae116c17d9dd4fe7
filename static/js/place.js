/* Where one was: how far page and table were scrolled, which row one left, what had focus. Put back when one comes again
   by Back, by a crumb or after signing in; the page itself is asked of the server each time. */

import { remember, restore } from "./focus.js";

const KEPT = "console.places";
const SIGNED_OUT = "console.signed-out";
const MOST = 40;

let here = address();
let left = null;
let back = false;

function address() {
  const url = new URL(location.href);
  url.searchParams.delete("from");
  // As lists write their own addresses, so that one place has one name.
  return url.pathname + (url.searchParams.size ? `?${url.searchParams}` : "");
}

function places() {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
}

function grid() {
  return document.querySelector("#main data-grid");
}

function rows() {
  return [...(grid()?.querySelectorAll("tbody tr[data-key]") ?? [])];
}

function rowOf(key) {
  return key === null || key === undefined ? undefined : rows().find((row) => row.dataset.key === key);
}

function keep() {
  if (!document.getElementById("main") || document.body.matches(".login")) return;
  const table = grid();
  const row = rowOf(left) ?? document.activeElement?.closest?.("#main data-grid tr[data-key]");
  const { [here]: _old, ...others } = places();
  const all = Object.entries(others).slice(1 - MOST);
  all.push([here, {
    window: [window.scrollX, window.scrollY],
    table: table ? [table.scrollLeft, table.scrollTop] : null,
    key: row?.dataset.key ?? null,
    at: row ? rows().indexOf(row) : null,
    focus: row ? null : remember(),
  }]);
  sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(all)));
  left = null;
}

/** The page that stands there now: one is back at it, or has newly come. */
function settle(isBack) {
  const from = grid() ? new URL(location.href).searchParams.get("from") : null;
  here = address();
  const kept = places()[here];
  if (!isBack && from === null) return;
  if (from !== null) history.replaceState(history.state, "", here + location.hash);
  scroll(kept);
  const row = rowOf(from) ?? rowOf(kept?.key) ?? (kept?.at === null ? undefined : rows()[Math.min(kept?.at ?? Infinity, rows().length - 1)]);
  if (row && (from !== null || kept?.key)) mark(row);
  else if (isBack && !restore(kept?.focus)) document.querySelector("#main h1")?.focus({ preventScroll: true });
}

function scroll(kept) {
  if (!kept) return;
  window.scrollTo(...kept.window);
  if (kept.table && grid()) [grid().scrollLeft, grid().scrollTop] = kept.table;
}

function mark(row) {
  for (const other of rows()) other.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  const cell = row.querySelector("td.name") ?? row.cells[0];
  cell.tabIndex = 0;
  cell.focus({ preventScroll: true, focusVisible: true }); // one came by keys or not: where one is has to be seen
  const box = row.getBoundingClientRect();
  const frame = grid().getBoundingClientRect();
  const head = grid().querySelector("thead")?.getBoundingClientRect().height ?? 0;
  if (box.top < frame.top + head || box.bottom > Math.min(frame.bottom, window.innerHeight)) row.scrollIntoView({ block: "center" });
}

document.addEventListener("click", (event) => {
  const row = event.target.closest?.("#main data-grid tbody tr[data-key]");
  if (row && event.target.closest("a[href]")) left = row.dataset.key;
}, true);

/** The mark has said what it had to say once one is at another row. */
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("#main data-grid tbody tr");
  if (row && !row.hasAttribute("aria-current")) for (const other of rows()) other.removeAttribute("aria-current");
});

function isPage(ctx) {
  return ctx?.target === document.body || ["main", "list"].includes(ctx?.target?.id);
}

document.addEventListener("htmx:before:history:restore", () => { back = true; });
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => { if (isPage(ctx)) keep(); });
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!isPage(ctx) && !back) return;
  const isBack = back;
  back = false;
  settle(isBack);
});
window.addEventListener("pagehide", keep);

if (document.body.matches(".login")) {
  sessionStorage.setItem(SIGNED_OUT, "1");
} else {
  const how = performance.getEntriesByType("navigation")[0]?.type;
  const again = sessionStorage.getItem(SIGNED_OUT) !== null;
  sessionStorage.removeItem(SIGNED_OUT);
  if (how === "reload" && !again) scroll(places()[here]);
  else settle(how === "back_forward" || again);
}
