// The admin's copy buttons: [data-copy] holds what goes to the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "check";
  } catch {
    button.textContent = "close";
  }
  setTimeout(() => { button.textContent = "content_copy"; }, 1200);
});
