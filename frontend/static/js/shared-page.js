// Keeps a run that somebody looks at by a shared link. Who has no account has no socket: the page asks every EVERY while
// somebody looks, until the run is over or the link shows nothing any more.

import * as badge from "./live-badge.js";
import { LiveParts } from "./live-parts.js";
import * as graph from "./run-graph.js";

const EVERY = 5_000; // ms

const page = document.getElementById("shared");
let asking = null;

function isFinal() {
  return document.getElementById("part-head").dataset.final === "1";
}

function stop(status) {
  clearInterval(asking);
  if (status === "gone") badge.end("gone");
  else badge.show(status);
}

const parts = new LiveParts({
  url: page.dataset.parts,
  before: graph.settle,
  after: () => (isFinal() ? stop("done") : badge.show("live")),
  onGone: () => stop("gone"),
  onAway: () => badge.show("offline"),
});

graph.listen();
if (isFinal()) badge.show("done");
else {
  badge.show("live");
  asking = setInterval(() => document.hidden || parts.refresh(), EVERY);
}
