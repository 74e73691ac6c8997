"use strict";
// Keyboard first: what has a data-key answers to that key; rows of a list to J and K.
(() => {
  const typing = (node) => node.closest("input:not([type=radio]):not([type=checkbox]), textarea, select");
  const rows = [...document.querySelectorAll("[data-row]")];
  let row = -1;
  const move = (step) => {
    rows[row]?.classList.remove("on");
    row = Math.min(rows.length - 1, Math.max(0, row + step));
    rows[row].classList.add("on");
    const link = rows[row].querySelector("a");
    link.focus();
    rows[row].scrollIntoView({ block: "nearest" });
  };
  const help = document.getElementById("keys");
  let hit = null; // the rule that Y and X speak of
  for (const node of document.querySelectorAll("[data-hit]")) node.addEventListener("click", () => { hit = node.closest("li"); });
  const mark = (value) => {
    const place = hit ?? document.querySelector(".hits li");
    const input = place?.querySelector(`input[value=${value}]`);
    if (input) input.checked = true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target) || help?.open) return;
    const key = event.key.toLowerCase();
    if (key === "?") { event.preventDefault(); help?.showModal(); return; }
    if (rows.length && (key === "j" || key === "k")) { event.preventDefault(); move(key === "j" ? 1 : -1); return; }
    if (key === "y" || key === "x") { mark(key === "y" ? "right" : "wrong"); return; }
    if (/^[1-9]$/.test(key)) { document.querySelectorAll(".hits .go")[Number(key) - 1]?.click(); return; }
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input[type=search], textarea")) target.focus();
    else target.click();
  });

  // a radio that is clicked again is not chosen any more
  for (const input of document.querySelectorAll(".marks input")) {
    input.addEventListener("mousedown", () => { input.was = input.checked; });
    input.parentElement.addEventListener("mousedown", () => { input.was = input.checked; });
    input.addEventListener("click", () => { if (input.was) { input.checked = false; input.was = false; } });
  }

  // the task stays ours while its page is open and in use
  const until = document.getElementById("until");
  if (until) {
    let used = Date.now();
    for (const kind of ["keydown", "pointerdown", "pointermove"]) document.addEventListener(kind, () => { used = Date.now(); }, { passive: true });
    setInterval(async () => {
      if (Date.now() - used > 10 * 60_000) return;
      const form = document.getElementById("decide");
      const body = new URLSearchParams({ csrf: form.elements.csrf.value, token: form.elements.token.value });
      try {
        const answer = await fetch(until.dataset.extend, { method: "POST", body });
        if (answer.status === 409) location.reload();
      } catch { /* the next one may come through; the lease holds for longer than one interval */ }
    }, 60_000);
    // sent once: a double click decides nothing twice
    document.getElementById("decide").addEventListener("submit", (event) => {
      if (event.target.dataset.sent) event.preventDefault();
      event.target.dataset.sent = "1";
    });
  }
})();
