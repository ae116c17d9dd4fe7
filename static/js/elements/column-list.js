/* <column-list> in the column chooser: the find box narrows both lists, and a tick takes a column over to the other one. */

customElements.define("column-list", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => { if (event.target.matches("[data-finds]")) this.#find(event.target.value); });
    this.addEventListener("change", (event) => { if (event.target.matches("[name=cols]")) this.#take(event.target); });
    // Enter in the find box ticks what was found, rather than closing the dialog half way.
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("[data-finds]")) return;
      event.preventDefault();
      this.querySelector("li:not([hidden]) [name=cols]:not(:disabled)")?.click();
    });
  }

  #find(words) {
    const wanted = words.trim().toLowerCase();
    for (const line of this.querySelectorAll("li")) {
      line.hidden = !line.querySelector("label").textContent.toLowerCase().includes(wanted);
    }
  }

  #take(box) {
    const line = box.closest("li");
    const to = this.querySelector(box.checked ? "[data-shown]" : "[data-hidden]");
    if (box.checked) to.append(line);
    else to.prepend(line);
    box.focus();
    line.scrollIntoView({ block: "nearest" });
    const count = this.querySelector("[data-count]");
    if (count) count.textContent = String(this.querySelectorAll("[data-shown] li").length);
  }
});
