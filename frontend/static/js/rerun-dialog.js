// Shows what a rerun would do in place, where a link with data-rerun leads to its page. The form in it is the page's own.

const dialog = document.getElementById("rerun-dialog");

async function show(link) {
  let answer;
  try {
    answer = await fetch(link.href, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
  } catch {
    answer = null;
  }
  const html = answer?.ok ? await answer.text() : "";
  const preview = new DOMParser().parseFromString(html, "text/html").getElementById("rerun");
  if (!preview) {
    location.href = link.href; // the page itself says what is wrong
    return;
  }
  preview.className = "";
  dialog.replaceChildren(document.adoptNode(preview));
  dialog.showModal();
  dialog.querySelector("button.primary").focus();
}

export function listen() {
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const link = event.target.closest?.("a[data-rerun]");
    if (link && plain) {
      event.preventDefault();
      show(link);
    } else if (event.target.closest?.("#rerun-dialog [data-close]") && plain) {
      event.preventDefault();
      dialog.close();
    }
  });
}
