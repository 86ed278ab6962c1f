"use strict";
// Tables sort by a press on a column's heading; what is left empty stays last. Charts near the screen are drawn first,
// the others when there is nothing else to do.

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      const numeric = head.classList.contains("number");
      rows.sort((one, other) => compare(one.cells[column].dataset.sort, other.cells[column].dataset.sort, numeric, down));
      table.tBodies[0].append(...rows);
    });
  });
}

function compare(one, other, numeric, down) {
  if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
  const order = numeric ? Number(one) - Number(other) : one.localeCompare(other, "en", { numeric: true });
  return down ? -order : order;
}

document.querySelectorAll("table.sortable").forEach(sortable);

const toc = document.querySelector(".toc");
if (toc) {
  const wide = matchMedia("(min-width: 1080px)");
  const follow = () => { toc.open = wide.matches; };
  wide.addEventListener("change", follow);
  follow();
  const links = new Map([...toc.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
}

// A chart whose place is hidden is not drawn.
const show = (place) => place.classList.add("near");
const places = [...document.querySelectorAll(".drawn")];
const near = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => show(entry.target));
}, { rootMargin: "25% 0px" });
places.forEach((place) => near.observe(place));
const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 50)); // Safari has none
function showNext() {
  const place = places.shift();
  if (!place) return;
  show(place);
  idle(showNext);
}
addEventListener("load", () => idle(showNext));

// Paper is white.
addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; });
addEventListener("afterprint", () => { delete document.documentElement.dataset.theme; });
