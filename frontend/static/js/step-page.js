// Keeps the page of one step: its parts as the server draws them, and its log, of which the page holds a window.

import * as badge from "./live-badge.js";
import { CHATTER, LiveParts } from "./live-parts.js";
import { LogWindow } from "./log-window.js";
import * as rerun from "./rerun-dialog.js";
import { RunSocket } from "./run-socket.js";

const POLL_EVERY = 5_000; // ms

const page = document.getElementById("step");

function isOver() {
  return document.getElementById("part-step").dataset.final === "1";
}

const log = new LogWindow({ url: page.dataset.lines, behind: (spot) => spot });

const parts = new LiveParts({
  url: page.dataset.parts,
  after: () => isOver() && badge.status === "live" && finish(),
  onSignedOut: () => end("signed-out"),
});

async function finish() {
  await log.more();
  socket.stop();
  badge.show("done");
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
    if (event.type !== "step.progress") log.more();
    if (event.type !== "step.logged") parts.refresh(event.type === "step.progress" ? CHATTER : undefined);
  },
  onStatus(next) {
    badge.show(next);
    if (next !== "live") return;
    parts.refresh();
    log.more();
  },
  onReset() {
    parts.refresh();
    log.more();
  },
  onEnd: end,
});

rerun.listen();
log.listen();
if (isOver()) badge.show("done");
else {
  badge.show("catching");
  socket.start();
  setInterval(() => {
    if (badge.status !== "offline" || socket.stopped) return;
    parts.refresh();
    log.more();
  }, POLL_EVERY);
}
