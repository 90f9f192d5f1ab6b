// Keeps the page of one run as the run is (run-follow.js). Without a socket the page asks every POLL_EVERY: it never
// freezes.

import * as keys from "./keys.js";
import * as badge from "./live-badge.js";
import * as rerun from "./rerun-dialog.js";
import { POLL_EVERY, follow, isFinal } from "./run-follow.js";

const page = document.getElementById("run");
const filter = document.getElementById("events-filter");
const { parts, socket } = follow(page, { onDone: finish, onEnd: end, onSignedOut: () => end("signed-out") });

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

rerun.listen();
keys.listen({ l: () => document.getElementById("open-log").click() });
filter.addEventListener("change", (event) => event.target.type === "checkbox" || filter.requestSubmit());
if (isFinal()) {
  badge.show("done");
  watchReruns();
} else {
  badge.show("catching");
  socket.start();
  setInterval(() => badge.status === "offline" && !socket.stopped && parts.refresh(), POLL_EVERY);
}
