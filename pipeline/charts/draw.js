// Draws the charts of a page: each once its place has a width (a hidden one has none), in the theme that the
// reader prefers or that `data-theme` on <html> asks for, and anew when that changes.
(() => {
  const configs = JSON.parse(document.getElementById("chart-configs").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // place -> {spec, view, ready}

  const theme = () => document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light");

  function draw(place) {
    const chart = drawn.get(place);
    chart.ready = Promise.resolve(chart.ready).then(() => embed(place, chart)); // one drawing after the other
  }

  async function embed(place, chart) {
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
    document.dispatchEvent(new Event("chart-drawn"));
  }

  function fit(place) {
    if (!place.clientWidth) return;
    const chart = drawn.get(place);
    if (chart) chart.view?.width(place.clientWidth).runAsync();
    else {
      drawn.set(place, { spec: JSON.parse(place.querySelector("script").textContent) });
      draw(place);
    }
  }

  const widths = new ResizeObserver((entries) => entries.forEach((entry) => fit(entry.target)));
  let drawnAs;
  const redraw = () => {
    if (theme() === drawnAs) return;
    drawnAs = theme();
    [...drawn.keys()].forEach(draw);
  };

  addEventListener("DOMContentLoaded", () => {
    drawnAs = theme();
    document.querySelectorAll(".chart").forEach((place) => {
      fit(place); // at once: browsers observe no sizes in a frame that is not in view
      widths.observe(place);
    });
    prefersDark.addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
})();
