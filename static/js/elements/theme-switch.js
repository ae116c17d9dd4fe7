/* <theme-switch>: theme and density change at once; the form is sent behind them and the server remembers. */

customElements.define("theme-switch", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (!button?.name) return;
      event.preventDefault();
      document.documentElement.dataset[button.name] = button.value;
      for (const other of event.target.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      fetch(event.target.action, { method: "POST", body: new FormData(event.target, button) });
    });
  }
});
