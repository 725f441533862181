// What pages do where script runs. All of them work without it.
"use strict";
for (const block of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  block.after(button);
}
const seconds = Number(document.body.dataset.refresh);
// A page that nobody has touched for an hour stays as it is, so that a forgotten tab keeps no session alive. What loads
// itself again counts on from where the one before it was.
const UNTOUCHED_MAX = 3600 * 1000;
const TOUCHED = "pgcoffer-touched";
const touched = () => { try { return Number(sessionStorage.getItem(TOUCHED)) || 0; } catch { return 0; } };
const touch = () => { try { sessionStorage.setItem(TOUCHED, String(Date.now())); } catch { /* it isn't kept */ } };
const loaded = performance.getEntriesByType("navigation")[0];
if (!(loaded && loaded.type === "reload") || touched() === 0) touch();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, touch, { passive: true });
}
if (seconds > 0) {
  setInterval(() => {
    // whoever goes by keyboard, has chosen text, or reads what he opened keeps his place
    const isFree = document.activeElement === document.body && getSelection().isCollapsed;
    const isIdle = !document.hidden && isFree && !document.querySelector("details[open], pre:hover");
    if (isIdle && Date.now() - touched() < UNTOUCHED_MAX) location.reload();
  }, seconds * 1000);
}
