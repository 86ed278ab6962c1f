// In the notebook, around the frames: gives each the height it asks for, and JupyterLab's theme if there is one.
addEventListener("message", (event) => {
  if (!event.data?.headgateHeight) return;
  const frame = [...document.querySelectorAll("iframe.headgate")].find((each) => each.contentWindow === event.source);
  if (!frame) return;
  frame.style.height = `${event.data.headgateHeight}px`;
  const light = document.body.dataset.jpThemeLight;
  if (light) event.source.postMessage({ headgateTheme: light === "true" ? "light" : "dark" }, "*");
});
