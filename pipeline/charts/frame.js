// In a notebook's frame: tells the notebook how high the frame wants to be, and takes its theme.
(() => {
  const tell = () => parent.postMessage({ headgateHeight: document.body.scrollHeight }, "*");
  document.addEventListener("chart-drawn", tell);
  addEventListener("DOMContentLoaded", () => new ResizeObserver(tell).observe(document.body));
  addEventListener("message", (event) => {
    if (event.data?.headgateTheme) document.documentElement.dataset.theme = event.data.headgateTheme;
  });
})();
