/* Leaving a form with unsaved edits asks once. A form takes part by data-guard; saving or discarding lets go. */

const QUESTION = "Leave this page? What you typed here is not saved.";

function changed(form) {
  return [...form.elements].some((field) => {
    if (field.type === "hidden" || field.disabled || !field.name) return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return "defaultValue" in field && field.value !== field.defaultValue;
  });
}

function unsaved() {
  return [...document.querySelectorAll("form[data-guard]:not([data-leaving])")].some(changed);
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
  if (unsaved()) event.preventDefault();
});

document.addEventListener("htmx:config:request", (event) => {
  const source = event.detail.ctx.sourceElement;
  if (source._htmx?.boosted && source.tagName === "A" && unsaved() && !window.confirm(QUESTION)) event.preventDefault();
});
