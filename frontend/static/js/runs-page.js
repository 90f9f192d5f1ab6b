// Keeps the list of runs fresh while something in it is going on and somebody looks.

import { tick } from "./clock.js";

const EVERY = 4_000; // ms

const PARTS = ["questions", "runs"];

async function refresh() {
  if (document.hidden || document.getElementById("runs").dataset.open !== "1") return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    tick(fresh);
    for (const id of PARTS) {
      const old = document.getElementById(id);
      const part = fresh.getElementById(id);
      if (part && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(part));
    }
  } catch {
    // offline: the next round tries again
  }
}

setInterval(refresh, EVERY);
