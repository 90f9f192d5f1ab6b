// Judging findings in their list by keyboard, one or many at once. Everything here has a button beside it.
//
//   x  choose    a r  accept, reopen    d  dismiss      and the keys of list-page.js

import { watch } from "./changed.js";
import { ACTS, current, rows, select } from "./list-page.js";
import "./once.js";

const box = (row) => row?.querySelector("input[name=finding]");
const boxes = () => [...document.querySelectorAll(".findings-list input[name=finding]")];

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

Object.assign(ACTS, {
  x: () => {
    const own = box(current());
    if (!own) return;
    own.checked = !own.checked;
    tell();
  },
  a: () => press("accept"),
  r: () => press("reopen"),
  d: () => press("dismiss"),
});

document.addEventListener("change", (event) => {
  const one = event.target;
  if (one.id === "all") for (const each of boxes()) each.checked = one.checked;
  if (one.id === "all" || one.name === "finding") tell();
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "judge") sessionStorage.setItem("wrench-finding-row", String(rows().indexOf(current())));
});
document.addEventListener("htmx:after:swap", tell);
window.addEventListener("pageshow", (event) => event.persisted && tell());

watch({
  // what was chosen stays so, as long as it is what the reader has read
  before(fresh) {
    const chosen = new Set(boxes().filter((one) => one.checked).map((one) => one.value));
    for (const one of fresh.querySelectorAll("input[name=finding]")) one.toggleAttribute("checked", chosen.has(one.value));
    const here = current() && fresh.getElementById(current().id);
    here?.setAttribute("aria-selected", "true");
  },
  after() {
    tell();
    if (document.activeElement === document.body) (current()?.querySelector("td.main a") ?? document.getElementById("results-title")).focus({ preventScroll: true });
  },
});

tell();
const before = Number(sessionStorage.getItem("wrench-finding-row") ?? -1);
sessionStorage.removeItem("wrench-finding-row");
if (before >= 0) select(rows()[Math.min(before, rows().length - 1)]);
