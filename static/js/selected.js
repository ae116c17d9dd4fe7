/* What the bar of a list offers for the selected records, as lines of the palette that press the same buttons. */

export function onSelected(typed) {
  const bar = document.querySelector("#main .bulkbar");
  const said = bar?.querySelector(".chosen")?.textContent.trim();
  const words = typed.replace(/^\s*>/, "").trim().toLowerCase();
  if (!said || !bar.checkVisibility()) return [];
  const buttons = [...bar.querySelectorAll("button, a[href]")].filter((each) => each.checkVisibility() && !each.disabled);
  const named = buttons.map((each) => [(each.getAttribute("aria-label") ?? each.textContent).trim(), each]);
  const fitting = named.filter(([label]) => label && label.toLowerCase().includes(words));
  if (!fitting.length) return [];
  const head = Object.assign(document.createElement("li"), { className: "h", textContent: said });
  head.setAttribute("role", "presentation");
  head.setAttribute("aria-hidden", "true");
  return [head, ...fitting.map(([label, button], at) => line(label, button, at))];
}

function line(label, button, at) {
  const option = Object.assign(document.createElement("li"), { id: `selected-${at}`, presses: button });
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.append(Object.assign(document.createElement("span"), { className: "t", textContent: label }));
  return option;
}
