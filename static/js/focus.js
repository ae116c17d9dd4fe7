/* Where focus was, in words that survive a swap: an id, or what a link says and which part of the page it stands in. */

const PARTS = "thead, tbody, .pager, .tabs, .filterbar, .page-head, form";

/** What has focus now; null when nothing has. */
export function remember(element = document.activeElement) {
  if (!element || element === document.body) return null;
  const part = element.closest(PARTS);
  return {
    id: element.id,
    words: element.textContent.trim() || element.getAttribute("aria-label"),
    part: part && (part.className.split(" ")[0] || part.localName),
    caret: element.matches("input[type=search], input[type=text], input:not([type])") ? element.value.length : null,
  };
}

/** The same thing in the page as it is now, or undefined. */
export function recall(kept) {
  if (!kept) return undefined;
  if (kept.id) return document.getElementById(kept.id) ?? undefined;
  return [...document.querySelectorAll("#main :is(a[href], button)")].find(
    (each) => each.closest(PARTS)?.matches(`.${CSS.escape(kept.part ?? "main")}, ${CSS.escape(kept.part ?? "main")}`)
      && (each.textContent.trim() || each.getAttribute("aria-label")) === kept.words,
  );
}

export function restore(kept) {
  const element = recall(kept);
  if (!element) return false;
  element.focus({ preventScroll: true });
  if (kept.caret !== null) element.setSelectionRange?.(kept.caret, kept.caret);
  return document.activeElement === element;
}
