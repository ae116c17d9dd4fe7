/* The keyboard map. Keys stand where they work: in aria-keyshortcuts, or for two in a row in data-keys ("g c"). Single
   letters work outside fields only, and each person can switch them off in the account menu. */

import { announce } from "./announce.js";
import { showSheet } from "./sheet.js";

const FIELDS = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable], [role=combobox], [role=listbox]";
const PREFIX_LASTS_MS = 1500;

export function singleKeysOn() {
  return document.documentElement.dataset.keys !== "off";
}

export function usable(element) {
  return element && element.checkVisibility() && element.getAttribute("aria-disabled") !== "true" && !element.disabled;
}

/** The innermost open dialog is asked alone. */
function byShortcut(key) {
  const scope = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
  return [...scope.querySelectorAll("[aria-keyshortcuts]")].find(
    (element) => element.getAttribute("aria-keyshortcuts").split(" ").some((shortcut) => shortcut.toLowerCase() === key) && usable(element),
  );
}

function act(element) {
  if (element.matches(FIELDS)) {
    element.focus();
    element.select?.();
    return;
  }
  element.click();
  // A menu opened by its key is walked by keys.
  const menu = element.matches("summary") && element.parentElement;
  if (menu?.open) requestAnimationFrame(() => menu.querySelector(".pop :is(a[href], button:not([disabled]), input, textarea)")?.focus());
}

let prefix = "";
let since = 0;

function twoInARow(event, key) {
  const first = Date.now() - since < PREFIX_LASTS_MS ? prefix : "";
  prefix = "";
  if (first) {
    const link = document.querySelector(`[data-keys="${first} ${CSS.escape(key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return true;
    }
    if (/^\p{L}$/u.test(key)) {
      event.preventDefault();
      announce(first === "g" ? "Nothing of yours goes by that letter." : "Your role does not begin anything by that letter.");
      return true;
    }
  }
  if (document.querySelector("dialog[open]") || !document.querySelector(`[data-keys^="${CSS.escape(key)} "]`)) return false;
  prefix = key;
  since = Date.now();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  const typing = event.target.closest?.(FIELDS);
  const key = event.key.toLowerCase();

  if (control) {
    if (event.shiftKey) return;
    if (key === "z" && !typing) press(event, newestUndo());
    if (key === "s") press(event, byShortcut("control+s") ?? event.target.form?.querySelector(".primary"));
    if (key === "k") {
      event.preventDefault();
      document.dispatchEvent(new CustomEvent("palette"));
    }
    return;
  }
  if (typing || (!singleKeysOn() && key !== "escape")) return;
  if (key.length > 1 && key !== "escape") return;
  if (key.length === 1 && twoInARow(event, key)) return;
  if (key === "?") { event.preventDefault(); showSheet(); return; }
  press(event, byShortcut(key));
});

function press(event, element) {
  if (!element) return;
  event.preventDefault();
  act(element);
}

export function newestUndo() {
  return [...document.querySelectorAll("#toasts [data-undo]")].pop();
}

document.addEventListener("click", (event) => {
  if (event.target.closest('[data-shows="keys"]')) showSheet();
});
