/* Which groups of the navigation stand open: each person's own choice, kept in this browser and put back after each page. */

const KEPT = "console.nav";

function kept() {
  return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
}

/** The group one is in is always open; the others as this person left them. */
function settle() {
  const choices = kept();
  for (const group of document.querySelectorAll("#groups details")) {
    const chosen = choices[group.dataset.group];
    if (chosen !== undefined) group.open = chosen || group.querySelector("[aria-current]") !== null;
  }
}

function intoView() {
  document.querySelector("#groups [aria-current]")?.scrollIntoView({ block: "nearest" });
}

document.getElementById("groups")?.addEventListener("click", (event) => {
  const group = event.target.closest("summary")?.parentElement;
  // The element turns after this event; what it will be is what it is not now.
  if (group) localStorage.setItem(KEPT, JSON.stringify({ ...kept(), [group.dataset.group]: !group.open }));
});

document.addEventListener("htmx:after:swap", settle);
settle();
intoView();
