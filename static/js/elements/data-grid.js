/* <data-grid> around a list's table: one tab stop, arrows move the cell, Enter opens, Enter or F2 edits, J and K walk the rows.
   Without script it is a plain table whose links and buttons work. */

const CELLS = "td, th";

customElements.define("data-grid", class extends HTMLElement {
  connectedCallback() {
    // Scrolling by keyboard needed the box itself as a stop; now the cells are one.
    this.removeAttribute("tabindex");
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("focusin", (event) => this.#remember(event.target.closest(CELLS)));
    // A click knows whether Shift was held; Space on a box comes as a click, too.
    this.addEventListener("click", (event) => { if (event.target.matches(".pick .check")) this.#picked(event.target, event.shiftKey); else this.#pointed(event.target); });
    new MutationObserver(() => this.#prepare()).observe(this, { childList: true, subtree: true });
    document.addEventListener("keydown", this.#walk);
    this.#prepare();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#walk);
  }

  get #table() {
    return this.querySelector("table");
  }

  #prepare() {
    const table = this.#table;
    if (!table || table.querySelector('[tabindex="0"]:is(td, th)')) return;
    table.setAttribute("role", "grid");
    for (const inner of table.querySelectorAll(":is(td, th) :is(a, button, input)")) if (!inner.closest(".editing")) inner.tabIndex = -1;
    const first = table.querySelector("tbody tr:not([hidden]) td.name") ?? table.querySelector("tbody tr td:not(.pick)");
    if (first) first.tabIndex = 0;
  }

  #remember(cell) {
    if (!cell) return;
    for (const old of this.#table.querySelectorAll(':is(td, th)[tabindex="0"]')) old.tabIndex = -1;
    cell.tabIndex = 0;
  }

  #go(cell) {
    if (!cell) return;
    this.#remember(cell);
    // A cell that is only a control, as a column's head or the tick of a row, hands its focus on.
    const inner = cell.querySelector(":scope > :is(input, a, button)");
    (cell.matches("th, .pick") && inner ? inner : cell).focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Where one clicks, the keys go on from. */
  #pointed(target) {
    const cell = target.closest("tbody td");
    if (!cell || cell.matches(".editing, .pick") || target.closest("a, button, input, form") || !getSelection().isCollapsed) return;
    this.#remember(cell);
    cell.focus({ preventScroll: true });
  }

  #key(event) {
    const cell = event.target.closest(CELLS);
    if (!cell || event.target.closest(".editing") || event.altKey) return;
    const row = cell.parentElement;
    const rows = [...this.#table.rows];
    const at = rows.indexOf(row);
    const control = event.ctrlKey || event.metaKey;
    const column = cell.cellIndex;
    const moves = {
      ArrowRight: () => row.cells[column + 1],
      ArrowLeft: () => row.cells[column - 1],
      ArrowDown: () => rows[at + 1]?.cells[column],
      ArrowUp: () => rows[at - 1]?.cells[column],
      PageDown: () => rows[Math.min(at + 10, rows.length - 1)].cells[column],
      PageUp: () => rows[Math.max(at - 10, 1)]?.cells[column],
      Home: () => (control ? rows[1]?.cells[0] : row.cells[0]),
      End: () => (control ? rows.at(-1).cells[rows.at(-1).cells.length - 1] : row.cells[row.cells.length - 1]),
    };
    if (event.shiftKey && /^Arrow(Up|Down)$/.test(event.key) && row.querySelector(".pick .check")) {
      event.preventDefault();
      const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (!next?.closest("tbody")) return;
      this.#extend(row, next);
      this.#go(next.cells[column]);
    } else if (moves[event.key]) {
      event.preventDefault();
      this.#go(moves[event.key]());
    } else if (event.key === "F2" || (event.key === "Enter" && event.target === cell && cell.matches(".can-edit:not(.name)"))) {
      if (!cell.matches(".can-edit")) return;
      event.preventDefault();
      cell.dispatchEvent(new CustomEvent("edit-cell", { bubbles: true }));
    } else if (event.key === "Enter" && event.target === cell) {
      event.preventDefault();
      (cell.querySelector("a[href]") ?? row.querySelector("td.name a, a[href]"))?.click();
    } else if (event.key === " " && event.target === cell) {
      event.preventDefault();
      row.querySelector(".pick .check")?.click();
    }
  }

  /** J and K work from anywhere on the page: they bring focus to the next or previous row. */
  #walk = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !/^[jk]$/i.test(event.key)) return;
    if (event.target.closest?.("input:not(.check), select, textarea, dialog") || document.documentElement.dataset.keys === "off") return;
    const rows = [...this.#table.tBodies[0].rows];
    if (!rows.length) return;
    event.preventDefault();
    const at = rows.indexOf(document.activeElement.closest("tr"));
    const row = event.key.toLowerCase() === "j" ? rows[Math.min(at + 1, rows.length - 1)] : rows[Math.max(at - 1, 0)];
    this.#go(row.querySelector("td.name") ?? row.cells[0]);
  };

  /** The row where a range began: the one ticked last, or the one Shift was first held at. */
  #anchor = null;

  #boxes() {
    return [...this.#table.querySelectorAll("tbody .pick .check")];
  }

  #picked(box, ranged) {
    const boxes = this.#boxes();
    if (!box.closest("tbody")) this.#tick(boxes, box.checked);
    else if (ranged) this.#range(box, box.checked);
    else this.#anchor = box.closest("tr").dataset.key;
    this.#tell();
  }

  /** From the row the range began at to this one. */
  #range(box, on) {
    const boxes = this.#boxes();
    const from = boxes.findIndex((each) => each.value === this.#anchor);
    const to = boxes.indexOf(box);
    if (from < 0) this.#anchor = box.value;
    else this.#tick(boxes.slice(Math.min(from, to), Math.max(from, to) + 1), on);
  }

  /** Shift and an arrow: this row and the next one; back again takes the row one leaves off. */
  #extend(row, next) {
    const [here, there] = [row, next].map((each) => each?.querySelector(".pick .check"));
    if (!here || !there) return;
    const back = here.checked && there.checked && this.#anchor !== here.value;
    if (!here.checked) this.#anchor = here.value;
    here.checked = !back;
    there.checked = true;
    this.#tell();
  }

  #tick(boxes, on) {
    for (const each of boxes) each.checked = on;
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("picked", { bubbles: true }));
  }
});
