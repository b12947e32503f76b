"use strict";
// Folds cards away by task, kind and word; without it the page shows all of them.
for (const form of document.querySelectorAll("form.filter")) {
  const cards = [...document.querySelectorAll("[data-card]")];
  const count = form.querySelector("output");
  const apply = () => {
    const wanted = Object.fromEntries(new FormData(form));
    let shown = 0;
    for (const card of cards) {
      const fits = (!wanted.task || card.dataset.task === wanted.task)
        && (!wanted.why || card.dataset.why === wanted.why)
        && (!wanted.word || card.textContent.toLowerCase().includes(wanted.word.toLowerCase()));
      card.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${cards.length} clips`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
