/* Says a sentence to screen readers, politely. */

export function announce(sentence) {
  const region = document.getElementById("announcer");
  if (!region || !sentence) return;
  region.textContent = "";
  // An unchanged text would not be read again, so the new one comes a frame later.
  requestAnimationFrame(() => { region.textContent = sentence; });
}
