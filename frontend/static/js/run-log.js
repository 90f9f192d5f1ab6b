// Keeps the log of a whole run: lines of all steps as they are told, narrowed as the address says. With a token the
// page is looked at by a shared link.

import * as keys from "./keys.js";
import * as badge from "./live-badge.js";
import * as lines from "./log-lines.js";
import { LogWindow } from "./log-window.js";
import { RunSocket } from "./run-socket.js";
import { leave } from "./shared-link.js";

const POLL_EVERY = 5_000; // ms
const QUIET = ["step.progress", "step.added", "step.ready"];

const page = document.getElementById("run-log");
const { token } = page.dataset;
const filter = document.getElementById("log-filter");
let final = page.dataset.final === "1";

function end(why) {
  socket.stop();
  if (token) leave(() => badge.show("offline"));
  else badge.end(why, page.dataset.login);
}

async function finish() {
  await log.more();
  if (!token) socket.stop(); // by it a shared page learns that the link is over
  badge.show("done");
}

const log = new LogWindow({
  url: page.dataset.lines,
  query: new URL(page.dataset.lines, location.href).search.slice(1),
  behind: (place) => place.replace(/\d+$/, (line) => Number(line) + 1),
  onRefused: () => end("gone"),
});

const socket = new RunSocket({
  topic: `run:${page.dataset.run}`,
  word: token && `share.${token}`,
  after: Number(page.dataset.head),
  onEvent(event) {
    final ||= event.type === "run.finished";
    if (!QUIET.includes(event.type)) log.more();
    if (final && badge.status === "live") finish();
  },
  onStatus(next) {
    badge.show(next);
    if (next !== "live") return;
    if (final) finish();
    else log.more();
  },
  onReset: () => log.more(),
  onEnd: end,
});

filter.addEventListener("change", (event) => event.target.tagName === "SELECT" && filter.requestSubmit());
filter.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value || (name === "level" && value === "debug")) formData.delete(name);
});
keys.listen({
  j: () => lines.move(1),
  k: () => lines.move(-1),
  c: lines.copy,
  o: lines.open,
  f: () => log.follow.click(),
  G: () => (log.isTail ? log.goOn() : document.querySelector("[data-newest]")?.click()),
  "/": () => document.getElementById("log-search").focus(),
});
log.listen();
lines.listen();
badge.show(final ? "done" : "catching");
if (!final || token) {
  socket.start();
  setInterval(() => badge.status === "offline" && (token || !socket.stopped) && log.more(), POLL_EVERY);
}
