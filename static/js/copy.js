/* <button data-copy="C-00417">: one click puts it on the clipboard, and it says so. */

import { announce } from "./announce.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    announce(`${button.dataset.copy} copied`);
  } catch {
    announce("The browser did not let the console copy.");
    return;
  }
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
});
