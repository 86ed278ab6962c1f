// Draws the charts of a page: each once its place has a width (a closed <details> gives none), in the theme that the
// reader prefers or that `data-theme` on <html> asks for, and anew when that changes.
(() => {
  const configs = JSON.parse(document.getElementById("chart-configs").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // place -> {spec, view}

  const theme = () => document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light");

  async function draw(place) {
    const chart = drawn.get(place);
    chart.view?.finalize();
    const { view } = await vegaEmbed(place, chart.spec, {
      config: configs[theme()],
      renderer: "svg",
      actions: false,
      defaultStyle: false, // it is for the menu of actions, and would let the place shrink to nothing
      ast: true, // expressions are interpreted: the page may forbid eval
      tooltip: { theme: theme() },
    });
    chart.view = view;
  }

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (!target.clientWidth) continue;
      const chart = drawn.get(target);
      if (chart) chart.view?.width(target.clientWidth).runAsync();
      else {
        drawn.set(target, { spec: JSON.parse(target.querySelector("script").textContent) });
        draw(target);
      }
    }
  });
  const redraw = () => [...drawn.keys()].forEach(draw);

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".chart").forEach((place) => widths.observe(place));
    prefersDark.addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
})();
