// A list by keyboard, and filters that act at once: frontend/list_page.html. Everything here has a link or a button
// beside it.
//
//   j k  move    Enter o  open    /  search    ?  the keys      a page adds its own: Object.assign(ACTS, { x: ... })

import * as keys from "./keys.js";

export const rows = () => [...document.querySelectorAll("#results table.list tbody tr")];
export const current = () => rows().find((row) => row.getAttribute("aria-selected") === "true") ?? null;
const link = (row) => row?.querySelector("td.main a");

export const ACTS = {
  j: () => move(1),
  k: () => move(-1),
  o: () => link(current())?.click(),
  "/": () => document.getElementById("q").focus(),
};

export function select(row, { focus = true } = {}) {
  if (!row) return;
  for (const one of rows()) one.removeAttribute("aria-selected");
  row.setAttribute("aria-selected", "true");
  if (focus) link(row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function move(by) {
  const all = rows();
  const at = all.indexOf(current());
  select(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

document.addEventListener("change", (event) => {
  const one = event.target;
  if (one.closest("#facets") || one.name === "order") document.getElementById("filter").requestSubmit();
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("#results table.list tbody tr");
  if (row && row !== current()) select(row, { focus: false });
});

// Where there are many the counts come after the rows. Whoever has narrowed the list down meanwhile waits for others.
async function count() {
  const place = document.getElementById("counting");
  if (!place || place.dataset.begun) return;
  place.dataset.begun = "1";
  const link = place.querySelector("a");
  const words = place.querySelector("span");
  link.hidden = true;
  words.textContent = place.dataset.busy;
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!place.isConnected) return;
    for (const id of ["facets", "results-title", "all-matching"]) put(fresh, id);
  } catch {
    words.textContent = place.dataset.failed;
    link.hidden = false;
  }
}

function put(fresh, id) {
  const [old, one] = [document.getElementById(id), fresh.getElementById(id)];
  if (!old || !one) return;
  const held = old.contains(document.activeElement) && document.activeElement.id;
  old.replaceWith(document.adoptNode(one));
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}

document.addEventListener("htmx:after:swap", count);
count();

keys.listen(ACTS);
