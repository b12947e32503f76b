"use strict";
// Plays one attempt turn by turn; without it the page shows all turns of all attempts.
const form = document.getElementById("choose");
const films = [...document.querySelectorAll("[data-film]")];
const select = form.querySelector("select");
let film = 0;
let turn = 0;

function last() {
  return films[film].querySelectorAll(".turn").length - 1;
}

function show() {
  films.forEach((one, at) => { one.hidden = at !== film; });
  for (const one of films[film].querySelectorAll("[data-turn]")) {
    const at = Number(one.dataset.turn);
    if (one.classList.contains("turn")) one.hidden = at > turn;
    else one.classList.toggle("later", at > turn);
    one.classList.toggle("now", at === turn);
  }
  select.value = String(film);
  form.querySelector("output").textContent = `turn ${turn + 1} of ${last() + 1}`;
  form.querySelector("[data-go='-1']").disabled = turn === 0;
  form.querySelector("[data-go='1']").disabled = turn === last();
  history.replaceState(null, "", `#${film + 1}.${turn + 1}`);
}

function step(by) {
  turn = Math.min(Math.max(turn + by, 0), last());
  show();
  films[film].querySelectorAll(".turn")[turn].scrollIntoView({ block: "nearest" });
}

function choose(to) {
  film = Math.min(Math.max(to, 0), films.length - 1);
  turn = 0;
  show();
}

if (films.length) {
  form.hidden = false;
  const [wanted, at] = location.hash.slice(1).split(".").map(Number);
  choose((wanted || 1) - 1);
  step((at || 1) - 1);
  select.addEventListener("change", () => choose(Number(select.value)));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", (event) => {
    if (event.target.dataset.go) step(Number(event.target.dataset.go));
  });
  document.addEventListener("keydown", (event) => {
    if (event.target === select) return;
    const moves = {
      ArrowRight: () => step(1), ArrowLeft: () => step(-1),
      ArrowDown: () => choose(film + 1), ArrowUp: () => choose(film - 1),
    };
    if (moves[event.key]) { moves[event.key](); event.preventDefault(); }
  });
}
