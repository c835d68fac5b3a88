"use strict";
// What is typed while nobody answers would else stay without a word.
const told = (text) => { document.getElementById("told").textContent = text; };
const GONE = "The service cannot be reached; what is shown here was found before.";
document.addEventListener("htmx:sendError", () => told(GONE));
document.addEventListener("htmx:beforeSwap", (event) => {
  // Some other server answered, such as a proxy: what it says is not put into the page.
  if (event.detail.xhr.responseText.includes('id="results"')) return;
  event.detail.shouldSwap = false;
  told(GONE);
});
