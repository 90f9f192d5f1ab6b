// One topic of the protocol wrench.v1, followed for ever: reconnects, resumes after the last number that it saw,
// asks again at a gap, and tells how it stands. Knows no page.
//
//   new RunSocket({ topic, after, word, onEvent, onStatus, onReset, onEnd }).start()
//   word: what opens the socket for whoever has no session, as "share.<token>"
//   onStatus: "live" | "catching" | "offline"      onEnd: "signed-out" | "gone" (it will not try again)

const PROTOCOL = "wrench.v1";
const FIRST_DELAY = 500; // ms; doubles up to LAST_DELAY, and chance takes a part of it away (full jitter)
const LAST_DELAY = 30_000;
const PING_EVERY = 20_000;
const DEAF_AFTER = 45_000; // two pings without any word back
const ACK_EVERY = 1_000;
const ACK_AT = 100;
const ENDS = { 4401: "signed-out", 4403: "gone", 4404: "gone" };

export class RunSocket {
  constructor({ topic, after, word, onEvent, onStatus, onReset, onEnd }) {
    Object.assign(this, { topic, last: after, word, onEvent, onStatus, onReset, onEnd });
    this.failures = 0;
    this.stopped = false;
    this.unacked = 0;
    this.timers = {};
  }

  start() {
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.open();
  }

  stop() {
    this.stopped = true;
    this.clear();
    this.socket?.close(1000);
  }

  hurry() {
    if (this.stopped || this.socket?.readyState < WebSocket.CLOSING) return;
    clearTimeout(this.timers.retry);
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/stream`, this.word ? [PROTOCOL, this.word] : [PROTOCOL]);
    this.socket = socket;
    this.heardAt = Date.now();
    socket.onmessage = (message) => this.socket === socket && this.hear(JSON.parse(message.data));
    socket.onclose = (event) => this.socket === socket && this.closed(event.code);
    this.timers.pulse = setInterval(() => this.pulse(), PING_EVERY);
    this.timers.ack = setInterval(() => this.ack(), ACK_EVERY);
  }

  hear(frame) {
    this.heardAt = Date.now();
    if (frame.op === "welcome") this.subscribe();
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

  pulse() {
    if (Date.now() - this.heardAt > DEAF_AFTER) this.abandon();
    else this.say({ op: "ping" });
  }

  say(frame) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  abandon() {
    const socket = this.socket;
    this.socket = null; // a connection that is half dead may take minutes to say so
    socket?.close();
    this.closed(1006);
  }

  closed(code) {
    this.clear();
    this.socket = null;
    if (this.stopped) return;
    this.onStatus("offline");
    if (ENDS[code]) {
      this.stopped = true;
      this.onEnd(ENDS[code]);
      return;
    }
    const bound = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** Math.min(this.failures++, 10));
    this.timers.retry = setTimeout(() => this.open(), 100 + Math.random() * bound);
  }

  clear() {
    clearInterval(this.timers.pulse);
    clearInterval(this.timers.ack);
    clearTimeout(this.timers.retry);
  }
}
