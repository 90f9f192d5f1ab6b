// What a run's own page and a shared one have in common: events come over the socket and go into the log and the plan
// at once; the parts of the page (plan, steps, result, files) are fetched anew.
//
//   const { parts, socket } = follow(page, { word, onDone, onEnd, onSignedOut, onGone });
//   onDone: all that a run that is over says is on the page        the others: as RunSocket and LiveParts have them

import * as badge from "./live-badge.js";
import { CHATTER, LiveParts } from "./live-parts.js";
import * as events from "./run-events.js";
import * as graph from "./run-graph.js";
import { RunSocket } from "./run-socket.js";

export const POLL_EVERY = 5_000; // ms, without a socket

export function isFinal() {
  return document.getElementById("part-head")?.dataset.final === "1";
}

export function follow(page, { word, onDone, onEnd, onSignedOut, onGone }) {
  const parts = new LiveParts({
    url: page.dataset.parts,
    before: graph.settle,
    // parts may come before the events that they know
    after: () => isFinal() && badge.status === "live" && socket.last >= graph.drawn && onDone(),
    onSignedOut,
    onGone,
  });
  const socket = new RunSocket({
    topic: `run:${page.dataset.run}`,
    word,
    after: Math.max(page.dataset.head, events.last()), // they are read after the head
    onEvent(event) {
      events.append(event);
      graph.tell(event);
      if (event.type !== "step.logged" || isFinal()) parts.refresh(event.type === "step.progress" ? CHATTER : undefined);
    },
    onStatus(next) {
      badge.show(next);
      if (next === "live") parts.refresh();
    },
    onReset: () => parts.refresh(),
    onEnd,
  });
  graph.listen();
  events.toEnd();
  return { parts, socket };
}
