// Keeps the page of one run as the run is. Events come over the socket and go into the log at once; the parts of the
// page (plan, steps, result, files) are fetched anew. Without a socket the page asks every POLL_EVERY: it never freezes.

import { clockTime } from "./clock.js";
import * as keys from "./keys.js";
import * as badge from "./live-badge.js";
import { LiveParts } from "./live-parts.js";
import * as rerun from "./rerun-dialog.js";
import * as graph from "./run-graph.js";
import { RunSocket } from "./run-socket.js";

const POLL_EVERY = 5_000; // ms
const LINES = 1_000;

const page = document.getElementById("run");
const log = document.getElementById("events");
const follow = document.getElementById("follow");
const filter = document.getElementById("events-filter");
let status = "catching";

function show(next) {
  status = next;
  badge.show(next);
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

// Whether an event is one of those that the page was asked for: as `event_filter` in Python reads the same lists.
function fits(event) {
  if (log.dataset.live !== "1") return false;
  const asked = filter.querySelector("option[selected]")?.dataset.match ?? "";
  const kinds = asked.split(" ");
  const key = filter.elements.of.defaultValue;
  if (key && event.data.key !== key) return false;
  return kinds.some((kind) => !kind.startsWith("!") && event.type.startsWith(kind)) && !kinds.includes(`!${event.type}`);
}

function append(event) {
  if (!fits(event)) return;
  document.querySelector(".events-none")?.remove();
  const line = document.createElement("li");
  const key = event.data.key || "";
  Object.assign(line.dataset, { seq: event.seq, kind: event.type, key });
  const time = piece("time", "", clockTime(event.at));
  time.dateTime = event.at;
  const text = describe(event.type, event.data).slice(0, 300);
  const seq = piece("a", "seq", event.seq);
  seq.href = `#e${event.seq}`;
  line.id = `e${event.seq}`;
  const pieces = [seq, time, piece("span", "kind", event.type), piece("span", "key", key), piece("span", "text", text)];
  line.append(...pieces.flatMap((one) => [one, " "]));
  const before = log.lastElementChild;
  const same = before?.dataset.kind === "step.progress" && event.type === "step.progress" && before.dataset.key === key;
  if (same) before.replaceWith(line);
  else log.append(line);
  while (log.childElementCount > LINES) log.firstElementChild.remove();
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

const parts = new LiveParts({
  url: page.dataset.parts,
  before: graph.settle,
  after: () => isFinal() && status === "live" && finish(),
  onSignedOut: () => end("signed-out"),
});

function finish() {
  socket.stop();
  show("done");
  watchReruns();
}

// The run is over, but one that does it again may go on: its node turns green here, too.
function watchReruns() {
  const asking = setInterval(() => {
    if (!document.querySelector("#part-lineage[data-goes-on]")) clearInterval(asking);
    else if (!document.hidden) parts.refresh();
  }, POLL_EVERY);
}

function end(why) {
  socket.stop();
  badge.end(why, page.dataset.login);
}

const socket = new RunSocket({
  topic: `run:${page.dataset.run}`,
  after: Math.max(page.dataset.head, log.lastElementChild?.dataset.seq ?? 0), // the log is read after the head
  onEvent(event) {
    append(event);
    graph.tell(event);
    parts.refresh();
  },
  onStatus(next) {
    show(next);
    if (next === "live") parts.refresh();
  },
  onReset: () => parts.refresh(),
  onEnd: end,
});

graph.listen();
rerun.listen();
keys.listen({ l: () => document.getElementById("open-log").click() });
filter.addEventListener("change", (event) => event.target.type === "checkbox" || filter.requestSubmit());
log.scrollTop = log.scrollHeight;
if (isFinal()) {
  show("done");
  watchReruns();
} else {
  show("catching");
  socket.start();
  setInterval(() => status === "offline" && !socket.stopped && parts.refresh(), POLL_EVERY);
}
