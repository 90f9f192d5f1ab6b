// News of some projects: that something of them has changed, not what. Whoever may have missed some is told so, as
// after each time of being away. Knows no page.
//
//   const socket = new NewsSocket({ onNews });  socket.follow(["project:acme/shop"])
//   onNews(type): "findings.judged", "run.finished", ... or "missed"

import { LiveSocket } from "./live-socket.js";

export class NewsSocket extends LiveSocket {
  constructor({ onNews, ...given }) {
    super(given);
    this.onNews = onNews;
    this.topics = [];
    this.isStarted = false;
  }

  // What is followed from now on, instead of what was; the first call opens the connection.
  follow(topics) {
    const gone = this.topics.filter((one) => !topics.includes(one));
    const come = topics.filter((one) => !this.topics.includes(one));
    this.topics = topics;
    if (!this.isStarted) {
      this.isStarted = topics.length > 0;
      if (this.isStarted) this.start();
      return;
    }
    for (const topic of gone) this.say({ op: "unsubscribe", topic });
    for (const topic of come) this.say({ op: "subscribe", topic });
  }

  subscribe() {
    for (const topic of this.topics) this.say({ op: "subscribe", topic });
  }

  hear(frame) {
    super.hear(frame);
    if (!this.topics.includes(frame.topic)) return;
    if (frame.op === "news") this.onNews(frame.type);
    if (frame.op === "reset" || frame.op === "subscribed") this.onNews("missed");
    if (frame.op === "subscribed") this.failures = 0;
  }
}
