// Keeps the parts of a page (elements with data-part and an id) as the server draws them: fetched anew when something
// happened, at most every REFRESH_EVERY, and put in place without taking from anybody the focus, what is being typed,
// what was opened or how far a box was scrolled.
//
//   const parts = new LiveParts({ url, before, after, onSignedOut });  parts.refresh()

import { tick } from "./clock.js";

const REFRESH_EVERY = 700; // ms
const LONGEST = 5_000;
const PATIENCE = 4; // times as long as a refresh took, until the next one

export class LiveParts {
  // `before` gets the fresh document, and may change it; `after` is called when it is in place.
  constructor({ url, before = () => {}, after = () => {}, onSignedOut = () => {}, onGone = () => {}, onAway = () => {} }) {
    Object.assign(this, { url, before, after, onSignedOut, onGone, onAway });
    this.busy = false;
    this.wanted = false;
  }

  async refresh() {
    if (this.busy) {
      this.wanted = true;
      return;
    }
    this.busy = true;
    const began = performance.now();
    let room = REFRESH_EVERY;
    try {
      const answer = await fetch(this.url, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") this.onSignedOut();
      else if (answer.status === 404 || answer.status === 410) this.onGone();
      else if (answer.ok) {
        this.put(await answer.text());
        room = Math.min(LONGEST, Math.max(room, PATIENCE * (performance.now() - began))); // a large page takes longer
      }
    } catch {
      this.onAway(); // the next event or poll tries again
    }
    setTimeout(() => {
      this.busy = false;
      if (!this.wanted) return;
      this.wanted = false;
      this.refresh();
    }, room);
  }

  put(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    tick(fresh);
    keepToken(fresh);
    this.before(fresh);
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (!old) continue;
      keepOpen(old, part);
      if (old.isEqualNode(part)) continue;
      const isHeld = old.hasAttribute("data-held") && old.contains(document.activeElement);
      if (isHeld && part.dataset.final !== "1") continue; // a hand is on it
      replace(old, part);
    }
    this.after();
  }
}

// Each answer masks the same token anew, which would make every form look changed.
function keepToken(fresh) {
  const known = document.querySelector("main input[name=csrfmiddlewaretoken]")?.getAttribute("value");
  if (!known) return;
  for (const field of fresh.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.setAttribute("value", known);
}

function keepOpen(old, fresh) {
  const before = old.querySelectorAll("details");
  if (before.length !== fresh.querySelectorAll("details").length) return;
  fresh.querySelectorAll("details").forEach((one, n) => one.toggleAttribute("open", before[n].open));
}

function replace(old, part) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const { id, selectionStart, selectionEnd } = active ?? {};
  const chosen = [...old.querySelectorAll("select")].filter((field) => !field.selectedOptions[0]?.defaultSelected);
  const typed = [...old.querySelectorAll("textarea"), ...chosen].map((field) => [field.id, field.value]);
  const scrolled = [...old.querySelectorAll("[tabindex][id]")].filter((box) => box.scrollTop || box.scrollLeft);
  const places = scrolled.map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  const put = document.adoptNode(part);
  old.replaceWith(put);
  globalThis.htmx?.process(put);
  for (const [name, left, top] of places) document.getElementById(name)?.scrollTo({ left, top, behavior: "instant" });
  for (const [name, value] of typed) {
    const field = document.getElementById(name);
    if (field) field.value = value;
  }
  const again = id && document.getElementById(id);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (again.setSelectionRange) again.setSelectionRange(selectionStart, selectionEnd);
}
