/* A value edited where it stands, in a list or on a record. Enter saves, Escape gives up, Tab saves and goes on to the next
   value. Whoever collects changes has them tried by the server and kept until all are saved together. */

import { announce } from "./announce.js";
import { MOST, collecting, drop, find, of, put } from "./staged/store.js";
import { changed } from "./unsaved.js";

const VALUE = "td[data-field], dd[data-field]";
const CONTROL = "form[data-cell] :is(input:not([type=hidden]), select, textarea)";
/* What stood in a cell of the list before its editor did. */
const former = new WeakMap();
/* What is to happen once an editor has closed: the next value to open, or all to be saved. */
let then = null;
/* Values whose editors were given up: what was collected for them before stays. */
const left = new Set();

// -- where a value belongs ---------------------------------------------------------------------------------------------

export function hostOf(element) {
  return element?.closest?.(VALUE) ?? null;
}

/** The table's address, the record's key and the field of a value; null where nothing of it is edited. */
export function placeOf(host) {
  const list = host.closest("#list");
  const row = host.closest("tr[data-key]");
  if (list && row) return { path: list.dataset.path, key: row.dataset.key, field: host.dataset.field };
  const record = host.matches("dd") && document.querySelector("staged-changes[data-key]");
  return record ? { path: record.dataset.path, key: record.dataset.key, field: host.dataset.field } : null;
}

/** The cell of a value on this page, if it is shown. */
export function cellOf(path, { key, field }) {
  const list = document.querySelector("#list");
  if (list?.dataset.path === path) return list.querySelector(`tr[data-key="${CSS.escape(key)}"] > td[data-field="${CSS.escape(field)}"]`);
  const record = document.querySelector("staged-changes[data-key]");
  return record?.dataset.path === path && record.dataset.key === key ? document.getElementById(`v-${field}`) : null;
}

function closed(cell) {
  const names = cell.closest("tr")?.dataset.closed ?? "";
  return names === "*" || names.split(" ").includes(cell.dataset.field);
}

/** The values that can be edited, in reading order. */
function editable() {
  return [...document.querySelectorAll("#main :is(#list td.can-edit, dd:is(.can-edit, .editing))")].filter((each) => each.checkVisibility() && !closed(each));
}

function neighbour(host, step) {
  const all = editable();
  return all[all.indexOf(host) + step] ?? null;
}

function named(host) {
  const place = placeOf(host);
  return place ? `${place.path} ${place.key} ${place.field}` : host.id;
}

// -- the pencil of a list's cell: one, where one is ----------------------------------------------------------------------

let pencil = null;

function offer(cell) {
  if (!cell || cell.matches(".editing") || pencil?.parentElement === cell) return pencil;
  pencil?.remove();
  const list = cell.closest("#list");
  const row = cell.closest("tr");
  const title = row.querySelector("td.name")?.textContent.trim() ?? "";
  const head = list.querySelector(`th[data-col="${CSS.escape(cell.dataset.field)}"]`)?.textContent.trim() ?? cell.dataset.field;
  const came = list.dataset.came;
  pencil = Object.assign(document.createElement("button"), { type: "button", className: "cell-edit", tabIndex: -1 });
  pencil.setAttribute("aria-label", `Edit ${head} of ${title}`);
  pencil.setAttribute("hx-get", `${list.dataset.path}/${row.dataset.key}/cells/${cell.dataset.field}${came}${came ? "&" : "?"}in=list`);
  pencil.setAttribute("hx-target", "closest td");
  pencil.setAttribute("hx-swap", "innerHTML");
  pencil.setAttribute("hx-push-url", "false");
  pencil.append(icon("pencil"));
  cell.append(pencil);
  window.htmx.process(pencil);
  return pencil;
}

/** One of the page's own icons. */
export function icon(name) {
  const sprite = document.querySelector("use")?.getAttribute("href").split("#")[0] ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#i-${name}`);
  svg.append(use);
  return svg;
}

function offerAt(event) {
  const cell = event.target.closest?.("#list td.can-edit");
  if (cell && !closed(cell) && cell.closest("data-grid")) offer(cell);
}
document.addEventListener("pointerover", offerAt);
document.addEventListener("focusin", offerAt);

// -- opening -----------------------------------------------------------------------------------------------------------

export function edit(host) {
  if (!host || host.matches(".editing")) return;
  if (host.matches("dd")) {
    host.querySelector(".edit")?.click();
    return;
  }
  offer(host).click();
}

document.addEventListener("edit-cell", ({ target }) => edit(target));

document.addEventListener("dblclick", (event) => {
  const host = hostOf(event.target);
  if (!host?.matches(".can-edit") || event.target.closest("a, button, input, form")) return;
  event.preventDefault();
  edit(host);
});

/* The nodes that leave a cell for its editor come back when one gives up. */
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const cell = ctx.target;
  if (!cell?.matches?.("td[data-field]") || cell.matches(".editing")) return;
  if (pencil?.parentElement === cell) pencil.remove();
  former.set(cell, [...cell.childNodes]);
  cell.style.minWidth = `${cell.offsetWidth}px`; // an empty cell would let its column shrink
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const target = ctx.target;
  const host = target?.id?.startsWith("v-") ? document.getElementById(target.id) : target?.matches?.("td[data-field]") ? target : null;
  if (!host) return;
  const form = host.querySelector("form[data-cell]");
  // Somebody else's change, or a value that cannot be edited as things stand.
  if (!form && host.matches("td:not(.editing)") && !left.has(named(host))) {
    then = null;
    return;
  }
  if (form) opened(host, form, ctx);
  else settled(host);
});

function opened(host, form, ctx) {
  host.classList.add("editing");
  const place = placeOf(host);
  const waiting = place && find(place.path, place.key, place.field);
  if (waiting && ctx.request.method === "GET") refill(form, waiting);
  if (ctx.request.method !== "GET") then = null;
  const field = host.querySelector(CONTROL);
  field?.focus();
  if (field?.matches("input:not([type=checkbox])")) field.select();
  const tip = form.querySelector(".tip");
  if (!tip) return;
  const room = host.closest(".gridwrap").getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  form.classList.toggle("above", box.bottom > Math.min(room.bottom, innerHeight) && box.height < form.getBoundingClientRect().top - room.top);
  form.classList.toggle("end", box.right > room.right);
}

/** What was collected for a value stands in its editor again, over the value and the version it was typed over. */
function refill(form, change) {
  for (const [name, value] of [["version", change.version], ["was", change.was], [`${change.field}.q`, change.chosen]]) {
    const field = form.elements[name];
    if (field && value) field.value = value;
  }
  const field = form.elements[change.field];
  if (!field) return;
  if (field.type === "checkbox") field.checked = change.typed === "true";
  else field.value = change.typed;
}

// -- closing -----------------------------------------------------------------------------------------------------------

/** An editor has given way to a value: stored, tried, or as it was. */
function settled(host) {
  host.classList.remove("editing");
  host.style.removeProperty("min-width");
  former.delete(host);
  const place = placeOf(host);
  const kept = host.querySelector("[data-staged]");
  if (place && kept) {
    keep(place.path, JSON.parse(kept.dataset.staged));
    kept.remove();
  } else if (place && !left.has(named(host))) {
    drop(place.path, place.key, place.field);
  }
  left.delete(named(host));
  goOn(host);
}

function keep(path, change) {
  if (change.same) {
    drop(path, change.key, change.field);
    return;
  }
  const earlier = find(path, change.key, change.field);
  if (!earlier && of(path).length >= MOST) {
    announce(`At most ${MOST} changes wait together. Save them first.`);
    return;
  }
  put(path, earlier?.version === change.version ? { ...change, before: earlier.before } : change);
  announce(`${change.label} kept, not saved yet`);
}

function goOn(host) {
  const next = then;
  then = null;
  if (next === "save") document.querySelector("[data-saves-staged]")?.click();
  else if (next?.isConnected || next?.id) {
    edit(next.isConnected ? next : document.getElementById(next.id));
    return;
  }
  if (document.activeElement === document.body || host.contains(document.activeElement)) rest(host);
}

function rest(host) {
  (host.matches("dd") ? host.querySelector(".edit") : host)?.focus({ preventScroll: true });
}

/** As it was: what was typed since the editor opened is given up, what was collected before stays. */
function giveUp(form) {
  const host = hostOf(form);
  left.add(named(host));
  if (host.matches("dd")) {
    form.querySelector('[aria-keyshortcuts="Escape"]').click();
    return;
  }
  const nodes = former.get(host);
  if (!nodes || host.querySelector(".clash, .theirs")) {
    host.classList.remove("editing");
    const again = offer(host);
    again.setAttribute("hx-get", `${again.getAttribute("hx-get")}&show=1`);
    again.click();
    return;
  }
  form.dataset.leaving = "";
  host.replaceChildren(...nodes);
  window.htmx.process(host);
  settled(host);
  document.dispatchEvent(new CustomEvent("staged"));
  if (document.activeElement === document.body) rest(host);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-cell]")) return;
  const host = hostOf(form);
  const place = placeOf(host);
  if (host.matches("td") && !changed(form) && !form.querySelector(".err")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    giveUp(form);
    return;
  }
  const waits = place && (collecting() || find(place.path, place.key, place.field));
  if (waits && !form.elements.stage) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "stage", value: "1" }));
  }
}, true);

function send(form) {
  if (changed(form) || form.querySelector(".err")) form.requestSubmit();
  else giveUp(form);
}

document.addEventListener("click", (event) => {
  const cancel = event.target.closest?.("form[data-cell] [data-cancel]");
  if (cancel) giveUp(cancel.form);
});

/* Whoever goes elsewhere with the mouse has finished with the cell: it is saved if it can be. */
document.addEventListener("pointerdown", (event) => {
  const form = document.querySelector("#list td.editing form[data-cell]");
  if (!form || form.contains(event.target) || event.target.closest("dialog, .toasts")) return;
  if (changed(form)) form.requestSubmit();
  else if (!form.querySelector(".err")) giveUp(form);
});

document.addEventListener("keydown", (event) => {
  // A link that calls itself a button, so that it works without script, is pressed by Space as well.
  if (event.key === " " && event.target.matches?.("a[role=button]")) {
    event.preventDefault();
    event.target.click();
    return;
  }
  const form = event.target.closest?.("form[data-cell]");
  if (!form || event.defaultPrevented || event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "Escape") {
    event.preventDefault();
    giveUp(form);
  } else if (event.key === "Tab" && !control && !event.altKey && event.target.matches(":is(input, select, textarea)")) {
    event.preventDefault();
    then = neighbour(hostOf(form), event.shiftKey ? -1 : 1);
    send(form);
  } else if (event.key === "Enter" && (event.target.matches("select") || (control && event.target.matches("textarea")))) {
    event.preventDefault();
    setTimeout(() => send(form));
  }
});

/* Heard before the page's own Ctrl+S, which would save what was collected without this. */
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-cell]");
  if (!form || event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  event.stopPropagation();
  then = "save";
  send(form);
}, true);
