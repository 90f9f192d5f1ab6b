// Words that come and go at the corner. They are read aloud, and stay while a hand or the focus is on them.

const STAYS = 6_000; // ms

export function toast(text, kind = "info") {
  const place = document.getElementById("toasts");
  const element = document.createElement("p");
  element.className = `toast toast-${kind}`;
  element.textContent = text;
  place.append(element);
  while (place.childElementCount > 4) place.firstElementChild.remove();
  const leave = () => (element.matches(":hover") ? setTimeout(leave, 1_000) : element.remove());
  setTimeout(leave, STAYS);
}
