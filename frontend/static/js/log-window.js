// A log of which the page holds a window of WINDOW lines. New lines are fetched from where the last answer ended, so
// that none is lost however fast they come; what leaves the window above can be loaded again, and what leaves it below
// is fetched once more when the reader follows.
//
//   const log = new LogWindow({ url, behind, query });  log.listen();  await log.more()
//   behind(spot): where to read on behind a line      query: what the address of older lines holds besides

const WINDOW = 2_000; // lines in the page
const FETCH_EVERY = 100; // ms, or as long as the last one took
const NEAR = 40; // px from the end count as being there

export class LogWindow {
  constructor({ url, behind, query = "", onRefused = () => {} }) {
    this.box = document.getElementById("log");
    this.older = document.getElementById("log-older");
    this.follow = document.getElementById("follow");
    this.waiting = document.getElementById("log-waiting");
    Object.assign(this, { url, behind, query, onRefused });
    this.next = this.box?.dataset.next;
    this.isTail = this.box?.dataset.end === "1";
    this.busy = false;
    this.wanted = false;
  }

  // Reads on until nothing is newer.
  async more() {
    if (!this.isTail || this.busy) {
      this.wanted = true;
      return;
    }
    this.busy = true;
    const began = performance.now();
    try {
      let goesOn = true;
      while (goesOn && this.hasRoom()) {
        const from = this.next;
        const got = await this.fetched("after", from);
        if (this.next !== from) continue; // meanwhile the window was moved back: these are no more the lines behind it
        this.next = got.next;
        this.append(got.lines);
        goesOn = got.newer !== "";
      }
      if (goesOn) this.waiting.hidden = false;
    } catch {
      // offline: the next event or poll tries again
    }
    setTimeout(() => {
      this.busy = false;
      if (!this.wanted) return;
      this.wanted = false;
      this.more();
    }, Math.max(FETCH_EVERY, performance.now() - began));
  }

  async fetched(name, spot) {
    const url = new URL(this.url, location.href);
    url.searchParams.set(name, spot);
    const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (answer.status === 404 || answer.status === 410) this.onRefused(answer.status);
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("log");
    return { lines: [...fresh.querySelectorAll(".ln")].map((line) => document.adoptNode(line)), ...fresh.dataset };
  }

  // Somebody who reads further up keeps what they read: the window is not moved away from them.
  hasRoom() {
    return this.follow.checked || this.box.childElementCount < WINDOW;
  }

  append(lines) {
    if (!lines.length) return;
    document.querySelector(".log-empty")?.remove();
    this.box.append(...lines);
    const over = this.box.childElementCount - WINDOW;
    if (over > 0) {
      for (const line of [...this.box.children].slice(0, over)) line.remove();
      this.offerOlder(this.box.firstElementChild.dataset.spot);
    }
    if (this.follow.checked) this.toEnd();
    else this.waiting.hidden = false;
  }

  // `from` is where to read back from; empty if there is nothing.
  offerOlder(from) {
    this.older.hidden = !from;
    if (from) this.older.querySelector("a").href = `?${this.query}before=${from}`;
  }

  async loadOlder(event) {
    event.preventDefault();
    this.follow.checked = false;
    const first = this.box.firstElementChild;
    const from = first ? first.offsetTop - this.box.scrollTop : 0;
    try {
      const got = await this.fetched("before", new URL(event.target.href).searchParams.get("before"));
      if (this.box.firstElementChild !== first) return this.loadOlder(event); // the top has left it: the link is new
      if (got.lines.length) document.querySelector(".log-empty")?.remove();
      this.box.prepend(...got.lines);
      this.offerOlder(got.older);
    } catch {
      location.href = event.target.href; // the whole page says what is wrong
      return;
    }
    const over = this.box.childElementCount - WINDOW;
    if (over > 0) {
      for (const line of [...this.box.children].slice(-over)) line.remove();
      this.next = this.behind(this.box.lastElementChild.dataset.spot);
    }
    this.waiting.hidden = !this.isTail;
    if (first) this.box.scrollTop = first.isConnected ? first.offsetTop - from : 0;
    this.box.focus({ preventScroll: true });
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.waiting.hidden = true;
  }

  goOn() {
    this.follow.checked = true;
    this.toEnd();
    this.more();
  }

  listen() {
    if (!this.isTail) return;
    this.toEnd();
    this.follow.closest("label").hidden = false;
    this.follow.addEventListener("change", () => this.follow.checked && this.goOn());
    this.box.addEventListener("scroll", () => {
      const isAtEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
      if (isAtEnd) return;
      this.follow.checked = false;
      this.waiting.hidden = false;
    });
    this.waiting.querySelector("button").addEventListener("click", () => this.goOn());
    this.older.addEventListener("click", (event) => event.target.href && this.loadOlder(event));
  }
}
