// Keeps the page of one step: its parts as the server draws them, and its log, of which the page holds a window of
// WINDOW lines. New lines are fetched from the last one that is there, so that none is lost however fast they come;
// what leaves the window above can be loaded again.

import * as badge from "./live-badge.js";
import { LiveParts } from "./live-parts.js";
import * as rerun from "./rerun-dialog.js";
import { RunSocket } from "./run-socket.js";

const WINDOW = 2_000; // lines in the page
const FETCH_EVERY = 200; // ms
const POLL_EVERY = 5_000;
const NEAR = 40; // px from the end count as being there

const page = document.getElementById("step");
const log = document.getElementById("log");
const older = document.getElementById("log-older");
const follow = document.getElementById("follow");
const waiting = document.getElementById("log-waiting");
const isTail = log?.dataset.end === "1";
let status = "catching";
let busy = false;
let wanted = false;

function show(next) {
  status = next;
  badge.show(next);
}

function isOver() {
  return document.getElementById("part-step").dataset.final === "1";
}

function address(name, spot) {
  const url = new URL(page.dataset.lines, location.href);
  if (spot) url.searchParams.set(name, spot);
  return url;
}

async function fetched(name, spot) {
  const answer = await fetch(address(name, spot), { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("log");
  return { lines: [...fresh.querySelectorAll(".ln")].map((line) => document.adoptNode(line)), older: fresh.dataset.older, newer: fresh.dataset.newer };
}

// Reads on from the last line until nothing is newer.
async function more() {
  if (!isTail || busy) {
    wanted = true;
    return;
  }
  busy = true;
  try {
    let goesOn = true;
    while (goesOn && hasRoom()) {
      const last = log.lastElementChild?.dataset.spot;
      const got = await fetched("after", last ?? "0.0.0");
      append(got.lines);
      goesOn = got.newer !== "";
    }
    waiting.hidden = !goesOn;
  } catch {
    // offline: the next event or poll tries again
  }
  setTimeout(() => {
    busy = false;
    if (!wanted) return;
    wanted = false;
    more();
  }, FETCH_EVERY);
}

// Somebody who reads further up keeps what they read: the window is not moved away from them.
function hasRoom() {
  return follow.checked || log.childElementCount < WINDOW;
}

function append(lines) {
  if (lines.length) document.querySelector(".log-empty")?.remove();
  log.append(...lines);
  const over = log.childElementCount - WINDOW;
  if (over > 0) for (const line of [...log.children].slice(0, over)) line.remove();
  if (over > 0) offerOlder(true);
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

function offerOlder(there) {
  older.hidden = !there;
  const first = log.firstElementChild?.dataset.spot;
  if (first) older.querySelector("a").href = `?before=${first}`;
}

async function loadOlder(event) {
  event.preventDefault();
  follow.checked = false;
  const first = log.firstElementChild;
  const from = first.offsetTop - log.scrollTop;
  try {
    const got = await fetched("before", first.dataset.spot);
    log.prepend(...got.lines);
    offerOlder(got.older !== "");
  } catch {
    location.href = event.target.href; // the whole page says what is wrong
    return;
  }
  const over = log.childElementCount - WINDOW;
  if (over > 0) for (const line of [...log.children].slice(-over)) line.remove();
  if (over > 0) waiting.hidden = false;
  log.scrollTop = first.isConnected ? first.offsetTop - from : 0;
  log.focus({ preventScroll: true });
}

const parts = new LiveParts({
  url: page.dataset.parts,
  after: () => isOver() && status === "live" && finish(),
  onSignedOut: () => end("signed-out"),
});

async function finish() {
  await more();
  socket.stop();
  show("done");
}

function end(why) {
  socket.stop();
  badge.end(why, page.dataset.login);
}

const socket = new RunSocket({
  topic: `run:${page.dataset.run}`,
  after: Number(page.dataset.head),
  onEvent(event) {
    if (event.data.key !== page.dataset.key) return;
    if (event.type !== "step.progress") more();
    if (event.type !== "step.logged") parts.refresh();
  },
  onStatus(next) {
    show(next);
    if (next !== "live") return;
    parts.refresh();
    more();
  },
  onReset() {
    parts.refresh();
    more();
  },
  onEnd: end,
});

rerun.listen();
if (isTail) {
  log.scrollTop = log.scrollHeight;
  follow.closest("label").hidden = false;
  follow.addEventListener("change", () => {
    if (!follow.checked) return;
    log.scrollTop = log.scrollHeight;
    more();
  });
  log.addEventListener("scroll", () => {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (!isAtEnd) follow.checked = false;
  });
  waiting.querySelector("button").addEventListener("click", () => follow.click());
  older.addEventListener("click", loadOlder);
}
if (isOver()) show("done");
else {
  show("catching");
  socket.start();
  setInterval(() => {
    if (status !== "offline" || socket.stopped) return;
    parts.refresh();
    more();
  }, POLL_EVERY);
}
