/* <dialog-host id="modal">: whatever dialog is put inside is opened over the page; closing it gives focus back and leaves nothing. */

customElements.define("dialog-host", class extends HTMLElement {
  #opener = null;
  #gone = new AbortController();

  connectedCallback() {
    new MutationObserver(() => this.#show()).observe(this, { childList: true });
    // Focus may already be inside when the dialog is seen, so where it was before is kept all along.
    document.addEventListener("focusin", (event) => { if (!this.contains(event.target)) this.#opener = event.target; }, {
      signal: this.#gone.signal,
    });
    this.#show();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  #show() {
    const dialog = this.querySelector("dialog:not([data-shown])");
    if (!dialog) return;
    dialog.dataset.shown = "";
    dialog.removeAttribute("open");
    dialog.showModal();
    dialog.addEventListener("close", () => this.#close(dialog));
    // A link that leaves the dialog's own page only closes the dialog; captured, so that no one follows it.
    dialog.addEventListener("click", (event) => {
      if (!event.target.closest("[data-close]")) return;
      event.preventDefault();
      event.stopPropagation();
      dialog.close();
    }, true);
    // A click on the scrim is a click on the dialog itself, outside its box. Forms stay: a slip must not cost what was typed.
    if (!dialog.querySelector("form[method=post] :is(input:not([type=hidden]), textarea, select)")) {
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    }
  }

  #close(dialog) {
    dialog.remove();
    const back = this.#opener?.isConnected ? this.#opener : document.getElementById(this.#opener?.id);
    back?.focus();
  }
});
