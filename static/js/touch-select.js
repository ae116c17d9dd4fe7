/* Selecting on a phone: a long press ticks a row, "Select" shows the boxes; a tap then ticks instead of opening. */

const LONG_MS = 500;
let press;
let held = false;

function selecting(grid, on) {
  grid.toggleAttribute("data-selecting", on);
  const button = document.querySelector("[data-selects]");
  if (!button) return;
  button.setAttribute("aria-pressed", String(on));
  button.textContent = on ? "Done" : "Select";
}

function boxOf(target) {
  return target.closest?.("data-grid tbody tr")?.querySelector(".pick .check");
}

document.addEventListener("pointerdown", (event) => {
  held = false;
  const box = event.pointerType === "touch" && boxOf(event.target);
  if (!box) return;
  press = setTimeout(() => {
    held = true;
    selecting(box.closest("data-grid"), true);
    box.click();
  }, LONG_MS);
});

for (const end of ["pointerup", "pointercancel", "pointermove", "scroll"]) {
  document.addEventListener(end, (event) => {
    if (end !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 4) clearTimeout(press);
  }, { capture: true, passive: true });
}

document.addEventListener("contextmenu", (event) => { if (held && boxOf(event.target)) event.preventDefault(); });

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-selects]");
  if (button) {
    const grid = document.querySelector("#list data-grid");
    if (grid) selecting(grid, button.getAttribute("aria-pressed") !== "true");
    return;
  }
  const box = boxOf(event.target);
  if (!box || box === event.target || !box.closest("data-grid[data-selecting]")) return;
  event.preventDefault();
  event.stopPropagation();
  if (!held) box.click();
  held = false;
}, true);

/* Another page of the list goes on as the one before. */
document.addEventListener("htmx:after:swap", () => {
  const grid = document.querySelector("#list data-grid");
  if (grid && document.querySelector('[data-selects][aria-pressed="true"]')) selecting(grid, true);
});
