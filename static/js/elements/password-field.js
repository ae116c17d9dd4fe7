/* <password-field><input type="password"></password-field>: what is typed may be read while it is typed. */

customElements.define("password-field", class extends HTMLElement {
  connectedCallback() {
    const field = this.querySelector("input");
    if (!field || this.querySelector("button")) return;
    const sprite = document.querySelector("svg.logo use")?.getAttribute("href").split("#")[0];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn ghost icon sm";
    button.setAttribute("aria-label", "Show password");
    button.setAttribute("aria-pressed", "false");
    if (sprite) button.append(icon(`${sprite}#i-eye`));
    else button.textContent = "Show";
    button.addEventListener("click", () => {
      const shown = field.type === "text";
      field.type = shown ? "password" : "text";
      button.setAttribute("aria-pressed", String(!shown));
      field.focus();
    });
    field.form?.addEventListener("submit", () => { field.type = "password"; });
    this.append(button);
  }
});

function icon(address) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "i");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", address);
  drawing.append(use);
  return drawing;
}
