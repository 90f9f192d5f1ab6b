// The lines of a run's log by hand: one is chosen, by its time or by keys, and its address can be copied.

import { toast } from "./toast.js";

const log = document.getElementById("log");

function chosen() {
  return log.querySelector(".ln.chosen");
}

function choose(line) {
  if (!line) return;
  chosen()?.classList.remove("chosen");
  line.classList.add("chosen");
  line.scrollIntoView({ block: "nearest" });
  history.replaceState(null, "", line.querySelector(".at").href);
}

function atHand() {
  const { top, bottom } = log.getBoundingClientRect();
  return [...log.children].find((line) => line.getBoundingClientRect().top >= top && line.getBoundingClientRect().top < bottom);
}

export function move(by) {
  const now = chosen();
  choose(now ? (by > 0 ? now.nextElementSibling : now.previousElementSibling) : atHand());
}

export function open() {
  chosen()?.querySelector("a.speaker")?.click();
}

export async function copy() {
  const line = chosen();
  if (!line) return;
  try {
    await navigator.clipboard.writeText(line.querySelector(".at").href);
    toast(log.closest("[data-copied]").dataset.copied);
  } catch {
    // refused by the browser: the address of the page is that of the line
  }
}

export function listen() {
  log.addEventListener("click", (event) => {
    const link = event.target.closest("a.at");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.closest(".ln"));
    copy();
  });
  const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named) choose(named);
}
