/* <find-in-list>: a search box over a long list of links; only those whose words hold what was typed stay.
   Enter opens the first of them; a folded part opens while something in it fits. */

customElements.define("find-in-list", class extends HTMLElement {
  connectedCallback() {
    const box = this.querySelector("input[type=search]");
    box.addEventListener("input", () => this.#narrow(box.value.trim().toLowerCase()));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.#shown[0]?.click();
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        this.#shown[0]?.focus();
      }
    });
    this.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const at = this.#shown.indexOf(document.activeElement);
      if (!step || at < 0) return;
      event.preventDefault();
      (this.#shown[at + step] ?? (step < 0 ? box : null))?.focus();
    });
  }

  get #shown() {
    return [...this.querySelectorAll("li:not([hidden]) a")].filter((link) => link.checkVisibility());
  }

  #narrow(words) {
    let found = 0;
    for (const item of this.querySelectorAll("li")) {
      const part = item.closest("details")?.querySelector("summary").textContent ?? "";
      item.hidden = !`${part} ${item.textContent}`.toLowerCase().includes(words);
      found += item.hidden ? 0 : 1;
    }
    for (const part of this.querySelectorAll("details")) {
      const fits = part.querySelector("li:not([hidden])") !== null;
      part.hidden = !fits;
      part.open = words !== "" && fits;
    }
    this.querySelector(".hint").hidden = found > 0;
  }
});
