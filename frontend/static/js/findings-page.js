// The list of findings by keyboard, and filters that act at once. Everything here has a link or a button beside it.
//
//   j k  move    Enter o  open    x  choose    a r  accept, reopen    d  dismiss    /  search    ?  the keys

import * as keys from "./keys.js";

const rows = () => [...document.querySelectorAll(".findings-list tbody tr")];
const box = (row) => row?.querySelector("input[name=finding]");
const boxes = () => [...document.querySelectorAll(".findings-list input[name=finding]")];
const link = (row) => row?.querySelector("td.main a");
const current = () => rows().find((row) => row.getAttribute("aria-selected") === "true") ?? null;

function select(row, { focus = true } = {}) {
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

function tell() {
  const bar = document.querySelector(".judge-bar");
  if (!bar) return;
  const chosen = boxes().filter((one) => one.checked).length;
  document.getElementById("chosen").textContent = chosen ? `${chosen} ${bar.dataset.some}` : bar.dataset.none;
  const all = document.getElementById("all");
  all.hidden = false;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

// What a verdict by key is about: what is chosen, else where the reader is.
function aim() {
  if (!boxes().some((one) => one.checked)) {
    const own = box(current());
    if (!own) return false;
    own.checked = true;
    tell();
  }
  return true;
}

function press(act) {
  const button = document.querySelector(`#judge button[name=act][value=${act}]`);
  if (!button || !aim()) return;
  if (act !== "dismiss") return button.click();
  document.getElementById("dismiss").open = true;
  document.getElementById("reason").focus();
}

const ACTS = {
  j: () => move(1),
  k: () => move(-1),
  o: () => link(current())?.click(),
  x: () => {
    const own = box(current());
    if (!own) return;
    own.checked = !own.checked;
    tell();
  },
  a: () => press("accept"),
  r: () => press("reopen"),
  d: () => press("dismiss"),
  "/": () => document.getElementById("q").focus(),
};

document.addEventListener("change", (event) => {
  const one = event.target;
  if (one.id === "all") for (const each of boxes()) each.checked = one.checked;
  if (one.id === "all" || one.name === "finding") tell();
  if (one.closest("#facets") || one.name === "order") document.getElementById("filter").requestSubmit();
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(".findings-list tbody tr");
  if (row && row !== current()) select(row, { focus: false });
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "judge") return;
  if (event.target.dataset.sent) return event.preventDefault(); // a double click sends once
  event.target.dataset.sent = "1";
  sessionStorage.setItem("wrench-finding-row", String(rows().indexOf(current())));
});
document.addEventListener("htmx:after:swap", tell);
window.addEventListener("pageshow", (event) => {
  const form = document.getElementById("judge");
  if (form) delete form.dataset.sent;
  if (event.persisted) tell();
});

keys.listen(ACTS);
tell();
const before = Number(sessionStorage.getItem("wrench-finding-row") ?? -1);
sessionStorage.removeItem("wrench-finding-row");
if (before >= 0) select(rows()[Math.min(before, rows().length - 1)]);
