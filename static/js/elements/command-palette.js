/* <command-palette data-person="7"><dialog>…: search as one types, by keyboard alone.
   /search answers with <ul role="listbox"> of options: data-href leads somewhere, data-press="/address|name|value" presses a
   button of the account menu, data-does is what only script can do, data-record has actions of its own behind Tab. */

import { announce } from "../announce.js";
import { recent, remember } from "../recent.js";
import { onSelected } from "../selected.js";

const PAUSE_MS = 90;

customElements.define("command-palette", class extends HTMLElement {
  #asked = null;
  #timer;
  #of = null;
  #before = "";
  #gone = new AbortController();

  connectedCallback() {
    const { signal } = this.#gone;
    remember(this.dataset.person);
    document.addEventListener("htmx:after:settle", () => remember(this.dataset.person), { signal });
    document.addEventListener("palette", (event) => this.#toggle(event.detail ?? ""), { signal });
    document.addEventListener("pointerdown", (event) => this.#pointed(event), { signal });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("[data-palette]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.#open("");
    }, { signal, capture: true });
    document.addEventListener("input", (event) => this.#typedOutside(event), { signal });
    this.#input.addEventListener("input", () => this.#later());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("click", (event) => this.#clicked(event));
    this.#dialog.addEventListener("cancel", (event) => { if (this.#of) { event.preventDefault(); this.#leaveActions(); } });
    this.#dialog.addEventListener("close", () => this.#closed());
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.#asked?.abort();
  }

  get #dialog() { return this.querySelector("dialog"); }
  get #input() { return this.querySelector("[role=combobox]"); }
  get #found() { return this.querySelector(".found"); }
  get #options() { return [...this.#found.querySelectorAll("[role=option]")]; }
  get #active() { return this.#found.querySelector('[aria-selected="true"]'); }

  // -- opening and closing --------------------------------------------------------------------------------------------

  #pointed(event) {
    const box = event.target.closest?.(".searchbox");
    if (!box || event.button !== 0) return;
    event.preventDefault();
    box.querySelector("input").focus();
    this.#open("");
  }

  /** Who tabbed into the box of the top bar and types there goes on typing in the palette. */
  #typedOutside(event) {
    if (!event.target.matches(".searchbox input") || event.isComposing) return;
    const typed = event.target.value;
    event.target.value = "";
    this.#open(typed);
  }

  #toggle(typed) {
    if (this.#dialog.open) this.#dialog.close();
    else if (!document.querySelector("dialog[open]")) this.#open(typed);
  }

  #open(typed) {
    this.querySelector("a")?.remove();
    this.#of = null;
    this.#dialog.showModal();
    this.#input.value = typed;
    this.#input.focus();
    this.#ask();
  }

  #closed() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.#input.value = "";
    this.#found.replaceChildren(this.#empty());
  }

  #empty() {
    const list = document.createElement("ul");
    Object.assign(list, { id: "palette-list" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Results");
    return list;
  }

  // -- asking ---------------------------------------------------------------------------------------------------------

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    this.#asked?.abort();
    const asked = (this.#asked = new AbortController());
    const url = new URL("/search", location.href);
    const typed = this.#input.value;
    url.searchParams.set("q", typed);
    if (this.#of) url.searchParams.set("of", this.#of);
    else {
      url.searchParams.set("at", location.pathname);
      if (!typed) url.searchParams.set("recent", recent(this.dataset.person).filter((each) => each !== location.pathname).join(","));
    }
    this.#mark(typed);
    const began = performance.now();
    let answer;
    try {
      answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Request-Type": "partial" }, signal: asked.signal });
      const text = await answer.text();
      if (asked.signal.aborted) return;
      if (answer.headers.has("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
      else if (answer.ok) this.#show(text, performance.now() - began);
      else this.#fail();
    } catch {
      if (!asked.signal.aborted) this.#fail();
    }
  }

  #show(text, took) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const parts = [...page.body.children].map((each) => document.adoptNode(each));
    this.#found.replaceChildren(...parts);
    const list = this.#found.querySelector("[role=listbox]");
    if (!this.#of) list.prepend(...onSelected(this.#input.value));
    const options = this.#options;
    const words = options.length === 1 ? "1 result" : `${options.length} results`;
    this.querySelector("[data-said]").textContent = this.#input.value ? `${words}, ${Math.round(took)} ms` : "";
    if (this.#input.value) announce(options.length ? words : this.#found.querySelector(".none")?.textContent);
    this.#found.scrollTop = 0;
    this.#choose(options[0]);
  }

  #fail() {
    const words = Object.assign(document.createElement("p"), { className: "none", textContent: "The search did not answer. Type on to try again." });
    this.#found.replaceChildren(this.#empty(), words);
    announce(words.textContent);
  }

  /** Which of the scopes is on. */
  #mark(typed) {
    const sign = /^[>@#!]/.exec(typed.trimStart())?.[0] ?? "";
    for (const each of this.querySelectorAll("[data-sign]")) each.setAttribute("aria-pressed", String(each.dataset.sign === sign));
    this.querySelector(".scopes").hidden = this.#of !== null;
    this.querySelector("[data-esc]").textContent = this.#of ? "back" : "close";
  }

  // -- choosing -------------------------------------------------------------------------------------------------------

  #key(event) {
    if (event.isComposing) return;
    const all = this.#options;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#choose(all[(all.indexOf(this.#active) + step + all.length) % all.length]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#do(this.#active, event.ctrlKey || event.metaKey);
    } else if (event.key === "Tab") {
      event.preventDefault();
      if (event.shiftKey) this.#leaveActions();
      else if (!this.#of && this.#active?.dataset.record !== undefined) this.#showActions(this.#active.dataset.href);
    } else if (event.key === "Backspace" && this.#of && !this.#input.value) {
      event.preventDefault();
      this.#leaveActions();
    }
  }

  #choose(option) {
    this.#active?.setAttribute("aria-selected", "false");
    if (!option) {
      this.#input.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    this.#input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  #showActions(address) {
    this.#of = address;
    this.#before = this.#input.value;
    this.#input.value = "";
    this.#ask();
  }

  #leaveActions() {
    if (!this.#of) return;
    this.#of = null;
    this.#input.value = this.#before;
    this.#ask();
  }

  #clicked(event) {
    const sign = event.target.closest("[data-sign]");
    const option = event.target.closest("[role=option]");
    if (sign) {
      this.#input.value = sign.dataset.sign + this.#input.value.replace(/^\s*[>@#!]\s*/, "");
      this.#input.focus();
      this.#ask();
    } else if (option) this.#do(option, event.ctrlKey || event.metaKey);
    else if (event.target === this.#dialog || event.target.closest("[data-shut]")) this.#dialog.close();
  }

  #do(option, apart) {
    if (!option) return;
    const { href, press, does } = option.dataset;
    if (apart && href && !does) {
      window.open(href, "_blank", "noopener");
      return;
    }
    this.#dialog.close();
    if (option.presses) option.presses.click();
    else if (does === "copy") this.#copy(href);
    else if (does === "keys") document.querySelector('[data-shows="keys"]')?.click();
    else if (press) this.#press(...press.split("|"));
    else if (href) this.#go(href);
  }

  /** A link like any other of the page, so that unsaved forms ask and only the main part is swapped. */
  #go(href) {
    const link = Object.assign(document.createElement("a"), { href, hidden: true });
    this.append(link);
    window.htmx?.process(link);
    link.click();
  }

  /** The account menu's own button, which sends its own form. */
  #press(action, name, value) {
    const form = [...document.querySelectorAll(`form[action="${action}"]`)].find((each) => !name || each.querySelector(`[name="${name}"]`));
    form?.querySelector(name ? `button[name="${name}"][value="${value}"]` : "button")?.click();
  }

  async #copy(href) {
    try {
      await navigator.clipboard.writeText(new URL(href, location.href).href);
      announce("Link copied");
    } catch {
      announce("The browser does not let the console copy. Open the record and copy its address.");
    }
  }
});
