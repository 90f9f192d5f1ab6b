// Notes when a page hears of an event, when its document changes by it, and when that is painted. All times are the
// machine's own clock, in ms. Put into a page before its own scripts.

(() => {
  const probe = { frames: [], seen: [] };
  window.probe = probe;

  class Heard extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", (message) => {
        const frame = JSON.parse(message.data);
        if (frame.op === "event") probe.frames.push({ seq: frame.seq, at: Date.now() });
      });
    }
  }
  window.WebSocket = Heard;

  // Painted is what stood in the document before the frame whose successor begins now.
  function note(what) {
    const one = { ...what, dom: Date.now(), paint: 0 };
    probe.seen.push(one);
    requestAnimationFrame(() => requestAnimationFrame(() => (one.paint = Date.now())));
  }

  function look(element) {
    if (element.matches("#events > li")) note({ what: "line", seq: Number(element.dataset.seq) });
    if (element.matches("#log > .ln")) note({ what: "said", spot: element.dataset.spot });
    if (element.matches("#part-steps")) for (const row of element.querySelectorAll("tbody tr")) state(row);
    if (element.matches("#part-head")) {
      const progress = element.querySelector(".run-progress progress");
      if (progress) note({ what: "progress", done: Number(progress.getAttribute("value")) });
    }
  }

  function state(row) {
    const name = row.querySelector(".cell-state .state").className.match(/state-(\w+)/)[1];
    note({ what: "row", key: row.id.slice("step-".length), state: name });
  }

  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "childList") for (const node of addedNodes) if (node.nodeType === 1) look(node);
      if (type !== "attributes") continue;
      if (target.matches("#graph .node")) note({ what: "node", key: target.dataset.key, state: target.dataset.state });
      if (target.matches(".cell-state .state")) state(target.closest("tr"));
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state", "class"] });
})();
