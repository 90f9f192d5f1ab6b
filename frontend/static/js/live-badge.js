// The badge that tells how a page stands with the server. Its words come from the page.

const badge = document.getElementById("live");

export let status = "catching";

export function show(next) {
  status = next;
  badge.hidden = false;
  badge.className = `live live-${status}`;
  badge.textContent = badge.dataset[status];
}

// Says that it is over for good: somebody signed out elsewhere, or may see this no longer.
export function end(why, login) {
  show("offline");
  if (why !== "signed-out") {
    badge.textContent = badge.dataset.gone;
    return;
  }
  const link = document.createElement("a");
  link.href = `${login}?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = badge.dataset.signedOut;
  badge.replaceChildren(link);
}
