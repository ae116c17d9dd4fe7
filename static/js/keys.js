/* The keyboard map. Single letters work outside fields only and can be switched off in the account menu. */

import { announce } from "./announce.js";

const OFF = "console.single-keys-off";
const FIELDS = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable], [role=combobox], [role=listbox]";

const GO = { d: "/", c: "/crm/customers", j: "/crm/jobs", i: "/crm/invoices", h: "/health" };

function singleKeysOn() {
  return localStorage.getItem(OFF) === null;
}

function visible(element) {
  return element && element.checkVisibility() && element.getAttribute("aria-disabled") !== "true" && !element.disabled;
}

/** Pages write their keys where they stand, in aria-keyshortcuts; the innermost open dialog is asked alone. */
function byShortcut(key) {
  const scope = document.querySelector("dialog[open]") ?? document;
  return [...scope.querySelectorAll("[aria-keyshortcuts]")].find(
    (element) => element.getAttribute("aria-keyshortcuts").split(" ").some((shortcut) => shortcut.toLowerCase() === key) && visible(element),
  );
}

function act(element) {
  if (element.matches(FIELDS)) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

let prefix = "";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  const typing = event.target.closest?.(FIELDS);
  const key = event.key.toLowerCase();

  if (control) {
    if (event.shiftKey) return;
    if (key === "z" && !typing) press(event, newestUndo());
    if (key === "s") press(event, (event.target.form ?? document.querySelector("#main form[method=post]"))?.querySelector(".primary"));
    if (key === "k") {
      event.preventDefault();
      document.dispatchEvent(new CustomEvent("palette"));
    }
    return;
  }
  if (typing || !singleKeysOn()) return;

  if (prefix === "g" && GO[key]) {
    prefix = "";
    event.preventDefault();
    const link = document.querySelector(`#groups a[href="${GO[key]}"]`);
    if (link) link.click();
    else announce("Your role does not include that page.");
    return;
  }
  prefix = "";
  if (key === "g") { prefix = "g"; return; }
  if (key === "?") { event.preventDefault(); showSheet(); return; }
  if (key.length > 1 && key !== "escape") return;
  press(event, byShortcut(key));
});

function press(event, element) {
  if (!element) return;
  event.preventDefault();
  act(element);
}

function newestUndo() {
  return [...document.querySelectorAll("#toasts [data-undo]")].pop();
}

/** The sheet lists the keys of this page: the map everywhere, then what the page itself declares. */
function showSheet() {
  if (document.getElementById("keys")) return;
  const rows = [["?", "This sheet"], ["Ctrl K", "Search everything, commands"], ["/", "Find in this view"], ["[ ]", "Previous, next page"], ["J K", "Next, previous row or record"],
    ["Arrows", "Move in a table"], ["Enter", "Open the row"], ["F2", "Edit the cell"], ["Ctrl S", "Save the form"],
    ["Ctrl Z", "Undo your newest change"], ["Esc", "Close what is on top"], ["G D", "Home"], ["G C", "Customers"], ["G J", "Jobs"],
    ["G I", "Invoices"], ["G H", "Health"]];
  const known = new Set(["?", "/", "[", "]", "j", "k", "control+z", "escape"]);
  for (const element of document.querySelectorAll("#main [aria-keyshortcuts]")) {
    const shortcut = element.getAttribute("aria-keyshortcuts");
    if (!known.has(shortcut.toLowerCase())) rows.push([shortcut, element.getAttribute("aria-label") ?? element.textContent.trim()]);
  }
  const sheet = document.createElement("dialog");
  sheet.id = "keys";
  sheet.className = "dialog wide";
  sheet.setAttribute("aria-labelledby", "keys-h");
  const list = document.createElement("dl");
  list.className = "keys";
  for (const [keys, does] of rows) {
    const row = document.createElement("div");
    const term = Object.assign(document.createElement("dt"), { textContent: does });
    const detail = document.createElement("dd");
    detail.append(...keys.split(" ").map((name) => Object.assign(document.createElement("kbd"), { textContent: name })));
    row.append(term, detail);
    list.append(row);
  }
  const head = document.createElement("header");
  const title = Object.assign(document.createElement("h2"), { id: "keys-h", textContent: "Keys of this page" });
  const close = document.createElement("form");
  close.method = "dialog";
  close.append(Object.assign(document.createElement("button"), { className: "btn sm", textContent: "Close" }));
  const words = document.createElement("div");
  words.append(title);
  head.append(words, close);
  const body = document.createElement("div");
  body.className = "body";
  body.append(list);
  sheet.append(head, body);
  document.getElementById("modal").append(sheet);
}

document.addEventListener("click", (event) => {
  if (event.target.closest('[data-shows="keys"]')) showSheet();
});

document.addEventListener("toggle", (event) => {
  const box = event.target.id === "account" && event.target.querySelector("[data-single-keys]");
  if (box) box.checked = singleKeysOn();
}, true);

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-single-keys]")) return;
  if (event.target.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
});
