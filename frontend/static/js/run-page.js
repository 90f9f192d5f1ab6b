// Keeps the page of one run as the run is. Events come over the socket and go into the log at once; the parts of the
// page (steps, result, files) are fetched anew, at most every REFRESH_EVERY. Without a socket the page asks every
// POLL_EVERY: it never freezes.

import { clockTime, tick } from "./clock.js";
import * as graph from "./run-graph.js";
import { RunSocket } from "./run-socket.js";

const REFRESH_EVERY = 700; // ms
const POLL_EVERY = 5_000;
const PATIENCE = 4; // times as long as a refresh took, until the next one
const LINES = 1_000;
const WORDS = { live: "live", catching: "catching up", offline: "offline, trying again", done: "complete" };

const page = document.getElementById("run");
const log = document.getElementById("events");
const badge = document.getElementById("live");
const follow = document.getElementById("follow");
let status = "catching";
let refreshing = false;
let wanted = false;

function show(next) {
  status = next;
  badge.hidden = false;
  badge.className = `live live-${next}`;
  badge.textContent = WORDS[next];
}

function isFinal() {
  return document.getElementById("part-head")?.dataset.final === "1";
}

// Says the same as `describe` in rows.py.
function describe(kind, data) {
  if (kind === "step.progress" && data.total) return `${data.done}/${data.total} ${data.message || ""}`.trim();
  if (kind === "step.added") return data.reason || `${data.agent}.${data.operation}`;
  if (kind === "agent.said") return data.content?.message ? `${data.topic}: ${data.content.message}` : data.topic || "";
  if (DEEDS[kind]) return deed(...DEEDS[kind](data), data.by);
  if (data.error && typeof data.error === "object") return data.error.message || data.error.kind || "";
  const names = ["failure", "summary", "message", "tail", "reason", "because", "question", "why", "state", "worker", "goal"];
  const name = names.find((one) => data[one]);
  return name ? String(data[name]) : "";
}

// What people do: [what, more], told as "<what> by <whom>: <more>".
const DEEDS = {
  "approval.decided": (data) => [`${data.decision} `, data.comment],
  "run.cancel_requested": (data) => ["", data.reason],
  "run.paused": (data) => ["", data.reason],
  "run.priority_changed": (data) => ["", `now ${data.after}`],
  "run.rerun": (data) => ["", `takes over ${data.taken}, does ${data.redone} again`],
  "run.resumed": () => ["", ""],
};

function deed(what, more, by) {
  return `${what}by ${by}${more ? `: ${more}` : ""}`;
}

function piece(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function append(event) {
  const line = document.createElement("li");
  const key = event.data.key || "";
  Object.assign(line.dataset, { seq: event.seq, kind: event.type, key });
  const time = piece("time", "", clockTime(event.at));
  time.dateTime = event.at;
  const text = describe(event.type, event.data).slice(0, 300);
  const pieces = [piece("span", "seq", event.seq), time, piece("span", "kind", event.type), piece("span", "key", key), piece("span", "text", text)];
  line.append(...pieces.flatMap((one) => [one, " "]));
  const before = log.lastElementChild;
  const same = before?.dataset.kind === "step.progress" && event.type === "step.progress" && before.dataset.key === key;
  if (same) before.replaceWith(line);
  else log.append(line);
  while (log.childElementCount > LINES) log.firstElementChild.remove();
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  if (refreshing) {
    wanted = true;
    return;
  }
  refreshing = true;
  const began = performance.now();
  let room = REFRESH_EVERY;
  try {
    const answer = await fetch(page.dataset.parts, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") end("signed-out");
    else if (answer.ok) {
      put(await answer.text());
      room = Math.min(POLL_EVERY, Math.max(room, PATIENCE * (performance.now() - began))); // a large run takes longer
    }
  } catch {
    // offline: the next event or poll tries again
  }
  setTimeout(() => {
    refreshing = false;
    if (wanted) {
      wanted = false;
      refresh();
    }
  }, room);
}

function put(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  tick(fresh);
  keepToken(fresh);
  graph.settle(fresh);
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    keepOpen(old, part);
    if (old.isEqualNode(part)) continue;
    if (old.contains(document.activeElement) && part.id === "part-head" && !isFinalPart(part)) continue; // a hand is on it
    replace(old, part);
  }
  if (isFinal() && status === "live") finish();
}

function isFinalPart(part) {
  return part.dataset.final === "1";
}

// Each answer masks the same token anew, which would make every form look changed.
function keepToken(fresh) {
  const known = page.querySelector("input[name=csrfmiddlewaretoken]")?.getAttribute("value");
  if (!known) return;
  for (const field of fresh.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.setAttribute("value", known);
}

function keepOpen(old, fresh) {
  const before = old.querySelectorAll("details");
  if (before.length !== fresh.querySelectorAll("details").length) return;
  fresh.querySelectorAll("details").forEach((one, n) => one.toggleAttribute("open", before[n].open));
}

// Puts the new part in the place of the old one without taking from anybody what is being typed or was chosen.
function replace(old, part) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const { id, selectionStart, selectionEnd } = active ?? {};
  const chosen = [...old.querySelectorAll("select")].filter((field) => !field.selectedOptions[0]?.defaultSelected);
  const typed = [...old.querySelectorAll("textarea"), ...chosen].map((field) => [field.id, field.value]);
  const scrolled = [...old.querySelectorAll("[tabindex][id]")].filter((box) => box.scrollTop || box.scrollLeft);
  const places = scrolled.map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  old.replaceWith(document.adoptNode(part));
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

function finish() {
  socket.stop();
  show("done");
}

function end(why) {
  socket.stop();
  show("offline");
  if (why === "signed-out") {
    const link = document.createElement("a");
    link.href = `${page.dataset.login}?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = "signed out: sign in again";
    badge.replaceChildren(link);
  } else {
    badge.textContent = "you may no longer see this run";
  }
}

const socket = new RunSocket({
  topic: `run:${page.dataset.run}`,
  after: Math.max(page.dataset.head, log.lastElementChild?.dataset.seq ?? 0), // the log is read after the head
  onEvent(event) {
    append(event);
    graph.tell(event);
    refresh();
  },
  onStatus(next) {
    show(next);
    if (next === "live") refresh();
  },
  onReset: refresh,
  onEnd: end,
});

graph.listen();
log.scrollTop = log.scrollHeight;
if (isFinal()) show("done");
else {
  show("catching");
  socket.start();
  setInterval(() => status === "offline" && !socket.stopped && refresh(), POLL_EVERY);
}
