// The events of one run, each once and in order: goes on after the last number that it saw, asks again at a gap.
// Knows no page.
//
//   new RunSocket({ topic, after, word, onEvent, onStatus, onReset, onEnd }).start()

import { LiveSocket } from "./live-socket.js";

const ACK_EVERY = 1_000; // ms
const ACK_AT = 100; // events

export class RunSocket extends LiveSocket {
  constructor({ topic, after, onEvent, onReset, ...given }) {
    super(given);
    Object.assign(this, { topic, last: after, onEvent, onReset });
    this.unacked = 0;
  }

  open() {
    super.open();
    this.timers.ack = setInterval(() => this.ack(), ACK_EVERY);
  }

  clear() {
    super.clear();
    clearInterval(this.timers.ack);
  }

  hear(frame) {
    super.hear(frame);
    if (frame.topic !== this.topic) return;
    if (frame.op === "subscribed") this.onStatus("catching");
    else if (frame.op === "event") this.take(frame);
    else if (frame.op === "reset") this.reset(frame);
    else if (frame.op === "caught_up") {
      this.failures = 0;
      this.onStatus("live");
    }
  }

  take(event) {
    if (event.seq <= this.last) return; // seen before
    if (event.seq > this.last + 1) return this.subscribe(); // a hole: ask for what is missing
    this.last = event.seq;
    this.onEvent(event);
    if (++this.unacked >= ACK_AT) this.ack();
  }

  reset(frame) {
    this.last = frame.head ?? this.last;
    this.onReset(frame.reason);
  }

  subscribe() {
    this.say({ op: "subscribe", topic: this.topic, after: this.last });
  }

  ack() {
    if (!this.unacked) return;
    this.unacked = 0;
    this.say({ op: "ack", topic: this.topic, seq: this.last });
  }
}
