// Keeps a run that somebody looks at by a shared link as the run is: like the run's own page, without any control. The
// link's token opens the socket for this run alone. When the link is over the page is loaded anew, and says so.

import * as badge from "./live-badge.js";
import { POLL_EVERY, follow, isFinal } from "./run-follow.js";
import { leave } from "./shared-link.js";

const page = document.getElementById("shared");
const { parts, socket } = follow(page, {
  word: `share.${page.dataset.token}`,
  onDone: () => badge.show("done"),
  onEnd: end,
  onGone: end,
});

function end() {
  socket.stop();
  leave(() => badge.show("offline"));
}

badge.show(isFinal() ? "done" : "catching");
// also when the run is over: the socket is how the page learns that the link is
socket.start();
setInterval(() => badge.status === "offline" && parts.refresh(), POLL_EVERY);
