// Single keys that act, the list that tells them (a dialog, opened by ? and by a button), and the switch that lets
// them rest. What somebody types into is left alone.
//
//   keys.listen({ j: () => move(1), "/": focusSearch })

const OFF = "wrench-keys-off";

const isOff = () => localStorage.getItem(OFF) === "1";

export function listen(acts) {
  const dialog = document.getElementById("keys");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = event.target;
    if (place.closest?.("dialog[open]")) return;
    if (place.matches?.("textarea, select, input:not([type=checkbox])")) {
      if (event.key === "Escape") place.blur();
      return;
    }
    if (event.key === "?") dialog.showModal();
    else if (event.key in acts && !isOff()) acts[event.key]();
    else return;
    event.preventDefault();
  });
  const open = document.getElementById("keys-open");
  open.hidden = false;
  open.addEventListener("click", () => dialog.showModal());
  const on = document.getElementById("keys-on");
  on.checked = !isOff();
  on.addEventListener("change", () => localStorage.setItem(OFF, on.checked ? "0" : "1"));
}
