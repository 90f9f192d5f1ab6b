// Keeps the list of runs fresh while something in it is going on and somebody looks.

import { keepTicking, tick } from "./clock.js";

const EVERY = 4_000; // ms

async function refresh() {
  const list = document.getElementById("runs");
  if (document.hidden || list.dataset.open !== "1" || list.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("runs");
    if (fresh) {
      tick(fresh);
      list.replaceWith(document.adoptNode(fresh));
    }
  } catch {
    // offline: the next round tries again
  }
}

keepTicking();
setInterval(refresh, EVERY);
