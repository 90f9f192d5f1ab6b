// What every page does: times in the reader's zone, the colours' switch without a reload, menus that close, and words
// when a request of htmx fails. Everything here works without a script too.

import { keepForms } from "./away.js";
import { keepTicking, tick } from "./clock.js";
import { toast } from "./toast.js";

keepTicking();
keepForms();

document.addEventListener("htmx:after:swap", () => tick()); // what was swapped may stand elsewhere than what asked
for (const name of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(name, (event) => {
    const { failed, away } = document.getElementById("toasts").dataset;
    const status = event.detail?.ctx?.response?.status;
    toast(status ? `${failed} (${status})` : away, "error");
  });
}

const theme = document.getElementById("theme");
theme?.addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = event.submitter.value;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const button of theme.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.submitter));
  fetch(theme.action, { method: "POST", body: new FormData(theme, event.submitter), redirect: "manual" }).catch(() => {});
});

// A page with keys of its own opens their list instead (keys.js).
document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.getElementById("keys") || event.target.closest?.("input, textarea, select, dialog[open]")) return;
  if (localStorage.getItem("wrench-keys-off") !== "1") document.getElementById("help")?.click();
});

// Where a strip of links is longer than the screen, the one that you are at is seen. With the first frame: asked for
// now, the page would be laid out once for this and again for what the other scripts change.
requestAnimationFrame(() => {
  for (const here of document.querySelectorAll(":is(.tabs, .side, .bar nav) [aria-current]")) {
    const strip = here.parentElement;
    strip.scrollLeft = here.offsetLeft - strip.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
