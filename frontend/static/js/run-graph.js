// The drawing of a plan: larger, smaller, all of it; arrow keys from step to step; and the states, at once when an
// event tells of one. The drawing itself comes from the server.

const LEAST = 0.1;
const MOST = 2;
const READABLE = 0.8; // a drawing that would be smaller to fit is scrolled instead
const AFTER = {
  "step.ready": "ready",
  "step.started": "running",
  "step.succeeded": "succeeded",
  "step.retry": "waiting_retry",
  "step.lost": "ready",
  "step.released": "ready",
  "step.suspended": "waiting",
  "approval.asked": "waiting_approval",
  "step.dead": "dead",
  "step.skipped": "skipped",
  "step.cancelled": "cancelled",
};

const told = new Map(); // by step, the newest state that an event told
export let drawn = 0; // the last event that the parts of the page know
let scale = null; // null: as it fits

function parts(root = document) {
  const box = root.getElementById("graph");
  return { box, svg: box?.querySelector("svg") };
}

function fitting(box, svg) {
  return Math.min(1, (box.clientWidth - 12) / svg.dataset.width);
}

// Gives the drawing in `root`, the page or a fresh part of it, the size that the reader chose.
export function settle(root = document) {
  const { svg } = parts(root);
  const here = parts();
  if (root !== document) keepTold(root);
  if (!svg || !here.svg) return;
  const used = scale ?? Math.max(READABLE, fitting(here.box, svg));
  svg.setAttribute("width", Math.round(svg.dataset.width * used));
  svg.setAttribute("height", Math.round(svg.dataset.height * used));
  for (const tools of root.querySelectorAll("[data-graph-tools]")) tools.hidden = false;
  rove(svg, here.svg.querySelector(".node[tabindex='0']")?.id);
}

// One node is in the order of the tab key, the arrows lead to the others.
function rove(svg, id) {
  const nodes = [...svg.querySelectorAll(".node")];
  const chosen = nodes.find((node) => node.id === id) ?? nodes[0];
  for (const node of nodes) node.setAttribute("tabindex", node === chosen ? "0" : "-1");
}

function zoom(how) {
  const { box, svg } = parts();
  if (!svg) return;
  const now = scale ?? Math.max(READABLE, fitting(box, svg));
  if (how === "fit") scale = Math.max(LEAST, Math.min(fitting(box, svg), (box.clientHeight - 12) / svg.dataset.height));
  else scale = Math.min(MOST, Math.max(LEAST, now * (how === "in" ? 1.25 : 0.8)));
  settle();
}

function next(from, key) {
  const [x, y] = [Number(from.dataset.x), Number(from.dataset.y)];
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const [right, down] = ways[key];
  let best = null;
  let least = Infinity;
  for (const node of from.ownerSVGElement.querySelectorAll(".node")) {
    const [dx, dy] = [node.dataset.x - x, node.dataset.y - y];
    const along = right ? dx * right : dy * down;
    const aside = Math.abs(right ? dy : dx);
    if (along <= 0 || (down && aside > 20)) continue;
    const far = along * (right ? 4 : 1) + aside;
    if (far < least) [best, least] = [node, far];
  }
  return best;
}

export function listen() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoom(button.dataset.zoom);
  });
  document.addEventListener("keydown", (event) => {
    const node = event.target.closest?.(".graph .node");
    if (!node || !event.key.startsWith("Arrow") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const other = next(node, event.key);
    if (!other) return;
    rove(node.ownerSVGElement, other.id);
    other.focus();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) settle();
    width = innerWidth;
  });
  settle();
  show();
}

// A drawing larger than its box begins where something goes on, or went wrong.
function show() {
  const { box, svg } = parts();
  const node = svg?.querySelector("[data-state='dead'], [data-state='waiting_approval'], [data-state='running']") ?? svg?.querySelector(".node");
  if (!node) return;
  const used = svg.getAttribute("width") / svg.dataset.width;
  const [left, top] = [node.dataset.x * used - box.clientWidth / 3, node.dataset.y * used - box.clientHeight / 3];
  box.scrollTo({ left, top, behavior: "instant" });
}

// The node and the step's row in the table; the parts of the page tell it again a moment later, with times and what
// follows. Parts that came before the event, and know it, may be further already.
export function tell(event) {
  const state = AFTER[event.type];
  if (!state || !event.data.key || event.seq <= drawn) return;
  told.set(event.data.key, { state, seq: event.seq });
  draw(document, event.data.key, state);
}

// Fresh parts may have been made before what was told meanwhile.
function keepTold(root) {
  drawn = Number(root.getElementById("parts-head")?.value ?? drawn);
  for (const [key, { state, seq }] of told) {
    if (seq > drawn) draw(root, key, state);
    else told.delete(key);
  }
}

// The words are the signs' own.
function draw(root, key, state) {
  const node = root.querySelector(`.graph .node[data-key="${CSS.escape(key)}"]`);
  if (node) {
    node.dataset.state = state;
    node.querySelector(".sign").setAttribute("href", `#sign-${state}`);
  }
  const badge = root.getElementById(`step-${key}`)?.querySelector(".cell-state .state");
  if (!badge) return;
  badge.className = `state state-${state}`;
  badge.textContent = document.getElementById(`sign-${state}`).dataset.word;
}
