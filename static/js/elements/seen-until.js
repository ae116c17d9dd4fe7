/* <seen-until seconds="57">: personal data shown for a while; when the time is over the page is asked for again, masked. */

customElements.define("seen-until", class extends HTMLElement {
  connectedCallback() {
    const end = performance.now() + Number(this.getAttribute("seconds")) * 1000;
    const left = this.querySelector("[data-left]");
    this.clock = setInterval(() => {
      const seconds = Math.ceil((end - performance.now()) / 1000);
      if (left && seconds > 0) left.textContent = `${seconds} s`;
      if (seconds > 0) return;
      clearInterval(this.clock);
      for (const shown of document.querySelectorAll("[data-seen]")) shown.textContent = "••••";
      this.hidden = true;
      htmx.ajax("GET", location.href, { target: "#main", select: "#main", swap: "outerHTML" });
    }, 500);
  }

  disconnectedCallback() {
    clearInterval(this.clock);
  }
});
