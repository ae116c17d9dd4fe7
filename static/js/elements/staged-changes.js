/* <staged-changes data-path="/crm/customers">: what was changed in a list, or on a record (data-key), and waits to be saved
   together. Its cells are marked; a bar counts them; a panel beside the page shows old and new, and what stands against them. */

import { announce } from "../announce.js";
import { cellOf, icon } from "../cells.js";
import { signInAgain, waitsForSignIn } from "../session.js";
import { amend, drop, of, replace } from "../staged/store.js";

/* What a cell shows without the change that waits for it. */
const beneath = new WeakMap();

/** News of a cell with a change of one's own: kept under it and told, never put in its place. True when it is news. */
export function news(cell, fresh, words) {
  const nodes = beneath.get(cell);
  const before = nodes?.map((each) => each.textContent).join("").trim();
  if (!nodes || before === fresh.textContent.trim()) return false;
  beneath.set(cell, [...fresh.childNodes].map((each) => document.importNode(each, true)));
  told(cell, words);
  return true;
}

/* Once all is saved and the page is read anew, one goes on in its table. */
let arriving = false;
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!arriving || ctx.target?.id !== "main") return;
  arriving = false;
  document.querySelector('#list [tabindex="0"]:is(td, th)')?.focus({ preventScroll: true });
});

/** Somebody else changed what a change of one's own waits for; saving will ask. */
export function told(cell, words) {
  const here = document.querySelector("staged-changes");
  const key = cell.closest("tr")?.dataset.key ?? here?.dataset.key;
  if (here && key) amend(here.dataset.path, key, cell.dataset.field, { theirs: words });
}

function made(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function counted(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

customElements.define("staged-changes", class extends HTMLElement {
  #gone = new AbortController();
  #marked = new Set();
  #open = false;
  #opener = null;
  #busy = false;
  #reason = "";

  connectedCallback() {
    const { signal } = this.#gone;
    document.addEventListener("staged", () => this.#show(), { signal });
    // What has settled has the classes it came with.
    for (const event of ["htmx:after:swap", "htmx:after:settle"]) document.addEventListener(event, () => this.#show(), { signal });
    document.addEventListener("keydown", (event) => this.#escape(event), { signal });
    this.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); this.#save(); });
    this.#show();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  get #path() { return this.dataset.path; }
  get #list() { return of(this.#path); }

  // -- cells --

  #show() {
    const list = this.#list;
    this.#mark(list);
    this.#bar(list);
    this.#panel(list);
  }

  #mark(list) {
    const now = new Set();
    for (const change of list) {
      const cell = cellOf(this.#path, change);
      if (!cell || cell.matches(".editing")) continue;
      now.add(cell);
      this.#put(cell, change);
    }
    for (const cell of this.#marked) if (!now.has(cell)) this.#unmark(cell);
    this.#marked = now;
  }

  #put(cell, change) {
    cell.classList.add("dirty");
    if (change.version) cell.dataset.version = change.version;
    cell.classList.toggle("refused", Boolean(change.problem));
    const shows = `${change.now}|${change.theirs ?? ""}|${change.problem?.sentence ?? ""}`;
    if (cell.dataset.shows === shows && cell.querySelector(".unsaved")) return;
    const inside = cell.matches("dd") ? cell.querySelector(".v") : cell;
    if (!beneath.has(cell)) beneath.set(cell, [...inside.childNodes].filter((each) => !each.matches?.(".cell-edit")));
    const pencil = inside.querySelector(":scope > .cell-edit");
    const link = beneath.get(cell).find((each) => each.matches?.("a[href]"));
    const words = made("span", { className: "unsaved", textContent: change.now || "empty" });
    const shown = link && cell.matches(".name") ? made("a", { href: link.getAttribute("href"), tabIndex: -1 }, words) : words;
    const state = change.problem ? "not saved" : change.theirs ? "not saved yet, changed by somebody else" : "not saved yet";
    inside.replaceChildren(shown, made("span", { className: "sr", textContent: `, ${state}` }), ...(change.theirs ? [made("span", { className: "theirs", textContent: change.theirs })] : []), ...(pencil ? [pencil] : []));
    if (shown !== words) window.htmx.process(shown);
    cell.title = change.problem?.sentence ?? `Was ${change.before || "empty"}; not saved yet`;
    cell.dataset.shows = shows;
  }

  #unmark(cell) {
    const nodes = beneath.get(cell);
    beneath.delete(cell);
    cell.classList.remove("dirty", "refused");
    cell.removeAttribute("title");
    delete cell.dataset.shows;
    delete cell.dataset.version;
    if (!nodes || !cell.isConnected || !cell.querySelector(".unsaved")) return;
    (cell.matches("dd") ? cell.querySelector(".v") : cell).replaceChildren(...nodes);
    window.htmx.process(cell);
  }

  // -- bar --

  #bar(list) {
    let bar = this.querySelector(":scope > .stagebar");
    if (!list.length) {
      bar?.remove();
      return;
    }
    if (!bar) {
      bar = made("div", { className: "bulkbar stagebar" });
      bar.setAttribute("role", "toolbar");
      bar.setAttribute("aria-label", "Changes not saved yet");
      const review = this.#button("Review", () => this.#toggle(true), "v", "Review the changes, key V");
      review.id = "review-staged";
      const save = this.#button("", () => this.#save(), "Control+S");
      save.dataset.savesStaged = "";
      save.classList.add("primary");
      bar.append(made("span", { className: "chosen" }), made("span", { className: "sep" }), review, save, this.#button("Drop all", () => this.#dropAll()));
      this.append(bar);
    }
    const records = new Set(list.map((each) => each.key)).size;
    const refused = list.filter((each) => each.problem).length;
    const words = ` not saved, in ${counted(records, this.dataset.one, this.dataset.many)}${refused ? `; ${counted(refused, "needs", "need")} another look` : ""}`;
    const said = bar.querySelector(".chosen");
    if (said.textContent !== `${counted(list.length, "change")}${words}`) said.replaceChildren(made("b", { textContent: counted(list.length, "change") }), words);
    const save = bar.querySelector("[data-saves-staged]");
    save.textContent = `Save ${counted(list.length, "change")}`;
    save.disabled = this.#busy;
  }

  #button(words, does, keys = "", label = "") {
    const button = made("button", { type: "button", className: "btn sm", textContent: words });
    if (keys) button.setAttribute("aria-keyshortcuts", keys);
    if (label) button.title = label;
    button.addEventListener("click", does);
    return button;
  }

  // -- panel --

  #toggle(open) {
    if (open && !this.#open) this.#opener = document.activeElement;
    this.#open = open;
    this.#panel(this.#list);
    if (open) this.querySelector(".drawer h2")?.focus();
    else (this.#opener?.isConnected ? this.#opener : document.getElementById("review-staged"))?.focus();
  }

  #escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !this.#open || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.#toggle(false);
  }

  #panel(list) {
    const old = this.querySelector(":scope > .drawer");
    if (!list.length) this.#open = false;
    if (!this.#open) {
      old?.remove();
      return;
    }
    const focused = old?.contains(document.activeElement) ? document.activeElement.dataset.at ?? "" : null;
    const panel = made("aside", { className: "drawer stagepanel" });
    panel.setAttribute("aria-label", "Changes not saved yet");
    const close = this.#button("", () => this.#toggle(false), "Escape");
    close.classList.add("ghost", "icon");
    close.setAttribute("aria-label", "Close");
    close.append(icon("x"));
    const heading = made("h2", { textContent: "Not saved yet", tabIndex: -1 });
    panel.append(made("header", {}, made("div", {}, heading, made("p", { className: "sub", textContent: "Saved together as one change, whole or not at all." })), close));
    const body = made("div", { className: "body stack" });
    for (const key of new Set(list.map((each) => each.key))) body.append(this.#record(list.filter((each) => each.key === key)));
    panel.append(body, this.#foot(list));
    if (old) old.replaceWith(panel);
    else this.append(panel);
    window.htmx.process(body);
    if (focused !== null) (panel.querySelector(`[data-at="${CSS.escape(focused)}"]`) ?? heading).focus();
  }

  #record(changes) {
    const title = made("a", { href: `${this.#path}/${changes[0].key}`, textContent: changes[0].title });
    return made("section", {}, made("h3", {}, title), made("ul", { className: "staged" }, ...changes.map((each) => this.#line(each))));
  }

  #line(change) {
    const gone = this.#button("Drop", () => this.#drop(change));
    gone.classList.add("ghost");
    gone.setAttribute("aria-label", `Drop ${change.label} of ${change.title}`);
    const arrow = icon("arrow");
    const diff = made("span", { className: "diff" },
      change.before ? made("del", { textContent: change.before }) : made("span", { className: "sub", textContent: "empty" }), arrow,
      change.now ? made("ins", { textContent: change.now }) : made("span", { className: "sub", textContent: "empty" }));
    const line = made("li", {}, made("div", { className: "row" }, made("span", { className: "fld", textContent: change.label }), gone), diff);
    if (change.theirs && !change.problem) line.append(made("p", { className: "theirs", textContent: `${change.theirs}; saving asks.` }));
    if (change.problem) line.append(this.#problem(change));
    return line;
  }

  #problem(change) {
    const { sentence, theirs, before } = change.problem;
    const told = made("div", { className: "clash" }, made("p", { className: "err", textContent: sentence }));
    told.setAttribute("role", "alert");
    if (theirs === undefined) return told;
    const rows = [["Before", before], ["Theirs", theirs], ["Yours", change.now]];
    told.append(made("dl", {}, ...rows.map(([term, value]) => made("div", {}, made("dt", { textContent: term }), made("dd", { textContent: value || "empty" })))));
    const mine = this.#button("Use mine", () => this.#useMine(change));
    mine.setAttribute("aria-label", `Use mine for ${change.label} of ${change.title}`);
    const keep = this.#button("Keep theirs", () => this.#drop(change));
    keep.setAttribute("aria-label", `Keep theirs for ${change.label} of ${change.title}`);
    told.append(made("div", { className: "row tight" }, keep, mine));
    return told;
  }

  #foot(list) {
    const reason = made("input", { className: "input", id: "staged-reason", name: "reason", maxLength: 1000, value: this.#reason, autocomplete: "off" });
    reason.dataset.at = "reason";
    reason.addEventListener("input", () => { this.#reason = reason.value; });
    const label = made("label", { htmlFor: "staged-reason" }, "Reason ", made("span", { className: "opt", textContent: "optional" }));
    const save = made("button", { className: "btn primary", textContent: `Save ${counted(list.length, "change")}`, disabled: this.#busy });
    save.dataset.at = "save";
    return made("footer", {}, made("form", { className: "stack" }, made("div", { className: "field" }, label, reason), made("div", { className: "row" }, save, this.#button("Drop all", () => this.#dropAll()))));
  }

  // -- what is done with them --

  #drop(change) {
    drop(this.#path, change.key, change.field);
    announce(`${change.label} dropped`);
  }

  #useMine(change) {
    amend(this.#path, change.key, change.field, { version: change.problem.version, before: change.problem.theirs, problem: undefined, theirs: undefined });
    announce(`Yours will replace theirs`);
  }

  #dropAll() {
    const list = this.#list;
    if (list.length > 1 && !window.confirm(`Drop all ${list.length} changes? They were not saved.`)) return;
    const inside = this.contains(document.activeElement);
    replace(this.#path, []);
    announce("Changes dropped");
    if (inside) (document.querySelector('#list [tabindex="0"]:is(td, th)') ?? document.querySelector("#main h1"))?.focus();
  }

  async #save() {
    const list = this.#list;
    if (this.#busy || !list.length) return;
    this.#busy = true;
    this.#show();
    try {
      const answer = await this.#send(list);
      if (answer.ok) await this.#saved();
      else if (answer.status === 409 || answer.status === 422) this.#stands(await answer.json());
      else this.#fails("Nothing was saved: the console refused. Load the page again and try once more.");
    } catch (error) {
      this.#fails(error.name === "AbortError" ? "Nothing was saved: you are signed out." : "Nothing was saved: the console did not answer.");
    } finally {
      this.#busy = false;
      if (this.isConnected) this.#show();
    }
  }

  async #send(list, csrf = JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRFToken"]) {
    const changes = list.map(({ key, field, typed, version, was }) => ({ key, field, typed, version, was }));
    const body = new URLSearchParams({ changes: JSON.stringify(changes), reason: this.#reason });
    const headers = { Accept: "application/json", "HX-Request": "true", "HX-Request-Type": "partial", "X-CSRFToken": csrf };
    const answer = await fetch(`${this.#path}/cells`, { method: "POST", body, headers });
    return waitsForSignIn(answer) ? this.#send(list, await signInAgain()) : answer;
  }

  /** The page is read anew, with its receipt; what does not fit the list any more leaves it now. */
  async #saved() {
    this.#open = false;
    this.#reason = "";
    replace(this.#path, []);
    const link = made("a", { href: location.pathname + location.search, hidden: true });
    link.setAttribute("hx-push-url", "false");
    this.append(link);
    window.htmx.process(link);
    arriving = true;
    link.click();
  }

  #stands({ problems }) {
    const list = this.#list;
    for (const change of list) delete change.problem;
    let lost = "";
    for (const problem of problems) {
      const change = list.find((each) => each.key === problem.key && (each.field === problem.field || !problem.field));
      if (change) change.problem = problem;
      else lost = problem.sentence;
    }
    replace(this.#path, list);
    this.#open = true;
    this.#show();
    if (lost) this.#fails(`Nothing was saved. ${lost}`);
    announce(`Nothing was saved. ${counted(problems.length, "change needs", "changes need")} another look.`);
    this.querySelector(".drawer .clash")?.scrollIntoView({ block: "nearest" });
    this.querySelector(".drawer h2")?.focus();
  }

  #fails(words) {
    const toast = made("console-toast", { className: "toast err" }, made("span", { textContent: words }));
    document.getElementById("toasts").append(toast);
  }
});
