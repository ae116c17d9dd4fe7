/* A value edited where it stands: focus goes into its editor and comes back to its button; Escape leaves it as it was. */

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const id = ctx.target?.id;
  if (!id?.startsWith("v-")) return;
  const cell = document.getElementById(id);
  const field = cell?.querySelector("form[data-cell] :is(input:not([type=hidden]), select, textarea)");
  (field ?? cell?.querySelector(".edit"))?.focus();
  if (field?.matches("input:not([type=checkbox])")) field.select();
});

document.addEventListener("keydown", (event) => {
  // A link that calls itself a button, so that it works without script, is pressed by Space as well.
  if (event.key === " " && event.target.matches?.("a[role=button]")) {
    event.preventDefault();
    event.target.click();
    return;
  }
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  const cancel = event.target.closest?.("form[data-cell]")?.querySelector('[aria-keyshortcuts="Escape"]');
  if (!cancel) return;
  event.preventDefault();
  cancel.click();
});
