/* <console-toast>: what just happened. Leaves after 8 s, waits while it is pointed at or focused; errors stay. At most 3. */

const MOST = 3;

customElements.define("console-toast", class extends HTMLElement {
  connectedCallback() {
    this.#addDismiss();
    const others = [...this.parentElement.querySelectorAll("console-toast")];
    for (const old of others.slice(0, -MOST)) old.remove();
    // The bar is the clock: it is a CSS animation that hover and focus pause, so that what is seen is what is true.
    this.addEventListener("animationend", (event) => { if (event.target.matches(".left")) this.#leave(); });
    this.addEventListener("submit", () => this.#leave());
    if (matchMedia("(prefers-reduced-motion: reduce)").matches && !this.matches(".err")) this.#leaveWhenIdle();
  }

  #addDismiss() {
    if (this.querySelector("[data-dismiss]")) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn sm ghost", textContent: "Dismiss" });
    button.dataset.dismiss = "";
    button.addEventListener("click", () => this.#leave());
    this.append(button);
  }

  #leaveWhenIdle() {
    setTimeout(() => (this.matches(":hover, :focus-within") ? this.#leaveWhenIdle() : this.#leave()), 8000);
  }

  #leave() {
    this.classList.add("is-leaving");
    setTimeout(() => this.remove(), 150);
  }
});
