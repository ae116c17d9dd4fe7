/* <bulk-bar data-list="which list" data-every="about 1,100">: the rows that are ticked, kept from page to page of one list.
   Without script its form sends the boxes of this page; with it, also what was chosen on others, or "all that match". */

import { announce } from "../announce.js";

const KEPT = "console.selection";
const MOST = 2000;

customElements.define("bulk-bar", class extends HTMLElement {
  #gone = new AbortController();
  #keys = new Set();
  #all = false;
  #every = "";

  connectedCallback() {
    const { signal } = this.#gone;
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    const same = kept.list === this.dataset.list;
    this.#keys = new Set(same ? kept.keys : []);
    this.#all = same && kept.all;
    // Only a whole page knows how many there are in all; the pages after it remember.
    this.#every = this.dataset.every || (same ? kept.every : "");
    this.parentElement.addEventListener("picked", () => this.#take(), { signal });
    this.querySelector("[data-clear]").addEventListener("click", () => this.#clear(), { signal });
    this.querySelector("[data-every-one]").addEventListener("click", () => this.#everyOne(), { signal });
    document.addEventListener("keydown", (event) => this.#escape(event), { signal });
    document.addEventListener("click", (event) => this.#takeOut(event), { signal, capture: true });
    // Rows that come anew, as from somebody else's change, are ticked as they were.
    new MutationObserver(() => this.#show()).observe(this.#grid, { childList: true, subtree: true });
    const here = document.getElementById("take-out");
    here?.setAttribute("href", this.#form.getAttribute("action"));
    here?.setAttribute("hx-get", this.#form.getAttribute("action"));
    this.#show();
    this.#keep();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  get #grid() {
    return this.parentElement.querySelector("data-grid");
  }

  get #form() {
    return this.querySelector("form");
  }

  get #boxes() {
    return [...this.#grid.querySelectorAll("tbody .pick .check")];
  }

  /** What is ticked on this page is what counts of this page; of the others, what was ticked there. */
  #take() {
    const boxes = this.#boxes;
    if (this.#all) this.#keys.clear(); // one row less than all: these, then, and no others
    this.#all = false;
    for (const each of boxes) this.#keys[each.checked ? "add" : "delete"](each.value);
    if (this.#keys.size > MOST) announce(`At most ${MOST.toLocaleString("en-US")} rows can be selected one by one.`);
    this.#changed();
  }

  #everyOne() {
    this.#all = true;
    this.#keys.clear();
    this.#changed();
    this.#form.querySelector("button:not([hidden])").focus();
  }

  #clear() {
    const had = this.contains(document.activeElement);
    this.#all = false;
    this.#keys.clear();
    this.#changed();
    if (had) this.#grid.querySelector(':is(td, th)[tabindex="0"]')?.focus();
  }

  #escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !this.#some) return;
    if (document.querySelector("dialog[open], details.drop[open]") || event.target.closest?.("input:not(.check), select, textarea")) return;
    event.preventDefault();
    this.#clear();
  }

  /** "Export" at the head of the page takes the selection along. */
  #takeOut(event) {
    if (!this.#some || !event.target.closest?.("#take-out")) return;
    event.preventDefault();
    event.stopPropagation();
    this.querySelector("[data-export]").click();
  }

  get #some() {
    return this.#all || this.#keys.size > 0;
  }

  #changed() {
    const hidden = !this.checkVisibility();
    this.#show();
    this.#keep();
    // A region that was not there yet is not read out when it comes.
    if (hidden || !this.#some) announce(this.#words);
  }

  get #words() {
    if (this.#all) return this.#every ? `All, ${this.#every}, selected` : "All selected";
    return this.#keys.size ? `${this.#keys.size.toLocaleString("en-US")} selected` : "Selection cleared";
  }

  #show() {
    const boxes = this.#boxes;
    for (const each of boxes) {
      each.checked = this.#all || this.#keys.has(each.value);
      const selected = String(each.checked);
      const row = each.closest("tr");
      if (row.getAttribute("aria-selected") !== selected) row.setAttribute("aria-selected", selected);
    }
    const ticked = boxes.filter((each) => each.checked).length;
    const head = this.#grid.querySelector("thead .pick .check");
    head.checked = ticked > 0 && ticked === boxes.length;
    head.indeterminate = ticked > 0 && ticked < boxes.length;
    head.classList.toggle("mixed", head.indeterminate);
    this.toggleAttribute("data-some", this.#some);
    const count = this.querySelector(".chosen");
    if (count.textContent !== this.#words && this.#some) {
      const [number, ...rest] = this.#words.split(" ");
      count.replaceChildren(Object.assign(document.createElement("b"), { textContent: number }), ` ${rest.join(" ")}`);
    }
    const every = this.querySelector("[data-every-one]");
    every.hidden = this.#all;
    every.textContent = this.#every ? `Select all, ${this.#every}` : "Select all";
    this.querySelector("[name=rows]").value = this.#all ? "all" : "these";
    const here = new Set(boxes.map((each) => each.value));
    this.querySelector("[name=keys]").value = this.#all ? "" : [...this.#keys].filter((key) => !here.has(key)).join(" ");
  }

  #keep() {
    const kept = { list: this.dataset.list, keys: [...this.#keys], all: this.#all, every: this.#every };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }
});

/* The browser takes the file while the page stays, so the dialog that asked for it has done its work. */
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-takes-out]")) return;
  const dialog = event.target.closest("dialog[data-shown]");
  if (dialog) setTimeout(() => dialog.close());
  announce("The export has begun.");
});
