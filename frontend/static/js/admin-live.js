// The list of queues in the admin, read anew every few seconds: only the texts of its cells change, so that what is
// ticked stays ticked. A page in the background asks nothing.

const EVERY = 4_000; // ms
const FIGURES = ["field-is_open", "field-waiting", "field-oldest_wait", "field-running_now", "field-served_by", "field-paused_at"];

function rows(root) {
  const found = new Map();
  for (const row of root.querySelectorAll("#result_list tbody tr")) found.set(row.querySelector(".field-name")?.textContent, row);
  return found;
}

async function renew() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = rows(new DOMParser().parseFromString(await answer.text(), "text/html"));
  for (const [name, row] of rows(document)) {
    for (const figure of FIGURES) {
      const [now, next] = [row.querySelector(`.${figure}`), fresh.get(name)?.querySelector(`.${figure}`)];
      if (now && next && now.innerHTML !== next.innerHTML) now.replaceChildren(...next.cloneNode(true).childNodes);
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (document.getElementById("result_list")) setInterval(() => renew().catch(() => {}), EVERY);
});
