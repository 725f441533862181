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
if (seconds > 0) {
  setInterval(() => {
    const isIdle = !document.hidden && !document.querySelector("form :focus, details[open], pre:hover");
    if (isIdle) location.reload();
  }, seconds * 1000);
}
