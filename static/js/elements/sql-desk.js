/* <sql-desk>: the form of a statement. Ctrl+Enter runs it; while it waits it shows for how long, lets it be cancelled, and tells
   the server that somebody is still there; whoever leaves the page stops what it waited for. Tab leaves the field as anywhere. */

import { announce } from "../announce.js";

const BEAT = 2000;

customElements.define("sql-desk", class extends HTMLElement {
  #gone = new AbortController();
  #waiting;

  connectedCallback() {
    const { signal } = this.#gone;
    const form = this.querySelector("form");
    const area = form.elements.statement;
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || this.querySelector("#run").disabled) return;
      event.preventDefault();
      form.requestSubmit(this.querySelector("#run"));
    }, { signal });
    form.addEventListener("submit", (event) => {
      if (["run", "explain"].includes(event.submitter?.value)) this.#wait(form);
    }, { signal });
    this.querySelector("[data-stop]").addEventListener("click", () => {
      this.#tell("/sql/stop");
      announce("Cancelling.");
    }, { signal });
    window.addEventListener("pagehide", () => this.#leave(), { signal });
    window.addEventListener("pageshow", () => this.#rest(), { signal });
    if (area.dataset.at !== undefined) {
      const at = Number(area.dataset.at);
      area.focus({ preventScroll: true });
      area.setSelectionRange(at, at);
    }
  }

  disconnectedCallback() {
    this.#leave();
    this.#gone.abort();
  }

  #wait(form) {
    form.elements.beats.value = "1";
    const began = Date.now();
    const told = this.querySelector("[data-waits]");
    this.querySelector("[data-stop]").hidden = false;
    told.textContent = "Running.";
    clearInterval(this.#waiting);
    this.#waiting = setInterval(() => {
      told.textContent = `Running, ${Math.round((Date.now() - began) / 1000)} s.`;
      this.#tell("/sql/beat");
    }, BEAT);
  }

  #rest() {
    clearInterval(this.#waiting);
    this.#waiting = undefined;
    this.querySelector("[data-stop]").hidden = true;
    this.querySelector("[data-waits]").textContent = "";
    this.querySelector("form").elements.beats.value = "";
  }

  #leave() {
    if (this.#waiting === undefined) return;
    clearInterval(this.#waiting);
    this.#waiting = undefined;
    this.#tell("/sql/stop");
  }

  #tell(address) {
    const form = this.querySelector("form");
    const body = new URLSearchParams({ ticket: form.elements.ticket.value, csrf_token: form.elements.csrf_token.value });
    fetch(address, { method: "POST", body, keepalive: true }).catch(() => {});
  }
});
