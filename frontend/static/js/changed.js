// Findings that others change while somebody reads them: a page does not move under the reader's hands, it says
// calmly that "3 findings here have changed", and shows them when it is asked to.
//
// What a page shows stands in elements with data-stamp and an id "f-<finding>"; element #changed tells by data-now where
// to ask how they are now, and by data-topics whose news to follow.
//
//   watch({ before, after })     what LiveParts does when the reader wants to see

import { LiveParts } from "./live-parts.js";
import { NewsSocket } from "./news-socket.js";

const GATHER = 500; // ms: what many judge at once is told of once
const PAUSE = 2_000; // ms between two looks, or SHARE times as long as one takes
const SHARE = 20;
const TELLING = ["findings.judged", "run.finished", "missed"];

export function watch({ before = () => {}, after = () => {} } = {}) {
  let [ended, pause, timer] = [-Infinity, 0, 0];
  let [wanted, busy] = [false, false];

  const shown = () => new Map([...document.querySelectorAll("[data-stamp]")].map((one) => [one.id.slice(2), one.dataset.stamp]));
  const place = () => document.getElementById("changed");

  const parts = new LiveParts({ before, after: () => (tell(0), after(), socket.follow(topics())) });
  const socket = new NewsSocket({ onNews: (type) => TELLING.includes(type) && lookSoon() });

  const topics = () => place()?.dataset.topics.split(" ").filter(Boolean) ?? [];

  function tell(count) {
    const where = place();
    if (!where) return;
    const words = (count === 1 ? where.dataset.one : where.dataset.many).replace("{n}", count);
    if (!count) return where.replaceChildren();
    if (where.firstElementChild?.textContent === words) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: where.dataset.show });
    button.addEventListener("click", () => {
      parts.url = location.href;
      parts.refresh();
    });
    where.replaceChildren(Object.assign(document.createElement("span"), { textContent: words }), button);
  }

  function lookSoon() {
    wanted = true;
    if (busy || timer || document.hidden) return;
    timer = setTimeout(look, Math.max(GATHER, ended + pause - performance.now()));
  }

  async function look() {
    const began = performance.now();
    [timer, wanted, busy] = [0, false, true];
    const now = place()?.dataset.now;
    try {
      const answer = now && (await fetch(now, { headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store" }));
      const told = answer?.ok && (await answer.json());
      if (told && place()?.dataset.now === now) tell(differences(shown(), told));
    } catch {
      // offline: the socket comes back, and looks again
    }
    ended = performance.now();
    pause = Math.max(PAUSE, SHARE * (ended - began));
    busy = false;
    if (wanted) lookSoon();
  }

  document.addEventListener("visibilitychange", () => wanted && lookSoon());
  document.addEventListener("htmx:after:swap", () => socket.follow(topics()));
  socket.follow(topics());
}

// How many of the findings that are shown are not any more what they were, or where they were.
function differences(shown, { stamps }) {
  const gone = [...shown.keys()].filter((id) => !(id in stamps));
  const come = Object.keys(stamps).filter((id) => !shown.has(id));
  const changed = [...shown].filter(([id, stamp]) => id in stamps && stamps[id] !== stamp);
  return changed.length + Math.max(gone.length, come.length);
}
