// Keeps parts of a page fresh while something in them is going on and somebody looks: elements with data-fresh="1" are
// taken anew from the page itself. A part in which the reader types or has opened something is left alone.

import { showAway } from "./away.js";
import { tick } from "./clock.js";

const EVERY = 4_000; // ms
const SHARE = 20; // a page that takes long is asked for less often: at most this part of the time

const wanted = () => [...document.querySelectorAll('[data-fresh="1"][id]')].filter((part) => !part.contains(document.activeElement) && !part.querySelector("details[open]"));

async function refresh() {
  const begun = performance.now();
  await renew();
  setTimeout(refresh, Math.max(EVERY, SHARE * (performance.now() - begun)));
}

async function renew() {
  if (document.hidden || !wanted().length) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    showAway(answer.status >= 500);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    tick(fresh);
    for (const old of wanted()) {
      const part = fresh.getElementById(old.id);
      if (part) old.replaceWith(document.adoptNode(part));
    }
  } catch {
    showAway(true); // the next round tries again
  }
}

setTimeout(refresh, EVERY);
