// What a page can do beyond links and forms: print, open and close groups, open what a link points at.
"use strict";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const group of document.querySelectorAll("[data-toggles]")) {
  group.hidden = false;
}

for (const button of document.querySelectorAll("[data-open], [data-close]")) {
  const open = "open" in button.dataset;
  const target = document.querySelector(open ? button.dataset.open : button.dataset.close);
  button.addEventListener("click", () => {
    for (const details of target.querySelectorAll("details")) details.open = open;
  });
}

function openTarget() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  }
}

window.addEventListener("hashchange", openTarget);
openTarget();

// Everything is on paper, whatever is folded on the screen; but for a sheet, which is to be one page.
window.addEventListener("beforeprint", () => {
  if ("folded" in document.body.dataset) return;
  for (const details of document.querySelectorAll("details")) details.open = true;
});
