// A connection of the protocol wrench.v1 that is kept for ever: opened again when it is lost, asked whether it still
// hears, and told how it stands. What is followed by it is for its children to say: run-socket.js, news-socket.js.
//
//   word: what opens the socket for whoever has no session, as "share.<token>"
//   onStatus: "live" | "catching" | "offline"      onEnd: "signed-out" | "gone" (it will not try again)

const PROTOCOL = "wrench.v1";
const FIRST_DELAY = 500; // ms; doubles up to LAST_DELAY, and chance takes a part of it away (full jitter)
const LAST_DELAY = 30_000;
const PING_EVERY = 20_000;
const DEAF_AFTER = 45_000; // two pings without any word back
const ENDS = { 4401: "signed-out", 4403: "gone", 4404: "gone" };

export class LiveSocket {
  constructor({ word, onStatus = () => {}, onEnd = () => {} }) {
    Object.assign(this, { word, onStatus, onEnd });
    this.failures = 0;
    this.stopped = false;
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
  }

  hear(frame) {
    this.heardAt = Date.now();
    if (frame.op === "welcome") this.subscribe();
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
    clearTimeout(this.timers.retry);
  }
}
