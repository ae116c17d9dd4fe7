/* A `tick` goes out while the tab is looked at; a panel that wants fresh figures asks on it:
   <section hx-get="..." hx-trigger="tick from:body" data-every="60">. Nothing is asked while a field in the panel has focus. */

const EVERY_SECONDS = 15;
let seconds = 0;

setInterval(() => {
  if (document.visibilityState !== "visible") return;
  seconds += EVERY_SECONDS;
  document.body.dispatchEvent(new CustomEvent("tick", { detail: { seconds } }));
}, EVERY_SECONDS * 1000);

document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement, sourceEvent } = event.detail.ctx;
  if (sourceEvent?.type !== "tick") return;
  const every = Number(sourceElement.dataset.every ?? EVERY_SECONDS);
  if (seconds % every !== 0 || sourceElement.contains(document.activeElement)) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && seconds > 0) document.body.dispatchEvent(new CustomEvent("tick", { detail: { seconds } }));
});
