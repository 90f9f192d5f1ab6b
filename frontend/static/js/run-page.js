// Keeps the page of one run as the run is. Events come over the socket and go into the log at once; the parts of the
// page (plan, steps, result, files) are fetched anew. Without a socket the page asks every POLL_EVERY: it never freezes.

import * as keys from "./keys.js";
import * as badge from "./live-badge.js";
import { CHATTER, LiveParts } from "./live-parts.js";
import * as rerun from "./rerun-dialog.js";
import * as events from "./run-events.js";
import * as graph from "./run-graph.js";
import { RunSocket } from "./run-socket.js";

const POLL_EVERY = 5_000; // ms

const page = document.getElementById("run");
const filter = document.getElementById("events-filter");

function isFinal() {
  return document.getElementById("part-head")?.dataset.final === "1";
}

const parts = new LiveParts({
  url: page.dataset.parts,
  before: graph.settle,
  after: () => isFinal() && badge.status === "live" && finish(),
  onSignedOut: () => end("signed-out"),
});

function finish() {
  socket.stop();
  badge.show("done");
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
  after: Math.max(page.dataset.head, events.last()), // they are read after the head
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
rerun.listen();
keys.listen({ l: () => document.getElementById("open-log").click() });
filter.addEventListener("change", (event) => event.target.type === "checkbox" || filter.requestSubmit());
events.toEnd();
if (isFinal()) {
  badge.show("done");
  watchReruns();
} else {
  badge.show("catching");
  socket.start();
  setInterval(() => badge.status === "offline" && !socket.stopped && parts.refresh(), POLL_EVERY);
}
