// Keeps a run that somebody looks at by a shared link as the run is: like the run's own page, without any control. The
// link's token opens the socket for this run alone. When the link is over the page is loaded anew, and says so.

import * as badge from "./live-badge.js";
import { CHATTER, LiveParts } from "./live-parts.js";
import * as events from "./run-events.js";
import * as graph from "./run-graph.js";
import { RunSocket } from "./run-socket.js";
import { leave } from "./shared-link.js";

const POLL_EVERY = 5_000; // ms

const page = document.getElementById("shared");

function isFinal() {
  return document.getElementById("part-head").dataset.final === "1";
}

function end() {
  socket.stop();
  leave(() => badge.show("offline"));
}

const parts = new LiveParts({
  url: page.dataset.parts,
  before: graph.settle,
  after: () => isFinal() && badge.status === "live" && badge.show("done"),
  onGone: end,
});

const socket = new RunSocket({
  topic: `run:${page.dataset.run}`,
  word: `share.${page.dataset.token}`,
  after: Math.max(page.dataset.head, events.last()),
  onEvent(event) {
    events.append(event);
    graph.tell(event);
    if (event.type !== "step.logged") parts.refresh(event.type === "step.progress" ? CHATTER : undefined);
  },
  onStatus(next) {
    badge.show(next);
    if (next === "live") parts.refresh();
  },
  onReset: () => parts.refresh(),
  onEnd: end,
});

graph.listen();
events.toEnd();
badge.show(isFinal() ? "done" : "catching");
// also when the run is over: the socket is how the page learns that the link is
socket.start();
setInterval(() => badge.status === "offline" && parts.refresh(), POLL_EVERY);
