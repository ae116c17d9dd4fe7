/* <reference-picker data-url="/lookups/customers">: a combobox over records too many for a <select>.
   Around:  <input type="hidden" name="customer_id" value="417">
            <input type="text" name="customer_id.q" class="input" value="Bluestem Cold Storage">
            and, for the plain form, a search button in <noscript> and radio choices in <fieldset class="offered">
   The address answers <ul role="listbox"><li role="option" data-key="417">Bluestem <small>C-00417</small></li></ul>. */

import { announce } from "../announce.js";

const PAUSE_MS = 150;
let made = 0;

customElements.define("reference-picker", class extends HTMLElement {
  #list;
  #asked = 0;
  #timer;
  #chosen = "";

  connectedCallback() {
    if (this.#list) return;
    made += 1;
    this.querySelector(".choices, .offered")?.remove();
    this.#list = Object.assign(document.createElement("div"), { className: "pop picks", hidden: true });
    this.append(this.#list);
    const text = this.#text;
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": `picks-${made}`, autocomplete: "off" })) {
      text.setAttribute(name, value);
    }
    this.dataset.nth = String(made);
    this.#chosen = text.value;
    text.addEventListener("input", () => this.#later());
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("blur", () => setTimeout(() => this.#settle(), 150));
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => this.#choose(event.target.closest("[role=option]:not([aria-disabled])")));
  }

  get #text() { return this.querySelector("input:not([type=hidden])"); }
  get #hidden() { return this.querySelector("input[type=hidden]"); }
  get #options() { return [...this.#list.querySelectorAll("[role=option]:not([aria-disabled])")]; }
  get #active() { return this.#list.querySelector('[aria-selected="true"]'); }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const mine = ++this.#asked;
    const url = new URL(this.dataset.url, location.href);
    url.searchParams.set("q", this.#text.value.trim() === this.#chosen ? "" : this.#text.value.trim());
    const answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Request-Type": "partial" } }).catch(() => null);
    if (mine !== this.#asked || !answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const list = page.querySelector("[role=listbox]") ?? document.createElement("ul");
    list.id = `picks-${this.dataset.nth}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.dataset.label ?? "Matches");
    const options = [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
    options.forEach((option, at) => {
      option.id = `${list.id}-${at}`;
      option.setAttribute("aria-selected", "false");
    });
    this.#list.replaceChildren(list);
    if (!options.length) {
      const words = list.textContent.trim() || "Nothing matches.";
      this.#list.replaceChildren(Object.assign(document.createElement("p"), { className: "none", textContent: words }));
    }
    announce(options.length === 1 ? "1 match" : `${options.length} matches`);
    this.#open(true);
  }

  #open(open) {
    this.#list.hidden = !open;
    this.#text.setAttribute("aria-expanded", String(open && this.#options.length > 0));
    if (!open) this.#text.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const open = !this.#list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) { this.#ask(); return; }
      const all = this.#options;
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#mark(all[(all.indexOf(this.#active) + step + all.length) % all.length]);
    } else if (event.key === "Enter" && open && this.#active) {
      event.preventDefault();
      this.#choose(this.#active);
    } else if (event.key === "Escape" && (open || (this.#text.value && !this.closest("form[data-cell]")))) {
      event.preventDefault();
      event.stopPropagation();
      if (open) this.#open(false);
      else this.#set("", "");
    } else if (event.key === "Tab" && open && this.#active) {
      this.#choose(this.#active);
    }
  }

  #mark(option) {
    if (!option) return;
    this.#active?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    this.#text.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  #choose(option) {
    if (!option) return;
    this.#set(option.dataset.key, option.dataset.label ?? option.firstChild.textContent.trim());
    this.#open(false);
  }

  #set(key, label) {
    this.#hidden.value = key;
    this.#text.value = this.#chosen = label;
    this.#hidden.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** Text that was not chosen means nothing: an emptied box clears, anything else goes back to what was chosen. */
  #settle() {
    if (this.contains(document.activeElement)) return;
    this.#open(false);
    if (this.#text.value.trim() === "") this.#set("", "");
    else if (this.#text.value !== this.#chosen) this.#text.value = this.#chosen;
  }
});
