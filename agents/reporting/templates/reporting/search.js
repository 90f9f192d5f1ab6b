"use strict";
(() => {
  const field = document.getElementById("search");
  const told = document.getElementById("hits");
  const cards = [...document.querySelectorAll(".cards .card")];
  const texts = new Map();
  const textOf = (card) => {
    if (!texts.has(card)) texts.set(card, card.textContent.replace(/\s+/g, " ").toLowerCase());
    return texts.get(card);
  };
  const count = () => {
    const shown = cards.filter((card) => card.getClientRects().length).length;
    told.textContent = field.value.trim() ? `${shown} of ${cards.length}` : "";
  };
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of cards) card.hidden = !words.every((word) => textOf(card).includes(word));
    count();
  };
  field.addEventListener("input", search);
  document.addEventListener("change", count);
  document.addEventListener("keydown", (event) => {
    if (event.target === field && event.key === "Escape") {
      field.value = "";
      search();
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && event.target !== field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  document.querySelector(".search").hidden = false;
})();
