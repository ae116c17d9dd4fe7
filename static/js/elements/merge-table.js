/* <merge-table> around records side by side: the last column follows the choice at once. Without script the choice counts all
   the same; the column then shows what would be taken unless one chooses otherwise. */

customElements.define("merge-table", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("change", (event) => this.#follow(event.target));
  }

  #follow(radio) {
    const row = radio.closest("tr[data-field]");
    const result = row?.querySelector("[data-result]");
    if (!result) return;
    for (const cell of row.querySelectorAll("td[data-key]")) cell.classList.toggle("win", cell.dataset.key === radio.value);
    if (radio.value === "all") {
      const seen = [...row.querySelectorAll("td[data-key] label > span")].filter((each) => !each.querySelector(":scope > .sub"));
      result.replaceChildren(...seen.flatMap((each, place) => [...(place ? [document.createElement("br")] : []), ...each.cloneNode(true).childNodes]));
      return;
    }
    const chosen = row.querySelector(`td[data-key="${CSS.escape(radio.value)}"] label > span`);
    if (chosen) result.replaceChildren(...chosen.cloneNode(true).childNodes);
  }
});
