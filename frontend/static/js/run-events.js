// The list of a run's events, to which new ones are added as they come. The page may be narrowed to some of them.

import { clockTime } from "./clock.js";

const LINES = 1_000;

const log = document.getElementById("events");
const follow = document.getElementById("follow");
const filter = document.getElementById("events-filter");
let moving = 0;

export function last() {
  return Number(log.lastElementChild?.dataset.seq ?? 0);
}

// Once a frame: of many lines that come at once each would have the page laid out anew.
export function toEnd() {
  moving ||= requestAnimationFrame(() => {
    moving = 0;
    log.scrollTop = log.scrollHeight;
  });
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
  return `${what}${by ? `by ${by}` : ""}`.trimEnd() + (more ? `: ${more}` : ""); // who looks by a link is told no names
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
  if (!filter) return true;
  const asked = filter.querySelector("option[selected]")?.dataset.match ?? "";
  const kinds = asked.split(" ");
  const key = filter.elements.of.defaultValue;
  if (key && event.data.key !== key) return false;
  return kinds.some((kind) => !kind.startsWith("!") && event.type.startsWith(kind)) && !kinds.includes(`!${event.type}`);
}

export function append(event) {
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
  if (follow.checked) toEnd();
}
