/* <copy-text data-text="C-00417"><button class="idcopy mono" aria-label="Copy ID C-00417">: one click, and it says so. */

import { announce } from "../announce.js";

customElements.define("copy-text", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(this.dataset.text ?? this.textContent.trim());
      this.toggleAttribute("copied", true);
      announce(`${this.dataset.text ?? "Text"} copied`);
      setTimeout(() => this.toggleAttribute("copied", false), 1500);
    });
  }
});
