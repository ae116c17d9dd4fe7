/* Leaving a form with unsaved edits asks once: by a link, by Back, by closing the tab. A form takes part by data-guard, the
   editor of a value by data-cell; saving or discarding lets go. */

import { anywhere, of } from "./staged/store.js";

const QUESTION = "Leave this page? What you typed here is not saved.";
const COLLECTED = "Leave this list? Your collected changes are not saved yet; they wait here in this tab.";

/** Whether anything in a form differs from how it came; what a draft filled in is not saved either. */
export function changed(form) {
  if (form.dataset.draft === "restored") return true;
  return [...form.elements].some((field) => {
    if (field.type === "hidden" || field.disabled || !field.name) return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return "defaultValue" in field && field.value !== field.defaultValue;
  });
}

function unsaved() {
  return [...document.querySelectorAll("#main form:is([data-guard], [data-cell]):not([data-leaving])")].some(changed);
}

/** Whether changes collected here would be left behind; the pages of their list and its records are no way out. */
function leavesCollected(address) {
  const path = document.querySelector("staged-changes")?.dataset.path;
  if (!path || !of(path).length) return false;
  const to = new URL(address, location.href).pathname;
  return to !== path && !to.startsWith(`${path}/`);
}

/** One answer holds for all there is: who leaves is not asked a second time on the way. */
function stays(address) {
  const typed = unsaved();
  if (!typed && !leavesCollected(address)) return false;
  if (!window.confirm(typed ? QUESTION : COLLECTED)) return true;
  for (const form of document.querySelectorAll("#main form:is([data-guard], [data-cell])")) form.dataset.leaving = "";
  return false;
}

document.addEventListener("submit", (event) => { event.target.dataset.leaving = ""; });

// A refused form comes back in place of the old one and is guarded again; one that never left is, too.
document.addEventListener("htmx:finally:request", () => {
  for (const form of document.querySelectorAll("form[data-leaving]")) delete form.dataset.leaving;
});

document.addEventListener("input", (event) => {
  const field = event.target.closest("form[data-guard] .field");
  if (field) field.classList.toggle("changed", event.target.value !== event.target.defaultValue);
});

window.addEventListener("beforeunload", (event) => {
  if (unsaved() || anywhere()) event.preventDefault();
});

document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  const source = ctx.sourceElement;
  if (source._htmx?.boosted && source.tagName === "A" && stays(ctx.request.action)) event.preventDefault();
});

/* Back and Forward within the console load no document, so the browser does not ask by itself. */
if (window.navigation) {
  navigation.addEventListener("navigate", (event) => {
    if (event.navigationType !== "traverse" || !event.cancelable || !event.canIntercept || event.hashChange || !stays(event.destination.url)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
} else {
  let here = location.href;
  document.addEventListener("htmx:after:swap", () => { here = location.href; });
  document.addEventListener("htmx:before:history:restore", (event) => {
    if (!stays(location.href)) return;
    event.preventDefault();
    history.pushState({ htmx: true }, "", here);
  });
}
