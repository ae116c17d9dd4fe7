/* Column widths: dragged at the edge of a head, or with Shift+Left and Shift+Right on it. The address of the list carries
   them, and they are kept for the next time: in the person's own ways, or with the open view once it is saved. */

import { announce } from "./announce.js";

const NARROWEST = 40;
const WIDEST = 1000;
const STEP = 16;
let dragged = null;
let keeping;

document.addEventListener("pointerdown", (event) => {
  const edge = event.target.closest?.("th > .edge");
  if (!edge || event.button !== 0) return;
  event.preventDefault();
  const head = edge.parentElement;
  settle(head.closest("table"));
  dragged = { head, from: event.clientX, width: head.getBoundingClientRect().width };
  edge.setPointerCapture(event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  if (dragged) resize(dragged.head, dragged.width + event.clientX - dragged.from);
});

for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => {
    if (dragged) keep(dragged.head.closest("table"));
    dragged = null;
  });
}

/* Before the grid, which moves from head to head by the same arrows. */
document.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const head = event.target.closest?.("th[data-col]");
  if (!way || !head || !event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  const table = head.closest("table");
  settle(table);
  const width = resize(head, head.getBoundingClientRect().width + way * STEP);
  announce(`${head.textContent.trim()}, ${width} pixels wide`);
  clearTimeout(keeping);
  keeping = setTimeout(() => keep(table), 600);
}, true);

/** Gives every head the edge it is dragged by. */
function prepare() {
  for (const head of document.querySelectorAll(".gridwrap th[data-col]:not(:has(> .edge))")) {
    head.append(Object.assign(document.createElement("i"), { className: "edge" }));
  }
}

/** From widths by content to widths one says: each column keeps the one it has at this moment. */
function settle(table) {
  if (table.querySelector("colgroup.said")) return;
  const widths = [...table.tHead.rows[0].cells].map((cell) => Math.round(cell.getBoundingClientRect().width));
  table.querySelector("colgroup")?.remove();
  const group = document.createElement("colgroup");
  group.className = "said";
  for (const width of widths) group.append(Object.assign(document.createElement("col"), { width }));
  table.tHead.before(group);
}

function resize(head, wanted) {
  const width = Math.round(Math.min(WIDEST, Math.max(NARROWEST, wanted)));
  head.closest("table").querySelectorAll("colgroup > col")[head.cellIndex].setAttribute("width", width);
  return width;
}

async function keep(table) {
  if (!table.isConnected) return;
  const columns = table.querySelectorAll("colgroup > col");
  const cols = [...table.tHead.rows[0].cells]
    .filter((cell) => cell.dataset.col)
    .map((cell) => `${cell.dataset.col}:${columns[cell.cellIndex].getAttribute("width")}`)
    .join(",");
  const list = table.closest("#list").dataset.list;
  const answer = await fetch("/views/widths", {
    method: "POST",
    headers: JSON.parse(document.body.getAttribute("hx-headers:inherited")),
    body: new URLSearchParams({ list, cols }),
  }).catch(() => null);
  if (!answer?.ok) {
    announce("The widths could not be kept.");
    return;
  }
  carry(new URL(answer.headers.get("Location"), location.href));
}

/** What leads on from here leads on with these widths; the bar over the list says whether its view is another now. */
function carry(address) {
  const cols = address.searchParams.get("cols");
  document.getElementById("list").dataset.list = `${address.pathname}${address.search}`;
  for (const link of document.querySelectorAll("#list :is(thead, .pager) a[href]")) {
    const to = new URL(link.href);
    if (to.pathname !== location.pathname) continue;
    to.searchParams.set("cols", cols);
    if (address.searchParams.has("view")) to.searchParams.set("view", address.searchParams.get("view"));
    link.href = to.href;
  }
  const now = new URL(address);
  for (const place of ["after", "before"]) {
    const at = new URLSearchParams(location.search).get(place);
    if (at) now.searchParams.set(place, at);
  }
  history.replaceState(history.state, "", now);
  window.htmx?.ajax("GET", now.href, { target: "#list-bar", select: "#list-bar", swap: "outerMorph" });
}

new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
prepare();
