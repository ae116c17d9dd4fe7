/* <time-chart data-x="[unix seconds]" data-y="[numbers]" data-label="ms" data-limit="500" aria-label="a sentence">;
   data-scale="number" where what goes across is no time.
   Drawn by uPlot, which is fetched only where a chart stands. What the element holds, a table or a picture, stays without script. */

const HERE = new URL("../../vendor/", import.meta.url);
let library;

/** uPlot is one script and one sheet of ours, so the policy lets both in. */
function load() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("uplot.min.css", HERE) }));
    document.head.append(Object.assign(document.createElement("script"), {
      src: new URL("uplot.min.js", HERE), onload: () => resolve(window.uPlot), onerror: reject,
    }));
  });
  return library;
}

customElements.define("time-chart", class extends HTMLElement {
  #plot;
  #watch;

  async connectedCallback() {
    const UPlot = await load().catch(() => null);
    if (!UPlot || !this.isConnected) return;
    const x = JSON.parse(this.dataset.x);
    const y = JSON.parse(this.dataset.y);
    this.setAttribute("role", "img");
    this.replaceChildren();
    this.#plot = new UPlot(this.#options(UPlot), [x, y], this);
    this.#watch = new ResizeObserver(() => this.#plot.setSize(this.#size()));
    this.#watch.observe(this);
  }

  disconnectedCallback() {
    this.#watch?.disconnect();
    this.#plot?.destroy();
  }

  #size() {
    return { width: this.clientWidth, height: Number(this.dataset.height ?? 140) };
  }

  #options(UPlot) {
    const look = getComputedStyle(this);
    const hue = (name) => {
      const probe = document.createElement("i");
      probe.className = name;
      this.append(probe);
      probe.style.color = "var(--c)";
      const colour = getComputedStyle(probe).color;
      probe.remove();
      return colour;
    };
    const line = hue(this.dataset.tone ? `c-${this.dataset.tone}` : "c-viz-1");
    const axis = { stroke: look.color, font: `11px ${look.fontFamily}`, grid: { stroke: hue("c-grid"), width: 1 }, ticks: { show: false } };
    const limit = Number(this.dataset.limit);
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false },
      scales: { x: { time: this.dataset.scale !== "number" }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.1, limit || 1)] } },
      axes: [axis, { ...axis, size: 44 }],
      series: [{}, { label: this.dataset.label ?? "", stroke: line, width: 1.5, fill: line.replace("rgb(", "rgba(").replace(")", ", .13)"), points: { show: false } }],
      hooks: { draw: limit ? [(plot) => this.#drawLimit(plot, limit, hue("c-danger"))] : [] },
    };
  }

  #drawLimit(plot, limit, colour) {
    const y = plot.valToPos(limit, "y", true);
    plot.ctx.save();
    plot.ctx.strokeStyle = colour;
    plot.ctx.setLineDash([4, 4]);
    plot.ctx.beginPath();
    plot.ctx.moveTo(plot.bbox.left, y);
    plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    plot.ctx.stroke();
    plot.ctx.restore();
  }
});
