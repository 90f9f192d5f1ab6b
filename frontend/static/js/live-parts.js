// Keeps the parts of a page (elements with data-part and an id) as the server draws them: fetched anew when something
// happened, and put in place without taking from anybody the focus, what is being typed, what was opened, what is being
// pressed or how far a box was scrolled.
//
//   const parts = new LiveParts({ url, before, after, onSignedOut })
//   parts.refresh()          something changed that people wait for: drawn within a moment
//   parts.refresh(CHATTER)   a step told how far it is, as it does all the time: drawn now and then
//
// Between two fetches is a pause, so that many events at once are one fetch. It grows with the time that a fetch takes:
// a large page, or a busy server, is asked less often. Where news do not stop (hundreds of short steps), the first few
// are drawn at once, the others now and then.

import { tick } from "./clock.js";

const NEWS = { pause: 25, times: 0.5 }; // ms at least, and times as long as the last fetch took
export const CHATTER = { pause: 700, times: 4 };
const QUICK = 150; // ms; one that takes longer is followed by a pause of twice as long
const LONGEST = 5_000;
const AT_ONCE = 5; // fetches, until nothing was wanted for CALM
const CALM = 400; // ms

let pressed = null; // a button or link that is down: put in place anew, it would not be clicked
document.addEventListener("pointerdown", press, { capture: true });
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => (pressed = null), { capture: true });

// Other buttons open menus, which may swallow that they are let go.
function press(event) {
  pressed = event.button === 0 ? event.target.closest?.("a, button, summary") : null;
}

export class LiveParts {
  // `before` gets the fresh document, and may change it; `after` is called when it is in place.
  constructor({ url, before = () => {}, after = () => {}, onSignedOut = () => {}, onGone = () => {}, onAway = () => {} }) {
    Object.assign(this, { url, before, after, onSignedOut, onGone, onAway });
    this.busy = false;
    this.wanted = null; // how soon, while one is under way
    this.ended = this.took = -Infinity; // of the last fetch
    this.streak = 0; // fetches without a rest
    this.timer = 0;
    this.due = Infinity;
    this.left = false; // whether a part was left as it was, since somebody pressed it
    for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => this.left && this.refresh());
  }

  refresh(how = NEWS) {
    if (this.busy) {
      if (this.wanted !== NEWS) this.wanted = how;
      return;
    }
    if (performance.now() - this.ended > CALM) this.streak = 0;
    const rule = this.streak < AT_ONCE ? how : CHATTER;
    const times = rule === NEWS && this.took > QUICK ? 2 * rule.times : rule.times;
    const due = this.ended + Math.min(LONGEST, Math.max(rule.pause, times * this.took));
    if (due >= this.due) return; // one that comes soon enough is waited for
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => this.fetch(), Math.max(0, due - performance.now()));
  }

  async fetch() {
    this.busy = true;
    this.streak += 1;
    this.due = Infinity;
    const began = performance.now();
    try {
      const answer = await fetch(this.url, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") this.onSignedOut();
      else if (answer.status === 404 || answer.status === 410) this.onGone();
      else if (answer.ok) this.put(await answer.text());
    } catch {
      this.onAway(); // the next event or poll tries again
    }
    this.ended = performance.now();
    this.took = this.ended - began;
    this.busy = false;
    const { wanted } = this;
    this.wanted = null;
    if (wanted) this.refresh(wanted);
  }

  put(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    tick(fresh);
    keepToken(fresh);
    this.before(fresh);
    this.left = false;
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (!old) continue;
      keepOpen(old, part);
      if (old.isEqualNode(part)) continue;
      const isHeld = old.hasAttribute("data-held") && old.contains(document.activeElement);
      if (isHeld && part.dataset.final !== "1") continue; // a hand is on it
      if (pressed && old.contains(pressed)) {
        this.left = true;
        continue;
      }
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
  const typed = [...old.querySelectorAll("textarea, input[type=date]"), ...chosen].map((field) => [field.id, field.value]);
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
