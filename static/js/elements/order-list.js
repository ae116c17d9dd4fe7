/* <order-list> around a <ul>: its grips move their line by dragging or with Alt+Arrow, its up and down buttons without a
   round to the server. Without script the buttons send the form, which comes back in the new order. */

import { announce } from "../announce.js";

customElements.define("order-list", class extends HTMLElement {
  #moving = null;

  connectedCallback() {
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("pointerdown", (event) => this.#take(event));
    this.addEventListener("pointermove", (event) => this.#drag(event));
    new MutationObserver(() => { if (!this.#moving) this.#settle(); }).observe(this, { childList: true, subtree: true });
    for (const end of ["pointerup", "pointercancel"]) this.addEventListener(end, () => this.#drop());
  }

  #key(event) {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!way || !event.altKey || !event.target.closest(".grip")) return;
    event.preventDefault();
    this.#step(event.target.closest("li"), way, event.target);
  }

  #click(event) {
    const button = event.target.closest("button[name=move]");
    if (!button) return;
    event.preventDefault();
    this.#step(button.closest("li"), button.value.startsWith("up") ? -1 : 1, button);
  }

  #step(line, way, control) {
    const other = this.#beyond(line, way);
    if (!other) return;
    if (way < 0) other.before(line);
    else other.after(line);
    this.#settle();
    (control.disabled ? line.querySelector(".grip") : control).focus();
    const lines = [...line.parentElement.children];
    announce(`${line.querySelector("label")?.textContent.trim()}, ${lines.indexOf(line) + 1} of ${lines.length}`);
  }

  /** The next line to be seen that way: those a search hides are stepped over. */
  #beyond(line, way) {
    let next = line;
    do next = way < 0 ? next.previousElementSibling : next.nextElementSibling; while (next?.hidden);
    return next;
  }

  #take(event) {
    const grip = event.target.closest("button.grip");
    if (!grip || event.button !== 0) return;
    event.preventDefault();
    grip.focus();
    this.#moving = grip.closest("li");
    this.#moving.classList.add("moving");
    this.setPointerCapture(event.pointerId);
  }

  #drag(event) {
    if (!this.#moving) return;
    const over = [...this.#moving.parentElement.children].find((line) => {
      const box = line.getBoundingClientRect();
      return line !== this.#moving && !line.hidden && event.clientY >= box.top && event.clientY <= box.bottom;
    });
    if (!over) return;
    const box = over.getBoundingClientRect();
    const after = over.compareDocumentPosition(this.#moving) & Node.DOCUMENT_POSITION_PRECEDING;
    // Past the middle only, or two lines of different height would change places for ever.
    if (after && event.clientY > box.top + box.height / 2) over.after(this.#moving);
    else if (!after && event.clientY < box.top + box.height / 2) over.before(this.#moving);
  }

  #drop() {
    if (!this.#moving) return;
    this.#moving.classList.remove("moving");
    this.#moving.querySelector(".grip").focus();
    this.#moving = null;
    this.#settle();
  }

  /** The first cannot go up, the last not down. */
  #settle() {
    const lines = [...this.querySelectorAll("li")];
    for (const [place, line] of lines.entries()) {
      for (const button of line.querySelectorAll("button[name=move]")) {
        button.disabled = button.value.startsWith("up") ? place === 0 : place === lines.length - 1;
      }
    }
  }
});
