// When the server is away: a note on pages that keep themselves fresh, and forms that do not throw away what was written.

import { toast } from "./toast.js";

const ASKS_AFTER = 60_000; // ms that a page has been open before a form asks whether the server is still there
const WAITS = 5_000; // ms for its answer

export function showAway(isAway) {
  const note = document.getElementById("away");
  if (note && note.hidden === isAway) note.hidden = !isAway;
}

async function answers() {
  try {
    return (await fetch("/livez", { cache: "no-store", signal: AbortSignal.timeout(WAITS) })).ok;
  } catch {
    return false;
  }
}

const asking = new WeakSet();

// The browser's own page for "no answer" takes the form with it. So a page that has been open for a while asks first.
export function keepForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.sent || form.method !== "post" || performance.now() < ASKS_AFTER || form.hasAttribute("hx-post")) return;
    event.preventDefault();
    if (asking.has(form)) return;
    asking.add(form);
    const isThere = await answers();
    showAway(!isThere);
    if (isThere) {
      if (event.submitter?.name) form.append(carried(event.submitter));
      form.submit();
    } else {
      delete form.dataset.sent; // it may be sent again
      toast(document.getElementById("toasts").dataset.kept, "error");
    }
    asking.delete(form);
  });
}

// `submit()` sends no button, so its name and value go along as a field.
function carried(button) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = button.name;
  field.value = button.value;
  return field;
}
