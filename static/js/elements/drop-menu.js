/* details.drop: opens without script. With it, arrows and letters move, Escape closes and gives focus back, a click outside closes. */

function items(menu) {
  return [...menu.querySelectorAll(":scope > .pop :is(a[href], button):not([disabled])")].filter((item) => item.checkVisibility());
}

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.drop")) return;
  if (menu.open) {
    for (const other of document.querySelectorAll("details.drop[open]")) if (other !== menu && !other.contains(menu)) other.open = false;
    keepInView(menu);
  }
}, true);

/** Turns a menu that would leave the window on the left to the other side. */
function keepInView(menu) {
  const pop = menu.querySelector(":scope > .pop");
  if (!menu.matches(".keep") && pop.getBoundingClientRect().left < 4) menu.classList.add("start");
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.drop[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.drop");
  if (!menu) return;
  if (event.key === "Escape" && menu.open) {
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  if (!menu.querySelector(":scope > .menu") || event.target.matches("input, select, textarea")) return;
  const all = items(menu);
  const at = all.indexOf(event.target);
  let next;
  if (event.key === "ArrowDown") next = menu.open ? all[(at + 1) % all.length] : undefined;
  else if (event.key === "ArrowUp") next = all.at(at < 1 ? -1 : at - 1);
  else if (event.key === "Home") next = all[0];
  else if (event.key === "End") next = all.at(-1);
  else if (/^\p{L}$/u.test(event.key) && menu.open && !event.ctrlKey && !event.metaKey) {
    const rest = [...all.slice(at + 1), ...all.slice(0, at + 1)];
    next = rest.find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
  } else return;
  event.preventDefault();
  if (event.key === "ArrowDown" && !menu.open) {
    menu.open = true;
    next = items(menu)[0];
  }
  next?.focus();
});
